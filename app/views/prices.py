"""A price as people read it: amount, range, start, open or free, and what it is for."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from app import choices

PRICE_COLUMNS = ("price_mode", "price_from", "price_to", "unit")
TEN_THOUSAND = 10_000 * 100


def amount(cents: int) -> str:
    """An amount in yuan, without decimals where there are none."""
    return f"{cents // 100:,}" if cents % 100 == 0 else f"{cents / 100:,.2f}"


def price(row: Any) -> str:
    """The price of a row with the columns of :data:`PRICE_COLUMNS`."""
    if row.price_mode in {"negotiable", "free"} or row.price_from is None:
        return str(choices.PRICE_MODES.of(row.price_mode).label)
    figures = {"low": amount(row.price_from), "high": amount(row.price_to or row.price_from)}
    if row.price_mode == "range":
        text = _("¥%(low)s–%(high)s", **figures)
    elif row.price_mode == "from":
        text = _("from ¥%(low)s", **figures)
    else:
        text = _("¥%(low)s", **figures)
    if not row.unit:
        return text
    unit = choices.PRICE_UNITS.of(row.unit).label
    return _("%(price)s %(unit)s", price=text, unit=unit)
