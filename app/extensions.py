"""The database session of the pages (scoped to the actor), migrations, CSRF, mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from flask_appbuilder import Model
from flask_compress import Compress
from flask_mailman import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine, event

from app import audit
from app.access import SYSTEM, ScopedSession, acting_as, protect


class AppSession(ScopedSession, FlaskSession):
    """What views, services and jobs use: an actor sees and writes only what is his."""

    registry = Model.registry


protect(AppSession)
audit.watch(AppSession)

STALLED = 60  # seconds; a slow line is no stall: each piece that passes begins them anew

OPTIONS: dict[str, Any] = {"class_": AppSession}
db = SQLAlchemy(model_class=Model, session_options=OPTIONS)
migrate, csrf, mail, compress, talisman = Migrate(), CSRFProtect(), Mail(), Compress(), Talisman()


def wait_no_longer() -> None:
    """Let go of a reader who neither sends nor takes anything for a minute, and of its thread."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALLED)


@contextmanager
def system_session() -> Iterator[AppSession]:
    """A session of the system, in place of the request's own, which is closed first.

    For work before anybody is signed in, for jobs and for commands.  The caller commits.
    """
    db.session.remove()
    with acting_as(SYSTEM), AppSession(db) as session:
        yield session


def record(action: str, **facts: Any) -> None:
    """One line of the audit log in a transaction of its own, of a request that writes nothing."""
    with db.engine.begin() as rows:
        audit.note_on(rows, action, **facts)


def prepare_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, and writers that begin as writers.

    A transaction that begins as a reader and writes later loses updates or fails as busy;
    reading requests run in AUTOCOMMIT and take no lock at all.
    """

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA busy_timeout=20000")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
