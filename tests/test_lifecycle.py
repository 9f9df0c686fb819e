"""What moves without a case: only as its steps say, each once, with a line of log and audit."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from app import clock, lifecycle
from app.access import AccessError
from app.audit import Context, on_behalf_of
from app.columns import Choices
from app.extensions import system_session
from app.lifecycle import Lifecycle, OutOfTurn, ReasonRequired, Step
from app.models import AuditEntry, Demand, LifeEvent, Person
from app.services.demands import LIFE

pytestmark = pytest.mark.db
SMALL = Lifecycle(
    Demand,
    {
        "call": Step("Call", ("waiting",), "contacted"),
        "close": Step("Close", ("waiting", "contacted"), "closed", needs_reason=True),
        "note": Step("Note", ("waiting", "contacted")),
    },
)


@pytest.fixture
def waiting(app: Any) -> int:
    """The key of a demand that waits for a call."""
    with app.app_context(), system_session() as session:
        return session.scalars(select(Demand.id).where(Demand.state == "waiting").limit(1)).one()


def rows_of(app: Any, query: Any) -> list[Any]:
    with app.app_context(), system_session() as session:
        return list(session.scalars(query))


def lines(app: Any, key: int) -> list[LifeEvent]:
    """The log of a demand, oldest first, less what the demonstration wrote."""
    mine = select(LifeEvent).where(LifeEvent.kind == "demand", LifeEvent.subject_id == key)
    return rows_of(app, mine.order_by(LifeEvent.id))


def test_a_step_writes_state_values_log_and_audit(app: Any, waiting: int) -> None:
    before, now = len(lines(app, waiting)), clock.now()
    with app.app_context(), system_session() as session, on_behalf_of(Context(None, "顾一川")):
        row = session.get_one(Demand, waiting)
        version = row.version
        was = SMALL.move(
            session, waiting, "call", now, opinion=" 已接通 ", detail={"n": 1}, last_contact_at=now
        )
        assert (was, row.state, row.version) == ("waiting", "contacted", version + 1)
        assert row.last_contact_at == now  # what was loaded is read anew
        session.commit()
    event = lines(app, waiting)[before:][0]
    assert (event.action, event.source, event.target) == ("call", "waiting", "contacted")
    assert (event.actor_name, event.opinion, event.detail) == ("顾一川", "已接通", {"n": 1})
    audited = select(AuditEntry).where(
        AuditEntry.kind == "demand", AuditEntry.object_id == waiting, AuditEntry.action == "change"
    )
    entry = rows_of(app, audited.order_by(AuditEntry.id.desc()))[0]
    assert (entry.before["state"], entry.after["state"]) == ("waiting", "contacted")
    assert entry.detail["step"] == "call"


def test_out_of_turn_without_reason_and_rolled_back(app: Any, waiting: int) -> None:
    before = len(lines(app, waiting))
    with app.app_context(), system_session() as session:
        with pytest.raises(ReasonRequired):
            SMALL.move(session, waiting, "close", clock.now(), opinion="  ")
        SMALL.move(session, waiting, "close", clock.now(), opinion="企业暂缓")
        for action in ("call", "close"):
            with pytest.raises(OutOfTurn):
                SMALL.move(session, waiting, action, clock.now(), opinion="再来")
        with pytest.raises(OutOfTurn):
            SMALL.move(session, -1, "call", clock.now())
        session.rollback()
        assert session.get_one(Demand, waiting).state == "waiting"
    assert len(lines(app, waiting)) == before


def test_a_step_without_target_leaves_the_state(app: Any, waiting: int) -> None:
    with app.app_context(), system_session() as session:
        SMALL.move(session, waiting, "note", clock.now(), opinion="企业下周在")
        session.commit()
        newest = lifecycle.history(session, Demand, waiting)[0]
        assert session.get_one(Demand, waiting).state == "waiting"
    assert (newest.action, newest.source, newest.target) == ("note", "waiting", "waiting")


def test_of_two_at_once_one_is_told(app: Any, waiting: int) -> None:
    """Both read the row as waiting; the second finds that it has moved."""
    before, ready, told = len(lines(app, waiting)), threading.Barrier(2), []

    def step() -> None:
        with app.app_context(), system_session() as session:
            ready.wait()
            try:
                SMALL.move(session, waiting, "call", clock.now())
                session.commit()
                told.append("done")
            except (OutOfTurn, DBAPIError) as late:
                session.rollback()
                told.append(type(late).__name__)

    threads = [threading.Thread(target=step) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(told) == ["OutOfTurn", "done"]
    assert len(lines(app, waiting)) == before + 1


def test_nothing_else_moves_a_state(app: Any, waiting: int, actor_of: Any, as_actor: Any) -> None:
    """Neither a form of somebody who may write the row, nor a correction of the log."""
    owner = rows_of(app, select(Demand).where(Demand.id == waiting))[0]
    with app.app_context(), system_session() as session:
        name = session.get_one(Person, owner.user_id).username
    with as_actor(actor_of(name)) as session:
        row = session.scalars(select(Demand).where(Demand.id == waiting)).one()
        row.title = "换一个标题"
        session.flush()
        row.state = "won"
        with pytest.raises(AccessError):
            session.flush()
    with app.app_context(), system_session() as session:
        SMALL.move(session, waiting, "note", clock.now())
        session.commit()
        for change in (
            update(LifeEvent.__table__).values(opinion="另说"),
            LifeEvent.__table__.delete(),
        ):
            with pytest.raises(DBAPIError):
                session.connection().execute(change)
            session.rollback()
        assert session.scalar(select(func.count()).select_from(LifeEvent)) > 0


def test_the_steps_of_a_demand_name_its_states() -> None:
    """Every source and target is a state, and every state can be reached."""
    column = Demand.__table__.c.state.info["field"]
    codes = set((column.choices or Choices()).codes())
    named = {state for step in LIFE.steps.values() for state in step.sources}
    reached = {step.target for step in LIFE.steps.values()} - {""}
    assert named <= codes
    assert reached <= codes
    assert codes - reached == set()
