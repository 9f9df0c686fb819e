"""Announcements (公告)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped

from app import choices
from app.columns import UtcDateTime, choice, field
from app.tables.base import Base, Searchable


class Announcement(Searchable, Base):
    """Something the platform tells everybody, from a moment to a moment."""

    __tablename__ = "announcement"
    label_column = "title"
    search_columns = ("title",)

    kind: Mapped[str] = choice(
        _l("Kind of announcement"),
        choices.ANNOUNCEMENT_KINDS,
        default="notice",
        server_default="notice",
    )
    title: Mapped[str] = field(_l("Title"), String(80), search=True)
    summary: Mapped[str | None] = field(_l("Summary of an announcement"), String(120))
    body: Mapped[str] = field(_l("Body"), Text, kind="rich", maximum=50_000)
    publish_at: Mapped[datetime] = field(_l("Publish at"), UtcDateTime)
    expire_at: Mapped[datetime | None] = field(_l("Expire at"), UtcDateTime)

    __table_args__ = (
        Index("ix_announcement_publish_at", "publish_at", "id"),
        Index("ix_announcement_kind", "kind", "publish_at", "id"),
    )
