"""What the review of a product compares it with: the prices of its category, names of others.

Each is one statement over a bounded number of rows, however many products there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from app import search
from app.columns import bare
from app.models import Organization, Product
from app.services.products import MODES_WITH_PRICE
from app.services.wording import likeness

NEWEST = 500
"""So many of a category, the newest, stand for its prices."""
CANDIDATES = 200
"""So many products that share a part of a name are looked at."""
PARTS = 3
"""A name that is nine tenths another's shares one of its thirds with it, whole."""
LIVING = ("in_review", "waiting", "listed", "delisted", "expired", "forced")


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


product_, organization_ = _table(Product), _table(Organization)


def usual_prices(
    rows: Connection, review: Any, percentiles: Sequence[int], least: int
) -> tuple[int, int] | None:
    """Between what prices most of the category lie, for the same unit; None when few are on sale.

    ``percentiles`` name the two that bound it; the product under review does not count.
    """
    p = product_.c
    newest = (
        select(p.id, p.price_mode, p.price_from, p.unit)
        .where(p.state == "listed", p.category == review.category)
        .order_by(p.listed_at.desc(), p.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    n = newest.c
    priced = select(n.price_from).where(
        n.price_mode.in_(MODES_WITH_PRICE), n.unit == review.unit, n.id != (review.product_id or 0)
    )
    prices = rows.scalars(priced).all()
    if len(prices) < max(least, 2):
        return None
    cuts = quantiles(prices, n=100, method="inclusive")
    low, high = percentiles
    return round(cuts[low - 1]), round(cuts[high - 1])


def namesakes(rows: Connection, review: Any, percent: int) -> list[tuple[str, str]]:
    """Products of other institutions with nearly this name: name and institution, likest first."""
    p, o, name = product_.c, organization_.c, bare(review.name)
    step = max(2, -(-len(name) // PARTS))
    parts = {name[max(0, min(at, len(name) - step)) :][:step] for at in range(0, len(name), step)}
    sharing = (
        select(p.name, o.name)
        .join(organization_, o.id == p.organization_id)
        .where(
            or_(*(search.search(p.search_text, part) for part in sorted(parts))),
            p.organization_id != review.organization_id,
            p.state.in_(LIVING),
        )
        .limit(CANDIDATES)
    )
    found = [(likeness(review.name, row[0]), row[0], row[1]) for row in rows.execute(sharing)]
    like = sorted((one for one in found if one[0] * 100 >= percent), reverse=True)
    return [(product, house) for _likeness, product, house in like]
