"""Who sees and who writes the catalogue: what is on sale is everybody's, the rest its house's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true

from app import models
from app.access import Actor, Me, frozen, visible, writable
from app.access.rules import (
    FILES,
    _announcement_seen,
    _application_seen,
    _application_written,
    _children,
    _of_staff,
    _reads_all,
    file_rules,
)


def _standard_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """What is switched off is known to staff, and to institutions, whose listings name it."""
    if _reads_all(me) or me.is_any("member", "consultant"):
        return true()
    active: ColumnElement[bool] = columns.state == "active"
    return active


def _standard_written(me: Me, _columns: Any) -> ColumnElement[bool]:
    return true() if _of_staff(me) else false()


visible(models.StandardProduct)(_standard_seen)
writable(models.StandardProduct)(_standard_written)
visible(models.StandardStep)(_children(models.StandardProduct, _standard_seen, "standard_id"))
writable(models.StandardStep)(_children(models.StandardProduct, _standard_written, "standard_id"))


@writable(models.DictItem)
def _category_written(me: Me, entity: Any) -> ColumnElement[bool]:
    """Of the dictionaries staff keep the tree that products stand in."""
    ours: ColumnElement[bool] = entity.dictionary == "service_category"
    return ours if _of_staff(me) else false()


def _product_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """What is on sale; of its own products an institution sees all, as do those who serve it."""
    if _reads_all(me):
        return true()
    on_sale: ColumnElement[bool] = columns.state == "listed"
    if me.is_any("member"):
        return or_(on_sale, columns.organization_id == me.organization_id)
    if me.is_any("consultant"):
        return or_(on_sale, columns.organization_id == me.serves_id)
    return on_sale


def _listing_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Listings of standard products need no review (S4-9); special ones move by their review."""
    if not me.is_any("member"):
        return false()
    return and_(columns.kind == "standard", columns.organization_id == me.organization_id)


visible(models.Product)(_product_seen)
writable(models.Product)(_listing_written)
visible(models.ProductConsultant)(_children(models.Product, _product_seen, "product_id"))
writable(models.ProductConsultant)(_children(models.Product, _listing_written, "product_id"))


@visible(models.PoolEntry)
def _pool_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """Staff keep the pool; an institution sees since when its own products are in it."""
    if _reads_all(me):
        return true()
    mine: ColumnElement[bool] = entity.organization_id == me.organization_id
    return mine if me.is_any("member") else false()


@frozen(models.Product)
def _listed_as(_who: Actor, _row: Any) -> frozenset[str]:
    """What it is a listing of, and whose, stays."""
    return frozenset({"name", "category", "standard_id", "organization_id", "region_id"})


def _on_sale(columns: Any) -> ColumnElement[bool]:
    """The snapshot that stands on the portal."""
    product = models.Product.__table__.alias().c
    listed = select(product.id).where(product.state == "listed")
    return and_(columns.is_current, columns.product_id.in_(listed))


def _review_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """As any application; what was approved and is on sale is everybody's."""
    seen = _application_seen(me, columns)
    return seen if _reads_all(me) else or_(seen, _on_sale(columns))


visible(models.ProductReview)(_review_seen)
writable(models.ProductReview)(_application_written)
for _child in (
    models.ProductHighlight,
    models.ProductStep,
    models.ProductCase,
    models.ReviewConsultant,
):
    visible(_child)(_children(models.ProductReview, _review_seen, "review_id"))
    writable(_child)(_children(models.ProductReview, _application_written, "review_id"))
visible(models.ProductProof)(_children(models.ProductReview, _application_seen, "review_id"))
writable(models.ProductProof)(_children(models.ProductReview, _application_written, "review_id"))


@visible(models.Picture)
def _picture_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
    """Named by the system when a text is stored; nobody needs to read the names."""
    return true() if _reads_all(me) else false()


CASE_PICTURE_IDS = ("picture_id", "second_picture_id", "third_picture_id")
FILES += [
    (models.Product, ("cover_id",), None, ""),
    (models.ProductReview, ("cover_id",), None, ""),
    (models.ProductCase, CASE_PICTURE_IDS, models.ProductReview, "review_id"),
    (models.ProductProof, ("attachment_id",), models.ProductReview, "review_id"),
    (models.Picture, ("attachment_id",), None, ""),
]


def _product_files(me: Me, entity: Any) -> Iterator[ColumnElement[bool]]:
    """Pictures of what is on sale and of public texts; all files of the house's own products.

    Asked for one file after the other: by its key in each table, not by a list of all keys.
    """
    product, review, case, proof, picture = (
        model.__table__.alias().c
        for model in (
            models.Product,
            models.ProductReview,
            models.ProductCase,
            models.ProductProof,
            models.Picture,
        )
    )
    yield exists().where(product.cover_id == entity.id, _product_seen(me, product))
    for name in CASE_PICTURE_IDS:
        yield exists().where(
            case[name] == entity.id, review.id == case.review_id, _review_seen(me, review)
        )
    for kind, subject, seen in (
        (models.ProductReview, review, _review_seen),
        (models.Announcement, models.Announcement.__table__.alias().c, _announcement_seen),
    ):
        of_kind = picture.kind == kind.__tablename__, subject.id == picture.subject_id
        mine = picture.attachment_id == entity.id
        yield exists().where(mine, *of_kind, seen(me, subject))
    public = picture.kind == models.StandardProduct.__tablename__
    yield exists().where(picture.attachment_id == entity.id, public)
    if me.is_any("anonymous"):
        return
    mine = _application_seen(me, review)
    yield exists().where(review.cover_id == entity.id, mine)
    yield exists().where(proof.attachment_id == entity.id, review.id == proof.review_id, mine)


file_rules.append(_product_files)
