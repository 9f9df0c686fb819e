"""Figures kept beside the rows they count, so that no page counts a million of them."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.columns import Money, UtcDateTime, about, field
from app.tables.base import Base
from app.tables.people import Organization


class MonthFigure(Base):
    """What happened in one month (``202611``) and category, as the dashboard shows it.

    ``demands`` are those raised in the month, and ``contacted`` to ``filed`` how far these have
    come since; ``answer_minutes`` adds up the time to their first contact, ``answers_*`` count by
    how long that took.  ``filings`` and ``amount`` are the transactions signed in the month.
    """

    __tablename__ = "month_figure"
    label_column = "month"

    month: Mapped[int] = field(_l("Month"), kind="month")
    category: Mapped[str] = field(_l("Service category"), String(20), dictionary="service_category")
    demands: Mapped[int] = field(_l("Demands"), default=0)
    contacted: Mapped[int] = field(_l("Contacted"), default=0)
    won: Mapped[int] = field(_l("Deal made"), default=0)
    lost: Mapped[int] = field(_l("No deal"), default=0)
    filed: Mapped[int] = field(_l("Filed"), default=0)
    answer_minutes: Mapped[int] = mapped_column(BigInteger, default=0)
    answers_4h: Mapped[int] = field(_l("Within 4 hours"), default=0)
    answers_1d: Mapped[int] = field(_l("Within a day"), default=0)
    answers_3d: Mapped[int] = field(_l("Within 3 days"), default=0)
    answers_later: Mapped[int] = field(_l("Later"), default=0)
    filings: Mapped[int] = field(_l("Transactions"), default=0)
    amount: Mapped[int] = field(_l("Amount (yuan)"), Money, default=0)

    __table_args__ = (UniqueConstraint("month", "category"),)


class Sleeper(Base):
    """An institution in the pool that nobody has heard of for a while; counted every night."""

    __tablename__ = "sleeper"
    label_column = "since"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), unique=True)
    since: Mapped[datetime] = field(_l("Asleep since"), UtcDateTime)

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))

    __table_args__ = (Index("ix_sleeper_since", "since", "id"),)


class FigureMark(Base):
    """How far the counting has come (``life_event``: its last id), and when it did."""

    __tablename__ = "figure_mark"

    name: Mapped[str] = mapped_column(String(40), unique=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
