"""What staff keep of the catalogue, as an institution and a buyer meet it, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import browser as chrome
from tests.browser import NARROW
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    fill,
    menu,
    press,
    site,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]

NEW, BESIDE = "数据标注", "上云用云"
STANDARD = "网络安全体检"  # guide price 6,000 to 12,000 yuan each


def step(page, name, label):
    """Press one of the buttons in the line of a category."""
    line = page.get_by_role("row").filter(has=page.get_by_role("link", name=name))
    line.get_by_role("button", name=label, exact=True).click()


def categories_of(page):
    """The names in the list, in its order."""
    return [name.strip(" 　└") for name in page.locator("tbody td:nth-child(1)").all_inner_texts()]


def test_staff_add_order_and_switch_off_a_category(visit):
    """服务类别: offered to institutions and buyers as long as it is on."""
    staff, house, buyer = visit("operator"), visit("institution"), visit(None, size=NARROW)
    menu(staff, "服务类别")
    staff.get_by_role("link", name="新增", exact=True).click()
    staff.get_by_label("上级类别").select_option("数字化服务")
    fill(staff, 中文名称=NEW, 英文名称="Data labelling")
    press(staff, "保存")
    menu(staff, "服务类别")
    shown = categories_of(staff)
    last = shown[shown.index(NEW) - 1]
    step(staff, NEW, "上移")
    expect(staff.get_by_role("row").filter(has_text=NEW)).to_be_visible()
    moved = categories_of(staff)
    assert moved.index(NEW) == shown.index(NEW) - 1
    assert moved[moved.index(NEW) + 1] == last

    house.goto("/product_reviews/add/")
    choice = house.get_by_label("服务类别")
    expect(choice.locator("option", has_text=NEW)).to_have_count(1)
    offered = [text.strip() for text in choice.locator("option").all_inner_texts()]
    assert offered.index(NEW) == offered.index(last) - 1
    buyer.goto("/market/?category=sz")
    expect(buyer.get_by_role("link", name=NEW, exact=True)).to_be_visible()
    assert chrome.overhang(buyer) == 0

    step(staff, NEW, "停用")
    expect(staff.get_by_text("已停用")).to_be_visible()
    house.reload()
    expect(choice.locator("option", has_text=BESIDE)).to_have_count(1)
    expect(choice.locator("option", has_text=NEW)).to_have_count(0)
    buyer.reload()
    expect(buyer.get_by_role("link", name=BESIDE, exact=True)).to_be_visible()
    expect(buyer.get_by_role("link", name=NEW, exact=True)).to_have_count(0)


def test_a_price_off_the_guide_warns_while_it_is_typed_and_is_saved_and_marked(visit):
    """F12: a listing more than 50 % off the guide is flagged to staff, not refused."""
    house, staff = visit("institution"), visit("operator")
    menu(house, "常规服务产品")
    house.get_by_role("link", name="常规产品上架", exact=True).first.click()
    house.get_by_role("row", name=STANDARD).get_by_role("checkbox").check()
    press(house, "上架")
    warning = house.get_by_text(re.compile("该报价偏离参考价超过50%"))
    price = house.get_by_label("价格(元)", exact=True)
    house.get_by_label("计价方式").select_option("固定价")
    price.fill("6000")
    expect(warning).to_be_hidden()
    price.press_sequentially("0")  # 60,000
    expect(warning).to_be_visible()
    house.get_by_label("计价方式").select_option("面议")
    expect(warning).to_be_hidden()
    house.get_by_label("计价方式").select_option("固定价")
    price.fill("2999")
    expect(warning).to_be_visible()
    press(house, "上架")
    expect(house.get_by_text("已上架。")).to_be_visible()
    expect(house.get_by_text(re.compile("该报价偏离参考价超过50%"))).to_be_visible()

    menu(staff, "常规产品上架")
    press(staff, "展开")
    staff.get_by_label("偏离参考价").select_option("是")
    press(staff, "搜索")
    row = staff.get_by_role("row", name=STANDARD)
    expect(row.get_by_text("偏离参考价")).to_be_visible()
    expect(row.get_by_text("2,999元")).to_be_visible()
    row.get_by_role("link", name=STANDARD, exact=True).click()
    expect(staff.get_by_text(re.compile("该报价偏离参考价"))).to_be_visible()
