"""Chapter 三 of the supermarket's manual, by its own menu and button words, in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

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

STANDARD, SPECIAL = "网络安全体检", "车间能耗体检"
CONTENT = (
    "为中小制造企业提供现场诊断、方案设计与上线辅导，"
    "服务团队驻厂两周，交付后回访三个月。实施前签订书面协议。"
)


def writes_content(page):
    """The text with a heading and a picture, as the editor makes it."""
    editor = page.get_by_role("textbox", name="服务内容")
    editor.click()
    page.keyboard.type(CONTENT)
    page.keyboard.press("Enter")
    page.keyboard.type("适合的企业")
    page.get_by_role("button", name="标题", exact=True).click()
    page.keyboard.press("Enter")
    page.locator("[data-rich-file]").set_input_files(picture(640, 480, "现场.png"))
    expect(editor.locator("img")).to_have_count(1)


def fills_special_product(page):
    fill(page, 产品名称=SPECIAL, 一句话介绍="两天找出浪费的电")
    page.get_by_label("服务类别").select_option("绿色低碳")
    upload(page, "展示图", picture(960, 720, "展示图.png"))
    writes_content(page)
    page.locator("#highlights").get_by_role("button", name="新增一行").click()
    highlight = page.locator("#highlights [data-row]")
    highlight.get_by_label("标题", exact=True).fill("快")
    highlight.get_by_label("说明", exact=True).fill("两天出结果")
    fill(page, 交付成果="体检报告与节能清单")
    page.get_by_label("计价方式").select_option("固定价")
    page.get_by_label("价格(元)", exact=True).fill("4800.50")
    page.get_by_label("计价单位").select_option("/次")
    page.get_by_label("服务周期(工作日)").fill("5")


def lists_standard_product(house):
    """常规产品上架, 修改, 下架, 重新上架."""
    menu(house, "产品管理")  # opens on 常规服务产品
    house.get_by_role("link", name="常规产品上架", exact=True).first.click()
    house.get_by_role("row", name=STANDARD).get_by_role("checkbox").check()
    press(house, "上架")
    fill(house, 机构补充说明="含一次整改复测。")
    press(house, "上架")
    expect(house.get_by_text("已上架。")).to_be_visible()
    row = house.get_by_role("row", name=STANDARD)
    row.get_by_role("link", name="修改", exact=True).click()
    house.get_by_label("计价方式").select_option("面议")
    press(house, "保存")
    menu(house, "常规服务产品")
    row.get_by_role("button", name="下架", exact=True).click()
    press(house, "确定")
    expect(house.get_by_text("已下架。")).to_be_visible()
    row.get_by_role("link", name="重新上架", exact=True).click()
    press(house, "上架")
    expect(house.get_by_text("已上架。")).to_be_visible()


def adds_special_product(house):
    """新增特色产品: begun as a draft, taken up again above the list, sent."""
    menu(house, "特色服务产品")
    house.get_by_role("link", name="新增特色产品", exact=True).first.click()
    fills_special_product(house)
    press(house, "保存草稿")
    expect(house.get_by_text("草稿已保存")).to_be_visible()
    house.get_by_role("link", name="返回", exact=True).click()
    menu(house, "特色服务产品")
    house.get_by_role("link", name="继续填写", exact=True).click()  # the draft above the list
    expect(house.get_by_role("textbox", name="服务内容")).to_contain_text("驻厂两周")
    press(house, "提交审核")
    expect(told(house).get_by_role("listitem")).to_have_count(1)  # the statement is not ticked
    house.get_by_label("保证产品信息真实").check()
    press(house, "提交审核")
    expect(house.get_by_text("已提交，申请编号为")).to_be_visible()


def test_products_from_the_form_to_the_portal(visit):
    """S4-9, S4-10: 常规产品上架; 新增特色产品, reviewed, then listed by the institution."""
    house = visit("institution")
    lists_standard_product(house)
    adds_special_product(house)

    operator = visit("operator")
    operator.goto(house.url)
    expect(operator.get_by_text("形式检查全部通过。")).to_be_visible()
    expect(operator.locator(".rich-text img")).to_be_visible()
    decide(operator, "同意。", "通过")

    menu(house, "特色服务产品")
    row = house.get_by_role("row", name=SPECIAL)
    expect(row.get_by_text("待上架")).to_be_visible()
    row.get_by_role("link", name="上架", exact=True).click()
    press(house, "上架")
    expect(house.get_by_text("已上架。")).to_be_visible()

    buyer = visit(None, size=NARROW)
    buyer.goto("/")
    buyer.get_by_role("navigation", name="主菜单").get_by_role("link", name="服务产品").click()
    fill(buyer, 关键词="能耗体检")
    press(buyer, "搜索")
    assert chrome.overhang(buyer) == 0
    buyer.get_by_role("link", name=SPECIAL, exact=True).click()
    expect(buyer.get_by_text("4,800.50元/次")).to_be_visible()
    expect(buyer.get_by_role("heading", name="适合的企业")).to_be_visible()
    expect(buyer.locator(".rich-text img")).to_be_visible()
    expect(buyer.get_by_role("link", name="提交需求")).to_be_visible()
    assert chrome.overhang(buyer) == 0

    operator.goto(f"/products/list/?q={SPECIAL}")
    operator.get_by_role("link", name="强制下架", exact=True).first.click()
    fill(operator, 原因="展示图与服务内容不符。")
    press(operator, "强制下架")
    house.reload()
    row.get_by_role("link", name=SPECIAL, exact=True).click()
    expect(house.get_by_text("展示图与服务内容不符。").first).to_be_visible()
    buyer.reload()
    expect(buyer.get_by_text("4,800.50元/次")).to_have_count(0)
