"""Messages as people meet them: the bell, the message centre, and a dead letter sent again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, select

from app import clock, messages
from app.extensions import mail, system_session
from app.jobs.outbox import send_waiting
from app.models import FlowCase, Message, Person
from tests.browser import NARROW, WIDE, overhang
from tests.test_messages import (  # noqa: F401 - the fixtures of real mail
    RETURNED,
    free_port,
    mail_goes_to,
    mailbox,
)
from tests.walking import JOURNEY, browser, site, visit  # noqa: F401 - the room of journeys

pytestmark = [*JOURNEY, pytest.mark.db]


@pytest.fixture
def nobody_told(app):
    with app.app_context(), system_session() as session:
        session.execute(delete(Message))
        session.commit()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_bell_leads_to_the_message_and_the_message_to_its_case(
    app, nobody_told, visit, size
):  # fmt: skip
    del nobody_told
    with app.app_context(), system_session() as session:
        who = select(Person.id).where(Person.username == "institution").scalar_subquery()
        case = session.scalars(select(FlowCase).where(FlowCase.applicant_id == who)).first()
        words = {"number": case.number, "title": case.title, "kind": "x", "opinion": "请补充材料。"}
        number, reader = case.number, case.applicant_id
        messages.notify(session, "case.returned", [reader], words, "k", clock.now(), ("inapp",))
        session.commit()
    page = visit("institution", size=size)
    expect(page.locator(".bell-count")).to_have_text("1")
    page.get_by_role("link", name="消息中心，1条未读").click()
    expect(page.get_by_role("heading", name="消息中心", level=1)).to_be_visible()
    assert overhang(page) <= 0
    entry = page.get_by_role("button", name=re.compile("申请被退回"))
    expect(entry).to_contain_text("请补充材料。")
    entry.click()
    expect(page).to_have_url(re.compile(f"/cases/{number}/$"))
    expect(page.locator(".bell-count")).to_have_count(0)
    page.goto("/messages/settings/")
    page.get_by_role("checkbox", name="申请进度: 短信").uncheck()
    assert overhang(page) <= 0
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("checkbox", name="申请进度: 短信")).not_to_be_checked()


def test_a_message_that_was_given_up_is_sent_again_by_hand(
    app, nobody_told, visit, monkeypatch, request
):  # fmt: skip
    del nobody_told
    server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": free_port(), "MAIL_BACKEND": "smtp"}
    monkeypatch.setitem(app.extensions, "mailman", mail.init_mail(app.config | server))
    now = clock.now() - timedelta(days=2)
    with app.app_context(), system_session() as session:
        address = "reader@example.org"
        messages.tell(session, "institution.result", address, RETURNED, "k", now)
        session.commit()
        for hours in range(0, 30, 6):
            for minutes in (0, 1, 10, 30, 100):
                send_waiting(session, now + timedelta(hours=hours, minutes=minutes))
    page = visit("sysadmin")
    expect(page.locator(".bell-count")).to_have_text("1")
    page.get_by_role("link", name="消息中心，1条未读").click()
    page.get_by_role("button", name=re.compile("后台任务异常")).click()
    expect(page.get_by_role("heading", name="消息发送记录", level=1)).to_be_visible()
    row = page.get_by_role("row", name=re.compile("服务机构入驻申请审核结果"))
    expect(row).to_contain_text("发送失败")
    expect(row).to_contain_text("r***@example.org")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="重发").last.click()
    expect(page.get_by_text("已安排重发1条消息。")).to_be_visible()
    box = request.getfixturevalue("mailbox")
    with app.app_context(), system_session() as session:
        send_waiting(session, clock.now())
    assert "reader@example.org" in [to for letter in box.letters for to in letter.recipients]
    page.goto("/outbox/list/?tab=sent")
    expect(page.get_by_role("row", name=re.compile("服务机构入驻申请审核结果"))).to_contain_text(
        "已发送"
    )
