"""Schedulers as real processes: each slot once, each thing once, also when one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from app import clock
from app.extensions import db, system_session
from app.models import (
    Consultant,
    Invitation,
    JobMark,
    JobRun,
    LifeEvent,
    Message,
    Organization,
    Product,
    ScoreEntry,
    ScoreMonth,
)
from app.services import consultants, scores
from tests import expiring, ticking

SLOTS = 20
SECOND = timedelta(seconds=1)


@pytest.fixture
def app(app):
    """The application, before any run of a job."""
    with app.app_context(), system_session() as session:
        session.execute(delete(JobRun))
        session.commit()
    return app


@contextmanager
def schedulers(app, script, *each) -> Iterator[dict[int, subprocess.Popen]]:
    """A process for ``each`` further words of its command, by process number."""
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(Path(script).parent.parent)}
    started = [
        subprocess.Popen(  # noqa: S603 - ours
            (sys.executable, script, url, *more), env=environment, stderr=subprocess.PIPE
        )
        for more in each
    ]
    try:
        yield {process.pid: process for process in started}
    finally:
        for process in started:
            process.kill()
            process.communicate()


def ticks(app) -> list[JobRun]:
    with app.app_context(), system_session() as session:
        mine = select(JobRun).where(JobRun.job == ticking.NAME).order_by(JobRun.slot)
        return list(session.scalars(mine))


def effects(app) -> int:
    with app.app_context(), system_session() as session:
        mine = select(func.count()).where(JobMark.key.startswith("tick:")).select_from(JobMark)
        return session.scalar(mine)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def end(processes):
    """Ask them to go, and wait until they have."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(60)
        assert process.returncode == 0


def pid_of(run: JobRun) -> int:
    return int(run.runner.rpartition(":")[2])


@pytest.mark.db
def test_of_three_schedulers_one_is_killed_and_every_slot_runs_once(app):
    with schedulers(app, ticking.__file__, (), (), ()) as processes:
        wait_for(lambda: {pid_of(run) for run in ticks(app)} and len(ticks(app)) >= SLOTS // 2, 60)
        killed = wait_for(lambda: [run for run in ticks(app) if run.state == "running"], 10)[0]
        os.kill(pid_of(killed), signal.SIGKILL)
        left = [process for pid, process in processes.items() if pid != pid_of(killed)]
        wait_for(lambda: len(ticks(app)) > SLOTS, 60)
        wait_for(lambda: not [r for r in ticks(app)[:SLOTS] if r.state != "done"], 30)
        end(left)
    runs = ticks(app)
    assert {run.state for run in runs} == {"done"}
    assert [run.slot - runs[0].slot for run in runs[:SLOTS]] == [n * SECOND for n in range(SLOTS)]
    assert effects(app) == len(runs)
    again = [run for run in runs if run.attempt > 1]
    assert [run.slot for run in again] == [killed.slot]
    assert again[0].attempt == 2
    assert pid_of(again[0]) != pid_of(killed)


# --- what the jobs of the supermarket do, once ----------------------------------------------------

AHEAD = 40
"""So many days later: invitations are over, listings are, and a month has been closed."""
INVITED = 12


@pytest.fixture
def due(app, actor_of) -> dict[str, set[int]]:
    """A dozen invitations and every listing, about to end; by the kind of their history."""
    now, place = clock.now(), actor_of("institution").organization_id
    rule = app.extensions["profile"].consultants
    with app.app_context(), system_session() as session:
        lines = [
            Consultant(
                organization_id=place, name=f"顾问{n}", mobile=f"139200000{n:02}",
                email=f"due{n}@example.com", specialities=["sz04"], created_at=now,
            )
            for n in range(INVITED)
        ]  # fmt: skip
        session.add_all(lines)
        session.flush()
        for line in lines:
            consultants.invite(session, line.id, rule, now)
        until = {"valid_until": clock.local_day(now) + AHEAD // 2 * clock.DAY}
        session.execute(update(Product).where(Product.state == "listed").values(until))
        session.commit()
        listed = select(Product.id).where(Product.state == "listed")
        letters = select(Invitation.id).where(Invitation.state == "open")
        return {
            "product": set(session.scalars(listed)),
            "invitation": set(session.scalars(letters)),
        }


def runs_of(app, job) -> list[JobRun]:
    with app.app_context(), system_session() as session:
        mine = select(JobRun).where(JobRun.job.startswith(job)).order_by(JobRun.id)
        return list(session.scalars(mine))


def done_by(app, job) -> set[int]:
    """The processes that have carried a job out."""
    return {pid_of(run) for run in runs_of(app, job) if run.state == "done"}


@pytest.mark.db
@pytest.mark.parametrize("names", [("one", "one"), ("one", "other")])
def test_two_schedulers_end_each_invitation_listing_and_month_once(app, due, names):
    """Jobs 15, 20, 26, with shared slots and without them: the slot is not all that guards."""
    with schedulers(app, expiring.__file__, *((str(AHEAD), name) for name in names)) as processes:
        for job in expiring.NAMES:
            wait_for(lambda job=job: done_by(app, job) == set(processes), 240)
        end(processes.values())
    for job in expiring.NAMES:
        runs = runs_of(app, job)
        assert {run.state for run in runs} == {"done"}, [run.error for run in runs]
    ended = {job: sum(run.row_count for run in runs_of(app, job)) for job in expiring.NAMES}
    assert ended["invite.expire"] == len(due["invitation"]) > INVITED

    then = clock.now() + AHEAD * clock.DAY
    with app.app_context(), system_session() as session:
        for kind, keys in due.items():
            mine = LifeEvent.kind == kind, LifeEvent.action == "expire"
            expired = session.scalars(select(LifeEvent.subject_id).where(*mine)).all()
            assert sorted(k for k in expired if k in keys) == sorted(keys)
        told = select(Message.dedupe_key).where(Message.occasion == "consultant.expired")
        lines = [
            key.rpartition(":") for key in session.scalars(told.where(Message.channel == "inapp"))
        ]
        assert len(lines) == len(set(lines)) >= len(due["invitation"])

        last = scores.months_before(scores.period_of(then), 1)
        houses = select(func.count(Organization.id)).where(
            Organization.institution_state == "in_pool"
        )
        closed = select(func.count(ScoreMonth.id)).where(
            ScoreMonth.period == last, ScoreMonth.kind == "institution"
        )
        monthly = select(func.count(Message.id)).where(
            Message.occasion == "score.monthly", Message.dedupe_key.contains(f":{last}:")
        )
        assert session.scalar(closed) == session.scalar(houses)
        assert session.scalar(monthly) == session.scalar(houses)
        held = select(ScoreEntry.organization_id).where(
            ScoreEntry.item == "profile",
            ScoreEntry.period == scores.period_of(then),
            ScoreEntry.reverses_id.is_(None),
        )
        complete = session.scalars(held).all()
        assert len(complete) == len(set(complete)) > 0
        assert scores.settle(session.connection(), 200001) == 0
        session.rollback()
