"""Activity filings (活动备案, S4-14): filed online, or entered by staff from a mail."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l

from app import access, clock
from app.columns import FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Activity, Organization
from app.services import activities
from app.views.base import BackOfficeView
from app.views.base.forms import ModelForm
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.view import Answer
from app.views.requests import RequestView

FORM = (
    "title", "role_kind", "partner_department", "activity_kind", "from_at", "to_at", "place",
    "public_benefit", "enterprises", "persons", "summary", "proofs",
)  # fmt: skip
STAFF_ONLY = "mail_file"
MOST_POINTS = 1000
CorrectForm = sheet_form(
    {
        "points": FieldInfo(
            _l("Credits"), required=True, maximum=8, hint=_l("Instead of what the formula gives")
        ),
        "reason": FieldInfo(
            _l("Reason"),
            required=True,
            maximum=200,
            kind="long",
            hint=_l("The institution reads it"),
        ),
    }
)


class ActivityView(Sheets, RequestView):
    """活动备案: the institution sees its credits here; staff see all and correct them."""

    datamodel = SQLAInterface(Activity)
    route_base = "/activities"
    flow = "activity"
    title = _l("Activity filings")
    intro = _l(
        "Pure public-benefit activities held with government departments count in the service "
        "score. They may also be filed by mail to the administrator of the platform."
    )
    base_permissions = [
        "can_list", "can_show", "can_add", "can_edit", "can_export", "can_correct",
    ]  # fmt: skip
    exclude_route_methods = RequestView.exclude_route_methods | {"delete"}
    list_columns = (
        "title", "organization", "role_kind", "partner_department", "from_at", "enterprises",
        "points", "state", "submitted_at",
    )  # fmt: skip
    labels = MappingProxyType({"enterprises": _l("Enterprises"), "role_kind": _l("Role")})
    form_columns = FORM
    show_columns = ("organization", "filed_as", *FORM, STAFF_ONLY, "points", "points_reason")
    filter_columns = ("role_kind", "from_at", "organization")
    order_columns = ("id", "from_at")
    base_order = ("id", "desc")
    tab_column = "state"

    def _tab_conditions(self) -> dict[str, Any]:
        """Drafts are no rows yet."""
        offered = super()._tab_conditions()
        return {code: where for code, where in offered.items() if code != "draft"}

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> Any:
        """The activity with its credits; how it was decided stands in its case."""
        return BackOfficeView.show(self, pk)

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        """Institutions file; staff enter what came by mail."""
        tools = super()._tools(kept)
        if self.appbuilder.sm.has_access("can_add", MailedActivityView.__name__):
            entered = {"add_url": url_for("MailedActivityView.add")}
            return tools | entered | {"add_label": _("Enter an activity filed by mail")}
        return tools | {"add_label": _("File an activity")}

    def row_url(self, row: Any) -> str | None:
        """The activity's own page."""
        return url_for("ActivityView.show", pk=row.id)

    def sections_of(self, row: Activity, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """The mail is the platform's."""
        sections = super().sections_of(row, plain=plain)
        if access.actor().kind == "staff":
            return sections
        return [
            part | {"items": [(c, v) for c, v in part["items"] if c.path != STAFF_ONLY]}
            for part in sections
        ]

    def buttons(self, row: Activity) -> Sequence[dict[str, Any]]:
        """To the case; staff may correct the credits (F19)."""
        case = {"label": _("Review record"), "url": self.case_url(row), "icon": "list-details"}
        buttons = [case | {"primary": False, "method": "get"}]
        if row.state == "approved" and self.may("correct"):
            correct = {"label": _("Correct the credits"), "icon": "edit", "primary": True}
            buttons.append(correct | {"url": url_for(".correct", pk=row.id), "method": "get"})
        return buttons

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """Institutions of the platform file; others are told how to become one."""
        own = self.own_organization()
        if own is None or own.institution_state != "in_pool":
            flash(_("Only institutions of the platform file activities."), "warning")
            return redirect(url_for(".list"))
        return self.form_page(self.new_row())

    @expose("/edit/<pk>/", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Answer:
        """What staff entered is corrected in their form."""
        row = self.row_or_404(pk, to_write=True)
        if row.filed_as == "mail":
            return redirect(url_for("MailedActivityView.edit", pk=row.id))
        return self.form_page(row)

    def new_row(self) -> Activity:
        """Filed online, for one's own institution."""
        return Activity(filed_as="online", organization=self.own_organization())

    def prepare(self, row: Activity) -> None:
        """Whose filing it is."""
        row.applicant_id = row.applicant_id or access.actor().user_id or abort(403)
        row.organization_id = row.organization.id  # the case is opened before the row is stored
        row.created_at = row.created_at or clock.now()

    def problems(self, row: Activity, probe: Activity) -> Sequence[Problem]:
        """The formal pre-check, on what was typed."""
        probe.id, probe.filed_as = row.id, row.filed_as
        if row.filed_as == "online":
            probe.organization_id = row.organization_id or access.actor().organization_id or 0
        return self.desk().problems(self.flow, probe)

    def form_title(self, _row: Activity) -> str:
        """The words of the manual."""
        return _("File an activity")

    @expose("/correct/<pk>/", methods=["GET", "POST"])
    @has_access
    def correct(self, pk: str) -> Answer:
        """更正加分: other credits than the formula gives, with a reason (F19)."""
        row: Activity = self.row_or_404(pk)
        if row.state != "approved":
            abort(404)
        kept = {"points": f"{(row.points or 0) / 100:.2f}"}
        form = CorrectForm(request.form if request.method == "POST" else None, data=kept)
        words = Words(
            _("Correct the credits: %(name)s", name=row.title),
            _("Correct the credits"),
            url_for(".show", pk=row.id),
            self.crumbs((_("Correct the credits"), "")),
            _("The points given are taken back and given anew; both stand in the score entries."),
        )

        def check() -> Sequence[Problem]:
            return [] if _points(form) is not None else [Problem("points", _WRONG)]

        def act() -> str:
            points, reason = _points(form) or 0, form["reason"].data
            activities.correct(db.session(), row.id, points, reason, clock.now())
            flash(_("The credits have been corrected."), "success")
            return url_for(".show", pk=row.id)

        return self.sheet(form, words, check, act)


_WRONG = _l("Write points like 5 or 7.50, at most %(most)s.", most=MOST_POINTS)


def _points(form: ModelForm) -> int | None:
    """What was typed, in hundredths; None when it is no number of points."""
    try:
        points = Decimal(form["points"].data or "") * 100
    except InvalidOperation:
        return None
    if not points.is_finite() or points != points.to_integral_value():
        return None
    return int(points) if abs(points) <= MOST_POINTS * 100 else None


class MailedActivityView(ActivityView):
    """An activity that an institution filed by mail (S4-14), entered by staff with the mail."""

    datamodel = SQLAInterface(Activity)
    route_base = "/mailed_activities"
    include_route_methods = {"add", "edit", "show", "options"}
    base_permissions = ["can_add", "can_edit", "can_show"]
    title = _l("Activity filed by mail")
    form_columns = ("organization", *FORM, STAFF_ONLY)

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """录入邮件备案."""
        return self.form_page(Activity(filed_as="mail"))

    @expose("/edit/<pk>/", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Answer:
        """After it was returned to whoever entered it."""
        return self.form_page(self.row_or_404(pk, to_write=True))

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> Any:
        """It is read where all activities are."""
        return redirect(url_for("ActivityView.show", pk=self.row_or_404(pk).id))

    def option_conditions(self, _name: str) -> Sequence[Any]:
        """Institutions of the platform alone."""
        return [Organization.institution_state == "in_pool"]

    def crumbs(self, *more: Any) -> Sequence[Any]:
        """It belongs to the list of all activities."""
        listed = (ActivityView.title, url_for("ActivityView.list"))
        return [(_("Workbench"), url_for("WorkbenchView.show")), listed, *more]

    def form_title(self, _row: Activity) -> str:
        """What it is for staff."""
        return _("Enter an activity filed by mail")
