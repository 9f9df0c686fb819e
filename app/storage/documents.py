"""Documents: PDF, office files, mails and videos; what could run in them is refused."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesParser, Parser
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote
from xml.parsers import expat

from flask_babel import lazy_gettext as _l
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject

from app.storage.archives import (
    HARMLESS,
    LARGEST,
    UNREADABLE,
    is_bomb,
    misleads,
    runnable,
)
from app.storage.compound import SIGNATURE, Compound
from app.storage.rules import MEGABYTE, active, damaged, locked, oversized

# --- PDF ------------------------------------------------------------------------------------------

TAIL = 2048  # some programs write blanks or the padding of a signature behind %%EOF
HEAD = 1024
MARKUP = re.compile(rb"<\s*(!doctype|html|script|svg|iframe|body|\?php)|#!\s*/", re.IGNORECASE)
MOST_OBJECTS = 300_000
KEPT = 2_000  # objects held in memory at once
RUNNING = {"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToE", "/Rendition", "/Movie"}
OTHER_FILES = {"/GoToR", "/Thread"}  # harmless within the file, whatever its reader fetches outside
RISKY_KEYS = {"/JS", "/JavaScript", "/XFA", "/RichMediaContent", "/Movie"}
CARRIERS = {"/EmbeddedFile", "/EmbeddedFiles"}


def pdf_pages(file: IO[bytes]) -> int:
    """The number of pages of a sound PDF in which nothing runs and nothing is embedded.

    :raises DomainError: when it is damaged, encrypted, or more than pages to read.
    """
    _pdf_ends(file)
    file.seek(0)
    try:
        reader = PdfReader(file, strict=False)
        if reader.is_encrypted:
            raise locked()
        pages = len(reader.pages)
        _pdf_objects(reader)
    except (PyPdfError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError,
            AssertionError, RecursionError, OverflowError, NotImplementedError):  # fmt: skip
        raise damaged() from None  # pypdf raises whatever a broken file makes it stumble over
    if not pages:
        raise damaged()
    return pages


def _pdf_ends(file: IO[bytes]) -> None:
    """A PDF begins with itself and ends with itself: nothing else in front or behind."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0, 2)
    file.seek(max(0, file.tell() - TAIL))
    _before, mark, behind = file.read().rpartition(b"%%EOF")
    if not head.startswith(b"%PDF-") or not mark:
        raise damaged()
    if MARKUP.search(head) or behind.strip(b"\r\n\t \x00\x0c\x1a"):
        raise active(_l("something that is not part of the PDF"))


def _pdf_objects(reader: PdfReader) -> None:
    numbers = {(n, gen) for gen, found in reader.xref.items() for n in found}
    numbers |= {(n, 0) for n in reader.xref_objStm}
    if len(numbers) > MOST_OBJECTS:
        raise oversized()
    for number, generation in sorted(numbers):
        found = IndirectObject(number, generation, reader).get_object()
        _pdf_value(found)
        if len(reader.resolved_objects) > KEPT:
            reader.resolved_objects.clear()
    _pdf_value(reader.trailer)


def _pdf_value(found: Any) -> None:
    """Look into one object, not into those that it points at: each has its own turn."""
    if isinstance(found, DictionaryObject):
        keys = set(found)
        named = [found[key] for key in ("/S", "/Type", "/Subtype") if key in keys]
        kinds = {str(name) for name in named if isinstance(name, NameObject)}
        if keys & CARRIERS or kinds & CARRIERS or "/FileAttachment" in kinds:
            raise active(_l("embedded files"))
        if keys & RISKY_KEYS or kinds & RUNNING or (kinds & OTHER_FILES and "/F" in keys):
            raise active(_l("JavaScript or an action that starts something"))
        for key in keys:
            _pdf_value(found.raw_get(key))
    elif isinstance(found, ArrayObject):
        for index in range(len(found)):
            _pdf_value(list.__getitem__(found, index))


# --- office files -----------------------------------------------------------------------------

BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\x00\t\r\n "
OOXML = "application/vnd.openxmlformats-officedocument."
MAIN_PARTS = {
    "word/document.xml": f"{OOXML}wordprocessingml.document",
    "xl/workbook.xml": f"{OOXML}spreadsheetml.sheet",
    "ppt/presentation.xml": f"{OOXML}presentationml.presentation",
}
TYPES = "[Content_Types].xml"
MOST_PARTS = 5_000
MOST_ELEMENTS = 3_000_000  # of XML in one file: a book of a thousand pages has a third
MACRO_PARTS = re.compile(
    r"(^|/)(vbaproject|vbadata|vbaprojectsignature)[^/]*$|(^|/)(activex|ctrlprops|macrosheets)/",
    re.IGNORECASE,
)
MACRO_KINDS = {"vbaproject", "wordvbadata", "control", "activexcontrolbinary", "xlmacrosheet",
               "xlintlmacrosheet"}  # fmt: skip
MACRO_TYPES = ("macroenabled", "vbaproject", "macrosheet", "activex")
FOLLOWED = {"hyperlink", "externallinkpath", "externallinklongpath"}
"""Relations that a reader follows when he is asked or presses; all others are loaded at once."""
LOCAL = re.compile(r"(?:file:(?:///|/(?!/)|(?!/)))?(?:[a-z]:|(?![\\/])[^:]*$)", re.IGNORECASE)
"""A place on the reader's own computer: on a drive, or beside the file."""
BEGIN, END = "\x02", "\x03"  # of a field: signs that no XML can hold
RUNNING_FIELD = re.compile(rf"(?:^|[{BEGIN}{END}])\s*DDE(?:AUTO)?\b", re.IGNORECASE)
LOADING_FIELD = re.compile(
    rf"(?:^|[{BEGIN}{END}])\s*(?:INCLUDE(?:PICTURE|TEXT)?|IMPORT|LINK|RD|DATABASE)\b[^{END}]*",
    re.IGNORECASE,
)
REMOTE = re.compile(
    rf"(?:^|[\s\"'“”{BEGIN}=])(?:[a-z][a-z0-9+.-]+:)*[\\/]{{2}}(?![\\/]?[a-z]:)", re.IGNORECASE
)
INSTRUCTIONS = {"instrText", "delInstrText"}
LOOKED_AT = {"Relationship", "Override", "Default", "ddeLink", "fldSimple", "fldChar"}
BULKY = {"worksheet", "sst", "pivotCacheRecords", "calcChain"}
"""Cells: many, and none that this module looks for."""


def ooxml_mime(file: IO[bytes]) -> str:
    """What kind of office file a zip is; empty when it is none."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            names = set(package.namelist())
    except UNREADABLE:
        raise damaged() from None
    if TYPES not in names:
        return ""
    return next((mime for part, mime in MAIN_PARTS.items() if part in names), "")


def no_macros_in_ooxml(file: IO[bytes], depth: int = 1) -> None:
    """Refuse an office file with macros, controls, programs, remote parts or entities.

    :raises DomainError: also when it is damaged, or a bomb.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            _bearable(package.infolist())
            markup = _Markup()
            for info in package.infolist():
                _part(package, info, markup, depth)
    except UNREADABLE:
        raise damaged() from None


def _bearable(parts: Iterable[zipfile.ZipInfo]) -> None:
    listed = list(parts)
    unpacked, packed = sum(i.file_size for i in listed), sum(i.compress_size for i in listed)
    big = any(is_bomb(i.file_size, i.compress_size) for i in listed)
    if len(listed) > MOST_PARTS or unpacked > LARGEST or big or is_bomb(unpacked, packed):
        raise oversized()
    if any(info.flag_bits & 1 for info in listed):
        raise locked()


def _part(package: zipfile.ZipFile, info: zipfile.ZipInfo, markup: _Markup, depth: int) -> None:
    name, folded = info.filename, info.filename.casefold()
    if misleads(info.orig_filename) or name.startswith("/") or ".." in name.split("/"):
        raise damaged()
    if MACRO_PARTS.search(name):
        raise active(_l("macros or controls"))
    if runnable(iter([name])):
        raise active(_l("a program or script (%(name)s)", name=name[-60:]))
    with package.open(info) as part:
        head = part.read(HEAD)
    is_named = folded.endswith((".xml", ".rels"))
    if is_named or head.lstrip(BEFORE_XML).startswith(b"<"):
        with package.open(info) as part:
            markup.read(part, is_strict=is_named)
    if "/embeddings/" in folded or head.startswith((b"PK\x03\x04", SIGNATURE)):
        _embedded(package, info, depth)


def _embedded(package: zipfile.ZipFile, info: zipfile.ZipInfo, depth: int) -> None:
    """An embedded table is ordinary, an embedded program is not."""
    if info.file_size > 2 * HARMLESS:
        raise oversized()
    with package.open(info) as part:
        content = BytesIO(part.read(2 * HARMLESS))
    head = content.read(len(SIGNATURE))
    if head.startswith(b"PK\x03\x04") and depth:
        no_macros_in_ooxml(content, depth - 1)
    elif head.startswith(SIGNATURE):
        _plain_streams(Compound(content).names())
    elif head:
        raise active(_l("embedded files"))


class _Enough(Exception):
    """Nothing of interest follows in an XML part."""


class _Markup:
    """Looks through the XML parts of one office file as its readers do.

    Names count without their prefix and references are resolved, so that no spelling hides
    anything; what a part is called does not matter, only what is in it.
    """

    def __init__(self) -> None:
        self.elements = 0

    def read(self, part: IO[bytes], *, is_strict: bool) -> None:
        """Refuse what loads or runs; a fault counts only in what must be XML (``is_strict``).

        :raises DomainError: also for a document type: it is how small XML grows without end or
            reads other files.  Where it is not looked for, no reader goes on behind it.
        """
        self.parser = expat.ParserCreate()
        self.is_strict, self.is_begun = is_strict, False
        self.fields: list[str] = []
        self.parser.StartDoctypeDeclHandler = self._declared
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begun, self._ended
        try:
            self.parser.ParseFile(part)
        except _Enough:
            return
        except expat.ExpatError:
            if is_strict:
                raise damaged() from None
        _harmless_fields("".join(self.fields))

    def _declared(self, *_type: Any) -> None:
        if self.is_strict:
            raise active(_l("a document type with entities"))
        raise _Enough

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if not self.is_begun and local in BULKY:
            raise _Enough
        self.is_begun = True
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise oversized()
        if local in INSTRUCTIONS:
            self.parser.CharacterDataHandler = self.fields.append
        elif local in LOOKED_AT:
            self._element(local, {_local(key): value for key, value in attributes.items()})

    def _ended(self, name: str) -> None:
        if _local(name) in INSTRUCTIONS:
            self.parser.CharacterDataHandler = None

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "Relationship":
                _harmless_relation(attributes)
            case "Override" | "Default":
                content = attributes.get("ContentType", "").casefold()
                if any(word in content for word in MACRO_TYPES):
                    raise active(_l("macros or controls"))
            case "ddeLink":
                raise active(_l("a field that starts a program"))
            case "fldSimple":
                self.fields += [BEGIN, attributes.get("instr", ""), END]
            case "fldChar":
                is_begin = attributes.get("fldCharType") == "begin"
                self.fields.append(BEGIN if is_begin else END)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _harmless_relation(relation: dict[str, str]) -> None:
    """Refuse macros, foreign text that is taken in, and what is loaded from another computer."""
    kind = relation.get("Type", "").strip().rpartition("/")[2].casefold()
    target = unquote(relation.get("Target", "")).strip()
    if kind in MACRO_KINDS:
        raise active(_l("macros or controls"))
    if kind == "afchunk":
        raise active(_l("embedded files"))
    if relation.get("TargetMode", "").strip().casefold() != "external":
        target = target.removeprefix("/")  # counted from the top of the file
    if kind not in FOLLOWED and not LOCAL.match(target):
        raise active(_l("a part that is loaded from elsewhere"))


def _harmless_fields(text: str) -> None:
    """Refuse fields of a text, between their signs, that start a program or load from elsewhere."""
    if RUNNING_FIELD.search(text):
        raise active(_l("a field that starts a program"))
    for field in LOADING_FIELD.finditer(text):
        if REMOTE.search(field[0].replace("\\\\", "\\")):  # a backslash is written twice there
            raise active(_l("a part that is loaded from elsewhere"))


# --- older office files -----------------------------------------------------------------------

BOUND_SHEET, FILE_PASS, END_OF_GLOBALS = 0x85, 0x2F, 0x0A
MACRO_SHEETS = {1, 6}
MOST_GLOBALS = 4 * MEGABYTE
FILE_NAMES = ("__substg1.0_3704", "__substg1.0_3707")  # short and long name of a mail's attachment


def compound_mime(file: IO[bytes]) -> str:
    """What kind of older office file it is, sound and without macros; empty for another kind.

    :raises DomainError: when it carries macros or a program, is locked or damaged.
    """
    compound = Compound(file)
    names = compound.names()
    books = [s for s in compound.streams if s.name.casefold() in {"workbook", "book"}]
    if "EncryptedPackage" in names:
        raise locked()
    if books:
        _plain_streams(names)
        for book in books:
            _no_macro_sheets(compound.read(book, MOST_GLOBALS))
        return "application/vnd.ms-excel"
    if "__properties_version1.0" in names:
        _plain_streams(names)
        _mail_attachments(compound)
        return "application/vnd.ms-outlook"
    return ""


def _plain_streams(names: Iterable[str]) -> None:
    for name in names:
        folded = name.casefold()
        if folded.startswith(("_vba_project", "vba")) or folded in {"macros", "dir"}:
            raise active(_l("macros or controls"))
        if folded in {"\x01ole10native", "package"}:
            raise active(_l("embedded files"))


def _no_macro_sheets(book: bytes) -> None:
    """The list of sheets in front of an Excel book: one of them may hold macros of 1992."""
    at = 0
    while at + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, at)
        content = book[at + 4 : at + 4 + size]
        if kind == FILE_PASS:
            raise locked()
        if kind == BOUND_SHEET and len(content) > 5 and content[5] in MACRO_SHEETS:  # noqa: PLR2004
            raise active(_l("macros or controls"))
        if kind == END_OF_GLOBALS:
            return
        at += 4 + size


def _mail_attachments(compound: Compound) -> None:
    for stream in compound.streams:
        if stream.name.startswith(FILE_NAMES):
            encoding = "utf-16-le" if stream.name.endswith("001F") else "gb18030"
            name = compound.read(stream, HEAD).decode(encoding, "replace").rstrip("\x00")
            _harmless_name(name)


# --- mails and videos -------------------------------------------------------------------------

HEADER_LINE = re.compile(rb"[!-9;-~]{1,60}:[ \t]?")
MAIL_HEADERS = ("from", "date", "to", "subject", "received", "message-id")
MOST_LEVELS, MOST_MAIL_PARTS, MOST_LINES, LONGEST_HEADER = 40, 5_000, 800_000, 4_000
BOX_HEADER = 8
MOST_BOXES = 100_000


def is_mail(file: IO[bytes]) -> bool:
    """Whether it begins as a mail does: with header lines, From among them."""
    file.seek(0)
    head = file.read(64 * 1024)
    if b"\x00" in head or not HEADER_LINE.match(head):
        return False
    headers = BytesParser(policy=policy.compat32).parsebytes(head, headersonly=True)
    known = [name for name in MAIL_HEADERS if headers.get(name)]
    return "from" in known and len(known) > 1


def no_programs_in_mail(file: IO[bytes]) -> None:
    """Refuse a mail that brings a program, a script or an archive of them along by name.

    It is read byte by byte (Latin-1): headers in any encoding are kept, and ends of names count.

    :raises DomainError: also when it would take minutes to read, or is damaged.
    """
    file.seek(0)
    raw = file.read()
    _soon_read(raw)
    try:
        for part in Parser(policy=_Brief()).parsestr(raw.decode("latin-1")).walk():
            for name in _spellings(str(part.get_filename() or "")):
                _harmless_name(name)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MessageError):
        raise damaged() from None


class _Brief(policy.Compat32):
    """Takes no header of a part that is longer than any file name: reading it would take long."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value, as they stand."""
        is_of_part = sourcelines[0].casefold().startswith("content-")
        if is_of_part and sum(map(len, sourcelines)) > LONGEST_HEADER:
            raise ValueError
        return super().header_source_parse(sourcelines)


def _soon_read(raw: bytes) -> None:
    """Each line is compared with the end of each part around it: few levels, not all too long."""
    folded = raw.lower()
    levels = folded.count(b"multipart/") + folded.count(b"message/")
    parts, lines = (raw.count(b"\n" + s) + raw.count(b"\r" + s) for s in (b"--", b""))
    if levels > MOST_LEVELS or parts > MOST_MAIL_PARTS or lines > MOST_LINES:
        raise oversized()


def _spellings(name: str) -> Iterator[str]:
    """A name as it stands, bare bytes taken as UTF-8, and with its encoded words in plain."""
    with suppress(UnicodeEncodeError):  # it named its encoding, and was decoded by it
        name = name.encode("latin-1").decode("utf-8", "replace")
    yield name
    yield str(make_header(decode_header(name)))


def _harmless_name(name: str) -> None:
    if runnable(iter([name])) or misleads(name):
        raise active(_l("a program or script (%(name)s)", name=name[-60:]))


def whole_video(file: IO[bytes]) -> None:
    """Refuse an MP4 whose boxes do not fill it exactly, or which has no film in it."""
    file.seek(0, 2)
    size, at, found = file.tell(), 0, set()
    for _ in range(MOST_BOXES):
        if at >= size:
            break
        file.seek(at)
        head = file.read(16)
        if len(head) < BOX_HEADER:
            raise damaged()
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:  # noqa: PLR2004 - a long box has its length behind
            (length,) = struct.unpack(">Q", head[8:])
        elif length == 0:
            length = size - at
        if length < BOX_HEADER or at + length > size:
            raise damaged()
        found.add(kind)
        at += length
    if at != size or not {b"ftyp", b"moov", b"mdat"} <= found:
        raise damaged()
