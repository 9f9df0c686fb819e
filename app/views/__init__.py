"""The pages: which views there are and where they stand in the menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_babel import lazy_gettext as _l

from app.columns import Phrase
from app.security import AppSecurityManager
from app.views import frame, health
from app.views.account import AccountView
from app.views.accreditations import AccreditationView
from app.views.announcements import AnnouncementView
from app.views.cases import CaseView, DoneView, MyCasesView, TodoView
from app.views.drafts import DraftView
from app.views.files import FileView
from app.views.organizations import MyOrganizationView, OrganizationView
from app.views.portal import PortalView
from app.views.registration import RegistrationView
from app.views.workbench import WorkbenchView

VIEWS = (
    PortalView, RegistrationView, AccountView, FileView, DraftView, WorkbenchView,
    MyOrganizationView, OrganizationView, AccreditationView, CaseView, TodoView, MyCasesView,
    DoneView, AnnouncementView,
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A group of the menu: its permission key, what people read, its icon."""

    name: str
    label: Phrase
    icon: str


TASKS = Group("tasks", _l("My to-do list"), "checklist")
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
    ("institutions.list", OrganizationView, "list", _l("Institutions"), "", INSTITUTIONS),
    ("institutions.cases", AccreditationView, "list", _l("Applications"), "", INSTITUTIONS),
    ("announcements", AnnouncementView, "list", _l("Announcements"), "speakerphone", None),
)  # fmt: skip


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
    frame.install(app)
    health.install(app)
