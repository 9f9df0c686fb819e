"""Forms made from a model's columns: a field and its checks for each, child rows edited in place.

CSRF is checked once, for the whole application, by ``CSRFProtect``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from flask_babel import ngettext
from sqlalchemy import inspect
from wtforms import BooleanField, Field, FieldList, Form, FormField
from wtforms.validators import StopValidation, ValidationError

from app import clock
from app.columns import FieldInfo, Phrase, masked
from app.errors import Problem
from app.services import formal
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
    TermField,
    TermsField,
    WholeNumberField,
    text_field,
)


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
