"""Compound files (OLE: xls, msg and what older programs embed): their streams, by name.

Only as much of the format as is needed to say what a file holds; every chain is bounded by the
file's own number of sectors, so that no loop runs on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app.storage.rules import damaged

SIGNATURE = bytes.fromhex("D0CF11E0A1B11AE1")
END = 0xFFFFFFFA  # this and above are marks, not sectors
STREAM, ROOT = 2, 5
SMALL = 4096  # shorter streams lie in the small sectors of the root's own stream
HEADER = 512
ENTRY = 128
LISTED = 109  # sectors of the table that the header itself lists
MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Stream:
    """A stream of the file; storages are streams without content."""

    name: str
    kind: int
    start: int
    size: int


class Compound:
    """A compound file.

    :raises DomainError: when it is none, or damaged.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0, 2)
        self._size = file.tell()
        head = self._at(0, HEADER)
        if len(head) < HEADER or not head.startswith(SIGNATURE):
            raise damaged()
        shift, small_shift = struct.unpack_from("<HH", head, 30)
        if shift not in {9, 12} or small_shift != 6:  # noqa: PLR2004 - the two the format knows
            raise damaged()
        self._sector, self._small = 1 << shift, 1 << small_shift
        self._most = self._size // self._sector + 1
        first, small_first, more = (struct.unpack_from("<I", head, n)[0] for n in (48, 60, 68))
        self._table = self._table_of(struct.unpack_from(f"<{LISTED}I", head, 76), more)
        self.streams = list(self._entries(first))
        root = next((s for s in self.streams if s.kind == ROOT), None)
        if root is None:
            raise damaged()
        self._small_table = self._numbers(b"".join(self._chain(small_first)))
        self._small_content = b"".join(self._chain(root.start))

    def names(self) -> list[str]:
        """What streams and storages are called."""
        return [stream.name for stream in self.streams]

    def read(self, stream: Stream, most: int) -> bytes:
        """The content of a stream, at most its first ``most`` bytes."""
        size = min(stream.size, most)
        if stream.size >= SMALL:
            found = b""
            for part in self._chain(stream.start):
                found += part
                if len(found) >= size:
                    break
            return found[:size]
        at, found = stream.start, b""
        for _ in range(SMALL // self._small):
            if at >= len(self._small_table) or len(found) >= size:
                break
            found += self._small_content[at * self._small : (at + 1) * self._small]
            at = self._small_table[at]
        return found[:size]

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _read_sector(self, number: int) -> bytes:
        return self._at((number + 1) * self._sector, self._sector)

    def _numbers(self, raw: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))

    def _table_of(self, listed: tuple[int, ...], more: int) -> list[int]:
        """The table of all chains: its sectors are listed in the header and, of long files, on."""
        sectors = [number for number in listed if number < END]
        for _ in range(self._most):
            if more >= END:
                break
            *found, more = self._numbers(self._read_sector(more)) or [END]
            sectors += [number for number in found if number < END]
        if len(sectors) > self._most:
            raise damaged()
        return self._numbers(b"".join(self._read_sector(number) for number in sectors))

    def _chain(self, start: int) -> Iterator[bytes]:
        at = start
        for _ in range(self._most):
            if at >= END:
                return
            if at >= len(self._table):
                raise damaged()
            yield self._read_sector(at)
            at = self._table[at]
        if at < END:
            raise damaged()

    def _entries(self, start: int) -> Iterator[Stream]:
        count = 0
        for sector in self._chain(start):
            for offset in range(0, len(sector) - ENTRY + 1, ENTRY):
                length, kind = struct.unpack_from("<HB", sector, offset + 64)
                if not kind:
                    continue
                count += 1
                if count > MOST_ENTRIES or not 2 <= length <= 64:  # noqa: PLR2004 - bytes of a name
                    raise damaged()
                raw = sector[offset : offset + length - 2]
                begin, size = struct.unpack_from("<IQ", sector, offset + 116)
                size &= 0xFFFFFFFF  # older writers leave rubbish in the upper half
                yield Stream(raw.decode("utf-16-le", "replace"), kind, begin, size)
