"""Job 23: demands that nobody calls about, or that stand still."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.flow import Seat
from app.jobs import marks
from app.jobs.timetable import job
from app.models import Demand
from app.profile import Demands
from app.services import demands, scores
from app.services.reference import workdays
from app.todos import holders

HOUR = timedelta(hours=1)
demand = Demand.__table__


@job(
    "demand.followup",
    _l("Demands to follow up"),
    HOUR,
    summary=_l("In work time: reminds institutions of demands past their limit, then staff."),
    minute=10,
)
def follow_up(session: Session, now: datetime) -> int:
    """Tell of each demand the step that it has reached, each step once (forms.md H)."""
    rules, calendar = current_app.extensions["profile"].demands, workdays(session, None)
    hour = now.astimezone(clock.SHANGHAI).hour
    at_work = rules.work_from <= hour < rules.work_until
    if not (at_work and calendar.is_working(clock.local_day(now))):
        return 0
    rows = elevated(session, demands.WHY)
    staff, told = holders(rows, Seat(role=rules.assigned_by)), 0
    passed = select(demand).where(demand.c.turn_at <= now).order_by(demand.c.turn_at)
    for batch in marks.batches(rows.execute(passed).mappings().all()):
        steps = {key: row for row in batch for key in _steps(row, rules, calendar, now)}
        done = marks.done(rows, steps)
        for key, row in steps.items():
            if key not in done and marks.first(rows, key, now):
                told += _tell(session, rows, key, row, staff, now)
    return told


def _steps(row: RowMapping, rules: Demands, calendar: clock.Workdays, now: datetime) -> list[str]:
    """The steps that a demand has reached: the institution first, then staff, then the end."""
    begin, day = f"dem:{row['id']}", f"{row['due_at']:%Y%m%d%H%M}"
    late = calendar.hours_between(row["due_at"], now, rules.work_from, rules.work_until)
    reached = [f"{begin}:late:{day}"]
    if late >= rules.escalate_hours:
        reached.append(f"{begin}:escalated:{day}")
    since = row["last_contact_at"] or row["created_at"]
    if -calendar.left(now, since) >= rules.close_days:
        reached.append(f"{begin}:stale:{since:%Y%m%d}")
    return reached


def _tell(
    session: Session, rows: Connection, key: str, row: RowMapping, staff: list[int],
    now: datetime,
) -> int:  # fmt: skip
    """Who is told of one step; that nobody called in time counts against the institution."""
    step = key.split(":")[2]
    told = {"demand": row["id"], "title": row["title"]}
    house = demands.servants(rows, row["organization_id"], row["consultant_id"])
    since = row["last_contact_at"] or row["created_at"]
    calendar = workdays(rows, None)
    if step == "stale":
        days = -calendar.left(now, since)
        return messages.notify(
            session, "demand.stale", {*house, *staff}, told | {"days": days}, key, now
        )
    if step == "late" and row["organization_id"] and row["first_contact_at"] is None:
        scores.grant(
            rows, "demand_late", row["organization_id"], consultant_id=row["consultant_id"],
            source="demand", source_id=row["id"], now=now,
        )  # fmt: skip
    rules = current_app.extensions["profile"].demands
    hours = int(calendar.hours_between(since, now, rules.work_from, rules.work_until))
    people = staff if step == "escalated" or not house else house
    return messages.notify(session, "demand.late", people, told | {"hours": hours}, key, now)
