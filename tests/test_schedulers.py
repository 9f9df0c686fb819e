"""Three schedulers as real processes: each slot once, also when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from app.extensions import db, system_session
from app.models import JobMark, JobRun
from tests import ticking

SLOTS = 20
SECOND = timedelta(seconds=1)
SCRIPT = Path(ticking.__file__)


@pytest.fixture
def app(app):
    """The application, before any run of a job."""
    with app.app_context(), system_session() as session:
        session.execute(delete(JobRun))
        session.commit()
    return app


@contextmanager
def schedulers(app, count) -> Iterator[dict[int, subprocess.Popen]]:
    """So many processes on the database of the application, by process number."""
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parent.parent)}
    command = (sys.executable, str(SCRIPT), url)
    started = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)  # noqa: S603 - ours
        for _ in range(count)
    ]
    try:
        yield {process.pid: process for process in started}
    finally:
        for process in started:
            process.kill()
            process.communicate()


def ticks(app) -> list[JobRun]:
    with app.app_context(), system_session() as session:
        mine = select(JobRun).where(JobRun.job == ticking.NAME).order_by(JobRun.slot)
        return list(session.scalars(mine))


def effects(app) -> int:
    with app.app_context(), system_session() as session:
        mine = select(func.count()).where(JobMark.key.startswith("tick:")).select_from(JobMark)
        return session.scalar(mine)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def pid_of(run: JobRun) -> int:
    return int(run.runner.rpartition(":")[2])


@pytest.mark.db
def test_of_three_schedulers_one_is_killed_and_every_slot_runs_once(app):
    with schedulers(app, 3) as processes:
        wait_for(lambda: {pid_of(run) for run in ticks(app)} and len(ticks(app)) >= SLOTS // 2, 60)
        killed = wait_for(lambda: [run for run in ticks(app) if run.state == "running"], 10)[0]
        os.kill(pid_of(killed), signal.SIGKILL)
        left = [process for pid, process in processes.items() if pid != pid_of(killed)]
        wait_for(lambda: len(ticks(app)) > SLOTS, 60)
        wait_for(lambda: not [r for r in ticks(app)[:SLOTS] if r.state != "done"], 30)
        for process in left:
            process.send_signal(signal.SIGTERM)
        for process in left:
            process.wait(20)
            assert process.returncode == 0
    runs = ticks(app)
    assert {run.state for run in runs} == {"done"}
    assert [run.slot - runs[0].slot for run in runs[:SLOTS]] == [n * SECOND for n in range(SLOTS)]
    assert effects(app) == len(runs)
    again = [run for run in runs if run.attempt > 1]
    assert [run.slot for run in again] == [killed.slot]
    assert again[0].attempt == 2
    assert pid_of(again[0]) != pid_of(killed)
