"""Scheduled jobs and their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app import choices
from app.columns import UtcDateTime, choice, field
from app.tables.base import Base, when


class ScheduledJob(Base):
    """A registered job as staff see it: what it is for, whether it is paused, how it last went."""

    __tablename__ = "scheduled_job"
    label_column = "title"

    name: Mapped[str] = field(_l("Job key"), String(60), unique=True)
    title: Mapped[str] = field(_l("Job"), String(120), kind="message")
    summary: Mapped[str] = field(_l("What it does"), String(300), kind="message")
    plan: Mapped[dict[str, Any]] = field(_l("Plan"), JSON)
    state: Mapped[str] = choice(_l("Switch"), choices.JOB_STATES, default="active")
    last_run_at: Mapped[datetime | None] = field(_l("Last run"), UtcDateTime)
    last_state: Mapped[str | None] = choice(_l("Result"), choices.RUN_STATES)
    row_count: Mapped[int | None] = field(_l("Rows affected"))
    milliseconds: Mapped[int | None] = field(_l("Time taken"))
    next_run_at: Mapped[datetime | None] = field(_l("Next run"), UtcDateTime)


class JobRun(Base):
    """One run of a job: the slot is claimed first, under a unique key, so that one of many runs.

    ``attempt`` rises with every claim: who comes back after losing the run to another finds a
    higher one, and takes back what he did.  A run asked for by hand has its moment for a slot.
    """

    __tablename__ = "job_run"
    label_column = "job"

    job: Mapped[str] = mapped_column(String(60))
    slot: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = choice(
        _l("Cause"), choices.RUN_KINDS, default="planned", server_default="planned"
    )
    state: Mapped[str] = choice(
        _l("Result"), choices.RUN_STATES, default="running", server_default="done"
    )
    asked_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    runner: Mapped[str] = mapped_column(String(80), default="", server_default="")
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_count: Mapped[int | None]
    told: Mapped[list[Any] | None] = mapped_column(JSON)
    error: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (
        UniqueConstraint("job", "slot"),
        Index("ix_job_run_open", "id", **when("state IN ('waiting', 'running')")),
    )


class JobMark(Base):
    """That a step of a job was done for an object (``todo.remind:17:2``): never a second time."""

    __tablename__ = "job_mark"
    label_column = "key"

    key: Mapped[str] = mapped_column(String(120), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
