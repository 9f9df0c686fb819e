"""Enterprises certify themselves, change what was certified, and are told when it ends."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select, update

from app import clock, profile
from app.extensions import system_session
from app.jobs import run_job
from app.models import (
    Certification,
    FlowCase,
    FlowTask,
    Membership,
    Message,
    Organization,
    OrganizationChange,
    OrgRole,
    Person,
    Qualification,
)
from app.services.demo import PASSWORD, credit_code
from app.services.organizations import covers
from tests.conftest import TEST_CODE

pytestmark = pytest.mark.db

WAITING, OTHER_REGION = "澄川电机厂有限公司", "栖岭华铸泵业有限公司"
CERTIFIED = "望澜恒锐阀门制造有限公司"
FIRM: dict[str, Any] = {
    "name": "望澜北衡航材精工有限公司",
    "founded_on": "2015-04-01",
    "credit_code": credit_code("70"),
    "industry": "37",
    "legal_person": "方知远",
    "registered_capital": "1200",
    "staff_count": "96",
    "region": "990101",
    "address": "望澜市澄川区航材路3号",
    "website": "无",
    "intro": "加工航空结构件。",
    "contact_name": "方圆",
    "contact_phone": "12000000170",
    "contact_email": "fang@example.com",
    "true_statement": "y",
}


# --- tools --------------------------------------------------------------------------------


def picture() -> BytesIO:
    stream = BytesIO()
    Image.new("RGB", (400, 300), "#ffffff").save(stream, "PNG")
    stream.seek(0)
    return stream


def uploaded(client: Any, rule: str = "licence") -> str:
    data = {"rule": rule, "file": (picture(), "营业执照.png")}
    answer = client.post("/files/", data=data, content_type="multipart/form-data")
    assert answer.status_code in {200, 201}, answer.get_data(as_text=True)
    return str(answer.json["id"])


def of(app: Any, query: Any) -> Any:
    with app.app_context(), system_session() as session:
        return session.scalars(query).first()


def organization(app: Any, name: str) -> Organization:
    return of(app, select(Organization).where(Organization.name == name))


def registered(app: Any, sign_in: Any, **changes: str) -> Any:
    """A new enterprise, signed in."""
    typed = {
        "mobile": "12000000170", "password": PASSWORD, "password_again": PASSWORD,
        "email": "new@example.com", "username": "beichen01", "captcha": TEST_CODE,
        "accept_terms": "y",
    } | {n: FIRM[n] for n in ("name", "credit_code", "region", "address", "industry")}  # fmt: skip
    typed |= {"contact_name": FIRM["contact_name"]} | changes
    answer = app.test_client().post("/register/?kind=enterprise", data=typed)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return sign_in("beichen01")


def case_of(app: Any, number: str) -> FlowCase:
    return of(app, select(FlowCase).where(FlowCase.number == number))


def number_in(answer: Any) -> str:
    assert answer.status_code == 302, problems(answer)
    found = re.search(r"/cases/([A-Z]+-\d{8}-\d{4})/", answer.location)
    assert found, answer.location
    return found[1]


def problems(answer: Any) -> list[str]:
    text = answer.get_data(as_text=True)
    return re.findall(r'class="field-error"[^>]*>\s*(?:<[^>]+>\s*)*([^<]+)', text) or [text[:3000]]


def decided(app: Any, client: Any, number: str, action: str, opinion: str = "同意。") -> Any:
    case = case_of(app, number)
    mine = select(FlowTask.id).where(FlowTask.case_id == case.id, FlowTask.state == "open")
    url = f"/cases/{number}/tasks/{of(app, mine)}/{action}/"
    return client.post(url, data={"opinion": opinion})


def certify(client: Any, **changes: str) -> Any:
    data = FIRM | {"licence_file": uploaded(client)} | changes
    return client.post("/certifications/add/", data=data)


def told(app: Any, occasion: str) -> list[tuple[str, str, str]]:
    """Channel, key and receiver of every message of an occasion."""
    with app.app_context(), system_session() as session:
        found = (
            select(Message.channel, Message.dedupe_key, Person.username)
            .join(Person, Person.id == Message.user_id)
            .where(Message.occasion == occasion)
            .order_by(Message.id)
        )
        return [tuple(row) for row in session.execute(found)]


# --- who decides --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authority", "region", "inside"),
    [
        (990100, 990101, True),
        (990100, 990100, True),
        (990100, 990200, False),
        (990000, 990203, True),
        (990101, 990101, True),
        (990101, 990100, False),
    ],
)
def test_a_bureau_covers_its_subtree(authority: int, region: int, inside: bool) -> None:
    assert covers(authority, region) is inside


def test_certified_after_a_correction(app, sign_in):
    """S2-3, S2-4: the bureau of the region returns it, then approves the corrected form."""
    firm, bureau = registered(app, sign_in), sign_in("bureau")
    assert "尚未认证" in firm.get("/my-organization/").get_data(as_text=True)
    number = number_in(certify(firm))
    assert number.startswith("RZ-")
    page = firm.get("/my-organization/").get_data(as_text=True)
    assert "您的企业认证正在审批中，请耐心等待" in page
    assert organization(app, FIRM["name"]).certification == "in_review"

    assert decided(app, bureau, number, "return", "请上传清晰的执照。").status_code == 302
    page = firm.get("/my-organization/").get_data(as_text=True)
    assert "请上传清晰的执照。" in page
    row = of(app, select(Certification).where(Certification.name == FIRM["name"]))
    again = FIRM | {
        "licence_file": uploaded(firm), "staff_count": "99", "version": str(row.version)
    }  # fmt: skip
    assert number_in(firm.post(f"/certifications/edit/{row.id}/", data=again)) == number
    assert decided(app, bureau, number, "approve").status_code == 302

    found = organization(app, FIRM["name"])
    assert (found.certification, found.staff_count, found.website) == ("certified", 99, None)
    assert found.certified_until == clock.local_day(clock.now()).replace(
        year=clock.local_day(clock.now()).year + 3
    )
    assert found.institution_state == "none"
    assert found.licence_file_id is not None
    assert "beichen01" in {name for *_rest, name in told(app, "cert.returned")}
    channels = [how for how, _key, name in told(app, "cert.approved") if name == "beichen01"]
    assert sorted(channels) == ["email", "inapp", "sms"]


def test_nobody_else_may_decide(app, sign_in):
    """The other bureau has no task and sees no page; the operator sees it and has no task."""
    firm = registered(app, sign_in)
    number = number_in(certify(firm))
    other, operator = sign_in("bureau2"), sign_in("operator")
    assert other.get(f"/cases/{number}/").status_code == 404
    assert decided(app, other, number, "approve").status_code in {403, 404}
    assert operator.get(f"/cases/{number}/").status_code == 200
    assert decided(app, operator, number, "approve").status_code in {403, 409}
    assert case_of(app, number).state == "in_review"


def test_a_region_without_bureau_goes_to_the_operator(app, sign_in):
    with app.app_context(), system_session() as session:
        session.execute(update(OrgRole).where(OrgRole.role == "bureau").values(role="enterprise"))
        session.commit()
    firm = registered(app, sign_in)
    number = number_in(certify(firm))
    assert decided(app, sign_in("operator"), number, "approve").status_code == 302
    assert organization(app, FIRM["name"]).certification == "certified"


def test_a_bureau_sees_its_region_alone(app, sign_in):
    """List, export, detail, to-dos and files: nothing of region A for the bureau of region B."""
    here, there = sign_in("bureau"), sign_in("bureau2")
    for path in ("/certifications/list/", "/certifications/export.csv", "/tasks/todo/list/"):
        mine, theirs = (client.get(path).get_data(as_text=True) for client in (here, there))
        assert WAITING in mine
        assert WAITING not in theirs
        assert OTHER_REGION not in mine
        assert OTHER_REGION in theirs
    row = of(app, select(Certification).where(Certification.name == WAITING))
    assert here.get(f"/certifications/show/{row.id}/").status_code == 302
    assert there.get(f"/certifications/show/{row.id}/").status_code == 404
    assert here.get(f"/files/{row.licence_file_id}/").status_code == 200
    assert there.get(f"/files/{row.licence_file_id}/").status_code in {403, 404}


def test_each_bureau_gets_the_tasks_of_its_region(app):
    with app.app_context(), system_session() as session:
        found = session.execute(
            select(FlowCase.title, Person.username)
            .join(FlowTask, FlowTask.case_id == FlowCase.id)
            .join(Membership, Membership.organization_id == FlowTask.organization_id)
            .join(Person, Person.id == Membership.user_id)
            .where(FlowTask.state == "open", FlowTask.role == "bureau")
        ).all()
    assert {tuple(row) for row in found} == {(WAITING, "bureau"), (OTHER_REGION, "bureau2")}


# --- what a form must hold ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", "名" * 65),
        ("name", ""),
        ("credit_code", "91990101MA0Q700009"),
        ("founded_on", "2999-01-01"),
        ("staff_count", "0"),
        ("registered_capital", ""),
        ("website", ""),
        ("website", "ftp://example.com"),
        ("intro", "字" * 301),
        ("intro", ""),
        ("address", "路" * 101),
        ("contact_name", "人" * 31),
        ("contact_phone", "123"),
        ("contact_email", "not an address"),
        ("licence_file", ""),
        ("true_statement", ""),
        ("name", WAITING),
        ("name", " 澄川电机厂（有限公司） ".replace("（", "").replace("）", "")),
    ],
)
def test_every_limit_of_the_form(app, sign_in, field, typed):
    """S2-3: what breaks a rule is told beside its field; nothing is submitted."""
    firm = registered(app, sign_in)
    answer = certify(firm, **{field: typed})
    assert answer.status_code == 400
    assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert of(app, select(Certification).where(Certification.name == FIRM["name"])) is None


def test_the_reviewer_is_told_of_shared_phones(app, sign_in):
    firm = registered(app, sign_in)
    theirs = organization(app, WAITING)
    number = number_in(certify(firm, contact_phone=theirs.contact_phone))
    page = sign_in("bureau").get(f"/cases/{number}/").get_data(as_text=True)
    assert "check-warn" in page
    assert "联系电话" in page


# --- changes ------------------------------------------------------------------------------


def change(client: Any, app: Any, **changes: Any) -> Any:
    row = organization(app, CERTIFIED)
    data = {
        "name": row.name, "credit_code": row.credit_code, "legal_person": row.legal_person,
        "founded_on": row.founded_on.isoformat(), "industry": row.industry,
        "registered_capital": f"{row.registered_capital / 1_000_000:.2f}",
        "region": str(row.region_id), "address": row.address,
        "licence_file": str(row.licence_file_id), "reason": "已在登记机关办理变更。",
    }  # fmt: skip
    return client.post("/organization-changes/add/", data=data | changes)


def test_old_data_holds_until_a_change_is_approved(app, sign_in):
    """S1-7: shown field by field; one at a time; the organization keeps its data meanwhile."""
    firm, bureau = sign_in("enterprise"), sign_in("bureau")
    before = organization(app, CERTIFIED)
    new = "望澜市澄川区铸造路88号"
    number = number_in(change(firm, app, address=new))
    assert number.startswith("BG-")
    held = organization(app, CERTIFIED)
    assert (held.certification, held.address) == ("changing", before.address)
    page = firm.get("/my-organization/").get_data(as_text=True)
    assert "变更申请审核中，审核通过前原信息继续有效" in page
    assert firm.get("/organization-changes/add/").status_code == 302
    case_page = bureau.get(f"/cases/{number}/").get_data(as_text=True)
    assert before.address in case_page
    assert new in case_page
    assert decided(app, bureau, number, "approve").status_code == 302
    after = organization(app, CERTIFIED)
    assert (after.certification, after.address, after.name) == ("certified", new, before.name)
    record = firm.get("/my-organization/?tab=changes").get_data(as_text=True)
    assert before.address in record
    assert new in record


def test_a_change_of_nothing_is_refused(app, sign_in):
    answer = change(sign_in("enterprise"), app)
    assert answer.status_code == 400
    assert "没有" in answer.get_data(as_text=True)
    assert of(app, select(OrganizationChange)) is None


def test_a_new_name_needs_a_proof(app, sign_in):
    firm = sign_in("enterprise")
    answer = change(firm, app, name="望澜恒锐流体控制有限公司")
    assert answer.status_code == 400
    assert 'id="proofs-error"' in answer.get_data(as_text=True)
    proof = uploaded(firm, "document")
    number = number_in(change(firm, app, name="望澜恒锐流体控制有限公司", proofs=proof))
    assert sign_in("bureau").get(f"/files/{proof}/").status_code == 200
    assert sign_in("bureau2").get(f"/files/{proof}/").status_code in {403, 404}
    assert decided(app, sign_in("bureau"), number, "approve").status_code == 302
    assert organization(app, "望澜恒锐流体控制有限公司") is not None
    found = sign_in("operator").get("/organizations/list/?q=流体控制").get_data(as_text=True)
    assert "望澜恒锐流体控制有限公司" in found


@pytest.mark.parametrize("action", ["refuse", "return"])
def test_a_change_that_is_not_approved_changes_nothing(app, sign_in, action):
    firm = sign_in("enterprise")
    number = number_in(change(firm, app, address="望澜市澄川区别处1号"))
    assert decided(app, sign_in("bureau"), number, action, "依据不足。").status_code == 302
    held = organization(app, CERTIFIED)
    assert held.address != "望澜市澄川区别处1号"
    assert held.certification == ("certified" if action == "refuse" else "changing")
    if action == "return":
        assert "依据不足。" in firm.get("/my-organization/").get_data(as_text=True)
        assert firm.post(f"/cases/{number}/withdraw/").status_code == 302
        assert organization(app, CERTIFIED).certification == "certified"


def test_certified_columns_are_fixed_and_the_others_are_not(app, sign_in):
    firm, row = sign_in("enterprise"), organization(app, CERTIFIED)
    typed = {
        "name": "另一名称", "address": "另一地址", "contact_name": "新联系人",
        "contact_phone": "12000000131", "version": str(row.version),
    }  # fmt: skip
    answer = firm.post(f"/organizations/edit/{row.id}/", data=typed)
    assert answer.status_code == 302, problems(answer)
    after = organization(app, CERTIFIED)
    assert (after.contact_name, after.address) == ("新联系人", row.address)


# --- on behalf (代录) -----------------------------------------------------------------------


def test_staff_file_for_a_firm_that_came_with_paper(app, sign_in):
    """Marked with the filer's name; he decides nothing; the firm sees it with its account."""
    operator = sign_in("operator")
    number = number_in(certify(operator))
    row = of(app, select(Certification).where(Certification.name == FIRM["name"]))
    assert (row.filed_as, row.filed_by) == ("staff", "陆云舟")
    page = operator.get(f"/cases/{number}/").get_data(as_text=True)
    assert "代录" in page
    assert "陆云舟" in page
    visitor = sign_in("visitor")
    assert visitor.get(f"/cases/{number}/").status_code == 404
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "visitor")).one()
        session.add(Membership(user_id=person.id, organization_id=row.organization_id))
        session.commit()
    assert visitor.get(f"/cases/{number}/").status_code == 200
    assert decided(app, sign_in("bureau"), number, "approve").status_code == 302
    assert organization(app, FIRM["name"]).certification == "certified"
    assert {"visitor", "operator"} <= {name for *_rest, name in told(app, "cert.approved")}
    is_enterprise = OrgRole.organization_id == row.organization_id, OrgRole.role == "enterprise"
    assert of(app, select(OrgRole).where(*is_enterprise)) is not None
    known = organization(app, CERTIFIED)
    again = certify(operator, name=known.name, credit_code=known.credit_code)
    assert again.status_code == 400
    assert 'href="#credit_code"' in again.get_data(as_text=True)


def test_the_filer_decides_nothing(app, sign_in):
    with app.app_context(), system_session() as session:
        session.execute(update(OrgRole).where(OrgRole.role == "bureau").values(role="enterprise"))
        session.commit()
    operator = sign_in("operator")
    number = number_in(certify(operator))
    assert "action/approve" not in operator.get(f"/cases/{number}/").get_data(as_text=True)
    assert decided(app, operator, number, "approve").status_code in {403, 409}
    assert decided(app, sign_in("operator2"), number, "approve").status_code == 302


# --- the end of a certificate -------------------------------------------------------------


def at(day: date) -> datetime:
    return clock.start_of(day) + timedelta(hours=9)


def expires(app: Any, until: date) -> int:
    """Let the certification of the demonstration's enterprise end on a day; its key."""
    with app.app_context(), system_session() as session:
        own = Organization.name == CERTIFIED
        session.execute(update(Organization).where(own).values(certified_until=until))
        session.execute(update(Qualification).values(valid_until=None))
        session.execute(update(Organization).where(~own).values(certified_until=date(2099, 1, 1)))
        session.commit()
    return organization(app, CERTIFIED).id


def test_a_certificate_is_told_at_each_step_once(app):
    """Job 14: run twice is one message; of several steps missed the latest alone is sent."""
    today = clock.local_day(datetime.now(UTC))
    key = expires(app, today + timedelta(days=25))
    expected = f"lic:o{key}:{today + timedelta(days=25):%Y%m%d}:"
    for _ in range(2):
        run_job(app, "licence.expiry", at(today))
        keys = {k.split(":")[3] for _c, k, name in told(app, "licence.expiring")}
        assert keys == {"30"}
    inapp = [name for c, _k, name in told(app, "licence.expiring") if c == "inapp"]
    assert sorted(inapp) == ["enterprise", "operator", "operator2"]
    assert all(k.startswith(expected) for _c, k, _n in told(app, "licence.expiring"))
    run_job(app, "licence.expiry", at(today + timedelta(days=19)))
    run_job(app, "licence.expiry", at(today + timedelta(days=20)))
    keys = [k.split(":")[3] for c, k, name in told(app, "licence.expiring") if name == "enterprise"]
    assert sorted(set(keys)) == ["30", "7"]
    assert organization(app, CERTIFIED).certification == "certified"
    run_job(app, "licence.expiry", at(today + timedelta(days=25)))
    assert organization(app, CERTIFIED).certification == "expired"
    assert "0" in {k.split(":")[3] for _c, k, _n in told(app, "licence.expiring")}


def test_an_expired_firm_certifies_again(app, sign_in):
    expires(app, clock.local_day(clock.now()) - timedelta(days=1))
    run_job(app, "licence.expiry", clock.now())
    firm = sign_in("enterprise")
    page = firm.get("/my-organization/").get_data(as_text=True)
    assert "/certifications/add/" in page
    row = organization(app, CERTIFIED)
    known = {"name": row.name, "credit_code": row.credit_code}
    number = number_in(certify(firm, **known))
    assert organization(app, CERTIFIED).certification == "expired"
    assert decided(app, sign_in("bureau"), number, "approve").status_code == 302
    after = organization(app, CERTIFIED)
    assert after.certification == "certified"
    assert after.certified_until > clock.local_day(clock.now()) + timedelta(days=365)


def test_a_certified_firm_certifies_only_near_its_end(app, sign_in):
    firm = sign_in("enterprise")
    assert firm.get("/certifications/add/").status_code == 302
    expires(app, clock.local_day(clock.now()) + timedelta(days=59))
    assert firm.get("/certifications/add/").status_code == 200


# --- institutions -------------------------------------------------------------------------


def test_only_institutions_are_public(app, sign_in):
    """A certified enterprise is none: it is not on the portal, by no way."""
    row, visitor = organization(app, CERTIFIED), sign_in()
    assert row.certification == "certified"
    assert CERTIFIED not in visitor.get("/").get_data(as_text=True)
    assert visitor.get(f"/institutions/{row.id}/").status_code == 404
    pool = of(app, select(Organization).where(Organization.institution_state == "in_pool"))
    assert pool.certification == "certified"
    assert visitor.get(f"/institutions/{pool.id}/").status_code == 200


def test_an_institution_renews_near_its_end(app, sign_in):
    client = sign_in("institution")
    assert client.get("/accreditations/add/").status_code == 302
    with app.app_context(), system_session() as session:
        until = clock.local_day(clock.now()) + timedelta(days=20)
        of_all = update(OrgRole).where(OrgRole.role == "institution")
        session.execute(of_all.values(valid_until=until))
        session.commit()
    assert client.get("/accreditations/add/").status_code == 200
    assert "/accreditations/add/" in client.get("/my-organization/").get_data(as_text=True)


def test_no_two_requests_of_one_firm(app, sign_in):
    firm = registered(app, sign_in)
    number_in(certify(firm))
    answer = firm.get("/certifications/add/")
    assert answer.status_code == 302
    assert certify(firm).status_code == 302
    with app.app_context(), system_session() as session:
        mine = Certification.name == FIRM["name"]
        assert session.scalar(select(func.count(Certification.id)).where(mine)) == 1


# --- at registration ----------------------------------------------------------------------


@pytest.fixture
def certify_when(app):
    """``certify_when("none")``: the same profile, with another word at ``register.certify``."""
    kept = app.extensions["profile"]

    def change(word: str) -> None:
        text = (profile.FOLDER / "demo.toml").read_text(encoding="utf-8")
        changed = text.replace('certify = "later"', f'certify = "{word}"')
        assert changed != text
        app.extensions["profile"] = profile.parse("demo", changed)

    yield change
    app.extensions["profile"] = kept


ACCOUNT = {
    "mobile": "12000000170", "password": PASSWORD, "password_again": PASSWORD,
    "email": "", "username": "beichen01", "captcha": TEST_CODE, "accept_terms": "y",
}  # fmt: skip


def test_registration_with_certification_in_one_form(app, sign_in, certify_when):
    """S0-5: 立即注册 submits the case too; S0-7: the account may log in and follow it."""
    certify_when("with_registration")
    client = app.test_client()
    page = client.get("/register/?kind=enterprise").get_data(as_text=True)
    assert 'name="licence_file"' in page
    assert "multipart/form-data" in page
    assert 'name="licence_file"' not in client.get("/register/?kind=ordinary").get_data(
        as_text=True
    )
    data = FIRM | ACCOUNT | {"licence_file": (picture(), "营业执照.png")}
    answer = client.post("/register/?kind=enterprise", data=data)
    assert answer.status_code == 302, problems(answer)
    firm = sign_in("beichen01")
    page = firm.get("/my-organization/").get_data(as_text=True)
    assert "您的企业认证正在审批中，请耐心等待" in page
    row = of(app, select(Certification).where(Certification.name == FIRM["name"]))
    assert row.state == "in_review"
    assert firm.get(f"/files/{row.licence_file_id}/").status_code == 200
    number = of(app, select(FlowCase.number).where(FlowCase.flow == "certification",
                                                   FlowCase.subject_id == row.id))  # fmt: skip
    assert decided(app, sign_in("bureau"), number, "approve").status_code == 302
    assert organization(app, FIRM["name"]).certification == "certified"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("licence_file", ""),
        ("licence_file", (BytesIO(b"not a picture"), "licence.png")),
        ("staff_count", ""),
        ("name", WAITING),
    ],
)
def test_nothing_is_registered_when_the_certification_is_faulty(app, certify_when, field, typed):
    certify_when("with_registration")
    data = FIRM | ACCOUNT | {"licence_file": (picture(), "营业执照.png")} | {field: typed}
    answer = app.test_client().post("/register/?kind=enterprise", data=data)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert re.search(rf'id="{field}-error">\s*<p>', text), text[:200]
    assert 'value="beichen01"' in text
    assert of(app, select(Person).where(Person.username == "beichen01")) is None


def test_where_nobody_certifies_registering_is_enough(app, sign_in, certify_when):
    certify_when("none")
    registered(app, sign_in)
    found = organization(app, FIRM["name"])
    assert found.certification == "certified"
    assert of(app, select(Certification).where(Certification.name == FIRM["name"])) is None


def test_a_profile_knows_three_words():
    text = (profile.FOLDER / "demo.toml").read_text(encoding="utf-8")
    with pytest.raises(profile.ProfileError, match=r"register\.certify"):
        profile.parse("demo", text.replace('certify = "later"', 'certify = "perhaps"'))
