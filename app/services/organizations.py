"""Enterprise certification (企业认证) and changes of certified data (信息变更): their effects.

Everything here runs on a connection without access rules: what is asked is answered by yes or
no, what is written follows a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Connection, Table, exists, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app import audit, search
from app.choices import AUTHORITIES, CERTIFIED
from app.clock import local_day
from app.columns import bare
from app.errors import DomainError
from app.flow import Seat
from app.models import (
    AccessVersion,
    Certification,
    Membership,
    Organization,
    OrganizationChange,
    OrgRole,
    Qualification,
)
from app.services.formal import has_no_site
from app.services.institutions import Claim, certify, is_taken
from app.todos import holders

BUREAU = "bureau"
CHANGED = (
    *("name", "credit_code", "region_id", "address", "industry", "legal_person", "founded_on"),
    *("registered_capital", "licence_file_id"),
)
"""The certified columns: what a change may propose."""
PROVED = frozenset({"name", "credit_code", "legal_person"})
"""Whose change needs a document."""
CERTIFIED_DATA = (
    *CHANGED,
    *("staff_count", "website", "intro", "contact_name", "contact_phone", "contact_email"),
)
"""What an approved certification writes to the organization."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


organization_, role_, member_ = _table(Organization), _table(OrgRole), _table(Membership)
certification_, change_ = _table(Certification), _table(OrganizationChange)
qualification_, access_ = _table(Qualification), _table(AccessVersion)


# --- who decides --------------------------------------------------------------------------


def covers(authority: int, region: int) -> bool:
    """Whether a region's code lies in the subtree of an authority's region: 990100, 990101."""
    digits = str(authority)
    while digits.endswith("00"):
        digits = digits[:-2]
    return str(region).startswith(digits)


def bureau_of(rows: Connection, region_id: int) -> int | None:
    """The authority (市工信局) with the smallest region around this one that has somebody."""
    found = rows.execute(
        select(organization_.c.id, organization_.c.region_id)
        .join(role_, role_.c.organization_id == organization_.c.id)
        .where(role_.c.role == BUREAU)
    ).all()
    around = [row for row in found if covers(row.region_id, region_id)]
    nearest = sorted(around, key=lambda row: len(str(row.region_id).rstrip("0")), reverse=True)
    staffed = (row.id for row in nearest if holders(rows, Seat(None, BUREAU, row.id)))
    return next(staffed, None)


def seats(subject: Certification | OrganizationChange) -> list[Seat]:
    """The bureau that covers the region; the operator where there is none."""
    if subject.reviewer_id is None:
        return [Seat(role="operator")]
    return [Seat(role=BUREAU, organization_id=subject.reviewer_id)]


def assign(rows: Connection, subject: Certification | OrganizationChange, region_id: int) -> None:
    """Write down, before the first stage is entered, who decides on ``subject``."""
    table, bureau = _table(type(subject)), bureau_of(rows, region_id)
    rows.execute(update(table).where(table.c.id == subject.id).values(reviewer_id=bureau))
    set_committed_value(subject, "reviewer_id", bureau)


def people_of(rows: Connection, organization_id: int, *others: int) -> list[int]:
    """Who is told of an organization's result: its main account, and whoever filed it."""
    main = select(member_.c.user_id).where(
        member_.c.organization_id == organization_id, member_.c.is_main
    )
    return sorted({*rows.scalars(main), *others})


# --- what is taken ------------------------------------------------------------------------


def is_authority(rows: Connection, organization_id: int) -> bool:
    """Whether an organization is one of those that staff belong to."""
    ours = select(role_.c.id).where(role_.c.organization_id == organization_id)
    return bool(rows.scalar(select(exists(ours.where(role_.c.role.in_(AUTHORITIES))))))


def is_ours_taken(rows: Connection, column: str, value: str, organization_id: int) -> bool:
    """Whether a code or name, however the name is spelt, is another organization's."""
    claim = Claim(None, organization_id, None)
    if column == "name":
        return is_taken(rows, "name_key", bare(value), claim)
    return is_taken(rows, column, value, claim)


def is_shared(rows: Connection, column: str, value: str | None, organization_id: int) -> bool:
    """Whether another organization shows the same phone or legal representative."""
    if not value:
        return False
    same: ColumnElement[bool] = organization_.c[column] == value
    others = select(organization_.c.id).where(same, organization_.c.id != organization_id)
    return bool(rows.scalar(select(exists(others))))


def is_under_way(
    rows: Connection, model: type[Any], organization_id: int | None, but: int | None
) -> bool:
    """Whether another request of this kind waits for a decision or for its correction."""
    table = _table(model)
    open_ = select(table.c.id).where(
        table.c.organization_id == organization_id, table.c.state.in_(("in_review", "returned"))
    )
    if but is not None:
        open_ = open_.where(table.c.id != but)
    return bool(rows.scalar(select(exists(open_))))


# --- the certification on the organization ------------------------------------------------


def mark(rows: Connection, organization_id: int, state: str) -> None:
    """Show on the organization how its request stands; a renewal takes nothing away."""
    o = organization_.c
    kept = (*CERTIFIED, "expired")
    rows.execute(
        update(organization_)
        .where(o.id == organization_id, o.certification.not_in(kept))
        .values(certification=state, version=o.version + 1)
    )


def certify_with(rows: Connection, certification_id: int, now: datetime, years: int) -> None:
    """Write the snapshot to the organization, which is certified from now on.

    :raises DomainError: when the credit code belongs to another by now.
    """
    c = certification_.c
    row = rows.execute(select(certification_).where(c.id == certification_id)).one()
    _refuse_taken(rows, row)
    values = {name: getattr(row, name) for name in CERTIFIED_DATA}
    values["website"] = None if has_no_site(row.website) else row.website
    before = audit.stored(rows, Organization, row.organization_id)
    _write(rows, row.organization_id, values)
    certify(rows, row.organization_id, now, years)
    _give_enterprise_role(rows, row.organization_id, local_day(now))
    audit.note_difference(rows, Organization, row.organization_id, before)
    _raise_access(rows)


def _refuse_taken(rows: Connection, row: Any) -> None:
    if is_ours_taken(rows, "credit_code", row.credit_code, row.organization_id):
        raise DomainError(
            _l("This credit code belongs to another organization by now."),
            _l("Return the application to the applicant."),
        )


def _write(rows: Connection, organization_id: int, values: dict[str, Any]) -> None:
    """Change the organization's row as the session would: its search text and version too."""
    own = organization_.c.id == organization_id
    known = dict(rows.execute(select(organization_).where(own)).mappings().one()) | values
    derived = {
        "name_key": bare(known["name"]),
        "search_text": search.text_of(Organization, known),
        "version": organization_.c.version + 1,
    }
    rows.execute(update(organization_).where(own).values(**values, **derived))


def _raise_access(rows: Connection) -> None:
    rows.execute(update(access_).values(version=access_.c.version + 1))


# --- changes ------------------------------------------------------------------------------


def stored(rows: Connection, organization_id: int) -> dict[str, Any]:
    """The certified columns as they stand, in a form that JSON holds."""
    columns = [organization_.c[name] for name in CHANGED]
    row = rows.execute(select(*columns).where(organization_.c.id == organization_id)).one()
    return {name: _plain(getattr(row, name)) for name in CHANGED}


def proposed(change: OrganizationChange) -> dict[str, Any]:
    """The certified columns as a change has them; of an unsaved one the relations count."""
    values = {name: getattr(change, name) for name in CHANGED}
    for name in ("region", "licence_file"):
        related = getattr(change, name)
        values[f"{name}_id"] = related.id if related is not None else values[f"{name}_id"]
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value or None


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The columns that differ."""
    return [name for name in CHANGED if before.get(name) != after.get(name)]


def begin_change(rows: Connection, change: OrganizationChange) -> None:
    """Keep what holds now beside the proposal; the organization shows that one is under way."""
    before = stored(rows, change.organization_id)
    own = change_.c.id == change.id
    rows.execute(update(change_).where(own).values(before=before))
    o = organization_.c
    rows.execute(
        update(organization_)
        .where(o.id == change.organization_id, o.certification == "certified")
        .values(certification="changing", version=o.version + 1)
    )


def end_change(rows: Connection, organization_id: int, now: datetime) -> None:
    """Certified as before the change, unless that has run out meanwhile."""
    o = organization_.c
    here = update(organization_).where(o.id == organization_id, o.certification == "changing")
    over = o.certified_until <= local_day(now)
    rows.execute(here.where(over).values(certification="expired", version=o.version + 1))
    rows.execute(here.values(certification="certified", version=o.version + 1))


def apply_change(rows: Connection, change_id: int, now: datetime) -> None:
    """Write what differs from what held at the submission; the rest may have moved on since.

    :raises DomainError: when the credit code belongs to another by now.
    """
    row = rows.execute(select(change_).where(change_.c.id == change_id)).one()
    _refuse_taken(rows, row)
    after = {name: _plain(getattr(row, name)) for name in CHANGED}
    changed = difference(row.before, after)
    before = audit.stored(rows, Organization, row.organization_id)
    _write(rows, row.organization_id, {name: getattr(row, name) for name in changed})
    end_change(rows, row.organization_id, now)
    audit.note_difference(rows, Organization, row.organization_id, before)
    _raise_access(rows)


# --- expiry -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expiring:
    """Something that ends: whose, what, when, and the key of the reminder that is due."""

    organization_id: int
    organization: str
    title: Any
    until: date
    key: str


def expiring(rows: Connection, today: date, steps: Sequence[int]) -> Iterator[Expiring]:
    """Certificates and certifications that end within the longest step, or ended that recently.

    Of several steps missed only the latest counts: the smallest that is not below the days left.
    """
    span = timedelta(days=max(steps))
    o, q = organization_.c, qualification_.c
    papers = (
        select(o.id, o.name, q.name.label("title"), q.valid_until, q.id.label("paper"))
        .join(organization_, o.id == q.organization_id)
        .where(q.valid_until.between(today - span, today + span))
        .order_by(q.id)
    )
    for row in rows.execute(papers).all():
        key = _key(f"q{row.paper}", row.valid_until, today, steps)
        yield Expiring(row.id, row.name, row.title, row.valid_until, key)
    certifications = (
        select(o.id, o.name, o.certified_until)
        .where(o.certified_until.between(today - span, today + span))
        .order_by(o.id)
    )
    for firm in rows.execute(certifications).all():
        key = _key(f"o{firm.id}", firm.certified_until, today, steps)
        title = _l("Enterprise certification")
        yield Expiring(firm.id, firm.name, title, firm.certified_until, key)


def _key(what: str, until: date, today: date, steps: Sequence[int]) -> str:
    left = (until - today).days
    step = min((step for step in steps if step >= left), default=max(steps))
    return f"lic:{what}:{until:%Y%m%d}:{step}"


def expire(rows: Connection, today: date) -> int:
    """End the certifications whose last day has come; a change under way ends it by itself."""
    o = organization_.c
    over = update(organization_).where(o.certification == "certified", o.certified_until <= today)
    ended = rows.execute(over.values(certification="expired", version=o.version + 1)).rowcount
    if ended:
        _raise_access(rows)
    return int(ended)


def may_renew(until: date | None, today: date, days: int) -> bool:
    """Whether what ends on ``until`` may be applied for again."""
    return until is not None and (until - today).days <= days


# --- firms without an account (代录) --------------------------------------------------------


def organization_for(session: Session, row: Certification) -> int:
    """The organization with the credit code of a filed request; a new one if there is none."""
    known = session.scalar(
        select(Organization.id).where(Organization.credit_code == row.credit_code)
    )
    if known is not None:
        return int(known)
    values = {name: getattr(row, name) for name in ("name", "credit_code", "address", "industry")}
    contact = {n: getattr(row, n) for n in ("contact_name", "contact_phone", "contact_email")}
    made = Organization(
        **values, **contact, region_id=row.region.id, legal_person=row.legal_person,
        created_at=row.created_at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def _give_enterprise_role(rows: Connection, organization_id: int, today: date) -> None:
    """An organization that was entered by staff is an enterprise, like one that registered."""
    of_us = role_.c.organization_id == organization_id
    if rows.scalar(select(role_.c.id).where(of_us, role_.c.role == "enterprise")) is None:
        values = {"role": "enterprise", "valid_from": today}
        rows.execute(insert(role_).values(organization_id=organization_id, **values))
