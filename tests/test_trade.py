"""Transactions are filed, reviewed and voided (S4-12); both sides rate each other (S4-13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.extensions import system_session
from app.jobs import run_job
from app.models import Filing, Organization, Rating, RatingScore, RatingTotal, ScoreEntry
from app.services import ratings
from app.services.demo import credit_code
from app.services.ratings import TO_PROVIDER
from tests.test_certification import decided, number_in, of, problems, told, uploaded
from tests.test_demands import raised, said
from tests.test_imports import sent, sheet

pytestmark = pytest.mark.db

HEADS = (
    "采购企业", "采购企业统一社会信用代码", "企业联系人", "企业联系电话", "交易产品", "服务类别",
    "交易金额（元）", "签订日期",
)  # fmt: skip

BUYER = "望澜恒锐阀门制造有限公司"
STARS = {f"stars_{code}": "5" for code in ("quality", "ability", "speed", "attitude", "price")}
OF_BUYER = {"stars_clear": "4", "stars_coop": "5", "stars_pay": "5"}


def filing(app: Any, client: Any, **changes: Any) -> dict[str, Any]:
    buyer = of(app, select(Organization).where(Organization.name == BUYER))
    typed = {
        "kind": "park",
        "buyer_name": BUYER,
        "buyer_credit_code": buyer.credit_code,
        "buyer_contact": "方圆",
        "buyer_phone": "12000000170",
        "product_kind": "free",
        "service_name": "设备联网改造",
        "category": "sz04",
        "amount": "128,000.50",
        "signed_on": str(clock.local_day(clock.now()) - timedelta(days=20)),
    }
    if "contract_files" not in changes:
        typed["contract_files"] = uploaded(client, "document")
    return typed | changes


def filed(app: Any, client: Any, operator: Any, **changes: Any) -> int:
    """A transaction that the operator approved; its key."""
    number = number_in(client.post("/filings/add/", data=filing(app, client, **changes)))
    assert decided(app, operator, number, "approve").status_code == 302
    return int(of(app, select(func.max(Filing.id))))


def rating_of(app: Any, filing_id: int, direction: str) -> Rating:
    mine = Rating.filing_id == filing_id, Rating.direction == direction
    return of(app, select(Rating).where(*mine))


def points(app: Any, source: str, source_id: int) -> int:
    ours = ScoreEntry.source == source, ScoreEntry.source_id == source_id
    with app.app_context(), system_session() as session:
        return session.scalar(select(func.coalesce(func.sum(ScoreEntry.points), 0)).where(*ours))


def test_a_filed_transaction_counts_once_and_no_longer_when_it_is_voided(app, sign_in, actor_of):
    house, operator = sign_in("institution"), sign_in("operator")
    assert "交易备案" in house.get("/filings/list/").text
    assert "提交备案" in house.get("/filings/add/").text

    key = filed(app, house, operator)
    stored = of(app, select(Filing).where(Filing.id == key))
    assert (stored.state, stored.amount) == ("approved", 12_800_050)
    assert stored.buyer_id == actor_of("enterprise").organization_id
    gained = points(app, "filing", key)
    assert gained > 0
    assert told(app, "transaction.approved")[-1][2] == "institution"
    page = house.get("/filings/list/?tab=approved").text
    assert "128,000.50" in page
    assert "合计" in page

    again = house.post("/filings/add/", data=filing(app, house, service_name="设备 联网改造"))
    assert again.status_code == 400
    assert "JY-" in " ".join(problems(again))
    sent = filing(app, house, amount="1,000,000.01")
    assert "发票" in " ".join(problems(house.post("/filings/add/", data=sent)))
    seller = of(app, select(Organization).where(
        Organization.id == actor_of("institution").organization_id))  # fmt: skip
    sent = filing(app, house, buyer_credit_code=seller.credit_code)
    assert "自己" in " ".join(problems(house.post("/filings/add/", data=sent)))

    assert house.get(f"/filings/void/{key}/").status_code in {302, 403}
    assert operator.post(f"/filings/void/{key}/", data={"reason": ""}).status_code == 400
    done = operator.post(f"/filings/void/{key}/", data={"reason": "合同系伪造。"})
    assert done.status_code == 302
    shown = house.get(f"/filings/show/{key}/").text
    assert "已作废" in shown
    assert "合同系伪造。" in shown
    assert points(app, "filing", key) == 0
    assert {row[0] for row in told(app, "transaction.voided")} >= {"inapp"}
    assert rating_of(app, key, "buyer_to_provider").state == "closed"
    assert operator.get(f"/filings/void/{key}/").status_code == 302
    # Voided, it may be filed anew.
    number_in(house.post("/filings/add/", data=filing(app, house)))


def test_both_sides_rate_once_and_read_each_other_then(app, sign_in):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    ours = rating_of(app, key, "provider_to_buyer").id
    theirs = rating_of(app, key, "buyer_to_provider").id
    waiting = house.get("/ratings/waiting/list/").text
    assert "设备联网改造" in waiting
    assert "对企业的评价" in waiting
    assert "我评价的" in buyer.get("/ratings/waiting/list/").text

    form = house.get(f"/ratings/rate/{ours}/").text
    assert "履约付款" in form
    assert "checked" not in form.split('class="stars"', 1)[1].split("</form>")[0]
    assert house.get(f"/ratings/rate/{theirs}/").status_code == 404
    missing = house.post(f"/ratings/rate/{ours}/", data={"stars_clear": "5"})
    assert missing.status_code == 400
    low = dict.fromkeys(OF_BUYER, "2")
    assert "2星" in house.post(f"/ratings/rate/{ours}/", data=low).text
    assert house.post(f"/ratings/rate/{ours}/", data=OF_BUYER).status_code == 302
    assert of(app, select(Rating.score).where(Rating.id == ours)) == 470
    # Not read before the other side has spoken; nor twice given.
    assert buyer.get(f"/ratings/show/{ours}/").status_code == 404
    assert "设备联网改造" in house.get("/ratings/given/list/").text
    again = house.post(f"/ratings/rate/{ours}/", data=OF_BUYER)
    assert again.location.endswith(f"/ratings/show/{ours}/")

    said = STARS | {"text": "响应及时，效果明显。", "tags": ["t01", "t03"], "is_anonymous": "1"}
    assert buyer.post(f"/ratings/rate/{theirs}/", data=said).status_code == 302
    assert "★ 4.7" in buyer.get("/ratings/received/list/").text
    page = house.get(f"/ratings/show/{theirs}/").text
    assert "响应及时，效果明显。" in page
    assert "专业高效" in page
    heard = [row[2] for row in told(app, "rating.received") if row[0] == "inapp"]
    assert heard[-2:] == ["institution", "enterprise"]
    assert points(app, "rating", theirs) == 300


def test_a_reply_and_a_remark_are_given_once_and_staff_hide_with_a_reason(app, sign_in, actor_of):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    theirs = rating_of(app, key, "buyer_to_provider").id
    said = STARS | {"text": "好。", "is_anonymous": "1"}
    assert buyer.post(f"/ratings/rate/{theirs}/", data=said).status_code == 302
    run_job(app, "rating.invite", clock.now() + timedelta(days=15))
    assert house.post(f"/ratings/reply/{theirs}/", data={"text": "感谢支持！"}).status_code == 302
    assert "已经" in house.post(f"/ratings/reply/{theirs}/", data={"text": "再说"}).text
    more = {"text": "用了一月，好。"}
    assert buyer.post(f"/ratings/remark/{theirs}/", data=more).status_code == 302
    shown = buyer.get(f"/ratings/show/{theirs}/").text
    assert "感谢支持！" in shown
    assert "用了一月，好。" in shown

    house_id = actor_of("institution").organization_id
    with app.app_context(), system_session() as session:
        rows = session.connection()
        before = ratings.summary(rows, house_id)
        (voice, *_rest) = ratings.public(rows, house_id)
        assert voice.name == "望**司"
        assert exact(session, house_id) == (before.count, before.score)

    hidden = {"reason": "false", "note": "经电话核实"}
    assert house.post(f"/ratings/hide/{theirs}/", data=hidden).status_code in {302, 403}
    assert of(app, select(Rating.state).where(Rating.id == theirs)) == "shown"
    assert operator.post(f"/ratings/hide/{theirs}/", data=hidden).status_code == 302
    assert house.get(f"/ratings/show/{theirs}/").status_code == 404
    assert points(app, "rating", theirs) == 0
    with app.app_context(), system_session() as session:
        after = ratings.summary(session.connection(), house_id)
        assert after.count == before.count - 1
    assert operator.post(f"/ratings/restore/{theirs}/", data={"note": "误判"}).status_code == 302
    assert points(app, "rating", theirs) == 300


def exact(session: Any, organization_id: int) -> tuple[int, int]:
    """How many ratings count for an institution, and their mean, from the rows themselves."""
    ours = (
        Rating.organization_id == organization_id,
        Rating.direction == "buyer_to_provider",
        Rating.state == "shown",
    )
    count, total = session.execute(
        select(func.count(), func.coalesce(func.sum(Rating.score), 0)).where(*ours)
    ).one()
    return count, total // count if count else 0


def test_ratings_are_asked_for_shown_and_closed_by_the_days(app, sign_in):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    ours = rating_of(app, key, "provider_to_buyer").id
    theirs = rating_of(app, key, "buyer_to_provider").id
    now = clock.now()
    run_job(app, "rating.invite", now + timedelta(days=1, hours=1))
    asked = [row for row in told(app, "rating.invite") if row[1].startswith(f"rate:{key}:")]
    assert {row[2] for row in asked if row[0] == "inapp"} == {"institution", "enterprise"}
    assert len([row for row in asked if row[0] == "inapp"]) == 2

    assert house.post(f"/ratings/rate/{ours}/", data=OF_BUYER).status_code == 302
    run_job(app, "rating.invite", now + timedelta(days=13))
    assert of(app, select(Rating.state).where(Rating.id == ours)) == "hidden_pair"
    run_job(app, "rating.invite", now + timedelta(days=15))
    assert of(app, select(Rating.state).where(Rating.id == ours)) == "shown"

    run_job(app, "rating.invite", now + timedelta(days=61))
    closed = of(app, select(Rating).where(Rating.id == theirs))
    assert (closed.state, closed.score) == ("closed", None)
    late = buyer.post(f"/ratings/rate/{theirs}/", data=STARS)
    assert late.location.endswith(f"/ratings/show/{theirs}/")
    count = len(told(app, "rating.invite"))
    run_job(app, "rating.invite", now + timedelta(days=61))
    assert len(told(app, "rating.invite")) == count


def test_a_buyer_that_registers_later_finds_its_transactions(app, sign_in, actor_of):
    house, operator = sign_in("institution"), sign_in("operator")
    key = filed(app, house, operator)
    enterprise = actor_of("enterprise").organization_id
    with app.app_context(), system_session() as session:
        for model in (Filing, Rating):
            session.execute(update(model).values(buyer_id=None))
        session.commit()
    assert "设备联网改造" not in sign_in("enterprise").get("/ratings/waiting/list/").text
    run_job(app, "rating.invite", clock.now())
    assert of(app, select(Filing.buyer_id).where(Filing.id == key)) == enterprise
    assert "设备联网改造" in sign_in("enterprise").get("/ratings/waiting/list/").text


def test_an_ordinary_user_rates_what_came_of_his_own_demand(app, sign_in, actor_of):
    """S4-1, S4-13: an enterprise outside the park asks and rates as an ordinary user."""
    visitor, house, operator = (sign_in(n) for n in ("visitor", "institution", "operator"))
    demand = raised(app, visitor, f"institution={actor_of('institution').organization_id}")
    assert said(house, demand, "won", amount="9800").status_code == 302
    outside = {"buyer_name": "外地精铸有限公司", "buyer_credit_code": credit_code("77")}
    key = filed(app, house, operator, demand=str(demand.id), amount="9800", **outside)
    ours, theirs = (rating_of(app, key, side).id for side in ("provider_to_buyer", TO_PROVIDER))
    run_job(app, "rating.invite", clock.now() + timedelta(days=1, hours=1))
    asked = {row[2] for row in told(app, "rating.invite") if row[1].startswith(f"rate:{key}:")}
    assert {"institution", "visitor"} <= asked
    assert "我评价的" in visitor.get("/ratings/waiting/list/").text
    assert visitor.get(f"/ratings/rate/{ours}/").status_code == 404
    assert visitor.post(f"/ratings/rate/{theirs}/", data=STARS).status_code == 302
    assert "外地精铸有限公司" not in visitor.get("/ratings/received/list/").text
    assert house.post(f"/ratings/rate/{ours}/", data=OF_BUYER).status_code == 302
    assert "设备联网改造" in visitor.get("/ratings/given/list/").text
    assert "设备联网改造" in visitor.get("/ratings/received/list/").text
    answer = visitor.post(f"/ratings/reply/{ours}/", data={"text": "合作愉快。"})
    assert answer.status_code == 302
    assert {row[2] for row in told(app, "rating.received")} >= {"visitor", "institution"}
    stranger = sign_in("newcomer")
    assert stranger.get(f"/ratings/show/{theirs}/").status_code == 404


def test_others_see_neither_transactions_nor_ratings(app, sign_in):
    house, operator = sign_in("institution"), sign_in("operator")
    key = filed(app, house, operator)
    theirs = rating_of(app, key, "buyer_to_provider").id
    proof = of(app, select(Filing).where(Filing.id == key)) and uploaded(house, "document")
    for name in ("institution2", "newcomer", "visitor", None):
        other = sign_in(name)
        for address in (f"/filings/show/{key}/", f"/ratings/show/{theirs}/", f"/files/{proof}/"):
            assert other.get(address).status_code in {302, 403, 404}, (name, address)
            assert key


def test_the_overall_score_is_the_weighted_mean_in_hundredths():
    weights = {"quality": 30, "ability": 25, "speed": 15, "attitude": 10, "price": 20}
    assert ratings.overall(dict.fromkeys(weights, 5), weights) == 500
    assert ratings.overall({**dict.fromkeys(weights, 5), "price": 3}, weights) == 460
    assert ratings.overall(dict.fromkeys(weights, 1), weights) == 100
    assert [ratings.rounded(n) for n in (349, 350, 449, 450)] == [3, 4, 4, 5]


@pytest.mark.parametrize("amount", ["100000000000.01", "999999999999999", "1e12", "-1", "NaN"])
def test_an_amount_that_no_sum_could_hold_is_refused_in_its_unit(app, sign_in, amount):
    client = sign_in("institution")
    answer = client.post("/filings/add/", data=filing(app, client, amount=amount))
    assert answer.status_code == 400
    if amount[0] == "1" or amount[0] == "9":
        assert "100000000000" in " ".join(problems(answer))


def test_sums_agree_with_the_rows(app, sign_in):
    """What is kept beside equals what counting would find, for every subject and dimension."""
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    for day in (3, 4):
        signed = str(clock.local_day(clock.now()) - timedelta(days=day))
        key = filed(app, house, operator, signed_on=signed)
        for client, direction, stars in (
            (house, "provider_to_buyer", OF_BUYER),
            (buyer, "buyer_to_provider", STARS),
        ):
            address = f"/ratings/rate/{rating_of(app, key, direction).id}/"
            assert client.post(address, data=stars).status_code == 302
    with app.app_context(), system_session() as session:
        kept = {
            (row.subject, row.subject_id, row.measure): (row.ratings, row.points)
            for row in session.scalars(select(RatingTotal).where(RatingTotal.ratings > 0))
        }
        counted: dict[tuple[str, int, str], tuple[int, int]] = {}
        rows = session.execute(
            select(Rating, RatingScore.dimension, RatingScore.stars)
            .join(RatingScore, RatingScore.rating_id == Rating.id)
            .where(Rating.state == "shown")
        )
        for row, dimension, stars in rows:
            for subject in ratings.subjects(row):
                old = counted.get((*subject, dimension), (0, 0))
                counted[*subject, dimension] = (old[0] + 1, old[1] + stars * 100)
        measured = {name for _kind, _key, name in counted}
        assert counted == {k: v for k, v in kept.items() if k[2] in measured}


def test_rows_out_of_a_sheet_wait_as_drafts_for_their_contract(app, sign_in):
    """A sheet holds no files: each row is checked as the form does, then wants its contract."""
    house = sign_in("institution")
    buyer = of(app, select(Organization).where(Organization.name == BUYER))
    day = str(clock.local_day(clock.now()) - timedelta(days=3))
    row = (BUYER, buyer.credit_code, "方圆", "12000000170", "设备巡检", "系统集成", "8600.5", day)
    own = of(app, select(Organization).where(Organization.name.startswith("望澜青砺")))
    bad = (own.name, own.credit_code, "x", "1", "设备巡检", "没有的类别", "-5", "2999-01-01")
    answer = sent(house, sheet(row, bad, heads=HEADS), "skip", "/filings")
    run_job(app, "import.run")
    page = house.get(answer.location).text
    assert "待确认" in page
    assert "日期不能晚于今天" in page
    house.post(f"{answer.location}confirm/")
    run_job(app, "import.run")
    draft = of(app, select(Filing).where(Filing.service_name == "设备巡检"))
    assert (draft.state, draft.amount) == ("draft", 860_050)
    assert "设备巡检" in house.get("/filings/list/?tab=draft").text
    form = filing(app, house, service_name="设备巡检", amount="8600.50", signed_on=day)
    sent_in = house.post(f"/filings/edit/{draft.id}/", data=form | {"version": str(draft.version)})
    number_in(sent_in)
    assert of(app, select(Filing.state).where(Filing.id == draft.id)) == "in_review"


def test_filings_out_of_a_sheet_are_withdrawn_as_long_as_they_are_drafts(app, sign_in):
    """Each has a number and its log, so nothing is deleted; what was submitted since stays."""
    house, other = sign_in("institution"), sign_in("institution2")
    buyer = of(app, select(Organization).where(Organization.name == BUYER))
    day = str(clock.local_day(clock.now()) - timedelta(days=3))
    known = (BUYER, buyer.credit_code, "方圆", "12000000170")
    rows = [(*known, f"设备巡检{n}", "系统集成", "8600", day) for n in range(3)]
    answer = sent(house, sheet(*rows, heads=HEADS), "all", "/filings")
    run_job(app, "import.run")
    house.post(f"{answer.location}confirm/")
    run_job(app, "import.run")

    def states() -> list[str]:
        with app.app_context(), system_session() as session:
            ours = select(Filing.state).where(Filing.service_name.startswith("设备巡检"))
            return list(session.scalars(ours.order_by(Filing.service_name)))

    assert states() == ["draft"] * 3
    used = of(app, select(Filing).where(Filing.service_name == "设备巡检1"))
    form = filing(app, house, service_name="设备巡检1", amount="8600", signed_on=day)
    number_in(house.post(f"/filings/edit/{used.id}/", data=form | {"version": str(used.version)}))
    assert "undo/" in house.get(answer.location).text
    assert other.post(f"{answer.location}undo/").status_code == 404
    assert house.post(f"{answer.location}undo/").status_code == 302
    run_job(app, "import.run")
    assert states() == ["withdrawn", "in_review", "withdrawn"]
    page = house.get(answer.location).text
    assert "已撤回 2 行" in page
    assert "导入后已提交" in page
    assert "设备巡检2" in house.get("/filings/list/?tab=withdrawn").text
