"""Institutions (服务机构): whose name and credit code are taken, and how one is admitted.

Everything here runs on a connection without access rules: what is asked is answered by yes or
no, what is written follows an approval.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Table, delete, exists, insert, or_, select, update

from app import audit, search
from app.choices import CERTIFIED, SERVING
from app.clock import local_day
from app.columns import bare
from app.errors import DomainError
from app.models import (
    AccessVersion,
    Accreditation,
    AccreditationQualification,
    Certification,
    Consultant,
    Membership,
    Organization,
    OrganizationChange,
    OrgRole,
    Qualification,
)
from app.services import passwords

MAIN_ROLES = ("enterprise_main", "ordinary")
"""The roles of an account (角色) that ``institution_main`` takes the place of."""
INSTITUTION = "institution"
CERTIFICATION = ("certification", "certified_at", "certified_until")
SAME = (
    *("name", "name_key", "credit_code", "region_id", "address", "industry", "legal_person"),
    *("founded_on", "registered_capital", "staff_count", "website", "short_name"),
    *("institution_kind", "service_categories", "service_area", "intro", "advantages"),
    *("contact_name", "contact_email", "service_tel", "logo_id", "licence_file_id"),
)
"""What an application and an organization both hold, under the same name."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


organization_, accreditation_ = _table(Organization), _table(Accreditation)
certificate_, proposed_ = _table(Qualification), _table(AccreditationQualification)
member_, org_role_, access_ = _table(Membership), _table(OrgRole), _table(AccessVersion)
certification_, change_ = _table(Certification), _table(OrganizationChange)
consultant_ = _table(Consultant)
role_, held_ = (organization_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


def normal_code(text: str) -> str:
    """A credit code as it is stored: full width folded, upper case, no blanks."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


@dataclass(frozen=True)
class Claim:
    """Who asks whether something is taken: own rows do not count."""

    accreditation_id: int | None
    organization_id: int | None
    applicant_id: int | None


def is_taken(rows: Connection, column: str, value: str, claim: Claim) -> bool:
    """Whether another organization has it, or another application under review asks for it."""
    others = select(organization_.c.id).where(organization_.c[column] == value)
    if claim.organization_id is not None:
        others = others.where(organization_.c.id != claim.organization_id)
    asked = select(accreditation_.c.id).where(
        accreditation_.c[column] == value, accreditation_.c.state == "in_review"
    )
    if claim.accreditation_id is not None:
        asked = asked.where(accreditation_.c.id != claim.accreditation_id)
    if claim.organization_id is not None:  # one's own, for another purpose
        own = accreditation_.c.organization_id == claim.organization_id
        asked = asked.where(or_(accreditation_.c.organization_id.is_(None), ~own))
    elsewhere = (
        select(table.c.id).where(
            table.c[column] == value,
            table.c.state == "in_review",
            table.c.organization_id != (claim.organization_id or 0),
        )
        for table in (certification_, change_)
    )
    found = (exists(query) for query in (others, asked, *elsewhere))
    return bool(rows.scalar(select(or_(*found))))


def is_name_taken(rows: Connection, name: str, claim: Claim) -> bool:
    """The same, however the name is spelt: width, case, blanks and punctuation do not count."""
    return is_taken(rows, "name_key", bare(name), claim)


def has_running_application(rows: Connection, claim: Claim) -> bool:
    """Whether the applicant or the organization has another application under way."""
    a = accreditation_.c
    of_us = [
        column == key
        for column, key in (
            (a.applicant_id, claim.applicant_id),
            (a.organization_id, claim.organization_id),
        )
        if key is not None
    ]
    if not of_us:
        return False
    running = select(a.id).where(or_(*of_us), a.state.in_(("in_review", "returned")))
    if claim.accreditation_id is not None:
        running = running.where(a.id != claim.accreditation_id)
    return rows.execute(running.limit(1)).first() is not None


def mark_institution(rows: Connection, organization_id: int | None, state: str) -> None:
    """Show on the organization how its application stands.

    One that is in the pool stays so while it applies again: a renewal takes nothing away.
    """
    o = organization_.c
    here = (o.id == organization_id) & (o.institution_state != "in_pool")
    if organization_id is not None:
        rows.execute(
            update(organization_).where(here).values(institution_state=state, version=o.version + 1)
        )


def admit(
    rows: Connection, accreditation_id: int, now: datetime, years: int, certified_years: int
) -> int:
    """Make the applicant of an approved application an institution; returns its id (S4-2).

    The snapshot is written to the organization, which is made when the applicant had none; it
    becomes an institution for ``years`` years, on top of what it still has, and is certified
    with it; its main account gets the institution's pages.

    :raises DomainError: when the credit code, or the applicant, belongs to another by now.
    """
    a = rows.execute(select(accreditation_).where(accreditation_.c.id == accreditation_id)).one()
    if is_taken(rows, "credit_code", a.credit_code, Claim(a.id, a.organization_id, a.applicant_id)):
        raise DomainError(
            _l("This credit code belongs to another organization by now."),
            _l("Return the application to the applicant."),
        )
    values = {name: getattr(a, name) for name in SAME}
    values["contact_phone"] = a.contact_mobile
    values["search_text"] = search.text_of(Organization, values)
    before = audit.stored(rows, Organization, a.organization_id)
    if a.organization_id is None:
        organization_id = _found(rows, a.applicant_id, values, now)
        own = accreditation_.c.id == a.id
        rows.execute(update(accreditation_).where(own).values(organization_id=organization_id))
    else:
        organization_id = a.organization_id
        own = organization_.c.id == organization_id
        raised = {"version": organization_.c.version + 1}
        rows.execute(update(organization_).where(own).values(**values, **raised))
    own = organization_.c.id == organization_id
    rows.execute(update(organization_).where(own).values(institution_state="in_pool"))
    certify(rows, organization_id, now, certified_years)
    audit.note_difference(rows, Organization, organization_id, before)
    _take_over_certificates(rows, a.id, organization_id)
    _grant(rows, organization_id, local_day(now), years)
    main = select(member_.c.user_id).where(
        member_.c.organization_id == organization_id, member_.c.is_main
    )
    _change_role(rows, rows.scalars(main).all(), now)
    rows.execute(update(access_).values(version=access_.c.version + 1))
    return organization_id


def _found(rows: Connection, user_id: int, values: dict[str, Any], now: datetime) -> int:
    """A new organization with the applicant as its main account (主账号)."""
    if rows.scalar(select(member_.c.id).where(member_.c.user_id == user_id)):
        raise DomainError(
            _l("The applicant has joined an organization in the meantime."),
            _l("Return the application to the applicant."),
        )
    refuse_consultant(rows, user_id)
    fresh = {"certification": "none", "created_at": now, "version": 1}
    added = rows.execute(insert(organization_).values(**values, **fresh))
    (organization_id,) = added.inserted_primary_key or (0,)
    membership = {"user_id": user_id, "organization_id": organization_id, "is_main": True}
    rows.execute(insert(member_).values(membership))
    role = {"role": "enterprise", "valid_from": local_day(now)}
    rows.execute(insert(org_role_).values(organization_id=organization_id, **role))
    return int(organization_id)


def refuse_consultant(rows: Connection, user_id: int) -> None:
    """Who serves an institution, or is about to, belongs to no organization beside it.

    :raises DomainError: for a consultant.
    """
    c = consultant_.c
    if rows.scalar(select(c.id).where(c.user_id == user_id, c.state.in_(SERVING))) is not None:
        raise DomainError(
            _l("The applicant serves an institution as its consultant."),
            _l("The institution ends that link first; a person acts for one at a time."),
        )


def certify(rows: Connection, organization_id: int, now: datetime, years: int) -> None:
    """Certified for ``years`` years from now, on top of what is left; a change stays under way."""
    own = organization_.c.id == organization_id
    row = rows.execute(select(*(organization_.c[name] for name in CERTIFICATION)).where(own)).one()
    holds = row.certification in CERTIFIED
    start = max(local_day(now), row.certified_until or date.min) if holds else local_day(now)
    rows.execute(
        update(organization_)
        .where(own)
        .values(
            certification=row.certification if holds else "certified",
            certified_at=row.certified_at if holds else now,
            certified_until=years_later(start, years),
        )
    )


def _take_over_certificates(rows: Connection, accreditation_id: int, organization_id: int) -> None:
    ours = certificate_.c.organization_id == organization_id
    rows.execute(delete(certificate_).where(ours))
    names = ("name", "number", "valid_until", "proof_id")
    proposed = select(*(proposed_.c[name] for name in names)).where(
        proposed_.c.accreditation_id == accreditation_id
    )
    new = [dict(row) for row in rows.execute(proposed.order_by(proposed_.c.id)).mappings()]
    if new:
        rows.execute(insert(certificate_), [{"organization_id": organization_id} | r for r in new])


def _grant(rows: Connection, organization_id: int, today: date, years: int) -> None:
    """The role of an institution; what is left of it is added to, an earlier end is not."""
    r = org_role_.c
    ours = (r.organization_id == organization_id) & (r.role == INSTITUTION)
    row = rows.execute(select(r.id, r.valid_until).where(ours)).one_or_none()
    if row is None:
        until = {"valid_from": today, "valid_until": years_later(today, years)}
        of_us = {"organization_id": organization_id, "role": INSTITUTION}
        rows.execute(insert(org_role_).values(of_us | until))
    elif row.valid_until is not None:
        until = {"valid_until": years_later(max(today, row.valid_until), years)}
        rows.execute(update(org_role_).where(r.id == row.id).values(until))


def years_later(day: date, years: int) -> date:
    """The same day some years on; from 29 February, the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _change_role(rows: Connection, user_ids: Iterable[int], now: datetime) -> None:
    """The pages of an institution open with the next login (S4-4)."""
    named = select(role_.c.id).where(role_.c.name == "institution_main")
    new = rows.scalars(named).one()
    old = select(role_.c.id).where(role_.c.name.in_(MAIN_ROLES))
    for user_id in user_ids:
        ours = held_.c.user_id == user_id
        rows.execute(delete(held_).where(ours, held_.c.role_id.in_(old)))
        if not rows.scalar(select(held_.c.id).where(ours, held_.c.role_id == new)):
            rows.execute(insert(held_).values(user_id=user_id, role_id=new))
            passwords.end_sessions(rows, user_id, now, "roles")
