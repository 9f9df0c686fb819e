"""Chapter 二 of the manual (S4-5 … S4-8) in Chromium: added, invited, reviewed, let go."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app import clock, jobs
from app.services.demo import PASSWORD
from tests import browser as chrome
from tests.browser import NARROW
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    choose,
    decide,
    fill,
    heading,
    menu,
    menu_names,
    picture,
    post,
    press,
    site,
    told,
    upload,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]

NAME, MOBILE, EMAIL = "温若谷", "12000000570", "wen@example.com"
INTRO = "从事系统集成与数据治理多年，熟悉离散制造车间的设备联网、看板与质量追溯的上线过程。"
LINK = re.compile(r"/invitations/[\w-]+/")


def row_of(page):
    return page.get_by_role("row").filter(has_text=NAME)


def link_in(letter):
    return LINK.search(letter.get_content())[0]


def adds(page):
    menu(page, "顾问管理")
    page.get_by_role("link", name="添加顾问").first.click()
    fill(page, 姓名=NAME, 手机号码=MOBILE, 电子邮箱="enterprise@example.com", 职务="交付顾问")
    known = page.get_by_text("该邮箱对应的账号已归属其他单位或平台")
    expect(known).to_be_visible()  # beside the field, before anything is sent
    fill(page, 电子邮箱=EMAIL)
    page.get_by_label("职务", exact=True).click()
    expect(known).to_be_hidden()
    choose(page, "专业领域", "", "系统集成")
    press(page, "保存")
    expect(row_of(page)).to_contain_text("未注册")


def accepts(person, link):
    """The mailed link, a password, an account."""
    person.goto(link)
    heading(person, re.compile("邀请您"))
    assert chrome.overhang(person) <= 0
    assert "invitations/" in person.url
    assert link.split("/")[2] not in person.url
    fill(person, 密码=PASSWORD)
    person.get_by_label("确认密码", exact=True).fill("another")
    press(person, "开通并接受邀请")
    expect(person.get_by_text("两次输入的密码不一致").first).to_be_visible()
    person.locator("#password").fill(PASSWORD)
    person.locator("#password_again").fill(PASSWORD)
    person.get_by_label(re.compile("我已阅读并同意")).check()
    press(person, "开通并接受邀请")


def submits(person):
    expect(person.get_by_text("待完善").first).to_be_visible()
    person.get_by_role("link", name="完善信息").click()
    person.get_by_label("从业年限").fill("8")
    fill(person, 个人简介=INTRO)
    upload(person, "照片", picture(name="照片.png"))
    person.get_by_label("本人同意代表所在机构提供服务").check()
    press(person, "提交申请")
    expect(person.get_by_text("申请编号").or_(person.get_by_text("GW-")).first).to_be_visible()


def approves(staff):
    staff.goto("/tasks/todo/list/")
    staff.get_by_role("link", name=NAME).first.click()
    decide(staff, "身份与授权属实，同意。", "通过")
    expect(staff.get_by_label("审批意见", exact=True)).to_have_count(0)


def test_a_consultant_is_added_invited_reviewed_and_let_go(app, visit, post):
    house = visit("institution")
    house.goto("/workbench/")
    adds(house)
    row_of(house).get_by_role("checkbox").check()
    house.locator(".bulk").get_by_role("button", name="邀请", exact=True).click()
    expect(row_of(house)).to_contain_text("已邀请")
    link = link_in(post(EMAIL))

    person = visit(size=NARROW)
    accepts(person, link)
    submits(person)
    approves(visit("operator"))

    person.set_viewport_size({"width": 1366, "height": 900})
    person.goto("/workbench/")
    assert "我的资料" in menu_names(person)
    assert "角色认证" not in menu_names(person)
    house.goto("/consultants/list/")
    expect(row_of(house)).to_contain_text("已关联")
    visitor = visit()
    visitor.goto("/market/consultants/?q=温若谷")
    visitor.get_by_role("link", name=NAME).click()
    heading(visitor, NAME)
    expect(visitor.get_by_text(INTRO)).to_be_visible()

    person.goto("/my-profile/")
    row_of(house).get_by_role("link", name="解除关联").click()
    expect(house.get_by_text("其未办结需求将退回机构")).to_be_visible()
    press(house, "解除关联")
    expect(told(house).first).to_be_visible()
    house.get_by_label("原因").select_option("已离职")
    press(house, "解除关联")
    expect(row_of(house)).to_contain_text("已解除")
    again = person.goto("/my-profile/")  # the tab that was open
    assert again.status in {403, 404}
    row_of(house).get_by_role("button", name="再次邀请").click()
    expect(row_of(house)).to_contain_text("已邀请")
    expired = link_in(post(EMAIL, "邀请您入驻"))
    jobs.run_job(app, "invite.expire", clock.now() + timedelta(days=8))
    house.reload()
    expect(row_of(house)).to_contain_text("邀请过期")
    for refused in (link, expired, link[:-2] + "x/"):  # used, too old, guessed
        stranger = visit()
        assert stranger.goto(refused).status == 410
        expect(stranger.get_by_text("该链接已被使用过、已被替换或已过期")).to_be_visible()
