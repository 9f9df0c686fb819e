"""Uploads and downloads: a file is reached by its row, never by its name."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, request, send_file
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from app import access, clock, storage
from app.errors import DomainError
from app.extensions import db, talisman
from app.models import Attachment
from app.views.base import Page
from app.views.base.forms import is_key

SANDBOX = "sandbox; default-src 'none'"
"""What somebody uploaded runs no script and reaches nothing, whatever it is."""


class FileView(Page):
    """``/files/``: anybody may read what the access rules let them see; members upload."""

    route_base = "/files"

    @expose("/<pk>/")
    @talisman(content_security_policy=SANDBOX, frame_options="SAMEORIGIN")
    def show(self, pk: str) -> Any:
        """The file itself; pictures and PDF in the page, anything else as a download."""
        query = select(Attachment).where(Attachment.id == (int(pk) if is_key(pk) else 0))
        attachment = db.session.scalar(query) or abort(404)
        try:
            stream = storage.open_stored(self._folder(), attachment.key)
        except FileNotFoundError:
            current_app.logger.exception("attachment %d has no file", attachment.id)
            abort(404)
        response = send_file(stream, mimetype=attachment.mime, max_age=0)
        response.headers.update(storage.disposition(attachment))
        return response

    @expose("/", methods=["POST"])
    def upload(self) -> Any:
        """Store one file under a material rule; answers its id, or what is wrong with it."""
        if not current_user.is_authenticated:
            return {
                "error": _("Your login has ended. Log in again, then choose the file again.")
            }, 401
        rule, sent = storage.RULES.get(request.form.get("rule", "")), request.files.get("file")
        if rule is None or sent is None:
            return {"error": _("No file came with the request. Choose the file again.")}, 400
        owner_id = access.actor().user_id or 0
        try:
            with storage.stored(
                self._folder(), sent.stream, sent.filename or "", rule, owner_id, clock.now()
            ) as values:
                attachment = Attachment(**values)
                db.session.add(attachment)
                db.session.commit()
        except DomainError as refusal:
            db.session.rollback()
            return {"error": str(refusal)}, 422
        return {"id": attachment.id, "name": attachment.name, "size": attachment.size}

    def _folder(self) -> Any:
        return current_app.extensions["settings"].uploads
