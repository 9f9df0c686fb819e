"""The product pool (产品池): which products may be on sale, from when to when.

Derived from the products themselves: approved, of an institution that is in the pool, and not
taken off by the platform.  Whether a product of the pool is on sale is up to its institution
(S4-10); what is on sale and not in the pool is a fault that staff are told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, literal, or_, select, update

from app.models import Organization, PoolEntry, Product, StandardProduct

MAY_BE_ON_SALE = ("waiting", "listed", "delisted", "expired")

entry_, product_, standard_, organization_ = (
    model.__table__ for model in (PoolEntry, Product, StandardProduct, Organization)
)
ACTIVE = entry_.c.state == "active"
HELD = exists().where(entry_.c.product_id == product_.c.id, ACTIVE)


def _belongs() -> Any:
    """That a product, with its institution and what it is a listing of, belongs to the pool."""
    active = exists().where(standard_.c.id == product_.c.standard_id, standard_.c.state == "active")
    return (
        product_.c.state.in_(MAY_BE_ON_SALE)
        & (organization_.c.institution_state == "in_pool")
        & or_(product_.c.standard_id.is_(None), active)
    )


def _products(*columns: Any) -> Any:
    houses = organization_.c.id == product_.c.organization_id
    return select(*columns).select_from(product_.join(organization_, houses))


def rebuild(rows: Connection, now: datetime) -> int:
    """Bring the entries up to the products; how many ended or began."""
    right = _products(product_.c.id).where(product_.c.id == entry_.c.product_id, _belongs())
    over = update(entry_).where(ACTIVE, ~right.correlate(entry_).exists())
    ended = rows.execute(over.values(state="ended", until=now)).rowcount
    missing = _products(
        product_.c.id,
        product_.c.organization_id,
        literal("active"),
        literal(now, entry_.c.since.type),
    ).where(_belongs(), ~HELD)
    columns = ("product_id", "organization_id", "state", "since")
    added = insert(entry_).from_select(columns, missing)
    begun = rows.execute(added.execution_options(preserve_rowcount=True)).rowcount
    return ended + begun


def strays(rows: Connection, most: int) -> tuple[int, Sequence[Row[Any]]]:
    """How many products are on sale and not in the pool, and the newest of them."""
    p, o = product_.c, organization_.c
    astray = p.state == "listed", ~HELD
    count = rows.scalar(_products(func.count()).where(*astray)) or 0
    columns = (p.id, p.name, p.kind, p.organization_id, o.name.label("organization"))
    found = _products(*columns).where(*astray).order_by(p.id.desc()).limit(most)
    return count, rows.execute(found).all() if count else ()
