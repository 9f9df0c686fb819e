"""The vocabulary that models are written in: labelled columns, UTC times, money, choices.

What people read of a column is written once, beside the column; lists, filters, forms,
details, exports and searches read it from there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import LazyString
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    String,
)
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.types import TypeDecorator

Phrase = LazyString | str
"""Words to show: translated when shown, in the reader's language."""

Key = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers only INTEGER keys by itself


@dataclass(frozen=True)
class Choice:
    """One fixed value that code depends on; ``css`` is its badge class (n i s w d)."""

    code: str
    label: Phrase
    css: str = "n"


class Choices(tuple[Choice, ...]):
    """The fixed values of a column, in the order in which they are offered."""

    __slots__ = ()

    def of(self, code: str) -> Choice:
        """The choice named ``code``; an unknown one shows its code."""
        return next((c for c in self if c.code == code), None) or Choice(code, code)

    def codes(self) -> list[str]:
        """All codes."""
        return [c.code for c in self]

    def pairs(self) -> Iterator[tuple[str, Phrase]]:
        """Code and label, as a select wants them."""
        return ((c.code, c.label) for c in self)


@dataclass(frozen=True)
class FieldInfo:
    """What the generated pages know of a column or relation.

    ``kind`` narrows a text (mobile, tel, email, url, credit_code, long, flow,
    message: a msgid translated when shown; rich: with formatting), a number (year) or a moment
    (due); a one-to-many relation of kind ``links`` is a choice of several rows of another table;
    ``dictionary`` names the dictionary whose codes are stored; ``limit`` is the most items of a
    multiple choice or the most child rows; ``minimum`` is the least length or value; ``rule`` is
    the material rule of an attachment or, on a one-to-many relation to rows with an
    ``attachment``, of several (``limit``); ``only_if`` names the flag without which the field does
    not apply; ``unit`` is the unit a money amount is typed in, in yuan; ``columns`` are the
    columns of child rows; ``by_flow`` marks a state that only the engine writes; ``sensitive``
    is the kind of personal data (see :data:`MASKS`), shown masked to others than its owners.
    """

    label: Phrase
    hint: Phrase = ""
    section: Phrase = ""
    kind: str = ""
    choices: Choices | None = None
    checked: bool = False
    dictionary: str = ""
    limit: int = 0
    minimum: int | None = None
    maximum: int | None = None
    rule: str = ""
    only_if: str = ""
    unit: int = 1
    required: bool | None = None
    past: bool = False
    search: bool = False
    by_flow: bool = False
    sensitive: str = ""
    columns: tuple[str, ...] = ()


INFO = frozenset(FieldInfo.__dataclass_fields__) - {"label"}


def _masked_phone(value: str) -> str:
    """``138****1234``, a line number as ``0451-****1234``; a short one keeps two digits."""
    if value.startswith("0") and "-" in value:
        area, _dash, number = value.partition("-")
        return f"{area}-****{number[-4:]}" if len(number) > MASKED_FROM else f"{area}-****"
    return f"{value[:3]}****{value[-4:]}" if len(value) > MASKED_FROM else f"****{value[-2:]}"


def _masked_email(value: str) -> str:
    name, _at, host = value.rpartition("@")
    return f"{name[:1]}***@{host}"


MASKED_FROM = 7
MASKS: dict[str, Callable[[str], str]] = {
    "phone": _masked_phone,
    "email": _masked_email,
    "id_number": lambda value: f"{value[:3]}{'*' * max(4, len(value) - 5)}{value[-2:]}",
    "bank": lambda value: f"****{value[-4:]}",
    "name": lambda value: f"{value[:1]}*",
}
"""How personal data looks to those who may not read it, by kind."""

_PHONE = re.compile(r"(?<![0-9A-Za-z])(?:\+?86)?1\d{10}(?![0-9A-Za-z])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def masked(kind: str, value: Any) -> str:
    """``value`` masked as its kind is; an empty one stays empty."""
    return MASKS[kind](str(value)) if value not in (None, "") else ""


def masked_text(text: str) -> str:
    """``text`` with every mobile number and mail address within it masked."""
    text = _PHONE.sub(lambda found: _masked_phone(found[0]), text)
    if "@" not in text:
        return text
    return _EMAIL.sub(lambda found: _masked_email(found[0]), text)


MASKS["account"] = masked_text  # a user name is a mobile number where none was chosen


def about(label: Phrase, **info: Any) -> dict[str, Any]:
    """The ``info`` of a relation: ``relationship(info=about(_l("Region")))``."""
    return {"field": FieldInfo(label, **info)}


def field(label: Phrase, *args: Any, **kwargs: Any) -> MappedColumn[Any]:
    """A ``mapped_column`` that carries what people read of it (see :class:`FieldInfo`)."""
    info = {name: kwargs.pop(name) for name in INFO & kwargs.keys()}
    return mapped_column(*args, info={"field": FieldInfo(label, **info)}, **kwargs)


def choice(label: Phrase, choices: Choices, **kwargs: Any) -> MappedColumn[Any]:
    """A short code out of ``choices``, checked by the database too."""
    return field(label, String(20), choices=choices, checked=True, **kwargs)


def bare(phrase: str) -> str:
    """Letters and digits alone, width and case folded: all spellings of one name are equal."""
    folded = unicodedata.normalize("NFKC", phrase).casefold()
    return "".join(c for c in folded if c.isalnum())[:128]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, on every database; a naive one is refused on the way in."""

    impl = DateTime
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC, without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: use app.clock.now()")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


MOST_AMOUNT = 10**13
"""A hundred thousand million yuan in 分: no transaction is larger, and a million of them add up."""


class Money(TypeDecorator[int]):
    """An amount in 分 (cents of a yuan), as an integer."""

    impl = BigInteger
    cache_ok = True
    python_type = int
