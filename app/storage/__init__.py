"""Attachments: what may be stored, how it is stored, how it is served.

A file is judged by its content; its name and its declared type are only compared with that.
Who may read a file is decided by its row (:mod:`app.access`), never here.  The rules are in
:mod:`~app.storage.rules`, the judges in :mod:`~app.storage.contents` and what it calls, folders
and buckets in :mod:`~app.storage.places`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, Any, BinaryIO
from urllib.parse import quote

from flask_babel import lazy_gettext as _l

from app.errors import DomainError
from app.storage.contents import judge, preview
from app.storage.places import Store, StoreDown
from app.storage.rules import LARGEST, MEGABYTE, RULES, Rule, empty, too_large, wrong_kind

__all__ = [
    "LARGEST", "MEGABYTE", "RULES", "Rule", "Store", "StoreDown", "clean_name", "disposition",
    "megabytes", "preview", "store", "stored",
]  # fmt: skip

CHUNK = 256 * 1024
MAX_NAME = 120
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # text that reads from right to left


@contextmanager
def stored(
    place: Store, stream: BinaryIO, filename: str, rule: Rule, owner_id: int, now: datetime
) -> Iterator[dict[str, Any]]:
    """:func:`store`, and remove the file again when the block that adds its row fails."""
    values = store(place, stream, filename, rule, owner_id, now)
    try:
        yield values
    except BaseException:
        with suppress(StoreDown):  # the nightly sweep finds it
            place.remove(values["key"])
        raise


def store(
    place: Store, stream: BinaryIO, filename: str, rule: Rule, owner_id: int, now: datetime
) -> dict[str, Any]:
    """Check ``stream`` by ``rule``, write it to ``place``; the values of its attachment row.

    It is judged as a temporary file without a name, which is gone with this process, and put
    into its place only then.

    :raises DomainError: naming the limit that was passed; nothing is kept then.
    """
    _plain(filename)
    name = clean_name(filename)
    extension = _extension(name)
    if extension not in rule.extensions:
        raise wrong_kind(rule)
    key = f"{now:%Y/%m}/{secrets.token_hex(16)}"
    try:
        with tempfile.TemporaryFile() as file:
            _copy(stream, file, rule)
            content = judge(file, extension, rule)
            size, digest = _measure(file)
            place.put(key, file)
    except OSError as fault:  # no room for the temporary file
        raise StoreDown from fault
    return {
        "name": name,
        "rule": rule.name,
        "mime": content.mime,
        "pages": content.pages,
        "listing": content.listing,
        "size": size,
        "sha256": digest,
        "key": key,
        "owner_id": owner_id,
        "uploaded_at": now,
    }


def disposition(attachment: Any) -> dict[str, str]:
    """The headers an attachment is served with: nothing in it may run in the page's name.

    Pictures and PDF open in the browser, everything else is only ever saved.
    """
    inline = bool(preview(attachment.mime))
    plain = f"file.{_extension(attachment.name)}".encode("ascii", "ignore").decode()
    return {
        "Content-Type": attachment.mime if inline else "application/octet-stream",
        "Content-Disposition": (
            f'{"inline" if inline else "attachment"}; filename="{plain}"; '
            f"filename*=UTF-8''{quote(attachment.name, safe='')}"
        ),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }


def megabytes(size: int) -> str:
    """A size as people read it."""
    if size < MEGABYTE:
        return f"{max(1, round(size / 1024))} KB"
    return f"{size / MEGABYTE:.1f} MB".replace(".0 ", " ")


def clean_name(filename: str) -> str:
    """A file name to show and to save under: no path, nothing invisible, at most 120 characters."""
    last = unicodedata.normalize("NFC", filename).replace("\\", "/").rpartition("/")[2]
    # "C": control, format (bidi, zero-width), surrogates, unassigned; lines end in Zl and Zp.
    visible = "".join(
        " " if char.isspace() else char
        for char in last
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    name = " ".join(visible.split()).strip(". ")
    if len(name) > MAX_NAME:
        stem, dot, ending = name.rpartition(".")
        kept = MAX_NAME - len(dot + ending)
        name = f"{stem[:kept].rstrip()}{dot}{ending}" if stem and kept > 0 else name[:MAX_NAME]
    return name or "file"


def _plain(filename: str) -> None:
    """Refuse a name that no honest browser sends; a path in front of it is merely cut off."""
    parts = filename.replace("\\", "/").split("/")
    if TURNING.search(filename) or "\x00" in filename or ".." in parts:
        raise DomainError(
            _l("The name of the file leads elsewhere or misleads the reader."),
            _l("Give it a plain name, then upload it again."),
        )


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _copy(stream: BinaryIO, file: IO[bytes], rule: Rule) -> None:
    """Copy ``stream``, at most one byte more than allowed."""
    size = 0
    while chunk := stream.read(min(CHUNK, rule.max_bytes + 1 - size)):
        size += len(chunk)
        if size > rule.max_bytes:
            raise too_large(rule)
        file.write(chunk)
    if not size:
        raise empty()


def _measure(file: IO[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of what is kept."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
    return file.tell(), digest.hexdigest()
