"""The formal pre-check (形式审查) of what a model declares: required fields, lengths, formats.

A form tells a fault beside its field while it is filled in; here the stored or still unsaved row
is judged as a whole, so that nothing incomplete is submitted by any other way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from sqlalchemy import inspect
from sqlalchemy.orm import ColumnProperty, RelationshipProperty
from stdnum.cn import ric, uscc

from app.columns import FieldInfo, Money, Phrase
from app.errors import Problem
from app.services import richtext

REQUIRED = _l("This field is required.")
MOBILE = re.compile(r"1\d{10}", re.ASCII)
TEL = re.compile(
    r"(\+?\d{1,3}[- ]?)?(\d{3,4}[- ]?)?\d{7,8}([-转]\d{1,6})?"
    r"|1\d{10}|[48]00[- ]?\d{3}[- ]?\d{4}",
    re.ASCII,
)
URL = re.compile(r"https?://[^\s<>\"']+")


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def has_no_site(text: str) -> bool:
    """Whether somebody says that there is no web site (S2-3)."""
    return text.strip().casefold() in {"无", "none"}


FORMATS: dict[str, tuple[Callable[[str], object], Phrase]] = {
    "mobile": (MOBILE.fullmatch, _l("A mobile number has 11 digits and begins with 1.")),
    "tel": (TEL.fullmatch, _l("This is not a phone number; write it like 0451-12345678.")),
    "url": (URL.fullmatch, _l("A web address begins with http:// or https://.")),
    "site": (
        lambda text: has_no_site(text) or URL.fullmatch(text),
        _l('A web address begins with http:// or https://; without one, write "none".'),
    ),
    "email": (_is_email, _l("This is not an e-mail address; write it like name@example.com.")),
    "id_number": (
        ric.is_valid,
        _l("The ID number is wrong: 18 characters, the last one is a check digit."),
    ),
    "credit_code": (
        uscc.is_valid,
        _l("The credit code is wrong: 18 characters, the last one is a check digit."),
    ),
}
"""What a text of a kind must look like, and what to say when it does not."""


def problems(row: Any, today: date) -> list[Problem]:
    """Every declared rule that ``row`` breaks, by the name of its column or relation.

    ``row`` may be unsaved and partly filled.  What has no section is not part of a form.
    """
    return [Problem(name, text) for name, text in _faults(row, today, top=True)]


def _faults(row: Any, today: date, *, top: bool) -> Iterator[tuple[str, Phrase]]:
    mapper = inspect(type(row))
    for prop in mapper.attrs:
        info = info_of(prop)
        if info is None or info.by_flow or (top and not info.section):
            continue
        if info.only_if and not getattr(row, info.only_if):
            continue
        if _is_blank(row, prop, info):
            if is_required(prop, info):
                yield prop.key, REQUIRED
        elif text := wrong(prop, info, getattr(row, prop.key), today):
            yield prop.key, text


def info_of(prop: Any) -> FieldInfo | None:
    """What is declared of a column or relation of a model."""
    holder = prop.columns[0] if isinstance(prop, ColumnProperty) else prop
    found: FieldInfo | None = holder.info.get("field")
    return found


def _is_blank(row: Any, prop: Any, info: FieldInfo) -> bool:
    """Whether nothing is there; of a relation, its key or the related row is enough."""
    if isinstance(prop, RelationshipProperty) and not prop.uselist:
        keys = [prop.parent.get_property_by_column(c).key for c in prop.local_columns]
        return all(getattr(row, k) is None for k in keys) and getattr(row, prop.key) is None
    value = getattr(row, prop.key)
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or (value is False and info.required is True)


def is_required(prop: Any, info: FieldInfo) -> bool:
    """Whether a form may not be submitted without it."""
    if info.required is not None:
        return info.required
    if isinstance(prop, ColumnProperty):
        column: Any = prop.columns[0]
        return not column.nullable and column.default is None
    return not prop.uselist and not any(column.nullable for column in prop.local_columns)


def wrong(prop: Any, info: FieldInfo, value: Any, today: date) -> Phrase:
    """What is wrong with a value that is there; empty when nothing is."""
    if isinstance(prop, RelationshipProperty):
        return _wrong_rows(info, value, today) if prop.uselist else ""
    if isinstance(value, str):
        return _wrong_text(prop, info, value.strip())
    if isinstance(value, list):
        return _l("Choose at most %(n)s.", n=info.limit) if len(value) > info.limit > 0 else ""
    if isinstance(value, date):
        return _l("This day is still to come.") if info.past and value > today else ""
    return _wrong_number(prop, info, value) if isinstance(value, int) else ""


def _wrong_number(prop: Any, info: FieldInfo, value: int) -> Phrase:
    low = info.minimum or 0
    if value < low:
        return _l("At least %(n)s.", n=_as_typed(prop, info, low))
    if info.maximum is not None and value > info.maximum:
        return _l("At most %(n)s.", n=_as_typed(prop, info, info.maximum))
    return ""


def _as_typed(prop: Any, info: FieldInfo, bound: int) -> str:
    """A bound as people would type it: an amount in its unit, not in 分."""
    is_money = prop is not None and isinstance(prop.columns[0].type, Money)
    return f"{Decimal(bound) / 100 / info.unit:f}" if is_money else str(bound)


def _wrong_text(prop: Any, info: FieldInfo, text: str) -> Phrase:
    if info.kind == "rich":
        text = richtext.text_of(text)
    if info.minimum is not None and len(text) < info.minimum:
        return _l("Write at least %(n)s characters.", n=info.minimum)
    column = prop.columns[0] if prop is not None else None
    longest = info.maximum or getattr(getattr(column, "type", None), "length", None)
    if longest and len(text) > longest:
        return _l("Write at most %(n)s characters.", n=longest)
    if info.kind in FORMATS:
        fits, words = FORMATS[info.kind]
        return "" if fits(text) else words
    return ""


def _wrong_rows(info: FieldInfo, rows: list[Any], today: date) -> Phrase:
    if info.limit and len(rows) > info.limit:
        if info.rule:
            return _l("At most %(n)s files.", n=info.limit)
        return _l("At most %(n)s rows.", n=info.limit)
    for number, row in enumerate(rows, 1):
        for _ in _faults(row, today, top=False):
            return _l("Row %(n)s is not complete yet.", n=number)
    return ""
