"""A scheduler of its own with one job per second, for tests with real processes.

``python tests/ticking.py DATABASE_URL``: each run notes one effect and takes half a second.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent.parent))

from flask import Flask
from flask_babel import Babel
from sqlalchemy.orm import Session

from app import jobs, profile
from app.access import elevated
from app.extensions import db, mail, prepare_sqlite
from app.jobs import engine, marks, timetable

NAME = "test.tick"
TAKES = 0.5


def tick(session: Session, now: datetime) -> int:
    """Leave one trace; a killed run leaves none."""
    marks.first(elevated(session, "a test"), f"tick:{uuid4()}", now)
    time.sleep(TAKES)
    return 1


def register() -> None:
    """Put the job into the timetable, in place of all others but the heartbeat."""
    for name in [n for n in timetable.registry if n != jobs.heartbeat.NAME]:
        del timetable.registry[name]
    timetable.job(NAME, "Tick", timedelta(seconds=1), second="*")(tick)


def application() -> Flask:
    """As much of the application as jobs need, on the database named in the command line."""
    app = Flask("scheduler")
    app.config.update(SQLALCHEMY_DATABASE_URI=sys.argv[1], MAIL_BACKEND="console")
    app.extensions["settings"] = SimpleNamespace(public_url="http://127.0.0.1:8080")
    app.extensions["profile"] = profile.load("demo")
    for extension in (db, mail, Babel()):
        extension.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            prepare_sqlite(db.engine)
    return app


def main() -> None:
    """Run the scheduler, impatiently."""
    app = application()
    register()
    engine.LEASE, jobs.PICK_UP_SECONDS = timedelta(seconds=2), 1
    jobs.run_scheduler(app)


if __name__ == "__main__":
    main()
