"""Where files lie: one behaviour of a local folder and of a bucket, against a real S3 server."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import pytest

from app import storage
from app.config import Misconfigured, from_environment
from app.storage import Store, StoreDown
from tests import samples as made

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
KEY = "2026/11/" + "a" * 32
OTHER = "2026/10/" + "b" * 32


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server of its own process, with one bucket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = "import sys; from moto.server import main; main(sys.argv[1:])"
    server = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", command, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _make_bucket(f"{endpoint}/qifu")
        yield f"s3://qifu/%E4%BC%81%E4%B8%9A?endpoint={endpoint}&region=us-east-1&{KEYS}"
    finally:
        server.terminate()
        server.wait()


def _make_bucket(address: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urlopen(Request(address, method="PUT")).close()  # noqa: S310 - this machine
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


KEYS = "access_key_id=a&secret_access_key=b"


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path) -> Store:
    """A folder, then a bucket."""
    if request.param == "folder":
        return Store(str(tmp_path / "文件"))
    found = Store(request.getfixturevalue("s3"))
    for key, _at in found.files():
        found.remove(key)
    return found


def test_what_is_put_comes_back_whole_and_in_parts(store):
    content = bytes(range(256)) * 20_000
    store.put(KEY, io.BytesIO(content))
    assert store.size(KEY) == len(content)
    assert b"".join(store.read(KEY)) == content
    assert b"".join(store.read(KEY, 5, 9)) == content[5:9]
    assert b"".join(store.read(KEY, len(content) - 3)) == content[-3:]


def test_files_are_listed_by_month_and_removed(store):
    for key in (KEY, OTHER):
        store.put(key, io.BytesIO(b"x"))
    assert {key for key, _at in store.files()} == {KEY, OTHER}
    ((key, at),) = store.files("2026/10")
    assert (key, at.tzinfo is not None) == (OTHER, True)
    store.remove(OTHER)
    store.remove(OTHER)
    assert [key for key, _at in store.files()] == [KEY]


def test_what_is_not_there_is_said_so(store):
    with pytest.raises(FileNotFoundError):
        store.size(KEY)
    assert list(store.files()) == []


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "2026/11/x", "", "2026/11/"])
def test_a_key_of_another_make_is_refused(store, key):
    for act in (store.size, store.remove, lambda k: store.put(k, io.BytesIO(b"x"))):
        with pytest.raises(ValueError, match="not a key"):
            act(key)


def test_an_upload_keeps_its_chinese_name_in_either(store):
    values = storage.store(
        store, io.BytesIO(made.pdf()), "营业执照（副本）.pdf", storage.RULES["licence"], 7, NOW
    )
    assert values["name"] == "营业执照（副本）.pdf"
    assert b"".join(store.read(values["key"])) == made.pdf()


def test_a_refused_upload_leaves_nothing_in_either(store):
    with pytest.raises(storage.DomainError):
        storage.store(store, io.BytesIO(made.PAGE), "a.pdf", storage.RULES["licence"], 7, NOW)
    assert list(store.files()) == []


def test_a_hundred_megabytes_pass_in_little_memory(store):
    large = made.video(99 * made.MEGABYTE)
    stream = io.BytesIO(large)
    tracemalloc.start()
    values = storage.store(store, stream, "宣传片.mp4", storage.RULES["video"], 7, NOW)
    size = sum(len(piece) for piece in store.read(values["key"]))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == values["size"] == len(large)
    assert most < 8 * made.MEGABYTE


def test_a_store_out_of_reach_says_so():
    gone = Store(f"s3://qifu?endpoint=http://127.0.0.1:9&region=x&{KEYS}")
    for act in (
        lambda: gone.put(KEY, io.BytesIO(b"x")), lambda: gone.size(KEY),
        lambda: gone.remove(KEY), lambda: list(gone.files()),
    ):  # fmt: skip
        with pytest.raises(StoreDown):
            act()


def test_keys_come_from_the_usual_variables_too(s3, monkeypatch):
    endpoint = s3.partition("endpoint=")[2].partition("&")[0]
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    store = Store("s3://qifu/other")
    store.put(KEY, io.BytesIO(b"x"))
    assert store.size(KEY) == 1


@pytest.mark.parametrize("url", ["ftp://x", "https://bucket.example.com/", "s3:///x", "s3://b?k=1"])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(ValueError, match="STORAGE_URL"):
        Store(url)


def test_the_start_says_what_is_wrong_with_an_address():
    with pytest.raises(Misconfigured, match="STORAGE_URL"):
        from_environment({"STORAGE_URL": "ftp://x"})
