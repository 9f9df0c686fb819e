"""What staff do with jobs: run one now, try one, pause it, go on (定时任务)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale, lazy_gettext as _l
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.errors import DomainError
from app.jobs.engine import OPEN
from app.jobs.heartbeat import NAME as HEARTBEAT, last_beat
from app.jobs.timetable import Job, registry
from app.messages import insert_once
from app.models import JobRun, ScheduledJob

REASON = "jobs belong to the installation"
ALIVE = timedelta(seconds=150)
"""Two beats may be missed before a scheduler counts as gone."""

run, kept = JobRun.__table__, ScheduledJob.__table__


def sync(session: Session, now: datetime) -> None:
    """One row for each registered job, in the words and with the plan of the code."""
    rows = elevated(session, REASON)
    for job in registry.values():
        with force_locale("en"):  # the message ids
            words = {"title": str(job.title), "summary": str(job.summary)}
        values: dict[str, Any] = {**words, "plan": plan(job)}
        insert_once(rows, ScheduledJob, ("name",), name=job.name, state="active", **values)
        mine = kept.c.name == job.name
        before = rows.execute(select(kept).where(mine)).one()
        if before.state == "active" and (before.next_run_at is None or before.plan != plan(job)):
            values["next_run_at"] = job.next_after(now)
        rows.execute(update(kept).where(mine).values(**values))


def plan(job: Job) -> dict[str, str]:
    """The cron fields, as they are kept and put into words."""
    return {name: str(value) for name, value in job.when.items()}


def is_alive(session: Session, now: datetime) -> bool:
    """Whether some scheduler would pick a run up."""
    beat = last_beat(session)
    return beat is not None and now - beat < ALIVE


def ask(session: Session, name: str, who: str, now: datetime, *, dry_run: bool) -> None:
    """Have a scheduler run the job as soon as it sees this; ``who`` is a name.

    :raises DomainError: when one of that kind waits or runs already, or there is no dry run.
    """
    rows, job = elevated(session, REASON), registry[name]
    kind = "trial" if dry_run else "asked"
    if dry_run and not job.has_dry_run:
        raise DomainError(
            _l("This job has no dry run."), _l("It sends or moves what cannot be taken back.")
        )
    is_open = select(func.count()).where(text(OPEN), run.c.job == name, run.c.kind == kind)
    _lock(rows, name)
    if rows.scalar(is_open):
        raise DomainError(_l("The job is waiting or running already."), _l("Wait for its result."))
    asked = {"job": name, "slot": now, "kind": kind, "state": "waiting", "attempt": 0}
    rows.execute(insert(run).values(**asked, asked_by=who, started_at=now, error=""))
    if not dry_run:
        rows.execute(update(kept).where(kept.c.name == name).values(last_state="waiting"))


def may_rest(name: str) -> bool:
    """Whether the job may be paused."""
    return name != HEARTBEAT


def switch(session: Session, name: str, now: datetime, *, paused: bool) -> None:
    """Take the job off the timetable, or put it back; what fell due meanwhile is not made up for.

    :raises DomainError: when it is so already, or the job may not rest.
    """
    rows, job = elevated(session, REASON), registry[name]
    if paused and not may_rest(name):
        raise DomainError(
            _l("This job cannot be paused."), _l("The platform would look as if it stood still.")
        )
    state, next_run_at = ("paused", None) if paused else ("active", job.next_after(now))
    changed = update(kept).where(kept.c.name == name, kept.c.state != state)
    if not rows.execute(changed.values(state=state, next_run_at=next_run_at)).rowcount:
        raise DomainError(
            _l("Somebody else was quicker: nothing had to be changed."), _l("See its state here.")
        )


def _lock(rows: Connection, name: str) -> None:
    """Of two who press at once the second sees the first."""
    rows.execute(select(kept.c.id).where(kept.c.name == name).with_for_update())
