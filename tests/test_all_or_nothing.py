"""A process that dies at any statement of a submission or a decision leaves no half state."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from app.access import SYSTEM, acting_as
from app.flows import workflow
from app.models import AccreditationQualification, FlowTask, Model
from app.profile import load
from tests.world import (
    NOW,
    Scoped,
    actor,
    application,
    attachment,
    connect,
    fresh_database,
    session_of,
    system,
)

pytestmark = pytest.mark.db
FLOW = "accreditation"
Act = Callable[[Session], None]
Rows = dict[str, list[Any]]


@pytest.fixture
def engine() -> Iterator[Engine]:
    with fresh_database() as url:
        engine = connect(url)
        stage = {"key": "check", "title": "Check", "who": "role:operator", "due_days": 3}
        with system(engine) as session:
            route = [stage | {"returns_to": ["applicant"]}]
            workflow(load("demo")).publish(session, FLOW, route, NOW)
        yield engine
        engine.dispose()


def opened(engine: Engine) -> int:
    """A request of member 1, with certificates to take over, still a draft."""
    who = actor(1)
    with session_of(engine, who) as session:
        files = [attachment(1), attachment(1)]
        session.add_all(files)
        session.flush()
        row = application(
            50,
            applicant_id=1,
            organization_id=who.organization_id,
            logo_id=files[0].id,
            licence_file_id=files[1].id,
            qualifications=[AccreditationQualification(name="Licence", number="1")],
        )
        return workflow(load("demo")).desk(session, who, NOW).open(FLOW, row, 3).id


def open_task(engine: Engine) -> int:
    with system(engine) as session:
        return session.scalars(select(FlowTask.id).where(FlowTask.state == "open")).one()


def everything(engine: Engine) -> Rows:
    """Every row of every table of the application."""
    tables = Model.metadata.sorted_tables
    with engine.connect() as connection:
        return {
            t.name: connection.execute(select(t).order_by(*t.primary_key.columns)).all()
            for t in tables
        }


def perform(url: str, number: int, act: Act, stop_after: int | None) -> int:
    """Act and commit, and die after a statement; or roll back, and tell how many there were.

    0 is the moment before the commit, a number that is never reached the one after it.
    """
    engine = connect(url)
    count = 0

    def count_and_die(*_args: Any) -> None:
        nonlocal count
        count += 1
        if count == stop_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with acting_as(actor(number)), Scoped(engine) as session:
        session.connection()
        event.listen(engine, "after_cursor_execute", count_and_die)
        act(session)
        session.flush()
        if stop_after is None:
            return count
        if stop_after == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        session.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    return count


def in_a_child(url: str, number: int, act: Act, stop_after: int | None) -> tuple[int, int]:
    """Perform in a process of its own, which begins with cold caches; wait status and count."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, str(perform(url, number, act, stop_after)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    told = os.read(reader, 20)
    os.close(reader)
    return status, int(told or 0)


def kill(url: str, number: int, act: Act, stop_after: int) -> None:
    status, _ = in_a_child(url, number, act, stop_after)
    assert os.WIFSIGNALED(status), f"the child ended by itself: {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def kill_everywhere(engine: Engine, number: int, act: Act) -> tuple[int, Rows, Rows]:
    """Kill after each statement, before the commit and after it; kill points, before, after."""
    url = engine.url.render_as_string(hide_password=False)
    _, statements = in_a_child(url, number, act, None)
    before = everything(engine)
    assert statements > 0
    for n in [*range(1, statements + 1), 0]:
        kill(url, number, act, n)
        assert everything(engine) == before, f"half a state after statement {n} of {statements}"
    kill(url, number, act, statements + 1)
    return statements + 2, before, everything(engine)


def moved(before: Rows, after: Rows) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def by(action: str, *words: Any) -> Act:
    """An action of the engine; its workflow is made once, as in an application."""
    flows = workflow(load("demo"))

    def act(session: Session) -> None:
        getattr(flows.desk(session, session.info["actor"], NOW), action)(*words)

    def with_actor(session: Session) -> None:
        session.bind_actor()  # type: ignore[attr-defined]
        act(session)

    return with_actor


def test_a_submission_is_all_or_nothing(engine, record_property):
    case_id = opened(engine)
    points, before, after = kill_everywhere(engine, 1, by("submit", case_id))
    assert moved(before, after) == {
        *("accreditation", "flow_case", "flow_event", "flow_task", "organization"),
        "message",
    }
    record_property("submit: statements, kill points, half states", (points - 2, points, 0))


def test_an_approval_is_all_or_nothing(engine, record_property):
    case_id = opened(engine)
    with session_of(engine, actor(1)) as session:
        by("submit", case_id)(session)
    task_id = open_task(engine)
    points, before, after = kill_everywhere(engine, 2, by("approve", task_id, "Good"))
    assert moved(before, after) == {
        *("accreditation", "flow_case", "flow_event", "flow_task", "organization"),
        *("qualification", "org_role", "ab_user_role", "access_version", "message"),
        "audit_entry",
    }
    record_property("approve: statements, kill points, half states", (points - 2, points, 0))


def test_the_search_of_organizations_follows_the_approval(engine):
    """What SQLite's triggers keep is part of the same commit."""
    case_id = opened(engine)
    for number, action in ((1, "submit"), (2, "approve")):
        words = case_id if action == "submit" else open_task(engine)
        with session_of(engine, actor(number)) as session:
            by(action, words)(session)
    with acting_as(SYSTEM), engine.connect() as connection:
        table = Model.metadata.tables["organization"]
        row = select(table.c.search_text).where(table.c.id == 3)
        assert "in ns st ti it tu ut ti io on" in connection.execute(row).scalar_one()
