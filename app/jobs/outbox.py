"""The outbox (jobs 53): waiting messages leave by e-mail and by SMS, each by a worker of its own.

Without a mail server or an SMS gateway a development installation writes them on the console;
a production installation keeps them and says so on the page of sent messages.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import force_locale, lazy_gettext as _l
from flask_mailman import EmailMessage
from sqlalchemy.orm import Session

from app import messages, sms
from app.access import elevated
from app.choices import CHANNELS, OCCASIONS
from app.extensions import mail
from app.flow import Seat
from app.jobs.timetable import job
from app.todos import holders

log = logging.getLogger(__name__)

# One address and nothing else: a comma would be a second reader, a line end a header.
PLAIN_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\]+")
MOBILE = re.compile(r"\+?\d{6,15}")


class NotSetUp(Exception):
    """There is nothing by which messages of this channel could leave."""


@job(
    "outbox.send",
    _l("Send waiting e-mail"),
    None,
    summary=_l("Sends what waits in the outbox by e-mail; what fails is tried again later."),
    second="*/10",
)
def send_waiting(session: Session, now: datetime) -> int:
    """Send what is due over one connection; the number of messages sent or failed."""
    settings = current_app.extensions["settings"]
    real = settings.is_production or bool(settings.smtp_url)
    with _postman() as send:
        return messages.deliver(session, now, send, "email", _mourn(now), forgets=real)


@job(
    "outbox.sms",
    _l("Send waiting SMS"),
    None,
    summary=_l("Sends what waits in the outbox by SMS; what fails is tried again later."),
    second="5/10",
)
def send_short(session: Session, now: datetime) -> int:
    """Send what is due through the gateway; the number of messages sent or failed."""
    settings = current_app.extensions["settings"]
    real = settings.is_production or bool(settings.sms_url)
    return messages.deliver(session, now, _messenger(), "sms", _mourn(now), forgets=real)


def _mourn(now: datetime) -> messages.Mourn:
    """Tell the system administrators of what was given up, once an hour for each channel."""

    def mourn(session: Session, told: Any, error: str) -> None:
        if told.occasion == "outbox.dead":
            return
        rows = elevated(session, "asks who runs the system")
        title = CHANNELS.of(told.channel).label
        context = {"title": title, "occasion": OCCASIONS.of(told.occasion).label, "opinion": error}
        key = f"outbox.dead:{told.channel}:{now:%Y%m%d%H}"
        technicians = holders(
            rows, Seat(role=current_app.extensions["profile"].reminders.technician)
        )
        messages.notify(session, "outbox.dead", technicians, context, key, now)

    return mourn


def _messenger() -> messages.Send:
    """A sender of short messages: the gateway of the environment, or the console."""
    settings = current_app.extensions["settings"]
    site = current_app.extensions["profile"].site
    gateway = sms.gateway(settings.sms_url) if settings.sms_url else None

    def send(told: Any) -> None:
        if not MOBILE.fullmatch(told.address):
            raise messages.Undeliverable("the number is none")
        _, text = messages.render(told, site, settings.public_url)
        if gateway is None:
            if settings.is_production:
                raise NotSetUp("no SMS gateway is named: set SMS_URL")
            log.info("SMS to %s: %s", told.address, text)
            return
        with force_locale(told.locale):
            sign = str(site.name)
        key = messages.message_id(told, settings.public_url).strip("<>")
        try:
            gateway.send(told.address, text, sign, key)
        except sms.Rejected as refusal:
            raise messages.Undeliverable(str(refusal)) from refusal

    return send


@contextmanager
def _postman() -> Iterator[messages.Send]:
    """A sender whose connection opens with the first message, and anew after a failure."""
    settings = current_app.extensions["settings"]
    public_url = settings.public_url
    site = current_app.extensions["profile"].site
    connection = mail.get_connection()  # type: ignore[no-untyped-call]

    def send(told: Any) -> None:
        if settings.is_production and not settings.smtp_url:
            raise NotSetUp("no mail server is named: set SMTP_URL")
        if not PLAIN_ADDRESS.fullmatch(told.address):
            raise messages.Undeliverable("the address is none")
        subject, body = messages.render(told, site, public_url)
        headers = {
            "Message-ID": messages.message_id(told, public_url),
            "Auto-Submitted": "auto-generated",
        }
        letter = EmailMessage(  # type: ignore[no-untyped-call]
            subject, body, to=[told.address], headers=headers, connection=connection
        )
        try:
            connection.open()
            connection.send_messages([letter])
        except OSError:  # smtplib's own errors among them
            close()
            raise

    def close() -> None:
        with suppress(OSError):
            connection.close()

    try:
        yield send
    finally:
        close()
