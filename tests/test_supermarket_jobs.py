"""Jobs 15, 16 and 20 to 26: what a dry run says is what happens, and happens once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app import clock
from app.extensions import system_session
from app.jobs import registry, run_job
from app.models import (
    Demand,
    Filing,
    Invitation,
    JobRun,
    Message,
    Model,
    Person,
    PoolEntry,
    Rating,
    ScheduledJob,
)
from app.services import reference
from tests.test_certification import decided, number_in, of
from tests.test_trade import STARS, filed, filing, rating_of

pytestmark = pytest.mark.db

RECORDS = {JobRun.__tablename__, ScheduledJob.__tablename__}
"""That a job ran is on record, whatever it did."""
AHEAD = {
    "invite.expire": 30,
    "invite.remind": 0,
    "listing.expire": 500,
    "listing.stale": 0,
    "pool.rebuild": 0,
    "demand.followup": 0,
    "transaction.nudge": 0,
    "rating.invite": 20,
    "score.rank": 40,
}
"""Of each job the days until it has something to do in the demonstration."""


def contents(app: Any) -> dict[str, list[Any]]:
    """Every row of every table, but for the record of runs."""
    with app.app_context(), system_session() as session:
        rows = session.connection()
        tables = [table for table in Model.metadata.sorted_tables if table.name not in RECORDS]
        return {
            table.name: sorted(map(repr, rows.execute(select(table)).all())) for table in tables
        }


def working_hour(app: Any, days: int) -> datetime:
    """Ten in the morning of a working day, so many days ahead or a few more."""
    day = clock.local_day(clock.now()) + days * clock.DAY
    with app.app_context(), system_session() as session:
        calendar = reference.workdays(session, None)
    while not calendar.is_working(day):
        day += clock.DAY
    return clock.start_of(day) + timedelta(hours=10)


def prepared(app: Any, job: str) -> None:
    """What the demonstration has none of: an invitation four days old, a product in no pool."""
    now = clock.now()
    sent = {"created_at": now - timedelta(days=4), "expires_at": now + timedelta(days=9)}
    changes = {
        "invite.remind": update(Invitation).where(Invitation.state == "open").values(**sent),
        "pool.rebuild": delete(PoolEntry),
    }
    if job in changes:
        with app.app_context(), system_session() as session:
            session.connection().execute(changes[job])
            session.commit()


@pytest.mark.parametrize("job", AHEAD)
def test_a_dry_run_changes_nothing_and_counts_what_the_run_then_does(app, job):
    prepared(app, job)
    moment, before = working_hour(app, AHEAD[job]), contents(app)
    assert registry[job].has_dry_run
    would = run_job(app, job, moment, dry_run=True)
    assert would
    after = contents(app)
    assert [name for name in before if before[name] != after[name]] == []
    assert run_job(app, job, moment) == would
    done = contents(app)
    assert done != before
    with app.app_context(), system_session() as session:
        registry[job].function(session, moment)
        session.commit()
    again = contents(app)
    changed = {name for name in done if done[name] != again[name]}
    assert changed <= {"score_standing"}, changed  # the board is written anew each night


# --- jobs 24 and 25, by what they cause ----------------------------------------------------------


def told(app: Any, occasion: str, key: str) -> list[tuple[str, str]]:
    """Who was told of something, and by which channel."""
    mine = Message.occasion == occasion, Message.dedupe_key.startswith(f"{key}:")
    query = select(Person.username, Message.channel).join(Message, Message.user_id == Person.id)
    with app.app_context(), system_session() as session:
        return sorted(tuple(row) for row in session.execute(query.where(*mine)))


def test_a_deal_that_was_not_filed_is_asked_about_each_week_until_it_is(app, sign_in):
    """Job 24: the key is the demand and its week; who filed hears no more; nor after a year."""
    house, staff = sign_in("institution"), sign_in("operator")
    demand = of(app, select(Demand).where(Demand.title == "想了解MES能否对接现有ERP"))
    monday = clock.start_of(clock.local_day(clock.now())) + timedelta(days=7, hours=9)
    monday -= clock.local_day(monday).weekday() * clock.DAY
    won = {"state": "won", "closed_at": clock.now(), "consultant_id": None}
    with app.app_context(), system_session() as session:
        mine = update(Demand.__table__).where(Demand.__table__.c.id == demand.id)
        session.connection().execute(mine.values(**won))
        session.commit()

    def key(moment: datetime) -> str:
        year, week, _day = clock.local_day(moment).isocalendar()
        return f"trn:{demand.id}:{year}-{week:02d}"

    assert run_job(app, "transaction.nudge", monday)
    assert told(app, "demand.file_deal", key(monday)) == [("institution", "inapp")]
    assert demand.title in house.get("/messages/").text
    with app.app_context(), system_session() as session:  # by hand, later in the week
        assert registry["transaction.nudge"].function(session, monday + 2 * clock.DAY) == 0
        session.commit()
    assert len(told(app, "demand.file_deal", f"trn:{demand.id}")) == 1
    run_job(app, "transaction.nudge", monday + 7 * clock.DAY)
    assert len(told(app, "demand.file_deal", f"trn:{demand.id}")) == 2

    values = filing(app, house, demand=str(demand.id))
    number = number_in(house.post("/filings/add/", data=values))
    run_job(app, "transaction.nudge", monday + 14 * clock.DAY)
    assert len(told(app, "demand.file_deal", f"trn:{demand.id}")) == 2  # it waits for its review
    assert decided(app, staff, number, "refuse", "合同主体不一致。").status_code == 302
    run_job(app, "transaction.nudge", monday + 21 * clock.DAY)
    assert len(told(app, "demand.file_deal", f"trn:{demand.id}")) == 3
    run_job(app, "transaction.nudge", monday + 371 * clock.DAY)
    assert len(told(app, "demand.file_deal", f"trn:{demand.id}")) == 3


def test_both_sides_are_asked_to_rate_step_by_step_and_praised_by_nobody_else(app, sign_in):
    """Job 25: each step once a side, of those missed the latest alone; unrated closes unrated."""
    house, staff, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key, begun = filed(app, house, staff), clock.now()
    steps = app.extensions["profile"].trade.invite_days
    sides = {"buyer_to_provider": "enterprise", "provider_to_buyer": "institution"}

    def asked(direction: str) -> list[str]:
        begin = f"rate:{key}:{direction}"
        found = select(Message.dedupe_key).where(
            Message.occasion == "rating.invite",
            Message.channel == "inapp",
            Message.dedupe_key.startswith(f"{begin}:"),
        )
        with app.app_context(), system_session() as session:
            return sorted(one.split(":")[3] for one in session.scalars(found))

    run_job(app, "rating.invite", begun + timedelta(hours=1))
    assert asked("buyer_to_provider") == []
    for days, expected in ((1, [1]), (2, [1]), (31, [1, 30]), (55, [1, 30, 53])):
        for _twice in range(2):
            with app.app_context(), system_session() as session:
                registry["rating.invite"].function(session, begun + timedelta(days=days, hours=1))
                session.commit()
        for direction, who in sides.items():
            assert asked(direction) == sorted(map(str, expected)), days
            readers = told(app, "rating.invite", f"rate:{key}:{direction}:{expected[-1]}")
            assert (who, "inapp") in readers
            assert (who, "email") in readers
    assert tuple(expected) == steps

    rated = rating_of(app, key, "buyer_to_provider").id
    assert buyer.post(f"/ratings/rate/{rated}/", data=STARS).status_code == 302
    run_job(app, "rating.invite", begun + timedelta(days=61))
    silent = of(app, select(Rating).where(Rating.filing_id == key, Rating.score.is_(None)))
    assert (silent.direction, silent.state) == ("provider_to_buyer", "closed")
    assert of(app, select(Filing.state).where(Filing.id == key)) == "approved"

    missed = filed(app, house, staff, service_name="停机之后")
    run_job(app, "rating.invite", clock.now() + timedelta(days=40))
    assert told(app, "rating.invite", f"rate:{missed}:buyer_to_provider:1") == []
    assert ("enterprise", "inapp") in told(
        app, "rating.invite", f"rate:{missed}:buyer_to_provider:30"
    )
