"""The door as HTTP sees it: passwords and codes of a request, login sessions, captchas.

The rules are those of :mod:`app.services.logins`; here are the cookie, the address and the
commits: a try is committed before its secret is compared.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from secrets import token_urlsafe
from typing import Any

from flask import Response, after_this_request, current_app, g, request, session as cookie
from flask_login import login_user, logout_user
from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash

from app import audit
from app.extensions import db, system_session
from app.models import LoginSession, Person
from app.profile import Login
from app.security import TOKEN, address
from app.services import captchas, codes, logins, passwords
from app.services.codes import digest

login_ = LoginSession.__table__
LETTERS, SLIDER = "captcha", "slider"
"""The kinds of pictures, as their cookies are called."""


def rule() -> Login:
    """How often one may try, and how long a login lasts: the profile's numbers."""
    found: Login = current_app.extensions["profile"].login
    return found


# --- secrets ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came of a try: the user, or nobody; ``until`` when no more tries are taken.

    ``is_expired``: the password was right, but is a one-time password that nobody used in time.
    """

    user_id: int | None = None
    until: datetime | None = None
    is_expired: bool = False


@cache
def _of_nobody() -> str:
    """Compared with where there is no account, so that an unknown name takes as long."""
    return passwords.hashed("nobody")


def by_password(name: str, password: str, now: datetime) -> Answer:
    """Whose user name or mobile and password these are; as slow for unknown names."""
    attempt, until = _knock(name, now)
    if until is not None:
        return Answer(until=until)
    account = attempt.account
    known = account.password if account is not None and account.password else _of_nobody()
    answer = _judged(attempt, now, is_right=check_password_hash(known, password))
    one_time = current_app.extensions["profile"].password
    if answer.user_id is not None and passwords.is_expired(account, one_time, now):
        return Answer(is_expired=True)
    return answer


def by_code(purpose: str, mobile: str, code: str, now: datetime) -> Answer:
    """Whose mobile and code these are; a wrong code counts like a wrong password."""
    attempt, until = _knock(mobile, now)
    if until is not None:
        return Answer(until=until)
    return _judged(attempt, now, is_right=is_code(purpose, mobile, code, now))


def _knock(name: str, now: datetime) -> tuple[logins.Attempt, datetime | None]:
    with system_session() as session:
        attempt, until = logins.knock(session, rule(), name, address(), now)
        session.commit()
    return attempt, until


def _judged(attempt: logins.Attempt, now: datetime, *, is_right: bool) -> Answer:
    account = attempt.account
    with system_session() as session:
        if is_right and account is not None and account.active:
            logins.succeeded(session, attempt)
            answer = Answer(account.id)
        else:
            answer = Answer(until=logins.failed(session, rule(), attempt, now))
        session.commit()
    return answer


def is_code(purpose: str, target: str, code: str, now: datetime) -> bool:
    """Whether ``code`` was sent there for this; it is used up, and a wrong one is counted."""
    if is_test_code(code):
        return True
    with system_session() as session:
        rows = session.connection()
        right = codes.redeem_code(rows, purpose, target, code, now, rule().code_tries)
        session.commit()
    return right


def is_test_code(said: str) -> bool:
    """Whether ``said`` is the answer that opens everything where tests run, never in production."""
    expected = current_app.extensions["settings"].test_code
    given = said.encode(errors="replace")
    return bool(expected) and hmac.compare_digest(given, expected.encode())


# --- sessions -----------------------------------------------------------------------------


def sign_in(user_id: int, now: datetime) -> None:
    """Begin a login: a new row, a new token, nothing of the session before it."""
    with Session(db.engine) as plain:
        person = plain.get_one(Person, user_id)
        plain.expunge(person)
    locale = cookie.get("locale") or person.locale
    cookie.clear()
    cookie["locale"] = locale
    token = token_urlsafe(32)
    with system_session() as session:
        row = {
            "token_hash": digest(token),
            "user_id": user_id,
            "created_at": now,
            "last_seen_at": now,
            "address": address(),
            "agent": request.user_agent.string[:200],
        }
        rows = session.connection()
        rows.execute(insert(login_), row)
        seen = {"last_login": now.replace(tzinfo=None)}
        rows.execute(update(Person.__table__).where(Person.id == user_id).values(seen))
        audit.note(
            session, "login", kind="ab_user", object_id=user_id, label=str(person),
            actor_name=str(person),
        )  # fmt: skip
        session.commit()
    cookie[TOKEN] = token
    login_user(person)


def sign_out(now: datetime) -> None:
    """End this login at the server; the cookie is worth nothing from now on."""
    ended = update(login_).where(
        login_.c.token_hash == digest(cookie.get(TOKEN, "")), login_.c.ended_at.is_(None)
    )
    with system_session() as session:
        rows = session.connection()
        left = ended.values(ended_at=now, end_reason="logout").returning(login_.c.user_id)
        user_id = rows.scalar(left)
        if user_id is not None:
            audit.note(session, "logout", kind="ab_user", object_id=user_id)
        session.commit()
    kept = cookie.get("locale")
    logout_user()
    cookie.clear()
    if kept:
        cookie["locale"] = kept


def token_hash() -> str:
    """The login of this request, as the database knows it."""
    return digest(cookie.get(TOKEN, ""))


def is_signed_in() -> bool:
    """Whether this request comes from somebody."""
    return g.grants.person is not None


def user_id() -> int:
    """The signed-in user; only where somebody is."""
    found: Any = g.grants.actor.user_id
    return int(found)


# --- captchas -----------------------------------------------------------------------------


def ask_captcha(answer: str | int, now: datetime, kind: str = LETTERS) -> None:
    """Keep the answer to a picture for this browser, in place of an earlier one of its kind.

    The token has a cookie of its own: a picture may arrive after the page that follows it, and
    would put the session back to what it was before.
    """
    name = _cookie_name(kind)
    with system_session() as session:
        rows = session.connection()
        token = captchas.keep(rows, request.cookies.get(name, ""), answer, now)
        session.commit()
    config = current_app.config

    @after_this_request
    def hand_over(response: Response) -> Response:
        response.set_cookie(
            name, token, httponly=True, samesite=config["SESSION_COOKIE_SAMESITE"],
            secure=config["SESSION_COOKIE_SECURE"],
        )  # fmt: skip
        return response


def answers_captcha(answer: str, now: datetime, kind: str = LETTERS) -> bool:
    """Whether ``answer`` is right; a picture is good for one try, and for its own kind."""
    if is_test_code(answer):
        return True
    with system_session() as session:
        rows = session.connection()
        token = request.cookies.get(_cookie_name(kind), "")
        right = captchas.is_solved(rows, token, answer, now, slides=kind == SLIDER)
        session.commit()
    return right


def _cookie_name(kind: str) -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-{kind}"
