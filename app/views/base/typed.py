"""What people type: keys, texts and codes in their plain spelling."""

from __future__ import annotations

import re
import unicodedata

KEY_DIGITS = 19
UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def is_key(raw: str) -> bool:
    """Digits that fit a bigint."""
    return raw.isascii() and raw.isdecimal() and len(raw) < KEY_DIGITS


def clean(text: str) -> str:
    """What people typed without what nobody sees, and without outer blanks.

    Out go control characters, NUL among them, and marks of format: those of zero width, and those
    that turn the direction of writing, by which a name could pass for another.
    """
    lines = _LINE_END.sub("\n", text)
    kept = (c for c in lines if c in "\n\t" or unicodedata.category(c) not in UNSEEN)
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def plain_code(text: str) -> str:
    """A code, phone or address typed full-width or with blanks, as it is stored."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
