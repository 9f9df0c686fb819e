"""Membership of the association beside the entry (S4-2…4), and the rule of the park (S4-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from app import access, clock
from app.extensions import system_session
from app.models import (
    Accreditation,
    AssociationApplication,
    FlowCase,
    LifeEvent,
    Membership,
    Message,
    Organization,
    Person,
)
from app.services import association
from tests.test_certification import decided, number_in, of, problems, uploaded
from tests.test_registration import FORM

pytestmark = pytest.mark.db

APPLIED: dict[str, Any] = {
    "name": "望澜晨屿管理咨询有限公司", "credit_code": FORM["credit_code"], "region": "990101",
    "address": "望澜市澄川区清波路9号", "industry": "72", "legal_person": "苏明礼",
    "founded_on": "2019-05-06", "registered_capital": "500", "staff_count": "36",
    "institution_kind": "consult", "service_categories": ["gl02"], "intro": "陪伴企业改善。" * 10,
    "team_size": "22", "contact_name": "苏晚晴", "contact_mobile": "12000000177",
    "contact_email": "result@example.com", "service_tel": "12000000177",
    "true_statement": "y",
}  # fmt: skip
JOINS = {
    "join_association": "y", "member_kind": "director", "representative_name": "苏明礼",
    "representative_mobile": "12000000178", "join_reason": "愿为会员企业服务。",
    "accept_charter": "y",
}  # fmt: skip


def logo(client: Any) -> str:
    stream = BytesIO()
    Image.new("RGB", (320, 320), "#19b5c9").save(stream, "PNG")
    stream.seek(0)
    data = {"rule": "logo", "file": (stream, "标识.png")}
    answer = client.post("/files/", data=data, content_type="multipart/form-data")
    return str(answer.json["id"])


def applied(client: Any, **changes: Any) -> Any:
    files = {"logo": logo(client), "licence_file": uploaded(client)}
    return client.post("/accreditations/add/", data=APPLIED | JOINS | files | changes)


def membership(app: Any) -> AssociationApplication:
    mine = AssociationApplication.name == APPLIED["name"]
    return of(app, select(AssociationApplication).where(mine))


def number_of(app: Any, flow: str, key: int) -> str:
    mine = FlowCase.flow == flow, FlowCase.subject_id == key
    return of(app, select(FlowCase.number).where(*mine))


def organization(app: Any) -> Organization:
    return of(app, select(Organization).where(Organization.name == APPLIED["name"]))


def results(app: Any, occasion: str) -> list[str]:
    """The results that were mailed to the address in the form."""
    with app.app_context(), system_session() as session:
        sent = select(Message.context).where(
            Message.occasion == occasion, Message.address == APPLIED["contact_email"]
        )
        return [context["result"] for context in session.scalars(sent.order_by(Message.id))]


def test_entry_and_membership_are_two_cases_each_decided_by_itself(app, sign_in):
    """S4-2, S4-3, S4-4: the entry passes while the membership is returned, then approved."""
    visitor, operator, council = (sign_in(n) for n in ("visitor", "operator", "association"))
    entry = number_in(applied(visitor))
    row = membership(app)
    number = number_of(app, "association", row.id)
    assert number.startswith("HY-")
    assert (row.state, row.member_kind, row.organization_id) == ("in_review", "director", None)

    # Each sees what is his to decide, and nobody decides on the other's.
    assert council.get(f"/cases/{entry}/").status_code == 404
    assert decided(app, council, entry, "approve").status_code == 404
    assert decided(app, operator, number, "approve").status_code in {403, 409}
    listed = council.get("/association-applications/list/").text
    assert APPLIED["name"] in listed
    assert "12000000178" not in listed
    assert APPLIED["name"] in council.get("/tasks/todo/").text

    assert decided(app, operator, entry, "approve").status_code == 302
    found = organization(app)
    assert (found.institution_state, found.association_state) == ("in_pool", "applying")
    assert membership(app).organization_id == found.id

    assert decided(app, council, number, "return", "请补充职务。").status_code == 302
    found = organization(app)
    assert (found.institution_state, found.association_state) == ("in_pool", "none")
    assert results(app, "institution.result") == ["approved"]
    assert results(app, "membership.result") == ["returned"]

    institution = sign_in("visitor")
    assert "请补充职务。" in institution.get(f"/cases/{number}/").text
    form = institution.get(f"/association-applications/edit/{row.id}/").text
    assert "愿为会员企业服务。" in form
    again = {n: v for n, v in JOINS.items() if n != "join_association"} | {
        "representative_title": "总经理", "contact_email": APPLIED["contact_email"],
        "version": str(membership(app).version),
    }  # fmt: skip
    answer = institution.post(f"/association-applications/edit/{row.id}/", data=again)
    assert number_in(answer) == number
    assert organization(app).association_state == "applying"
    assert decided(app, council, number, "approve").status_code == 302
    found, today = organization(app), clock.local_day(clock.now())
    assert (found.association_state, found.member_kind) == ("member", "director")
    assert str(found.member_no).startswith("HYH-")
    assert (found.member_since, found.member_until.year) == (today, today.year + 3)
    assert results(app, "membership.result") == ["returned", "approved"]
    assert found.member_no in council.get("/association-members/list/").text
    assert "会员" in institution.get("/my-organization/").text


def test_a_membership_granted_first_waits_for_the_entry_that_founds_the_organization(app, sign_in):
    visitor, operator, council = (sign_in(n) for n in ("visitor", "operator", "association"))
    entry = number_in(applied(visitor))
    number = number_of(app, "association", membership(app).id)
    assert decided(app, council, number, "approve").status_code == 302
    assert organization(app) is None
    assert decided(app, operator, entry, "approve").status_code == 302
    found = organization(app)
    assert (found.association_state, found.institution_state) == ("member", "in_pool")
    assert of(app, select(FlowCase).where(FlowCase.number == number)).organization_id == found.id


def test_without_the_tick_there_is_no_second_case_and_a_fault_opens_neither(app, sign_in):
    visitor = sign_in("visitor")
    faulty = applied(visitor, representative_name="")
    assert faulty.status_code == 400
    assert problems(faulty)
    assert membership(app) is None
    assert of(app, select(Accreditation).where(Accreditation.name == APPLIED["name"])) is None
    number_in(applied(visitor, join_association=""))
    assert membership(app) is None


def test_an_institution_joins_later_and_the_association_ends_it_with_a_reason(app, sign_in):
    """A request of its own from 机构信息; one at a time; the end is written down."""
    institution, council = sign_in("institution2"), sign_in("association")
    assert "/association-applications/add/" in institution.get("/my-organization/").text
    form = {n: v for n, v in JOINS.items() if n != "join_association"}
    sent = form | {"contact_email": "law@example.com"}
    number = number_in(institution.post("/association-applications/add/", data=sent))
    assert f"/cases/{number}/" in institution.get("/association-applications/add/").location
    assert decided(app, council, number, "approve").status_code == 302
    assert "/association-applications/add/" not in institution.get("/my-organization/").text

    own = of(app, select(Organization).where(Organization.name == "望澜澄法律师事务所"))
    assert own.association_state == "member"
    assert council.get(f"/association-members/show/{own.id}/").status_code == 200
    blank = council.post(f"/association-members/end/{own.id}/", data={"reason": " "})
    assert blank.status_code == 400
    for _twice in range(2):
        answer = council.post(f"/association-members/end/{own.id}/", data={"reason": "自愿退会"})
    assert answer.status_code == 404  # a member no longer
    own = of(app, select(Organization).where(Organization.id == own.id))
    assert (own.association_state, own.institution_state) == ("none", "in_pool")
    assert of(app, select(LifeEvent).where(LifeEvent.action == "end")).opinion == "自愿退会"
    # Nobody else ends it, and a plain enterprise never was one.
    firm = of(app, select(Organization).where(Organization.association_state == "member"))
    assert sign_in("operator").post(f"/association-members/end/{firm.id}/").status_code == 403
    other = of(app, select(Organization).where(Organization.name.contains("电机厂")))
    assert council.get(f"/association-members/show/{other.id}/").status_code == 404


def test_a_membership_ends_on_its_day_once(app, sign_in):
    sign_in("operator")
    with app.app_context(), system_session() as session:
        rows, now = access.elevated(session, "a test"), clock.now()
        today = clock.local_day(now)
        table = Organization.__table__
        members = table.c.association_state == "member"
        rows.execute(update(table).where(members).values(member_until=today + timedelta(days=1)))
        assert association.expire(rows, today) == 0
        assert association.expire(rows, today + timedelta(days=1)) > 0
        assert association.expire(rows, today + timedelta(days=1)) == 0
        session.rollback()


def test_the_institutions_list_holds_institutions_alone_with_their_figures(sign_in):
    operator = sign_in("operator")
    page = operator.get("/service-institutions/list/?size=100").text
    for shown in ("望澜青砺数智科技有限公司", "云岫众智产业服务有限公司", "在架产品", "顾问数"):
        assert shown in page
    for absent in ("望澜恒锐阀门制造有限公司", "望澜市工业和信息化局", "望澜启帆创业孵化器"):
        assert absent not in page
    members = operator.get("/service-institutions/list/?association_state=member").text
    assert "栖岭知行诊断评估中心" in members
    assert "望澜澄法律师事务所" not in members
    directory = operator.get("/organizations/list/?size=100").text
    assert "望澜恒锐阀门制造有限公司" in directory


# --- the park (S4-1) ------------------------------------------------------------------------


@pytest.fixture
def park(app):
    """The application under the rule of the park."""
    profile = app.extensions["profile"]
    rule = replace(profile.register, rule="park", park_regions=(990101,))
    app.extensions["profile"] = replace(profile, register=rule)
    yield app
    app.extensions["profile"] = profile


def registers(app: Any, **changes: str) -> Any:
    return app.test_client().post("/register/?kind=enterprise", data=FORM | changes)


def account(app: Any) -> Person | None:
    return of(app, select(Person).where(Person.mobile == FORM["mobile"]))


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({}, "in_park", "此项必填。"),
        ({"in_park": "no"}, "in_park", "区外企业请注册为普通用户"),
        ({"in_park": "yes", "region": "990200"}, "region", "不在园区范围内"),
    ],
)
def test_outside_the_park_one_registers_as_an_ordinary_user(park, changes, field, said):
    """S4-1: told beside the field, with the way that is open; nothing typed is lost."""
    answer = registers(park, **changes)
    assert answer.status_code == 400
    assert said in answer.text
    assert FORM["name"] in answer.text
    assert account(park) is None
    if field == "in_park" and not changes:
        return
    assert "注册为普通用户" in answer.text
    carried = park.test_client().post("/register/?kind=ordinary", data=FORM | {"carry": "1"})
    assert carried.status_code == 200
    assert FORM["mobile"] in carried.text
    assert FORM["contact_name"] in carried.text


def test_inside_the_park_an_enterprise_registers_and_says_so(park):
    assert registers(park, in_park="yes").status_code == 302
    person = account(park)
    with park.app_context(), system_session() as session:
        found = session.scalar(
            select(Organization)
            .join(Membership, Membership.organization_id == Organization.id)
            .where(Membership.user_id == person.id)
        )
        assert found.in_park == "yes"


def test_elsewhere_nobody_is_asked_about_a_park(app):
    assert 'name="in_park"' not in app.test_client().get("/register/").text
    assert registers(app).status_code == 302
