"""Jobs 15 and 16: invitations that end, and those that are about to."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.jobs.timetable import job
from app.services import consultants

MOST = 1_000
"""So many end in one run; the next hour takes the rest."""


@job(
    "invite.expire",
    _l("Invitations that expire"),
    timedelta(hours=1),
    summary=_l("Ends invitations that nobody answered in time and tells the institution."),
    minute=5,
)
def expire(session: Session, now: datetime) -> int:
    """Each once; whoever answered meanwhile is left alone."""
    rows = elevated(session, "invitations of all institutions end")
    late = consultants.overdue(rows, now, MOST)
    return sum(consultants.expire(session, one, now) for one in late)


@job(
    "invite.remind",
    _l("Reminders of invitations"),
    clock.DAY,
    summary=_l("Reminds whoever was invited and has not answered."),
    hour=8,
    minute=40,
)
def remind(session: Session, now: datetime) -> int:
    """Of several steps that were missed the latest alone, each once."""
    rule = current_app.extensions["profile"].consultants
    rows = elevated(session, "invitations of all institutions are reminded of")
    told = 0
    for found in consultants.waiting(rows, now):
        if step := consultants.step_due(found, rule, now):
            words = {"title": found.name, "org": found.house, "due": found.expires_at}
            key = f"inv:{found.id}:{step}"
            told += messages.tell(session, "consultant.reminder", found.email, words, key, now)
    return told
