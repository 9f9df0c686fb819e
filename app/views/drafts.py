"""Drafts: what somebody typed is kept at the server until the form is sent."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, request
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import access, clock
from app.extensions import db
from app.models import Draft
from app.views.base import Page
from app.views.base.typed import clean
from app.views.frame import local_path

FORM = re.compile(r"[a-z][a-z-]{0,58}-(new|\d{1,18})")
MAX_ENTRIES = 2_000
MAX_CHARACTERS = 200_000
PRIVATE = ("password", "csrf_token", "captcha")


class DraftView(Page):
    """``/drafts/<form>``: one draft per person and form; the form page reads it."""

    route_base = "/drafts"

    @expose("/<form>", methods=["PUT"])
    def keep(self, form: str) -> Any:
        """Replace the draft by ``[[name, value], …]``; answers when it was saved."""
        if not current_user.is_authenticated:
            return {
                "error": _("Your login has ended. Log in again; the page keeps what you typed.")
            }, 401
        entries = _entries(_sent())
        if entries is None or not FORM.fullmatch(form):
            return {"error": _("The draft could not be read, so it was not saved.")}, 400
        now = clock.now()
        try:
            self._store(form, entries, now)
        except IntegrityError:  # another window of the same person was first: now it is known
            db.session.rollback()
            self._store(form, entries, now)
        return {"saved_at": now.astimezone(clock.SHANGHAI).strftime("%H:%M")}

    def _store(self, form: str, entries: list[list[str]], now: datetime) -> None:
        user_id = access.actor().user_id
        mine = select(Draft).where(Draft.form == form, Draft.user_id == user_id)
        draft = db.session.scalar(mine) or Draft(user_id=user_id, form=form)
        draft.entries, draft.saved_at = entries, now
        db.session.add(draft)
        db.session.commit()

    @expose("/<form>/discard/", methods=["POST"])
    def discard(self, form: str) -> Any:
        """Throw the draft away; back to the form as it was without it."""
        if not FORM.fullmatch(form):
            abort(404)
        mine = select(Draft).where(Draft.form == form, Draft.user_id == access.actor().user_id)
        draft = db.session.scalar(mine)
        if draft is not None:
            db.session.delete(draft)
            db.session.commit()
            flash(_("The draft was discarded."), "success")
        return redirect(local_path(request.referrer or ""))


def _sent() -> Any:
    """The JSON of the request; None for anything else."""
    try:
        return request.get_json(silent=True)
    except RecursionError:  # thousands of brackets
        return None


def _entries(sent: Any) -> list[list[str]] | None:
    """Names and values worth keeping; None when it is no such list or too much."""
    if not isinstance(sent, list) or len(sent) > MAX_ENTRIES:
        return None
    kept: list[list[str]] = []
    for pair in sent:
        match pair:
            case [str(name), str(value)]:
                pass
            case _:
                return None
        if not name.startswith(PRIVATE):
            kept.append([name[:120], clean(value)])
    size = sum(len(value) for _name, value in kept)
    return kept if size <= MAX_CHARACTERS else None
