"""The public board (活跃度排名): institutions and consultants, now and in the months before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import current_app, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import choices
from app.extensions import db
from app.models import ScoreMonth, ScoreStanding
from app.services.scores import months_before
from app.views.base import Page, paging
from app.views.base.typed import is_key
from app.views.scores_drawn import month, points

KINDS = tuple(choices.SCORE_SUBJECTS.codes())
PAGES = {"institution": "PortalView.institution", "consultant": "MarketView.consultant"}
MONTHS = 12
COLUMNS = ("id", "rank", "name", "subject_id", "score", "service_score", "trades", "stars")


class BoardView(Page):
    """What anybody sees of the ranking: places and points, not what they are for."""

    route_base = "/market/board"

    @expose("/")
    def show(self) -> str:
        """One page of places."""
        kind = request.args.get("kind", "")
        kind = kind if kind in KINDS else KINDS[0]
        months = self._months(kind)
        wanted = request.args.get("month", "")
        period = int(wanted) if is_key(wanted) and int(wanted) in months else 0
        model: Any = ScoreMonth if period else ScoreStanding
        query = select(*(getattr(model, name) for name in COLUMNS)).where(model.kind == kind)
        if period:
            query = query.where(model.period == period)
        else:
            query = query.add_columns(model.counted_at)
        size = current_app.extensions["profile"].scores.board
        at = paging.position(request.args.get("at", ""), model.rank)
        page = paging.page(
            db.session(), query, model.rank, model.id,
            descending=False, at=at, size=size, count=None,
        )  # fmt: skip
        kept: dict[str, Any] = {"kind": kind} | ({"month": period} if period else {})
        return render_template(
            "portal/board.html",
            kinds=[(choices.SCORE_SUBJECTS.of(c).label, url_for(".show", kind=c), c == kind)
                   for c in KINDS],
            months=[(_("Now"), url_for(".show", kind=kind), not period),
                    *((month(m), url_for(".show", kind=kind, month=m), m == period)
                      for m in months)],
            lines=self._lines(kind, page.rows),
            counted=page.rows[0].counted_at if page.rows and not period else None,
            page=page.line(partial(url_for, ".show"), kept),
            sidebar="",
        )  # fmt: skip

    def _months(self, kind: str) -> list[int]:
        """The months that are closed, the newest first."""
        of = select(func.min(ScoreMonth.period), func.max(ScoreMonth.period))
        first, last = db.session.execute(of.where(ScoreMonth.kind == kind)).one()
        if last is None:
            return []
        months = [months_before(last, age) for age in range(MONTHS)]
        return [period for period in months if period >= first]

    def _lines(self, kind: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
        endpoint = PAGES[kind] if PAGES[kind] in current_app.view_functions else ""
        longest = max([*(row.score for row in rows), 1])
        return [
            {
                "rank": row.rank,
                "name": row.name,
                "url": url_for(endpoint, pk=row.subject_id) if endpoint else "",
                "score": points(row.score),
                "service": points(row.service_score),
                "trades": row.trades,
                "stars": f"{row.stars / 100:.1f}" if row.stars is not None else "",
                "width": max(round(row.score * 100 / longest, 1), 0),
            }
            for row in rows
        ]
