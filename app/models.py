"""The tables of the platform: columns, relations and the constraints between them.

Declarations only.  What may be done with a row lives in :mod:`app.services` and
:mod:`app.flows`, who sees it in :mod:`app.access`; nothing here queries, commits, sends or
formats.  They are declared in :mod:`app.tables`, a module for each part of the platform, and
imported from here.
"""

from flask_appbuilder import Model

from app.tables.accreditation import Accreditation, AccreditationCase, AccreditationQualification
from app.tables.agreements import Agreement, Consent
from app.tables.announcements import Announcement
from app.tables.audit import AuditEntry, AuditHead, AuditSeal
from app.tables.base import Base, Named, Searchable, when
from app.tables.certification import Certification, ChangeProof, CompanyData, OrganizationChange
from app.tables.files import Attachment, Draft
from app.tables.guards import APPEND_ONLY, GUARDS, SEALED_TABLES, append_only
from app.tables.jobs import JobMark, JobRun, ScheduledJob
from app.tables.logins import (
    Captcha,
    LoginSession,
    OneTimeToken,
    PasswordHistory,
    Throttle,
    VerificationCode,
)
from app.tables.messages import Message, MessageChoice
from app.tables.people import (
    Certificate,
    JoinRequest,
    MainAccountChange,
    Membership,
    Organization,
    OrganizationRequest,
    OrgRole,
    Person,
    Qualification,
)
from app.tables.platform import AccessVersion, DictItem, Holiday, NumberSeries, Region, Setting
from app.tables.workflow import FlowCase, FlowEvent, FlowRoute, FlowStage, FlowTask, Submitted

__all__ = [
    "APPEND_ONLY",
    "GUARDS",
    "SEALED_TABLES",
    "AccessVersion",
    "Accreditation",
    "AccreditationCase",
    "AccreditationQualification",
    "Agreement",
    "Announcement",
    "Attachment",
    "AuditEntry",
    "AuditHead",
    "AuditSeal",
    "Base",
    "Captcha",
    "Certificate",
    "Certification",
    "ChangeProof",
    "CompanyData",
    "Consent",
    "DictItem",
    "Draft",
    "FlowCase",
    "FlowEvent",
    "FlowRoute",
    "FlowStage",
    "FlowTask",
    "Holiday",
    "JobMark",
    "JobRun",
    "JoinRequest",
    "LoginSession",
    "MainAccountChange",
    "Membership",
    "Message",
    "MessageChoice",
    "Model",
    "Named",
    "NumberSeries",
    "OneTimeToken",
    "OrgRole",
    "Organization",
    "OrganizationChange",
    "OrganizationRequest",
    "PasswordHistory",
    "Person",
    "Qualification",
    "Region",
    "ScheduledJob",
    "Searchable",
    "Setting",
    "Submitted",
    "Throttle",
    "VerificationCode",
    "append_only",
    "when",
]
