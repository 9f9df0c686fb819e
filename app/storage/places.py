"""Where files lie: a local folder or a bucket of any S3-compatible store, by one address.

What is written below a key is there wholly or not at all.  A folder is private: nobody but the
platform's own user can enter it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from flask_babel import lazy_gettext as _l
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from app.errors import DomainError

KEY = re.compile(r"\d{4}/\d{2}/[0-9a-f]{32}")
CHUNK = 1024 * 1024
SENDERS = 2  # pieces of 5 MB in memory while a large file goes to a bucket
PATIENCE = timedelta(seconds=30)  # for one request to a bucket
SETTINGS = {"endpoint", "region", "access_key_id", "secret_access_key", "session_token"}
SETTINGS |= {"virtual_hosted_style_request"}


class StoreDown(DomainError):
    """The store is full, out of reach or refuses: nothing was kept."""

    problem = _l("The file could not be stored: there is no room, or the store does not answer.")
    remedy = _l("Nothing of it was kept. Try again in a few minutes, or tell the platform.")


class Store:
    """A folder or bucket of files; keys are those that :mod:`app.storage` makes.

    :raises ValueError: when the address is of another kind.
    """

    def __init__(self, address: str) -> None:
        self.folder = None if "://" in address else Path(address)
        self._remote: Any = None if self.folder else _bucket(address)

    def put(self, key: str, file: IO[bytes]) -> None:
        """Write the whole of ``file`` below ``key``; in pieces, whatever its size.

        :raises StoreDown: when it cannot; nothing is there then.
        """
        _check(key)
        file.seek(0)
        try:
            obstore.put(self._place(key), key, file, max_concurrency=SENDERS)
            if self.folder:
                _make_lasting(self.folder / key)
        except (BaseError, OSError) as fault:
            self._clear(key)
            raise StoreDown from fault

    def size(self, key: str) -> int:
        """The number of bytes below ``key``.

        :raises FileNotFoundError: when nothing is there.
        """
        _check(key)
        try:
            return int(obstore.head(self._there(), key)["size"])
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as fault:
            raise StoreDown from fault

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``end``, one piece in memory at a time.

        Each piece is a request of its own: a reader on a slow line keeps none open.
        """
        end = self.size(key) if end is None else end
        while start < end:
            stop = min(start + CHUNK, end)
            yield bytes(obstore.get_range(self._there(), key, start=start, end=stop))
            start = stop

    def remove(self, key: str) -> None:
        """Delete what lies below ``key``, if it is there."""
        _check(key)
        try:
            obstore.delete(self._there(), key)
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as fault:
            raise StoreDown from fault

    def files(self, month: str = "") -> Iterator[tuple[str, datetime]]:
        """Key and time of every file of ours, or of one month (``2026/11``), in no order."""
        try:
            for page in obstore.list(self._there(), prefix=month or None):
                for found in page:
                    if KEY.fullmatch(found["path"]):
                        yield found["path"], found["last_modified"]
        except (BaseError, OSError) as fault:
            raise StoreDown from fault

    def forget_unfinished(self, before: datetime) -> None:
        """Delete what a killed process began to write into the folder and never finished.

        A bucket does so itself by its rule for unfinished uploads.
        """
        if self.folder is None:
            return
        for path in self.folder.glob("[0-9]*/[0-9]*/*#*"):
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)

    def _there(self) -> Any:
        """The store of obstore; a folder that is not there yet holds nothing."""
        if self._remote is None:
            assert self.folder
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remote = LocalStore(self.folder)
        return self._remote

    def _place(self, key: str) -> Any:
        """The same, its folder for ``key`` made and closed to others."""
        store = self._there()
        if self.folder:
            at = self.folder
            for part in Path(key).parts[:-1]:
                at /= part
                at.mkdir(mode=0o700, exist_ok=True)
        return store

    def _clear(self, key: str) -> None:
        try:
            obstore.delete(self._there(), key)
        except (BaseError, OSError):
            return  # it never was there, or the nightly sweep finds it


def _check(key: str) -> None:
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key of the storage: {key!r}")


def _make_lasting(path: Path) -> None:
    """Close the file to others, and have the disk keep it before anybody is told of it."""
    path.chmod(0o600)
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _bucket(address: str) -> S3Store:
    """``s3://bucket/prefix?endpoint=…``; what it leaves out comes from the AWS_* variables."""
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("STORAGE_URL is a folder or s3://bucket/prefix")
    settings: dict[str, Any] = dict(parse_qsl(parts.query))
    if unknown := settings.keys() - SETTINGS:
        raise ValueError(f"STORAGE_URL: {', '.join(sorted(unknown))} is unknown")
    endpoint = settings.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or ""
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config=cast(Any, settings),
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": PATIENCE,
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
    )
