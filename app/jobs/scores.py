"""Job 26: the board of the night, and the months that are over (活跃度, F20)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.jobs import marks
from app.jobs.timetable import job
from app.services import holdings, ranking, scores

log = logging.getLogger(__name__)


@job(
    "score.rank",
    _l("Activity ranking"),
    clock.DAY,
    summary=_l("Counts the board anew; closes the months that are over and tells institutions."),
    hour=2,
    minute=40,
)
def rank(session: Session, now: datetime) -> int:
    """Close what is over, count what there is, write the board; how many places it has."""
    rows = elevated(session, "the board compares all institutions")
    ranking.alone(rows)
    formula = scores.formula_of(rows, scores.period_of(now))
    since = scores.months_before(scores.period_of(now), formula.months)
    if wrong := scores.settle(rows, since):
        log.error("score.rank: %d running totals differed from their entries", wrong)
    for period in ranking.open_months(rows, now):
        formula = scores.formula_of(rows, period)
        if marks.first(rows, f"rank:{period}:{formula.name}", now):
            places = ranking.close(rows, period, now)
            if period == scores.months_before(scores.period_of(now), 1):
                _tell(session, rows, period, places, now)
    holdings.count(rows, now)
    return ranking.publish(rows, now)


def _tell(
    session: Session, rows: Connection, period: int, places: list[ranking.Place], now: datetime
) -> None:
    """Each institution its points and its place of the month."""
    mains = ranking.main_accounts(rows, [p.subject.organization_id for p in places])
    month = f"{period // 100}-{period % 100:02d}"
    for piece in marks.batches(places):
        notices = [
            messages.Notice("score.monthly", [mains[key]], _said(place, month), _key(period, key))
            for place in piece
            if (key := place.subject.organization_id) in mains
        ]
        messages.post(session, notices, now)


def _said(place: ranking.Place, month: str) -> dict[str, Any]:
    points = f"{place.points / 100:.2f}"
    return {"month": month, "points": points, "rank": place.rank}


def _key(period: int, organization_id: int) -> str:
    return f"score.monthly:{period}:{organization_id}"
