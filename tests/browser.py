"""The platform as people meet it: a live server on a free port, and pages in Chromium."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.services import launch_options

WIDE, NARROW = (1366, 768), (390, 844)
"""A common laptop, and a phone."""
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PATIENCE = 30_000  # milliseconds; both rounds of tests share the machine


class _Quiet(WSGIRequestHandler):
    """Keep connections open, and say nothing about each request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_args: Any) -> None:
        """Not logged: the browser sees what came back."""


class LiveServer:
    """An application that answers on this machine; ``faults`` holds what it raised."""

    def __init__(self, app: Flask) -> None:
        self.faults: list[BaseException] = []
        self._app = app
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, environ: Any, start_response: Any) -> Any:
        try:
            return self._app(environ, start_response)
        except BaseException as fault:
            self.faults.append(fault)
            raise


@contextmanager
def served(app: Flask) -> Iterator[LiveServer]:
    """``app`` on a free port, with form tokens checked and links that lead there."""
    server = LiveServer(app)
    settings, checked = app.extensions["settings"], app.config["WTF_CSRF_ENABLED"]
    app.extensions["settings"] = replace(settings, public_url=server.url)
    app.config["WTF_CSRF_ENABLED"] = True
    thread = threading.Thread(target=server._server.serve_forever, args=(0.05,), daemon=True)  # noqa: SLF001
    thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()  # noqa: SLF001
        thread.join()
        server._server.server_close()  # noqa: SLF001
        app.extensions["settings"] = settings
        app.config["WTF_CSRF_ENABLED"] = checked


@contextmanager
def chromium(*, whole: bool = False) -> Iterator[Browser]:
    """One browser, which is given time; only the ``whole`` one shows a PDF."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options(whole=whole))
        try:
            yield browser
        finally:
            browser.close()


def new_page(
    browser: Browser, url: str, size: tuple[int, int] = WIDE, locale: str = "en-US"
) -> Page:
    """A page of a browser profile of its own, as of somebody who was never here.

    The browser prefers English, so that Chinese is the platform's own choice.
    """
    width, height = size
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        locale=locale,
        timezone_id="Asia/Shanghai",
    )
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def log_in(page: Page, username: str, password: str, code: str) -> None:
    """Log in by password as people do, then open the workbench."""
    page.goto("/login/")
    sign_in(page, username, password, code)
    page.get_by_role("link", name="工作台").first.click()
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()


def enter(page: Page, username: str, password: str, code: str) -> None:
    """Be logged in on the workbench, for a journey that begins there.

    The browser sends the form of the login without drawing its page and the one that follows.
    """
    token = TOKEN.search(page.request.get("/login/").text())
    assert token is not None
    typed = {"username": username, "password": password, "captcha": code, "csrf_token": token[1]}
    answer = page.request.post("/login/", form=typed, max_redirects=0)
    assert answer.status == 302, answer.text()
    page.goto("/workbench/")
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()


def sign_in(page: Page, username: str, password: str, code: str) -> None:
    """Fill and send the login form that the page shows."""
    page.get_by_label("用户名或手机号码").fill(username)
    page.get_by_label("密码", exact=True).fill(password)
    page.get_by_label("验证码", exact=True).fill(code)
    page.get_by_role("button", name="登录", exact=True).click()


def settle(page: Page) -> None:
    """Wait until pictures and selects are there."""
    page.wait_for_load_state("networkidle")


def overhang(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
