"""What institutions offer: listing, delisting, counting, and what a review makes of a product.

Everything here runs on a connection without access rules; who may take a step is asked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from app import messages, search
from app.access import elevated
from app.clock import DAY, local_day
from app.errors import DomainError, Phrase, Problem
from app.lifecycle import Lifecycle, Step
from app.models import (
    Membership,
    Organization,
    Product,
    ProductConsultant,
    ProductReview,
    Qualification,
    ReviewConsultant,
    StandardProduct,
)
from app.tables.products import OPEN_PRICE

LISTING = Lifecycle(
    Product,
    {
        "list": Step(_l("Put on sale"), ("waiting", "delisted", "expired"), "listed"),
        "delist": Step(_l("Delist"), ("listed",), "delisted"),
        "force": Step(_l("Force delisting"), ("listed",), "forced", needs_reason=True),
        "release": Step(_l("Lift the forced delisting"), ("forced",), "delisted"),
        "expire": Step(_l("Listing ends"), ("listed",), "expired"),
    },
)
CATALOGUE = Lifecycle(
    StandardProduct,
    {
        "switch_off": Step(_l("Switch off"), ("active",), "off", needs_reason=True),
        "switch_on": Step(_l("Switch on"), ("off",), "active"),
    },
)
MODES_WITH_PRICE = ("fixed", "range", "from")
COUNTS = ("view_count", "demand_count", "rating", "rating_sum", "rating_count")
LISTED_TERMS = (
    "price_mode", "price_from", "price_to", "unit", "cycle_days", "own_text", "valid_until",
)  # fmt: skip
SHOWN = (
    *("name", "name_key", "category", "cover_id", "slogan", "cycle_days", "discount"),
    *("price_mode", "price_from", "price_to", "unit", "valid_until"),
)
"""What a review and its product both hold, under the same name."""
KEPT_BY_REVIEW = ("waiting", "forced", "expired", "delisted", "listed")
LISTS = {"standard": "listings", "special": "products"}

product_, standard_, review_ = (
    model.__table__ for model in (Product, StandardProduct, ProductReview)
)
serves_, proposed_ = ProductConsultant.__table__, ReviewConsultant.__table__
organization_, member_ = Organization.__table__, Membership.__table__
certificate_ = Qualification.__table__


# --- prices -----------------------------------------------------------------------------------


def price_problems(row: Any) -> Iterator[Problem]:
    """What the mode of a price asks for and does not find."""
    if row.price_mode in MODES_WITH_PRICE:
        if row.price_from is None:
            yield Problem("price_from", _l("Write the price."))
        if not row.unit:
            yield Problem("unit", _l("Choose what the price is for."))
    if row.price_mode == "range":
        if row.price_to is None:
            yield Problem("price_to", _l("Write the highest price."))
        elif row.price_from is not None and row.price_to < row.price_from:
            yield Problem("price_to", _l("The highest price is below the lowest."))


def settle_price(row: Any) -> None:
    """Amounts that the mode has no use for are not kept."""
    if row.price_mode not in MODES_WITH_PRICE:
        row.price_from, row.unit = None, None
    if row.price_mode != "range":
        row.price_to = None


def price_order(mode: str, price_from: int | None) -> int:
    """What a product is ordered by: nothing for what is free, the end for what is open."""
    if mode == "free":
        return 0
    return OPEN_PRICE if price_from is None else price_from


def date_problems(valid_until: date | None, today: date, longest: int) -> Iterator[Problem]:
    """A listing ends some day that is still to come, and not too far away."""
    if valid_until is None:
        return
    if valid_until <= today:
        yield Problem("valid_until", _l("This day is over: choose a later one."))
    elif valid_until > today + longest * DAY:
        yield Problem("valid_until", _l("At most %(n)s days from today.", n=longest))


# --- listings of standard products (S4-9) -----------------------------------------------------


class NotAnInstitution(DomainError):
    """Only who is in the pool offers services."""

    problem = _l("Your organization is not an institution of the platform.")
    remedy = _l("Apply for certification as an institution first.")


def lacking(rows: Connection, organization_id: int, standard: Any, today: date) -> Phrase:
    """The certificate without which an institution cannot list a product; empty when it may."""
    if not standard.certificate:
        return ""
    c = certificate_.c
    valid = (c.valid_until.is_(None)) | (c.valid_until >= today)
    held = select(c.id).where(
        c.organization_id == organization_id,
        c.name.contains(standard.certificate, autoescape=True),
        valid,
    )
    if rows.scalar(select(exists(held))):
        return ""
    return _l(
        "%(product)s needs the certificate %(certificate)s, which your institution does not hold.",
        product=standard.name,
        certificate=standard.certificate,
    )


def house(rows: Connection, organization_id: int | None) -> Row[Any]:
    """The institution that offers something.

    :raises NotAnInstitution: when it is none.
    """
    o = organization_.c
    mine = select(o.id, o.name, o.region_id).where(
        o.id == organization_id, o.institution_state == "in_pool"
    )
    row = rows.execute(mine).one_or_none()
    if row is None:
        raise NotAnInstitution
    return row


def offer(
    session: Session,
    organization_id: int,
    standard: Any,
    terms: Any,
    consultant_ids: Sequence[int],
    now: datetime,
) -> int:
    """Put a standard product on sale for an institution, on its terms; the id of the listing."""
    rows = elevated(session, "a listing is on sale from its first day")
    place = house(rows, organization_id)
    settle_price(terms)
    values = {name: getattr(terms, name) for name in LISTED_TERMS}
    values |= {
        "kind": "standard",
        "organization_id": organization_id,
        "standard_id": standard.id,
        "region_id": place.region_id,
        "name": standard.name,
        "name_key": standard.name_key,
        "category": standard.category,
        "state": "listed",
        "price_order": price_order(terms.price_mode, terms.price_from),
        "listed_at": now,
    }
    key = _add(rows, values, now)
    link(rows, key, consultant_ids)
    return key


def _add(rows: Connection, values: Mapping[str, Any], now: datetime) -> int:
    """A new product that nobody has seen, asked for or rated."""
    words = {"search_text": search.text_of(Product, {"slogan": "", **values})}
    fresh = dict.fromkeys(COUNTS, 0) | {"revision": "none", "version": 1, "off_guide": False}
    added = rows.execute(
        insert(product_).values(**fresh, **values, **words, kept_at=now, created_at=now)
    )
    (key,) = added.inserted_primary_key or (0,)
    return int(key)


def link(rows: Connection, product_id: int, consultant_ids: Iterable[int]) -> None:
    """These consultants serve a product, and no others."""
    rows.execute(delete(serves_).where(serves_.c.product_id == product_id))
    links = [{"product_id": product_id, "consultant_id": key} for key in consultant_ids]
    if links:
        rows.execute(insert(serves_), links)


def mark_off_guide(session: Session, percent: int, *which: Any) -> int:
    """Mark the listings whose price lies further off the guide than ``percent``; how many are.

    Amounts alone are compared, and only for the same unit; what the guide says "from" has no top.
    ``which`` narrows it to some listings.  Nothing is refused for it (F12).
    """
    p, s = product_.c, standard_.c
    highest, top = func.coalesce(p.price_to, p.price_from), func.coalesce(s.price_to, s.price_from)
    wanted = exists().where(
        s.id == p.standard_id,
        s.unit == p.unit,
        or_(
            p.price_from * 100 < s.price_from * (100 - percent),
            and_(s.price_mode != "from", highest * 100 > top * (100 + percent)),
        ),
    )
    ours = p.kind == "standard", *which
    rows = elevated(session, "staff see which prices lie off the guide, whoever moved either")
    rows.execute(update(product_).where(*ours, p.off_guide != wanted).values(off_guide=wanted))
    marked = select(func.count()).select_from(product_).where(*ours, p.off_guide)
    return int(rows.scalar(marked) or 0)


def switch_off(session: Session, key: int, now: datetime, opinion: str) -> int:
    """Take a standard product out of the catalogue, and its listings off sale; how many."""
    CATALOGUE.move(session, key, "switch_off", now, opinion=opinion)
    rows = elevated(session, "listings of all institutions end with their standard product")
    p = product_.c
    listed = select(p.id, p.name, p.kind, p.organization_id).where(
        p.standard_id == key, p.state == "listed"
    )
    found = rows.execute(listed.order_by(p.id)).all()
    for row in found:
        LISTING.move(session, row.id, "delist", now, opinion=opinion)
        tell(session, rows, "product.delisted", row, now, opinion=opinion)
    return len(found)


# --- what a review makes of a product (S4-10) -------------------------------------------------


def propose(rows: Connection, review: Any, now: datetime) -> int:
    """A product for a first application, or the note that an old one is being revised; its id."""
    if review.product_id is not None:
        state = rows.scalar(select(product_.c.state).where(product_.c.id == review.product_id))
        if state in KEPT_BY_REVIEW:
            _note(rows, review.product_id, revision="in_review")
            return int(review.product_id)
        _copy(rows, review, now, state="in_review")
        return int(review.product_id)
    place = house(rows, review.organization_id)
    values = _shown(review) | {
        "kind": "special",
        "organization_id": review.organization_id,
        "region_id": place.region_id,
        "state": "in_review",
    }
    key = _add(rows, values, now)
    rows.execute(update(review_).where(review_.c.id == review.id).values(product_id=key))
    return key


def settle(rows: Connection, review: Any, result: str, now: datetime) -> None:
    """What becomes of the product when its review is returned, refused or withdrawn.

    One that was approved before stays as it is.
    """
    p = product_.c
    state = rows.scalar(select(p.state).where(p.id == review.product_id))
    if state in KEPT_BY_REVIEW:
        _note(rows, review.product_id, revision="returned" if result == "returned" else "none")
    else:
        _note(rows, review.product_id, state=result, kept_at=now)


def adopt(rows: Connection, review: Any, now: datetime) -> None:
    """An approved review is what the product is from now on; on sale stays what was on sale."""
    state = rows.scalar(select(product_.c.state).where(product_.c.id == review.product_id))
    becomes = state if state in {"listed", "delisted"} else "waiting"
    _copy(rows, review, now, state=becomes, revision="none")
    ours = review_.c.product_id == review.product_id
    rows.execute(update(review_).where(ours, review_.c.is_current).values(is_current=False))
    rows.execute(update(review_).where(review_.c.id == review.id).values(is_current=True))
    named = select(proposed_.c.consultant_id).where(proposed_.c.review_id == review.id)
    link(rows, review.product_id, rows.scalars(named.order_by(proposed_.c.id)).all())


def is_name_taken(rows: Connection, review: Any) -> bool:
    """Whether the institution has another special product of this name, however it is spelt."""
    p = product_.c
    others = select(p.id).where(
        p.organization_id == review.organization_id,
        p.kind == "special",
        p.name_key == review.name_key,
        p.state.not_in(("refused", "withdrawn")),
        p.id != (review.product_id or 0),
    )
    return bool(rows.scalar(select(exists(others))))


def _shown(review: Any) -> dict[str, Any]:
    values = {name: getattr(review, name) for name in SHOWN}
    values["price_order"] = price_order(review.price_mode, review.price_from)
    return values


def _copy(rows: Connection, review: Any, now: datetime, **moved: Any) -> None:
    values = _shown(review)
    words = {"search_text": search.text_of(Product, values)}
    _note(rows, review.product_id, **values, **words, kept_at=now, **moved)


def _note(rows: Connection, product_id: int, **values: Any) -> None:
    ours = product_.c.id == product_id
    version = {"version": product_.c.version + 1}
    rows.execute(update(product_).where(ours).values(**values, **version))


# --- on sale and off ---------------------------------------------------------------------------


def list_again(session: Session, product: Any, now: datetime, until: date) -> None:
    """上架: on sale until a day; its institution is told.

    :raises DomainError: for a listing whose standard product was switched off.
    """
    rows = elevated(session, "what is on sale stands on the portal")
    house(rows, product.organization_id)
    if product.standard_id is not None:
        standard = select(standard_.c.state).where(standard_.c.id == product.standard_id)
        if rows.scalar(standard) != "active":
            raise DomainError(
                _l("This standard product was taken out of the catalogue."),
                _l("Choose another one, or offer it as a special product."),
            )
    values: dict[str, Any] = {"listed_at": now, "valid_until": until, "kept_at": now}
    LISTING.move(session, product.id, "list", now, **values)
    tell(session, rows, "product.listed", product, now, due=until)


def force(session: Session, product: Any, now: datetime, opinion: str) -> None:
    """强制下架: by staff, with a reason that the institution is told (S4-9, S4-10)."""
    LISTING.move(session, product.id, "force", now, opinion=opinion)
    rows = elevated(session, "who offers a product is told")
    tell(session, rows, "product.delisted", product, now, opinion=opinion)


def tell(
    session: Session, rows: Connection, occasion: str, product: Any, now: datetime, **words: Any
) -> int:
    """Tell the main account of the institution that offers a product."""
    context = {"title": product.name, **where(product), **words}
    key = f"{occasion}:{product.id}:{now.isoformat()}"
    readers = owners(rows, product.organization_id)
    return messages.notify(session, occasion, readers, context, key, now)


def where(product: Any) -> dict[str, Any]:
    """The list and the number by which its institution finds a product."""
    return {"list": LISTS[product.kind], "product": product.id}


def owners(rows: Connection, organization_id: int) -> Sequence[int]:
    """The main account of an institution."""
    mine = member_.c.organization_id == organization_id, member_.c.is_main
    return rows.scalars(select(member_.c.user_id).where(*mine)).all()


# --- counting -----------------------------------------------------------------------------------


def count_view(rows: Connection, product_id: int) -> None:
    """Somebody looked at a product."""
    seen = {"view_count": product_.c.view_count + 1}
    rows.execute(update(product_).where(product_.c.id == product_id).values(seen))


def count_demand(rows: Connection, product_id: int) -> None:
    """Somebody asked for a product."""
    asked = {"demand_count": product_.c.demand_count + 1}
    rows.execute(update(product_).where(product_.c.id == product_id).values(asked))


def count_rating(rows: Connection, product_id: int, points: int, *, times: int = 1) -> None:
    """A rating in hundredths of a point counts for a product; ``times=-1`` takes it back."""
    p = product_.c
    total, count = p.rating_sum + times * points, p.rating_count + times
    average = func.coalesce(total / func.nullif(count, 0), 0)
    counted = {"rating_sum": total, "rating_count": count, "rating": average}
    rows.execute(update(product_).where(p.id == product_id).values(counted))


def on_sale(rows: Connection, organization_ids: Sequence[int]) -> Mapping[int, int]:
    """How many products these institutions have on sale."""
    p = product_.c
    counted = select(p.organization_id, func.count()).where(
        p.organization_id.in_(organization_ids), p.state == "listed"
    )
    return {row[0]: row[1] for row in rows.execute(counted.group_by(p.organization_id))}


# --- what jobs find -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """A listing that ends, with the key of the step that is due."""

    id: int
    organization_id: int
    name: str
    kind: str
    until: date
    step: int

    @property
    def key(self) -> str:
        """Unique for a listing, its end and the step."""
        return f"list:{self.id}:{self.until}:{self.step}"


def ending(rows: Connection, today: date, steps: Sequence[int]) -> Iterator[Ending]:
    """Listings that end within the longest of ``steps`` days, each at the step it has reached."""
    p = product_.c
    soon = select(p.id, p.organization_id, p.name, p.kind, p.valid_until).where(
        p.state == "listed",
        p.valid_until >= today,
        p.valid_until <= today + max(steps) * DAY,
    )
    for row in rows.execute(soon.order_by(p.valid_until, p.id)):
        left = (row.valid_until - today).days
        yield Ending(*row, step=min(step for step in steps if step >= left))


def ended(rows: Connection, today: date, most: int) -> Sequence[Row[Any]]:
    """Listings whose last day is over; at most ``most``, the oldest first."""
    p = product_.c
    over = select(p.id, p.organization_id, p.name, p.kind).where(
        p.state == "listed", p.valid_until < today
    )
    return rows.execute(over.order_by(p.valid_until, p.id).limit(most)).all()


def stale(
    rows: Connection, now: datetime, days: int, after: tuple[datetime, int] | None, most: int
) -> Sequence[Any]:
    """Products on sale that nobody has kept up for ``days``; page by page behind ``after``."""
    p = product_.c
    old = select(p.id, p.organization_id, p.name, p.kind, p.kept_at).where(
        p.state == "listed", p.kept_at < now - days * DAY
    )
    if after is not None:
        at, key = after
        old = old.where((p.kept_at > at) | ((p.kept_at == at) & (p.id > key)))
    return rows.execute(old.order_by(p.kept_at, p.id).limit(most)).all()


def days_since(moment: datetime, now: datetime) -> int:
    """Whole days between the local days of two moments."""
    return (local_day(now) - local_day(moment)).days
