"""The fields of forms, one class for each kind of value: how what was sent is read and checked.

Rows that a key names are looked up through the scoped session, so one that the actor cannot see is
refused like one that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import inspect, select
from wtforms import (
    DateField,
    Field,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import StopValidation

from app import clock
from app.columns import FieldInfo, Phrase
from app.extensions import db
from app.models import Attachment
from app.security import words
from app.services import richtext
from app.views.base.cells import LONG, local_time
from app.views.base.typed import clean, is_key, plain_code

MOST_FILES = 50  # of one field; the declared limit is lower and told in words
CODES = {"mobile", "tel", "email", "credit_code", "id_number"}


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


def text_field(info: FieldInfo, rules: list[Any], length: int) -> Field:
    """One line, or several for long texts; cleaned of what nobody can see."""
    wide = info.kind == "long" or (info.maximum or length) > LONG
    filters = [cleaned(info)] if wide else [_one_line, cleaned(info)]
    return (TextAreaField if wide else StringField)(info.label, rules, filters=filters)


def _one_line(value: Any) -> Any:
    """No browser sends a line break from an input of one line; mails and sheets would break."""
    return " ".join(value.splitlines()).replace("\t", " ") if isinstance(value, str) else value


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
        self.data = clean(richtext.cleaned(valuelist[0])) or None if valuelist else None
        wanted = richtext.pictures_of(self.data or "")
        if wanted:
            mine = Attachment.id.in_(wanted), Attachment.rule == richtext.PICTURE_RULE
            with db.session.no_autoflush:
                there = set(db.session.scalars(select(Attachment.id).where(*mine)))
            if wanted - there:
                raise ValueError(_("A picture in the text is no longer there. Insert it again."))

    def _value(self) -> str:
        return self.data or ""


def offered(info: FieldInfo) -> list[tuple[str, Phrase]]:
    """Codes and labels that a field offers."""
    if info.choices:
        return list(info.choices.pairs())
    groups = words().groups(info.dictionary)
    return [(item.code, item.label) for _group, items in groups for item in items]


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
