"""Jobs: one run per slot, each on record, ended when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from app import jobs, messages
from app.access import ANONYMOUS, acting_as
from app.extensions import AppSession, db, mail, system_session
from app.jobs import timetable
from app.models import JobRun, Message

NOW = datetime(2026, 11, 20, 3, 0, 30, tzinfo=UTC)
BEAT = "scheduler.heartbeat"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def app(app):
    """The application, before any message and any run of a job."""
    with app.app_context(), system_session() as session:
        session.execute(delete(Message))
        session.execute(delete(JobRun))
        session.commit()
    return app


def test_the_timetable():
    assert {name: (job.period, job.when) for name, job in jobs.registry.items()} == {
        "outbox.send": (None, {"second": "*/10"}),
        "scheduler.heartbeat": (MINUTE, {"second": 0}),
    }


def test_the_timetable_is_kept_in_shanghai_time_by_cron_alone(app):
    planned = jobs.scheduler(app)
    try:
        planned.start(paused=True)
        assert {entry.id for entry in planned.get_jobs()} == set(jobs.registry)
        for entry in planned.get_jobs():
            assert type(entry.trigger).__name__ == "CronTrigger"
            assert str(entry.trigger.timezone) == "Asia/Shanghai"
            assert (entry.coalesce, entry.max_instances) == (True, 1)
    finally:
        planned.shutdown()


@pytest.mark.parametrize(
    ("period", "slot"),
    [
        (timedelta(minutes=1), datetime(2026, 11, 20, 17, 46, tzinfo=UTC)),
        (timedelta(minutes=15), datetime(2026, 11, 20, 17, 45, tzinfo=UTC)),
        (timedelta(hours=6), datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        (timedelta(days=1), datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
    ],
)
def test_a_slot_is_the_time_floored_to_its_period_in_shanghai(period, slot):
    late_at_night = datetime(2026, 11, 20, 17, 46, 59, 999999, tzinfo=UTC)
    job = timetable.Job("x", "X", lambda *_: 0, period, {})
    assert job.slot(late_at_night) == slot


@pytest.fixture
def job():
    """``job(name, function, period)`` registers a job for one test."""
    added = []

    def add(name, function, period=MINUTE):
        timetable.job(name, "A job", period, second=0)(function)
        added.append(name)

    yield add
    for name in added:
        del jobs.registry[name]


def test_two_jobs_of_one_name_and_uneven_periods_are_refused(job):
    job("once", lambda *_: 0)
    with pytest.raises(ValueError, match="two jobs are called once"):
        job("once", lambda *_: 0)
    with pytest.raises(ValueError, match="does not divide a day"):
        job("uneven", lambda *_: 0, timedelta(minutes=7))


def runs(app, name):
    with app.app_context(), system_session() as session:
        return session.scalars(select(JobRun).filter_by(job=name).order_by(JobRun.slot)).all()


def tell(session, key="k"):
    context = {"organization": "A", "number": "JG-1", "result": "approved", "opinion": ""}
    messages.tell(session, "institution.result", "a@example.org", context, key, NOW)


@pytest.mark.db
def test_of_many_schedulers_one_runs_a_slot(app, job):
    ran, results, ready = [], [], threading.Barrier(6)
    job("contested", lambda _session, _now: ran.append(1) or 7)

    def work():
        ready.wait()
        results.append(jobs.run_job(app, "contested", NOW))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ran) == 1
    assert sorted(results, key=str) == [7] + [None] * 5
    (run,) = runs(app, "contested")
    assert (run.row_count, run.error) == (7, "")
    assert run.slot == datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    assert run.started_at <= run.ended_at


def test_the_next_slot_runs_again(app, job):
    job("minutely", lambda *_: 1)
    assert jobs.run_job(app, "minutely", NOW) == 1
    assert jobs.run_job(app, "minutely", NOW + timedelta(seconds=20)) is None
    assert jobs.run_job(app, "minutely", NOW + MINUTE) == 1
    assert len(runs(app, "minutely")) == 2


@pytest.mark.db
def test_a_job_commits_what_it_did(app, job):
    job("tells", lambda session, _now: tell(session) or 1)
    assert jobs.run_job(app, "tells", NOW) == 1
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Message)).state == "waiting"


@pytest.mark.db
def test_a_job_that_fails_leaves_nothing_but_its_record(app, job):
    def fail(session, _now):
        tell(session)
        raise RuntimeError("the disk\nis full " + "x" * 1000)

    job("fails", fail)
    with pytest.raises(RuntimeError):
        jobs.run_job(app, "fails", NOW)
    (run,) = runs(app, "fails")
    assert run.error.startswith("RuntimeError: the disk is full")
    assert (len(run.error), run.row_count) == (jobs.ERROR_LENGTH, None)
    assert run.ended_at
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Message)) is None


def test_a_worker_without_slots_is_on_record_when_it_did_something(app, job):
    counts = [0, 3]
    job("worker", lambda *_: counts.pop(0), None)
    assert jobs.run_job(app, "worker", NOW) == 0
    assert runs(app, "worker") == []
    assert jobs.run_job(app, "worker", NOW) == 3
    (run,) = runs(app, "worker")
    assert run.row_count == 3


@pytest.mark.db
def test_the_outbox_runs_as_a_job(app, monkeypatch, capsys):
    state = mail.init_mail(app.config | {"MAIL_BACKEND": "console"})
    monkeypatch.setitem(app.extensions, "mailman", state)
    with app.app_context(), system_session() as session:
        tell(session)
        session.commit()
    assert jobs.run_job(app, "outbox.send", NOW) == 1
    assert jobs.run_job(app, "outbox.send", NOW) == 0
    (run,) = runs(app, "outbox.send")
    assert run.row_count == 1
    printed = capsys.readouterr().out
    assert "To: a@example.org" in printed
    assert "/cases/JG-1/" in printed


@pytest.mark.db
def test_the_heartbeat_shows_the_last_minute_and_keeps_one_day(app, job):
    job("other", lambda *_: 0)
    jobs.run_job(app, "other", NOW - timedelta(days=3))
    with app.app_context(), system_session() as session:
        assert jobs.last_beat(session) is None
    for ago in (timedelta(days=2), timedelta(days=1, minutes=2), timedelta(hours=23)):
        jobs.run_job(app, BEAT, NOW - ago)
    assert jobs.run_job(app, BEAT, NOW) == 1  # the oldest was forgotten by the third
    assert len(runs(app, BEAT)) == 2
    assert len(runs(app, "other")) == 1


@pytest.mark.db
def test_a_visitor_may_ask_for_the_last_beat(app):
    before = datetime.now(UTC)
    jobs.run_job(app, BEAT)
    with app.app_context(), acting_as(ANONYMOUS), AppSession(db) as session:
        assert before <= jobs.last_beat(session) <= datetime.now(UTC)


SCHEDULER = """
import sys
from types import SimpleNamespace
from flask import Flask
from flask_babel import Babel
from app import profile
from app.extensions import db, mail, prepare_sqlite
from app.jobs import run_scheduler

app = Flask("scheduler")
app.config.update(
    SQLALCHEMY_DATABASE_URI=sys.argv[1], MAIL_BACKEND="console", MAIL_DEFAULT_SENDER="a@b.example"
)
app.extensions["settings"] = SimpleNamespace(public_url="http://127.0.0.1:8080")
app.extensions["profile"] = profile.load("demo")
for extension in (db, mail, Babel()):
    extension.init_app(app)
with app.app_context():
    if db.engine.dialect.name == "sqlite":
        prepare_sqlite(db.engine)
run_scheduler(app)
"""


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.mark.db
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_scheduler_beats_sends_and_ends_when_asked(app, stop):
    with app.app_context(), system_session() as session:
        tell(session)
        session.commit()
        url = db.engine.url.render_as_string(hide_password=False)

    def state():
        with app.app_context(), system_session() as session:
            return session.scalar(select(Message.state))

    with subprocess.Popen(  # noqa: S603 - our own script
        (sys.executable, "-c", SCHEDULER, url),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            until(lambda: runs(app, BEAT), 20)
            if stop == signal.SIGTERM:
                until(lambda: state() == "sent", 20)
            process.send_signal(stop)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0, errors.decode()
    assert errors == b""
