"""The board (活跃度排名, F20): the places, months that are closed, what other weights would do.

The points of a month count less from month to month; a complete profile counts for the present
month alone, for it is a state and nothing that was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    select,
)

from app.models import (
    Consultant,
    Membership,
    Organization,
    ScoreEntry,
    ScoreFormula,
    ScoreMonth,
    ScoreStanding,
    ScoreTotal,
)
from app.services import scores
from app.services.holdings import IN_POOL, LINKED, in_batches
from app.services.scores import ITEMS, SERVICE, Formula, Subject, months_before

CHUNK = 500
SCALE = 1_000_000
"""What a month keeps is counted in millionths, so that sums stay whole numbers."""
PRESENT_ONLY = ("profile",)
"""Headings that do not last beyond their month."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


organization_, consultant_ = _table(Organization), _table(Consultant)
entry_, total_ = _table(ScoreEntry), _table(ScoreTotal)
standing_, month_ = _table(ScoreStanding), _table(ScoreMonth)
member_, formula_ = _table(Membership), _table(ScoreFormula)


# --- the board ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A place on the board."""

    subject: Subject
    name: str
    rank: int
    score: int
    service_score: int
    points: int
    trades: int
    stars: int | None

    @property
    def values(self) -> dict[str, Any]:
        """As the tables name it; the points of the month apart."""
        names = ("name", "rank", "score", "service_score", "trades", "stars")
        return self.subject.values | {name: getattr(self, name) for name in names}


def weights(formula: Formula, period: int) -> dict[int, int]:
    """How much each month counts in a month, in millionths."""
    kept = formula.decay_percent / 100
    ages = range(formula.months)
    return {months_before(period, age): round(SCALE * kept**age) for age in ages}


def board(rows: Connection, kind: str, period: int) -> list[Place]:
    """All places of a month, from the running totals.

    Of equals stands first who has more transactions, then better ratings, then who is longer
    on the platform.
    """
    formula = scores.formula_of(rows, period)
    t, weight = total_.c, weights(formula, period)
    counts = case(
        (and_(t.heading.in_(PRESENT_ONLY), t.period != period), 0),
        else_=case(weight, value=t.period, else_=0),
    )
    weighted = t.points * counts

    def total(what: Any, *headings: str) -> Any:
        return func.coalesce(func.sum(case((t.heading.in_(headings), what), else_=0)), 0)

    who, living = _living(kind)
    ours = and_(t.kind == kind, t.subject_id == who["subject_id"])
    query = (
        select(
            *(column.label(label) for label, column in who.items()),
            func.coalesce(func.sum(weighted), 0).label("score"),
            total(weighted, *SERVICE).label("service_score"),
            total(t.quantity, "tx_count").label("trades"),
            total(t.quantity, "rating").label("stars"),
            total(t.entries, "rating").label("ratings"),
            func.coalesce(func.sum(case((t.period == period, t.points), else_=0)), 0)
            .label("points"),
        )
        .select_from(living.outerjoin(total_, ours & t.period.between(min(weight), period)))
        .where(IN_POOL, *([LINKED] if kind == "consultant" else []))
        .group_by(*who.values())
    )  # fmt: skip
    found: list[Any] = sorted(rows.execute(query), key=_before)
    return [_place(kind, row, rank) for rank, row in enumerate(found, start=1)]


def _living(kind: str) -> tuple[dict[str, Any], Any]:
    """What is read of a subject, and from where: its name, and since when it is here."""
    o, c = organization_.c, consultant_.c
    if kind == "institution":
        who = {"subject_id": o.id, "organization_id": o.id, "name": o.name}
        return who | {"since": o.certified_at}, organization_
    who = {"subject_id": c.id, "organization_id": c.organization_id, "name": c.name}
    served = consultant_.join(organization_, o.id == c.organization_id)
    return who | {"since": c.linked_at}, served


def _before(row: Any) -> tuple[Any, ...]:
    mean = -row.stars / row.ratings if row.ratings else 0
    since = row.since.timestamp() if row.since else float("inf")
    return (-_rounded(row.score), -row.trades, mean, since, row.subject_id)


def _rounded(score: int) -> int:
    """From millionths to hundredths of a point, halves upwards.

    PostgreSQL gives sums as decimals, whose division cuts towards zero: a whole number first.
    """
    return (int(score) + SCALE // 2) // SCALE


def _place(kind: str, row: Any, rank: int) -> Place:
    return Place(
        Subject(row.organization_id, row.subject_id if kind == "consultant" else None),
        row.name,
        rank,
        _rounded(row.score),
        _rounded(row.service_score),
        int(row.points),
        int(row.trades),
        round(row.stars * 100 / row.ratings) if row.ratings else None,
    )


def alone(rows: Connection) -> None:
    """Wait until nobody else counts the board; points are still given meanwhile."""
    oldest = select(formula_.c.id).order_by(formula_.c.id).limit(1)
    rows.execute(oldest.with_for_update(key_share=True))


def publish(rows: Connection, now: datetime) -> int:
    """Write the board as of now, with the places of the last month beside; how many there are."""
    period, s = scores.period_of(now), standing_.c
    written = 0
    for kind in ("institution", "consultant"):
        before = _ranks(rows, kind, months_before(period, 1))
        rows.execute(delete(standing_).where(s.kind == kind))
        places = [
            place.values
            | {"previous": before.get(place.subject.columns["subject_id"]), "counted_at": now}
            for place in board(rows, kind, period)
        ]
        in_batches(rows, insert(standing_), places)
        written += len(places)
    return written


def _ranks(rows: Connection, kind: str, period: int) -> dict[int, int]:
    m = month_.c
    found = select(m.subject_id, m.rank).where(m.kind == kind, m.period == period)
    return {row.subject_id: row.rank for row in rows.execute(found)}


# --- months that are over -----------------------------------------------------------------------


def open_months(rows: Connection, now: datetime) -> Iterator[int]:
    """The months that are over and not closed yet, the oldest first."""
    last = months_before(scores.period_of(now), 1)
    closed = rows.scalar(select(func.max(month_.c.period)))
    first = rows.scalar(select(func.min(total_.c.period)))
    if first is None:
        return
    period = months_before(closed, -1) if closed else first
    while period <= last:
        yield period
        period = months_before(period, -1)


def close(rows: Connection, period: int, now: datetime) -> list[Place]:
    """Keep the board of a month as it stands; the places of the institutions."""
    formula = scores.formula_of(rows, period)
    boards = {kind: board(rows, kind, period) for kind in ("institution", "consultant")}
    same = {"period": period, "formula_id": formula.id, "at": now}
    lines = [p.values | same | {"points": p.points} for places in boards.values() for p in places]
    in_batches(rows, insert(month_), lines)
    return boards["institution"]


# --- read ---------------------------------------------------------------------------------------


def weigh(
    totals: Iterable[Any], formula: Formula, period: int
) -> dict[int, dict[str, tuple[int, int]]]:
    """By month and heading: the points, and what is left of them in ``period`` (in hundredths)."""
    weight = weights(formula, period)
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for total in totals:
        share = weight.get(total.period, 0)
        if total.heading in PRESENT_ONLY and total.period != period:
            share = 0
        held = found.setdefault(total.period, {})
        held[total.heading] = (total.points, total.points * share)
    return found


@dataclass(frozen=True)
class Moved:
    """What another formula would do to a place of the present board."""

    name: str
    rank: int
    new_rank: int
    score: int
    new_score: int


def preview(rows: Connection, kind: str, draft: Formula, now: datetime, most: int) -> list[Moved]:
    """The first ``most`` of the board, counted by ``draft`` from every entry of its months."""
    s, e, period = standing_.c, entry_.c, scores.period_of(now)
    query = select(standing_).where(s.kind == kind).order_by(s.rank).limit(most)
    present = rows.execute(query).all()
    weight = weights(draft, period)
    raws: dict[tuple[int, int, str], int] = {}
    known = {f.id: f for f in rows.execute(select(scores.formula_))}
    keys = [row.subject_id for row in present]
    entries = select(entry_).where(
        e.kind == kind, e.subject_id.in_(keys), e.period.between(min(weight), period)
    )
    for found in rows.execute(entries):
        item = ITEMS[found.item]
        key = (found.subject_id, found.period, item.heading)
        raws[key] = raws.get(key, 0) + _counted_anew(found, draft, known[found.formula_id])
    caps = {item.heading: item for item in ITEMS.values()}
    new: dict[int, int] = {}
    for (subject, month, heading), raw in raws.items():
        if heading not in PRESENT_ONLY or month == period:
            points = scores.capped(draft, caps[heading], raw)
            new[subject] = new.get(subject, 0) + points * weight[month]
    order = sorted(present, key=lambda row: (-_rounded(new.get(row.subject_id, 0)), row.rank))
    places = {row.subject_id: rank for rank, row in enumerate(order, start=1)}
    return [
        Moved(
            row.name, row.rank, places[row.subject_id],
            row.score, _rounded(new.get(row.subject_id, 0)),
        )
        for row in present
    ]  # fmt: skip


def _counted_anew(entry: Row[Any], draft: Formula, known: Formula) -> int:
    """The points of an entry by other weights; what staff set themselves stays."""
    item = ITEMS[entry.item]
    sign = -1 if entry.reverses_id else 1
    quantity, amount = sign * entry.quantity, sign * entry.amount
    if sign * entry.raw != item.raw(known, quantity, amount):
        return int(entry.raw)
    return sign * item.raw(draft, quantity, amount)


def main_accounts(rows: Connection, organization_ids: Sequence[int]) -> dict[int, int]:
    """Who leads each of these organizations."""
    found: dict[int, int] = {}
    for start in range(0, len(organization_ids), CHUNK):
        mine = member_.c.organization_id.in_(organization_ids[start : start + CHUNK])
        query = select(member_.c.organization_id, member_.c.user_id)
        mains = rows.execute(query.where(mine, member_.c.is_main))
        found |= {row.organization_id: row.user_id for row in mains}
    return found
