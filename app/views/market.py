"""The catalogue on the portal: what is on sale, found by words, category, price and region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import abort, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import or_, select

from app import access, clock
from app.columns import Phrase
from app.extensions import db
from app.models import Organization, Product, Region
from app.security import address, words
from app.services import limits, products
from app.views import product_pages
from app.views.base import Page, paging
from app.views.base.filters import pointing
from app.views.base.typed import clean, is_key
from app.views.prices import PRICE_COLUMNS, price

PAGE_SIZE = 12
NEWEST = 8
CITY_LEVEL = 2
MOST_REGIONS = 400
DEAREST = 10**9
HOUR = 3600
LISTED = Product.state == "listed"
ORDERS: Mapping[str, tuple[Any, bool, Phrase]] = {
    "new": (Product.listed_at, True, _l("Newest first")),
    "cheap": (Product.price_order, False, _l("Lowest price first")),
    "dear": (Product.price_order, True, _l("Highest price first")),
    "rating": (Product.rating, True, _l("Best rated first")),
    "demand": (Product.demand_count, True, _l("Most asked for first")),
}
CARD = (
    Product.id, Product.name, Product.kind, Product.slogan, Product.category, Product.cover_id,
    Product.discount, Product.listed_at, Product.price_order, Product.rating,
    Product.rating_count, Product.demand_count, Product.organization_id,
    *(getattr(Product, name) for name in PRICE_COLUMNS),
    Organization.name.label("house"), Organization.short_name.label("short"),
)  # fmt: skip


def cards(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of :data:`CARD` as a template draws them."""
    return [
        {
            "name": row.name,
            "url": url_for("MarketView.product", pk=row.id),
            "cover_url": url_for("FileView.show", pk=row.cover_id) if row.cover_id else None,
            "category": words().label("service_category", row.category),
            "slogan": row.slogan,
            "price": price(row),
            "discount": row.discount,
            "house": row.short or row.house,
            "rating": product_pages.rating(row),
            "demands": row.demand_count,
        }
        for row in rows
    ]


def on_sale() -> Any:
    """What cards show of products on sale."""
    return select(*CARD).join(Product.organization).where(LISTED)


def newest() -> list[dict[str, Any]]:
    """The newest products, for the home page."""
    rows = on_sale().order_by(Product.listed_at.desc(), Product.id.desc()).limit(NEWEST)
    return cards(db.session.execute(rows).all())


def entrances() -> Sequence[tuple[Phrase, str]]:
    """The groups of the catalogue, for the home page."""
    return [
        (group.label, url_for("MarketView.catalogue", category=group.code))
        for group, _leaves in words().groups("service_category")
    ]


def of_institution(organization_id: int) -> list[dict[str, Any]]:
    """The newest products of an institution, for its public page."""
    mine = on_sale().where(Product.organization_id == organization_id)
    rows = mine.order_by(Product.id.desc()).limit(NEWEST)
    return cards(db.session.execute(rows).all())


class MarketView(Page):
    """``/market/``: open to everybody."""

    route_base = "/market"

    @expose("/")
    def catalogue(self) -> str:
        """One page of products, the facets that narrow them, the orders they come in."""
        wanted = _wanted(request.args)
        column, descending, _label = ORDERS[wanted.get("order", "new")]
        at = paging.position(request.args.get("at", ""), column)
        page = paging.page(
            db.session(), on_sale().where(*_conditions(wanted)), column, Product.id,
            descending=descending, at=at, size=PAGE_SIZE, count=None,
            phrase=(Product.search_text, wanted["q"]) if "q" in wanted else None,
        )  # fmt: skip
        return render_template(
            "market/catalogue.html",
            wanted=wanted,
            products=cards(page.rows),
            groups=_groups(wanted),
            leaves=_leaves(wanted),
            regions=regions(wanted.get("region", "")),
            kinds=_kinds(wanted),
            orders=[
                (label, _link(wanted, order=key), key == wanted.get("order", "new"))
                for key, (_column, _down, label) in ORDERS.items()
            ],
            page=page.line(partial(url_for, ".catalogue"), wanted),
            sidebar="",
        )

    @expose("/products/<pk>/")
    def product(self, pk: str) -> str:
        """What a product is, who offers it, and the way to ask for it."""
        query = select(Product).where(Product.id == (int(pk) if is_key(pk) else 0), LISTED)
        row = db.session.scalar(query) or abort(404)
        house = select(
            Organization.id, Organization.name, Organization.short_name, Organization.logo_id,
            Organization.service_tel, Region.path.label("region"),
        ).join(Organization.region, isouter=True)  # fmt: skip
        offered_by = db.session.execute(
            house.where(Organization.id == row.organization_id)
        ).first() or abort(404)
        others = of_institution(row.organization_id)
        here = url_for(".product", pk=row.id)
        return render_template(
            "market/product.html",
            title=row.name,
            house={
                "name": offered_by.name,
                "short": offered_by.short_name or offered_by.name,
                "tel": offered_by.service_tel,
                "region": offered_by.region,
                "logo_url": _logo(offered_by.logo_id),
                "url": url_for("PortalView.institution", pk=offered_by.id),
            },
            category_url=url_for(".catalogue", category=row.category),
            others=[card for card in others if card["url"] != here][:4],
            seen_url=url_for(".seen", pk=row.id),
            ask_url=url_for("MyDemandView.add", product=row.id),
            sidebar="",
            **product_pages.content(row),
        )

    @expose("/products/<pk>/seen/", methods=["POST"])
    def seen(self, pk: str) -> Any:
        """Count a look at the page, of one address once an hour; its own house does not count."""
        query = select(Product.organization_id).where(
            Product.id == (int(pk) if is_key(pk) else 0), LISTED
        )
        house = db.session.scalar(query)
        if house is None:
            abort(404)
        if house != access.actor().house:
            rows = access.elevated(db.session(), "anybody's look at a product counts")
            once = f"seen:{int(pk)}:{address()}"
            if limits.spend(rows, once, 1, HOUR, clock.now()) is None:
                products.count_view(rows, int(pk))
            db.session.commit()
        return {}


def _logo(key: int | None) -> str | None:
    return url_for("FileView.show", pk=key) if key else None


def categories() -> list[tuple[Phrase, list[tuple[str, Phrase]]]]:
    """The tree as a select offers it: each group as a whole, then what it holds."""
    return [
        (
            group.label,
            [(group.code, _("All of %(group)s", group=group.label))]
            + [(leaf.code, leaf.label) for leaf in leaves if leaf.code != group.code],
        )
        for group, leaves in words().groups("service_category")
    ]


def known_category(code: str) -> str:
    """A category that is offered, as the address names it; nothing for any other."""
    known = {item.code for item in words().items("service_category")}
    return code if code in known else ""


def _wanted(args: Mapping[str, str]) -> dict[str, str]:
    """What the address asks for, as far as it is understood."""
    low, high = _yuan(args.get("low", "")), _yuan(args.get("high", ""))
    read = {
        "q": clean(args.get("q", ""))[:50],
        "category": known_category(args.get("category", "")),
        "kind": args.get("kind", "") if args.get("kind") in {"standard", "special"} else "",
        "region": args.get("region", "") if is_key(args.get("region", "")) else "",
        "low": "" if low is None else str(low),
        "high": "" if high is None else str(high),
        "order": args.get("order", "") if args.get("order") in ORDERS else "",
    }
    return {name: value for name, value in read.items() if value}


def _yuan(raw: str) -> int | None:
    raw = clean(raw)
    return int(raw) if is_key(raw) and int(raw) <= DEAREST else None


def _conditions(wanted: Mapping[str, str]) -> list[Any]:
    found: list[Any] = []
    if "category" in wanted:
        codes = words().within("service_category", wanted["category"])
        found.append(Product.category.in_(codes))
    if "kind" in wanted:
        found.append(Product.kind == wanted["kind"])
    if "region" in wanted:
        found.append(pointing(Region, Product.region_id, wanted["region"]))
    if "low" in wanted:
        found.append(Product.price_order >= int(wanted["low"]) * 100)
    if "high" in wanted:
        found.append(Product.price_order <= int(wanted["high"]) * 100)
    return found


def _link(wanted: Mapping[str, str], **changed: Any) -> str:
    kept = {name: value for name, value in (dict(wanted) | changed).items() if value}
    return url_for("MarketView.catalogue", **kept)


def _groups(wanted: Mapping[str, str]) -> Sequence[tuple[Phrase, str, bool]]:
    chosen = wanted.get("category", "")
    everything = (_("All"), _link(wanted, category=""), not chosen)
    return [everything] + [
        (
            group.label,
            _link(wanted, category=group.code),
            chosen == group.code or chosen in {leaf.code for leaf in leaves},
        )
        for group, leaves in words().groups("service_category")
    ]


def _leaves(wanted: Mapping[str, str]) -> Sequence[tuple[Phrase, str, bool]]:
    """The categories of the chosen group."""
    chosen = wanted.get("category", "")
    for group, leaves in words().groups("service_category"):
        if chosen == group.code or chosen in {leaf.code for leaf in leaves}:
            whole = (_("All"), _link(wanted, category=group.code), chosen == group.code)
            return [whole] + [
                (leaf.label, _link(wanted, category=leaf.code), chosen == leaf.code)
                for leaf in leaves
            ]
    return []


def _kinds(wanted: Mapping[str, str]) -> Sequence[tuple[Phrase, str, bool]]:
    chosen = wanted.get("kind", "")
    return [
        (label, _link(wanted, kind=kind), kind == chosen)
        for kind, label in (
            ("", _("All")),
            ("special", _("Special products")),
            ("standard", _("Standard products")),
        )
    ]


def regions(chosen: str) -> list[tuple[str, str]]:
    """Provinces and cities; of the chosen city the districts too."""
    city = int(chosen or 0) // 100 * 100
    offered = or_(Region.level <= CITY_LEVEL, Region.parent_id == city)
    rows = db.session.execute(
        select(Region.id, Region.path).where(offered).order_by(Region.id).limit(MOST_REGIONS)
    )
    return [(str(row.id), row.path) for row in rows]
