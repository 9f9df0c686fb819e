"""A form of fields that are no columns of a model: passwords, rights, a choice among colleagues.

It is drawn and checked as a generated form is, and keeps what was typed, passwords apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import redirect, request
from sqlalchemy.exc import IntegrityError
from wtforms import PasswordField

from app.columns import FieldInfo, Phrase
from app.errors import DomainError
from app.extensions import db
from app.views.base.fields import DayField, TermField, TermsField, text_field
from app.views.base.forms import Declared, ModelForm
from app.views.base.inputs import Drawn, draw
from app.views.base.page import Page
from app.views.base.view import Answer, summary


def sheet_form(infos: Mapping[str, FieldInfo]) -> type[ModelForm]:
    """A form class over described fields: of kind ``password`` or ``day``, a choice, or text."""
    fields: dict[str, Any] = {name: _field(info) for name, info in infos.items()}
    known = {"model": None, "names": tuple(infos), "infos": dict(infos)}
    return type("SheetForm", (ModelForm,), fields | known)


def _field(info: FieldInfo) -> Any:
    rules: list[Any] = [Declared(None, info)]
    if info.kind == "password":
        return PasswordField(info.label, rules)
    if info.kind == "day":
        return DayField(info.label, rules)
    if info.choices is None and not info.dictionary:
        return text_field(info, rules, 0)
    if info.limit:
        return TermsField(info.label, rules, validate_choice=False)
    return TermField(info.label, rules, validate_choice=False, coerce=lambda v: v or None)


@dataclass(frozen=True)
class Words:
    """What stands around a form."""

    title: Phrase
    submit: Phrase
    back_url: str
    crumbs: Sequence[tuple[Phrase, str]]
    intro: Phrase = ""
    taken: Phrase = ""
    """Said when somebody else was faster with what must be unique."""
    options_url: Callable[[str], str] = lambda _name: ""
    """Where the remote select of a field finds what it offers."""


class Sheets(Page):
    """A page that shows such forms."""

    sheet_template = "base/form.html"

    def sheet(
        self, form: ModelForm, words: Words, check: Callable[[], Any], act: Callable[[], str]
    ) -> Answer:
        """Show the form; once it is right, ``act`` and go where it says.

        ``check`` gives the problems beyond single fields; whatever goes wrong, nothing is done.
        """
        problem: Phrase = ""
        if request.method == "POST":
            valid = form.validate()
            form.add_problems(check())
            if valid and not form.is_faulty:
                try:
                    target = act()
                    db.session.commit()
                except DomainError as refusal:
                    problem = str(refusal)
                    form.add_problems(getattr(refusal, "problems", ()))
                except IntegrityError:
                    if not words.taken:
                        raise
                    problem = words.taken
                else:
                    return redirect(target)
                db.session.rollback()
        page = self.page(self.sheet_template, **_context(form, words, problem))
        return page, 400 if request.method == "POST" else 200


def _context(form: ModelForm, words: Words, problem: Phrase) -> dict[str, Any]:
    sections: dict[str, list[Drawn]] = {}
    for name in form.names:
        section = str(form.infos[name].section)
        sections.setdefault(section, []).append(draw(form, name, words.options_url))
    return {
        "title": words.title,
        "intro": words.intro,
        "crumbs": words.crumbs,
        "sections": [
            {"key": str(n), "title": title, "fields": fields}
            for n, (title, fields) in enumerate(sections.items())
        ],
        "summary": [fault for fields in sections.values() for fault in summary(fields)],
        "problem": problem,
        "submit_label": words.submit,
        "back_url": words.back_url,
    }
