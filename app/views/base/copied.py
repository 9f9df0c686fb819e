"""An export that PostgreSQL writes by itself: the words of each cell as SQL, and who fetches them.

An expression says of a value what :meth:`Cell.show` says, letter by letter, in the reader's
language; a cell without one leaves its list to this process (0063).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any

from flask_babel import gettext as _
from psycopg import ClientCursor
from sqlalchemy import (
    Date,
    Float,
    Numeric,
    ScalarSelect,
    Select,
    String,
    Text,
    and_,
    case,
    cast,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import Session

from app.columns import UtcDateTime
from app.errors import DomainError
from app.security import words
from app.views.base.cells import NOTHING, Cell

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
FIGURE = re.compile(r"-[0-9][0-9,]*([.][0-9]+)?")
PIECE = 64 * 1024
WRITER = (sys.executable, "-I", str(Path(__file__).with_name("writer.py")))
MOST = 3
"""So many exports are written at once for one process: each is a process and a connection."""
TICK = 0.02
"""Seconds until a file that has not grown is looked at again."""
_under_way: list[subprocess.Popen[bytes]] = []
_starting = Lock()


class Busy(DomainError):
    """An export more would be one too many."""


# --- words ----------------------------------------------------------------------------------


def harmless(text: str) -> str:
    """``text`` as a spreadsheet shows it; what looks like a formula gets an apostrophe.

    A number below zero does not: it is to be added up.
    """
    is_formula = text.startswith(FORMULA) and not FIGURE.fullmatch(text)
    return f"'{text}" if is_formula else text


def _harmless(text: Any) -> Any:
    looks_so = func.ascii(text).in_([ord(sign) for sign in FORMULA])
    is_figure = text.regexp_match(f"^{FIGURE.pattern}$")
    return case((and_(looks_so, ~is_figure), literal("'").concat(text)), else_=text)


def looked_up(labels: Mapping[str, str], code: Any) -> Any:
    """The label of a code, NULL of an unknown one: a search in a constant, not a join."""
    known = literal(json.dumps(labels, ensure_ascii=False))
    return func.jsonb_object_field_text(cast(known, JSONB), code)


def grouped(number: Any) -> Any:
    """A whole number with its thousands set off, which takes long: what has none goes without."""
    large = func.to_char(number, "FM9,999,999,999,999,999,990")
    if isinstance(getattr(number, "element", None), ScalarSelect):
        return large  # it is counted as often as it is named
    return case((number.between(0, 999), cast(number, Text)), else_=large)


def yuan(cents: Any) -> Any:
    """An amount with both its decimals."""
    return func.to_char(cast(cents, Numeric) / 100, "FM999,999,999,999,999,990.00")


def _text(_cell: Cell, column: Any) -> Any:
    return func.nullif(_harmless(column), "") if isinstance(column.type, String) else None


def _number(cell: Cell, column: Any) -> Any:
    return cast(column, Text) if cell.info.kind == "year" else grouped(column)


def _money(cell: Cell, column: Any) -> Any:
    return yuan(column) if cell.info.unit == 1 else None


def _date(_cell: Cell, column: Any) -> Any:
    return cast(column, Text) if isinstance(column.type, Date) else None


def _time(_cell: Cell, column: Any) -> Any:
    if not isinstance(column.type, UtcDateTime):
        return None
    here = func.timezone("Asia/Shanghai", func.timezone("UTC", column))
    return func.to_char(here, "YYYY-MM-DD HH24:MI")


def _flag(_cell: Cell, column: Any) -> Any:
    return case((column.is_(True), _("Yes")), (column.is_(False), _("No")))


def _labelled(labels: Mapping[str, str], column: Any) -> Any:
    known = {code: harmless(label) for code, label in labels.items()}
    return func.coalesce(looked_up(known, column), func.nullif(_harmless(column), ""))


def _badge(cell: Cell, column: Any) -> Any:
    assert cell.info.choices is not None
    return _labelled({code: str(label) for code, label in cell.info.choices.pairs()}, column)


def _term(cell: Cell, column: Any) -> Any:
    return _labelled(words().labels(cell.info.dictionary), column)


def _terms(cell: Cell, column: Any) -> Any:
    listed = func.json_array_elements_text(column)
    codes = listed.table_valued("code", with_ordinality="place").render_derived().c
    label = func.coalesce(looked_up(words().labels(cell.info.dictionary), codes.code), codes.code)
    joined = func.string_agg(label, aggregate_order_by(literal("、"), codes.place))
    text = func.regexp_replace(select(joined).scalar_subquery(), "^([-=+@\t\r])", r"'\1")
    return case((func.json_typeof(column) == "array", text))


def _stars(_cell: Cell, column: Any) -> Any:
    return literal("★ ").concat(func.to_char(cast(column, Float(53)) / 100, "FM99999990.0"))


WORDED: dict[str, Callable[[Cell, Any], Any]] = {
    "text": _text,
    "long": _text,
    "number": _number,
    "flag": _flag,
    "date": _date,
    "expiry": _date,
    "time": _time,
    "due": _time,
    "money": _money,
    "badge": _badge,
    "term": _term,
    "terms": _terms,
    "stars": _stars,
}
"""What a kind of cell says, or NULL for nothing; None where it cannot be said in SQL."""


def worded(cell: Cell, column: Any) -> Any:
    """The text of a cell as SQL; None where only Python can say it, or where it is masked."""
    if cell.info.sensitive:
        return None
    if cell.kind in {"link", "relation"}:
        return _text(cell, column)
    if cell.kind == "month":  # the month 0 is none, and has no dash
        spelt = cast(column // 100, Text).concat("-").concat(func.to_char(column % 100, "FM00"))
        return case((column != 0, spelt), (column.is_(None), NOTHING))
    text = WORDED[cell.kind](cell, column) if cell.kind in WORDED else None
    # CSV tells an empty text from none, the other way does not: an empty label is none.
    return None if text is None else func.nullif(func.coalesce(text, NOTHING), "")


def in_copy(session: Session, query: Select[Any]) -> str:
    """The COPY of a query as its session sends it, with the actor's rules; nothing is left open.

    The query itself is asked for no row: what is wrong with it is known before the first byte.
    """
    sent: list[str] = []

    def keep(_connection: Any, cursor: Any, statement: str, given: Any, *_rest: Any) -> Any:
        sent.append(ClientCursor(cursor.connection).mogrify(statement, given))
        return f"{statement} LIMIT 0", given

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", keep, retval=True)
    try:
        session.execute(query)
    finally:
        event.remove(connection, "before_cursor_execute", keep)
    (statement,) = sent
    return f"COPY ({statement}) TO STDOUT (FORMAT csv)"


# --- the process ----------------------------------------------------------------------------


class Download:
    """``head``, then what another process writes, at the pace of the database, to a nameless file.

    A reader who is slow holds no connection and no snapshot.  A failure breaks the answer off.

    :raises Busy: when as many processes are under way as may be.
    """

    def __init__(self, head: bytes, address: Mapping[str, Any], statement: str) -> None:
        self._head, self._file = head, TemporaryFile()  # noqa: SIM115 - closed with the answer
        with _starting:
            _under_way[:] = [one for one in _under_way if one.poll() is None]
            if len(_under_way) >= MOST:
                self._file.close()
                raise Busy(
                    _("Other exports are being written at this moment."),
                    _("Wait a minute, then export again."),
                )
            self._writer = subprocess.Popen(  # noqa: S603 - our own program
                WRITER, stdin=subprocess.PIPE, stdout=self._file
            )
            _under_way.append(self._writer)
        assert self._writer.stdin is not None
        with suppress(BrokenPipeError), self._writer.stdin as order:
            order.write(json.dumps([address, statement]).encode())

    def __iter__(self) -> Iterator[bytes]:
        at, is_whole = 0, False
        try:
            yield self._head
            while not is_whole:
                is_whole = self._writer.poll() is not None
                while piece := os.pread(self._file.fileno(), PIECE, at):
                    at += len(piece)
                    yield piece
                with suppress(subprocess.TimeoutExpired):
                    self._writer.wait(TICK)
            if code := self._writer.returncode:
                raise RuntimeError(f"an export broke off: its process ended with {code}")
        finally:
            self.close()

    def close(self) -> None:
        """The reader has everything, or has gone: so does the process, and with it its query."""
        self._writer.kill()
        self._writer.wait()
        self._file.close()
