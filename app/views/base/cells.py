"""Cells: one column of a list or detail page, and a value as people read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _, ngettext
from markupsafe import Markup
from sqlalchemy import JSON, Boolean, Date, Integer, String, Text, inspect
from sqlalchemy.orm import Mapper, RelationshipDirection

from app import clock
from app.columns import FieldInfo, Money, Phrase, UtcDateTime, masked
from app.models import Attachment
from app.security import calendar, words
from app.services import richtext
from app.storage import megabytes, preview

LONG = 255
NOTHING = "—"


@dataclass(slots=True)  # not frozen: a page makes hundreds, and that took as long as drawing them
class Shown:
    """A value as it stands on a page; ``css`` is a badge class, ``rows`` are child rows.

    ``preview`` says how the page can show a file: picture, pdf or not at all; ``listing`` what
    an archive holds; ``files`` are several files of one field; ``reveal`` is where a masked value
    is asked for; ``html`` is a text with its formatting.
    """

    text: str
    css: str = ""
    url: str = ""
    preview: str = ""
    note: str = ""
    listing: Sequence[Mapping[str, Any]] = ()
    files: Sequence[Shown] = ()
    heads: Sequence[Phrase] = ()
    rows: Sequence[Sequence[Shown]] = ()
    reveal: str = ""
    html: Markup | None = None

    def __str__(self) -> str:
        """The text alone, as an export writes it."""
        return self.text


EMPTY = Shown(NOTHING)


@dataclass(frozen=True)
class Cell:
    """One column or relation of a model, found by a path such as ``case.title``."""

    path: str
    info: FieldInfo
    kind: str
    attribute: Any
    sortable: bool = False
    columns: tuple[Cell, ...] = field(default=())

    @cached_property
    def name(self) -> str:
        """The path as one word, for the address bar and result rows."""
        return self.path.replace(".", "_")

    @property
    def label(self) -> Phrase:
        """What people call it."""
        return self.info.label

    def show(self, value: Any) -> Shown:
        """``value`` as people read it."""
        if value in (None, "", []):
            return EMPTY
        return SHOWN[self.kind](self, value)

    def hide(self, value: Any) -> Shown:
        """``value`` with its personal data masked, that of child rows included."""
        if self.info.sensitive and value not in (None, ""):
            return Shown(masked(self.info.sensitive, value))
        if self.kind == "rows" and value:
            return _rows(self, value, Cell.hide)
        return self.show(value)


def cell_at(model: type, path: str, sortable: Sequence[str] = ()) -> Cell:
    """The cell of ``path``, starting at ``model``."""
    *relations, name = path.split(".")
    mapper: Any = inspect(model)
    for relation in relations:
        mapper = mapper.relationships[relation].mapper
    found: Any = mapper.relationships.get(name)
    if found is None:
        found = mapper.columns[name]
    info = found.info.get("field") or FieldInfo(_KEY_LABEL.get(name, name))
    children: tuple[Cell, ...] = ()
    if name in mapper.relationships and info.columns:
        children = tuple(cell_at(found.mapper.class_, child) for child in info.columns)
    attribute = getattr(mapper.class_, name)
    kind = _kind(mapper, name, info)
    return Cell(path, info, kind, attribute, path in sortable, children)


_KEY_LABEL: dict[str, Phrase] = {"id": "ID"}


def _kind(mapper: Mapper[Any], name: str, info: FieldInfo) -> str:
    if name in mapper.relationships:
        relation = mapper.relationships[name]
        if relation.direction is RelationshipDirection.ONETOMANY:
            return "files" if info.rule else info.kind or "rows"
        return "file" if relation.mapper.class_ is Attachment else "relation"
    type_ = mapper.columns[name].type
    if info.choices:
        return "badge"
    if info.kind in SHOWN:
        return info.kind
    if info.dictionary:
        return "terms" if isinstance(type_, JSON) else "term"
    return next(kind for test, kind in _KINDS if test(type_, info))


_KINDS: list[tuple[Callable[[Any, FieldInfo], bool], str]] = [
    (lambda type_, _info: isinstance(type_, Money), "money"),
    (lambda type_, _info: isinstance(type_, UtcDateTime), "time"),
    (lambda type_, _info: isinstance(type_, Date), "date"),
    (lambda type_, _info: isinstance(type_, Boolean), "flag"),
    (lambda type_, _info: isinstance(type_, Integer), "number"),
    (lambda type_, info: isinstance(type_, Text) or info.kind == "long", "long"),
    (lambda type_, _info: isinstance(type_, String), "text"),
    (lambda _type, _info: True, "text"),
]


def local_time(moment: datetime) -> str:
    """A moment as the reader's clock shows it, to the minute."""
    return moment.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M")


def due(due_at: datetime, now: datetime) -> Shown:
    """How much time is left (剩2天 / 超期1天), in working days."""
    left = calendar().left(now, due_at)
    if now >= due_at:
        days = max(-left, 1)
        return Shown(ngettext("%(num)d day overdue", "%(num)d days overdue", days), "d")
    if left == 0:
        return Shown(_("Due today"), "w")
    return Shown(ngettext("%(num)d day left", "%(num)d days left", left), "w" if left < 3 else "i")  # noqa: PLR2004


def flow_title(key: str) -> str:
    """What people call a kind of application."""
    flows = current_app.extensions["workflow"].flows
    return str(flows[key].title) if key in flows else key


def _badge(cell: Cell, value: Any) -> Shown:
    assert cell.info.choices is not None
    choice = cell.info.choices.of(value)
    return Shown(str(choice.label), choice.css)


def _file(_cell: Cell, value: Attachment) -> Shown:
    url = url_for("FileView.show", pk=value.id)
    pages = ngettext("%(num)d page", "%(num)d pages", value.pages) if value.pages else ""
    return Shown(
        value.name,
        url=url,
        preview=preview(value.mime),
        note=" · ".join(filter(None, (megabytes(value.size), pages))),
        listing=value.listing or (),
    )


def _files(cell: Cell, value: Sequence[Any]) -> Shown:
    files = [_file(cell, row.attachment) for row in value]
    return Shown("、".join(file.text for file in files), files=files)


def _rows(
    cell: Cell, value: Sequence[Any], show: Callable[[Cell, Any], Shown] = Cell.show
) -> Shown:
    rows = [[show(child, getattr(row, child.path)) for child in cell.columns] for row in value]
    return Shown("", heads=[child.label for child in cell.columns], rows=rows)


def _links(cell: Cell, value: Sequence[Any]) -> Shown:
    (other,) = cell.columns
    return Shown("、".join(str(getattr(row, other.path)) for row in value))


def _rich(_cell: Cell, value: str) -> Shown:
    return Shown(richtext.text_of(value), html=Markup(richtext.cleaned(value)))  # noqa: S704


def _age(since: datetime) -> Shown:
    days = (clock.now() - since).days
    return Shown(ngettext("%(num)d day", "%(num)d days", days))


def _expiry(last: date) -> Shown:
    """The last day of something; one that has come asks for a new one."""
    if last > clock.local_day(clock.now()):
        return Shown(last.isoformat())
    return Shown(_("%(day)s, to be renewed", day=last.isoformat()), "d")


def _money(cell: Cell, value: int) -> Shown:
    return Shown(f"{value / 100 / cell.info.unit:,.2f}")


def _stars(_cell: Cell, value: int) -> Shown:
    """A score in hundredths of a star, to one place."""
    return Shown(f"★ {value / 100:.1f}")


SHOWN: dict[str, Callable[[Cell, Any], Shown]] = {
    "text": lambda _cell, value: Shown(str(value)),
    "long": lambda _cell, value: Shown(value),
    "number": lambda cell, value: Shown(str(value) if cell.info.kind == "year" else f"{value:,}"),
    "month": lambda _cell, value: Shown(f"{value // 100}-{value % 100:02d}" if value else ""),
    "flag": lambda _cell, value: Shown(_("Yes") if value else _("No")),
    "date": lambda _cell, value: Shown(value.isoformat() if isinstance(value, date) else value),
    "time": lambda _cell, value: Shown(local_time(value)),
    "flow": lambda _cell, value: Shown(flow_title(value)),
    "message": lambda _cell, value: Shown(_(value)),
    "due": lambda _cell, value: due(value, clock.now()),
    "age": lambda _cell, value: _age(value),
    "expiry": lambda _cell, value: _expiry(value),
    "money": _money,
    "badge": _badge,
    "term": lambda cell, value: Shown(words().label(cell.info.dictionary, value)),
    "terms": lambda cell, value: Shown(
        "、".join(words().label(cell.info.dictionary, code) for code in value)
    ),
    "relation": lambda _cell, value: Shown(str(value)),
    "file": _file,
    "files": _files,
    "rows": _rows,
    "links": _links,
    "stars": _stars,
    "whole_stars": lambda _cell, value: Shown("★" * value + "☆" * (5 - value)),
    "rich": _rich,
}

WRITTEN: dict[str, Callable[[Any], str]] = {"due": local_time, "expiry": date.isoformat}
"""What a file says in place of what holds on one day only."""
UNWRITTEN = {"age"}
"""What no file says: since when something waits stands beside it."""
