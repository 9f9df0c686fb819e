"""One platform under measurement: ``python -m bench.worker URL SHARE``, orders come by line."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from threading import get_native_id
from typing import Any

import psycopg
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import event
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from app import clock, create_app
from app.extensions import db
from app.jobs import run_job
from app.services.demo import PASSWORD
from bench import data, floors
from bench.operations import Operation, operations

CODE = "0000"


@dataclass
class Sample:
    """One request."""

    cpu: float
    wall: float
    statements: int
    size: int


class Bench:
    """The product and both floors on one database."""

    def __init__(self, url: str, share: int) -> None:
        self.url, self.rows = url, data.size(share)
        os.environ |= {"DATABASE_URL": url, "QIFU_TEST_CODE": CODE}
        self.app: Flask = create_app()
        with self.app.app_context():
            self.engine = db.engine
        self.seen = 0
        event.listen(self.engine, "before_cursor_execute", self._note)
        wanted = floors.statements(self.rows)
        plain = url.replace("+psycopg", "")
        self.ways = {
            "bare": floors.bare(plain, wanted), "flask": floors.flask(self.engine, wanted),
        }  # fmt: skip
        self.known = wanted.keys()
        self.operations = {one.key: one for one in operations(self.rows)}
        self.cookies = {who: self._log_in(who) for who in ("operator", "institution")}

    def _note(self, *_args: Any) -> None:
        self.seen += 1

    def _log_in(self, who: str) -> str:
        client = self.app.test_client()
        page = BeautifulSoup(client.get("/login/").text, "html.parser")
        token = page.select_one("meta[name=csrf-token]")
        typed = {
            "username": who, "password": PASSWORD, "captcha": CODE,
            "csrf_token": str(token["content"]) if token else "",
        }  # fmt: skip
        if client.post("/login/", data=typed).status_code != 302:  # noqa: PLR2004
            raise RuntimeError(f"{who} cannot log in")
        client.get("/workbench/")  # from now on the session holds its token
        found = client.get_cookie("qifu")
        return f"qifu={found.value}" if found else ""

    def measure(self, key: str, rounds: int) -> dict[str, list[dict[str, Any]]]:
        """So many requests of each way, in turn; the first of each is not counted."""
        one = self.operations[key]
        made: dict[str, list[dict[str, Any]]] = {}
        for number in range(rounds + 1):
            for way, sample in self._each(one):
                if number:
                    made.setdefault(way, []).append(asdict(sample))
        return made

    def _each(self, one: Operation) -> Any:
        method = "POST" if one.form else "GET"
        for way, application in self.ways.items():
            if one.key in self.known:
                yield way, self._ask(application, method, f"/{one.key}", {}, "")
        sent = self._typed(one) if one.form else {}
        cookie = self.cookies.get(one.who, "")
        yield "product", self._ask(self.app, method, one.path, sent, cookie)

    def _typed(self, one: Operation) -> dict[str, Any]:
        """The form as the browser would send it, with another address of the web site."""
        headers = {"Cookie": self.cookies[one.who]}
        page = BeautifulSoup(
            self.app.test_client(use_cookies=False).get(one.form, headers=headers).text,
            "html.parser",
        )
        form = page.select_one("form.record-form")
        if form is None:
            raise RuntimeError(f"{one.form} has no form")
        sent: dict[str, Any] = {}
        for field in form.select("[name]"):
            if field.find_parent("template") or "disabled" in field.attrs:
                continue
            name = str(field["name"])
            if field.name == "select":
                chosen = field.select("option[selected]")
                if chosen:
                    sent[name] = [str(option.get("value", "")) for option in chosen]
            elif field.name == "textarea":
                sent[name] = field.text.removeprefix("\n")
            elif field.get("type") not in {"checkbox", "radio"} or "checked" in field.attrs:
                sent[name] = str(field.get("value", ""))
        return sent | {"website": f"https://example.com/{time.monotonic_ns()}"}

    def _ask(
        self, application: Any, method: str, path: str, sent: dict[str, Any], cookie: str
    ) -> Sample:
        headers = Headers({"Cookie": cookie} if cookie else {})
        environ = EnvironBuilder(path, method=method, data=sent or None, headers=headers)
        made, answered = environ.get_environ(), []

        def start(status: str, *_args: Any) -> Any:
            answered.append(status)
            return lambda _body: None

        self.seen = 0
        cpu, wall = time.process_time(), time.perf_counter()
        body = application(made, start)
        page = b"".join(body)
        if hasattr(body, "close"):
            body.close()
        taken = time.process_time() - cpu, time.perf_counter() - wall
        if not answered[0].startswith("302" if sent else "200"):
            said = BeautifulSoup(page, "html.parser").select(".note, .field-error, .error, h1")
            reason = " ".join(note.get_text(" ", strip=True) for note in said)
            raise RuntimeError(f"{method} {path}: {answered[0]} {reason}")
        return Sample(*taken, self.seen, len(page))

    # --- jobs, export, search --------------------------------------------------------------

    def job(self, name: str, days: int) -> dict[str, float]:
        """Run a job as of so many days from now."""
        cpu, wall = time.process_time(), time.perf_counter()
        touched = run_job(self.app, name, clock.now() + timedelta(days=days))
        return {
            "rows": touched or 0, "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
        }  # fmt: skip

    def export(self) -> dict[str, float]:
        """All products as CSV: rows, times, and the memory of this process and of the writer's."""
        self._ask(self.app, "GET", "/listings/list/", {}, self.cookies["operator"])
        before = _peak()
        environ = EnvironBuilder(
            "/listings/export.csv", headers=Headers({"Cookie": self.cookies["operator"]})
        ).get_environ()
        cpu, started, first, lines, size = time.process_time(), time.perf_counter(), 0.0, 0, 0
        writer = 0.0
        body: Any = self.app(environ, lambda *_args: lambda _body: None)
        for piece in body:
            first = first or time.perf_counter() - started
            lines += piece.count(b"\n")
            size += len(piece)
            writer = _peak_of_child() or writer
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        body.close()
        return {
            "rows": lines - 1, "wall": wall, "first": first, "cpu": cpu, "before": before,
            "peak": _peak(), "writer": writer or _peak(), "size": size,
        }  # fmt: skip

    def copied(self) -> dict[str, float]:
        """The same rows by COPY: what an export cannot be faster than."""
        query = (
            b"COPY (SELECT p.name, o.name, p.category, p.price_from, p.valid_until, p.view_count,"
            b" p.demand_count, p.revision, p.state FROM product p JOIN organization o"
            b" ON o.id = p.organization_id WHERE p.kind = 'standard' ORDER BY p.id DESC)"
            b" TO STDOUT (FORMAT csv)"
        )
        started, lines = time.perf_counter(), 0
        with (
            psycopg.connect(self.url.replace("+psycopg", "")) as connection,
            connection.cursor() as cursor,
            cursor.copy(query) as copy,
        ):
            for piece in copy:
                lines += bytes(piece).count(b"\n")
        return {"rows": lines, "wall": time.perf_counter() - started}

    def exact(self, phrase: str) -> dict[str, int]:
        """How many demands a search finds, and in how many the phrase stands."""
        from sqlalchemy import func, select  # noqa: PLC0415

        from app.models import Demand  # noqa: PLC0415
        from app.search import search  # noqa: PLC0415

        rows = Demand.__table__
        ours = select(func.count()).where(rows.c.id >= data.FIRST)
        with self.engine.connect() as connection:
            found = connection.scalar(ours.where(search(rows.c.search_text, phrase)))
        return {"found": found or 0, "there": data.containing(phrase, self.rows.demands)}


def _peak() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peak_of_child() -> float:
    """The same of the process that this one has started; 0 without one.

    Read while it runs: what is told of it afterwards begins with the memory it was forked from.
    """
    children = Path(f"/proc/self/task/{get_native_id()}/children").read_text(encoding="ascii")
    for child in children.split():
        with suppress(OSError):
            status = Path(f"/proc/{child}/status").read_text(encoding="ascii")
            found = re.search(r"VmHWM:\s+(\d+)", status)  # none of one that has just ended
            return int(found[1]) / 1024 if found else 0.0
    return 0.0


def main() -> None:
    """Carry out orders: a line of JSON each, answered by one."""
    answers, sys.stdout = sys.stdout, sys.stderr
    bench = Bench(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"peak": _peak()}), file=answers, flush=True)
    for line in sys.stdin:
        name, *given = json.loads(line)
        print(json.dumps(getattr(bench, name)(*given)), file=answers, flush=True)


if __name__ == "__main__":
    main()
