"""``python -m tools.pictures``: the pages of README, drawn from a fresh demonstration.

Written to ``docs/pictures`` at the width of a laptop and of a phone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import NARROW, WIDE, chromium, log_in, new_page, overhang, served, settle
from tools.services import say

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
TEST_CODE = "0000"
COLORS = 256
# Above the first date input: an empty one shows the browser's own language, not the page's.
FORM_SIZE = (WIDE[0], 608)
# Below the bar that stays on top of a phone's page.
ABOVE = "heading => scrollTo(0, scrollY + heading.getBoundingClientRect().top - 80)"
# Picture, who looks, at which address; the case is the most urgent one of the list.
SHOWN = (
    ("portal", None, "/"),
    ("login", None, "/login/"),
    ("register", None, "/register/"),
    ("workbench", "operator", "/workbench/"),
    ("list", "operator", "/organizations/list/"),
    ("detail", "operator", "/tasks/todo/list/"),
    ("form", "newcomer", "/accreditations/add/"),
)


@contextmanager
def demonstration() -> Iterator[Flask]:
    """The application on a database of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory() as room:
        os.environ["DATABASE_URL"] = f"sqlite:///{room}/pictures.db"
        os.environ["STORAGE_URL"] = f"{room}/uploads"
        os.environ["QIFU_TEST_CODE"] = TEST_CODE
        from app import cli, create_app  # noqa: PLC0415 - reads the environment

        app = create_app()
        cli.set_up(app)
        yield app


def draw(browser: Browser, url: str, size: tuple[int, int]) -> None:
    """Every picture of one width."""
    from app.services.demo import PASSWORD  # noqa: PLC0415 - see above

    pages: dict[str | None, Page] = {}
    for name, who, address in SHOWN:
        if who not in pages:
            pages[who] = new_page(browser, url, size, locale="zh-CN")
            if who:
                log_in(pages[who], who, PASSWORD, TEST_CODE)
        page = pages[who]
        if name == "form" and size == WIDE:
            page.set_viewport_size({"width": FORM_SIZE[0], "height": FORM_SIZE[1]})
        page.goto(address)
        if name == "detail":
            page.locator("tbody a").first.click()
        settle(page)
        if name == "detail" and size == NARROW:
            page.get_by_role("heading", name="审批进度").evaluate(ABOVE)
        if over := overhang(page):
            sys.exit(f"{name} is {over} pixels wider than {size[0]}")
        save(page, FOLDER / f"{name}-{size[0]}.png")


def save(page: Page, path: Path) -> None:
    """What the window shows, as a small PNG."""
    page.screenshot(path=path, animations="disabled", caret="hide")
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    say(f"{path.name}: {path.stat().st_size // 1024} kB")


def main() -> None:
    """Draw all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demonstration() as app, served(app) as server, chromium() as browser:
        for size in (WIDE, NARROW):
            draw(browser, server.url, size)


if __name__ == "__main__":
    main()
