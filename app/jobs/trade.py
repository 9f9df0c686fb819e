"""Jobs 24 and 25: deals that nobody filed, ratings that are asked for, shown and closed."""

from __future__ import annotations

from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.clock import local_day
from app.jobs.timetable import WEEK, job
from app.services import ratings, trade

WHY = "transactions and ratings are those of all organizations"


@job(
    "transaction.nudge",
    _l("Deals that were not filed"),
    WEEK,
    summary=_l("Reminds institutions every week of demands that were won and not filed yet."),
    day_of_week="mon",
    hour=9,
    minute=10,
)
def nudge(session: Session, now: datetime) -> int:
    """Tell main account and consultant of each deal that could still be filed."""
    rules, told = current_app.extensions["profile"].trade, 0
    rows = elevated(session, WHY)
    year, week, _day = local_day(now).isocalendar()
    for demand in trade.unfiled(rows, now - rules.filing_days * clock.DAY):
        context = {"title": demand.title, "demand": demand.id}
        key = f"trn:{demand.id}:{year}-{week:02d}"
        people = trade.served_by(rows, demand)
        told += messages.notify(session, "demand.file_deal", people, context, key, now)
    return told


@job(
    "rating.invite",
    _l("Rating invitations"),
    clock.DAY,
    summary=_l("Asks both sides to rate, shows what waited long enough, closes what is too late."),
    hour=9,
    minute=20,
)
def invite(session: Session, now: datetime) -> int:
    """Of several steps that were missed, the latest alone is told."""
    rules = current_app.extensions["profile"].trade
    rows = elevated(session, WHY)
    touched = trade.name_late_buyers(rows)
    touched += ratings.show_unpaired(session, rules, now)
    touched += ratings.close_late(session, now)
    for row in ratings.waiting(rows, now - min(rules.invite_days) * clock.DAY):
        age = (now - row.opened_at).days
        step = max(n for n in rules.invite_days if n <= age)
        context = {"title": row.title, "due": local_day(row.due_at), "id": row.id}
        key = f"rate:{row.filing_id}:{row.direction}:{step}"
        people = ratings.raters(rows, row)
        touched += messages.notify(session, "rating.invite", people, context, key, now)
    return touched
