"""Who is asking and what they may do: login sessions by row, permissions in one statement.

One statement a request reads the access version together with the login session; what a user
may do is kept in the process while that number stands still.  A revoked role or an ended
session therefore works at the next request, in every process.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flask import Flask, current_app, g, has_request_context, request, session as cookie
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from flask_login import login_user, logout_user
from markupsafe import Markup
from sqlalchemy import and_, delete, event, insert, inspect, select, update
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from app.access import ANONYMOUS, Actor, set_actor
from app.clock import Workdays
from app.extensions import db, system_session
from app.models import (
    AccessVersion,
    Captcha,
    DictItem,
    Holiday,
    LoginSession,
    Membership,
    Organization,
    Person,
    Region,
)
from app.services.reference import Reference, reference, workdays

TOKEN = "login"  # noqa: S105 - the name of the cookie entry, not a secret
CAPTCHA_MINUTES = 10
UNASKED = {"static", "live"}  # answered without the database
RIGHTS = (Role, Permission, PermissionView, ViewMenu, Membership, DictItem, Region, Holiday)
UNIMPORTANT = {"last_login", "login_count", "fail_login_count", "changed_on"}
NOBODY = generate_password_hash("nobody")

version_, login_ = AccessVersion.__table__, LoginSession.__table__
ASK = select(version_.c.version, login_.c.user_id).select_from(
    version_.outerjoin(
        login_,
        and_(login_.c.token_hash == db.bindparam("token"), login_.c.ended_at.is_(None)),
    )
)


@dataclass
class Grants:
    """What one user may do, as of one access version; replaced, never changed."""

    version: int
    person: Any = None
    actor: Actor = ANONYMOUS
    permissions: frozenset[tuple[str, str]] = frozenset()
    organization_name: str = ""
    menus: dict[tuple[str, str], Markup] = field(default_factory=dict)


class AppSecurityManager(FabSecurityManager):
    """FAB's security manager with its pages closed and its permission checks answered at once."""

    user_model = Person

    def __init__(self, appbuilder: Any) -> None:
        self._kept: dict[int, Grants] = {}
        super().__init__(appbuilder)

    def register_views(self) -> None:
        """FAB's user, role and login pages do not exist here."""

    def load_user(self, pk: int) -> Any | None:
        """The person behind the cookie, as :func:`identify` found it."""
        person = g.grants.person if "grants" in g else None  # a refusal may come before it
        return person if person is not None and str(person.id) == str(pk) else None

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Whether the user of this request holds a permission; asks no database."""
        return (permission_name, view_name) in g.grants.permissions

    def get_user_menu_access(self, menu_names: list[str] | None = None) -> set[str]:
        """The menu entries that the user may open."""
        return {view for name, view in g.grants.permissions if name == "menu_access"}

    def grants_of(self, user_id: int, version: int) -> Grants | None:
        """What ``user_id`` may do; None for an account that is gone or switched off."""
        kept = self._kept.get(user_id)
        if kept is None or kept.version != version:
            found = _read_grants(user_id, version)
            if found is None:
                self._kept.pop(user_id, None)
                return None
            kept = self._kept[user_id] = found
        return kept

    def forget_all(self) -> None:
        """For a process whose database was replaced."""
        self._kept.clear()


def _read_grants(user_id: int, version: int) -> Grants | None:
    with Session(db.engine) as plain:
        person = plain.get(Person, user_id)
        if person is None or not person.is_active:
            return None
        roles = {role.id: role.name for role in person.roles}
        granted = (
            select(Permission.name, ViewMenu.name)
            .select_from(PermissionView)
            .join(PermissionView.permission)
            .join(PermissionView.view_menu)
            .where(PermissionView.role.any(Role.id.in_(roles)))
        )
        pairs = frozenset((row[0], row[1]) for row in plain.execute(granted))
        place = plain.execute(
            select(Organization.id, Organization.name)
            .join(Membership, Membership.organization_id == Organization.id)
            .where(Membership.user_id == user_id)
        ).first()
        plain.expunge_all()
    known = current_app.extensions["profile"].roles
    is_staff = any(known[name].kind == "staff" for name in roles.values() if name in known)
    kind: Any = "staff" if is_staff else "member" if place else "ordinary"
    actor = Actor(kind, user_id, frozenset(roles.values()), place.id if place else None)
    return Grants(version, person, actor, pairs, place.name if place else "")


def identify() -> None:
    """Set grants and actor of this request; one statement unless a right has changed."""
    if request.endpoint in UNASKED:
        return
    token = cookie.get(TOKEN, "")
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(ASK, {"token": digest(token) if token else ""}).one()
    manager = current_app.extensions["appbuilder"].sm
    known = manager.grants_of(row.user_id, row.version) if row.user_id else None
    g.grants = known or Grants(row.version)
    set_actor(g.grants.actor)
    if request.method in {"GET", "HEAD", "OPTIONS"}:  # no BEGIN, no ROLLBACK; a flush is refused
        db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        db.session.info["reading"] = True


def forget(_error: BaseException | None) -> None:
    """At the end of a request nobody acts."""
    set_actor(None)


def install(app: Flask) -> None:
    """Run :func:`identify` before every request, before FAB asks for the user."""
    app.before_request(identify)
    app.teardown_request(forget)


def words() -> Reference:
    """The dictionaries of this request, kept in the process under the access version."""
    return reference(db.session(), g.grants.version if has_request_context() else None)


def calendar() -> Workdays:
    """The working days of this request, kept likewise."""
    return workdays(db.session(), g.grants.version if has_request_context() else None)


# --- login --------------------------------------------------------------------------------


def digest(token: str) -> str:
    """What the database keeps of a token."""
    return sha256(token.encode()).hexdigest()


def authenticate(name: str, password: str) -> Person | None:
    """The active person behind user name or mobile and password; as slow for unknown names."""
    with Session(db.engine) as plain:
        asked = (Person.username == name) | (Person.mobile == name)
        person = plain.scalars(select(Person).where(asked)).first()
        known = person.password if person and person.password else NOBODY
        if not check_password_hash(known, password) or person is None or not person.is_active:
            return None
        plain.expunge(person)
        return person


def sign_in(person: Person, now: datetime) -> None:
    """Begin a login: a new row, a new token, nothing of the session before it."""
    kept = cookie.get("locale")
    cookie.clear()
    if kept:
        cookie["locale"] = kept
    token = secrets.token_urlsafe(32)
    with system_session() as session:
        session.execute(
            insert(login_),
            {
                "token_hash": digest(token),
                "user_id": person.id,
                "created_at": now,
                "address": (request.remote_addr or "")[:64],
                "agent": request.user_agent.string[:200],
            },
        )
        seen = {"last_login": now.replace(tzinfo=None)}
        session.execute(update(Person.__table__).where(Person.id == person.id).values(seen))
        session.commit()
    cookie[TOKEN] = token
    login_user(person)


def sign_out(now: datetime) -> None:
    """End this login at the server; the cookie is worth nothing from now on."""
    token = cookie.get(TOKEN, "")
    with system_session() as session:
        ended = update(login_).where(login_.c.token_hash == digest(token)).values(ended_at=now)
        session.execute(ended)
        session.commit()
    logout_user()
    cookie.clear()


# --- captcha ------------------------------------------------------------------------------


def ask_captcha(answer: str, now: datetime) -> None:
    """Keep the answer to a picture for this browser, in place of an earlier one."""
    token = secrets.token_urlsafe(16)
    with system_session() as session:
        captcha = Captcha.__table__
        old = digest(cookie.get("captcha", ""))
        session.execute(
            delete(captcha).where((captcha.c.token_hash == old) | (captcha.c.expires_at < now))
        )
        until = now + timedelta(minutes=CAPTCHA_MINUTES)
        row = {"token_hash": digest(token), "answer_hash": _said(token, answer)}
        session.execute(insert(captcha), row | {"expires_at": until})
        session.commit()
    cookie["captcha"] = token


def answers_captcha(answer: str, now: datetime) -> bool:
    """Whether ``answer`` is right; a picture is good for one try."""
    test_code = current_app.extensions["settings"].test_code
    if test_code and hmac.compare_digest(answer.encode(errors="replace"), test_code.encode()):
        return True
    token = cookie.pop("captcha", "")
    with system_session() as session:
        captcha = Captcha.__table__
        mine = captcha.c.token_hash == digest(token)
        row = session.execute(select(captcha).where(mine)).first()
        session.execute(delete(captcha).where(mine))
        session.commit()
    said = _said(token, answer)
    return bool(row and row.expires_at > now and hmac.compare_digest(row.answer_hash, said))


def _said(token: str, answer: str) -> str:
    return digest(f"{token}:{answer.strip().casefold()}")


# --- rights -------------------------------------------------------------------------------


def watch_rights() -> None:
    """Raise the access version in every transaction that changes a right or reference data."""

    @event.listens_for(Session, "after_flush")
    def _raise(session: Session, _context: Any) -> None:
        changed = [r for r in session.dirty if session.is_modified(r)]
        rows = [*session.new, *session.deleted, *changed]
        if any(isinstance(row, RIGHTS) or _person_changed(row) for row in rows):
            raised = update(version_).values(version=version_.c.version + 1)
            session.connection().execute(raised)


def _person_changed(row: Any) -> bool:
    if not isinstance(row, Person):
        return False
    state: Any = inspect(row)
    changed = {a.key for a in state.attrs if a.history.has_changes()}
    return bool(changed - UNIMPORTANT)
