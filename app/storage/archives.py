"""Archives: what they hold is read from their lists and shown; nothing is ever unpacked."""

from __future__ import annotations

import lzma
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import rarfile
from flask_babel import lazy_gettext as _l

from app.errors import DomainError
from app.storage.rules import MEGABYTE, active, damaged, locked, oversized

MOST_ENTRIES = 200
DEEPEST = 5
LARGEST = 200 * MEGABYTE
RATIO = 100  # text shrinks to a tenth; a hundredth and less is nothing but repetition
HARMLESS = 10 * MEGABYTE  # so much may be repetition
UNREADABLE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError, LookupError,
    NotImplementedError, RuntimeError, EOFError,
)  # fmt: skip
"""What a broken zip, or a broken part of one, makes its readers stumble over."""

RUNNABLE = frozenset(
    (
        *("exe", "dll", "com", "scr", "pif", "cpl", "sys", "ocx", "msi", "msp", "msix", "bat"),
        *("cmd", "ps1", "psm1", "vbs", "vbe", "vb", "js", "jse", "mjs", "wsf", "wsh", "hta"),
        *("lnk", "url", "reg", "inf", "scf", "chm", "jar", "jnlp", "apk", "appx", "app", "dmg"),
        *("pkg", "deb", "rpm", "run", "sh", "bash", "py", "pyc", "pl", "php", "phtml", "asp"),
        *("aspx", "jsp", "htm", "html", "xhtml", "shtml", "mht", "mhtml", "svg", "swf", "xll"),
        *("xlam", "xlsm", "xlsb", "xltm", "docm", "dotm", "pptm", "potm", "ppsm", "ppam"),
        *("iso", "img", "vhd", "vhdx"),
    )
)
ARCHIVES = frozenset(
    ("zip", "rar", "7z", "gz", "tgz", "bz2", "xz", "tar", "cab", "arj", "lzh", "z", "zst", "ace")
)


@dataclass(frozen=True)
class Entry:
    """One line of an archive's list."""

    name: str
    size: int
    packed: int
    is_folder: bool
    is_link: bool
    is_locked: bool


def zip_listing(file: IO[bytes]) -> list[dict[str, Any]]:
    """What a zip archive holds, judged.

    :raises DomainError: when it is damaged, locked, a bomb, or holds what could run.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [_zip_entry(info) for info in archive.infolist()]
    except UNREADABLE:
        raise damaged() from None
    return _listing(entries)


def _zip_entry(info: zipfile.ZipInfo) -> Entry:
    kind = stat.S_IFMT(info.external_attr >> 16)
    return Entry(
        _zip_name(info),
        info.file_size,
        info.compress_size,
        info.is_dir(),
        stat.S_ISLNK(kind),
        bool(info.flag_bits & 1),
    )


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as its writer meant it: without the flag for UTF-8, most write GBK here."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def rar_listing(file: IO[bytes]) -> list[dict[str, Any]]:
    """What a rar archive holds, judged; its headers are read without any other program.

    :raises DomainError: as :func:`zip_listing`.
    """
    file.seek(0)
    try:
        with rarfile.RarFile(file, errors="strict") as archive:  # type: ignore[no-untyped-call]
            if archive.needs_password():
                raise locked()
            if len(archive.volumelist()) > 1 or not archive.infolist():
                raise damaged()
            entries = [_rar_entry(info) for info in archive.infolist()]
    except (rarfile.Error, OSError, ValueError, IndexError, EOFError):
        raise damaged() from None
    return _listing(entries)


def _rar_entry(info: Any) -> Entry:
    return Entry(
        info.filename,
        info.file_size or 0,
        info.compress_size or 0,
        info.is_dir(),
        info.is_symlink() or info.file_redir is not None,
        info.needs_password(),
    )


def _listing(entries: list[Entry]) -> list[dict[str, Any]]:
    """The list to keep; refuses by number, names, depth and size unpacked."""
    if not entries:
        raise damaged()
    if len(entries) > MOST_ENTRIES:
        raise DomainError(
            _l("The archive holds more than %(most)s entries.", most=MOST_ENTRIES),
            _l("Leave out what is not needed, then upload it again."),
        )
    for entry in entries:
        _judge(entry)
    names = [entry.name.rstrip("/").casefold() for entry in entries]
    if len(set(names)) < len(names):
        raise damaged()
    unpacked, packed = sum(e.size for e in entries), sum(e.packed for e in entries)
    if unpacked > LARGEST or is_bomb(unpacked, packed):
        raise oversized()
    return [{"name": e.name, "size": e.size} for e in entries if not e.is_folder]


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether so much out of so little is no honest file."""
    return unpacked > HARMLESS and unpacked > RATIO * max(packed, 1)


def _judge(entry: Entry) -> None:
    if entry.is_locked:
        raise locked()
    for is_so, refuse in _FAULTS:
        if is_so(entry):
            raise refuse(entry)


def _misleading(_entry: Entry) -> DomainError:
    return DomainError(
        _l("The archive holds an entry whose name leads elsewhere or misleads the reader."),
        _l("Rename it: plain names in plain folders, then pack the archive again."),
    )


def _too_deep(_entry: Entry) -> DomainError:
    return DomainError(
        _l("The folders of the archive are nested deeper than %(most)s.", most=DEEPEST),
        _l("Pack the files without the outer folders."),
    )


def _runnable(entry: Entry) -> DomainError:
    return active(_l("a program or script (%(name)s)", name=entry.name[-60:]))


def _nested(entry: Entry) -> DomainError:
    return DomainError(
        _l("The archive holds another archive (%(name)s).", name=entry.name[-60:]),
        _l("Unpack it and put its files into the outer one."),
    )


def _parts(entry: Entry) -> list[str]:
    return entry.name.replace("\\", "/").rstrip("/").split("/")


def misleads(name: str) -> bool:
    """Whether a name holds signs that cannot be seen or turn the direction of reading."""
    return any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in name)


def ending(name: str) -> str:
    """The ending of a name, as a careless system would read it."""
    return name.rstrip(". ").rpartition(".")[2].lower() if "." in name else ""


def _leads_elsewhere(entry: Entry) -> bool:
    parts = _parts(entry)
    return (
        entry.is_link
        or misleads(entry.name)
        or ".." in parts
        or "" in parts
        or bool(re.match(r"[a-zA-Z]:", entry.name))
    )


_FAULTS: tuple[tuple[Callable[[Entry], bool], Callable[[Entry], DomainError]], ...] = (
    (_leads_elsewhere, _misleading),
    (lambda entry: len(_parts(entry)) > DEEPEST, _too_deep),
    (lambda entry: not entry.is_folder and ending(entry.name) in RUNNABLE, _runnable),
    (lambda entry: not entry.is_folder and ending(entry.name) in ARCHIVES, _nested),
)


def runnable(names: Iterator[str]) -> str:
    """The first name that a computer would run; empty without one."""
    return next((name for name in names if ending(name) in RUNNABLE), "")
