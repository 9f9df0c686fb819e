"""Certification as people walk it: the firm, the bureau, the operator, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.services.demo import PASSWORD, credit_code
from tests import browser as chrome
from tests.browser import NARROW
from tests.conftest import TEST_CODE
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    choose,
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

NAME, CODE, MOBILE = "砚北百草厅制药有限公司", credit_code("71"), "12000000171"
STATEMENT = "本单位承诺所填信息及材料真实、合法、有效，并承担相应责任"
OPINION = "请上传营业执照原件的扫描件。"
WAITING = "您的企业认证正在审批中，请耐心等待"


def registers(page):
    page.goto("/register/?kind=enterprise")
    fill(
        page, 手机号码=MOBILE, 密码=PASSWORD, 确认密码=PASSWORD, 企业名称=NAME,
        统一社会信用代码=CODE, 企业注册地址="望澜市砚北区药谷路2号", 联系人="林知微",
        验证码=TEST_CODE,
    )  # fmt: skip
    choose(page, "所属地区", "砚北", "云岫省望澜市砚北区")
    page.get_by_label("门类名称").select_option("医药制造业")
    page.get_by_label("我已阅读并同意").check()
    press(page, "立即注册")
    expect(page.get_by_text("注册成功，请登录。")).to_be_visible()
    chrome.log_in(page, MOBILE, PASSWORD, TEST_CODE)


def fill_certification(page):
    """What the registration did not ask."""
    fill(page, 成立时间="2012-09-01", 法定代表人="林远志", 详细地址="药谷路2号", 官网地址="无")
    page.get_by_label("注册资本(万元)").fill("2600")
    page.get_by_label("企业规模(人)").fill("210")
    fill(page, 公司简介="生产中成药与保健食品，设有两条通过认证的生产线。")
    fill(page, 联系电话=MOBILE)
    page.get_by_label("电子邮箱", exact=True).or_(page.get_by_label("联系邮箱", exact=True)).fill(
        "lin@example.com"
    )
    upload(page, "营业执照", picture(600, 400, "执照.png"))
    page.get_by_label(STATEMENT).check()


def test_a_firm_is_returned_corrects_and_is_certified(visit):
    """S2-3, S2-4, S0-11: every banner in its words; the bureau of the region decides."""
    page = visit()
    registers(page)
    menu(page, "我的企业")
    expect(page.get_by_text("未认证", exact=True).first).to_be_visible()
    page.get_by_role("link", name="企业认证", exact=True).click()
    fill_certification(page)
    fill(page, 官网地址="")
    press(page, "提交申请")
    expect(told(page).get_by_role("listitem")).to_have_count(1)
    fill(page, 官网地址="无")
    press(page, "提交申请")
    submitted = page.get_by_text("已提交，申请编号为")
    number = re.search(r"RZ-\d{8}-\d{4}", submitted.inner_text()).group()
    menu(page, "我的企业")
    expect(page.get_by_text(WAITING)).to_be_visible()

    bureau = visit("bureau", size=NARROW)
    bureau.goto("/certifications/list/?tab=in_review")
    bureau.get_by_role("link", name=NAME, exact=True).click()
    expect(bureau.get_by_text("形式检查全部通过。")).to_be_visible()
    decide(bureau, OPINION, "退回")
    expect(bureau.get_by_text("已退回申请人。")).to_be_visible()
    assert chrome.overhang(bureau) == 0

    menu(page, "我的企业")
    expect(page.get_by_text(OPINION).first).to_be_visible()
    page.get_by_role("link", name="修改后重新提交").click()
    page.get_by_role("link", name="修改后重新提交").click()
    expect(page.get_by_label("官网地址", exact=True)).to_have_value("无")
    upload(page, "营业执照", picture(800, 600, "原件.png"))
    press(page, "提交申请")
    expect(page.get_by_text(number).first).to_be_visible()

    bureau.goto(f"/cases/{number}/")
    decide(bureau, "同意。", "通过")
    menu(page, "我的企业")
    expect(page.get_by_text("已认证", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="信息变更", exact=True)).to_be_visible()
    page.get_by_role("link", name="基本信息", exact=True).click()
    expect(page.get_by_text("药谷路2号")).to_be_visible()


def test_a_change_waits_while_the_old_data_holds(visit):
    """S1-7: field by field before and after; the record stays."""
    firm, bureau = visit("enterprise"), visit("bureau")
    firm.goto("/my-organization/")
    firm.get_by_role("link", name="信息变更", exact=True).click()
    fill(firm, 详细地址="望澜市澄川区铸造路88号", 变更原因="厂区搬迁。")
    press(firm, "提交申请")
    submitted = firm.get_by_text("已提交，申请编号为")
    number = re.search(r"BG-\d{8}-\d{4}", submitted.inner_text()).group()
    menu(firm, "我的企业")
    expect(firm.get_by_text("变更申请审核中，审核通过前原信息继续有效")).to_be_visible()
    firm.get_by_role("link", name="基本信息", exact=True).click()
    expect(firm.get_by_text("望澜市澄川区铸造路27号")).to_be_visible()

    menu(bureau, "信息变更")
    bureau.goto(f"/cases/{number}/")
    expect(bureau.get_by_role("cell", name="望澜市澄川区铸造路27号")).to_be_visible()
    expect(bureau.get_by_role("cell", name="望澜市澄川区铸造路88号")).to_be_visible()
    decide(bureau, "同意。", "通过")
    menu(firm, "我的企业")
    firm.get_by_role("link", name="变更记录", exact=True).click()
    expect(firm.get_by_role("cell", name="望澜市澄川区铸造路88号")).to_be_visible()


def test_staff_file_for_a_firm(visit):
    """代录: marked so, and the filer has no decision to take."""
    page = visit("operator")
    menu(page, "企业认证")
    page.get_by_role("link", name="新增", exact=True).click()
    fill(page, 公司名称=NAME, 统一社会信用代码=CODE, 联系人="林知微")
    page.get_by_label("所属行业").or_(page.get_by_label("门类名称")).first.select_option(
        "医药制造业"
    )
    choose(page, "所属地区", "砚北", "云岫省望澜市砚北区")
    fill_certification(page)
    press(page, "提交申请")
    expect(page.get_by_text("已提交，申请编号为")).to_be_visible()
    expect(page.get_by_text("代录", exact=True).first).to_be_visible()
    expect(page.get_by_text("陆云舟").first).to_be_visible()
    expect(page.get_by_role("button", name="通过", exact=True)).to_have_count(0)
