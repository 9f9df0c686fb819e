"""Two people at once: nobody's page holds a row of the other, however the threads take turns.

The same storm over a plain Flask-AppBuilder view does show wrong rows: it keeps one set of
filters per view, which all threads share.  That is how this test is known to see the fault.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_appbuilder import AppBuilder, ModelView
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.sqla.manager import SecurityManager
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from app.extensions import system_session
from app.models import FlowCase, Membership, Organization, Person

REQUESTS = 100
ROUNDS = 20
# What is read of a page, and which of it belongs to the other one.
Ask = Callable[[], set[str]]


@contextmanager
def hurried() -> Iterator[None]:
    """Threads change at nearly every step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def storm(asks: tuple[Ask, Ask], *, until_first: bool = False) -> list[set[str]]:
    """Both ask 100 times at once; the wrong rows of each page that had some."""
    wrong: list[set[str]] = []
    faults: list[BaseException] = []
    together = threading.Barrier(2)

    def run(ask: Ask) -> None:
        try:
            together.wait()
            for _turn in range(REQUESTS):
                if until_first and wrong:
                    return
                if foreign := ask():
                    wrong.append(foreign)
        except BaseException as fault:  # noqa: BLE001 - told by the main thread
            faults.append(fault)

    with hurried():
        threads = [threading.Thread(target=run, args=(ask,)) for ask in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    return wrong


def _pages(client: Any, path: str, pattern: str, mine: set[str]) -> Ask:
    """Ask for a list page; the rows on it that are not ``mine``."""

    def ask() -> set[str]:
        found = set(re.findall(pattern, client.get(path).text))
        assert found, f"{path}: an empty page would prove nothing"
        return found - mine

    return ask


def _numbers(app: Flask, username: str) -> set[str]:
    with app.app_context(), system_session() as session:
        person = select(Person.id).where(Person.username == username).scalar_subquery()
        own = select(Membership.organization_id).where(Membership.user_id == person)
        return set(
            session.scalars(select(FlowCase.number).where(FlowCase.organization_id.in_(own)))
        )


@pytest.mark.db
def test_two_organizations_see_their_own_applications(app, sign_in):
    number = r"JG-\d{8}-\d{4}"
    one, two = (
        _pages(sign_in(name), "/tasks/mine/list/", number, _numbers(app, name))
        for name in ("institution", "institution2")
    )
    assert _numbers(app, "institution").isdisjoint(_numbers(app, "institution2"))
    assert storm((one, two)) == []


@pytest.mark.db
def test_two_operators_filter_the_same_list_apart(app, sign_in):
    with app.app_context(), system_session() as session:
        rows = session.execute(select(Organization.id, Organization.institution_state)).all()
    show = r"/organizations/show/(\d+)/"
    one, two = (
        _pages(
            sign_in(name), f"/organizations/list/?tab={state}", show,
            {str(row.id) for row in rows if row.institution_state == state},
        )
        for name, state in (("operator", "in_pool"), ("operator2", "in_review"))
    )  # fmt: skip
    assert storm((one, two)) == []


# --- the same over a view of Flask-AppBuilder's own --------------------------------------------


class OpenDoors(SecurityManager):
    """Everybody may open the page; whose rows stand on it is the question."""

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Yes."""
        return True


class PlainOrganizations(ModelView):
    """What one would write without our base: FAB's filters, FAB's list."""

    datamodel = SQLAInterface(Organization)
    route_base = "/plain"
    list_columns = ["name", "certification"]
    search_columns = ["certification"]
    show_columns = edit_columns = add_columns = ["name"]


@pytest.fixture
def plain(app, store, tmp_path: Path) -> Iterator[Flask]:
    """Stock Flask-AppBuilder with a session of its own, over a copy of the same data."""
    del app
    copied = tmp_path / "plain.db"
    shutil.copy(store.prepared, copied)
    other = Flask("plain")
    other.config.update(
        SECRET_KEY="plain", SQLALCHEMY_DATABASE_URI=f"sqlite:///{copied}", TESTING=True,
        FAB_CREATE_DB=False, WTF_CSRF_ENABLED=False,
    )  # fmt: skip
    engine = create_engine(other.config["SQLALCHEMY_DATABASE_URI"])
    session = scoped_session(sessionmaker(engine, class_=Session))
    other.teardown_appcontext(lambda _error: session.remove())
    with other.app_context():
        builder = AppBuilder(security_manager_class=OpenDoors)
        builder.init_app(other, session)
        builder.add_view_no_menu(PlainOrganizations)
    yield other
    engine.dispose()


def test_the_same_storm_shows_wrong_rows_on_a_plain_view(plain, store, record_property):
    assert store.url.startswith("sqlite")

    def ask(state: str) -> Ask:
        client = plain.test_client()

        def rows() -> set[str]:
            answer = client.get(f"/plain/list/?_flt_3_certification={state}")
            assert answer.status_code == 200
            return set(re.findall(r">\s*(certified|in_review|none|returned)\s*<", answer.text)) - {
                state
            }

        assert rows() == set()
        assert state in client.get("/plain/list/?psize_PlainOrganizations=200").text
        return rows

    asks = ask("certified"), ask("in_review")
    for number in range(1, ROUNDS + 1):
        if storm(asks, until_first=True):
            record_property("round in which a plain FAB view showed a wrong row", number)
            return
    pytest.fail(f"no wrong row in {ROUNDS} rounds: this test would not see the fault")
