"""Files in the browser: over a slow line, refused, replaced, several at once, shown in the page."""

from __future__ import annotations

import re
import socket

import pytest
from playwright.sync_api import expect

from app.services.demo import PASSWORD
from tests import samples as made
from tests.browser import NARROW, WIDE, chromium, enter, new_page, overhang, served, settle
from tests.conftest import TEST_CODE
from tests.services import require
from tests.test_files import attachments, stored_files

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    # Flask-Compress leaves closing an asset to the collector, werkzeug half a file.
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),
]


@pytest.fixture
def site(app):
    """The application, live."""
    with served(app) as server:
        yield server
        assert server.faults == []


@pytest.fixture(scope="module")
def browser():
    """The whole of it, which shows PDF files."""
    require("chromium")
    with chromium(whole=True) as browser:
        yield browser


@pytest.fixture
def open_form(browser, site):
    """``open_form(size)`` -> the application form of somebody who has not sent it yet."""
    pages = []

    def opened(size=WIDE):
        page = new_page(browser, site.url, size)
        pages.append(page)
        enter(page, "newcomer", PASSWORD, TEST_CODE)
        page.goto("/accreditations/add/")
        settle(page)
        return page

    yield opened
    for page in pages:
        page.context.close()


def file(name, content):
    kinds = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg"}
    return {"name": name, "mimeType": kinds[name[-3:]], "buffer": content}


def field(page, label="营业执照"):
    return page.locator(".field", has=page.get_by_text(label, exact=True)).locator(".upload")


def choose(page, name, content, label="营业执照"):
    page.get_by_label(label, exact=True).set_input_files(file(name, content))


def slow_line(page, bytes_a_second):
    """The browser's own throttle."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 20, "downloadThroughput": -1,
         "uploadThroughput": bytes_a_second},
    )  # fmt: skip


def test_a_slow_upload_shows_how_far_it_is_and_can_be_given_up(app, open_form):
    page = open_form()
    rows, files = len(attachments(app)), stored_files(app)
    large = made.scan(1800, 1800)
    slow_line(page, 600_000)
    choose(page, "执照扫描件.pdf", large)
    bar, note = field(page).locator("progress"), field(page).locator("[data-sent-note]")
    expect(note).to_have_text(re.compile(r"上传中 [1-9]\d?% · \d.* [MK]B / \d.* MB"))
    expect(bar).to_be_visible()
    expect(note).to_have_text(re.compile(r"上传中 [3-9]\d%"))
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("文件正在上传")).to_be_visible()
    field(page).get_by_role("button", name="移除文件").click()
    expect(field(page).locator("[data-sent]")).to_have_count(0)
    page.wait_for_timeout(500)
    assert len(attachments(app)) == rows
    assert stored_files(app) == files
    slow_line(page, -1)
    choose(page, "执照扫描件.pdf", large)
    expect(field(page).get_by_role("link", name="执照扫描件.pdf")).to_be_visible()
    expect(bar).to_be_hidden()
    assert len(attachments(app)) == rows + 1


def test_a_refused_file_is_told_beside_its_field_and_the_old_one_stays(open_form):
    page = open_form()
    choose(page, "执照.pdf", made.pdf())
    link = field(page).get_by_role("link", name="执照.pdf")
    expect(link).to_be_visible()
    expect(field(page).get_by_text("更换文件")).to_be_visible()
    kept = link.get_attribute("href")
    choose(page, "动作.pdf", made.opening("app.alert(1)"))
    alert = field(page).get_by_role("alert")
    expect(alert).to_have_text(re.compile(r"动作\.pdf: .*JavaScript.*不能上传。.*另存"))
    assert link.get_attribute("href") == kept
    choose(page, "空.pdf", b"")
    expect(alert).to_have_text("空.pdf: 文件为空。")
    choose(page, "大.png", bytes(2 * made.MEGABYTE + 1), "机构标识")
    large = field(page, "机构标识").get_by_role("alert")
    expect(large).to_have_text(re.compile(r"大\.png: .*2 MB"))
    choose(page, "新执照.pdf", made.pdf(2))
    expect(field(page).get_by_role("link", name="新执照.pdf")).to_be_visible()
    expect(field(page).locator("[data-sent]")).to_have_count(1)
    expect(alert).to_be_hidden()
    with page.expect_response(re.compile("/drafts/")):
        page.get_by_role("button", name="保存草稿").click()
    page.reload()  # the draft knows it
    expect(field(page).get_by_role("link", name="新执照.pdf")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_pictures_and_pdf_are_shown_in_the_page(open_form, size):
    page = open_form(size)
    choose(page, "执照.pdf", made.scan())
    choose(page, "标识.png", made.picture(), "机构标识")
    dialog = page.get_by_role("dialog", name="标识.png")
    field(page, "机构标识").get_by_role("link", name="标识.png").click()
    expect(dialog.get_by_role("img", name="标识.png")).to_be_visible()
    width = dialog.get_by_role("img").evaluate("image => image.naturalWidth")
    assert (width, overhang(page)) == (240, 0)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    with page.expect_response(re.compile("/files/")) as shown:
        field(page).get_by_role("link", name="执照.pdf").click()
    assert shown.value.header_value("content-security-policy").startswith("sandbox")
    dialog = page.get_by_role("dialog", name="执照.pdf")
    expect(dialog.locator("iframe")).to_be_visible()
    expect(dialog.get_by_role("link", name="下载")).to_have_attribute("download", "执照.pdf")
    dialog.get_by_role("button", name="关闭").click()
    expect(dialog).to_be_hidden()


def test_a_file_may_be_dropped_onto_its_field(open_form):
    page = open_form()
    dropped = page.evaluate_handle(
        """(bytes) => {
            const carried = new DataTransfer();
            const content = new Uint8Array(bytes);
            carried.items.add(new File([content], "拖放.pdf", { type: "application/pdf" }));
            return carried;
        }""",
        list(made.pdf()),
    )
    target = field(page)
    target.dispatch_event("dragover", {"dataTransfer": dropped})
    expect(target).to_have_class(re.compile("is-target"))
    target.dispatch_event("drop", {"dataTransfer": dropped})
    expect(target.get_by_role("link", name="拖放.pdf")).to_be_visible()
    expect(target).not_to_have_class(re.compile("is-target"))


def test_an_upload_that_is_cut_off_leaves_nothing(app, sign_in):
    """Half a file, twenty times."""
    rows, files = len(attachments(app)), stored_files(app)
    client = sign_in("visitor")
    client.get("/workbench/")
    cookie, half = client.get_cookie("qifu").value, made.scan()[:100_000]
    token = re.search(r'csrf-token" content="([^"]+)', client.get("/workbench/").text)[1]
    with served(app) as site:
        host, port = site.url.removeprefix("http://").split(":")
        for _ in range(20):
            with socket.create_connection((host, int(port)), 5) as line:
                line.sendall(
                    f"POST /files/ HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: qifu={cookie}\r\n"
                    f"X-CSRFToken: {token}\r\nContent-Length: 900000\r\n"
                    "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
                    '--x\r\nContent-Disposition: form-data; name="rule"\r\n\r\nseal\r\n'
                    '--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
                    .encode() + half
                )  # fmt: skip
                line.shutdown(socket.SHUT_WR)
                assert line.recv(100).startswith(b"HTTP/1.1 400")
        assert site.faults == []
    assert len(attachments(app)) == rows
    assert stored_files(app) == files
