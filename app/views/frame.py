"""What every page shares: the words of the site, icons, assets, language, errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    g,
    has_request_context,
    redirect,
    render_template,
    request,
    session,
)
from flask_babel import get_locale, gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from app import audit, clock
from app.access import AccessError
from app.errors import DomainError
from app.extensions import db
from app.messages import UNREAD_CAP
from app.services import limits
from app.storage import megabytes
from app.views.base import drawing
from app.views.base.cells import local_time

FORMS_OF_STRANGERS = {
    "AccountView.login", "RegistrationView.register",
    "ForgottenView.ask", "ForgottenView.prove", "ForgottenView.renew", "AnswerView.answer",
}  # fmt: skip
DENIALS, DENIALS_SECONDS = 30, 60
"""So many denials of one reader within that time are written into the audit log."""


def locale() -> str:
    """The reader's language; Chinese whatever the browser says, until another is chosen."""
    return str(session.get("locale", "zh")) if has_request_context() else "zh"


class Reader:
    """The signed-in person, as the frame shows them."""

    def __init__(self, grants: Any, roles: dict[str, Any]) -> None:
        self.name = str(grants.person)
        self.organization_name = grants.organization_name
        held = sorted(role for role in grants.actor.roles if role in roles)
        between = "、" if locale() == "zh" else ", "
        self.role_title = between.join(str(roles[role].title) for role in held)


def unread() -> str:
    """The figure on the bell; nothing when everything was read."""
    count = g.get("unread") or 0
    return f"{UNREAD_CAP - 1}+" if count >= UNREAD_CAP else str(count or "")


def local_path(address: str) -> str:
    """The path of an address on this site; the portal for anything else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    if parts.netloc and parts.netloc != request.host:
        return "/"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def install(app: Flask) -> None:
    """Globals of the templates, the language switch and the pages for errors."""
    _share(app)
    app.after_request(_keep_private)
    _answer_refusals(app)
    _answer_faults(app)


def _share(app: Flask) -> None:
    profile = app.extensions["profile"]
    drawing.install(app, site=profile.site, local_time=local_time, megabytes=megabytes)

    @app.context_processor
    def shared() -> dict[str, Any]:
        grants = g.get("grants")
        known = grants is not None and grants.person is not None
        return {
            "locale": str(get_locale() or "zh"),
            "me": Reader(grants, profile.roles) if known else None,
            "unread": unread(),
        }

    @app.get("/lang/<code>")
    def language(code: str) -> Any:
        if code not in app.config["LANGUAGES"]:
            return refused(404, _("This language is not available."), "")
        session["locale"] = code
        return redirect(local_path(request.referrer or ""))


def _keep_private(response: Response) -> Response:
    """No browser and no proxy keeps what a signed-in reader saw, nor a form that lets one in."""
    grants = g.get("grants")
    known = grants is not None and grants.person is not None
    if known or request.endpoint in FORMS_OF_STRANGERS:
        response.headers["Cache-Control"] = "no-store"
    return response


def _answer_refusals(app: Flask) -> None:
    @app.errorhandler(AccessError)
    def denied(error: AccessError) -> Any:
        app.logger.warning("refused: %s (%s %s)", error, request.method, request.path)
        _note_denial()
        return refused(
            403, _("You have no access to this."), _("Go back, or ask the platform for the right.")
        )

    @app.errorhandler(DomainError)
    def broken_rule(error: DomainError) -> Any:
        return refused(409, str(error.problem), str(error.remedy))

    @app.errorhandler(StaleDataError)
    def changed_meanwhile(_error: StaleDataError) -> Any:
        problem = _("Somebody else has changed this record meanwhile.")
        return refused(409, problem, _("Go back, look at it again, then repeat what you did."))

    @app.errorhandler(CSRFError)
    def stale_form(_error: CSRFError) -> Any:
        problem = _("This form is too old, or your login has ended.")
        return refused(400, problem, _("Open the page again, then send the form once more."))


def _note_denial() -> None:
    """One line for what a signed-in reader was denied; a flood of them is not written down."""
    grants = g.get("grants")
    if grants is None or grants.person is None:
        return
    db.session.rollback()
    with db.engine.begin() as rows:
        key, now = f"denied:{grants.person.id}", clock.now()
        if limits.spend(rows, key, DENIALS, DENIALS_SECONDS, now) is None:
            path = f"{request.method} {request.path}"
            audit.note_on(rows, "denied", kind="page", label=path, result="denied")


def _answer_faults(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:  # noqa: PLR2004 - redirects are answers
            return error
        if error.code == 403:  # noqa: PLR2004 - as HTTP numbers it
            _note_denial()
        problem, remedy = HTTP_WORDS.get(error.code, HTTP_WORDS[400])()
        wait = getattr(error, "retry_after", None)
        return *refused(error.code, problem, remedy), {"Retry-After": str(wait)} if wait else {}

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Any:
        app.logger.exception("fault on %s %s", request.method, request.path)  # noqa: LOG004
        if app.testing:
            raise error
        problem = _("Something went wrong on our side; it has been logged.")
        return refused(500, problem, _("Try again in a few minutes."))


HTTP_WORDS = {
    400: lambda: (_("The request could not be understood."), _("Go back and try again.")),
    403: lambda: (
        _("You have no access to this."),
        _("Go back, or ask the platform for the right."),
    ),
    404: lambda: (
        _("There is no such page."),
        _("Check the address, or start from the home page."),
    ),
    405: lambda: (_("This page does not take such a request."), _("Go back and use the buttons.")),
    413: lambda: (_("What was sent is too large."), _("Choose a smaller file.")),
    429: lambda: (
        _("Too many requests came from your network address."),
        _("Wait a minute, then try again."),
    ),
}


def refused(code: int, problem: Any, remedy: Any) -> tuple[Any, int]:
    """An error page, or JSON for the scripts of the forms; the transaction is given up."""
    db.session.rollback()
    by_script = request.path.startswith(("/files/", "/drafts/")) or request.path.endswith("/code/")
    if by_script and request.method != "GET":
        return {"error": f"{problem} {remedy}".strip()}, code
    page = render_template(
        "errors/error.html", code=code, problem=problem, remedy=remedy, home_url="/", sidebar=""
    )
    return page, code
