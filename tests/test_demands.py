"""Demands: raised, pushed, called, handed over, disputed, reminded of (S4-11)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.clock import SHANGHAI, Workdays
from app.extensions import system_session
from app.jobs import run_job
from app.models import (
    AuditEntry,
    Consultant,
    Demand,
    DemandContact,
    LifeEvent,
    Membership,
    Message,
    Organization,
    Person,
    Product,
    ScoreEntry,
)
from app.services.demands import return_to_institution

NEED = {
    "title": "老旧设备怎么联网", "category": "sz04",
    "description": "含12台无接口的老设备，想知道采集办法和费用。",
    "urgency": "normal", "contact_name": "方圆", "contact_phone": "12000000170",
    "contact_email": "fang@example.com", "call_time": "any", "allow_transfer": "1",
}  # fmt: skip
MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=SHANGHAI)


# --- tools --------------------------------------------------------------------------------


def of(app: Any, query: Any) -> Any:
    with app.app_context(), system_session() as session:
        return session.scalars(query).first()


def count(app: Any, model: Any, *where: Any) -> int:
    return of(app, select(func.count(model.id)).where(*where)) or 0


def house(app: Any, username: str) -> Organization:
    mine = select(Membership.organization_id).join(Person, Person.id == Membership.user_id)
    ours = mine.where(Person.username == username)
    return of(app, select(Organization).where(Organization.id.in_(ours)))


def again(app: Any, demand: Demand) -> Demand:
    return of(app, select(Demand).where(Demand.id == demand.id))


def raised(app: Any, client: Any, target: str = "", **changes: str) -> Demand:
    answer = client.post(f"/my_demands/add/?{target}", data=NEED | changes)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    key = int(answer.location.rstrip("/").rpartition("/")[2])
    return of(app, select(Demand).where(Demand.id == key))


def said(client: Any, demand: Demand, result: str, **more: str) -> Any:
    at = datetime.now(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
    data = {"at": at, "channel": "phone", "result": result, "summary": "电话沟通了现场情况。"}
    return client.post(f"/demand_contacts/add/?demand={demand.id}", data=data | more)


def told(app: Any, occasion: str, demand: Demand) -> set[str]:
    """Who was told of something about a demand, on the platform."""
    query = select(Person.username).join(Message, Message.user_id == Person.id)
    mine = query.where(Message.occasion == occasion, Message.channel == "inapp")
    with app.app_context(), system_session() as session:
        found = session.execute(mine.add_columns(Message.context)).all()
        return {name for name, context in found if context.get("demand") == demand.id}


def steps_of(app: Any, demand: Demand) -> list[str]:
    """What happened to a demand, in order."""
    mine = LifeEvent.kind == "demand", LifeEvent.subject_id == demand.id
    with app.app_context(), system_session() as session:
        found = select(LifeEvent.action).where(*mine).order_by(LifeEvent.id)
        return list(session.scalars(found))


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


# --- the way of a demand ------------------------------------------------------------------


@pytest.mark.db
def test_from_the_portal_to_a_confirmed_deal(app: Any, sign_in: Any) -> None:
    """Pushed to the institution, called, talked about, won; the enterprise confirms."""
    enterprise, institution = sign_in("enterprise"), sign_in("institution")
    ours = house(app, "institution")
    page = text(enterprise.get(f"/my_demands/add/?institution={ours.id}"))
    assert ours.name in page
    demand = raised(app, enterprise, f"institution={ours.id}")
    assert (demand.state, demand.organization_id) == ("waiting", ours.id)
    assert demand.enterprise_name == house(app, "enterprise").name
    assert demand.due_at is not None
    assert demand.due_at == demand.turn_at
    assert "institution" in told(app, "demand.new", demand)
    mail = Message.occasion == "demand.new", Message.channel == "email"
    assert count(app, Message, *mail, Message.created_at >= demand.created_at) == 1
    # 需求管理 > 详情: masked until somebody has called, and every look is on record
    page = text(institution.get(f"/demands/show/{demand.id}/"))
    assert NEED["contact_phone"] not in page
    assert "120****0170" in page
    url = f"/demands/reveal/{demand.id}/contact_phone/"
    looked = institution.post(url, data={"purpose": "联系企业"})
    assert looked.json["value"] == NEED["contact_phone"]
    seen = AuditEntry.action == "reveal", AuditEntry.object_id == demand.id
    assert count(app, AuditEntry, AuditEntry.kind == "demand", *seen) == 1
    # 维护
    answer = said(institution, demand, "no_answer")
    assert answer.status_code == 302, answer.get_data(as_text=True)
    assert again(app, demand).state == "waiting"
    assert said(institution, demand, "contacted").status_code == 302
    called = again(app, demand)
    assert called.state == "contacted"
    assert called.first_contact_at
    assert called.due_at > demand.due_at
    assert NEED["contact_phone"] in text(institution.get(f"/demands/show/{demand.id}/"))
    in_time = ScoreEntry.item == "demand_intime", ScoreEntry.source_id == demand.id
    assert count(app, ScoreEntry, *in_time) == 1
    faulty = said(institution, demand, "following")
    assert faulty.status_code == 400  # what comes next is missing
    soon = (datetime.now(SHANGHAI) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    answer = said(institution, demand, "following", next_step="上门调研", next_at=soon)
    assert answer.status_code == 302
    assert said(institution, demand, "won").status_code == 400  # without an amount
    assert said(institution, demand, "won", amount="52000.50").status_code == 302
    won = again(app, demand)
    assert (won.state, won.amount, won.due_at) == ("won", 5_200_050, None)
    assert told(app, "demand.result", demand) == {"enterprise"}
    assert said(institution, demand, "contacted").status_code in {400, 403}  # it is settled
    page = text(enterprise.get(f"/my_demands/show/{demand.id}/"))
    assert "电话沟通了现场情况" not in page  # the institution's own notes
    assert enterprise.post(f"/my_demands/confirm/{demand.id}/").status_code == 302
    assert again(app, demand).enterprise_confirm == "confirmed"
    enterprise.post(f"/my_demands/dispute/{demand.id}/", data={"opinion": "不对"})
    assert again(app, demand).state == "won"  # one answer
    assert steps_of(app, demand) == ["miss", "call", "follow", "win", "confirm"]


@pytest.mark.db
def test_a_sub_account_is_told_of_demands_once_it_may_read_them(app: Any, sign_in: Any) -> None:
    """S4-11: what the main account gives (应用内权限配置) opens the page and its messages."""
    enterprise, main, sub = (sign_in(n) for n in ("enterprise", "institution", "institution_sub"))
    place = house(app, "institution").id
    who = select(Membership.id).join(Person, Person.id == Membership.user_id)
    colleague = of(app, who.where(Person.username == "institution_sub"))
    before = raised(app, enterprise, f"institution={place}")
    assert "institution_sub" not in told(app, "demand.new", before)
    assert sub.get(f"/demands/show/{before.id}/").status_code == 403
    given = {"demands": ["view", "edit"]}
    assert main.post(f"/people/rights/{colleague}/", data=given).status_code == 302
    demand = raised(app, enterprise, f"institution={place}", title="另一条产线")
    assert {"institution", "institution_sub"} <= told(app, "demand.new", demand)
    assert "另一条产线" in text(sub.get("/demands/list/"))
    assert said(sub, demand, "contacted").status_code == 302
    assert again(app, demand).state == "contacted"


@pytest.mark.db
def test_a_dispute_is_decided_by_staff_and_the_deal_undone(app: Any, sign_in: Any) -> None:
    enterprise, institution, staff = (sign_in(n) for n in ("enterprise", "institution", "operator"))
    demand = raised(app, enterprise, f"institution={house(app, 'institution').id}")
    assert said(institution, demand, "won", amount="100").status_code == 302
    won = ScoreEntry.item == "demand_won", ScoreEntry.source_id == demand.id
    assert count(app, ScoreEntry, *won) == 1
    url = f"/my_demands/dispute/{demand.id}/"
    assert enterprise.post(url, data={"opinion": ""}).status_code == 400
    assert enterprise.post(url, data={"opinion": "没有签合同"}).status_code == 302
    disputed = again(app, demand)
    assert (disputed.state, disputed.enterprise_confirm) == ("disputed", "disputed")
    assert {"operator", "institution"} <= told(app, "demand.disputed", demand)
    assert institution.post(f"/demands/rule/{demand.id}/", data={}).status_code in {302, 403}
    answer = staff.post(
        f"/demands/rule/{demand.id}/", data={"ruling": "settle_lost", "opinion": "双方均称未签约"}
    )
    assert answer.status_code == 302, answer.get_data(as_text=True)
    assert again(app, demand).state == "lost"
    assert count(app, ScoreEntry, *won) == 2  # with its reverse
    assert sum_of(app, *won) == 0
    assert told(app, "demand.ruled", demand) == {"institution"}


def sum_of(app: Any, *where: Any) -> int:
    return of(app, select(func.sum(ScoreEntry.points)).where(*where))


def test_open_demands_are_assigned_passed_on_and_closed(app: Any, sign_in: Any) -> None:
    """待分派: staff find an institution; the next one does not read the notes of the first."""
    enterprise, first, second, staff = (
        sign_in(n) for n in ("enterprise", "institution", "institution2", "operator")
    )
    demand = raised(app, enterprise)
    assert (demand.state, demand.organization_id) == ("open", None)
    assert "operator" in told(app, "demand.new", demand)
    assert NEED["title"] in text(staff.get("/demands/open/list/"))
    assert first.get(f"/demands/show/{demand.id}/").status_code == 404
    ours, theirs = house(app, "institution"), house(app, "institution2")
    url = f"/demands/assign/{demand.id}/"
    assert staff.post(url, data={"organization": house(app, "enterprise").id}).status_code == 400
    assert staff.post(url, data={"organization": ours.id}).status_code == 302
    held = again(app, demand)
    assert (held.state, held.organization_id, held.target_name) == ("waiting", ours.id, ours.name)
    assert said(first, demand, "contacted", summary="只有我们知道的情况。").status_code == 302
    assert staff.post(url, data={"organization": theirs.id}).status_code == 400  # why?
    moved = {"organization": theirs.id, "opinion": "第一家机构能力不符"}
    assert staff.post(url, data=moved).status_code == 302
    passed = again(app, demand)
    assert (passed.state, passed.first_contact_at, passed.accepted_by_id) == ("waiting", None, None)
    assert first.get(f"/demands/show/{demand.id}/").status_code == 404
    page = text(second.get(f"/demands/show/{demand.id}/"))
    assert "只有我们知道的情况" not in page
    assert NEED["contact_phone"] not in page
    assert "只有我们知道的情况" in text(staff.get(f"/demands/show/{demand.id}/"))
    answer = staff.post(
        f"/demands/close/{demand.id}/", data={"reason": "plan", "opinion": "企业来电暂缓"}
    )
    assert answer.status_code == 302
    closed = again(app, demand)
    assert (closed.state, closed.closed_reason) == ("closed", "plan")
    assert "institution2" in told(app, "demand.closed", demand)


def test_who_wants_no_other_institution_keeps_his(app: Any, sign_in: Any) -> None:
    enterprise, staff = sign_in("enterprise"), sign_in("operator")
    ours, theirs = house(app, "institution"), house(app, "institution2")
    demand = raised(app, enterprise, f"institution={ours.id}", allow_transfer="")
    data = {"organization": theirs.id, "opinion": "换一家"}
    assert staff.post(f"/demands/assign/{demand.id}/", data=data).status_code == 400
    assert again(app, demand).organization_id == ours.id


def test_products_and_consultants_are_asked_too(app: Any, sign_in: Any) -> None:
    enterprise = sign_in("enterprise")
    consultant = of(app, select(Consultant).where(Consultant.state == "linked"))
    demand = raised(app, enterprise, f"consultant={consultant.id}")
    assert (demand.target_kind, demand.consultant_id) == ("consultant", consultant.id)
    assert demand.organization_id == consultant.organization_id
    product = of(app, select(Product).where(Product.state == "listed"))
    assert product is not None
    page = text(enterprise.get(f"/my_demands/add/?product={product.id}"))
    assert product.name in page
    demand = raised(app, enterprise, f"product={product.id}")
    assert demand.product_id == product.id
    assert demand.organization_id == product.organization_id
    counted = of(app, select(Product).where(Product.id == product.id))
    assert counted.demand_count == product.demand_count + 1
    for unknown in ("institution=999999", "product=0", "consultant=999999"):
        assert enterprise.get(f"/my_demands/add/?{unknown}").status_code == 404
    enterprise_id = house(app, "enterprise").id
    assert enterprise.get(f"/my_demands/add/?institution={enterprise_id}").status_code == 404


def test_an_ordinary_user_asks_too_and_nobody_else_looks_in(app: Any, sign_in: Any) -> None:
    visitor = sign_in("visitor")
    demand = raised(app, visitor, f"institution={house(app, 'institution').id}")
    assert (demand.enterprise_id, demand.enterprise_name) == (None, "许知夏")
    assert NEED["title"] in text(visitor.get("/my_demands/list/"))
    for other in ("enterprise", "institution2", "consultant"):
        client = sign_in(other)
        for url in (f"/my_demands/show/{demand.id}/", f"/demands/show/{demand.id}/"):
            assert client.get(url).status_code in {302, 403, 404}, (other, url)
    past = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011 - any day that has passed
    faulty = visitor.post("/my_demands/add/", data=NEED | {"expected_on": past, "title": "留住"})
    assert faulty.status_code == 400
    assert "留住" in faulty.get_data(as_text=True)
    assert visitor.post(f"/my_demands/withdraw/{demand.id}/").status_code == 302
    assert again(app, demand).state == "closed"
    assert "institution" in told(app, "demand.closed", demand)
    assert visitor.post(f"/my_demands/withdraw/{demand.id}/").status_code == 404


# --- consultants --------------------------------------------------------------------------


@pytest.mark.db
def test_handed_over_answered_and_returned_when_the_link_ends(app: Any, sign_in: Any) -> None:
    """The consultant sees his own alone; with his link what is unsettled goes back (S4-8)."""
    enterprise, worker = sign_in("enterprise"), sign_in("consultant")
    user = of(app, select(Person).where(Person.username == "consultant"))
    mine = of(app, select(Consultant).where(Consultant.user_id == user.id))
    owner_of = select(Membership.user_id).where(
        Membership.organization_id == mine.organization_id, Membership.is_main
    )
    main = of(app, select(Person).where(Person.id.in_(owner_of)))
    institution = sign_in(main.username)
    demand = raised(app, enterprise, f"institution={mine.organization_id}")
    assert worker.get(f"/demands/show/{demand.id}/").status_code == 404
    stranger = of(
        app,
        select(Consultant).where(
            Consultant.state == "linked", Consultant.organization_id != mine.organization_id
        ),
    )
    url = f"/demands/hand_over/{demand.id}/"
    assert institution.post(url, data={"consultant": str(stranger.id)}).status_code == 400
    assert institution.post(url, data={"consultant": str(mine.id)}).status_code == 302
    assert again(app, demand).consultant_id == mine.id
    assert "consultant" in told(app, "demand.new", demand)
    assert NEED["title"] in text(worker.get("/demands/list/"))
    assert said(worker, demand, "contacted").status_code == 302
    talk = of(app, select(DemandContact).where(DemandContact.demand_id == demand.id))
    assert (talk.consultant_id, talk.organization_id) == (mine.id, mine.organization_id)
    assert NEED["contact_phone"] in text(worker.get(f"/demands/show/{demand.id}/"))
    scored = select(func.count(ScoreEntry.id)).where(
        ScoreEntry.item == "demand_intime", ScoreEntry.source_id == demand.id
    )
    assert of(app, scored) == 2  # the institution's and his
    with app.app_context(), system_session() as session:
        assert return_to_institution(session.connection(), mine.id, clock.now()) >= 1
        session.commit()
    back = again(app, demand)
    assert (back.consultant_id, back.state) == (None, "contacted")
    assert worker.get(f"/demands/show/{demand.id}/").status_code == 404
    assert steps_of(app, demand)[-1] == "take_back"


# --- limits -------------------------------------------------------------------------------


def test_working_hours_skip_nights_weekends_and_holidays() -> None:
    """16, 8 and 4 hours of work, counted from nine to five."""
    calendar = Workdays(holidays=[date(2026, 11, 18)], made_up=[date(2026, 11, 21)])

    def due(start: datetime, hours: float) -> str:
        found = calendar.after_hours(start, hours, 9, 17).astimezone(SHANGHAI)
        assert calendar.hours_between(start, found, 9, 17) == hours
        return f"{found:%m-%d %H:%M}"

    assert due(MONDAY, 4) == "11-16 13:00"
    assert due(MONDAY, 8) == "11-16 17:00"
    assert due(MONDAY.replace(hour=16), 8) == "11-17 16:00"
    assert due(MONDAY.replace(day=17), 16) == "11-19 17:00"  # the 18th is a holiday
    assert due(MONDAY.replace(day=20, hour=18), 4) == "11-21 13:00"  # a Saturday made up
    assert due(MONDAY.replace(day=22, hour=3), 4) == "11-23 13:00"
    assert due(MONDAY.astimezone(UTC), 4) == "11-16 13:00"


@pytest.mark.db
def test_whoever_does_not_call_is_reminded_then_staff_then_the_end(app: Any, sign_in: Any) -> None:
    """Job 23: each step once, in working time alone; being late counts against the institution."""
    demand = raised(app, sign_in("enterprise"), f"institution={house(app, 'institution').id}")
    with app.app_context(), system_session() as session:
        rows = session.connection()
        quiet = Demand.__table__.c.id != demand.id
        far = datetime(9999, 1, 1, tzinfo=UTC)
        rows.execute(update(Demand.__table__).where(quiet).values(turn_at=far))
        begun = MONDAY.astimezone(UTC)
        mine = Demand.__table__.c.id == demand.id
        values = {"created_at": begun, "due_at": begun + timedelta(hours=4)}
        rows.execute(
            update(Demand.__table__).where(mine).values(**values, turn_at=values["due_at"])
        )
        session.commit()

    def run(moment: datetime) -> int:
        with app.app_context():
            run_job(app, "demand.followup", moment)
        return count(app, Message, Message.occasion.in_(["demand.late", "demand.stale"]))

    before = run(MONDAY.replace(hour=12))
    assert run(MONDAY.replace(hour=22)) == before  # nobody works
    after = run(MONDAY.replace(hour=14))
    assert after > before
    assert told(app, "demand.late", demand) == {"institution"}
    late = ScoreEntry.item == "demand_late", ScoreEntry.source_id == demand.id
    assert count(app, ScoreEntry, *late) == 1
    assert run(MONDAY.replace(hour=15)) == after  # once
    run(MONDAY.replace(day=18, hour=10))
    assert {"operator", "institution"} <= told(app, "demand.late", demand)
    assert told(app, "demand.stale", demand) == set()
    run(MONDAY.replace(month=12, day=31, hour=10))
    assert {"operator", "institution"} <= told(app, "demand.stale", demand)
    assert count(app, ScoreEntry, *late) == 1


def test_late_demands_stand_in_a_list_of_their_own(sign_in: Any) -> None:
    page = text(sign_in("operator").get("/demands/late/list/"))
    assert "五年前的设备怎么联网" in page
    assert "外观检测人工漏检率高" not in page
