"""Registration: an account, its organization, what is taken and what is free."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from stdnum.cn import uscc

from app import clock
from app.errors import Incomplete
from app.extensions import system_session
from app.models import Captcha, Consent, Membership, Organization, OrgRole, Person
from app.services import parties
from app.services.codes import digest
from tests.conftest import TEST_CODE

pytestmark = pytest.mark.db


def credit_code(serial: int) -> str:
    base = f"91990101MA0Y{serial:05d}"
    return base + uscc.calc_check_digit(base)


FORM = {
    "mobile": "12011112222",
    "password": "Harbour#12",
    "password_again": "Harbour#12",
    "name": "望澜测试仪表有限公司",
    "credit_code": credit_code(1),
    "region": "990101",
    "address": "望澜市澄川区一路1号",
    "industry": "40",
    "contact_name": "张远",
    "accept_terms": "1",
    "captcha": TEST_CODE,
}


def register(app, kind="enterprise", **changes):
    return app.test_client().post(f"/register/?kind={kind}", data=FORM | changes)


def test_an_enterprise_registers_with_its_organization(app):
    answer = register(app)
    assert answer.status_code == 302
    assert answer.location == "/login/"
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.mobile == FORM["mobile"])).one()
        place = session.scalars(select(Membership).where(Membership.user_id == person.id)).one()
        organization = session.get_one(Organization, place.organization_id)
        roles = session.scalars(
            select(OrgRole.role).where(OrgRole.organization_id == organization.id)
        ).all()
        accepted = session.scalars(select(Consent).where(Consent.user_id == person.id)).all()
        assert person.username == FORM["mobile"]
        assert [role.name for role in person.roles] == ["enterprise_main"]
        assert place.is_main
        assert organization.credit_code == FORM["credit_code"]
        assert roles == ["enterprise"]
        assert {(row.document, row.version) for row in accepted} == {
            ("user_agreement", "1.0"), ("privacy_policy", "1.0"),
        }  # fmt: skip


def test_an_ordinary_user_registers_without_an_organization(app):
    answer = register(app, kind="ordinary", real_name="李默")
    assert answer.status_code == 302
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.mobile == FORM["mobile"])).one()
        assert person.last_name == "李默"
        assert [role.name for role in person.roles] == ["ordinary"]
        of_person = select(Membership).where(Membership.user_id == person.id)
        assert session.scalar(of_person) is None


@pytest.mark.parametrize("spelling", [str.lower, " ".join, lambda code: code.translate(WIDE)])
def test_a_taken_credit_code_names_the_masked_phone_and_the_hotline(app, spelling):
    with app.app_context(), system_session() as session:
        code, mobile = session.execute(
            select(Organization.credit_code, Person.mobile)
            .join(Membership, Membership.organization_id == Organization.id)
            .join(Person, Person.id == Membership.user_id)
            .where(Organization.certification == "certified", Membership.is_main)
            .order_by(Organization.id)
        ).first()
        hotline = app.extensions["profile"].site.hotline
    page = register(app, credit_code=spelling(code)).get_data(as_text=True)
    assert f"{mobile[:3]}****{mobile[-4:]}" in page
    assert hotline in page
    assert mobile not in page


WIDE = {ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "short1A"}, "密码长度"),
        ({"password": "onlysmallletters"}, "至少3种"),
        ({"password_again": "Harbour#13"}, "两次输入的密码不一致"),
        ({"mobile": "2201111222"}, "手机号码为11位数字"),
        ({"credit_code": FORM["credit_code"][:-1] + "0"}, "末位为校验码"),
        ({"accept_terms": ""}, "请阅读并勾选同意两份协议"),
        ({"captcha": "nope"}, "图形验证码有误"),
        ({"username": "a b"}, "6至30位"),
        ({"username": "operator"}, "该用户名已被使用"),
        ({"email": "nobody"}, "电子邮箱格式有误"),
        ({"region": "1"}, "请从列表中选择一项"),
    ],
)
def test_a_fault_is_told_and_nothing_typed_is_lost(app, changes, said):
    answer = register(app, **changes)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert said in page
    assert FORM["name"] in page
    assert FORM["password"] not in page
    with app.app_context(), system_session() as session:
        assert session.scalar(select(Person).where(Person.mobile == FORM["mobile"])) is None


@pytest.mark.parametrize("taken", ["mobile", "username", "credit_code"])
def test_what_is_taken_is_told_for_a_picture_only(app, taken):
    with app.app_context(), system_session() as session:
        known = session.scalars(select(Person).where(Person.username == "enterprise")).one()
        place = session.scalars(select(Membership).where(Membership.user_id == known.id)).one()
        code = session.get_one(Organization, place.organization_id).credit_code
        changes = {taken: {"mobile": known.mobile, "username": "operator"}.get(taken, code)}
    words = {"mobile": "已绑定账号", "username": "该用户名已被使用", "credit_code": "该企业已注册"}
    told, asked_again = words[taken], "图形验证码已使用"
    without = register(app, **changes, captcha="nope").get_data(as_text=True)
    assert (told in without, "图形验证码有误" in without) == (False, True)
    answered = register(app, **changes).get_data(as_text=True)
    assert (told in answered, asked_again in answered) == (True, True)
    assert FORM["address"] in answered


def is_kept(app, client) -> bool:
    """Whether the picture that a browser was shown can still be answered."""
    token = client.get_cookie("qifu-captcha").value
    with app.app_context(), system_session() as session:
        mine = select(Captcha.id).where(Captcha.token_hash == digest(token))
        return session.scalar(mine) is not None


def test_a_fault_in_the_form_uses_no_picture_up(app):
    with app.test_client() as client:
        client.get("/captcha/")
        client.post("/register/?kind=enterprise", data=FORM | {"contact_name": "", "captcha": "x"})
        assert is_kept(app, client)
        client.post("/register/?kind=enterprise", data=FORM | {"captcha": "x"})
        assert not is_kept(app, client)


def test_a_picture_that_arrives_late_leaves_the_session_alone(app):
    with app.test_client() as client:
        client.get("/login/")
        for address in ("/captcha/", "/captcha/slider/"):
            names = [
                line.partition("=")[0] for line in client.get(address).headers.getlist("Set-Cookie")
            ]
            assert "qifu" not in names
            assert len(names) == 1


def test_names_and_addresses_longer_than_their_columns_are_refused(app):
    answer = register(app, kind="ordinary", real_name="李" * 31, email=f"{'a' * 120}@example.com")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert ("最多填写30" in page, "最多填写120" in page) == (True, True)


def entered_by_staff(app, **values) -> Organization:
    with app.app_context(), system_session() as session:
        row = Organization(
            name="望澜远岫轴承有限公司", credit_code=credit_code(2), region_id=990102,
            address="砚北区二路2号", industry="34", contact_name="—", contact_phone="0451-1234567",
            created_at=clock.now(), **values,
        )  # fmt: skip
        session.add(row)
        session.commit()
        return row


def test_a_company_that_staff_entered_is_offered_and_gets_its_account(app):
    entered_by_staff(app)
    (found,) = app.test_client().get("/register/companies/?q=远岫").json
    assert found["credit_code"]["value"] == credit_code(2)
    assert found["region"] == {"value": "990102", "text": "云岫省望澜市砚北区"}

    answer = register(app, name=found["name"]["value"], credit_code=credit_code(2))
    assert answer.status_code == 302
    with app.app_context(), system_session() as session:
        same = select(Organization).where(Organization.credit_code == credit_code(2))
        organization = session.scalars(same).one()
        assert organization.contact_phone == FORM["mobile"]
        members = select(Membership).where(Membership.organization_id == organization.id)
        assert session.scalars(members).one().is_main
    assert app.test_client().get("/register/companies/?q=远岫").json == []


@pytest.mark.parametrize("kind", ["operator", "bureau"])
def test_nobody_registers_as_an_authority(app, kind):
    """Its accounts see a whole region: the security administrator opens them."""
    role = OrgRole(role=kind, valid_from=clock.local_day(clock.now()))
    entered_by_staff(app, roles=[role])
    assert app.test_client().get("/register/companies/?q=远岫").json == []
    answer = register(app, credit_code=credit_code(2))
    assert answer.status_code == 400
    assert "主管部门" in answer.text
    assert "then=join" not in answer.text
    asked = parties.Registration(
        FORM["mobile"], FORM["password"], "", "张远", "", {"credit_code": credit_code(2)}
    )
    with app.app_context(), system_session() as session:
        with pytest.raises(Incomplete):
            parties.register(session, asked, {}, clock.now())
        session.rollback()
        same = select(Organization).where(Organization.credit_code == credit_code(2))
        assert session.scalars(same).one().region_id == 990102
        assert session.scalar(select(Person).where(Person.mobile == FORM["mobile"])) is None


def test_companies_with_an_account_or_a_certificate_are_not_offered(app):
    client = app.test_client()
    assert client.get("/register/companies/?q=望澜").json == []
    assert client.get("/register/companies/?q=远").json == []
