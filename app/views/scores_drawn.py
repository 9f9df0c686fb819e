"""The points of a place as they are drawn: by month, and by what they are for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app import choices
from app.columns import Phrase
from app.services import ranking, scores

WIDTH, HEIGHT = 720, 180
GAP = 6


def month(period: int | None) -> str:
    """A month as people write it; what was there from the beginning has none."""
    return f"{period // 100}-{period % 100:02d}" if period else ""


def points(hundredths: float) -> str:
    """Points as people read them: two places at most, none that say nothing."""
    text = f"{hundredths / 100:,.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True)
class Bar:
    """One bar: a label, its number, and where it is drawn."""

    label: Phrase
    text: str
    x: float
    y: float
    width: float
    height: float
    is_minus: bool = False


@dataclass(frozen=True)
class MonthLine:
    """A month: what each heading earned, their sum, and what is left of it today."""

    label: str
    cells: Sequence[str]
    sum: str
    percent: str
    left: str


@dataclass(frozen=True)
class Explanation:
    """A score, taken apart."""

    score: str
    service: str
    bars: Sequence[Bar]
    base: float
    headings: Sequence[Phrase]
    shares: Sequence[Bar]
    months: Sequence[MonthLine]
    sums: Sequence[str]


def explanation(totals: Iterable[Any], formula: Any, period: int) -> Explanation:
    """Every month in which something counts, the newest first."""
    weighed = ranking.weigh(totals, formula, period)
    weight = ranking.weights(formula, period)
    headings = [
        code for code in choices.SCORE_GROUPS.codes() if any(code in m for m in weighed.values())
    ]
    left = {
        month_: sum(kept for _points, kept in held.values()) / ranking.SCALE
        for month_, held in weighed.items()
    }
    by_heading = {
        code: sum(held.get(code, (0, 0))[1] for held in weighed.values()) / ranking.SCALE
        for code in headings
    }
    bars, base = _columns({month_: left.get(month_, 0.0) for month_ in sorted(weight)})
    return Explanation(
        points(round(sum(left.values()))),
        points(round(sum(v for code, v in by_heading.items() if code in scores.SERVICE))),
        bars,
        base,
        [choices.SCORE_GROUPS.of(code).label for code in headings],
        _lines(by_heading),
        [
            MonthLine(
                month(month_),
                [points(held[code][0]) if code in held else "" for code in headings],
                points(sum(earned for earned, _kept in held.values())),
                f"{weight.get(month_, 0) * 100 / ranking.SCALE:.1f}%",
                points(left[month_]),
            )
            for month_, held in sorted(weighed.items(), reverse=True)
        ],
        [points(round(by_heading[code])) for code in headings],
    )


def _columns(values: dict[int, float]) -> tuple[list[Bar], float]:
    """A column for each month; the base line lies where nothing is."""
    top, bottom = max([*values.values(), 1]), min([*values.values(), 0])
    scale = HEIGHT / (top - bottom)
    base, width = top * scale, WIDTH / max(len(values), 1)
    bars = [
        Bar(
            month(key),
            points(value),
            round(number * width + GAP, 1),
            round(base - max(value, 0) * scale, 1),
            round(width - 2 * GAP, 1),
            round(abs(value) * scale, 1),
            value < 0,
        )
        for number, (key, value) in enumerate(values.items())
    ]
    return bars, round(base, 1)


def _lines(values: dict[str, float]) -> list[Bar]:
    """A line for each heading, as long as what it counts."""
    longest = max([*(abs(value) for value in values.values()), 1])
    return [
        Bar(
            choices.SCORE_GROUPS.of(code).label,
            points(round(value)),
            0,
            0,
            round(abs(value) * 100 / longest, 1),
            10,
            value < 0,
        )
        for code, value in values.items()
    ]
