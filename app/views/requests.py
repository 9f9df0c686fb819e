"""Requests: forms whose sending opens a case and submits it; they are read where it is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, current_app, flash, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _
from sqlalchemy import inspect, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock
from app.errors import Problem
from app.extensions import db
from app.models import FlowCase, Organization
from app.services.institutions import normal_code
from app.views.base import BackOfficeView, Page
from app.views.base.cells import Cell


def own_title(view: Page) -> str:
    """What the reader's menu calls the page of the own organization."""
    is_institution = view.appbuilder.sm.has_access("menu_access", "institution")
    return _("Institution data") if is_institution else _("My organization")


class RequestView(BackOfficeView):
    """The subject of ``flow``: its list leads to the case, its form ends in one."""

    flow: ClassVar[str]

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> BaseResponse:
        """A request is read where it is decided."""
        return redirect(self.case_url(self.row_or_404(pk)))

    def case_url(self, row: Any) -> str:
        """The case of a stored request."""
        mine = FlowCase.flow == self.flow, FlowCase.subject_id == row.id
        return url_for(
            "CaseView.show", number=db.session.scalar(select(FlowCase.number).where(*mine))
        )

    def row_url(self, row: Any) -> str | None:
        """The list leads to the case."""
        return url_for("CaseView.show", number=row.case_number) if row.case_number else None

    def visible_cells(self) -> Sequence[Cell]:
        """Whoever applies knows whose his requests are."""
        if access.actor().kind == "staff":
            return self.cells
        return [cell for cell in self.cells if cell.path.partition(".")[0] != "organization"]

    def row_may(self, row: Any, verb: str) -> bool:
        """Requests are changed by their applicant, from the case."""
        return False

    def own_organization(self) -> Organization | None:
        """Whom the reader acts for."""
        key = access.actor().organization_id
        mine = select(Organization).where(Organization.id == key)
        return db.session.scalar(mine) if key else None

    def prepare(self, row: Any) -> None:
        """Whose request it is; the credit code in one spelling."""
        who = access.actor()
        row.credit_code = normal_code(row.credit_code)
        row.applicant_id = row.applicant_id or who.user_id or abort(403)
        row.organization_id = row.organization_id or who.organization_id
        row.created_at = row.created_at or clock.now()

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """The formal pre-check, on what was typed."""
        probe.id = row.id
        probe.applicant_id = row.applicant_id or access.actor().user_id or 0
        known = row.organization_id  # 0: a firm that is still to be entered
        probe.organization_id = access.actor().organization_id if known is None else known
        return self.desk().problems(self.flow, probe)

    def save(self, row: Any) -> str:
        """Open the case of a new request; submit it, or submit it again."""
        desk = self.desk()
        if inspect(row).persistent:
            db.session.flush()
            mine = FlowCase.flow == self.flow, FlowCase.subject_id == row.id
            case_id = db.session.scalar(select(FlowCase.id).where(*mine)) or abort(404)
        else:
            case_id = desk.open(self.flow, row, row.organization_id).id
        number = desk.submit(case_id).number
        flash(
            _("Submitted. The number of your application is %(number)s.", number=number), "success"
        )
        return url_for("CaseView.show", number=number)

    def desk(self) -> Any:
        """The engine, at this request's moment."""
        flows = current_app.extensions["workflow"]
        return flows.desk(db.session(), access.actor(), clock.now())

    def submit_label(self, _row: Any) -> str:
        """Sending is submitting."""
        return _("Submit application")
