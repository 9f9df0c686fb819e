"""The people of an organization: accounts, rights, joining, leading, leaving."""

from __future__ import annotations

import re
import threading
from io import BytesIO

import pytest
from flask_appbuilder.security.sqla.models import Role
from PIL import Image
from sqlalchemy import select

from app import clock
from app.extensions import system_session
from app.flow_log import faults
from app.models import (
    Accreditation,
    Consent,
    FlowCase,
    FlowTask,
    JoinRequest,
    LoginSession,
    MainAccountChange,
    Membership,
    Message,
    OneTimeToken,
    Organization,
    Person,
)
from app.services import codes, consents
from app.services.demo import PASSWORD
from app.services.rights import Pages
from tests.conftest import TEST_CODE
from tests.world import application

pytestmark = pytest.mark.db

NEW = "Nova#2027xy"
MINE = "Mine#2028zz"


def account(**values):
    typed = {"username": "colleague_1", "mobile": "13800000001", "email": "c1@example.com"}
    return typed | {"password": NEW, "password_again": NEW} | values


def ask(app, query):
    with app.app_context(), system_session() as session:
        return session.execute(query).all()


def member(app, username):
    query = select(
        Membership.id, Membership.user_id, Membership.organization_id, Membership.is_main
    )
    rows = ask(app, query.join(Person).where(Person.username == username))
    return rows[0] if rows else None


def code_of(app, username):
    query = select(Organization.credit_code).join(
        Membership, Membership.organization_id == Organization.id
    )
    return ask(app, query.join(Person).where(Person.username == username))[0][0]


def log_in(app, username, password):
    client = app.test_client()
    typed = {"username": username, "password": password, "captcha": TEST_CODE}
    return client, client.post("/login/", data=typed)


@pytest.fixture
def colleague(app, sign_in):
    """A sub-account of the demonstration's institution, with a password of its own."""
    sign_in("institution").post("/people/add/", data=account())
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "colleague_1")).one()
        person.must_change_password = False
        for document, version in consents.versions(session).items():
            session.add(Consent(user_id=person.id, document=document, version=version,
                                accepted_at=clock.now()))  # fmt: skip
        session.commit()
    return member(app, "colleague_1")


def test_the_main_account_adds_a_colleague(app, sign_in):
    main = sign_in("institution")
    page = main.get("/people/list/").text
    for word in ("用户名", "姓名", "手机号", "角色", "状态", "最近登录", "创建时间"):
        assert word in page
    answer = main.post("/people/add/", data=account(), follow_redirects=True)
    assert "新增成功" in answer.text
    assert "colleague_1" in answer.text
    row = member(app, "colleague_1")
    assert (row.organization_id, row.is_main) == (member(app, "institution").organization_id, False)
    told = ask(app, select(Message.channel).where(Message.occasion == "subaccount.created"))
    assert {channel for (channel,) in told} == {"email", "sms"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"username": "abc"}, "用户名为6–30位字母、数字或下划线"),
        ({"username": "名字名字名字"}, "用户名为6–30位字母、数字或下划线"),
        ({"username": "institution"}, "该用户名已被使用"),
        ({"mobile": "12000000101"}, "一个手机号在平台上只能绑定一个账号"),
        ({"mobile": "2380000000"}, "手机号"),
        ({"password_again": "Other#2027"}, "两次输入的密码不一致"),
        ({"password": "short", "password_again": "short"}, "密码"),
        ({"email": "nowhere"}, "邮箱"),
    ],
)
def test_a_faulty_account_is_told_beside_its_field_and_nothing_is_lost(app, sign_in, wrong, said):
    answer = sign_in("institution").post("/people/add/", data=account(**wrong))
    assert answer.status_code == 400
    assert said in answer.text
    assert (wrong.get("email") or "c1@example.com") in answer.text
    assert member(app, "colleague_1") is None


def test_the_first_login_asks_for_a_password_of_ones_own(app, sign_in):
    sign_in("institution").post("/people/add/", data=account())
    client, answer = log_in(app, "colleague_1", NEW)
    assert answer.status_code == 302
    assert client.get("/workbench/").status_code == 302  # to the page of the password


def test_phone_and_mail_are_changed_the_user_name_stays(app, sign_in, colleague):
    main = sign_in("institution")
    page = main.get(f"/people/edit/{colleague.id}/").text
    assert 'name="username"' not in page
    typed = {"mobile": "13800000002", "email": "", "username": "other_name"}
    answer = main.post(f"/people/edit/{colleague.id}/", data=typed, follow_redirects=True)
    assert "编辑成功" in answer.text
    row = ask(app, select(Person.username, Person.mobile, Person.email).where(
        Person.id == colleague.user_id))[0]  # fmt: skip
    assert tuple(row) == ("colleague_1", "13800000002", None)


def test_the_old_phone_is_told_and_what_hung_on_it_ends(app, sign_in, colleague):
    client, _answer = log_in(app, "colleague_1", NEW)
    with app.app_context(), system_session() as session:
        rows = session.connection()
        codes.issue_token(rows, "reset", colleague.user_id, clock.now(), 30)
        session.commit()
    typed = {"mobile": "13800000002", "email": "c1@example.com"}
    sign_in("institution").post(f"/people/edit/{colleague.id}/", data=typed)
    assert "/login/" in client.get("/workbench/").location
    ended = select(LoginSession.end_reason).where(LoginSession.user_id == colleague.user_id)
    assert ask(app, ended) == [("forced",)]
    links = select(OneTimeToken.id).where(OneTimeToken.user_id == colleague.user_id)
    assert ask(app, links) == []
    told = select(Message.address).where(Message.occasion == "account.phone_changed")
    assert ask(app, told) == [("13800000001",)]


def test_a_colleague_who_came_with_his_own_account_keeps_it(app, sign_in):
    """Otherwise the main account could bind its own phone to it, log in and go on as him."""
    visitor, main = sign_in("visitor"), sign_in("institution")
    decide(main, number_of(join(visitor, code_of(app, "institution"))), "approve")
    visitor, row = sign_in("visitor"), member(app, "visitor")
    before = ask(app, select(Person.mobile, Person.password).where(Person.id == row.user_id))
    for path, typed in (
        (f"/people/edit/{row.id}/", {"mobile": "13800000009", "email": ""}),
        (f"/people/reset/{row.id}/", {"password": MINE, "password_again": MINE}),
        (f"/people/switch/{row.id}/off/", {}),
    ):
        assert main.post(path, data=typed).status_code == 404, path
    assert before == ask(
        app, select(Person.mobile, Person.password).where(Person.id == row.user_id)
    )
    assert visitor.get("/workbench/").status_code == 200
    page = main.get("/people/list/").text
    for verb, offered in (("edit", False), ("reset", False), ("switch", False),
                          ("rights", True), ("delete", True)):  # fmt: skip
        assert (f"/people/{verb}/{row.id}/" in page) is offered, verb
    assert main.post(f"/people/delete/{row.id}/").status_code == 302


def test_no_main_account_reaches_an_account_of_staff(app, sign_in, colleague):
    with app.app_context(), system_session() as session:
        person = session.get_one(Person, colleague.user_id)
        person.roles = [session.scalars(select(Role).where(Role.name == "bureau")).one()]
        session.commit()
    main = sign_in("institution")
    for path in ("edit", "reset", "rights"):
        assert main.get(f"/people/{path}/{colleague.id}/").status_code == 404
    for path in (f"switch/{colleague.id}/off", f"delete/{colleague.id}"):
        assert main.post(f"/people/{path}/").status_code == 404


def test_a_new_password_ends_the_logins_of_the_colleague(app, sign_in, colleague):
    client, _answer = log_in(app, "colleague_1", NEW)
    assert client.get("/workbench/").status_code == 200
    typed = {"password": MINE, "password_again": MINE}
    answer = sign_in("institution").post(
        f"/people/reset/{colleague.id}/", data=typed, follow_redirects=True
    )
    assert "重置密码成功" in answer.text
    assert "/login/" in client.get("/workbench/").location
    assert log_in(app, "colleague_1", NEW)[1].status_code == 400
    assert log_in(app, "colleague_1", MINE)[1].status_code == 302


def test_who_is_switched_off_is_out_at_once_and_may_come_back(app, sign_in, colleague):
    client, _answer = log_in(app, "colleague_1", NEW)
    main = sign_in("institution")
    main.post(f"/people/switch/{colleague.id}/off/")
    assert "/login/" in client.get("/workbench/").location
    assert log_in(app, "colleague_1", NEW)[1].status_code == 400
    assert "停用" in main.get("/people/list/").text
    main.post(f"/people/switch/{colleague.id}/on/")
    assert log_in(app, "colleague_1", NEW)[1].status_code == 302


def test_an_account_without_history_is_removed(app, sign_in):
    main = sign_in("institution")
    main.post("/people/add/", data=account())
    row = member(app, "colleague_1")
    assert "已删除" in main.post(f"/people/delete/{row.id}/", follow_redirects=True).text
    assert ask(app, select(Person.id).where(Person.username == "colleague_1")) == []


def test_an_account_with_history_is_switched_off_and_its_number_is_free(app, sign_in, colleague):
    log_in(app, "colleague_1", NEW)
    main = sign_in("institution")
    answer = main.post(f"/people/delete/{colleague.id}/", follow_redirects=True)
    assert "业务记录保留" in answer.text
    assert member(app, "colleague_1") is None
    kept = ask(app, select(Person.active, Person.mobile).where(Person.id == colleague.user_id))
    assert [tuple(row) for row in kept] == [(False, None)]
    assert main.post("/people/add/", data=account(username="colleague_2")).status_code == 302


def test_nobody_else_reaches_the_accounts_of_an_organization(app, sign_in, colleague):
    typed = {"password": MINE, "password_again": MINE}
    others = [("institution2", 404), ("institution_sub", 403), ("visitor", 403), ("newcomer", 403)]
    for username, status in others:
        other = sign_in(username)
        for answer in (
            other.get(f"/people/edit/{colleague.id}/"),
            other.get(f"/people/rights/{colleague.id}/"),
            other.post(f"/people/reset/{colleague.id}/", data=typed),
            other.post(f"/people/switch/{colleague.id}/off/"),
            other.post(f"/people/delete/{colleague.id}/"),
        ):
            assert answer.status_code == status, username
    assert sign_in("institution_sub").get("/people/list/").status_code == 403
    assert "colleague_1" not in sign_in("institution2").get("/people/list/").text
    assert log_in(app, "colleague_1", NEW)[1].status_code == 302


def test_user_management_waits_for_certification(sign_in):
    assert "用户管理" in sign_in("institution").get("/workbench/").text
    newcomer = sign_in("newcomer")
    assert "用户管理" not in newcomer.get("/workbench/").text
    assert newcomer.get("/people/list/").status_code == 403


# --- rights -------------------------------------------------------------------------------------


def test_rights_work_at_the_next_request(app, sign_in, colleague):
    client, _answer = log_in(app, "colleague_1", NEW)
    own = f"/organizations/edit/{colleague.organization_id}/"
    assert client.get(own).status_code == 200
    main = sign_in("institution")
    page = main.get(f"/people/rights/{colleague.id}/").text
    assert "机构信息" in page
    assert 'name="people"' not in page
    typed = {"institution": ["view"]}
    answer = main.post(f"/people/rights/{colleague.id}/", data=typed, follow_redirects=True)
    assert "配置权限成功" in answer.text
    assert client.get("/my-organization/").status_code == 200
    assert client.get(own).status_code == 403
    assert client.get("/tasks/mine/").status_code == 403
    assert client.get("/people/list/").status_code == 403
    main.post(f"/people/rights/{colleague.id}/", data={"institution": ["edit"]})
    assert client.get(own).status_code == 403  # whoever may not see may not change
    main.post(f"/people/rights/{colleague.id}/", data={"institution": ["view", "edit"]})
    assert client.get(own).status_code == 200


def test_rights_that_are_taken_away_close_cases_and_files_too(app, sign_in, colleague):
    client, _answer = log_in(app, "colleague_1", NEW)
    place = colleague.organization_id
    case = ask(app, select(FlowCase.number).where(FlowCase.organization_id == place))[0][0]
    licence = ask(app, select(Organization.licence_file_id).where(Organization.id == place))[0][0]
    pages = (f"/cases/{case}/", f"/files/{licence}/")
    main, address = sign_in("institution"), f"/people/rights/{colleague.id}/"
    expected = (({}, 404), ({"messages": "view"}, 404), ({"institution": "view"}, 200))
    for rights, code in (*expected, ({"my_cases": "view"}, 200)):
        main.post(address, data=rights)
        assert [client.get(page).status_code for page in pages] == [code, code], rights
        begun = client.get("/workbench/").text
        assert code == 200 or case not in begun, rights
        assert client.get("/membership/").status_code == 200
        withdrawn = client.post(f"/cases/{case}/withdraw/").status_code
        assert withdrawn == (404 if code == 404 else 409)


def test_nobody_is_given_more_than_the_main_account_has(app, sign_in, colleague):
    main = sign_in("institution")
    for typed in ({"people": ["view"]}, {"institution": ["everything"]}, {"announcements": "edit"}):
        main.post(f"/people/rights/{colleague.id}/", data=typed | {"my_cases": "view"})
    kept = ask(app, select(Membership.rights).where(Membership.id == colleague.id))[0][0]
    assert set(kept or {}) <= {"my_cases"}
    with app.app_context(), system_session() as session:  # written past the page
        row = session.get(Membership, colleague.id)
        row.rights = {"people": ["view", "edit"], "system.users": ["view"], "my_cases": ["view"]}
        session.commit()
    client, _answer = log_in(app, "colleague_1", NEW)
    assert client.get("/people/list/").status_code == 403
    assert client.get("/users/list/").status_code == 403
    assert client.get("/tasks/mine/").status_code == 200


# --- joining ------------------------------------------------------------------------------------


def join(client, code, **values):
    typed = {"credit_code": code, "real_name": "许知夏", "mobile": "12000000003", "note": "财务部"}
    return client.post("/join-requests/add/", data=typed | values)


def tasks(client):
    return re.findall(r'href="(/cases/[^"]+/)"', client.get("/tasks/todo/").text)


def decide(client, number, action, opinion="同意"):
    page = client.get(f"/cases/{number}/").text
    url = re.search(rf"(/cases/{number}/tasks/\d+/{action}/)", page).group(1)
    return client.post(url, data={"opinion": opinion})


def number_of(answer):
    return re.search(r"/cases/([^/]+)/", answer.location).group(1)


def test_a_request_to_join_is_decided_by_the_main_account(app, sign_in):
    visitor, main = sign_in("visitor"), sign_in("institution")
    answer = join(visitor, code_of(app, "institution"))
    number = number_of(answer)
    assert f"/cases/{number}/" in tasks(main)
    assert sign_in("institution2").get(f"/cases/{number}/").status_code == 404
    assert sign_in("institution_sub").get(f"/cases/{number}/").status_code == 404
    told = ask(app, select(Message.user_id).where(Message.occasion == "account.join_asked"))
    assert {row[0] for row in told} == {member(app, "institution").user_id}
    assert f"/cases/{number}/tasks/" not in visitor.get(f"/cases/{number}/").text
    assert decide(main, number, "approve").status_code == 302
    row = member(app, "visitor")
    assert (row.organization_id, row.is_main) == (member(app, "institution").organization_id, False)
    assert "/login/" in visitor.get("/my-organization/").location  # his rights are others now
    visitor = sign_in("visitor")
    assert visitor.get("/my-organization/").status_code == 200
    assert "机构信息" in visitor.get("/workbench/").text
    assert visitor.get("/people/list/").status_code == 403
    assert visitor.get("/join-requests/add/").status_code == 403


def test_one_request_to_an_organization_at_a_time(app, sign_in):
    visitor, code = sign_in("visitor"), code_of(app, "institution")
    join(visitor, code)
    again = join(visitor, code)
    assert again.status_code == 400
    assert "已有办理中的申请" in again.text
    assert "财务部" in again.text
    assert join(visitor, code_of(app, "institution2")).status_code == 302
    assert len(ask(app, select(JoinRequest.id))) == 2


def test_of_two_approvals_the_second_is_told(app, sign_in):
    visitor = sign_in("visitor")
    first = number_of(join(visitor, code_of(app, "institution")))
    second = number_of(join(visitor, code_of(app, "institution2")))
    assert decide(sign_in("institution"), first, "approve").status_code == 302
    answer = decide(sign_in("institution2"), second, "approve")
    assert answer.status_code == 409
    assert "已属于一家企业" in answer.text
    assert decide(sign_in("institution2"), second, "refuse").status_code == 302


def test_nobody_decides_on_his_own_request(app, sign_in):
    visitor = sign_in("visitor")
    number = number_of(join(visitor, code_of(app, "institution")))
    main = sign_in("institution")
    url = re.search(r"(/cases/[^/]+/tasks/\d+/approve/)", main.get(f"/cases/{number}/").text)[1]
    assert visitor.post(url, data={"opinion": "同意"}).status_code == 409
    assert member(app, "visitor") is None


@pytest.mark.parametrize("code", ["911101087513118XXX", "91110108600040399G"])
def test_an_unknown_organization_cannot_be_joined(sign_in, code):
    assert join(sign_in("visitor"), code).status_code == 400


def test_an_authority_cannot_be_joined(app, sign_in):
    answer = join(sign_in("visitor"), code_of(app, "operator"))
    assert answer.status_code == 400
    assert "没有该信用代码的企业" in answer.text


def test_a_member_cannot_ask(app, sign_in):
    assert join(sign_in("newcomer"), code_of(app, "institution")).status_code == 403


def test_without_a_main_account_the_operator_decides(app, sign_in):
    code = code_of(app, "institution2")
    with app.app_context(), system_session() as session:
        session.delete(session.get(Membership, member(app, "institution2").id))
        session.commit()
    number = number_of(join(sign_in("visitor"), code))
    assert decide(sign_in("operator"), number, "approve").status_code == 302
    assert member(app, "visitor") is not None


def test_the_registration_page_offers_both_requests_and_keeps_what_was_typed(app):
    client = app.test_client()
    typed = {
        "mobile": "13811112222", "password": NEW, "password_again": NEW, "email": "n@example.com",
        "username": "newperson1", "name": "望澜青砺数智科技有限公司", "region": "990101",
        "credit_code": code_of(app, "institution"), "address": "清波路", "industry": "65",
        "contact_name": "新同事", "captcha": TEST_CODE, "accept_terms": "1",
    }  # fmt: skip
    page = client.post("/register/", data=typed)
    assert page.status_code == 400
    for word in ("该企业已注册", "120****0101", "申请加入", "管理员变更申请"):
        assert word in page.text
    url = re.search(r'formaction="(/register/\?[^"]*then=join[^"]*)"', page.text)[1]
    url = url.replace("&amp;", "&")
    carried = client.post(url, data=typed | {"carry": "1"})
    assert carried.status_code == 200
    for word in ("新同事", "13811112222", "n@example.com", "newperson1"):
        assert word in carried.text
    assert NEW not in carried.text
    person = {name: typed[name] for name in ("mobile", "password", "password_again", "username")}
    person |= {"real_name": "新同事", "email": "", "captcha": TEST_CODE, "accept_terms": "1"}
    done = client.post(url, data=person)
    assert done.status_code == 302
    assert "join-requests" in done.location


# --- the main account ---------------------------------------------------------------------------


def test_the_operator_changes_the_main_account(app, sign_in):
    visitor, former = sign_in("visitor"), sign_in("institution")
    code = code_of(app, "institution")
    files = {name: upload(visitor, rule) for name, rule in
             (("licence_file", "licence"), ("letter", "seal"))}  # fmt: skip
    typed = {"credit_code": code, "real_name": "许知夏", "mobile": "12000000003", "note": ""}
    missing = visitor.post("/main-account-changes/add/", data=typed)
    assert missing.status_code == 400
    number = number_of(visitor.post("/main-account-changes/add/", data=typed | files))
    assert former.get(f"/cases/{number}/").status_code == 404
    assert decide(sign_in("operator"), number, "approve").status_code == 302
    assert member(app, "visitor").is_main
    assert not member(app, "institution").is_main
    for client in (visitor, former):
        assert "/login/" in client.get("/workbench/").location
    visitor, former = sign_in("visitor"), sign_in("institution")
    assert visitor.get("/people/list/").status_code == 200
    assert former.get("/people/list/").status_code == 403
    assert former.get("/my-organization/").status_code == 200
    told = ask(app, select(Message.user_id).where(Message.occasion == "account.main_changed"))
    both = {member(app, name).user_id for name in ("visitor", "institution")}
    assert {row[0] for row in told} == both
    assert len(ask(app, select(MainAccountChange.id))) == 1


def upload(client, rule):
    stream = BytesIO()
    Image.new("RGB", (400, 400), "white").save(stream, "PNG")
    stream.seek(0)
    answer = client.post("/files/", data={"file": (stream, "scan.png"), "rule": rule})
    return str(answer.json["id"])


def test_the_main_account_is_handed_over_with_ones_password(app, sign_in, colleague):
    main = sign_in("institution")
    page = main.get("/membership/hand-over/").text
    assert "colleague_1" in page
    typed = {"colleague": str(colleague.user_id), "password": "wrong#2026A"}
    assert main.post("/membership/hand-over/", data=typed).status_code == 400
    other = str(member(app, "institution2").user_id)
    theirs = {"colleague": other, "password": PASSWORD}
    assert main.post("/membership/hand-over/", data=theirs).status_code == 400
    typed["password"] = PASSWORD
    assert main.post("/membership/hand-over/", data=typed).status_code == 302
    assert main.get("/people/list/").status_code == 403
    client, _answer = log_in(app, "colleague_1", NEW)
    assert client.get("/people/list/").status_code == 200
    assert main.get("/membership/hand-over/").status_code == 403


def test_a_join_request_waits_for_whoever_is_the_main_account(app, sign_in, colleague):
    number = number_of(join(sign_in("visitor"), code_of(app, "institution")))
    main = sign_in("institution")
    typed = {"colleague": str(colleague.user_id), "password": PASSWORD}
    main.post("/membership/hand-over/", data=typed)
    assert main.get("/tasks/todo/").status_code == 403
    client, _answer = log_in(app, "colleague_1", NEW)
    assert decide(client, number, "approve").status_code == 302


# --- leaving ------------------------------------------------------------------------------------


def test_a_leaver_hands_his_work_over_and_takes_nothing_along(app, sign_in, actor_of, as_actor):
    visitor, main = sign_in("visitor"), sign_in("newcomer")
    number = number_of(join(visitor, code_of(app, "newcomer")))
    assert decide(main, number, "approve").status_code == 302
    visitor = sign_in("visitor")
    begun = begin(app, as_actor, actor_of("visitor"), visitor)
    assert visitor.get(f"/cases/{begun}/").status_code == 200
    scans = select(Accreditation.licence_file_id).join(
        FlowCase, FlowCase.subject_id == Accreditation.id
    )
    ((scan,),) = ask(app, scans.where(FlowCase.number == begun))
    loose = upload(visitor, "licence")
    assert visitor.get(f"/files/{scan}/").status_code == 200
    answer = visitor.post("/membership/leave/")
    assert "/login/" in answer.location
    assert member(app, "visitor") is None
    again = sign_in("visitor")
    assert again.get(f"/cases/{begun}/").status_code == 404
    assert again.get(f"/files/{scan}/").status_code == 404  # he uploaded it for the organization
    assert again.get(f"/files/{loose}/").status_code == 200
    assert main.get(f"/files/{scan}/").status_code == 200
    assert again.get("/join-requests/add/").status_code == 200
    page = main.get(f"/cases/{begun}/").text
    assert "/accreditations/edit/" in page  # the main account goes on with it
    assert "移交" in page


def begin(app, as_actor, who, client):
    """A draft of an accreditation in the name of a member's organization; its number."""
    files = {name: int(upload(client, "licence")) for name in ("logo_id", "licence_file_id")}
    owned = {"applicant_id": who.user_id, "organization_id": who.organization_id}
    with as_actor(who) as session:
        row = application(50, region_id=990101, **owned, **files)
        desk = app.extensions["workflow"].desk(session, who, clock.now())
        number = desk.open("accreditation", row, who.organization_id).number
        session.commit()
        return number


def test_the_main_account_cannot_leave(sign_in):
    main = sign_in("institution")
    assert main.post("/membership/leave/").status_code == 403
    assert "移交主账号" in main.get("/membership/").text


def test_the_main_account_lets_a_colleague_go_and_gets_his_work(app, sign_in, actor_of, as_actor):
    visitor, main = sign_in("visitor"), sign_in("institution")
    number = number_of(join(visitor, code_of(app, "institution")))
    decide(main, number, "approve")
    visitor = sign_in("visitor")
    begun = begin(app, as_actor, actor_of("visitor"), visitor)
    row = member(app, "visitor")
    answer = main.post(f"/people/delete/{row.id}/", follow_redirects=True)
    assert "普通用户" in answer.text
    assert begun in answer.text
    assert "/login/" in visitor.get("/workbench/").location
    again = sign_in("visitor")
    assert again.get("/my-organization/").status_code == 200
    assert again.get(f"/cases/{begun}/").status_code == 404
    told = ask(app, select(Message.user_id).where(Message.occasion == "account.left"))
    assert {who for (who,) in told} == {row.user_id}


def test_what_waits_for_a_leaver_personally_waits_for_the_main_account(
    app, sign_in, actor_of, as_actor, colleague
):
    main = sign_in("institution")
    begun = begin(app, as_actor, actor_of("institution"), main)
    with app.app_context(), system_session() as session:
        case = session.scalars(select(FlowCase).where(FlowCase.number == begun)).one()
        key = case.id
        session.add(
            FlowTask(case_id=key, flow=case.flow, round=1, seat=0, turn=0, state="open",
                     user_id=colleague.user_id, opinion="")
        )  # fmt: skip
        session.commit()
    log_in(app, "colleague_1", NEW)
    answer = main.post(f"/people/delete/{colleague.id}/", follow_redirects=True)
    assert begun in answer.text
    owner = select(FlowTask.user_id).where(FlowTask.case_id == key)
    assert ask(app, owner) == [(member(app, "institution").user_id,)]
    with app.app_context(), system_session() as session:
        assert faults(session.connection(), key) == []


def test_of_two_approvals_at_the_same_moment_one_counts(app, sign_in):
    visitor = sign_in("visitor")
    urls, clients = [], [sign_in("institution"), sign_in("institution2")]
    for name, client in zip(("institution", "institution2"), clients, strict=True):
        number = number_of(join(visitor, code_of(app, name)))
        page = client.get(f"/cases/{number}/").text
        urls.append(re.search(rf"(/cases/{number}/tasks/\d+/approve/)", page)[1])
    barrier, answers = threading.Barrier(2), []

    def approve(client, url):
        barrier.wait()
        answers.append(client.post(url, data={"opinion": "同意"}).status_code)

    threads = [
        threading.Thread(target=approve, args=pair) for pair in zip(clients, urls, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 409]
    of_visitor = select(Membership.id).join(Person).where(Person.username == "visitor")
    assert len(ask(app, of_visitor)) == 1


def test_two_accounts_of_one_number_at_the_same_moment_are_one(sign_in):
    clients = [sign_in("institution"), sign_in("institution2")]
    barrier, answers = threading.Barrier(2), []

    def add(number, client):
        barrier.wait()
        typed = account(username=f"colleague_{number}")
        answers.append(client.post("/people/add/", data=typed).status_code)

    threads = [threading.Thread(target=add, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 400]


# --- rights as such -----------------------------------------------------------------------------

PAGES = Pages(
    views={"own": ("OwnView", "PartView"), "list": ("ListView",)},
    titles={"own": ("", "Own"), "list": ("", "List")},
    submitting=frozenset({"PartView"}),
    records=frozenset({"ListView"}),
)
PAIRS = frozenset(
    {("menu_access", "own"), ("menu_access", "list"), ("can_show", "OwnView")}
    | {("can_edit", "OwnView"), ("can_add", "PartView"), ("can_list", "ListView")}
    | {("can_export", "ListView"), ("can_anything", "ListView"), ("can_show", "NowhereView")}
)


@pytest.mark.parametrize(
    ("rights", "left"),
    [
        ({}, set()),
        ({"own": ["view"]}, {("menu_access", "own"), ("can_show", "OwnView")}),
        ({"own": ["edit"]}, {("can_edit", "OwnView")}),
        ({"own": ["edit", "submit"]}, {("can_edit", "OwnView"), ("can_add", "PartView")}),
        ({"list": ["export"]}, {("can_export", "ListView")}),
        ({"list": ["edit"]}, {("can_anything", "ListView")}),
        ({"people": ["view", "edit", "submit", "export"]}, set()),
    ],
)
def test_rights_leave_of_the_pages_what_they_name(rights, left):
    assert PAGES.granted(PAIRS, rights) == left


def test_without_rights_of_its_own_a_sub_account_opens_what_the_main_account_does():
    assert PAGES.granted(PAIRS, None) == PAIRS


def test_only_rights_that_mean_something_are_offered():
    offered = PAGES.offered(PAIRS)
    assert offered == {"own": ("view", "edit", "submit"), "list": ("view", "edit", "export")}


def test_every_page_of_a_member_stands_with_an_entry_of_the_menu(application):
    """Otherwise no right could be given for it, and no sub-account would open it."""
    profile, pages = application.extensions["profile"], application.extensions["pages"]
    own = {view for key in ("sub_account", "main_account")
           for view in profile.roles[key].permissions}  # fmt: skip
    reached = {view for views in pages.views.values() for view in views}
    for key in ("enterprise_main", "institution_main"):
        role = profile.roles[key]
        entries = [pages.views[menu] for menu in role.menus if menu in pages.views]
        of_menu = {view for views in entries for view in views}
        assert {*role.permissions} - of_menu - own == set(), key
        assert of_menu <= reached
