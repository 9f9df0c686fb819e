"""Accounts (jobs 45 and 46): passwords of staff that grow old, accounts that nobody uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, func, select, update
from sqlalchemy.orm import Session

from app import audit, clock, messages
from app.access import elevated
from app.jobs import marks
from app.jobs.timetable import WEEK, job
from app.models import Membership, Person
from app.profile import Profile
from app.services import passwords

REASON = "accounts are looked after by the platform"

person, member = Person.__table__, Membership.__table__
role, held = (person.metadata.tables[name] for name in ("ab_role", "ab_user_role"))
# Both are written without a zone, in UTC; who never came counts from the day of the account.
LAST_USE = func.coalesce(person.c.last_login, person.c.created_on)


@job(
    "password.expire",
    _l("Passwords that expire"),
    clock.DAY,
    summary=_l("Tells staff before their password is too old; they have to change it at login."),
    hour=8,
    minute=30,
)
def expiring(session: Session, now: datetime) -> int:
    """Tell staff whose password ends soon or has ended, of each only the step reached last."""
    profile, today = _profile(), clock.local_day(now)
    life, steps = timedelta(days=profile.password.staff_days), profile.reminders.password_left
    oldest = now - life + timedelta(days=max(steps) + 1)
    rows, count = elevated(session, REASON), 0
    found = rows.execute(
        select(person.c.id, person.c.password_set_at)
        .where(person.c.active.is_(True), person.c.password_set_at < oldest, _is_staff(profile))
        .order_by(person.c.id)
    )
    for batch in marks.batches(found):
        keys: dict[str, tuple[int, date]] = {}
        for row in batch:
            due = clock.local_day(row.password_set_at + life)
            step = min((n for n in steps if (due - today).days <= n), default=None)
            if step is not None:
                since = f"{row.password_set_at:%Y%m%d%H%M%S}"
                keys[f"password.expire:{row.id}:{since}:{step}"] = (row.id, due)
        done = marks.done(rows, keys)
        notices = [
            messages.Notice("account.password_expiring", [user_id], {"due": due}, key)
            for key, (user_id, due) in keys.items()
            if key not in done and marks.first(rows, key, now)
        ]
        messages.post(session, notices, now)
        count += len(notices)
    return count


def _is_staff(profile: Profile) -> Any:
    names = [name for name, known in profile.roles.items() if known.kind == "staff"]
    staff = select(held.c.user_id).join(role, role.c.id == held.c.role_id)
    return person.c.id.in_(staff.where(role.c.name.in_(names)))


@job(
    "account.idle",
    _l("Unused accounts"),
    WEEK,
    summary=_l("Warns of accounts that nobody uses, then switches them off; deletes nothing."),
    day_of_week="mon",
    hour=3,
)
def idle(session: Session, now: datetime) -> int:
    """Warn of unused accounts; switch off those that were warned long enough ago.

    Each step once for each time of not being used: an account that staff switch on again stays
    on until it was used and left once more.
    """
    rules, rows, count = _profile().reminders, elevated(session, REASON), 0
    before = (now - timedelta(days=rules.idle_days)).replace(tzinfo=None)
    found = rows.execute(
        select(person.c.id, person.c.username, LAST_USE.label("last"))
        .where(person.c.active.is_(True), before >= LAST_USE)
        .order_by(person.c.id)
    )
    spared = _last_of_their_role(rows)
    off: list[Any] = []
    for batch in marks.batches(found):
        keys = {row.id: f"account.idle:{row.id}:{row.last:%Y%m%d%H%M%S}" for row in batch}
        done = marks.done(rows, [f"{key}:{step}" for key in keys.values() for step in STEPS])
        notices = []
        for row in batch:
            warned_at = done.get(f"{keys[row.id]}:warn")
            if warned_at is None:
                notices.append(_warning(rows, row, keys[row.id], now))
            elif _is_over(row, warned_at, now) and row.id not in spared:
                off += [row] if marks.first(rows, f"{keys[row.id]}:off", now) else []
        messages.post(session, notices, now)
        count += len(notices)
    _switch_off(rows, off, now)
    return count + len(off)


STEPS = ("warn", "off")


def _warning(rows: Connection, row: Any, key: str, now: datetime) -> messages.Notice:
    """What the user and the main account of his organization read."""
    rules = _profile().reminders
    marks.first(rows, f"{key}:warn", now)
    days = (now.replace(tzinfo=None) - row.last).days
    left = max(rules.idle_off_days - days, rules.idle_notice_days)
    due = clock.local_day(now + timedelta(days=left))
    context = {"title": row.username, "days": days, "due": due}
    return messages.Notice("account.idle", _readers(rows, row.id), context, f"{key}:warn")


def _readers(rows: Connection, user_id: int) -> list[int]:
    place = select(member.c.organization_id).where(member.c.user_id == user_id).scalar_subquery()
    chief = select(member.c.user_id).where(member.c.is_main, member.c.organization_id == place)
    return sorted({user_id, *rows.scalars(chief)})


def _is_over(row: Any, warned_at: datetime, now: datetime) -> bool:
    rules = _profile().reminders
    unused = now.replace(tzinfo=None) - row.last
    is_warned = now - warned_at >= timedelta(days=rules.idle_notice_days)
    return is_warned and unused >= timedelta(days=rules.idle_off_days)


def _last_of_their_role(rows: Connection) -> set[int]:
    """The only active holders of a staff role: without them nobody could switch them on."""
    found = (
        select(func.min(held.c.user_id))
        .join(person, person.c.id == held.c.user_id)
        .where(person.c.active.is_(True), _is_staff(_profile()))
        .group_by(held.c.role_id)
        .having(func.count() == 1)
    )
    return set(rows.scalars(found))


def _switch_off(rows: Connection, people: Sequence[Any], now: datetime) -> None:
    """Close accounts and end their logins; what they did stays."""
    for row in people:
        rows.execute(update(person).where(person.c.id == row.id).values(active=False))
        passwords.end_sessions(rows, row.id, now, "off")
        audit.note_on(
            rows, "change", kind="ab_user", object_id=row.id, label=row.username,
            before={"active": True}, after={"active": False}, detail={"why": "account.idle"},
        )  # fmt: skip
    if people:
        passwords.person_changed(rows)


def _profile() -> Profile:
    profile: Profile = current_app.extensions["profile"]
    return profile
