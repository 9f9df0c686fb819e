"""Membership of the enterprise service association (促进会): asked for, granted, ended (S4-2).

Entry to the platform and membership are two cases, each decided by itself.  What runs on ``rows``
runs without access rules: it follows a decision, or answers yes or no.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Table, or_, select, true, update

from app import audit
from app.access import elevated
from app.clock import local_day
from app.lifecycle import Lifecycle, Step
from app.models import Accreditation, AssociationApplication, FlowCase, Organization
from app.numbers import next_number
from app.services.institutions import years_later
from app.workflow import Desk

FLOW = "association"
NUMBERS = "HYH"
COPIED = (
    *("name", "member_kind", "representative_name", "representative_title"),
    *("representative_mobile", "join_reason", "contact_email", "accept_charter"),
    *("membership_form_id", "applicant_id", "organization_id"),
)
"""What a request that comes along with an accreditation takes from its form."""
UNDER_WAY = ("in_review", "returned")

MEMBERS = Lifecycle(
    Organization,
    {"end": Step(_l("End the membership"), ("member", "expired"), "none", needs_reason=True)},
    column="association_state",
)


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


asked_, organization_ = _table(AssociationApplication), _table(Organization)
case_ = _table(FlowCase)


def submit_along(desk: Desk, accreditation: Accreditation) -> str | None:
    """Open and submit the second case of an application that asks for membership; its number.

    Nothing happens when such a request is under way, or the organization is a member already.
    """
    a = accreditation
    rows = elevated(desk.session, "whether a request of theirs is under way")
    if not a.join_association or is_asked(rows, a.applicant_id, a.organization_id):
        return None
    if is_member(rows, a.organization_id):
        return None
    values = {name: getattr(a, name) for name in COPIED}
    request = AssociationApplication(accreditation_id=a.id, created_at=desk.now, **values)
    return desk.submit(desk.open(FLOW, request, a.organization_id).id).number


def is_asked(
    rows: Connection, applicant_id: int, organization_id: int | None, but: int | None = None
) -> bool:
    """Whether another request of the applicant or the organization is under way."""
    ours = asked_.c.applicant_id == applicant_id
    if organization_id is not None:
        ours = or_(ours, asked_.c.organization_id == organization_id)
    found = select(asked_.c.id).where(ours, asked_.c.state.in_(UNDER_WAY))
    if but is not None:
        found = found.where(asked_.c.id != but)
    return rows.execute(found.limit(1)).first() is not None


def is_member(rows: Connection, organization_id: int | None) -> bool:
    """Whether an organization is a member at present."""
    o = organization_.c
    member = select(o.id).where(o.id == organization_id, o.association_state == "member")
    return rows.execute(member).first() is not None


def mark_applying(rows: Connection, organization_id: int | None) -> None:
    """Show on the organization that it asks; who is a member stays one."""
    o = organization_.c
    here = (o.id == organization_id) & o.association_state.in_(("none", "expired"))
    if organization_id is not None:
        rows.execute(
            update(organization_)
            .where(here)
            .values(association_state="applying", version=o.version + 1)
        )


def unmark(rows: Connection, organization_id: int | None) -> None:
    """As if never asked: no member, or one whose years are over."""
    o = organization_.c
    here = update(organization_).where(o.id == organization_id, o.association_state == "applying")
    for state, condition in (("expired", o.member_no.is_not(None)), ("none", true())):
        rows.execute(here.where(condition).values(association_state=state, version=o.version + 1))


def admit(rows: Connection, request_id: int, now: datetime, years: int) -> None:
    """Write an approved request to its organization: a member from now on, with a number.

    Of one whose organization is still to be founded, :func:`adopt` does so later.
    """
    asked = rows.execute(select(asked_).where(asked_.c.id == request_id)).one()
    if asked.organization_id is None:
        return
    o = organization_.c
    own = o.id == asked.organization_id
    row = rows.execute(select(o.member_no, o.member_since, o.member_until).where(own)).one()
    before = audit.stored(rows, Organization, asked.organization_id)
    today = local_day(now)
    rows.execute(
        update(organization_)
        .where(own)
        .values(
            association_state="member",
            member_kind=asked.member_kind,
            member_no=row.member_no or next_number(rows, NUMBERS, now),
            member_since=row.member_since or today,
            member_until=years_later(max(today, row.member_until or today), years),
            version=o.version + 1,
        )
    )
    audit.note_difference(rows, Organization, asked.organization_id, before)


def adopt(
    rows: Connection, accreditation_id: int, organization_id: int, now: datetime, years: int
) -> None:
    """Give the request that came with an accreditation the organization that this one founded."""
    a = asked_.c
    orphan = (a.accreditation_id == accreditation_id) & a.organization_id.is_(None)
    found = rows.execute(select(a.id, a.state).where(orphan)).all()
    for request in found:
        own = update(asked_).where(a.id == request.id)
        rows.execute(own.values(organization_id=organization_id))
        ours = (case_.c.flow == FLOW) & (case_.c.subject_id == request.id)
        rows.execute(update(case_).where(ours).values(organization_id=organization_id))
        if request.state == "in_review":
            mark_applying(rows, organization_id)
        elif request.state == "approved":
            admit(rows, request.id, now, years)


def expire(rows: Connection, today: date) -> int:
    """End the memberships whose last day has come; how many."""
    o = organization_.c
    over = update(organization_).where(o.association_state == "member", o.member_until <= today)
    ended = rows.execute(over.values(association_state="expired", version=o.version + 1))
    return int(ended.rowcount)
