"""Scheduled jobs: one run per slot on all machines together, each on record.

What the jobs do is in the modules of this package; the scheduler keeps nothing of its own, so
it may be killed at any time and run on several machines.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from app import clock
from app.extensions import system_session
from app.jobs import (
    accounts,
    audit,
    board,
    cleanup,
    demands,
    engine,
    figures,
    heartbeat,
    imports,
    invitations,
    licences,
    outbox,
    products,
    scores,
    tasks,
    trade,
    uploads,
)
from app.jobs.engine import run_job
from app.jobs.heartbeat import last_beat
from app.jobs.timetable import Job, registry

__all__ = [
    "Job", "accounts", "audit", "board", "cleanup", "demands", "engine", "figures", "heartbeat",
    "imports", "invitations", "last_beat", "licences", "outbox", "products", "registry",
    "run_job", "run_scheduler", "scheduler", "scores", "sync", "tasks", "trade", "uploads",
]  # fmt: skip

log = logging.getLogger(__name__)
GRACE_SECONDS = 3600
PICK_UP_SECONDS = 5
MOST_SLOTS = 3
"""So many slots of a job may be under way in one process: a late one must not cost the next."""

STOP = {signal.SIGTERM, signal.SIGINT}


def sync(app: Flask) -> None:
    """Bring the rows of the jobs up to the timetable of the code."""
    with app.app_context(), system_session() as session:
        board.sync(session, clock.now())
        session.commit()


def scheduler(app: Flask) -> BackgroundScheduler:
    """The whole timetable, not started."""
    planned = BackgroundScheduler(timezone=clock.SHANGHAI)  # type: ignore[no-untyped-call]

    def add(name: str, most: int, function: Any, *args: Any, **when: Any) -> None:
        planned.add_job(  # type: ignore[no-untyped-call]
            function, "cron", args=args, id=name, coalesce=True, max_instances=most,
            misfire_grace_time=GRACE_SECONDS, **when,
        )  # fmt: skip

    for job in registry.values():
        add(job.name, MOST_SLOTS if job.period else 1, run_job, app, job.name, **job.when)
    add("pick up", 1, engine.pick_up, app, second=f"*/{PICK_UP_SECONDS}")
    return planned


def run_scheduler(app: Flask) -> None:
    """Run jobs until SIGTERM or SIGINT; running ones are waited for."""
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # Blocked before the threads start: the signal waits for sigwait instead of striking a job.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    planned = scheduler(app)
    sync(app)
    run_job(app, heartbeat.NAME)
    planned.start()  # type: ignore[no-untyped-call]
    log.info("scheduler: %d jobs", len(registry))
    signal.sigwait(STOP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    planned.shutdown(wait=True)  # type: ignore[no-untyped-call]
