"""What a reviewer should look at in the texts of a form: words of praise, phone numbers, names.

Nothing here forbids anything: a word may be right where it stands, so it is shown in its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import ColumnProperty, RelationshipProperty

from app.columns import Phrase, bare
from app.search import bigrams
from app.services import formal, richtext

AROUND = 6
"""So many characters on each side are shown of what was found."""
PHONE = re.compile(
    r"(?<![\d.])(?:1\d{2}[\s-]?\d{4}[\s-]?\d{4}|0\d{2,3}[\s-]?\d{7,8}|[48]00[\s-]?\d{3}[\s-]?\d{4})"
    r"(?![\d.])"
)


def texts(row: Any) -> Iterator[tuple[Phrase, str]]:
    """The texts that somebody wrote into a form, by the label of their field; child rows too."""
    for prop in inspect(type(row)).attrs:
        info = formal.info_of(prop)
        if info is None or info.by_flow or info.rule or not info.section:
            continue
        if isinstance(prop, RelationshipProperty):
            if prop.uselist and info.kind != "links":
                for child in getattr(row, prop.key):
                    yield from ((info.label, text) for text in _own_texts(child))
        else:
            yield from ((info.label, text) for text in _texts_of(row, prop))


def _own_texts(row: Any) -> Iterator[str]:
    for prop in inspect(type(row)).column_attrs:
        yield from _texts_of(row, prop)


def _texts_of(row: Any, prop: ColumnProperty[Any]) -> Iterator[str]:
    info, value = formal.info_of(prop), getattr(row, prop.key)
    if info is None or not isinstance(value, str) or info.choices or info.dictionary:
        return
    if text := richtext.text_of(value) if info.kind == "rich" else value.strip():
        yield text


def folded(text: str) -> str:
    """As it is compared: full-width letters and digits as plain ones, in lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def praise(
    said: Iterable[tuple[Phrase, str]], forbidden: Iterable[str]
) -> Mapping[str, list[Phrase]]:
    """Where a forbidden word stands, blanks between its characters included; by what is read."""
    words = [r"\s*".join(map(re.escape, folded(word))) for word in forbidden]
    return _found(said, re.compile("|".join(words))) if words else {}


def phones(said: Iterable[tuple[Phrase, str]]) -> Mapping[str, list[Phrase]]:
    """Where a phone number stands within a text, by what is read."""
    return _found(said, PHONE)


def _found(
    said: Iterable[tuple[Phrase, str]], wanted: re.Pattern[str]
) -> Mapping[str, list[Phrase]]:
    found: dict[str, list[Phrase]] = {}
    for label, text in said:
        plain = folded(text)
        for hit in wanted.finditer(plain):
            shown = plain[max(0, hit.start() - AROUND) : hit.end() + AROUND].strip()
            found.setdefault(shown, []).append(label)
    return found


def likeness(one: str, other: str) -> float:
    """How like two names are, 0 to 1: the pairs of characters that they share (Dice)."""
    first, second = (set(bigrams(bare(name)).split()) for name in (one, other))
    if not first or not second:
        return 0.0
    return 2 * len(first & second) / (len(first) + len(second))
