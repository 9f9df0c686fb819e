"""The figures of the dashboard: counted as rows change, and all anew every night."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from app import clock
from app.access import elevated
from app.jobs.timetable import job
from app.services import figures

REASON = "the figures of the platform are those of all rows"


@job(
    "figures.count",
    _l("Figures of the dashboard"),
    timedelta(minutes=10),
    summary=_l("Counts the months anew in which demands or transactions have changed."),
    minute="*/10",
    second=30,
)
def count(session: Session, now: datetime) -> int:
    """Count what changed since the last time."""
    return figures.count(elevated(session, REASON), now)


@job(
    "figures.recount",
    _l("All figures of the dashboard"),
    clock.DAY,
    summary=_l("Counts all months anew, and finds the institutions of which nothing is heard."),
    hour=2,
    minute=50,
)
def recount(session: Session, now: datetime) -> int:
    """Count everything."""
    rows = elevated(session, REASON)
    days = current_app.extensions["profile"].limits.asleep_days
    return figures.count(rows, now, everything=True) + figures.find_sleepers(rows, now, days)
