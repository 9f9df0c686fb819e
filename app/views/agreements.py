"""协议管理: versions of the agreements, written by staff; and the page that asks to accept them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock
from app.columns import FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Agreement
from app.services import consents
from app.views.base import BackOfficeView, Page
from app.views.base.cells import Cell, Shown
from app.views.frame import local_path


class AgreementView(BackOfficeView):
    """Drafts are edited, published versions are read; the newest published one is in force."""

    datamodel = SQLAInterface(Agreement)
    route_base = "/agreements"
    title = _l("Agreement management")
    list_columns = ("title", "document", "number", "state", "published_at", "published_by")
    show_columns = (
        "document", "number", "title", "state", "published_at", "published_by",
        "body", "title_en", "body_en",
    )  # fmt: skip
    form_columns = ("document", "number", "title", "body", "title_en", "body_en")
    filter_columns = ("document",)
    order_columns = ("id", "published_at")
    tab_column = "state"
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_delete", "can_publish"]
    include_route_methods = {"list", "show", "add", "edit", "delete", "publish", "options"}

    def new_row(self) -> Agreement:
        """A draft."""
        return Agreement(created_at=clock.now())

    def row_may(self, row: Any, verb: str) -> bool:
        """Only a draft is edited or deleted."""
        return row.state == "draft" and super().row_may(row, verb)

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """A version is two numbers, and every version of a document stands once."""
        del row
        if probe.number and not consents.VERSION.fullmatch(probe.number):
            return [Problem("number", _("Write two numbers with a dot, like 1.2."))]
        return []

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """A draft may be published."""
        if row.state != "draft" or not self.may("publish"):
            return super().buttons(row)
        publish = {
            "label": _("Publish"),
            "url": url_for(".publish", pk=row.id),
            "icon": "speakerphone",
            "method": "post",
            "primary": True,
            "confirm": _(
                "Publish this version? It cannot be changed any more, and everybody is asked "
                "to accept it."
            ),
        }
        return [{**button, "primary": False} for button in super().buttons(row)] + [publish]

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """The version, and how many accepted it."""
        sections = list(super().sections_of(row, plain=plain))
        if row.state == "published":
            rows = access.elevated(db.session(), "who accepted is counted, not named")
            count, people = consents.accepted_by(rows, row)
            cell = Cell("accepted", FieldInfo(_l("Accepted by")), "text", None)
            said = _("%(count)d of %(people)d accounts in use", count=count, people=people)
            sections[0]["items"].append((cell, Shown(said)))
        return sections

    @expose("/publish/<pk>/", methods=["POST"])
    @has_access
    @permission_name("publish")
    def publish(self, pk: str) -> BaseResponse:
        """Put a draft in force, for good."""
        row = self.row_or_404(pk, to_write=True)
        key, who = row.id, access.actor()
        rows = access.elevated(db.session(), "a version in force is written by nobody")
        consents.publish(rows, key, who.user_id, clock.now())
        db.session.commit()
        flash(_("Published. Everybody is asked to accept it at the next page."), "success")
        return redirect(url_for(".show", pk=key))


class ConsentView(Page):
    """``/accept/``: what stands between a reader and all other pages until it is accepted."""

    route_base = "/accept"

    @expose("/", methods=["GET", "POST"])
    def accept(self) -> Any:
        """Both texts as far as they are new, one button; logging out is the other way."""
        asked = g.grants.unaccepted
        target = local_path(request.values.get("next", ""))
        if not asked:
            return redirect(target)
        error = ""
        if request.method == "POST":
            named = {tuple(said.partition(" ")[::2]) for said in request.form.getlist("version")}
            if named >= set(asked):
                rows = access.elevated(db.session(), "a consent is written once, by its giver")
                consents.accept(rows, g.grants.actor.user_id, asked, clock.now())
                db.session.commit()
                return redirect(target)
            error = _("Tick that you accept what is written here, or log out.")
        page = render_template(
            "users/accept.html",
            sidebar="",
            title=_("Please accept the new version"),
            texts=[
                {"version": row.number, "key": f"{row.document} {row.number}",
                 "text": consents.text_of(row), "since": row.published_at}
                for row in consents.unread(db.session(), asked)
            ],
            target=target,
            error=error,
        )  # fmt: skip
        return page, 400 if error else 200
