"""How often something may be done: counted in the database, for all workers together.

A key is a row with the moments of its last grants, the newest first.  Asking and granting are
one statement, so that of a thousand requests at once no more than allowed are granted; within
any span of the window's length there are never more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, delete, func, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from app.models import Throttle

throttle = Throttle.__table__.c
WIDTH = 13
"""A moment in milliseconds has so many digits until the year 2286, and sorts as text."""


def spend(rows: Connection, key: str, allowed: int, seconds: int, now: datetime) -> datetime | None:
    """Use ``key`` once; None when granted, else the moment from which it is free again.

    At most ``allowed`` grants lie within any ``seconds``.
    """
    until = now + timedelta(seconds=seconds)
    insert: Any = (postgresql if rows.dialect.name == "postgresql" else sqlite).insert
    granted = insert(Throttle.__table__).values(key=key, stamps=_stamp(now), until=until)
    granted = granted.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "stamps": func.substr(granted.excluded.stamps + throttle.stamps, 1, WIDTH * allowed),
            "until": until,
        },
        where=_oldest(allowed) <= _stamp(now - timedelta(seconds=seconds)),
    )
    if rows.scalar(granted.returning(throttle.id)) is not None:
        return None
    return spent_until(rows, key, allowed, seconds, now) or now


def spent_until(
    rows: Connection, key: str, allowed: int, seconds: int, now: datetime
) -> datetime | None:
    """From when ``key`` is free again; None when it is free.  Uses nothing."""
    oldest = rows.scalar(select(_oldest(allowed)).where(throttle.key == key))
    if not oldest:
        return None
    free = datetime.fromtimestamp(int(oldest) / 1000, UTC) + timedelta(seconds=seconds)
    return free if free > now else None


def give_back(rows: Connection, key: str) -> None:
    """Take the last grant back, for what counts only when it failed."""
    rest = func.substr(throttle.stamps, WIDTH + 1)
    rows.execute(update(Throttle.__table__).where(throttle.key == key).values(stamps=rest))


def exhaust(rows: Connection, key: str, allowed: int, now: datetime) -> None:
    """Use up all that is allowed, so that the whole window begins now."""
    full = {"stamps": _stamp(now) * allowed}
    rows.execute(update(Throttle.__table__).where(throttle.key == key).values(full))


def forget(rows: Connection, key: str) -> None:
    """Let ``key`` begin anew."""
    rows.execute(delete(Throttle.__table__).where(throttle.key == key))


def _oldest(allowed: int) -> ColumnElement[str]:
    """The grant that must have left the window; empty as long as there were fewer."""
    return type_coerce(func.substr(throttle.stamps, WIDTH * (allowed - 1) + 1, WIDTH), String)


def _stamp(moment: datetime) -> str:
    return f"{int(moment.timestamp() * 1000):0{WIDTH}}"
