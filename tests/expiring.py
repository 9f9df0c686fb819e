"""A scheduler of its own that runs jobs of the supermarket each second, on a day to come.

``python tests/expiring.py DATABASE_URL DAYS NAME``: schedulers of one NAME share their slots, as
installed ones do; of two names each runs everything, as a run by hand does beside a planned one.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from sqlalchemy.orm import Session

from app import jobs
from app.jobs import timetable
from tests.ticking import application

NAMES = ("invite.expire", "listing.expire", "score.rank")


def later(function: timetable.JobFunction, days: int) -> timetable.JobFunction:
    """A job as it will run in so many days."""

    def run(session: Session, now: datetime) -> int:
        return function(session, now + timedelta(days=days))

    return run


def main() -> None:
    """Run the scheduler with these jobs and the heartbeat alone."""
    app = application()
    days, name = int(sys.argv[2]), sys.argv[3]
    functions = {job: timetable.registry[job].function for job in NAMES}
    for job in [job for job in timetable.registry if job != jobs.heartbeat.NAME]:
        del timetable.registry[job]
    for job, function in functions.items():
        key, second = f"{job}.{name}", timedelta(seconds=1)
        timetable.job(key, key, second, second="*")(later(function, days))
    jobs.run_scheduler(app)


if __name__ == "__main__":
    main()
