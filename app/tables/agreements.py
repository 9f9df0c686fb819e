"""Agreements (协议) in their versions, and who accepted which."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import UtcDateTime, about, choice, field
from app.tables.base import Base
from app.tables.people import Person


class Agreement(Base):
    """One version of an agreement (协议); published, nobody changes it any more."""

    __tablename__ = "agreement"
    label_column = "title"

    document: Mapped[str] = choice(_l("Agreement"), choices.AGREEMENTS)
    number: Mapped[str] = field(_l("Version"), String(20), hint=_l("Two numbers, for instance 1.2"))
    title: Mapped[str] = field(_l("Title"), String(80))
    body: Mapped[str] = field(
        _l("Text"), Text, kind="long", maximum=50_000, hint=_l("An empty line ends a paragraph")
    )
    title_en: Mapped[str | None] = field(_l("English title"), String(120))
    body_en: Mapped[str | None] = field(
        _l("English text"),
        Text,
        kind="long",
        maximum=80_000,
        hint=_l("Empty: readers of English get the Chinese text"),
    )
    state: Mapped[str] = choice(
        _l("State"), choices.AGREEMENT_STATES, default="draft", by_flow=True
    )
    published_at: Mapped[datetime | None] = field(_l("Published at"), UtcDateTime, by_flow=True)
    published_by_id: Mapped[int | None] = field(
        _l("Published by"), ForeignKey("ab_user.id"), by_flow=True
    )
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)

    published_by: Mapped[Person | None] = relationship(info=about(_l("Published by")))

    __table_args__ = (
        UniqueConstraint("document", "number"),
        Index("ix_agreement_published", "document", "published_at"),
    )


class Consent(Base):
    """That a user accepted a version of an agreement, and when."""

    __tablename__ = "consent"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    document: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(20))
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("user_id", "document", "version"),)
