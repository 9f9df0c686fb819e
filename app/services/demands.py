"""Demands (服务需求, S4-11): raised, called, talked about, handed over, settled, disputed.

A demand moves by its lifecycle; here is what follows from each step: who has to speak with the
enterprise until when, who is told, and what it counts for.  Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, RowMapping, Table, select, update
from sqlalchemy.orm import Session

from app import lifecycle, messages
from app.access import elevated
from app.choices import CONTACT_RESULTS, DEMAND_RUNNING, DEMAND_STATES
from app.clock import Workdays
from app.errors import DomainError
from app.flow import Seat
from app.lifecycle import Lifecycle, OutOfTurn, Step
from app.models import Consultant, Demand, DemandContact, Organization, Product
from app.numbers import next_number
from app.profile import Demands
from app.services import organizations, products, rights, scores
from app.tables.demands import SETTLED_TURN
from app.todos import holders

PREFIX = "XQ"
ENTRY = "demands"
"""The entry of the menu that an institution has for them (需求管理)."""
WHY = "a demand concerns the enterprise, the institution and the platform"
CALLED = ("waiting", "contacted", "following")
"""An institution has it, and it is not settled."""
OUTCOMES = ("won", "lost")
REACHED = {"contacted": "call", "following": "follow"}
SETTLED = {"won": "win", "lost": "lose", "invalid": "void"}
RESULT_STEPS = {"no_answer": "miss"} | REACHED | SETTLED
"""The step that the result of a talk takes."""
RULINGS = ("settle_won", "settle_lost", "resume")
"""What staff may decide about an outcome that the enterprise disputes."""

LIFE = Lifecycle(
    Demand,
    {
        "publish": Step(_l("Raised as an open demand"), ("waiting",), "open"),
        "assign": Step(_l("Assign to an institution"), ("open",), "waiting"),
        "pass_on": Step(_l("Pass to another institution"), CALLED, "waiting", needs_reason=True),
        "hand_over": Step(_l("Hand over to a consultant"), CALLED),
        "take_back": Step(_l("Back to the institution"), CALLED),
        "miss": Step(_l("Not reached"), CALLED),
        "call": Step(_l("Contacted"), CALLED, "contacted"),
        "follow": Step(_l("In talks"), CALLED, "following"),
        "win": Step(_l("Deal made"), CALLED, "won"),
        "lose": Step(_l("No deal"), CALLED, "lost"),
        "void": Step(_l("Not a real demand"), CALLED, "closed"),
        "confirm": Step(_l("Confirmed by the enterprise"), OUTCOMES),
        "dispute": Step(_l("Disputed by the enterprise"), OUTCOMES, "disputed", needs_reason=True),
        "withdraw": Step(_l("Withdrawn by the enterprise"), ("open", "waiting"), "closed"),
        "close": Step(
            _l("Closed"), (*DEMAND_RUNNING, "disputed"), "closed", needs_reason=True
        ),
        "settle_won": Step(_l("Decided: deal made"), ("disputed",), "won", needs_reason=True),
        "settle_lost": Step(_l("Decided: no deal"), ("disputed",), "lost", needs_reason=True),
        "resume": Step(_l("Decided: talks go on"), ("disputed",), "following", needs_reason=True),
    },
)  # fmt: skip
"""The life of a demand; who may take which step is decided by the pages."""

demand_, consultant_, organization_ = (
    model.__table__ for model in (Demand, Consultant, Organization)
)


class NotOurs(DomainError):
    """A consultant does not serve for the institution, or not any more."""

    problem = _l("This consultant does not serve for the institution.")
    remedy = _l("Choose one of its linked consultants.")


class MayNotPass(DomainError):
    """The enterprise did not allow that its demand is passed on."""

    problem = _l("The enterprise does not want its demand passed to other institutions.")
    remedy = _l("Ask the institution to call, or close the demand with a reason.")


class TooEarly(DomainError):
    """A talk is dated before the demand, or in the future."""

    problem = _l("The contact cannot lie before the demand was raised, nor in the future.")
    remedy = _l("Correct the time of the contact.")


@dataclass(frozen=True)
class Target:
    """Whom or what a demand is addressed to, by the page on which it was raised."""

    kind: str = "open"
    key: int | None = None
    name: str = ""
    organization_id: int | None = None
    consultant_id: int | None = None
    product_id: int | None = None
    category: str | None = None


def target(session: Session, kind: str, key: int) -> Target | None:
    """What ``kind`` and ``key`` name, if the reader sees it and it takes demands."""
    return _TARGETS[kind](session, key) if kind in _TARGETS else None


def _institution(session: Session, key: int) -> Target | None:
    name = session.scalar(
        select(Organization.name).where(
            Organization.id == key, Organization.institution_state == "in_pool"
        )
    )
    return Target("institution", key, name, organization_id=key) if name else None


def _consultant(session: Session, key: int) -> Target | None:
    columns = Consultant.name, Consultant.organization_id
    linked = select(*columns).where(Consultant.id == key, Consultant.state == "linked")
    found = session.execute(linked).first()
    return found and Target("consultant", key, *found, consultant_id=key)


def _product(session: Session, key: int) -> Target | None:
    columns = Product.kind, Product.name, Product.organization_id, Product.category
    listed = select(*columns).where(Product.id == key, Product.state == "listed")
    found = session.execute(listed).first()
    if found is None:
        return None
    kind, name, house, category = found
    kind = "standard" if kind == "standard" else "product"
    return Target(kind, key, name, house, product_id=key, category=category)


_TARGETS = {"institution": _institution, "consultant": _consultant, "product": _product}


@dataclass(frozen=True)
class Office:
    """Where demands are dealt with, at one moment, in the caller's transaction."""

    session: Session
    rules: Demands
    calendar: Workdays
    now: datetime

    # --- the enterprise -------------------------------------------------------------------

    def take_in(self, demand: Demand) -> None:
        """A new demand gets its number and limit; whoever has to call is told."""
        rows = self._rows()
        demand.number = next_number(rows, PREFIX, self.now)
        demand.created_at = self.now
        demand.due_at = demand.turn_at = self.first_limit(demand.urgency)
        self.session.add(demand)
        self.session.flush()
        key, title = demand.id, demand.title
        if demand.product_id:
            products.count_demand(rows, demand.product_id)
        people = servants(rows, demand.organization_id, demand.consultant_id)
        context = {"title": title, "due": demand.due_at}
        if demand.target_kind == "open":
            LIFE.move(self.session, key, "publish", self.now)
            people = holders(rows, Seat(role=self.rules.assigned_by))
        self._tell("demand.new", people, key, f"demand.new:{key}", context)

    def first_limit(self, urgency: str) -> datetime:
        """Until when somebody has to call, in working hours (forms.md H)."""
        hours = getattr(self.rules, f"{urgency}_hours")
        return self.calendar.after_hours(
            self.now, hours, self.rules.work_from, self.rules.work_until
        )

    def answer(self, key: int, action: str, opinion: str) -> None:
        """The enterprise confirms what came of its demand, or disputes it: then staff decide."""
        rows = self._rows()
        found = self._locked(rows, key)
        if found["enterprise_confirm"] != "none":
            raise OutOfTurn
        said = {"confirm": "confirmed", "dispute": "disputed"}[action]
        LIFE.move(self.session, key, action, self.now, opinion=opinion, enterprise_confirm=said)
        if action == "dispute":
            people = holders(rows, Seat(role=self.rules.assigned_by))
            people += servants(rows, found["organization_id"], found["consultant_id"])
            told = {"title": found["title"], "opinion": opinion}
            self._tell("demand.disputed", people, key, self._once("disputed", key), told)

    def end(self, key: int, action: str, reason: str, opinion: str) -> None:
        """Taken back by the enterprise, or closed with a reason; the institution is told."""
        rows = self._rows()
        found = self._locked(rows, key)
        LIFE.move(
            self.session, key, action, self.now, opinion=opinion,
            closed_reason=reason or None, closed_at=self.now, **_due(None),
        )  # fmt: skip
        self._undo_deal(rows, found)
        people = servants(rows, found["organization_id"], found["consultant_id"])
        told = {"title": found["title"], "opinion": opinion}
        self._tell("demand.closed", people, key, self._once("closed", key), told)

    # --- the institution ------------------------------------------------------------------

    def record(self, contact: DemandContact) -> None:
        """A talk is on record, and the demand moves as its result says (维护).

        :raises TooEarly: when it is dated before the demand or after now.
        """
        rows = self._rows()
        found = self._locked(rows, contact.demand_id)
        begun = found["created_at"].replace(
            second=0, microsecond=0
        )  # times are typed to the minute
        if not begun <= contact.at <= self.now:
            raise TooEarly
        self.session.add(contact)
        self.session.flush()
        result, at = contact.result, contact.at
        values: dict[str, Any] = {"last_contact_at": max(at, found["last_contact_at"] or at)}
        values |= self._first(found, contact) | self._next(found, contact)
        LIFE.move(
            self.session, contact.demand_id, RESULT_STEPS[result], self.now,
            detail={"contact": contact.id}, **values,
        )  # fmt: skip
        if result == "won":
            self._score("demand_won", found, contact.consultant_id, source="demand.won")
        if result in SETTLED:
            self._tell_enterprise(found, CONTACT_RESULTS.of(result).label)

    def _first(self, found: RowMapping, contact: DemandContact) -> dict[str, Any]:
        """The first time the enterprise was reached: from then on its data is open to the house."""
        if contact.result == "no_answer" or found["first_contact_at"]:
            return {}
        # What was recorded in time counts: a time typed afterwards proves nothing.
        item = "demand_intime" if self.now <= found["due_at"] else "demand_late"
        self._score(item, found, contact.consultant_id)
        return {"first_contact_at": contact.at, "accepted_by_id": found["organization_id"]}

    def _next(self, found: RowMapping, contact: DemandContact) -> dict[str, Any]:
        """When somebody has to speak with the enterprise again, or what ended it."""
        if contact.result in SETTLED:
            return _due(None) | {
                "closed_at": self.now,
                "amount": contact.amount,
                "closed_reason": contact.lost_reason,
                "enterprise_confirm": "none",
            }
        if contact.result == "no_answer":
            return {}
        stale = self.calendar.deadline(contact.at, self.rules.stale_days)
        return _due(contact.next_at or stale)

    def hand_over(self, key: int, consultant_id: int | None, opinion: str) -> None:
        """Put a demand into a consultant's charge, another one's, or back to the institution.

        :raises NotOurs: unless he is linked to the institution that has the demand.
        """
        rows = self._rows()
        found = self._locked(rows, key)
        name = None
        if consultant_id is not None:
            name = rows.scalar(
                select(consultant_.c.name).where(
                    consultant_.c.id == consultant_id,
                    consultant_.c.organization_id == found["organization_id"],
                    consultant_.c.state == "linked",
                )
            )
            if name is None:
                raise NotOurs
        LIFE.move(
            self.session, key, "hand_over" if name else "take_back", self.now,
            opinion=opinion, detail={"consultant": name} if name else None,
            consultant_id=consultant_id,
        )  # fmt: skip
        if name:
            people = consultants_accounts(rows, consultant_id)
            told = {"title": found["title"], "due": found["due_at"]}
            self._tell("demand.new", people, key, self._once("handed", key), told)

    # --- the platform ---------------------------------------------------------------------

    def assign(self, key: int, organization_id: int, opinion: str) -> None:
        """Give an open demand to an institution, or pass it to another one (分派, 转派).

        The new one has the whole time for its first contact, and does not see what the other
        wrote down.

        :raises MayNotPass: when another has it and the enterprise wants no other.
        """
        rows = self._rows()
        found = self._locked(rows, key)
        is_open = found["state"] == "open"
        if not (is_open or found["allow_transfer"]):
            raise MayNotPass
        name = rows.scalar(
            select(organization_.c.name).where(organization_.c.id == organization_id)
        )
        due = self.first_limit(found["urgency"])
        LIFE.move(
            self.session, key, "assign" if is_open else "pass_on", self.now,
            opinion=opinion, detail={"institution": name},
            organization_id=organization_id, consultant_id=None, accepted_by_id=None,
            target_name=name, first_contact_at=None, **_due(due),
        )  # fmt: skip
        people = servants(rows, organization_id, None)
        told = {"title": found["title"], "due": due}
        self._tell("demand.new", people, key, self._once("assigned", key), told)

    def rule(self, key: int, ruling: str, opinion: str) -> None:
        """What staff decide about a disputed outcome; both sides are told by its new state."""
        rows = self._rows()
        found = self._locked(rows, key)
        values: dict[str, Any] = {"closed_at": self.now}
        if ruling == "resume":
            due = self.calendar.deadline(self.now, self.rules.stale_days)
            values = _due(due) | {"closed_at": None, "amount": None, "closed_reason": None}
        LIFE.move(self.session, key, ruling, self.now, opinion=opinion, **values)
        if ruling != "settle_won":
            self._undo_deal(rows, found)
        result = DEMAND_STATES.of(LIFE.steps[ruling].target).label
        self._tell_enterprise(found, result)
        people = servants(rows, found["organization_id"], found["consultant_id"])
        told = {"title": found["title"], "result": result, "opinion": opinion}
        self._tell("demand.ruled", people, key, self._once("ruled", key), told)

    # --- helpers --------------------------------------------------------------------------

    def _rows(self) -> Connection:
        return elevated(self.session, WHY)

    def _locked(self, rows: Connection, key: int) -> RowMapping:
        mine = select(demand_).where(demand_.c.id == key).with_for_update()
        return rows.execute(mine).mappings().one()

    def _once(self, what: str, key: int) -> str:
        return f"demand.{what}:{key}:{self.now:%Y%m%d%H%M%S%f}"

    def _tell(
        self, occasion: str, people: Collection[int], key: int, once: str, said: Mapping[str, Any]
    ) -> None:
        messages.notify(self.session, occasion, people, {"demand": key, **said}, once, self.now)

    def _tell_enterprise(self, found: RowMapping, result: Any) -> None:
        told = {"title": found["title"], "result": result}
        once = self._once("result", found["id"])
        self._tell("demand.result", [found["user_id"]], found["id"], once, told)

    def _score(
        self, item: str, found: RowMapping, consultant_id: int | None, source: str = "demand"
    ) -> None:
        scores.grant(
            self._rows(), item, found["organization_id"],
            consultant_id=consultant_id or found["consultant_id"],
            source=source, source_id=found["id"], now=self.now,
        )  # fmt: skip

    def _undo_deal(self, rows: Connection, found: RowMapping) -> None:
        """A deal that did not hold counts for nothing."""
        scores.reverse(rows, "demand.won", found["id"], self.now)


def servants(rows: Connection, organization_id: int | None, consultant_id: int | None) -> list[int]:
    """Who is told of an institution's demand.

    Its main account, the sub-accounts that may read demands, and the consultant in charge.
    """
    if organization_id is None:
        return []
    accounts = consultants_accounts(rows, consultant_id)
    accounts += rights.readers(rows, organization_id, ENTRY)
    return organizations.people_of(rows, organization_id, *accounts)


def consultants_accounts(rows: Connection, consultant_id: int | None) -> list[int]:
    """The account of a consultant who may act; none for nobody."""
    if consultant_id is None:
        return []
    account = select(consultant_.c.user_id).where(
        consultant_.c.id == consultant_id,
        consultant_.c.state == "linked",
        consultant_.c.user_id.is_not(None),
    )
    return [key for key in rows.scalars(account) if key is not None]


def _due(moment: datetime | None) -> dict[str, Any]:
    """When somebody has to speak with the enterprise next; never once it is settled."""
    return {"due_at": moment, "turn_at": moment or SETTLED_TURN}


def return_to_institution(rows: Connection, consultant_id: int, now: datetime) -> int:
    """The unsettled demands of a consultant whose link has ended go back to his institution (S4-8).

    How many there were.
    """
    table: Table = demand_
    mine = table.c.consultant_id == consultant_id, table.c.state.in_(CALLED)
    held = rows.execute(select(table.c.id, table.c.state).where(*mine).with_for_update()).all()
    values = {"consultant_id": None, "version": table.c.version + 1}
    rows.execute(update(table).where(*mine).values(values))
    for key, state in held:
        taken = lifecycle.Taken("take_back", state, state)
        lifecycle.write(rows, table.name, key, now, taken)
    return len(held)
