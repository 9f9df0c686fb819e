"""Forms made from a model's columns: inputs, checks, child rows, files and remote selects.

CSRF is checked once, for the whole application, by ``CSRFProtect``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from flask import url_for
from flask_babel import gettext as _, ngettext
from sqlalchemy import inspect, select
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import StopValidation, ValidationError

from app import clock
from app.columns import FieldInfo, Phrase, masked
from app.errors import Problem
from app.extensions import db
from app.models import Attachment, Region
from app.security import words
from app.services import formal, richtext
from app.storage import RULES, megabytes, preview
from app.views.base.cells import LONG, cell_at, local_time

KEY_DIGITS = 19
MOST_FILES = 50  # of one field; the declared limit is lower and told in words


def is_key(raw: str) -> bool:
    """Digits that fit a bigint."""
    return raw.isascii() and raw.isdecimal() and len(raw) < KEY_DIGITS


def clean(text: str) -> str:
    """What people typed without control characters, NUL among them, and outer blanks."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def plain_code(text: str) -> str:
    """A code, phone or address typed full-width or with blanks, as it is stored."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


# --- checks ---------------------------------------------------------------------------------


class Declared:
    """The rules that a column or relation declares; the formal pre-check holds the same ones.

    A field that does not apply (``only_if``) is emptied, so that nothing hidden is stored.
    """

    field_flags: ClassVar[dict[str, Any]] = {}

    def __init__(self, prop: Any, info: FieldInfo) -> None:
        self.prop, self.info = prop, info
        self.required = formal.is_required(prop, info) if prop is not None else info.required

    def __call__(self, form: Any, field: Any) -> None:
        """Say what is wrong with the field; stop at an empty one."""
        if self.info.only_if and not form[self.info.only_if].data:
            field.data = False if isinstance(field, BooleanField) else None
            raise StopValidation
        if field.errors:  # unreadable input already said so
            raise StopValidation
        if field.data in (None, "", [], False):
            raise StopValidation(str(formal.REQUIRED) if self.required else None)
        today = clock.local_day(clock.now())
        if text := formal.wrong(self.prop, self.info, field.data, today):
            raise ValidationError(str(text))


CODES = {"mobile", "tel", "email", "credit_code", "id_number"}


# --- fields ---------------------------------------------------------------------------------


def cleaned(info: FieldInfo) -> Callable[[Any], Any]:
    """The filter of a text field: codes and numbers in their plain spelling."""

    def filtered(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        value = clean(value)
        if info.kind in CODES:
            value = plain_code(value)
        if info.kind in {"credit_code", "id_number"}:
            value = value.upper()
        return value or None

    return filtered


class MoneyField(StringField):
    """An amount typed in ``unit`` yuan, stored in 分; what was typed stays as it was typed."""

    def __init__(self, label: Phrase, *, unit: int, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.unit = unit

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read a decimal with at most two places, thousands separators allowed."""
        raw = plain_code(valuelist[0]).replace(",", "") if valuelist else ""
        if not raw:
            self.data = None
            return
        try:
            cents = Decimal(raw) * 100 * self.unit
        except ArithmeticError:
            raise ValueError(_("Write an amount in digits, like 100.50.")) from None
        if not cents.is_finite() or cents != cents.to_integral_value() or abs(cents) >= 10**17:
            raise ValueError(_("Write an amount in digits, like 100.50."))
        self.data = int(cents)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data) / 100 / self.unit:.2f}"


class WholeNumberField(IntegerField):
    """A whole number; more digits than a database takes are refused, not passed on."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read digits, full-width ones too."""
        raw = plain_code(valuelist[0]).replace(",", "") if valuelist else ""
        if not raw:
            self.data = None
            return
        if not re.fullmatch(r"-?\d{1,9}", raw, re.ASCII):
            self.data = None
            raise ValueError(_("Write a whole number in digits."))
        self.data = int(raw)


class DayField(DateField):
    """A date, as the browser's own date input sends it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read an ISO date."""
        raw = plain_code(valuelist[0]) if valuelist else ""
        self.data = None
        if raw:
            try:
                self.data = date.fromisoformat(raw)
            except ValueError:
                raise ValueError(_("Write a date like 2026-01-31.")) from None


class MomentField(Field):
    """A moment typed in Shanghai time, stored in UTC."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what a ``datetime-local`` input sends."""
        raw = valuelist[0].strip() if valuelist else ""
        self.data = None
        if raw:
            try:
                naive = datetime.fromisoformat(raw)
                self.data = naive.replace(tzinfo=clock.SHANGHAI).astimezone(UTC)
            except (ValueError, OverflowError):
                raise ValueError(_("Write a time like 2026-01-31 09:30.")) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return local_time(self.data).replace(" ", "T") if self.data else ""


class ChosenField(Field):
    """One visible row of another table; only the chosen one is in the page.

    The posted key is looked up through the scoped session, so a row that the actor cannot
    see is refused like one that does not exist.
    """

    def __init__(self, label: Phrase, *, model: Any, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.model = model

    def process_formdata(self, valuelist: list[str]) -> None:
        """Look the key up, unless it is the row that stands there already."""
        raw = valuelist[0].strip() if valuelist else ""
        if not raw:
            self.data = None
            return
        if self.data is not None and str(self.data.id) == raw:
            return
        self.data = self._found(int(raw)) if is_key(raw) else None
        if self.data is None:
            raise ValueError(_("Choose one of the list."))

    def _found(self, key: int) -> Any:
        with db.session.no_autoflush:
            return db.session.scalar(select(self.model).where(self.model.id == key))


class FileField(ChosenField):
    """An uploaded file of the right material rule; the upload itself went to ``/files/``."""

    def __init__(self, label: Phrase, *, rule: str, **kwargs: Any) -> None:
        super().__init__(label, model=Attachment, **kwargs)
        self.rule = rule

    def _found(self, key: int) -> Any:
        found = super()._found(key)
        return found if found is not None and found.rule == self.rule else None


class FilesField(Field):
    """Several uploaded files of one material rule (``files M ≤ n`` of the forms).

    A one-to-many relation is drawn so when it is declared with ``rule`` and ``limit``,

    ``relationship(cascade="all, delete-orphan", info=about(…, rule="document", limit=10))``,

    and its rows are links that hold nothing but their parent's key and a relation called
    ``attachment``.  The field posts one key per file under one name; ``data`` is the list of
    attachments.  Who may see the files is, as for any attachment, told in the access rules.
    """

    def __init__(self, label: Phrase, *, rule: str, link: Any, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.rule, self.link = rule, link

    def process_data(self, value: Any) -> None:
        """The files of the rows that stand there."""
        self.data = [row.attachment for row in value or ()]

    def process_formdata(self, valuelist: list[str]) -> None:
        """Look the keys up, unless a file stands there already; each counts once."""
        present = {str(file.id): file for file in self.data or ()}
        wanted = dict.fromkeys(raw.strip() for raw in valuelist if raw.strip())
        unknown = [int(raw) for raw in wanted if raw not in present and is_key(raw)]
        present |= {str(file.id): file for file in self._found(unknown[:MOST_FILES])}
        self.data = [present[raw] for raw in wanted if raw in present]
        if len(self.data) < len(wanted):
            raise ValueError(_("A file is no longer there. Upload it again."))

    def _found(self, keys: list[int]) -> Iterable[Any]:
        if not keys:
            return ()
        query = select(Attachment).where(Attachment.id.in_(keys), Attachment.rule == self.rule)
        with db.session.no_autoflush:
            return db.session.scalars(query).all()

    def populate_obj(self, obj: Any, name: str) -> None:
        """Keep the rows of files that stay, add new ones, let go of the others."""
        rows = {row.attachment: row for row in getattr(obj, name)}
        files = self.data or ()
        setattr(obj, name, [rows.get(file) or self.link(attachment=file) for file in files])


class LinksField(Field):
    """Several rows of another table, named by link rows (``kind="links"``).

    The relation is declared with ``columns=("consultant",)``, the relation of a link row to what
    is chosen; ``data`` is the list of chosen rows.
    """

    def __init__(self, label: Phrase, *, link: Any, other: str, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.link, self.other = link, other
        self.model = inspect(link).relationships[other].mapper.class_

    def process_data(self, value: Any) -> None:
        """What the rows that stand there name."""
        self.data = [getattr(row, self.other) for row in value or ()]

    def process_formdata(self, valuelist: list[str]) -> None:
        """Look the keys up, unless a row stands there already; each counts once."""
        present = {str(row.id): row for row in self.data or () if row is not None}
        wanted = dict.fromkeys(raw.strip() for raw in valuelist if raw.strip())
        unknown = [int(raw) for raw in wanted if raw not in present and is_key(raw)][:MOST_FILES]
        if unknown:
            with db.session.no_autoflush:
                found = db.session.scalars(select(self.model).where(self.model.id.in_(unknown)))
                present |= {str(row.id): row for row in found}
        self.data = [present[raw] for raw in wanted if raw in present]
        if len(self.data) < len(wanted):
            raise ValueError(_("Choose from the list."))

    def populate_obj(self, obj: Any, name: str) -> None:
        """Keep the links that stay, add new ones, let go of the others."""
        rows = {getattr(row, self.other): row for row in getattr(obj, name)}
        chosen = self.data or ()
        setattr(obj, name, [rows.get(row) or self.link(**{self.other: row}) for row in chosen])


class RichField(TextAreaField):
    """A text with formatting, as much of it as may be stored; pictures are the reader's own."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Clean what was sent, and look for its pictures."""
        self.data = richtext.cleaned(clean(valuelist[0])) or None if valuelist else None
        wanted = richtext.pictures_of(self.data or "")
        if wanted:
            mine = Attachment.id.in_(wanted), Attachment.rule == richtext.PICTURE_RULE
            with db.session.no_autoflush:
                there = set(db.session.scalars(select(Attachment.id).where(*mine)))
            if wanted - there:
                raise ValueError(_("A picture in the text is no longer there. Insert it again."))

    def _value(self) -> str:
        return self.data or ""


class TermField(SelectField):
    """One code of a dictionary or of fixed choices, an empty one first."""

    def pre_validate(self, form: Any) -> None:
        """An unknown code is refused in the reader's words; what stands there may stay."""
        if self.data in (None, "", self.object_data):
            return
        if self.data not in dict(offered(form.infos[self.short_name])):
            raise StopValidation(_("Choose one of the list."))


class StarsField(TermField):
    """One to five stars; none is chosen beforehand."""


class TermsField(SelectMultipleField):
    """Several codes of a dictionary, kept in the order of the dictionary."""

    def pre_validate(self, form: Any) -> None:
        """Refuse unknown codes and too many of them."""
        info = form.infos[self.short_name]
        codes = [code for code, _label in offered(info)]
        codes += [code for code in self.object_data or () if code not in codes]
        if set(self.data or ()) - set(codes):
            raise StopValidation(_("Choose from the list."))
        if info.limit and len(self.data or ()) > info.limit:
            raise StopValidation(_("Choose at most %(num)d.", num=info.limit))
        self.data = [code for code in codes if code in (self.data or ())]


class RowsField(FieldList):
    """Child rows edited in place: the line of index *i* began as the *i*-th row of the parent."""

    def __init__(
        self, label: Phrase, *, line_form: type[ModelForm], limit: int, **kwargs: Any
    ) -> None:
        super().__init__(FormField(line_form), label, **kwargs)
        self.line_form, self.limit = line_form, limit

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        """The numbers of the lines that were sent: up to three plain digits each."""
        for name in formdata:
            if number := re.match(rf"{re.escape(prefix)}-(\d{{1,3}})-", name, re.ASCII):
                yield int(number[1])

    def validate(self, form: Any, extra_validators: Iterable[Any] = ()) -> bool:
        """Each line by its own checks; no more lines than the limit."""
        valid = super().validate(form, extra_validators)
        if len(self.entries) > self.limit:
            self.errors = [ngettext("At most %(num)d row.", "At most %(num)d rows.", self.limit)]
            return False
        return bool(valid)

    def populate_obj(self, obj: Any, name: str) -> None:
        """Change the rows that stay, add new ones, let go of those no longer there."""
        present = list(getattr(obj, name))
        rows = []
        for entry in self.entries:
            row = next((r for r in present if r is entry.object_data), None)
            row = row or self.line_form.model()
            entry.form.populate_obj(row)
            rows.append(row)
        setattr(obj, name, rows)


def offered(info: FieldInfo) -> list[tuple[str, Phrase]]:
    """Codes and labels that a field offers."""
    if info.choices:
        return list(info.choices.pairs())
    groups = words().groups(info.dictionary)
    return [(item.code, item.label) for _group, items in groups for item in items]


def text_field(info: FieldInfo, rules: list[Any], length: int) -> Field:
    """One line, or several for long texts; cleaned of what nobody can see."""
    wide = info.kind == "long" or (info.maximum or length) > LONG
    filters = [cleaned(info)] if wide else [_one_line, cleaned(info)]
    return (TextAreaField if wide else StringField)(info.label, rules, filters=filters)


def _one_line(value: Any) -> Any:
    """No browser sends a line break from an input of one line; mails and sheets would break."""
    return " ".join(value.splitlines()).replace("\t", " ") if isinstance(value, str) else value


def _make_rows(info: FieldInfo, prop: Any, _rules: list[Any]) -> Field:
    line_form = form_for(prop.mapper.class_, info.columns)
    return RowsField(info.label, line_form=line_form, limit=info.limit)


def _make_choice(info: FieldInfo, _prop: Any, rules: list[Any]) -> Field:
    return TermField(info.label, rules, validate_choice=False, coerce=lambda v: v or None)


def _make_text(info: FieldInfo, prop: Any, rules: list[Any]) -> Field:
    return text_field(info, rules, getattr(prop.columns[0].type, "length", 0) or 0)


MAKERS: dict[str, Callable[[FieldInfo, Any, list[Any]], Field]] = {
    "rows": _make_rows,
    "badge": _make_choice,
    "term": _make_choice,
    "text": _make_text,
    "long": _make_text,
    "terms": lambda info, _prop, rules: TermsField(info.label, rules, validate_choice=False),
    "file": lambda info, _prop, rules: FileField(info.label, rule=info.rule, validators=rules),
    "links": lambda info, prop, rules: LinksField(
        info.label, link=prop.mapper.class_, other=info.columns[0], validators=rules
    ),
    "rich": lambda info, _prop, rules: RichField(info.label, rules),
    "files": lambda info, prop, rules: FilesField(
        info.label, rule=info.rule, link=prop.mapper.class_, validators=rules
    ),
    "relation": lambda info, prop, rules: ChosenField(
        info.label, model=prop.mapper.class_, validators=rules
    ),
    "money": lambda info, _prop, rules: MoneyField(info.label, unit=info.unit, validators=rules),
    "time": lambda info, _prop, rules: MomentField(info.label, rules),
    "date": lambda info, _prop, rules: DayField(info.label, rules),
    "expiry": lambda info, _prop, rules: DayField(info.label, rules),
    "flag": lambda info, _prop, rules: BooleanField(info.label, rules),
    "number": lambda info, _prop, rules: WholeNumberField(info.label, rules),
}
"""How the field of each kind of cell is made."""


def field_for(model: Any, name: str) -> Field:
    """The unbound form field of one column or relation."""
    cell, prop = cell_at(model, name), inspect(model).attrs[name]
    return MAKERS[cell.kind](cell.info, prop, [Declared(prop, cell.info)])


class ModelForm(Form):
    """A form over a model's columns.  ``fixed`` names fields that keep the row's value."""

    model: ClassVar[Any]
    names: ClassVar[tuple[str, ...]]
    infos: ClassVar[dict[str, FieldInfo]]
    lengths: ClassVar[dict[str, int]] = {}
    fixed: frozenset[str] = frozenset()

    def __init__(
        self,
        formdata: Any = None,
        obj: Any = None,
        fixed: Iterable[str] = (),
        *,
        hides: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(formdata, obj=obj, **kwargs)
        self.hidden = dict(self._hidden(obj)) if hides else {}
        for name, (value, text) in self.hidden.items():
            if self[name].raw_data and self[name].raw_data[0].strip() == text:
                self[name].data = value  # the mask came back: nothing was typed
        self.fixed = frozenset(fixed)
        for name in self.fixed & set(self.names):
            if isinstance(self[name], RowsField):
                del self[name].entries[:]
            self[name].process(None, getattr(obj, name))

    def _hidden(self, row: Any) -> Iterator[tuple[str, tuple[Any, str]]]:
        """The personal data of ``row``: what is stored, and what the input holds of it."""
        for name in self.names:
            kind, value = self.infos[name].sensitive, getattr(row, name, None)
            if kind and value and masked(kind, value) != value:
                yield name, (value, masked(kind, value))

    def validate(self, extra_validators: Any = None) -> bool:
        """Check all fields but the fixed ones."""
        valid = True
        for name in self.names:
            if name not in self.fixed and not self[name].validate(self):
                valid = False
        return valid

    def populate_obj(self, obj: Any) -> None:
        """Write all fields but the fixed ones."""
        for name in self.names:
            if name not in self.fixed:
                self[name].populate_obj(obj, name)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Show the formal pre-check's problems at their fields, beside the form's own."""
        for problem in problems:
            field = self._fields.get(problem.field)
            if field is not None and not field.errors:
                field.errors = [str(problem.text)]

    @property
    def is_faulty(self) -> bool:
        """Whether any field carries an error."""
        return any(field.errors for field in self)


def form_for(model: Any, names: tuple[str, ...]) -> type[ModelForm]:
    """A form class over ``names``; fields know their :class:`FieldInfo`."""
    fields = {name: field_for(model, name) for name in names}
    infos = {name: cell_at(model, name).info for name in names}
    columns = inspect(model).columns
    lengths = {n: getattr(columns[n].type, "length", 0) or 0 for n in names if n in columns}
    known = {"model": model, "names": names, "infos": infos, "lengths": lengths}
    return type(f"{model.__name__}Form", (ModelForm,), fields | known)


# --- how a field is drawn -------------------------------------------------------------------


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
