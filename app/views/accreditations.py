"""Certification of institutions (S4-2): 角色认证 for applicants, 入驻申请 for staff."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app, flash, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import or_, select

from app import access, clock
from app.access.rules import EDITABLE
from app.columns import Phrase
from app.extensions import db
from app.models import Accreditation, OrgRole
from app.services import association, organizations
from app.services.institutions import INSTITUTION
from app.views.base.cells import cell_at
from app.views.base.view import Answer
from app.views.requests import RequestView

COPIED = (
    "name", "credit_code", "region", "address", "industry", "legal_person", "founded_on",
    "registered_capital", "staff_count", "website", "short_name", "contact_name",
)  # fmt: skip


class AccreditationView(RequestView):
    """The request, from its form to the case that reviews it."""

    datamodel = SQLAInterface(Accreditation)
    route_base = "/accreditations"
    flow = "accreditation"
    title = _l("Applications")
    list_columns = (
        "case.number", "name", "credit_code", "region", "institution_kind", "state",
        "submitted_at",
    )  # fmt: skip
    form_columns = (
        "name", "credit_code", "region", "address", "industry", "legal_person", "founded_on",
        "registered_capital", "staff_count", "website", "short_name", "logo", "institution_kind",
        "service_categories", "service_area", "intro", "advantages", "cases",
        "licence_file", "qualifications", "team_size",
        "contact_name", "contact_title", "contact_mobile", "contact_email", "service_tel",
        "join_association", "member_kind", "representative_name", "representative_title",
        "representative_mobile", "join_reason", "accept_charter", "membership_form",
        "true_statement",
    )  # fmt: skip
    show_columns = form_columns
    filter_columns = ("region", "institution_kind", "join_association", "submitted_at")
    order_columns = ("id", "submitted_at")
    tab_column = "state"

    @expose("/choose/")
    @has_access
    @permission_name("add")
    def choose(self) -> str:
        """角色认证: which role to apply for, and how far one has come."""
        last = self._last()
        state = cell_at(Accreditation, "state").show(last.state) if last else None
        return self.page(
            "accreditation/choose.html",
            description=_(
                "Certified institutions are listed on the portal and open their own back office."
            ),
            state=state,
            note="",
            button=self._next_step(last),
        )

    def _next_step(self, last: Accreditation | None) -> dict[str, str] | None:
        if last is None or last.state == "refused":
            return {"label": _("Apply"), "url": url_for(".add")}
        if last.state in EDITABLE:
            return {"label": _("Correct and submit again"), "url": url_for(".edit", pk=last.id)}
        if last.state == "approved" and is_renewable():
            return {"label": _("Apply for renewal"), "url": url_for(".add")}
        return {"label": _("See the progress"), "url": self.case_url(last)}

    def _last(self) -> Accreditation | None:
        """The newest request of this applicant or of the organization."""
        who = access.actor()
        mine = Accreditation.applicant_id == who.user_id
        if who.organization_id:
            mine = or_(mine, Accreditation.organization_id == who.organization_id)
        return db.session.scalar(
            select(Accreditation).where(mine).order_by(Accreditation.id.desc()).limit(1)
        )

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A second request while one runs would only be refused: lead to the first.

        An institution whose years end applies again.
        """
        last = self._last()
        is_over = last is None or last.state == "refused"
        if not is_over and not (last.state == "approved" and is_renewable()):
            return redirect(url_for(".choose"))
        return self.form_page(self.new_row())

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Applicants come by 角色认证, staff by the list."""
        if self.may("list"):
            return super().crumbs(*more)
        start = (_("Workbench"), url_for("WorkbenchView.show"))
        return [start, (_("Role certification"), url_for(".choose")), *more]

    def save(self, row: Accreditation) -> str:
        """With 同时申请入会 ticked, a second case goes to the association (S4-2)."""
        target = super().save(row)
        number = association.submit_along(self.desk(), row)
        if number is not None:
            flash(
                _(
                    "Your request for membership was submitted too, as %(number)s; "
                    "it is decided by itself.",
                    number=number,
                ),
                "success",
            )
        return target

    def new_row(self) -> Accreditation:
        """What the organization has on file stands in the form already."""
        row = Accreditation(service_categories=[], service_area=[])
        organization = self.own_organization()
        for name in COPIED if organization else ():
            setattr(row, name, getattr(organization, name))
        if organization:
            row.contact_mobile = organization.contact_phone
            row.contact_email = organization.contact_email or ""
        return row

    def form_title(self, _row: Accreditation) -> str:
        """The words of the manual."""
        return _("Certify as an institution of the platform")


def is_renewable() -> bool:
    """Whether the years of the reader's institution end soon, or are over."""
    until = db.session.scalar(
        select(OrgRole.valid_until).where(
            OrgRole.organization_id == access.actor().organization_id,
            OrgRole.role == INSTITUTION,
        )
    )
    days = max(current_app.extensions["profile"].limits.expiry_reminder_days)
    return organizations.may_renew(until, clock.local_day(clock.now()), days)
