"""Scheduled jobs: one run per slot on all machines together, each on record.

What the jobs do is in the modules of this package; the scheduler keeps nothing of its own, so
it may be killed at any time and run on several machines.
"""

from __future__ import annotations

import logging
import signal
from datetime import datetime

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import clock
from app.access import elevated
from app.extensions import system_session
from app.jobs import heartbeat, outbox
from app.jobs.heartbeat import last_beat
from app.jobs.timetable import Job, registry
from app.messages import insert_once
from app.models import JobRun

__all__ = ["heartbeat", "last_beat", "outbox", "registry", "run_job", "run_scheduler", "scheduler"]

log = logging.getLogger(__name__)
ERROR_LENGTH = 500
GRACE_SECONDS = 3600
STOP = {signal.SIGTERM, signal.SIGINT}

run = JobRun.__table__


def run_job(app: Flask, name: str, now: datetime | None = None) -> int | None:
    """Run one job in its own transaction: all of it happens, or none of it.

    :returns: the number of rows it touched; None when another run has taken this slot.
    :raises Exception: what the job raised; its run is on record then.
    """
    job = registry[name]
    now = now or clock.now()
    started_at = clock.now()
    with app.app_context(), system_session() as session:
        if job.period is not None and not _claim(session, job, now, started_at):
            return None
        try:
            count = job.function(session, now)
            session.commit()
        except Exception as failure:
            session.rollback()
            error = " ".join(f"{type(failure).__name__}: {failure}".split())[:ERROR_LENGTH]
            _record(session, job, now, started_at, error=error)
            raise
        if job.period is not None or count:
            _record(session, job, now, started_at, row_count=count)
    return count


def _claim(session: Session, job: Job, now: datetime, started_at: datetime) -> bool:
    """Take the slot, visibly to every other scheduler; False when it is taken."""
    connection = elevated(session, "the run table has no owner")
    slot = job.slot(now)
    key = ("job", "slot")
    is_ours = insert_once(connection, JobRun, key, job=job.name, slot=slot, started_at=started_at)
    session.commit()
    return is_ours


def _record(
    session: Session, job: Job, now: datetime, started_at: datetime, **outcome: object
) -> None:
    """Write how the run ended; a worker without slots gets its row only now."""
    if job.period is None and not _claim(session, job, now, started_at):
        return
    elevated(session, "the run table has no owner").execute(
        update(run)
        .where(run.c.job == job.name, run.c.slot == job.slot(now))
        .values(ended_at=clock.now(), **outcome)
    )
    session.commit()


def scheduler(app: Flask) -> BackgroundScheduler:
    """The whole timetable, not started."""
    planned = BackgroundScheduler(timezone=clock.SHANGHAI)  # type: ignore[no-untyped-call]
    for job in registry.values():
        planned.add_job(  # type: ignore[no-untyped-call]
            run_job,
            "cron",
            args=(app, job.name),
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=GRACE_SECONDS,
            **job.when,
        )
    return planned


def run_scheduler(app: Flask) -> None:
    """Run jobs until SIGTERM or SIGINT; running ones are waited for."""
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # Blocked before the threads start: the signal waits for sigwait instead of striking a job.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    planned = scheduler(app)
    run_job(app, heartbeat.NAME)
    planned.start()  # type: ignore[no-untyped-call]
    log.info("scheduler: %d jobs", len(registry))
    signal.sigwait(STOP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    planned.shutdown(wait=True)  # type: ignore[no-untyped-call]
