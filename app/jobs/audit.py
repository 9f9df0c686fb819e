"""Sealing of the audit log (jobs 56): a chain each minute, its end to the auditor each night."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.choices import AUDITOR
from app.flow import Seat
from app.jobs.timetable import job
from app.services import evidence
from app.todos import holders


@job(
    "audit.seal",
    _l("Seal the audit log"),
    timedelta(minutes=1),
    summary=_l("Gives each new line of the audit log its place in the chain of hashes."),
    second=40,
)
def seal(session: Session, now: datetime) -> int:
    """Seal in order whatever is old enough."""
    return evidence.seal(elevated(session, "the log is everybody's and nobody's"), now)


@job(
    "audit.head",
    _l("Store the end of the audit log"),
    timedelta(days=1),
    summary=_l("Stores the end of the chain and sends it to the audit administrator."),
    hour=0,
    minute=5,
)
def head(session: Session, now: datetime) -> int:
    """Tell the auditors the end of the chain: what they have in hand cannot be cut off."""
    rows = elevated(session, "the log is everybody's and nobody's")
    told = evidence.store_head(rows, now)
    if told is None:
        return 0
    people = holders(rows, Seat(None, AUDITOR))
    slot = clock.local_day(now)
    context = {"day": str(slot), "count": told["number"], "hash": told["hash"]}
    messages.notify(session, "audit.head", people, context, f"seal:{slot}", now)
    return 1
