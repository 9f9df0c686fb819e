"""产品池: which products may be on sale, and since when (kept by the job ``pool.rebuild``)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from flask import url_for
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import access, choices
from app.extensions import db
from app.models import PoolEntry, Product
from app.services.products import LISTS
from app.views.base import BackOfficeView
from app.views.base.cells import Shown, local_time

LAST = 5


class PoolView(BackOfficeView):
    """Every time in which a product was or is in the pool; never changed by hand."""

    datamodel = SQLAInterface(PoolEntry)
    route_base = "/pool"
    title = _l("Product pool")
    intro = _l("What may be on sale; counted anew every night from products and institutions.")
    include_route_methods = {"list", "export", "options"}
    base_permissions = ["can_list", "can_export", "can_show"]
    list_columns = ("product.name", "organization.name", "since", "until", "state")
    extra_columns = ("product_id", "product.kind")
    labels = MappingProxyType(
        {"product.name": _l("Product"), "organization.name": _l("Institution")}
    )
    filter_columns = ("organization", "since")
    order_columns = ("id", "since")
    base_order = ("id", "desc")
    tab_column = "state"
    link_column = "product.name"

    def row_url(self, row: Any) -> str | None:
        """The page of the product."""
        return f"/{LISTS[row.product_kind]}/show/{row.product_id}/"


def times(product: Product) -> dict[str, Any]:
    """The last times of a product in the pool, and for staff where all of them stand."""
    mine = select(PoolEntry).where(PoolEntry.product_id == product.id)
    found = db.session.scalars(mine.order_by(PoolEntry.id.desc()).limit(LAST))
    of_staff = access.actor().kind == "staff"
    return {
        "url": url_for("PoolView.list") if of_staff else "",
        "entries": [
            {
                "state": _badge(entry.state),
                "since": local_time(entry.since),
                "until": local_time(entry.until) if entry.until else "",
            }
            for entry in found
        ],
    }


def _badge(state: str) -> Shown:
    found = choices.POOL_STATES.of(state)
    return Shown(str(found.label), found.css)
