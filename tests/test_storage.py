"""Attachments: what is refused, what is kept, and that nothing remains of a refusal."""

from __future__ import annotations

import hashlib
import io
import struct
import unicodedata
import zlib
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from PIL import Image
from pypdf import PdfWriter

from app import storage
from app.errors import DomainError

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def a_pdf():
    """One blank page."""
    out, writer = io.BytesIO(), PdfWriter()
    writer.add_blank_page(595, 842)
    writer.write(out)
    return out.getvalue()


PDF = a_pdf()


def picture(kind="PNG", size=(200, 200)):
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind)
    return out.getvalue()


def bomb(width=30_000, height=30_000):
    """A PNG of some hundred bytes that says it has 900 million pixels."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


def store(folder, content, filename, rule="licence"):
    stream = io.BytesIO(content)
    place = storage.Store(str(folder))
    return storage.store(place, stream, filename, storage.RULES[rule], owner_id=7, now=NOW)


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("content", "filename", "mime"),
    [
        (picture(), "执照.png", "image/png"),
        (picture("JPEG"), "执照.JPG", "image/jpeg"),
        (picture("JPEG"), "执照.jpeg", "image/jpeg"),
        (PDF, "执照.pdf", "application/pdf"),
    ],
)
def test_a_sound_file_is_kept_with_its_checksum(tmp_path, content, filename, mime):
    values = store(tmp_path, content, filename)
    kept = b"".join(storage.Store(str(tmp_path)).read(values["key"]))
    assert (values["name"], values["mime"], values["size"]) == (filename, mime, len(kept))
    assert values["sha256"] == hashlib.sha256(kept).hexdigest()
    assert (values["rule"], values["owner_id"], values["uploaded_at"]) == ("licence", 7, NOW)
    assert values["key"].startswith("2026/11/")
    assert (kept == content) is (mime == "application/pdf")  # a picture is written anew
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in path.parents[:2]} == {0o700}


ELSEWHERE = "This file cannot be used here."
RENAMED = "The file is not what its name says."
DAMAGED = "The file is damaged or incomplete."


@pytest.mark.parametrize(
    ("content", "filename", "rule", "problem"),
    [
        (b"<html><script>alert(1)</script></html>", "a.png", "licence", ELSEWHERE),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "a.svg", "licence", ELSEWHERE),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "a.png", "logo", ELSEWHERE),
        (b"MZ" + bytes(2000), "contract.pdf", "seal", ELSEWHERE),
        (b"PK\x03\x04" + bytes(2000), "pack.pdf", "seal", ELSEWHERE),
        (PDF, "logo.pdf", "logo", ELSEWHERE),
        (picture("GIF"), "a.gif", "licence", ELSEWHERE),
        (picture("GIF"), "a.png", "licence", ELSEWHERE),
        (picture(), "a", "licence", ELSEWHERE),
        (picture(), "a.png.exe", "licence", ELSEWHERE),
        (picture("JPEG"), "a.jpeg", "seal", ELSEWHERE),
        (picture(), "a.pdf", "licence", RENAMED),
        (PDF, "a.png", "licence", RENAMED),
        (picture()[:-100], "a.png", "licence", DAMAGED),
        (picture("JPEG")[:-3000], "a.jpg", "licence", DAMAGED),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a.png", "licence", DAMAGED),
        (PDF[:-6], "a.pdf", "licence", DAMAGED),
        (b"", "a.pdf", "licence", "The file is empty."),
        (bomb(), "a.png", "licence", "The picture has more than 50 million pixels."),
        (bomb(10_000, 10_000), "a.png", "licence", "The picture has more than 50 million pixels."),
        (bomb(8_000, 8_000), "a.png", "licence", "The picture has more than 50 million pixels."),
        (PDF + bytes(10 * storage.MEGABYTE), "a.pdf", "seal", "The file is larger than 10 MB."),
        (picture() + bytes(2 * storage.MEGABYTE), "a.png", "logo", "The file is larger than 2 MB."),
        (picture(size=(400, 200)), "a.png", "logo", "square and at least 200 × 200"),
        (picture(size=(199, 199)), "a.png", "logo", "square and at least 200 × 200"),
    ],
    ids=lambda value: len(value) if isinstance(value, bytes) else value,
)
def test_a_hostile_or_broken_file_is_refused_in_words_and_leaves_nothing(
    tmp_path, content, filename, rule, problem
):
    with pytest.raises(DomainError) as refused:
        store(tmp_path, content, filename, rule)
    assert problem in str(refused.value.problem)
    assert str(refused.value.remedy)
    assert files(tmp_path) == []


def test_a_refused_format_is_told_what_would_do(tmp_path):
    with pytest.raises(DomainError) as refused:
        store(tmp_path, b"text", "a.txt")
    assert "jpg jpeg png pdf, at most 10 MB" in str(refused.value.remedy)


def test_no_more_is_read_than_the_limit_allows(tmp_path):
    endless = SimpleNamespace(asked=0)

    def read(size):
        endless.asked += size
        return bytes(size)

    endless.read = read
    with pytest.raises(DomainError):
        storage.store(storage.Store(str(tmp_path)), endless, "a.pdf", storage.RULES["seal"], 1, NOW)
    assert endless.asked == 10 * storage.MEGABYTE + 1


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/cron.d/x.png", "x.png"),
        ("C:\\Users\\王\\执照.png", "执照.png"),
        ("a\x00b\r\nX-Evil: 1.png", "ab X-Evil: 1.png"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("执\u200b照\ufeff\u2066.pdf", "执照.pdf"),
        (unicodedata.normalize("NFD", "é.png"), "é.png"),
        ("  . .hidden.png. ", "hidden.png"),
        ("a\u2028b.png", "a b.png"),
        ("长" * 300 + ".jpeg", "长" * 115 + ".jpeg"),
        ("x." + "y" * 300, "x." + "y" * 118),
        ("\udcff.png", "png"),
        ("///", "file"),
        ("", "file"),
    ],
)
def test_a_name_loses_its_path_and_what_cannot_be_seen(typed, kept):
    assert storage.clean_name(typed) == kept
    assert len(kept) <= storage.MAX_NAME


def test_the_file_goes_when_its_row_fails(tmp_path):
    def lose_the_row():
        place, content = storage.Store(str(tmp_path)), io.BytesIO(PDF)
        with storage.stored(place, content, "a.pdf", storage.RULES["seal"], 1, NOW):
            assert len(files(tmp_path)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose_the_row()
    assert files(tmp_path) == []


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "2026/11/x", "", "2026/11/"])
def test_a_key_that_the_storage_did_not_make_is_refused(tmp_path, key):
    with pytest.raises(ValueError, match="not a key"):
        storage.Store(str(tmp_path)).size(key)


def test_pictures_and_pdf_open_in_the_browser_and_everything_else_is_saved():
    def headers(name, mime):
        return storage.disposition(SimpleNamespace(name=name, mime=mime))

    shown = headers('执照 "1";\r\n.png', "image/png")
    assert shown["Content-Type"] == "image/png"
    assert shown["Content-Disposition"] == (
        "inline; filename=\"file.png\"; filename*=UTF-8''%E6%89%A7%E7%85%A7%20%221%22%3B%0D%0A.png"
    )
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]
    assert headers("a.pdf", "application/pdf")["Content-Disposition"].startswith("inline")
    saved = headers("a.html", "text/html")
    assert saved["Content-Type"] == "application/octet-stream"
    assert saved["Content-Disposition"].startswith('attachment; filename="file.html"')
