"""The engine under whatever anybody tries, in any order: what must hold after every step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.errors import DomainError
from app.flow_log import faults
from app.models import FlowEvent, FlowStage, FlowTask
from tests.world import PEOPLE, World, connect, fresh_database, is_on_postgresql

pytestmark = pytest.mark.db


@pytest.fixture
def engine() -> Iterator[Engine]:
    with fresh_database() as url:
        engine = connect(url)
        yield engine
        engine.dispose()


def events(world: World, case_id: int) -> list[FlowEvent]:
    ours = select(FlowEvent).where(FlowEvent.case_id == case_id)
    return list(world.session.scalars(ours.order_by(FlowEvent.number)))


WHO = ["role:operator", "role:expert", "user:4", "user:8", "lead_unit", "role:flow_admin"]
stages = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.sampled_from(WHO),
            "mode": st.sampled_from(["any", "all", "in_order", "ratio"]),
            "quorum": st.sampled_from([1, 34, 50, 67, 100]),
            "due_days": st.none() | st.integers(1, 5),
            "only_if": st.sampled_from([None, None, "expensive"]),
            "resume_here": st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)
people = st.integers(1, 11)
DECISIONS = {"approve", "refuse", "return"}


class Approvals(RuleBasedStateMachine):
    """Everybody tries everything; the engine refuses or does it right."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine)
        self.world = World(self.session)
        self.cases: list[int] = []

    def teardown(self) -> None:
        self.session.close()

    def attempt(self, user_id: int, action: str, *words: object) -> bool:
        """Whether the action was allowed; if not, it must leave nothing behind."""
        try:
            with self.session.begin_nested():
                getattr(self.world.desk(user_id), action)(*words)
        except DomainError:
            return False
        return True

    def a_task(self, data: st.DataObject, *states: str) -> FlowTask | None:
        query = select(FlowTask).where(FlowTask.case_id.in_(self.cases)).order_by(FlowTask.id)
        if states:
            query = query.where(FlowTask.state.in_(states))
        tasks = self.session.scalars(query.execution_options(populate_existing=True)).all()
        return data.draw(st.sampled_from(tasks)) if tasks else None

    @initialize(
        route=stages, applicants=st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=2)
    )
    def first_route(self, route: list[dict], applicants: list[int]) -> None:
        self.staff_publish_a_new_version(route)
        for applicant in applicants:
            self.apply(1000, applicant)
            self.attempt(applicant, "submit", self.cases[-1])

    @rule(route=stages)
    def staff_publish_a_new_version(self, route: list[dict]) -> None:
        if all(s["only_if"] for s in route):
            route = [*route, route[0] | {"only_if": None}]
        ways = [["applicant"], *[["applicant", "previous", "s0"]] * len(route)]
        named = [s | {"key": f"s{n}", "returns_to": ways[n]} for n, s in enumerate(route)]
        self.world.publish(*named)

    @precondition(lambda self: len(self.cases) < 3)
    @rule(price=st.sampled_from([1, 1000]), applicant=st.sampled_from([1, 1, 2, 4]))
    def apply(self, price: int, applicant: int) -> None:
        self.cases.append(self.world.opened(applicant, price=price))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), user=people, action=st.sampled_from(["submit", "submit", "withdraw"]))
    def applicant_acts(self, data: st.DataObject, user: int, action: str) -> None:
        case = self.world.case(data.draw(st.sampled_from(self.cases)))
        user = data.draw(st.sampled_from([case.applicant_id, case.applicant_id, user]))
        was, since = case.state, case.submitted_at
        if self.attempt(user, action, case.id):
            assert user == case.applicant_id
            other = "withdrawn" if action == "submit" else "in_review"
            assert was in ("draft", "returned", other)
            if action == "withdraw" and was == "in_review":
                decided = [t for t in self.world.tasks(case.id, "done") if t.stage_id]
                assert all(t.closed_at < since for t in decided)

    @rule(
        data=st.data(),
        user=people,
        action=st.sampled_from(["approve"] * 3 + ["refuse", "send_back"]),
    )
    def somebody_decides(self, data: st.DataObject, user: int, action: str) -> None:
        task = self.a_task(data, *data.draw(st.sampled_from([["open"], ["open"], ["waiting"], []])))
        if task is None:
            return
        words = [data.draw(st.sampled_from(["applicant", "previous", "s0"]))]
        words = ["opinion", *(words if action == "send_back" else [])]
        candidates = self.candidates(task)
        user = data.draw(st.sampled_from([*(candidates or [user]), user]))
        case = self.world.case(task.case_id)
        was_open, was = task.state == "open", case.state
        if self.attempt(user, action, task.id, *words):
            assert was_open
            assert was == "in_review"
            assert user in candidates, "only a candidate"
            assert user != case.applicant_id
            assert PEOPLE[user][2] is None or PEOPLE[user][2] != case.organization_id
            last = self.last_event(task.case_id)
            assert (last.actor_id, last.actor_name) == (user, f"Person {user}")
            self.world.later(minutes=1)

    @rule(data=st.data(), user=people)
    def somebody_approves(self, data: st.DataObject, user: int) -> None:
        self.somebody_decides(data, user, "approve")

    @rule(days=st.integers(0, 9))
    def time_passes(self, days: int) -> None:
        self.world.later(days=days, minutes=7)

    @rule(user=st.integers(2, 8))
    def an_account_is_switched(self, user: int) -> None:
        self.world.switch(user)

    # --- what must hold -----------------------------------------------------------------

    def candidates(self, task: FlowTask) -> list[int]:
        if task.user_id is not None:
            return [task.user_id]
        return [
            number
            for number, (_, roles, place) in PEOPLE.items()
            if task.role in roles
            and number not in self.world.off
            and task.organization_id in (None, place)
        ]

    def last_event(self, case_id: int) -> FlowEvent:
        newest = select(FlowEvent).where(FlowEvent.case_id == case_id)
        return self.session.scalars(newest.order_by(FlowEvent.number.desc()).limit(1)).one()

    def the_stages(self) -> dict[int, FlowStage]:
        return {s.id: s for s in self.session.scalars(select(FlowStage))}

    @invariant()
    def cases_and_tasks_agree(self) -> None:
        stages = self.the_stages()
        for case_id in self.cases:
            case, tasks = self.world.case(case_id), self.world.tasks(case_id)
            pending = [t for t in tasks if t.state in ("open", "waiting")]
            assert all(t.round == case.round for t in pending), "old rounds are over"
            if case.state == "in_review":
                assert any(t.state == "open" for t in pending), "somebody must be able to act"
                assert all(t.stage_id == case.stage_id for t in pending)
                days = stages[case.stage_id].due_days
                assert all((t.due_at is None) == (days is None) for t in pending if t.opened_at)
            elif case.state == "returned":
                assert [(t.stage_id, t.user_id) for t in pending] == [(None, case.applicant_id)]
            else:
                assert not pending
            self.seats_are_taken_in_turn(case, tasks)
            route = {stages[i].route_id for i in (case.stage_id, case.resume_id) if i}
            assert route <= {case.route_id}, "a case stays on its version"

    def seats_are_taken_in_turn(self, case: Any, tasks: list[FlowTask]) -> None:
        live = [
            t for t in tasks if t.round == case.round and t.state in ("open", "waiting", "done")
        ]
        for _, queue in groupby(sorted(live, key=lambda t: (t.seat, t.turn)), lambda t: t.seat):
            undecided = [t.state for t in queue if t.state != "done"]
            assert undecided[:1] in ([], ["open"])
            assert set(undecided[1:]) <= {"waiting"}

    @invariant()
    def a_stage_is_left_only_by_its_rule(self) -> None:
        """Looking at the newest event of each case only."""
        stages = self.the_stages()
        for case_id in self.cases:
            last, tasks = self.last_event(case_id), self.world.tasks(case_id)
            if last.action not in ("approve", "refuse"):
                continue
            decided = next(t for t in tasks if t.id == last.detail["task"])
            fellows = [t for t in tasks if t.round == decided.round and t.state != "void"]
            its, seats = stages[decided.stage_id], {}
            for t in fellows:
                seats.setdefault(t.seat, []).append(t.decision)
            yes = sum(set(d) == {"approve"} for d in seats.values())
            no = sum("refuse" in d for d in seats.values())
            share = {"any": 1, "ratio": ceil(len(seats) * its.quorum / 100)}
            needed = share.get(its.mode, len(seats))
            has_left = self.world.case(case_id).round != decided.round or last.target in (
                "approved",
                "refused",
            )
            lost = no > 0 if its.mode == "any" else no > len(seats) - needed
            assert has_left == (yes >= needed or lost)
            assert (last.target == "refused") == (lost and yes < needed)

    @invariant()
    def a_task_is_decided_once(self) -> None:
        for case_id in self.cases:
            standing: set[int] = set()
            for event in events(self.world, case_id):
                if event.action in DECISIONS:
                    assert event.detail["task"] not in standing
                    standing.add(event.detail["task"])
            done = {t.id for t in self.world.tasks(case_id, "done") if t.stage_id}
            assert done == standing, "no decision without a line in the log"

    @invariant()
    def the_log_proves_itself_and_the_subject_mirrors_the_case(self) -> None:
        for case_id in self.cases:
            assert faults(self.session.connection(), case_id) == []
            case, product = self.world.case(case_id), self.world.product(case_id)
            assert product.state == case.state
            assert product.submitted_at == case.submitted_at
            assert (case.closed_at is not None) == (case.state in ("approved", "refused"))
            count = select(func.count()).where(FlowEvent.case_id == case_id)
            assert case.version == self.session.scalar(count)


def test_everybody_tries_everything(engine):
    machine = type("Machine", (Approvals,), {"engine": engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20 if is_on_postgresql() else 100,
            stateful_step_count=30,
            deadline=timedelta(seconds=60),
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
