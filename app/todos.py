"""To-dos (待办): who could take a task, and what waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app import clock, models
from app.access import Actor
from app.choices import MAIN_ACCOUNT
from app.flow import Seat

person_: Table = models.Person.__table__
member_: Table = models.Membership.__table__
role_, held_ = (person_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))
# Literals, not parameters: so that partial indexes serve.
OPEN: ColumnElement[str] = literal_column("'open'")
DONE: ColumnElement[str] = literal_column("'done'")


def holders(rows: Connection, seat: Seat) -> list[int]:
    """The living users who could take ``seat``: never a switched-off account."""
    found = select(person_.c.id).where(person_.c.active.is_(True))
    if seat.role is None:
        found = found.where(person_.c.id == seat.user_id)
    elif seat.role == MAIN_ACCOUNT:  # held by membership, never given
        found = found.join(member_, member_.c.user_id == person_.c.id).where(member_.c.is_main)
    else:
        found = found.join(held_, held_.c.user_id == person_.c.id).join(
            role_, (role_.c.id == held_.c.role_id) & (role_.c.name == seat.role)
        )
    if seat.organization_id is not None:
        if seat.role != MAIN_ACCOUNT:
            found = found.join(member_, member_.c.user_id == person_.c.id)
        found = found.where(member_.c.organization_id == seat.organization_id)
    return list(rows.scalars(found.order_by(person_.c.id)))


_ANYWHERE: ColumnElement[int] = literal_column("0")
CAP = 100
"""Figures stop counting here: a page shows 99+."""


def hats(actor: Actor) -> Sequence[ColumnElement[bool]]:
    """One condition on :class:`FlowTask` for each capacity in which a task can be the actor's.

    No task fulfils two of them, and each walks an index of its own in the order of ``due_at``.
    """
    task = models.FlowTask
    place = func.coalesce(task.organization_id, _ANYWHERE)  # as the index has it
    places = [_ANYWHERE] + [p for p in [actor.organization_id] if p]
    return [(task.state == OPEN) & (task.user_id == actor.user_id)] + [
        (task.state == OPEN) & (task.role == name) & (place == at)
        for name in sorted(actor.roles)
        for at in places
    ]


def mine(actor: Actor) -> ColumnElement[bool]:
    """The open tasks (待办) of ``actor``, as a condition on :class:`FlowTask`."""
    return or_(*hats(actor))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a workbench counts of one's own work, each at most :data:`CAP`."""

    to_do: int
    overdue: int
    running: int
    decided: int


def _each(queries: Sequence[Select[Any]]) -> Subquery:
    """What they find together, each by its own index."""
    return union_all(*(select(query.limit(CAP).subquery()) for query in queries)).subquery()


def figures(session: Session, actor: Actor, now: datetime) -> Figures:
    """Open tasks, those overdue, own applications under way, own decisions of this month."""
    task, case = models.FlowTask, models.FlowCase
    month = clock.start_of(clock.local_day(now).replace(day=1))
    open_ = [select(task.id).where(hat) for hat in hats(actor)]
    late = [query.where(task.due_at <= now) for query in open_]
    wanted = (
        *(select(_each(queries)) for queries in (open_, late)),
        select(case.id).where(
            case.applicant_id == actor.user_id, case.state.in_(("in_review", "returned"))
        ),
        select(task.id).where(
            task.state == DONE,
            task.decided_by == actor.user_id,
            task.closed_at >= month,
            task.stage_id.is_not(None),
        ),
    )
    counts = (
        select(func.count()).select_from(query.limit(CAP).subquery()).scalar_subquery()
        for query in wanted
    )
    return Figures(*session.execute(select(*counts)).one())
