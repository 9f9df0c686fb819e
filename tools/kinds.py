"""A pytest plugin that counts outcomes by kind of test into the file named by ``QIFU_KINDS``."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

_kind: dict[str, str] = {}
_outcome: dict[str, str] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note the kind of each test by its marker: browser, db or plain unit."""
    for item in items:
        marks = (mark for mark in ("browser", "db") if item.get_closest_marker(mark))
        _kind[item.nodeid] = next(marks, "unit")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of a test's set-up, call and tear-down."""
    if report.failed:
        _outcome[report.nodeid] = "failed"
    elif report.skipped:
        _outcome.setdefault(report.nodeid, "skipped")
    elif report.when == "call":
        _outcome.setdefault(report.nodeid, "passed")


def pytest_sessionfinish() -> None:
    """Write the counts: kind -> outcome -> number."""
    counts: dict[str, Counter[str]] = {}
    for test, outcome in _outcome.items():
        counts.setdefault(_kind.get(test, "unit"), Counter())[outcome] += 1
    Path(os.environ["QIFU_KINDS"]).write_text(json.dumps(counts))
