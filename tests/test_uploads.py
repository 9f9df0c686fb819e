"""The sweep of uploaded files (jobs 49), and stores that are full or down."""

from __future__ import annotations

import io
import os
import subprocess
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import clock, jobs
from app.access import elevated
from app.extensions import system_session
from app.jobs import uploads
from app.models import Attachment, Draft, Organization
from app.storage import Store
from tests import samples as made
from tests.test_files import attachments, send, stored_files

DAY = timedelta(days=1)


@pytest.fixture
def empty_store(app, tmp_path):
    """A store of this test's own, so that other tests' files are not found in it."""
    kept = app.extensions["store"]
    app.extensions["store"] = Store(str(tmp_path / "store"))
    yield app.extensions["store"]
    app.extensions["store"] = kept


def place(store, app):
    """Every attachment row gets a file, as if it had been stored here."""
    for row in attachments(app):
        store.put(row.key, io.BytesIO(b"x"))


def aged(store, days):
    """Files as old as that."""
    for path in store.folder.rglob("*"):
        then = path.stat().st_mtime - days * 86400
        os.utime(path, (then, then))


def sweep(app, days):
    """The sweep, so many days from now."""
    with app.app_context(), system_session() as session:
        count = uploads.sweep(session, clock.now() + days * DAY)
        session.commit()
    return count


def upload(client):
    return send(client, made.pdf(), "a.pdf", "licence").json["id"]


def quarantined(app):
    return {row.id for row in attachments(app) if row.quarantined_at}


@pytest.mark.db
def test_a_file_that_nothing_refers_to_is_set_aside_then_deleted(app, sign_in, empty_store):
    place(empty_store, app)
    before = {row.id for row in attachments(app)}
    number = upload(sign_in("visitor"))
    assert sweep(app, 0.9) == 0
    assert sweep(app, 1.1) == 1
    assert quarantined(app) == {number}
    assert sweep(app, 1.2) == 0  # twice is the same
    assert sweep(app, 8) == 0
    assert sweep(app, 8.2) >= 1  # the row, and the file: its row is gone
    assert {row.id for row in attachments(app)} == before
    assert len(stored_files(app)) == len(before)
    assert sweep(app, 9) == 0


@pytest.mark.db
def test_what_is_used_again_is_taken_back(app, sign_in, empty_store):
    place(empty_store, app)
    number = upload(sign_in("institution"))
    sweep(app, 1.1)
    assert quarantined(app) == {number}
    with app.app_context(), system_session() as session:
        session.scalars(select(Organization)).first().logo_id = number
        session.commit()
    assert sweep(app, 8.2) == 1
    assert quarantined(app) == set()
    assert number in {row.id for row in attachments(app)}


@pytest.mark.db
def test_what_a_draft_holds_stays(app, sign_in, empty_store):
    place(empty_store, app)
    client = sign_in("newcomer")
    number = upload(client)
    entries = [["name", "望澜"], ["licence_file", str(number)]]
    assert client.put("/drafts/accreditations-new", json=entries).status_code == 200
    assert sweep(app, 1.1) == 0
    with app.app_context(), system_session() as session:
        for draft in session.scalars(select(Draft)):
            session.delete(draft)
        session.commit()
    assert sweep(app, 1.1) == 1


def test_every_column_that_points_at_a_file_counts():
    named = {f"{column.table.name}.{column.name}" for column in uploads.referring()}
    assert {"organization.logo_id", "qualification.proof_id", "change_proof.attachment_id"} <= named
    assert not {name for name in named if name.startswith("attachment.")}


def test_a_file_without_a_row_goes_after_a_day(app, empty_store):
    place(empty_store, app)
    empty_store.put("2026/11/" + "a" * 32, io.BytesIO(b"x"))
    (empty_store.folder / "2026" / "11" / ("b" * 32 + "#1")).write_bytes(b"half")
    rows = len(attachments(app))
    sweep(app, 0)
    assert len(stored_files(app)) == rows + 2
    assert sweep(app, 1.1) == 1
    assert len(stored_files(app)) == rows


@pytest.mark.db
def test_a_row_without_its_file_is_told(app, empty_store):
    place(empty_store, app)
    rows = attachments(app)
    assert jobs.run_job(app, "upload.missing") == len(rows)
    empty_store.remove(rows[3].key)
    with pytest.raises(uploads.Missing, match=f"1 of {len(rows)} .*: {rows[3].id}$"):
        jobs.run_job(app, "upload.missing", clock.now() + DAY)


def test_large_tables_are_swept_in_batches(app, empty_store, monkeypatch, statements):
    place(empty_store, app)
    monkeypatch.setattr(uploads, "BATCH", 10)
    monkeypatch.setattr(uploads, "MOST", 25)
    with app.app_context(), system_session() as session:
        owner, at = attachments(app)[0].owner_id, clock.now()
        session.add_all(
            Attachment(
                name="a", rule="seal", mime="application/pdf", size=1, sha256="0" * 64,
                key=f"2026/11/{n:032d}", owner_id=owner, uploaded_at=at,
            )
            for n in range(60)
        )  # fmt: skip
        session.commit()
    statements.clear()
    assert [sweep(app, 2) for _ in range(4)] == [25, 25, 10, 0]
    assert all(s.count("?") <= 15 for s in statements if "attachment" in s)


# --- a store that does not take it ----------------------------------------------------------------


def attempt(app, client, content=None, rule="licence"):
    rows = len(attachments(app))
    answer = send(client, content or made.pdf(), "执照.pdf", rule)
    assert len(attachments(app)) == rows
    return answer


def test_a_store_that_is_down_is_told_and_leaves_no_row(app, sign_in):
    client, kept = sign_in("visitor"), app.extensions["store"]
    address = "s3://bucket?endpoint=http://127.0.0.1:9&region=x&access_key_id=a&secret_access_key=b"
    app.extensions["store"] = Store(address)
    try:
        answer = attempt(app, client)
    finally:
        app.extensions["store"] = kept
    assert answer.status_code == 503
    assert "存储" in answer.json["error"]


def test_a_row_that_fails_takes_its_file_along(app, sign_in, monkeypatch):
    client, files = sign_in("visitor"), stored_files(app)

    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("app.views.files.db.session.commit", fail)
    with pytest.raises(ZeroDivisionError):
        send(client, made.pdf(), "a.pdf", "seal")
    assert stored_files(app) == files


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 10 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=10M", "none", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("this machine lets nobody mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)  # noqa: S603, S607


def test_a_full_disk_refuses_clearly_and_takes_again_when_there_is_room(app, sign_in, small_disk):
    client, kept = sign_in("visitor"), app.extensions["store"]
    app.extensions["store"] = store = Store(str(small_disk / "store"))
    large = made.video(6 * made.MEGABYTE)
    try:
        assert send(client, large, "a.mp4", "video").status_code == 200
        for _ in range(3):
            answer = send(client, large, "b.mp4", "video")
            assert answer.status_code == 503
            assert answer.json["error"]
        assert len(stored_files(app)) == 1
        assert not list(store.folder.rglob("*#*"))
        first = attachments(app)[-1]
        store.remove(first.key)
        assert send(client, large, "a.mp4", "video").status_code == 200
    finally:
        app.extensions["store"] = kept


def test_no_room_for_what_is_being_sent_is_told_too(app, sign_in, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    client = sign_in("visitor")
    monkeypatch.setattr("app.storage.tempfile.TemporaryFile", full)
    assert attempt(app, client).status_code == 503


def test_the_table_and_the_store_agree(app):
    """What the demonstration stored is there, whole."""
    with app.app_context(), system_session() as session:
        count = elevated(session, "a test").scalar(select(func.count()).select_from(Attachment))
    store: Store = app.extensions["store"]
    assert count == len(attachments(app))
    for row in attachments(app):
        assert store.size(row.key) == row.size


def test_an_empty_request_is_told(sign_in):
    answer = sign_in("visitor").post("/files/", data={"rule": "seal"})
    assert answer.status_code == 400
    assert answer.json["error"]
