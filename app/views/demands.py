"""Demands as those see them who answer: institutions and consultants (需求管理, S4-11), staff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from flask import abort, flash, jsonify, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select

from app import access, clock, lifecycle
from app.choices import DEMAND_RUNNING
from app.columns import Choice, Choices, FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Demand, Organization
from app.search import search
from app.services.demands import CALLED, LIFE, RULINGS
from app.views.base import BackOfficeView
from app.views.base.cells import EMPTY, Cell, cell_at, local_time
from app.views.base.fields import ChosenField, text_field
from app.views.base.forms import Declared, ModelForm
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.typed import clean
from app.views.base.view import OPTION_COUNT, Answer
from app.views.contacts import as_options, consultants_of, talks
from app.views.office import office

NEED = ("title", "category", "description", "budget", "expected_on", "urgency", "files")
CALL = ("contact_name", "contact_phone", "contact_email", "call_time", "allow_transfer")
COURSE = (
    "number", "state", "consultant", "created_at", "due_at", "first_contact_at", "last_contact_at",
    "amount", "closed_reason", "closed_at", "enterprise_confirm",
)  # fmt: skip
OPINION = FieldInfo(_l("Opinion"), kind="long", maximum=500)
REASON = FieldInfo(_l("Reason"), kind="long", maximum=500, minimum=2, required=True)
EndForm = sheet_form(
    {
        "reason": FieldInfo(_l("Reason of the end"), dictionary="closed_reason", required=True),
        "opinion": REASON,
    }
)
RulingForm = sheet_form(
    {
        "ruling": FieldInfo(
            _l("Decision"),
            choices=Choices(Choice(name, LIFE.steps[name].label) for name in RULINGS),
            required=True,
        ),
        "opinion": REASON,
    }
)


def course(row: Demand) -> list[dict[str, Any]]:
    """What happened to a demand, the newest first, for the line at the side of its page."""
    now = row.state in DEMAND_RUNNING
    told: list[dict[str, Any]] = []
    for taken in lifecycle.history(db.session(), Demand, row.id):
        step = LIFE.steps[taken.action]
        found = (
            cell_at(Demand, "state").show(taken.target) if taken.target != taken.source else None
        )
        told.append(
            {
                "state": "now" if now and not told else "done",
                "title": step.label,
                "badge": found,
                "who": taken.actor_name,
                "at": local_time(taken.at),
                "note": taken.detail.get("institution") or taken.detail.get("consultant") or "",
                "opinion": taken.opinion,
            }
        )
    raised = {"state": "done" if told else "now", "title": _("Raised"), "who": row.enterprise_name}
    return [*told, raised | {"at": local_time(row.created_at)}]


def told_so_far(sections: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sections of a demand without what has not happened yet."""
    later = set(COURSE) | {"budget", "expected_on", "files", "contact_email"}
    kept = [
        section
        | {"items": [(c, v) for c, v in section["items"] if c.path not in later or v != EMPTY]}
        for section in sections
    ]
    return [section for section in kept if section["items"]]


class DemandSheets(Sheets, BackOfficeView):
    """What both sides of a demand share: sheets that move it, and go back to it."""

    datamodel = SQLAInterface(Demand)
    tab_column = "state"

    def words(self, row: Demand, title: str, submit: str, intro: str = "") -> Words:
        """What stands around a sheet about a demand."""
        url = url_for(".show", pk=row.id)
        return Words(title, submit, url, self.crumbs((str(row), url), (title, "")), intro)

    def move(self, row: Demand, form: ModelForm, words: Words, act: Any, done: str) -> Answer:
        """Show the sheet; once it is right, ``act`` and go back to the demand."""

        def step() -> str:
            act()
            flash(done, "success")
            return words.back_url

        return self.sheet(form, words, list, step)

    def typed(self) -> Any:
        """What was posted; nothing on a first look."""
        return request.form if request.method == "POST" else None

    def ended(self, row: Demand, *, title: str) -> Answer:
        """关闭: with a reason that everybody concerned reads."""
        form, key = EndForm(self.typed()), row.id
        words = self.words(row, title, _("Close the demand"))

        def act() -> None:
            office().end(key, "close", form["reason"].data, form["opinion"].data)

        return self.move(row, form, words, act, _("Closed."))


class DemandView(DemandSheets):
    """需求管理: 详情, 维护, hand-over; for staff all demands, assignment and disputes."""

    route_base = "/demands"
    title = _l("Demand management")
    base_permissions = [
        *("can_list", "can_show", "can_export", "can_reveal"),
        *("can_hand_over", "can_assign", "can_close"),
    ]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"add", "edit", "delete"}
    show_template = "demand/show.html"
    view_word = _l("Details")
    list_columns: ClassVar[tuple[str, ...]] = (
        "title", "state", "due_at", "enterprise_name", "target_name", "organization", "category",
        "budget", "urgency", "consultant", "last_contact_at", "number",
    )  # fmt: skip
    show_columns = (
        *NEED, "public_need", "enterprise_name", "target_kind", "target_name", "organization",
        *CALL, *COURSE,
    )  # fmt: skip
    filter_columns = ("category", "target_kind", "urgency", "created_at")
    order_columns = ("turn_at", "created_at", "id")
    base_order = ("turn_at", "asc")
    extra_columns = ("organization_id",)

    def base_conditions(self) -> Sequence[Any]:
        """What one has to answer; what one asked for oneself stands in 我的需求."""
        who = access.actor()
        if who.kind == "consultant":
            return [Demand.consultant_id == who.consultant_id]
        if who.kind == "member":
            return [Demand.organization_id == who.organization_id]
        return []

    def visible_cells(self) -> Sequence[Cell]:
        """Staff read which institution answers, an institution how much is offered."""
        hidden = "budget" if access.actor().kind == "staff" else "organization"
        return [cell for cell in self.cells if cell.path != hidden]

    def _tab_conditions(self) -> dict[str, Any]:
        """Only staff assign: nobody else has open ones."""
        tabs = super()._tab_conditions()
        return tabs if access.actor().kind == "staff" else {k: tabs[k] for k in [*tabs][1:]}

    def _line(self, row: Any) -> dict[str, Any]:
        """维护."""
        line = super()._line(row)
        if self._maintains() and row.state in CALLED:
            url = url_for("DemandContactView.add", demand=row.id)
            line["actions"] = [{"label": _("Maintain"), "url": url}]
        return line

    def row_may(self, row: Any, verb: str) -> bool:
        """What may be done stands on its page."""
        return False

    def _maintains(self) -> bool:
        return bool(self.appbuilder.sm.has_access("can_add", "DemandContactView"))

    # --- detail ---------------------------------------------------------------------------

    def told(self, row: Any) -> dict[str, Any]:
        """详情: the demand, the talks, and what happened to it."""
        return super().told(row) | {
            "subtitle": f"{row.number} · {row.enterprise_name}",
            "talks": talks(row),
            "course": course(row),
        }

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Whoever has called reads the contact data without asking, the consultant too."""
        who = access.actor()
        called = row.accepted_by_id is not None and row.accepted_by_id == who.serves_id
        return told_so_far(super().sections_of(row, plain=plain or called))

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """What may be done now, by the words of the manual."""
        return list(self._steps(row))

    def _steps(self, row: Demand) -> Iterator[dict[str, Any]]:
        if self._maintains() and row.state in CALLED:
            url = url_for("DemandContactView.add", demand=row.id)
            yield {"label": _("Maintain"), "url": url, "icon": "edit", "primary": True}
        if self.may("hand_over") and row.state in CALLED:
            url = url_for(".hand_over", pk=row.id)
            yield {"label": _hand_over_label(row), "url": url, "icon": "users"}
        if row.state == "won" and self.appbuilder.sm.has_access("can_add", "FilingView"):
            url = url_for("FilingView.add", demand=row.id)
            yield {"label": _("Go to the filing"), "url": url, "icon": "file-certificate"}
        if self.may("assign"):
            yield from self._staff_steps(row)
        if self.may("close") and row.state in LIFE.steps["close"].sources:
            yield {"label": _("Close"), "url": url_for(".close", pk=row.id), "icon": "x"}

    def _staff_steps(self, row: Demand) -> Iterator[dict[str, Any]]:
        if row.state == "open":
            url = url_for(".assign", pk=row.id)
            yield {"label": _("Assign"), "url": url, "icon": "send", "primary": True}
        elif row.state in CALLED and row.allow_transfer:
            url = url_for(".assign", pk=row.id)
            yield {"label": _("Pass to another institution"), "url": url, "icon": "send"}
        elif row.state == "disputed":
            url = url_for(".rule", pk=row.id)
            yield {"label": _("Decide the dispute"), "url": url, "icon": "check", "primary": True}

    # --- steps ----------------------------------------------------------------------------

    @expose("/hand_over/<pk>/", methods=["GET", "POST"])
    @has_access
    def hand_over(self, pk: str) -> Answer:
        """指派, 转交: which consultant is in charge, or nobody but the institution itself."""
        row = self.row_or_404(pk)
        people = consultants_of(row.organization_id)
        form = sheet_form(
            {
                "consultant": FieldInfo(
                    _l("Consultant in charge"),
                    choices=Choices(Choice(str(key), name) for key, name in people),
                    hint=_l("Empty: the institution itself"),
                ),
                "opinion": FieldInfo(_l("Note for the consultant"), kind="long", maximum=500),
            }
        )(self.typed(), data={"consultant": str(row.consultant_id or "")})
        words = self.words(
            row, _hand_over_label(row), _("Save"),
            _("The consultant is told, and sees the demand in his own back office."),
        )  # fmt: skip
        key = row.id

        def act() -> None:
            chosen = form["consultant"].data
            office().hand_over(key, int(chosen) if chosen else None, form["opinion"].data or "")

        return self.move(row, form, words, act, _("Handed over."))

    @expose("/assign/<pk>/", methods=["GET", "POST"])
    @has_access
    def assign(self, pk: str) -> Answer:
        """分派, 转派: which institution has to call."""
        row = self.row_or_404(pk)
        is_open, key, held = row.state == "open", row.id, row.organization_id
        form = _assign_form(needs_reason=not is_open)(self.typed())
        title = _("Assign: %(name)s", name=row) if is_open else (
            _("Pass to another institution: %(name)s", name=row)
        )  # fmt: skip
        words = replace(
            self.words(row, title, _("Assign")),
            options_url=lambda name: url_for(".options", name=name),
        )

        def check() -> list[Problem]:
            chosen = form["organization"].data
            if chosen is not None and chosen.institution_state != "in_pool":
                return [Problem("organization", _("Choose an institution of the pool."))]
            if chosen is not None and chosen.id == held:
                return [Problem("organization", _("This institution has the demand already."))]
            return []

        def act() -> str:
            office().assign(key, form["organization"].data.id, form["opinion"].data or "")
            flash(_("Assigned. The institution has been told."), "success")
            return words.back_url

        return self.sheet(form, words, check, act)

    @expose("/rule/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("assign")
    def rule(self, pk: str) -> Answer:
        """Decide about an outcome that the enterprise disputes."""
        row = self.row_or_404(pk)
        form, key = RulingForm(self.typed()), row.id
        words = self.words(
            row, _("Decide the dispute: %(name)s", name=row), _("Confirm the decision"),
            _("Hear both sides first: what you write here is told to both."),
        )  # fmt: skip

        def act() -> None:
            office().rule(key, form["ruling"].data, form["opinion"].data)

        return self.move(row, form, words, act, _("Decided."))

    @expose("/close/<pk>/", methods=["GET", "POST"])
    @has_access
    def close(self, pk: str) -> Answer:
        """关闭 by staff."""
        row = self.row_or_404(pk)
        return self.ended(row, title=_("Close: %(name)s", name=row))

    @expose("/options/<name>/")
    @has_access
    @permission_name("show")
    def options(self, name: str) -> Any:
        """The institutions that a demand may be given to."""
        if name != "organization" or not self.may("assign"):
            abort(404)
        phrase = clean(request.args.get("q", ""))[:50]
        found = select(Organization.id, Organization.name).order_by(Organization.id)
        found = found.where(Organization.institution_state == "in_pool").limit(OPTION_COUNT)
        if phrase:
            found = found.where(search(Organization.search_text, phrase))
        return jsonify(as_options(db.session.execute(found)))


class OpenDemandView(DemandView):
    """待分派: what enterprises asked of nobody in particular."""

    route_base = "/demands/open"
    title = _l("Demands to be assigned")
    base_permissions = ["can_list", "can_export"]
    include_route_methods = {"list", "export"}
    tab_column = ""
    filter_columns = ("category", "urgency", "created_at", "public_need")

    def base_conditions(self) -> Sequence[Any]:
        """Those that nobody has yet."""
        return [Demand.state == "open"]

    def row_url(self, row: Any) -> str | None:
        """The page of the demand is that of all demands."""
        return url_for("DemandView.show", pk=row.id)


class LateDemandView(OpenDemandView):
    """超时需求: the enterprise waits longer than it should."""

    route_base = "/demands/late"
    title = _l("Late demands")
    include_route_methods = {"list", "export"}

    def base_conditions(self) -> Sequence[Any]:
        """Those whose limit has passed."""
        return [Demand.turn_at < clock.now()]


def _hand_over_label(row: Demand) -> str:
    """转交顾问; 指派顾问 while nobody is in charge."""
    if row.consultant_id:
        return _("Hand over to another consultant")
    return _("Assign a consultant")


def _assign_form(*, needs_reason: bool) -> type[ModelForm]:
    """The institution by a remote select, and the reason where the demand is taken from another."""
    chosen = FieldInfo(_l("Institution"), required=True)
    opinion = REASON if needs_reason else OPINION
    fields = {
        "organization": ChosenField(
            chosen.label, model=Organization, validators=[Declared(None, chosen)]
        ),
        "opinion": text_field(opinion, [Declared(None, opinion)], 0),
    }
    infos = {"organization": chosen, "opinion": opinion}
    return type("AssignForm", (ModelForm,), fields | {"names": tuple(infos), "infos": infos})
