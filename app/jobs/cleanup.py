"""What has expired goes (jobs 47): logins, codes and links, pictures; in bounded batches."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Table, delete, func, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.jobs.timetable import job
from app.models import Captcha, LoginSession, OneTimeToken, Throttle, VerificationCode

TEN_MINUTES = timedelta(minutes=10)
BATCH = 2_000
"""What one run deletes of a table, at most; the next one goes on."""

LAST_USE = timedelta(days=1)
"""What has expired is kept so long, to say "expired" instead of "unknown"."""

login, code, link = (m.__table__ for m in (LoginSession, VerificationCode, OneTimeToken))
throttle, captcha = Throttle.__table__, Captcha.__table__


@job(
    "session.cleanup",
    _l("Old logins"),
    TEN_MINUTES,
    summary=_l("Deletes the records of logins that ended longer ago than the law wants them kept."),
    minute="*/10",
    second=10,
)
def sessions(session: Session, now: datetime) -> int:
    """Forget logins that were last used longer ago than they must be kept."""
    days = current_app.extensions["profile"].reminders.keep_sessions_days
    last = func.coalesce(login.c.ended_at, login.c.last_seen_at, login.c.created_at)
    return _delete(session, login, last < now - timedelta(days=days))


@job(
    "otp.cleanup",
    _l("Expired codes and links"),
    TEN_MINUTES,
    summary=_l("Deletes expired verification codes, one-time links and spent limits."),
    minute="*/10",
    second=15,
)
def codes(session: Session, now: datetime) -> int:
    """Forget codes and links that have expired, and limits that hold nobody any more."""
    before = now - LAST_USE
    return (
        _delete(session, code, code.c.expires_at < before)
        + _delete(session, link, link.c.expires_at < before)
        + _delete(session, throttle, throttle.c.until < now)
    )


@job(
    "captcha.cleanup",
    _l("Expired pictures"),
    TEN_MINUTES,
    summary=_l("Deletes captchas that can no longer be answered."),
    minute="*/10",
    second=20,
)
def captchas(session: Session, now: datetime) -> int:
    """Forget pictures that can no longer be answered."""
    return _delete(session, captcha, captcha.c.expires_at < now)


def _delete(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    some = select(table.c.id).where(condition).order_by(table.c.id).limit(BATCH)
    rows = elevated(session, "what has expired belongs to nobody")
    return rows.execute(delete(table).where(table.c.id.in_(some))).rowcount
