"""The filter bar: what stands in it, and what a value in the address bar means as SQL.

Whatever cannot be understood narrows nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _, ngettext

from app import clock
from app.models import Region
from app.views.base.cells import Cell
from app.views.base.fields import offered
from app.views.base.typed import is_key, plain_code

LARGEST = 10**17
STARS = ("5", "4", "3", "2", "1")
FIRST_YEAR, LAST_YEAR = 1900, 2999
KINDS = {
    "badge": "choice",
    "term": "choice",
    "flag": "choice",
    "time": "dates",
    "date": "dates",
    "relation": "relation",
    "money": "amounts",
    "stars": "choice",
}


def condition(cell: Cell, column: Any, raw: str) -> Any:
    """What ``raw`` asks of a column of this kind; None when it is not understood."""
    if cell.kind in {"badge", "term"}:
        return column == raw if raw in dict(offered(cell.info)) else None
    if cell.kind in {"time", "date"}:
        return _between(column, raw, moments=cell.kind == "time")
    if cell.kind == "stars":
        return _stars(column, raw)
    if cell.kind == "money":
        return _amounts(column, raw, cell.info.unit)
    if cell.kind == "flag":
        return column.is_(raw == "1") if raw in {"0", "1"} else None
    return column.contains(raw, autoescape=True)


def pointing(other: type, column: Any, raw: str) -> Any:
    """Rows whose foreign key ``column`` names the row ``raw`` of ``other``; a region: its subtree.

    A province covers 10,000 codes, a city 100, a district one.
    """
    if not is_key(raw):
        return None
    code = int(raw)
    if other is not Region:
        return column == code
    span = 10_000 if code % 10_000 == 0 else 100 if code % 100 == 0 else 1
    return column.between(code, code + span - 1)


def entry(cell: Cell, value: str) -> dict[str, Any]:
    """One filter as the template draws it."""
    choices: Any = []
    if cell.kind == "flag":
        choices = [("1", _("Yes")), ("0", _("No"))]
    elif cell.kind == "stars":
        choices = [(n, ngettext("%(num)d star", "%(num)d stars", int(n))) for n in STARS]
    elif cell.kind in {"badge", "term"}:
        choices = offered(cell.info)
    return {
        "name": cell.name,
        "label": cell.label,
        "kind": KINDS.get(cell.kind, "text"),
        "value": value,
        "text": value,
        "choices": choices,
        "endpoint": "",
    }


def _between(column: Any, raw: str, *, moments: bool) -> Any:
    """Days from~to in Shanghai, both included; either may be missing."""
    start, _tilde, end = raw.partition("~")
    first, last = _day(start), _day(end)
    if first is None and last is None:
        return None
    low, high = first or date(FIRST_YEAR, 1, 1), last or date(LAST_YEAR, 12, 31)
    if not moments:
        return column.between(low, high)
    return (column >= clock.start_of(low)) & (column < clock.start_of(high + timedelta(days=1)))


def _stars(column: Any, raw: str) -> Any:
    """Scores that round to so many stars."""
    if raw not in STARS:
        return None
    score = int(raw) * 100
    return column.between(score - 50, score + 49)


def _amounts(column: Any, raw: str, unit: int) -> Any:
    """Amounts from~to as they are typed, both included; either may be missing."""
    start, _tilde, end = raw.partition("~")
    low, high = _cents(start, unit), _cents(end, unit)
    if low is None and high is None:
        return None
    return column.between(low or 0, LARGEST if high is None else high)


def _cents(raw: str, unit: int) -> int | None:
    try:
        cents = Decimal(plain_code(raw).replace(",", "")) * 100 * unit
    except ArithmeticError:
        return None
    return int(cents) if cents.is_finite() and 0 <= cents < LARGEST else None


def _day(raw: str) -> date | None:
    try:
        day = date.fromisoformat(raw.strip())
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
