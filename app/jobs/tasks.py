"""Tasks that wait too long (jobs 1, 2 and 13): reminders, alarms, the backlog of reviews.

Time with the applicant does not count: a task that comes back is a new one with a new limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Connection, literal_column, select
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.flow import Seat
from app.jobs import marks
from app.jobs.timetable import job
from app.models import FlowCase, FlowTask
from app.profile import Reminders
from app.services.reference import workdays
from app.todos import holders

HOUR = timedelta(hours=1)
REASON = "reminders go to whoever a task waits for"
REVIEWS = ("certification", "accreditation", "organization_change")
"""The flows whose backlog is watched: nobody can work before they are decided."""

task, case = FlowTask.__table__, FlowCase.__table__
IS_OPEN: ColumnElement[bool] = task.c.state == literal_column("'open'")  # for the partial index
OPEN = select(
    task.c.id, task.c.due_at, task.c.opened_at, task.c.flow,
    task.c.user_id, task.c.role, task.c.organization_id,
    case.c.number, case.c.title,
).join_from(task, case).where(IS_OPEN)  # fmt: skip


@job(
    "todo.remind",
    _l("Reminders of tasks"),
    HOUR,
    summary=_l("In work time: reminds whoever a task waits for, working days before its limit."),
    minute=0,
)
def remind(session: Session, now: datetime) -> int:
    """Tell of tasks whose limit is near, of each limit only the step reached last."""
    rules, calendar = _rules(), workdays(session, None)
    if not _at_work(rules, calendar, now):
        return 0

    def step(left: int) -> int | None:
        return min((days for days in rules.task_left if left <= days), default=None)

    horizon = calendar.deadline(now, max(rules.task_left))
    rows = elevated(session, REASON)
    near = rows.execute(OPEN.where(task.c.due_at > now, task.c.due_at <= horizon))
    steps = ((row, step(days)) for row in near if (days := calendar.left(now, row.due_at)) >= 0)
    due = [
        (row, f"todo.remind:{row.id}:{reached}") for row, reached in steps if reached is not None
    ]
    return _tell(
        session, "task.reminder", due, now,
        lambda row: {"days": calendar.left(now, row.due_at)}, _Seats(rows),
    )  # fmt: skip


@job(
    "todo.overdue",
    _l("Overdue tasks"),
    HOUR,
    summary=_l("In work time: tells whoever lets a task pass its limit, and the supervisors."),
    minute=5,
)
def overdue(session: Session, now: datetime) -> int:
    """Tell of tasks past their limit, of each only the level reached last."""
    rules, calendar = _rules(), workdays(session, None)
    if not _at_work(rules, calendar, now):
        return 0

    def late(row: Any) -> int:
        return max(-calendar.left(now, row.due_at), 1)

    def level(row: Any) -> int | None:
        return max((days for days in rules.task_overdue if late(row) >= days), default=None)

    rows = elevated(session, REASON)
    passed = rows.execute(OPEN.where(task.c.due_at <= now))
    levels = ((row, level(row)) for row in passed)
    due = [(row, f"todo.overdue:{row.id}:{at}") for row, at in levels if at is not None]
    seats = _Seats(rows, holders(rows, Seat(None, rules.supervisor)))
    return _tell(session, "task.overdue", due, now, lambda row: {"days": late(row)}, seats)


@job(
    "cert.pending",
    _l("Backlog of certifications"),
    clock.DAY,
    summary=_l("On working days: tells reviewers how many certifications have waited too long."),
    hour=9,
    minute=10,
)
def backlog(session: Session, now: datetime) -> int:
    """One message a day to each reviewer, with the number of reviews that wait too long."""
    rules, calendar = _rules(), workdays(session, None)
    if not calendar.is_working(clock.local_day(now)):
        return 0
    rows = elevated(session, REASON)
    waiting = rows.execute(OPEN.where(task.c.flow.in_(REVIEWS), task.c.opened_at < now))
    seats, counts = _Seats(rows), Counter[int]()
    for row in waiting:
        if calendar.deadline(row.opened_at, rules.backlog_days) <= now:
            counts.update(seats.of(row))
    day = clock.local_day(now)
    notices = [
        messages.Notice("cert.pending", [user_id], context, f"cert.pending:{user_id}:{day}")
        for user_id, count in sorted(counts.items())
        for context in [{"count": count, "days": rules.backlog_days}]
        if marks.first(rows, f"cert.pending:{user_id}:{day}", now)
    ]
    messages.post(session, notices, now)
    return len(notices)


def _tell(
    session: Session,
    occasion: str,
    due: Sequence[tuple[Any, str]],
    now: datetime,
    more: Callable[[Any], dict[str, Any]],
    seats: _Seats,
) -> int:
    """Tell of each task whose step was not done before; how many tasks."""
    rows, count = elevated(session, REASON), 0
    for batch in marks.batches(due):
        done = marks.done(rows, [key for _row, key in batch])
        notices = [
            messages.Notice(
                occasion, seats.of(row), {"title": row.title, "number": row.number} | more(row), key
            )
            for row, key in batch
            if key not in done and marks.first(rows, key, now)
        ]
        messages.post(session, notices, now)
        count += len(notices)
    return count


class _Seats:
    """Who holds which seat, asked once in a run; ``also`` are told of everything."""

    def __init__(self, rows: Connection, also: Sequence[int] = ()) -> None:
        self.rows, self.also = rows, also
        self._known: dict[Seat, list[int]] = {}

    def of(self, row: Any) -> list[int]:
        """The people for whom a task waits."""
        seat = Seat(row.user_id, row.role, row.organization_id)
        if seat not in self._known:
            self._known[seat] = sorted({*holders(self.rows, seat), *self.also})
        return self._known[seat]


def _rules() -> Reminders:
    rules: Reminders = current_app.extensions["profile"].reminders
    return rules


def _at_work(rules: Reminders, calendar: clock.Workdays, now: datetime) -> bool:
    hour = now.astimezone(clock.SHANGHAI).hour
    return calendar.is_working(clock.local_day(now)) and rules.work_from <= hour < rules.work_until
