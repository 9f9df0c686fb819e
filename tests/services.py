"""What tests need from outside Python: a browser and a database server.

A test asks with :func:`require`; what is missing skips it loudly, or fails it when the
environment variable ``QIFU_REQUIRE`` names it, as continuous integration does.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

# Without these Chromium looks up its maker's hosts at every start.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


WHOLE = ("chromium", "chromium-browser")
SHELL = "chromium-headless-shell"


def chromium(*, whole: bool = True) -> str | None:
    """The path of the browser, or None when this machine has none.

    Its shell makes the same pages for half of the work, but shows no PDF; where it is not
    installed, the whole browser takes its place.
    """
    names = WHOLE if whole else (SHELL, *WHOLE)
    return next(filter(None, map(shutil.which, names)), None)


def launch_options(*, whole: bool) -> dict[str, Any]:
    """What Playwright's ``chromium.launch`` is given; root alone goes without the sandbox."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    arguments = [*QUIET, *sandbox]
    return {"executable_path": chromium(whole=whole), "args": arguments, "headless": True}


def postgresql_url() -> str | None:
    """A URL whose user may create databases on the server of this run; None without one."""
    return os.environ.get("TEST_POSTGRESQL_URL") or None


def missing(name: str) -> str | None:
    """Why ``postgresql`` or ``chromium`` cannot be used here; None when it can."""
    if name == "chromium":
        return None if chromium() else "Chromium is not installed (Debian: chromium)"
    if name == "postgresql":
        return None if postgresql_url() else "TEST_POSTGRESQL_URL is not set (make test sets it)"
    raise ValueError(name)


def is_required(name: str) -> bool:
    """Whether a test that misses this fails instead of being skipped."""
    return name in {part.strip() for part in os.environ.get("QIFU_REQUIRE", "").split(",")}


def require(name: str) -> None:
    """Skip the running test, or fail it, when ``postgresql`` or ``chromium`` is missing."""
    reason = missing(name)
    if reason is None:
        return
    if is_required(name):
        pytest.fail(f"{reason}, and QIFU_REQUIRE asks for it", pytrace=False)
    pytest.skip(reason)
