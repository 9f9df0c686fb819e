"""The thread as people walk it: in Chinese, in Chromium, with real mail."""

from __future__ import annotations

import csv
import re
from email.utils import parseaddr
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.services.demo import PASSWORD, credit_code
from tests import browser as chrome
from tests.browser import NARROW, WIDE
from tests.conftest import TEST_CODE
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    CODE,
    INTRO,
    JOURNEY,
    MOBILE,
    NAME,
    RESULT_ADDRESS,
    SERVICE_TEL,
    STATEMENT,
    TYPED_PASSWORD,
    browser,
    choose,
    decide,
    fill,
    fill_application,
    fill_registration,
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

pytestmark = JOURNEY

OPINION = "请补充典型案例的成效数据。"
WAITING = "您的企业认证正在审批中，请耐心等待"


# --- the thread -----------------------------------------------------------------------------


@pytest.mark.db
def test_an_institution_registers_is_returned_mends_and_is_certified(visit, post, site):
    page = visit()
    page.goto("/")
    page.get_by_role("link", name="注册", exact=True).click()
    heading(page, "欢迎注册")
    fill_registration(page)
    press(page, "立即注册")
    expect(page.get_by_text("注册成功，请登录。")).to_be_visible()

    chrome.log_in(page, MOBILE, TYPED_PASSWORD, TEST_CODE)
    assert menu_names(page) == [
        "工作台", "我的待办", "待我审批", "已办", "我的企业", "角色认证", "我的需求", "我的交易",
        "我的申请", "消息中心",
    ]  # fmt: skip
    menu(page, "我的企业")
    expect(page.get_by_text("未认证", exact=True).first).to_be_visible()
    menu(page, "角色认证")
    expect(page.get_by_role("heading", name="认证成为超市平台的服务机构")).to_be_visible()
    page.get_by_role("link", name="立即申请").click()

    number = apply_with_mistakes_first(page)
    menu(page, "我的企业")
    expect(page.get_by_text(WAITING)).to_be_visible()
    expect(page.get_by_text("入驻审核中", exact=True).first).to_be_visible()

    return_it(visit("operator"), number)
    letter = post(RESULT_ADDRESS)
    assert letter["Subject"].strip() == f"【企服台】{NAME}：退回修改"
    assert OPINION in letter.get_content()

    menu(page, "我的企业")
    expect(page.get_by_text(f"您的认证申请已退回：{OPINION}")).to_be_visible()
    page.get_by_role("link", name="修改后重新提交").click()
    heading(page, NAME)
    expect(page.get_by_role("listitem").get_by_text(OPINION)).to_be_visible()
    page.get_by_role("link", name="修改后重新提交").click()
    page.locator("#cases").get_by_label("内容").fill("辅导精益班组建设，人均产出提高两成。")
    press(page, "提交申请")
    expect(page.get_by_text(f"已提交，申请编号为{number}。")).to_be_visible()

    approve_it(visit("operator2"))
    letter = post(RESULT_ADDRESS)
    assert letter["Subject"].strip() == f"【企服台】{NAME}：审核通过"
    assert parseaddr(letter["To"])[1] == RESULT_ADDRESS
    link = re.search(r"http://\S+", letter.get_content()).group()
    assert link == f"{site.url}/cases/{number}/"
    page.goto(link)  # another role: the next login opens the institution's back office (S4-4)
    heading(page, "欢迎登录")
    chrome.sign_in(page, MOBILE, TYPED_PASSWORD, TEST_CODE)
    heading(page, NAME)

    page.goto("/workbench/")
    assert menu_names(page) == [
        "工作台", "我的待办", "待我审批", "已办", "机构信息", "顾问管理", "产品管理",
        "常规服务产品", "特色服务产品", "需求管理", "交易备案", "评价管理", "活动备案",
        "活跃度排名", "我的申请", "用户管理", "消息中心",
    ]  # fmt: skip
    look_after_the_presentation(page)
    look_at_the_portal(visit())


def apply_with_mistakes_first(page):
    heading(page, "认证成为超市平台的服务机构")
    fill_application(page)
    fill(page, 统一社会信用代码=CODE[:-1] + "I", 成立时间="2999-01-01", 机构简介="太短。")
    page.get_by_label("接收审核结果邮箱").fill("nobody")
    page.get_by_label("对外服务电话").fill("12")
    press(page, "提交申请")
    problems = told(page).get_by_role("listitem")
    expect(problems).to_have_count(5)
    listed = [line.split()[0] for line in problems.all_inner_texts()]
    assert listed == [
        "统一社会信用代码", "成立时间", "机构简介", "接收审核结果邮箱", "对外服务电话",
    ]  # fmt: skip
    expect_everything_typed(page)
    expect(page.get_by_text("草稿已保存")).to_be_visible()

    menu(page, "角色认证")
    page.get_by_role("link", name="立即申请").click()
    expect(page.get_by_text("保存的草稿，尚未提交。")).to_be_visible()
    expect_everything_typed(page)
    fill(page, 统一社会信用代码=CODE, 成立时间="2019-05-06", 机构简介=INTRO)
    page.get_by_label("接收审核结果邮箱").fill(RESULT_ADDRESS)
    page.get_by_label("对外服务电话").fill(SERVICE_TEL)
    press(page, "提交申请")
    submitted = page.get_by_text("已提交，申请编号为")
    expect(submitted).to_be_visible()
    return re.search(r"JG-\d{8}-\d{4}", submitted.inner_text()).group()


def expect_everything_typed(page):
    expect(page.get_by_label("统一社会信用代码", exact=True)).to_have_value(CODE[:-1] + "I")
    expect(page.get_by_label("接收审核结果邮箱")).to_have_value("nobody")
    expect(page.get_by_label("专业服务人员数")).to_have_value("22")
    expect(page.get_by_label("机构类型")).to_have_value("consult")
    for file in ("标识.png", "执照.png", "许可证.png"):
        expect(page.get_by_role("link", name=file, exact=True).last).to_be_visible()
    expect(page.locator("#cases").get_by_label("客户")).to_have_value("澄川电机厂有限公司")
    expect(page.locator("#qualifications").get_by_label("有效期至")).to_have_value("2029-12-31")
    expect(page.locator(".ts-control .item", has_text="常年法律顾问")).to_be_visible()
    expect(page.get_by_label("会员类别")).to_have_value("director")
    expect(page.get_by_label(STATEMENT)).to_be_checked()


def return_it(page, number):
    menu(page, "待我审批")
    fill(page, 关键词="晨屿")
    press(page, "搜索")
    page.get_by_role("link", name=NAME, exact=True).click()
    expect(page.get_by_role("heading", name="审批进度")).to_be_visible()
    expect(page.get_by_text("形式检查全部通过。")).to_be_visible()
    expect(page.get_by_text("剩5天").first).to_be_visible()

    press(page, "退回")
    expect(page.get_by_text("请先填写审批意见。")).to_be_visible()
    refuse_at_the_server_too(page)
    decide(page, OPINION, "退回")
    expect(page.get_by_text("已退回申请人。")).to_be_visible()
    expect(page.get_by_text(number).first).to_be_visible()


def refuse_at_the_server_too(page):
    """Without the script the form is sent, and comes back with a sentence."""
    page.evaluate("document.querySelector('[data-opinion-needed]').formNoValidate = true")
    button = page.get_by_role("button", name="退回", exact=True)
    button.evaluate("button => button.removeAttribute('data-opinion-needed')")
    button.click()
    expect(page.get_by_text("请填写审核意见。")).to_be_visible()


def approve_it(page):
    menu(page, "待我审批")
    page.get_by_role("link", name=NAME, exact=True).click()
    page.get_by_role("button", name="材料齐全，同意。").click()
    press(page, "通过")
    expect(page.get_by_text("已通过。")).to_be_visible()
    menu(page, "已办")
    expect(page.get_by_role("link", name=NAME, exact=True)).to_be_visible()


def look_after_the_presentation(page):
    menu(page, "机构信息")
    heading(page, "机构信息")
    expect(page.get_by_text("已认证", exact=True).first).to_be_visible()
    page.get_by_role("link", name="编辑").click()
    expect(page.get_by_text("灰色内容已经认证，须通过信息变更申请修改。")).to_be_visible()
    for name in ("name", "credit_code", "region", "address", "legal_person"):
        expect(page.locator(f"[name={name}]")).to_have_count(0)
    expect(page.locator("#qualifications").get_by_role("button")).to_have_count(0)
    fill(page, 机构简介=INTRO + "新增数字化培训。", 对外服务电话="0990-66007788")
    upload(page, "机构标识", picture(320, 320, "新标识.png"))
    press(page, "保存")
    expect(page.get_by_text("已保存。")).to_be_visible()
    page.get_by_role("link", name="基本信息", exact=True).click()
    expect(page.get_by_text("新增数字化培训。")).to_be_visible()
    expect(page.get_by_text("0990-66007788")).to_be_visible()


def look_at_the_portal(page):
    page.goto("/")
    page.get_by_label("搜索服务机构").fill("晨屿")
    press(page, "搜索")
    page.get_by_role("link", name=NAME).click()
    heading(page, NAME)
    shown = page.locator("main").inner_text()
    assert "0990-66007788" in shown
    assert "律师事务所执业许可证" in shown
    for hidden in (MOBILE, RESULT_ADDRESS, "苏晚晴", "苏明礼", "FL-2019-0077", "12000000078"):
        assert hidden not in page.content()


# --- registration ---------------------------------------------------------------------------


@pytest.mark.db
def test_a_taken_credit_code_shows_whom_to_ask(visit):
    page = visit()
    page.goto("/register/")
    fill_registration(page, credit_code("01"))
    press(page, "立即注册")
    sentence = "该企业已注册，主账号手机号为120****0101。请联系该同事，或拨打平台热线12000000000。"
    expect(told(page).get_by_text(sentence)).to_be_visible()
    expect(page.get_by_label("企业名称")).to_have_value(NAME)
    expect(page.get_by_label("密码", exact=True)).to_have_value("")


def test_every_problem_of_a_registration_is_told_at_once(visit):
    page = visit()
    page.goto("/register/")
    fill(page, 手机号码="1200", 密码="short", 确认密码="other")
    press(page, "立即注册")
    listed = [line.split()[0] for line in told(page).get_by_role("listitem").all_inner_texts()]
    assert listed == [
        "手机号码", "密码", "确认密码", "企业名称", "统一社会信用代码", "所属地区",
        "企业注册地址", "门类名称", "联系人", "协议",
    ]  # fmt: skip
    expect(page.get_by_label("手机号码")).to_have_value("1200")


def test_a_half_filled_registration_survives_closing_the_page(visit):
    page = visit()
    page.goto("/register/")
    fill_registration(page)
    page.close()
    again = page.context.new_page()
    again.goto("/register/")
    expect(again.get_by_label("手机号码")).to_have_value(MOBILE)
    expect(again.get_by_label("企业名称")).to_have_value(NAME)
    expect(again.get_by_label("门类名称")).to_have_value("72")
    chosen = again.locator(".ts-control", has_text="云岫省望澜市澄川区")
    expect(chosen).to_be_visible()
    for secret in ("密码", "确认密码", "验证码"):
        expect(again.get_by_label(secret, exact=True)).to_have_value("")
    expect(again.get_by_label("我已阅读并同意")).not_to_be_checked()


# --- an application -------------------------------------------------------------------------


@pytest.mark.db
def test_an_application_is_withdrawn_and_submitted_again(visit):
    page = visit("12000000121")
    menu(page, "我的企业")
    page.get_by_role("link", name="查看进度").click()
    press(page, "撤回")
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(page.get_by_text("已撤回。")).to_be_visible()
    menu(page, "我的企业")
    expect(page.get_by_text("未认证", exact=True).first).to_be_visible()
    menu(page, "角色认证")
    page.get_by_role("link", name="修改后重新提交").click()
    fill(page, 职务="负责人")
    press(page, "提交申请")
    expect(page.get_by_text("已提交，申请编号为")).to_be_visible()
    menu(page, "我的企业")
    expect(page.get_by_text(WAITING)).to_be_visible()


@pytest.mark.db
def test_an_ordinary_user_becomes_the_main_account_of_the_named_organization(visit):
    page = visit("visitor")
    menu(page, "我的企业")
    expect(page.get_by_text("您尚未关联单位")).to_be_visible()
    menu(page, "角色认证")
    page.get_by_role("link", name="立即申请").click()
    fill(page, 企业名称=NAME, 统一社会信用代码=CODE, 企业注册地址="望澜市澄川区清波路9号")
    choose(page, "所属地区", "澄川", "云岫省望澜市澄川区")
    page.get_by_label("门类名称").select_option("商务服务业")
    fill_application(page)
    press(page, "提交申请")
    expect(page.get_by_text("已提交，申请编号为")).to_be_visible()
    approve_it(visit("operator"))
    chrome.log_in(page, "visitor", PASSWORD, TEST_CODE)
    assert menu_names(page) == [
        "工作台", "我的待办", "待我审批", "已办", "机构信息", "顾问管理", "产品管理",
        "常规服务产品", "特色服务产品", "需求管理", "交易备案", "评价管理", "活动备案",
        "活跃度排名", "我的申请", "用户管理", "消息中心",
    ]  # fmt: skip
    menu(page, "机构信息")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()


# --- the staff's lists ----------------------------------------------------------------------


@pytest.mark.db
def test_staff_add_and_edit_an_organization_with_its_certificates(visit):
    page = visit("operator")
    menu(page, "企业名录")
    page.get_by_role("link", name="新增").click()
    fill(page, 企业名称=NAME, 统一社会信用代码=CODE, 企业注册地址="望澜市澄川区清波路9号")
    choose(page, "所属地区", "澄川", "云岫省望澜市澄川区")
    page.get_by_label("门类名称").select_option("商务服务业")
    fill(page, 联系人="苏晚晴", 联系电话=MOBILE)
    rows = page.locator("#qualifications")
    for _row in range(2):
        rows.get_by_role("button", name="新增一行").click()
    for position, name in enumerate(("质量管理体系认证", "高新技术企业证书")):
        rows.get_by_label("名称").nth(position).fill(name)
        rows.get_by_label("编号").nth(position).fill(f"Z-{position}")
    press(page, "保存")
    expect(page.get_by_text("已保存。")).to_be_visible()
    expect(page.get_by_text("高新技术企业证书")).to_be_visible()

    page.get_by_role("link", name="编辑").click()
    rows.get_by_role("button", name="删除").first.click()
    rows.get_by_label("编号").fill("Z-9")
    press(page, "保存")
    expect(page.get_by_text("Z-9")).to_be_visible()
    expect(page.get_by_text("质量管理体系认证")).to_have_count(0)


@pytest.mark.db
def test_a_search_of_two_characters_finds_names(visit):
    page = visit("operator")
    menu(page, "服务机构")
    fill(page, 关键词="检测")
    press(page, "搜索")
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("望澜准信检测技术有限公司")
    fill(page, 关键词="没有")
    press(page, "搜索")
    expect(page.get_by_text("没有符合筛选条件的记录。")).to_be_visible()


@pytest.mark.db
def test_the_exported_list_opens_as_a_table(visit):
    page = visit("operator")
    menu(page, "服务机构")
    total = int(re.search(r"\d+", page.get_by_text(re.compile("^共 ")).inner_text()).group())
    with page.expect_download() as download:
        page.get_by_role("link", name="导出").click()
    file = download.value
    assert re.fullmatch(r"服务机构-\d{8}\.csv", file.suggested_filename)
    head, *rows = csv.reader(StringIO(Path(file.path()).read_text("utf-8-sig")))
    assert head[:3] == ["机构名称", "机构类型", "服务类别"]
    assert len(rows) == total
    assert "望澜准信检测技术有限公司" in [row[0] for row in rows]


@pytest.mark.db
@pytest.mark.parametrize("name", ["服务机构", "入驻申请", "公告"])
def test_a_list_counts_what_it_shows(visit, name):
    page = visit("operator")
    menu(page, name)
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    rows = page.locator("tbody tr").count()
    expect(page.get_by_text(f"共 {rows} 条")).to_be_visible()


# --- accounts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "code", "sentence"),
    [
        ("Wrong#2026", TEST_CODE, "用户名或密码有误，请核对后重试。"),
        (PASSWORD, "9999", "图形验证码有误或已过期，请输入新的验证码。"),
        ("", TEST_CODE, "请输入用户名和密码。"),
    ],
)
def test_a_refused_login_says_why_and_keeps_the_name(visit, password, code, sentence):
    page = visit()
    page.goto("/login/")
    fill(page, 用户名或手机号码="operator", 密码=password, 验证码=code)
    press(page, "登录")
    expect(told(page)).to_contain_text(sentence)
    expect(page.get_by_label("用户名或手机号码")).to_have_value("operator")


def test_the_language_changes_in_place_and_stays(visit):
    page = visit("operator")
    menu(page, "服务机构")
    page.get_by_role("link", name="English").click()
    heading(page, "Institutions")
    page.goto("/workbench/")
    heading(page, "Workbench")
    page.get_by_role("link", name="中文").click()
    heading(page, "工作台")


@pytest.mark.db
def test_a_session_that_was_logged_out_lets_nobody_in(visit):
    page = visit("operator")
    stolen = page.context.cookies()
    page.get_by_role("banner").get_by_text("陆云舟").first.click()
    press(page, "退出登录")
    expect(page.get_by_role("link", name="登录", exact=True)).to_be_visible()
    page.context.clear_cookies()
    page.context.add_cookies(stolen)
    page.goto("/workbench/")
    heading(page, "欢迎登录")


# --- the look -------------------------------------------------------------------------------

PAGES = {
    None: ["/", "/?q=检测", "/?q=没有", "/login/", "/register/", "/register/?kind=ordinary",
           "/register/agreements/user_agreement/", "/institutions/2/", "/news/1/", "/nothing/"],
    "operator": ["/workbench/", "/tasks/todo/", "/tasks/mine/", "/tasks/done/",
                 "/organizations/list/", "/organizations/show/2/", "/organizations/edit/2/",
                 "/organizations/add/", "/accreditations/list/", "/announcements/list/",
                 "/announcements/add/", "/announcements/show/1/"],
    "12000000121": ["/workbench/", "/my-organization/", "/accreditations/choose/", "/tasks/mine/"],
    "newcomer": ["/my-organization/", "/accreditations/add/"],
    "institution": ["/workbench/", "/my-organization/", "/organizations/edit/2/"],
}  # fmt: skip


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1366", "390"])
@pytest.mark.parametrize("who", PAGES, ids=lambda who: who or "visitor")
def test_no_page_is_wider_than_its_window(visit, who, size):
    page = visit(who, size=size)
    wide = []
    for address in PAGES[who]:
        page.goto(address)
        if over := chrome.overhang(page):
            wide.append(f"{address}: {over} px")
    assert wide == []


def test_a_case_fits_a_phone(visit):
    page = visit("operator", size=NARROW)
    page.goto("/tasks/todo/")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="审批进度")).to_be_visible()
    assert chrome.overhang(page) == 0
    page.get_by_role("tab", name="流转记录").click()
    assert chrome.overhang(page) == 0
