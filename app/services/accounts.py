"""Accounts as the security administrator keeps them: staff, their roles, locks and logins.

Everything here runs in a session of the system and is told who asks (``by``): nobody works on
his own account here.  Whoever holds one of the three administrators' roles
(:data:`app.choices.ADMINISTRATORS`) holds no other; :func:`guard_roles` refuses it to every
session, and triggers (:data:`app.models.GUARDS`) to every statement.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import lazy_gettext as _l
from sqlalchemy import event, exists, inspect, or_, select
from sqlalchemy.orm import Session

from app import access, audit, messages
from app.access import Actor
from app.choices import ADMINISTRATORS
from app.errors import DomainError, Problem
from app.models import Membership, OrgRole, Person
from app.services import logins, passwords
from app.services.parties import USERNAME

LENGTH = 14
READABLE = sorted({*string.ascii_letters, *string.digits} - {*"0O1lI5S8B"})


class Combined(DomainError):
    """An administrator's role beside another one."""

    problem = _l("An administrator holds this one role and no other.")
    remedy = _l("Take the other role away first, or make another account.")


class OwnAccount(DomainError):
    """Somebody works on his own account where another has to."""

    problem = _l("You cannot do this to your own account.")
    remedy = _l("Ask another security administrator.")


class NotStaff(DomainError):
    """Roles of staff for the account of an organization, or of somebody without one."""

    problem = _l("This account belongs to an enterprise or to an ordinary user.")
    remedy = _l("Make a new account for the work of staff.")


class NoAuthority(DomainError):
    """A role of a region without the authority that says which."""

    problem = _l("A city bureau's role needs an account of a city bureau.")
    remedy = _l("Make the account anew and choose its authority there.")


@dataclass(frozen=True)
class NewStaff:
    """What the security administrator typed of a new account."""

    username: str
    name: str
    mobile: str
    email: str
    roles: Collection[str]
    authority_id: int | None = None


# --- the three administrators -------------------------------------------------------------


def refuse_combination(names: Iterable[str]) -> None:
    """Refuse one of the three administrators' roles beside any other role.

    :raises Combined: when ``names`` hold such a pair.
    """
    held = set(names)
    if len(held) > 1 and held & {*ADMINISTRATORS}:
        raise Combined


def guard_roles() -> None:
    """Hold :func:`refuse_combination` against every flush, and nobody's hand on his own roles."""

    @event.listens_for(Session, "before_flush")
    def _refuse(session: Session, _context: Any, _instances: Any) -> None:
        for row in [*session.new, *session.dirty]:
            state: Any = inspect(row)
            if isinstance(row, User) and state.attrs.roles.history.has_changes():
                refuse_combination(role.name for role in row.roles)
                who = session.info.get("actor")
                if who is not None and row.id is not None and who.user_id == row.id:
                    raise OwnAccount


# --- what is done to an account -----------------------------------------------------------


def create_staff(
    session: Session, asked: NewStaff, roles: Mapping[str, Any], rule: Any, now: datetime
) -> tuple[Person, str]:
    """A new account of staff and its one-time password, which nobody can read again.

    :raises DomainError: when the roles do not go together or want an authority.
    """
    person = Person(
        username=asked.username,
        first_name="",
        last_name=asked.name,
        mobile=asked.mobile or None,
        email=asked.email or None,
        active=True,
        created_on=now.replace(tzinfo=None),
    )
    session.add(person)
    session.flush()
    if asked.authority_id is not None:
        is_first = not session.scalar(
            select(exists().where(Membership.organization_id == asked.authority_id))
        )
        session.add(
            Membership(user_id=person.id, organization_id=asked.authority_id, is_main=is_first)
        )
        session.flush()
    _give(session, person, asked.roles, roles)
    return person, _one_time(session, person, rule, now)


def problems(session: Session, asked: NewStaff) -> list[Problem]:
    """What is missing, malformed or taken in a new account."""
    found = []
    if not USERNAME.fullmatch(asked.username):
        found.append(Problem("username", _l("6 to 30 letters, digits or underscores.")))
    elif _is_taken(session, asked.username):
        found.append(Problem("username", _l("This user name is taken. Choose another one.")))
    if asked.mobile and _is_taken(session, asked.mobile):
        found.append(Problem("mobile", _l("This mobile number has an account already.")))
    if not asked.roles:
        found.append(Problem("roles", _l("Choose at least one role.")))
    return found


def assign_roles(
    session: Session,
    by: Actor,
    person_id: int,
    wanted: Collection[str],
    roles: Mapping[str, Any],
    now: datetime,
) -> None:
    """Give an account of staff exactly these roles; its logins end.

    :raises DomainError: for one's own account, for another kind of account, for a pair.
    """
    person = _other(session, by, person_id)
    before = sorted(role.name for role in person.roles)
    if any(roles[name].kind != "staff" for name in before if name in roles):
        raise NotStaff
    _give(session, person, wanted, roles)
    rows = session.connection()
    passwords.end_sessions(rows, person.id, now, "roles")
    after = {"roles": sorted(wanted)}
    _note(session, "role_change", person, before={"roles": before}, after=after)


def switch(session: Session, by: Actor, person_id: int, now: datetime, *, on: bool) -> None:
    """Switch an account on or off (停用); off, all its logins end."""
    person = _other(session, by, person_id)
    person.active = on
    session.flush()
    if not on:
        passwords.end_sessions(session.connection(), person.id, now, "off")


def unlock(session: Session, by: Actor, person_id: int) -> None:
    """Let a locked account log in again at once, its failures forgotten."""
    person = _other(session, by, person_id)
    logins.unlock(session, person.id)
    _note(session, "unlock", person)


def reset(session: Session, by: Actor, person_id: int, rule: Any, now: datetime) -> str:
    """A one-time password in place of the present one; the next login has to change it.

    A locked account is unlocked: its owner has to be able to use it.
    """
    return renew(session, _other(session, by, person_id), rule, now)


def renew(session: Session, person: Person, rule: Any, now: datetime) -> str:
    """A new one-time password; the owner is told, since another person reads it."""
    logins.unlock(session, person.id)
    password = _one_time(session, person, rule, now)
    _note(session, "password_reset", person)
    key = f"account.password_reset:{person.id}:{now:%Y%m%d%H%M%S%f}"
    messages.notify(session, "account.password_reset", [person.id], {"at": now}, key, now)
    return password


def end_logins(session: Session, by: Actor, person_id: int, now: datetime) -> int:
    """End all logins of an account at once (强制下线); how many there were."""
    person = _other(session, by, person_id)
    count = passwords.end_sessions(session.connection(), person.id, now, "forced")
    _note(session, "session_end", person, detail={"logins": count})
    return count


def _other(session: Session, by: Actor, person_id: int) -> Person:
    if by.user_id == person_id:
        raise OwnAccount
    return session.get_one(Person, person_id)


def _give(
    session: Session, person: Person, wanted: Collection[str], roles: Mapping[str, Any]
) -> None:
    """Roles of staff, as the account's authority allows."""
    if any(name not in roles or roles[name].kind != "staff" for name in wanted):
        raise NotStaff
    refuse_combination(wanted)
    if any(roles[name].scope == "region" for name in wanted):
        bureau = exists().where(
            Membership.user_id == person.id,
            OrgRole.organization_id == Membership.organization_id,
            OrgRole.role == "bureau",
        )
        if not session.scalar(select(bureau)):
            raise NoAuthority
    person.roles = list(session.scalars(select(Role).where(Role.name.in_([*wanted]))))
    session.flush()


def _one_time(session: Session, person: Person, rule: Any, now: datetime) -> str:
    password = one_time_password(rule.special)
    session.flush()
    rows = access.elevated(session, "an account gets a password that its owner will replace")
    passwords.set_password(rows, person.id, password, now, must_change=True)
    session.expire(person)
    return password


def one_time_password(special: str) -> str:
    """Characters of all four kinds, none that looks like another."""
    signs = [sign for sign in "#%+=?@" if sign in special] or [special[0]]
    kinds = [
        [c for c in READABLE if c.isupper()],
        [c for c in READABLE if c.islower()],
        [c for c in READABLE if c.isdigit()],
        signs,
    ]
    chosen = [secrets.choice(kind) for kind in kinds]
    chosen += [secrets.choice(READABLE) for _n in range(LENGTH - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _is_taken(session: Session, name: str) -> bool:
    taken = exists().where(or_(Person.username == name, Person.mobile == name))
    return bool(session.scalar(select(taken)))


def _note(session: Session, action: str, person: Person, **facts: Any) -> None:
    audit.note(session, action, kind="ab_user", object_id=person.id, label=person.username, **facts)
