"""Statistics of the supermarket (统计分析): from the demand to the filing, drawn at the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flask import Response, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import Row, select

from app import clock
from app.columns import Phrase
from app.extensions import db
from app.models import FigureMark, MonthFigure, Organization, ScoreStanding, Sleeper
from app.security import words
from app.services import figures
from app.views import charts
from app.views.base import Page
from app.views.base.cells import cell_at, local_time
from app.views.base.exporting import csv_lines

SPANS = {"3": _l("3 months"), "6": _l("6 months"), "12": _l("12 months"), "24": _l("24 months")}
SPAN = "12"
PLACES = 10
DICTIONARY = "service_category"
COLUMNS = (
    "month", "category", "demands", "contacted", "won", "lost", "filed", "answers_4h",
    "answers_1d", "answers_3d", "answers_later", "filings", "amount",
)  # fmt: skip
TEN_THOUSAND = 1_000_000  # 分 in 万元


class DashboardView(Page):
    """What staff see of the whole supermarket; every figure was counted before."""

    route_base = "/dashboard"
    default_view = "show"
    title = _l("Statistics")

    @expose("/")
    @has_access
    def show(self) -> str:
        """The figures of some months, of all categories or of one."""
        span, category = _chosen(request.args)
        lines = _lines(span, category)
        months = list(figures.months(*_between(span)))
        marks = {row.name: row for row in db.session.execute(_of(FigureMark, "name value at"))}
        counted = marks.get(figures.COUNTED)
        return self.page(
            "dashboard/show.html",
            title=self.title,
            spans=SPANS.items(),
            span=span,
            categories=[(item.code, item.label) for item in words().items(DICTIONARY)],
            category=category,
            export_url=url_for(".export", span=span, category=category)
            if self.may("export")
            else None,
            counted_at=local_time(counted.at) if counted else "",
            cards=_cards(lines),
            funnel=_funnel(lines),
            by_month=_by_month(lines, months),
            amounts=_amounts(lines, months),
            table=[_month_line(lines, month) for month in reversed(months)],
            by_category=[] if category else _by_category(lines),
            answers=_answers(lines),
            ranking=_ranking(),
            sleepers=self._sleepers(),
            asleep=marks[figures.ASLEEP].value if figures.ASLEEP in marks else 0,
        )

    def _sleepers(self) -> list[dict[str, Any]]:
        """Those who have been silent longest."""
        query = select(Organization.id, Organization.name, Sleeper.since)
        query = query.join(Organization, Organization.id == Sleeper.organization_id)
        opens = self.appbuilder.sm.has_access("can_show", "OrganizationView")
        return [
            {
                "title": row.name,
                "at": local_time(row.since)[:10],
                "url": url_for("OrganizationView.show", pk=row.id) if opens else "",
            }
            for row in db.session.execute(query.order_by(Sleeper.since, Sleeper.id).limit(PLACES))
        ]

    @expose("/figures.csv")
    @has_access
    @permission_name("export")
    def export(self) -> Response:
        """The figures behind the charts, a line for each month and category."""
        span, category = _chosen(request.args)
        cells = [cell_at(MonthFigure, name) for name in COLUMNS]
        heads = [*(str(cell.label) for cell in cells), _("Average time to the first contact (h)")]
        rows = [heads]
        for line in _lines(span, category):
            shown = [str(cell.show(getattr(line, cell.path))) for cell in cells]
            rows.append([*shown, f"{_hours([line]):.1f}" if line.contacted else ""])
        day = f"{clock.local_day(clock.now()):%Y%m%d}"
        response = Response("\ufeff" + csv_lines(rows), mimetype="text/csv")
        name = quote(f"{self.title}-{day}.csv", safe="")
        names = {"filename": f"{day}.csv", "filename*": f"UTF-8''{name}"}
        response.headers.set("Content-Disposition", "attachment", **names)
        return response


def _of(model: Any, names: str) -> Any:
    return select(*(getattr(model, name) for name in names.split()))


def _chosen(args: Mapping[str, str]) -> tuple[str, str]:
    """The span and the category in the address bar; anything else is the usual one."""
    codes = {item.code for item in words().items(DICTIONARY)}
    category = args.get("category", "")
    span = args.get("span", "")
    return (span if span in SPANS else SPAN), (category if category in codes else "")


def _between(span: str) -> tuple[int, int]:
    last = figures.month_of(clock.now())
    return figures.back(last, int(span) - 1), last


def _lines(span: str, category: str) -> Sequence[MonthFigure]:
    return db.session.scalars(figures.between(*_between(span), category)).all()


# --- what the page shows ------------------------------------------------------------------------


def _cards(lines: Sequence[Any]) -> list[dict[str, Any]]:
    demands, contacted = figures.total(lines, "demands"), figures.total(lines, "contacted")
    won, filings = figures.total(lines, "won"), figures.total(lines, "filings")
    return [
        {"label": _("Demands"), "value": f"{demands:,}", "icon": "checklist"},
        {"label": _("Contacted"), "value": _share(contacted, demands), "icon": "phone"},
        {"label": _("Deals made"), "value": _share(won, demands), "icon": "circle-check"},
        {"label": _("Time to the first contact"), "value": _span(lines), "icon": "clock"},
        {"label": _("Transactions filed"), "value": f"{filings:,}", "icon": "file-certificate"},
        {
            "label": _("Amount filed (10,000 yuan)"),
            "value": _amount(figures.total(lines, "amount")),
            "icon": "receipt",
        },
    ]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "—"


def _amount(cents: int) -> str:
    return f"{cents / TEN_THOUSAND:,.2f}"


def _hours(lines: Sequence[Any]) -> float:
    answered = figures.total(lines, "contacted")
    return figures.total(lines, "answer_minutes") / 60 / answered if answered else 0.0


def _span(lines: Sequence[Any]) -> str:
    if not figures.total(lines, "contacted"):
        return "—"
    return _("%(num)s h", num=f"{_hours(lines):,.1f}")


def _funnel(lines: Sequence[Any]) -> list[charts.Share]:
    """Each step with what is left of the one before."""
    steps: list[tuple[Phrase, str]] = [
        (_("Demands raised"), "demands"), (_("Contacted"), "contacted"),
        (_("Deal made"), "won"), (_("Filed"), "filed"),
    ]  # fmt: skip
    found: list[tuple[Phrase, int, str, str]] = []
    before = 0
    for label, name in steps:
        value = figures.total(lines, name)
        note = _("%(share)s of the step before", share=_share(value, before)) if found else ""
        found.append((label, value, f"{value:,}", note))
        before = value
    return charts.shares(found)


def _sums(lines: Sequence[Any], months: Sequence[int], name: str) -> list[int]:
    held = dict.fromkeys(months, 0)
    for line in lines:
        held[line.month] += getattr(line, name)
    return [held[month] for month in months]


def _short(month: int) -> str:
    return f"{month // 100 % 100:02}-{month % 100:02}"


def _by_month(lines: Sequence[Any], months: Sequence[int]) -> charts.Columns:
    series = [
        (_("Demands"), _sums(lines, months, "demands")),
        (_("Deals made"), _sums(lines, months, "won")),
        (_("Transactions filed"), _sums(lines, months, "filings")),
    ]
    return charts.columns([_short(month) for month in months], series)


def _amounts(lines: Sequence[Any], months: Sequence[int]) -> charts.Columns:
    series = [(_("Amount filed (10,000 yuan)"), _sums(lines, months, "amount"))]
    return charts.columns([_short(month) for month in months], series, TEN_THOUSAND)


def _month_line(lines: Sequence[Any], month: int) -> dict[str, Any]:
    held = [line for line in lines if line.month == month]
    names = ("demands", "contacted", "won", "lost", "filed", "filings")
    counts = [f"{figures.total(held, name):,}" for name in names]
    return {
        "title": f"{month // 100}-{month % 100:02}",
        "values": [*counts, _amount(figures.total(held, "amount")), _span(held)],
    }


def _by_category(lines: Sequence[Any]) -> list[charts.Share]:
    held: dict[str, list[Any]] = {}
    for line in lines:
        held.setdefault(line.category, []).append(line)
    found = []
    for code, some in held.items():
        count, won = figures.total(some, "demands"), figures.total(some, "won")
        amount = _amount(figures.total(some, "amount"))
        note = _("%(won)s deals, %(amount)s × 10,000 yuan", won=f"{won:,}", amount=amount)
        found.append((words().label(DICTIONARY, code), count, f"{count:,}", note))
    return charts.shares(sorted(found, key=lambda line: -line[1])[:PLACES])


def _answers(lines: Sequence[Any]) -> list[charts.Share]:
    names = ("answers_4h", "answers_1d", "answers_3d", "answers_later")
    counts = [(cell_at(MonthFigure, name).label, figures.total(lines, name)) for name in names]
    waiting = figures.total(lines, "demands") - figures.total(lines, "contacted")
    counts.append((_("Not yet contacted"), waiting))
    every = figures.total(lines, "demands")
    return charts.shares([(label, n, f"{n:,}", _share(n, every)) for label, n in counts])


def _ranking() -> list[charts.Share]:
    """The first of the activity ranking, as it was counted last night."""
    board = _of(ScoreStanding, "rank name score trades").where(ScoreStanding.kind == "institution")
    found: Sequence[Row[Any]] = db.session.execute(
        board.order_by(ScoreStanding.rank, ScoreStanding.id).limit(PLACES)
    ).all()
    return charts.shares(
        [
            (
                f"{row.rank}. {row.name}",
                row.score,
                f"{row.score / 100:,.1f}",
                ngettext("%(num)d transaction", "%(num)d transactions", row.trades),
            )
            for row in found
        ]
    )
