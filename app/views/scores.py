"""活跃度: the ranking with the explanation of every point, the entries, the formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from app import access, choices, clock
from app.access import elevated
from app.extensions import db
from app.models import Organization, ScoreEntry, ScoreFormula, ScoreStanding, ScoreTotal
from app.services import formulas, ranking, scores
from app.services.holdings import PROFILE
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, cell_at
from app.views.base.typed import is_key
from app.views.prices import amount as price_amount
from app.views.scores_drawn import explanation, month

KINDS = tuple(choices.SCORE_SUBJECTS.codes())
SOURCES = {
    "activity": "ActivityView.show",
    "filing": "FilingView.show",
    "rating": "RatingView.show",
    "demand": "DemandView.show",
}
"""The pages of what earned points."""
NEWEST = 20


class RankingView(BackOfficeView):
    """活跃度排名: the board of the night; one's own place with every point that makes it."""

    datamodel = SQLAInterface(ScoreStanding)
    route_base = "/ranking"
    title = _l("Activity ranking")
    intro = _l("Counted every night, from the points of the last months.")
    include_route_methods = {"list", "mine", "explain", "export"}
    base_permissions = ["can_list", "can_show", "can_export"]
    list_columns = ("rank", "name", "score", "service_score", "trades", "stars", "previous")
    extra_columns = ("subject_id", "organization_id", "consultant_id", "kind")
    filter_columns = ()
    order_columns = ("rank",)
    base_order = ("rank", "asc")
    tab_column = "kind"

    @expose("/")
    @has_access
    @permission_name("show")
    def mine(self) -> BaseResponse:
        """One's own place; staff have none and read the board."""
        who = access.actor()
        if who.kind == "consultant" and who.consultant_id:
            return redirect(url_for(".explain", kind="consultant", key=str(who.consultant_id)))
        if who.kind == "member" and who.organization_id:
            return redirect(url_for(".explain", kind="institution", key=str(who.organization_id)))
        return redirect(url_for(".list"))

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        """Institutions and consultants have boards of their own."""
        if request.args.get("tab") not in KINDS:
            return redirect(url_for(".list", tab=KINDS[0]))
        return super().list()

    def _tabs(self, *args: Any) -> Sequence[dict[str, Any]]:
        return [tab for tab in super()._tabs(*args) if tab["value"]]

    def row_url(self, row: Any) -> str | None:
        """The explanation, of one's own place alone."""
        who = access.actor()
        own = who.organization_id == row.organization_id if who.kind == "member" else False
        served = who.kind == "consultant" and who.consultant_id == row.consultant_id
        if not (own or served or who.kind == "staff") or not self.may("show"):
            return None
        return url_for(".explain", kind=row.kind, key=str(row.subject_id))

    @property
    def link_column(self) -> str:
        """The name leads to the explanation."""
        return "name"

    @expose("/<kind>/<key>/")
    @has_access
    @permission_name("show")
    def explain(self, kind: str, key: str) -> str:
        """Every point: by month and by what it is for, and the entries themselves."""
        if kind not in KINDS or not is_key(key):
            abort(404)
        subject, now = int(key), clock.now()
        period = scores.period_of(now)
        formula = scores.formula_of(elevated(db.session(), "the formula is public"), period)
        since = scores.months_before(period, formula.months - 1)
        of = ScoreTotal.kind == kind, ScoreTotal.subject_id == subject, ScoreTotal.period >= since
        totals = db.session.scalars(select(ScoreTotal).where(*of)).all()
        standing = db.session.scalar(
            select(ScoreStanding).where(
                ScoreStanding.kind == kind, ScoreStanding.subject_id == subject
            )
        )
        mine = {access.actor().organization_id, access.actor().serves_id}
        if not totals and (standing is None or not self._reads(standing, mine)):
            abort(404)
        entries = db.session.scalars(
            select(ScoreEntry)
            .where(ScoreEntry.kind == kind, ScoreEntry.subject_id == subject)
            .order_by(ScoreEntry.at.desc(), ScoreEntry.id.desc())
            .limit(NEWEST)
        ).all()
        return self.page(
            "scores/explain.html",
            title=standing.name if standing else _("Activity score"),
            crumbs=[(_("Workbench"), url_for("WorkbenchView.show")),
                    (self.title, url_for(".list", tab=kind) if self.may("list") else ""),
                    (_("Every point explained"), "")],
            standing=standing,
            drawn=explanation(totals, formula, period),
            entries=[entry_line(row) for row in entries],
            formula=formula,
            missing=self._missing(kind, subject),
            is_own=kind == "institution" and subject == access.actor().organization_id,
            more_url=self._entries_url(kind, standing),
            board_url=url_for(".list", tab=kind) if self.may("list") else "",
            rules_url=self._rules_url(),
        )  # fmt: skip

    def _missing(self, kind: str, subject: int) -> str:
        """What a complete profile still wants, in words."""
        same = Organization.id == subject
        row = db.session.scalar(select(Organization).where(same)) if kind == "institution" else None
        if row is None:
            return ""
        names = (name.removesuffix("_id") for name in PROFILE if not getattr(row, name))
        return "、".join(str(cell_at(Organization, name).label) for name in names)

    def _reads(self, standing: ScoreStanding, mine: set[int | None]) -> bool:
        """Whether somebody may read an explanation in which no point stands yet."""
        return access.actor().kind == "staff" or standing.organization_id in mine

    def _entries_url(self, kind: str, standing: ScoreStanding | None) -> str:
        if standing is None or not self.appbuilder.sm.has_access("can_list", "ScoreView"):
            return ""
        return url_for("ScoreView.list", tab=kind, organization=standing.organization_id)

    def _rules_url(self) -> str:
        allowed = self.appbuilder.sm.has_access("can_list", "FormulaView")
        return url_for("FormulaView.list") if allowed else ""


def entry_line(row: ScoreEntry) -> dict[str, Any]:
    """One entry, as the explanation lists it."""
    return {
        "at": row.at,
        "month": month(row.period),
        "item": choices.SCORE_ITEMS.of(row.item).label,
        "basis": _basis(row),
        "points": row.points,
        "raw": row.raw,
        "is_back": row.reverses_id is not None,
        "note": row.note,
        "url": source_url(row.source, row.source_id),
    }


def _basis(row: ScoreEntry) -> str:
    """How much of it there was: yuan of an amount, stars of a rating, else a number."""
    if row.item == "tx_amount":
        return price_amount(row.amount)
    return f"{row.quantity} ★" if row.item == "rating" else str(row.quantity)


def source_url(source: str, key: int) -> str:
    """The page of what earned points, where there is one."""
    endpoint = SOURCES.get(source, "")
    return url_for(endpoint, pk=key) if endpoint in current_app.view_functions else ""


class ScoreView(BackOfficeView):
    """积分流水: every entry, the newest first; never changed."""

    datamodel = SQLAInterface(ScoreEntry)
    route_base = "/scores"
    title = _l("Score entries")
    intro = _l("Every point with what earned it and by which formula; mistakes are reversed.")
    include_route_methods = {"list", "export", "options"}
    base_permissions = ["can_list", "can_export", "can_show"]
    list_columns = (
        "at", "period", "organization", "consultant", "item", "quantity", "raw", "points",
        "formula", "note",
    )  # fmt: skip
    extra_columns = ("source", "source_id", "reverses_id")
    filter_columns = ("organization", "item", "at")
    order_columns = ("id", "at")
    base_order = ("id", "desc")
    tab_column = "kind"

    @property
    def link_column(self) -> str:
        """An entry has no page of its own."""
        return ""

    def row_url(self, _row: Any) -> str | None:
        """None either."""
        return None

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        url = source_url(row.source, row.source_id)
        line["actions"] = [{"label": _("Source"), "url": url, "method": "get"}] if url else []
        return line


class FormulaView(BackOfficeView):
    """评分规则: the weights; a draft is compared with what is in force before it is published."""

    datamodel = SQLAInterface(ScoreFormula)
    route_base = "/formulas"
    title = _l("Scoring rules")
    intro = _l(
        "A draft is compared with the rules in force before it is published; "
        "it then counts from the first day of the next month."
    )
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_delete", "can_publish"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"export"}
    list_columns = ("name", "state", "from_period", "published_at", "note")
    form_columns = ("note", *formulas.WEIGHTS)
    show_columns = ("name", "from_period", "published_at", "note", *formulas.WEIGHTS)
    filter_columns = ()
    order_columns = ("id",)
    tab_column = "state"

    def new_row(self) -> ScoreFormula:
        """The newest weights stand in the form."""
        rows = elevated(db.session(), "a draft begins with the newest weights")
        return ScoreFormula(**formulas.draft(rows, clock.now()))

    def row_may(self, row: Any, verb: str) -> bool:
        """What is published stays."""
        return self.may(verb) and row.state == "draft"

    def buttons(self, row: ScoreFormula) -> Sequence[dict[str, Any]]:
        """Preview and publish a draft."""
        if row.state != "draft" or not self.may("publish"):
            return super().buttons(row)
        preview = {"label": _("Preview"), "url": url_for(".preview", pk=row.id), "icon": "eye"}
        return [*super().buttons(row), preview | {"primary": True, "method": "get"}]

    def submit_label(self, _row: Any) -> str:
        """What follows is the comparison."""
        return _("Save and preview")

    def save(self, row: ScoreFormula) -> str:
        """To the comparison."""
        db.session.add(row)
        db.session.flush()
        flash(_("Saved as a draft; nothing is counted by it yet."), "success")
        return url_for(".preview", pk=row.id)

    @expose("/preview/<pk>/")
    @has_access
    @permission_name("publish")
    def preview(self, pk: str) -> str:
        """What would change: the weights, and the places of the board."""
        row, now = self.row_or_404(pk), clock.now()
        kind = request.args.get("kind", "")
        kind = kind if kind in KINDS else KINDS[0]
        most = current_app.extensions["profile"].scores.preview
        present, changes = formulas.differences(db.session(), row, now)
        rows = elevated(db.session(), "weights are tried on the entries of all institutions")
        cells: Mapping[str, Cell] = {name: cell_at(ScoreFormula, name) for name in changes}
        confirm = _("Publish? These rules count from the first day of the next month.")
        return self.page(
            "scores/preview.html",
            title=_("Preview: %(name)s", name=row.name),
            row=row,
            crumbs=self.crumbs((row.name, url_for(".show", pk=row.id)), (_("Preview"), "")),
            present=present,
            changes=[
                (cells[name].label, cells[name].show(old).text, cells[name].show(new).text)
                for name, (old, new) in changes.items()
            ],
            kinds=[(code, choices.SCORE_SUBJECTS.of(code).label) for code in KINDS],
            kind=kind,
            moved=ranking.preview(rows, kind, row, now, most),
            most=most,
            confirm=confirm,
        )

    @expose("/publish/<pk>/", methods=["POST"])
    @has_access
    def publish(self, pk: str) -> BaseResponse:
        """In force from the next month on."""
        row = self.row_or_404(pk)
        period = formulas.publish(db.session(), row.id, clock.now())
        db.session.commit()
        flash(_("Published; in force from %(month)s.", month=month(period)), "success")
        return redirect(url_for(".show", pk=row.id))
