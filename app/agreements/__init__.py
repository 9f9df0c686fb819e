"""The agreements that people accept (用户协议, 隐私政策): versioned files beside this module.

A file is named ``<key>-<version>.<language>.md``: a title line and paragraphs.  A version that
somebody may have accepted is never edited; a change is a new file with the next version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask_babel import get_locale

FOLDER = Path(__file__).parent
NAME = re.compile(r"(?P<key>[a-z_]+)-(?P<version>\d+\.\d+)\.(?P<language>zh|en)\.md")
KEYS = ("user_agreement", "privacy_policy")
"""What is accepted at registration, in the order in which it is shown."""


@dataclass(frozen=True)
class Text:
    """An agreement in one language."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One version of an agreement, in every language."""

    key: str
    version: str
    texts: Mapping[str, Text]

    def text(self, locale: str | None = None) -> Text:
        """The words in ``locale``, or in the language of the request; Chinese otherwise."""
        language = (locale or str(get_locale() or ""))[:2]
        return self.texts.get(language, self.texts["zh"])


@cache
def _all() -> Mapping[tuple[str, str], Document]:
    texts: dict[tuple[str, str], dict[str, Text]] = {}
    for path in sorted(FOLDER.glob("*.md")):
        named = NAME.fullmatch(path.name)
        if named is None:
            raise ValueError(f"{path.name} is not named <key>-<version>.<language>.md")
        title, *paragraphs = path.read_text(encoding="utf-8").strip().split("\n\n")
        text = Text(title.removeprefix("# ").strip(), tuple(p.strip() for p in paragraphs))
        texts.setdefault((named["key"], named["version"]), {})[named["language"]] = text
    return {key: Document(*key, said) for key, said in texts.items()}


def documents() -> tuple[Document, ...]:
    """The agreements in force: the newest version of each."""
    return tuple(
        max(
            (document for document in _all().values() if document.key == key),
            key=lambda document: [int(part) for part in document.version.split(".")],
        )
        for key in KEYS
    )


def document(key: str, version: str | None = None) -> Document | None:
    """One version of an agreement, the one in force without ``version``; None if unknown."""
    if version is None:
        return next((current for current in documents() if current.key == key), None)
    return _all().get((key, version))
