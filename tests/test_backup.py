"""Backup and restore: what comes back is what was there, or nothing is touched."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text, update

from app import cli
from app.extensions import db
from app.models import Announcement, Attachment, LoginSession, Model, Organization
from app.services import backup
from tests.world import is_on_postgresql

pytestmark = pytest.mark.db

CHANGED = {"login_session", "access_version", "captcha", "one_time_token", "verification_code"}
"""What a restore ends or raises; the line of the log that it adds is left out by its action."""


def rows(app):
    """Every row of every table, as it stands in the database."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key))
                if getattr(row, "action", "") not in {"backup", "restore"}
            ]
            for name, table in Model.metadata.tables.items()
            if name not in CHANGED
        }


def files(app):
    """SHA-256 by key of every file that the database names, as far as it is in the store."""
    store = app.extensions["store"]
    found = {}
    with app.app_context(), db.engine.connect() as connection:
        for key in connection.scalars(select(Attachment.__table__.c.key)):
            try:
                found[key] = sha256(b"".join(store.read(key))).hexdigest()
            except FileNotFoundError:
                found[key] = "gone"
    return found


def wipe(app):
    """Damage rows and files, as a bad day would."""
    store = app.extensions["store"]
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(delete(Announcement.__table__))
        connection.execute(update(Organization.__table__).values(name="x"))
        keys = connection.scalars(select(Attachment.__table__.c.key)).all()
    for key in keys[::2]:
        store.remove(key)
    for key in keys[1::2]:
        store.put(key, io.BytesIO(b"something else"))


@pytest.fixture(autouse=True)
def whole(app, store):  # noqa: ARG001 - after it was put back
    """What is dumped is the platform's alone."""
    store.uncover()


@pytest.fixture
def archive(app, tmp_path):
    """An archive of the demonstration."""
    path = tmp_path / "backup.tar.gz"
    cli.back_up(app, path)
    return path


def test_every_row_and_every_file_comes_back(app, archive, sign_in):
    before, kept = rows(app), files(app)
    assert len(kept) > 10
    assert "gone" not in kept.values()
    browser = sign_in("operator")
    wipe(app)
    assert rows(app) != before
    said = cli.restore(app, archive, replace=True)
    assert f"{len(kept)} files" in said
    after = rows(app)
    assert {name for name in before if before[name] != after[name]} == set()
    assert files(app) == kept
    assert "/login/" in browser.get("/workbench/").headers["Location"]
    assert sign_in("operator").get("/workbench/").status_code == 200


def test_logins_of_then_end_and_triggers_are_back(app, sign_in, tmp_path):
    sign_in("operator")
    path = tmp_path / "with-login.tar.gz"
    cli.back_up(app, path)
    cli.restore(app, path, replace=True)
    with app.app_context(), db.engine.connect() as connection:
        login = LoginSession.__table__.c
        assert connection.scalars(select(login.id).where(login.ended_at.is_(None))).all() == []
        with pytest.raises(Exception, match="append-only"):
            connection.execute(text("DELETE FROM flow_event"))


def test_an_archive_names_product_migration_profile_and_every_part(app, archive):
    manifest = backup.examine(archive)
    assert manifest.profile == "demo"
    assert manifest.dialect == ("postgresql" if is_on_postgresql() else "sqlite")
    with app.app_context(), db.engine.connect() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert manifest.migration == version
    assert manifest.missing == []
    with tarfile.open(archive) as content:
        assert {m.name for m in content} == {*manifest.parts, "manifest.json"}
    assert archive.stat().st_mode & 0o077 == 0


def test_a_file_that_the_store_lost_is_named_and_the_others_are_saved(app, tmp_path):
    store = app.extensions["store"]
    with app.app_context(), db.engine.connect() as connection:
        lost, changed = connection.scalars(select(Attachment.__table__.c.key).limit(2))
    store.remove(lost)
    store.put(changed, io.BytesIO(b"something else"))
    said = cli.back_up(app, tmp_path / "x.tar.gz")
    assert lost in said
    assert changed in said
    assert set(backup.examine(tmp_path / "x.tar.gz").missing) == {lost, changed}


def rewritten(source: Path, target: Path, change) -> Path:
    """The archive with its parts changed by ``change(name, content) -> content or None``."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                info = tarfile.TarInfo(member.name)
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
    return target


def _one_byte(name, content):
    return content[:-1] + bytes([content[-1] ^ 1]) if name.startswith("files/") else content


def _no_files(name, content):
    return None if name.startswith("files/") else content


def _no_manifest(name, content):
    return None if name == "manifest.json" else content


def _said(**values):
    def change(name, content):
        if name != "manifest.json":
            return content
        return json.dumps(json.loads(content) | values).encode()

    return change


DAMAGED = {
    "a changed byte": (_one_byte, "damaged or was changed"),
    "files taken out": (_no_files, "damaged or was changed"),
    "no manifest": (_no_manifest, "no manifest"),
    "a newer migration": (_said(migration="30000101_later"), "newer version of the product"),
    "another profile": (_said(profile="park"), "QIFU_PROFILE=park"),
    "another kind of database": (_said(dialect="oracle"), "oracle"),
    "another format": (_said(format=99), "another version"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_an_archive_that_is_not_whole_or_not_ours_is_refused_untouched(
    app, archive, tmp_path, damage
):
    change, said = DAMAGED[damage]
    bad = rewritten(archive, tmp_path / "bad.tar.gz", change)
    before, kept = rows(app), files(app)
    with pytest.raises(backup.BackupError, match=said):
        cli.restore(app, bad, replace=True)
    assert rows(app) == before
    assert files(app) == kept


def test_a_truncated_archive_is_refused_wherever_it_was_cut(app, archive, tmp_path):
    before = rows(app)
    whole = archive.read_bytes()
    for end in (0, 10, len(whole) // 3, len(whole) // 2, len(whole) - 2000, len(whole) - 1):
        bad = tmp_path / "cut.tar.gz"
        bad.write_bytes(whole[:end])
        with pytest.raises(backup.BackupError):
            cli.restore(app, bad, replace=True)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    bad.write_bytes(flipped)
    with pytest.raises(backup.BackupError):
        cli.restore(app, bad, replace=True)
    assert rows(app) == before


def test_a_database_that_is_not_empty_is_kept_unless_told_otherwise(app, archive):
    before = rows(app)
    with pytest.raises(backup.BackupError, match=r"not empty.*--replace"):
        cli.restore(app, archive, replace=False)
    assert rows(app) == before


def test_a_backup_does_not_overwrite_another(app, archive):
    with pytest.raises(backup.BackupError, match="exists already"):
        cli.back_up(app, archive)


def test_a_restore_that_fails_in_the_database_leaves_it_as_it_was(app, archive, monkeypatch):
    """The database goes in one transaction: half of it is never there."""
    before = rows(app)

    def broken(path, part, digest):
        del path, digest
        content = part.read_bytes()
        part.write_bytes(content[: len(content) // 2])

    monkeypatch.setattr(backup, "_refuse_changed", broken)
    with pytest.raises((backup.BackupError, Exception)):
        cli.restore(app, archive, replace=True)
    assert rows(app) == before


def test_no_password_stands_on_a_command_line(app, monkeypatch, tmp_path):
    if not is_on_postgresql():
        pytest.skip("SQLite needs no other program")
    seen = []
    real = backup.subprocess.run

    def watched(command, **more):
        seen.append([str(part) for part in command])
        return real(command, **more)

    monkeypatch.setattr(backup.subprocess, "run", watched)
    with app.app_context():
        url = db.engine.url
    monkeypatch.setattr(backup, "_version_of", lambda _path: 99)
    cli.back_up(app, tmp_path / "again.tar.gz")
    words = [word for command in seen for word in command]
    assert any("pg_dump" in word for word in words)
    secret = [url.password, url.username, url.host, url.database]
    assert not [word for word in words for part in secret if part and str(part) in word]


def test_a_missing_program_is_named_with_what_to_install(app, monkeypatch, tmp_path):
    if not is_on_postgresql():
        pytest.skip("SQLite needs no other program")
    monkeypatch.setattr(backup, "PROGRAMS", tmp_path)
    monkeypatch.setattr(backup.shutil, "which", lambda _name: None)
    with pytest.raises(backup.BackupError, match=r"pg_dump of PostgreSQL.*apt-get install"):
        cli.back_up(app, tmp_path / "x.tar.gz")


def test_the_archive_of_another_profile_is_refused(app, archive, monkeypatch):
    monkeypatch.setitem(app.extensions, "profile", replace(app.extensions["profile"], name="park"))
    with pytest.raises(backup.BackupError, match="QIFU_PROFILE=demo"):
        cli.restore(app, archive, replace=True)
