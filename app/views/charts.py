"""Charts as geometry: what a template draws as SVG, without a script and without inline styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.columns import Phrase

WIDTH, HEIGHT = 640, 200
LEFT, TOP, BOTTOM = 48, 8, 24
TICKS = 4
GAP = 0.3  # of a group's width stays free


@dataclass(frozen=True)
class Bar:
    """A column; ``text`` is read out and shown under the pointer."""

    x: float
    y: float
    width: float
    height: float
    css: str
    text: str


@dataclass(frozen=True)
class Tick:
    """A line across the chart, and its value."""

    y: float
    text: str


@dataclass(frozen=True)
class Head:
    """A word below a group of columns."""

    x: float
    text: str


@dataclass(frozen=True)
class Columns:
    """Groups of columns side by side."""

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    heads: Sequence[Head]
    legend: Sequence[tuple[str, Phrase]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Share:
    """A line of a list with a bar behind its words; ``percent`` of the longest."""

    label: Phrase
    value: str
    percent: float
    note: str = ""


def columns(
    heads: Sequence[str], series: Sequence[tuple[Phrase, Sequence[int]]], scale: float = 1
) -> Columns:
    """A group for each head, a column in it for each series; values are shown over ``scale``."""
    top = _ceiling(max((value / scale for _name, values in series for value in values), default=0))
    base = HEIGHT - BOTTOM
    group = (WIDTH - LEFT) / max(len(heads), 1)
    width = group * (1 - GAP) / max(len(series), 1)

    def bar(at: int, number: int, name: Phrase, value: int) -> Bar:
        tall = round((base - TOP) * value / scale / top, 1)
        x = LEFT + at * group + group * GAP / 2 + number * width
        text = f"{heads[at]} {name} {value / scale:,.0f}"
        return Bar(
            round(x, 1), round(base - tall, 1), round(width - 1, 1), tall, str(number + 1), text
        )

    return Columns(
        bars=[
            bar(at, number, name, value)
            for number, (name, values) in enumerate(series)
            for at, value in enumerate(values)
            if value
        ],
        ticks=[
            Tick(round(base - (base - TOP) * step / TICKS, 1), f"{top * step / TICKS:,.0f}")
            for step in range(TICKS + 1)
        ],
        heads=[
            Head(round(LEFT + (at + 0.5) * group, 1), head)
            for at, head in enumerate(heads)
            if len(heads) <= 12 or at % 2 == 0  # noqa: PLR2004 - so many have room
        ],
        legend=[(str(number), name) for number, (name, _values) in enumerate(series, 1)],
    )


def _ceiling(most: float) -> int:
    """The least round number not below ``most``, whose quarter is round too."""
    unit = 1
    while True:
        for step in (unit, 2 * unit, 5 * unit):
            if step * TICKS >= most:
                return step * TICKS
        unit *= 10


def shares(lines: Sequence[tuple[Phrase, int, str, str]]) -> list[Share]:
    """Bars of a list: label, value, how the value reads, and what stands beside it."""
    most = max((value for _label, value, _text, _note in lines), default=0) or 1
    return [
        Share(label, text, round(100 * max(value, 0) / most, 1), note)
        for label, value, text, note in lines
    ]
