"""Who is told: rows of the outbox, written in the transaction of their cause."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import LazyString, force_locale
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access import elevated
from app.messages.occasions import ALL, FIXED, OCCASIONS
from app.models import Base, Message, MessageChoice, Person

message, choice_, person_ = Message.__table__, MessageChoice.__table__, Person.__table__


@dataclass(frozen=True)
class Notice:
    """One occasion for some users; ``channels`` narrows those of the occasion."""

    occasion: str
    user_ids: Collection[int]
    context: Mapping[str, Any]
    key: str
    channels: tuple[str, ...] = ALL


READERS = (
    select(
        *(person_.c[name] for name in ("id", "email", "mobile", "locale")),
        choice_.c.topic,
        choice_.c.email.label("by_email"),
        choice_.c.sms.label("by_sms"),
    )
    .outerjoin(choice_, choice_.c.user_id == person_.c.id)
    .where(person_.c.id.in_(bindparam("ids", expanding=True)), person_.c.active.is_(True))
)


def notify(
    session: Session,
    occasion: str,
    user_ids: Collection[int],
    context: Mapping[str, Any],
    key: str,
    now: datetime,
    channels: tuple[str, ...] = ALL,
) -> int:
    """Tell users by the channels of the occasion, each once per ``key``; the messages written.

    E-mail goes to those who have an address and SMS to those with a mobile, unless they do not
    want it; switched-off accounts are told nothing.  In ``context``, phrases are kept as such
    and translated for each reader; moments and days are written as he reads them.
    """
    return post(session, [Notice(occasion, user_ids, context, key, channels)], now)


def post(session: Session, notices: Sequence[Notice], now: datetime) -> int:
    """:func:`notify` for several occasions at once: two statements in all."""
    wanted = sorted({user_id for notice in notices for user_id in notice.user_ids})
    if not wanted:
        return 0
    connection = elevated(session, "a message goes to somebody else")
    readers: dict[int, Any] = {}
    unwanted: set[tuple[int, str, str]] = set()
    for found in connection.execute(READERS, {"ids": wanted}):
        readers[found.id] = found
        unwanted |= {
            (found.id, found.topic, channel)
            for channel, by in (("email", found.by_email), ("sms", found.by_sms))
            if by is False
        }
    told = [
        _row(notice.occasion, channel, address, notice.context, now)
        | {"user_id": user_id, "locale": readers[user_id].locale or "zh"}
        | {"dedupe_key": f"{notice.key}:{user_id}:{channel}"}
        for notice in notices
        for user_id in sorted(readers.keys() & {*notice.user_ids})
        for channel, address in _ways(notice, readers[user_id], unwanted)
    ]
    return _insert(connection, told)


def _ways(
    notice: Notice, reader: Any, unwanted: Collection[tuple[int, str, str]]
) -> list[tuple[str, str]]:
    """Channel and address of every way by which one reader is told."""
    occasion = OCCASIONS[notice.occasion]
    addresses = {"inapp": "", "email": reader.email, "sms": reader.mobile}
    return [
        (channel, addresses[channel] or "")
        for channel in occasion.channels
        if channel in notice.channels
        and (addresses[channel] or channel == "inapp")
        and (occasion.topic in FIXED or (reader.id, occasion.topic, channel) not in unwanted)
    ]


def tell(
    session: Session,
    occasion: str,
    address: str,
    context: Mapping[str, Any],
    key: str,
    now: datetime,
    locale: str = "zh",
    channel: str = "email",
) -> bool:
    """Write one message to an address that need not be a user's.

    ``key`` names what must be told only once, as in ``msg:JG-20261120-0007:3:mail``; a second
    message of that key is ignored, and False returned.
    """
    connection = elevated(session, "a message goes to somebody else")
    row = _row(occasion, channel, address, context, now)
    return bool(_insert(connection, [row | {"locale": locale, "dedupe_key": key}]))


def _row(
    occasion: str, channel: str, address: str, context: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    on_platform = channel == "inapp"
    return {
        "occasion": occasion,
        "channel": channel,
        "address": address,
        "context": {name: _kept(value) for name, value in context.items()},
        "state": "sent" if on_platform else "waiting",
        "due_at": now,
        "created_at": now,
        "sent_at": now if on_platform else None,
    }


def _kept(value: Any) -> Any:
    """A value as a row keeps it: a phrase by its message id, times by their ISO form."""
    if isinstance(value, LazyString):
        with force_locale("en"):  # the language of the message ids
            return {"phrase": str(value)}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return value


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> int:
    """Insert those whose key is not taken; how many they were."""
    if not rows:
        return 0
    statement = _insert_into(connection, Message).on_conflict_do_nothing(
        index_elements=["dedupe_key"]
    )
    # Not the row count: on PostgreSQL it is -1 here.
    return len(connection.execute(statement.returning(message.c.id), rows).all())


def _insert_into(connection: Connection, model: type[Base]) -> Any:
    postgres = connection.dialect.name == "postgresql"
    insert: Any = postgresql.insert if postgres else sqlite.insert
    return insert(model.__table__)


def insert_once(
    connection: Connection, model: type[Base], key: tuple[str, ...], /, **values: Any
) -> bool:
    """Insert a row unless its unique ``key`` is taken; whether it was inserted."""
    statement = (
        _insert_into(connection, model).values(**values).on_conflict_do_nothing(index_elements=key)
    )
    return connection.scalar(statement.returning(model.__table__.c.id)) is not None
