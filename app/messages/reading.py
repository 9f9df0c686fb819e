"""What stands in the message centre: how much of it is new, and what is new no longer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, literal_column, select, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.models import Message

UNREAD_CAP = 100
"""Unread messages are counted so far: the bell shows 99+."""

message = Message.__table__
# Written out, not bound: the partial index serves only conditions that name the channel.
_INAPP: ColumnElement[str] = literal_column("'inapp'")


def unread_of(user_id: Any) -> ScalarSelect[int]:
    """How many messages on the platform a user has not read, counted to :data:`UNREAD_CAP`."""
    mine = select(message.c.id).where(
        message.c.user_id == user_id, message.c.channel == _INAPP, message.c.read_at.is_(None)
    )
    counted = mine.correlate_except(message).limit(UNREAD_CAP).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


def mark_read(
    session: Session, user_id: int | None, now: datetime, message_id: int | None = None
) -> int:
    """Mark one message of a user as read, or all of them; how many were unread."""
    mine = update(message).where(
        message.c.user_id == user_id, message.c.channel == _INAPP, message.c.read_at.is_(None)
    )
    if message_id is not None:
        mine = mine.where(message.c.id == message_id)
    connection = elevated(session, "marks the reader's own messages as read, all at once")
    return int(connection.execute(mine.values(read_at=now)).rowcount)


def mark_done(rows: Connection, user_id: int | None, key: str, now: datetime) -> None:
    """What a user was told under a key that begins so, he has dealt with: it is read."""
    rows.execute(
        update(message)
        .where(
            message.c.user_id == user_id,
            message.c.channel == _INAPP,
            message.c.read_at.is_(None),
            message.c.dedupe_key.startswith(key, autoescape=True),
        )
        .values(read_at=now)
    )
