"""Uploads and downloads: a file is reached by its row, never by its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, abort, current_app, request
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError, validate_csrf
from sqlalchemy import func, select
from werkzeug.datastructures import Range
from wtforms import ValidationError

from app import access, clock, storage
from app.errors import DomainError
from app.extensions import csrf, db, talisman
from app.models import Attachment
from app.services import limits
from app.views.base import Page
from app.views.base.cells import local_time
from app.views.base.revealing import note_reading
from app.views.base.typed import is_key

SANDBOX = "sandbox; default-src 'none'"
"""What somebody uploaded runs no script and reaches nothing, whatever it is."""
HOUR, DAY = 3600, timedelta(days=1)
ENVELOPE = 64 * 1024  # what a form adds to the file in it


class FileView(Page):
    """``/files/``: anybody may read what the access rules let them see; members upload."""

    route_base = "/files"

    @expose("/<pk>/")
    @talisman(content_security_policy=SANDBOX, frame_options="SAMEORIGIN")
    def show(self, pk: str) -> Any:
        """The file itself; pictures and PDF in the page, anything else as a download."""
        query = select(Attachment).where(Attachment.id == (int(pk) if is_key(pk) else 0))
        attachment = db.session.scalar(query) or abort(404)
        store: storage.Store = current_app.extensions["store"]
        try:
            size = store.size(attachment.key)
        except FileNotFoundError:
            current_app.logger.exception("attachment %d has no file", attachment.id)
            abort(404)
        if _is_on_record(attachment):
            note_reading("attachment", attachment.id, attachment.name)
        start, end = _wanted(request.range, size)
        response = Response(store.read(attachment.key, start, end), mimetype=attachment.mime)
        response.content_length = end - start
        response.accept_ranges = "bytes"
        if request.range and (start or end < size):
            response.status_code = 206
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        response.headers.update(storage.disposition(attachment))
        return response

    @expose("/", methods=["POST"])
    def upload(self) -> Any:
        """Store one file under a material rule; answers its id, or what is wrong with it.

        Nothing of the body is read before it is known who sends it; that is why the form token
        is looked for in the header alone, and why only this route takes large bodies.
        """
        if not current_user.is_authenticated:
            return {
                "error": _("Your login has ended. Log in again, then choose the file again.")
            }, 401
        _check_token()
        if problem := _spent():
            return {"error": problem}, 429
        if request.mimetype == "multipart/form-data":  # anything else is read in one piece
            request.max_content_length = storage.LARGEST + ENVELOPE
        try:
            attachment = _kept()
        except storage.StoreDown as refusal:
            current_app.logger.exception("an upload could not be stored")
            db.session.rollback()
            return {"error": str(refusal)}, 503
        except DomainError as refusal:
            db.session.rollback()
            return {"error": str(refusal)}, 422
        if attachment is None:
            return {"error": _("No file came with the request. Choose the file again.")}, 400
        return {
            "id": attachment.id,
            "name": attachment.name,
            "size": storage.megabytes(attachment.size),
            "preview": storage.preview(attachment.mime),
        }


csrf.exempt(f"{__name__}.upload")


def _spent() -> str:
    """Count one more upload; why there can be none now, empty when it is granted."""
    now, numbers = clock.now(), current_app.extensions["profile"].limits
    owner_id, table = access.actor().user_id, Attachment.__table__.c
    rows = access.elevated(db.session(), "what somebody may still upload is counted for all")
    until = limits.spend(rows, f"upload:{owner_id}", numbers.uploads_per_hour, HOUR, now)
    stored = select(func.coalesce(func.sum(table.size), 0)).where(
        table.owner_id == owner_id, table.uploaded_at > now - DAY
    )
    is_full = rows.scalar(stored) >= numbers.upload_megabytes_per_day * storage.MEGABYTE
    db.session.commit()
    if until:
        return _("You have uploaded too many files in the last hour. Go on after %(time)s.",
                 time=local_time(until))  # fmt: skip
    if is_full:
        return _("You have uploaded more than %(limit)s MB in the last 24 hours. Go on tomorrow.",
                 limit=numbers.upload_megabytes_per_day)  # fmt: skip
    return ""


def _kept() -> Attachment | None:
    """The row of the file that was sent, committed; None when none was sent under a rule."""
    try:
        rule, sent = storage.RULES.get(request.form.get("rule", "")), request.files.get("file")
    except OSError as fault:  # no room for what is being received
        raise storage.StoreDown from fault
    if rule is None or sent is None:
        return None
    owner_id, store = access.actor().user_id or 0, current_app.extensions["store"]
    with storage.stored(
        store, sent.stream, sent.filename or "", rule, owner_id, clock.now()
    ) as values:
        attachment = Attachment(**values)
        db.session.add(attachment)
        db.session.commit()
    return attachment


def _is_on_record(attachment: Attachment) -> bool:
    """Staff reads what others handed in; logos are public."""
    who = access.actor()
    return who.kind == "staff" and attachment.owner_id != who.user_id and attachment.rule != "logo"


def _check_token() -> None:
    if not current_app.config["WTF_CSRF_ENABLED"]:
        return
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValidationError as fault:
        raise CSRFError(str(fault)) from None


def _wanted(asked: Range | None, size: int) -> tuple[int, int]:
    """The part that a reader asked for, if it is one and there is such a part; else the whole."""
    part = asked.range_for_length(size) if asked and asked.units == "bytes" else None
    start, end = part or (0, size)
    return (start or 0), (size if end is None else end)
