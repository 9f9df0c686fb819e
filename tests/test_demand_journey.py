"""Chapter 四 of the S4 manual in a browser: 对接服务需求, by its own menus and buttons (S4-11)."""

from __future__ import annotations

from datetime import datetime, timedelta

from playwright.sync_api import expect
from sqlalchemy import select

from app.clock import SHANGHAI
from app.extensions import system_session
from app.models import Organization
from tests.test_messages import mail_goes_to, mailbox  # noqa: F401 - the fixtures of real mail
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    fill,
    menu,
    post,
    press,
    site,
    visit,
)

pytestmark = JOURNEY

INSTITUTION = "望澜青砺数智科技有限公司"
TITLE = "两条老产线怎么接入系统"
NEED = "含12台无接口的老设备，想知道采集办法和费用。"
NOTE = "电话了解了产线与现有设备，约定下周上门。"
PHONE = "12000000130"


def raise_demand(page, key):
    """企业: 提交需求, on the page that the portal's button opens."""
    page.goto(f"/my_demands/add/?institution={key}")
    expect(page.get_by_text(INSTITUTION)).to_be_visible()
    fill(page, 需求标题=TITLE, 需求描述="太短")
    page.get_by_label("需求类别").select_option("系统集成")
    page.get_by_label("紧急程度").select_option("较急")
    press(page, "提交需求")
    expect(page.get_by_label("需求标题", exact=True)).to_have_value(TITLE)  # nothing is lost
    fill(page, 需求描述=NEED)
    press(page, "提交需求")
    expect(page.get_by_text("已提交，机构已收到通知，将与您联系。")).to_be_visible()
    expect(page.get_by_text("已提交，等待联系").first).to_be_visible()


def maintain(page, result, **more):
    """机构: 维护."""
    page.get_by_role("link", name="维护", exact=True).first.click()
    page.get_by_label("对接结果").select_option(result)
    fill(page, 对接情况=NOTE, **more)
    press(page, "保存对接结果")
    expect(page.get_by_role("status").or_(page.get_by_role("alert")).first).to_be_attached()


def test_a_demand_is_pushed_called_and_settled(app, visit, post):
    """需求管理 > 详情 > 维护, from the demand on the portal to the enterprise's answer."""
    with app.app_context(), system_session() as session:
        found = select(Organization).where(Organization.name == INSTITUTION)
        house = session.scalars(found).one()
        key = house.id
    enterprise = visit("enterprise")
    raise_demand(enterprise, key)
    letter = post("institution@example.com")
    assert TITLE in letter.get_content()
    institution = visit("institution")
    menu(institution, "需求管理")
    institution.get_by_role("link", name="待对接").click()
    row = institution.get_by_role("row").filter(has_text=TITLE)
    row.get_by_role("link", name="详情", exact=True).click()
    expect(institution.get_by_text(NEED)).to_be_visible()
    expect(institution.get_by_text(PHONE)).to_have_count(0)  # masked until somebody calls
    maintain(institution, "已联系")
    expect(institution.get_by_text(PHONE)).to_be_visible()
    expect(institution.get_by_text(NOTE).first).to_be_visible()
    soon = (datetime.now(SHANGHAI) + timedelta(days=3)).strftime("%Y-%m-%dT10:00")
    maintain(institution, "对接中", 下一步计划="上门调研", 下次联系时间=soon)
    maintain(institution, "已成交", **{"成交金额(元)": "52000.50"})
    expect(institution.get_by_text("52,000.50")).to_be_visible()
    expect(institution.get_by_role("link", name="维护", exact=True)).to_have_count(0)
    expect(institution.get_by_role("link", name="去备案")).to_be_visible()
    menu(enterprise, "我的需求")
    enterprise.get_by_role("link", name=TITLE).first.click()
    expect(enterprise.get_by_text(NOTE)).to_have_count(0)  # the institution's own notes
    press(enterprise, "确认属实")
    expect(enterprise.get_by_text("已确认，感谢您的反馈。")).to_be_visible()
    expect(enterprise.get_by_text("属实", exact=True)).to_be_visible()
