"""Chapters 五 and 六 of the supermarket's manual, by its own menu and button words, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app import clock
from app.services.demo import credit_code
from tests import browser as chrome
from tests.browser import NARROW
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    decide,
    fill,
    menu,
    picture,
    press,
    site,
    told,
    upload,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]

BUYER, CODE = "望澜恒锐阀门制造有限公司", credit_code("30")
WRONG = "91990101MA0Q308880"
SERVICE = "产线数据看板定制"


def stars(page, **given):
    """Click the stars of each dimension, as a finger would."""
    for label, count in given.items():
        group = page.get_by_role("radiogroup", name=label)
        group.locator("label").nth(count - 1).click()


def files_a_transaction(page):
    """五: 交易备案 → 新增."""
    menu(page, "交易备案")
    page.get_by_role("link", name="新增", exact=True).first.click()  # twice above an empty list
    page.get_by_label("服务类别").select_option("系统集成")
    fill(page, 交易产品=SERVICE, 采购企业=BUYER, 企业联系人="方圆", 企业联系电话="12000000170")
    page.get_by_label("采购企业统一社会信用代码").fill(WRONG)
    page.get_by_label("交易金额（元）").fill("56,800.50")
    fill(page, 签订日期=clock.local_day(clock.now()).isoformat())
    press(page, "提交备案")
    expect(told(page).get_by_role("listitem")).to_have_count(2)  # check digit, contract
    page.get_by_label("采购企业统一社会信用代码").fill(CODE)
    upload(page, "合同", picture(800, 600, "服务合同.png"))
    press(page, "提交备案")
    said = page.get_by_text("已提交，申请编号为").inner_text()
    return re.search(r"JY-\d{8}-\d{4}", said).group()


def test_a_transaction_is_filed_reviewed_rated_by_both_and_voided(visit):
    """S4-12, S4-13: the institution files, the administrator reviews, both sides rate."""
    house = visit("institution")
    number = files_a_transaction(house)

    operator = visit("operator")
    operator.goto(f"/cases/{number}/")
    expect(operator.get_by_text("形式检查全部通过。")).to_be_visible()
    decide(operator, "同意备案。", "通过")

    menu(house, "交易备案")
    expect(house.get_by_text("56,800.50").first).to_be_visible()
    expect(house.get_by_text("交易金额（元）合计")).to_be_visible()

    # 六: 评价管理 opens on 待评价.
    menu(house, "评价管理")
    row = house.get_by_role("row", name=SERVICE)
    row.get_by_role("link", name="评价", exact=True).click()
    press(house, "提交评价")
    expect(told(house).get_by_role("listitem")).to_have_count(3)  # nothing is praised by default
    stars(house, 需求明确=5, 配合程度=5, 履约付款=4)
    fill(house, 评价内容="沟通顺畅，按期付款。")
    press(house, "提交评价")
    expect(house.get_by_text("评价已提交，感谢您的评价。")).to_be_visible()
    menu(house, "评价管理")
    house.get_by_role("link", name="对企业的评价", exact=True).click()
    expect(house.get_by_text("沟通顺畅，按期付款。")).to_be_visible()

    buyer = visit("enterprise", size=NARROW)
    buyer.goto("/ratings/waiting/list/")
    assert chrome.overhang(buyer) == 0
    buyer.get_by_role("row", name=SERVICE).get_by_role("link", name="评价", exact=True).click()
    stars(buyer, 服务质量=5, 专业能力=5, 响应速度=4, 服务态度=5, 性价比=4)
    buyer.get_by_label("交付准时").check()
    fill(buyer, 评价内容="看板上线当天就用起来了。")
    press(buyer, "提交评价")
    expect(buyer.get_by_text("评价已提交，感谢您的评价。")).to_be_visible()
    assert chrome.overhang(buyer) == 0

    menu(house, "评价管理")
    house.get_by_role("link", name="我收到的评价", exact=True).click()
    expect(house.get_by_text("看板上线当天就用起来了。")).to_be_visible()
    row = house.get_by_role("row", name=SERVICE)
    row.get_by_role("link", name="回复", exact=True).click()
    fill(house, 回复="感谢支持！")
    press(house, "提交")
    expect(house.get_by_text("感谢支持！").first).to_be_visible()

    # A second rating of the same side leads to the one that was given.
    buyer.goto(buyer.url.replace("/show/", "/rate/"))
    expect(buyer.get_by_text("该交易已评价，或已超过评价期限。")).to_be_visible()

    # Voided, it counts no longer.
    operator.goto("/filings/list/?q=" + SERVICE)
    operator.get_by_role("link", name=SERVICE, exact=True).click()
    operator.get_by_role("link", name="作废", exact=True).click()
    fill(operator, 作废原因="合同双方协商解除。")
    press(operator, "作废")
    expect(operator.get_by_text("已作废", exact=True).first).to_be_visible()
    house.goto("/ratings/received/list/")
    expect(house.get_by_text("看板上线当天就用起来了。")).to_have_count(0)
