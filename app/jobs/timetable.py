"""The timetable: jobs are plain functions, declared with :func:`job`.

A job takes a session and the time it is to believe in, and returns how many rows it touched.
It neither asks the clock nor, as a rule, commits; running it is :func:`app.jobs.run_job`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app import clock
from app.columns import Phrase

JobFunction = Callable[[Session, datetime], int]


@dataclass(frozen=True)
class Job:
    """A registered job; ``when`` holds APScheduler's cron fields, in Shanghai time.

    ``period`` is the length of its slots: of all schedulers one runs the job per slot.  None
    marks a worker that claims rows and may run anywhere at any time.
    """

    name: str
    title: Phrase
    function: JobFunction
    period: timedelta | None
    when: dict[str, Any]

    def slot(self, now: datetime) -> datetime:
        """``now``, floored to the period within the Shanghai day, in UTC."""
        if self.period is None:
            return now
        day = clock.start_of(clock.local_day(now))
        return day + (now - day) // self.period * self.period


registry: dict[str, Job] = {}


def job(
    name: str, title: Phrase, period: timedelta | None, **when: Any
) -> Callable[[JobFunction], JobFunction]:
    """Register the decorated function as ``name`` to run at ``when``, e.g. ``hour=8, minute=30``.

    Periods that do not divide a day are refused: their slots would shift from day to day.
    """

    def register(function: JobFunction) -> JobFunction:
        if name in registry:
            raise ValueError(f"two jobs are called {name}")
        if period is not None and clock.DAY % period:
            raise ValueError(f"the period of {name} does not divide a day")
        registry[name] = Job(name, title, function, period, when)
        return function

    return register
