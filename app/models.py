"""The tables of the platform: columns, relations and the constraints between them.

Declarations only.  What may be done with a row lives in :mod:`app.services` and
:mod:`app.flows`, who sees it in :mod:`app.access`; nothing here queries, commits, sends or
formats.  They are declared in :mod:`app.tables`, a module for each part of the platform, and
imported from here.
"""

from flask_appbuilder import Model

from app.tables.accreditation import Accreditation, AccreditationCase, AccreditationQualification
from app.tables.activities import Activity, ActivityProof
from app.tables.agreements import Agreement, Consent
from app.tables.announcements import Announcement
from app.tables.association import AssociationApplication
from app.tables.audit import AuditEntry, AuditHead, AuditSeal
from app.tables.base import Base, Named, Searchable, when
from app.tables.certification import Certification, ChangeProof, CompanyData, OrganizationChange
from app.tables.consultants import (
    Consultant,
    ConsultantCertificate,
    ConsultantLink,
    ConsultantReview,
    Invitation,
    ReviewedCertificate,
)
from app.tables.demands import ContactFile, Demand, DemandContact, DemandFile
from app.tables.figures import FigureMark, MonthFigure, Sleeper
from app.tables.files import Attachment, Draft, Picture
from app.tables.guards import APPEND_ONLY, GUARDS, SEALED_TABLES, append_only
from app.tables.imports import ImportJob, ImportRow
from app.tables.jobs import JobMark, JobRun, ScheduledJob
from app.tables.lifecycle import LifeEvent
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
from app.tables.product_parts import (
    PoolEntry,
    ProductCase,
    ProductConsultant,
    ProductHighlight,
    ProductProof,
    ProductStep,
    ReviewConsultant,
)
from app.tables.products import (
    Priced,
    Product,
    ProductReview,
    StandardProduct,
    StandardStep,
)
from app.tables.scores import (
    ScoreEntry,
    ScoreFormula,
    ScoreMonth,
    ScoreStanding,
    ScoreTotal,
)
from app.tables.trade import (
    Filing,
    FilingContract,
    FilingInvoice,
    Rating,
    RatingPicture,
    RatingScore,
    RatingTotal,
)
from app.tables.workflow import FlowCase, FlowEvent, FlowRoute, FlowStage, FlowTask, Submitted

__all__ = [
    "APPEND_ONLY",
    "GUARDS",
    "SEALED_TABLES",
    "AccessVersion",
    "Accreditation",
    "AccreditationCase",
    "AccreditationQualification",
    "Activity",
    "ActivityProof",
    "Agreement",
    "Announcement",
    "AssociationApplication",
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
    "Consultant",
    "ConsultantCertificate",
    "ConsultantLink",
    "ConsultantReview",
    "ContactFile",
    "Demand",
    "DemandContact",
    "DemandFile",
    "DictItem",
    "Draft",
    "FigureMark",
    "Filing",
    "FilingContract",
    "FilingInvoice",
    "FlowCase",
    "FlowEvent",
    "FlowRoute",
    "FlowStage",
    "FlowTask",
    "Holiday",
    "ImportJob",
    "ImportRow",
    "Invitation",
    "JobMark",
    "JobRun",
    "JoinRequest",
    "LifeEvent",
    "LoginSession",
    "MainAccountChange",
    "Membership",
    "Message",
    "MessageChoice",
    "Model",
    "MonthFigure",
    "Named",
    "NumberSeries",
    "OneTimeToken",
    "OrgRole",
    "Organization",
    "OrganizationChange",
    "OrganizationRequest",
    "PasswordHistory",
    "Person",
    "Picture",
    "PoolEntry",
    "Priced",
    "Product",
    "ProductCase",
    "ProductConsultant",
    "ProductHighlight",
    "ProductProof",
    "ProductReview",
    "ProductStep",
    "Qualification",
    "Rating",
    "RatingPicture",
    "RatingScore",
    "RatingTotal",
    "Region",
    "ReviewConsultant",
    "ReviewedCertificate",
    "ScheduledJob",
    "ScoreEntry",
    "ScoreFormula",
    "ScoreMonth",
    "ScoreStanding",
    "ScoreTotal",
    "Searchable",
    "Setting",
    "Sleeper",
    "StandardProduct",
    "StandardStep",
    "Submitted",
    "Throttle",
    "VerificationCode",
    "append_only",
    "when",
]
