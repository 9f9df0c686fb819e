"""Routes: who may open which page with whose row, written down and held against every route."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask_appbuilder import BaseView, ModelView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import LazyString
from PIL import Image
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from app import access, audit, create_app, messages, security
from app.access import Actor
from app.columns import bare
from app.extensions import db, system_session
from app.models import (
    Accreditation,
    Activity,
    Agreement,
    Announcement,
    AssociationApplication,
    Attachment,
    AuditEntry,
    Certification,
    Consultant,
    ConsultantReview,
    Demand,
    Filing,
    FlowCase,
    FlowTask,
    ImportJob,
    ImportRow,
    Invitation,
    JoinRequest,
    MainAccountChange,
    Membership,
    Message,
    Model,
    Organization,
    OrganizationChange,
    Person,
    Product,
    ProductReview,
    Rating,
    ScheduledJob,
    ScoreFormula,
    StandardProduct,
)
from app.services import formulas, products
from app.services.demo import credit_code
from app.views.base import BackOfficeView, Page

ROLES = (
    "anonymous", "visitor", "newcomer", "institution", "operator",
    "institution_sub", "bureau", "sysadmin", "secadmin", "auditor", "association",
    "consultant",
)  # fmt: skip
ON_BOTH = ("institution", "operator")
WALKED = [pytest.param(role, marks=pytest.mark.db if role in ON_BOTH else ()) for role in ROLES]
"""A walk over every route takes its time: on both databases by those who may do most."""

# What each role gets: a status, or `login` for being sent there.  `own` and `foreign` say whose
# row the address names; a route without a row has `-`.  Staff own nothing: for them the first is
# a row that they may work on, the second one that they may only read, or that does not exist.
# Refused requests stand before those that change something.
TABLE = """
GET  /                                          -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /captcha/                                  -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /captcha/slider/                           -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /login/                                    -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /forgot/                                   -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /forgot/verify/                            -       302   302 302 302 302 302 302 302 302 302 302 302
GET  /forgot/link/<token>/                      own     302   302 302 302 302 302 302 302 302 302 302 302
GET  /forgot/link/<token>/                      foreign 302   302 302 302 302 302 302 302 302 302 302 302
GET  /forgot/new/                               -       302   302 302 302 302 302 302 302 302 302 302 302
GET  /account/                                  -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /account/password/                         -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /account/mobile/                           -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /account/mobile/new/                       -       login 302 302 302 302 302 302 302 302 302 302 302
GET  /account/devices/                          -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /register/                                 -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /register/regions/                         -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /register/companies/                       -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /register/agreements/<document>/           foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /register/agreements/<document>/           own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /lang/<code>                               foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /lang/<code>                               own     302   302 302 302 302 302 302 302 302 302 302 302
GET  /institutions/<pk>/                        foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /institutions/<pk>/                        own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /news/<pk>/                                foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /news/<pk>/                                own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /files/<pk>/                               foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /files/<pk>/                               own     200   200 200 200 200 200 404 404 404 200 404 200
GET  /workbench/                                -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /my-organization/                          -       login 200 200 200 403 200 403 403 403 403 403 403
GET  /tasks/todo/                               -       login 403 200 200 200 403 200 403 403 403 200 403
GET  /tasks/todo/list/                          -       login 403 200 200 200 403 200 403 403 403 200 403
GET  /tasks/mine/                               -       login 200 200 200 200 200 403 403 403 403 403 403
GET  /tasks/mine/list/                          -       login 200 200 200 200 200 403 403 403 403 403 403
GET  /tasks/done/                               -       login 403 200 200 200 403 200 403 403 403 200 403
GET  /tasks/done/list/                          -       login 403 200 200 200 403 200 403 403 403 200 403
GET  /cases/<number>/                           foreign login 404 404 404 404 404 404 404 404 404 404 404
GET  /cases/<number>/                           own     login 404 200 200 200 200 404 404 404 200 404 404
GET  /accreditations/list/                      -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /accreditations/choose/                    -       login 200 200 200 403 403 403 403 403 403 403 403
GET  /accreditations/add/                       -       login 200 302 302 403 403 403 403 403 403 403 403
GET  /accreditations/edit/<pk>/                 foreign login 404 404 404 403 403 403 403 403 403 403 403
GET  /accreditations/edit/<pk>/                 own     login 404 200 404 403 403 403 403 403 403 403 403
GET  /accreditations/show/<pk>/                 foreign login 404 404 404 404 404 403 403 403 404 403 403
GET  /accreditations/show/<pk>/                 own     login 404 302 302 302 302 403 403 403 302 403 403
GET  /accreditations/export.csv                 -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /accreditations/options/<name>/            foreign login 404 404 404 404 404 403 403 403 404 403 403
GET  /accreditations/options/<name>/            own     login 200 200 200 200 200 403 403 403 200 403 403
GET  /certifications/list/                      -       login 403 403 403 200 403 200 403 403 200 403 403
GET  /certifications/add/                       -       login 403 302 302 200 403 403 403 403 403 403 403
GET  /certifications/edit/<pk>/                 foreign login 403 404 404 404 403 403 403 403 403 403 403
GET  /certifications/edit/<pk>/                 own     login 403 200 200 200 403 403 403 403 403 403 403
GET  /certifications/show/<pk>/                 foreign login 403 404 404 404 404 404 403 403 404 403 403
GET  /certifications/show/<pk>/                 own     login 403 302 302 302 302 302 403 403 302 403 403
GET  /certifications/export.csv                 -       login 403 403 403 200 403 200 403 403 403 403 403
GET  /certifications/options/<name>/            foreign login 403 404 404 404 404 404 403 403 404 403 403
GET  /certifications/options/<name>/            own     login 403 200 200 200 200 200 403 403 200 403 403
GET  /organization-changes/list/                -       login 403 403 403 200 403 200 403 403 200 403 403
GET  /organization-changes/add/                 -       login 403 302 200 403 403 403 403 403 403 403 403
GET  /organization-changes/edit/<pk>/           foreign login 403 404 404 403 403 403 403 403 403 403 403
GET  /organization-changes/edit/<pk>/           own     login 403 200 200 403 403 403 403 403 403 403 403
GET  /organization-changes/show/<pk>/           foreign login 403 404 404 404 404 404 403 403 404 403 403
GET  /organization-changes/show/<pk>/           own     login 403 302 302 302 302 302 403 403 302 403 403
GET  /organization-changes/export.csv           -       login 403 403 403 200 403 200 403 403 403 403 403
GET  /organization-changes/options/<name>/      foreign login 403 404 404 404 404 404 403 403 404 403 403
GET  /organization-changes/options/<name>/      own     login 403 200 200 200 200 200 403 403 200 403 403
GET  /announcements/list/                       -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /announcements/add/                        -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /announcements/edit/<pk>/                  foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /announcements/edit/<pk>/                  own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /announcements/show/<pk>/                  foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /announcements/show/<pk>/                  own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /announcements/export.csv                  -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /announcements/options/<name>/             foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /announcements/options/<name>/             own     login 403 403 403 404 403 403 403 403 404 403 403
GET  /organizations/list/                       -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /organizations/add/                        -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /organizations/edit/<pk>/                  foreign login 403 404 404 404 403 403 403 403 403 403 403
GET  /organizations/edit/<pk>/                  own     login 403 200 200 200 403 403 403 403 403 403 403
GET  /organizations/show/<pk>/                  foreign login 403 404 404 404 404 403 403 403 404 403 403
GET  /organizations/show/<pk>/                  own     login 403 200 200 200 200 403 403 403 200 403 403
GET  /organizations/export.csv                  -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /organizations/options/<name>/             foreign login 403 404 404 404 404 403 403 403 404 403 403
GET  /organizations/options/<name>/             own     login 403 200 200 200 200 403 403 403 200 403 403
GET  /association-applications/list/             -       login 403 403 403 200 403 403 403 403 200 200 403
GET  /association-applications/add/              -       login 403 403 302 403 403 403 403 403 403 403 403
GET  /association-applications/edit/<pk>/        foreign login 404 404 404 403 403 403 403 403 403 403 403
GET  /association-applications/edit/<pk>/        own     login 404 200 404 403 403 403 403 403 403 403 403
GET  /association-applications/show/<pk>/        foreign login 404 404 404 404 404 403 403 403 404 404 403
GET  /association-applications/show/<pk>/        own     login 404 302 302 302 302 403 403 403 302 302 403
GET  /association-applications/export.csv        -       login 403 403 403 200 403 403 403 403 403 200 403
GET  /association-applications/options/<name>/   foreign login 404 404 404 404 404 403 403 403 404 404 403
GET  /association-applications/options/<name>/   own     login 404 404 404 404 404 403 403 403 404 404 403
GET  /association-members/list/                  -       login 403 403 403 200 403 403 403 403 200 200 403
GET  /association-members/show/<pk>/             foreign login 403 403 403 404 403 403 403 403 404 404 403
GET  /association-members/show/<pk>/             own     login 403 403 403 200 403 403 403 403 200 200 403
GET  /association-members/export.csv             -       login 403 403 403 200 403 403 403 403 403 200 403
GET  /association-members/options/<name>/        foreign login 403 403 403 404 403 403 403 403 404 404 403
GET  /association-members/options/<name>/        own     login 403 403 403 200 403 403 403 403 200 200 403
GET  /association-members/end/<pk>/              foreign login 403 403 403 403 403 403 403 403 403 404 403
GET  /association-members/end/<pk>/              own     login 403 403 403 403 403 403 403 403 403 200 403
GET  /service-institutions/list/                 -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /service-institutions/show/<pk>/            foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /service-institutions/show/<pk>/            own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /service-institutions/export.csv            -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /service-institutions/options/<name>/       foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /service-institutions/options/<name>/       own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /people/list/                              -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /people/add/                               -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /people/edit/<pk>/                         foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /people/edit/<pk>/                         own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /people/reset/<pk>/                        foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /people/reset/<pk>/                        own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /people/rights/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /people/rights/<pk>/                       own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /membership/                               -       login 200 200 200 403 200 403 403 403 403 403 403
GET  /membership/hand-over/                     -       login 403 200 200 403 403 403 403 403 403 403 403
GET  /join-requests/add/                        -       login 200 403 403 403 403 403 403 403 403 403 403
GET  /join-requests/edit/<pk>/                  foreign login 404 403 403 403 403 403 403 403 403 403 403
GET  /join-requests/edit/<pk>/                  own     login 200 403 403 403 403 403 403 403 403 403 403
GET  /main-account-changes/add/                 -       login 200 403 403 403 403 403 403 403 403 403 403
GET  /main-account-changes/edit/<pk>/           foreign login 404 403 403 403 403 403 403 403 403 403 403
GET  /main-account-changes/edit/<pk>/           own     login 200 403 403 403 403 403 403 403 403 403 403
GET  /jobs/list/                                -       login 403 403 403 200 403 403 200 403 403 403 403
GET  /jobs/show/<pk>/                           foreign login 403 403 403 404 403 403 404 403 403 403 403
GET  /jobs/show/<pk>/                           own     login 403 403 403 200 403 403 200 403 403 403 403
GET  /audit/list/                               -       login 403 403 403 403 403 403 403 403 200 403 403
GET  /audit/show/<pk>/                          foreign login 403 403 403 403 403 403 403 403 404 403 403
GET  /audit/show/<pk>/                          own     login 403 403 403 403 403 403 403 403 200 403 403
GET  /audit/export.csv                          -       login 403 403 403 403 403 403 403 403 200 403 403
GET  /logins/list/                              -       login 403 403 403 403 403 403 403 403 200 403 403
GET  /logins/show/<pk>/                         foreign login 403 403 403 403 403 403 403 403 404 403 403
GET  /logins/show/<pk>/                         own     login 403 403 403 403 403 403 403 403 200 403 403
GET  /logins/export.csv                         -       login 403 403 403 403 403 403 403 403 200 403 403
GET  /evidence/                                 -       login 403 403 403 403 403 403 403 403 200 403 403
GET  /register/agreements/<document>/<version>/ foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /register/agreements/<document>/<version>/ own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /users/list/                               -       login 403 403 403 403 403 403 403 200 200 403 403
GET  /users/add/                                -       login 403 403 403 403 403 403 403 200 403 403 403
GET  /authorities/list/                         -       login 403 403 403 403 403 403 403 200 403 403 403
GET  /authorities/add/                          -       login 403 403 403 403 403 403 403 200 403 403 403
GET  /roles/                                    -       login 403 403 403 403 403 403 403 200 200 403 403
GET  /users/show/<pk>/                          foreign login 403 403 403 403 403 403 403 404 404 403 403
GET  /users/show/<pk>/                          own     login 403 403 403 403 403 403 403 200 200 403 403
GET  /users/<pk>/roles/                         foreign login 403 403 403 403 403 403 403 404 403 403 403
GET  /users/<pk>/roles/                         own     login 403 403 403 403 403 403 403 200 403 403 403
GET  /authorities/show/<pk>/                    foreign login 403 403 403 403 403 403 403 404 403 403 403
GET  /authorities/show/<pk>/                    own     login 403 403 403 403 403 403 403 200 403 403 403
GET  /authorities/options/<name>/               foreign login 403 403 403 403 403 403 403 404 403 403 403
GET  /authorities/options/<name>/               own     login 403 403 403 403 403 403 403 200 403 403 403
GET  /agreements/list/                          -       login 403 403 403 200 403 403 200 403 200 403 403
GET  /agreements/add/                           -       login 403 403 403 200 403 403 200 403 403 403 403
GET  /agreements/edit/<pk>/                     foreign login 403 403 403 404 403 403 404 403 403 403 403
GET  /agreements/edit/<pk>/                     own     login 403 403 403 200 403 403 200 403 403 403 403
GET  /agreements/show/<pk>/                     foreign login 403 403 403 200 403 403 200 403 200 403 403
GET  /agreements/show/<pk>/                     own     login 403 403 403 200 403 403 200 403 200 403 403
GET  /agreements/options/<name>/                foreign login 403 403 403 404 403 403 404 403 404 403 403
GET  /agreements/options/<name>/                own     login 403 403 403 404 403 403 404 403 404 403 403
GET  /accept/                                   -       302   302 302 302 302 302 302 302 302 302 302 302
GET  /invitations/<token>/                       foreign 302   302 302 302 302 302 302 302 302 302 302 302
GET  /invitations/<token>/                       own     302   302 302 302 302 302 302 302 302 302 302 302
GET  /invitations/                               -       410   410 410 410 410 410 410 410 410 410 410 410
GET  /market/consultants/                        -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /market/consultants/<pk>/                   foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /market/consultants/<pk>/                   own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /consultants/list/                          -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/add/                           -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/edit/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /consultants/edit/<pk>/                     own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/show/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /consultants/show/<pk>/                     own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/unlink/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /consultants/unlink/<pk>/                   own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/export.csv                     -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /dashboard/                                 -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /dashboard/figures.csv                      -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /consultants/import/                        -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/import/template.xlsx           -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/import/<job>/                  foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /consultants/import/<job>/                  own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /consultants/import/<job>/faults.xlsx       foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /consultants/import/<job>/faults.xlsx       own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /filings/import/                            -       login 403 403 200 403 403 403 403 403 403 403 200
GET  /filings/import/template.xlsx               -       login 403 403 200 403 403 403 403 403 403 403 200
GET  /filings/import/<job>/                      foreign login 403 403 404 403 403 403 403 403 403 403 404
GET  /filings/import/<job>/                      own     login 403 403 200 403 403 403 403 403 403 403 200
GET  /filings/import/<job>/faults.xlsx           foreign login 403 403 404 403 403 403 403 403 403 403 404
GET  /filings/import/<job>/faults.xlsx           own     login 403 403 200 403 403 403 403 403 403 403 200
GET  /all-consultants/list/                      -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /all-consultants/show/<pk>/                 foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /all-consultants/show/<pk>/                 own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /all-consultants/export.csv                 -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /all-consultants/options/<name>/            foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /all-consultants/options/<name>/            own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /invitations/list/                          -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /invitations/export.csv                     -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /invitations/options/<name>/                foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /invitations/options/<name>/                own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /my-profile/                                -       login 403 403 403 403 403 403 403 403 403 403 200
GET  /my-profile/add/                            -       login 403 403 403 403 403 403 403 403 403 403 302
GET  /my-profile/edit/<pk>/                      foreign login 403 403 403 403 403 403 403 403 403 403 404
GET  /my-profile/edit/<pk>/                      own     login 403 403 403 403 403 403 403 403 403 403 200
GET  /my-profile/show/<pk>/                      foreign login 403 403 403 403 403 403 403 403 403 403 404
GET  /my-profile/show/<pk>/                      own     login 403 403 403 403 403 403 403 403 403 403 302
GET  /health/live                               -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /health/ready                              -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /messages/                                 -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /messages/settings/                        -       login 200 200 200 200 200 200 200 200 200 200 200
GET  /outbox/list/                              -       login 403 403 403 200 403 403 200 403 403 403 403
GET  /outbox/show/<pk>/                         foreign login 403 403 403 404 403 403 404 403 403 403 403
GET  /outbox/show/<pk>/                         own     login 403 403 403 200 403 403 200 403 403 403 403
GET  /demands/list/                             -       login 403 403 200 200 403 403 403 403 200 403 200
GET  /demands/show/<pk>/                        foreign login 403 403 404 200 403 403 403 403 200 403 404
GET  /demands/show/<pk>/                        own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /demands/export.csv                        -       login 403 403 200 200 403 403 403 403 403 403 200
GET  /demands/hand_over/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /demands/hand_over/<pk>/                   own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /demands/assign/<pk>/                      foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/assign/<pk>/                      own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/rule/<pk>/                        foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/rule/<pk>/                        own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/close/<pk>/                       foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/close/<pk>/                       own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/options/<name>/                   foreign login 403 403 404 404 403 403 403 403 404 403 404
GET  /demands/options/<name>/                   own     login 403 403 404 200 403 403 403 403 404 403 404
GET  /demands/open/list/                        -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/open/export.csv                   -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/late/list/                        -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /demands/late/export.csv                   -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /demand_contacts/add/                      -       login 403 403 404 403 403 403 403 403 403 403 404
GET  /demand_contacts/options/<name>/           foreign login 403 403 404 403 403 403 403 403 403 403 404
GET  /demand_contacts/options/<name>/           own     login 403 403 200 403 403 403 403 403 403 403 200
GET  /my_demands/list/                          -       login 200 200 403 403 403 403 403 403 403 403 403
GET  /my_demands/show/<pk>/                     foreign login 404 404 403 403 403 403 403 403 403 403 403
GET  /my_demands/show/<pk>/                     own     login 200 200 403 403 403 403 403 403 403 403 403
GET  /my_demands/add/                           -       login 200 200 403 403 403 403 403 403 403 403 403
GET  /my_demands/edit/<pk>/                     foreign login 404 404 403 403 403 403 403 403 403 403 403
GET  /my_demands/edit/<pk>/                     own     login 200 200 403 403 403 403 403 403 403 403 403
GET  /my_demands/close/<pk>/                    foreign login 404 404 403 403 403 403 403 403 403 403 403
GET  /my_demands/close/<pk>/                    own     login 302 302 403 403 403 403 403 403 403 403 403
GET  /my_demands/dispute/<pk>/                  foreign login 404 404 403 403 403 403 403 403 403 403 403
GET  /my_demands/dispute/<pk>/                  own     login 200 200 403 403 403 403 403 403 403 403 403
GET  /market/board/                             -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /activities/list/                           -       login 403 403 200 200 403 403 403 403 200 403 403
GET  /activities/add/                            -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /activities/edit/<pk>/                      foreign login 403 403 404 404 403 403 403 403 403 403 403
GET  /activities/edit/<pk>/                      own     login 403 403 200 404 403 403 403 403 403 403 403
GET  /activities/show/<pk>/                      foreign login 403 403 404 200 403 403 403 403 200 403 403
GET  /activities/show/<pk>/                      own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /activities/correct/<pk>/                   foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /activities/correct/<pk>/                   own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /activities/export.csv                      -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /activities/options/<name>/                 foreign login 403 403 404 404 403 403 403 403 404 403 403
GET  /activities/options/<name>/                 own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /mailed_activities/add/                     -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /mailed_activities/edit/<pk>/               foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /mailed_activities/edit/<pk>/               own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /mailed_activities/show/<pk>/               foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /mailed_activities/show/<pk>/               own     login 403 403 403 302 403 403 403 403 403 403 403
GET  /mailed_activities/options/<name>/          foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /mailed_activities/options/<name>/          own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /ranking/                                   -       login 403 403 302 302 403 403 403 403 302 403 302
GET  /ranking/list/                              -       login 403 403 302 302 403 403 403 403 302 403 302
GET  /ranking/export.csv                         -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /ranking/<kind>/<key>/                      foreign login 403 403 404 200 403 403 403 403 200 403 404
GET  /ranking/<kind>/<key>/                      own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /scores/list/                               -       login 403 403 200 200 403 403 403 403 200 403 200
GET  /scores/export.csv                          -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /scores/options/<name>/                     foreign login 403 403 404 404 403 403 403 403 404 403 404
GET  /scores/options/<name>/                     own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /formulas/list/                             -       login 403 403 200 200 403 403 403 403 200 403 200
GET  /formulas/add/                              -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /formulas/edit/<pk>/                        foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /formulas/edit/<pk>/                        own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /formulas/show/<pk>/                        foreign login 403 403 404 200 403 403 403 403 200 403 404
GET  /formulas/show/<pk>/                        own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /formulas/preview/<pk>/                     foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /formulas/preview/<pk>/                     own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /formulas/options/<name>/                   foreign login 403 403 404 404 403 403 403 403 404 403 404
GET  /formulas/options/<name>/                   own     login 403 403 404 404 403 403 403 403 404 403 404
GET  /filings/list/                             -       login 403 403 200 200 403 403 403 403 200 403 200
GET  /filings/add/                              -       login 403 403 200 403 403 403 403 403 403 403 200
GET  /filings/edit/<pk>/                        foreign login 403 403 404 403 403 403 403 403 403 403 404
GET  /filings/edit/<pk>/                        own     login 403 403 200 403 403 403 403 403 403 403 404
GET  /filings/show/<pk>/                        foreign login 403 403 404 200 403 403 403 403 200 403 404
GET  /filings/show/<pk>/                        own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /filings/void/<pk>/                        foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /filings/void/<pk>/                        own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /filings/export.csv                        -       login 403 403 200 200 403 403 403 403 403 403 403
GET  /filings/options/<name>/                   foreign login 403 403 404 404 403 403 403 403 404 403 404
GET  /filings/options/<name>/                   own     login 403 403 200 200 403 403 403 403 200 403 200
GET  /ratings/list/                             -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /ratings/export.csv                        -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /ratings/waiting/list/                     -       login 403 200 200 403 403 403 403 403 403 403 403
GET  /ratings/given/list/                       -       login 403 200 200 403 403 403 403 403 403 403 403
GET  /ratings/received/list/                    -       login 403 200 200 403 403 403 403 403 403 403 200
GET  /ratings/show/<pk>/                        foreign login 403 404 404 200 403 403 403 403 200 403 404
GET  /ratings/show/<pk>/                        own     login 403 404 200 200 403 403 403 403 200 403 200
GET  /ratings/rate/<pk>/                        foreign login 403 404 404 403 403 403 403 403 403 403 403
GET  /ratings/rate/<pk>/                        own     login 403 404 200 403 403 403 403 403 403 403 403
GET  /ratings/reply/<pk>/                       foreign login 403 404 404 403 403 403 403 403 403 403 403
GET  /ratings/reply/<pk>/                       own     login 403 404 200 403 403 403 403 403 403 403 403
GET  /ratings/remark/<pk>/                      foreign login 403 404 404 403 403 403 403 403 403 403 403
GET  /ratings/remark/<pk>/                      own     login 403 404 200 403 403 403 403 403 403 403 403
GET  /ratings/hide/<pk>/                        foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /ratings/hide/<pk>/                        own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /ratings/restore/<pk>/                     foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /ratings/restore/<pk>/                     own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /catalogue/list/                           -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /catalogue/show/<pk>/                      foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /catalogue/show/<pk>/                      own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /institutions/                             -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /listings/add/                             -       login 403 403 302 403 403 403 403 403 403 403 403
GET  /listings/edit/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /listings/edit/<pk>/                       own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /listings/export.csv                       -       login 403 403 200 200 403 403 403 403 403 403 403
GET  /listings/force/<pk>/                      foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /listings/force/<pk>/                      own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /listings/list/                            -       login 403 403 200 200 403 403 403 403 200 403 403
GET  /listings/options/<name>/                  foreign login 403 403 404 404 403 403 403 403 404 403 403
GET  /listings/options/<name>/                  own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /listings/relist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /listings/relist/<pk>/                     own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /listings/show/<pk>/                       foreign login 403 403 404 200 403 403 403 403 200 403 403
GET  /listings/show/<pk>/                       own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /market/                                   -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /market/products/<pk>/                     foreign 404   404 404 404 404 404 404 404 404 404 404 404
GET  /market/products/<pk>/                     own     200   200 200 200 200 200 200 200 200 200 200 200
GET  /news/                                     -       200   200 200 200 200 200 200 200 200 200 200 200
GET  /product_reviews/add/                      -       login 403 403 200 403 403 403 403 403 403 403 403
GET  /product_reviews/edit/<pk>/                foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /product_reviews/edit/<pk>/                own     login 403 403 200 403 403 403 403 403 403 403 403
GET  /product_reviews/export.csv                -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /product_reviews/list/                     -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /product_reviews/options/<name>/           foreign login 403 403 404 404 403 403 403 403 404 403 403
GET  /product_reviews/options/<name>/           own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /product_reviews/show/<pk>/                foreign login 403 403 404 302 403 403 403 403 302 403 403
GET  /product_reviews/show/<pk>/                own     login 403 403 302 302 403 403 403 403 302 403 403
GET  /products/edit/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /products/edit/<pk>/                       own     login 403 403 302 403 403 403 403 403 403 403 403
GET  /products/export.csv                       -       login 403 403 200 200 403 403 403 403 403 403 403
GET  /products/force/<pk>/                      foreign login 403 403 403 200 403 403 403 403 403 403 403
GET  /products/force/<pk>/                      own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /products/list/                            -       login 403 403 200 200 403 403 403 403 200 403 403
GET  /products/relist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
GET  /products/relist/<pk>/                     own     login 403 403 302 403 403 403 403 403 403 403 403
GET  /products/show/<pk>/                       foreign login 403 403 404 200 403 403 403 403 200 403 403
GET  /products/show/<pk>/                       own     login 403 403 200 200 403 403 403 403 200 403 403
GET  /standard_products/add/                    -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /standard_products/edit/<pk>/              foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /standard_products/edit/<pk>/              own     login 403 403 403 200 403 403 403 403 403 403 403
GET  /standard_products/export.csv              -       login 403 403 403 200 403 403 403 403 403 403 403
GET  /standard_products/list/                   -       login 403 403 403 200 403 403 403 403 200 403 403
GET  /standard_products/show/<pk>/              foreign login 403 403 403 404 403 403 403 403 404 403 403
GET  /standard_products/show/<pk>/              own     login 403 403 403 200 403 403 403 403 200 403 403
GET  /standard_products/switch_off/<pk>/        foreign login 403 403 403 404 403 403 403 403 403 403 403
GET  /standard_products/switch_off/<pk>/        own     login 403 403 403 200 403 403 403 403 403 403 403
POST /login/                                    -       400   400 400 400 400 400 400 400 400 400 400 400
POST /login/code/                               -       400   400 400 400 400 400 400 400 400 400 400 400
POST /forgot/                                   -       400   400 400 400 400 400 400 400 400 400 400 400
POST /forgot/verify/                            -       302   302 302 302 302 302 302 302 302 302 302 302
POST /forgot/code/                              -       400   400 400 400 400 400 400 400 400 400 400 400
POST /forgot/new/                               -       302   302 302 302 302 302 302 302 302 302 302 302
POST /account/                                  -       login 400 400 400 400 400 400 400 400 400 400 400
POST /account/password/                         -       login 400 400 400 400 400 400 400 400 400 400 400
POST /account/mobile/                           -       login 400 400 400 400 400 400 400 400 400 400 400
POST /account/mobile/code/                      -       login 200 200 200 200 200 200 200 200 200 200 200
POST /account/mobile/new/                       -       login 302 302 302 302 302 302 302 302 302 302 302
POST /account/mobile/new/code/                  -       login 400 400 400 400 400 400 400 400 400 400 400
POST /account/devices/<pk>/end/                 foreign login 404 404 404 404 404 404 404 404 404 404 404
POST /account/devices/<pk>/end/                 own     login 404 404 404 404 404 404 404 404 404 404 404
POST /account/devices/end-others/               -       login 302 302 302 302 302 302 302 302 302 302 302
POST /register/                                 -       400   400 400 400 400 400 400 400 400 400 400 400
POST /accreditations/add/                       -       login 400 302 302 403 403 403 403 403 403 403 403
POST /accreditations/edit/<pk>/                 foreign login 404 404 404 403 403 403 403 403 403 403 403
POST /accreditations/edit/<pk>/                 own     login 404 400 404 403 403 403 403 403 403 403 403
POST /accreditations/delete/<pk>/               foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /accreditations/delete/<pk>/               own     login 403 403 403 403 403 403 403 403 403 403 403
POST /certifications/add/                       -       login 403 302 302 400 403 403 403 403 403 403 403
POST /certifications/edit/<pk>/                 foreign login 403 404 404 404 403 403 403 403 403 403 403
POST /certifications/edit/<pk>/                 own     login 403 400 400 400 403 403 403 403 403 403 403
POST /certifications/delete/<pk>/               foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /certifications/delete/<pk>/               own     login 403 403 403 403 403 403 403 403 403 403 403
POST /organization-changes/add/                 -       login 403 302 400 403 403 403 403 403 403 403 403
POST /organization-changes/edit/<pk>/           foreign login 403 404 404 403 403 403 403 403 403 403 403
POST /organization-changes/edit/<pk>/           own     login 403 400 400 403 403 403 403 403 403 403 403
POST /organization-changes/delete/<pk>/         foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /organization-changes/delete/<pk>/         own     login 403 403 403 403 403 403 403 403 403 403 403
POST /announcements/add/                        -       login 403 403 403 400 403 403 403 403 403 403 403
POST /announcements/edit/<pk>/                  foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /announcements/edit/<pk>/                  own     login 403 403 403 400 403 403 403 403 403 403 403
POST /announcements/delete/<pk>/                foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /announcements/delete/<pk>/                own     login 403 403 403 302 403 403 403 403 403 403 403
POST /association-applications/add/              -       login 403 403 302 403 403 403 403 403 403 403 403
POST /association-applications/edit/<pk>/        foreign login 404 404 404 403 403 403 403 403 403 403 403
POST /association-applications/edit/<pk>/        own     login 404 400 404 403 403 403 403 403 403 403 403
POST /association-applications/delete/<pk>/      foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /association-applications/delete/<pk>/      own     login 403 403 403 403 403 403 403 403 403 403 403
POST /association-applications/reveal/<pk>/<field>/ foreign login 403 403 403 404 403 403 403 403 403 404 403
POST /association-applications/reveal/<pk>/<field>/ own     login 403 403 403 400 403 403 403 403 403 400 403
POST /association-members/end/<pk>/              foreign login 403 403 403 403 403 403 403 403 403 404 403
POST /association-members/end/<pk>/              own     login 403 403 403 403 403 403 403 403 403 400 403
POST /association-members/reveal/<pk>/<field>/   foreign login 403 403 403 404 403 403 403 403 403 404 403
POST /association-members/reveal/<pk>/<field>/   own     login 403 403 403 400 403 403 403 403 403 400 403
POST /service-institutions/reveal/<pk>/<field>/  foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /service-institutions/reveal/<pk>/<field>/  own     login 403 403 403 400 403 403 403 403 403 403 403
POST /organizations/add/                        -       login 403 403 403 400 403 403 403 403 403 403 403
POST /organizations/edit/<pk>/                  foreign login 403 404 404 404 403 403 403 403 403 403 403
POST /organizations/edit/<pk>/                  own     login 403 400 400 400 403 403 403 403 403 403 403
POST /organizations/delete/<pk>/                foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /organizations/delete/<pk>/                own     login 403 403 403 403 403 403 403 403 403 403 403
POST /cases/<number>/tasks/<task>/<action>/     foreign 404   404 404 404 404 404 404 404 404 404 404 404
POST /cases/<number>/tasks/<task>/<action>/     own     404   404 409 409 302 409 404 404 404 409 404 404
POST /cases/<number>/withdraw/                  foreign 404   404 404 404 404 404 404 404 404 404 404 404
POST /cases/<number>/withdraw/                  own     404   404 302 409 409 409 404 404 404 409 404 404
POST /messages/settings/                        -       login 302 302 302 302 302 302 302 302 302 302 302
POST /messages/<pk>/open/                       foreign login 404 404 404 404 404 404 404 404 404 404 404
POST /messages/<pk>/open/                       own     login 302 302 302 302 302 302 302 302 302 302 302
POST /messages/read/                            -       login 302 302 302 302 302 302 302 302 302 302 302
POST /outbox/resend/                            -       login 403 403 403 302 403 403 302 403 403 403 403
POST /outbox/resend/<pk>/                       foreign login 403 403 403 404 403 403 404 403 403 403 403
POST /outbox/resend/<pk>/                       own     login 403 403 403 302 403 403 302 403 403 403 403
POST /people/add/                               -       login 403 403 400 403 403 403 403 403 403 403 403
POST /people/edit/<pk>/                         foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /people/edit/<pk>/                         own     login 403 403 302 403 403 403 403 403 403 403 403
POST /people/reset/<pk>/                        foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /people/reset/<pk>/                        own     login 403 403 400 403 403 403 403 403 403 403 403
POST /people/rights/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /people/rights/<pk>/                       own     login 403 403 302 403 403 403 403 403 403 403 403
POST /people/switch/<pk>/<state>/               foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /people/switch/<pk>/<state>/               own     login 403 403 302 403 403 403 403 403 403 403 403
POST /people/delete/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /people/delete/<pk>/                       own     login 403 403 302 403 403 403 403 403 403 403 403
POST /membership/hand-over/                     -       login 403 400 400 403 403 403 403 403 403 403 403
POST /join-requests/add/                        -       login 400 403 403 403 403 403 403 403 403 403 403
POST /join-requests/edit/<pk>/                  foreign login 404 403 403 403 403 403 403 403 403 403 403
POST /join-requests/edit/<pk>/                  own     login 400 403 403 403 403 403 403 403 403 403 403
POST /main-account-changes/add/                 -       login 400 403 403 403 403 403 403 403 403 403 403
POST /main-account-changes/edit/<pk>/           foreign login 404 403 403 403 403 403 403 403 403 403 403
POST /main-account-changes/edit/<pk>/           own     login 400 403 403 403 403 403 403 403 403 403 403
POST /jobs/run/<pk>/                            foreign login 403 403 403 403 403 403 404 403 403 403 403
POST /jobs/run/<pk>/                            own     login 403 403 403 403 403 403 302 403 403 403 403
POST /jobs/trial/<pk>/                          foreign login 403 403 403 403 403 403 404 403 403 403 403
POST /jobs/trial/<pk>/                          own     login 403 403 403 403 403 403 302 403 403 403 403
POST /jobs/pause/<pk>/                          foreign login 403 403 403 403 403 403 404 403 403 403 403
POST /jobs/pause/<pk>/                          own     login 403 403 403 403 403 403 302 403 403 403 403
POST /jobs/resume/<pk>/                         foreign login 403 403 403 403 403 403 404 403 403 403 403
POST /jobs/resume/<pk>/                         own     login 403 403 403 403 403 403 302 403 403 403 403
POST /evidence/verify/                          -       login 403 403 403 403 403 403 403 403 200 403 403
POST /evidence/verify/<after>/                  -       login 403 403 403 403 403 403 403 403 200 403 403
POST /organizations/reveal/<pk>/<field>/        foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /organizations/reveal/<pk>/<field>/        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /accreditations/reveal/<pk>/<field>/       foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /accreditations/reveal/<pk>/<field>/       own     login 403 403 403 400 403 403 403 403 403 403 403
POST /certifications/reveal/<pk>/<field>/       foreign login 403 403 403 404 403 404 403 403 403 403 403
POST /certifications/reveal/<pk>/<field>/       own     login 403 403 403 400 403 400 403 403 403 403 403
POST /users/reveal/<pk>/<field>/                foreign login 403 403 403 403 403 403 403 404 403 403 403
POST /users/reveal/<pk>/<field>/                own     login 403 403 403 403 403 403 403 400 403 403 403
POST /invitations/                               -       410   410 410 410 410 410 410 410 410 410 410 410
POST /consultants/import/                        -       login 403 403 400 403 403 403 403 403 403 403 403
POST /consultants/import/<job>/confirm/          foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/import/<job>/confirm/          own     login 403 403 302 403 403 403 403 403 403 403 403
POST /consultants/import/<job>/cancel/           foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/import/<job>/cancel/           own     login 403 403 302 403 403 403 403 403 403 403 403
POST /filings/import/                            -       login 403 403 400 403 403 403 403 403 403 403 400
POST /filings/import/<job>/confirm/              foreign login 403 403 404 403 403 403 403 403 403 403 404
POST /filings/import/<job>/confirm/              own     login 403 403 302 403 403 403 403 403 403 403 302
POST /filings/import/<job>/cancel/               foreign login 403 403 404 403 403 403 403 403 403 403 404
POST /filings/import/<job>/cancel/               own     login 403 403 302 403 403 403 403 403 403 403 302
POST /activities/add/                            -       login 403 403 400 403 403 403 403 403 403 403 403
POST /activities/edit/<pk>/                      foreign login 403 403 404 404 403 403 403 403 403 403 403
POST /activities/edit/<pk>/                      own     login 403 403 400 404 403 403 403 403 403 403 403
POST /activities/correct/<pk>/                   foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /activities/correct/<pk>/                   own     login 403 403 403 400 403 403 403 403 403 403 403
POST /mailed_activities/add/                     -       login 403 403 403 400 403 403 403 403 403 403 403
POST /mailed_activities/edit/<pk>/               foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /mailed_activities/edit/<pk>/               own     login 403 403 403 400 403 403 403 403 403 403 403
POST /formulas/add/                              -       login 403 403 403 302 403 403 403 403 403 403 403
POST /formulas/edit/<pk>/                        foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /formulas/edit/<pk>/                        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /formulas/delete/<pk>/                      foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /formulas/delete/<pk>/                      own     login 403 403 403 302 403 403 403 403 403 403 403
POST /formulas/publish/<pk>/                     foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /formulas/publish/<pk>/                     own     login 403 403 403 302 403 403 403 403 403 403 403
POST /consultants/add/                           -       login 403 403 400 403 403 403 403 403 403 403 403
POST /consultants/edit/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/edit/<pk>/                     own     login 403 403 400 403 403 403 403 403 403 403 403
POST /consultants/delete/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/delete/<pk>/                   own     login 403 403 302 403 403 403 403 403 403 403 403
POST /consultants/invite/                        -       login 403 403 302 403 403 403 403 403 403 403 403
POST /consultants/invite/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/invite/<pk>/                   own     login 403 403 302 403 403 403 403 403 403 403 403
POST /consultants/take-back/<pk>/                foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/take-back/<pk>/                own     login 403 403 302 403 403 403 403 403 403 403 403
POST /consultants/unlink/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /consultants/unlink/<pk>/                   own     login 403 403 400 403 403 403 403 403 403 403 403
POST /my-profile/add/                            -       login 403 403 403 403 403 403 403 403 403 403 302
POST /my-profile/edit/<pk>/                      foreign login 403 403 403 403 403 403 403 403 403 403 404
POST /my-profile/edit/<pk>/                      own     login 403 403 403 403 403 403 403 403 403 403 400
POST /all-consultants/reveal/<pk>/<field>/       foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /all-consultants/reveal/<pk>/<field>/       own     login 403 403 403 400 403 403 403 403 403 403 403
POST /invitations/reveal/<pk>/<field>/           foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /invitations/reveal/<pk>/<field>/           own     login 403 403 403 400 403 403 403 403 403 403 403
POST /files/                                    -       401   200 200 200 200 200 200 200 200 403 200 200
PUT  /drafts/<form>                             foreign 401   400 400 400 400 400 400 400 400 400 400 400
PUT  /drafts/<form>                             own     401   200 200 200 200 200 200 200 200 403 200 200
POST /drafts/<form>/discard/                    foreign 404   404 404 404 404 404 404 404 404 404 404 404
POST /drafts/<form>/discard/                    own     302   302 302 302 302 302 302 302 302 302 302 302
POST /users/add/                                -       login 403 403 403 403 403 403 403 400 403 403 403
POST /authorities/add/                          -       login 403 403 403 403 403 403 403 400 403 403 403
POST /users/<pk>/roles/                         foreign login 403 403 403 403 403 403 403 404 403 403 403
POST /users/<pk>/roles/                         own     login 403 403 403 403 403 403 403 400 403 403 403
POST /users/<pk>/<action>/                      foreign login 403 403 403 403 403 403 403 404 403 403 403
POST /users/<pk>/<action>/                      own     login 403 403 403 403 403 403 403 302 403 403 403
POST /agreements/add/                           -       login 403 403 403 400 403 403 400 403 403 403 403
POST /agreements/edit/<pk>/                     foreign login 403 403 403 404 403 403 404 403 403 403 403
POST /agreements/edit/<pk>/                     own     login 403 403 403 302 403 403 302 403 403 403 403
POST /agreements/delete/<pk>/                   foreign login 403 403 403 404 403 403 404 403 403 403 403
POST /agreements/publish/<pk>/                  foreign login 403 403 403 404 403 403 404 403 403 403 403
POST /agreements/delete/<pk>/                   own     login 403 403 403 302 403 403 302 403 403 403 403
POST /filings/add/                              -       login 403 403 400 403 403 403 403 403 403 403 400
POST /filings/edit/<pk>/                        foreign login 403 403 404 403 403 403 403 403 403 403 404
POST /filings/edit/<pk>/                        own     login 403 403 400 403 403 403 403 403 403 403 404
POST /filings/void/<pk>/                        foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /filings/void/<pk>/                        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /filings/delete/<pk>/                      foreign login 403 403 403 403 403 403 403 403 403 403 403
POST /filings/delete/<pk>/                      own     login 403 403 403 403 403 403 403 403 403 403 403
POST /filings/reveal/<pk>/<field>/              foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /filings/reveal/<pk>/<field>/              own     login 403 403 403 400 403 403 403 403 403 403 403
POST /ratings/rate/<pk>/                        foreign login 403 404 404 403 403 403 403 403 403 403 403
POST /ratings/rate/<pk>/                        own     login 403 404 400 403 403 403 403 403 403 403 403
POST /ratings/reply/<pk>/                       foreign login 403 404 404 403 403 403 403 403 403 403 403
POST /ratings/reply/<pk>/                       own     login 403 404 400 403 403 403 403 403 403 403 403
POST /ratings/remark/<pk>/                      foreign login 403 404 404 403 403 403 403 403 403 403 403
POST /ratings/remark/<pk>/                      own     login 403 404 400 403 403 403 403 403 403 403 403
POST /ratings/hide/<pk>/                        foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /ratings/hide/<pk>/                        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /ratings/restore/<pk>/                     foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /ratings/restore/<pk>/                     own     login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/reveal/<pk>/<field>/              foreign login 403 403 404 404 403 403 403 403 403 403 404
POST /demands/reveal/<pk>/<field>/              own     login 403 403 400 400 403 403 403 403 403 403 400
POST /demands/hand_over/<pk>/                   foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /demands/hand_over/<pk>/                   own     login 403 403 302 403 403 403 403 403 403 403 403
POST /demands/assign/<pk>/                      foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/assign/<pk>/                      own     login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/rule/<pk>/                        foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/rule/<pk>/                        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/close/<pk>/                       foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /demands/close/<pk>/                       own     login 403 403 403 400 403 403 403 403 403 403 403
POST /demand_contacts/add/                      -       login 403 403 404 403 403 403 403 403 403 403 404
POST /my_demands/add/                           -       login 400 400 403 403 403 403 403 403 403 403 403
POST /my_demands/edit/<pk>/                     foreign login 404 404 403 403 403 403 403 403 403 403 403
POST /my_demands/edit/<pk>/                     own     login 400 400 403 403 403 403 403 403 403 403 403
POST /my_demands/close/<pk>/                    foreign login 404 404 403 403 403 403 403 403 403 403 403
POST /my_demands/close/<pk>/                    own     login 302 302 403 403 403 403 403 403 403 403 403
POST /my_demands/dispute/<pk>/                  foreign login 404 404 403 403 403 403 403 403 403 403 403
POST /my_demands/dispute/<pk>/                  own     login 400 400 403 403 403 403 403 403 403 403 403
POST /my_demands/confirm/<pk>/                  foreign login 404 404 403 403 403 403 403 403 403 403 403
POST /my_demands/confirm/<pk>/                  own     login 409 409 403 403 403 403 403 403 403 403 403
POST /my_demands/withdraw/<pk>/                 foreign login 404 404 403 403 403 403 403 403 403 403 403
POST /my_demands/withdraw/<pk>/                 own     login 302 302 403 403 403 403 403 403 403 403 403
POST /catalogue/choose/                         -       login 403 403 302 403 403 403 403 403 403 403 403
POST /listings/add/                             -       login 403 403 302 403 403 403 403 403 403 403 403
POST /listings/delist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /listings/delist/<pk>/                     own     login 403 403 302 403 403 403 403 403 403 403 403
POST /listings/edit/<pk>/                       foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /listings/edit/<pk>/                       own     login 403 403 400 403 403 403 403 403 403 403 403
POST /listings/force/<pk>/                      foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /listings/force/<pk>/                      own     login 403 403 403 400 403 403 403 403 403 403 403
POST /listings/release/<pk>/                    foreign login 403 403 403 409 403 403 403 403 403 403 403
POST /listings/release/<pk>/                    own     login 403 403 403 302 403 403 403 403 403 403 403
POST /listings/relist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /listings/relist/<pk>/                     own     login 403 403 400 403 403 403 403 403 403 403 403
POST /market/products/<pk>/seen/                foreign 404   404 404 404 404 404 404 404 404 404 404 404
POST /market/products/<pk>/seen/                own     200   200 200 200 200 200 200 200 200 200 200 200
POST /product_reviews/add/                      -       login 403 403 400 403 403 403 403 403 403 403 403
POST /product_reviews/edit/<pk>/                foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /product_reviews/edit/<pk>/                own     login 403 403 400 403 403 403 403 403 403 403 403
POST /products/delist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /products/delist/<pk>/                     own     login 403 403 302 403 403 403 403 403 403 403 403
POST /products/force/<pk>/                      foreign login 403 403 403 400 403 403 403 403 403 403 403
POST /products/force/<pk>/                      own     login 403 403 403 400 403 403 403 403 403 403 403
POST /products/release/<pk>/                    foreign login 403 403 403 409 403 403 403 403 403 403 403
POST /products/release/<pk>/                    own     login 403 403 403 302 403 403 403 403 403 403 403
POST /products/relist/<pk>/                     foreign login 403 403 404 403 403 403 403 403 403 403 403
POST /products/relist/<pk>/                     own     login 403 403 400 403 403 403 403 403 403 403 403
POST /standard_products/add/                    -       login 403 403 403 400 403 403 403 403 403 403 403
POST /standard_products/edit/<pk>/              foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /standard_products/edit/<pk>/              own     login 403 403 403 400 403 403 403 403 403 403 403
POST /standard_products/switch_off/<pk>/        foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /standard_products/switch_off/<pk>/        own     login 403 403 403 400 403 403 403 403 403 403 403
POST /standard_products/switch_on/<pk>/         foreign login 403 403 403 404 403 403 403 403 403 403 403
POST /standard_products/switch_on/<pk>/         own     login 403 403 403 302 403 403 403 403 403 403 403
POST /membership/leave/                         -       login 403 403 403 403 login 403 403 403 403 403 403
POST /agreements/publish/<pk>/                  own     login 403 403 403 302 login 403 302 403 403 403 403
POST /accept/                                   -       302   302 302 302 400 302 302 400 302 302 302 302
POST /logout/                                   -       302   302 302 302 302 302 302 302 302 302 302 302
"""
FORM_ANSWERS = {"200", "302", "400"}  # a form that is shown, saved, or handed back with faults


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    method: str
    rule: str
    whose: str
    expected: dict[str, str]


def lines(table: str) -> list[Line]:
    found = []
    for raw in table.strip().splitlines():
        method, rule, whose, *expected = raw.split()
        found.append(Line(method, rule, whose, dict(zip(ROLES, expected, strict=True))))
    return found


def planted(app: Flask) -> dict[str, dict[str, dict[str, Any]]]:
    """Role -> whose -> what the addresses name; rows are made so that each role has its own."""
    now = datetime.now(UTC)
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        own = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        org = {name: own[key] for name, key in people.items() if key in own}
        rows = access.elevated(session, "rows for a test")
        newcomer = {"applicant_id": people["newcomer"], "organization_id": org["newcomer"]}
        requests = {}
        for state in ("returned", "in_review"):
            key = session.scalars(
                select(Accreditation.id).where(Accreditation.state == state)
            ).first()
            rows.execute(
                update(Accreditation.__table__).where(Accreditation.id == key).values(**newcomer)
            )
            rows.execute(
                update(FlowCase.__table__)
                .where(FlowCase.subject_id == key, FlowCase.flow == "accreditation")
                .values(**newcomer)
            )
            requests[state] = key
        place = session.get_one(Organization, org["newcomer"])
        named_alike = {
            "name": place.name, "name_key": bare(place.name), "credit_code": place.credit_code
        }  # fmt: skip
        mine = Accreditation.id == requests["returned"]
        rows.execute(update(Accreditation.__table__).where(mine).values(**named_alike))
        hidden = Announcement(title="尚未发布", body="x", publish_at=now + timedelta(days=9))
        session.add(hidden)
        session.flush()
        later, gone = hidden.id, 987_654
        for name in ("institution", "institution2"):
            requests[name] = session.scalars(
                select(Accreditation.id).where(Accreditation.organization_id == org[name])
            ).one()
        session.commit()
        applied = select(FlowCase).where(FlowCase.flow == "accreditation")
        number = {row.subject_id: row.number for row in session.scalars(applied)}
        case_of = {row.number: row.id for row in session.scalars(select(FlowCase))}
        task = {
            row.case_id: row.id for row in session.scalars(select(FlowTask).order_by(FlowTask.id))
        }
        other = session.scalars(
            select(Accreditation.id).where(
                Accreditation.state == "in_review", Accreditation.id != requests["in_review"]
            )
        ).one()
        licence = {o.id: o.licence_file_id for o in session.scalars(select(Organization))}
        news = session.scalars(select(Announcement.id).order_by(Announcement.id)).first()
        asked = requests_of(session, people, now)
        told, kept = told_to(session, people, now), administered(session, people, org, now)
        session.commit()
        firms = certified_of(app, session, people, org, now)
        members = {m.user_id: m.id for m in session.scalars(select(Membership))}
        centre_file = session.scalars(
            select(Attachment.id).where(Attachment.rule == "logo")
        ).first()

    def named(
        organization: int, request: int, case: int, file: int | None, notice: int
    ) -> dict[str, Any]:
        return {
            "organizations": organization, "accreditations": request,
            "cases": number.get(case, "JG-0"), "files": file, "announcements": notice,
            "news": notice, "institutions": organization,
            "task": task[case_of[number[case]]] if case in number else 1,
        }  # fmt: skip

    foreign = named(
        org["institution2"], requests["institution2"], requests["institution2"],
        licence[org["institution2"]], later,
    ) | {"institutions": org["newcomer"]}  # fmt: skip
    public = foreign | {
        "files": centre_file,
        "announcements": news,
        "news": news,
        "institutions": org["institution"],
    }
    for rows_of, colleague, who in (
        (public, "institution_sub", "visitor"),
        (foreign, "institution2", "newcomer"),
    ):
        rows_of |= {"people": members[people[colleague]], **asked[who]}
    foreign, public = foreign | firms["enterprise"], public | firms["newcomer"]
    colleagues = {name: public[name] for name in ("people", *asked["visitor"])}
    gone_firms = dict.fromkeys(firms["newcomer"], gone)
    found = {
        "anonymous": {"own": public, "foreign": foreign},
        "visitor": {"own": public, "foreign": foreign},
        "newcomer": {
            "own": public
            | named(org["newcomer"], requests["returned"], requests["in_review"], centre_file, news)
            | {"institutions": org["institution"]},
            "foreign": foreign,
        },
        "institution": {
            "own": named(
                org["institution"], requests["institution"], requests["institution"],
                licence[org["institution"]], news,
            ) | colleagues | firms["institution"],
            "foreign": foreign,
        },
        "operator": {
            "own": named(org["institution"], other, other, licence[org["institution"]], news)
            | colleagues
            | firms["operator"],
            "foreign": named(gone, gone, gone, gone, gone)
            | dict.fromkeys(colleagues, gone)
            | gone_firms,
        },
    }  # fmt: skip
    of_staff = found["operator"]
    elsewhere = of_staff["foreign"] | {"organizations": org["bureau2"]}
    found["bureau"] = {"own": of_staff["own"] | firms["newcomer"], "foreign": elsewhere}
    found |= {"institution_sub": found["institution"], "consultant": found["visitor"]}
    found |= dict.fromkeys(("sysadmin", "secadmin", "auditor", "association"), of_staff)
    more = added(app, now)
    return {
        role: {
            whose: named_by | told[role][whose] | kept[whose] | more[role][whose]
            for whose, named_by in rows_of.items()
        }
        for role, rows_of in found.items()
    }


def added(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Role -> whose -> what the addresses of the supermarket name."""
    by_role = scored_of(app, now), asked_of(app, now), imported_of(app, now), joining_of(app)
    for_all = engaged_of(app, now), traded_of(app, now), offered_of(app, now)
    return {
        role: {
            whose: {
                name: value
                for part in (*(of[role] for of in by_role), *for_all)
                for name, value in part[whose].items()
            }
            for whose in ("own", "foreign")
        }
        for role in ROLES
    }


def joining_of(app: Flask) -> dict[str, dict[str, dict[str, int]]]:
    """Requests for membership: the newcomer's is returned; and a member that staff look at."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        of = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        by_state: dict[str, int] = {}
        for row in session.scalars(select(AssociationApplication)):
            by_state[row.state] = row.id
            if row.organization_id == of[people["institution"]]:
                by_state["own"] = row.id
        newcomer = {
            "applicant_id": people["newcomer"], "organization_id": of[people["newcomer"]]
        }  # fmt: skip
        rows = access.elevated(session, "rows for a test")
        table, case = AssociationApplication.__table__, FlowCase.__table__
        returned = by_state["returned"]
        rows.execute(update(table).where(table.c.id == returned).values(**newcomer))
        ours = (case.c.flow == "association") & (case.c.subject_id == returned)
        rows.execute(update(case).where(ours).values(**newcomer))
        session.commit()
        place = "association-applications"
        member = dict.fromkeys(
            ("association-members", "service-institutions"), of[people["institution"]]
        )
        gone = dict.fromkeys((place, *member), 987_654)
        mine = {"newcomer": returned, "institution": by_state["own"]}
        mine["institution_sub"] = by_state["own"]
        strange = {"visitor": by_state["own"], "newcomer": by_state["own"]}
        strange |= dict.fromkeys(("institution", "institution_sub"), by_state["in_review"])
        return {
            role: {
                "own": member | {place: mine.get(role, by_state["in_review"])},
                "foreign": gone | ({place: strange[role]} if role in strange else {}),
            }
            for role in ROLES
        }


def asked_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """A demand that each role has to answer or has raised, and those of others."""
    with app.app_context(), system_session() as session:
        by_title = {row.title: row for row in session.scalars(select(Demand))}
        ours, theirs = by_title["五年前的设备怎么联网"], by_title["劳动合同到期续签咨询"]
        people = {p.username: p.id for p in session.scalars(select(Person))}
        raised = {}
        for number, name in enumerate(("visitor", "newcomer")):
            member = session.scalar(
                select(Membership.organization_id).filter_by(user_id=people[name])
            )
            row = Demand(
                number=f"XQ-{number}", target_kind="institution", title="x", category="sz01",
                description="x" * 10, contact_name="x", contact_phone="12000000009",
                organization_id=ours.organization_id, enterprise_id=member, enterprise_name="x",
                user_id=people[name], created_at=now, due_at=now, turn_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            raised[name] = row.id
        common = {"demands": ours.id, "demand_contacts": ours.id}
        foreign = {"demands": theirs.id, "demand_contacts": theirs.id, "my_demands": theirs.id}
        session.commit()
        return {
            role: {
                "own": common | {"my_demands": raised.get(role, raised["visitor"])},
                "foreign": foreign,
            }
            for role in ROLES
        }


def administered(
    session: Any, people: dict[str, int], org: dict[str, int], now: datetime
) -> dict[str, dict[str, int]]:
    """An account, an authority, and a draft of an agreement; a published one is only read."""
    drafts = [
        Agreement(document="user_agreement", number=number, title="x", body="x", created_at=now)
        for number in ("1.1", "1.2")
    ]
    session.add_all(drafts)
    audit.note(session, "login")
    session.flush()
    own = {
        "users": people["visitor"], "authorities": org["bureau"],
        "agreements": drafts[0].id, "agreements/delete": drafts[1].id,
    }  # fmt: skip
    session.commit()
    (line,) = session.scalars(select(AuditEntry.id).filter_by(action="login", actor_name=""))
    foreign = dict.fromkeys(("users", "authorities", "audit", "logins", "jobs"), 987_654)
    job = session.scalars(select(ScheduledJob.id).filter_by(name="todo.remind")).one()
    own |= {"audit": line, "logins": line, "jobs": job}
    return {"own": own, "foreign": foreign | {"agreements": 1}}


def told_to(
    session: Any, people: dict[str, int], now: datetime
) -> dict[str, dict[str, dict[str, int]]]:
    """A message of each role's own, one of somebody else's, and one that left by mail."""
    words = {"number": "JG-1", "kind": "x", "title": "x", "opinion": "x", "result": "refused"}
    messages.tell(session, "case.refused", "a@example.org", words, "mail", now)
    messages.notify(session, "case.refused", people.values(), words, "x", now, ("inapp",))
    session.flush()
    rows = session.scalars(select(Message).where(Message.dedupe_key.startswith("x:")))
    own = {row.user_id: row.id for row in rows}
    (sent,) = session.scalars(select(Message.id).filter_by(dedupe_key="mail"))
    foreign = {"messages": own[people["operator2"]], "outbox": 987_654}
    return {
        role: {
            "own": {"messages": own.get(people.get(role), 1), "outbox": sent},
            "foreign": foreign,
        }
        for role in ROLES
    }


def requests_of(session: Any, people: dict[str, int], now: datetime) -> dict[str, dict[str, int]]:
    """Whose request to join, and whose for another main account, lies returned under which id."""
    file = session.scalars(select(Attachment.id)).first()
    found: dict[str, dict[str, int]] = {}
    for name in ("visitor", "newcomer"):
        values = {
            "applicant_id": people[name], "credit_code": credit_code("77"), "real_name": "x",
            "mobile": "13800000000", "state": "returned", "created_at": now,
        }  # fmt: skip
        rows = {
            "join-requests": JoinRequest(**values),
            "main-account-changes": MainAccountChange(
                **values, licence_file_id=file, letter_id=file
            ),
        }
        session.add_all(rows.values())
        session.flush()
        found[name] = {place: row.id for place, row in rows.items()}
    session.commit()
    return found


def engaged_of(app: Flask, now: datetime) -> dict[str, dict[str, int]]:
    """A consultant with his unsent profile, and one of another institution."""
    with app.app_context(), system_session() as session:
        by_name = {row.name: row for row in session.scalars(select(Consultant))}
        mine, other = by_name["顾一川"], by_name["周以宁"]
        values = {
            "applicant_id": mine.user_id, "organization_id": mine.organization_id,
            "consultant_id": mine.id, "name": mine.name, "mobile": mine.mobile,
            "email": mine.email, "specialities": mine.specialities, "created_at": now,
        }  # fmt: skip
        row = ConsultantReview(**values)
        actor = Actor("consultant", mine.user_id)
        app.extensions["workflow"].desk(session, actor, now).open(
            "consultant_review", row, mine.organization_id
        )
        reviews = {r.consultant_id: r.id for r in session.scalars(select(ConsultantReview))}
        sent = session.scalars(select(Invitation.id)).first()
        own = {
            "consultants": mine.id, "my-profile": row.id, "market/consultants": mine.id,
            "all-consultants": mine.id, "invitations": sent,
        }  # fmt: skip
        foreign = {
            "consultants": other.id, "my-profile": reviews[other.id],
            "market/consultants": by_name["韩照临"].id,
        } | dict.fromkeys(("all-consultants", "invitations"), 987_654)  # fmt: skip
        session.commit()
    return {"own": own, "foreign": foreign}


def certified_of(
    app: Flask, session: Any, people: dict[str, int], org: dict[str, int], now: datetime
) -> dict[str, dict[str, int]]:
    """Whose certification and whose change lies unsent under which id; staff's is a firm's."""
    file = session.scalars(select(Attachment.id)).first()
    of = {n: org[n] for n in ("newcomer", "institution", "enterprise")}
    found: dict[str, dict[str, int]] = {}
    for name, key in (of | {"operator": org["enterprise"]}).items():
        place = session.get_one(Organization, key)
        values = {
            "applicant_id": people[name], "organization_id": key, "name": place.name,
            "credit_code": place.credit_code, "founded_on": date(2001, 1, 1),
            "industry": place.industry, "registered_capital": 1, "region_id": place.region_id,
            "address": "x", "licence_file_id": file, "created_at": now,
        }  # fmt: skip
        contact = {"contact_name": "x", "contact_phone": "12000000000", "contact_email": "x@y.zz"}
        rows = {
            "certifications": (
                "certification",
                Certification(**values, **contact, staff_count=1, website="无", intro="x"),
            ),
            "organization-changes": (
                "organization_change",
                OrganizationChange(**values, reason="x", before={}),
            ),
        }
        for path, (flow, row) in rows.items():
            desk = app.extensions["workflow"].desk(session, Actor("member", people[name]), now)
            desk.open(flow, row, key)
            found.setdefault(name, {})[path] = row.id
    session.commit()
    return found


def traded_of(app: Flask, now: datetime) -> dict[str, dict[str, int]]:
    """Transactions and ratings of one institution in every state that matters, and another's."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))

        def filing(organization_id: int) -> Filing:
            ours = Filing.organization_id == organization_id, Filing.state == "approved"
            return session.scalars(select(Filing).where(*ours).order_by(Filing.id)).first()

        def rating(organization_id: int, direction: str, state: str) -> int | None:
            ours = (
                Rating.organization_id == organization_id,
                Rating.direction == direction,
                Rating.state == state,
            )
            return session.scalars(select(Rating.id).where(*ours).order_by(Rating.id)).first()

        filed = filing(house)
        copied = ("buyer_name", "buyer_credit_code", "buyer_contact", "buyer_phone", "category")
        draft = Filing(
            applicant_id=people["institution"], organization_id=house, service_name="x",
            amount=1, signed_on=date(2026, 1, 1), created_at=now,
            **{name: getattr(filed, name) for name in copied},
        )  # fmt: skip
        desk = app.extensions["workflow"].desk(
            session, Actor("member", people["institution"], organization_id=house), now
        )
        desk.open("filing", draft, house)
        given, received = "provider_to_buyer", "buyer_to_provider"
        own = {
            "filings": filed.id, "filings/edit": draft.id, "filings/delete": draft.id,
            "ratings": rating(house, received, "shown"),
            "ratings/rate": rating(house, given, "waiting"),
            "ratings/remark": rating(house, given, "shown"),
        }  # fmt: skip
        foreign = {
            "filings": filing(other).id, "ratings": rating(other, received, "shown"),
        }  # fmt: skip
        session.commit()
    return {"own": own, "foreign": foreign}


def scored_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Activities and places of one institution and of another; drafts of the formula."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))
        engine = app.extensions["workflow"]

        def credited(organization_id: int) -> int:
            ours = Activity.organization_id == organization_id, Activity.state == "approved"
            return session.scalars(select(Activity.id).where(*ours)).first()

        def draft(by: str, **values: Any) -> int:
            row = Activity(
                applicant_id=people[by], organization_id=house, title="x", role_kind="host",
                partner_department="x", activity_kind="salon", from_at=now, to_at=now, place="x",
                enterprises=1, persons=1, summary="x", created_at=now, **values,
            )  # fmt: skip
            engine.desk(session, Actor("member", people[by]), now).open("activity", row, house)
            return row.id

        rows = access.elevated(session, "formulas for a test")
        values = formulas.draft(rows, now)
        names = ("edit", "delete", "publish")
        drafts = [ScoreFormula(**values | {"name": f"T{n}"}) for n, _name in enumerate(names)]
        session.add_all(drafts)
        session.flush()
        served = session.scalars(select(Consultant.id).filter_by(name="顾一川")).one()
        own = {
            "activities": credited(house), "activities/edit": draft("institution"),
            "mailed_activities": draft("operator", filed_as="mail"),
            "formulas": drafts[0].id, "formulas/delete": drafts[1].id,
            "formulas/publish": drafts[2].id,
            "formulas/show": session.scalars(select(ScoreFormula.id).filter_by(name="A1")).one(),
            "kind": "institution", "ranking": house,
        }  # fmt: skip
        gone = dict.fromkeys(("formulas", "activities/correct", "mailed_activities"), 987_654)
        foreign = gone | {
            "activities": credited(other), "formulas/show": drafts[0].id,
            "kind": "institution", "ranking": other,
        }  # fmt: skip
        session.commit()
    return {
        role: {
            "own": own
            | ({"kind": "consultant", "ranking": served} if role == "consultant" else {}),
            "foreign": foreign,
        }
        for role in ROLES
    }


def imported_of(app: Flask, now: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """A file that each role sent into each page that takes files, and those of somebody else."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}

        def sent(name: str) -> dict[str, int]:
            key = people[name]
            jobs = {
                place: ImportJob(
                    target=target, user_id=key, organization_id=org.get(key), locale="zh",
                    file_name="x.xlsx", mode="all", state="previewed", created_at=now, row_count=1,
                )
                for place, target in TAKES_FILES.items()
            }  # fmt: skip
            session.add_all(jobs.values())
            session.flush()
            rows = [
                ImportRow(job_id=j.id, number=2, entries={}, state="good") for j in jobs.values()
            ]
            session.add_all(rows)
            return {f"{place}/import": job.id for place, job in jobs.items()}

        own = {name: sent(name) for name in ("institution", "consultant")}
        foreign = sent("institution2")
        session.commit()
    usual = own["institution"]
    return {role: {"own": own.get(role, usual), "foreign": foreign} for role in ROLES}


TAKES_FILES = {"consultants": "ConsultantView", "filings": "FilingView"}


def offered_of(app: Flask, now: datetime) -> dict[str, dict[str, Any]]:
    """Products of one institution in every state that matters, and those of another."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        org = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        house, other = (org[people[name]] for name in ("institution", "institution2"))
        standards = {row.name: row for row in session.scalars(select(StandardProduct))}
        terms = Product(price_mode="free", cycle_days=1, valid_until=date(2099, 1, 1))

        def listed(name: str, state: str = "") -> int:
            key = products.offer(session, house, standards[name], terms, [], now)
            if state:
                products.LISTING.move(session, key, state, now, opinion="x")
            return key

        def found(kind: str, state: str, owner: int) -> int | None:
            mine = Product.kind == kind, Product.state == state, Product.organization_id == owner
            return session.scalars(select(Product.id).where(*mine).order_by(Product.id)).first()

        off = standards["企业内训"].id
        products.switch_off(session, off, now, "x")
        special = found("special", "listed", house)
        held = select(ProductReview).where(ProductReview.product_id == special)
        old = session.scalars(held).first()
        names = ("category", "cover_id", "slogan", "targets", "content", "deliverables",
                 "price_mode", "cycle_days", "valid_until")  # fmt: skip
        values = {name: getattr(old, name) for name in names}
        reviews = []
        for who, owner in (("institution", house), ("institution2", other)):
            row = ProductReview(
                name="x", applicant_id=people[who], organization_id=owner, created_at=now, **values
            )
            desk = app.extensions["workflow"].desk(session, Actor("member", people[who]), now)
            desk.open("product_review", row, owner)
            reviews.append(row.id)
        forced = session.scalars(
            select(Product.id).where(Product.kind == "special", Product.state == "forced")
        ).one()
        listing = listed("代理记账")
        own = {
            "standard_products": standards["代理记账"].id, "standard_products/switch_on": off,
            "catalogue": standards["知识产权贯标辅导"].id, "listings": listing,
            "listings/relist": listed("合同模板与制度审查", "delist"),
            "listings/release": listed("网络安全体检", "force"),
            "products": special, "products/release": forced,
            "products/relist": special, "product_reviews": reviews[0],
            "market/products": special,
        }  # fmt: skip
        session.commit()
        foreign = {
            "listings": found("standard", "listed", other),
            "products": found("special", "listed", other),
            "product_reviews": reviews[1],
            "market/products": forced,
        } | dict.fromkeys(("standard_products", "catalogue"), 987_654)
    return {"own": own, "foreign": foreign}


MASKED = {  # elsewhere contact_phone
    "association-applications": "representative_mobile",
    "filings": "buyer_phone",
    "accreditations": "contact_mobile", "users": "mobile", "all-consultants": "mobile",
    "invitations": "email",
}  # fmt: skip
WORDS = {
    "own": {"after": 0, "field": "contact_phone", "name": "region", "code": "zh",
            "document": "user_agreement", "version": "1.0", "form": "x-new",
            "action": "approve", "state": "on", "token": "x"},
    "foreign": {"after": 0, "field": "name", "name": "applicant", "code": "xx",
                "document": "nothing", "version": "1.0", "form": "NO-FORM",
                "action": "approve", "state": "off", "token": "y"},
}  # fmt: skip


REFERRED = {
    "all-consultants": "organization", "invitations": "organization", "demands": "organization",
    "demand_contacts": "consultant", "listings": "consultants", "product_reviews": "consultants",
    "filings": "product", "activities": "organization", "mailed_activities": "organization",
    "scores": "organization",
}  # fmt: skip
"""The relation that the options of a page are asked for, where it is not the usual one."""


def address(line: Line, rows: dict[str, dict[str, Any]]) -> str:
    """The rule with its arguments filled in."""
    whose = "own" if line.whose == "-" else line.whose
    path, (_, place, *parts) = line.rule, line.rule.split("/")
    words = WORDS[whose] | {
        "pk": rows[whose].get("/".join([place, *parts[:1]]), rows[whose].get(place)),
        "job": rows[whose].get(f"{place}/import"),
        "number": rows[whose]["cases"],
        "task": rows[whose]["task"],
    }
    if whose == "own":
        words["name"] = REFERRED.get(place, words["name"])
    if place == "ranking":
        words |= {"kind": rows[whose]["kind"], "key": rows[whose]["ranking"]}
    if place == "users":
        words |= {"action": "logout", "field": "mobile"}
    if whose == "own":
        words["field"] = MASKED.get(place, words["field"])
    for name, value in words.items():
        path = path.replace(f"<{name}>", str(value))
    assert "<" not in path, path
    return path


def picture() -> BytesIO:
    stream = BytesIO()
    Image.new("RGB", (300, 300), "#1f5fbf").save(stream, "PNG")
    stream.seek(0)
    return stream


def body(line: Line) -> dict[str, Any]:
    """What a request of this route carries, so that nothing but the right is missing."""
    if line.rule == "/files/":
        return {"data": {"rule": "logo", "file": (picture(), "x.png")}}
    if line.rule.startswith("/drafts/"):
        return {"json": [["name", "x"]]}
    return {"data": {}}


def outcome(client: Any, line: Line, path: str) -> str:
    more = body(line) if line.method != "GET" else {}
    answer = client.open(path, method=line.method, buffered=True, **more)
    to_login = answer.status_code == 302 and "/login/" in answer.headers["Location"]
    return "login" if to_login and line.rule != "/login/" else str(answer.status_code)


# --- the walk -------------------------------------------------------------------------------

NOT_WALKED = {"static": "files of the page's look, the same for everybody"}
OPEN_TO_ALL = {
    "/institutions/": "the portal",
    "/news/": "the portal",
    "/market/": "the portal",
    "/market/board/": "the portal",
    "/market/products/<pk>/": "the portal",
    "/market/products/<pk>/seen/": "counts a look at what is on sale",
    "/invitations/<token>/": "a link from a mail",
    "/invitations/": "works for whoever has a link: tests/test_consultants.py",
    "/market/consultants/": "the portal",
    "/market/consultants/<pk>/": "the portal",
    "/accept/": "asks for what is new in the agreements, and of nobody else anything",
    "/": "the portal",
    "/captcha/": "a picture that anybody needs to log in",
    "/captcha/slider/": "likewise",
    "/login/": "where one logs in",
    "/login/code/": "sends a code to whoever solves the captcha",
    "/forgot/": "where one goes who cannot log in",
    "/forgot/verify/": "its second step",
    "/forgot/code/": "its second step",
    "/forgot/link/<token>/": "a link from a mail",
    "/forgot/new/": "its last step, for whoever has proof",
    "/logout/": "ends what there is to end",
    "/register/": "where one registers",
    "/register/regions/": "reference data",
    "/register/companies/": "companies that wait for their account",
    "/health/live": "asked by the machine that watches",
    "/health/ready": "asked by the machine that watches",
}
WITHOUT_ROW = {"/evidence/verify/<after>/": "the lines of the log after a number"}
OPEN_TO_NONE = {
    "/formulas/options/<name>/": "a formula refers to nothing",
    "/filings/delete/<pk>/": "no role of the demo profile deletes a filing",
    "/demand_contacts/add/": "its address names a demand: tests/test_demands.py",
    "/my_demands/confirm/<pk>/": "a demand is settled first: tests/test_demands.py",
    "/invitations/": "nobody of the table has a link: tests/test_consultants.py",
    "/account/devices/<pk>/end/": "the logins of a test are its own: tests/test_login.py",
    "/membership/leave/": "a sub-account leaves by itself: tests/test_people.py",
    "/certifications/delete/<pk>/": "no role of the demo profile deletes a request",
    "/organization-changes/delete/<pk>/": "no role of the demo profile deletes a request",
    "/accreditations/delete/<pk>/": "no role of the demo profile deletes a request",
    "/association-applications/delete/<pk>/": "no role of the demo profile deletes a request",
    "/association-applications/options/<name>/": "a request of this kind refers to nothing",
    "/organizations/delete/<pk>/": "no role of the demo profile deletes an organization",
    "/announcements/options/<name>/": "an announcement refers to nothing",
    "/agreements/options/<name>/": "its filter and form choose from fixed lists",
}


def unlisted(app: Flask, table: list[Line]) -> set[tuple[str, str]]:
    """Routes of the application that the table does not speak of."""
    walked = {(line.method, line.rule) for line in table}
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in NOT_WALKED
    } - walked


def stale(app: Flask, table: list[Line]) -> set[tuple[str, str]]:
    """Lines of the table whose route is gone."""
    there = {(m, rule.rule) for rule in app.url_map.iter_rules() for m in rule.methods or ()}
    return {(line.method, line.rule) for line in table} - there


LINES = lines(TABLE)


def test_the_table_speaks_of_every_route(application):
    assert unlisted(application, LINES) == set()
    assert stale(application, LINES) == set()
    named = {rule for _method, rule in {(line.method, line.rule) for line in LINES}}
    assert OPEN_TO_ALL.keys() | OPEN_TO_NONE.keys() <= named


def test_routes_with_a_row_are_asked_with_own_and_foreign_ones():
    for rule in {line.rule for line in LINES if "<" in line.rule}:
        asked = {line.whose for line in LINES if line.rule == rule}
        assert asked == {"own", "foreign"} or rule in OPEN_TO_ALL | WITHOUT_ROW, rule


def test_every_route_is_allowed_to_somebody_and_refused_to_somebody():
    for line in LINES:
        same = [other for other in LINES if (other.method, other.rule) == (line.method, line.rule)]
        answers = {answer for other in same for answer in other.expected.values()}
        allowed = answers & FORM_ANSWERS
        refused = answers & {"login", "401", "403", "404", "409"}
        assert allowed or line.rule in OPEN_TO_NONE, line
        assert refused or line.rule in OPEN_TO_ALL, line


@pytest.mark.parametrize("role", WALKED)
def test_every_route_answers_each_role_as_the_table_says(app, sign_in, role):
    rows = planted(app)[role]
    client = sign_in(None if role == "anonymous" else role)
    answers = {
        (line.method, line.rule, line.whose): outcome(client, line, address(line, rows))
        for line in LINES
    }
    expected = {(line.method, line.rule, line.whose): line.expected[role] for line in LINES}
    assert answers == expected


@pytest.mark.db
def test_lists_and_exports_hold_own_rows_only(app, sign_in):
    """Beyond the status: no byte of an uncertified organization on any page of a stranger."""
    rows = planted(app)
    secret = ("望澜启帆创业孵化器", "望澜链擎工业互联网平台", "云岫众智产业服务", "12000000116")
    for role in ("anonymous", "visitor", "institution"):
        client = sign_in(None if role == "anonymous" else role)
        for line in LINES:
            if line.method == "GET" and line.rule != "/register/companies/":
                page = client.get(address(line, rows[role]), buffered=True).data
                found = [name for name in secret if name.encode() in page]
                assert not found, (role, line.rule, found)


# --- the walk sees what it is for -----------------------------------------------------------


class StrayView(BaseView):
    """A page that somebody forgot to put on the base."""

    route_base = "/stray"

    @expose("/")
    def show(self) -> str:
        """Open to everybody."""
        return "stray"


class StrayModelView(ModelView):
    """A stock view over our data."""

    datamodel = SQLAInterface(Announcement)
    route_base = "/stray-model"


def outside_the_base(app: Flask) -> set[str]:
    """The registered views that are not built on our base."""
    return {
        type(view).__name__
        for view in app.extensions["appbuilder"].baseviews
        if not isinstance(view, Page)
        or (isinstance(view, ModelView) and not isinstance(view, BackOfficeView))
    }


@pytest.fixture
def second(app, store, monkeypatch) -> Flask:
    """Another application on the same data, to plant something in."""
    del app
    monkeypatch.setattr(security, "watch_rights", lambda: None)  # it watches already
    return create_app(TESTING=True, SQLALCHEMY_DATABASE_URI=store.url)


def test_every_view_is_built_on_the_base(application):
    assert outside_the_base(application) == set()


@pytest.mark.parametrize("view", [StrayView, StrayModelView])
def test_a_planted_view_is_seen(second, view):
    assert outside_the_base(second) == set()
    with second.app_context():
        second.extensions["appbuilder"].add_view_no_menu(view)
        db.engine.dispose()
    assert outside_the_base(second) == {view.__name__}
    assert unlisted(second, LINES)


LISTED = ("filter_columns", "order_columns", "list_columns")


def test_every_generated_view_writes_down_what_it_offers(application):
    views = [v for v in application.extensions["appbuilder"].baseviews if isinstance(v, ModelView)]
    assert len(views) >= 6
    for view in views:
        name = type(view).__name__
        said = {
            key
            for cls in type(view).__mro__
            if issubclass(cls, BackOfficeView) and cls is not BackOfficeView
            for key in vars(cls)
        }
        is_listed = not view.include_route_methods or "list" in view.include_route_methods
        assert {"title", *(LISTED if is_listed else ())} <= said, name
        assert view.title
        cells = [*view.cells, *view.details, *view.filters]
        assert cells, name
        unnamed = [c.path for c in cells if not isinstance(c.label, LazyString) and c.path != "id"]
        assert unnamed == [], name
        children = [child for cell in view.details for child in cell.columns]
        assert all(isinstance(child.label, LazyString) for child in children), name
        assert set(view.order_columns) <= {c.key for c in view.mapper.column_attrs}, name


# --- nothing changes by chance --------------------------------------------------------------


KEPT_OF_READERS = ("throttle", "audit_entry")
"""What a reader leaves behind: how often something was asked, what was refused or exported."""


def everything(app: Flask, *but: str) -> dict[str, list[Any]]:
    """Every row of every table, and the files in the store."""
    with app.app_context(), db.engine.connect() as connection:
        rows: dict[str, list[Any]] = {
            table.name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for table in Model.metadata.sorted_tables
            if table.name not in but
        }
    folder = app.extensions["store"].folder
    return rows | {"files": sorted(path.name for path in folder.rglob("*") if path.is_file())}


@pytest.mark.parametrize("role", WALKED)
def test_no_get_request_changes_anything(app, sign_in, role):
    rows = planted(app)[role]
    client = sign_in(None if role == "anonymous" else role)
    before = everything(app, *KEPT_OF_READERS)
    for line in LINES:
        if line.method == "GET" and not line.rule.startswith("/captcha/"):  # which keep an answer
            client.get(address(line, rows), buffered=True)
    assert everything(app, *KEPT_OF_READERS) == before


def test_routes_that_change_something_refuse_get(app, sign_in):
    by_rule: dict[str, set[str]] = {}
    for line in LINES:
        by_rule.setdefault(line.rule, set()).add(line.method)
    closed = [rule for rule, methods in by_rule.items() if "GET" not in methods]
    assert len(closed) >= 9
    for role in ROLES:
        rows = planted(app)[role] if role == "operator" else None
        client = sign_in(None if role == "anonymous" else role)
        for line in LINES:
            if line.rule in closed and rows is not None:
                for method in ("GET", "HEAD"):
                    assert client.open(address(line, rows), method=method).status_code == 405, line


def typed(client: Any, path: str) -> MultiDict[str, str]:
    """What the browser would send of a form page, unchanged."""
    form = BeautifulSoup(client.get(path).text, "html.parser").select_one("form.record-form")
    assert form is not None, path
    sent: MultiDict[str, str] = MultiDict()
    for field in form.select("[name]"):
        name = str(field["name"])
        if field.find_parent("template") or "disabled" in field.attrs or name == "csrf_token":
            continue
        if field.name == "select":
            for option in field.select("option[selected]"):
                sent.add(name, str(option.get("value", "")))
        elif field.name == "textarea":
            sent.add(name, field.text.removeprefix("\n"))
        elif field.get("type") not in {"checkbox", "radio"} or "checked" in field.attrs:
            sent.add(name, str(field.get("value", "")))
    return sent


def _with(form: MultiDict[str, str], **values: str) -> MultiDict[str, str]:
    """The form after somebody typed something else into it."""
    sent = form.copy()
    for name, value in values.items():
        sent[name] = value
    return sent


def upload(client: Any, rule: str) -> str:
    sent = {"rule": rule, "file": (picture(), "x.png")}
    return str(client.post("/files/", data=sent).json["id"])


ANNOUNCED = {"title": "新的公告", "body": "正文", "publish_at": "2026-01-31T09:30"}
REGISTERED = {
    "mobile": "13900001234", "password": "Spring#2026", "password_again": "Spring#2026",
    "accept_terms": "1", "captcha": "0000", "real_name": "何友", "username": "latefriend",
    "email": "friend@example.com",
}  # fmt: skip
COMPANY = {
    "name": "望澜迟来科技有限公司", "credit_code": credit_code("77"), "region": "990101",
    "address": "望澜市澄川区新路7号", "industry": "65", "contact_name": "何迟",
}  # fmt: skip
AUTHORITY = {
    "name": "栖岭市经济发展局", "credit_code": credit_code("92"), "region": "990200",
    "address": "栖岭市政务路9号", "contact_name": "江晚", "contact_phone": "12000000778",
    "kind": "bureau",
}  # fmt: skip
AGREEMENT = {
    "document": "user_agreement", "number": "1.3", "title": "用户协议", "body": "第一条 约定。",
}  # fmt: skip
STAFF_FORM = COMPANY | {"contact_phone": "13900001236"}


def _application(client: Any, model: MultiDict[str, str]) -> MultiDict[str, str]:
    """The request of somebody else, with another company and with files of one's own."""
    sent = model.copy()
    sent.pop("version", None)  # tells which state of the other's row was read
    sent["name"], sent["credit_code"] = "望澜另一家有限公司", credit_code("79")
    sent["logo"], sent["licence_file"] = upload(client, "logo"), upload(client, "licence")
    for name in [name for name in sent if name.endswith("-proof") and sent[name]]:
        sent[name] = upload(client, "licence")
    return sent


@pytest.fixture
def changes(app, sign_in) -> list[tuple[Any, str, str, dict[str, Any]]]:
    """Browser, method, address and body of a request that works, for each route that changes."""
    rows = planted(app)
    clients = {role: sign_in(role) for role in ROLES[1:]}
    operator, newcomer, visitor = (clients[n] for n in ("operator", "newcomer", "visitor"))
    mine = rows["newcomer"]["own"]
    news = f"/announcements/edit/{rows['operator']['own']['announcements']}/"
    organization = f"/organizations/edit/{rows['institution']['own']['organizations']}/"
    request = f"/accreditations/edit/{mine['accreditations']}/"
    returned = typed(newcomer, request)
    case, secadmin = rows["operator"]["own"], clients["secadmin"]
    with app.app_context(), system_session() as session:
        staff_key = session.scalars(select(Person.id).filter_by(username="operator2")).one()
    return [
        (sign_in(), "POST", "/login/", {"data": {
            "username": "visitor", "password": "Qifu#2026", "captcha": "0000"}}),
        (sign_in(), "POST", "/register/?kind=ordinary", {"data": REGISTERED}),
        (visitor, "PUT", "/drafts/organizations-new", {"json": [["name", "x"]]}),
        (visitor, "POST", "/drafts/organizations-new/discard/", {"data": {}}),
        (visitor, "POST", "/files/", {"data": {"rule": "logo"}}),
        (visitor, "POST", "/accreditations/add/", {"data": _application(visitor, returned)}),
        (newcomer, "POST", f"/cases/{mine['cases']}/withdraw/", {"data": {}}),
        (newcomer, "POST", request, {"data": _with(returned, advantages="又快又好")}),
        (operator, "POST", "/announcements/add/", {"data": ANNOUNCED}),
        (operator, "POST", news, {"data": _with(typed(operator, news), title="改过")}),
        (operator, "POST", news.replace("edit", "delete"), {"data": {}}),
        (operator, "POST", "/organizations/add/", {"data": STAFF_FORM}),
        (clients["institution"], "POST", organization, {
            "data": _with(typed(clients["institution"], organization), website="https://x.cn")}),
        (operator, "POST", f"/cases/{case['cases']}/tasks/{case['task']}/approve/", {"data": {}}),
        (secadmin, "POST", "/users/add/", {"data": {
            "username": "fresh_staff", "name": "方知远", "mobile": "12000000777",
            "roles": "operator"}}),
        (secadmin, "POST", f"/users/{staff_key}/roles/", {"data": {"roles": "auditor"}}),
        (secadmin, "POST", f"/users/{case['users']}/logout/", {"data": {}}),
        (secadmin, "POST", "/authorities/add/", {"data": AUTHORITY}),
        (operator, "POST", "/agreements/add/", {"data": AGREEMENT}),
        (operator, "POST", f"/agreements/edit/{case['agreements']}/", {
            "data": AGREEMENT | {"number": "1.4"}}),
        (operator, "POST", f"/agreements/delete/{case['agreements/delete']}/", {"data": {}}),
        (operator, "POST", f"/agreements/publish/{case['agreements']}/", {"data": {}}),
        (clients["institution"], "POST", "/accept/", {"data": {"version": "user_agreement 1.4"}}),
        (operator, "POST", "/logout/", {"data": {}}),
    ]  # fmt: skip


def _send(client: Any, method: str, path: str, sent: dict[str, Any], token: str | None) -> Any:
    """One request, its body made anew: a file can be sent once only."""
    given = {key: value.copy() if hasattr(value, "copy") else value for key, value in sent.items()}
    if path == "/files/":
        given["data"]["file"] = (picture(), "x.png")
    headers = {} if token is None else {"X-CSRFToken": token}
    return client.open(path, method=method, headers=headers, **given)


def faults(answer: Any) -> list[str]:
    """What a form says is wrong."""
    page = BeautifulSoup(answer.text, "html.parser")
    return [note.get_text(" ", strip=True) for note in page.select(".note, .field-error, .error")]


def _token(client: Any) -> str:
    page = BeautifulSoup(client.get("/login/", follow_redirects=True).text, "html.parser")
    return str(page.select_one("meta[name=csrf-token]")["content"])  # type: ignore[index]


@pytest.mark.db
def test_without_the_right_token_nothing_changes(app, changes, sign_in, monkeypatch):
    stranger = sign_in("institution2")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    others = _token(stranger)
    for client, method, path, sent in changes:
        before = everything(app, *KEPT_OF_READERS)
        for token in (None, "", "wrong", others):
            answer = _send(client, method, path, sent, token)
            assert answer.status_code == 400, (path, token)
        field = {"csrf_token": others} | dict(sent.get("data", {}))
        if "data" in sent:
            assert client.post(path, data=field).status_code == 400
        assert everything(app, *KEPT_OF_READERS) == before, path
        answer = _send(client, method, path, sent, _token(client))
        assert answer.status_code in {200, 302}, (path, faults(answer))
        after = everything(app, *KEPT_OF_READERS)
        assert after != before, f"{path}: with its token it should have worked"


# --- mass assignment ------------------------------------------------------------------------


def odd(model: Any) -> dict[str, str]:
    """A value for every column that no honest form would send."""
    values: dict[str, str] = {}
    for name, column in model.__mapper__.columns.items():
        kind = getattr(column.type, "python_type", str)
        values[name] = {int: "7777", bool: "1", datetime: "2001-01-01T00:00"}.get(kind, "7777")
    values.pop("version", None)  # a form sends it to say what it has read
    return values | {"certification": "certified", "state": "approved", "roles": "1"}


def sneaked(app: Flask, forms: dict[Any, set[str]]) -> set[tuple[str, int, str]]:
    """Table, row and column, beyond what forms have, that hold an odd value."""
    found = set()
    with app.app_context(), system_session() as session:
        for model in (Organization, Accreditation, Announcement, Person, Membership):
            sent = {name: odd(model)[name] for name in odd(model).keys() - forms.get(model, set())}
            for row in session.scalars(select(model)):
                for name in sent.keys() & {*model.__mapper__.columns.keys()}:
                    value = getattr(row, name)
                    early = isinstance(value, datetime) and value.year == 2001
                    if early or str(value) == sent[name]:
                        found.add((model.__name__, row.id, name))
    return found


def test_no_route_that_changes_something_takes_a_request_without_its_token(
    app, sign_in, monkeypatch
):
    """For each of them, by whoever may reach it; a body is not even looked at."""
    rows = planted(app)
    clients = {role: sign_in(None if role == "anonymous" else role) for role in ROLES}
    others = _token(sign_in("institution2"))
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    limited = ("throttle", "audit_entry", "login_session")
    before = everything(app, *limited)
    asked = set()
    for line in LINES:
        allowed = [role for role in ROLES if line.expected[role] in FORM_ANSWERS | {"409"}]
        if line.method == "GET" or not allowed or line.whose == "foreign":
            continue
        client = clients[allowed[0]]
        for token in (None, "wrong", others):
            headers = {} if token is None else {"X-CSRFToken": token}
            path = address(line, rows[allowed[0]])
            answer = client.open(path, method=line.method, headers=headers, **body(line))
            assert answer.status_code == 400, (path, allowed[0], token)
        asked.add(line.rule)
    known = {line.rule for line in LINES if line.method != "GET"}
    assert known - asked <= OPEN_TO_NONE.keys()
    assert everything(app, *limited) == before


@pytest.mark.db
def test_columns_that_no_form_has_are_never_written(app, sign_in):
    rows = planted(app)
    operator, newcomer, visitor, institution = (
        sign_in(name) for name in ("operator", "newcomer", "visitor", "institution")
    )
    views: dict[Any, set[str]] = {}
    for view in app.extensions["appbuilder"].baseviews:
        if isinstance(view, BackOfficeView) and view.form_columns:
            views.setdefault(view.model, set(view.form_columns))  # an authority comes later
    mine = rows["newcomer"]["own"]
    own = f"/organizations/edit/{mine['organizations']}/"
    certified = f"/organizations/edit/{rows['institution']['own']['organizations']}/"
    request = f"/accreditations/edit/{mine['accreditations']}/"
    two = rows["newcomer"]["foreign"]
    child = {
        "qualifications-0-id": "1", "qualifications-0-organization_id": two["organizations"],
        "qualifications-0-accreditation_id": two["accreditations"],
        "qualifications-0-name": "证书", "qualifications-0-number": "1",
        "cases-0-accreditation_id": two["accreditations"],
    }  # fmt: skip
    newcomer.post(f"/cases/{mine['cases']}/withdraw/")  # one application at a time
    returned = typed(newcomer, request)
    filled = _with(typed(newcomer, own), legal_person="某人")
    changed = typed(institution, certified)
    posts = (
        (operator, "/organizations/add/", Organization, STAFF_FORM),
        (newcomer, own, Organization, filled),
        (institution, certified, Organization, changed),
        (visitor, "/accreditations/add/", Accreditation, _application(visitor, returned)),
        (newcomer, request, Accreditation, returned),
        (operator, "/announcements/add/", Announcement, ANNOUNCED),
        (sign_in(), "/register/?kind=enterprise", Organization, {
            **REGISTERED, **COMPANY, "credit_code": credit_code("78"), "name": "望澜又迟公司"}),
    )  # fmt: skip
    before = sneaked(app, views)
    for client, path, model, sent in posts:
        more = {k: v for k, v in odd(model).items() if k not in views[model]} | child
        form = MultiDict(more)
        form.update(sent)
        if model is Organization:
            form.update({k: v for k, v in odd(Person).items() if k not in form})
        answer = client.post(path, data=form)
        assert answer.status_code == 302, (path, faults(answer))
        assert sneaked(app, views) == before, path
        with app.app_context(), system_session() as session:
            certificates = session.get_one(Organization, two["organizations"]).qualifications
            assert [row.name for row in certificates] == ["律师事务所执业许可证"]


@pytest.mark.db
def test_what_is_fixed_stays_whatever_a_member_posts(app, sign_in):
    rows = planted(app)
    client, key = sign_in("institution"), rows["institution"]["own"]["organizations"]
    path = f"/organizations/edit/{key}/"
    frozen = {
        "name": "改名有限公司", "credit_code": credit_code("44"), "region": "990201",
        "address": "别处", "industry": "72", "legal_person": "别人", "founded_on": "2001-01-01",
        "registered_capital": "1", "institution_kind": "tech", "service_categories": "",
        "licence_file": upload(client, "licence"), "qualifications-0-name": "假证",
        "qualifications-0-number": "1",
    }  # fmt: skip
    sent = typed(client, path)
    sent.update(frozen)
    before = everything(app, "access_version", "audit_entry")
    sent["website"] = "https://example.com/new"
    assert client.post(path, data=sent).status_code == 302
    after = everything(app, "access_version", "audit_entry")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"organization"}
    old, new = (
        next(row for row in rows_["organization"] if row.id == key) for rows_ in (before, after)
    )
    names = {name for name in old._fields if getattr(old, name) != getattr(new, name)}
    assert names == {"website", "version"}


# --- reference data in use: a right that is taken away works at once ------------------------


@pytest.mark.db
def test_a_right_that_is_taken_away_is_gone_at_the_next_request(app, sign_in):
    client = sign_in("operator")
    assert client.get("/organizations/list/").status_code == 200
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "operator")).one()
        person.roles = []
        session.commit()
    assert "/login/" in client.get("/organizations/list/").headers["Location"]
    client = sign_in("operator")
    assert client.get("/organizations/list/").status_code == 403
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "operator")).one()
        person.active = False
        session.commit()
    assert "/login/" in client.get("/organizations/list/").headers["Location"]
