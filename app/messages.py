"""Messages to people: one occasion, told on the platform, by e-mail and by SMS.

:func:`notify` tells users by the channels of the occasion and their own choice, :func:`tell` an
address without one.  Both write rows (outbox) in the transaction of the cause: what is shown on
the platform is there at once, the rest is rendered and sent later by :func:`deliver`, of which
several may run for each channel.  How a message travels is the caller's business
(:mod:`app.jobs.outbox`), and so is everything that decides who is told.

The words of an occasion are ``templates/messages/<occasion>/``: ``subject.txt`` and ``body.txt``,
and where a channel needs others ``mail_subject.txt``, ``mail.txt`` or ``sms.txt``.  They hold
neither the sign of the platform nor the link nor the closing line: :func:`render` adds them.
"""

from __future__ import annotations

import logging
import re
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from flask_babel import LazyString, force_locale, get_translations
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app import clock
from app.access import elevated
from app.columns import masked
from app.models import Base, Message, MessageChoice, Person

log = logging.getLogger(__name__)

BATCH = 20
LEASE = timedelta(minutes=10)
"""How long a claimed row belongs to its worker; a worker that died loses it after that."""

RUN_SECONDS = 60.0
"""How long one run begins new sendings: a dead server must not hold its worker for hours."""

BACK_OFF = (*(timedelta(minutes=m) for m in (1, 5, 15, 60)), *(timedelta(hours=6),) * 3)
"""The wait after each failed attempt; when there is none left, the message is given up."""

ERROR_LENGTH = 300
UNREAD_CAP = 100
"""Unread messages are counted so far: the bell shows 99+."""

BLANK = "••••••"

message, choice_, person_ = Message.__table__, MessageChoice.__table__, Person.__table__
# Written out, not bound: the partial indexes serve only conditions that name the codes.
is_unfinished = message.c.state.in_(
    bindparam("states", ("waiting", "retry", "sending"), expanding=True, literal_execute=True)
)
_INAPP: ColumnElement[str] = literal_column("'inapp'")

Send = Callable[[Any], None]
"""Sends one claimed row; whatever it raises is noted, and the row is tried again later."""

Mourn = Callable[[Session, Any, str], None]
"""Is told of a row that was given up, and why."""


class Undeliverable(Exception):
    """What :data:`Send` raises when no further attempt can help."""


# --- occasions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Occasion:
    """How people are told of one thing.

    ``topic`` is what they choose their channels by; ``link`` the address of what it is about,
    filled from the context; ``secrets`` are the entries of the context that are blanked once a
    message has left, such as codes and one-time links.
    """

    topic: str
    channels: tuple[str, ...]
    link: str = "/workbench/"
    secrets: tuple[str, ...] = ()


CASE = "/cases/{number}/"
DEMAND = "/demands/show/{demand}/"
PRODUCT = "/{list}/show/{product}/"
ALL = ("inapp", "email", "sms")
OCCASIONS: Mapping[str, Occasion] = MappingProxyType(
    {
        "account.registered": Occasion("account", ("inapp", "email")),
        "account.code": Occasion("account", ("sms", "email"), "/login/", ("code",)),
        "account.join_asked": Occasion("account", ("inapp", "email"), CASE),
        "account.main_changed": Occasion("account", ("inapp", "email")),
        "account.left": Occasion("account", ("inapp", "email")),
        "account.password_reset": Occasion("account", ALL, "/login/"),
        "account.reset_link": Occasion("account", ("email",), "/forgot/link/{token}/", ("token",)),
        "account.phone_changed": Occasion("account", ("inapp", "sms")),
        "account.email_changed": Occasion("account", ("inapp", "email")),
        "account.locked": Occasion("account", ("inapp", "email"), "/login/"),
        "account.password_expiring": Occasion("account", ("inapp", "email")),
        "account.idle": Occasion("account", ("email",), "/login/"),
        "subaccount.created": Occasion("account", ("email", "sms"), "/login/"),
        "task.assigned": Occasion("task", ("inapp",), CASE),
        "task.reminder": Occasion("task", ("inapp", "email"), CASE),
        "task.overdue": Occasion("task", ("inapp", "email"), CASE),
        "cert.pending": Occasion("task", ("inapp",), "/tasks/todo/"),
        "case.submitted": Occasion("case", ("inapp",), CASE),
        "case.stage": Occasion("case", ("inapp",), CASE),
        "case.returned": Occasion("case", ALL, CASE),
        "case.approved": Occasion("case", ALL, CASE),
        "case.refused": Occasion("case", ("inapp", "email"), CASE),
        "case.withdrawn": Occasion("case", ("inapp",), CASE),
        "cert.approved": Occasion("organization", ALL, CASE),
        "cert.returned": Occasion("organization", ALL, CASE),
        "institution.result": Occasion("organization", ("email", "inapp"), CASE),
        "membership.result": Occasion("organization", ("email", "inapp"), CASE),
        "licence.expiring": Occasion("organization", ("inapp", "email"), "/my-organization/"),
        "product.listed": Occasion("product", ("inapp",), PRODUCT),
        "product.approved_wait": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.delisted": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.expiring": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.stale": Occasion("product", ("inapp",), PRODUCT),
        "demand.new": Occasion("demand", ALL, DEMAND),
        "demand.late": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.stale": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.result": Occasion("demand", ("inapp", "sms"), "/my_demands/show/{demand}/"),
        "demand.disputed": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.ruled": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.closed": Occasion("demand", ("inapp",), DEMAND),
        "consultant.invited": Occasion(
            "organization", ("email",), "/invitations/{token}/", ("token",)
        ),
        "consultant.reminder": Occasion("organization", ("email",), "/"),
        "consultant.expired": Occasion("organization", ("inapp",), "/consultants/list/"),
        "consultant.linked": Occasion("organization", ("inapp", "email")),
        "consultant.unlinked": Occasion("organization", ("inapp", "email")),
        "score.monthly": Occasion("demand", ("inapp",), "/ranking/"),
        "demand.file_deal": Occasion("demand", ("inapp",), "/filings/add/?demand={demand}"),
        "transaction.approved": Occasion("demand", ("inapp",), CASE),
        "transaction.voided": Occasion("demand", ("inapp", "email"), CASE),
        "rating.invite": Occasion("demand", ("inapp", "email"), "/ratings/rate/{id}/"),
        "rating.received": Occasion("demand", ("inapp",), "/ratings/show/{id}/"),
        "job.failed": Occasion("system", ("inapp", "email"), "/jobs/list/"),
        "audit.head": Occasion("system", ("inapp", "email"), "/evidence/"),
        "outbox.dead": Occasion("system", ("inapp", "email"), "/outbox/list/?tab=dead"),
    }
)
"""The matrix of who is told how (the words are those of :data:`app.choices.OCCASIONS`)."""

FIXED = frozenset({"account"})
"""Topics that nobody can switch off: what concerns the safety of the account."""


def optional(topic: str) -> tuple[str, ...]:
    """The channels of a topic that its readers may switch off."""
    used = {c for o in OCCASIONS.values() if o.topic == topic for c in o.channels}
    return tuple(c for c in ("email", "sms") if c in used)


# --- told -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Notice:
    """One occasion for some users; ``channels`` narrows those of the occasion."""

    occasion: str
    user_ids: Collection[int]
    context: Mapping[str, Any]
    key: str
    channels: tuple[str, ...] = ALL


READERS = (
    select(
        *(person_.c[name] for name in ("id", "email", "mobile", "locale")),
        choice_.c.topic,
        choice_.c.email.label("by_email"),
        choice_.c.sms.label("by_sms"),
    )
    .outerjoin(choice_, choice_.c.user_id == person_.c.id)
    .where(person_.c.id.in_(bindparam("ids", expanding=True)), person_.c.active.is_(True))
)


def notify(
    session: Session,
    occasion: str,
    user_ids: Collection[int],
    context: Mapping[str, Any],
    key: str,
    now: datetime,
    channels: tuple[str, ...] = ALL,
) -> int:
    """Tell users by the channels of the occasion, each once per ``key``; the messages written.

    E-mail goes to those who have an address and SMS to those with a mobile, unless they do not
    want it; switched-off accounts are told nothing.  In ``context``, phrases are kept as such
    and translated for each reader; moments and days are written as he reads them.
    """
    return post(session, [Notice(occasion, user_ids, context, key, channels)], now)


def post(session: Session, notices: Sequence[Notice], now: datetime) -> int:
    """:func:`notify` for several occasions at once: two statements in all."""
    wanted = sorted({user_id for notice in notices for user_id in notice.user_ids})
    if not wanted:
        return 0
    connection = elevated(session, "a message goes to somebody else")
    readers: dict[int, Any] = {}
    unwanted: set[tuple[int, str, str]] = set()
    for found in connection.execute(READERS, {"ids": wanted}):
        readers[found.id] = found
        unwanted |= {
            (found.id, found.topic, channel)
            for channel, by in (("email", found.by_email), ("sms", found.by_sms))
            if by is False
        }
    told = [
        _row(notice.occasion, channel, address, notice.context, now)
        | {"user_id": user_id, "locale": readers[user_id].locale or "zh"}
        | {"dedupe_key": f"{notice.key}:{user_id}:{channel}"}
        for notice in notices
        for user_id in sorted(readers.keys() & {*notice.user_ids})
        for channel, address in _ways(notice, readers[user_id], unwanted)
    ]
    return _insert(connection, told)


def _ways(
    notice: Notice, reader: Any, unwanted: Collection[tuple[int, str, str]]
) -> list[tuple[str, str]]:
    """Channel and address of every way by which one reader is told."""
    occasion = OCCASIONS[notice.occasion]
    addresses = {"inapp": "", "email": reader.email, "sms": reader.mobile}
    return [
        (channel, addresses[channel] or "")
        for channel in occasion.channels
        if channel in notice.channels
        and (addresses[channel] or channel == "inapp")
        and (occasion.topic in FIXED or (reader.id, occasion.topic, channel) not in unwanted)
    ]


def tell(
    session: Session,
    occasion: str,
    address: str,
    context: Mapping[str, Any],
    key: str,
    now: datetime,
    locale: str = "zh",
    channel: str = "email",
) -> bool:
    """Write one message to an address that need not be a user's.

    ``key`` names what must be told only once, as in ``msg:JG-20261120-0007:3:mail``; a second
    message of that key is ignored, and False returned.
    """
    connection = elevated(session, "a message goes to somebody else")
    row = _row(occasion, channel, address, context, now)
    return bool(_insert(connection, [row | {"locale": locale, "dedupe_key": key}]))


def _row(
    occasion: str, channel: str, address: str, context: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    on_platform = channel == "inapp"
    return {
        "occasion": occasion,
        "channel": channel,
        "address": address,
        "context": {name: _kept(value) for name, value in context.items()},
        "state": "sent" if on_platform else "waiting",
        "due_at": now,
        "created_at": now,
        "sent_at": now if on_platform else None,
    }


def _kept(value: Any) -> Any:
    """A value as a row keeps it: a phrase by its message id, times by their ISO form."""
    if isinstance(value, LazyString):
        with force_locale("en"):  # the language of the message ids
            return {"phrase": str(value)}
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return value


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> int:
    """Insert those whose key is not taken; how many they were."""
    if not rows:
        return 0
    statement = _insert_into(connection, Message).on_conflict_do_nothing(
        index_elements=["dedupe_key"]
    )
    # Not the row count: on PostgreSQL it is -1 here.
    return len(connection.execute(statement.returning(message.c.id), rows).all())


def _insert_into(connection: Connection, model: type[Base]) -> Any:
    postgres = connection.dialect.name == "postgresql"
    insert: Any = postgresql.insert if postgres else sqlite.insert
    return insert(model.__table__)


def insert_once(
    connection: Connection, model: type[Base], key: tuple[str, ...], /, **values: Any
) -> bool:
    """Insert a row unless its unique ``key`` is taken; whether it was inserted."""
    statement = (
        _insert_into(connection, model).values(**values).on_conflict_do_nothing(index_elements=key)
    )
    return connection.scalar(statement.returning(model.__table__.c.id)) is not None


# --- read -----------------------------------------------------------------------------------


def unread_of(user_id: Any) -> ScalarSelect[int]:
    """How many messages on the platform a user has not read, counted to :data:`UNREAD_CAP`."""
    mine = select(message.c.id).where(
        message.c.user_id == user_id, message.c.channel == _INAPP, message.c.read_at.is_(None)
    )
    counted = mine.correlate_except(message).limit(UNREAD_CAP).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


def mark_read(
    session: Session, user_id: int | None, now: datetime, message_id: int | None = None
) -> int:
    """Mark one message of a user as read, or all of them; how many were unread."""
    mine = update(message).where(
        message.c.user_id == user_id, message.c.channel == _INAPP, message.c.read_at.is_(None)
    )
    if message_id is not None:
        mine = mine.where(message.c.id == message_id)
    connection = elevated(session, "marks the reader's own messages as read, all at once")
    return int(connection.execute(mine.values(read_at=now)).rowcount)


def mark_done(rows: Connection, user_id: int | None, key: str, now: datetime) -> None:
    """What a user was told under a key that begins so, he has dealt with: it is read."""
    rows.execute(
        update(message)
        .where(
            message.c.user_id == user_id,
            message.c.channel == _INAPP,
            message.c.read_at.is_(None),
            message.c.dedupe_key.startswith(key, autoescape=True),
        )
        .values(read_at=now)
    )


def resend(session: Session, message_ids: Collection[int], now: datetime) -> int:
    """Let messages that were given up start anew; how many did.

    One whose code or link was blanked says nothing any more and stays: its reader asks again.
    """
    secret = [name for name, occasion in OCCASIONS.items() if occasion.secrets]
    again = (
        update(message)
        .where(message.c.id.in_(list(message_ids)), message.c.state == "dead")
        .where(message.c.occasion.not_in(secret))
        .values(state="waiting", attempts=0, due_at=now, error="")
    )
    connection = elevated(session, "messages are sent by the system")
    return int(connection.execute(again).rowcount)


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


# --- the workers ----------------------------------------------------------------------------


def deliver(
    session: Session,
    now: datetime,
    send: Send,
    channel: str = "email",
    mourn: Mourn | None = None,
    *,
    forgets: bool = False,
) -> int:
    """Claim what is due, commit, send each, until nothing is due; the messages sent or failed.

    It commits for itself: no row is sent before all workers can see whose it is, and none
    waits for the outcome of another.  A worker that dies between a sending and its commit
    sends that one message again, with the same id.  ``forgets``: codes and links are blanked
    once sent, as a gateway of the real world has them.
    """
    handled, started = 0, time.monotonic()
    while claimed := _claim(session, now, channel):
        for tried, told in enumerate(claimed):
            if time.monotonic() - started > RUN_SECONDS:
                _give_back(session, claimed[tried:], now)
                return handled
            outcome = _attempt(told, now, send)
            if forgets and outcome["state"] in ("sent", "dead"):
                outcome["context"] = blanked(told)
            _settle(session, told, now, **outcome)
            if mourn and outcome["state"] == "dead":
                mourn(session, told, outcome["error"])
                session.commit()
            handled += 1
    return handled


def _claim(session: Session, now: datetime, channel: str) -> Sequence[Row[Any]]:
    """Take due rows for the time of one lease; every claim counts as an attempt."""
    connection = elevated(session, "the outbox serves everybody")
    due = connection.execute(
        select(message)
        .where(is_unfinished, message.c.channel == channel, message.c.due_at <= now)
        .order_by(message.c.due_at, message.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if due:
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
        _refuse_late(told, now)
        send(told)
    except Exception as failure:  # noqa: BLE001 - one faulty message must not stop the others
        last = isinstance(failure, Undeliverable) or told.attempts >= len(BACK_OFF)
        log.warning(
            "message %d: attempt %d failed: %s",
            told.id, told.attempts + 1, type(failure).__name__,
        )  # fmt: skip
        error = " ".join(f"{type(failure).__name__}: {failure}".split())
        if told.address:
            error = error.replace(told.address, masked("account", told.address))
        error = error[:ERROR_LENGTH]
        if last:
            return {"state": "dead", "error": error}
        due_at = now + BACK_OFF[told.attempts]
        return {"state": "retry", "due_at": due_at, "error": error}
    return {"state": "sent", "sent_at": now, "error": ""}


def _refuse_deadly(told: Row[Any]) -> None:
    """Do not let one row end worker after worker."""
    if told.attempts > len(BACK_OFF):
        raise Undeliverable("no attempt came to an end")


def _refuse_late(told: Row[Any], now: datetime) -> None:
    """A code that is no longer good would only puzzle its reader."""
    occasion, minutes = OCCASIONS.get(told.occasion), told.context.get("minutes")
    is_code = occasion is not None and occasion.secrets and minutes
    if is_code and now > told.created_at + timedelta(minutes=int(minutes)):
        raise Undeliverable("too late: what it says is no longer good")


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
        state = "retry" if told.attempts else "waiting"
        _settle(session, told, now, state=state, due_at=told.due_at, attempts=told.attempts)
