"""Running one job: who runs it, in which transaction, and what stays on record.

A run is a row.  It is claimed first, visibly to every scheduler, for a lease; what the job does
and that it has ended are one transaction.  A claim whose process died is taken over when its
lease is over, and whoever finds his claim taken over takes back what he did: an effect happens
exactly once.  On PostgreSQL a live run also keeps its row locked, on SQLite the whole database.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.orm import Session

from app import clock
from app.access import elevated
from app.extensions import system_session
from app.jobs import alarm, trial
from app.jobs.timetable import Job, registry
from app.messages import insert_once
from app.models import JobRun, ScheduledJob

log = logging.getLogger(__name__)
ERROR_LENGTH = 500
LEASE = timedelta(minutes=10)
"""How long a claimed run belongs to its process; longer only while its row stays locked."""

MOST_ATTEMPTS = 3
ASKED_LAPSES = timedelta(hours=1)
"""After this a run asked for by hand would surprise whoever asked: it is skipped."""

PATIENCE = timedelta(seconds=10)
"""How late a job may be before another scheduler makes up for it."""

OPEN = "state IN ('waiting', 'running')"  # as the partial index has it
run, kept = JobRun.__table__, ScheduledJob.__table__


class Lost(Exception):
    """Another scheduler has taken this run over meanwhile."""


@dataclass(frozen=True)
class Claim:
    """A run that is ours, as of one attempt."""

    id: int
    attempt: int
    is_trial: bool = False


WORKER = Claim(0, 0)
"""A worker claims rows, not slots: it has a row only when it did something."""


def run_job(
    app: Flask, name: str, now: datetime | None = None, *, dry_run: bool = False
) -> int | None:
    """Run one job in its own transaction: all of it happens, or none of it.

    A dry run is taken back at its end; what it would have told is on record.

    :returns: the number of rows it touched; None when another run has taken this slot, or the
        job is paused.
    :raises Exception: what the job raised; its run is on record then.
    """
    job, now = registry[name], now or clock.now()
    with app.app_context(), system_session() as session:
        if dry_run:
            if not job.has_dry_run:
                raise ValueError(f"{name} has no dry run")
            claim = _claim(session, job, clock.now(), kind="trial")
        else:
            claim = _planned(session, job, job.slot(now))
        return None if claim is None else _carry_out(session, job, claim, now)


def pick_up(app: Flask) -> int:
    """Run what was asked for by hand, what a dead scheduler left, and what none began in time.

    :returns: how many runs were carried out.
    """
    count = 0
    with app.app_context(), system_session() as session:
        while (found := _take_open(session)) is not None:
            count += _attempt(session, *found)
        for name in _late(session):
            count += _make_up(session, registry[name])
    return count


def _rows(session: Session) -> Connection:
    return elevated(session, "runs of jobs belong to nobody")


# --- claims -------------------------------------------------------------------------------


def _claim(session: Session, job: Job, slot: datetime, kind: str = "planned") -> Claim | None:
    """Take the slot, visibly to every other scheduler; None when it is taken."""
    rows, started_at = _rows(session), clock.now()
    mine = {"job": job.name, "slot": slot}
    is_ours = insert_once(
        rows, JobRun, ("job", "slot"), **mine, kind=kind, state="running", runner=_here(),
        attempt=1, lease_until=started_at + LEASE, started_at=started_at, error="",
    )  # fmt: skip
    found = rows.scalar(select(run.c.id).filter_by(**mine)) if is_ours else None
    if is_ours and kind == "planned":
        _keep(session, job, last_run_at=started_at, last_state="running", **_next(job))
    session.commit()
    return Claim(found, attempt=1, is_trial=kind == "trial") if found else None


def _planned(session: Session, job: Job, slot: datetime) -> Claim | None:
    """The claim of a run that the timetable asks for; workers need no row before they end."""
    rows = _rows(session)
    state = rows.scalar(select(kept.c.state).where(kept.c.name == job.name))
    if state == "paused":
        session.rollback()
        return None
    if job.period is None:
        session.rollback()
        return WORKER
    return _claim(session, job, slot)


def _take_open(session: Session) -> tuple[Job, Claim] | None:
    """One run that waits or whose process died; a live one keeps its row locked."""
    rows, now = _rows(session), clock.now()
    is_due = (run.c.state == "waiting") | (run.c.lease_until < now)
    found = rows.execute(
        select(run)
        .where(text(OPEN), run.c.job.in_(registry), is_due)
        .order_by(run.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if found is None:
        session.rollback()
        return None
    values: dict[str, Any] = {"attempt": found.attempt + 1, "runner": _here()}
    if found.state == "waiting" and now - found.slot > ASKED_LAPSES:
        values = {"state": "skipped", "ended_at": now, "error": "no scheduler was alive"}
    elif found.attempt >= MOST_ATTEMPTS:
        values = {"state": "failed", "ended_at": now, "error": "no attempt came to an end"}
    else:
        values |= {"state": "running", "lease_until": now + LEASE, "started_at": now}
    rows.execute(update(run).where(run.c.id == found.id).values(**values))
    job = registry[found.job]
    if found.kind != "trial":
        _keep(session, job, last_run_at=now, last_state=values["state"])
    session.commit()
    if values["state"] != "running":
        return _take_open(session)
    return job, Claim(found.id, values["attempt"], found.kind == "trial")


def _late(session: Session) -> list[str]:
    """The jobs whose time has passed without anybody beginning them."""
    is_late = kept.c.next_run_at < clock.now() - PATIENCE
    names = select(kept.c.name).where(is_late, kept.c.state == "active", kept.c.name.in_(registry))
    found = list(_rows(session).scalars(names))
    session.rollback()
    return found


def _make_up(session: Session, job: Job) -> int:
    """Run the latest missed slot, and only that one; an older one has lapsed."""
    due = job.last_before(clock.now())
    claim = _planned(session, job, job.slot(due)) if due else None
    if claim is None or job.period is None:
        _keep(session, job, **_next(job))
        session.commit()
        return 0
    return _attempt(session, job, claim)


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[-80:]


# --- the run ------------------------------------------------------------------------------


def _attempt(session: Session, job: Job, claim: Claim) -> int:
    """Carry a run out; its failure is on record and stops nothing else."""
    try:
        _carry_out(session, job, claim, clock.now())
    except Exception:
        log.exception("job %s", job.name)
    return 1


def _carry_out(session: Session, job: Job, claim: Claim, now: datetime) -> int | None:
    started_at = clock.now()
    try:
        _hold(session, claim)
        if claim.is_trial:
            count, told = trial.run(session, job, now)
            _end(session, job, claim, started_at, row_count=count, told=told)
        else:
            count = job.function(session, now)
            _end(session, job, claim, started_at, row_count=count)
        session.commit()
    except Lost:
        session.rollback()
        log.warning("job %s: another scheduler has taken this run over", job.name)
        return None
    except Exception as failure:
        session.rollback()
        _fail(session, job, claim, started_at, failure)
        raise
    return count


def _fail(
    session: Session, job: Job, claim: Claim, started_at: datetime, failure: Exception
) -> None:
    """Put a failure on record, then tell of it; that it cannot be told changes nothing."""
    error = " ".join(f"{type(failure).__name__}: {failure}".split())[:ERROR_LENGTH]
    with suppress(Lost):
        _end(session, job, claim, started_at, error=error)
    session.commit()
    if claim.is_trial:
        return
    try:
        alarm.tell(session, job, error, clock.now())
        session.commit()
    except Exception:
        session.rollback()
        log.exception("nobody could be told that %s failed", job.name)


def _hold(session: Session, claim: Claim) -> None:
    """Lock the claimed row for as long as the job runs."""
    ours = select(run.c.id).where(run.c.id == claim.id, run.c.attempt == claim.attempt)
    rows = _rows(session)
    if claim.id and rows.scalar(ours.with_for_update()) is None:
        raise Lost


def _end(session: Session, job: Job, claim: Claim, started_at: datetime, **outcome: Any) -> None:
    """Write how the run ended, in the transaction of what it did.

    :raises Lost: when another scheduler has taken it over.
    """
    rows, now = _rows(session), clock.now()
    state = "failed" if outcome.get("error") else "done"
    outcome = {"state": state, "ended_at": now} | outcome
    if claim.id:
        ours = update(run).where(run.c.id == claim.id, run.c.attempt == claim.attempt)
        ended = rows.execute(ours.where(run.c.state == "running").values(**outcome)).rowcount
        if not ended:
            raise Lost
    elif outcome.get("error") or outcome.get("row_count"):
        row = {"job": job.name, "slot": started_at, "started_at": started_at, "runner": _here()}
        rows.execute(insert(run).values(**row, **outcome))
    if claim.is_trial:
        return
    _keep(
        session, job, last_run_at=started_at, last_state=state,
        row_count=outcome.get("row_count"),
        milliseconds=int((now - started_at).total_seconds() * 1000),
        **({} if claim.id else _next(job)),
    )  # fmt: skip


# --- the page -----------------------------------------------------------------------------


def _keep(session: Session, job: Job, **values: Any) -> None:
    """Keep what the page of the jobs shows."""
    mine = update(kept).where(kept.c.name == job.name)
    _rows(session).execute(mine.values(**values))


def _next(job: Job) -> dict[str, Any]:
    return {"next_run_at": job.next_after(clock.now())}
