"""The figures of the dashboard, as the jobs of the first night would count them."""

from __future__ import annotations

from app.services import figures
from app.services.demo.house import Demonstration

ASLEEP_DAYS = 60


def fill(demo: Demonstration) -> None:
    """Count what the other parts have written."""
    rows = demo.session.connection()
    figures.count(rows, demo.now, everything=True)
    figures.find_sleepers(rows, demo.now, ASLEEP_DAYS)
