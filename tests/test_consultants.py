"""Service consultants: added, invited by a link that works once, reviewed, linked, let go."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, select, update

from app import clock, jobs
from app.errors import DomainError
from app.extensions import system_session
from app.models import (
    Consultant,
    ConsultantLink,
    ConsultantReview,
    FlowCase,
    FlowEvent,
    FlowTask,
    Invitation,
    Message,
    Person,
)
from app.services import people
from app.services.demo import PASSWORD
from tests.test_certification import number_in, of, problems, uploaded
from tests.test_imports import sent as sheet_sent, sheet

pytestmark = pytest.mark.db

NAME, MOBILE, EMAIL = "温若谷", "12000000570", "wen@example.com"
LINE = {"name": NAME, "mobile": MOBILE, "email": EMAIL, "title": "顾问", "specialities": "sz04"}
SERVES = "从事系统集成与数据治理多年，熟悉离散制造车间的设备联网、看板与质量追溯的上线过程。"
VOID = "使用过、已被替换或已过期"


# --- tools --------------------------------------------------------------------------------


def added(client: Any, **changes: str) -> Any:
    return client.post("/consultants/add/", data=LINE | changes)


def line(app: Any, mobile: str = MOBILE) -> Consultant:
    return of(app, select(Consultant).where(Consultant.mobile == mobile))


def link_in_mail(app: Any, email: str = EMAIL) -> str:
    """The address in the newest mail, before it is sent and forgotten."""
    mine = Message.address == email, Message.occasion == "consultant.invited"
    mail = of(app, select(Message).where(*mine).order_by(Message.id.desc()))
    return f"/invitations/{mail.context['token']}/"


def invited(app: Any, client: Any, **changes: str) -> str:
    """A new line of the institution's list; the link that was sent."""
    assert added(client, **changes).status_code == 302
    key = line(app, changes.get("mobile", MOBILE)).id
    assert client.post(f"/consultants/invite/{key}/").status_code == 302
    return link_in_mail(app, changes.get("email", EMAIL))


def accepts(client: Any, link: str, **form: str) -> Any:
    """What a browser sends that followed the link."""
    assert client.get(link).status_code == 302
    return client.post("/invitations/", data={"way": "new", "accept_terms": "y"} | form)


def opened(client: Any, link: str, password: str = PASSWORD) -> Any:
    return accepts(client, link, password=password, password_again=password)


def profile_of(client: Any, **changes: str) -> dict[str, str]:
    return {
        "name": NAME, "title": "顾问", "email": EMAIL, "specialities": "sz04", "years": "8",
        "intro": SERVES, "photo": uploaded(client, "photo"), "languages": "zh",
        "visible_contact": "y", "accept_terms": "y",
    } | changes  # fmt: skip


def sent(client: Any, **changes: str) -> str:
    return number_in(client.post("/my-profile/add/", data=profile_of(client, **changes)))


def decides(app: Any, client: Any, number: str, action: str = "approve", opinion: str = "") -> Any:
    case = of(app, select(FlowCase).where(FlowCase.number == number))
    task = of(app, select(FlowTask).where(FlowTask.case_id == case.id, FlowTask.state == "open"))
    path = f"/cases/{number}/tasks/{task.id}/{action}/"
    return client.post(path, data={"opinion": opinion})


def linked(app: Any, sign_in: Any, institution: Any) -> Any:
    """A consultant from the list to his first day; his browser."""
    client = app.test_client()
    assert opened(client, invited(app, institution)).status_code == 302
    assert decides(app, sign_in("operator"), sent(client)).status_code == 302
    return client


# --- adding and inviting ----------------------------------------------------------------------


def test_a_line_is_added_and_what_is_wrong_with_it_is_told_at_once(app, sign_in):
    client = sign_in("institution")
    assert added(client).status_code == 302
    again = added(client, specialities="fl01", email="none", name="")
    text = again.get_data(as_text=True)
    assert again.status_code == 400
    assert len(re.findall('class="field-error"[^>]*>\\s*<p>', text)) >= 4, problems(again)
    others = sign_in("institution2")
    assert added(others, specialities="fl01").status_code == 302  # each its own list
    page = others.get("/consultants/list/").get_data(as_text=True)
    assert "顾一川" not in page
    assert client.get(f"/consultants/show/{line(app).id + 1}/").status_code == 404


def test_several_are_invited_at_once_and_a_resent_link_voids_the_older_one(app, sign_in):
    client = sign_in("institution")
    added(client)
    added(client, mobile="12000000571", email="b@example.com", name="乙")
    keys = [line(app).id, line(app, "12000000571").id]
    assert client.post("/consultants/invite/", data={"id": keys}).status_code == 302
    assert line(app).state == line(app, "12000000571").state == "invited"
    first = link_in_mail(app)
    assert client.post(f"/consultants/invite/{keys[0]}/").status_code == 302
    second = link_in_mail(app)
    assert first != second
    visitor = app.test_client()
    visitor.get(first)
    assert visitor.get("/invitations/").status_code == 410
    visitor.get(second)
    assert visitor.get("/invitations/").status_code == 200
    kept = [i.token_hash for i in all_of(app, select(Invitation))]
    assert all(token not in kept for token in (first.split("/")[2], second.split("/")[2]))
    assert len(first.split("/")[2]) >= 43  # 256 bit
    states = all_of(app, select(Invitation.state).where(Invitation.consultant_id == keys[0]))
    assert sorted(states) == ["open", "void"]


def all_of(app: Any, query: Any) -> list[Any]:
    with app.app_context(), system_session() as session:
        return list(session.scalars(query))


def test_an_institution_cannot_write_to_somebody_without_end(app, sign_in):
    client = sign_in("institution")
    invited(app, client)
    for _time in range(6):
        client.post(f"/consultants/invite/{line(app).id}/")
    count = select(func.count()).select_from(Invitation)
    assert of(app, count.where(Invitation.consultant_id == line(app).id)) == 5


def test_another_address_voids_the_link_that_is_on_its_way(app, sign_in):
    client = sign_in("institution")
    link = invited(app, client)
    row = line(app)
    changed = LINE | {"email": "other@example.com", "version": str(row.version)}
    answer = client.post(f"/consultants/edit/{row.id}/", data=changed)
    assert answer.status_code == 302, problems(answer)
    assert line(app).state == "none"
    visitor = app.test_client()
    visitor.get(link)
    assert visitor.get("/invitations/").status_code == 410


# --- the link -----------------------------------------------------------------------------


def test_links_that_do_not_work_all_say_the_same(app, sign_in):
    """Used, replaced, taken back, too old, guessed: nobody learns which."""
    client = sign_in("institution")
    links = {name: invited(app, client, mobile=f"1200000058{n}", email=f"{n}@example.com")
             for n, name in enumerate(("used", "back", "late", "replaced"))}  # fmt: skip
    assert opened(app.test_client(), links["used"]).status_code == 302
    client.post(f"/consultants/take-back/{line(app, '12000000581').id}/")
    with app.app_context(), system_session() as session:
        late = update(Invitation).where(Invitation.email == "2@example.com")
        past = clock.now() - timedelta(seconds=1)
        session.connection().execute(late.values(expires_at=past))
        session.commit()
    client.post(f"/consultants/invite/{line(app, '12000000583').id}/")
    answers = set()
    for link in (*links.values(), "/invitations/guessed/", f"/invitations/{'x' * 500}/"):
        visitor = app.test_client()
        away = visitor.get(link)
        page = visitor.get("/invitations/")
        form = {"way": "new", "password": PASSWORD, "password_again": PASSWORD, "accept_terms": "y"}
        visitor.get(link)
        post = visitor.post("/invitations/", data=form)
        text = re.sub(r'(nonce|value|content)="[^"]*"', "", page.get_data(as_text=True))
        more = re.sub(r'(nonce|value|content)="[^"]*"', "", post.get_data(as_text=True))
        answers.add((away.status_code, away.location, page.status_code, text, post.status_code))
        assert more == text
    assert len(answers) == 1
    assert next(iter(answers))[2] == 410


def test_looking_at_a_link_uses_nothing_up(app, sign_in):
    link = invited(app, sign_in("institution"))
    for _time in range(3):
        visitor = app.test_client()
        assert visitor.get(link).status_code == 302
        page = visitor.get("/invitations/")
        assert page.status_code == 200
        assert MOBILE not in page.get_data(as_text=True)
        assert link.split("/")[2] not in page.get_data(as_text=True)
    wrong = accepts(app.test_client(), link, password="short", password_again="other")
    assert wrong.status_code == 400
    assert of(app, select(Invitation.used_at).where(Invitation.email == EMAIL)) is None
    assert opened(app.test_client(), link).status_code == 302


def test_fifty_uses_at_once_give_one_account(app, sign_in):
    link = invited(app, sign_in("institution"))
    browsers = [app.test_client() for _n in range(50)]
    for browser in browsers:
        browser.get(link)
    start = Barrier(len(browsers))

    def use(browser: Any) -> int:
        form = {"way": "new", "password": PASSWORD, "password_again": PASSWORD, "accept_terms": "y"}
        start.wait()
        return browser.post("/invitations/", data=form).status_code

    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(use, browsers))
    assert answers.count(302) == 1, answers
    assert set(answers) <= {302, 400, 410}
    count = select(func.count()).select_from(Person).where(Person.mobile == MOBILE)
    assert of(app, count) == 1
    assert line(app).state == "accepted"
    used = select(func.count()).select_from(Invitation).where(Invitation.used_by.is_not(None))
    assert of(app, used.where(Invitation.email == EMAIL)) == 1


def test_an_account_that_one_has_takes_the_invitation_up(app, sign_in):
    """By its password or signed in; not that of an organization, of staff or of another one."""
    link = invited(app, sign_in("institution"), mobile="12000000591")
    signed_in = {"way": "known", "username": "visitor", "known_password": "wrong#Pass1"}
    assert accepts(app.test_client(), link, **signed_in).status_code == 400
    for name in ("newcomer", "operator", "consultant", "institution"):
        client = sign_in(name)
        assert accepts(client, link, way="mine").status_code == 400, name
    client = app.test_client()
    right = {"way": "known", "username": "visitor", "known_password": PASSWORD}
    assert accepts(client, link, **right).status_code == 302
    assert client.get("/my-profile/").status_code == 200
    visitor = select(Person.id).where(Person.username == "visitor")
    assert line(app, "12000000591").user_id == of(app, visitor)


# --- review, link and end -----------------------------------------------------------------------


def test_the_way_of_a_consultant_from_the_list_to_the_end(app, sign_in):
    """S4-5 … S4-8: reviewed by the administrator, acts for the institution, and no longer."""
    institution, operator = sign_in("institution"), sign_in("operator")
    client = app.test_client()
    opened(client, invited(app, institution))
    assert client.get("/workbench/").status_code == 200
    faulty = client.post("/my-profile/add/", data=profile_of(client, intro="短", years=""))
    assert faulty.status_code == 400
    outside = client.post("/my-profile/add/", data=profile_of(client, specialities="fl01"))
    assert outside.status_code == 400
    number = sent(client)
    assert number.startswith("GW-")
    assert line(app).state == "in_review"
    assert client.get(f"/cases/{number}/").status_code == 200
    returned = decides(app, operator, number, "return", "照片请换成本人近照。")
    assert returned.status_code == 302
    assert line(app).state == "returned"
    review = of(app, select(ConsultantReview).where(ConsultantReview.name == NAME))
    form = profile_of(client, version=str(review.version), years="9")
    assert number_in(client.post(f"/my-profile/edit/{review.id}/", data=form)) == number
    assert decides(app, institution, number).status_code in {403, 404, 409}
    assert decides(app, operator, number).status_code == 302
    row = line(app)
    assert (row.state, row.years, row.intro) == ("linked", 9, SERVES)
    key = row.id
    mine = (
        Message.occasion == "consultant.linked",
        Message.dedupe_key.startswith(f"consultant.linked:{key}:"),
    )
    told = all_of(app, select(Message.channel).where(*mine))
    assert sorted(told) == ["email", "email", "inapp", "inapp"]
    menu = client.get("/workbench/").get_data(as_text=True)
    assert "我的资料" in menu
    assert client.get(f"/market/consultants/{key}/").status_code == 200

    change = number_in(client.post("/my-profile/add/", data=profile_of(client, years="11")))
    assert (line(app).state, line(app).years) == ("linked", 9)  # the old one holds meanwhile
    assert decides(app, operator, change).status_code == 302
    assert (line(app).state, line(app).years) == ("linked", 11)

    bare = institution.post(f"/consultants/unlink/{key}/", data={})
    assert bare.status_code == 400  # a reason is wanted
    ended = institution.post(f"/consultants/unlink/{key}/", data={"reason": "left"})
    assert ended.status_code == 302
    assert line(app).state == "unlinked"
    assert client.get("/my-profile/").status_code == 403  # the tab that was open
    assert client.post("/my-profile/add/", data={}).status_code == 403
    assert app.test_client().get(f"/market/consultants/{key}/").status_code == 404
    period = of(app, select(ConsultantLink).where(ConsultantLink.consultant_id == key))
    assert period.ended_at is not None
    assert period.reason == "left"
    assert institution.get(f"/consultants/show/{key}/").status_code == 200


def test_linking_again_needs_a_new_invitation_and_keeps_the_account(app, sign_in):
    """Over time one account serves two institutions; at one time one."""
    institution, other = sign_in("institution"), sign_in("institution2")
    client = linked(app, sign_in, institution)
    key, user = line(app).id, line(app).user_id
    link = invited(app, other, mobile="12000000592", email="second@example.com",
                   specialities="fl01")  # fmt: skip
    assert accepts(client, link, way="mine").status_code == 400  # serves another already
    institution.post(f"/consultants/unlink/{key}/", data={"reason": "transfer"})
    assert accepts(client, link, way="mine").status_code == 302
    number = sent(client, specialities="fl01")
    assert decides(app, sign_in("operator"), number).status_code == 302
    second = line(app, "12000000592")
    assert (second.state, second.user_id) == ("linked", user)
    institution.post(f"/consultants/invite/{key}/")
    assert line(app).state == "invited"
    assert accepts(client, link_in_mail(app), way="mine").status_code == 400
    other.post(f"/consultants/unlink/{second.id}/", data={"reason": "project"})
    assert accepts(client, link_in_mail(app), way="mine").status_code == 302
    assert decides(app, sign_in("operator"), sent(client)).status_code == 302
    periods = all_of(app, select(ConsultantLink.user_id).where(ConsultantLink.user_id == user))
    assert len(periods) == 3


def test_nobody_takes_over_what_somebody_else_said_or_earned(app, sign_in):
    """A line under which somebody served is his; one that came to nothing is blank again."""
    institution, operator = sign_in("institution"), sign_in("operator")
    linked(app, sign_in, institution)
    key = line(app).id
    institution.post(f"/consultants/unlink/{key}/", data={"reason": "left"})
    there = LINE | {"email": "new@example.com", "version": str(line(app).version)}
    assert institution.post(f"/consultants/edit/{key}/", data=there).status_code == 302
    institution.post(f"/consultants/invite/{key}/")
    renamed = there | {"name": "别人", "mobile": "12000000571", "version": str(line(app).version)}
    institution.post(f"/consultants/edit/{key}/", data=renamed)
    assert (line(app).name, line(app).email) == (NAME, "new@example.com")
    link = link_in_mail(app, "new@example.com")
    assert accepts(sign_in("visitor"), link, way="mine").status_code == 400
    assert line(app).state == "invited"

    first, number = app.test_client(), "12000000590"
    opened(first, invited(app, institution, mobile=number, email="one@example.com"))
    case = sent(first, id_no="11010519491231002X", email="one@example.com")
    with app.app_context(), system_session() as session:  # as a review that got so far leaves it
        session.execute(update(Consultant).where(Consultant.mobile == number).values(
            id_no="11010519491231002X", industries=["C"]))  # fmt: skip
        session.commit()
    assert decides(app, operator, case, "refuse", "资料不属实。").status_code == 302
    institution.post(f"/consultants/invite/{line(app, number).id}/")
    other = sign_in("visitor")
    assert accepts(other, link_in_mail(app, "one@example.com"), way="mine").status_code == 302
    assert "11010519491231002X" not in other.get("/my-profile/add/").text
    assert (line(app, number).id_no, line(app, number).industries) == (None, [])


def test_whoever_serves_an_institution_enters_no_organization_beside_it(app, sign_in):
    institution, visitor = sign_in("institution"), sign_in("visitor")
    user = of(app, select(Person.id).where(Person.username == "visitor"))
    assert accepts(visitor, invited(app, institution), way="mine").status_code == 302
    with app.app_context(), system_session() as session:
        rows = session.connection()
        with pytest.raises(DomainError, match="为某家机构服务"):
            people.enter(rows, user, 1, clock.now())
    institution.post(f"/consultants/unlink/{line(app).id}/", data={"reason": "other"})
    with app.app_context(), system_session() as session:
        people.enter(session.connection(), user, 1, clock.now())


def test_the_page_of_an_invitation_is_kept_by_no_browser(app, sign_in):
    client, link = app.test_client(), invited(app, sign_in("institution"))
    for answer in (client.get(link), client.get("/invitations/")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_line_of_a_form_stays_one_line(app, sign_in):
    """A name with a break would break the heads of mails and the rows of sheets."""
    assert added(sign_in("institution"), name="温\n若\r\n谷\t\u2028").status_code == 302
    assert line(app).name == "温 若 谷"


def test_marks_that_nobody_sees_make_no_other_name(app, sign_in):
    """Neither in a form nor in a sheet nor in what a reviewer says."""
    turns, widths = "\u200e\u200f\u202a\u202e\u2066\u2069", "\u200b\u200c\u200d\u2060\ufeff"
    mark = turns + widths
    house, operator = sign_in("institution"), sign_in("operator")
    answer = added(house, name=f"{mark}温若{mark}谷", email=f"wen{mark}@example.com")
    assert answer.status_code == 302
    assert (line(app).name, line(app).email) == (NAME, EMAIL)
    assert "此项必填。" in " ".join(problems(added(house, name=mark, mobile="12000000571")))
    row = (f"沈{mark}遥", "12000000572", "shen@example.com", "", "系统集成", f"备{mark}注")
    answer = sheet_sent(house, sheet(row))
    jobs.run_job(app, "import.run")
    house.post(f"{answer.location}confirm/")
    jobs.run_job(app, "import.run")
    assert (line(app, "12000000572").name, line(app, "12000000572").note) == ("沈遥", "备注")
    client = app.test_client()
    assert opened(client, invited(app, house, mobile="12000000573", email="x@example.com"))
    number = sent(client, name=f"温{mark}若谷")
    assert decides(app, operator, number, "return", f"照片{mark}不清晰").status_code == 302
    told = of(app, select(FlowEvent.opinion).order_by(FlowEvent.id.desc()))
    assert told == "照片不清晰"


# --- what an address tells beforehand ---------------------------------------------------------


def test_an_address_that_is_known_is_told_before_anybody_is_invited(app, sign_in):
    """Beside the field, after saving and in the preview of a sheet; nothing of the person."""
    house, other = sign_in("institution"), sign_in("institution2")
    serving = "已关联其他机构"
    words = {"linked": serving, "bound": "已归属其他单位或平台", "free": "已有平台账号", "new": ""}
    with app.app_context(), system_session() as session:
        for name, key in (("consultant", "linked"), ("enterprise", "bound"), ("visitor", "free")):
            person = session.scalars(select(Person).where(Person.username == name)).one()
            person.email = f"{key}@example.com"
        session.commit()
    for key, said in words.items():
        answer = other.post("/consultants/address/", data={"typed": f"{key}@example.com"})
        assert said in answer.json["said"], key
        assert bool(answer.json["said"]) == bool(said), key
        assert "顾" not in answer.json["said"].replace("顾问", "")
    assert 'data-remarks="/consultants/address/"' in other.get("/consultants/add/").text
    # The institution's own consultant is no news to it.
    own = house.post("/consultants/address/", data={"typed": "linked@example.com"})
    assert own.json["said"] == ""

    field = BeautifulSoup(other.get("/consultants/add/").text, "html.parser")
    code = field.select_one("[name=specialities] option[value]:not([value=''])")
    typed = {"specialities": code["value"], "email": "linked@example.com"}
    page = other.post("/consultants/add/", data=LINE | typed, follow_redirects=True).text
    assert serving in page
    key = line(app).id
    other.post(f"/consultants/invite/{key}/")
    assert line(app).state == "invited"  # the link may have ended until it is answered

    row = ("李某", "12000000574", "free@example.com", "", code.get_text(strip=True), "")
    answer = sheet_sent(other, sheet(row))
    jobs.run_job(app, "import.run")
    page = other.get(answer.location).text
    assert "全部行均无误" in page
    assert words["free"] in page


def test_an_institution_waits_for_so_many_answers_at_a_time(app, sign_in, monkeypatch):
    house = sign_in("institution")
    profile = app.extensions["profile"]
    rule = replace(profile.consultants, open_invitations=2)
    monkeypatch.setitem(app.extensions, "profile", replace(profile, consultants=rule))
    for n in range(3):
        added(house, mobile=f"1200000058{n}", email=f"c{n}@example.com")
    keys = [line(app, f"1200000058{n}").id for n in range(3)]
    page = house.post("/consultants/invite/", data={"id": keys}, follow_redirects=True).text
    assert "待答复的邀请已达上限2个" in page
    assert {line(app, f"1200000058{n}").state for n in range(3)} == {"none"}
    for key in keys[:2]:
        house.post(f"/consultants/invite/{key}/")
    page = house.post(f"/consultants/invite/{keys[2]}/", follow_redirects=True).text
    assert "已达上限2个" in page
    house.post(f"/consultants/invite/{keys[0]}/")  # again, which is no further one
    assert line(app, "12000000580").state == "invited"
    house.post(f"/consultants/take-back/{keys[0]}/")
    house.post(f"/consultants/invite/{keys[2]}/")
    assert line(app, "12000000582").state == "invited"


def test_a_review_under_way_links_nobody_whose_engagement_has_ended(app, sign_in):
    institution, operator = sign_in("institution"), sign_in("operator")
    client = app.test_client()
    opened(client, invited(app, institution))
    number = sent(client)
    institution.post(f"/consultants/unlink/{line(app).id}/", data={"reason": "other"})
    assert decides(app, operator, number).status_code == 409
    assert decides(app, operator, number, "refuse", "机构已解除。").status_code == 302
    assert line(app).state == "unlinked"


def test_colleagues_of_others_and_staff_move_nothing_of_an_institution(app, sign_in):
    key = of(app, select(Consultant.id).where(Consultant.name == "顾一川"))
    for name in ("institution2", "operator", "enterprise", "consultant", "visitor", "auditor"):
        client = sign_in(name)
        for action in ("invite", "unlink", "take-back", "edit", "delete"):
            answer = client.post(f"/consultants/{action}/{key}/", data={"reason": "left"})
            assert answer.status_code in {403, 404}, (name, action)
    assert of(app, select(Consultant.state).where(Consultant.id == key)) == "linked"


def test_the_note_of_the_institution_and_numbers_stay_where_they_belong(app, sign_in):
    institution = sign_in("institution")
    assert added(institution, note="只给我们看的话").status_code == 302
    row = line(app)
    page = institution.get(f"/consultants/show/{row.id}/").get_data(as_text=True)
    assert "只给我们看的话" in page
    assert MOBILE in page
    staff = sign_in("operator").get(f"/all-consultants/show/{row.id}/").get_data(as_text=True)
    assert "只给我们看的话" not in staff
    assert MOBILE not in staff
    linked_key = of(app, select(Consultant.id).where(Consultant.name == "顾一川"))
    public = app.test_client().get(f"/market/consultants/{linked_key}/").get_data(as_text=True)
    assert "顾一川" in public
    assert "120000004" not in public
    assert "@example.com" not in public


# --- jobs -----------------------------------------------------------------------------------


def test_invitations_end_and_are_reminded_of_once(app, sign_in):
    """Jobs 15 and 16: day 3 and the last day; the institution is told of the end."""
    institution = sign_in("institution")
    invited(app, institution)
    start = of(app, select(Invitation.created_at).where(Invitation.email == EMAIL))
    mine = Message.address == EMAIL, Message.occasion == "consultant.reminder"
    counted = select(func.count()).select_from(Message).where(*mine)
    for days, expected in ((2, 0), (3.1, 1), (3.2, 1), (6.1, 2), (6.5, 2)):
        for _twice in range(2):
            run(app, "invite.remind", start + timedelta(days=days))
        assert of(app, counted) == expected, days
    run(app, "invite.expire", start + timedelta(days=6.9))
    assert line(app).state == "invited"
    for _twice in range(2):
        run(app, "invite.expire", start + timedelta(days=7))
    assert line(app).state == "expired"
    key = of(app, select(Invitation.id).where(Invitation.email == EMAIL))
    told = select(func.count()).select_from(Message)
    assert of(app, told.where(Message.dedupe_key.startswith(f"inv:{key}:exp"))) == 1
    assert institution.post(f"/consultants/invite/{line(app).id}/").status_code == 302
    assert line(app).state == "invited"


def run(app: Any, name: str, now: Any) -> None:
    with app.app_context(), system_session() as session:
        jobs.registry[name].function(session, now)
        session.commit()
