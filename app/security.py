"""Who is asking and what they may do: login sessions by row, permissions in one statement.

One statement a request reads the access version together with the login session; what a user
may do is kept in the process while that number stands still.  A revoked role or an ended
session therefore works at the next request, in every process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any, cast

from flask import (
    Flask,
    current_app,
    g,
    has_request_context,
    redirect,
    request,
    session as cookie,
    url_for,
)
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from markupsafe import Markup
from sqlalchemy import Row, and_, bindparam, event, inspect, or_, select, update
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from app import audit, choices, clock, messages
from app.access import ANONYMOUS, Actor, Kind, set_actor
from app.clock import Workdays
from app.extensions import db, system_session
from app.models import (
    AccessVersion,
    DictItem,
    Holiday,
    LoginSession,
    Membership,
    Person,
    Region,
)
from app.services import consents, consultants, limits, logins, passwords, rights
from app.services.codes import digest
from app.services.reference import Reference, reference, workdays

TOKEN = "login"  # noqa: S105 - the name of the cookie entry, not a secret
UNASKED = {"static", "live"}  # answered without the database
RIGHTS = (Role, Permission, PermissionView, ViewMenu, Membership, DictItem, Region, Holiday)
UNIMPORTANT = {"last_login", "login_count", "fail_login_count", "changed_on"}
NOWHERE = 1  # the code of no region
MINUTE = 60
HELD_BACK = {
    "AccountView.captcha": {"GET"},
    "AccountView.slider": {"GET"},
    "AccountView.login": {"POST"},
    "AccountView.login_code": {"POST"},
    "ForgottenView.ask": {"POST"},
    "ForgottenView.code": {"POST"},
    "ForgottenView.prove": {"POST"},
    "ForgottenView.renew": {"POST"},
    "RegistrationView.register": {"POST"},
    "RegistrationView.companies": {"GET"},
    "AnswerView.open": {"GET"},
    "AnswerView.answer": {"GET", "POST"},
    "MarketView.seen": {"POST"},
    "ConsultantView.address": {"POST"},
}
"""What costs something and is open to everybody, or tells who is known here: so often a minute
from one network address, no more."""
UNTIL_CHANGED = {"MyAccountView.password", "AccountView.logout", "language"}
"""What somebody may reach whose password is to be changed first."""
UNTIL_ACCEPTED = {"ConsentView.accept", "RegistrationView.agreement", "language"}
"""What somebody may read who has not accepted the agreements in force."""
CONSULTANT, INVITEE = "consultant", "invitee"
"""The roles that an engagement gives, linked or on its way there; nobody holds them otherwise."""
PEOPLE = "people"  # the entry of the menu that waits for certification

version_, login_ = AccessVersion.__table__, LoginSession.__table__
_ASKED = select(
    version_.c.version, login_.c.id, login_.c.user_id, login_.c.last_seen_at,
    messages.unread_of(login_.c.user_id).label("unread"),
).select_from(
    version_.outerjoin(
        login_,
        and_(
            login_.c.token_hash == bindparam("token"),
            logins.is_live_since(bindparam("begun"), bindparam("used")),
        ),
    )
)  # fmt: skip
"""The statement of every request, made once."""


@dataclass
class Grants:
    """What one user may do, as of one access version; replaced, never changed."""

    version: int
    person: Any = None
    actor: Actor = ANONYMOUS
    permissions: frozenset[tuple[str, str]] = frozenset()
    organization_name: str = ""
    unaccepted: tuple[consents.Named, ...] = ()
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
    profile = current_app.extensions["profile"].roles
    with Session(db.engine) as plain:
        person = plain.get(Person, user_id)
        if person is None or not person.is_active:
            return None
        held = frozenset(role.name for role in person.roles) - {choices.MAIN_ACCOUNT}
        place = rights.standing(plain, user_id)
        known = [profile[name] for name in held if name in profile]
        is_staff = any(role.kind == "staff" for role in known)
        served = None if place or is_staff else consultants.engagement(plain, user_id)
        if served is not None:
            roles = frozenset({CONSULTANT}) if served.is_linked else held
            more = () if served.is_linked else (INVITEE,)
            pairs = rights.pairs_of(plain, {*roles, *more})
        elif place is None or is_staff:
            roles, pairs = held, rights.pairs_of(plain, held)
        else:
            roles, pairs = place.roles(held), _member_pairs(plain, held, place)
        asked = consents.unaccepted(plain.connection(), user_id)
        plain.expunge_all()
    serves = served if served is not None and served.is_linked else None
    kind: Any = "staff" if is_staff else "consultant" if serves else _kind_of(place, pairs)
    scoped = any(role.scope == "region" for role in known)
    actor = Actor(
        kind,
        user_id,
        roles,
        place.organization_id if place else None,
        _subtree(place.region_id if place else None) if scoped else "",
        serves and serves.consultant_id,
        serves and serves.organization_id,
    )
    house = place or serves
    return Grants(version, person, actor, pairs, house.organization_name if house else "", asked)


def _kind_of(place: rights.Standing | None, pairs: frozenset[rights.Pair]) -> Kind:
    """A sub-account without any page of the organization's data reads none of its rows either."""
    if place is None:
        return "ordinary"
    pages: rights.Pages = current_app.extensions["pages"]
    return "member" if place.is_main or pages.show_records(pairs) else "bystander"


def _member_pairs(
    plain: Session, held: frozenset[str], place: rights.Standing
) -> frozenset[rights.Pair]:
    """The pages of a main account, or of a sub-account what is left of them (S0-36, F07)."""
    pages: rights.Pages = current_app.extensions["pages"]
    if not place.is_main:
        own = rights.pairs_of(plain, {choices.SUB_ACCOUNT})
        return own | pages.granted(rights.pairs_of(plain, place.main_roles), place.rights)
    pairs = rights.pairs_of(plain, held | {choices.MAIN_ACCOUNT})
    return pairs if place.is_certified else pages.without(pairs, PEOPLE)


def _subtree(region_id: int | None) -> str:
    """What all codes below a region begin with: 9901 for 990100.

    Who is limited to a region and belongs to no authority sees none.
    """
    code = f"{region_id or NOWHERE:06}"
    while code.endswith("00"):
        code = code[:-2]
    return code


def identify() -> Any:
    """Set grants and actor of this request; one statement unless a right has changed.

    Whoever has to change the password first is sent to that page, then whoever has not accepted
    the agreements in force.
    """
    if request.endpoint in UNASKED:
        return None
    token, now = cookie.get(TOKEN, ""), clock.now()
    row = _login(token, now)
    manager = current_app.extensions["appbuilder"].sm
    known = manager.grants_of(row.user_id, row.version) if row.user_id else None
    g.grants = known or Grants(row.version)
    g.unread = row.unread
    set_actor(g.grants.actor)
    audit.set_context(_who(token))
    _hold_back(now)
    if request.method in {"GET", "HEAD", "OPTIONS"}:  # no BEGIN, no ROLLBACK; a flush is refused
        db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        db.session.info["reading"] = True
    if must_change_password(now):
        allowed = request.endpoint in UNTIL_CHANGED
        return None if allowed else redirect(url_for("MyAccountView.password"))
    asks_later = request.method != "GET"  # what is being sent is not lost
    if g.grants.unaccepted and not asks_later and request.endpoint not in UNTIL_ACCEPTED:
        return redirect(url_for("ConsentView.accept", next=request.full_path))
    return None


def _login(token: str, now: datetime) -> Row[Any]:
    """The access version, and the live login of a token; at most once a minute it is seen."""
    begun, used = logins.live_since(current_app.extensions["profile"].login, now)
    given = {"token": digest(token) if token else "", "begun": begun, "used": used}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(_ASKED, given).one()
        before = now - logins.SEEN_EVERY
        if row.user_id and (row.last_seen_at is None or row.last_seen_at <= before):
            is_old = or_(login_.c.last_seen_at.is_(None), login_.c.last_seen_at <= before)
            this = and_(login_.c.id == row.id, is_old)
            connection.execute(update(login_).where(this).values(last_seen_at=now))
    return row


def person() -> Any:
    """The reader's account, as it was read with his rights; only where somebody is signed in."""
    return g.grants.person


def must_change_password(now: datetime) -> bool:
    """Whether the reader's password was given by somebody else, or is too old for staff."""
    who, rule = person(), current_app.extensions["profile"].password
    is_staff = g.grants.actor.kind == "staff"
    return who is not None and passwords.must_change(who, rule, now, is_staff=is_staff)


def address() -> str:
    """Whence the request came."""
    return (request.remote_addr or "")[:64]


def _hold_back(now: datetime) -> None:
    """Refuse what one network address asks for too often."""
    if request.method not in HELD_BACK.get(request.endpoint or "", ()):
        return
    allowed = current_app.extensions["profile"].login.requests_per_minute
    with system_session() as session:
        rows = session.connection()
        key = f"request:{request.endpoint}:{address()}"
        until = limits.spend(rows, key, allowed, MINUTE, now)
        session.commit()
    if until is not None:
        raise TooManyRequests(retry_after=ceil((until - now).total_seconds()))


def _who(token: str) -> audit.Context:
    """Whom the audit log names for what this request does."""
    actor, person = g.grants.actor, g.grants.person
    return audit.Context(
        actor_id=actor.user_id,
        actor_name=str(person) if person is not None else "",
        roles=",".join(sorted(actor.roles)),
        address=address(),
        session=digest(token)[:16] if person is not None else "",
    )


def forget(_error: BaseException | None) -> None:
    """At the end of a request nobody acts."""
    set_actor(None)
    audit.set_context(None)


def install(app: Flask) -> None:
    """Run :func:`identify` before every request, before FAB asks for the user."""
    app.before_request(identify)
    app.teardown_request(forget)


def words() -> Reference:
    """The dictionaries of this request, kept in the process under the access version."""
    if not has_request_context():
        return reference(db.session(), None)
    if "words" not in g:
        g.words = reference(db.session(), g.grants.version)
    return cast(Reference, g.words)


def calendar() -> Workdays:
    """The working days of this request, kept likewise."""
    if not has_request_context():
        return workdays(db.session(), None)
    if "calendar" not in g:
        g.calendar = workdays(db.session(), g.grants.version)
    return cast(Workdays, g.calendar)


# --- rights -------------------------------------------------------------------------------


def watch_rights() -> None:
    """Raise the access version in every transaction that changes a right or reference data.

    The logins of people whose roles change, or who are switched off, end in the same one.
    """

    @event.listens_for(Session, "after_flush")
    def _raise(session: Session, _context: Any) -> None:
        changed = [r for r in session.dirty if session.is_modified(r)]
        rows = [*session.new, *session.deleted, *changed]
        if any(isinstance(row, RIGHTS) or _person_changed(row) for row in rows):
            raised = update(version_).values(version=version_.c.version + 1)
            session.connection().execute(raised)
        for row in changed:
            if isinstance(row, Person) and (reason := _end_reason(row)):
                passwords.end_sessions(session.connection(), row.id, clock.now(), reason)


def _end_reason(row: Person) -> str:
    """Why the logins of a changed person end; empty when they do not."""
    state: Any = inspect(row)
    if state.attrs.active.history.has_changes() and not row.is_active:
        return "off"
    return "roles" if state.attrs.roles.history.has_changes() else ""


def _person_changed(row: Any) -> bool:
    if not isinstance(row, Person):
        return False
    state: Any = inspect(row)
    changed = {a.key for a in state.attrs if a.history.has_changes()}
    return bool(changed - UNIMPORTANT)
