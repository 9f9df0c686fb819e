"""What a file is by its content, and whether it may be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Any

import filetype

from app.storage import archives, documents, pictures
from app.storage.compound import SIGNATURE
from app.storage.rules import EXTENSIONS, Rule, misnamed, wrong_kind

HEAD = 1024  # filetype reads no further
PACKED = b"PK\x03\x04"
PICTURES = frozenset({"image/jpeg", "image/png"})


@dataclass(frozen=True)
class Content:
    """A judged file: its type, the pages of a PDF, what an archive holds."""

    mime: str
    pages: int | None = None
    listing: list[dict[str, Any]] | None = None


def judge(file: IO[bytes], extension: str, rule: Rule) -> Content:
    """The content of ``file``; a picture is written anew in its place.

    First what it is, by its own signs; then whether rule and name allow that; then the parser of
    the type, which reads it whole.

    :raises DomainError: when the rule, the ending or the parser refuses it.
    """
    mime = _mime(file, rule)
    if mime not in rule.mimes:
        raise wrong_kind(rule)
    if extension not in EXTENSIONS[mime]:
        raise misnamed()
    if mime in PICTURES:
        pictures.renew(file, mime, rule)
    elif mime == "application/pdf":
        return Content(mime, pages=documents.pdf_pages(file))
    elif mime.startswith(documents.OOXML):
        documents.no_macros_in_ooxml(file)
    elif mime == "application/zip":
        return Content(mime, listing=archives.zip_listing(file))
    elif mime == "application/vnd.rar":
        return Content(mime, listing=archives.rar_listing(file))
    elif mime == "message/rfc822":
        documents.no_programs_in_mail(file)
    elif mime == "video/mp4":
        documents.whole_video(file)
    return Content(mime)


def _mime(file: IO[bytes], rule: Rule) -> str:
    file.seek(0)
    head = file.read(HEAD)
    if head.startswith(PACKED):
        return _office_or_zip(file, rule)
    if head.startswith(SIGNATURE) and rule.mimes & {
        "application/vnd.ms-excel", "application/vnd.ms-outlook",
    }:  # fmt: skip
        return documents.compound_mime(file)
    guessed = filetype.guess(head)  # type: ignore[no-untyped-call]
    mime = str(guessed.mime) if guessed else ""
    if mime == "application/x-rar-compressed":
        return "application/vnd.rar"
    if not mime and "message/rfc822" in rule.mimes and documents.is_mail(file):
        return "message/rfc822"
    return mime


def _office_or_zip(file: IO[bytes], rule: Rule) -> str:
    packed = {m for m in rule.mimes if m.startswith(documents.OOXML) or m == "application/zip"}
    if not packed:
        raise wrong_kind(rule)
    return documents.ooxml_mime(file) or "application/zip"


def preview(mime: str) -> str:
    """How a page can show a file without saving it: ``picture``, ``pdf`` or not at all."""
    return "picture" if mime in PICTURES else "pdf" if mime == "application/pdf" else ""
