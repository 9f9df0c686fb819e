"""What was typed into a form and not sent yet (草稿): kept for its author, listed above rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import inspect, or_, select
from werkzeug.datastructures import MultiDict

from app import access
from app.extensions import db
from app.models import Draft
from app.views.base.cells import local_time
from app.views.base.page import Page

SHOWN = 5


class Drafting(Page):
    """The part of a generated view that knows the drafts of its forms."""

    form_columns: Any

    def drafts(self) -> Sequence[dict[str, str]]:
        """What the reader typed into forms of this list and did not send, the newest first."""
        forms = self.draft_forms()
        if not forms:
            return []
        mine = or_(*(Draft.form.startswith(f"{name}-") for name in forms))
        query = select(Draft.form, Draft.saved_at).where(Draft.user_id == access.actor().user_id)
        found = db.session.execute(query.where(mine).order_by(Draft.saved_at.desc()).limit(SHOWN))
        lines = []
        for row in found:
            name, _dash, key = row.form.rpartition("-")
            if name in forms and (url := self.draft_url(name, key)):
                lines.append({"form": row.form, "url": url, "when": local_time(row.saved_at)})
        return lines

    def draft_forms(self) -> Sequence[str]:
        """The forms of this list, as drafts name them: see :meth:`draft_key`."""
        able = self.form_columns and (self.may("add") or self.may("edit"))
        return [self.route_base.strip("/").replace("_", "-")] if able else []

    def draft_url(self, _name: str, key: str) -> str:
        """The form that a draft belongs to; empty when the reader may not open it."""
        if key == "new":
            return url_for(".add") if self.may("add") else ""
        return url_for(".edit", pk=key) if self.may("edit") else ""

    def draft_key(self, row: Any) -> str:
        """The name under which an unsent form of this row is kept for its author."""
        state = inspect(row)
        name = self.route_base.strip("/").replace("_", "-")
        return f"{name}-{row.id if state.persistent else 'new'}"


def draft_of(key: str) -> Draft | None:
    """The reader's own draft of a form; see :meth:`Drafting.draft_key`."""
    mine = select(Draft).where(Draft.form == key, Draft.user_id == access.actor().user_id)
    return db.session.scalar(mine)


def as_typed(draft: Draft | None) -> MultiDict[str, str] | None:
    """A draft as though its form had been sent: names may come more than once."""
    return MultiDict([(name, value) for name, value in draft.entries]) if draft else None


def draft_note(draft: Draft) -> str:
    """That the form shows what was typed before."""
    when = local_time(draft.saved_at)
    return _("Your draft of %(when)s was restored; it has not been sent yet.", when=when)
