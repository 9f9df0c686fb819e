"""Fixtures: one application per run, a fresh copy of the demonstration's database per test.

``QIFU_TEST_DATABASE=postgresql`` runs the same tests on PostgreSQL.  No fixture holds an
application context: a request made inside one would share its ``g``, and with it the user.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app import cli, create_app
from app.access import Actor, acting_as
from app.extensions import AppSession, db, system_session
from app.models import AccessVersion, Person
from app.services import reference
from app.services.demo import PASSWORD
from tests.stores import PostgresqlStore, SqliteStore

TEST_CODE = "0000"
CHEAP = "scrypt:1024:8:1"  # a login in nearly every test: the same way, a 32nd of the work
ON_POSTGRESQL = os.environ.get("QIFU_TEST_DATABASE") == "postgresql"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> SqliteStore | PostgresqlStore:
    """The database of this run."""
    if ON_POSTGRESQL:
        return PostgresqlStore(f"qifu_{os.getpid()}")
    return SqliteStore(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="session")
def application(store, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application on a database with the demonstration in it."""
    os.environ["QIFU_TEST_CODE"] = TEST_CODE
    os.environ["QIFU_PASSWORD_HASH"] = CHEAP
    os.environ["STORAGE_URL"] = str(tmp_path_factory.mktemp("storage") / "uploads")
    app = create_app(
        TESTING=True,
        WTF_CSRF_ENABLED=False,
        SQLALCHEMY_DATABASE_URI=store.url,
        MAIL_BACKEND="locmem",
    )
    cli.set_up(app)
    _let_go(app)
    store.keep()
    uploads = Path(os.environ["STORAGE_URL"])
    shutil.copytree(uploads, uploads.with_name("prepared"))
    return app


@pytest.fixture
def app(application: Flask, store) -> Flask:
    """The application on a fresh copy of the database; commits are real commits."""
    _let_go(application)
    store.restore()
    _let_go(application)  # what a late request of the test before has opened meanwhile
    _restore_files(Path(application.extensions["settings"].storage_url))
    return application


def _restore_files(uploads: Path) -> None:
    """Put back the files of the demonstration that a test threw away or wrote over."""
    prepared = uploads.with_name("prepared")
    for kept in prepared.rglob("*"):
        target = uploads / kept.relative_to(prepared)
        if kept.is_file() and not (target.exists() and filecmp.cmp(kept, target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kept, target)


def _let_go(app: Flask) -> None:
    """Close connections and forget what was kept of the database before."""
    with app.app_context():
        db.engine.dispose()
    app.extensions["appbuilder"].sm.forget_all()
    app.extensions["workflow"].forget_all()
    reference.forget_all()


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., FlaskClient]:
    """``sign_in("operator")`` -> a browser in which that person is signed in; None: a visitor."""

    def sign_in(username: str | None = None) -> FlaskClient:
        client = app.test_client()
        if username:
            typed = {"username": username, "password": PASSWORD, "captcha": TEST_CODE}
            assert client.post("/login/", data=typed).status_code == 302
        return client

    return sign_in


@pytest.fixture
def actor_of(app: Flask) -> Callable[[str], Actor]:
    """``actor_of("institution")`` -> the actor as which that person's requests run."""

    def actor_of(username: str) -> Actor:
        with app.app_context():
            with system_session() as session:
                known = session.scalars(select(Person.id).where(Person.username == username)).one()
                version = session.scalars(select(AccessVersion.version)).one()
            return app.extensions["appbuilder"].sm.grants_of(known, version).actor

    return actor_of


@pytest.fixture
def as_actor(app: Flask) -> Callable[[Actor], object]:
    """Open a scoped session of an actor, rolled back at the end of its block."""

    @contextmanager
    def as_actor(who: Actor) -> Iterator[AppSession]:
        with app.app_context(), acting_as(who), AppSession(db) as session:
            yield session

    return as_actor


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Every SQL statement that runs, in order; clear it to begin anew."""
    seen: list[str] = []

    def keep(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", keep)
    yield seen
    event.remove(engine, "before_cursor_execute", keep)
