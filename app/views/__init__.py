"""The pages: which views there are and where they stand in the menu."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_babel import lazy_gettext as _l

from app.columns import Phrase
from app.models import FlowCase, Organization
from app.security import PEOPLE, AppSecurityManager
from app.services.rights import Pages
from app.views import frame, health
from app.views.account import AccountView
from app.views.accreditations import AccreditationView
from app.views.agreements import AgreementView, ConsentView
from app.views.announcements import AnnouncementView
from app.views.audit import AuditView, EvidenceView, LoginLogView
from app.views.authorities import AuthorityView
from app.views.cases import CaseView, DoneView, MyCasesView, TodoView
from app.views.certifications import CertificationView, OrganizationChangeView
from app.views.drafts import DraftView
from app.views.files import FileView
from app.views.forgotten import ForgottenView
from app.views.jobs import JobView
from app.views.membership import JoinRequestView, MainAccountChangeView, MembershipView
from app.views.messages import MessageView, SentMessageView
from app.views.my_account import MyAccountView
from app.views.organizations import MyOrganizationView, OrganizationView
from app.views.people import PeopleView
from app.views.portal import PortalView
from app.views.registration import RegistrationView
from app.views.rights import RightsView
from app.views.users import UserView
from app.views.workbench import WorkbenchView

VIEWS = (
    PortalView, RegistrationView, AccountView, ForgottenView, MyAccountView,
    FileView, DraftView, WorkbenchView,
    MyOrganizationView, OrganizationView, CertificationView, OrganizationChangeView,
    AccreditationView, CaseView, TodoView, MyCasesView,
    DoneView, AnnouncementView, UserView, AuthorityView, RightsView, AgreementView, ConsentView,
    JobView, MessageView, SentMessageView,
    PeopleView, MembershipView, JoinRequestView, MainAccountChangeView,
    AuditView, LoginLogView, EvidenceView,
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A group of the menu: its permission key, what people read, its icon."""

    name: str
    label: Phrase
    icon: str


TASKS = Group("tasks", _l("My to-do list"), "checklist")
SYSTEM = Group("system", _l("System management"), "settings")
ENTERPRISES = Group("enterprises", _l("Enterprise management"), "building")
AUDIT = Group("audit", _l("Audit"), "list-details")
INSTITUTIONS = Group("institutions", _l("Institution management"), "building-store")

# Permission key, view, method, label, icon, group.  A key is stored: renaming one orphans it.
MENU: tuple[tuple[str, Any, str, Phrase, str, Group | None], ...] = (
    ("workbench", WorkbenchView, "show", _l("Workbench"), "layout-dashboard", None),
    ("tasks.todo", TodoView, "list", _l("Waiting for me"), "", TASKS),
    ("tasks.mine", MyCasesView, "list", _l("My applications"), "", TASKS),
    ("tasks.done", DoneView, "list", _l("Done by me"), "", TASKS),
    ("my_organization", MyOrganizationView, "show", _l("My organization"), "building", None),
    ("institution", MyOrganizationView, "show", _l("Institution data"), "building-store", None),
    ("accreditation", AccreditationView, "choose", _l("Role certification"), "certificate", None),
    ("my_cases", MyCasesView, "list", _l("My applications"), "send", None),
    ("enterprises.certifications", CertificationView, "list", _l("Enterprise certification"), "",
     ENTERPRISES),
    ("enterprises.changes", OrganizationChangeView, "list", _l("Change of data"), "", ENTERPRISES),
    ("institutions.list", OrganizationView, "list", _l("Institutions"), "", INSTITUTIONS),
    ("institutions.cases", AccreditationView, "list", _l("Applications"), "", INSTITUTIONS),
    (PEOPLE, PeopleView, "list", _l("User management"), "users", None),
    ("announcements", AnnouncementView, "list", _l("Announcements"), "speakerphone", None),
    ("system.users", UserView, "list", _l("Users"), "", SYSTEM),
    ("system.authorities", AuthorityView, "list", _l("Authorities"), "", SYSTEM),
    ("system.roles", RightsView, "show", _l("Roles and rights"), "", SYSTEM),
    ("system.agreements", AgreementView, "list", _l("Agreement management"), "", SYSTEM),
    ("system.jobs", JobView, "list", _l("Scheduled jobs"), "", SYSTEM),
    ("system.outbox", SentMessageView, "list", _l("Sent messages"), "", SYSTEM),
    ("audit.log", AuditView, "list", _l("Audit log"), "", AUDIT),
    ("audit.logins", LoginLogView, "list", _l("Login log"), "", AUDIT),
    ("audit.evidence", EvidenceView, "show", _l("Evidence"), "", AUDIT),
    ("messages", MessageView, "list", _l("Messages"), "bell", None),
)  # fmt: skip


PARTS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "my_organization": (OrganizationView, CertificationView, OrganizationChangeView),
        "institution": (
            OrganizationView, CertificationView, OrganizationChangeView, AccreditationView,
        ),
    }
)  # fmt: skip
"""Pages without an entry of their own, by the entries that lead to them."""


def pages(app: Flask) -> Pages:
    """The menu as the rights of sub-accounts are given by (F07)."""
    subjects = {flow.subject for flow in app.extensions["workflow"].flows.values()}
    views: dict[str, tuple[str, ...]] = {}
    for name, view, *_rest in MENU:
        views[name] = tuple(v.__name__ for v in (view, *PARTS.get(name, ())))
    models = {v.__name__: getattr(getattr(v, "datamodel", None), "obj", None) for v in VIEWS}
    records = subjects | {Organization, FlowCase}
    return Pages(
        views,
        {name: (group.label if group else "", label) for name, _v, _m, label, _i, group in MENU},
        frozenset(name for name, model in models.items() if model in subjects),
        frozenset(name for name, model in models.items() if model in records),
    )


class BackOffice(AppBuilder):
    """FAB without its own pages and assets: each address is one of ours."""

    def _add_admin_views(self) -> None:
        self.sm.register_views()

    def _add_global_static(self) -> None:
        """Not served: the templates and scripts are ours."""


def register(app: Flask, session: Any) -> None:
    """Add all views and the menu."""
    office = BackOffice(security_manager_class=AppSecurityManager)
    office.init_app(app, session)
    app.extensions["babel"].locale_selector = frame.locale
    added: dict[Any, Any] = {view: office.add_view_no_menu(view) for view in VIEWS}
    office.sm.auth_view = added[AccountView]
    for name, view, method, label, icon, group in MENU:
        category = {} if group is None else {
            "category": group.name, "category_label": group.label, "category_icon": group.icon,
        }  # fmt: skip
        office.add_link(
            name,
            href=f"{view.__name__}.{method}",
            label=label,
            icon=icon,
            baseview=added[view],
            **category,
        )
    app.extensions["pages"] = pages(app)
    frame.install(app)
    health.install(app)
