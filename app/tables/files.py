"""Attachments, and drafts of forms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import UtcDateTime, field
from app.tables.base import Base, when


class Attachment(Base):
    """A stored file: what it was called, what it is by content, where it lies.

    ``pages`` are those of a PDF, ``listing`` what an archive holds (name and size of each entry).
    A file that nothing refers to is set aside (``quarantined_at``) before it is deleted.
    """

    __tablename__ = "attachment"

    name: Mapped[str] = field(_l("File name"), String(255))
    rule: Mapped[str] = mapped_column(String(20))
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    pages: Mapped[int | None]
    listing: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    quarantined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(
            "ix_attachment_quarantined_at", "quarantined_at", **when("quarantined_at IS NOT NULL")
        ),
    )


class Draft(Base):
    """What somebody typed and did not submit: the form's names and values as they were sent."""

    __tablename__ = "draft"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    form: Mapped[str] = mapped_column(String(80))
    entries: Mapped[list[list[str]]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("user_id", "form"),)


class Picture(Base):
    """A picture within a rich text: the row that holds the text names it."""

    __tablename__ = "text_picture"
    label_column = "id"

    kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    __table_args__ = (Index("ix_text_picture_subject", "kind", "subject_id"),)
