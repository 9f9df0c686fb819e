"""The export of a list (导出): all rows of its filter as CSV.

PostgreSQL writes those that it can put into words (:mod:`~app.views.base.copied`); the others are
streamed in chunks by key.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from flask import Response, request, stream_with_context
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import or_

from app import access, clock
from app.columns import Phrase
from app.extensions import AppSession, db, record
from app.views.base import copied, paging
from app.views.base.cells import UNWRITTEN, WRITTEN, Cell
from app.views.base.page import Page

CHUNK = 2_000


class Exporting(Page):
    """The part of a generated view that hands its rows out, as far as the reader sees them."""

    model: Any
    query: Any
    key: Any
    title: ClassVar[Phrase]
    narrowed: Any
    base_conditions: Any
    branches: Any
    visible_cells: Any
    _tab_conditions: Any
    _order: Any
    counted: Any
    getter: Any
    shown: Any

    @expose("/export.csv")
    @has_access
    def export(self) -> Response:
        """All rows of the present filter as CSV."""
        conditions, active = self.narrowed(request.args)
        tabs = self._tab_conditions()
        tab = request.args.get("tab", "")
        narrowed = [*conditions, *([tabs[tab]] if tab in tabs else [])]
        kept = active | ({"tab": tab} if tab in tabs else {})
        order = self._order(request.args)
        body = self.by_database(narrowed, order) or self.by_process(narrowed, order)
        try:
            self._note_export([*self.base_conditions(), *narrowed], kept)
        except BaseException:
            body.close()
            raise
        day = f"{clock.local_day(clock.now()):%Y%m%d}"
        name = quote(f"{self.title}-{day}.csv", safe="")
        response = Response(body, mimetype="text/csv")
        # A header holds Latin letters only: a server would break off at a Chinese name.
        names = {"filename": f"{day}.csv", "filename*": f"UTF-8''{name}"}
        response.headers.set("Content-Disposition", "attachment", **names)
        return response

    def _note_export(self, narrowed: Sequence[Any], active: Mapping[str, str]) -> None:
        """That the rows left the platform is on record before the first one does."""
        found = {"all": (self.counted.where(*narrowed), paging.FAR)}
        counts = paging.capped_counts(db.session(), found)
        rows = f"{paging.FAR}+" if counts["all"] > paging.FAR else counts["all"]
        detail = {"list": str(self.title), "filter": dict(active), "rows": rows}
        record("export", kind=self.model.__tablename__, label=str(self.title), detail=detail)

    def by_database(
        self, conditions: Sequence[Any], order: tuple[str, bool]
    ) -> copied.Download | None:
        """The rows as the database writes them; None where it cannot."""
        cells, query = self.written_cells(), self.query
        if db.engine.dialect.name != "postgresql":
            return None
        texts = [self.worded(cell, query.selected_columns) for cell in cells]
        if any(text is None for text in texts):
            return None
        branches = self.branches()
        query = query.where(*([or_(*branches)] if branches else self.base_conditions()))
        column, descending = getattr(self.model, order[0]), order[1]
        query = paging.ordered(query.where(*conditions), column, self.key, descending=descending)
        statement = copied.in_copy(db.session(), query.with_only_columns(*texts))
        _none, address = db.engine.dialect.create_connect_args(db.engine.url)
        address.pop("context", None)  # how the driver reads types, which nobody does here
        head = csv_lines([[str(cell.label) for cell in cells]])
        return copied.Download(f"\ufeff{head}".encode(), address, statement)

    def by_process(self, conditions: Sequence[Any], order: tuple[str, bool]) -> Any:
        """The rows as this process writes them, in chunks by key."""
        return stream_with_context(self._lines(conditions, order, access.actor()))

    def _lines(
        self, conditions: Sequence[Any], order: tuple[str, bool], who: access.Actor
    ) -> Iterator[str]:
        """In a session of their own: the request's is closed before the last one is sent."""
        name, descending = order
        with access.acting_as(who), AppSession(db) as session:
            column, at, branches = getattr(self.model, name), None, self.branches()
            query = self.query.where(*(() if branches else self.base_conditions()), *conditions)
            cells = self.written_cells()
            yield "\ufeff" + csv_lines([[str(cell.label) for cell in cells]])
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            while True:
                page = paging.page(
                    session, query, column, self.key,
                    descending=descending, at=at, size=CHUNK, count=None, branches=branches,
                )  # fmt: skip
                columns = [self._texts(cell, page.rows) for cell in cells]
                yield csv_lines(zip(*columns, strict=True))
                if page.behind is None:
                    return
                at = page.behind

    def written_cells(self) -> list[Cell]:
        """The columns of the list, as far as they hold longer than the day."""
        return [cell for cell in self.visible_cells() if cell.kind not in UNWRITTEN]

    def worded(self, cell: Cell, columns: Any) -> Any:
        """What :meth:`written` says as SQL, from the list's columns by name; None: it cannot.

        A view that says a cell in its own way (``shown``, ``getter``) says it here too.
        """
        return copied.worded(cell, columns[cell.name])

    def written(self, cell: Cell, value: Any) -> str:
        """A value as a file holds it."""
        if value is not None and cell.kind in WRITTEN:
            return WRITTEN[cell.kind](value)
        return str(self.shown(cell, value))

    def _texts(self, cell: Cell, rows: Sequence[Any]) -> Sequence[str]:
        """A column of a chunk; a value that stands in many rows is put into words once."""
        values = [*map(self.getter(cell), rows)]
        if cell.info.sensitive:
            plain = (access.sees_plain(self.model, row) for row in rows)
            return [
                self.written(cell, value) if seen else str(cell.hide(value))
                for seen, value in zip(plain, values, strict=True)
            ]
        keys = [repr(value) if isinstance(value, (list, dict)) else value for value in values]
        some = dict(zip(keys, values, strict=True))
        known = {key: self.written(cell, value) for key, value in some.items()}
        return [known[key] for key in keys]


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Lines; a cell that a spreadsheet would take for a formula is made text."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([copied.harmless(value) for value in row] for row in rows)
    return buffer.getvalue()
