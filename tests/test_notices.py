"""Who is told what by which channel, in which words; the bell, the inbox and their settings."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select, update

from app import choices, messages
from app.extensions import system_session
from app.models import Message, MessageChoice, Person
from tests.world import World, connect, fresh_database, system

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SITE = SimpleNamespace(name="企服台", hotline="12000000000")
URL = "https://qifu.example"
RETURNED = {
    "kind": _l("Institution accreditation"),
    "title": "示例科技有限公司",
    "number": "JG-20261120-0007",
    "result": "returned",
    "opinion": "请补充营业执照。",
}


@pytest.fixture
def session(app):
    """A session of the system, before anybody was told anything."""
    with app.app_context(), system_session() as session:
        session.execute(delete(Message))
        session.commit()
        yield session


def person(session: Any, username: str, **changes: Any) -> int:
    table = Person.__table__
    if changes:
        this = update(table).where(table.c.username == username)
        session.connection().execute(this.values(**changes))
    return int(session.scalars(select(Person.id).where(Person.username == username)).one())


def told(session: Any) -> list[Message]:
    session.expire_all()
    return list(session.scalars(select(Message).order_by(Message.id)))


def notify(session: Any, *user_ids: int, occasion: str = "case.returned", key: str = "k") -> int:
    return messages.notify(session, occasion, user_ids, RETURNED, key, NOW)


# --- by which channel ------------------------------------------------------------------------


def test_one_occasion_goes_by_all_its_channels_once(session):
    who = person(session, "visitor", email="v@example.org")
    assert notify(session, who) == 3
    assert notify(session, who) == 0
    assert notify(session, who, key="another") == 3
    first = {m.channel: (m.address, m.state, m.sent_at) for m in told(session)[:3]}
    mobile = session.get_one(Person, who).mobile
    assert first == {
        "inapp": ("", "sent", NOW),
        "email": ("v@example.org", "waiting", None),
        "sms": (mobile, "waiting", None),
    }


def test_who_has_no_address_is_told_on_the_platform(session):
    who = person(session, "visitor", email=None, mobile=None)
    assert notify(session, who) == 1
    assert told(session)[0].channel == "inapp"


def test_nobody_writes_to_accounts_that_are_switched_off(session):
    who = person(session, "visitor", active=False)
    assert notify(session, who) == 0
    assert told(session) == []


def test_a_topic_can_be_switched_off_by_channel_but_not_the_safety_of_the_account(session):
    who = person(session, "visitor", email="v@example.org")
    for topic in ("case", "account"):
        session.add(MessageChoice(user_id=who, topic=topic, email=False, sms=False))
    session.commit()
    assert notify(session, who) == 1
    reset = {"at": NOW}
    written = messages.notify(session, "account.password_reset", [who], reset, "r", NOW)
    assert written == 3
    assert [m.channel for m in told(session)] == ["inapp", "inapp", "email", "sms"]


def test_telling_many_costs_two_statements(session, statements):
    everybody = list(session.scalars(select(Person.id)))
    statements.clear()
    assert notify(session, *everybody) > len(everybody)
    assert len([s for s in statements if not s.startswith("BEGIN")]) == 2, statements


# --- in which words --------------------------------------------------------------------------

EVERYTHING = {
    "title": "示例科技有限公司", "org": "示例科技有限公司", "organization": "示例科技有限公司",
    "number": "JG-20261120-0007", "kind": _l("Institution accreditation"), "result": "approved",
    "stage": _l("Platform review"), "next": _l("Platform review"), "opinion": "材料齐全",
    "due": date(2026, 11, 27), "day": date(2026, 11, 27), "at": NOW, "days": 3,
    "month": "2026-10", "points": 12, "rank": 3,
    "minutes": 5, "code": "123456",
    "actor": "陆云舟", "name": "陆云舟", "enterprise": True, "token": "t0ken", "count": 2, "num": 2,
    "occasion": _l("New task"), "head": "abc", "hash": "abc",
    "password": "secret", "n": 2, "overdue": 1,
    "path": "x", "state": _l("Sent"), "line": 3, "username": "lu", "hours": 2, "certificate": "x",
    "left": 2, "late": 1, "message": "x", "error": "x", "job": _l("Job failed"),
}  # fmt: skip


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("occasion", list(messages.OCCASIONS))
def test_every_occasion_has_words_in_both_languages(session, occasion, locale):
    for number, channel in enumerate(messages.OCCASIONS[occasion].channels):
        key = f"{occasion}:{channel}"
        messages.tell(session, occasion, "a@example.org", EVERYTHING, key, NOW, locale, channel)
        subject, body = messages.render(told(session)[number], SITE, URL)
        text = f"{subject}\n{body}"
        assert "{" not in text
        assert "%(" not in text
        if channel == "sms":
            assert subject == ""
            assert body.count("企服台") == (2 if "on 企服台" in body else 1)
            assert "://" not in body
            assert "\n" not in body
        if channel == "email":
            assert subject.startswith("【企服台】" if locale == "zh" else "[企服台]")
            assert body.count("://") == 1
            assert len(body.splitlines()) >= 5
        if channel == "inapp":
            assert subject
            assert body
            assert "://" not in text
            assert "【" not in text
        if locale == "zh":
            english = {"Your", "Please", "You", "The", "been", "Next"}
            assert not english & set(re.findall(r"[A-Za-z]+", text)), text


def test_the_words_of_the_occasions_are_known():
    assert set(choices.OCCASIONS.codes()) == set(messages.OCCASIONS)
    assert {o.topic for o in messages.OCCASIONS.values()} == set(choices.TOPICS.codes())


def test_a_phrase_is_translated_for_each_reader(session):
    who = person(session, "visitor", email=None, mobile=None)
    notify(session, who)
    (row,) = told(session)
    chinese, english = (messages.render(row, SITE, URL, locale)[1] for locale in ("zh", "en"))
    assert chinese.startswith("您的服务机构入驻申请“示例科技有限公司”被退回")
    assert english.startswith('Your Institution accreditation "示例科技有限公司" was returned')


def test_an_sms_is_one_line_without_link_and_masks_persons(session):
    words = {"actor": "陆云舟", "org": "示例科技有限公司", "number": "1", "title": "x"}
    messages.tell(session, "account.join_asked", "1", words, "k", NOW, channel="sms")
    _, text = messages.render(told(session)[0], SITE, URL)
    assert text.startswith("【企服台】")
    assert "陆云舟" not in text
    assert "陆*" in text


def test_the_mail_of_a_result_has_the_subject_of_the_contract(session):
    for result, words in (
        ("approved", "审核通过"),
        ("returned", "退回修改"),
        ("refused", "不予通过"),
    ):
        key = f"case.{result}"
        messages.tell(session, key, "a@example.org", {**RETURNED, "result": result}, key, NOW)
        subject, body = messages.render(told(session)[-1], SITE, URL)
        assert subject == f"【企服台】示例科技有限公司：{words}"
        assert "请补充营业执照。" in body
        assert body.count(f"{URL}/cases/JG-20261120-0007/") == 1


# --- what the engine tells --------------------------------------------------------------------


@pytest.fixture
def world():
    with fresh_database() as url:
        engine = connect(url)
        with system(engine) as session:
            yield World(session)
        engine.dispose()


def said_to(world: World) -> list[tuple[str, int]]:
    rows = world.session.execute(
        select(Message.occasion, Message.user_id)
        .where(Message.channel == "inapp")
        .order_by(Message.id)
    )
    return [(row.occasion, row.user_id) for row in rows]


def test_the_engine_tells_applicant_and_reviewers(world):
    world.publish(
        {"key": "check", "who": "role:operator", "due_days": 3},
        {"key": "experts", "who": "role:expert", "mode": "in_order"},
    )
    case = world.submitted()
    # 11 is an operator of the applying organization, which the flow bars.
    assert said_to(world) == [
        ("task.assigned", 2), ("task.assigned", 3), ("case.submitted", 1),
    ]  # fmt: skip
    world.desk(2).approve(world.task(case))
    assert said_to(world)[3:] == [("task.assigned", 4), ("case.stage", 1)]
    for expert in (4, 5, 6, 7):
        world.desk(expert).approve(world.task(case, expert))
    assert said_to(world)[5:] == [("task.assigned", n) for n in (5, 6, 7)] + [("case.approved", 1)]


def test_a_return_a_withdrawal_and_a_refusal_are_told(world):
    world.publish({"key": "check", "who": "role:operator"})
    case = world.submitted()
    world.desk(2).send_back(world.task(case), "Correct it")
    assert said_to(world)[3:] == [("case.returned", 1)]
    world.later(days=1)
    world.desk(1).submit(case)
    world.desk(1).withdraw(case)
    assert said_to(world)[7:] == [("case.withdrawn", 2), ("case.withdrawn", 3)]
    world.desk(1).submit(case)
    world.desk(3).refuse(world.task(case), "No")
    assert said_to(world)[12:] == [("case.refused", 1)]


def test_who_decided_has_read_what_called_him(world):
    world.publish({"key": "check", "who": "role:operator"})
    case = world.submitted()
    world.desk(2).approve(world.task(case))
    unread = select(Message.user_id).where(
        Message.read_at.is_(None), Message.occasion == "task.assigned"
    )
    assert list(world.session.scalars(unread)) == [3]


# --- the bell and the inbox --------------------------------------------------------------------


@pytest.fixture
def inbox(app, sign_in):
    """``inbox("visitor", 3)``: a client of that person with so many messages, all unread."""

    def fill(username: str, count: int) -> Any:
        with app.app_context(), system_session() as session:
            session.execute(delete(Message))
            who = person(session, username, email=None, mobile=None)
            for number in range(count):
                at = NOW + timedelta(minutes=number)
                messages.notify(session, "case.returned", [who], RETURNED, f"k{number}", at)
            session.commit()
        return sign_in(username)

    return fill


def bell(page: str) -> str:
    found = re.search(r'class="bell-count"[^>]*>([^<]*)<', page)
    return found.group(1) if found else ""


@pytest.mark.parametrize(("count", "figure"), [(0, ""), (1, "1"), (99, "99"), (120, "99+")])
def test_the_bell_counts_to_ninety_nine(inbox, count, figure):
    assert bell(inbox("visitor", count).get("/workbench/").text) == figure


def test_the_bell_costs_no_statement(inbox, statements):
    client = inbox("visitor", 3)
    client.get("/messages/settings/")
    statements.clear()
    assert bell(client.get("/messages/settings/").text) == "3"
    assert sum("message" in s for s in statements) == 2, statements  # identify, own choices


def test_opening_a_message_marks_it_read_and_leads_to_the_case(inbox):
    client = inbox("visitor", 2)
    page = client.get("/messages/").text
    assert page.count("inbox-entry unread") == 2
    first = re.search(r'action="(/messages/\d+/open/)"', page).group(1)
    answer = client.post(first)
    assert answer.headers["Location"] == "/cases/JG-20261120-0007/"
    page = client.get("/messages/").text
    assert (page.count("inbox-entry unread"), bell(page)) == (1, "1")
    assert client.get("/messages/?read=unread").text.count("inbox-entry") == 1
    assert client.get("/messages/?read=read&topic=case").text.count("inbox-entry") == 1
    assert client.get("/messages/?topic=system").text.count("inbox-entry") == 0
    client.post("/messages/read/")
    page = client.get("/messages/").text
    assert (page.count("inbox-entry unread"), bell(page)) == (0, "")


def test_messages_are_their_readers_alone(inbox, sign_in):
    page = inbox("visitor", 1).get("/messages/").text
    path = re.search(r'action="(/messages/\d+/open/)"', page).group(1)
    for other in ("operator", "sysadmin", "newcomer"):
        client = sign_in(other)
        assert client.post(path).status_code == 404
        assert "示例科技有限公司" not in client.get("/messages/").text
        assert client.post("/messages/read/").status_code == 302
    assert bell(inbox("visitor", 1).get("/workbench/").text) == "1"


def test_many_messages_come_in_pages(inbox):
    client = inbox("visitor", 45)
    seen, path = [], "/messages/"
    while path:
        page = client.get(path).text
        seen += re.findall(r"/messages/(\d+)/open/", page)
        older = re.search(r'href="([^"]*)" rel="next"', page)
        path = older.group(1).replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 45


def test_a_message_that_cannot_be_read_does_not_break_the_page(inbox, app):
    client = inbox("visitor", 1)
    with app.app_context(), system_session() as session:
        session.execute(update(Message.__table__).values(context={"number": "x"}))
        session.commit()
    page = client.get("/messages/")
    assert page.status_code == 200
    assert "申请被退回" in page.text


def test_settings_are_kept_and_hold_for_what_comes(inbox, app):
    client = inbox("visitor", 0)
    assert client.post("/messages/settings/", data={"case.sms": "1"}).status_code == 302
    page = client.get("/messages/settings/").text
    assert re.search(r'name="case.sms"[^>]*checked', page)
    assert not re.search(r'name="case.email"[^>]*checked', page)
    assert 'name="account.email"' not in page
    with app.app_context(), system_session() as session:
        who = person(session, "visitor", email="v@example.org", mobile="12000000999")
        notify(session, who)
        assert [m.channel for m in told(session)] == ["inapp", "sms"]
        session.commit()
    topics = ("case", "task", "organization", "product", "demand")
    everything = {f"{topic}.email": "1" for topic in topics} | {"case.sms": "1"}
    client.post("/messages/settings/", data=everything)
    page = client.get("/messages/settings/").text
    assert re.search(r'name="case.email"[^>]*checked', page)
    with app.app_context(), system_session() as session:
        assert session.scalar(select(func.count()).select_from(MessageChoice)) == len(topics)
