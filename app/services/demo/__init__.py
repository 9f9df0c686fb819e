"""The demonstration (演示数据): invented accounts, firms and what they did with each other.

Applications go through the engine, at moments of the past: what is shown is what really
happened to a row.  Everything follows from the files in ``reference_data/demo`` and today.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.models import Message
from app.services import passwords, reference
from app.services.demo import (
    announcements,
    consultants,
    demands,
    figures,
    institutions,
    products,
    scores,
    trade,
)
from app.services.demo.house import ACCOUNTS, PASSWORD, Demonstration, credit_code
from app.storage import Store
from app.workflow import Workflow

__all__ = ["ACCOUNTS", "PASSWORD", "PROFILES", "credit_code", "fill"]

PROFILES = ("demo", "park")
"""The profiles whose new installations are filled with it."""
AREAS = (institutions, consultants, products, demands, trade, scores, figures, announcements)
"""In the order in which they are written: each may build on those before it."""
NEWS_OF = timedelta(days=3)  # what is older than that was read


def fill(session: Session, engine: Workflow, store: Store, now: datetime, keys: list[str]) -> None:
    """Write the demonstration; ``keys`` takes the names of the files that are stored."""
    roles = {role.name: role for role in session.scalars(select(Role))}
    password = passwords.hashed(PASSWORD)
    calendar = reference.workdays(session, None)
    demo = Demonstration(session, engine, store, now, keys, roles, password, calendar)
    demo.open_house()
    for area in AREAS:
        area.fill(demo)
    # The mails of the past have long been read.
    session.execute(update(Message).values(state="sent", attempts=1, sent_at=Message.created_at))
    recent = now - NEWS_OF
    session.execute(
        update(Message).where(Message.created_at < recent).values(read_at=Message.created_at)
    )
