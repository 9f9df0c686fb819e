"""``make test``: the whole suite on SQLite, beside it what is marked ``db`` on PostgreSQL.

``python -m tools.test [arguments for pytest]``; the last line tells how many passed and failed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from tools.services import install_packages, postgresql, say

ROOT = Path(__file__).resolve().parent.parent
OUTCOMES = ("passed", "failed", "skipped")
NOTHING_SELECTED = 5  # pytest's exit status
Counts = dict[str, dict[str, int]]


def _pytest(
    database: str, arguments: list[str], url: str | None, output: IO[bytes] | None = None
) -> tuple[int, Counts]:
    """Run the suite against one database; exit status, and outcomes by kind of test.

    ``output`` takes what is printed.  The dozens of processes that tests start share what Python
    compiled, also where the environment asks it to keep nothing.
    """
    started = time.monotonic()
    shared = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as room:
        kinds = Path(room) / "kinds.json"
        environment = shared | {
            "QIFU_KINDS": str(kinds),
            "QIFU_TEST_DATABASE": database,
            "TEST_POSTGRESQL_URL": url or "",
        }
        command = (sys.executable, "-m", "pytest", "-p", "tools.kinds", *arguments)
        code = subprocess.run(
            command, cwd=ROOT, check=False, env=environment, stdout=output, stderr=output
        ).returncode
        counts: Counts = json.loads(kinds.read_text()) if kinds.exists() else {}
    say(f"── tests on {database}: {time.monotonic() - started:.0f} s")
    return code, counts


def _sum(counts: Counts, outcome: str) -> int:
    return sum(outcomes.get(outcome, 0) for outcomes in counts.values())


def _report(name: str, counts: Counts) -> None:
    kinds = ", ".join(
        f"{kind} {sum(counts.get(kind, {}).values())}" for kind in ("unit", "db", "browser")
    )
    outcomes = ", ".join(f"{_sum(counts, outcome)} {outcome}" for outcome in OUTCOMES)
    say(f"{name:<11} {kinds}  ({outcomes})")


def _lacking(sqlite: Counts, on_postgresql: Counts) -> list[str]:
    """The required kinds of which not one test passed."""
    required = {part.strip() for part in os.environ.get("QIFU_REQUIRE", "").split(",")}
    passed = {
        "chromium": sqlite.get("browser", {}).get("passed", 0),
        "postgresql": _sum(on_postgresql, "passed"),
    }
    return [name for name, number in passed.items() if name in required and not number]


def run(arguments: list[str]) -> int:
    """Bring up the services, run both rounds at once, print the counts; the exit status."""
    install_packages()
    given = os.environ.get("TEST_POSTGRESQL_URL")
    if given:
        return _rounds(arguments, given)
    with postgresql() as url:
        return _rounds(arguments, url)


def _rounds(arguments: list[str], url: str | None) -> int:
    codes, on_postgresql = [], Counts()
    with tempfile.TemporaryFile() as later, ThreadPoolExecutor() as beside:
        second = url and beside.submit(_pytest, "postgresql", ["-m", "db", *arguments], url, later)
        say("── tests on sqlite, and beside them on postgresql" if url else "── tests on sqlite")
        code, sqlite = _pytest("sqlite", arguments, url)
        codes.append(code)
        if second:
            code, on_postgresql = second.result()
            later.seek(0)
            say(f"\n── tests on postgresql\n{later.read().decode(errors='replace')}")
            # A choice of tests need not hold one for the database.
            codes.append(0 if code == NOTHING_SELECTED and arguments else code)
        else:
            say("No PostgreSQL server: the tests marked db ran on SQLite only.")

    say("")
    _report("SQLite:", sqlite)
    _report("PostgreSQL:", on_postgresql)
    failed = _sum(sqlite, "failed") + _sum(on_postgresql, "failed")
    lacking = [] if arguments else _lacking(sqlite, on_postgresql)
    for name in lacking:
        say(f"Not one test passed with {name}, which QIFU_REQUIRE asks for.")
    ok = not any(codes) and not lacking
    if not ok and not failed:
        say(f"The run failed (pytest's exit status: {', '.join(map(str, codes))}).")
    numbers = [_sum(sqlite, outcome) + _sum(on_postgresql, outcome) for outcome in OUTCOMES]
    say(", ".join(f"{number} {name}" for number, name in zip(numbers, OUTCOMES, strict=True)))
    return 0 if ok else 1


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """End through the ``finally`` blocks, so that no server is left behind."""
    del frame
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    sys.exit(run(sys.argv[1:]))
