"""Files that nothing refers to (jobs 49): set aside after a day, deleted a week later.

The row goes first and its file with the next run, as one of those without a row: so no row is
ever left without its file, whenever a run is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.jobs.timetable import job
from app.models import Attachment, Base, Draft, OrganizationChange
from app.storage import Store

DAY = timedelta(days=1)
UNCLAIMED = DAY
SET_ASIDE = timedelta(days=7)
BATCH = 1_000
MOST = 5_000
"""What one run sets aside, and what it deletes; the next one goes on."""

NAMED = 20  # of the missing files, in the report

file, draft, change = (m.__table__ for m in (Attachment, Draft, OrganizationChange))
REASON = "files that nothing refers to belong to nobody"


class Missing(Exception):
    """Rows whose file is gone; says which, for the record of the run."""


@job(
    "upload.orphan",
    _l("Files nobody uses"),
    DAY,
    summary=_l(
        "Sets aside uploaded files that no record refers to, and deletes them a week later."
    ),
    dry=False,
    hour=3,
    minute=40,
)
def sweep(session: Session, now: datetime) -> int:
    """Set aside, take back, delete rows, delete files without a row; how many in all."""
    rows, store = elevated(session, REASON), current_app.extensions["store"]
    kept = _remembered(rows)
    return (
        _take_back(rows, kept)
        + _delete_rows(rows, kept, now - SET_ASIDE)
        + _set_aside(rows, kept, now)
        + _delete_files(rows, store, now - UNCLAIMED)
    )


@job(
    "upload.missing",
    _l("Missing files"),
    DAY,
    summary=_l("Tells which records of uploaded files have lost their file."),
    dry=False,
    hour=4,
    minute=10,
)
def missing(session: Session, now: datetime) -> int:
    """Compare the rows with the store, month by month; how many rows were compared.

    :raises Missing: naming the first rows without a file, so that somebody is told.
    """
    rows, store = elevated(session, REASON), current_app.extensions["store"]
    count, lost, month, there = 0, [], "", set[str]()
    for row in _by_key(rows, file.c.uploaded_at < now):
        count += 1
        if row.key[:7] != month:
            month = row.key[:7]
            there = {key for key, _at in store.files(month)}
        if row.key not in there:
            lost.append(row.id)
    if lost:
        some = ", ".join(str(number) for number in lost[:NAMED])
        raise Missing(f"{len(lost)} of {count} attachments have no file: {some}")
    return count


def referring() -> list[Column[Any]]:
    """Every column of every table that points at an attachment."""
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table is file
    ]


def _used() -> ColumnElement[bool]:
    return or_(*(exists().where(column == file.c.id) for column in referring()))


def _remembered(rows: Connection) -> set[int]:
    """What drafts hold in fields for files, and what a change of data replaced."""
    found, fields = set(), _fields()
    for entries in _values(rows, draft.c.id, draft.c.entries):
        found |= {int(v) for name, v in entries if v.isdecimal() and name.split("-")[-1] in fields}
    names = {column.name for column in referring()}
    for before in _values(rows, change.c.id, change.c.before):
        found |= {value for name, value in before.items() if name in names and value}
    return found


def _fields() -> set[str]:
    """The names that a form gives to fields for files: those of the relations behind them."""
    return {
        relation.key
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.mapper.class_ is Attachment or "attachment" in relation.mapper.relationships
    }


def _values(rows: Connection, key: Column[Any], column: Column[Any]) -> Iterator[Any]:
    at = 0
    while True:
        page = rows.execute(select(key, column).where(key > at).order_by(key).limit(BATCH)).all()
        yield from (value for _key, value in page)
        if len(page) < BATCH:
            return
        at = page[-1][0]


def _take_back(rows: Connection, kept: set[int]) -> int:
    """What is used again is no longer set aside."""
    aside = file.c.quarantined_at.is_not(None)
    count = rows.execute(update(file).where(aside, _used()).values(quarantined_at=None)).rowcount
    for ids in _batches(sorted(kept)):
        again = update(file).where(aside, file.c.id.in_(ids)).values(quarantined_at=None)
        count += rows.execute(again).rowcount
    return count


def _set_aside(rows: Connection, kept: set[int], now: datetime) -> int:
    unused = and_(file.c.uploaded_at < now - UNCLAIMED, file.c.quarantined_at.is_(None), ~_used())
    return sum(
        rows.execute(update(file).where(file.c.id.in_(ids)).values(quarantined_at=now)).rowcount
        for ids in _batches(_unclaimed(rows, unused, kept))
    )


def _delete_rows(rows: Connection, kept: set[int], before: datetime) -> int:
    over = and_(file.c.quarantined_at < before, ~_used())
    return sum(
        rows.execute(delete(file).where(file.c.id.in_(ids))).rowcount
        for ids in _batches(_unclaimed(rows, over, kept))
    )


def _unclaimed(rows: Connection, condition: ColumnElement[bool], kept: set[int]) -> list[int]:
    """The first rows of a condition that nothing remembers either, page by page."""
    found: list[int] = []
    at = 0
    while len(found) < MOST:
        more = select(file.c.id).where(condition, file.c.id > at).order_by(file.c.id).limit(BATCH)
        page = rows.scalars(more).all()
        found += [number for number in page if number not in kept]
        if len(page) < BATCH:
            break
        at = page[-1]
    return found[:MOST]


def _delete_files(rows: Connection, store: Store, before: datetime) -> int:
    """Files without a row; a young one may belong to an upload that is just being finished."""
    store.forget_unfinished(before)
    count = 0
    for some in _batches((key for key, at in store.files() if at < before)):
        known = set(rows.scalars(select(file.c.key).where(file.c.key.in_(some))))
        for key in some:
            if key not in known and count < MOST:
                store.remove(key)
                count += 1
    return count


def _by_key(rows: Connection, condition: ColumnElement[bool]) -> Iterable[Any]:
    at = ""
    while True:
        more = select(file.c.id, file.c.key).where(condition, file.c.key > at)
        page = rows.execute(more.order_by(file.c.key).limit(BATCH)).all()
        yield from page
        if len(page) < BATCH:
            return
        at = page[-1].key


def _batches(found: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(found)
    while some := list(islice(rest, BATCH)):
        yield some
