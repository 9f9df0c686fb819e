"""Whether the application lives, and whether it can work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask

from app import clock, jobs
from app.extensions import db

SILENCE = timedelta(minutes=5)


def install(app: Flask) -> None:
    """``/health/live`` and ``/health/ready``, for the machine that watches."""

    @app.get("/health/live")
    def live() -> Any:
        return {"status": "ok"}

    @app.get("/health/ready")
    def ready() -> Any:
        """The database answers; whether the scheduler has beaten in the last five minutes."""
        beat = jobs.last_beat(db.session())
        age = None if beat is None else clock.now() - beat
        return {
            "status": "ok",
            "scheduler": "ok" if age is not None and age < SILENCE else "silent",
            "scheduler_age": None if age is None else int(age.total_seconds()),
        }
