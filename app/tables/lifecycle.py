"""The log of what moves without a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import UtcDateTime, field
from app.tables.base import Base


class LifeEvent(Base):
    """One step in the life of a row: append-only, with names copied in.

    ``kind`` is the table of the row; ``action`` names the step of its lifecycle.
    """

    __tablename__ = "life_event"
    label_column = "action"

    kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = field(_l("Time"), UtcDateTime)
    action: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    actor_name: Mapped[str] = field(_l("Person"), String(120))
    opinion: Mapped[str] = field(_l("Opinion"), Text, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index("ix_life_event_subject", "kind", "subject_id", "id"),)
