"""The workers that send what waits in the outbox; several may run for each channel.

How a message travels is the caller's business (:mod:`app.jobs.outbox`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.columns import masked
from app.messages.occasions import OCCASIONS
from app.messages.words import blanked
from app.models import Message

log = logging.getLogger(__name__)

BATCH = 20
LEASE = timedelta(minutes=10)
"""How long a claimed row belongs to its worker; a worker that died loses it after that."""

RUN_SECONDS = 60.0
"""How long one run begins new sendings: a dead server must not hold its worker for hours."""

BACK_OFF = (*(timedelta(minutes=m) for m in (1, 5, 15, 60)), *(timedelta(hours=6),) * 3)
"""The wait after each failed attempt; when there is none left, the message is given up."""

ERROR_LENGTH = 300

message = Message.__table__
# Written out, not bound: the partial index serves only conditions that name the codes.
is_unfinished = message.c.state.in_(
    bindparam("states", ("waiting", "retry", "sending"), expanding=True, literal_execute=True)
)

Send = Callable[[Any], None]
"""Sends one claimed row; whatever it raises is noted, and the row is tried again later."""

Mourn = Callable[[Session, Any, str], None]
"""Is told of a row that was given up, and why."""


class Undeliverable(Exception):
    """What :data:`Send` raises when no further attempt can help."""


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
