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
from app.models import Consultant, Demand, FlowCase, Organization, Product, Rating
from app.security import PEOPLE, AppSecurityManager
from app.services.rights import Pages
from app.views import frame, health
from app.views.account import AccountView
from app.views.accreditations import AccreditationView
from app.views.activities import ActivityView, MailedActivityView
from app.views.agreements import AgreementView, ConsentView
from app.views.announcements import AnnouncementView
from app.views.association import AssociationView, MemberView
from app.views.audit import AuditView, EvidenceView, LoginLogView
from app.views.authorities import AuthorityView
from app.views.cases import CaseView, DoneView, MyCasesView, TodoView
from app.views.categories import CategoryView
from app.views.certifications import CertificationView, OrganizationChangeView
from app.views.consultant_pages import ConsultantPageView
from app.views.consultants import AllConsultantsView, ConsultantView, InvitationView
from app.views.contacts import DemandContactView
from app.views.dashboard import DashboardView
from app.views.demand_board import DemandBoardView
from app.views.demands import DemandView, LateDemandView, OpenDemandView
from app.views.drafts import DraftView
from app.views.files import FileView
from app.views.filings import FilingView
from app.views.forgotten import ForgottenView
from app.views.invited import AnswerView, MyProfileView
from app.views.jobs import JobView
from app.views.market import MarketView
from app.views.membership import JoinRequestView, MainAccountChangeView, MembershipView
from app.views.messages import MessageView, SentMessageView
from app.views.my_account import MyAccountView
from app.views.my_demands import MyDemandView
from app.views.organizations import InstitutionView, MyOrganizationView, OrganizationView
from app.views.people import PeopleView
from app.views.pool import PoolView
from app.views.portal import PortalView
from app.views.product_reviews import ProductReviewView
from app.views.products import ListingView, SpecialProductView
from app.views.ranking_board import BoardView
from app.views.ratings import (
    GivenRatingView,
    RatingView,
    ReceivedRatingView,
    WaitingRatingView,
)
from app.views.registration import RegistrationView
from app.views.rights import RightsView
from app.views.scores import FormulaView, RankingView, ScoreView
from app.views.standard_products import CatalogueView, StandardProductView
from app.views.users import UserView
from app.views.workbench import WorkbenchView

VIEWS = (
    PortalView, RegistrationView, AccountView, ForgottenView, MyAccountView,
    FileView, DraftView, WorkbenchView, DashboardView,
    MyOrganizationView, OrganizationView, InstitutionView, CertificationView,
    OrganizationChangeView, AccreditationView, AssociationView, MemberView,
    CaseView, TodoView, MyCasesView,
    DoneView, AnnouncementView, UserView, AuthorityView, RightsView, AgreementView, ConsentView,
    JobView, MessageView, SentMessageView,
    ConsultantView, AllConsultantsView, InvitationView, AnswerView, MyProfileView,
    ConsultantPageView,
    PeopleView, MembershipView, JoinRequestView, MainAccountChangeView,
    DemandView, OpenDemandView, LateDemandView, DemandContactView, MyDemandView,
    FilingView, RatingView, WaitingRatingView, GivenRatingView, ReceivedRatingView,
    MarketView, DemandBoardView, CategoryView, StandardProductView, CatalogueView, ListingView,
    SpecialProductView, ProductReviewView, PoolView,
    ActivityView, MailedActivityView, RankingView, ScoreView, FormulaView, BoardView,
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
PRODUCTS = Group("products", _l("Product management"), "packages")
AUDIT = Group("audit", _l("Audit"), "list-details")
ADVISERS = Group("advisers", _l("Consultant management"), "users")
SCORES = Group("scores", _l("Activity score"), "trophy")
INSTITUTIONS = Group("institutions", _l("Institution management"), "building-store")

DEMANDS = Group("all_demands", _l("Demand management"), "message-2")

# Permission key, view, method, label, icon, group.  A key is stored: renaming one orphans it.
MENU: tuple[tuple[str, Any, str, Phrase, str, Group | None], ...] = (
    ("workbench", WorkbenchView, "show", _l("Workbench"), "layout-dashboard", None),
    ("tasks.todo", TodoView, "list", _l("Waiting for me"), "", TASKS),
    ("tasks.mine", MyCasesView, "list", _l("My applications"), "", TASKS),
    ("tasks.done", DoneView, "list", _l("Done by me"), "", TASKS),
    ("my_organization", MyOrganizationView, "show", _l("My organization"), "building", None),
    ("institution", MyOrganizationView, "show", _l("Institution data"), "building-store", None),
    ("consultants", ConsultantView, "list", _l("Consultant management"), "users", None),
    ("accreditation", AccreditationView, "choose", _l("Role certification"), "certificate", None),
    ("institutions.list", InstitutionView, "list", _l("Institutions"), "", INSTITUTIONS),
    ("institutions.cases", AccreditationView, "list", _l("Applications"), "", INSTITUTIONS),
    ("institutions.members", MemberView, "list", _l("Members of the association"), "",
     INSTITUTIONS),
    ("association.applications", AssociationView, "list", _l("Membership requests"),
     "users-plus", None),
    ("association.members", MemberView, "list", _l("Member management"), "users-group", None),
    ("advisers.all", AllConsultantsView, "list", _l("Service consultants"), "", ADVISERS),
    ("advisers.invitations", InvitationView, "list", _l("Invitations"), "", ADVISERS),
    ("my_profile", MyProfileView, "mine", _l("My profile"), "user-check", None),
    ("products.standard", ListingView, "list", _l("Standard service products"), "", PRODUCTS),
    ("products.special", SpecialProductView, "list", _l("Special service products"), "",
     PRODUCTS),
    ("products.catalogue", StandardProductView, "list", _l("Catalogue of standard products"), "",
     PRODUCTS),
    ("products.listings", ListingView, "list", _l("Listings of standard products"), "", PRODUCTS),
    ("products.all", SpecialProductView, "list", _l("Special products"), "", PRODUCTS),
    ("products.pool", PoolView, "list", _l("Product pool"), "", PRODUCTS),
    ("products.categories", CategoryView, "list", _l("Service categories"), "", PRODUCTS),
    ("demands", DemandView, "list", _l("Demand management"), "message-2", None),
    ("all_demands.list", DemandView, "list", _l("All demands"), "", DEMANDS),
    ("all_demands.open", OpenDemandView, "list", _l("To be assigned"), "", DEMANDS),
    ("all_demands.late", LateDemandView, "list", _l("Late demands"), "", DEMANDS),
    ("my_demands", MyDemandView, "list", _l("My demands"), "message-2", None),
    ("filings", FilingView, "list", _l("Transaction filings"), "file-certificate", None),
    ("ratings", WaitingRatingView, "list", _l("Rating management"), "star", None),
    ("ratings.all", RatingView, "list", _l("Rating management"), "star", None),
    ("my_trades", WaitingRatingView, "list", _l("My transactions"), "receipt", None),
    ("my_ratings", ReceivedRatingView, "list", _l("Ratings received"), "star", None),
    ("activities", ActivityView, "list", _l("Activity filings"), "calendar-event", None),
    ("ranking", RankingView, "mine", _l("Activity ranking"), "trophy", None),
    ("scores.ranking", RankingView, "list", _l("Ranking"), "", SCORES),
    ("scores.entries", ScoreView, "list", _l("Score entries"), "", SCORES),
    ("scores.formulas", FormulaView, "list", _l("Scoring rules"), "", SCORES),
    ("enterprises.list", OrganizationView, "list", _l("Enterprise directory"), "", ENTERPRISES),
    ("enterprises.certifications", CertificationView, "list", _l("Enterprise certification"), "",
     ENTERPRISES),
    ("enterprises.changes", OrganizationChangeView, "list", _l("Change of data"), "", ENTERPRISES),
    ("my_cases", MyCasesView, "list", _l("My applications"), "send", None),
    (PEOPLE, PeopleView, "list", _l("User management"), "users", None),
    ("announcements", AnnouncementView, "list", _l("Announcements"), "speakerphone", None),
    ("statistics", DashboardView, "show", _l("Statistics"), "chart-bar", None),
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
        "my_organization": (
            OrganizationView, CertificationView, OrganizationChangeView, AssociationView,
        ),
        "institution": (
            OrganizationView, CertificationView, OrganizationChangeView, AccreditationView,
            AssociationView,
        ),
        "products.standard": (CatalogueView,),
        "products.special": (ProductReviewView,),
        "ranking": (ScoreView, FormulaView),
        "demands": (DemandContactView,),
        "ratings": (RatingView, GivenRatingView, ReceivedRatingView),
        "my_trades": (RatingView, GivenRatingView, ReceivedRatingView),
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
    records = subjects | {Organization, FlowCase, Consultant, Demand, Product, Rating}
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
    takers = {type(view).__name__: view for view in added.values()}
    app.extensions["importers"] = {
        name: view for name, view in takers.items() if getattr(view, "import_columns", ())
    }
    app.extensions["pages"] = pages(app)
    frame.install(app)
    health.install(app)
