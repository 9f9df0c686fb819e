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
from sqlalchemy import delete, select, update

from app import jobs, messages
from app.access import ANONYMOUS, acting_as
from app.errors import DomainError
from app.extensions import AppSession, db, mail, system_session
from app.jobs import board, engine, timetable
from app.models import JobMark, JobRun, Message, Person, ScheduledJob

NOW = datetime(2026, 11, 20, 3, 0, 30, tzinfo=UTC)
BEAT = "scheduler.heartbeat"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def app(app):
    """The application, before any message and any run of a job."""
    with app.app_context(), system_session() as session:
        session.execute(delete(Message))
        session.execute(delete(JobRun))
        session.execute(update(ScheduledJob).values(next_run_at=None))
        session.commit()
    return app


TIMETABLE = {
    "account.idle": (timetable.WEEK, {"day_of_week": "mon", "hour": 3}),
    "captcha.cleanup": (10 * MINUTE, {"minute": "*/10", "second": 20}),
    "cert.pending": (DAY, {"hour": 9, "minute": 10}),
    "otp.cleanup": (10 * MINUTE, {"minute": "*/10", "second": 15}),
    "outbox.send": (None, {"second": "*/10"}),
    "password.expire": (DAY, {"hour": 8, "minute": 30}),
    "scheduler.heartbeat": (MINUTE, {"second": 0}),
    "session.cleanup": (10 * MINUTE, {"minute": "*/10", "second": 10}),
    "todo.overdue": (60 * MINUTE, {"minute": 5}),
    "todo.remind": (60 * MINUTE, {"minute": 0}),
}


def test_the_timetable():
    planned = {name: (job.period, job.when) for name, job in jobs.registry.items()}
    assert {name: planned[name] for name in TIMETABLE} == TIMETABLE


def test_every_job_says_what_it_does_and_what_cannot_be_taken_back_has_no_dry_run(app):
    with app.test_request_context():
        assert [name for name, job in jobs.registry.items() if not str(job.summary)] == []
    assert not jobs.registry["outbox.send"].has_dry_run
    assert jobs.registry["todo.remind"].has_dry_run


def test_the_timetable_is_kept_in_shanghai_time_by_cron_alone(app):
    planned = jobs.scheduler(app)
    try:
        planned.start(paused=True)
        assert {entry.id for entry in planned.get_jobs()} == {*jobs.registry, "pick up"}
        for entry in planned.get_jobs():
            assert type(entry.trigger).__name__ == "CronTrigger"
            assert str(entry.trigger.timezone) == "Asia/Shanghai"
            assert entry.coalesce
            planned_job = jobs.registry.get(entry.id)
            assert entry.max_instances == (3 if planned_job and planned_job.period else 1)
    finally:
        planned.shutdown()


@pytest.mark.parametrize(
    ("period", "slot"),
    [
        (timedelta(minutes=1), datetime(2026, 11, 20, 17, 46, tzinfo=UTC)),
        (timedelta(minutes=15), datetime(2026, 11, 20, 17, 45, tzinfo=UTC)),
        (timedelta(hours=6), datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        (timedelta(days=1), datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        (timetable.WEEK, datetime(2026, 11, 15, 16, 0, tzinfo=UTC)),
        (timetable.MONTH, datetime(2026, 10, 31, 16, 0, tzinfo=UTC)),
    ],
)
def test_a_slot_is_the_time_floored_to_its_period_in_shanghai(period, slot):
    late_at_night = datetime(2026, 11, 20, 17, 46, 59, 999999, tzinfo=UTC)
    job = timetable.Job("x", "X", "", lambda *_: 0, period, {})
    assert job.slot(late_at_night) == slot


def test_when_a_job_is_due_and_was_due_is_known():
    weekly = timetable.Job("x", "X", "", lambda *_: 0, timetable.WEEK, {"day_of_week": "mon"})
    monday = datetime(2026, 11, 15, 16, 0, tzinfo=UTC)
    assert weekly.next_after(monday) == monday + 7 * DAY
    assert weekly.last_before(monday) == monday
    assert weekly.last_before(monday + 6 * DAY) == monday
    hourly = {"hour": "9-17", "minute": 0}
    at_work = timetable.Job("x", "X", "", lambda *_: 0, timedelta(hours=1), hourly)
    assert at_work.last_before(datetime(2026, 11, 20, 9, 40, tzinfo=UTC)) == datetime(
        2026, 11, 20, 9, 0, tzinfo=UTC
    )
    assert at_work.last_before(datetime(2026, 11, 20, 13, 0, tzinfo=UTC)) is None


@pytest.fixture
def job(app):
    """``job(name, function, period)`` registers a job for one test."""
    added = []

    def add(name, function, period=MINUTE, **when):
        timetable.job(name, "A job", period, **when or {"second": 0})(function)
        added.append(name)
        jobs.sync(app)

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
    assert (len(run.error), run.row_count) == (engine.ERROR_LENGTH, None)
    assert run.ended_at
    with app.app_context(), system_session() as session:
        mine = select(Message).filter_by(occasion="institution.result")
        assert session.scalar(mine) is None


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
app.extensions["settings"] = SimpleNamespace(
    public_url="http://127.0.0.1:8080", is_production=False, smtp_url="", sms_url=""
)
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
                until(lambda: state() == "sent", 60)
            process.send_signal(stop)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0, errors.decode()
    assert errors == b""


# --- a run whose process died -------------------------------------------------------------------


def changed(app, name, **values):
    """Change the run of a job as if time had passed."""
    with app.app_context(), system_session() as session:
        run = session.scalars(select(JobRun).filter_by(job=name)).one()
        for key, value in values.items():
            setattr(run, key, value)
        session.commit()


def row_of(app, name):
    with app.app_context(), system_session() as session:
        return session.scalars(select(ScheduledJob).filter_by(name=name)).one()


def claimed(app, name):
    """Claim the present slot and die."""
    with app.app_context(), system_session() as session:
        registered = jobs.registry[name]
        slot = registered.slot(datetime.now(UTC))
        return engine._planned(session, registered, slot)  # noqa: SLF001 - as a run begins


@pytest.mark.db
def test_a_run_whose_process_died_is_taken_over_when_its_lease_is_over(app, job):
    ran = []
    job("orphan", lambda *_: ran.append(1) or 1, DAY, hour=0)
    assert claimed(app, "orphan")
    assert jobs.run_job(app, "orphan") is None
    engine.pick_up(app)
    assert ran == []
    changed(app, "orphan", lease_until=datetime.now(UTC) - MINUTE)
    engine.pick_up(app)
    engine.pick_up(app)
    assert ran == [1]
    (run,) = runs(app, "orphan")
    assert (run.state, run.attempt, run.row_count) == ("done", 2, 1)


@pytest.mark.db
def test_who_lost_his_run_takes_back_what_he_did(app, job):
    def slow(session, _now):
        tell(session, "by the first")
        return 1

    job("lost", slow, DAY, hour=0)
    claim = claimed(app, "lost")
    changed(app, "lost", attempt=2)
    with app.app_context(), system_session() as session:
        lost = engine._carry_out(session, jobs.registry["lost"], claim, NOW)  # noqa: SLF001
        assert lost is None
        assert session.scalar(select(Message)) is None
    assert runs(app, "lost")[0].state == "running"


def test_a_run_that_ends_every_process_is_given_up(app, job):
    job("deadly", lambda *_: 1, DAY, hour=0)
    assert claimed(app, "deadly")
    changed(app, "deadly", attempt=engine.MOST_ATTEMPTS, lease_until=NOW - 9 * DAY)
    assert engine.pick_up(app) == 0
    (run,) = runs(app, "deadly")
    assert (run.state, run.error) == ("failed", "no attempt came to an end")


# --- missed --------------------------------------------------------------------------------------


def late(app, name, due):
    with app.app_context(), system_session() as session:
        mine = session.scalars(select(ScheduledJob).filter_by(name=name)).one()
        mine.next_run_at = due
        session.commit()


@pytest.mark.db
def test_after_downtime_only_the_latest_missed_slot_is_made_up_for(app, job):
    ran = []
    job("daily", lambda *_: ran.append(1) or 1, DAY, hour=0)
    late(app, "daily", datetime.now(UTC) - 5 * DAY)
    engine.pick_up(app)
    engine.pick_up(app)
    assert ran == [1]
    (run,) = runs(app, "daily")
    assert run.slot == jobs.registry["daily"].slot(datetime.now(UTC))
    assert row_of(app, "daily").next_run_at == run.slot + DAY


@pytest.mark.db
def test_a_slot_that_lies_more_than_a_period_back_has_lapsed(app, job):
    ran = []
    hour = datetime.now(UTC).astimezone(timetable.clock.SHANGHAI).hour
    job("hourly", lambda *_: ran.append(1), timedelta(hours=1), hour=(hour + 12) % 24)
    late(app, "hourly", datetime.now(UTC) - 12 * timedelta(hours=1))
    engine.pick_up(app)
    assert ran == []
    assert row_of(app, "hourly").next_run_at > datetime.now(UTC)


@pytest.mark.db
def test_of_many_schedulers_one_makes_up_for_a_slot(app, job):
    ran, ready = [], threading.Barrier(4)
    job("daily", lambda *_: ran.append(1) or 1, DAY, hour=0)
    late(app, "daily", datetime.now(UTC) - DAY)

    def work():
        ready.wait()
        engine.pick_up(app)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == [1]


# --- by hand -------------------------------------------------------------------------------------


def asked(app, name, *, dry_run=False):
    with app.app_context(), system_session() as session:
        board.ask(session, name, "李工", datetime.now(UTC), dry_run=dry_run)
        session.commit()


def switched(app, name, *, paused):
    with app.app_context(), system_session() as session:
        board.switch(session, name, datetime.now(UTC), paused=paused)
        session.commit()


@pytest.mark.db
def test_a_run_asked_for_is_carried_out_by_one_scheduler(app, job):
    ran = []
    job("wanted", lambda *_: ran.append(1) or 4, DAY, hour=0)
    asked(app, "wanted")
    assert row_of(app, "wanted").last_state == "waiting"
    with pytest.raises(DomainError, match="waiting or running already"):
        asked(app, "wanted")
    assert engine.pick_up(app) == 1
    assert engine.pick_up(app) == 0
    (run,) = runs(app, "wanted")
    assert (run.kind, run.state, run.row_count, run.asked_by) == ("asked", "done", 4, "李工")
    shown = row_of(app, "wanted")
    assert (shown.last_state, shown.row_count) == ("done", 4)
    asked(app, "wanted")
    assert engine.pick_up(app) == 1
    assert ran == [1, 1]


def test_a_run_that_nobody_began_within_an_hour_is_skipped(app, job):
    ran = []
    job("wanted", lambda *_: ran.append(1), DAY, hour=0)
    asked(app, "wanted")
    changed(app, "wanted", slot=datetime.now(UTC) - 2 * timedelta(hours=1))
    assert engine.pick_up(app) == 0
    assert ran == []
    assert runs(app, "wanted")[0].state == "skipped"


@pytest.mark.db
def test_a_dry_run_counts_and_shows_but_leaves_nothing(app, job):
    def do(session, now):
        for number in range(25):
            messages.tell(
                session, "account.code", "13800138000", {"code": "1", "minutes": 5}, f"x{number}",
                now, channel="sms",
            )  # fmt: skip
        session.add(JobMark(key="x", at=now))
        session.flush()
        return 25

    job("tried", do, DAY, hour=0)
    asked(app, "tried", dry_run=True)
    assert engine.pick_up(app) == 1
    (run,) = runs(app, "tried")
    assert (run.kind, run.state, run.row_count) == ("trial", "done", 25)
    assert len(run.told) == 20
    assert run.told[0] == ["account.code", "sms", "138****8000"]
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Message)) is None
        assert session.scalar(select(JobMark)) is None
    assert row_of(app, "tried").last_state is None
    assert jobs.run_job(app, "tried", NOW, dry_run=True) == 25
    assert jobs.run_job(app, "tried", NOW) == 25


@pytest.mark.db
def test_a_dry_run_of_a_job_that_commits_is_refused_and_leaves_nothing(app, job):
    def commits(session, _now):
        tell(session)
        session.commit()
        return 1

    job("commits", commits, DAY, hour=0)
    with pytest.raises(RuntimeError, match="commits nothing"):
        jobs.run_job(app, "commits", NOW, dry_run=True)
    assert runs(app, "commits")[0].state == "failed"
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Message)) is None
    with pytest.raises(DomainError, match="no dry run"):
        asked(app, "outbox.send", dry_run=True)
    with pytest.raises(ValueError, match="has no dry run"):
        jobs.run_job(app, "outbox.send", dry_run=True)


@pytest.mark.db
def test_a_paused_job_does_nothing_but_what_is_asked_for_by_hand(app, job):
    ran = []
    job("rests", lambda *_: ran.append(1) or 1, DAY, hour=0)
    job("worker", lambda *_: ran.append(1) or 1, None)
    for name in ("rests", "worker"):
        switched(app, name, paused=True)
        assert jobs.run_job(app, name) is None
    assert row_of(app, "rests").next_run_at is None
    assert engine.pick_up(app) == 0
    assert (ran, runs(app, "rests")) == ([], [])
    with pytest.raises(DomainError, match="Somebody else was quicker"):
        switched(app, "rests", paused=True)
    asked(app, "rests")
    assert engine.pick_up(app) == 1
    assert ran == [1]
    switched(app, "rests", paused=False)
    assert row_of(app, "rests").next_run_at > datetime.now(UTC)
    assert engine.pick_up(app) == 0
    assert jobs.run_job(app, "rests") == 1


def test_the_heartbeat_cannot_be_paused(app):
    with pytest.raises(DomainError, match="cannot be paused"):
        switched(app, BEAT, paused=True)


@pytest.mark.db
def test_a_job_that_fails_tells_the_administrators_once_a_day(app, job):
    def fail(*_):
        raise RuntimeError("no space left")

    job("fails", fail, timedelta(minutes=1))
    for minute in range(3):
        with pytest.raises(RuntimeError):
            jobs.run_job(app, "fails", NOW + minute * MINUTE)
    with app.app_context(), system_session() as session:
        told = session.scalars(select(Message).filter_by(channel="inapp")).all()
        (person,) = session.scalars(select(Person).filter_by(username="sysadmin"))
        assert [(m.occasion, m.user_id) for m in told] == [("job.failed", person.id)]
        assert told[0].context["opinion"] == "RuntimeError: no space left"
    assert row_of(app, "fails").last_state == "failed"


def test_the_health_page_says_how_old_the_last_beat_is(app):
    client = app.test_client()
    assert client.get("/health/ready").json == {
        "status": "ok", "scheduler": "silent", "scheduler_age": None
    }  # fmt: skip
    jobs.run_job(app, BEAT)
    ready = client.get("/health/ready").json
    assert ready["scheduler"] == "ok"
    assert 0 <= ready["scheduler_age"] < 60
    changed(app, BEAT, started_at=datetime.now(UTC) - timedelta(minutes=6))
    assert client.get("/health/ready").json["scheduler"] == "silent"
