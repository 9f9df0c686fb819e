"""The activity score (活跃度): every point is an entry, caps hold, the board follows from both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app import jobs
from app.extensions import system_session
from app.models import (
    Organization,
    ScoreEntry,
    ScoreFormula,
    ScoreMonth,
    ScoreStanding,
    ScoreTotal,
)
from app.services import ranking, scores

entry, total, standing = ScoreEntry.__table__, ScoreTotal.__table__, ScoreStanding.__table__
MONTH = datetime(2031, 3, 10, 4, tzinfo=UTC)
FORMULA = SimpleNamespace(
    **{
        column.name: column.default.arg
        for column in ScoreFormula.__table__.columns
        if column.default is not None and column.default.is_scalar
    }
)


@pytest.mark.parametrize(
    ("item", "quantity", "yuan", "points"),
    [
        ("profile", 80, 0, 8),
        ("product_special", 4, 0, 12),
        ("demand_intime", 1, 0, 3),
        ("demand_late", 1, 0, -2),
        ("demand_won", 1, 0, 5),
        ("tx_count", 1, 0, 5),
        ("tx_amount", 1, 25_000, 2.5),
        ("tx_amount", 1, 500_000, 50),
        ("tx_amount", 1, 1_000_000, 60),
        ("tx_amount", 1, 4_000_000, 80),
        ("rating", 5, 0, 3),
        ("rating", 4, 0, 2),
        ("rating", 3, 0, 0),
        ("rating", 2, 0, -2),
        ("rating", 1, 0, -4),
        ("rating_given", 1, 0, 1),
        ("activity_host", 0, 0, 10),
        ("activity_undertake", 29, 0, 10),
        ("activity_assist", 700, 0, 10),
        ("stale", 1, 0, -5),
    ],
)
def test_the_formula_gives_the_points_of_the_manual(item, quantity, yuan, points):
    assert scores.ITEMS[item].raw(FORMULA, quantity, yuan * 100) == points * 100


def grant(rows, item, organization_id, source_id, now=MONTH, **more):
    return scores.grant(
        rows, item, organization_id, source="test", source_id=source_id, now=now, **more
    )


def points_of(rows, organization_id, period=203103):
    mine = total.c.organization_id == organization_id, total.c.kind == "institution"
    return rows.scalar(select(func.sum(total.c.points)).where(*mine, total.c.period == period))


@pytest.mark.db
def test_a_cap_makes_room_again_when_an_entry_is_reversed(app, actor_of):
    place = actor_of("institution").organization_id
    with app.app_context(), system_session() as session:
        rows = session.connection()
        given = [grant(rows, "rating_given", place, number) for number in range(12)]
        assert given == [100] * 10 + [0, 0]
        assert grant(rows, "rating_given", place, 3) == 0  # a source earns once
        assert points_of(rows, place) == 1000

        later = datetime(2031, 4, 2, 4, tzinfo=UTC)
        assert scores.reverse(rows, "test", 0, later) == 0  # the twelfth moves up
        assert points_of(rows, place) == 1000
        assert scores.reverse(rows, "test", 1, later) == 0
        assert scores.reverse(rows, "test", 2, later) == 100
        assert scores.reverse(rows, "test", 2, later) == 0
        assert points_of(rows, place) == 900
        assert points_of(rows, place, 203104) is None  # it counts in the month of its cause
        assert grant(rows, "rating_given", place, 2) == 100  # what was taken back may be earned

        backs = rows.execute(
            select(entry).where(entry.c.reverses_id > 0, entry.c.source == "test")
        ).all()
        assert [row.raw for row in backs] == [-100, -100, -100]
        assert {row.at for row in backs} == {later}
        session.commit()
        for statement in ("UPDATE score_entry SET points = 1", "DELETE FROM score_entry"):
            with pytest.raises(DBAPIError, match="append-only"):
                session.execute(text(statement))
            session.rollback()


@pytest.mark.db
def test_grants_at_once_never_pass_the_cap(app, actor_of):
    place, start = actor_of("institution").organization_id, Barrier(8)

    def give(number):
        with app.app_context(), system_session() as session:
            start.wait()
            for source in (2 * number, 2 * number + 1):
                grant(session.connection(), "rating_given", place, source)
                session.commit()

    threads = [Thread(target=give, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with app.app_context(), system_session() as session:
        rows = session.connection()
        assert points_of(rows, place) == 1000
        mine = entry.c.source == "test"
        assert rows.scalar(select(func.count()).where(mine)) == 16
        assert rows.scalar(select(func.sum(entry.c.points)).where(mine)) == 1000


@pytest.mark.db
def test_the_board_from_scratch_equals_the_running_totals(app, actor_of):
    """S4-12: ties go to the busier one, months count less with age, what is wrong is mended."""
    first, second = (actor_of(name).organization_id for name in ("institution", "institution2"))
    april = datetime(2031, 4, 10, 4, tzinfo=UTC)
    with app.app_context(), system_session() as session:
        rows = session.connection()
        for number in range(5):
            grant(rows, "tx_count", first, number)
            grant(rows, "tx_amount", first, number, amount=300_000_00 * (number + 1))
            grant(rows, "rating", second, number, april, quantity=5 - number)
        grant(rows, "demand_late", second, 9, april)
        scores.reverse(rows, "test", 4, april, item="tx_count")
        assert scores.settle(rows, 203001) == 0

        rows.execute(update(total).where(total.c.heading == "tx_count").values(points=7))
        rows.execute(delete(total).where(total.c.heading == "rating"))
        stray = scores.Subject(second).values | {"period": 203104, "heading": "stale"}
        rows.execute(insert(total).values(**stray, raw=-5, points=-5, quantity=1, entries=1))
        assert scores.settle(rows, 203001) == 3
        assert scores.settle(rows, 203001) == 0
        assert points_of(rows, first) == 4 * 500 + 20000

        board = {place.subject.organization_id: place for place in _board(rows, 203104)}
        assert board[first].score == 19800
        assert board[first].trades == 4
        assert board[second].score == 300 + 200 + 0 - 200 - 400 - 200
        assert board[second].stars == 300
        assert [p.rank for p in _board(rows, 203104)] == list(range(1, len(board) + 1))
        session.rollback()


def _board(rows, period):
    return ranking.board(rows, "institution", period)


@pytest.mark.db
def test_the_nightly_job_closes_a_month_once(app, actor_of):
    """Job 26: of two schedulers one does it; a correction later leaves the closed month alone."""
    place, now = actor_of("institution").organization_id, datetime.now(UTC)
    period = scores.period_of(now)
    following = scores.months_before(period, -1)
    night = datetime(following // 100, following % 100, 1, 18, 40, tzinfo=UTC)
    with app.app_context(), system_session() as session:
        before = points_of(session.connection(), place, period)
        grant(session.connection(), "tx_count", place, 1, now)
        session.commit()
    threads = [Thread(target=jobs.run_job, args=(app, "score.rank", night)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    months = ScoreMonth.__table__.c
    mine = months.period == period, months.kind == "institution", months.subject_id == place
    with app.app_context(), system_session() as session:
        rows = session.connection()
        (closed,) = rows.execute(select(months.points, months.rank).where(*mine)).all()
        assert closed.points == before + 500
        told = "SELECT count(*) FROM message WHERE occasion = 'score.monthly'"
        pool = Organization.__table__.c.institution_state == "in_pool"
        assert rows.scalar(text(told)) == rows.scalar(select(func.count()).where(pool))
        once = entry.c.item == "profile", entry.c.organization_id == place
        assert rows.scalar(select(func.count()).where(*once, entry.c.period == following)) == 1

        trades = select(standing.c.trades).where(
            standing.c.kind == "institution", standing.c.subject_id == place
        )
        filed = rows.scalar(trades)
        scores.reverse(rows, "test", 1, night)
        session.commit()
        jobs.scores.rank(session, night + timedelta(days=1))
        session.commit()
        again = session.execute(select(months.points, months.rank).where(*mine)).all()
        assert again == [closed]
        assert session.scalar(trades) == filed - 1
        assert session.scalar(trades.with_only_columns(standing.c.previous)) == closed.rank


# --- the pages ------------------------------------------------------------------------------


@pytest.mark.db
def test_an_institution_reads_every_point_and_nobody_elses(app, sign_in, actor_of):
    """S4-12: its place, the months, the entries with their caps; others' are not for it."""
    place, other = (actor_of(n).organization_id for n in ("institution", "institution2"))
    now = datetime.now(UTC)
    with app.app_context(), system_session() as session:
        for number in range(12):
            grant(session.connection(), "rating_given", place, number, now, note="阀门改造")
        session.commit()
    client = sign_in("institution")
    page = client.get(client.get("/ranking/").location).text
    assert "评价企业" in page
    assert "按公式+1.00，受当月上限计+0.00" in page
    assert "阀门改造" in page
    assert "资料尚缺" in page
    assert client.get(f"/ranking/institution/{other}/").status_code == 404
    assert client.get("/ranking/nobody/1/").status_code == 404
    entries = client.get("/scores/list/").text
    assert "阀门改造" in entries
    with app.app_context(), system_session() as session:
        grant(session.connection(), "tx_count", other, 77, now, note="别家的交易")
        session.commit()
    assert "别家的交易" not in client.get("/scores/list/").text
    staff = sign_in("operator")
    assert "别家的交易" in staff.get("/scores/list/").text
    assert staff.get(f"/ranking/institution/{other}/").status_code == 200
    assert staff.get("/ranking/").location.endswith("/ranking/list/")
    assert "望澜" in staff.get("/ranking/list/?tab=institution").text


@pytest.mark.db
def test_the_public_board_shows_places_and_closed_months(app, sign_in):
    anybody = sign_in(None)
    page = anybody.get("/market/board/").text
    assert "活跃度排名" in page
    assert "board-first" in page
    with app.app_context(), system_session() as session:
        month = session.scalar(select(func.max(ScoreMonth.period)))
        first = session.scalar(
            select(ScoreMonth.name).where(
                ScoreMonth.period == month, ScoreMonth.rank == 1, ScoreMonth.kind == "institution"
            )
        )
    assert first in anybody.get(f"/market/board/?month={month}").text
    for odd in ("month=1", "month=x", "kind=x", "at=x", "kind=consultant&month=209901"):
        assert anybody.get(f"/market/board/?{odd}").status_code == 200


@pytest.mark.db
def test_weights_are_tried_before_they_count_from_the_next_month_on(app, sign_in, actor_of):
    place = actor_of("institution2").organization_id
    now = datetime.now(UTC)
    with app.app_context(), system_session() as session:
        for number in range(30):
            grant(session.connection(), "demand_won", place, number, now)
        session.commit()
    staff = sign_in("operator")
    form = BeautifulSoup(staff.get("/formulas/add/").text, "html.parser")
    typed = {i["name"]: i.get("value", "") for i in form.select("form[method=post] input[name]")}
    typed = {name: value for name, value in typed.items() if not name.startswith("csrf")}
    assert typed["won_points"] == "5.00"
    bad = staff.post("/formulas/add/", data=typed | {"decay_percent": "120", "won_points": "-1"})
    assert bad.status_code == 400
    for weight in ("1e9", "NaN", "10000.01"):  # a sum of them would be more than is stored
        bad = staff.post("/formulas/add/", data=typed | {"won_points": weight})
        assert bad.status_code == 400, weight
    assert staff.post("/formulas/add/", data=typed | {"amount_step": "0.01"}).status_code == 400
    answer = staff.post("/formulas/add/", data=typed | {"won_points": "50", "note": "鼓励成交"})
    preview = staff.get(answer.location).text
    assert "需求成交" in preview
    assert "5.00" in preview
    assert "50.00" in preview
    assert "↑" in preview
    assert "↓" in preview
    key = answer.location.rstrip("/").rsplit("/", 1)[1]
    assert sign_in("institution").get(f"/formulas/show/{key}/").status_code == 404
    assert "鼓励成交" not in sign_in("institution").get("/formulas/list/").text

    assert staff.post(f"/formulas/publish/{key}/").status_code == 302
    assert staff.post(f"/formulas/publish/{key}/").status_code == 409
    assert staff.get(f"/formulas/edit/{key}/").status_code == 404
    assert "鼓励成交" in sign_in("institution").get("/formulas/list/").text
    with app.app_context(), system_session() as session:
        rows = session.connection()
        period = scores.period_of(now)
        assert scores.formula_of(rows, period).name == "A1"
        following = scores.months_before(period, -1)
        assert scores.formula_of(rows, following).won_points == 5000
