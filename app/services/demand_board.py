"""需求大厅: the open demands that their enterprises made public, without whose they are (F15)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.models import Demand

demand_ = Demand.__table__
SHOWN = ("id", "title", "category", "description", "budget", "expected_on", "urgency", "created_at")
"""What anybody may read of them: no name, no number, no contact."""


def standing(session: Session, categories: list[str]) -> tuple[Connection, Select[Any]]:
    """What waits to be assigned and is public, of some categories if any are named."""
    rows = elevated(session, "what enterprises made public is everybody's, the rest of it not")
    c = demand_.c
    query = select(*(c[name] for name in SHOWN)).where(c.public_need, c.state == "open")
    return rows, query.where(c.category.in_(categories)) if categories else query
