"""Lives of rows that no case decides: listed and delisted, called and won, filed and voided.

A :class:`Lifecycle` names the steps of a model: from which states to which, and whether a reason
is wanted.  :func:`move` is the only way to take one; it writes the state, a line of the log and a
line of the audit in the caller's transaction.  Who may take a step is the caller's business, and
so is everything that follows from it.  What needs somebody's decision is a case
(:mod:`app.workflow`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Row, Table, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from app import audit
from app.access import elevated
from app.columns import Phrase
from app.errors import DomainError
from app.models import Base, LifeEvent

event_: Table = LifeEvent.__table__


@dataclass(frozen=True)
class Step:
    """One step: its button, whence, whither, and whether it wants a reason.

    A step without a ``target`` leaves the state as it is: something else about the row changes,
    and its log tells.
    """

    label: Phrase
    sources: tuple[str, ...]
    target: str = ""
    needs_reason: bool = False


class OutOfTurn(DomainError):
    """The row is not in a state from which this step leads."""

    problem = _l("This has been changed meanwhile.")
    remedy = _l("Look at its present state and decide again.")


class ReasonRequired(DomainError):
    """A step was taken without the reason that it wants."""

    problem = _l("A reason is missing.")
    remedy = _l("Write the reason and try again.")


@dataclass(frozen=True)
class Lifecycle:
    """The steps of ``model``, by the name of the action; ``column`` is declared ``by_flow``."""

    model: type[Base]
    steps: Mapping[str, Step]
    column: str = "state"

    def move(
        self,
        session: Session,
        key: int,
        action: str,
        now: datetime,
        *,
        opinion: str = "",
        detail: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> str:
        """Take a step; the state before it.  ``values`` are written to the row with the state.

        :raises OutOfTurn: when another step was taken first; of two at once, one is.
        :raises ReasonRequired: when the step wants a reason and ``opinion`` is blank.
        """
        step, opinion = self.steps[action], opinion.strip()
        if step.needs_reason and not opinion:
            raise ReasonRequired
        table: Table = self.model.__table__
        state = table.c[self.column]
        rows = elevated(session, "a step of a lifecycle")
        mine = table.c.id == key
        found = rows.execute(select(table).where(mine).with_for_update()).mappings().first()
        if found is None or found[self.column] not in step.sources:
            raise OutOfTurn
        if "version" in table.c:
            values = {"version": table.c.version + 1, **values}
        source = found[self.column]
        target = step.target or source
        rows.execute(update(table).where(mine).values({state: target, **values}))
        said = detail or {}
        write(rows, table.name, key, now, Taken(action, source, target, opinion, said))
        audit.note(
            session,
            "change",
            kind=table.name,
            object_id=key,
            label=str(found[self.model.label_column] or ""),
            before={self.column: source},
            after={self.column: target},
            detail={"step": action, "opinion": opinion, **(detail or {})},
        )
        loaded = session.identity_map.get(identity_key(self.model, key))
        if loaded is not None:
            session.expire(loaded)
        return str(source)


@dataclass(frozen=True)
class Taken:
    """A step as its log has it."""

    action: str
    source: str
    target: str
    opinion: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def write(rows: Connection, kind: str, key: int, now: datetime, taken: Taken) -> None:
    """A line in the log of a row, for whoever moves many rows in one statement."""
    who = audit.context()
    rows.execute(
        insert(event_).values(
            kind=kind,
            subject_id=key,
            at=now,
            action=taken.action,
            source=taken.source,
            target=taken.target,
            actor_id=who.actor_id,
            actor_name=who.actor_name,
            opinion=taken.opinion,
            detail=audit.plain(taken.detail),
        )
    )


def history(session: Session, model: type[Base], key: int) -> Sequence[Row[Any]]:
    """The steps of a row that the caller may see, the newest first."""
    rows = elevated(session, "the log of a row that is shown")
    ours = event_.c.kind == model.__table__.name, event_.c.subject_id == key
    return rows.execute(select(event_).where(*ours).order_by(event_.c.id.desc())).all()
