"""The one command: ``python run.py`` sets up what is missing, then serves pages and jobs.

It is a small parent of two children, ``run.py web`` and ``run.py scheduler``; what the platform
does lives in ``app``.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Lock, Thread
from types import FrameType
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.config import Settings

ROOT = Path(__file__).resolve().parent
CALLED_FROM = Path.cwd()
VAR = ROOT / "var"
SLOWEST_RESTART = 30.0  # seconds between two attempts, at most
STEADY = 60.0  # seconds alive after which a child counts as healthy again
THREADS = "16"  # of a worker; an upload over a slow line holds one until its last byte is here
PATIENCE = 35.0  # seconds a child may take to end; gunicorn gives requests 30


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Qifu (企服台): without a command, set up what is missing and serve."""
    os.chdir(ROOT)
    os.umask(0o077)  # the database, files and logs are nobody else's to read
    if context.invoked_subcommand is None:
        serve()


@main.command()
def web() -> None:
    """Serve the pages."""
    settings = _settings()
    _write_pid("web")
    command = (
        sys.executable, "-m", "gunicorn", "app:create_app()", "--bind", _netloc(settings),
        "--worker-class", "gthread", "--workers", "2", "--threads", THREADS, "--no-control-socket",
    )  # fmt: skip
    os.execv(sys.executable, command)


@main.command()
def scheduler() -> None:
    """Carry out the jobs when they are due."""
    from app import create_app
    from app.jobs import run_scheduler

    _write_pid("scheduler")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("flask_appbuilder").setLevel(logging.WARNING)
    run_scheduler(create_app())


@main.command()
@click.option("--admin", is_flag=True, help="Create the first two administrators as well.")
def init(*, admin: bool) -> None:
    """Create or upgrade the tables and set up what is missing; what is there stays.

    With --admin, for a real installation: no demo data, and the first system and security
    administrator with one-time passwords, which are printed this once.  Where nobody used them in
    time, it prints new ones.
    """
    from app import cli, create_app

    VAR.mkdir(exist_ok=True)
    app = create_app()
    cli.set_up(app, with_demo=not admin)
    if admin:
        for username, password in cli.first_administrators(app).items():
            click.echo(f"{username}  {password}")
        click.echo("Each password works once: the first login has to change it.")


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def backup(file: Path | None) -> None:
    """Save database and files in one archive; the platform may run meanwhile."""
    from app import cli, create_app

    click.echo(cli.back_up(create_app(), file and CALLED_FROM / file))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Throw away what the database holds now.")
def restore(file: Path, *, replace: bool) -> None:
    """Put an archive back; stop the platform before, start it afterwards."""
    from app import cli, create_app

    click.echo(cli.restore(create_app(), CALLED_FROM / file, replace=replace))


@main.command()
def demo() -> None:
    """Throw all data away and start again with fresh demo data."""
    from app import cli, create_app

    VAR.mkdir(exist_ok=True)
    app = create_app()
    cli.reset_demo(app)
    click.echo(cli.demo_accounts(app.extensions["profile"].name))


@main.command()
def verify() -> None:
    """Check that nobody changed the audit log or the logs of cases; says where if somebody did."""
    from app import cli, create_app

    if not cli.verify(create_app()):
        raise SystemExit(1)


def serve() -> None:
    """Set up, start both children and keep them running until told to stop."""
    settings = _settings()
    _refuse_busy_port(settings)
    if subprocess.run((sys.executable, __file__, "init"), check=False).returncode:
        raise click.ClickException("the set-up failed; the lines above say why")
    _write_pid("qifu")
    stopping = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    children = [Child("web"), Child("scheduler")]
    welcomed = False
    while not stopping.wait(0.2):
        for child in children:
            child.keep_alive()
        if not welcomed and _answers(settings):
            _welcome(settings)
            welcomed = True
    for child in children:
        child.end()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.wait(deadline)
    for name in ("qifu", "web", "scheduler"):
        _pid_file(name).unlink(missing_ok=True)


class Child:
    """One of the two processes: started again when it dies, at growing intervals."""

    _speaking = Lock()

    def __init__(self, name: str) -> None:
        self.name = name
        (VAR / "log").mkdir(parents=True, exist_ok=True)
        self._log = RotatingFileHandler(
            VAR / "log" / f"{name}.log", maxBytes=5_000_000, backupCount=3, encoding="utf-8"
        )
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0
        self._next_start = 0.0
        self._delay = 1.0

    def keep_alive(self) -> None:
        """Start the process when it does not run and its pause is over."""
        now = time.monotonic()
        if self._process and self._process.poll() is not None:
            status = self._process.returncode
            self._delay = 1.0 if now - self._started > STEADY else self._delay
            self._say(f"ended with status {status}; starts again in {self._delay:.0f} s")
            self._next_start, self._process = now + self._delay, None
            self._delay = min(self._delay * 2, SLOWEST_RESTART)
        if self._process is None and now >= self._next_start:
            self._start(now)

    def _start(self, now: float) -> None:
        self._started = now
        self._process = subprocess.Popen(
            (sys.executable, __file__, self.name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in the terminal reaches the parent alone, which then ends both in order.
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout
        Thread(target=self._copy, args=(self._process.stdout,), daemon=True).start()

    def _copy(self, lines: IO[str]) -> None:
        """Show what the child prints, and keep it in its log file."""
        for line in lines:
            self._log.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))
            with self._speaking:
                sys.stdout.write(line)
                sys.stdout.flush()

    def _say(self, text: str) -> None:
        with self._speaking:
            click.echo(f"{self.name} {text}", err=True)

    def end(self) -> None:
        """Ask the process to finish what it is doing."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for the end until the deadline, then force it on the process and its workers."""
        if self._process is None:
            return
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _settings() -> Settings:
    from app.config import from_environment

    return from_environment()


def _netloc(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _refuse_busy_port(settings: Settings) -> None:
    """Say in one line that the address cannot be had, before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            remedy = "choose another: HOST=… PORT=… make run"
            if error.errno == errno.EADDRINUSE:
                remedy = (
                    f"stop what runs there or choose another: PORT={settings.port + 1} make run"
                )
            reason = error.strerror or str(error)
            raise click.ClickException(f"{_netloc(settings)}: {reason}; {remedy}") from None


def _answers(settings: Settings) -> bool:
    """Whether a worker serves pages, seen from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    host = everywhere.get(settings.host, settings.host)
    connection = HTTPConnection(host, settings.port, timeout=1)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def _welcome(settings: Settings) -> None:
    """Print where the platform answers and who may sign in to its demo."""
    lines = ["", f"Qifu is ready: {settings.public_url}/   (Ctrl-C ends it)"]
    from app import cli
    from app.services import demo

    if settings.profile in demo.PROFILES:
        lines += [cli.demo_accounts(settings.profile)]
    click.echo("\n".join(lines))


def _pid_file(name: str) -> Path:
    return VAR / f"{name}.pid"


def _write_pid(name: str) -> None:
    VAR.mkdir(exist_ok=True)
    _pid_file(name).write_text(f"{os.getpid()}\n")


if __name__ == "__main__":
    main()
