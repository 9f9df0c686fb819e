"""Personal data on generated pages: masked for all but its owners, shown on request (查看).

Who asks says what for; that he asked is on record before he reads the answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from flask import Response, abort, current_app, flash, jsonify, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _
from sqlalchemy import Connection

from app import access, audit, clock
from app.columns import Phrase
from app.extensions import db
from app.services import limits
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.base.page import Page
from app.views.base.typed import clean

PURPOSE = (2, 200)
HOUR = 3600


class Revealing(Page):
    """The part of a generated view that masks, and that unmasks one value at a time."""

    model: Any
    title: ClassVar[Phrase]
    cells: list[Cell]
    details: list[Cell]
    row_or_404: Any

    def hidden(self, cell: Cell, value: Any, pk: int) -> Shown:
        """``value`` for somebody whose own it is not."""
        shown = cell.hide(value)
        if value in (None, "") or not cell.info.sensitive or shown.text == str(value):
            return shown
        if not self.may("reveal"):
            return shown
        address = url_for(f"{self.endpoint}.reveal", pk=pk, field=cell.path)
        return replace(shown, reveal=address)

    @expose("/reveal/<pk>/<field>/", methods=["POST"])
    @has_access
    def reveal(self, pk: str, field: str) -> Response | tuple[Response, int]:
        """One value in plain text, for a purpose that is kept (forms § 0.1)."""
        offered = {c.path for c in (*self.cells, *self.details) if c.info.sensitive}
        if field not in offered:
            abort(404)
        row = self.row_or_404(pk)
        shortest, longest = PURPOSE
        purpose = clean(request.form.get("purpose", ""))[:longest]
        if len(purpose) < shortest:
            return jsonify(error=_("Say what you need this for.")), 400
        rows = access.elevated(db.session(), "what somebody may still view is counted for all")
        until = _spend_view(rows)
        cell, holder = cell_at(self.model, field), row
        for relation in field.split(".")[:-1]:
            holder = holder and getattr(holder, relation)
        audit.note(
            db.session(),
            "reveal",
            kind=self.model.__tablename__,
            object_id=row.id,
            label=str(row),
            detail={"field": field, "purpose": purpose},
            result="denied" if until else "ok",
        )
        value = getattr(holder, field.rpartition(".")[2], None)
        text = str(cell.show(value))
        db.session.commit()
        if until:
            return jsonify(error=_too_much(until)), 429
        return jsonify(value=text)

    def may_look_up(self, value: str) -> bool:
        """Whether the reader may search for one whole value of what is masked.

        A hit says what 查看 says: it needs the same right, is counted with it and is on record.
        """
        if not self.may("reveal"):
            flash(_("You may not search for numbers: your role does not show them."), "warning")
            return False
        with db.engine.begin() as rows:
            until = _spend_view(rows)
            audit.note_on(
                rows,
                "reveal",
                kind=self.model.__tablename__,
                label=str(self.title),
                detail={"filter": value},
                result="denied" if until else "ok",
            )
        if until:
            flash(_too_much(until), "warning")
        return until is None


def note_reading(kind: str, key: int, label: str) -> None:
    """On record: who reads personal data in plain, or the file of somebody else.

    Once an hour for each reader and record, in a transaction of its own; call it while the
    request holds none, for its reader may be at a page that writes nothing.
    """
    once = f"read:{access.actor().user_id}:{kind}:{key}"
    with db.engine.begin() as rows:
        if limits.spend(rows, once, 1, HOUR, clock.now()) is None:
            audit.note_on(rows, "read", kind=kind, object_id=key, label=label)


def _spend_view(rows: Connection) -> datetime | None:
    """Use one of the views of an hour; None, or until when there are none left."""
    allowed = current_app.extensions["profile"].limits.reveals_per_hour
    return limits.spend(rows, f"reveal:{access.actor().user_id}", allowed, HOUR, clock.now())


def _too_much(until: datetime) -> str:
    return str(
        _(
            "You have viewed too much in the last hour. Go on after %(time)s.",
            time=local_time(until),
        )
    )
