"""Announcements (公告)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped

from app.columns import UtcDateTime, field
from app.tables.base import Base, Searchable


class Announcement(Searchable, Base):
    """Something the platform tells everybody, from a moment to a moment."""

    __tablename__ = "announcement"
    label_column = "title"
    search_columns = ("title",)

    title: Mapped[str] = field(_l("Title"), String(80), search=True)
    body: Mapped[str] = field(_l("Body"), Text, kind="rich", maximum=50_000)
    publish_at: Mapped[datetime] = field(_l("Publish at"), UtcDateTime)
    expire_at: Mapped[datetime | None] = field(_l("Expire at"), UtcDateTime)

    __table_args__ = (Index("ix_announcement_publish_at", "publish_at", "id"),)
