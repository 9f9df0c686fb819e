"""The engine: what each action does, refuses and leaves behind, whatever anybody tries."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.orm import Session

from app.access import SYSTEM
from app.clock import Workdays
from app.errors import (
    DomainError,
    Incomplete,
    NoLongerOpen,
    NotYours,
    OpinionRequired,
    OwnApplication,
)
from app.flow import Stage, route_problems
from app.flow_log import faults
from app.models import FlowEvent, FlowTask
from app.todos import figures, mine
from app.workflow import Workflow
from tests.world import (
    NOW,
    Product,
    ProductListing,
    World,
    actor,
    connect,
    fresh_database,
    is_on_postgresql,
    session_of,
)

pytestmark = pytest.mark.db

CHECK = {"key": "check", "who": "role:operator", "due_days": 3}
EXPERTS = {"key": "experts", "who": "role:expert", "mode": "all"}
FINAL = {"key": "final", "who": "role:operator", "returns_to": ["applicant", "previous", "check"]}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with fresh_database() as url:
        engine = connect(url)
        yield engine
        engine.dispose()


@pytest.fixture
def world(engine: Engine) -> Iterator[World]:
    with Session(engine) as session:
        yield World(session)


@pytest.fixture
def busy() -> Iterator[Engine]:
    """A database of its own, for what is committed."""
    with fresh_database() as url:
        engine = connect(url)
        yield engine
        engine.dispose()


def events(world: World, case_id: int) -> list[FlowEvent]:
    ours = select(FlowEvent).where(FlowEvent.case_id == case_id)
    return list(world.session.scalars(ours.order_by(FlowEvent.number)))


def log_of(world: World, case_id: int) -> list[str]:
    return [f"{e.action}:{e.source}>{e.target}" for e in events(world, case_id)]


# --- the way of a case --------------------------------------------------------------------


def test_a_route_is_walked_to_the_end(world):
    world.publish(CHECK, FINAL)
    case = world.submitted()
    assert (world.product(case).state, world.product(case).submitted_at) == ("in_review", world.now)
    world.desk(2).approve(world.task(case), "Good")
    assert world.case(case).state == "in_review"
    world.desk(3).approve(world.task(case))
    assert world.case(case).state == "approved"
    assert world.case(case).closed_at == world.now
    assert world.product(case).state == "approved"
    assert world.flow.told == ["submitted", "approved in line 4"]
    assert log_of(world, case) == [
        "open:draft>draft",
        "submit:draft>check",
        "approve:check>final",
        "approve:final>approved",
    ]


def test_numbers_count_up_by_the_day_in_shanghai(world):
    numbers = [world.case(world.opened()).number for _ in range(2)]
    world.now = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    numbers.append(world.case(world.opened()).number)
    assert numbers == ["SJ-20261120-0001", "SJ-20261120-0002", "SJ-20261121-0001"]


def test_names_are_copied_at_the_time_of_the_act(world):
    world.publish(CHECK)
    case = world.submitted()
    world.session.connection().execute(text("UPDATE ab_user SET last_name = 'New' WHERE id = 1"))
    world.desk(1).withdraw(case)
    assert world.case(case).applicant_name == "Person 1"
    assert [e.actor_name for e in events(world, case)] == ["Person 1", "Person 1", "New"]


def test_a_case_is_found_by_number_title_and_applicant(world):
    world.publish(CHECK)
    case = world.opened(name="数字孪生")
    world.product(case).name = "工业软件"
    world.desk(1).submit(case)
    assert world.case(case).title == "工业软件"
    row = text("SELECT search_text FROM flow_case WHERE id = :id")
    found = world.session.execute(row, {"id": case}).scalar_one()
    assert "工业 业软 软件" in found
    assert "数字" not in found
    assert "20 02 26 61 11 12 20 | 00" in found
    assert "pe er rs so on" in found


def test_all_problems_of_a_form_are_told_at_once_and_nothing_changes(world):
    world.publish(CHECK)
    case = world.opened(name="", price=-1)
    with pytest.raises(Incomplete) as refusal:
        world.desk(1).submit(case)
    assert [p.field for p in refusal.value.problems] == ["name", "price"]
    assert world.case(case).state == "draft"
    assert [p.field for p in world.desk(1).problems("product_listing", Product(price=-1))] == [
        "name",
        "price",
    ]


def test_the_check_judges_what_is_stored_now(world):
    world.publish(CHECK)
    case = world.opened()
    stale = world.session.get_one(Product, world.case(case).subject_id)
    assert stale.name == "MES"
    world.session.connection().execute(text("UPDATE world_product SET name = ''"))
    with pytest.raises(Incomplete):
        world.desk(1).submit(case)


def test_a_form_opened_before_a_submission_is_out_of_date(world):
    world.publish(CHECK)
    case = world.opened()
    before = world.product(case).version
    world.desk(1).submit(case)
    assert world.product(case).version == before + 1


def test_a_condition_skips_a_stage(world):
    world.publish(CHECK, EXPERTS | {"only_if": "expensive"}, FINAL)
    cheap, dear = world.submitted(price=1), world.submitted(price=1000)
    for case in (cheap, dear):
        world.desk(2).approve(world.task(case))
    assert log_of(world, cheap)[-1] == "approve:check>final"
    assert log_of(world, dear)[-1] == "approve:check>experts"


def test_everybody_must_agree_at_a_joint_stage(world):
    world.publish(EXPERTS)
    case = world.submitted()
    for user in (4, 5, 6):
        world.desk(user).approve(world.task(case, user))
    assert world.case(case).state == "in_review"
    world.desk(7).approve(world.task(case, 7))
    assert world.case(case).state == "approved"


def test_one_refusal_ends_a_joint_stage(world):
    world.publish(EXPERTS)
    case = world.submitted()
    world.desk(4).approve(world.task(case, 4))
    world.desk(5).refuse(world.task(case, 5), "Not new")
    assert world.case(case).state == world.product(case).state == "refused"
    assert world.flow.told[-1] == "refused: Not new"
    assert [t.state for t in world.tasks(case)] == ["done", "done", "skipped", "skipped"]


def test_one_refusal_ends_a_stage_that_one_person_decides(world):
    world.publish(CHECK | {"who": "role:expert"}, FINAL)
    case = world.submitted()
    world.desk(4).refuse(world.task(case), "Not new")
    assert world.case(case).state == "refused"
    assert log_of(world, case)[-1] == "refuse:check>refused"


def test_signers_in_order_get_their_task_in_turn(world):
    world.publish(EXPERTS | {"mode": "in_order", "due_days": 2})
    case = world.submitted()
    assert [t.state for t in world.tasks(case)] == ["open", "waiting", "waiting", "waiting"]
    world.later(days=5)
    world.desk(4).approve(world.task(case))
    (second,) = world.tasks(case, "open")
    assert (second.user_id, second.opened_at) == (5, world.now)
    assert second.due_at > world.now
    waiting = world.tasks(case, "waiting")[0].id
    with pytest.raises(NoLongerOpen):
        world.desk(6).approve(waiting)


def test_a_vote_ends_when_the_share_is_reached_or_out_of_reach(world):
    world.publish(EXPERTS | {"mode": "ratio", "quorum": 60})
    case = world.submitted()
    for user in (4, 5, 6):
        world.desk(user).approve(world.task(case, user))
    assert world.case(case).state == "approved"
    assert [t.state for t in world.tasks(case)][-1] == "skipped"
    other = world.submitted()
    for user in (4, 5):
        world.desk(user).refuse(world.task(other, user), "No")
    assert world.case(other).state == "refused"


def test_deadlines_are_counted_in_working_days(world):
    world.workflow = Workflow([world.flow], lambda _rows: Workdays(holidays={date(2026, 11, 23)}))
    world.publish(CHECK)
    case = world.submitted()
    (task,) = world.tasks(case)
    assert task.due_at == datetime(2026, 11, 26, 16, tzinfo=UTC)


# --- back and forth -----------------------------------------------------------------------


def test_a_return_ends_tasks_and_a_resubmission_goes_to_the_stage_that_returned(world):
    world.publish(CHECK, EXPERTS, FINAL)
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    world.desk(4).approve(world.task(case, 4))
    world.desk(5).send_back(world.task(case, 5), "Add the contract")
    assert world.product(case).state == "returned"
    assert world.flow.told[-1] == "returned: Add the contract"
    (mend,) = world.tasks(case, "open", "waiting")
    assert (mend.user_id, mend.stage_id) == (1, None)
    with pytest.raises(NoLongerOpen):
        world.desk(1).approve(mend.id)
    world.later(days=3)
    world.desk(1).submit(case)
    assert (world.tasks(case, "done")[-1].decision) == "submit"
    fresh = world.tasks(case, "open")
    assert [t.user_id for t in fresh] == [4, 5, 6, 7]
    assert {t.opened_at for t in fresh} == {world.now}
    assert world.product(case).submitted_at == world.now
    assert log_of(world, case)[-1] == "submit:returned>experts"
    rounds = [number for number, _ in groupby(t.round for t in world.tasks(case))]
    assert len(rounds) == len(set(rounds)) == 4, "check, experts, mending, experts again"


def test_a_stage_that_does_not_resume_lets_all_stages_run_again(world):
    world.publish(CHECK, FINAL | {"resume_here": False})
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    world.desk(2).send_back(world.task(case), "Once more")
    world.desk(1).submit(case)
    assert log_of(world, case)[-1] == "submit:returned>check"


@pytest.mark.parametrize("target", ["check", "previous"])
def test_a_return_to_an_earlier_stage_comes_straight_back(world, target):
    world.publish(CHECK, EXPERTS | {"only_if": "expensive", "mode": "any"}, FINAL)
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    world.desk(2).send_back(world.task(case), "Look again", to=target)
    assert log_of(world, case)[-1] == "return:final>check"
    world.desk(3).approve(world.task(case))
    assert log_of(world, case)[-1] == "approve:check>final"


def test_a_stage_returns_only_where_its_route_says_and_the_case_has_been(world):
    world.publish(CHECK | {"only_if": "expensive"}, FINAL | {"returns_to": ["applicant", "check"]})
    case = world.submitted()
    for target in ("previous", "elsewhere", "check"):
        with pytest.raises(DomainError, match=r"Choose another target\."):
            world.desk(2).send_back(world.task(case), "No", to=target)


def test_a_stage_returns_nowhere_that_its_route_does_not_name(world):
    world.publish(CHECK, FINAL | {"returns_to": ["applicant"]})
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    with pytest.raises(DomainError, match="does not return"):
        world.desk(2).send_back(world.task(case), "No", to="check")


def test_an_applicant_withdraws_only_before_a_decision_and_may_submit_again(world):
    world.publish(CHECK, FINAL)
    case = world.submitted()
    world.desk(1).withdraw(case)
    assert world.case(case).state == world.product(case).state == "withdrawn"
    assert world.flow.told[-1] == "withdrawn"
    world.publish(CHECK | {"key": "newer"}, FINAL | {"returns_to": ["applicant"]})
    world.desk(1).submit(case)
    assert log_of(world, case)[-1] == "submit:withdrawn>newer"
    world.desk(2).approve(world.task(case))
    with pytest.raises(DomainError, match="already decided"):
        world.desk(1).withdraw(case)


def test_decisions_before_the_last_submission_do_not_forbid_withdrawing(world):
    world.publish(CHECK, FINAL)
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    world.desk(2).send_back(world.task(case), "No stamp")
    world.later(minutes=1)
    world.desk(1).submit(case)
    world.desk(1).withdraw(case)
    assert world.case(case).state == "withdrawn"


def test_a_returned_application_may_be_withdrawn(world):
    world.publish(CHECK)
    case = world.submitted()
    world.desk(2).send_back(world.task(case), "No stamp")
    world.desk(1).withdraw(case)
    assert world.case(case).state == "withdrawn"
    assert not world.tasks(case, "open", "waiting")


def test_a_running_case_keeps_its_version(world):
    world.publish(CHECK, FINAL)
    case = world.submitted()
    world.publish(CHECK | {"key": "only"})
    world.desk(2).approve(world.task(case))
    assert log_of(world, case)[-1] == "approve:check>final"


def test_a_returned_case_goes_on_with_its_version(world):
    world.publish(CHECK, FINAL)
    case = world.submitted()
    world.desk(2).send_back(world.task(case), "Mend it")
    world.publish(CHECK | {"key": "only"})
    world.desk(1).submit(case)
    assert log_of(world, case)[-1] == "submit:returned>check"


# --- who may ------------------------------------------------------------------------------


def test_a_decision_is_the_candidates_alone(world):
    world.publish(CHECK | {"who": "lead_unit"}, FINAL)
    case = world.submitted()
    for stranger in (1, 2, 4, 10):
        with pytest.raises(NotYours):
            world.desk(stranger).approve(world.task(case))
    world.desk(8).approve(world.task(case))
    with pytest.raises(NotYours):
        world.workflow.desk(world.session, SYSTEM, world.now).approve(world.task(case))


def test_nobody_but_the_applicant_submits_or_withdraws(world):
    world.publish(CHECK)
    case = world.opened()
    for stranger in (2, 8):
        with pytest.raises(NotYours):
            world.desk(stranger).submit(case)
    world.desk(1).submit(case)
    with pytest.raises(NotYours):
        world.desk(2).withdraw(case)
    with pytest.raises(NotYours):
        world.workflow.desk(world.session, SYSTEM, world.now).open("product_listing", Product())


def test_nobody_decides_on_their_own_application(world):
    world.publish(CHECK)
    case = world.submitted(applicant=2)
    with pytest.raises(OwnApplication):
        world.desk(2).approve(world.task(case))
    world.desk(3).approve(world.task(case))


def test_nobody_decides_on_what_the_own_organization_would_be_granted(world):
    world.publish(CHECK)
    case = world.submitted()
    with pytest.raises(OwnApplication):
        world.desk(11).approve(world.task(case))
    world.publish(CHECK | {"mode": "all"})
    assert [t.user_id for t in world.tasks(world.submitted())] == [2, 3]


def test_the_applicant_is_left_out_when_seats_are_drawn(world):
    world.publish(CHECK | {"mode": "all"})
    assert [t.user_id for t in world.tasks(world.submitted(applicant=2))] == [3, 11]
    world.publish(CHECK | {"who": "user:2"})
    assert [t.role for t in world.tasks(world.submitted(applicant=2))] == ["flow_admin"]


@pytest.mark.parametrize("opinion", ["", "  \n"])
def test_returning_and_refusing_need_an_opinion(world, opinion):
    world.publish(CHECK)
    case = world.submitted()
    for action in ("send_back", "refuse"):
        with pytest.raises(OpinionRequired):
            getattr(world.desk(2), action)(world.task(case), opinion)


def test_what_is_over_is_over(world):
    world.publish(CHECK)
    case = world.submitted()
    task = world.task(case)
    world.desk(2).approve(task)
    for attempt in (
        lambda: world.desk(3).approve(task),
        lambda: world.desk(3).refuse(task, "No"),
        lambda: world.desk(3).send_back(task, "No"),
        lambda: world.desk(3).approve(987654321),
        lambda: world.desk(1).submit(case),
        lambda: world.desk(1).withdraw(case),
        lambda: world.desk(1).submit(987654321),
    ):
        with pytest.raises(NoLongerOpen):
            attempt()


def test_a_stage_without_a_living_candidate_goes_to_the_administrator(world):
    world.publish(CHECK)
    world.switch(2, 3)
    case = world.submitted()
    assert [t.role for t in world.tasks(case, "open")] == ["flow_admin"]
    world.desk(9).approve(world.task(case))


def test_without_a_route_nothing_is_submitted(world):
    world.session.connection().execute(text("UPDATE flow_route SET state = 'retired'"))
    with pytest.raises(DomainError, match="No route"):
        world.submitted()


# --- effects ------------------------------------------------------------------------------


def test_an_effect_that_refuses_undoes_everything(world):
    world.publish(CHECK)
    case = world.submitted(name="poison")
    with pytest.raises(DomainError, match="The pool is full"), world.session.begin_nested():
        world.desk(2).approve(world.task(case))
    assert world.case(case).state == "in_review"
    assert world.tasks(case, "open")


def test_a_bug_in_an_effect_undoes_everything_and_is_not_hidden(world):
    world.publish(CHECK)
    case = world.submitted(name="bug")
    with pytest.raises(ZeroDivisionError), world.session.begin_nested():
        world.desk(2).approve(world.task(case))
    assert world.case(case).state == "in_review"
    assert len(events(world, case)) == 2


# --- two at once --------------------------------------------------------------------------


def _decide(url: str, number: int, task_id: int, start: Any, answers: Any) -> None:
    engine = connect(url)
    with Session(engine) as session:
        desk = World(session).desk(number)
        session.connection().execute(text("SELECT 1")) if is_on_postgresql() else None
        start.wait()
        try:
            desk.approve(task_id)
            session.commit()
            answers.put((number, "ok"))
        except NoLongerOpen as refusal:
            session.rollback()
            answers.put((number, type(refusal).__name__))
        except Exception as error:  # noqa: BLE001 - the test shows what it was
            answers.put((number, repr(error)))
    engine.dispose()


def both(url: str, *pairs: tuple[int, int]) -> list[str]:
    """Two processes that approve at the same moment; what each was told, sorted."""
    fork = multiprocessing.get_context("fork")
    start, answers = fork.Barrier(len(pairs)), fork.Queue()
    children = [
        fork.Process(target=_decide, args=(url, number, task, start, answers))
        for number, task in pairs
    ]
    for child in children:
        child.start()
    told = [answers.get(timeout=30) for _ in children]
    for child in children:
        child.join(30)
    return sorted(answer for _, answer in told)


def test_of_two_decisions_at_once_one_counts_and_the_other_is_told(busy):
    url = busy.url.render_as_string(hide_password=False)
    for _ in range(5):
        with Session(busy) as session:
            world = World(session)
            world.publish(CHECK, FINAL)
            case = world.submitted()
            task = world.task(case)
            session.commit()
        assert both(url, (2, task), (3, task)) == ["NoLongerOpen", "ok"]
        with Session(busy) as session:
            world = World(session)
            assert log_of(world, case)[2:] == ["approve:check>final"]
            assert len(world.tasks(case, "open")) == 1
            assert faults(session.connection(), case) == []


def test_two_signers_at_once_both_count(busy):
    url = busy.url.render_as_string(hide_password=False)
    for _ in range(3):
        with Session(busy) as session:
            world = World(session)
            world.publish(CHECK | {"mode": "all"})
            case = world.submitted()
            tasks = [world.task(case, user) for user in (2, 3)]
            session.commit()
        assert both(url, (2, tasks[0]), (3, tasks[1])) == ["ok", "ok"]
        with Session(busy) as session:
            assert World(session).case(case).state == "approved"
            assert faults(session.connection(), case) == []


def test_the_database_refuses_a_second_open_task_of_one_person(world):
    world.publish(CHECK | {"who": "user:2"})
    (task,) = world.tasks(world.submitted())
    columns = [c.name for c in FlowTask.__table__.columns if c.name != "id"]
    copy = select(*[FlowTask.__table__.c[c] for c in columns]).where(FlowTask.id == task.id)
    with pytest.raises(Exception, match=r"uq_flow_task_open|UNIQUE"):
        world.session.execute(insert(FlowTask).from_select(columns, copy))


# --- the log ------------------------------------------------------------------------------


def test_the_log_refuses_changes(world):
    world.publish(CHECK)
    world.submitted()
    for statement in ("DELETE FROM flow_event", "UPDATE flow_event SET opinion = ''"):
        with pytest.raises(Exception, match="append-only"), world.session.begin_nested():
            world.session.connection().execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE flow_event SET actor_name = 'Somebody else' WHERE number = 2",
            ["line 2 does not follow from the one before"],
        ),
        (
            "UPDATE flow_event SET opinion = 'Excellent' WHERE number = 3",
            ["the words of line 3 were changed"],
        ),
        (
            "DELETE FROM flow_event WHERE number = 2",
            ["line 2 is missing", "line 3 does not follow from the one before"],
        ),
        ("DELETE FROM flow_event WHERE number = 3", ["the end of the log is missing"]),
        (
            "UPDATE flow_event SET number = 5 - number WHERE number IN (2, 3)",
            [
                "line 2 does not follow from the one before",
                "line 3 does not follow from the one before",
                "the end of the log is missing",
            ],
        ),
    ],
)
def test_the_log_shows_what_was_changed(world, statement, found):
    world.publish(CHECK)
    case = world.submitted()
    world.desk(2).approve(world.task(case), "Good")
    rows = world.session.connection()
    assert faults(rows, case) == []
    if rows.dialect.name == "sqlite":
        for verb in ("update", "delete"):
            rows.execute(text(f"DROP TRIGGER flow_event_no_{verb}"))
    else:
        rows.execute(text("DROP TRIGGER flow_event_append_only ON flow_event"))
    if "5 - number" in statement:  # through 0, past the unique key
        rows.execute(text("UPDATE flow_event SET number = -number"))
        statement = (
            "UPDATE flow_event SET number = CASE number WHEN -2 THEN 3 WHEN -3 THEN 2 ELSE 1 END"
        )
    rows.execute(
        text(f"{statement}{' AND' if 'WHERE' in statement else ' WHERE'} case_id = {case}")
    )
    assert faults(rows, case) == found


# --- to-dos -------------------------------------------------------------------------------


def test_my_todos_are_mine_and_my_roles(world):
    world.publish(CHECK, {"key": "unit", "who": "lead_unit"})
    first, second = world.submitted(), world.submitted(lead_unit_id=2)

    def cases(number: int) -> set[int]:
        query = select(FlowTask.case_id).where(mine(actor(number)))
        return set(world.session.scalars(query)) & {first, second}

    assert (cases(2), cases(8)) == ({first, second}, set())
    for case in (first, second):
        world.desk(2).approve(world.task(case))
    assert (cases(2), cases(8), cases(10)) == (set(), {first}, {second})
    world.publish(CHECK)
    third = world.submitted()
    world.desk(2).send_back(world.task(third), "Mend it")
    assert world.session.scalars(select(FlowTask.case_id).where(mine(actor(1)))).all() == [third]


def test_the_figures_are_those_of_the_rows(world):
    world.publish(CHECK)
    cases = [world.submitted() for _ in range(3)]
    assert figures(world.session, actor(2), world.now).to_do == 3
    assert figures(world.session, actor(1), world.now).running == 3
    world.desk(2).approve(world.task(cases[0]))
    world.desk(2).send_back(world.task(cases[1]), "Mend it")
    world.later(days=9)
    found = figures(world.session, actor(2), world.now)
    assert (found.to_do, found.overdue, found.running, found.decided) == (1, 1, 0, 2)
    world.later(days=20)
    assert figures(world.session, actor(2), world.now).decided == 0
    found = figures(world.session, actor(1), world.now)
    assert (found.to_do, found.overdue, found.running, found.decided) == (1, 0, 2, 0)


def test_the_figures_are_read_under_the_rules_of_access(engine):
    with session_of(engine, actor(2)) as session:
        assert figures(session, actor(2), NOW).running == 0


# --- publishing ---------------------------------------------------------------------------


def stage(position: int, key: str, **other: Any) -> Stage:
    base = {"who": "role:operator", "due_days": 1, "title": key}
    return Stage(id=position, position=position, key=key, **(base | other))


def test_publishing_tells_every_fault_of_a_route_at_once():
    held = {"operator", "expert", "enterprise_main"}

    def is_held(seat: Any) -> bool:
        return seat.role in held

    flow = ProductListing()
    good = [stage(0, "a"), stage(1, "b", returns_to=("previous", "a"))]
    assert route_problems(flow, good, is_held) == []
    bad = [
        stage(0, "a", who="role:nobody", returns_to=("previous",)),
        stage(1, "a", only_if="moon"),
        stage(2, "c", who="role:enterprise_main"),
        stage(3, "d", who="cousin"),
    ]
    assert route_problems(flow, bad, is_held) == [
        "stage key 'a' is used twice",
        "a: nobody can take this stage",
        "a: cannot return to 'previous'",
        "a: unknown condition 'moon'",
        "c: the submitter's role would decide",
        "d: unknown assignee 'cousin'",
    ]
    sure = "no stage is sure to be entered: nobody might decide"
    assert route_problems(flow, [], is_held) == [sure]
    assert route_problems(flow, [stage(0, "a", only_if="expensive")], is_held) == [sure]


def test_a_faulty_route_is_not_published(world):
    words = [{"key": "a", "title": "A", "who": "role:nobody", "returns_to": ["applicant"]}]
    with pytest.raises(DomainError, match="nobody can take this stage"):
        world.workflow.publish(world.session, "product_listing", words, NOW)
