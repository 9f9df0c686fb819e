"""Messages to people (outbox): a row written with its cause, rendered and sent later.

:func:`tell` belongs to the transaction of the cause; :func:`deliver` is the worker, of which
several may run.  How a letter travels is the caller's business (:mod:`app.jobs.outbox`), and so
is everything that decides who is told.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from flask_babel import force_locale, get_translations
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access import elevated
from app.models import Base, Message

log = logging.getLogger(__name__)

BATCH = 20
LEASE = timedelta(minutes=10)
"""How long a claimed row belongs to its worker; a worker that died loses it after that."""

BACK_OFF = (*(timedelta(minutes=m) for m in (1, 5, 15, 60)), *(timedelta(hours=6),) * 3)
"""The wait after each failed attempt; when there is none left, the message is given up."""

ERROR_LENGTH = 300

message = Message.__table__
# Written out, not bound: the partial index serves only a condition that names the states.
is_unfinished = message.c.state.in_(
    bindparam("states", ("waiting", "sending"), expanding=True, literal_execute=True)
)

Send = Callable[[Any], None]
"""Sends one claimed row; whatever it raises is noted, and the row is tried again later."""


class Undeliverable(Exception):
    """What :data:`Send` raises when no further attempt can help."""


def tell(
    session: Session,
    occasion: str,
    address: str,
    context: Mapping[str, Any],
    key: str,
    now: datetime,
    locale: str = "zh",
) -> bool:
    """Write one message, to leave when the transaction is committed.

    ``key`` names what must be told only once, as in ``msg:JG-20261120-0007:3:mail``; a second
    message of that key is ignored, and False returned.
    """
    connection = elevated(session, "a message goes to somebody else")
    return insert_once(
        connection,
        Message,
        ("dedupe_key",),
        occasion=occasion,
        dedupe_key=key,
        address=address,
        locale=locale,
        context=dict(context),
        due_at=now,
        created_at=now,
    )


def insert_once(
    connection: Connection, model: type[Base], key: tuple[str, ...], **values: Any
) -> bool:
    """Insert a row unless its unique ``key`` is taken; whether it was inserted."""
    postgres = connection.dialect.name == "postgresql"
    insert: Any = postgresql.insert if postgres else sqlite.insert
    table = model.__table__
    statement = insert(table).values(**values).on_conflict_do_nothing(index_elements=key)
    # Not the row count: on PostgreSQL it is -1 here.
    return connection.scalar(statement.returning(table.c.id)) is not None


# --- what a message says --------------------------------------------------------------------

templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates" / "messages"),
    extensions=["jinja2.ext.i18n"],
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text
)
templates.install_gettext_callables(  # type: ignore[attr-defined]
    gettext=lambda text: get_translations().ugettext(text),
    ngettext=lambda one, many, number: get_translations().ungettext(one, many, number),
    newstyle=True,
)


def render(told: Any, site: Any, public_url: str) -> tuple[str, str]:
    """Subject and body of a message row, in its reader's language.

    ``site`` is the profile's; an application context must be present for the translations.
    """
    values = {name: visible(value) for name, value in told.context.items()}
    url = f"{public_url}/cases/{quote(str(values.get('number', '')), safe='')}/"
    with force_locale(told.locale):
        subject, body = (
            templates.get_template(f"{told.occasion}/{part}.txt").render(values, site=site, url=url)
            for part in ("subject", "body")
        )
    return " ".join(subject.split()), body.strip() + "\n"


def visible(value: Any) -> Any:
    """A text without control characters and turned writing directions; lines stay."""
    if not isinstance(value, str):
        return value
    lines = ("".join(filter(_is_visible, line)) for line in value.splitlines())
    return "\n".join(lines).strip()


def _is_visible(char: str) -> bool:
    return char == "\t" or not unicodedata.category(char).startswith("C")


def message_id(told: Any, public_url: str) -> str:
    """The same at every attempt, so that a mailbox can tell a message sent twice."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"<message-{told.id}.{told.created_at:%Y%m%d%H%M%S}@{host}>"


# --- the worker -----------------------------------------------------------------------------


def deliver(session: Session, now: datetime, send: Send) -> int:
    """Claim what is due, commit, send each; the number of messages sent or failed.

    It commits for itself: no row is sent before all workers can see whose it is, and none
    waits for the outcome of another.  A worker that dies between a sending and its commit
    sends that one message again, with the same Message-ID.
    """
    claimed = _claim(session, now)
    started = time.monotonic()
    for handled, told in enumerate(claimed):
        if time.monotonic() - started > LEASE.total_seconds() / 2:
            _give_back(session, claimed[handled:], now)
            return handled
        _settle(session, told, now, **_attempt(told, now, send))
    return len(claimed)


def _claim(session: Session, now: datetime) -> Sequence[Row[Any]]:
    """Take due rows for the time of one lease; every claim counts as an attempt."""
    connection = elevated(session, "the outbox serves everybody")
    due = connection.execute(
        select(message)
        .where(is_unfinished, message.c.due_at <= now)
        .order_by(message.c.due_at, message.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    connection.execute(
        update(message)
        .where(message.c.id.in_([told.id for told in due]))
        .values(state="sending", due_at=now + LEASE, attempts=message.c.attempts + 1)
    )
    session.commit()
    return due


def _attempt(told: Row[Any], now: datetime, send: Send) -> dict[str, Any]:
    """Send one row; what to write into it."""
    try:
        _refuse_deadly(told)
        send(told)
    except Exception as failure:  # noqa: BLE001 - one faulty message must not stop the others
        last = isinstance(failure, Undeliverable) or told.attempts >= len(BACK_OFF)
        log.warning(
            "message %d: attempt %d failed: %s",
            told.id, told.attempts + 1, type(failure).__name__,
        )  # fmt: skip
        error = " ".join(f"{type(failure).__name__}: {failure}".split())[:ERROR_LENGTH]
        if last:
            return {"state": "dead", "error": error}
        due_at = now + BACK_OFF[told.attempts]
        return {"state": "waiting", "due_at": due_at, "error": error}
    return {"state": "sent", "sent_at": now, "error": ""}


def _refuse_deadly(told: Row[Any]) -> None:
    """Do not let one row end worker after worker."""
    if told.attempts > len(BACK_OFF):
        raise Undeliverable("no attempt came to an end")


def _settle(session: Session, told: Row[Any], now: datetime, **values: Any) -> None:
    """Write the outcome, unless the lease ran out and the row is another worker's."""
    elevated(session, "the outbox serves everybody").execute(
        update(message)
        .where(
            message.c.id == told.id,
            message.c.state == "sending",
            message.c.due_at == now + LEASE,
        )
        .values(**values)
    )
    session.commit()


def _give_back(session: Session, rest: Sequence[Row[Any]], now: datetime) -> None:
    """Let go of rows that were not tried."""
    for told in rest:
        _settle(session, told, now, state="waiting", due_at=told.due_at, attempts=told.attempts)
