"""The engine (工作流): every action on a case, in the caller's transaction.

A :class:`~app.flow.Flow` is what a business declares, a route is data, a :class:`Workflow` belongs
to the application, a :class:`Desk` is what one actor does at one moment.  Each action has five
steps::

    lock the case · may this actor? · change tasks · move on · write log, subject, case

The case row is locked by the very first statement and compared by version in the last, so of two
decisions at once the second sees what the first did, on every database.  Hot statements are Core,
prepared at import.  Nothing here commits, sends, or knows any one business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    func,
    insert,
    inspect,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from app import audit, clock, flow_log, messages, models, search
from app.access import Actor, elevated
from app.choices import MAIN_ACCOUNT
from app.errors import (
    DomainError,
    Incomplete,
    NoLongerOpen,
    NotYours,
    OpinionRequired,
    OwnApplication,
    Problem,
)
from app.flow import APPLICANT, PREVIOUS, Act, Case, Flow, Route, Seat, Stage, route_problems
from app.numbers import next_number
from app.todos import holders

DRAFT, IN_REVIEW, RETURNED, WITHDRAWN = "draft", "in_review", "returned", "withdrawn"
APPROVED, REFUSED = "approved", "refused"
ADMIN = "flow_admin"
"""The role that is given a task which nobody living could take."""
TOLD_AT_ONCE = 100
"""So many of those who could take a task are told of it; it stands in everybody's list."""


# --- statements ---------------------------------------------------------------------------


@dataclass(slots=True)
class Task:
    """A task of the current round, as the engine weighs it."""

    id: int
    seat: int
    turn: int
    user_id: int | None
    role: str | None
    organization_id: int | None
    state: str
    decision: str | None

    @property
    def whose(self) -> Seat:
        """Whom it waits for."""
        return Seat(self.user_id, self.role, self.organization_id)


def _table(model: type[Any]) -> Table:
    return model.__table__  # type: ignore[no-any-return]


def _columns(table: Table, shape: type[Any]) -> list[Column[Any]]:
    return [table.c[f.name] for f in fields(shape)]


case_, task_, event_ = (_table(m) for m in (models.FlowCase, models.FlowTask, models.FlowEvent))
route_, stage_ = (_table(m) for m in (models.FlowRoute, models.FlowStage))
person_, member_ = _table(models.Person), _table(models.Membership)
organization_ = _table(models.Organization)
role_, held_ = (person_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))

# Literals, not parameters: so that partial indexes serve.
_OPEN: ColumnElement[str] = literal_column("'open'")
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_DONE: ColumnElement[str] = literal_column("'done'")
_UNDECIDED = task_.c.state.in_([_OPEN, _WAITING])
_MOVING = (
    *("title", "organization_id", "route_id", "state", "stage_id", "resume_id"),
    *("round", "version", "head"),
)

_NAME = select(person_.c.last_name).where(person_.c.id == bindparam("me")).scalar_subquery()
_HOUSE = (
    select(organization_.c.name)
    .where(organization_.c.id == case_.c.organization_id)
    .scalar_subquery()
)
_BY_ID = case_.c.id == bindparam("id")
_BY_TASK = (
    case_.c.id == select(task_.c.case_id).where(task_.c.id == bindparam("id")).scalar_subquery()
)
_LOCKED = select(*_columns(case_, Case), _NAME, _HOUSE).with_for_update()
LOCK_CASE, LOCK_BY_TASK = _LOCKED.where(_BY_ID), _LOCKED.where(_BY_TASK)
# A statement of its own: joined to the lock it would show the tasks as they were *before* the
# lock was granted (READ COMMITTED re-reads only the locked row).
LIVE_TASKS = (
    select(*_columns(task_, Task))
    .where(task_.c.case_id == bindparam("case_id"), task_.c.round == bindparam("round"))
    .where(task_.c.state.in_([_OPEN, _WAITING, _DONE]))
    .order_by(task_.c.seat, task_.c.turn)
)
DECIDE_TASK = (
    update(task_)
    .where(task_.c.id == bindparam("task_id"))
    .values(
        state="done",
        decision=bindparam("said"),
        opinion=bindparam("words"),
        decided_by=bindparam("me"),
        closed_at=bindparam("at"),
    )
)
OPEN_TASK = (
    update(task_)
    .where(task_.c.id == bindparam("task_id"))
    .values(state="open", opened_at=bindparam("at"), due_at=bindparam("due"))
)
_OF_CASE = update(task_).where(task_.c.case_id == bindparam("of_case"), _UNDECIDED)
CLOSE_TASKS = _OF_CASE.values(state=bindparam("becomes"), closed_at=bindparam("at"))
MEND = _OF_CASE.values(
    state="done", decision="submit", decided_by=bindparam("me"), closed_at=bindparam("at")
)
HAND_OVER = _OF_CASE.where(task_.c.user_id == bindparam("leaver")).values(user_id=bindparam("heir"))
SAVE_CASE = (
    update(case_)
    .where(case_.c.id == bindparam("case_id"), case_.c.version == bindparam("seen"))
    .values({name: bindparam(name) for name in _MOVING})
)
ADD_TASKS, ADD_EVENT = insert(task_), insert(event_)
# Submissions of one flow are judged one after the other: of two with the same credit code the
# second is told.  Weaker than FOR UPDATE: cases may still be added that point at the route.
PUBLISHED = (
    select(route_.c.id)
    .where(route_.c.flow == bindparam("of_flow"), route_.c.state == literal_column("'published'"))
    .with_for_update(key_share=True)
)


# --- the application's workflow -----------------------------------------------------------


class Workflow:
    """The flows of one application, its calendar, and the routes that a process has read."""

    def __init__(
        self, flows: Iterable[Flow[Any]], workdays: Callable[[Connection], clock.Workdays]
    ) -> None:
        self.flows = {flow.key: flow for flow in flows}
        self.workdays = workdays
        self._routes: dict[int, Route] = {}

    def forget_all(self) -> None:
        """For a process whose database was replaced."""
        self._routes.clear()

    def desk(self, session: Session, actor: Actor, now: datetime) -> Desk:
        """A desk for ``actor`` in the transaction of ``session``."""
        return Desk(self, session, actor, now)

    def route(self, rows: Connection, route_id: int) -> Route:
        """A published route; read once per process, for it never changes."""
        if route_id not in self._routes:
            ours = select(*_columns(stage_, Stage)).where(stage_.c.route_id == route_id)
            found = rows.execute(ours.order_by(stage_.c.position)).mappings()
            stages = (Stage(**{**s, "returns_to": tuple(s["returns_to"])}) for s in found)
            self._routes[route_id] = Route(route_id, tuple(stages))
        return self._routes[route_id]

    def publish(
        self,
        session: Session,
        flow: str,
        stages: Sequence[Mapping[str, Any]],
        now: datetime,
        is_held: Callable[[Seat], bool] | None = None,
    ) -> int:
        """Make ``stages`` the route from now on; running cases keep theirs.

        A stage is a mapping of :class:`~app.flow.Stage`'s fields.  ``is_held`` says whether a
        seat has somebody; by default a living account is asked for.

        :raises DomainError: naming every fault at once.
        """
        rows = elevated(session, "routes belong to the installation")
        given = [
            Stage(**{"id": n, "position": n, **s, "returns_to": tuple(s["returns_to"])})
            for n, s in enumerate(stages)
        ]
        found = route_problems(
            self.flows[flow], given, is_held or (lambda seat: bool(holders(rows, seat)))
        )
        if found:
            raise DomainError(_l("This route cannot be published."), "; ".join(found))
        ours = route_.c.flow == flow
        number = rows.scalar(select(func.coalesce(func.max(route_.c.number), 0)).where(ours))
        live = update(route_).where(ours, route_.c.state == "published")
        rows.execute(live.values(state="retired"))
        words = {"flow": flow, "number": (number or 0) + 1, "state": "published"}
        added = rows.execute(insert(route_).values(**words, published_at=now))
        (route_id,) = added.inserted_primary_key or (0,)
        rows.execute(
            insert(stage_),
            [
                {f.name: getattr(s, f.name) for f in fields(Stage) if f.name != "id"}
                | {"route_id": route_id, "returns_to": list(s.returns_to)}
                for s in given
            ],
        )
        return int(route_id)


@dataclass(slots=True)
class Desk:
    """What one actor does at one moment: log, tasks and effects bear one time.

    Every action flushes the session first and expires it last, so that what the engine wrote is
    read again; every action returns the case as it has become.
    """

    workflow: Workflow
    session: Session
    actor: Actor
    now: datetime
    _rows: Connection = field(init=False)
    _name: str = ""
    _was: tuple[str, str] = ("", "")
    _subject_row: Any = None
    _stamps: dict[str, Any] = field(default_factory=dict)
    _house: str = ""
    _notices: list[messages.Notice] = field(default_factory=list)

    # --- the applicant --------------------------------------------------------------------

    def open(self, flow: str, subject: Any, organization_id: int | None = None) -> Case:
        """Open the case of a new subject, as a draft with a number (编号)."""
        if self.actor.user_id is None:
            raise NotYours
        self.session.add(subject)
        rows = self._begin()
        name = rows.scalar(select(person_.c.last_name).where(person_.c.id == self.actor.user_id))
        self._name = name or ""
        values = {
            "number": next_number(self._rows, self.workflow.flows[flow].prefix, self.now),
            "flow": flow,
            "subject_id": subject.id,
            "title": str(subject),
            "applicant_id": self.actor.user_id,
            "applicant_name": self._name,
            "organization_id": organization_id,
            "route_id": None,
            "state": DRAFT,
            "stage_id": None,
            "resume_id": None,
            "round": 0,
            "version": 0,
            "head": "",
        }
        words = search.text_of(models.FlowCase, values)
        added = rows.execute(insert(case_).values(**values, search_text=words))
        (case_id,) = added.inserted_primary_key or (0,)
        self._was = (DRAFT, DRAFT)
        return self._save(Case(id=case_id, **values), "open")

    def problems(self, flow: str, subject: Any) -> list[Problem]:
        """What the formal pre-check would say of a subject, saved or not; changes nothing."""
        return self.workflow.flows[flow].check(subject, self._begin(), self.now)

    def submit(self, case_id: int) -> Case:
        """Submit, or resubmit after a return or a withdrawal; all problems at once.

        :raises Incomplete: carrying every problem of the pre-check.
        """
        case = self._own(case_id, DRAFT, RETURNED, WITHDRAWN)
        flow, subject = self._flow(case), self._subject(case)
        route_id = self._rows.scalar(PUBLISHED, {"of_flow": flow.key})
        if route_id is None:
            raise DomainError(
                _l("No route is published for this kind of application."),
                _l("Ask the platform's staff."),
            )
        if problems := flow.check(subject, self._rows, self.now):
            raise Incomplete(problems)
        if case.state == RETURNED:
            self._run(MEND, of_case=case.id, me=self.actor.user_id, at=self.now)
        else:
            case.route_id, case.resume_id = route_id, None
        case.state, case.title = IN_REVIEW, str(subject)
        words = search.text_of(models.FlowCase, asdict(case))
        self._stamps = {"submitted_at": self.now, "search_text": words}
        flow.on_submitted(self._act(case), subject)
        self._advance(case)
        if case.stage_id:
            self._tell(case, "case.submitted", [case.applicant_id], stage=self._stage_title(case))
        return self._save(case, "submit")

    def withdraw(
        self, case_id: int, opinion: str = "",
        states: Collection[str] = (DRAFT, IN_REVIEW, RETURNED),
    ) -> Case:  # fmt: skip
        """Take the application back (撤回) as long as nobody has decided on it; a draft too.

        :raises DomainError: when it is in none of ``states`` any more.
        """
        case = self._own(case_id, *states)
        decided = (
            select(task_.c.id)
            .join(case_, case_.c.id == task_.c.case_id)
            .where(case_.c.id == case.id, task_.c.state == "done", task_.c.stage_id.is_not(None))
            .where(task_.c.closed_at >= case_.c.submitted_at)
        )
        if case.state == IN_REVIEW and self._rows.scalar(decided.limit(1)):
            raise DomainError(
                _l("Somebody has already decided on this application."),
                _l("Ask the reviewer to return it to you."),
            )
        if case.state == IN_REVIEW:
            self._tell(case, "case.withdrawn", self._waiting(case))
        self._close_tasks(case, "void")
        case.state, case.stage_id, case.resume_id = WITHDRAWN, None, None
        self._flow(case).on_withdrawn(self._act(case, opinion), self._subject(case))
        return self._save(case, "withdraw", opinion)

    # --- whoever decides ------------------------------------------------------------------

    def approve(self, task_id: int, opinion: str = "") -> Case:
        """通过."""
        case, task, tasks = self._take(task_id)
        self._decide(case, task, "approve", opinion)
        self._settle(case, tasks, opinion)
        return self._save(case, "approve", opinion, task=task_id)

    def refuse(self, task_id: int, opinion: str) -> Case:
        """不予通过: ends the case; at a 票签 stage it is one vote against."""
        _require(opinion)
        case, task, tasks = self._take(task_id)
        self._decide(case, task, "refuse", opinion)
        self._settle(case, tasks, opinion)
        return self._save(case, "refuse", opinion, task=task_id)

    def send_back(self, task_id: int, opinion: str, to: str = APPLICANT) -> Case:
        """退回: to the applicant, the previous stage, or an earlier stage by its key."""
        _require(opinion)
        case, task, _ = self._take(task_id)
        here = self._route(case).stage(case.stage_id)
        target = self._return_target(case, here, to)
        self._decide(case, task, "return", opinion)
        self._close_tasks(case, "void")
        case.resume_id = here.id if here.resume_here else None
        if target:
            self._enter(case, target)
        else:
            case.state, case.stage_id, case.round = RETURNED, None, case.version + 1
            self._add_tasks(case, [Seat(case.applicant_id)], None)
            self._flow(case).on_returned(self._act(case, opinion), self._subject(case))
            self._tell_result(case, RETURNED, opinion)
        return self._save(case, "return", opinion, task=task_id, to=to)

    # --- whoever leaves -------------------------------------------------------------------

    def hand_over(self, case_id: int, user_id: int, heir: int) -> Case:
        """转办: what waits for one person, or was begun by him, goes to another of his house."""
        case = self._lock(LOCK_CASE, case_id)
        if self.actor.organization_id != case.organization_id or not (
            self.actor.user_id == user_id or MAIN_ACCOUNT in self.actor.roles
        ):
            raise NotYours
        if case.applicant_id == user_id:
            name = self._rows.scalar(select(person_.c.last_name).where(person_.c.id == heir))
            case.applicant_id, case.applicant_name = heir, name or ""
            words = search.text_of(models.FlowCase, asdict(case))
            self._stamps = {"applicant_id": heir, "applicant_name": case.applicant_name}
            self._stamps["search_text"] = words
            subject = _table(self._flow(case).subject)
            ours = update(subject).where(subject.c.id == case.subject_id)
            self._rows.execute(ours.values(applicant_id=heir))
        self._run(HAND_OVER, of_case=case.id, leaver=user_id, heir=heir)
        return self._save(case, "transfer", leaver=user_id, heir=heir)

    # --- where the case goes --------------------------------------------------------------

    def _settle(self, case: Case, tasks: Sequence[Task], opinion: str) -> None:
        """After a change of votes: wait on, go on, or end."""
        answer = self._route(case).stage(case.stage_id).outcome(_votes(tasks))
        if answer is None:
            self._open_next(case, tasks)
            return
        if any(t.state in ("open", "waiting") for t in tasks):
            self._close_tasks(case, "skipped")
        if answer:
            passed = self._stage_title(case)
            self._advance(case, opinion)
            if case.stage_id:
                words = {"stage": passed, "next": self._stage_title(case)}
                self._tell(case, "case.stage", [case.applicant_id], **words)
        else:
            self._finish(case, REFUSED, opinion)

    def _advance(self, case: Case, opinion: str = "") -> None:
        """Enter the next stage whose condition holds, or the one that had returned it."""
        stages = self._route(case).stages
        at = case.resume_id or case.stage_id
        start = next((i for i, s in enumerate(stages) if s.id == at), -1)
        start += case.resume_id is None
        case.resume_id = None
        for stage in stages[start:]:
            holds = self._flow(case).conditions[stage.only_if] if stage.only_if else None
            if holds is None or holds(self._subject(case)):
                self._enter(case, stage)
                return
        self._finish(case, APPROVED, opinion)

    def _enter(self, case: Case, stage: Stage) -> None:
        """Begin a new round of a stage: new tasks, new deadlines."""
        case.state, case.stage_id, case.round = IN_REVIEW, stage.id, case.version + 1
        rule = self._flow(case).rule(stage.who)
        subject = None if stage.who.startswith("role:") else self._subject(case)
        barred = {case.applicant_id} | self._colleagues(case)
        living = {
            seat: [u for u in holders(self._rows, seat) if u not in barred]
            for seat in (rule(subject) if rule else [])
        }
        if stage.mode == "any":
            seats = [seat for seat in living if living[seat]]
        else:
            seats = [Seat(u) for u in dict.fromkeys(u for us in living.values() for u in us)]
        nobody = Seat(role=self._flow(case).fallback or ADMIN)
        self._add_tasks(case, seats or [nobody], stage)
        if seats:
            told = [*dict.fromkeys(u for seat in living for u in living[seat])]
        else:
            told = holders(self._rows, nobody)
        first = told[:1] if stage.mode == "in_order" else told
        self._tell_task(case, first, self._due(stage))

    def _finish(self, case: Case, state: str, opinion: str) -> None:
        flow, subject = self._flow(case), self._subject(case)
        case.state, case.stage_id, case.resume_id = state, None, None
        self._stamps["closed_at"] = self.now
        hook = flow.on_approved if state == APPROVED else flow.on_refused
        hook(self._act(case, opinion), subject)
        self._tell_result(case, state, opinion)

    def _return_target(self, case: Case, here: Stage, to: str) -> Stage | None:
        """The stage to return to; ``None`` is the applicant."""
        if to not in here.returns_to:
            raise DomainError(
                _l("This stage does not return applications there."), _l("Choose another target.")
            )
        if to == APPLICANT:
            return None
        passed = select(task_.c.stage_id).where(task_.c.case_id == case.id).distinct()
        visited = set(self._rows.scalars(passed))
        earlier = [
            s
            for s in self._route(case).stages
            if s.position < here.position and s.id in visited and to in (s.key, PREVIOUS)
        ]
        if not earlier:
            raise DomainError(
                _l("The application has not been at that stage."), _l("Choose another target.")
            )
        return earlier[-1]

    # --- tasks ----------------------------------------------------------------------------

    def _add_tasks(self, case: Case, seats: Sequence[Seat], stage: Stage | None) -> None:
        """A task for each seat; where people act in order, one after the other in one seat."""
        queued = stage is not None and stage.mode == "in_order"
        due_at = self._due(stage)
        tasks = []
        for n, seat in enumerate(seats):
            is_open = not (queued and n)
            tasks.append(
                {
                    "case_id": case.id,
                    "flow": case.flow,
                    "stage_id": case.stage_id,
                    "round": case.round,
                    "seat": 0 if queued else n,
                    "turn": n if queued else 0,
                    "user_id": seat.user_id,
                    "role": seat.role,
                    "organization_id": seat.organization_id,
                    "state": "open" if is_open else "waiting",
                    "opinion": "",
                    "opened_at": self.now if is_open else None,
                    "due_at": due_at if is_open else None,
                }
            )
        self._rows.execute(ADD_TASKS, tasks)

    def _open_next(self, case: Case, tasks: Sequence[Task]) -> None:
        """In each seat, the first undecided task is open and nobody else."""
        for _, queue in groupby(tasks, key=lambda t: t.seat):
            first = next((t for t in queue if t.state != "done"), None)
            if first and first.state == "waiting":
                due = self._due(self._route(case).stage(case.stage_id))
                self._run(OPEN_TASK, task_id=first.id, at=self.now, due=due)
                self._tell_task(case, holders(self._rows, first.whose), due)

    def _decide(self, case: Case, task: Task, decision: str, opinion: str) -> None:
        who = {"task_id": task.id, "me": self.actor.user_id, "at": self.now}
        self._run(DECIDE_TASK, said=decision, words=opinion, **who)
        told = f"task.assigned:{case.id}:"
        messages.mark_done(self._rows, self.actor.user_id, told, self.now)
        task.state, task.decision = "done", decision

    def _close_tasks(self, case: Case, state: str) -> None:
        self._run(CLOSE_TASKS, of_case=case.id, becomes=state, at=self.now)

    def _due(self, stage: Stage | None) -> datetime | None:
        days = stage.due_days if stage else None
        return self.workflow.workdays(self._rows).deadline(self.now, days) if days else None

    # --- who is told (in _save, with everything else) -------------------------------------

    def _tell(self, case: Case, occasion: str, user_ids: Iterable[int], **words: Any) -> None:
        channels = words.pop("channels", messages.ALL)
        context = {"title": case.title, "number": case.number, "org": self._house, **words}
        context["kind"] = self._flow(case).title
        key = f"{occasion}:{case.id}:{case.version + 1}"
        self._notices.append(messages.Notice(occasion, [*user_ids], context, key, channels))

    def _tell_result(self, case: Case, result: str, opinion: str) -> None:
        """The applicant, unless the flow does so itself."""
        told = self._flow(case).tells.get(result, ())
        channels = tuple(c for c in messages.ALL if c not in told)
        words = {"result": result, "opinion": opinion, "channels": channels}
        self._tell(case, f"case.{result}", [case.applicant_id], **words)

    def _tell_task(self, case: Case, user_ids: Sequence[int], due_at: datetime | None) -> None:
        # The last day on which the work is in time, not the midnight after it.
        due = clock.local_day(due_at - timedelta(microseconds=1)) if due_at else None
        self._tell(case, "task.assigned", user_ids[:TOLD_AT_ONCE], due=due)

    def _stage_title(self, case: Case) -> dict[str, str]:
        return {"phrase": self._route(case).stage(case.stage_id).title}

    def _waiting(self, case: Case) -> set[int]:
        """Whoever was told of a task that is open."""
        live = self._rows.execute(LIVE_TASKS, {"case_id": case.id, "round": case.round})
        seats = {task.whose for task in (Task(*row) for row in live) if task.state == "open"}
        found = {user_id for seat in seats for user_id in holders(self._rows, seat)}
        return found - self._colleagues(case)

    # --- who ------------------------------------------------------------------------------

    def _take(self, task_id: int) -> tuple[Case, Task, list[Task]]:
        """An open task of the actor's own, with its fellows; the case is locked."""
        case = self._lock(LOCK_BY_TASK, task_id)
        live = self._rows.execute(LIVE_TASKS, {"case_id": case.id, "round": case.round})
        tasks = [Task(*row) for row in live]
        task = next((t for t in tasks if t.id == task_id and t.state == "open"), None)
        if task is None or case.state != IN_REVIEW:
            raise NoLongerOpen
        if not task.whose.is_of(self.actor):
            raise NotYours
        if self.actor.user_id == case.applicant_id or self._is_colleague(case):
            raise OwnApplication
        return case, task, tasks

    def _own(self, case_id: int, *states: str) -> Case:
        """The applicant's case, in one of ``states``; it is locked."""
        case = self._lock(LOCK_CASE, case_id)
        if self.actor.user_id is None or self.actor.user_id != case.applicant_id:
            raise NotYours
        if case.state not in states:
            raise NoLongerOpen
        return case

    def _is_colleague(self, case: Case) -> bool:
        """Whether the actor belongs to the organization that would be granted something."""
        ours = (
            case.organization_id is not None and case.organization_id == self.actor.organization_id
        )
        return self._flow(case).grants and ours

    def _colleagues(self, case: Case) -> set[int]:
        if not self._flow(case).grants or case.organization_id is None:
            return set()
        ours = select(member_.c.user_id).where(member_.c.organization_id == case.organization_id)
        return set(self._rows.scalars(ours))

    # --- reading and writing --------------------------------------------------------------

    def _begin(self) -> Connection:
        """What the caller changed before belongs to this act: it is flushed."""
        self._rows = elevated(self.session, "the engine moves rows of several people")
        self._subject_row, self._stamps, self._notices = None, {}, []
        return self._rows

    def _run(self, statement: Any, **values: Any) -> Any:
        return self._rows.execute(statement, values)

    def _lock(self, statement: Any, key: int) -> Case:
        self._begin()
        row = self._run(statement, id=key, me=self.actor.user_id).one_or_none()
        if row is None:
            raise NoLongerOpen
        *values, name, house = row
        case = Case(*values)
        self._name, self._was = name or "", (case.state, self._place(case))
        self._house = house or case.applicant_name
        return case

    def _act(self, case: Case, opinion: str = "") -> Act:
        return Act(self.session, self._rows, case, opinion, self.now)

    def _flow(self, case: Case) -> Flow[Any]:
        return self.workflow.flows[case.flow]

    def _subject(self, case: Case) -> Any:
        """The subject as it is in the database now, whatever the session had read before."""
        if self._subject_row is None:
            model = self._flow(case).subject
            self._subject_row = self.session.get(model, case.subject_id, populate_existing=True)
            if self._subject_row is None:
                raise NotYours
        return self._subject_row

    def _route(self, case: Case) -> Route:
        assert case.route_id is not None
        return self.workflow.route(self._rows, case.route_id)

    def _place(self, case: Case) -> str:
        return self._route(case).stage(case.stage_id).key if case.stage_id else case.state

    def _save(self, case: Case, action: str, opinion: str = "", **detail: Any) -> Case:
        """Write the subject's state, the log line and, comparing the version, the case."""
        state, source = self._was
        seen = case.version
        if case.state != state or action == "submit":
            self._mirror(case)
        case.version += 1
        line = {
            "case_id": case.id,
            "number": case.version,
            "at": self.now,
            "action": action,
            "actor_id": self.actor.user_id,
            "actor_name": self._name,
            "source": source,
            "target": self._place(case),
            "opinion": opinion,
            "detail": detail,
        }
        line["said"] = flow_log.said(line)
        case.head = line["hash"] = flow_log.chained(case.head, line)
        self._rows.execute(ADD_EVENT, [line])
        save = SAVE_CASE.values(**self._stamps) if self._stamps else SAVE_CASE
        moved = {name: getattr(case, name) for name in _MOVING}
        if self._run(save, **moved, case_id=case.id, seen=seen).rowcount != 1:
            raise NoLongerOpen
        self._told(case, line)
        messages.post(self.session, self._notices, self.now)
        self.session.flush()
        self.session.expire_all()
        return case

    def _told(self, case: Case, line: Mapping[str, Any]) -> None:
        """The action as one line of the audit log, in the same transaction."""
        audit.note(
            self.session,
            f"case.{line['action']}",
            kind="flow_case",
            object_id=case.id,
            label=f"{case.number} {case.title}",
            before={"state": self._was[0], "place": line["source"]},
            after={"state": case.state, "place": line["target"]},
            detail={"opinion": line["opinion"], **line["detail"]},
        )

    def _mirror(self, case: Case) -> None:
        """Repeat the state on the subject; a form opened before is out of date from here on."""
        mapper = inspect(self._flow(case).subject)
        subject = _table(self._flow(case).subject)
        values: dict[str, Any] = {"state": case.state}
        if "submitted_at" in self._stamps:
            values["submitted_at"] = self.now
        if mapper.version_id_col is not None:
            values[mapper.version_id_col.key] = mapper.version_id_col + 1
        self._rows.execute(update(subject).where(subject.c.id == case.subject_id).values(values))


def _require(opinion: str) -> None:
    if not opinion.strip():
        raise OpinionRequired


def _votes(tasks: Iterable[Task]) -> list[bool | None]:
    """Each live seat's answer: no if anybody in it refused, yes when all approved."""
    votes: list[bool | None] = []
    for _, queue in groupby(tasks, key=lambda t: t.seat):
        decisions = [t.decision for t in queue]
        if "refuse" in decisions:
            votes.append(False)
        else:
            votes.append(None if None in decisions else True)
    return votes
