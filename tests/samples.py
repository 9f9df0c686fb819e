"""Files made in code: ordinary ones, and what somebody means harm with.

Nothing here is a real document and nothing runs: a "program" is two letters and zeros.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable

from PIL import Image, PngImagePlugin
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

PROGRAM = b"MZ" + bytes(4000)
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
DRAWING = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
MEGABYTE = 1024 * 1024

# --- pictures -------------------------------------------------------------------------------------


def picture(kind: str = "PNG", size: tuple[int, int] = (240, 240), mode: str = "RGB", **options):
    """A picture of noise, which no program mistakes for anything else."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, kind, **options)
    return out.getvalue()


def talking_png() -> bytes:
    """A PNG that carries a script in its text."""
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", PAGE.decode())
    return picture(pnginfo=said)


def turned_jpeg() -> bytes:
    """A picture that its camera marked as lying on its side: stored upright, seen lying."""
    turned = Image.Exif()
    turned[0x0112] = 6
    turned[0x010E] = PAGE.decode()
    return picture("JPEG", (200, 300), exif=turned)


def bomb_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of some hundred bytes that says it has 900 million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


# --- PDF ------------------------------------------------------------------------------------------


def pdf(pages: int = 1, change=None) -> bytes:
    """Blank pages; ``change`` gets the writer first."""
    out, writer = io.BytesIO(), PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    if change:
        change(writer)
    writer.write(out)
    return out.getvalue()


def scan(width: int = 600, height: int = 800) -> bytes:
    """A page that is a picture, as a scanner makes it."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(out, "PDF")
    return out.getvalue()


def _filed(writer: PdfWriter, thing: DictionaryObject) -> IndirectObject:
    """``thing`` as an object of its own."""
    return writer._add_object(thing)  # noqa: SLF001 - pypdf has no other word for it


def with_action(kind: str, **entries) -> bytes:
    """A PDF with a link that does ``kind`` when it is pressed."""

    def change(writer: PdfWriter) -> None:
        action = DictionaryObject({NameObject("/S"): NameObject(kind)})
        for key, value in entries.items():
            action[NameObject(f"/{key}")] = TextStringObject(value)
        link = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Link"),
                NameObject("/Rect"): ArrayObject([NumberObject(n) for n in (0, 0, 90, 90)]),
                NameObject("/A"): _filed(writer, action),
            }
        )
        writer.pages[0][NameObject("/Annots")] = ArrayObject([_filed(writer, link)])

    return pdf(change=change)


def opening(action: str) -> bytes:
    """A PDF that runs ``action`` when it is opened."""

    def change(writer: PdfWriter) -> None:
        opened = DictionaryObject(
            {
                NameObject("/S"): NameObject("/JavaScript"),
                NameObject("/JS"): TextStringObject(action),
            }
        )
        writer.root_object[NameObject("/OpenAction")] = _filed(writer, opened)

    return pdf(change=change)


def named_script() -> bytes:
    """A PDF with a script in its tree of names."""

    def change(writer: PdfWriter) -> None:
        script = DictionaryObject({NameObject("/JS"): TextStringObject("app.alert(1)")})
        names = ArrayObject([TextStringObject("x"), _filed(writer, script)])
        tree = DictionaryObject({NameObject("/Names"): names})
        writer.root_object[NameObject("/Names")] = DictionaryObject(
            {NameObject("/JavaScript"): _filed(writer, tree)}
        )

    return pdf(change=change)


def form_of_xml() -> bytes:
    """A PDF whose form is a program of its own."""

    def change(writer: PdfWriter) -> None:
        writer.root_object[NameObject("/AcroForm")] = DictionaryObject(
            {NameObject("/XFA"): TextStringObject("<xdp/>")}
        )

    return pdf(change=change)


# --- office files -----------------------------------------------------------------------------

MAIN = {
    "docx": ("word/document.xml", "wordprocessingml.document"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet"),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation"),
}
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def office(
    kind: str = "docx",
    extra: dict[str, bytes] | None = None,
    relation: str = "",
    main_type: str = "",
    body: str = "<w:document xmlns:w='urn:w'/>",
) -> bytes:
    """A small office file; ``extra`` are further parts, ``relation`` what it refers to."""
    part, name = MAIN[kind]
    main_type = main_type or f"application/vnd.openxmlformats-officedocument.{name}.main+xml"
    types = (
        f'<?xml version="1.0" encoding="UTF-8"?><Types xmlns="{PACKAGE}/content-types">'
        f'<Override PartName="/{part}" ContentType="{main_type}"/></Types>'
    )
    folder, _, file = part.partition("/")
    parts: dict[str, bytes] = {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": relations(f'Type="{OFFICE}/officeDocument" Target="{part}"'),
        part: body.encode(),
        f"{folder}/_rels/{file}.rels": relations(relation),
    }
    return packed((parts | (extra or {})).items())


def relations(inside: str) -> bytes:
    """A list of one relation, or of none."""
    one = f'<Relationship Id="rId1" {inside}/>' if inside else ""
    kind = f'xmlns="{PACKAGE}/relationships"'
    return f'<?xml version="1.0"?><Relationships {kind}>{one}</Relationships>'.encode()


def packed(files: Iterable[tuple[str, bytes]], change=None) -> bytes:
    """A zip archive; ``change`` gets each entry before it is written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, (2026, 11, 20, 8, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(entry)
            archive.writestr(entry, content)
    return out.getvalue()


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;">]><x>&c;</x>'
)

# --- compound files: what office wrote before, and what mail programs write -----------------------

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, LAST, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file with these streams; a name without content is a folder's."""
    small = b""
    small_chain: list[int] = []
    sectors: list[bytes] = []
    chain: list[int] = []

    def keep(content: bytes) -> int:
        if not content:
            return LAST
        start = len(sectors)
        pieces = [
            content[n : n + SECTOR].ljust(SECTOR, b"\0") for n in range(0, len(content), SECTOR)
        ]
        sectors.extend(pieces)
        chain.extend([*range(start + 1, start + len(pieces)), LAST])
        return start

    places = {}
    for name, content in streams.items():
        if len(content) >= CUTOFF:
            places[name] = keep(content)
        elif content:
            first = len(small) // MINI
            count = -(-len(content) // MINI)
            small += content.ljust(count * MINI, b"\0")
            small_chain += [*range(first + 1, first + count), LAST]
            places[name] = first
        else:
            places[name] = LAST
    root = keep(small)
    small_table = (
        keep(b"".join(struct.pack("<I", n) for n in small_chain).ljust(SECTOR, b"\xff"))
        if small
        else LAST
    )

    def entry(name: str, kind: int, start: int, size: int) -> bytes:
        raw = f"{name}\0".encode("utf-16-le")
        return (
            raw.ljust(64, b"\0") + struct.pack("<HBB3I", len(raw), kind, 1, FREE, FREE, FREE)
            + bytes(36) + struct.pack("<IQ", start, size)
        )  # fmt: skip

    entries = entry("Root Entry", 5, root, len(small)) + b"".join(
        entry(name, 2 if content else 1, places[name], len(content))
        for name, content in streams.items()
    )
    directory = keep(entries)
    per_sector = SECTOR // 4  # the table lists its own sectors as well
    count = -(-len(chain) // (per_sector - 1))
    at = len(sectors)
    table = [*chain, *[TABLE] * count]
    raw = b"".join(struct.pack("<I", n) for n in table).ljust(count * SECTOR, b"\xff")
    listed = struct.pack("<109I", *range(at, at + count), *[FREE] * (109 - count))
    numbers = (0, count, directory, 0, CUTOFF, small_table, 1 if small else 0, LAST, 0)
    head = (
        bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6) + struct.pack("<9I", *numbers) + listed
    )  # fmt: skip
    return head + b"".join(sectors) + raw


def record(kind: int, content: bytes) -> bytes:
    """One record of an Excel book."""
    return struct.pack("<HH", kind, len(content)) + content


def book(sheet_kind: int = 0, *more: bytes) -> bytes:
    """The globals of an Excel book with one sheet of this kind."""
    begin = record(0x809, bytes(16))
    sheet = record(0x85, struct.pack("<IBB", 0, 0, sheet_kind) + b"\x06\x00Sheet1")
    return (begin + b"".join(more) + sheet + record(0x0A, b"")).ljust(CUTOFF, b"\0")


def outlook(attachment: str = "执照.pdf") -> bytes:
    """A mail as Outlook keeps it, with one attachment."""
    return compound(
        {
            "__properties_version1.0": bytes(32),
            "__substg1.0_0037001F": "主题".encode("utf-16-le"),
            "__attach_version1.0_#00000000": b"",
            "__substg1.0_3707001F": attachment.encode("utf-16-le"),
        }
    )


def mail(attachment: str = "执照.pdf") -> bytes:
    """A mail as it travels, with one attachment."""
    return (
        "From: 某甲 <a@example.com>\r\nTo: b@example.com\r\nSubject: hello\r\n"
        "Date: Fri, 20 Nov 2026 10:00:00 +0800\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n您好\r\n"
        f'--x\r\nContent-Type: application/octet-stream; name="{attachment}"\r\n'
        f'Content-Disposition: attachment; filename="{attachment}"\r\n\r\nx\r\n--x--\r\n'
    ).encode()


# --- rar and video --------------------------------------------------------------------------------


def _vint(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append((number & 0x7F) | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def _block(kind: int, fields: bytes, flags: int = 0, data: bytes = b"") -> bytes:
    size = _vint(len(data)) if flags & 2 else b""
    body = _vint(kind) + _vint(flags) + size + fields
    body = _vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(body)) + body + data


def rar(files: Iterable[tuple[str, bytes]], claimed: int | None = None) -> bytes:
    """A rar archive (version 5) of stored files; ``claimed`` is a size that is not true."""
    out = b"Rar!\x1a\x07\x01\x00" + _block(1, _vint(0))
    for name, content in files:
        raw = name.encode()
        size = len(content) if claimed is None else claimed
        fields = (
            _vint(4) + _vint(size) + _vint(0o644) + struct.pack("<I", zlib.crc32(content))
            + _vint(0) + _vint(1) + _vint(len(raw)) + raw
        )  # fmt: skip
        out += _block(2, fields, 2, content)
    return out + _block(5, _vint(0))


def locked_rar() -> bytes:
    """A rar archive whose very list is encrypted."""
    lock = _block(4, _vint(0) + _vint(0) + bytes([15]) + bytes(16))
    return b"Rar!\x1a\x07\x01\x00" + lock + bytes(64)


def video(size: int = 2000) -> bytes:
    """The boxes of a film without a film."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    return (
        box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2avc1mp41")
        + box(b"moov", box(b"mvhd", bytes(100)))
        + box(b"mdat", bytes(size))
    )
