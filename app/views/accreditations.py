"""Certification of institutions (S4-2): 角色认证 for applicants, 入驻申请 for staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, current_app, flash, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import inspect, or_, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock
from app.access.rules import EDITABLE
from app.columns import Phrase
from app.errors import Problem
from app.extensions import db
from app.models import Accreditation, FlowCase, Organization
from app.services.institutions import normal_code
from app.views.base import BackOfficeView
from app.views.base.cells import cell_at
from app.views.base.view import Answer

FLOW = "accreditation"
COPIED = (
    "name", "credit_code", "region", "address", "industry", "legal_person", "founded_on",
    "registered_capital", "staff_count", "website", "short_name", "contact_name",
)  # fmt: skip


class AccreditationView(BackOfficeView):
    """The request, from its form to the case that reviews it."""

    datamodel = SQLAInterface(Accreditation)
    route_base = "/accreditations"
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
        return {"label": _("See the progress"), "url": self._case_url(last)}

    def _last(self) -> Accreditation | None:
        """The newest request of this applicant or of the organization."""
        who = access.actor()
        mine = Accreditation.applicant_id == who.user_id
        if who.organization_id:
            mine = or_(mine, Accreditation.organization_id == who.organization_id)
        return db.session.scalar(
            select(Accreditation).where(mine).order_by(Accreditation.id.desc()).limit(1)
        )

    def _case_url(self, row: Any) -> str:
        of_row = FlowCase.subject_id == row.id
        number = db.session.scalar(select(FlowCase.number).where(FlowCase.flow == FLOW, of_row))
        return url_for("CaseView.show", number=number)

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> BaseResponse:
        """A request is read where it is decided."""
        return redirect(self._case_url(self.row_or_404(pk)))

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A second request while one runs would only be refused: lead to the first."""
        last = self._last()
        if last is not None and last.state != "refused":
            return redirect(url_for(".choose"))
        return self.form_page(self.new_row())

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Applicants come by 角色认证, staff by the list."""
        if self.may("list"):
            return super().crumbs(*more)
        start = (_("Workbench"), url_for("WorkbenchView.show"))
        return [start, (_("Role certification"), url_for(".choose")), *more]

    def row_url(self, row: Any) -> str | None:
        """The list leads to the case."""
        return url_for("CaseView.show", number=row.case_number) if row.case_number else None

    def row_may(self, row: Any, verb: str) -> bool:
        """Requests are changed by their applicant, from the case."""
        return False

    def new_row(self) -> Accreditation:
        """What the organization has on file stands in the form already."""
        row = Accreditation(service_categories=[], service_area=[])
        organization = self._organization()
        for name in COPIED if organization else ():
            setattr(row, name, getattr(organization, name))
        if organization:
            row.contact_mobile = organization.contact_phone
            row.contact_email = organization.contact_email or ""
        return row

    def _organization(self) -> Organization | None:
        key = access.actor().organization_id
        mine = select(Organization).where(Organization.id == key)
        return db.session.scalar(mine) if key else None

    def prepare(self, row: Accreditation) -> None:
        """Whose request it is; the credit code in one spelling."""
        who = access.actor()
        row.credit_code = normal_code(row.credit_code)
        row.applicant_id = row.applicant_id or who.user_id or abort(403)
        row.organization_id = row.organization_id or who.organization_id
        row.created_at = row.created_at or clock.now()

    def problems(self, row: Accreditation, probe: Accreditation) -> Sequence[Problem]:
        """The formal pre-check, on what was typed."""
        probe.id = row.id
        probe.applicant_id = row.applicant_id or access.actor().user_id or 0
        probe.organization_id = row.organization_id or access.actor().organization_id
        return self._desk().problems(FLOW, probe)

    def save(self, row: Accreditation) -> str:
        """Open the case of a new request; submit it, or submit it again."""
        desk = self._desk()
        if inspect(row).persistent:
            db.session.flush()
            mine = select(FlowCase.id).where(FlowCase.flow == FLOW, FlowCase.subject_id == row.id)
            case_id = db.session.scalar(mine) or abort(404)
        else:
            case_id = desk.open(FLOW, row, row.organization_id).id
        number = desk.submit(case_id).number
        flash(
            _("Submitted. The number of your application is %(number)s.", number=number), "success"
        )
        return url_for("CaseView.show", number=number)

    def _desk(self) -> Any:
        flows = current_app.extensions["workflow"]
        return flows.desk(db.session(), access.actor(), clock.now())

    def form_title(self, _row: Accreditation) -> str:
        """The words of the manual."""
        return _("Certify as an institution of the platform")

    def submit_label(self, _row: Accreditation) -> str:
        """Sending is submitting."""
        return _("Submit application")
