"""Passwords: what one must be (S0-38, S1-21), setting one, and what ends with the old one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, insert, literal, select, update
from werkzeug.security import check_password_hash, generate_password_hash

from app import config
from app.columns import UtcDateTime
from app.errors import Phrase
from app.models import AccessVersion, LoginSession, PasswordHistory, Person
from app.services import codes

CLASSES = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"\d"))
COMMON = Path(__file__).parent.parent / "reference_data" / "common_passwords.txt"
person_, session_ = Person.__table__, LoginSession.__table__
history_ = PasswordHistory.__table__


def hashed(password: str) -> str:
    """What is kept of a password."""
    return generate_password_hash(password, config.password_hash())


def problem(rows: Connection, rule: Any, user_id: int | None, password: str, *names: str) -> Phrase:
    """What is wrong with a new password; empty when nothing is.

    ``rule`` is the profile's, ``names`` are what it must not contain; without ``user_id``, for
    an account to be, nothing is compared with passwords before.
    """
    wrong = _shape(rule, password) or _contents(password, names)
    if wrong or user_id is None:
        return wrong
    return (
        _l("This password was used before. Choose a new one.")
        if _was_used(rows, rule, user_id, password)
        else ""
    )


def _shape(rule: Any, password: str) -> Phrase:
    if not rule.minimum <= len(password) <= rule.maximum:
        return _l(
            "A password has %(low)d to %(high)d characters.", low=rule.minimum, high=rule.maximum
        )
    kinds = sum(bool(kind.search(password)) for kind in CLASSES)
    kinds += any(character in rule.special for character in password)
    if kinds < rule.kinds:
        return _l(
            "Use at least %(num)d of: capital letters, small letters, digits, special characters.",
            num=rule.kinds,
        )
    return ""


def _contents(password: str, names: tuple[str, ...]) -> Phrase:
    folded = password.casefold()
    if any(name.casefold() in folded for name in names if name):
        return _l("The password must not contain the user name or the mobile number.")
    if folded in common():
        return _l("This password is among the first that are guessed. Choose another one.")
    return ""


def _was_used(rows: Connection, rule: Any, user_id: int, password: str) -> bool:
    before = (
        select(history_.c.password_hash)
        .where(history_.c.user_id == user_id)
        .order_by(history_.c.id.desc())
        .limit(rule.history)
    )
    current = rows.scalar(select(person_.c.password).where(person_.c.id == user_id))
    known = dict.fromkeys([current, *rows.scalars(before)])
    return any(kept and check_password_hash(kept, password) for kept in known)


@cache
def common() -> frozenset[str]:
    """Passwords that keep every rule and are guessed first."""
    return frozenset(COMMON.read_text(encoding="utf-8").casefold().split())


def set_password(
    rows: Connection,
    user_id: int,
    password: str,
    now: datetime,
    *,
    must_change: bool = False,
    keep_token_hash: str = "",
) -> None:
    """Give a person a password: all logins but the one kept end, and links sent before are void.

    ``must_change``: it is somebody else's, to be replaced at the next login.
    """
    this = person_.c.id == user_id
    before = select(person_.c.id, person_.c.password, literal(now, UtcDateTime())).where(
        this, person_.c.password.is_not(None)
    )
    rows.execute(insert(history_).from_select(["user_id", "password_hash", "replaced_at"], before))
    values = {
        "password": hashed(password),
        "password_set_at": now,
        "must_change_password": must_change,
    }
    rows.execute(update(person_).where(this).values(values))
    codes.void_tokens(rows, user_id)
    end_sessions(rows, user_id, now, "password", keep_token_hash)
    person_changed(rows)


def person_changed(rows: Connection) -> None:
    """No process may keep what it knows of people; an ORM flush does the same by itself."""
    version = AccessVersion.__table__
    rows.execute(update(version).values(version=version.c.version + 1))


def end_sessions(
    rows: Connection, user_id: int, now: datetime, reason: str, keep_token_hash: str = ""
) -> int:
    """End the logins of a person at the server, except one; how many.

    ``reason`` is among :data:`app.choices.END_REASONS`.
    """
    ended = (
        update(session_)
        .where(
            session_.c.user_id == user_id,
            session_.c.ended_at.is_(None),
            session_.c.token_hash != keep_token_hash,
        )
        .values(ended_at=now, end_reason=reason)
    )
    return len(rows.scalars(ended.returning(session_.c.id)).all())


def must_change(person: Any, rule: Any, now: datetime, *, is_staff: bool) -> bool:
    """Whether the password is given by somebody else, or that of staff too old."""
    if person.must_change_password:
        return True
    if not is_staff or person.password_set_at is None:
        return False
    oldest: datetime = now - timedelta(days=rule.staff_days)
    return bool(person.password_set_at < oldest)


def is_expired(person: Any, rule: Any, now: datetime) -> bool:
    """Whether the password was given by somebody else, too long ago to log in with it."""
    if not person.must_change_password or person.password_set_at is None:
        return False
    oldest: datetime = now - timedelta(hours=rule.one_time_hours)
    return bool(person.password_set_at <= oldest)
