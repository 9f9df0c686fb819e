"""Announcements (公告) as the front pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.models import Announcement


def published(now: datetime) -> Select[int, str, str, str | None, datetime]:
    """What a line of the front pages shows; staff do not see the future here either."""
    columns = Announcement.id, Announcement.kind, Announcement.title, Announcement.summary
    found = select(*columns, Announcement.publish_at)
    return found.where(Announcement.publish_at <= now)


def newest(
    session: Session, now: datetime, count: int
) -> Sequence[Row[int, str, str, str | None, datetime]]:
    """What was published last."""
    last = published(now).order_by(Announcement.publish_at.desc()).limit(count)
    return session.execute(last).all()
