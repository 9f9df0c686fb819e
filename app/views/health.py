"""Whether the application lives, and whether it can work."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import text

from app.extensions import db


def install(app: Flask) -> None:
    """``/health/live`` and ``/health/ready``, for the machine that watches."""

    @app.get("/health/live")
    def live() -> Any:
        return {"status": "ok"}

    @app.get("/health/ready")
    def ready() -> Any:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        return {"status": "ok"}
