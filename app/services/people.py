"""The people of an organization (用户管理): opening, changing and closing accounts, who leads.

Everything here runs on a connection without access rules; the pages ask beforehand who may, and
every change of what somebody is raises the access version, so that it works at the next request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Table, delete, exists, insert, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app import audit
from app.choices import AUTHORITIES, MAIN_ACCOUNT, SUB_ACCOUNT
from app.clock import local_day
from app.errors import DomainError, Problem
from app.models import (
    AccessVersion,
    Consent,
    Draft,
    JoinRequest,
    LoginSession,
    MainAccountChange,
    Membership,
    Message,
    MessageChoice,
    OneTimeToken,
    Organization,
    OrgRole,
    PasswordHistory,
    Person,
)
from app.services import codes, formal, passwords, rights
from app.services.institutions import normal_code, refuse_consultant
from app.services.parties import USERNAME

ORDINARY = "ordinary"
OPENED_HERE = "sub_account"
"""How an account was registered that an organization opened for a colleague."""
KEPT, SWITCHED_OFF, REMOVED = "kept", "switched_off", "removed"
"""What became of the account of somebody who left."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


person_, member_, access_ = _table(Person), _table(Membership), _table(AccessVersion)
organization_, org_role_ = _table(Organization), _table(OrgRole)
role_, held_ = (person_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))
OF_THE_ACCOUNT = (
    held_,
    *map(_table, (Consent, Draft, LoginSession, MessageChoice, OneTimeToken, PasswordHistory)),
    *map(_table, (Membership, Message)),
)
"""Rows that go with their account; anything else that names a person is history."""


@dataclass(frozen=True)
class Account:
    """What the main account types of a colleague."""

    username: str
    mobile: str
    email: str


@dataclass(frozen=True)
class Member:
    """Somebody of an organization."""

    user_id: int
    organization_id: int
    is_main: bool
    username: str
    name: str
    register_kind: str | None
    active: bool


# --- asking -------------------------------------------------------------------------------


def member(rows: Connection, user_id: int) -> Member | None:
    """The membership of a person; locked, so that two changes of it come one after the other."""
    query = (
        select(member_.c.user_id, member_.c.organization_id, member_.c.is_main)
        .add_columns(person_.c.username, person_.c.last_name, person_.c.register_kind)
        .add_columns(person_.c.active)
        .join(person_, person_.c.id == member_.c.user_id)
        .where(member_.c.user_id == user_id)
        .with_for_update()
    )
    row = rows.execute(query).first()
    return Member(*row) if row else None


def main_account(rows: Connection, organization_id: int) -> Member | None:
    """The main account (主账号) of an organization; there may be none."""
    ours = (member_.c.organization_id == organization_id) & member_.c.is_main
    user_id = rows.scalar(select(member_.c.user_id).where(ours))
    return member(rows, user_id) if user_id is not None else None


def mobile_of(rows: Connection, user_id: int) -> str:
    """The number of a person; empty when there is none."""
    return rows.scalar(select(person_.c.mobile).where(person_.c.id == user_id)) or ""


def roles_of(rows: Connection, user_id: int) -> frozenset[str]:
    """The names of the roles that an account holds itself."""
    mine = select(role_.c.name).join(held_, held_.c.role_id == role_.c.id)
    return frozenset(rows.scalars(mine.where(held_.c.user_id == user_id)))


def registered(rows: Connection, code: str) -> tuple[int, str] | None:
    """Number and name of the organization with a credit code; authorities are none to join."""
    found = select(organization_.c.id, organization_.c.name)
    is_authority = exists().where(
        org_role_.c.organization_id == organization_.c.id, org_role_.c.role.in_(AUTHORITIES)
    )
    ours = organization_.c.credit_code == code
    row = rows.execute(found.where(ours, ~is_authority)).first()
    return (row.id, row.name) if row else None


def request_problems(
    rows: Connection, subject: JoinRequest | MainAccountChange, now: datetime
) -> list[Problem]:
    """What forbids to ask an organization for something (F02): all faults at once."""
    found = formal.problems(subject, local_day(now))
    code = normal_code(subject.credit_code or "")
    if not any(problem.field == "credit_code" for problem in found):
        if registered(rows, code) is None:
            text = _l(
                "No organization with this code is registered here. Check the code, or register "
                "the organization."
            )
            found.append(Problem("credit_code", text))
        elif _is_asked(rows, subject, code):
            text = _l(
                "You have a request to this organization under way: wait for its result or "
                "withdraw it."
            )
            found.append(Problem("credit_code", text))
    if member(rows, subject.applicant_id) is not None:
        text = _l("You act for an organization already. Leave it first, then ask again.")
        found.append(Problem("credit_code", text))
    return found


def _is_asked(rows: Connection, subject: JoinRequest | MainAccountChange, code: str) -> bool:
    for model in (JoinRequest, MainAccountChange):
        asked = _table(model).c
        same = (asked.applicant_id == subject.applicant_id) & (asked.credit_code == code)
        running = select(asked.id).where(same, asked.state.in_(("in_review", "returned")))
        if isinstance(subject, model) and subject.id is not None:
            running = running.where(asked.id != subject.id)
        if rows.scalar(running.limit(1)) is not None:
            return True
    return False


def name_organization(rows: Connection, subject: JoinRequest | MainAccountChange) -> None:
    """Write down which organization is asked; its applicant does not see it, so the flow does."""
    found = registered(rows, subject.credit_code)
    if found is None:
        raise DomainError(
            _l("The organization is no longer registered."), _l("Check its credit code.")
        )
    table = _table(type(subject))
    values = dict(zip(("organization_id", "organization_name"), found, strict=True))
    rows.execute(update(table).where(table.c.id == subject.id).values(values))
    for name, value in values.items():
        set_committed_value(subject, name, value)


def account_problems(
    rows: Connection, typed: Account, user_id: int | None = None
) -> Iterable[Problem]:
    """Names and numbers that are malformed or somebody else's (S0-36)."""
    if user_id is None:
        if not USERNAME.fullmatch(typed.username or ""):
            text = _l("A user name has 6 to 30 letters, digits or underscores.")
            yield Problem("username", text)
        elif _is_used(rows, typed.username, None):
            yield Problem("username", _l("This user name is taken. Choose another one."))
    if typed.mobile and _is_used(rows, typed.mobile, user_id):
        text = _l(
            "This mobile number has an account already; on this platform a number belongs to "
            "one account. Type another number, or ask the colleague to request to join."
        )
        yield Problem("mobile", text)


def _is_used(rows: Connection, name: str, but: int | None) -> bool:
    """Whether somebody else logs in with it, as user name or as mobile number."""
    used = or_(person_.c.username == name, person_.c.mobile == name)
    others = select(person_.c.id).where(used)
    if but is not None:
        others = others.where(person_.c.id != but)
    return rows.scalar(others.limit(1)) is not None


def has_history(rows: Connection, user_id: int) -> bool:
    """Whether anything but the account itself names this person, or he ever logged in."""
    login = select(person_.c.last_login).where(person_.c.id == user_id)
    if rows.scalar(login) is not None:
        return True
    for table in person_.metadata.sorted_tables:
        if table in OF_THE_ACCOUNT:
            continue
        columns = [key.parent for key in table.foreign_keys if key.column is person_.c.id]
        if columns and rows.scalar(select(exists().where(or_(*(c == user_id for c in columns))))):
            return True
    return False


def unfinished(rows: Connection, who: Member) -> list[tuple[int, str]]:
    """Cases of the organization that wait for this person, or that he began and are not closed."""
    case, task = person_.metadata.tables["flow_case"].c, person_.metadata.tables["flow_task"].c
    waiting = select(task.case_id).where(task.user_id == who.user_id)
    waiting = waiting.where(task.state.in_(("open", "waiting")))
    begun = (case.applicant_id == who.user_id) & case.state.in_(
        ("draft", "in_review", "returned", "withdrawn")
    )
    ours = select(case.id, case.number).where(
        case.organization_id == who.organization_id, or_(begun, case.id.in_(waiting))
    )
    return [(row.id, row.number) for row in rows.execute(ours.order_by(case.id))]


# --- accounts that an organization opens --------------------------------------------------


def open_account(
    rows: Connection, organization_id: int, typed: Account, password: str, now: datetime
) -> int:
    """A sub-account (S0-36): its name is its user name, its password is to be changed at once."""
    made = {"created_on": now.replace(tzinfo=None), "changed_on": now.replace(tzinfo=None)}
    added = rows.execute(
        insert(person_).values(
            username=typed.username,
            first_name="",
            last_name=typed.username,
            mobile=typed.mobile,
            email=typed.email or None,
            active=True,
            login_count=0,
            fail_login_count=0,
            register_kind=OPENED_HERE,
            **made,
        )
    )
    (user_id,) = added.inserted_primary_key or (0,)
    passwords.set_password(rows, user_id, password, now, must_change=True)
    enter(rows, user_id, organization_id, now)
    audit.note_on(
        rows, "create", kind="ab_user", object_id=user_id, label=typed.username,
        after={"mobile": typed.mobile, "email": typed.email, "organization": organization_id},
    )  # fmt: skip
    return int(user_id)


def change_account(rows: Connection, user_id: int, mobile: str, email: str, now: datetime) -> None:
    """Another phone or address; the user name stays for good.

    Logins end and links sent before are void: they were those of whoever was reached there.
    """
    ours = person_.c.id == user_id
    before = rows.execute(select(person_.c.mobile, person_.c.email).where(ours)).one()._asdict()
    after = {"mobile": mobile, "email": email or None}
    rows.execute(update(person_).where(ours).values(after))
    if after != before:
        codes.void_tokens(rows, user_id)
        passwords.end_sessions(rows, user_id, now, "forced")
    _note(rows, "change", user_id, before, after)
    raise_version(rows)


def reset_password(rows: Connection, user_id: int, password: str, now: datetime) -> None:
    """A password by the main account, to be changed at the next login; all logins end."""
    passwords.set_password(rows, user_id, password, now, must_change=True)
    _note(rows, "password_reset", user_id)
    raise_version(rows)


def switch(rows: Connection, user_id: int, now: datetime, *, active: bool) -> None:
    """启用 or 停用; whoever is switched off is out at once."""
    rows.execute(update(person_).where(person_.c.id == user_id).values(active=active))
    if not active:
        passwords.end_sessions(rows, user_id, now, "off")
    _note(rows, "change", user_id, {"active": not active}, {"active": active})
    raise_version(rows)


def configure(rows: Connection, user_id: int, granted: Mapping[str, Iterable[str]]) -> None:
    """应用内权限配置: what is left to a sub-account of what its main account may."""
    ours = member_.c.user_id == user_id
    before = rows.scalar(select(member_.c.rights).where(ours))
    after = {menu: list(names) for menu, names in granted.items() if names}
    rows.execute(update(member_).where(ours).values(rights=after))
    _note(rows, "role_change", user_id, {"rights": before}, {"rights": after})
    raise_version(rows)


# --- coming, leading, leaving -------------------------------------------------------------


def enter(rows: Connection, user_id: int, organization_id: int, now: datetime) -> None:
    """Belong to an organization as a sub-account with all of its pages.

    :raises DomainError: when the person belongs to one already.
    """
    # Of two requests approved at once the second waits here and sees the first.
    rows.execute(select(person_.c.id).where(person_.c.id == user_id).with_for_update())
    if member(rows, user_id) is not None:
        raise DomainError(
            _l("The applicant belongs to an organization already."),
            _l("Refuse this request; a person acts for one organization at a time."),
        )
    refuse_consultant(rows, user_id)
    rows.execute(
        insert(member_).values(user_id=user_id, organization_id=organization_id, is_main=False)
    )
    _give_roles(rows, user_id, {SUB_ACCOUNT}, now)
    after = {"organization": organization_id, "role": SUB_ACCOUNT}
    _note(rows, "role_change", user_id, {}, after)
    raise_version(rows)


def lead(
    rows: Connection, organization_id: int, user_id: int, now: datetime, keep_token_hash: str = ""
) -> int | None:
    """Make a person the main account; the one before becomes a sub-account and is returned.

    Their logins end, but for the one in which the main account hands over itself.

    :raises DomainError: when the person belongs to another organization.
    """
    locked = select(organization_.c.id).where(organization_.c.id == organization_id)
    rows.execute(locked.with_for_update())
    roles = rights.roles_of_main(rows, organization_id)
    present, before = member(rows, user_id), main_account(rows, organization_id)
    if present is None:
        enter(rows, user_id, organization_id, now)
    elif present.organization_id != organization_id:
        raise DomainError(
            _l("The applicant belongs to another organization."),
            _l("Refuse this request; a person acts for one organization at a time."),
        )
    if before is not None and before.user_id == user_id:
        return None
    if before is not None:
        _place(rows, before.user_id, is_main=False)
        _give_roles(rows, before.user_id, {SUB_ACCOUNT}, now, keep_token_hash)
    _place(rows, user_id, is_main=True)
    _give_roles(rows, user_id, roles, now)
    raise_version(rows)
    return before.user_id if before else None


def leave(rows: Connection, who: Member, now: datetime) -> str:
    """A colleague leaves; says what became of his account.

    His own account goes on as an ordinary user's.  One that the organization had opened is
    removed, or switched off when anything happened under it; its number is free again.
    """
    keeps = who.register_kind != OPENED_HERE
    before = {"organization": who.organization_id, "role": SUB_ACCOUNT}
    _note(rows, "role_change", who.user_id, before, {"organization": None})
    if keeps:
        rows.execute(delete(member_).where(member_.c.user_id == who.user_id))
        _give_roles(rows, who.user_id, {ORDINARY}, now)
        raise_version(rows)
        return KEPT
    if not has_history(rows, who.user_id):
        for table in OF_THE_ACCOUNT:
            rows.execute(delete(table).where(table.c.user_id == who.user_id))
        rows.execute(delete(person_).where(person_.c.id == who.user_id))
        raise_version(rows)
        return REMOVED
    rows.execute(delete(member_).where(member_.c.user_id == who.user_id))
    off = {"active": False, "mobile": None}
    rows.execute(update(person_).where(person_.c.id == who.user_id).values(off))
    passwords.end_sessions(rows, who.user_id, now, "off")
    raise_version(rows)
    return SWITCHED_OFF


def raise_version(rows: Connection) -> None:
    """What anybody may do is read anew from the next request on."""
    rows.execute(update(access_).values(version=access_.c.version + 1))


def _place(rows: Connection, user_id: int, *, is_main: bool) -> None:
    ours = update(member_).where(member_.c.user_id == user_id)
    rows.execute(ours.values(is_main=is_main, rights=None))
    _note(rows, "role_change", user_id, {}, {"role": MAIN_ACCOUNT if is_main else SUB_ACCOUNT})


def _give_roles(
    rows: Connection, user_id: int, names: Iterable[str], now: datetime, keep_token_hash: str = ""
) -> None:
    """The roles of a member, in place of those that he had as one or as an ordinary user.

    His logins end: what he may do is another thing from now on.
    """
    names = set(names)
    instead = {ORDINARY, SUB_ACCOUNT, rights.ANY_ORGANIZATION, rights.INSTITUTION} - names
    gone = select(role_.c.id).where(role_.c.name.in_(instead))
    rows.execute(delete(held_).where(held_.c.user_id == user_id, held_.c.role_id.in_(gone)))
    there = select(held_.c.role_id).where(held_.c.user_id == user_id)
    new = select(role_.c.id).where(role_.c.name.in_(names), role_.c.id.not_in(there))
    for role_id in rows.scalars(new).all():
        rows.execute(insert(held_).values(user_id=user_id, role_id=role_id))
    passwords.end_sessions(rows, user_id, now, "roles", keep_token_hash)


def _note(
    rows: Connection,
    action: str,
    user_id: int,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    name = rows.scalar(select(person_.c.username).where(person_.c.id == user_id))
    facts = {"kind": "ab_user", "object_id": user_id, "label": name or ""}
    audit.note_on(rows, action, **facts, before=before or {}, after=after or {})
