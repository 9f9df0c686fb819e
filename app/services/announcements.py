"""Announcements (公告) as the front pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.models import Announcement


def newest(session: Session, now: datetime, count: int) -> Sequence[Row[int, str, datetime]]:
    """Id, title and time of what was published last; staff do not see the future here either."""
    found = select(Announcement.id, Announcement.title, Announcement.publish_at)
    published = found.where(Announcement.publish_at <= now)
    return session.execute(published.order_by(Announcement.publish_at.desc()).limit(count)).all()
