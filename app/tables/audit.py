"""The audit log (操作日志), its seals, and the heads of its chain."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app import choices
from app.columns import UtcDateTime, choice, field
from app.tables.base import Base, when


class AuditEntry(Base):
    """One line of the audit log (操作日志): who did what to which record, when, from where.

    Written by :mod:`app.audit`, never changed: names are copied in, numbers point nowhere.
    """

    __tablename__ = "audit_entry"
    label_column = "label"

    at: Mapped[datetime] = field(_l("Time"), UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = field(_l("Who"), String(120), default="")
    roles: Mapped[str] = field(_l("Role"), String(200), default="")
    address: Mapped[str] = field(_l("Network address"), String(64), default="")
    session: Mapped[str] = field(_l("Login"), String(16), default="")
    action: Mapped[str] = field(_l("Action"), String(40), choices=choices.AUDIT_ACTIONS)
    kind: Mapped[str] = field(
        _l("Kind of record"), String(40), default="", choices=choices.AUDIT_KINDS
    )
    object_id: Mapped[int | None] = field(_l("Record number"), BigInteger, kind="year")
    label: Mapped[str] = field(_l("Record"), String(200), default="")
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    result: Mapped[str] = choice(_l("Outcome"), choices.AUDIT_RESULTS, default="ok")

    __table_args__ = (
        Index("ix_audit_entry_at", "at", "id"),
        Index("ix_audit_entry_actor", "actor_name", "at", "id"),
        Index("ix_audit_entry_action", "action", "at", "id"),
        Index("ix_audit_entry_object", "kind", "object_id", "at", "id"),
        Index("ix_audit_entry_label", "label", "at", "id"),
        Index("ix_audit_entry_failed", "at", "id", **when("result <> 'ok'")),
        Index("ix_audit_entry_login", "at", "id", **when(f"action IN {choices.LOGIN_ACTIONS}")),
    )


class AuditSeal(Base):
    """The seal on one entry: its place in the chain is ``id``, without gaps from 1."""

    __tablename__ = "audit_seal"
    label_column = "hash"

    entry_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditHead(Base):
    """The end of the chain as it was told to the auditor on one day: a tail cannot be cut off."""

    __tablename__ = "audit_head"
    label_column = "day"

    day: Mapped[date] = field(_l("Day"), unique=True)
    number: Mapped[int] = field(_l("Sealed records"), BigInteger)
    hash: Mapped[str] = field(_l("End of the chain"), String(64))
    told_at: Mapped[datetime] = field(_l("Stored at"), UtcDateTime)
