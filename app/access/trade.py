"""Transactions and ratings: their two parties, the consultant who served, staff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from app import models
from app.access import Me, owned, visible, writable
from app.access.rules import EDITABLE, FILES, _children, _is_me, _reads_all, file_rules

DONE = ("approved", "void")


def filing_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """Its institution's; filed, also its buyer's; a consultant's while he serves there."""
    if _reads_all(me):
        return true()
    if me.is_any("member"):
        bought = and_(columns.buyer_id == me.organization_id, columns.state.in_(DONE))
        return or_(columns.organization_id == me.organization_id, bought)
    if me.is_any("consultant"):
        mine = or_(columns.consultant_id == me.consultant_id, _is_me(columns.applicant_id, me))
        return and_(columns.organization_id == me.serves_id, mine)
    return false()


def _filing_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Whoever filed it, never under review or after its end."""
    own = and_(_is_me(columns.applicant_id, me), columns.state.in_(EDITABLE))
    if me.is_any("member"):
        return and_(own, columns.organization_id == me.organization_id)
    if me.is_any("consultant"):
        return and_(own, columns.organization_id == me.serves_id)
    return false()


visible(models.Filing)(filing_seen)
writable(models.Filing)(_filing_written)
for _proof in (models.FilingContract, models.FilingInvoice):
    visible(_proof)(_children(models.Filing, filing_seen, "filing_id"))
    writable(_proof)(_children(models.Filing, _filing_written, "filing_id"))
    FILES.append((_proof, ("attachment_id",), models.Filing, "filing_id"))
owned(models.Filing, organization="organization_id", person="applicant_id")


def rating_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """One's own, and once both sides have spoken what the other said; a consultant: of himself.

    The portal reads ratings through :mod:`app.services.ratings`, which keeps anonymous ones so.
    """
    if _reads_all(me):
        return true()
    to_provider, to_buyer = (
        columns.direction == direction for direction in ("buyer_to_provider", "provider_to_buyer")
    )
    shown = columns.state == "shown"
    if me.is_any("member"):
        sells = columns.organization_id == me.organization_id
        buys = columns.buyer_id == me.organization_id
        return or_(
            and_(sells, or_(to_buyer, shown)),
            and_(buys, or_(to_provider, shown)),
        )
    if me.is_any("consultant"):
        return and_(columns.consultant_id == me.consultant_id, to_provider, shown)
    if me.is_any("ordinary"):
        return and_(_asked_for(me, columns), or_(to_provider, shown))
    return false()


def _asked_for(me: Me, columns: Any) -> ColumnElement[bool]:
    """What came of an ordinary user's own demand, while its buyer is no organization here."""
    filing, demand = (m.__table__.alias().c for m in (models.Filing, models.Demand))
    mine = select(demand.id).where(_is_me(demand.user_id, me), demand.enterprise_id.is_(None))
    filed = select(filing.id).where(filing.demand_id.in_(mine))
    return and_(columns.buyer_id.is_(None), columns.filing_id.in_(filed))


visible(models.Rating)(rating_seen)
visible(models.RatingScore)(_children(models.Rating, rating_seen, "rating_id"))
visible(models.RatingPicture)(_children(models.Rating, rating_seen, "rating_id"))
FILES.append((models.RatingPicture, ("attachment_id",), models.Rating, "rating_id"))


@visible(models.RatingTotal)
def _total_seen(_me: Me, _entity: Any) -> ColumnElement[bool]:
    """How something is rated on the whole is public."""
    return true()


def _files(me: Me, entity: Any) -> Iterator[ColumnElement[bool]]:
    """The proofs of transactions that are seen; pictures of ratings that anybody may read."""
    if me.is_any("member", "consultant"):
        filing = models.Filing.__table__.alias().c
        seen = select(filing.id).where(filing_seen(me, filing))
        for model in (models.FilingContract, models.FilingInvoice):
            proof = model.__table__.alias().c
            yield entity.id.in_(select(proof.attachment_id).where(proof.filing_id.in_(seen)))
    picture, rating = (m.__table__.alias().c for m in (models.RatingPicture, models.Rating))
    public = and_(rating.state == "shown", rating.direction == "buyer_to_provider")
    seen = select(rating.id).where(or_(public, rating_seen(me, rating)))
    yield entity.id.in_(select(picture.attachment_id).where(picture.rating_id.in_(seen)))


file_rules.append(_files)
