"""What a message says: the templates of its occasion, in the language of its reader.

The words of an occasion are ``templates/messages/<occasion>/``: ``subject.txt`` and ``body.txt``,
and where a channel needs others ``mail_subject.txt``, ``mail.txt`` or ``sms.txt``.  They hold
neither the sign of the platform nor the link nor the closing line: :func:`render` adds them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from flask_babel import force_locale, get_translations

from app import clock
from app.columns import masked
from app.messages.occasions import OCCASIONS

BLANK = "••••••"

templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent.parent / "templates" / "messages"),
    extensions=["jinja2.ext.i18n"],
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text
)
templates.install_gettext_callables(  # type: ignore[attr-defined]
    gettext=lambda text: get_translations().ugettext(text),
    ngettext=lambda one, many, number: get_translations().ungettext(one, many, number),
    newstyle=True,
)
FILES = {"inapp": (), "email": ("mail_subject", "mail"), "sms": ("", "sms")}
"""The templates of a channel's own words, in place of subject and body."""

_BLANK_LINES = re.compile(r"\n{3,}")
PERSONS = ("actor", "name")
"""Entries of a context that name a person, masked where a message travels in the open."""


def render(told: Any, site: Any, public_url: str, locale: str = "") -> tuple[str, str]:
    """Subject and body of a message row, in its reader's language or in ``locale``.

    ``site`` is the profile's; an application context must be present for the translations.
    """
    with force_locale(locale or told.locale):
        values = {name: _shown(value) for name, value in told.context.items()} | {"site": site}
        if told.channel == "sms":
            values |= {n: masked("name", values[n]) for n in PERSONS if n in values}
        values["channel"] = told.channel
        subject, body = (
            _template(told, part).render(values).strip() for part in ("subject", "body")
        )
        if told.channel == "sms":
            return "", _one_line(_say("sms", values | {"text": body}))
        if told.channel == "inapp":
            return _one_line(subject), body
        words = {"text": _BLANK_LINES.sub("\n\n", body), "url": f"{public_url}{link(told)}"}
        subject = _one_line(_say("subject", values | {"text": subject}))
        return subject, _say("mail", values | words) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _say(frame: str, values: Mapping[str, Any]) -> str:
    """What every mail and every SMS has around its own words."""
    return templates.get_template(f"frame/{frame}.txt").render(values).strip()


def _template(told: Any, part: str) -> jinja2.Template:
    own = dict(zip(("subject", "body"), FILES[told.channel], strict=False)).get(part)
    names = [f"{told.occasion}/{name}.txt" for name in (own, part) if name]
    return templates.select_template(names)


def link(told: Any) -> str:
    """The path of what a message is about; the workbench where that is not known any more."""
    occasion = OCCASIONS.get(told.occasion)
    if occasion is None:
        return "/workbench/"
    wanted = {name for _, name, _, _ in Formatter().parse(occasion.link) if name}
    if wanted - told.context.keys():
        return "/workbench/"
    values = {name: quote(str(visible(told.context[name])), safe="") for name in wanted}
    return occasion.link.format(**values)


def _shown(value: Any) -> Any:
    """A kept value as the reader sees it."""
    match value:
        case {"phrase": phrase}:
            return get_translations().ugettext(phrase)
        case {"at": at}:
            moment = datetime.fromisoformat(at).astimezone(clock.SHANGHAI)
            return moment.strftime("%Y-%m-%d %H:%M")
        case {"day": day}:
            return day
    return visible(value)


def visible(value: Any) -> Any:
    """A text without control characters and turned writing directions; lines stay."""
    if not isinstance(value, str):
        return value
    lines = ("".join(filter(_is_visible, line)) for line in value.splitlines())
    return "\n".join(lines).strip()


def _is_visible(char: str) -> bool:
    return char == "\t" or not unicodedata.category(char).startswith("C")


def blanked(told: Any) -> dict[str, Any]:
    """The context of a row without its codes and links."""
    occasion = OCCASIONS.get(told.occasion)
    secrets = occasion.secrets if occasion else ()
    return {name: BLANK if name in secrets else value for name, value in told.context.items()}


def message_id(told: Any, public_url: str) -> str:
    """The same at every attempt, so that a mailbox can tell a message sent twice."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"<message-{told.id}.{told.created_at:%Y%m%d%H%M%S}@{host}>"
