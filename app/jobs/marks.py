"""Steps that a job did for an object: each at most once, whoever runs it and however often."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select

from app.messages import insert_once
from app.models import JobMark

BATCH = 500
mark = JobMark.__table__
T = TypeVar("T")


def batches(items: Iterable[T]) -> Iterator[Sequence[T]]:
    """Pieces that fit into one statement."""
    rest = iter(items)
    while piece := list(islice(rest, BATCH)):
        yield piece


def done(rows: Connection, keys: Collection[str]) -> dict[str, datetime]:
    """Which of these steps were done, and when."""
    found = rows.execute(select(mark.c.key, mark.c.at).where(mark.c.key.in_(keys)))
    return {row.key: row.at for row in found}


def first(rows: Connection, key: str, now: datetime) -> bool:
    """Note the step; whether it is done for the first time."""
    return insert_once(rows, JobMark, ("key",), key=key, at=now)
