"""Chapter 七 of the S4 manual in the browser: an activity filed by mail, its credits, the board."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from app import clock, jobs
from tests.test_activities import MAIL
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    choose,
    decide,
    picture,
    press,
    site,
    upload,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]
TITLE = "中小企业公益法律讲堂"


def score_of(board, name):
    """The score in the line of an institution."""
    return float(board.get_by_role("row", name=name).locator(".board-score").inner_text())


def test_an_activity_filed_by_mail_lifts_the_institution_on_the_board(app, visit):
    institution, staff, other, anybody = (
        visit("institution"), visit("operator"), visit("operator2"), visit(),
    )  # fmt: skip
    name = "望澜青砺数智科技有限公司"
    anybody.goto("/")
    anybody.get_by_role("link", name="活跃度排名").first.click()
    before = score_of(anybody, name)

    mail = {"name": "活动备案.eml", "mimeType": "message/rfc822", "buffer": MAIL}
    day = clock.local_day(clock.now()) - timedelta(days=5)
    staff.goto("/workbench/")
    staff.get_by_role("link", name="活动备案").first.click()
    staff.get_by_role("link", name="录入邮件备案").click()
    choose(staff, "服务机构", "望澜青砺", name)
    fields = {
        "title": TITLE, "partner_department": "望澜市司法局", "place": "产业园报告厅",
        "from_at": f"{day}T09:00", "to_at": f"{day}T17:00", "enterprises": "88",
        "persons": "160", "summary": "免费讲解合同与数据合规。",
    }  # fmt: skip
    for field, value in fields.items():
        staff.locator(f"[name={field}]").fill(value)
    staff.locator("[name=role_kind]").select_option(label="主办")
    staff.locator("[name=activity_kind]").select_option(label="宣讲")
    staff.get_by_label("纯公益性").check()
    upload(staff, "通知、签到表、照片", picture(name="签到表.png"))
    upload(staff, "备案邮件", mail)
    press(staff, "提交申请")
    staff.wait_for_url("**/cases/HD-*/")

    other.goto("/tasks/todo/")
    other.get_by_role("link", name=TITLE).first.click()
    decide(other, "活动真实，同意加分。", "通过")

    institution.goto("/workbench/")
    institution.get_by_role("link", name="活动备案").first.click()
    line = institution.get_by_role("row", name=TITLE)
    expect(line.get_by_text("已加分")).to_be_visible()
    expect(line.get_by_text("15.00")).to_be_visible()
    institution.get_by_role("link", name="活跃度排名").first.click()
    expect(institution.get_by_text("公益活动").first).to_be_visible()
    expect(institution.get_by_role("link", name="主办活动").first).to_be_visible()

    night = clock.now() + timedelta(days=1)
    assert isinstance(night, datetime)
    jobs.run_job(app, "score.rank", night)
    anybody.reload()
    assert score_of(anybody, name) > before
