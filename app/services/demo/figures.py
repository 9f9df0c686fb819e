"""The figures of the dashboard and the product pool, as the jobs of the first night find them."""

from __future__ import annotations

from app.services import figures, pool
from app.services.demo.house import Demonstration

ASLEEP_DAYS = 60


def fill(demo: Demonstration) -> None:
    """Count what the other parts have written."""
    rows = demo.session.connection()
    pool.rebuild(rows, demo.now)
    figures.count(rows, demo.now, everything=True)
    figures.find_sleepers(rows, demo.now, ASLEEP_DAYS)
