"""常规产品目录: what several institutions offer alike, kept by staff and chosen from (S4-9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import exists, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock
from app.columns import FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Product, StandardProduct
from app.services import products
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, Shown
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.view import Answer
from app.views.prices import PRICE_COLUMNS, price, price_of, worded_price

REASON = {
    "opinion": FieldInfo(_l("Reason"), kind="long", required=True, maximum=500),
}
ReasonForm = sheet_form(REASON)


class PricedList(BackOfficeView):
    """A list in whose rows mode, amounts and unit stand as one price."""

    extra_columns = PRICE_COLUMNS
    price_column = "price_mode"

    def getter(self, cell: Cell) -> Callable[[Any], Any]:
        """The whole price where its mode stands."""
        return price_of if cell.path == self.price_column else super().getter(cell)

    def shown(self, cell: Cell, value: Any) -> Shown:
        """A price as people read it."""
        return Shown(price(value)) if cell.path == self.price_column else super().shown(cell, value)

    def worded(self, cell: Cell, columns: Any) -> Any:
        """The same in SQL."""
        is_price = cell.path == self.price_column
        return worded_price(columns) if is_price else super().worded(cell, columns)


class StandardProductView(Sheets, PricedList):
    """The catalogue as staff keep it."""

    datamodel = SQLAInterface(StandardProduct)
    route_base = "/standard_products"
    title, new_title = _l("Catalogue of standard products"), _l("New standard product")
    list_columns = ("name", "category", "price_mode", "cycle_days", "state", "position")
    labels = MappingProxyType({"price_mode": _l("Price guide")})
    show_columns = (
        "name", "category", "description", "deliverables", "certificate", "steps",
        "price_mode", "price_from", "price_to", "unit", "cycle_days", "position",
    )  # fmt: skip
    form_columns = show_columns
    filter_columns = ("category",)
    order_columns = ("position", "id")
    base_order = ("position", "asc")
    tab_column = "state"
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_export"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"delete", "options", "reveal"}

    def new_row(self) -> StandardProduct:
        """In use from the start."""
        return StandardProduct(created_at=clock.now(), position=100)

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """The price, and a name that stands once in its category."""
        found = [*products.price_problems(probe)]
        same = select(StandardProduct.id).where(
            StandardProduct.category == probe.category,
            StandardProduct.name_key == probe.name_key,
            StandardProduct.id != (row.id or 0),
        )
        if probe.name and db.session.scalar(same):
            found.append(Problem("name", _("This category has a product of this name already.")))
        return found

    def prepare(self, row: Any) -> None:
        """No amounts that the mode has no use for."""
        products.settle_price(row)

    def save(self, row: Any) -> str:
        """A guide that moved marks other listings."""
        target = super().save(row)
        percent = current_app.extensions["profile"].listings.guide_percent
        listings = Product.__table__.c.standard_id == row.id
        products.mark_off_guide(db.session(), percent, listings)
        return target

    def row_may(self, _row: Any, verb: str) -> bool:
        """Nothing that a listing names is deleted: it is switched off."""
        return verb != "delete" and self.may(verb)

    def _line(self, row: Any) -> dict[str, Any]:
        return super()._line(row) | {"actions": list(self._actions(row.id, row.state))}

    def _actions(self, key: int, state: str) -> Iterable[dict[str, str]]:
        if not self.may("edit"):
            return
        if state == "active":
            yield {"label": _("Switch off"), "url": url_for(".switch_off", pk=key)}
        else:
            url = url_for(".switch_on", pk=key)
            yield {"label": _("Switch on"), "url": url, "method": "post"}

    @expose("/switch_off/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def switch_off(self, pk: str) -> Answer:
        """停用: its listings go off sale, and their institutions are told why."""
        row = self.row_or_404(pk, to_write=True)
        form = ReasonForm(request.form if request.method == "POST" else None)
        title = _("Switch off: %(name)s", name=row.name)
        intro = _("All listings of this product are delisted; their institutions are told why.")

        def act() -> str:
            count = products.switch_off(db.session(), row.id, clock.now(), form["opinion"].data)
            said = ngettext(
                "Switched off; %(num)d listing was delisted.",
                "Switched off; %(num)d listings were delisted.",
                count,
            )
            flash(said, "success")
            return url_for(".list")

        crumbs = self.crumbs((title, ""))
        words = Words(title, _("Switch off"), url_for(".list"), crumbs, intro)
        return self.sheet(form, words, list, act)

    @expose("/switch_on/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def switch_on(self, pk: str) -> BaseResponse:
        """启用."""
        row = self.row_or_404(pk, to_write=True)
        products.CATALOGUE.move(db.session(), row.id, "switch_on", clock.now())
        db.session.commit()
        flash(_("Switched on."), "success")
        return redirect(url_for(".list"))


class CatalogueView(PricedList):
    """常规产品上架: the catalogue as institutions choose from it."""

    datamodel = SQLAInterface(StandardProduct)
    route_base = "/catalogue"
    title = _l("List standard products")
    intro = _l("Tick what your institution offers, then list it with your own price and text.")
    list_columns = ("name", "category", "price_mode", "cycle_days", "certificate")
    labels = MappingProxyType({"price_mode": _l("Price guide")})
    show_columns = (
        "name", "category", "description", "deliverables", "certificate", "steps",
        "price_mode", "price_from", "price_to", "unit", "cycle_days",
    )  # fmt: skip
    filter_columns = ("category",)
    order_columns = ("position", "id")
    base_order = ("position", "asc")
    base_permissions = ["can_list", "can_show"]
    include_route_methods = {"list", "show", "choose"}

    def base_conditions(self) -> Sequence[Any]:
        """What is in use and not listed by the reader's institution yet."""
        listed = exists().where(
            Product.standard_id == StandardProduct.id,
            Product.organization_id == access.actor().organization_id,
        )
        return [StandardProduct.state == "active", ~listed]

    def crumbs(self, *more: Any) -> Sequence[Any]:
        """By way of the institution's own list."""
        start, *rest = super().crumbs(*more)
        ours = (_("Standard service products"), url_for("ListingView.list"))
        return [start, ours, *rest]

    def bulk_actions(self) -> Sequence[dict[str, Any]]:
        """List what is ticked."""
        return [{"label": _("List on the portal"), "url": url_for(".choose"), "icon": "upload"}]

    def _line(self, row: Any) -> dict[str, Any]:
        add = {"label": _("Put on sale"), "url": url_for("ListingView.add", item=row.id)}
        return super()._line(row) | {"actions": [add]}

    @expose("/choose/", methods=["POST"])
    @has_access
    @permission_name("list")
    def choose(self) -> BaseResponse:
        """On to the prices of what was ticked."""
        most = current_app.extensions["profile"].listings.most_at_once
        chosen = request.form.getlist("id")[:most]
        if not chosen:
            flash(_("Tick at least one product first."), "warning")
            return redirect(url_for(".list"))
        return redirect(url_for("ListingView.add", item=chosen))
