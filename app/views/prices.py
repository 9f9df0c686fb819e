"""A price as people read it: amount, range, start, open or free, and what it is for."""

from __future__ import annotations

from itertools import product
from operator import attrgetter
from typing import Any, NamedTuple

from flask import g
from flask_babel import gettext as _
from sqlalchemy import case, func, or_

from app import choices
from app.views.base import copied


class Price(NamedTuple):
    """The columns that make up a price, amounts in cents; other rows may have more."""

    price_mode: str
    price_from: int | None
    price_to: int | None
    unit: str | None


PRICE_COLUMNS = Price._fields
_columns = attrgetter(*PRICE_COLUMNS)
UNPRICED = {"negotiable", "free"}


def price_of(row: Any) -> Price:
    """The price among the columns of a row."""
    return Price._make(_columns(row))


def amount(cents: int) -> str:
    """An amount in yuan, without decimals where there are none."""
    return f"{cents // 100:,}" if cents % 100 == 0 else f"{cents / 100:,.2f}"


def price(row: Any) -> str:
    """The price of a row with the columns of :data:`PRICE_COLUMNS`."""
    if row.price_mode in UNPRICED or row.price_from is None:
        return str(choices.PRICE_MODES.of(row.price_mode).label)
    # A list has many prices and few ways of saying them: each is translated once a request.
    known: dict[Any, str] = g.setdefault("price_words", {})
    key = row.price_mode, row.unit
    if key not in known:
        known[key] = _pattern(*key)
    high = row.price_from if row.price_to is None else row.price_to
    return known[key] % {"low": amount(row.price_from), "high": amount(high)}


def worded_price(columns: Any) -> Any:
    """What :func:`price` says as SQL, from the columns of :data:`PRICE_COLUMNS` by name."""
    mode, low, high, unit = (columns[name] for name in PRICE_COLUMNS)
    places = {"low": "%1$s", "high": "%2$s"}  # as PostgreSQL's format() names them
    kinds = product(choices.PRICE_MODES.codes(), ["", *choices.PRICE_UNITS.codes()])
    patterns = {f"{kind} {each}": _pattern(kind, each) % places for kind, each in kinds}
    labels = {code: str(label) for code, label in choices.PRICE_MODES.pairs()}
    pattern = copied.looked_up(patterns, mode.concat(" ").concat(func.coalesce(unit, "")))
    more = case((mode == "range", _worded_amount(func.coalesce(high, low))))
    amounts = (_worded_amount(low), more)
    is_open = or_(mode.in_(UNPRICED), low.is_(None))
    return case((is_open, copied.looked_up(labels, mode)), else_=func.format(pattern, *amounts))


def _worded_amount(cents: Any) -> Any:
    return case((cents % 100 == 0, copied.grouped(cents // 100)), else_=copied.yuan(cents))


def _pattern(mode: str, unit: str | None) -> str:
    """How a price of this kind is said, with places for its amounts."""
    text = {"range": _("¥%(low)s–%(high)s"), "from": _("from ¥%(low)s")}.get(mode, _("¥%(low)s"))
    if not unit:
        return text
    return _("%(price)s %(unit)s", price=text, unit=choices.PRICE_UNITS.of(unit).label)
