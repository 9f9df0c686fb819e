"""Versions of the formula (评分规则, F20): drafted by staff, in force from the next month on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Integer, func, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.columns import Money
from app.lifecycle import Lifecycle, Step
from app.models import ScoreFormula
from app.services import scores
from app.services.scores import formula_

LIFE = Lifecycle(ScoreFormula, {"publish": Step(_l("Publish"), ("draft",), "published")})
WEIGHTS = tuple(
    column.name
    for column in formula_.columns
    if isinstance(column.type, Integer | Money)
    and "field" in column.info
    and not column.info["field"].by_flow
)
"""The columns that staff change."""


def draft(rows: Connection, now: datetime) -> dict[str, Any]:
    """The newest weights, as the beginning of the next version, with its name."""
    newest = rows.execute(
        select(formula_)
        .where(formula_.c.state == "published")
        .order_by(formula_.c.from_period.desc(), formula_.c.id.desc())
    ).first()
    number = rows.scalar(select(func.max(formula_.c.id))) or 0
    values = {name: getattr(newest, name) for name in WEIGHTS}
    return values | {"name": f"{scores.FIRST[0]}{number + 1}", "created_at": now}


def publish(session: Session, formula_id: int, now: datetime) -> int:
    """Put a draft in force from the first day of the next month; that month."""
    period = scores.months_before(scores.period_of(now), -1)
    LIFE.move(session, formula_id, "publish", now, published_at=now, from_period=period)
    return period


def differences(
    session: Session, row: ScoreFormula, now: datetime
) -> tuple[str, dict[str, tuple[Any, Any]]]:
    """The name of the formula in force, and what ``row`` changes: old and new by column."""
    rows = elevated(session, "weights are compared with those in force")
    present = scores.formula_of(rows, scores.period_of(now))
    pairs = {name: (getattr(present, name), getattr(row, name)) for name in WEIGHTS}
    return present.name, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
