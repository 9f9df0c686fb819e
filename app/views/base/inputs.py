"""How the fields of a form are drawn: what the macros of ``base/_inputs.html`` read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from wtforms import BooleanField, PasswordField, StringField, TextAreaField

from app.columns import FieldInfo, Phrase
from app.models import Attachment, Region
from app.security import words
from app.services import richtext
from app.storage import RULES, megabytes, preview
from app.views.base.cells import cell_at
from app.views.base.fields import (
    ChosenField,
    DayField,
    FileField,
    FilesField,
    LinksField,
    MomentField,
    MoneyField,
    RichField,
    StarsField,
    TermField,
    TermsField,
    WholeNumberField,
    offered,
)
from app.views.base.forms import Declared, ModelForm, RowsField


@dataclass(frozen=True)
class Rule:
    """A material rule as the page and the script need it."""

    name: str
    accept: str
    max_bytes: int
    hint: Phrase


@dataclass(frozen=True)
class Sent:
    """An uploaded file as its field shows it; ``preview`` says how the page can show it."""

    id: int
    name: str
    size: str
    url: str
    preview: str


@dataclass
class Drawn:
    """A field for the templates; see the macros that draw it."""

    name: str
    id: str
    label: Phrase
    kind: str
    value: Any = ""
    text: str = ""
    hint: Phrase = ""
    required: bool = False
    readonly: bool = False
    errors: Iterable[str] = ()
    choices: Iterable[Any] = ()
    grouped: bool = False
    endpoint: str = ""
    suggestions: str = ""
    remarks: str = ""
    max_length: int = 0
    limit: int = 0
    unit: Phrase = ""
    rule: Rule | None = None
    files: Iterable[Sent] = ()
    show_if: str = ""
    columns: Iterable[Drawn] = ()
    lines: Iterable[Any] = ()
    max_rows: int = 0
    cell: Any = None
    shown: Any = None


@dataclass
class Line:
    """One child row in a form."""

    index: str
    fields: list[Drawn]
    errors: list[str]


KINDS: Mapping[type, str] = {
    RowsField: "rows",
    FileField: "file",
    FilesField: "files",
    ChosenField: "remote",
    LinksField: "links",
    RichField: "rich",
    TermField: "select",
    StarsField: "stars",
    TermsField: "multi",
    MoneyField: "money",
    MomentField: "datetime",
    DayField: "date",
    BooleanField: "flag",
    WholeNumberField: "number",
    TextAreaField: "textarea",
    StringField: "text",
    PasswordField: "password",
}


def draw(form: ModelForm, name: str, options_url: Callable[[str], str]) -> Drawn:
    """The field ``name`` of ``form`` as a template draws it."""
    field, info = form[name], form.infos[name]
    drawn = Drawn(
        name=field.name,
        id=field.id.replace(".", "-"),
        label=info.label,
        kind=KINDS[type(field)],
        hint=info.hint,
        required=_is_needed(field),
        readonly=name in form.fixed,
        errors=[e for e in field.errors if isinstance(e, str)],
        show_if=info.only_if,
        limit=info.limit,
    )
    if drawn.readonly:
        drawn.cell = cell_at(form.model, name)
        show = drawn.cell.hide if form.hidden else drawn.cell.show
        drawn.shown = show(field.object_data)
        drawn.required, drawn.hint = False, ""
        return drawn
    if drawn.kind in {"text", "textarea"}:
        drawn.max_length = info.maximum or form.lengths.get(name, 0)
    drawn = DRAW.get(drawn.kind, _draw_text)(drawn, field, info, options_url)
    value, text = form.hidden.get(name, (None, ""))
    if text and field.data == value:
        drawn.value = text
    return drawn


def _is_needed(field: Any) -> bool:
    return any(isinstance(check, Declared) and check.required for check in field.validators)


def _draw_text(drawn: Drawn, field: Any, info: FieldInfo, _options: Any) -> Drawn:
    drawn.value = _typed(field)
    if drawn.kind == "text" and info.kind in {"tel", "mobile", "email", "url"}:
        drawn.kind = "tel" if info.kind == "mobile" else info.kind
    return drawn


def _typed(field: Any) -> str:
    """What stands in the input: as typed, or as stored."""
    if field.raw_data:
        return str(field.raw_data[0])
    data = field.data
    if hasattr(field, "_value") and not isinstance(field, (DayField, WholeNumberField)):
        return str(field._value())  # noqa: SLF001 - WTForms' own word for it
    return "" if data is None else str(data)


def _draw_flag(drawn: Drawn, field: Any, _info: FieldInfo, _options: Any) -> Drawn:
    drawn.value = bool(field.data)
    return drawn


def _draw_choice(drawn: Drawn, field: Any, info: FieldInfo, _options: Any) -> Drawn:
    drawn.value = (field.data or []) if drawn.kind == "multi" else (field.data or "")
    drawn.grouped = bool(info.dictionary) and words().is_tree(info.dictionary)
    if drawn.grouped:
        groups = words().groups(info.dictionary)
        drawn.choices = [(g.label, [(i.code, i.label) for i in items]) for g, items in groups]
    else:
        drawn.choices = offered(info)
    return _with_kept(drawn, field, info) if info.dictionary else drawn


def _with_kept(drawn: Drawn, field: Any, info: FieldInfo) -> Drawn:
    """What stands in the row and is no longer offered can still be left there."""
    stored = field.object_data or ()
    codes = (stored,) if isinstance(stored, str) else stored
    known = {code for code, _label in offered(info)}
    kept = [code for code in codes if code not in known]
    if kept:
        choices = [(code, words().label(info.dictionary, code)) for code in kept]
        group = [(_("No longer offered"), choices)] if drawn.grouped else choices
        drawn.choices = [*drawn.choices, *group]
    return drawn


def _draw_chosen(
    drawn: Drawn, field: Any, _info: FieldInfo, options: Callable[[str], str]
) -> Drawn:
    drawn.value = field.data.id if field.data else _typed(field)
    drawn.text = str(field.data) if field.data else ""
    if field.model is Region:
        drawn.kind = "region"
    drawn.endpoint = options(field.short_name)
    return drawn


def _draw_links(drawn: Drawn, field: Any, _info: FieldInfo, options: Callable[[str], str]) -> Drawn:
    drawn.choices = [(row.id, str(row)) for row in field.data or ()]
    drawn.value = [row.id for row in field.data or ()]
    drawn.endpoint = options(field.short_name)
    return drawn


def _draw_rich(drawn: Drawn, field: Any, info: FieldInfo, _options: Any) -> Drawn:
    drawn.value, drawn.max_length = field.data or "", info.maximum or 0
    rule = RULES[richtext.PICTURE_RULE]
    drawn.rule = Rule(rule.name, rule.accept, rule.max_bytes, rule.label)
    return drawn


def _draw_file(drawn: Drawn, field: Any, _info: FieldInfo, _options: Any) -> Drawn:
    rule = RULES[field.rule]
    hint = _("%(formats)s, at most %(size)d MB", formats=rule.formats, size=rule.max_megabytes)
    if field.rule == "logo":
        hint = _("%(formats)s, square, at least 200 pixels, at most %(size)d MB",
                 formats=rule.formats, size=rule.max_megabytes)  # fmt: skip
    drawn.rule = Rule(field.rule, rule.accept, rule.max_bytes, hint)
    several = isinstance(field, FilesField)
    drawn.limit = drawn.limit if several else 1
    there = field.data or [] if several else [field.data] if field.data else []
    drawn.files = [_sent(file) for file in there]
    return drawn


def _sent(file: Attachment) -> Sent:
    url = url_for("FileView.show", pk=file.id)
    return Sent(file.id, file.name, megabytes(file.size), url, preview(file.mime))


def _draw_rows(drawn: Drawn, field: Any, info: FieldInfo, options: Callable[[str], str]) -> Drawn:
    drawn.max_rows = info.limit
    template = field.line_form()
    drawn.columns = [
        _renamed(draw(template, n, options), f"{field.name}-__i__-") for n in info.columns
    ]
    for entry in field.entries:
        fields = [draw(entry.form, n, options) for n in info.columns]
        faults = [e for f in fields for e in f.errors]
        drawn.lines = [*drawn.lines, Line(entry.name.rpartition("-")[2], fields, faults)]
    return drawn


def _renamed(drawn: Drawn, prefix: str) -> Drawn:
    drawn.name, drawn.id = prefix + drawn.name, prefix + drawn.id
    return drawn


DRAW: dict[str, Callable[..., Drawn]] = {
    "flag": _draw_flag,
    "select": _draw_choice,
    "stars": _draw_choice,
    "multi": _draw_choice,
    "remote": _draw_chosen,
    "links": _draw_links,
    "rich": _draw_rich,
    "file": _draw_file,
    "files": _draw_file,
    "rows": _draw_rows,
}
