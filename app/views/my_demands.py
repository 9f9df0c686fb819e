"""我的需求: what an enterprise asks of institutions, consultants and products (S4-11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import and_, inspect, or_, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock
from app.access.demands import CHANGEABLE
from app.errors import Problem
from app.extensions import db
from app.models import Consultant, Demand, Organization
from app.services.demands import OUTCOMES, Target, target
from app.views.base.cells import Cell, Shown, cell_at
from app.views.base.sheet import sheet_form
from app.views.base.typed import is_key
from app.views.base.view import Answer
from app.views.demands import CALL, COURSE, NEED, REASON, DemandSheets, course, told_so_far
from app.views.office import office

ADDRESSED = ("product", "consultant", "institution")
CALLED_UPON = ("contacted", "following")
WAITING = _l("Sent, waiting for a call")
DisputeForm = sheet_form({"opinion": REASON})


class MyDemandView(DemandSheets):
    """Raised here or from the portal; followed, answered and closed here."""

    route_base = "/my_demands"
    title, new_title = _l("My demands"), _l("Raise a demand")
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_answer"]
    include_route_methods = {
        *("list", "show", "add", "edit"),
        *("withdraw", "close", "confirm", "dispute"),
    }
    show_template = "demand/show.html"
    edit_template = "demand/form.html"
    list_columns = (
        "title", "state", "target_name", "category", "urgency", "consultant", "last_contact_at",
        "enterprise_confirm", "created_at", "number",
    )  # fmt: skip
    form_columns = (*NEED, "public_need", *CALL)
    show_columns = (*NEED, "public_need", "target_kind", "target_name", "organization", *CALL,
                    *(name for name in COURSE if name != "due_at"))  # fmt: skip
    filter_columns = ("category", "created_at")
    order_columns = ("created_at", "id")
    base_order = ("created_at", "desc")

    def base_conditions(self) -> Sequence[Any]:
        """What one asked for: for the enterprise, or before one belonged to any."""
        who = access.actor()
        mine = and_(Demand.user_id == who.user_id, Demand.enterprise_id.is_(None))
        if who.organization_id is None:
            return [mine]
        return [or_(mine, Demand.enterprise_id == who.organization_id)]

    def row_may(self, row: Any, verb: str) -> bool:
        """What may be done stands on its page."""
        return False

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        return super()._tools(kept) | {"add_label": _("Raise a demand")}

    def _badge(self, row: Demand) -> Shown | None:
        return self.shown(cell_at(Demand, "state"), row.state)

    def shown(self, cell: Cell, value: Any) -> Shown:
        """Of 待对接 an enterprise reads that it waits."""
        waits = cell.path == "state" and value == "waiting"
        return Shown(str(WAITING), "w") if waits else super().shown(cell, value)

    # --- detail ---------------------------------------------------------------------------

    def told(self, row: Any) -> dict[str, Any]:
        """Where it stands, who is in charge, what happened."""
        return super().told(row) | {
            "subtitle": row.number,
            "course": course(row),
            "note": _note(row),
        }

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Whoever asks reads his own contact data without asking."""
        return told_so_far(super().sections_of(row, plain=True))

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """Change and take back until somebody has called; then close, confirm or dispute."""
        return list(self._steps(row))

    def _steps(self, row: Demand) -> Iterator[dict[str, Any]]:
        if row.state in CHANGEABLE and row.user_id == access.actor().user_id:
            if self.may("edit"):
                yield {"label": _("Edit"), "url": url_for(".edit", pk=row.id), "icon": "edit"}
            yield {
                "label": _("Withdraw"), "url": url_for(".withdraw", pk=row.id), "method": "post",
                "confirm": _("Withdraw this demand? The institution is told."),
            }  # fmt: skip
        if not self.may("answer"):
            return
        if row.state in CALLED_UPON:
            yield {"label": _("Close"), "url": url_for(".close", pk=row.id), "icon": "x"}
        if row.state in OUTCOMES and row.enterprise_confirm == "none":
            yield {
                "label": _("Confirm: this is true"), "url": url_for(".confirm", pk=row.id),
                "icon": "check", "method": "post", "primary": True,
            }  # fmt: skip
            yield {"label": _("Dispute"), "url": url_for(".dispute", pk=row.id)}

    # --- raise ----------------------------------------------------------------------------

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """提交需求: to whom says the page that it was opened on; else the platform assigns it."""
        return self.form_page(self.new_row())

    def _target(self) -> Target:
        for kind in ADDRESSED:
            key = request.args.get(kind, "")
            if is_key(key):
                return target(db.session(), kind, int(key)) or abort(404)
        return Target()

    def new_row(self) -> Demand:
        """Subject, category and contact are proposed."""
        whom, who = self._target(), access.actor()
        row = Demand(urgency="normal", call_time="any", allow_transfer=True)
        row.target_kind, row.target_name = whom.kind, whom.name
        row.organization_id, row.consultant_id = whom.organization_id, whom.consultant_id
        row.product_id, row.category = whom.product_id, whom.category or ""
        row.title = _("Question about: %(name)s", name=whom.name)[:50] if whom.name else ""
        ours = select(Organization).where(Organization.id == who.organization_id)
        house = db.session.scalar(ours) if who.organization_id else None
        person = g.grants.person
        row.contact_name = house.contact_name if house else person.last_name
        row.contact_phone = (house.contact_phone if house else person.mobile) or ""
        row.contact_email = house.contact_email if house else person.email
        return row

    def draft_key(self, row: Demand) -> str:
        """One draft for each addressee."""
        if inspect(row).persistent:
            return f"my-demand-{row.id}"
        whom = self._target()
        return f"my-demand-{whom.kind}-{whom.key or 'new'}"

    def submit_label(self, row: Demand) -> str:
        """A new demand is sent at once."""
        return _("Save") if inspect(row).persistent else _("Send the demand")

    def _form_context(self, form: Any, row: Demand, *rest: Any) -> dict[str, Any]:
        context = super()._form_context(form, row, *rest)
        kind = cell_at(Demand, "target_kind").show(row.target_kind)
        return context | {"kind": kind, "target_name": row.target_name}

    def problems(self, row: Demand, probe: Demand) -> Sequence[Problem]:
        """A day that lies ahead."""
        today = clock.local_day(clock.now())
        if probe.expected_on and probe.expected_on < today:
            return [Problem("expected_on", _("This day has passed. Choose a later one."))]
        return []

    def prepare(self, row: Demand) -> None:
        """Who asks, and for which enterprise; what names an institution is no open demand."""
        row.public_need = bool(row.public_need) and row.target_kind == "open"
        if inspect(row).persistent:
            return
        who = access.actor()
        row.user_id, row.enterprise_id = who.user_id or abort(403), who.organization_id
        row.enterprise_name = (g.grants.organization_name or str(g.grants.person))[:64]

    def save(self, row: Demand) -> str:
        """A new demand is pushed to whom it concerns."""
        if inspect(row).persistent:
            return super().save(row)
        office().take_in(row)
        said = _("Sent. The institution has been told and will call you.")
        if row.target_kind == "open":
            said = _("Sent. The platform will find an institution for it.")
        flash(said, "success")
        return url_for(".show", pk=row.id)

    # --- answer ---------------------------------------------------------------------------

    def _asked(self, pk: str) -> Demand:
        found: Demand = self.row_or_404(pk)
        return found

    @expose("/withdraw/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def withdraw(self, pk: str) -> BaseResponse:
        """撤回, until somebody has called."""
        row = self.row_or_404(pk, to_write=True)
        office().end(row.id, "withdraw", "", "")
        db.session.commit()
        flash(_("Withdrawn."), "success")
        return redirect(url_for(".show", pk=pk))

    @expose("/close/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("answer")
    def close(self, pk: str) -> Answer:
        """关闭 with a reason, once somebody has called."""
        row = self._asked(pk)
        if row.state not in CALLED_UPON:
            flash(_("This demand cannot be closed any more, or not yet."), "warning")
            return redirect(url_for(".show", pk=pk))
        return self.ended(row, title=_("Close: %(name)s", name=row))

    @expose("/confirm/<pk>/", methods=["POST"])
    @has_access
    @permission_name("answer")
    def confirm(self, pk: str) -> BaseResponse:
        """属实: the outcome is as the institution wrote."""
        office().answer(self._asked(pk).id, "confirm", "")
        db.session.commit()
        flash(_("Confirmed. Thank you."), "success")
        return redirect(url_for(".show", pk=pk))

    @expose("/dispute/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("answer")
    def dispute(self, pk: str) -> Answer:
        """有异议: the platform hears both sides and decides."""
        row = self._asked(pk)
        form, key = DisputeForm(self.typed()), row.id
        words = self.words(
            row, _("Dispute the outcome: %(name)s", name=row), _("Send to the platform"),
            _("Say what is not true. The platform hears both sides and decides."),
        )  # fmt: skip

        def act() -> None:
            office().answer(key, "dispute", form["opinion"].data)

        return self.move(row, form, words, act, _("Sent. The platform will decide."))


def _note(row: Demand) -> dict[str, str] | None:
    """What is expected of the enterprise, or whom it may call."""
    if row.state in OUTCOMES and row.enterprise_confirm == "none":
        text = _(
            "The institution has settled this demand. Please confirm, or say what is not true."
        )
        return {"css": "w", "icon": "info-circle", "text": text}
    if row.first_contact_at and row.consultant_id:
        asked = select(Consultant.name, Consultant.mobile).where(
            Consultant.id == row.consultant_id,
            Consultant.visible_contact,
            Consultant.state == "linked",
        )
        found = db.session.execute(asked).first()
        if found:
            text = _("Your consultant: %(name)s, %(phone)s", name=found.name, phone=found.mobile)
            return {"css": "i", "icon": "phone", "text": text}
    return None
