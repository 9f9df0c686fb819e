"""Imports of Excel files: the rows that wait, the passes over them, and how far they have come.

Which page they go into, and by which form they are judged, is the page's business
(:mod:`app.views.base.importing`); who runs the passes is that of :mod:`app.jobs.imports`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Row, delete, func, insert, or_, select, text, update

from app.lifecycle import Lifecycle, OutOfTurn, Step
from app.models import ImportJob, ImportRow
from app.services.sheets import Line

job, row = ImportJob.__table__, ImportRow.__table__
LEASE = timedelta(minutes=30)
OPEN = ("checking", "running", "undoing")
IS_OPEN = "state IN ('checking', 'running', 'undoing')"  # as the partial index has it
WRITTEN = ("done", "partly", "cancelled")
"""States in which rows of a file may have become records that can be taken back."""
KEPT = timedelta(days=30)

COURSE = Lifecycle(
    ImportJob,
    {
        "check": Step(_l("Checked"), ("checking",), "previewed"),
        "confirm": Step(_l("Import"), ("previewed",), "running"),
        "finish": Step(_l("Imported"), ("running",), "done"),
        "finish_partly": Step(_l("Partly imported"), ("running",), "partly"),
        "cancel": Step(_l("Cancel"), ("checking", "previewed", "running"), "cancelled"),
        "fail": Step(_l("Not imported"), ("checking", "running"), "failed"),
        "undo": Step(_l("Take back"), WRITTEN, "undoing"),
        "finish_undo": Step(_l("Taken back"), ("undoing",), "undone"),
        "stop_undo": Step(_l("Not taken back"), ("undoing",), "partly"),
    },
)


def add(rows: Connection, lines: Sequence[Line], **values: Any) -> int:
    """Keep the rows of a file and the job that will check them; the key of the job."""
    values |= {"row_count": len(lines), "state": "checking"}
    key: int = rows.execute(insert(job).values(**values).returning(job.c.id)).scalar_one()
    rows.execute(
        insert(row),
        [{"job_id": key, "number": line.number, "entries": dict(line.entries)} for line in lines],
    )
    return key


def claim(rows: Connection, now: datetime) -> Row[Any] | None:
    """Take an open job that no live scheduler holds."""
    is_free = or_(job.c.lease_until.is_(None), job.c.lease_until < now)
    first = select(job).where(text(IS_OPEN), is_free).order_by(job.c.id).limit(1)
    found = rows.execute(first.with_for_update(skip_locked=True)).one_or_none()
    if found is not None:
        mine = update(job).where(job.c.id == found.id)
        rows.execute(mine.values(lease_until=now + LEASE))
    return found


def report(rows: Connection, key: int, state: str, now: datetime, **values: Any) -> None:
    """Keep how far a pass has come, and the lease.

    :raises OutOfTurn: when somebody cancelled it meanwhile.
    """
    mine = update(job).where(job.c.id == key, job.c.state == state)
    if not rows.execute(mine.values(lease_until=now + LEASE, **values)).rowcount:
        raise OutOfTurn


def next_rows(rows: Connection, key: int, state: str, count: int) -> Sequence[Row[Any]]:
    """The first rows of a job in this state, by their number in the file."""
    mine = row.c.job_id == key, row.c.state == state
    return rows.execute(select(row).where(*mine).order_by(row.c.number).limit(count)).all()


def all_entries(rows: Connection, key: int) -> list[tuple[int, dict[str, str]]]:
    """The number and the texts of every row."""
    found = select(row.c.number, row.c.entries).where(row.c.job_id == key)
    return [(number, entries) for number, entries in rows.execute(found.order_by(row.c.number))]


def judge(
    rows: Connection,
    key: int,
    faults: Sequence[tuple[str, str]],
    remarks: Sequence[tuple[str, str]] = (),
) -> None:
    """Write what was found in a row; a remark makes no row faulty."""
    state = "faulty" if faults else "good"
    told = [[column, said[:300]] for column, said in faults or remarks]
    rows.execute(update(row).where(row.c.id == key).values(state=state, faults=told))


def keep(rows: Connection, key: int, record_id: int | None) -> None:
    """A row has become a record."""
    mine = update(row).where(row.c.id == key)
    rows.execute(mine.values(state="imported", record_id=record_id))


def settle(rows: Connection, key: int, state: str, reason: str = "") -> None:
    """Write what became of a row's record when the import was taken back."""
    told = [["", reason]] if reason else []
    rows.execute(update(row).where(row.c.id == key).values(state=state, faults=told))


def tally(rows: Connection, key: int) -> dict[str, int]:
    """How many rows of a job are in each state."""
    counted = select(row.c.state, func.count()).where(row.c.job_id == key).group_by(row.c.state)
    return {found.state: found[1] for found in rows.execute(counted)}


def twins(lines: Iterable[tuple[int, Mapping[str, str]]], columns: Sequence[str]) -> dict[int, int]:
    """Rows that repeat an earlier one in all of ``columns``: their numbers, and that one's."""
    seen: dict[tuple[str, ...], int] = {}
    found: dict[int, int] = {}
    for number, entries in lines:
        said = tuple("".join(entries.get(name, "").split()).casefold() for name in columns)
        first = seen.setdefault(said, number)
        if first != number and any(said):
            found[number] = first
    return found


def purge(rows: Connection, now: datetime) -> int:
    """Drop the rows of old imports: what became of them stands in the records."""
    old = select(job.c.id).where(job.c.created_at < now - KEPT, job.c.state.not_in(OPEN))
    return rows.execute(delete(row).where(row.c.job_id.in_(old))).rowcount
