"""Cases, their stages, tasks and log; what every subject of a flow has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app import choices
from app.columns import UtcDateTime, about, choice, field
from app.tables.base import Base, Searchable, when

RUNNING = when("state = 'in_review'")


class FlowRoute(Base):
    """One version of the route of a flow; never changed once published."""

    __tablename__ = "flow_route"
    label_column = "flow"

    flow: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="draft")
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("flow", "number"),
        Index("uq_flow_route_published", "flow", unique=True, **when("state = 'published'")),
        CheckConstraint("state IN ('draft', 'published', 'retired')", name="state_valid"),
    )


class FlowStage(Base):
    """One stage of a route: who, how many of them, how long, and where it may return to."""

    __tablename__ = "flow_stage"
    label_column = "title"

    route_id: Mapped[int] = mapped_column(ForeignKey("flow_route.id"))
    position: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = field(_l("Present stage"), String(80), kind="message")
    who: Mapped[str] = mapped_column(String(80))
    mode: Mapped[str] = mapped_column(String(12), default="any")
    quorum: Mapped[int] = mapped_column(default=100)
    due_days: Mapped[int | None]
    only_if: Mapped[str | None] = mapped_column(String(40))
    returns_to: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["applicant"])
    resume_here: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("route_id", "key"),
        UniqueConstraint("route_id", "position"),
        CheckConstraint("quorum BETWEEN 1 AND 100", name="quorum_is_percent"),
        CheckConstraint("due_days > 0", name="due_days_positive"),
        CheckConstraint("mode IN ('any', 'all', 'in_order', 'ratio')", name="mode_valid"),
    )


class FlowCase(Searchable, Base):
    """The file of one subject in one flow: where it stands, and the head of its log.

    ``version`` is the number of the last log line: every change writes exactly one.  The
    subject's ``state`` column repeats ``state`` for lists.
    """

    __tablename__ = "flow_case"
    label_column = "title"
    search_columns = ("number", "title", "applicant_name")

    number: Mapped[str] = field(_l("Number"), String(24), unique=True)
    flow: Mapped[str] = field(_l("Kind of application"), String(40), kind="flow")
    subject_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = field(_l("Application"), String(200), search=True)
    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    applicant_name: Mapped[str] = field(_l("Applicant"), String(120))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("flow_route.id"))
    state: Mapped[str] = choice(_l("State"), choices.CASE_STATES, by_flow=True)
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    resume_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    round: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[datetime | None] = field(_l("Submitted at"), UtcDateTime)
    closed_at: Mapped[datetime | None] = field(_l("Closed at"), UtcDateTime)
    version: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(String(64), default="")

    stage: Mapped[FlowStage | None] = relationship(
        foreign_keys=stage_id, info=about(_l("Present stage"))
    )

    __table_args__ = (
        UniqueConstraint("flow", "subject_id"),
        Index("ix_flow_case_applicant", "applicant_id", "id"),
        Index("ix_flow_case_organization", "organization_id", "id"),
        Index("ix_flow_case_running", "flow", "stage_id", **when("state = 'in_review'")),
        CheckConstraint("(state = 'in_review') = (stage_id IS NOT NULL)", name="stage_iff_review"),
    )


class FlowTask(Base):
    """One person's or one role's part in a round of a stage (待办).

    A *round* is one visit of a stage.  Each *seat* of a round is one vote; the tasks of a
    seat are taken in *turn*, and only the first undecided one is open.
    """

    __tablename__ = "flow_task"
    label_column = "id"

    case_id: Mapped[int] = mapped_column(ForeignKey("flow_case.id"))
    flow: Mapped[str] = field(_l("Kind of application"), String(40), kind="flow")
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    round: Mapped[int]
    seat: Mapped[int]
    turn: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    role: Mapped[str | None] = mapped_column(String(40))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    state: Mapped[str] = choice(_l("State"), choices.TASK_STATES, by_flow=True)
    decision: Mapped[str | None] = choice(_l("My decision"), choices.DECISIONS, by_flow=True)
    opinion: Mapped[str] = field(_l("Opinion"), Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    opened_at: Mapped[datetime | None] = field(_l("Received at"), UtcDateTime)
    due_at: Mapped[datetime | None] = field(_l("Time limit"), UtcDateTime, kind="due")
    closed_at: Mapped[datetime | None] = field(_l("Decided at"), UtcDateTime)

    case: Mapped[FlowCase] = relationship(info=about(_l("Application")))
    stage: Mapped[FlowStage | None] = relationship(info=about(_l("Present stage")))

    __table_args__ = (
        Index("ix_flow_task_round", "case_id", "round"),
        Index("ix_flow_task_user", "user_id", "due_at", "id", **when("state = 'open'")),
        Index(
            "ix_flow_task_role",
            "role",
            text("coalesce(organization_id, 0)"),  # IS NULL would lose the order by due_at
            "due_at",
            "id",
            **when("state = 'open'"),
        ),
        Index("ix_flow_task_due", "due_at", "id", **when("state = 'open'")),
        Index("ix_flow_task_done", "decided_by", "closed_at", "id", **when("state = 'done'")),
        Index("uq_flow_task_open", "case_id", "user_id", unique=True, **when("state = 'open'")),
        CheckConstraint("(user_id IS NULL) <> (role IS NULL)", name="user_or_role"),
        CheckConstraint("(state = 'done') = (decision IS NOT NULL)", name="done_iff_decided"),
    )


class FlowEvent(Base):
    """One line of a case's log (流转记录): append-only, each line sealing the one before.

    Names are copied in: the record stays true after a rename, and a reader need not see users.
    """

    __tablename__ = "flow_event"
    label_column = "number"

    case_id: Mapped[int] = mapped_column(ForeignKey("flow_case.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    actor_name: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    opinion: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    said: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("case_id", "number"),)


class Submitted:
    """What a flow of the table's name moves: its state, its moments, its case."""

    state: Mapped[str] = choice(_l("State"), choices.CASE_STATES, default="draft", by_flow=True)
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    submitted_at: Mapped[datetime | None] = field(_l("Submitted at"), UtcDateTime, by_flow=True)
    version: Mapped[int] = mapped_column(default=1)

    @declared_attr
    def case(cls) -> Mapped[FlowCase | None]:
        name, flow = cls.__name__, cls.__tablename__  # type: ignore[attr-defined]
        ours = f"and_(foreign(FlowCase.subject_id) == {name}.id, FlowCase.flow == '{flow}')"
        return relationship("FlowCase", primaryjoin=ours, uselist=False, viewonly=True)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}
