"""The association (促进会): 入会申请 with the form of its request, and 会员管理 (S4-2, S4-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select

from app import access, clock
from app.columns import FieldInfo, Phrase
from app.extensions import db
from app.models import AssociationApplication, Organization
from app.services import association, organizations
from app.views.base import BackOfficeView
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.view import Answer
from app.views.requests import RequestView

MEMBERS = ("member", "expired")
ENDING = {
    "reason": FieldInfo(
        _l("Reason"), kind="long", required=True, maximum=200,
        hint=_l("Written to the log; the institution stays on the platform."),
    ),
}  # fmt: skip


class AssociationView(RequestView):
    """入会申请: the second case of an accreditation, or a request of its own."""

    datamodel = SQLAInterface(AssociationApplication)
    route_base = "/association-applications"
    flow = association.FLOW
    title = _l("Membership requests")
    list_columns = (
        "case.number", "name", "member_kind", "representative_name", "state", "submitted_at",
    )  # fmt: skip
    form_columns = (
        "member_kind", "representative_name", "representative_title", "representative_mobile",
        "join_reason", "membership_form", "contact_email", "accept_charter",
    )  # fmt: skip
    show_columns = ("name", *form_columns)
    filter_columns = ("member_kind", "submitted_at")
    order_columns = ("id", "submitted_at")
    tab_column = "state"

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A second request while one runs would only be refused: lead to the first."""
        who = access.actor()
        mine = AssociationApplication.organization_id == who.organization_id
        running = AssociationApplication.state.in_(association.UNDER_WAY)
        found = db.session.scalar(select(AssociationApplication).where(mine, running).limit(1))
        if found is not None:
            return redirect(self.case_url(found))
        firm = self.own_organization()
        if firm is None or not may_join(firm):
            return redirect(url_for("MyOrganizationView.show"))
        return self.form_page(self.new_row())

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Applicants come by their own data, the association by its list."""
        if self.may("list"):
            return super().crumbs(*more)
        own = (_("Institution data"), url_for("MyOrganizationView.show"))
        return [(_("Workbench"), url_for("WorkbenchView.show")), own, *more]

    def new_row(self) -> AssociationApplication:
        """What the institution has on file stands in the form already."""
        firm = self.own_organization()
        row = AssociationApplication(member_kind="unit")
        if firm is not None:
            row.name = firm.name
            row.representative_name = firm.legal_person or firm.contact_name
            row.contact_email = firm.contact_email or ""
        return row

    def prepare(self, row: AssociationApplication) -> None:
        """Whose request it is, by the name of its institution."""
        who, firm = access.actor(), self.own_organization()
        row.applicant_id = row.applicant_id or who.user_id or 0
        row.organization_id = row.organization_id or who.organization_id
        row.name = firm.name if firm is not None else row.name
        row.created_at = row.created_at or clock.now()

    def form_title(self, _row: AssociationApplication) -> str:
        """The words of the manual."""
        return _("Apply for membership of the enterprise service association")


class MemberView(Sheets, BackOfficeView):
    """会员管理: who is a member, since when and until when; the association ends it."""

    datamodel = SQLAInterface(Organization)
    route_base = "/association-members"
    title = _l("Member management")
    labels: Mapping[str, Phrase] = MappingProxyType(
        {"name": _l("Institution name"), "association_state": _l("Membership")}
    )
    list_columns = (
        "name", "member_no", "member_kind", "association_state", "member_since", "member_until",
        "contact_name", "contact_phone",
    )  # fmt: skip
    show_columns = (
        "name", "credit_code", "region", "address", "industry", "legal_person",
        "association_state", "member_kind", "member_no", "member_since", "member_until",
        "contact_name", "contact_phone", "contact_email",
    )  # fmt: skip
    filter_columns = ("member_kind", "region")
    order_columns = ("id", "name", "member_until")
    tab_column = "association_state"
    base_permissions = ["can_list", "can_show", "can_export", "can_reveal", "can_end"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"add", "edit", "delete"}

    def base_conditions(self) -> Sequence[Any]:
        """Who is, or was until its years were over, a member."""
        return [Organization.association_state.in_(MEMBERS)]

    def _tab_conditions(self) -> dict[str, Any]:
        return {code: rule for code, rule in super()._tab_conditions().items() if code in MEMBERS}

    def buttons(self, row: Organization) -> Sequence[dict[str, Any]]:
        """The membership may be ended, with a reason."""
        if not self.may("end"):
            return []
        url = url_for(".end", pk=row.id)
        return [{"label": _("End the membership"), "url": url, "icon": "unlink", "method": "get"}]

    @expose("/end/<pk>/", methods=["GET", "POST"])
    @has_access
    def end(self, pk: str) -> Answer:
        """取消会籍: at once, with a reason; the institution itself stays."""
        row = self.row_or_404(pk)
        form = sheet_form(ENDING)(request.form if request.method == "POST" else None)

        def act() -> str:
            session, now = db.session(), clock.now()
            association.MEMBERS.move(
                session, row.id, "end", now, opinion=form["reason"].data or "",
                member_until=clock.local_day(now),
            )  # fmt: skip
            flash(_("The membership was ended."), "success")
            return url_for(".list")

        title = _("End the membership")
        back = url_for(".show", pk=row.id)
        crumbs = self.crumbs((row.name, back), (title, ""))
        words = Words(f"{title}: {row.name}", title, back, crumbs)
        return self.sheet(form, words, list, act)


def may_join(firm: Organization) -> bool:
    """Whether an institution may apply: no member, or one whose years end soon."""
    if firm.institution_state != "in_pool":
        return False
    if firm.association_state == "member":
        days = max(current_app.extensions["profile"].limits.expiry_reminder_days)
        return organizations.may_renew(firm.member_until, clock.local_day(clock.now()), days)
    return firm.association_state != "applying"
