"""A price as people read it: amount, range, start, open or free, and what it is for."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, NamedTuple

from flask import g
from flask_babel import gettext as _

from app import choices


class Price(NamedTuple):
    """The columns that make up a price, amounts in cents; other rows may have more."""

    price_mode: str
    price_from: int | None
    price_to: int | None
    unit: str | None


PRICE_COLUMNS = Price._fields
_columns = attrgetter(*PRICE_COLUMNS)


def price_of(row: Any) -> Price:
    """The price among the columns of a row."""
    return Price._make(_columns(row))


def amount(cents: int) -> str:
    """An amount in yuan, without decimals where there are none."""
    return f"{cents // 100:,}" if cents % 100 == 0 else f"{cents / 100:,.2f}"


def price(row: Any) -> str:
    """The price of a row with the columns of :data:`PRICE_COLUMNS`."""
    if row.price_mode in {"negotiable", "free"} or row.price_from is None:
        return str(choices.PRICE_MODES.of(row.price_mode).label)
    # A list has many prices and few ways of saying them: each is translated once a request.
    known: dict[Any, str] = g.setdefault("price_words", {})
    key = row.price_mode, row.unit
    if key not in known:
        known[key] = _pattern(*key)
    high = row.price_from if row.price_to is None else row.price_to
    return known[key] % {"low": amount(row.price_from), "high": amount(high)}


def _pattern(mode: str, unit: str | None) -> str:
    """How a price of this kind is said, with places for its amounts."""
    text = {"range": _("¥%(low)s–%(high)s"), "from": _("from ¥%(low)s")}.get(mode, _("¥%(low)s"))
    if not unit:
        return text
    return _("%(price)s %(unit)s", price=text, unit=choices.PRICE_UNITS.of(unit).label)
