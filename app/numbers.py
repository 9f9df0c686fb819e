"""Numbers that people read (编号): a prefix, the Shanghai day, and a counter for both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.models import NumberSeries

series_: Table = NumberSeries.__table__
_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_KEY = (series_.c.prefix, series_.c.day)
_LAST = select(series_.c.last).where(*(column == bindparam(column.name) for column in _KEY))
_NEXT = {
    dialect: build(series_)
    .values(prefix=bindparam("prefix"), day=bindparam("day"), last=1)
    .on_conflict_do_update(index_elements=_KEY, set_={"last": series_.c.last + 1})
    for dialect, build in _INSERT.items()
}


def next_number(rows: Connection, prefix: str, now: datetime) -> str:
    """The next number of the day, as ``JG-20261120-0007``.

    The row of the series stays locked until the transaction ends, so that a number which was
    rolled back is given to the next one and none is missing.
    """
    day = clock.local_day(now)
    key = {"prefix": prefix, "day": day}
    rows.execute(_NEXT[rows.dialect.name], key)
    return f"{prefix}-{day:%Y%m%d}-{rows.scalar(_LAST, key):04d}"
