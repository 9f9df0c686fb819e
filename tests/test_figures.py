"""Statistics (统计分析): what the jobs count is what an exact count finds, and pages read that."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.extensions import system_session
from app.jobs import run_job
from app.models import (
    Demand,
    FigureMark,
    Filing,
    LifeEvent,
    LoginSession,
    Membership,
    MonthFigure,
    Organization,
    Sleeper,
)
from app.services import figures
from app.views import charts

COUNTED = ("demands", "contacted", "won", "lost", "filed", "filings", "amount", "answer_minutes")
BUCKETS = ("answers_4h", "answers_1d", "answers_3d", "answers_later")


def exact(session) -> Counter:
    """Every figure, counted in Python from every row."""
    found: Counter = Counter()
    approved = session.scalars(select(Filing).where(Filing.state == "approved")).all()
    sources = {filing.demand_id for filing in approved}
    for demand in session.scalars(select(Demand)):
        key = figures.month_of(demand.created_at), demand.category
        found[*key, "demands"] += 1
        if demand.first_contact_at:
            taken = demand.first_contact_at.replace(microsecond=0) - demand.created_at.replace(
                microsecond=0
            )
            hours = taken / timedelta(hours=1)
            found[*key, "contacted"] += 1
            bucket = sum(hours > limit for limit in (4, 24, 72))
            found[*key, BUCKETS[bucket]] += 1
        for state in ("won", "lost"):
            found[*key, state] += demand.state == state
        found[*key, "filed"] += demand.id in sources
    for filing in approved:
        key = figures.month_number(filing.signed_on), filing.category
        found[*key, "filings"] += 1
        found[*key, "amount"] += filing.amount
    return found


def kept(session) -> Counter:
    """The same out of the table of figures."""
    names = [name for name in (*COUNTED, *BUCKETS) if name != "answer_minutes"]
    return Counter(
        {
            (row.month, row.category, name): getattr(row, name)
            for row in session.scalars(select(MonthFigure))
            for name in names
        }
    )


def raise_demands(session, now, dice, ages) -> None:
    """Demands of these ages, some of them answered, with the data of the demonstration's first."""
    first = session.scalars(select(Demand).order_by(Demand.id)).first()
    names = ("target_kind", "target_name", "enterprise_name", "user_id", "title", "description",
             "contact_name", "contact_phone", "organization_id")  # fmt: skip
    values = {name: getattr(first, name) for name in names}
    count = session.scalar(select(func.max(Demand.id)))
    for number, age in enumerate(ages, count):
        raised = now - age
        spoke = raised + timedelta(hours=dice.choice((1, 4, 24, 30, 72, 200)), seconds=59)
        session.add(
            Demand(
                number=f"XQ-T-{number}", category=dice.choice(("sz01", "zx01")), created_at=raised,
                turn_at=raised, first_contact_at=dice.choice((None, spoke)), **values,
            )
        )  # fmt: skip
    session.flush()


def settle(session, now, dice) -> None:
    """Some demands of any age end, as a step of their life; a transaction comes and one goes."""
    rows = session.connection()
    every = session.scalars(select(Demand.id)).all()
    moved = dict.fromkeys(dice.sample(every, 5), "demand")
    change = update(Demand.__table__).where(Demand.id.in_(moved))
    rows.execute(change.values(state=dice.choice(("won", "lost", "closed"))))
    filings = session.scalars(select(Filing).order_by(Filing.id)).all()
    gone, come = dice.sample(filings, 2)
    for filing, state in ((gone, "void"), (come, "approved")):
        this = update(Filing.__table__).where(Filing.id == filing.id)
        rows.execute(this.values(state=state, approved_at=now))
    steps = [*moved.items(), (gone.id, "filing")]
    for key, kind in steps:
        event = {"kind": kind, "subject_id": key, "at": now, "action": "x", "source": "x",
                 "target": "x", "actor_name": "", "opinion": "", "detail": {}}  # fmt: skip
        rows.execute(LifeEvent.__table__.insert().values(event))


@pytest.mark.db
def test_what_is_counted_as_it_changes_equals_an_exact_count(app):
    now, dice = clock.now(), random.Random(7)  # noqa: S311 - any fixed order does
    with app.app_context(), system_session() as session:
        assert +kept(session) == +exact(session)
        ages = [timedelta(days=dice.randrange(400)) for _ in range(40)]
        raise_demands(session, now, dice, ages)
        session.commit()
    run_job(app, "figures.recount", now)
    for number in range(1, 4):
        later = now + timedelta(minutes=10 * number)
        with app.app_context(), system_session() as session:
            raise_demands(session, later, dice, [timedelta(minutes=m) for m in range(5)])
            settle(session, later, dice)
            session.commit()
            assert +kept(session) != +exact(session)
        run_job(app, "figures.count", later)
        with app.app_context(), system_session() as session:
            assert +kept(session) == +exact(session)
    run_job(app, "figures.recount", now + timedelta(days=1))
    with app.app_context(), system_session() as session:
        assert +kept(session) == +exact(session)


@pytest.mark.db
def test_an_institution_of_which_nothing_is_heard_is_found(app, sign_in, actor_of):
    now = clock.now()
    house = actor_of("institution").organization_id
    with app.app_context(), system_session() as session:
        rows = session.connection()
        long_ago = now - timedelta(days=100)
        people = select(Membership.user_id).where(Membership.organization_id == house)
        table = LoginSession.__table__
        rows.execute(update(table).where(table.c.user_id.in_(people)).values(last_seen_at=long_ago))
        for model, column in ((Demand, "last_contact_at"), (Filing, "submitted_at")):
            rows.execute(
                update(model.__table__).where(model.organization_id == house)
                .values({column: long_ago})
            )  # fmt: skip
        rows.execute(
            update(Organization.__table__).where(Organization.id == house)
            .values(created_at=long_ago)
        )  # fmt: skip
        session.commit()
    run_job(app, "figures.recount", now)
    with app.app_context(), system_session() as session:
        asleep = set(session.scalars(select(Sleeper.organization_id)))
        assert house in asleep
        total = session.scalar(select(FigureMark.value).where(FigureMark.name == figures.ASLEEP))
        assert total == len(asleep)
        name = session.get_one(Organization, house).name
    assert name in sign_in("operator").get("/dashboard/").text
    sign_in("institution")  # and is awake again
    run_job(app, "figures.recount", now + timedelta(days=1))
    with app.app_context(), system_session() as session:
        assert house not in set(session.scalars(select(Sleeper.organization_id)))


def test_the_dashboard_shows_and_exports_what_was_counted(app, sign_in):
    staff = sign_in("operator")
    page = staff.get("/dashboard/").text
    for words in ("统计分析", "从需求到备案", "首次响应时间", "按服务类别统计", "活跃度排名"):
        assert words in page
    assert "<svg" in page
    assert " style=" not in page
    with app.app_context(), system_session() as session:
        year = figures.back(figures.month_of(clock.now()), 11)
        total = session.scalar(
            select(func.sum(MonthFigure.demands)).where(MonthFigure.month >= year)
        )
        codes = set(session.scalars(select(MonthFigure.category)))
    assert f'<strong class="figure-value">{total:,}</strong>' in page
    some = staff.get(f"/dashboard/?span=3&category={min(codes)}")
    assert some.status_code == 200
    assert "按服务类别统计" not in some.text
    assert staff.get("/dashboard/?span=x&category=%00").status_code == 200
    lines = staff.get("/dashboard/figures.csv?span=24").text.strip().splitlines()
    assert lines[0].startswith("\ufeff月份,服务类别")
    assert len(lines) > 3
    assert sign_in("auditor").get("/dashboard/").status_code == 200


@pytest.mark.parametrize(
    ("role", "words", "missing"),
    [
        ("institution", ("在架产品", "待对接需求", "顾问数", "本月交易额（元）"), "待分派需求"),
        ("enterprise", ("我的需求", "待评价", "提交需求"), "在架产品"),
        ("operator", ("待我审批", "待分派需求", "超时需求", "统计分析"), "在架产品"),
        ("consultant", ("待对接需求", "对接中", "已成交"), "待分派需求"),
    ],
)  # fmt: skip
def test_the_workbench_shows_each_role_its_own_side(sign_in, statements, role, words, missing):
    client = sign_in(role)
    client.get("/workbench/")
    statements.clear()
    page = client.get("/workbench/").text
    assert len(statements) <= 12
    for word in words:
        assert word in page, word
    assert missing not in page


def test_columns_stand_below_a_round_number():
    chart = charts.columns(["a", "b"], [("x", [0, 70]), ("y", [35, 7])])
    assert [tick.text for tick in chart.ticks] == ["0", "20", "40", "60", "80"]
    tall = {bar.text: bar.height for bar in chart.bars}
    assert tall["b x 70"] == pytest.approx(2 * tall["a y 35"], abs=0.2)
    assert len(chart.bars) == 3
    assert charts.columns([], []).bars == []


def test_months_follow_each_other():
    assert list(figures.months(202511, 202602)) == [202511, 202512, 202601, 202602]
    assert figures.back(202601, 1) == 202512
    assert figures.back(202611, 11) == 202512
    assert figures.month_number(date(2026, 1, 31)) == 202601
