"""The activity score (活跃度, F20): what earns points, and the entries that say so (S4-12, S4-14).

An entry is never changed.  Under the cap of a month counts what the sum of all its entries
leaves room for, so that an entry that is reversed makes room for those that came after it.
Everything runs on a connection without access rules, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log2
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from app.clock import local_day
from app.messages import insert_once
from app.models import ScoreEntry, ScoreFormula, ScoreTotal

Formula = Any
"""A row with the columns of :class:`app.models.ScoreFormula`."""
FIRST = "A1"


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


entry_, total_, formula_ = _table(ScoreEntry), _table(ScoreTotal), _table(ScoreFormula)


# --- what is worth how much -----------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """Something that earns points.

    ``heading`` is what it counts under, with the cap that ``cap`` names; ``raw`` are its points
    before the cap, by formula, quantity and amount; ``both`` says that the consultant gets them
    too; ``monthly``, that one source may earn them each month anew.
    """

    heading: str
    raw: Callable[[Formula, int, int], int]
    cap: str = ""
    both: bool = False
    monthly: bool = False


def _each(weight: str, sign: int = 1) -> Callable[[Formula, int, int], int]:
    return lambda formula, quantity, _amount: sign * getattr(formula, weight) * quantity


def _activity(weight: str) -> Callable[[Formula, int, int], int]:
    """Points for the part taken, and some for every ten enterprises; both turn with the sign."""

    def raw(formula: Formula, quantity: int, _amount: int) -> int:
        more = min(quantity // 10 * formula.ten_points, formula.ten_most)
        return int(getattr(formula, weight) + more)

    return raw


def _amount(formula: Formula, _quantity: int, amount: int) -> int:
    """In proportion to the amount, above a threshold to its logarithm."""
    plain = min(amount, formula.damped_from) * formula.amount_points // formula.amount_step
    if amount <= formula.damped_from:
        return int(plain)
    return int(plain + formula.doubling_points * log2(amount / formula.damped_from))


def _stars(formula: Formula, quantity: int, _amount: int) -> int:
    sign = -1 if quantity < 3 else 1  # noqa: PLR2004 - three stars are neither
    return int(sign * getattr(formula, f"rating_{quantity}"))


ITEMS: Mapping[str, Item] = MappingProxyType(
    {
        "profile": Item("profile", lambda f, percent, _a: f.profile_points * percent // 100),
        "consultant": Item("consultant", _each("consultant_points"), "consultant_cap"),
        "product_special": Item("product", _each("special_points"), "product_cap"),
        "product_standard": Item("product", _each("standard_points"), "product_cap"),
        "demand_intime": Item("demand_intime", _each("intime_points"), "intime_cap", both=True),
        "demand_late": Item("demand_late", _each("late_points", -1), "late_cap", both=True),
        "demand_won": Item("demand_won", _each("won_points"), both=True),
        "tx_count": Item("tx_count", _each("tx_points"), both=True),
        "tx_amount": Item("tx_amount", _amount, "amount_cap", both=True),
        "rating": Item("rating", _stars, both=True),
        "rating_given": Item("rating_given", _each("given_points"), "given_cap"),
        "activity_host": Item("activity", _activity("host_points"), "activity_cap"),
        "activity_undertake": Item("activity", _activity("undertake_points"), "activity_cap"),
        "activity_assist": Item("activity", _activity("assist_points"), "activity_cap"),
        "stale": Item("stale", _each("stale_points", -1), "stale_points", monthly=True),
    }
)
"""By the code of ``choices.SCORE_ITEMS``; the quantity of a rating are its stars, of an activity
the enterprises that took part, of a profile its percent."""

SERVICE = ("demand_intime", "demand_late", "demand_won", "tx_count", "tx_amount", "activity")
"""The headings of the service score (服务量得分, S4-14)."""


def capped(formula: Formula, item: Item, raw: int) -> int:
    """What counts of the sum of a month."""
    if not item.cap:
        return raw
    cap = getattr(formula, item.cap)
    return int(max(-cap, min(cap, raw)))


def period_of(moment: datetime) -> int:
    """The month in which something counts, as 202611."""
    day = local_day(moment)
    return day.year * 100 + day.month


def months_before(period: int, count: int) -> int:
    """The month so many months earlier."""
    months = period // 100 * 12 + period % 100 - 1 - count
    return months // 12 * 100 + months % 12 + 1


# --- the formula ----------------------------------------------------------------------------


def formula_of(rows: Connection, period: int) -> Row[Any]:
    """The formula in force in a month."""
    f = formula_.c
    published = select(formula_).where(f.state == "published", f.from_period <= period)
    return rows.execute(published.order_by(f.from_period.desc(), f.id.desc()).limit(1)).one()


def found_formula(rows: Connection, now: datetime) -> int:
    """The formula that the platform begins with, unless it has one; how many it wrote."""
    if rows.scalar(select(formula_.c.id).limit(1)) is not None:
        return 0
    values = {"state": "published", "published_at": now, "from_period": 0, "created_at": now}
    rows.execute(insert(formula_).values(name=FIRST, **values))
    return 1


# --- give and take back ---------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """Whose points: an institution's, or those of a consultant who serves for it."""

    organization_id: int
    consultant_id: int | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """As the tables name it."""
        return {
            "kind": "consultant" if self.consultant_id else "institution",
            "subject_id": self.consultant_id or self.organization_id,
        }

    @property
    def values(self) -> dict[str, Any]:
        """All columns of :class:`app.tables.scores.Scored`."""
        keys = {"organization_id": self.organization_id, "consultant_id": self.consultant_id}
        return self.columns | keys


def grant(
    rows: Connection,
    item: str,
    organization_id: int,
    *,
    consultant_id: int | None = None,
    source: str,
    source_id: int,
    now: datetime,
    amount: int = 0,
    quantity: int = 1,
    note: str = "",
) -> int:
    """Points for the institution, and for the consultant where the item is for both.

    A source earns an item once: what stands is left as it is.  Returns the points that count
    for the institution, in hundredths.
    """
    rule, period = ITEMS[item], period_of(now)
    formula = formula_of(rows, period)
    subjects = [Subject(organization_id)]
    if consultant_id is not None and rule.both:
        subjects.append(Subject(organization_id, consultant_id))
    counted = []
    for subject in subjects:
        total = _lock(rows, subject, period, rule.heading)
        if _stands(rows, subject, item, source, source_id, period if rule.monthly else None):
            counted.append(0)
            continue
        values = {"item": item, "source": source, "source_id": source_id, "note": note}
        values |= {"quantity": quantity, "amount": amount, "period": period, "at": now}
        raw = rule.raw(formula, quantity, amount)
        counted.append(write(rows, subject, formula, total, values | {"raw": raw}))
    return counted[0]


def reverse(
    rows: Connection, source: str, source_id: int, now: datetime, *, item: str = "", note: str = ""
) -> int:
    """Take back what ``source_id`` earned (of ``item`` alone, when named), in the month of each.

    Returns the points that the institution loses, in hundredths.
    """
    lost = 0
    for found in _standing(rows, source, source_id, item):
        taken = _take_back(rows, found, now, note)
        lost -= taken if found.kind == "institution" else 0
    return lost


def replace(
    rows: Connection, source: str, source_id: int, raw: int, now: datetime, note: str
) -> None:
    """Other points than the formula gave, in the month of those that are taken back."""
    for found in _standing(rows, source, source_id, ""):
        _take_back(rows, found, now, note)
        total = _lock(rows, _subject(found), found.period, ITEMS[found.item].heading)
        names = ("item", "source", "source_id", "period", "quantity", "amount")
        values = {name: getattr(found, name) for name in names}
        told = {"at": now, "note": note, "raw": raw}
        write(rows, _subject(found), _formula(rows, found), total, values | told)


def _standing(rows: Connection, source: str, source_id: int, item: str) -> Sequence[Row[Any]]:
    """What a source earned and was not taken back; institutions first, as they are granted."""
    e, back = entry_.c, entry_.alias().c
    query = (
        select(entry_)
        .where(e.source == source, e.source_id == source_id, e.reverses_id.is_(None))
        .where(~select(back.id).where(back.reverses_id == e.id).exists())
        .order_by(e.kind.desc(), e.id)
    )
    return rows.execute(query.where(e.item == item) if item else query).all()


def _take_back(rows: Connection, found: Row[Any], now: datetime, note: str) -> int:
    """The reverse of an entry, in its month; nothing when somebody was faster."""
    total = _lock(rows, _subject(found), found.period, ITEMS[found.item].heading)
    if rows.scalar(select(entry_.c.id).where(entry_.c.reverses_id == found.id)) is not None:
        return 0
    values = {name: getattr(found, name) for name in ("item", "source", "source_id", "period")}
    values |= {"at": now, "note": note, "reverses_id": found.id, "raw": -found.raw}
    values |= {"quantity": -found.quantity, "amount": -found.amount}
    return write(rows, _subject(found), _formula(rows, found), total, values)


def _subject(found: Row[Any]) -> Subject:
    return Subject(found.organization_id, found.consultant_id)


def _formula(rows: Connection, found: Row[Any]) -> Formula:
    """By which an entry was counted, and its month."""
    return rows.execute(select(formula_).where(formula_.c.id == found.formula_id)).one()


def _lock(rows: Connection, subject: Subject, period: int, heading: str) -> Row[Any]:
    """The running total, held until the transaction ends: of two grants at once one waits."""
    key = (*subject.columns, "period", "heading")
    fresh = {"period": period, "heading": heading, "raw": 0, "points": 0}
    fresh |= {"quantity": 0, "entries": 0}
    insert_once(rows, ScoreTotal, key, **subject.values, **fresh)
    ours = [total_.c[name] == value for name, value in subject.columns.items()]
    query = select(total_).where(*ours, total_.c.period == period, total_.c.heading == heading)
    return rows.execute(query.with_for_update()).one()


def _stands(
    rows: Connection, subject: Subject, item: str, source: str, source_id: int, month: int | None
) -> bool:
    """Whether the source has earned this already, and it was not taken back."""
    e, back = entry_.c, entry_.alias().c
    ours = [e[name] == value for name, value in subject.columns.items()]
    query = select(e.id).where(
        *ours, e.source == source, e.source_id == source_id, e.item == item,
        e.reverses_id.is_(None), ~select(back.id).where(back.reverses_id == e.id).exists(),
    )  # fmt: skip
    if month is not None:
        query = query.where(e.period == month)
    return rows.scalar(query.limit(1)) is not None


def write(
    rows: Connection, subject: Subject, formula: Formula, total: Row[Any], values: dict[str, Any]
) -> int:
    """Add an entry to its locked total; the points of it that count."""
    item, raw = ITEMS[values["item"]], values["raw"]
    points = capped(formula, item, total.raw + raw) - int(total.points)
    entry = {"formula_id": formula.id, "points": points, "reverses_id": None} | values
    rows.execute(insert(entry_).values(subject.values | entry))
    t = total_.c
    rows.execute(
        update(total_)
        .where(t.id == total.id)
        .values(
            raw=t.raw + raw,
            points=t.points + points,
            quantity=t.quantity + values["quantity"],
            entries=t.entries + (-1 if entry["reverses_id"] else 1),
        )
    )
    return points


# --- from scratch ---------------------------------------------------------------------------


SUMS = ("raw", "points", "quantity", "entries")


def settle(rows: Connection, since: int) -> int:
    """Count all totals from ``since`` on from scratch and mend those that differ; how many did."""
    sums = _from_scratch(since).subquery()
    s, t = sums.c, total_.c
    same = and_(
        t.kind == s.kind, t.subject_id == s.subject_id, t.period == s.period, t.heading == s.heading
    )
    lacks = select(*s).select_from(sums.outerjoin(total_, same)).where(t.id.is_(None))
    new = [dict(row) for row in rows.execute(lacks).mappings()]
    if new:
        rows.execute(insert(total_), new)
    right = {name: f"right_{name}" for name in SUMS}
    differ = or_(*(t[name] != s[name] for name in SUMS))
    told = (s[name].label(label) for name, label in right.items())
    query = select(t.id.label("key"), *told).select_from(sums.join(total_, same)).where(differ)
    wrong = [dict(row) for row in rows.execute(query).mappings()]
    filled = t.period >= since, or_(*(t[name] != 0 for name in SUMS))
    alone = select(t.id).select_from(total_.outerjoin(sums, same))
    alone = alone.where(*filled, s.subject_id.is_(None))
    wrong += [{"key": key} | dict.fromkeys(right.values(), 0) for key in rows.scalars(alone)]
    if wrong:
        mended: dict[str, Any] = {name: bindparam(label) for name, label in right.items()}
        rows.execute(update(total_).where(t.id == bindparam("key")).values(mended), wrong)
    return len(new) + len(wrong)


def _from_scratch(since: int) -> Select[Any]:
    """What the running totals must be: the sums of all entries."""
    e = entry_.c
    heading = case({code: rule.heading for code, rule in ITEMS.items()}, value=e.item)
    whose = (e.kind, e.subject_id, e.organization_id, e.consultant_id, e.period)
    return (
        select(
            *whose, heading.label("heading"), func.sum(e.raw).label("raw"),
            func.sum(e.points).label("points"), func.sum(e.quantity).label("quantity"),
            func.sum(case((e.reverses_id.is_(None), 1), else_=-1)).label("entries"),
        )
        .where(e.period >= since)
        .group_by(*whose, heading)
    )  # fmt: skip
