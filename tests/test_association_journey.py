"""From the registration as an institution to its place on the board, in a browser (S4-2 … S4-12).

Chapter 一 of the supermarket's manual with the membership beside it; then its first transaction.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app import clock, jobs
from app.services.demo import PASSWORD
from tests import browser as chrome
from tests.browser import NARROW
from tests.conftest import TEST_CODE
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail
from tests.test_trade_journey import SERVICE, files_a_transaction
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    CODE,
    JOURNEY,
    NAME,
    RESULT_ADDRESS,
    browser,
    choose,
    decide,
    fill,
    fill_application,
    heading,
    menu,
    post,
    press,
    site,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]
OPINION = "请补充会员代表的职务。"


def applies(page):
    """Both ticks of the form; the number of the request for membership."""
    menu(page, "角色认证")
    page.get_by_role("link", name="立即申请").click()
    fill(page, 企业名称=NAME, 统一社会信用代码=CODE, 企业注册地址="望澜市澄川区清波路9号")
    choose(page, "所属地区", "澄川", "云岫省望澜市澄川区")
    page.get_by_label("门类名称").select_option("商务服务业")
    fill_application(page)
    press(page, "提交申请")
    told = page.get_by_text("入会申请已同时提交")
    expect(told).to_be_visible()
    return re.search(r"HY-\d{8}-\d{4}", told.inner_text()).group()


def test_entry_and_membership_from_the_tick_to_the_public_page(app, visit, post):
    """S4-2, S4-3, S4-4: two cases of one form, two mails, one institution; then S4-12."""
    page = visit("visitor")
    number = applies(page)

    council = visit("association")
    menu(council, "入会申请")
    council.get_by_role("row", name=re.compile(number)).get_by_role("link").first.click()
    heading(council, NAME)
    decide(council, OPINION, "退回")
    expect(council.get_by_text("已退回申请人。")).to_be_visible()
    letter = post(RESULT_ADDRESS)
    assert OPINION in letter.get_content()
    assert "企业发展服务促进会" in letter.get_content()

    staff = visit("operator")
    menu(staff, "待我审批")
    staff.get_by_role("link", name=NAME).first.click()
    decide(staff, "材料齐全。", "通过")
    expect(staff.get_by_text("已通过。")).to_be_visible()
    assert "审核通过" in post(RESULT_ADDRESS)["Subject"]

    chrome.log_in(page, "visitor", PASSWORD, TEST_CODE)
    menu(page, "我的申请")
    page.get_by_role("row", name=re.compile(number)).get_by_role("link").first.click()
    expect(page.get_by_role("listitem").get_by_text(OPINION)).to_be_visible()
    page.get_by_role("link", name="修改后重新提交").click()
    fill(page, 会员代表职务="总经理")
    press(page, "提交申请")
    expect(page.get_by_text(f"已提交，申请编号为{number}。")).to_be_visible()

    menu(council, "待我审批")
    council.get_by_role("link", name=NAME).first.click()
    decide(council, "欢迎加入。", "通过")
    expect(council.get_by_text("已通过。")).to_be_visible()
    menu(council, "会员管理")
    row = council.get_by_role("row", name=re.compile(NAME))
    expect(row).to_contain_text("理事单位")
    expect(row).to_contain_text(re.compile(r"HYH-\d{8}-\d{4}"))
    menu(page, "机构信息")
    expect(page.get_by_text("会员", exact=True).first).to_be_visible()

    portal = visit(size=NARROW)
    portal.goto("/institutions/?q=晨屿")
    portal.get_by_role("link", name=NAME).first.click()
    heading(portal, NAME)
    expect(portal.get_by_text("促进会理事单位")).to_be_visible()
    expect(portal.get_by_role("link", name="提交需求")).to_be_visible()
    stands_on_the_board(app, page, staff, visit())


def stands_on_the_board(app, house, staff, anybody):
    """The first transaction, filed and approved, gives the institution its place."""
    number = files_a_transaction(house)
    staff.goto(f"/cases/{number}/")
    decide(staff, "同意备案。", "通过")
    menu(house, "消息中心")
    expect(house.get_by_text(f"{number}已备案")).to_be_visible()
    jobs.run_job(app, "score.rank", clock.now())
    menu(house, "活跃度排名")
    expect(house.get_by_role("link", name="交易备案（笔数）").first).to_be_visible()
    expect(house.get_by_text(SERVICE).first).to_be_visible()
    anybody.goto("/")
    anybody.get_by_role("link", name="活跃度排名").first.click()
    line = anybody.get_by_role("row", name=re.compile(NAME))
    assert float(line.locator(".board-score").inner_text()) > 0
    line.get_by_role("link", name=NAME).click()
    heading(anybody, NAME)
