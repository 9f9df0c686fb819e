"""A pytest plugin: outcomes by kind of test, and the figures that tests recorded.

The counts go into the file named by ``QIFU_KINDS``; what a test gave to ``record_property`` is
printed at the end, since pytest hides what a passing test prints.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

_kind: dict[str, str] = {}
_outcome: dict[str, str] = {}
_figures: list[str] = []


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
    if report.when == "call":
        _figures.extend(f"{name}: {value}" for name, value in report.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the recorded figures."""
    if _figures:
        terminalreporter.section("figures")
        for line in _figures:
            terminalreporter.line(line)


def pytest_sessionfinish() -> None:
    """Write the counts: kind -> outcome -> number."""
    counts: dict[str, Counter[str]] = {}
    for test, outcome in _outcome.items():
        counts.setdefault(_kind.get(test, "unit"), Counter())[outcome] += 1
    Path(os.environ["QIFU_KINDS"]).write_text(json.dumps(counts))
