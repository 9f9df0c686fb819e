"""Jobs 20 to 22: listings end in time, stale data is asked about (S4-9), the pool is right."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app import clock, messages
from app.access import elevated
from app.flow import Seat
from app.jobs.marks import BATCH, batches, done, first
from app.jobs.timetable import MONTH, job
from app.lifecycle import OutOfTurn
from app.services import pool, products, scores
from app.todos import holders

MOST = 5_000
"""What one run ends; the next one goes on."""
MONTH_DAYS = 30
NAMED = 5
"""So many products a message names."""
REASON = "listings are those of all institutions"


@job(
    "listing.expire",
    _l("Listings that end"),
    clock.DAY,
    summary=_l("Tells institutions before a listing ends, and takes it off sale on its day."),
    hour=8,
    minute=40,
)
def expire(session: Session, now: datetime) -> int:
    """Tell of each step once, of several missed the latest alone; end what is over."""
    rows, today = elevated(session, REASON), clock.local_day(now)
    return _end(session, rows, today, now) + _remind(session, rows, today, now)


def _end(session: Session, rows: Connection, today: date, now: datetime) -> int:
    """Take off sale what nobody else has taken off meanwhile."""
    ended = 0
    for row in products.ended(rows, today, MOST):
        with suppress(OutOfTurn):
            products.LISTING.move(session, row.id, "expire", now)
            ended += 1
    return ended


def _remind(session: Session, rows: Connection, today: date, now: datetime) -> int:
    steps = current_app.extensions["profile"].listings.reminder_days
    told = 0
    for some in batches(products.ending(rows, today, steps)):
        known = done(rows, [ending.key for ending in some])
        for ending in some:
            if ending.key in known or not first(rows, ending.key, now):
                continue
            context = {"title": ending.name, "due": ending.until, **products.where(ending)}
            readers = products.owners(rows, ending.organization_id)
            key = f"product.expiring:{ending.key}"
            told += messages.notify(session, "product.expiring", readers, context, key, now)
    return told


@job(
    "listing.stale",
    _l("Product data to be confirmed"),
    MONTH,
    summary=_l("Asks institutions whether products are still true that nobody has changed long."),
    day=1,
    hour=9,
    minute=20,
)
def stale(session: Session, now: datetime) -> int:
    """Ask about each product once a month, at a cost in points; staff hear of the oldest too."""
    rows, month = elevated(session, REASON), f"{clock.local_day(now):%Y%m}"
    months = current_app.extensions["profile"].listings.stale_months
    staff = holders(rows, Seat(role="operator"))
    told, at = 0, None
    while found := products.stale(rows, now, min(months) * MONTH_DAYS, at, BATCH):
        at = found[-1].kept_at, found[-1].id
        for row in found:
            key = f"stale:{row.id}:{month}"
            if not first(rows, key, now):
                continue
            age = products.days_since(row.kept_at, now)
            context = {"title": row.name, "days": age, **products.where(row)}
            late = staff if age >= max(months) * MONTH_DAYS else ()
            scores.grant(rows, "stale", row.organization_id, source="product",
                         source_id=row.id, now=now)  # fmt: skip
            readers = [*products.owners(rows, row.organization_id), *late]
            told += messages.notify(session, "product.stale", readers, context, key, now)
    return told


@job(
    "pool.rebuild",
    _l("Check of the product pool"),
    clock.DAY,
    summary=_l("Keeps record of which products may be on sale; reports what is without being so."),
    hour=2,
    minute=20,
)
def check_pool(session: Session, now: datetime) -> int:
    """Bring the pool up to the products; tell staff once a day of what strays outside it."""
    rows = elevated(session, REASON)
    moved = pool.rebuild(rows, now)
    count, newest = pool.strays(rows, NAMED)
    if newest:
        names = "、".join(f"{row.name}（{row.organization}）" for row in newest)
        staff, key = holders(rows, Seat(role="operator")), f"pool:{clock.local_day(now)}"
        context = {"count": count, "title": names, **products.where(newest[0])}
        messages.notify(session, "pool.drift", staff, context, key, now)
    return moved
