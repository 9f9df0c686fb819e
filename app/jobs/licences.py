"""Job 14: certificates and certifications that end are told in time, and end on their day."""

from __future__ import annotations

from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.flow import Seat
from app.jobs.timetable import job
from app.services import association, organizations
from app.todos import holders


@job(
    "licence.expiry",
    _l("Qualifications that expire"),
    clock.DAY,
    summary=_l("Tells organizations before a certificate ends, and ends it on its day."),
    hour=8,
    minute=20,
)
def remind(session: Session, now: datetime) -> int:
    """Tell main account and operators of each step once; of several missed the latest alone."""
    profile, today = current_app.extensions["profile"], clock.local_day(now)
    rows = elevated(session, "certificates are those of all organizations")
    told = organizations.expire(rows, today) + association.expire(rows, today)
    staff = holders(rows, Seat(role="operator"))
    for found in organizations.expiring(rows, today, profile.limits.expiry_reminder_days):
        context = {"title": found.title, "org": found.organization, "due": found.until}
        people = organizations.people_of(rows, found.organization_id, *staff)
        told += messages.notify(session, "licence.expiring", people, context, found.key, now)
    return told
