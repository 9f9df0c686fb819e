"""The administrators at work: locked accounts, one-time passwords, forced logout, agreements."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.services.demo import PASSWORD
from tests import browser as chrome
from tests.browser import NARROW
from tests.conftest import TEST_CODE
from tests.walking import JOURNEY, browser, site, visit  # noqa: F401 - the room of journeys

pytestmark = [*JOURNEY, pytest.mark.db]

OWN = "Harbour#2026"


def seen(page: Page, name: str) -> None:
    """No page is wider than its window; kept as a picture when somebody wants to look."""
    chrome.settle(page)
    assert chrome.overhang(page) <= 0, name
    if folder := os.environ.get("QIFU_PICTURES"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def try_password(page: Page, username: str, password: str) -> None:
    page.goto("/login/")
    page.get_by_label("用户名或手机号码").fill(username)
    page.get_by_label("密码", exact=True).fill(password)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_role("button", name="登录", exact=True).click()


def find(page: Page, username: str) -> None:
    """The detail page of an account, by the list's keyword box."""
    page.goto("/users/list/")
    page.get_by_label("关键词").fill(username)
    page.get_by_role("button", name="搜索").click()
    page.get_by_role("link", name=username, exact=True).click()


def press(page: Page, name: str) -> None:
    """A button that may ask whether one is sure."""
    page.get_by_role("button", name=name, exact=True).click()
    dialog = page.locator("dialog[open], .modal.show")
    if dialog.count():
        dialog.get_by_role("button").last.click()


@pytest.mark.parametrize("size", [chrome.WIDE, NARROW], ids=["wide", "narrow"])
def test_a_locked_account_is_unlocked_and_gets_a_password_to_change(visit, size):
    person, admin = visit(size=size), visit("secadmin", size=size)
    for _n in range(5):
        try_password(person, "visitor", "Wrong#2026")
    try_password(person, "visitor", PASSWORD)
    expect(person).to_have_url(re.compile("/login/"))
    find(admin, "visitor")
    expect(admin.locator(".title-card .badge")).to_have_text("已锁定")
    seen(admin, "user-locked")
    press(admin, "解锁")
    expect(admin.locator(".title-card .badge")).to_have_text("正常")
    press(admin, "重置为一次性密码")
    password = admin.locator(".one-time-password code").inner_text()
    seen(admin, "one-time-password")
    admin.get_by_role("link", name="我已记下").click()
    expect(admin.get_by_text(password)).to_have_count(0)

    try_password(person, "visitor", password)
    expect(person).to_have_url(re.compile("/account/password/"))
    person.goto("/workbench/")
    expect(person).to_have_url(re.compile("/account/password/"))
    fields = person.locator("input[type=password]")
    for field, typed in zip(fields.all(), (password, OWN, OWN), strict=True):
        field.fill(typed)
    person.locator("form.door-form button[type=submit]").click()
    person.goto("/workbench/")
    expect(person.get_by_role("heading", name="工作台", level=1)).to_be_visible()


def test_forced_logout_and_switching_off_work_at_once(visit):
    person, admin = visit("institution2"), visit("secadmin")
    find(admin, "institution2")
    press(admin, "强制下线")
    expect(admin.get_by_text("已结束1个登录")).to_be_visible()
    person.goto("/workbench/")
    expect(person).to_have_url(re.compile("/login/"))
    press(admin, "停用")
    expect(admin.locator(".title-card .badge")).to_have_text("已停用")
    try_password(person, "institution2", PASSWORD)
    expect(person).to_have_url(re.compile("/login/"))
    press(admin, "启用")
    try_password(person, "institution2", PASSWORD)
    expect(person).not_to_have_url(re.compile("/login/"))


@pytest.mark.parametrize("size", [chrome.WIDE, NARROW], ids=["wide", "narrow"])
def test_a_second_role_is_refused_with_a_clear_sentence(visit, size):
    admin = visit("secadmin", size=size)
    find(admin, "auditor")
    admin.get_by_role("link", name="分配角色").click()
    admin.get_by_label("系统管理员").check()
    admin.get_by_role("button", name="保存").click()
    alert = admin.get_by_role("alert")
    expect(alert).to_contain_text("三员角色互斥")
    expect(admin.get_by_label("系统管理员")).to_be_checked()
    seen(admin, "second-role-refused")
    admin.goto("/users/list/")
    seen(admin, "users")
    admin.goto("/roles/")
    seen(admin, "rights")


@pytest.mark.parametrize("size", [chrome.WIDE, NARROW], ids=["wide", "narrow"])
def test_a_new_agreement_is_published_and_everybody_must_accept_it(visit, size):
    staff, member = visit("sysadmin", size=size), visit("institution", size=size)
    staff.goto("/agreements/add/")
    staff.get_by_label("协议", exact=False).first.select_option(label="隐私政策")
    staff.get_by_label("版本").fill("1.1")
    staff.get_by_label("标题", exact=True).fill("隐私政策")
    staff.get_by_label("正文", exact=True).fill(
        "第一条 新版隐私政策。\n\n第二条 生效日期为发布之日。"
    )
    seen(staff, "agreement-form")
    staff.get_by_role("button", name="保存", exact=True).click()
    seen(staff, "agreement-draft")
    press(staff, "发布")
    expect(staff).to_have_url(re.compile("/accept/"))  # who published is asked first
    member.goto("/tasks/mine/")
    expect(member).to_have_url(re.compile("/accept/"))
    expect(member.get_by_text("第一条 新版隐私政策。")).to_be_visible()
    seen(member, "accept")
    member.goto("/workbench/")
    expect(member).to_have_url(re.compile("/accept/"))
    member.get_by_role("button", name="同意并继续").click()
    expect(member.get_by_role("alert")).to_contain_text("请勾选同意")
    member.get_by_label("我已阅读并同意").check()
    member.get_by_role("button", name="同意并继续").click()
    expect(member).not_to_have_url(re.compile("/accept/"))
    member.goto("/workbench/")
    expect(member.get_by_role("heading", name="工作台", level=1)).to_be_visible()
    staff.goto("/workbench/")
    staff.get_by_label("我已阅读并同意").check()
    staff.get_by_role("button", name="同意并继续").click()
    staff.goto("/agreements/list/")
    seen(staff, "agreements")
    staff.get_by_role("link", name="隐私政策").first.click()
    expect(staff.get_by_text("个启用账号中的2个")).to_be_visible()
    seen(staff, "agreement-published")
