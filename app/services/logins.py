"""Who comes in: tries are counted before a secret is compared, and too many lock the door.

A try counts for the account that was named, or for the name where there is none, so that an
unknown name is answered like a known one; and for the network address, more generously, since
an office shares one.  All counts stand in the database (:mod:`app.services.limits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app import audit, messages
from app.access import elevated
from app.models import LoginSession, Person
from app.profile import Login
from app.services import codes, limits, passwords

person_, session_ = Person.__table__, LoginSession.__table__
SEEN_EVERY = timedelta(minutes=1)
"""How exactly a login knows when it was last used."""


@dataclass(frozen=True)
class Attempt:
    """Somebody at the door: the name typed, the account of that name, the network address."""

    name: str
    account: Row[Any] | None
    address: str

    @property
    def key(self) -> str:
        """What tries are counted under."""
        if self.account is not None:
            return f"login:{self.account.id}"
        return f"login:?{codes.digest(self.name.casefold())}"

    @property
    def network(self) -> str:
        """What the tries from one network address are counted under."""
        return f"login:from:{self.address}"


def _rows(session: Session) -> Connection:
    """The transaction itself: who is at the door has no rights yet, and logins are the system's."""
    return elevated(session, "logins, locks and codes are written by the system alone")


def account_of(session: Session, name: str) -> Row[Any] | None:
    """The account with this user name or mobile number, switched off or not."""
    asked = or_(person_.c.username == name, person_.c.mobile == name)
    return _rows(session).execute(select(person_).where(asked)).first() if name else None


def knock(
    session: Session, rule: Login, name: str, address: str, now: datetime
) -> tuple[Attempt, datetime | None]:
    """Count a try; with the moment until which none is taken, when there were too many.

    Commit before the secret is compared: the comparison is slow, and is what is counted.
    """
    attempt = Attempt(name, account_of(session, name), address)
    rows = _rows(session)
    span = rule.lock_minutes * 60
    until = limits.spend(rows, attempt.network, rule.address_tries, span, now)
    if until is not None:
        return attempt, until
    until = limits.spend(rows, attempt.key, rule.tries, span, now)
    held = attempt.account.locked_until if attempt.account is not None else None
    if held is not None and held > now:
        until = max(held, until or held)
    if until is not None:
        limits.give_back(rows, attempt.network)  # nothing was compared
    return attempt, until


def failed(session: Session, rule: Login, attempt: Attempt, now: datetime) -> datetime | None:
    """After a wrong secret: the moment until which the account is locked, if it was the last try.

    Its owner is told once.
    """
    rows = _rows(session)
    span = rule.lock_minutes * 60
    if limits.spent_until(rows, attempt.network, rule.address_tries, span, now):
        limits.exhaust(rows, attempt.network, rule.address_tries, now)
    account = attempt.account
    told = {"kind": "ab_user", "object_id": account.id if account else None, "label": attempt.name}
    audit.note_on(rows, "login_failed", **told, result="failed", actor_name=attempt.name)
    if limits.spent_until(rows, attempt.key, rule.tries, span, now) is None:
        return None
    limits.exhaust(rows, attempt.key, rule.tries, now)
    until = now + timedelta(seconds=span)
    if account is not None and _locked_now(session, account.id, now, until):
        audit.note_on(rows, "lock", **told)
        moment = f"account.locked:{account.id}:{until:%Y%m%d%H%M%S}"
        context = {"minutes": rule.lock_minutes, "until": until}
        messages.notify(session, "account.locked", [account.id], context, moment, now)
    return until


def _locked_now(session: Session, user_id: int, now: datetime, until: datetime) -> bool:
    """Whether this, of several tries at once, locked the account."""
    is_open = or_(person_.c.locked_until.is_(None), person_.c.locked_until <= now)
    lock = update(person_).where(person_.c.id == user_id, is_open).values(locked_until=until)
    return _rows(session).scalar(lock.returning(person_.c.id)) is not None


def succeeded(session: Session, attempt: Attempt) -> None:
    """After a right secret the count begins anew."""
    rows = _rows(session)
    limits.give_back(rows, attempt.network)
    if attempt.account is not None:
        unlock(session, attempt.account.id)


def unlock(session: Session, user_id: int) -> None:
    """Let a locked account in again, and forget its wrong tries."""
    rows = _rows(session)
    limits.forget(rows, f"login:{user_id}")
    locked = and_(person_.c.id == user_id, person_.c.locked_until.is_not(None))
    opened = update(person_).where(locked).values(locked_until=None)
    if rows.scalar(opened.returning(person_.c.id)) is not None:
        passwords.person_changed(rows)


# --- codes to a phone or mailbox ----------------------------------------------------------


def refused_code(
    session: Session, rule: Login, target: str, address: str, now: datetime
) -> datetime | None:
    """Count one more code for ``target``; from when on the next is sent, if it is too early."""
    rows, to = _rows(session), codes.digest(target)  # of one length, however long it is
    hour, day = 60 * 60, 24 * 60 * 60
    for key, allowed, seconds in (
        (f"code:wait:{to}", 1, rule.code_wait_seconds),
        (f"code:from:{address}", rule.codes_per_address, hour),
        (f"code:hour:{to}", rule.codes_per_hour, hour),
        (f"code:day:{to}", rule.codes_per_day, day),
    ):
        until = limits.spend(rows, key, allowed, seconds, now)
        if until is not None:
            return until
    return None


def send_code(
    session: Session, rule: Login, purpose: str, target: str, now: datetime, *, known: bool = True
) -> None:
    """Make a code for a phone, or a mailbox by its @, and send it unless nobody ``known`` asks."""
    rows = _rows(session)
    code = codes.issue_code(rows, purpose, target, now, rule.code_minutes)
    if known:
        key = f"account.code:{purpose}:{codes.digest(target)}:{now:%Y%m%d%H%M%S%f}"
        context = {"code": code, "minutes": rule.code_minutes}
        channel = "email" if "@" in target else "sms"
        messages.tell(session, "account.code", target, context, key, now, channel=channel)


# --- login sessions -----------------------------------------------------------------------


def is_live(rule: Login, now: datetime) -> ColumnElement[bool]:
    """The condition of a login that still lets in: not ended, not idle, not too old."""
    return is_live_since(*live_since(rule, now))


def live_since(rule: Login, now: datetime) -> tuple[datetime, datetime]:
    """Since when a live login has begun, and since when it has been used."""
    return now - timedelta(hours=rule.session_hours), now - timedelta(minutes=rule.idle_minutes)


def is_live_since(begun: Any, used: Any) -> ColumnElement[bool]:
    """The same condition, of two moments or their parameters."""
    seen = func.coalesce(session_.c.last_seen_at, session_.c.created_at)
    return and_(session_.c.ended_at.is_(None), session_.c.created_at > begun, seen > used)


def live_sessions(session: Session, rule: Login, user_id: int, now: datetime) -> Sequence[Any]:
    """Where a person is signed in, the last used first."""
    mine = select(LoginSession).where(LoginSession.user_id == user_id, is_live(rule, now))
    return session.scalars(mine.order_by(LoginSession.last_seen_at.desc())).all()


def end_one(session: Session, user_id: int, session_id: int, now: datetime) -> bool:
    """End one login of a person; False when it is not theirs, or over already."""
    this = (session_.c.id == session_id, session_.c.user_id == user_id)
    ended = (
        update(session_)
        .where(*this, session_.c.ended_at.is_(None))
        .values(ended_at=now, end_reason="ended")
    )
    return _rows(session).scalar(ended.returning(session_.c.id)) is not None


# --- a forgotten password -----------------------------------------------------------------


def send_link(session: Session, rule: Login, account: Row[Any], now: datetime) -> None:
    """Mail a link that lets choose a new password once."""
    rows = _rows(session)
    token = codes.issue_token(rows, "reset", account.id, now, rule.link_minutes)
    context = {"token": token, "minutes": rule.link_minutes}
    key = f"account.reset_link:{account.id}:{now:%Y%m%d%H%M%S%f}"
    messages.tell(session, "account.reset_link", account.email, context, key, now, account.locale)


def reset_password(session: Session, token: str, password: str, now: datetime) -> int | None:
    """Use a link or proof of a code up for a new password; whose it is, None when it is void."""
    rows = _rows(session)
    user_id = codes.redeem_token(rows, "reset", token, now)
    if user_id is None:
        return None
    passwords.set_password(rows, user_id, password, now)
    unlock(session, user_id)
    audit.note_on(rows, "password_reset", kind="ab_user", object_id=user_id)
    key = f"account.password_reset:{user_id}:{now:%Y%m%d%H%M%S%f}"
    messages.notify(session, "account.password_reset", [user_id], {"at": now}, key, now)
    return user_id


# --- another mailbox, another phone (S1-7) ------------------------------------------------


def email_changed(session: Session, person: Person, before: str | None, now: datetime) -> None:
    """After another mailbox was written: links in the old one are void, and it is told."""
    codes.void_tokens(_rows(session), person.id)
    key = f"account.email_changed:{person.id}:{now:%Y%m%d%H%M%S%f}"
    messages.notify(
        session, "account.email_changed", [person.id], {"at": now}, key, now, channels=("inapp",)
    )
    if before:
        told = (before, {"at": now}, f"{key}:old", now, person.locale)
        messages.tell(session, "account.email_changed", *told)


def is_bound(session: Session, mobile: str) -> bool:
    """Whether a number belongs to an account already."""
    return account_of(session, mobile) is not None


def change_mobile(
    session: Session, user_id: int, mobile: str, now: datetime, keep_token_hash: str
) -> None:
    """Bind another number; the old one is told, other logins end, links sent before are void.

    A user name that was the old number becomes the new one, so that the old is free.
    """
    rows = _rows(session)
    this = person_.c.id == user_id
    old = rows.execute(select(person_.c.mobile, person_.c.username).where(this)).one()
    names = {"mobile": mobile} | ({"username": mobile} if old.username == old.mobile else {})
    rows.execute(update(person_).where(this).values(names))
    codes.void_tokens(rows, user_id)
    passwords.end_sessions(rows, user_id, now, "phone", keep_token_hash)
    passwords.person_changed(rows)
    audit.note_on(rows, "phone_change", kind="ab_user", object_id=user_id)
    key, context = f"account.phone_changed:{user_id}:{now:%Y%m%d%H%M%S%f}", {"title": mobile}
    messages.notify(
        session, "account.phone_changed", [user_id], context, key, now, channels=("inapp",)
    )
    if old.mobile:
        messages.tell(
            session, "account.phone_changed", old.mobile, context, f"{key}:old", now, channel="sms"
        )
