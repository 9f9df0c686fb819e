"""Dry runs (试运行): a job does everything, is looked at, and is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.columns import masked_text
from app.jobs.timetable import Job
from app.models import Message, Person

SHOWN = 20
"""So many messages stand on the page; the rest are counted."""

message, person = Message.__table__, Person.__table__


def run(session: Session, job: Job, now: datetime) -> tuple[int, list[list[str]]]:
    """How many rows the job would touch, and whom it would tell; a commit within it is refused."""
    event.listen(session, "before_commit", _refuse)
    try:
        count = job.function(session, now)
        told = _told(elevated(session, "what a dry run would have told"), now)
    finally:
        event.remove(session, "before_commit", _refuse)
        session.rollback()
    return count, told


def _refuse(_session: Session) -> None:
    raise RuntimeError("a dry run commits nothing")


def _told(rows: Connection, now: datetime) -> list[list[str]]:
    """Occasion, channel and masked receiver of the first messages written at this moment."""
    found = rows.execute(
        select(message.c.occasion, message.c.channel, message.c.address, person.c.username)
        .outerjoin_from(message, person, person.c.id == message.c.user_id)
        .where(message.c.created_at == now)
        .order_by(message.c.id)
        .limit(SHOWN)
    )
    return [[m.occasion, m.channel, masked_text(m.address or m.username or "")] for m in found]
