"""What a business declares of its flow (流程), and what a route is.

::

    class ProductListing(Flow[Product]):
        key, prefix, subject = "product_listing", "SJ", Product
        title = _l("Product listing")
        conditions = {"expensive": lambda product: product.price > 100_000}
        assignees = {"lead_unit": organization_role("lead_unit", of="lead_unit_id")}

        def on_approved(self, act, subject):
            ...

The stages of a route (people, modes, deadlines) are data: :class:`app.models.FlowStage`.  What
happens to a case is :mod:`app.workflow`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.access import Actor
from app.columns import Phrase
from app.errors import Problem

S = TypeVar("S")
APPLICANT, PREVIOUS = "applicant", "previous"
"""Where a stage may return to, beside the keys of earlier stages."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Whom a task waits for: one user, or a role in one organization or (``None``) in any."""

    user_id: int | None = None
    role: str | None = None
    organization_id: int | None = None

    def is_of(self, actor: Actor) -> bool:
        """Whether a task of this seat is the actor's."""
        if self.role is not None:
            return actor.holds(self.role, self.organization_id)
        return self.user_id is not None and self.user_id == actor.user_id


Rule = Callable[[Any], list[Seat]]
"""From the subject to the seats of a stage."""


def role(name: str) -> Rule:
    """Everybody with a role."""
    return lambda _subject: [Seat(role=name)]


def organization_role(name: str, of: str) -> Rule:
    """Everybody with a role in the organization that the subject names in column ``of``."""
    return lambda subject: [Seat(role=name, organization_id=getattr(subject, of))]


def users(*user_ids: int) -> Rule:
    """Named persons."""
    return lambda _subject: [Seat(user_id) for user_id in user_ids]


@dataclass(slots=True)
class Case:
    """A locked case, as the engine changes it."""

    id: int
    number: str
    flow: str
    subject_id: int
    title: str
    applicant_id: int
    applicant_name: str
    organization_id: int | None
    route_id: int | None
    state: str
    stage_id: int | None
    resume_id: int | None
    round: int
    version: int
    head: str


@dataclass(frozen=True, slots=True)
class Act:
    """What a hook may know of the action that it belongs to.

    ``rows`` runs Core statements without access rules in the same transaction; ``line`` is the
    number of the log line that the action writes.  A hook may name the case's organization.
    """

    session: Session
    rows: Connection
    case: Case
    opinion: str
    now: datetime

    @property
    def line(self) -> int:
        """The number of the log line being written."""
        return self.case.version + 1


class Flow(Generic[S]):
    """Base of all flows.  Hooks run inside the transaction; what they raise undoes it all.

    The subject has the columns ``state`` and ``submitted_at``, which only the engine writes.
    """

    key: ClassVar[str]
    title: ClassVar[Phrase]
    subject: ClassVar[type[Any]]
    prefix: ClassVar[str]
    """Begins the numbers of its cases."""
    grants: ClassVar[bool] = False
    """Grants money or a qualification: nobody of the applying organization may decide."""
    submitters: ClassVar[frozenset[str]] = frozenset()
    """The roles that submit; none of them may be named as deciding."""
    conditions: ClassVar[Mapping[str, Callable[[Any], bool]]] = {}
    assignees: ClassVar[Mapping[str, Rule]] = {}
    fallback: ClassVar[str] = ""
    """The role that is given a stage which nobody living could take; empty: the flow's keeper."""

    tells: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By result (returned, approved, refused): the channels by which the flow itself tells the
    applicant; by the others the engine does."""

    def check(self, subject: S, rows: Connection, now: datetime) -> list[Problem]:
        """All faults that forbid submitting, each with its field (形式审查).

        ``subject`` may be unsaved and partly filled; ``rows`` sees every row, so an answer
        must not tell more of others' rows than yes or no.
        """
        return []

    def remarks(self, subject: S, rows: Connection, now: datetime) -> list[Phrase]:
        """What a reviewer should look at although it forbids nothing."""
        return []

    def on_submitted(self, act: Act, subject: S) -> None:
        """After every submission and resubmission."""

    def on_returned(self, act: Act, subject: S) -> None:
        """After a return to the applicant."""

    def on_approved(self, act: Act, subject: S) -> None:
        """After the last stage."""

    def on_refused(self, act: Act, subject: S) -> None:
        """After a final refusal (不予通过)."""

    def on_withdrawn(self, act: Act, subject: S) -> None:
        """After the applicant withdrew."""

    def rule(self, who: str) -> Rule | None:
        """The assignee rule that ``who`` names: ``role:x``, ``user:7`` or a declared one."""
        kind, _, name = who.partition(":")
        if kind == "role" and name:
            return role(name)
        if kind == "user" and name.isdecimal():
            return users(int(name))
        return self.assignees.get(who)


# --- routes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a route, as the engine reads it."""

    id: int
    position: int
    key: str
    title: str
    who: str
    mode: str = "any"
    quorum: int = 100
    due_days: int | None = None
    only_if: str | None = None
    returns_to: tuple[str, ...] = (APPLICANT,)
    resume_here: bool = True

    def outcome(self, seats: Iterable[bool | None]) -> bool | None:
        """The stage's answer, given each live seat's yes, no or not yet (``None``).

        或签: the first answer. 会签: everybody. 依次: one seat taken in turns, so also everybody.
        票签: as soon as the share is reached or can no longer be.
        """
        votes = list(seats)
        yes, no = votes.count(True), votes.count(False)
        if self.mode == "any":
            return None if not yes + no else bool(yes)
        needed = ceil(len(votes) * self.quorum / 100) if self.mode == "ratio" else len(votes)
        if yes >= needed:
            return True
        return False if len(votes) - no < needed else None


@dataclass(frozen=True, slots=True)
class Route:
    """A published version of a route; immutable, therefore cached for ever."""

    id: int
    stages: tuple[Stage, ...]

    def stage(self, stage_id: int | None) -> Stage:
        """The stage with this id."""
        return next(s for s in self.stages if s.id == stage_id)


def route_problems(
    flow: Flow[Any], stages: Sequence[Stage], is_held: Callable[[Seat], bool]
) -> list[str]:
    """Everything that forbids publishing these stages; empty when they may be published."""
    keys = [s.key for s in stages]
    problems = [
        f"stage key {k!r} is used twice" for k in sorted({k for k in keys if keys.count(k) > 1})
    ]
    if all(s.only_if for s in stages):
        problems.append("no stage is sure to be entered: nobody might decide")
    for index, stage in enumerate(stages):
        rule = flow.rule(stage.who)
        if rule is None:
            problems.append(f"{stage.key}: unknown assignee {stage.who!r}")
        elif stage.who.startswith(("role:", "user:")):
            if not any(is_held(seat) for seat in rule(None)):
                problems.append(f"{stage.key}: nobody can take this stage")
            if stage.who.removeprefix("role:") in flow.submitters:
                problems.append(f"{stage.key}: the submitter's role would decide")
        if stage.only_if and stage.only_if not in flow.conditions:
            problems.append(f"{stage.key}: unknown condition {stage.only_if!r}")
        allowed = {APPLICANT, *keys[:index], *([PREVIOUS] if index else [])}
        problems += [
            f"{stage.key}: cannot return to {t!r}" for t in stage.returns_to if t not in allowed
        ]
    return problems
