"""Backup and restore: database and files of one installation in one archive.

An archive is a ``.tar.gz``: the database as its own tools write it, every file that an attachment
of that very snapshot names, and last ``manifest.json`` with the SHA-256 of each part.  Nothing is
touched before the whole archive has been read once and found to be what its manifest says.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    delete,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL

from app import audit
from app.models import (
    AccessVersion,
    Attachment,
    Captcha,
    LoginSession,
    OneTimeToken,
    Setting,
    VerificationCode,
)
from app.services.seeding import PROFILE
from app.storage import Store

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
FILES = "files/"
CHUNK = 1024 * 1024
LARGEST_MANIFEST = 256 * 1024 * 1024
PROGRAMS = Path("/usr/lib/postgresql")
LIBPQ = {"host": "PGHOST", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
LIBPQ |= {"sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "port": "PGPORT"}


class BackupError(SystemExit):
    """A backup or restore that cannot be done; the text says why and what to do."""


@dataclass
class Manifest:
    """What an archive says of itself; ``parts`` maps the name of each to its SHA-256.

    ``missing`` are files that the database names and the store did not have, or not unchanged.
    """

    product: str
    dialect: str
    server: str
    migration: str
    profile: str
    created_at: str
    format: int = FORMAT
    parts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


# --- back up ------------------------------------------------------------------------------


def back_up(engine: Engine, store: Store, product: str, target: Path, now: datetime) -> Manifest:
    """Write the archive ``target``, readable by its owner alone; the platform may run meanwhile.

    :raises BackupError: when there is nothing to save, or a program is missing.
    """
    if target.exists():
        raise BackupError(f"{target} exists already: name another file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file, tempfile.TemporaryDirectory() as folder:
            with _snapshot(engine, Path(folder)) as (rows, dump):
                manifest = _describe(rows, engine, product, now)
                wanted = rows.execute(
                    select(Attachment.__table__.c.key, Attachment.__table__.c.sha256)
                ).all()
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                _add_file(archive, DATABASE[engine.dialect.name], dump, manifest)
                for row in wanted:
                    _add_stored(archive, store, row.key, row.sha256, manifest)
                _add_bytes(archive, MANIFEST, _written(manifest))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


@contextmanager
def _snapshot(engine: Engine, folder: Path) -> Iterator[tuple[Connection, Path]]:
    """A copy of the database in a file, and a connection that sees exactly what it holds."""
    dump = folder / "dump"
    if engine.dialect.name == "sqlite":
        with engine.connect() as live, closing(sqlite3.connect(dump)) as copy:
            source: Any = live.connection.driver_connection
            source.backup(copy)
        frozen = create_engine(f"sqlite:///{dump}")
        with frozen.connect() as rows:
            yield rows, dump
        frozen.dispose()
        return
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as rows:
        name = rows.scalar(text("SELECT pg_export_snapshot()"))
        _run(
            engine.url, _program("pg_dump", _server_version(rows)),
            "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={name}",
            f"--file={dump}",
        )  # fmt: skip
        yield rows, dump


def _describe(rows: Connection, engine: Engine, product: str, now: datetime) -> Manifest:
    tables = inspect(rows).get_table_names()
    if "alembic_version" not in tables or Setting.__tablename__ not in tables:
        raise BackupError("There is nothing to back up: the database has not been set up.")
    setting = Setting.__table__.c
    return Manifest(
        product=product,
        dialect=engine.dialect.name,
        server=".".join(str(part) for part in engine.dialect.server_version_info or ()),
        migration=str(rows.scalar(text("SELECT version_num FROM alembic_version"))),
        profile=str(rows.scalar(select(setting.value).where(setting.name == PROFILE))),
        created_at=now.isoformat(timespec="seconds"),
    )


class _Measured(io.RawIOBase):
    """Reads on what is given and knows its SHA-256 at the end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        self.digest.update(taken)
        return len(taken)


def _add(
    archive: tarfile.TarFile, name: str, size: int, pieces: Iterator[bytes], manifest: Manifest
) -> str:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    measured = _Measured(pieces)
    archive.addfile(info, io.BufferedReader(measured, CHUNK))
    manifest.parts[name] = measured.digest.hexdigest()
    return manifest.parts[name]


def _add_file(archive: tarfile.TarFile, name: str, path: Path, manifest: Manifest) -> None:
    with path.open("rb") as file:
        pieces = iter(lambda: file.read(CHUNK), b"")
        _add(archive, name, path.stat().st_size, pieces, manifest)


def _add_stored(
    archive: tarfile.TarFile, store: Store, key: str, sha256: str, manifest: Manifest
) -> None:
    """One file of the store; one that is gone or changed is named, the others are saved."""
    try:
        size = store.size(key)
    except FileNotFoundError:
        manifest.missing.append(key)
        return
    if _add(archive, f"{FILES}{key}", size, store.read(key, 0, size), manifest) != sha256:
        manifest.missing.append(key)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    archive.addfile(info, io.BytesIO(content))


def _written(manifest: Manifest) -> bytes:
    return json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()


# --- read an archive ----------------------------------------------------------------------


def examine(path: Path) -> Manifest:
    """The manifest of an archive whose every byte has been read and compared with it.

    :raises BackupError: when it is no archive of ours, cut off, or changed.
    """
    found: dict[str, str] = {}
    said = b""
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    raise BackupError(f"{path}: {member.name!r} does not belong into an archive.")
                if member.name == MANIFEST and member.size <= LARGEST_MANIFEST:
                    said = content.read()
                else:
                    found[member.name] = _digest(content)
        _read_to_the_end(path)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as fault:
        raise BackupError(f"{path} cannot be read: {fault}.  Take another archive.") from fault
    manifest = _understood(path, said)
    if found != manifest.parts:
        odd = sorted(n for n in found.keys() | manifest.parts.keys()
                     if found.get(n) != manifest.parts.get(n))  # fmt: skip
        raise BackupError(
            f"{path} is damaged or was changed ({odd[0]}, {len(odd)} parts).  Take another archive."
        )
    return manifest


def _digest(content: IO[bytes]) -> str:
    sha256 = hashlib.sha256()
    while piece := content.read(CHUNK):
        sha256.update(piece)
    return sha256.hexdigest()


def _read_to_the_end(path: Path) -> None:
    """What stands behind the last part counts too: a cut or altered end fails its checksum."""
    with gzip.open(path) as file:
        while file.read(CHUNK):
            pass


def _understood(path: Path, said: bytes) -> Manifest:
    try:
        known = json.loads(said)
        manifest = Manifest(**known)
    except (ValueError, TypeError) as fault:
        raise BackupError(f"{path} has no manifest: it is no whole archive of ours.") from fault
    if manifest.format != FORMAT:
        raise BackupError(f"{path} was written by another version of the product.")
    return manifest


# --- restore ------------------------------------------------------------------------------


def refuse_unfit(
    engine: Engine, manifest: Manifest, profile: str, known: Mapping[str, Any], *, replace: bool
) -> None:
    """Refuse what does not belong into this installation, before anything is touched.

    ``known`` holds the migrations of this product by their number.

    :raises BackupError: naming the way out.
    """
    if manifest.dialect != engine.dialect.name:
        raise BackupError(
            f"The archive holds a {manifest.dialect} database, DATABASE_URL names "
            f"{engine.dialect.name}: name a {manifest.dialect} database."
        )
    if manifest.profile != profile:
        raise BackupError(
            f"The archive is of the profile {manifest.profile!r}, not {profile!r}: "
            f"set QIFU_PROFILE={manifest.profile}."
        )
    if manifest.migration not in known:
        raise BackupError(
            f"The archive was made by a newer version of the product ({manifest.product}, "
            f"migration {manifest.migration}): install that version first."
        )
    if not replace and _tables(engine):
        raise BackupError(
            "The database is not empty.  Name an empty one in DATABASE_URL, or throw its data "
            "away: restore --replace."
        )


def restore(engine: Engine, store: Store, path: Path, manifest: Manifest) -> int:
    """Put files and database back; the database at once or, when it fails, not at all.

    Files go first: one too many is swept one day, one too few would be missed.  Returns the
    access version there was, so that :func:`settle` can raise it beyond.
    """
    before = _access_version(engine)
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump"
        for name, content in _parts(path):
            if name in DATABASE.values():
                with dump.open("wb") as file:
                    shutil.copyfileobj(content, file, CHUNK)
                _refuse_changed(path, dump, manifest.parts[name])
            elif name.startswith(FILES):
                _put_back(store, name.removeprefix(FILES), content)
        engine.dispose()
        if engine.dialect.name == "sqlite":
            _restore_sqlite(engine, dump)
        else:
            _restore_postgresql(engine, dump, Path(folder) / "drop.sql")
        engine.dispose()
    return before


def settle(rows: Connection, manifest: Manifest, version: int, now: datetime) -> None:
    """Let nobody in on what was valid then: logins, links and codes end.

    ``version`` is the access version before; whatever a process keeps under it is old.
    """
    login, access = LoginSession.__table__, AccessVersion.__table__
    ended = {"ended_at": now, "end_reason": "forced"}
    rows.execute(update(login).where(login.c.ended_at.is_(None)).values(ended))
    for model in (OneTimeToken, VerificationCode, Captcha):
        rows.execute(delete(model.__table__))
    there = rows.scalar(select(func.max(access.c.version))) or 0
    rows.execute(update(access).values(version=max(there, version) + 1))
    audit.note_on(rows, "restore", detail={"archive": manifest.created_at})


def _parts(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and member.name != MANIFEST:
                yield member.name, content


def _put_back(store: Store, key: str, content: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(content, file, CHUNK)
        store.put(key, file)


def _refuse_changed(path: Path, part: Path, sha256: str) -> None:
    with part.open("rb") as file:
        if _digest(file) != sha256:
            raise BackupError(f"{path} changed while it was read.  Start again.")


def _tables(engine: Engine) -> list[str]:
    with engine.connect() as rows:
        return inspect(rows).get_table_names()


def _access_version(engine: Engine) -> int:
    with engine.connect() as rows:
        if not inspect(rows).has_table(AccessVersion.__tablename__):
            return 0
        return rows.scalar(select(func.max(AccessVersion.__table__.c.version))) or 0


def _restore_sqlite(engine: Engine, dump: Path) -> None:
    """Page by page into the live file, in one transaction of SQLite's own."""
    with closing(sqlite3.connect(dump)) as source:
        if source.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BackupError("The database in the archive is damaged.  Take another archive.")
        with engine.connect() as live:
            target: Any = live.connection.driver_connection
            source.backup(target)


def _restore_postgresql(engine: Engine, dump: Path, script: Path) -> None:
    """Drop what is there and write what was, in one transaction of ``psql``."""
    with engine.connect() as rows:
        version = _server_version(rows)
        script.write_text("".join(f"{line};\n" for line in dropping(rows)), encoding="utf-8")
    restored = dump.with_suffix(".sql")
    _run(
        engine.url, _program("pg_restore", version), "--no-owner", "--no-privileges",
        f"--file={restored}", str(dump),
    )  # fmt: skip
    _run(
        engine.url, _program("psql", version), "--quiet", "--no-psqlrc", "--single-transaction",
        "--output=/dev/null", "--set=ON_ERROR_STOP=1", f"--file={script}", f"--file={restored}",
    )  # fmt: skip


def dropping(rows: Connection) -> list[str]:
    """The statements that empty a PostgreSQL database of tables, sequences and triggers."""
    quoted = rows.dialect.identifier_preparer.quote
    tables = [quoted(name) for name in inspect(rows).get_table_names()]
    statements = [f"DROP TABLE {', '.join(tables)} CASCADE"] if tables else []
    sequences = [quoted(name) for name in inspect(rows).get_sequence_names()]
    statements += [f"DROP SEQUENCE IF EXISTS {name} CASCADE" for name in sequences]
    functions = rows.scalars(text(
        "SELECT p.oid::regprocedure::text FROM pg_proc p"
        " WHERE p.pronamespace = current_schema()::regnamespace"
        " AND p.prorettype = 'trigger'::regtype"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    ))  # fmt: skip
    return statements + [f"DROP FUNCTION IF EXISTS {name} CASCADE" for name in functions]


# --- PostgreSQL's own programs ------------------------------------------------------------


def _server_version(rows: Connection) -> int:
    return int(rows.dialect.server_version_info[0])  # type: ignore[index]


def _program(name: str, server: int) -> Path:
    """The program of the server's version, or else of the next newer one.

    :raises BackupError: when there is none; an older one cannot read the server.
    """
    found: dict[int, Path] = {}
    paths = [*PROGRAMS.glob(f"*/bin/{name}"), Path(shutil.which(name) or "")]
    for path in reversed([path for path in paths if path.is_file()]):
        if major := _version_of(path):
            found[major] = path
    fitting = [major for major in sorted(found) if major >= server]
    if not fitting:
        raise BackupError(
            f"{name} of PostgreSQL {server} is not on this machine: install the client programs "
            f"(Debian: apt-get install postgresql-client-{server})."
        )
    return found[fitting[0]]


def _version_of(path: Path) -> int:
    said = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        (path, "--version"), check=False, capture_output=True, text=True
    )
    number = re.search(r"\) (\d+)", said.stdout)
    return int(number[1]) if number else 0


def _run(url: URL, program: Path, *arguments: str) -> None:
    """Run a program on the database of ``url``: neither name nor password on its command line."""
    environ = os.environ | {
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or ""),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
        "PGCLIENTENCODING": "UTF8",
    }
    environ |= {LIBPQ[key]: str(value) for key, value in url.query.items() if key in LIBPQ}
    environ = {key: value for key, value in environ.items() if value}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, no word of it typed
        (program, *arguments), check=False, capture_output=True, text=True, env=environ
    )
    if done.returncode:
        raise BackupError(f"{program.name} failed: {done.stderr.strip() or done.returncode}")
