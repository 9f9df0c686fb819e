"""Agreements: written by staff, fixed once published, accepted anew by everybody."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app.access import AccessError
from app.extensions import db, system_session
from app.models import Agreement, Consent, Person

pytestmark = pytest.mark.db
DRAFT = {
    "document": "user_agreement", "number": "1.1", "title": "用户协议", "title_en": "",
    "body": "第一条 新的约定。\n\n第二条 其他。", "body_en": "",
}  # fmt: skip


def written(client, **values):
    answer = client.post("/agreements/add/", data=DRAFT | values)
    faults = BeautifulSoup(answer.text, "html.parser").select(".note, .field-error")
    assert answer.status_code == 302, [fault.get_text(" ", strip=True) for fault in faults]
    return answer.location


def published(client, **values):
    address = written(client, **values)
    answer = client.post(address.replace("show", "publish"))
    assert answer.status_code == 302, answer.text
    return address


def article(answer):
    return answer.text.partition("<article")[2].partition("</article>")[0]


def consents(app, username):
    with app.app_context(), system_session() as session:
        person = select(Person.id).where(Person.username == username).scalar_subquery()
        rows = session.scalars(select(Consent).where(Consent.user_id == person))
        return {(row.document, row.version) for row in rows}


@pytest.mark.parametrize("username", ["operator", "sysadmin"])
def test_a_new_version_is_asked_for_at_the_next_page_and_recorded(app, sign_in, username):
    staff, member = sign_in(username), sign_in("institution")
    assert member.get("/workbench/").status_code == 200
    address = written(staff)
    assert member.get("/workbench/").status_code == 200, "a draft asks nobody"
    staff.post(address.replace("show", "publish"))
    for path in ("/workbench/", "/", "/organizations/edit/1/", "/tasks/mine/"):
        answer = member.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/accept/"), path
    page = member.get("/accept/?next=/tasks/mine/").text
    assert "第一条 新的约定。" in page
    assert "1.1" in page.partition("accept-version")[2].partition("</span>")[0]
    assert page.count("<article") == 1, "the privacy policy is accepted already"
    refused = member.post("/accept/", data={"next": "/tasks/mine/"})
    assert refused.status_code == 400
    assert ("user_agreement", "1.1") not in consents(app, "institution")
    answer = member.post("/accept/", data={"version": "user_agreement 1.1", "next": "/tasks/mine/"})
    assert answer.headers["Location"] == "/tasks/mine/"
    assert ("user_agreement", "1.1") in consents(app, "institution")
    assert member.get("/workbench/").status_code == 200
    staff.post("/accept/", data={"version": "user_agreement 1.1"})
    assert "个启用账号中的2个" in staff.get(address).text


def test_until_accepted_one_can_read_them_leave_and_send_what_is_open(sign_in):
    member = sign_in("institution")
    published(sign_in("operator"))
    for path in (
        "/register/agreements/user_agreement/",
        "/register/agreements/user_agreement/1.0/",
    ):
        assert member.get(path).status_code == 200
    for path in ("/workbench/", "/accreditations/choose/", "/cases/x/"):
        assert member.get(path).headers["Location"].startswith("/accept/"), path
    assert member.put("/drafts/organizations-1", json=[["name", "x"]]).status_code == 200
    assert member.post("/cases/x/withdraw/").status_code == 404  # it arrives
    assert member.get("/lang/en").status_code == 302
    assert "Please accept" in member.get("/accept/").text
    assert member.post("/logout/").status_code == 302
    assert member.get("/").status_code == 200


def test_who_registers_accepts_what_is_in_force(app, sign_in):
    published(sign_in("operator"))
    assert "第一条 新的约定。" in sign_in().get("/register/agreements/user_agreement/").text
    typed = {
        "mobile": "13900001234", "password": "Spring#2026", "password_again": "Spring#2026",
        "accept_terms": "1", "captcha": "0000", "real_name": "何友", "username": "latefriend",
        "email": "friend@example.com",
    }  # fmt: skip
    assert sign_in().post("/register/?kind=ordinary", data=typed).status_code == 302
    assert consents(app, "latefriend") == {("user_agreement", "1.1"), ("privacy_policy", "1.0")}


def test_old_versions_stay_readable_and_drafts_are_not(sign_in):
    client = sign_in()
    old = article(client.get("/register/agreements/user_agreement/1.0/"))
    staff = sign_in("operator")
    written(staff)
    assert client.get("/register/agreements/user_agreement/1.1/").status_code == 404
    assert client.get("/register/agreements/user_agreement/").status_code == 200
    published(staff, number="1.2")
    assert article(client.get("/register/agreements/user_agreement/1.0/")) == old
    assert client.get("/register/agreements/nothing/1.0/").status_code == 404


def test_a_published_version_is_changed_by_nobody(app, sign_in, actor_of, as_actor):
    staff = sign_in("operator")
    address = published(staff)
    staff.post("/accept/", data={"version": "user_agreement 1.1"})
    for verb in ("edit", "delete", "publish"):
        assert staff.post(address.replace("show", verb), data=DRAFT).status_code in {403, 404}
    key = int(address.rstrip("/").rpartition("/")[2])
    with as_actor(actor_of("operator")) as session:
        session.get_one(Agreement, key).body = "anders"
        with pytest.raises(AccessError):
            session.flush()
    with app.app_context(), system_session() as session:
        session.get_one(Agreement, key).body = "anders"
        with pytest.raises(DatabaseError, match="not changed"):
            session.flush()
        session.rollback()
        for statement in (
            "UPDATE agreement SET state = 'draft'", "DELETE FROM agreement WHERE state <> 'draft'"
        ):  # fmt: skip
            with pytest.raises(DatabaseError, match="not changed"):
                session.connection().execute(text(statement))
            session.rollback()


def test_a_version_follows_the_one_in_force(sign_in):
    staff = sign_in("operator")
    address = written(staff, number="0.9")
    answer = staff.post(address.replace("show", "publish"))
    assert answer.status_code == 409
    assert "不高于现行版本" in answer.text
    typed = staff.post("/agreements/add/", data=DRAFT | {"number": "eins"})
    assert typed.status_code == 400
    assert "如1.2" in typed.text
    assert "新的约定" in typed.text
    twice = staff.post("/agreements/add/", data=DRAFT | {"number": "0.9"})
    assert twice.status_code == 400


def test_state_and_moment_are_not_typed(app, sign_in):
    staff = sign_in("operator")
    written(staff, state="published", published_at="2001-01-01T00:00", published_by="1")
    with app.app_context(), db.engine.connect() as rows:
        table = Agreement.__table__.c
        row = rows.execute(select(table.state, table.published_at).where(table.number == "1.1"))
        assert row.one() == ("draft", None)


@pytest.mark.parametrize("username", ["institution", "visitor", "secadmin", "bureau", None])
def test_others_do_not_write_agreements(sign_in, username):
    client = sign_in(username)
    for answer in (client.get("/agreements/list/"), client.post("/agreements/add/", data=DRAFT)):
        assert answer.status_code in {302, 403}
        assert "/agreements/show" not in answer.headers.get("Location", "")


def test_the_auditor_reads_them(sign_in):
    auditor = sign_in("auditor")
    assert auditor.get("/agreements/list/").status_code == 200
    assert auditor.post("/agreements/add/", data=DRAFT).status_code == 403
