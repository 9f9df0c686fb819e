"""Attachments on a local folder: what may be stored, how it is stored, how it is served.

A file is judged by its content; its name and its declared type are only compared with that.
Who may read a file is decided by its row (:mod:`app.access`), never here.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import filetype
from flask_babel import lazy_gettext as _l
from PIL import Image

from app.errors import DomainError, Phrase

MEGABYTE = 1024 * 1024
CHUNK = 256 * 1024
HEAD = 1024  # filetype reads no further
TAIL = 2048  # some programs write blanks or a signature's padding behind %%EOF
MAX_NAME = 120
MAX_PIXELS = 50_000_000  # an A4 page scanned at 600 dpi has 35 million
MIN_LOGO = 200
KEY = re.compile(r"\d{4}/\d{2}/[0-9a-f]{32}")

EXTENSIONS = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "application/pdf": ("pdf",),
}
"""The contents that are understood, and the endings that each may have."""

Check = Callable[[Path, str], None]
"""Looks at a stored file of a known type; raises :class:`DomainError` to refuse it."""


@dataclass(frozen=True)
class Rule:
    """A material rule: what an attachment of one kind may be."""

    name: str
    label: Phrase
    extensions: tuple[str, ...]
    max_bytes: int
    checks: tuple[Check, ...] = ()

    @property
    def mimes(self) -> frozenset[str]:
        """The contents that the endings stand for."""
        return frozenset(
            mime for mime, known in EXTENSIONS.items() if set(known) & set(self.extensions)
        )

    @property
    def accept(self) -> str:
        """The endings as a file input's ``accept`` wants them."""
        return ",".join(f".{extension}" for extension in self.extensions)

    @property
    def formats(self) -> str:
        """The endings as people read them."""
        return " ".join(self.extensions)

    @property
    def max_megabytes(self) -> int:
        """The limit as people read it."""
        return self.max_bytes // MEGABYTE


@contextmanager
def stored(
    folder: Path, stream: BinaryIO, filename: str, rule: Rule, owner_id: int, now: datetime
) -> Iterator[dict[str, Any]]:
    """:func:`store`, and remove the file again when the block that adds its row fails."""
    values = store(folder, stream, filename, rule, owner_id, now)
    try:
        yield values
    except BaseException:
        remove(folder, values["key"])
        raise


def store(
    folder: Path, stream: BinaryIO, filename: str, rule: Rule, owner_id: int, now: datetime
) -> dict[str, Any]:
    """Check ``stream`` by ``rule``, write it below ``folder``; the values of its attachment row.

    :raises DomainError: naming the limit that was passed; nothing is kept then.
    """
    name = clean_name(filename)
    extension = _extension(name)
    if extension not in rule.extensions:
        raise _wrong_kind(rule)
    key = f"{now:%Y/%m}/{secrets.token_hex(16)}"
    target = folder / key
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    try:
        size, digest = _write(unfinished, stream, rule)
        mime = _judge(unfinished, extension, rule)
        unfinished.rename(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return {
        "name": name,
        "rule": rule.name,
        "mime": mime,
        "size": size,
        "sha256": digest,
        "key": key,
        "owner_id": owner_id,
        "uploaded_at": now,
    }


def open_stored(folder: Path, key: str) -> BinaryIO:
    """The content of the attachment that lies at ``key``.

    :raises FileNotFoundError: when it is gone.
    """
    return _path(folder, key).open("rb")


def remove(folder: Path, key: str) -> None:
    """Delete the file at ``key``, if it is there."""
    _path(folder, key).unlink(missing_ok=True)


def picture(mime: str) -> bool:
    """Whether a page may show it as an image."""
    return mime in {"image/jpeg", "image/png"}


def disposition(attachment: Any) -> dict[str, str]:
    """The headers an attachment is served with: nothing in it may run in the page's name.

    Pictures and PDF open in the browser, everything else is only ever saved.
    """
    inline = picture(attachment.mime) or attachment.mime == "application/pdf"
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


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _path(folder: Path, key: str) -> Path:
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key of the storage: {key!r}")
    return folder / key


def _write(path: Path, stream: BinaryIO, rule: Rule) -> tuple[int, str]:
    """Copy ``stream``, at most one byte more than allowed; size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    private = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(private, "wb") as file:
        while chunk := stream.read(min(CHUNK, rule.max_bytes + 1 - size)):
            size += len(chunk)
            if size > rule.max_bytes:
                raise DomainError(
                    _l("The file is larger than %(limit)s MB.", limit=rule.max_megabytes),
                    _l("Make it smaller, for instance by scanning it at 200 dpi."),
                )
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise DomainError(_l("The file is empty."), _l("Choose the file again."))
    return size, digest.hexdigest()


def _judge(path: Path, extension: str, rule: Rule) -> str:
    """The type of the content; refuses what the rule, the ending or a check does not allow."""
    with path.open("rb") as file:
        kind = filetype.guess(file.read(HEAD))  # type: ignore[no-untyped-call]
    mime = kind.mime if kind else ""
    if mime not in rule.mimes:
        raise _wrong_kind(rule)
    if extension not in EXTENSIONS[mime]:
        raise DomainError(
            _l("The file is not what its name says."),
            _l("Save it again in the format that its ending stands for, then upload it."),
        )
    for check in (CONTENT_CHECKS[mime], *rule.checks):
        check(path, mime)
    return str(mime)


def _wrong_kind(rule: Rule) -> DomainError:
    return DomainError(
        _l("This file cannot be used here."),
        _l(
            "Upload one of these formats: %(formats)s, at most %(limit)s MB.",
            formats=rule.formats,
            limit=rule.max_megabytes,
        ),
    )


def _damaged() -> DomainError:
    return DomainError(
        _l("The file is damaged or incomplete."),
        _l("Open it on your computer, save it again and upload the new file."),
    )


@contextmanager
def _opened(path: Path, mime: str) -> Iterator[Image.Image]:
    """The picture, its size known and bearable; only the decoder of its own type is asked."""
    try:
        with Image.open(path, formats=(mime.rpartition("/")[2],)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels()
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for broken files
        raise _damaged() from None


def _too_many_pixels() -> DomainError:
    return DomainError(
        _l("The picture has more than %(limit)s million pixels.", limit=MAX_PIXELS // 10**6),
        _l("Make it smaller and upload it again."),
    )


def is_sound_picture(path: Path, mime: str) -> None:
    """Refuse a picture that ends early, is damaged or would fill the memory when shown."""
    with _opened(path, mime) as image:
        image.verify()  # the check sums of a PNG; nothing in a JPEG, which is decoded instead
    if mime == "image/jpeg":
        with _opened(path, mime) as image:
            image.draft("RGB", (1, 1))  # an eighth of the size: a sixty-fourth of the memory
            image.load()


def is_whole_pdf(path: Path, _mime: str) -> None:
    """Refuse a PDF whose end is missing."""
    with path.open("rb") as file:
        head = file.read(5)
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
    if head != b"%PDF-" or b"%%EOF" not in tail:
        raise _damaged()


def is_square(path: Path, mime: str) -> None:
    """Refuse a logo that is not square or too small to be shown."""
    with _opened(path, mime) as image:
        width, height = image.size
    if width != height or width < MIN_LOGO:
        raise DomainError(
            _l(
                "The picture must be square and at least %(least)s × %(least)s pixels.",
                least=MIN_LOGO,
            ),
            _l(
                "This one has %(width)s × %(height)s: crop it and upload it again.",
                width=width,
                height=height,
            ),
        )


CONTENT_CHECKS: dict[str, Check] = {
    "image/jpeg": is_sound_picture,
    "image/png": is_sound_picture,
    "application/pdf": is_whole_pdf,
}

RULES = {
    rule.name: rule
    for rule in (
        Rule("licence", _l("Licence"), ("jpg", "jpeg", "png", "pdf"), 10 * MEGABYTE),
        Rule("logo", _l("Logo"), ("jpg", "png"), 2 * MEGABYTE, (is_square,)),
        Rule("seal", _l("Sealed document"), ("jpg", "png", "pdf"), 10 * MEGABYTE),
    )
}
"""The material rules by the name that columns and uploads give them."""
