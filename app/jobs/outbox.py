"""The outbox (jobs 53): waiting messages leave by e-mail, or on the console without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from flask_mailman import EmailMessage
from sqlalchemy.orm import Session

from app import messages
from app.extensions import mail
from app.jobs.timetable import job

# One address and nothing else: a comma would be a second reader, a line end a header.
PLAIN_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[^\s@,;:<>()\[\]\"\\]+")


@job("outbox.send", _l("Send waiting messages"), None, second="*/10")
def send_waiting(session: Session, now: datetime) -> int:
    """Send what is due over one connection; the number of messages sent or failed."""
    with _postman() as send:
        return messages.deliver(session, now, send)


@contextmanager
def _postman() -> Iterator[messages.Send]:
    """A sender whose connection opens with the first message, and anew after a failure."""
    public_url = current_app.extensions["settings"].public_url
    site = current_app.extensions["profile"].site
    connection = mail.get_connection()  # type: ignore[no-untyped-call]

    def send(told: Any) -> None:
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
