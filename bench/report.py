"""``bench/report.md``: the figures, their ratios, and what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import data
from bench.operations import Operation, operations

GROWTH, STATEMENTS, CSV_PEAK = 1.3, 12, 100
NOISE = 0.3
"""Milliseconds by which two equal measurements may differ."""


@dataclass(frozen=True)
class Results:
    """What was measured; sizes by their share, the small one first."""

    shares: tuple[int, int]
    loaded: dict[int, float]
    samples: dict[str, dict[int, dict[str, list[Any]]]]
    jobs: dict[str, dict[int, Any]]
    exact: dict[str, dict[int, Any]]
    exports: dict[int, dict[str, Any]]
    start: dict[int, float]

    def of(self, key: str, share: int, way: str, what: str) -> float | None:
        """The median of a figure; times in milliseconds."""
        found = [sample[what] for sample in self.samples[key][share].get(way, [])]
        return median(found) * (1000 if what in {"cpu", "wall"} else 1) if found else None


def written(results: Results, on_sqlite: dict[str, dict[str, float]]) -> str:
    """The whole report; ``on_sqlite`` as :func:`bench.lite.exact` answers."""
    told = [*_head(results), *_table(results), *_rest(results), *_searches(results, on_sqlite)]
    return "\n".join([*told, *_verdict(results, on_sqlite), ""])


def _head(results: Results) -> Iterator[str]:
    small, large = (data.size(share) for share in results.shares)
    yield "# What a request costs"
    yield ""
    yield "Written by `make bench`: PostgreSQL, one process, the ways and sizes in turn."
    yield ""
    yield f"- many rows: {_said(large)}; loaded in {results.loaded[results.shares[1]]:.0f} s"
    yield f"- few rows: {_said(small)}"
    yield "- *bare*: WSGI, psycopg, compiled template; *flask*: Flask, session, token, Core."
    yield "- CPU and p50 are milliseconds of the web process per request: medians."
    yield (
        f"- a process that has served its first pages has {results.start[1]:.0f} MB."
        if (1 in results.start)
        else ""
    )
    yield ""


def _said(rows: data.Size) -> str:
    return (
        f"{rows.institutions:,} institutions, {rows.products:,} products,"
        f" {rows.demands:,} demands, {rows.tasks:,} to-dos"
    )


def _table(results: Results) -> Iterator[str]:
    large = results.shares[1]
    yield "| operation | CPU | goal | × flask | × bare | p50 | growth CPU | growth p50 | SQL | KB |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in operations(data.size(large)):
        cpu = results.of(one.key, large, "product", "cpu") or 0
        ratios = [_ratio(cpu, results.of(one.key, large, way, "cpu")) for way in ("flask", "bare")]
        wall = results.of(one.key, large, "product", "wall") or 0
        growth = [_growth(results, one, what) for what in ("cpu", "wall")]
        statements = results.of(one.key, large, "product", "statements") or 0
        size = results.of(one.key, large, "product", "size") or 0
        yield (
            f"| {one.label} | {cpu:.1f} | {one.goal:.1f} | {ratios[0]} | {ratios[1]} | {wall:.1f}"
            f" | {growth[0]:.2f} | {growth[1]:.2f} | {statements:.0f} | {size / 1024:.0f} |"
        )
    yield ""


def _ratio(value: float, floor: float | None) -> str:
    return f"{value / floor:.1f}" if floor else "–"


def _growth(results: Results, one: Operation, what: str) -> float:
    few, many = (results.of(one.key, share, "product", what) or 0 for share in results.shares)
    return many / few if few else 0.0


def _rest(results: Results) -> Iterator[str]:
    few, many = results.shares
    yield "| job | few rows, s | many rows, s | CPU s | rows |"
    yield "| --- | --- | --- | --- | --- |"
    for name, taken in results.jobs.items():
        yield (
            f"| {name} | {taken[few]['wall']:.2f} | {taken[many]['wall']:.2f}"
            f" | {taken[many]['cpu']:.2f} | {taken[many]['rows']:.0f} |"
        )
    yield ""
    yield "| CSV | rows | s | rows/s | first byte, s | MB of its process | MB of the web | grown |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    ours, copied = results.exports[many]["product"], results.exports[many]["bare"]
    yield (
        f"| product | {ours['rows']:,.0f} | {ours['wall']:.1f} | {ours['rows'] / ours['wall']:,.0f}"
        f" | {ours['first']:.2f} | {ours['writer']:.0f} | {ours['peak']:.0f}"
        f" | {ours['peak'] - ours['before']:.0f} |"
    )
    yield (
        f"| bare COPY | {copied['rows']:,.0f} | {copied['wall']:.1f}"
        f" | {copied['rows'] / copied['wall']:,.0f} | – | – | – | – |"
    )
    yield ""
    yield ""


def _searches(results: Results, on_sqlite: dict[str, dict[str, float]]) -> Iterator[str]:
    many = results.shares[1]
    yield "| search in titles | found | in how many it stands | found by SQLite | ms there |"
    yield "| --- | --- | --- | --- | --- |"
    for phrase, found in results.exact.items():
        lite = on_sqlite[phrase]
        yield (
            f"| {phrase} | {found[many]['found']:,} | {found[many]['there']:,}"
            f" | {lite['found']:,} | {lite['seconds'] * 1000:.0f} |"
        )
    yield ""


def _verdict(results: Results, on_sqlite: dict[str, dict[str, float]]) -> Iterator[str]:
    yield "## What must hold"
    yield ""
    wrong = list(_faults(results))
    wrong += [
        f"search {phrase} on SQLite: {found}"
        for phrase, found in on_sqlite.items()
        if found["found"] != found["there"]
    ]
    yield from (f"- broken: {fault}" for fault in wrong)
    if not wrong:
        yield (
            f"Everything does: growth at most {GROWTH}, at most {STATEMENTS} statements a page,"
            f" searches exact, CSV by a process below {CSV_PEAK} MB."
        )


def _faults(results: Results) -> Iterator[str]:
    few, many = results.shares
    for one in operations(data.size(many)):
        cpus = [results.of(one.key, share, "product", "cpu") or 0 for share in (few, many)]
        if cpus[1] > cpus[0] * GROWTH + NOISE:
            yield f"{one.label}: CPU grows from {cpus[0]:.1f} to {cpus[1]:.1f} ms"
        walls = [results.of(one.key, share, "product", "wall") or 0 for share in (few, many)]
        if walls[1] > walls[0] * GROWTH + NOISE:
            yield f"{one.label}: p50 grows from {walls[0]:.1f} to {walls[1]:.1f} ms"
        statements = results.of(one.key, many, "product", "statements") or 0
        if statements > STATEMENTS:
            yield f"{one.label}: {statements:.0f} statements"
    for phrase, found in results.exact.items():
        if any(one["found"] != one["there"] for one in found.values()):
            yield f"search {phrase}: {found}"
    ours = results.exports[many]["product"]
    if ours["writer"] >= CSV_PEAK:
        yield f"CSV: its process takes {ours['writer']:.0f} MB"
