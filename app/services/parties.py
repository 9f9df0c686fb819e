"""People and organizations: registration.

Everything here runs in a session of the system: nobody is signed in yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app import clock, messages
from app.choices import AUTHORITIES
from app.errors import Incomplete, Phrase, Problem
from app.models import Consent, Membership, Organization, OrgRole, Person
from app.search import search
from app.services import passwords
from app.services.institutions import normal_code

SUGGESTIONS = 10
USERNAME = re.compile(r"[A-Za-z0-9_]{6,30}")


@dataclass(frozen=True)
class Registration:
    """What a person typed on ``/register/``; ``organization`` is empty for an ordinary user."""

    mobile: str
    password: str
    username: str
    real_name: str
    email: str
    organization: Mapping[str, Any]


def registration_problems(session: Session, asked: Registration, hotline: str) -> list[Problem]:
    """What is taken already: names, numbers, and the credit code of a registered company."""
    problems = []
    if asked.username and not USERNAME.fullmatch(asked.username):
        problems.append(
            Problem("username", _l("6 to 30 letters, digits or underscores; or leave it empty."))
        )
    taken = select(Person.id).where(
        (Person.username == asked.username) | (Person.mobile == asked.username)
    )
    if asked.username and session.scalar(taken):
        problems.append(Problem("username", _l("This user name is taken. Choose another one.")))
    bound = select(Person.id).where(
        (Person.mobile == asked.mobile) | (Person.username == asked.mobile)
    )
    if asked.mobile and session.scalar(bound):
        problems.append(
            Problem("mobile", _l("This mobile number has an account already. Log in with it."))
        )
    known = _known(session, asked)
    if known is not None and not _is_free(session, known):
        problems.append(Problem("credit_code", _taken(session, known, hotline)))
    return problems


def _known(session: Session, asked: Registration) -> Organization | None:
    code = normal_code(asked.organization.get("credit_code") or "")
    return session.scalar(select(Organization).where(Organization.credit_code == code))


def _is_free(session: Session, organization: Organization) -> bool:
    """Whether a company that staff entered waits for its account: no member, nothing certified.

    An authority never does: its accounts are opened by the security administrator.
    """
    if organization.certification != "none" or organization.is_authority:
        return False
    members = select(Membership.id).where(Membership.organization_id == organization.id)
    return session.scalar(members.limit(1)) is None


def free_organizations(session: Session, phrase: str) -> list[Organization]:
    """Companies in our own table that somebody may register for, by part of their name (S1-4)."""
    has_member = select(Membership.id).where(Membership.organization_id == Organization.id).exists()
    is_authority = Organization.roles.any(OrgRole.role.in_(AUTHORITIES))
    found = (
        select(Organization)
        .where(Organization.certification == "none", ~has_member, ~is_authority)
        .where(search(Organization.search_text, phrase))
        .options(joinedload(Organization.region))
        .order_by(Organization.id)
        .limit(SUGGESTIONS)
    )
    return list(session.scalars(found))


def registered_by(session: Session, code: str) -> str | None:
    """The masked phone of a registered company's main account, empty without one (F02).

    None for a code that may be registered, and for that of an authority: nobody asks to join it.
    """
    known = session.scalar(select(Organization).where(Organization.credit_code == code))
    if known is None or known.is_authority or _is_free(session, known):
        return None
    main = _main_mobile(session, known)
    return masked(main) if main else ""


def _main_mobile(session: Session, organization: Organization) -> str | None:
    return session.scalar(
        select(Person.mobile)
        .join(Membership, Membership.user_id == Person.id)
        .where(Membership.organization_id == organization.id, Membership.is_main)
    )


def _taken(session: Session, organization: Organization, hotline: str) -> Phrase:
    """Who holds the account of a registered company, and whom to call (S1-4)."""
    if organization.is_authority:
        return _l(
            "This is the code of an authority, whose accounts are opened by the platform. "
            "Call %(hotline)s to get one.",
            hotline=hotline,
        )
    main = _main_mobile(session, organization)
    if main:
        return _l(
            "This company is registered already; its main account is %(mobile)s. "
            "Ask that colleague, or call %(hotline)s.",
            mobile=masked(main),
            hotline=hotline,
        )
    return _l(
        "This company is registered already. Call %(hotline)s to get its account.",
        hotline=hotline,
    )


def masked(mobile: str) -> str:
    """138****1234."""
    return f"{mobile[:3]}****{mobile[-4:]}"


def register(
    session: Session, asked: Registration, versions: Mapping[str, str], now: datetime
) -> Person:
    """Create the account, and for an enterprise its organization with this main account.

    A company that staff had entered without an account gets its account here.

    ``versions`` are the agreements that were accepted, document -> version.

    :raises Incomplete: when the company has an account by now.
    """
    known = _known(session, asked)
    if known is not None and not _is_free(session, known):
        text = _l("This company is registered already. Ask to join it instead.")
        raise Incomplete([Problem("credit_code", text)])
    person = _account(session, asked, now)
    for document, version in versions.items():
        session.add(Consent(user_id=person.id, document=document, version=version, accepted_at=now))
    if asked.organization:
        organization = _company(session, asked, known or Organization(created_at=now), now)
        session.add(Membership(user_id=person.id, organization_id=organization.id, is_main=True))
    session.flush()
    words = {"title": person.username, "enterprise": bool(asked.organization)}
    key = f"account.registered:{person.id}"
    messages.notify(session, "account.registered", [person.id], words, key, now)
    return person


def _account(session: Session, asked: Registration, now: datetime) -> Person:
    kind, role = "ordinary", "ordinary"
    if asked.organization:
        kind, role = "enterprise", "enterprise_main"
    person = Person(
        username=asked.username or asked.mobile,
        mobile=asked.mobile,
        first_name="",
        last_name=asked.real_name,
        email=asked.email or None,
        password=passwords.hashed(asked.password),
        password_set_at=now,
        active=True,
        register_kind=kind,
        roles=[session.scalars(select(Role).where(Role.name == role)).one()],
    )
    session.add(person)
    session.flush()
    return person


def _company(
    session: Session, asked: Registration, organization: Organization, now: datetime
) -> Organization:
    values = dict(asked.organization)
    values["credit_code"] = normal_code(values["credit_code"])
    values |= {"contact_phone": asked.mobile, "contact_email": asked.email or None}
    for name, value in values.items():
        setattr(organization, name, value)
    if not any(role.role == "enterprise" for role in organization.roles):
        today = clock.local_day(now)
        organization.roles.append(OrgRole(role="enterprise", valid_from=today))
    session.add(organization)
    session.flush()
    return organization
