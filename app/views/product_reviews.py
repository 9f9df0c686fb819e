"""新增特色产品: the form of a special product, first or as a revision, and its review (S4-10)."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import inspect, select

from app import access, clock
from app.columns import Phrase
from app.errors import Problem
from app.extensions import db
from app.models import (
    Product,
    ProductCase,
    ProductHighlight,
    ProductProof,
    ProductReview,
    ProductStep,
    ReviewConsultant,
)
from app.security import words
from app.services import products
from app.tables.products import CASE_PICTURES
from app.views.base import BackOfficeView
from app.views.base.typed import is_key
from app.views.base.view import Answer
from app.views.products import default_end, foreign_consultants, own_consultants
from app.views.requests import RequestView

CHILDREN = MappingProxyType(
    {
        "highlights": (ProductHighlight, ("name", "content")),
        "steps": (ProductStep, ("name", "content")),
        "cases": (ProductCase, ("client", "is_anonymous", "content", "effect", *CASE_PICTURES)),
        "consultants": (ReviewConsultant, ("consultant",)),
        "proofs": (ProductProof, ("attachment",)),
    }
)
COPIED = (
    "name", "category", "cover", "slogan", "tags", "industries", "targets", "content",
    "deliverables", "price_mode", "price_from", "price_to", "unit", "cycle_days", "discount",
    "support", "valid_until",
)  # fmt: skip


class ProductReviewView(RequestView):
    """The request, from its form to the case that reviews it."""

    datamodel = SQLAInterface(ProductReview)
    route_base = "/product_reviews"
    flow = "product_review"
    title = _l("Applications of special products")
    list_columns = (
        "case.number", "name", "organization.name", "category", "state", "submitted_at",
    )  # fmt: skip
    labels = MappingProxyType({"organization.name": _l("Institution")})
    form_columns = (
        "name", "category", "cover", "slogan", "tags", "industries", "targets",
        "content", "highlights", "steps", "deliverables", "support", "cases", "consultants",
        "price_mode", "price_from", "price_to", "unit", "cycle_days", "discount", "valid_until",
        "proofs", "statement",
    )  # fmt: skip
    show_columns = form_columns
    filter_columns = ("category", "submitted_at")
    order_columns = ("id", "submitted_at")
    tab_column = "state"
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_export"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"delete", "reveal"}

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A new product; or, of one that was approved before, a revision (``?product=``)."""
        row = self.new_row()
        if row.product_id and self._is_under_way(row.product_id):
            flash(_("A revision of this product is under way already."), "warning")
            return redirect(url_for("SpecialProductView.show", pk=row.product_id))
        return self.form_page(row)

    def _is_under_way(self, product_id: int) -> bool:
        running = ProductReview.state.in_(("in_review", "returned"))
        mine = select(ProductReview.id).where(ProductReview.product_id == product_id, running)
        return db.session.scalar(mine.limit(1)) is not None

    def new_row(self) -> ProductReview:
        """Empty; for a revision what holds at present."""
        everybody = [item.code for item in words().items("company_size")]
        row = ProductReview(targets=everybody, tags=[], industries=[], valid_until=default_end())
        key = request.args.get("product", "")
        if not is_key(key):
            return row
        own = access.actor().organization_id
        product = select(Product.id).where(Product.id == int(key), Product.organization_id == own)
        row.product_id = db.session.scalar(product.where(Product.kind == "special")) or abort(404)
        held = select(ProductReview).where(ProductReview.product_id == row.product_id)
        held = held.order_by(ProductReview.is_current.desc(), ProductReview.id.desc()).limit(1)
        old = db.session.scalars(held.options(*self.eager)).unique().first() or abort(404)
        _copy(old, row)
        return row

    def draft_key(self, row: Any) -> str:
        """A revision is no new product: each has a draft of its own."""
        if inspect(row).persistent or row.product_id is None:
            return super().draft_key(row)
        return f"product-revision-{row.product_id}"

    def option_conditions(self, name: str) -> Sequence[Any]:
        """Linked consultants of the institution."""
        return own_consultants() if name == "consultants" else ()

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """The formal pre-check, on what was typed; only one's own consultants."""
        probe.product_id = row.product_id
        foreign = foreign_consultants(probe.consultants)
        return [*super().problems(row, probe), *foreign]

    def prepare(self, row: Any) -> None:
        """Whose product it is; no amounts that the mode has no use for."""
        who = access.actor()
        row.applicant_id = row.applicant_id or who.user_id or abort(403)
        row.organization_id = row.organization_id or who.organization_id or abort(403)
        row.created_at = row.created_at or clock.now()
        products.settle_price(row)

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Institutions come by their products, staff by the list."""
        if access.actor().kind == "staff":
            return super().crumbs(*more)
        start = (_("Workbench"), url_for("WorkbenchView.show"))
        home = (_("Special service products"), url_for("SpecialProductView.list"))
        return [start, home, *more]

    def form_title(self, row: Any) -> str:
        """The words of the manual."""
        if inspect(row).persistent:
            return super().form_title(row)
        return _("Revise a special product") if row.product_id else _("Add a special product")

    def submit_label(self, _row: Any) -> str:
        """Sending is submitting."""
        return _("Submit for review")


def _copy(old: ProductReview, new: ProductReview) -> None:
    """What is on sale stands in the form of its revision."""
    for name in COPIED:
        setattr(new, name, getattr(old, name))
    for name, (model, columns) in CHILDREN.items():
        rows = getattr(old, name)
        copies = [model(**{column: getattr(row, column) for column in columns}) for row in rows]
        setattr(new, name, copies)
    today = clock.local_day(clock.now())
    if new.valid_until <= today:
        new.valid_until = default_end()
