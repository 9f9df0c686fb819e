"""Figures of the supermarket for the dashboard (统计分析): counted by a job, read as few rows.

A month is counted anew as a whole, from the rows themselves, whenever something of it may have
changed; so the figures are never a sum of differences, and one count of everything equals them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from app import clock
from app.messages import insert_once
from app.models import (
    Demand,
    FigureMark,
    Filing,
    LifeEvent,
    LoginSession,
    Membership,
    MonthFigure,
    Organization,
    Sleeper,
)

demand, filing, event = (m.__table__ for m in (Demand, Filing, LifeEvent))
figure, mark, sleeper = (m.__table__ for m in (MonthFigure, FigureMark, Sleeper))
place, member, login = (m.__table__ for m in (Organization, Membership, LoginSession))

COUNTED, ASLEEP = "figures", "sleepers"
OVERLAP = 2_000
"""Keys are given before rows are committed: so far the next count looks back."""

LOOK_BACK = timedelta(hours=1)
HOUR = 3600
MINUTE = 60
DECEMBER = 12


def month_of(moment: datetime) -> int:
    """The Shanghai month of a moment, like 202611."""
    return month_number(clock.local_day(moment))


def month_number(day: date) -> int:
    """The month of a day, like 202611."""
    return day.year * 100 + day.month


def first_day(month: int) -> date:
    """The first day of a month."""
    return date(month // 100, month % 100, 1)


def after(month: int) -> int:
    """The next month."""
    return month + 1 if month % 100 < DECEMBER else (month // 100 + 1) * 100 + 1


def months(first: int, last: int) -> Iterator[int]:
    """All months from ``first`` to ``last``."""
    while first <= last:
        yield first
        first = after(first)


def back(month: int, count: int) -> int:
    """The month ``count`` months before."""
    number = month // 100 * 12 + month % 100 - 1 - count
    return number // 12 * 100 + number % 12 + 1


# --- counting ---------------------------------------------------------------------------------


def count(rows: Connection, now: datetime, *, everything: bool = False) -> int:
    """Count the months in which something changed since the last time, or all; how many rows."""
    seen = _marked(rows, COUNTED, now)
    top = rows.scalar(select(func.max(event.c.id))) or 0
    anew = everything or not seen
    touched = _all_months(rows, now) if anew else _touched(rows, seen, now)
    written = sum(_count_month(rows, month) for month in sorted(touched))
    here = update(mark).where(mark.c.name == COUNTED)
    rows.execute(here.values(value=top, at=now))
    return written


def _marked(rows: Connection, name: str, now: datetime) -> Any:
    """How far the last count came; nothing before the first.  Two counts wait for each other."""
    is_first = insert_once(rows, FigureMark, ("name",), name=name, value=0, at=now)
    found = rows.execute(select(mark).where(mark.c.name == name).with_for_update()).one()
    return None if is_first else found


def _all_months(rows: Connection, now: datetime) -> set[int]:
    """From the first demand or transaction on, and those that have figures already."""
    first = rows.scalar(select(func.min(demand.c.created_at)))
    signed = rows.scalar(select(func.min(filing.c.signed_on)))
    earliest = [month_of(moment) for moment in (first, now) if moment]
    earliest += [month_number(signed)] if signed else []
    known = rows.scalars(select(figure.c.month).distinct())
    return {*months(min(earliest), month_of(now)), *known}


def _touched(rows: Connection, seen: Any, now: datetime) -> set[int]:
    """The months of demands and transactions that were raised, moved, filed or voided since."""
    since = seen.at - LOOK_BACK
    moved = select(event.c.subject_id).where(event.c.id > seen.value - OVERLAP)
    raised = demand.c.created_at >= since
    answered = demand.c.id.in_(moved.where(event.c.kind == demand.name))
    filed = or_(
        and_(filing.c.state == "approved", filing.c.approved_at >= since),
        filing.c.id.in_(moved.where(event.c.kind == filing.name)),
    )
    sources = select(filing.c.demand_id).where(filed)
    days = [
        *rows.scalars(select(demand.c.created_at).where(raised)),
        *rows.scalars(select(demand.c.created_at).where(answered)),
        *rows.scalars(select(demand.c.created_at).where(demand.c.id.in_(sources))),
    ]
    signed = rows.scalars(select(filing.c.signed_on).where(filed))
    return {month_of(now), *map(month_of, days), *map(month_number, signed)}


def _count_month(rows: Connection, month: int) -> int:
    """Put the figures of one month in place of what stood there."""
    found: dict[str, dict[str, int]] = {}
    for query in (_demands_of(rows, month), _filings_of(month)):
        for line in rows.execute(query).mappings():
            held = found.setdefault(line["category"], {})
            held |= {name: int(value or 0) for name, value in line.items() if name != "category"}
    rows.execute(delete(figure).where(figure.c.month == month))
    names = [column.name for column in figure.c if column.name not in {"id", "month", "category"}]
    empty = dict.fromkeys(names, 0)
    lines = [{"month": month, "category": code} | empty | held for code, held in found.items()]
    if lines:
        rows.execute(insert(figure), lines)
    return len(lines)


def _demands_of(rows: Connection, month: int) -> Select[Any]:
    start, end = (clock.start_of(first_day(m)) for m in (month, after(month)))
    taken = _seconds(rows, demand.c.first_contact_at) - _seconds(rows, demand.c.created_at)
    is_filed = exists().where(filing.c.demand_id == demand.c.id, filing.c.state == "approved")
    day = 24 * HOUR
    return (
        select(
            demand.c.category,
            func.count().label("demands"),
            func.count(demand.c.first_contact_at).label("contacted"),
            _how_many(demand.c.state == "won", "won"),
            _how_many(demand.c.state == "lost", "lost"),
            _how_many(is_filed, "filed"),
            func.sum(taken / MINUTE).label("answer_minutes"),
            _how_many(taken <= 4 * HOUR, "answers_4h"),
            _how_many(and_(taken > 4 * HOUR, taken <= day), "answers_1d"),
            _how_many(and_(taken > day, taken <= 3 * day), "answers_3d"),
            _how_many(taken > 3 * day, "answers_later"),
        )
        .where(demand.c.created_at >= start, demand.c.created_at < end)
        .group_by(demand.c.category)
    )


def _filings_of(month: int) -> Select[Any]:
    start, end = first_day(month), first_day(after(month))
    return (
        select(
            filing.c.category,
            func.count().label("filings"),
            func.sum(filing.c.amount).label("amount"),
        )
        .where(filing.c.state == "approved", filing.c.signed_on >= start, filing.c.signed_on < end)
        .group_by(filing.c.category)
    )


def _how_many(condition: ColumnElement[bool], name: str) -> Any:
    return func.sum(case((condition, 1), else_=0)).label(name)


def _seconds(rows: Connection, moment: Column[Any]) -> Any:
    """A moment as whole seconds, on both databases alike."""
    if rows.dialect.name == "sqlite":
        return cast(func.strftime("%s", moment), BigInteger)
    return cast(func.floor(func.extract("epoch", moment)), BigInteger)


# --- institutions asleep ----------------------------------------------------------------------


def find_sleepers(rows: Connection, now: datetime, days: int) -> int:
    """Write down the institutions of which nothing was heard for so long; how many they are.

    Heard of is whose people logged in, who spoke with an enterprise, filed, or registered.
    """
    _marked(rows, ASLEEP, now)
    before = now - timedelta(days=days)
    seen = (
        select(member.c.organization_id)
        .join(login, login.c.user_id == member.c.user_id)
        .where(login.c.last_seen_at >= before)
    )
    spoke = select(demand.c.organization_id).where(
        demand.c.last_contact_at >= before, demand.c.organization_id.is_not(None)
    )
    filed = select(filing.c.organization_id).where(filing.c.submitted_at >= before)
    awake = union(seen, spoke, filed)
    last = (
        select(func.max(login.c.last_seen_at))
        .join(member, login.c.user_id == member.c.user_id)
        .where(member.c.organization_id == place.c.id)
        .scalar_subquery()
    )
    since = func.coalesce(last, place.c.created_at)
    asleep = select(place.c.id, since).where(
        place.c.institution_state == "in_pool",
        place.c.created_at < before,
        place.c.id.not_in(awake),
    )
    rows.execute(delete(sleeper))
    rows.execute(insert(sleeper).from_select(["organization_id", "since"], asleep))
    total = rows.scalar(select(func.count()).select_from(sleeper)) or 0
    rows.execute(update(mark).where(mark.c.name == ASLEEP).values(value=total, at=now))
    return total


# --- reading ----------------------------------------------------------------------------------


def between(first: int, last: int, category: str = "") -> Select[Any]:
    """The figures of some months, one line for each month and category."""
    held = select(MonthFigure).where(MonthFigure.month.between(first, last))
    held = held.where(MonthFigure.category == category) if category else held
    return held.order_by(MonthFigure.month, MonthFigure.category)


def total(lines: Iterable[Any], name: str) -> int:
    """The sum of one figure."""
    return sum(getattr(line, name) for line in lines)
