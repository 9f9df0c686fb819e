"""A job that fails tells the administrators, once per day and job."""

from __future__ import annotations

from datetime import datetime

from flask import current_app
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.flow import Seat
from app.jobs.timetable import Job
from app.todos import holders


def tell(session: Session, job: Job, error: str, now: datetime) -> None:
    """Write the message about a failure to everybody who looks after the machinery."""
    role = current_app.extensions["profile"].reminders.technician
    people = holders(elevated(session, "whoever looks after the jobs is told"), Seat(None, role))
    key = f"job.failed:{job.name}:{clock.local_day(now)}"
    context = {"title": job.title, "opinion": error}
    messages.notify(session, "job.failed", people, context, key, now)
