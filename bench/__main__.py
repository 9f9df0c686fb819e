"""``python -m bench [share]``: all rows, or one in ``share`` of them, beside a thousandth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from bench import data, lite, report
from bench.operations import operations
from tools.services import postgresql, say

ROOT = Path(__file__).resolve().parent.parent
SMALL = 1000
ROUNDS, PER_ROUND = 6, 5
JOBS = (
    ("figures.recount", 0), ("pool.rebuild", 0), ("pool.rebuild", 1), ("score.rank", 0),
    ("score.rank", 1),
)  # fmt: skip
"""Each job, and how many days from now it is to believe in."""
PHRASES = ("数字", "孪生", "数字化转型")


class Worker:
    """A process that serves and measures one database; it can be asked anything of its class."""

    def __init__(self, url: str, share: int, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.worker", url, str(share)),
            cwd=ROOT, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.start: dict[str, float] = self._read()

    def ask(self, name: str, *given: Any) -> Any:
        """Call a method over there."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *given]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker has ended; what it said stands above")
        return json.loads(line)

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main(largest: int) -> None:
    """Fill both platforms, measure them in turn, write the report."""
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        if server is None:
            raise SystemExit("PostgreSQL is not installed here (Debian: postgresql)")
        shares, loaded = (SMALL, largest), {}
        urls = {share: _database(server, f"bench_{share}") for share in shares}
        environs = {share: _environ(urls[share], Path(folder) / str(share)) for share in shares}
        for share in shares:
            started = time.monotonic()
            subprocess.run(
                (sys.executable, "run.py", "init"), cwd=ROOT, env=environs[share], check=True
            )
            data.fill(urls[share].replace("+psycopg", ""), data.size(share))
            loaded[share] = time.monotonic() - started
            say(f"── {data.size(share)} in {loaded[share]:.0f} s")
        found = measured(shares, urls, environs, loaded)
        on_sqlite = lite.exact(Path(folder), data.size(largest).demands, PHRASES)
        written = report.written(found, on_sqlite)
        Path(ROOT / "bench" / "report.md").write_text(written, encoding="utf-8")
    say("── bench/report.md")


def measured(
    shares: tuple[int, int], urls: dict[int, str], environs: dict[int, dict[str, str]],
    loaded: dict[int, float],
) -> report.Results:  # fmt: skip
    """Everything, interleaved: each round asks each operation of each size and each way."""
    workers = {share: Worker(urls[share], share, environs[share]) for share in shares}
    jobs: dict[str, dict[int, Any]] = {}
    for name, days in JOBS:
        label = f"{name}, {'again' if days else 'the first time'}"
        jobs[label] = {share: workers[share].ask("job", name, days) for share in shares}
        say(f"── {label}: {jobs[label][shares[1]]}")
    _analyze(urls)
    samples: dict[str, dict[int, dict[str, list[Any]]]] = {}
    for number in range(ROUNDS):
        for one in operations(data.size(SMALL)):
            for share in shares:
                made = workers[share].ask("measure", one.key, PER_ROUND)
                kept = samples.setdefault(one.key, {}).setdefault(share, {})
                for way, some in made.items():
                    kept.setdefault(way, []).extend(some)
        say(f"── round {number + 1} of {ROUNDS}")
    exact = {
        phrase: {share: workers[share].ask("exact", phrase) for share in shares}
        for phrase in PHRASES
    }
    start = {share: workers[share].start["peak"] for share in shares}
    for worker in workers.values():
        worker.close()
    exports = {share: _export(urls[share], share, environs[share]) for share in shares}
    return report.Results(shares, loaded, samples, jobs, exact, exports, start)


def _export(url: str, share: int, environ: dict[str, str]) -> dict[str, Any]:
    """In a process of its own, so that its memory is that of the export alone."""
    worker = Worker(url, share, environ)
    found = {"product": worker.ask("export"), "bare": worker.ask("copied")}
    worker.close()
    return found


def _environ(url: str, folder: Path) -> dict[str, str]:
    folder.mkdir()
    return os.environ | {
        "DATABASE_URL": url, "STORAGE_URL": str(folder), "QIFU_TEST_CODE": "0000",
    }  # fmt: skip


def _database(server: str, name: str) -> str:
    plain = server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server.rpartition('/')[0]}/{name}"


def _analyze(urls: dict[int, str]) -> None:
    for url in urls.values():
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
