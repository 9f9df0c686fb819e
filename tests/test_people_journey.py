"""The people of an organization in the browser: accounts, rights, joining, leading, leaving."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.services.demo import PASSWORD, credit_code
from tests.browser import NARROW, log_in
from tests.conftest import TEST_CODE
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    decide,
    fill,
    fill_registration,
    picture,
    press,
    site,
    upload,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]

GIVEN, OWN = "Nova#2027xy", "Mine#2028zz"


def add_colleague(main):
    main.goto("/people/list/")
    main.get_by_role("link", name="添加用户").click()
    fill(main, 用户名="colleague_1", 手机号码="13800000001", 密码=GIVEN, 确认密码=GIVEN)
    main.get_by_role("button", name="添加用户").click()
    expect(main.get_by_text("新增成功")).to_be_visible()


def first_login(page):
    """Log in with the password that was given, and choose one's own."""
    page.goto("/login/")
    page.get_by_label("用户名或手机号码").fill("colleague_1")
    page.get_by_label("密码", exact=True).fill(GIVEN)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_role("button", name="登录", exact=True).click()
    for path in ("/workbench/", "/my-organization/"):  # nothing else opens before
        page.goto(path)
        expect(page.locator("[name=old_password]")).to_be_visible()
    for name, password in (("old_password", GIVEN), ("password", OWN), ("password_again", OWN)):
        page.locator(f"[name={name}]").fill(password)
    press(page, "保存新密码")
    accept(page)


def accept(page):
    """Tick the agreements, where they are asked for."""
    page.goto("/workbench/")
    ticks = page.locator("main input[type=checkbox]")
    if "/accept/" in page.url:
        for number in range(ticks.count()):
            ticks.nth(number).check()
        page.locator("main form button[type=submit]").first.click()
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()


@pytest.mark.parametrize("size", [(1366, 768), NARROW])
def test_a_colleague_is_added_and_gets_a_password_of_his_own(visit, size):
    add_colleague(visit("institution", size=size))
    colleague = visit()
    first_login(colleague)
    colleague.goto("/my-organization/")
    expect(colleague.get_by_role("heading", name="机构信息")).to_be_visible()
    again = visit()
    log_in(again, "colleague_1", OWN, TEST_CODE)


def test_rights_that_are_taken_are_gone_at_the_next_click(visit):
    main, colleague = visit("institution"), visit()
    add_colleague(main)
    first_login(colleague)
    colleague.goto("/my-organization/")
    expect(colleague.locator("main").get_by_role("link", name="编辑")).to_be_visible()
    line = main.get_by_role("row", name=re.compile("colleague_1"))
    line.get_by_role("link", name="应用内权限配置").click()
    place = main.get_by_role("group", name="机构信息")
    place.get_by_label("新增/编辑").uncheck()
    place.get_by_label("提交").uncheck()
    main.get_by_role("button", name="保存").click()
    expect(main.get_by_text("配置权限成功")).to_be_visible()
    expect(main.get_by_text("子账号（自定义权限）").first).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_role("heading", name="机构信息")).to_be_visible()
    expect(colleague.locator("main").get_by_role("link", name="编辑")).to_have_count(0)


def test_from_a_taken_company_to_work_inside_it(visit):
    page = visit()
    page.goto("/register/")
    fill_registration(page, credit_code("01"))
    press(page, "立即注册")
    expect(page.get_by_text("主账号手机号：120****0101")).to_be_visible()
    page.get_by_role("button", name="申请加入").click()
    expect(page.get_by_label("手机号码")).not_to_have_value("")
    expect(page.get_by_label("密码", exact=True)).to_have_value("")
    mobile = page.get_by_label("手机号码").input_value()
    fill(page, 姓名="新同事", 密码=OWN, 确认密码=OWN)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_label("我已阅读并同意").check()
    press(page, "立即注册")
    page.get_by_label("用户名或手机号码").fill(mobile)
    page.get_by_label("密码", exact=True).fill(OWN)
    page.get_by_label("验证码", exact=True).fill(TEST_CODE)
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.get_by_label("统一社会信用代码")).to_have_value(credit_code("01"))
    expect(page.get_by_label("姓名")).to_have_value("新同事")
    page.get_by_label("说明").fill("市场部")
    press(page, "提交申请")
    number = re.search(r"/cases/([^/]+)/", page.url)[1]

    main = visit("institution")
    main.goto("/tasks/todo/")
    main.get_by_role("link", name="望澜青砺数智科技有限公司").first.click()
    expect(main.get_by_text("市场部")).to_be_visible()
    decide(main, "欢迎加入", "通过")
    expect(main.get_by_text("已通过。")).to_be_visible()

    log_in(page, mobile, OWN, TEST_CODE)  # what he may do is another thing from now on
    page.goto("/my-organization/")
    expect(page.get_by_role("heading", name="望澜青砺数智科技有限公司")).to_be_visible()
    expect(page.get_by_role("link", name="用户管理")).to_have_count(0)
    page.goto(f"/cases/{number}/")
    expect(page.get_by_text("欢迎加入").locator("visible=true").first).to_be_visible()


def test_the_operator_puts_another_main_account_in_place(visit):
    visitor, former = visit("visitor"), visit("institution")
    visitor.goto("/my-organization/")
    visitor.get_by_role("link", name="管理员变更申请").click()
    visitor.get_by_label("统一社会信用代码").fill(credit_code("01"))
    upload(visitor, "营业执照", picture(name="营业执照.png"))
    upload(visitor, "授权函", picture(name="授权函.png"))
    press(visitor, "提交申请")
    number = re.search(r"/cases/([^/]+)/", visitor.url)[1]
    operator = visit("operator")
    operator.goto(f"/cases/{number}/")
    decide(operator, "材料齐全", "通过")
    expect(operator.get_by_text("已通过。")).to_be_visible()
    log_in(visitor, "visitor", PASSWORD, TEST_CODE)
    visitor.goto("/people/list/")
    line = visitor.get_by_role("row", name=re.compile("^institution "))
    expect(line.get_by_text("子账号", exact=True)).to_be_visible()
    log_in(former, "institution", PASSWORD, TEST_CODE)
    expect(former.get_by_role("link", name="用户管理")).to_have_count(0)


def test_hand_over_then_leave(visit):
    main, colleague = visit("institution"), visit()
    add_colleague(main)
    first_login(colleague)
    main.goto("/my-organization/")
    main.get_by_role("link", name="单位身份").click()
    main.get_by_role("link", name="移交主账号").click()
    main.get_by_label("新的主账号").select_option(label="colleague_1 (colleague_1)")
    main.get_by_label("您的密码").fill(PASSWORD)
    main.get_by_role("button", name="移交").click()
    expect(main.get_by_text("移交成功")).to_be_visible()
    log_in(colleague, "colleague_1", OWN, TEST_CODE)
    colleague.goto("/people/list/")
    expect(colleague.get_by_role("row", name=re.compile("colleague_1.*主账号"))).to_be_visible()
    main.get_by_role("button", name="退出企业").click()
    main.get_by_role("dialog").get_by_role("button").last.click()
    expect(main.get_by_text("您已退出企业")).to_be_visible()
    log_in(main, "institution", PASSWORD, TEST_CODE)
    main.goto("/my-organization/")
    expect(main.get_by_role("link", name="申请加入")).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_role("row", name=re.compile("^institution "))).to_have_count(0)
