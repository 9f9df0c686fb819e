"""Service consultants: seen by their institution, by themselves, and once linked by everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true

from app import models
from app.access import Actor, Me, frozen, owned, visible, writable
from app.access.rules import EDITABLE, _children, _is_me, _reads_all, file_rules
from app.choices import SERVING

BEFORE = ("none", "invited", "expired")
"""The states in which the institution still writes what is known of the person."""
CONSULTANT_DATA = frozenset({"name", "mobile", "email", "specialities"})


def _of_pool(organization_id: Any) -> ColumnElement[bool]:
    """Whether an institution is in the pool, and so on the portal."""
    organization = models.Organization.__table__.alias().c
    return exists().where(
        organization.id == organization_id, organization.institution_state == "in_pool"
    )


def _public(columns: Any) -> ColumnElement[bool]:
    return and_(columns.state == "linked", _of_pool(columns.organization_id))


def consultant_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """Linked ones are public; an institution sees all of its own, a person his engagements."""
    if _reads_all(me):
        return true()
    rules = [_public(columns)]
    if me.is_any("member"):
        rules.append(columns.organization_id == me.organization_id)
    elif me.is_any("ordinary", "bystander", "consultant"):
        rules.append(_is_me(columns.user_id, me))
    return or_(*rules)


def consultant_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """The institution keeps its list; what a person says of himself goes through a review."""
    if not me.is_any("member"):
        return false()
    mine: ColumnElement[bool] = columns.organization_id == me.organization_id
    return and_(mine, _of_pool(columns.organization_id))


def _of_house(me: Me, columns: Any) -> ColumnElement[bool]:
    """What is between an institution and its people: its members, staff, the person."""
    if _reads_all(me):
        return true()
    if me.is_any("member"):
        found: ColumnElement[bool] = columns.organization_id == me.organization_id
        return found
    return false()


def _link_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    if me.is_any("ordinary", "bystander", "consultant"):
        return _is_me(columns.user_id, me)
    return _of_house(me, columns)


def review_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """A review is its applicant's and the institution's; staff decide it."""
    if me.is_any("ordinary", "bystander", "consultant"):
        return _is_me(columns.applicant_id, me)
    return _of_house(me, columns)


def _review_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Only the person himself, for the engagement that he has, never under review."""
    if not me.is_any("ordinary", "consultant"):
        return false()
    consultant = models.Consultant.__table__.alias().c
    engaged = exists().where(
        consultant.id == columns.consultant_id,
        consultant.organization_id == columns.organization_id,
        consultant.user_id == me.user_id,
        consultant.state.in_(SERVING),
    )
    return and_(_is_me(columns.applicant_id, me), columns.state.in_(EDITABLE), engaged)


visible(models.Consultant)(consultant_seen)
writable(models.Consultant)(consultant_written)
visible(models.ConsultantCertificate)(
    _children(models.Consultant, consultant_seen, "consultant_id")
)
visible(models.ConsultantLink)(_link_seen)
visible(models.Invitation)(_of_house)
visible(models.ConsultantReview)(review_seen)
writable(models.ConsultantReview)(_review_written)
visible(models.ReviewedCertificate)(_children(models.ConsultantReview, review_seen, "review_id"))
writable(models.ReviewedCertificate)(
    _children(models.ConsultantReview, _review_written, "review_id")
)


@frozen(models.Consultant)
def _own_data(_who: Actor, row: Any) -> frozenset[str]:
    """Once somebody has accepted, what was reviewed is changed by himself alone.

    Whoever has served may be invited anew, to another address, but his line stays his.
    """
    if row.state not in (*BEFORE, "unlinked"):
        return CONSULTANT_DATA
    is_his = row.state == "unlinked" or row.linked_at is not None
    return CONSULTANT_DATA - {"email"} if is_his else frozenset()


def _files(me: Me, entity: Any) -> Iterable[ColumnElement[bool]]:
    """Photos of those that are seen; scans of certificates for the institution and staff."""
    consultant = models.Consultant.__table__.alias().c
    yield entity.id.in_(select(consultant.photo_id).where(consultant_seen(me, consultant)))
    review = models.ConsultantReview.__table__.alias().c
    if me.is_any("member", "ordinary", "consultant"):
        yield entity.id.in_(select(review.photo_id).where(review_seen(me, review)))
    if me.is_any("member"):
        for child, parent, key in (
            (models.ConsultantCertificate, models.Consultant, "consultant_id"),
            (models.ReviewedCertificate, models.ConsultantReview, "review_id"),
        ):
            scan, holder = child.__table__.alias().c, parent.__table__.alias().c
            ours = select(holder.id).where(holder.organization_id == me.organization_id)
            yield entity.id.in_(select(scan.proof_id).where(scan[key].in_(ours)))


file_rules.append(_files)

owned(models.Consultant, organization="organization_id", person="user_id")
owned(models.Invitation, organization="organization_id")
owned(models.ConsultantReview, person="applicant_id")
