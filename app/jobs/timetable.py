"""The timetable: jobs are plain functions, declared with :func:`job`.

A job takes a session and the time it is to believe in, and returns how many rows it touched.
It neither asks the clock nor, as a rule, commits; running it is :func:`app.jobs.run_job`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.cron import CronTrigger
from sqlalchemy.orm import Session

from app import clock
from app.columns import Phrase

JobFunction = Callable[[Session, datetime], int]

WEEK = timedelta(weeks=1)
MONTH = timedelta(days=31)
"""A calendar month; no slot is longer."""


@dataclass(frozen=True)
class Job:
    """A registered job; ``when`` holds APScheduler's cron fields, in Shanghai time.

    ``period`` is the length of its slots: of all schedulers one runs the job per slot.  None
    marks a worker that claims rows and may run anywhere at any time.  ``has_dry_run`` is false
    for whatever cannot be taken back: workers, and jobs that touch files.
    """

    name: str
    title: Phrase
    summary: Phrase
    function: JobFunction
    period: timedelta | None
    when: dict[str, Any]
    has_dry_run: bool = True

    def slot(self, now: datetime) -> datetime:
        """``now``, floored to the period: within the Shanghai day, to its Monday, or to the 1st."""
        if self.period is None:
            return now
        today = clock.local_day(now)
        if self.period == MONTH:
            return clock.start_of(today.replace(day=1))
        if self.period == WEEK:
            return clock.start_of(today - today.weekday() * clock.DAY)
        day = clock.start_of(today)
        return day + (now - day) // self.period * self.period

    def next_after(self, moment: datetime) -> datetime:
        """When it is due for the first time after ``moment``."""
        trigger: Any = CronTrigger(timezone=clock.SHANGHAI, **self.when)  # type: ignore[no-untyped-call]
        tick = timedelta(microseconds=1)
        due: datetime = trigger.get_next_fire_time(None, moment.astimezone(clock.SHANGHAI) + tick)
        return due

    def last_before(self, moment: datetime) -> datetime | None:
        """When it was due for the last time up to ``moment``, at most one period ago."""
        if self.period is None:
            return None
        due = self.next_after(moment - self.period)
        last = None
        while due <= moment:
            last, due = due, self.next_after(due)
        return last


registry: dict[str, Job] = {}


def job(
    name: str,
    title: Phrase,
    period: timedelta | None,
    *,
    summary: Phrase = "",
    dry: bool = True,
    **when: Any,
) -> Callable[[JobFunction], JobFunction]:
    """Register the decorated function as ``name`` to run at ``when``, e.g. ``hour=8, minute=30``.

    Periods that neither divide a day nor are a week or a month are refused: their slots would
    shift from day to day.
    """

    def register(function: JobFunction) -> JobFunction:
        if name in registry:
            raise ValueError(f"two jobs are called {name}")
        if period not in {None, WEEK, MONTH} and clock.DAY % (period or clock.DAY):
            raise ValueError(f"the period of {name} does not divide a day")
        has_dry_run = dry and period is not None
        registry[name] = Job(name, title, summary, function, period, when, has_dry_run)
        return function

    return register
