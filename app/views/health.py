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
        beats = beat is not None and clock.now() - beat < SILENCE
        return {"status": "ok", "scheduler": "ok" if beats else "silent"}
