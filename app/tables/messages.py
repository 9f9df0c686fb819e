"""Messages to people (outbox), and what they do not want."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app import choices
from app.columns import UtcDateTime, choice, field
from app.tables.base import Base, when


class Message(Base):
    """One message to one reader by one channel (outbox), rendered when it is read or sent."""

    __tablename__ = "message"

    occasion: Mapped[str] = field(_l("Occasion"), String(40), choices=choices.OCCASIONS)
    dedupe_key: Mapped[str] = mapped_column(String(160), unique=True)
    channel: Mapped[str] = choice(
        _l("Channel"), choices.CHANNELS, default="email", server_default="email"
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    address: Mapped[str] = field(_l("Receiver"), String(120), default="", sensitive="account")
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = choice(_l("State"), choices.MESSAGE_STATES, default="waiting")
    attempts: Mapped[int] = field(_l("Attempts"), default=0)
    due_at: Mapped[datetime] = field(_l("Next attempt"), UtcDateTime)
    created_at: Mapped[datetime] = field(_l("Written at"), UtcDateTime)
    sent_at: Mapped[datetime | None] = field(_l("Sent at"), UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = field(_l("Last fault"), String(300), default="")

    label_column = "occasion"
    __table_args__ = (
        Index(
            "ix_message_due", "channel", "due_at", "id",
            **when("state IN ('waiting', 'retry', 'sending')"),
        ),
        Index("ix_message_unread", "user_id", **when("channel = 'inapp' AND read_at IS NULL")),
        Index("ix_message_inbox", "user_id", "created_at", "id", **when("channel = 'inapp'")),
        Index("ix_message_outbox", "created_at", "id", **when("channel <> 'inapp'")),
        Index("ix_message_state", "state", "created_at", "id", **when("channel <> 'inapp'")),
    )  # fmt: skip

    def __str__(self) -> str:
        """What it tells of."""
        return str(choices.OCCASIONS.of(self.occasion).label)


class MessageChoice(Base):
    """What a person does not want of a topic by e-mail or SMS; no row: both, as the topic says."""

    __tablename__ = "message_choice"
    label_column = "topic"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    topic: Mapped[str] = choice(_l("Topic"), choices.TOPICS)
    email: Mapped[bool] = field(_l("By e-mail"), default=True)
    sms: Mapped[bool] = field(_l("By SMS"), default=True)

    __table_args__ = (UniqueConstraint("user_id", "topic"),)
