"""The activity score (活跃度, S4-12): its formula, every point, running totals, the board.

Points are kept in hundredths, as amounts are in 分; a month is a number like 202611.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import MOST_AMOUNT, Money, UtcDateTime, about, choice, field
from app.tables.base import Base
from app.tables.people import Organization

if TYPE_CHECKING:
    from app.tables.consultants import Consultant

STATE_ITEMS = _l("What an institution has")
DEMANDS, TRADE = _l("Demands"), _l("Transactions")
RATINGS, ACTIVITIES, COUNTING = _l("What others rated"), _l("Activities"), _l("How it is counted")


MOST_POINTS = 1_000_000
"""Ten thousand points: with the amounts that may be filed, sums stay within what is stored."""


def _points(label: Any, section: Any, default: int, **info: Any) -> Any:
    bounds = {"minimum": 0, "maximum": MOST_POINTS}
    return field(label, Money, section=section, default=default, **bounds, **info)


class ScoreFormula(Base):
    """One version of the weights (评分规则, F20): changed as a draft, fixed once published.

    It is in force from the first day of a month (``from_period``), so that a month has one
    formula; of two for one month the later one counts.  Deductions are written as positive
    numbers.  ``decay_percent`` is what a month keeps in the next one; above ``damped_from`` the
    points of an amount grow with its logarithm only.
    """

    __tablename__ = "score_formula"

    name: Mapped[str] = field(_l("Formula"), String(8), unique=True)
    state: Mapped[str] = choice(_l("State"), choices.FORMULA_STATES, default="draft", by_flow=True)
    note: Mapped[str | None] = field(
        _l("What changes and why"), String(200), kind="long", section=COUNTING
    )
    months: Mapped[int] = field(
        _l("Months on the board"), section=COUNTING, default=12, minimum=1, maximum=36
    )
    decay_percent: Mapped[int] = field(
        _l("Kept from month to month (percent)"),
        section=COUNTING,
        default=90,
        minimum=1,
        maximum=100,
    )
    profile_points: Mapped[int] = _points(_l("Complete profile"), STATE_ITEMS, 1000)
    consultant_points: Mapped[int] = _points(_l("Linked consultant, each"), STATE_ITEMS, 200)
    consultant_cap: Mapped[int] = _points(
        _l("Linked consultants: cap per month"), STATE_ITEMS, 2000
    )
    special_points: Mapped[int] = _points(_l("Special product on sale, each"), STATE_ITEMS, 300)
    standard_points: Mapped[int] = _points(_l("Standard product on sale, each"), STATE_ITEMS, 100)
    product_cap: Mapped[int] = _points(_l("Products on sale: cap per month"), STATE_ITEMS, 3000)
    stale_points: Mapped[int] = _points(
        _l("Deducted for data not updated, each month"), STATE_ITEMS, 500
    )
    intime_points: Mapped[int] = _points(_l("First contact in time"), DEMANDS, 300)
    intime_cap: Mapped[int] = _points(_l("Contacts in time: cap per month"), DEMANDS, 6000)
    late_points: Mapped[int] = _points(_l("Deducted for late or no contact"), DEMANDS, 200)
    late_cap: Mapped[int] = _points(_l("Late contacts: most deducted per month"), DEMANDS, 4000)
    won_points: Mapped[int] = _points(_l("Demand won"), DEMANDS, 500)
    tx_points: Mapped[int] = _points(_l("Transaction filed, each"), TRADE, 500)
    amount_points: Mapped[int] = _points(
        _l("For each step of the amount, in proportion"), TRADE, 100
    )
    amount_step: Mapped[int] = field(
        _l("Step of the amount (yuan)"),
        Money,
        section=TRADE,
        default=1_000_000,
        minimum=10_000,
        maximum=MOST_AMOUNT,
    )
    damped_from: Mapped[int] = field(
        _l("Damped above (yuan)"),
        Money,
        section=TRADE,
        default=50_000_000,
        minimum=10_000,
        maximum=MOST_AMOUNT,
    )
    doubling_points: Mapped[int] = _points(
        _l("Beyond that, for each doubling of the amount"), TRADE, 1000
    )
    amount_cap: Mapped[int] = _points(_l("Amounts: cap per month"), TRADE, 20000)
    rating_5: Mapped[int] = _points(_l("Rating with 5 stars"), RATINGS, 300)
    rating_4: Mapped[int] = _points(_l("Rating with 4 stars"), RATINGS, 200)
    rating_3: Mapped[int] = _points(_l("Rating with 3 stars"), RATINGS, 0)
    rating_2: Mapped[int] = _points(_l("Deducted for 2 stars"), RATINGS, 200)
    rating_1: Mapped[int] = _points(_l("Deducted for 1 star"), RATINGS, 400)
    given_points: Mapped[int] = _points(_l("Rating given to an enterprise"), RATINGS, 100)
    given_cap: Mapped[int] = _points(_l("Ratings given: cap per month"), RATINGS, 1000)
    host_points: Mapped[int] = _points(_l("Activity as host"), ACTIVITIES, 1000)
    undertake_points: Mapped[int] = _points(_l("Activity as organiser"), ACTIVITIES, 800)
    assist_points: Mapped[int] = _points(_l("Activity as co-organiser"), ACTIVITIES, 500)
    ten_points: Mapped[int] = _points(_l("For each 10 enterprises taking part"), ACTIVITIES, 100)
    ten_most: Mapped[int] = _points(_l("For enterprises at most"), ACTIVITIES, 500)
    activity_cap: Mapped[int] = _points(_l("Activities: cap per month"), ACTIVITIES, 6000)
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    published_at: Mapped[datetime | None] = field(_l("Published at"), UtcDateTime, by_flow=True)
    from_period: Mapped[int | None] = field(_l("In force from"), kind="month", by_flow=True)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}


class Scored:
    """Whose points these are: an institution's, or those of a consultant who serves for it."""

    kind: Mapped[str] = choice(_l("Ranked as"), choices.SCORE_SUBJECTS)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"))


class ScoreEntry(Scored, Base):
    """Some points, what for and by which formula (积分流水); a mistake is reversed, not changed.

    ``raw`` is what the formula gives, ``points`` what is left of it under the cap of the month.
    ``source`` and ``source_id`` name the row that earned them.
    """

    __tablename__ = "score_entry"
    label_column = "id"

    period: Mapped[int] = field(_l("Month"), kind="month")
    at: Mapped[datetime] = field(_l("Time"), UtcDateTime)
    item: Mapped[str] = choice(_l("For what"), choices.SCORE_ITEMS)
    quantity: Mapped[int] = field(_l("Quantity"), BigInteger)
    amount: Mapped[int] = field(_l("Amount (yuan)"), Money)
    raw: Mapped[int] = field(_l("Points before the cap"), Money)
    points: Mapped[int] = field(_l("Points counted"), Money)
    formula_id: Mapped[int] = mapped_column(ForeignKey("score_formula.id"))
    source: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[int] = mapped_column(BigInteger)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("score_entry.id"), unique=True)
    note: Mapped[str] = field(_l("Note"), String(200), default="")

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))
    consultant: Mapped[Consultant | None] = relationship(info=about(_l("Consultant")))
    formula: Mapped[ScoreFormula] = relationship(info=about(_l("Formula")))

    __table_args__ = (
        Index("ix_score_entry_subject", "kind", "subject_id", "at", "id"),
        Index("ix_score_entry_organization", "organization_id", "id"),
        Index("ix_score_entry_source", "source", "source_id"),
        Index("ix_score_entry_period", "period", "id"),
        Index("ix_score_entry_item", "item", "id"),
        Index("ix_score_entry_at", "at", "id"),
    )


class ScoreTotal(Scored, Base):
    """The running total of a subject, a month and a group: what its cap is held against."""

    __tablename__ = "score_total"
    label_column = "id"

    period: Mapped[int]
    heading: Mapped[str] = mapped_column(String(20))
    raw: Mapped[int] = mapped_column(Money, default=0)
    points: Mapped[int] = mapped_column(Money, default=0)
    quantity: Mapped[int] = mapped_column(BigInteger, default=0)
    entries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "period", "heading"),
        Index("ix_score_total_period", "period", "kind", "subject_id"),
    )


class Standing(Scored):
    """A place on the board: the score, and what decides between equals."""

    name: Mapped[str] = field(_l("Name on the board"), String(64))
    rank: Mapped[int] = field(_l("Rank"))
    score: Mapped[int] = field(_l("Activity score"), Money)
    service_score: Mapped[int] = field(_l("Service score"), Money)
    trades: Mapped[int] = field(_l("Transactions"))
    stars: Mapped[int | None] = field(_l("Average rating"), Money)


class ScoreStanding(Standing, Base):
    """The board as of the last night (活跃度排名); ``previous`` is the rank of the last month."""

    __tablename__ = "score_standing"

    previous: Mapped[int | None] = field(_l("Rank last month"))
    counted_at: Mapped[datetime] = field(_l("Counted at"), UtcDateTime)

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))

    __table_args__ = (
        UniqueConstraint("kind", "subject_id"),
        Index("ix_score_standing_rank", "kind", "rank", "id"),
        Index("ix_score_standing_organization", "organization_id"),
        CheckConstraint("rank > 0", name="rank_positive"),
    )


class ScoreMonth(Standing, Base):
    """The board as it stood when a month was closed: append-only, whatever is corrected later."""

    __tablename__ = "score_month"

    period: Mapped[int] = field(_l("Month"), kind="month")
    points: Mapped[int] = field(_l("Points of the month"), Money)
    formula_id: Mapped[int] = mapped_column(ForeignKey("score_formula.id"))
    at: Mapped[datetime] = field(_l("Closed at"), UtcDateTime)

    formula: Mapped[ScoreFormula] = relationship(info=about(_l("Formula")))

    __table_args__ = (
        UniqueConstraint("period", "kind", "subject_id"),
        Index("ix_score_month_rank", "kind", "period", "rank", "id"),
        Index("ix_score_month_subject", "kind", "subject_id", "period"),
    )
