"""Jobs that remind, warn and clear away: each step once, whoever runs them and however often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update

from app import access, jobs
from app.access import elevated
from app.extensions import system_session
from app.jobs import cleanup
from app.models import (
    AuditEntry,
    Captcha,
    FlowTask,
    JobMark,
    JobRun,
    LoginSession,
    Message,
    OneTimeToken,
    Person,
    ScheduledJob,
    Throttle,
    VerificationCode,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WEDNESDAY = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # ten o'clock in Shanghai
MIDNIGHT = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)  # the end of that Wednesday
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

task, person = FlowTask.__table__, Person.__table__
IS_OPEN = task.c.state == "open"


@pytest.fixture
def write(app):
    """``write(statement, …)`` in one transaction of the system."""

    def write(*statements):
        with app.app_context(), system_session() as session:
            rows = elevated(session, "a test")
            for statement in statements:
                rows.execute(statement)
            session.commit()

    return write


@pytest.fixture
def app(app):
    """The application, before any message; every open task has plenty of time."""
    with app.app_context(), system_session() as session:
        rows = access.elevated(session, "a test")
        rows.execute(delete(Message.__table__))
        rows.execute(delete(JobRun.__table__))
        rows.execute(update(task).values(due_at=WEDNESDAY + 99 * DAY).where(IS_OPEN))
        session.commit()
    return app


@pytest.fixture
def due(app, write):
    """``due(moment)`` sets the limit of one open task and returns it with its holders."""

    def due(moment, number=0):
        with app.app_context(), system_session() as session:
            keys = select(FlowTask.id).where(FlowTask.state == "open", FlowTask.role == "operator")
            key = session.scalars(keys.order_by(FlowTask.id)).all()[number]
        write(update(task).where(task.c.id == key).values(due_at=moment))
        return key

    return due


def told(app, occasion):
    """Receiver and context of every message on the platform, in order."""
    with app.app_context(), system_session() as session:
        mine = (
            select(Person.username, Message.context)
            .join(Message, Message.user_id == Person.id)
            .where(Message.occasion == occasion, Message.channel.in_(("inapp", "email")))
            .order_by(Message.id)
        )
        seen = {}
        for name, context in session.execute(mine):
            seen.setdefault(name, []).append(context)
        return seen


def run(app, name, now):
    return jobs.run_job(app, name, now)


# --- tasks ---------------------------------------------------------------------------------------


@pytest.mark.db
def test_a_task_is_reminded_of_once_when_two_working_days_remain(app, due):
    due(MIDNIGHT + 2 * DAY)
    assert run(app, "todo.remind", WEDNESDAY - DAY) == 0  # three days left
    assert run(app, "todo.remind", WEDNESDAY) == 1
    assert run(app, "todo.remind", WEDNESDAY + HOUR) == 0
    assert run(app, "todo.remind", WEDNESDAY + DAY) == 0
    reminded = told(app, "task.reminder")
    assert "operator" in reminded
    assert {context["days"] for contexts in reminded.values() for context in contexts} == {2}


@pytest.mark.db
def test_of_two_schedulers_with_clocks_apart_one_reminds(app, due):
    for number in range(2):
        due(MIDNIGHT + DAY, number)
    ready, counts = threading.Barrier(3), []

    def work(now):
        ready.wait()
        counts.append(run(app, "todo.remind", now) or 0)

    skewed = [WEDNESDAY - timedelta(seconds=90), WEDNESDAY, WEDNESDAY + HOUR]
    threads = [threading.Thread(target=work, args=(now,)) for now in skewed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 2
    with app.app_context(), system_session() as session:
        marks = select(func.count()).where(JobMark.key.startswith("todo.remind:"))
        assert session.scalar(marks.select_from(JobMark)) == 2


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 25, 0, 59, tzinfo=UTC),  # before nine
        datetime(2026, 11, 25, 10, 0, tzinfo=UTC),  # at six in the evening
        datetime(2026, 11, 28, 2, 0, tzinfo=UTC),  # on a Saturday
    ],
)
def test_nobody_is_reminded_outside_work_time(app, due, moment):
    due(moment + HOUR)
    due(moment - HOUR, 1)
    assert run(app, "todo.remind", moment) == 0
    assert run(app, "todo.overdue", moment) == 0
    assert told(app, "task.reminder") == {}


@pytest.mark.db
def test_an_overdue_task_is_told_on_the_first_second_and_fourth_working_day(app, due):
    due(MIDNIGHT - DAY)  # the end of Tuesday
    days = [WEDNESDAY + n * DAY for n in range(7)]  # Saturday and Sunday are the fourth and fifth
    counts = [run(app, "todo.overdue", day) for day in days]
    again = [run(app, "todo.overdue", day + HOUR) for day in days]
    assert counts == [1, 1, 0, 0, 0, 1, 0]
    assert again == [0] * 7
    assert [context["days"] for context in told(app, "task.overdue")["operator"]][::2] in (
        [1, 2, 4],
        [1, 4],
    )


@pytest.mark.db
def test_after_downtime_only_the_latest_level_is_told(app, due):
    due(MIDNIGHT - 9 * DAY)
    assert run(app, "todo.overdue", WEDNESDAY) == 1
    assert run(app, "todo.overdue", WEDNESDAY + HOUR) == 0
    assert {c["days"] for c in told(app, "task.overdue")["operator"]} == {7}


def test_a_task_that_comes_back_is_a_new_one(app, due, write):
    key = due(MIDNIGHT)
    assert run(app, "todo.remind", WEDNESDAY) == 1
    with app.app_context(), system_session() as session:
        row = dict(
            elevated(session, "a test")
            .execute(select(task).where(task.c.id == key))
            .mappings()
            .one()
        )
    del row["id"]
    write(
        update(task).where(task.c.id == key).values(state="void"),
        insert(task).values(**row | {"round": row["round"] + 1}),
    )
    assert run(app, "todo.remind", WEDNESDAY + HOUR) == 1


@pytest.mark.db
def test_a_paused_job_reminds_nobody_and_a_dry_run_leaves_nothing(app, due, write):
    due(MIDNIGHT)
    assert jobs.run_job(app, "todo.remind", WEDNESDAY, dry_run=True) == 1
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Message)) is None
        assert session.scalar(select(JobMark)) is None
        (trial,) = session.scalars(select(JobRun))
        assert ["task.reminder", "inapp", "operator"] in trial.told
    named = ScheduledJob.__table__.c.name == "todo.remind"
    write(update(ScheduledJob.__table__).where(named).values(state="paused"))
    assert run(app, "todo.remind", WEDNESDAY) is None
    write(update(ScheduledJob.__table__).where(named).values(state="active"))
    assert run(app, "todo.remind", WEDNESDAY) == 1


@pytest.mark.db
def test_reviewers_hear_once_a_day_how_many_certifications_wait_too_long(app, write):
    write(update(task).where(IS_OPEN).values(opened_at=WEDNESDAY - 20 * DAY))
    with app.app_context(), system_session() as session:
        waiting = select(func.count()).where(
            FlowTask.state == "open", FlowTask.role == "operator", FlowTask.flow == "accreditation"
        )
        count = session.scalar(waiting.select_from(FlowTask))
    assert count > 1
    assert run(app, "cert.pending", WEDNESDAY) >= 1
    assert run(app, "cert.pending", WEDNESDAY + HOUR) is None  # the slot of the day is taken
    assert told(app, "cert.pending")["operator"] == [{"count": count, "days": 3}]
    assert run(app, "cert.pending", WEDNESDAY + 3 * DAY) == 0  # Saturday
    assert run(app, "cert.pending", WEDNESDAY + DAY) >= 1
    write(update(task).where(IS_OPEN).values(opened_at=WEDNESDAY + DAY))
    assert run(app, "cert.pending", WEDNESDAY + 2 * DAY) == 0


# --- accounts ------------------------------------------------------------------------------------


def account(app, name):
    with app.app_context(), system_session() as session:
        return session.scalars(select(Person).filter_by(username=name)).one()


@pytest.mark.db
def test_staff_hear_of_their_password_a_week_before_and_when_it_has_expired(app, write):
    write(
        update(person).values(password_set_at=WEDNESDAY - 10 * DAY),
        update(person)
        .where(person.c.username.in_(("operator", "institution")))
        .values(password_set_at=WEDNESDAY),
    )
    counts = {
        days: run(app, "password.expire", WEDNESDAY + days * DAY) for days in (82, 83, 84, 90, 91)
    }
    assert [context["due"] for context in told(app, "account.password_expiring")["operator"]][
        -1
    ] == {"day": "2027-02-23"}
    assert "institution" not in told(app, "account.password_expiring")
    with app.app_context(), system_session() as session:
        key = account(app, "operator").id
        mine = JobMark.key.startswith(f"password.expire:{key}:")
        steps = [k.rpartition(":")[2] for k in session.scalars(select(JobMark.key).where(mine))]
    assert sorted(steps) == ["0", "7"]
    assert counts[83] >= 1
    assert counts[90] >= 1


@pytest.fixture
def unused(write):
    """``unused(name, last)``: everybody has just been here, but for one."""

    def unused(name, last):
        fresh = {"last_login": (MONDAY + 400 * DAY).replace(tzinfo=None)}
        old = {"last_login": last.replace(tzinfo=None), "email": "someone@example.org"}
        write(
            update(person).values(**fresh),
            update(person).where(person.c.username == name).values(**old),
        )

    return unused


@pytest.mark.db
def test_an_unused_account_is_warned_of_then_switched_off_and_never_deleted(app, write, unused):
    unused("institution2", MONDAY - 89 * DAY)
    key = account(app, "institution2").id
    login = {
        "token_hash": "x" * 64,
        "user_id": key,
        "created_at": MONDAY,
        "address": "",
        "agent": "",
    }
    write(insert(LoginSession.__table__).values(**login))
    weeks = [MONDAY + n * 7 * DAY for n in range(16)]
    counts = [run(app, "account.idle", week) for week in weeks]
    assert counts[:2] == [0, 1]
    assert counts[13] == 1  # 89 + 91 days
    assert sum(counts) == 2
    assert not account(app, "institution2").active
    with app.app_context(), system_session() as session:
        ended = session.scalars(select(LoginSession).filter_by(token_hash="x" * 64)).one()
        assert (ended.ended_at is not None, ended.end_reason) == (True, "off")
        noted = session.scalars(select(AuditEntry).where(AuditEntry.object_id == key)).all()
        assert [n.after for n in noted if n.detail.get("why")] == [{"active": False}]
        (mail,) = session.scalars(select(Message).filter_by(occasion="account.idle"))
        assert mail.context["due"] == {"day": "2027-02-22"}
    write(update(person).where(person.c.id == key).values(active=True))
    assert run(app, "account.idle", weeks[-1] + 7 * DAY) == 0
    assert account(app, "institution2").active


@pytest.mark.db
def test_nobody_is_switched_off_without_a_months_notice_or_as_the_last_of_his_role(app, unused):
    unused("sysadmin", MONDAY - 300 * DAY)
    assert run(app, "account.idle", MONDAY) == 1
    assert [run(app, "account.idle", MONDAY + n * 7 * DAY) for n in range(1, 9)] == [0] * 8
    assert account(app, "sysadmin").active


def test_an_account_that_was_never_used_counts_from_its_first_day(app, write):
    write(
        update(person).values(last_login=None, created_on=MONDAY.replace(tzinfo=None)),
        update(person)
        .where(person.c.username == "institution")
        .values(created_on=(MONDAY - 95 * DAY).replace(tzinfo=None)),
    )
    assert run(app, "account.idle", MONDAY) == 1


# --- what has expired ----------------------------------------------------------------------------


@pytest.mark.db
def test_what_has_expired_goes_in_batches_and_the_rest_stays(app, write, monkeypatch):
    monkeypatch.setattr(cleanup, "BATCH", 3)
    for model in (LoginSession, VerificationCode, OneTimeToken, Throttle, Captcha):
        write(delete(model.__table__))
    key = account(app, "operator").id
    ago, ahead = WEDNESDAY - 2 * DAY, WEDNESDAY + DAY
    logins = [
        {"token_hash": f"{n:064}", "user_id": key, "created_at": WEDNESDAY - 181 * DAY,
         "last_seen_at": WEDNESDAY - 181 * DAY, "ended_at": ended, "address": "", "agent": ""}
        for n, ended in enumerate([None] * 5 + [WEDNESDAY - 170 * DAY])
    ]  # fmt: skip
    write(
        insert(LoginSession.__table__).values(logins),
        insert(Captcha.__table__).values(
            [
                {"token_hash": f"{n:064}", "answer_hash": "x" * 64, "expires_at": ago}
                for n in range(4)
            ]
        ),
        insert(Captcha.__table__).values(token_hash="y" * 64, answer_hash="x", expires_at=ahead),
        insert(Throttle.__table__).values(key="old", stamps="", until=ago),
        insert(Throttle.__table__).values(key="new", stamps="", until=ahead),
    )
    ten = timedelta(minutes=10)
    assert [run(app, "session.cleanup", WEDNESDAY + n * ten) for n in range(3)] == [3, 2, 0]
    assert [run(app, "captcha.cleanup", WEDNESDAY + n * ten) for n in range(3)] == [3, 1, 0]
    assert run(app, "otp.cleanup", WEDNESDAY) == 1
    assert run(app, "otp.cleanup", WEDNESDAY) is None
    with app.app_context(), system_session() as session:
        assert session.scalars(select(Throttle.key)).all() == ["new"]
        assert session.scalars(select(Captcha.token_hash)).all() == ["y" * 64]
        assert len(session.scalars(select(LoginSession)).all()) == 1
