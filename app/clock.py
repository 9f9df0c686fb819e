"""Now, and working days (工作日) in Shanghai time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
SATURDAY = 5


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime) -> date:
    """The calendar day in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def start_of(day: date) -> datetime:
    """The first moment of a Shanghai day, in UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


class Workdays:
    """The calendar by which deadlines are counted; build a new one when its table changes."""

    def __init__(self, holidays: Collection[date] = (), made_up: Collection[date] = ()) -> None:
        self.holidays = frozenset(holidays)
        self.made_up = frozenset(made_up)
        self._end_of = lru_cache(maxsize=4096)(self._count)
        self._between = lru_cache(maxsize=4096)(self._count_between)

    def is_working(self, day: date) -> bool:
        """Whether offices are open: a make-up Saturday is, a holiday Monday is not."""
        return day in self.made_up or (day.weekday() < SATURDAY and day not in self.holidays)

    def deadline(self, start: datetime, days: int) -> datetime:
        """The end of the ``days``-th working day after ``start`` (the first day is not counted)."""
        return self._end_of(local_day(start), days)

    def left(self, moment: datetime, due_at: datetime) -> int:
        """Working days from ``moment`` until ``due_at``; negative when overdue, 0 on the last day.

        The day that ``due_at`` closes is the last one on which the work is in time.
        """
        return self._between(local_day(moment), local_day(due_at - timedelta(microseconds=1)))

    def after_hours(self, start: datetime, hours: float, opens: int, closes: int) -> datetime:
        """When that many hours of work have passed; offices work from ``opens`` to ``closes``."""
        left, day = timedelta(hours=hours), local_day(start)
        while True:
            if self.is_working(day):
                begin = max(start, start_of(day) + timedelta(hours=opens))
                end = start_of(day) + timedelta(hours=closes)
                if begin + left <= end:
                    return begin + left
                left -= max(end - begin, timedelta(0))
            day += DAY

    def hours_between(self, start: datetime, end: datetime, opens: int, closes: int) -> float:
        """How many hours of work lie between two moments."""
        worked, day = timedelta(0), local_day(start)
        while start_of(day) < end:
            if self.is_working(day):
                begin = max(start, start_of(day) + timedelta(hours=opens))
                until = min(end, start_of(day) + timedelta(hours=closes))
                worked += max(until - begin, timedelta(0))
            day += DAY
        return worked / timedelta(hours=1)

    def _count_between(self, today: date, last: date) -> int:
        if last < today:
            return -max(self._count_between(last, today), 1)
        days = (today + timedelta(days=n + 1) for n in range((last - today).days))
        return sum(map(self.is_working, days))

    def _count(self, day: date, days: int) -> datetime:
        for _ in range(days):
            day += DAY
            while not self.is_working(day):
                day += DAY
        return start_of(day + DAY)
