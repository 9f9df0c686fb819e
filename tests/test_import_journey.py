"""Import from Excel in Chromium (S4-5): template, preview, progress, faults, cancelled midway."""

from __future__ import annotations

import re
import threading
import time
from io import BytesIO

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect
from sqlalchemy import event, func, select

from app.extensions import db, system_session
from app.jobs import run_job
from app.models import Consultant
from tests import browser as chrome
from tests.browser import NARROW, PATIENCE
from tests.walking import (  # noqa: F401 - the fixtures of the browser
    JOURNEY,
    browser,
    heading,
    menu,
    press,
    site,
    visit,
)

pytestmark = [*JOURNEY, pytest.mark.db]

GOOD, MANY, PAUSE, SPECIALITY = 160, 400, 1.0, "系统集成"
FAULTY = {
    9: {"手机号码": "1390000"},
    47: {"专业领域": "不存在的领域"},
    83: {"电子邮箱": "nobody"},
}
"""What is wrong in some rows of the file, by their number there."""
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOTHING, SKIPPED = "存在错误行，未导入任何数据", "错误行将被跳过"


@pytest.fixture
def scheduler(app):
    """The worker of imports, on a machine that needs a second for each piece of a file."""
    stop, mine = threading.Event(), threading.local()

    def slowly(_connection):
        if getattr(mine, "is_worker", False):
            time.sleep(PAUSE / 2)

    def work():
        mine.is_worker = True
        while not stop.wait(0.3):
            run_job(app, "import.run")

    with app.app_context():
        engine = db.engine
    event.listen(engine, "commit", slowly)
    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(120)
    event.remove(engine, "commit", slowly)


def count_of(app):
    with app.app_context(), system_session() as session:
        return session.scalar(select(func.count(Consultant.id)))


def begins(page):
    """From the list to the page of the import."""
    page.goto("/consultants/list/")
    page.get_by_role("link", name=re.compile("导入")).first.click()
    heading(page, re.compile("导入"))


def downloaded(page, name):
    """An Excel file that the page offers."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return load_workbook(BytesIO(download.value.path().read_bytes()))


def filled(book, *, count=GOOD, first=1, faulty=None):
    """The template, filled in by somebody: a row for each consultant."""
    sheet = book.worksheets[0]
    columns = {cell.value.rstrip("* "): cell.column for cell in sheet[1]}
    for line in range(count):
        number = first + line
        values = {
            "姓名": f"顾问{number}", "手机号码": str(13920000000 + number),
            "电子邮箱": f"i{number}@example.com", "专业领域": SPECIALITY,
        }  # fmt: skip
        for name, value in (values | (faulty or {}).get(line + 2, {})).items():
            sheet.cell(line + 2, columns[name], value)
    out = BytesIO()
    book.save(out)
    return {"name": "顾问.xlsx", "mimeType": SHEET, "buffer": out.getvalue()}


def hands_in(page, file, mode):
    page.get_by_label(mode).check()
    page.get_by_label(re.compile("Excel")).set_input_files(file)
    taken = page.locator(".record-form").get_by_role("link", name=file["name"], exact=True)
    expect(taken).to_be_visible()
    press(page, "开始预检")


def midway(page, label, count=GOOD):
    """Wait until the bar stands between its ends."""
    page.wait_for_function(
        "() => { const bar = document.querySelector('progress');"
        " return bar && bar.value > 0 && bar.value < bar.max; }"
    )
    expect(page.get_by_text(re.compile(f"{label}：\\d+ / {count} 行"))).to_be_visible()


def nothing_goes_in(page, sheet):
    """All or nothing: what is wrong stands beside its row, and there is nothing to confirm."""
    begins(page)
    hands_in(page, sheet, "全部成功才导入")
    midway(page, "正在预检")
    expect(page.get_by_text(NOTHING)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("导入 "))).to_have_count(0)
    page.get_by_role("link", name=re.compile("有错误")).click()
    for number, wrong in FAULTY.items():
        cell = page.get_by_role("cell", name=str(number), exact=True)
        expect(page.get_by_role("row").filter(has=cell)).to_contain_text(*wrong)


def the_others_go_in(page, phone, sheet):
    """With faulty rows skipped, which are downloaded: in the background, under a bar."""
    begins(page)
    hands_in(page, sheet, "跳过错误行")
    expect(page.get_by_text(SKIPPED)).to_be_visible()
    lines = list(downloaded(page, "下载错误行").worksheets[0].iter_rows(values_only=True))
    assert [line[-2] for line in lines[1:]] == [str(number) for number in FAULTY]
    for line, (name,) in zip(lines[1:], FAULTY.values(), strict=True):
        assert name in line[-1]
    phone.goto(page.url)
    expect(phone.get_by_text(SKIPPED)).to_be_visible()
    assert chrome.overhang(phone) <= 0
    press(page, f"导入 {GOOD - len(FAULTY)} 行")
    phone.reload()
    midway(page, "正在导入")
    assert chrome.overhang(phone) <= 0
    expect(page.get_by_text(f"已导入 {GOOD - len(FAULTY)} 行").first).to_be_visible()


def cancelled_midway(page, sheet):
    """What was written stays; the page says how much that is."""
    begins(page)
    hands_in(page, sheet, "跳过错误行")
    confirm = page.get_by_role("button", name=f"导入 {MANY} 行")
    expect(confirm).to_be_visible(timeout=PATIENCE * 4)
    confirm.click()
    midway(page, "正在导入", MANY)
    page.get_by_role("button", name="取消", exact=True).click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("已写入的数据会保留")
    asked.get_by_role("button", name="确定", exact=True).click()
    said = page.get_by_text(re.compile("导入已取消，此前已写入 \\d+ 行"))
    expect(said).to_be_visible()
    return int(re.search(r"写入 (\d+) 行", said.inner_text())[1])


@pytest.mark.usefixtures("scheduler")
def test_a_sheet_is_filled_in_checked_imported_and_cancelled(app, visit):
    house, before = visit("institution"), count_of(app)
    menu(house, "顾问管理")
    begins(house)
    book = downloaded(house, "下载模板")
    notes = {row[0]: row for row in book.worksheets[1].iter_rows(min_row=2, values_only=True)}
    assert SPECIALITY in notes["专业领域"][3].split("、")
    sheet = filled(book, faulty=FAULTY)

    nothing_goes_in(house, sheet)
    assert count_of(app) == before
    the_others_go_in(house, visit("institution", size=NARROW), sheet)
    assert count_of(app) == before + GOOD - len(FAULTY)
    house.goto("/consultants/list/?q=顾问160")
    expect(house.get_by_role("row").filter(has_text="顾问160")).to_contain_text("未注册")

    begins(house)
    more = filled(downloaded(house, "下载模板"), count=MANY, first=500)
    before = count_of(app)
    written = cancelled_midway(house, more)
    assert 0 < written < MANY
    time.sleep(3 * PAUSE)
    assert count_of(app) == before + written
