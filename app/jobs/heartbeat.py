"""The heartbeat (jobs 61): a row each minute tells that some scheduler is alive."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.jobs.timetable import job
from app.models import JobRun

NAME = "scheduler.heartbeat"
KEPT = timedelta(days=1)

run = JobRun.__table__


@job(
    NAME,
    _l("Scheduler heartbeat"),
    timedelta(minutes=1),
    summary=_l("Shows each minute that a scheduler is alive; the health page reads it."),
    second=0,
)
def beat(session: Session, now: datetime) -> int:
    """Forget beats older than a day and old runs; that the run is on record is the beat itself."""
    days = current_app.extensions["profile"].reminders.keep_runs_days
    is_old = run.c.slot < now - timedelta(days=days)
    is_old_beat = (run.c.job == NAME) & (run.c.slot < now - KEPT)
    rows = elevated(session, "the run table has no owner")
    return rows.execute(delete(run).where(is_old | is_old_beat)).rowcount


def last_beat(session: Session) -> datetime | None:
    """When a scheduler last showed that it is alive; None before the first time."""
    connection = elevated(session, "whether the scheduler lives is no secret")
    return connection.scalar(select(func.max(run.c.started_at)).where(run.c.job == NAME))
