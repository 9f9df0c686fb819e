"""How journeys go: a browser, the platform live, and what people do on its pages."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from app import clock
from app.extensions import system_session
from app.jobs.outbox import send_waiting
from app.services.demo import PASSWORD, credit_code
from tests import browser as chrome
from tests.browser import WIDE
from tests.conftest import TEST_CODE
from tests.services import require
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail

JOURNEY = [
    pytest.mark.browser,
    # Flask-Compress reads a static file and leaves closing it to the collector.
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
]
"""The marks of a module of journeys; where the database matters, it adds ``db``."""

NAME, CODE = "望澜晨屿企业服务有限公司", credit_code("77")
MOBILE, TYPED_PASSWORD = "12000000077", "Chenyu#2026"
RESULT_ADDRESS = "result@chenyu.example"
SERVICE_TEL = "0990-66007700"
INTRO = (
    "为园区中小企业提供管理咨询、法律顾问与员工培训服务，"
    "团队二十余人，五年来服务企业一百二十家，可驻场辅导。"
)
STATEMENT = "本单位承诺所填信息及材料真实、合法、有效，并承担相应责任"
BY_STATUS = "Failed to load resource"  # Chromium's own line for a page answered 400 or 409


# --- the room -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    require("chromium")
    with chrome.chromium() as browser:
        yield browser


@pytest.fixture
def site(app):
    """The platform, live; what it raised fails the test."""
    with chrome.served(app) as server:
        yield server
    assert server.faults == []


@pytest.fixture
def visit(browser, site):
    """``visit("operator")`` -> a page on which that person is logged in; None: a visitor.

    A page that complains on its console, or misses one of its parts, fails the test.
    """
    pages, complaints = [], []

    def said(message):
        if message.type in {"error", "warning"} and BY_STATUS not in message.text:
            complaints.append(message.text)

    def answered(response):
        is_page = response.request.resource_type in {"document", "xhr"}
        if response.status >= 400 and not is_page:
            complaints.append(f"{response.status} {response.url}")

    def visit(username=None, password=PASSWORD, size=WIDE) -> Page:
        page = chrome.new_page(browser, site.url, size)
        pages.append(page)
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", answered)
        if username:
            chrome.enter(page, username, password, TEST_CODE)
        return page

    yield visit
    for page in pages:
        page.context.close()
    assert complaints == []


@pytest.fixture
def post(app, mailbox):
    """``post(address)`` -> the one letter to that address that the outbox sends now.

    ``about`` is part of its subject, where others go to the same address.
    """

    def post(address, about=""):
        mailbox.letters.clear()
        with app.app_context(), system_session() as session:
            send_waiting(session, clock.now())
            session.commit()
        sent = [kept for kept in mailbox.letters if address in kept.recipients]
        (letter,) = [kept for kept in sent if about in kept["Subject"]]
        return letter

    return post


# --- what people do -------------------------------------------------------------------------


def picture(width=240, height=240, name="标识.png"):
    stream = BytesIO()
    Image.new("RGB", (width, height), "#1d6fdc").save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


def upload(page, label, file):
    page.get_by_label(label, exact=True).set_input_files(file)
    expect(page.get_by_role("link", name=file["name"], exact=True).last).to_be_visible()


def choose(page, label, phrase, *options):
    """Choose in a select that searches."""
    box = page.get_by_role("combobox", name=re.compile(label))
    box.click()
    for option in options:
        box.press_sequentially(phrase or option)
        page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def fill(page, **values):
    for label, value in values.items():
        page.get_by_label(label, exact=True).fill(value)


def menu(page, name):
    page.get_by_role("navigation", name="主菜单").get_by_role("link", name=name, exact=True).click()


def menu_names(page):
    links = page.get_by_role("navigation", name="主菜单").get_by_role("link").all_inner_texts()
    return [text.strip() for text in links]


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def told(page):
    """The message on top of the page, and the problems of a form."""
    return page.get_by_role("alert")


def heading(page, name):
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def fill_registration(page, code=CODE):
    fill(
        page, 手机号码=MOBILE, 密码=TYPED_PASSWORD, 确认密码=TYPED_PASSWORD, 企业名称=NAME,
        统一社会信用代码=code, 企业注册地址="望澜市澄川区清波路9号", 联系人="苏晚晴",
        验证码=TEST_CODE,
    )  # fmt: skip
    choose(page, "所属地区", "澄川", "云岫省望澜市澄川区")
    page.get_by_label("门类名称").select_option("商务服务业")
    page.get_by_label("我已阅读并同意").check()


def fill_application(page):
    """Every section of 认证成为超市平台的服务机构."""
    fill(page, 法定代表人="苏明礼", 成立时间="2019-05-06", 官网地址="https://chenyu.example")
    page.get_by_label("注册资本(万元)").fill("500")
    page.get_by_label("企业规模(人)").fill("36")
    fill(page, 机构简称="晨屿服务", 机构简介=INTRO, 服务优势="两日内响应，按效果收费。")
    page.get_by_label("机构类型").select_option("管理咨询")
    choose(page, "服务类别", "", "精益生产", "常年法律顾问")
    upload(page, "机构标识", picture())
    cases = page.get_by_role("group", name="典型案例").or_(page.locator("#cases"))
    cases.get_by_role("button", name="新增一行").click()
    cases.get_by_label("客户").fill("澄川电机厂有限公司")
    cases.get_by_label("内容").fill("辅导精益班组建设。")
    cases.get_by_label("年份").fill("2025")
    proofs = page.locator("#qualifications")
    proofs.get_by_role("button", name="新增一行").click()
    fill(proofs, 名称="律师事务所执业许可证", 编号="FL-2019-0077", 有效期至="2029-12-31")
    proofs.get_by_label("扫描件").set_input_files(picture(600, 400, "许可证.png"))
    upload(page, "营业执照", picture(600, 400, "执照.png"))
    page.get_by_label("专业服务人员数").fill("22")
    fill(page, 联系人="苏晚晴", 职务="经理", 手机=MOBILE)
    page.get_by_label("接收审核结果邮箱").fill(RESULT_ADDRESS)
    page.get_by_label("对外服务电话").fill(SERVICE_TEL)
    page.get_by_label("同时申请成为企业发展服务促进会会员机构").check()
    page.get_by_label("会员类别").select_option("理事单位")
    fill(page, 会员代表="苏明礼", 会员代表手机="12000000078", 入会意愿说明="愿为会员企业服务。")
    page.get_by_label("承认并遵守《促进会章程》").check()
    page.get_by_label(STATEMENT).check()


def decide(page, opinion, button):
    page.get_by_label("审批意见", exact=True).fill(opinion)
    press(page, button)
