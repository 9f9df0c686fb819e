"""What an institution has, as points: its profile, its consultants, its products (F20).

They are counted every night; what changed since the last count is an entry of its own, so that
the points of a month are those of what there is at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)  # fmt: skip

from app.clock import local_day
from app.models import Consultant, Organization, Product, ScoreEntry, ScoreTotal
from app.services import scores
from app.services.scores import ITEMS, Formula, Subject

BATCH = 500
COUNTED = "counted"
"""The source of these entries; their key is the day."""
HEADINGS = ("profile", "consultant", "product")
PROFILE = (
    "short_name", "logo_id", "intro", "advantages", "website", "service_tel",
    "institution_kind", "service_categories", "service_area", "contact_email",
)  # fmt: skip
"""What a complete profile (资料完整) consists of, in equal parts."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


organization_, consultant_, product_ = _table(Organization), _table(Consultant), _table(Product)
entry_, total_ = _table(ScoreEntry), _table(ScoreTotal)
IN_POOL: ColumnElement[bool] = organization_.c.institution_state == "in_pool"
LINKED: ColumnElement[bool] = consultant_.c.state == "linked"

Key = tuple[int, str]
"""An institution and an item."""


def count(rows: Connection, now: datetime) -> int:
    """Bring this month's points for profile, consultants and products to what there is now.

    What has changed since the last count is an entry of its own; how many there were.
    """
    period = scores.period_of(now)
    formula = scores.formula_of(rows, period)
    there = _counted(rows, period)
    wanted = _present(rows)
    day = int(f"{local_day(now):%Y%m%d}")
    changes = [
        Earned(*key, wanted.get(key, 0) - there.get(key, 0), now, COUNTED, day)
        for key in sorted(wanted.keys() | there.keys())
        if wanted.get(key, 0) != there.get(key, 0)
    ]
    write_all(rows, formula, period, changes)
    return len(changes)


def _present(rows: Connection) -> dict[Key, int]:
    """The percent of each profile, linked consultants, products on sale."""
    o, p = organization_.c, product_.c
    share = 100 // len(PROFILE)
    filled = [
        case((and_(o[name].is_not(None), cast(o[name], Text).not_in(("", "[]", "null"))), share),
             else_=0)
        for name in PROFILE
    ]  # fmt: skip
    complete = select(o.id, literal("profile"), sum(filled[1:], start=filled[0])).where(IN_POOL)
    linked = (
        select(consultant_.c.organization_id, literal("consultant"), func.count())
        .join(organization_, o.id == consultant_.c.organization_id)
        .where(LINKED, IN_POOL)
        .group_by(consultant_.c.organization_id)
    )
    listed = (
        select(p.organization_id, literal("product_") + p.kind, func.count())
        .join(organization_, o.id == p.organization_id)
        .where(p.state == "listed", IN_POOL)
        .group_by(p.organization_id, p.kind)
    )
    return {
        (key, item): int(count)
        for query in (complete, linked, listed)
        for key, item, count in rows.execute(query)
        if count
    }


def _counted(rows: Connection, period: int) -> dict[Key, int]:
    """What this month's entries say already."""
    e = entry_.c
    items = [code for code, item in ITEMS.items() if item.heading in HEADINGS]
    found = (
        select(e.organization_id, e.item, func.sum(e.quantity))
        .where(e.period == period, e.item.in_(items))
        .group_by(e.organization_id, e.item)
    )
    return {(key, item): int(count) for key, item, count in rows.execute(found) if count}


@dataclass(frozen=True)
class Earned:
    """What an institution earned, and by what."""

    organization_id: int
    item: str
    quantity: int
    at: datetime
    source: str
    source_id: int
    amount: int = 0


def write_all(rows: Connection, formula: Formula, period: int, earned: Sequence[Earned]) -> None:
    """Many entries of one month at once; nobody else may write their headings meanwhile."""
    t = total_.c
    headings = {ITEMS[one.item].heading for one in earned}
    there = select(total_).where(
        t.kind == "institution", t.period == period, t.heading.in_(sorted(headings))
    )
    known = {(found.subject_id, found.heading): found for found in rows.execute(there)}
    sums: dict[Key, dict[str, int]] = {}
    entries = []
    for one in earned:
        item, key = ITEMS[one.item], one.organization_id
        found = known.get((key, item.heading))
        start = {name: getattr(found, name) if found else 0 for name in scores.SUMS}
        held = sums.setdefault((key, item.heading), start)
        raw = item.raw(formula, one.quantity, one.amount)
        points = scores.capped(formula, item, held["raw"] + raw) - held["points"]
        of_it = {"formula_id": formula.id, "period": period, "reverses_id": None, "note": ""}
        entries.append(Subject(key).values | asdict(one) | of_it | {"raw": raw, "points": points})
        more = {"raw": raw, "points": points, "quantity": one.quantity, "entries": 1}
        for name, value in more.items():
            held[name] += value
    fresh, old = [], []
    for (key, heading), values in sums.items():
        found = known.get((key, heading))
        if found is None:
            fresh.append(Subject(key).values | {"period": period, "heading": heading} | values)
        else:
            old.append({"total_id": found.id} | values)
    in_batches(rows, insert(entry_), entries)
    in_batches(rows, insert(total_), fresh)
    changed = update(total_).where(t.id == bindparam("total_id"))
    in_batches(rows, changed.values({name: bindparam(name) for name in scores.SUMS}), old)


def in_batches(rows: Connection, statement: Any, values: Sequence[dict[str, Any]]) -> None:
    """Execute a statement for many rows, some at a time."""
    for start in range(0, len(values), BATCH):
        rows.execute(statement, values[start : start + BATCH])
