"""Excel sheets: the template that people fill in, the rows they send back, the list of faults.

A file has passed the judge of uploads before (:mod:`app.storage`); what is read of it here is
bounded all the same.  Formulas are refused: what they show is not what they hold.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from flask_babel import gettext as _, lazy_gettext as _l
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from app.columns import Phrase
from app.errors import DomainError
from app.storage.archives import UNREADABLE
from app.storage.rules import MEGABYTE, oversized

MARK = "*"  # behind the name of a column that must be filled in
BLANK_ROWS = 1_000
MOST_CHARACTERS = 5_000_000
LONGEST_CELL = 5_000
MOST_UNPACKED = 50 * MEGABYTE
MOST_ELEMENTS = 500_000  # a full sheet of the longest template has two thirds of that
PIECE = 256 * 1024
BROKEN: tuple[type[Exception], ...] = (*UNREADABLE, TypeError, AttributeError, ParseError)
FIRST = 2  # the first row below the headings
WIDTH = 18
HEAD = {"font": Font(bold=True), "fill": PatternFill("solid", fgColor="FFE3ECFA")}


@dataclass(frozen=True)
class Column:
    """A column of the template; ``names`` is what people may call it, in every language."""

    key: str
    label: str
    names: frozenset[str]
    is_required: bool = False
    hint: str = ""
    offered: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """One row of a file: its number there, and its texts by column."""

    number: int
    entries: Mapping[str, str]


# --- writing ----------------------------------------------------------------------------------


def template(title: str, columns: Sequence[Column]) -> bytes:
    """A sheet with nothing but headings, and one that says what belongs below each."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Data")
    notes = book.create_sheet(_("Notes"))
    notes.append([_("Column"), _("Required"), _("What to write"), _("Choices")])
    for number, column in enumerate(columns, 1):
        cell = sheet.cell(1, number, _heading(column))
        cell.font, cell.fill = HEAD["font"], HEAD["fill"]
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = max(WIDTH, 2 * len(column.label) + 4)
        sheet.column_dimensions[letter].number_format = "@"
        for row in range(FIRST, FIRST + 200):  # digits stay as they are typed
            sheet.cell(row, number).number_format = "@"
        notes.append([column.label, _("Yes") if column.is_required else "", column.hint])
        if column.offered:
            _offer(book, sheet, letter, number, column)
    for cell in notes[1]:
        cell.font, cell.fill = HEAD["font"], HEAD["fill"]
    for number, column in enumerate(columns, FIRST):
        place = notes.cell(number, 4, "、".join(column.offered))
        place.alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABCD", (24, 8, 50, 70), strict=True):
        notes.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    book.properties.title, book.properties.creator = title, ""
    return _bytes(book)


def _heading(column: Column) -> str:
    return column.label + (MARK if column.is_required else "")


def _offer(book: Workbook, sheet: Any, letter: str, number: int, column: Column) -> None:
    """The choices of a column as a list to pick from; several may also be typed."""
    if "choices" not in book.sheetnames:
        book.create_sheet("choices").sheet_state = "hidden"
    held = book["choices"]
    for row, text in enumerate(column.offered, 1):
        held.cell(row, number, text).data_type = "s"
    area = f"choices!${letter}$1:${letter}${len(column.offered)}"
    rule = DataValidation("list", formula1=area, allow_blank=True, showErrorMessage=False)
    rule.add(f"{letter}{FIRST}:{letter}5000")
    sheet.add_data_validation(rule)


def faults(columns: Sequence[Column], rows: Sequence[tuple[Line, str]]) -> bytes:
    """The rows that were not taken, as they came, with what is wrong behind each."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Rows with faults"))
    heads = [*(_heading(column) for column in columns), _("Row in the file"), _("Faults")]
    sheet.append([_text(sheet, head, **HEAD) for head in heads])
    for line, said in rows:
        texts = [line.entries.get(column.key, "") for column in columns]
        sheet.append([_text(sheet, text) for text in (*texts, str(line.number), said)])
    return _bytes(book)


def _text(sheet: Any, text: str, **look: Any) -> Any:
    """A cell that is text whatever it begins with: nothing of a reader's becomes a formula."""
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    for name, value in look.items():
        setattr(cell, name, value)
    return cell


def _bytes(book: Workbook) -> bytes:
    out = BytesIO()
    book.save(out)
    return out.getvalue()


# --- reading ----------------------------------------------------------------------------------


def read(file: IO[bytes], columns: Sequence[Column], most: int) -> list[Line]:
    """The rows of the first sheet, at most ``most``.

    :raises DomainError: when it is no such sheet, names strange columns, holds formulas, or more.
    """
    try:
        _bearable(file)
        book = load_workbook(file, read_only=True)
        try:
            return _lines(book.worksheets[0], columns, most)
        finally:
            book.close()
    except DomainError:
        raise
    except BROKEN:
        raise DomainError(
            _l("The file cannot be read as an Excel sheet."),
            _l("Download the template, fill it in and upload it again."),
        ) from None


def _bearable(file: IO[bytes]) -> None:
    """Refuse what takes minutes and gigabytes to read: a row is held whole, however long it is.

    :raises DomainError: for too much text, or too many elements of XML.
    """
    with zipfile.ZipFile(file) as package:
        elements, most = 0, MOST_UNPACKED
        for info in package.infolist():
            with package.open(info) as part:
                while piece := part.read(PIECE):
                    most -= len(piece)
                    elements += piece.count(b"<") - piece.count(b"</")
                    if most < 0 or elements > MOST_ELEMENTS:
                        raise oversized()


def _lines(sheet: Any, columns: Sequence[Column], most: int) -> list[Line]:
    sheet.reset_dimensions()
    rows = enumerate(sheet.iter_rows(max_col=2 * len(columns) + 8), 1)
    _number, heads = next(rows, (0, ()))
    keys = _keys([_said(cell) for cell in heads], columns)
    found: list[Line] = []
    characters = blank = 0
    for number, cells in rows:
        entries = dict(_entries(cells, keys))
        if not entries:
            blank += 1
            if blank > BLANK_ROWS:
                break
            continue
        characters += sum(map(len, entries.values()))
        if len(found) == most or characters > MOST_CHARACTERS:
            raise DomainError(
                _l("The file has more than %(num)s rows.", num=most),
                _l("Split it into several files and import them one after the other."),
            )
        found.append(Line(number, entries))
    if not found:
        raise DomainError(
            _l("There are no rows below the headings."),
            _l("Fill in the template from its second row on, then upload it again."),
        )
    return found


def _keys(heads: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """The column below each heading; an empty word where there is none."""
    names = {name: column.key for column in columns for name in column.names}
    plain = [head.rstrip(f"{MARK} ").strip() for head in heads]
    while plain and not plain[-1]:
        plain.pop()
    keys = [names.get(head, "") for head in plain]
    strange = [head for head, key in zip(plain, keys, strict=True) if not key]
    missing = [c.label for c in columns if c.is_required and c.key not in keys]
    if strange or missing or len(set(keys)) < len(keys):
        raise DomainError(_heads_wrong(strange, missing), _l(
            "Keep the first row of the template as it is, then upload the file again."
        ))  # fmt: skip
    return keys


def _heads_wrong(strange: Sequence[str], missing: Sequence[str]) -> Phrase:
    if missing:
        return _l("The file lacks these columns: %(names)s.", names="、".join(missing))
    names = "、".join(f"“{head[:20]}”" for head in strange)
    return _l("These headings are unknown or stand twice: %(names)s.", names=names)


def _entries(cells: Sequence[Any], keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    for key, cell in zip(keys, cells, strict=False):
        if text := _said(cell):
            yield key, text


def _said(cell: Any) -> str:
    """A cell as text: what is typed there, whole numbers and dates in their plain spelling."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type in {"f", "e"}:
        raise DomainError(
            _l("Cell %(place)s holds a formula or an error.", place=cell.coordinate),
            _l("Write the value itself there, then upload the file again."),
        )
    text = _plain(value).strip()
    if len(text) > LONGEST_CELL:
        raise DomainError(
            _l("The text in cell %(place)s is too long.", place=cell.coordinate),
            _l("Shorten it, then upload the file again."),
        )
    return text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(value, ".15g")
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date().isoformat()
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
