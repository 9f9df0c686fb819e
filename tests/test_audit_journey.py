"""查看 with a purpose, and its line in the log; the log verified: as people see it, in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.extensions import system_session
from app.models import Organization
from app.services import evidence
from app.services.demo import PASSWORD
from tests.browser import NARROW, WIDE, enter, new_page, overhang
from tests.conftest import TEST_CODE
from tests.walking import JOURNEY, browser, site  # noqa: F401 - the room of journeys

pytestmark = [*JOURNEY, pytest.mark.db]
PHONE, MASK = "13955556666", "139****6666"


@pytest.fixture
def place(app):
    with app.app_context(), system_session() as session:
        rows = select(Organization).where(Organization.certification == "certified")
        row = session.scalars(rows.order_by(Organization.id.desc())).first()
        row.contact_phone = PHONE
        session.commit()
        return row.id, row.name


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_what_somebody_viewed_stands_in_the_log_and_the_log_is_verified(
    app, browser, site, place, size
):
    key, name = place
    staff = new_page(browser, site.url, size)
    enter(staff, "operator", PASSWORD, TEST_CODE)
    staff.goto(f"/organizations/show/{key}/")
    assert PHONE not in staff.content()
    staff.get_by_role("button", name=f"查看 {MASK} 的完整内容").click()
    dialog = staff.get_by_role("dialog")
    expect(dialog).to_contain_text("用途")
    dialog.get_by_label("用途").fill("核实证照信息")
    dialog.get_by_role("button", name="查看").click()
    expect(staff.get_by_text(PHONE)).to_be_visible()
    expect(dialog).to_be_hidden()
    assert overhang(staff) <= 0

    auditor = new_page(browser, site.url, size)
    enter(auditor, "auditor", PASSWORD, TEST_CODE)
    auditor.goto("/audit/list/?action=reveal")
    row = auditor.get_by_role("row").filter(has_text="查看个人信息")
    expect(row).to_contain_text(name)
    assert overhang(auditor) <= 0
    row.get_by_role("link", name="查看", exact=True).click()
    expect(auditor.get_by_text("核实证照信息")).to_be_visible()
    assert PHONE not in auditor.content()
    assert overhang(auditor) <= 0

    with app.app_context(), system_session() as session:
        evidence.seal(session.connection(), clock.now() + evidence.GRACE)
        session.commit()
    auditor.goto("/evidence/")
    auditor.get_by_role("button", name="校验").click()
    expect(auditor.get_by_text("未发现篡改").first).to_be_visible()
    assert overhang(auditor) <= 0
