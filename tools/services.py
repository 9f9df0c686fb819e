"""Brings up what the tests need: Debian packages where root may install them, a database server.

The server is a private PostgreSQL cluster in a temporary folder on a free port of this machine,
never the one that the machine may run for itself.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path

CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
SYSTEM_PORT = 5432


def say(text: str) -> None:
    """Print one line at once, so that it stands before what the tests print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def postgresql_programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs, or None."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if _is_server(path)]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found and _is_server(Path(found).parent) else None


def _is_server(folder: Path) -> bool:
    return all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres"))


def has_chromium() -> bool:
    """Whether a browser is installed."""
    return bool(shutil.which("chromium") or shutil.which("chromium-browser"))


def has_chinese_font() -> bool:
    """Whether some font can show Chinese."""
    program = shutil.which("fc-list")
    if program is None:
        return False
    fonts = subprocess.run((program, ":lang=zh"), check=False, capture_output=True, text=True)
    return bool(fonts.stdout.strip())


def missing_packages() -> list[str]:
    """The Debian packages that this machine lacks for the tests."""
    wanted = {
        "chromium": has_chromium(),
        # Its shell, for half of the work; a machine that has the browser alone does without.
        "chromium-headless-shell": has_chromium(),
        "fonts-noto-cjk": has_chinese_font(),
        # What drives the browser is a Node.js program that links it.
        "libatomic1": find_library("atomic") is not None,
        "postgresql": postgresql_programs() is not None,
    }
    return [package for package, present in wanted.items() if not present]


def install_packages() -> None:
    """Install what is missing, as root on Debian; otherwise say what to install."""
    packages = missing_packages()
    if not packages:
        return
    hint = f"apt-get install -y {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(
            f"tests will be skipped for want of: {', '.join(packages)}.  On Debian, as root: {hint}"
        )
        return
    if "postgresql" in packages:
        _forbid_main_cluster()
    say(f"Installing the Debian packages {', '.join(packages)} …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    waiting = ("-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Options::=--force-confold")
    for command in (
        ("apt-get", *waiting, "update"),
        ("apt-get", *waiting, "install", "-y", "--no-install-recommends", *packages),
    ):
        done = subprocess.run(
            command,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-5:])
            say(f"{' '.join(command)} failed:\n{last}")
            return


def _forbid_main_cluster() -> None:
    """Keep the package from starting a server of its own on the usual port."""
    if not CREATE_CLUSTER.exists():
        CREATE_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        CREATE_CLUSTER.write_text("create_main_cluster = false\n")


@contextmanager
def postgresql() -> Iterator[str | None]:
    """A private server while the block runs: its administrator's URL, or None without programs."""
    programs = postgresql_programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="qifu-postgresql-"))
    data, password, port = folder / "data", secrets.token_urlsafe(16), _free_port()
    (folder / "password").write_text(password)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    try:
        _run(
            folder, programs / "initdb", "--pgdata", data, "--username", "qifu", "--auth",
            "scram-sha-256", "--pwfile", folder / "password", "--encoding", "UTF8", "--locale",
            "C.UTF-8", "--no-sync",
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "jit": "off",  # to compile a statement takes longer than to run it over a few rows
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        # `pg_ctl` starts the server and, by the process id in its folder, ends it.
        control = (programs / "pg_ctl", "--pgdata", data, "--wait")
        _run(folder, *control, "--log", folder / "log", "start")
        try:
            yield f"postgresql+psycopg://qifu:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, *control, "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, *command: Path | str) -> None:
    """Run one of PostgreSQL's programs, which refuse to run as root.

    :raises RuntimeError: with the last lines it printed.
    """
    as_user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    # Into a file: the server would keep a pipe open for as long as it runs.
    with (folder / "output").open("w+") as output:
        done = subprocess.run(
            (*as_user, *command),
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            output.seek(0)
            last = "".join(output.readlines()[-5:])
            raise RuntimeError(f"{Path(command[0]).name} failed:\n{last}")


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port != SYSTEM_PORT:
            return port
