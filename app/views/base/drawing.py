"""How templates are compiled, and what stands ready in all of them: words, icons, addresses.

A page draws some hundred words and icons.  What each of them costs is paid once a process or
once a request here, and not once a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from babel import support
from flask import Flask, g, has_app_context
from flask_babel import Domain, get_translations, gettext as _
from jinja2 import pass_eval_context
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from markupsafe import Markup

STATIC = Path(__file__).parent.parent.parent / "static"
ICON = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>')
_INDENT = re.compile(r"\s*\n\s*")


class Squeezed(Extension):
    """No page carries the indentation of its template: white space with a new line is that line."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens, the text between the tags of Jinja squeezed."""
        for token in stream:
            if token.type == "data":
                yield Token(token.lineno, "data", _INDENT.sub("\n", token.value))
            else:
                yield token


class Catalogue(Domain):
    """The words of the reader's language, looked for once a request.

    Where Flask-Babel changes the language within a request, it empties the same place.
    """

    def get_translations(self) -> support.NullTranslations:
        """As Flask-Babel finds them, which asks for session and language each time."""
        held = _held()
        found = getattr(held, "babel_translations", None)
        if found is None:
            found = super().get_translations()
            if held is not None:
                held.babel_translations = found
        return found


def _held() -> Any:
    """What Flask-Babel holds for this request, if it was asked before; on a shorter way."""
    present = g._get_current_object() if has_app_context() else {}  # noqa: SLF001 - documented
    return present.get("_flask_babel")


def _words() -> support.NullTranslations:
    """What :func:`flask_babel.get_translations` returns, likewise."""
    return getattr(_held(), "babel_translations", None) or get_translations()


@pass_eval_context
def gettext(context: EvalContext, text: str, /, **values: Any) -> str:
    """``_`` of the templates; what is put into a text is escaped there."""
    return _filled(context, _words().ugettext(text), values)


@pass_eval_context
def ngettext(context: EvalContext, one: str, many: str, num: int, /, **values: Any) -> str:
    """The same for a number of things."""
    found = _words().ungettext(one, many, num)
    return _filled(context, found, {"num": num} | values)


def _filled(context: EvalContext, text: str, values: dict[str, Any]) -> str:
    found = Markup(text) if context.autoescape else text  # noqa: S704 - our own catalogue
    return found % values if "%" in text else found


BARE = {"number", "money", "time", "date", "flag", "badge"}
"""What is never cut in a list."""
LONG = 12
"""So many characters fit into the narrowest column; what is longer is whole in its title."""


def list_cells(
    kinds: Sequence[str], values: Sequence[Any], row_url: str | None, drawn: Callable[..., str]
) -> Markup:
    """The cells of one row of a list, each in one line that the style sheet may cut.

    Written out here and not in a template: a page has some three hundred.  What is more than a
    line is ``drawn`` by the macro of all other places.
    """
    cells = (
        f'<td class="cell-{kind}">{_line(kind, value, row_url) or drawn(value)}</td>\n'
        for kind, value in zip(kinds, values, strict=True)
    )
    return Markup("".join(cells))  # noqa: S704 - made of what is escaped


def _line(kind: str, value: Any, row_url: str | None) -> str:
    text, css, url = value.text, value.css, value.url
    if kind == "link":
        text, css, url = text or _("Untitled"), "", url or row_url
    elif not text or value.reveal or kind in {"file", "files"}:
        return ""
    shown = escape(text)
    if css:
        return f'<span class="badge badge-{escape(css)}">{shown}</span>'
    href = f' href="{escape(url)}"' if url else ""
    tag = "a" if url else "span"
    if kind in BARE:
        return f"<a{href}>{shown}</a>" if url else shown
    title = f' title="{shown}"' if len(text) > LONG else ""
    return f'<{tag} class="cut"{href}{title}>{shown}</{tag}>'


@cache
def asset(path: str) -> str:
    """The address of a static file; it changes with the content, so browsers keep it a year."""
    return f"/static/{path}?v={sha256((STATIC / path).read_bytes()).hexdigest()[:8]}"


@cache
def icon(name: str) -> Markup:
    """One symbol of the sprite."""
    return ICON.format(asset("icons.svg"), name)


def install(app: Flask, **shared: Any) -> None:
    """Make ``shared`` and the words known to every template, imported ones included."""
    app.extensions["babel"].instance.domain_instance = Catalogue()
    app.jinja_env.add_extension(Squeezed)
    app.jinja_env.globals |= shared | {"_": gettext, "gettext": gettext, "ngettext": ngettext}
    app.jinja_env.globals |= {"asset": asset, "icon": icon, "zip": zip, "list_cells": list_cells}
