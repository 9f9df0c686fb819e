"""The door as people meet it: SMS login, lockout, forgotten password, one's own account."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from app import clock
from app.extensions import system_session
from app.models import Captcha, LoginSession, Message, Person
from app.services import limits
from app.services.demo import PASSWORD
from tests import browser as chrome
from tests.browser import NARROW
from tests.conftest import TEST_CODE
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail
from tests.walking import JOURNEY, browser, post, site, visit  # noqa: F401 - the room of journeys

pytestmark = [*JOURNEY, pytest.mark.db]

MOBILE, NEW_MOBILE = "12000000130", "12033334444"
NEW = "Harbour#12"


@pytest.fixture
def rows(app):
    """A function that runs another on a connection of the system, and commits."""

    def run(act):
        with app.app_context(), system_session() as session:
            found = act(session.connection())
            session.commit()
            return found

    return run


@pytest.fixture
def sms(rows):
    """``sms(mobile)`` -> the code in the last SMS to a number."""

    def sms(mobile: str) -> str:
        told = select(Message.__table__).where(Message.address == mobile, Message.channel == "sms")
        last = rows(lambda r: r.execute(told.order_by(Message.id.desc())).first())
        return last.context["code"]

    return sms


@pytest.fixture
def enterprise(rows):
    """The demonstration's enterprise, with a phone and a mailbox that the tests know."""
    known = {"mobile": MOBILE, "email": "clerk@example.com"}
    me = Person.username == "enterprise"
    rows(lambda r: r.execute(update(Person.__table__).where(me).values(known)))
    return "enterprise"


def gap(rows) -> int:
    newest = select(Captcha.position).where(Captcha.position.is_not(None))
    return rows(lambda r: r.scalar(newest.order_by(Captcha.id.desc())))


def is_logged_in(page: Page) -> None:
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("link", name="工作台").first).to_be_visible()


def log_in(page: Page, password: str) -> None:
    page.goto("/login/")
    page.get_by_label("用户名或手机号码").fill("enterprise")
    page.get_by_label("密码", exact=True).fill(password)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_role("button", name="登录", exact=True).click()


@pytest.mark.usefixtures("enterprise")
@pytest.mark.parametrize("by", ["mouse", "keyboard", "touch"])
def test_a_login_by_sms_remembers_the_number(visit, rows, sms, by):
    page = visit(size=NARROW if by == "touch" else chrome.WIDE)
    page.goto("/login/")
    page.get_by_role("link", name="短信登录").click()
    page.get_by_label("手机号码").fill(MOBILE)
    page.get_by_label("记住手机号").check()
    page.get_by_role("button", name="发送验证码").click()
    slider = page.get_by_label("拖动滑块完成拼图")
    expect(slider).to_be_visible()
    expect(page.locator(".slider-piece")).to_have_attribute("src", re.compile("^data:image/png"))
    assert chrome.overhang(page) <= 0
    if by == "keyboard":
        for _step in range(gap(rows)):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    else:
        box = slider.bounding_box()
        thumb, travel = 16, 234
        start, middle = box["x"] + thumb / 2, box["y"] + box["height"] / 2
        page.mouse.move(start, middle)
        page.mouse.down()
        page.mouse.move(start + 3, middle)
        page.mouse.move(start + gap(rows) * (box["width"] - thumb) / travel, middle, steps=8)
        page.mouse.up()
    expect(page.get_by_text("验证码已发送")).to_be_visible()
    expect(page.get_by_role("button", name="秒后重新获取")).to_be_disabled()
    page.get_by_label("短信验证码").fill(sms(MOBILE))
    page.get_by_role("button", name="登录", exact=True).click()
    is_logged_in(page)
    page.goto("/login/?way=sms")
    expect(page.get_by_label("手机号码")).to_have_value(MOBILE)


@pytest.mark.usefixtures("enterprise")
def test_a_locked_account_is_told_until_when_and_what_to_do(visit, rows):
    page = visit()
    for _try in range(5):
        log_in(page, "Wrong#123")
    expect(page.get_by_role("alert")).to_contain_text("登录失败次数过多，已锁定至")
    log_in(page, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("忘记密码")
    me = rows(lambda r: r.scalar(select(Person.id).where(Person.username == "enterprise")))
    past = clock.now() - timedelta(minutes=16)
    earlier = {"locked_until": past + timedelta(minutes=15)}
    rows(lambda r: limits.exhaust(r, f"login:{me}", 5, past))
    rows(lambda r: r.execute(update(Person.__table__).where(Person.id == me).values(earlier)))
    log_in(page, PASSWORD)
    is_logged_in(page)
    page.goto("/messages/")
    expect(page.get_by_text("账号已锁定").first).to_be_visible()


def begin(page: Page, account: str) -> None:
    page.goto("/login/")
    page.get_by_role("link", name="忘记密码").click()
    page.get_by_label("用户名或手机号码").fill(account)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_role("button", name="下一步").click()


def choose(page: Page) -> None:
    page.get_by_label("新密码").fill("weak")
    expect(page.get_by_text("弱", exact=True)).to_be_visible()
    page.get_by_label("新密码").fill(NEW)
    page.get_by_label("确认密码").fill("other")
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_text("两次输入的密码不一致").first).to_be_visible()
    page.get_by_label("新密码").fill(NEW)
    page.get_by_label("确认密码").fill(NEW)
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_text("密码已修改，请使用新密码登录")).to_be_visible()
    log_in(page, NEW)
    is_logged_in(page)


@pytest.mark.usefixtures("enterprise")
def test_a_forgotten_password_by_a_link_in_the_mail(visit, post):
    page = visit()
    begin(page, "enterprise")
    page.get_by_role("button", name="发送重置链接").click()
    expect(page.get_by_text("重置链接已发送")).to_be_visible()
    text = post("clerk@example.com").get_content()
    path = re.search(r"/forgot/link/[\w-]+/", text)[0]
    page.goto(path)
    expect(page).to_have_url(re.compile("/forgot/new/$"))
    choose(page)
    page.goto(path)
    expect(page.get_by_text("已使用、已被替换或已过期").first).to_be_visible()


@pytest.mark.usefixtures("enterprise")
def test_a_forgotten_password_by_sms(visit, sms):
    page = visit(size=NARROW)
    begin(page, MOBILE)
    page.get_by_role("button", name="发送验证码").click()
    expect(page.get_by_text("验证码已发送")).to_be_visible()
    page.get_by_label("短信验证码").fill(sms(MOBILE))
    page.get_by_role("button", name="下一步").click()
    assert chrome.overhang(page) <= 0
    choose(page)


def open_in_user_menu(page: Page, name: str) -> None:
    page.goto("/workbench/")
    page.locator(".topbar details.menu summary").last.click()
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_changing_the_password_ends_the_other_logins(visit, enterprise):
    page, other = visit(enterprise), visit(enterprise)
    open_in_user_menu(page, "修改密码")
    page.get_by_label("当前密码").fill(PASSWORD)
    page.get_by_label("新密码").fill(NEW)
    page.get_by_label("确认密码").fill(NEW)
    page.get_by_role("button", name="保存新密码").click()
    expect(page.get_by_text("密码修改成功")).to_be_visible()
    other.goto("/workbench/")
    expect(other.get_by_text("登录已失效")).to_be_visible()


def test_another_phone_is_bound(visit, enterprise, sms):
    page = visit(enterprise)
    open_in_user_menu(page, "修改绑定手机号")
    by_phone = page.locator("form", has_text="通过绑定手机")
    by_phone.get_by_role("button", name="发送验证码").click()
    expect(by_phone.get_by_role("button", name="秒后重新获取")).to_be_disabled()
    by_phone.get_by_label("短信验证码").fill(sms(MOBILE))
    by_phone.get_by_role("button", name="下一步").click()
    page.get_by_label("新手机号").fill(NEW_MOBILE)
    page.get_by_role("button", name="发送验证码").click()
    expect(page.get_by_text("验证码已发送")).to_be_visible()
    page.get_by_label("短信验证码").fill(sms(NEW_MOBILE))
    page.get_by_role("button", name="绑定新手机号").click()
    expect(page.get_by_text("新手机号绑定成功")).to_be_visible()
    expect(page.get_by_text(NEW_MOBILE)).to_be_visible()


def test_a_login_elsewhere_is_ended(visit, enterprise, rows):
    page, other = visit(enterprise), visit(enterprise)
    open_in_user_menu(page, "登录设备")
    expect(page.get_by_text("当前登录")).to_have_count(1)
    page.get_by_role("button", name="退出", exact=True).click()
    expect(page.get_by_text("已退出该登录")).to_be_visible()
    other.goto("/account/")
    expect(other.get_by_text("登录已失效")).to_be_visible()
    reasons = rows(lambda r: r.scalars(select(LoginSession.end_reason)).all())
    assert sorted(reasons) == ["", "ended"]
