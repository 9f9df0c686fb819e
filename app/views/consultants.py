"""Service consultants (顾问管理, S4-5…8): lists of an institution and of staff, invitations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import Connection, inspect, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, choices, clock, lifecycle
from app.columns import FieldInfo, Phrase
from app.errors import DomainError, Problem
from app.extensions import db
from app.models import Consultant, ConsultantLink, Invitation
from app.services import consultants
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.typed import clean, is_key, plain_code
from app.views.base.view import Answer

WHY = "a number in the list, the services of the institution"
AT_ONCE = 100
PAST = 20
INVITED_BY: dict[str, Phrase] = {
    "none": _l("Invite"),
    "expired": _l("Invite again"),
    "invited": _l("Send the invitation again"),
    "unlinked": _l("Invite anew"),
}
"""The word on the button that sends a link, by the state that it leads on from."""
END: dict[str, FieldInfo] = {
    "reason": FieldInfo(_l("Reason"), required=True, choices=choices.UNLINK_REASONS),
    "remark": FieldInfo(_l("Explanation"), kind="long", maximum=200),
}
EndForm = sheet_form(END)


class Shelf(BackOfficeView):
    """What the list of an institution and that of staff have in common."""

    show_columns = (
        "name", "title", "mobile", "email", "photo", "sex", "id_no", "education", "note",
        "specialities", "years", "certificates", "industries", "intro", "achievements",
        "languages", "visible_contact",
    )  # fmt: skip
    order_columns = ("id", "invited_at")
    tab_column = "state"
    show_template = "consultants/show.html"

    def told(self, row: Any) -> dict[str, Any]:
        """The person, and how he came and went (关联记录)."""
        told = super().told(row)
        return told | {"sections": [*told["sections"], *_past(row)], "steps": _steps(row)}


class ConsultantView(Shelf, Sheets):
    """顾问管理 of an institution: add, invite, let go."""

    datamodel = SQLAInterface(Consultant)
    route_base = "/consultants"
    title, new_title = _l("Consultant management"), _l("Add a consultant")
    intro = _l(
        "Add your consultants, then invite those without an account: each gets a link by mail, "
        "completes the profile and serves for you once the platform has approved it."
    )
    list_columns = (
        "name", "specialities", "email", "state", "invited_at", "invited_until",
    )  # fmt: skip
    form_columns = ("name", "mobile", "email", "title", "specialities", "note")
    import_columns = form_columns
    import_keys = ("mobile",)
    filter_columns = ("state", "invited_at")
    base_permissions = [
        *("can_list", "can_show", "can_add", "can_edit", "can_delete", "can_export"),
        "can_invite",
        "can_unlink",
    ]
    exclude_route_methods = Shelf.exclude_route_methods | {"options", "reveal"}

    def base_conditions(self) -> Sequence[Any]:
        """Those of the reader's institution; others show themselves on the portal."""
        return [Consultant.organization_id == access.actor().organization_id]

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        return super()._tools(kept) | {"add_label": _("Add a consultant")}

    def bulk_actions(self) -> Sequence[dict[str, Any]]:
        """邀请 for several at once."""
        if not self.may("invite"):
            return []
        return [{"label": _("Invite"), "url": url_for(".invite_ticked"), "icon": "send"}]

    def row_ticks(self, row: Any) -> bool:
        """Whoever has no account with the institution can be invited (S4-6)."""
        return row.state in INVITED_BY

    def row_may(self, row: Any, verb: str) -> bool:
        """Nothing that happened is deleted."""
        return self.may(verb) and (verb != "delete" or row.state == "none")

    def _line(self, row: Any) -> dict[str, Any]:
        return super()._line(row) | {"actions": list(self._actions(row))}

    def _actions(self, row: Any) -> Iterable[dict[str, Any]]:
        if self.may("invite") and row.state in INVITED_BY:
            url = url_for(".invite", pk=row.id)
            yield {"label": INVITED_BY[row.state], "url": url, "method": "post"}
        if self.may("invite") and row.state == "invited":
            yield {
                "label": _("Take the invitation back"),
                "url": url_for(".take_back", pk=row.id),
                "method": "post",
                "confirm": _("Take the invitation back? The link in the mail works no more."),
            }
        if self.may("unlink") and row.state in choices.SERVING:
            url = url_for(".unlink", pk=row.id)
            yield {"label": _("End the link"), "url": url, "method": "get"}

    def buttons(self, row: Consultant) -> Sequence[dict[str, Any]]:
        """What the list offers, and the form."""
        return [*super().buttons(row), *self._actions(row)]

    # --- the form -------------------------------------------------------------------------

    def new_row(self) -> Consultant:
        """A line of the reader's institution."""
        house = access.actor().organization_id or abort(403)
        return Consultant(organization_id=house, specialities=[])

    def prepare(self, row: Consultant) -> None:
        """Since when he stands in the list."""
        row.organization_id = row.organization_id or access.actor().organization_id or abort(403)
        row.created_at = row.created_at or clock.now()

    def problems(self, row: Consultant, probe: Consultant) -> Sequence[Problem]:
        """A number that stands in the list; services of others."""
        probe.id, house = row.id, access.actor().organization_id or abort(403)
        for name in ("mobile", "specialities"):
            if getattr(probe, name) is None:  # not in this form
                setattr(probe, name, getattr(row, name))
        return consultants.problems(self._rows(), probe, house)

    def save(self, row: Consultant) -> str:
        """Another address voids the link that was sent to the old one (F11)."""
        state: Any = inspect(row)
        moved = state.persistent and state.attrs.email.history.has_changes()
        db.session.add(row)
        db.session.flush()
        flash(_("Saved."), "success")
        if note := self._note(row.email, row.organization_id):
            flash(note, "warning")
        if moved and row.state == "invited":
            consultants.take_back(db.session(), row.id, clock.now())
            flash(_("The invitation to the old address is void. Invite again."), "warning")
        return url_for(".list")

    def readonly_note(self, _row: Consultant) -> str:
        """Who else changes it."""
        return _("Grey fields are the consultant's own: he changes them under My profile.")

    def _form_context(self, *args: Any) -> dict[str, Any]:
        house = access.actor().organization_id or abort(403)
        context = only_services(super()._form_context(*args), self._rows(), house)
        for section in context["sections"]:
            for drawn in section["fields"]:
                if drawn.name == "email" and not drawn.readonly:
                    drawn.remarks = url_for(".address")
        return context

    def remarks(self, probe: Consultant) -> Sequence[Problem]:
        """That the address of a row in a sheet is somebody's who is known here."""
        house = access.actor().organization_id or abort(403)
        note = self._note(probe.email, house)
        return [Problem("email", note)] if note else []

    def _note(self, email: str | None, house: int) -> Phrase | None:
        rule = current_app.extensions["profile"].consultants
        return consultants.address_note(self._rows(), email, house, rule, clock.now())

    @expose("/address/", methods=["POST"])
    @has_access
    @permission_name("add")
    def address(self) -> Any:
        """What an institution should know of an address that it is typing."""
        house = access.actor().organization_id or abort(403)
        note = self._note(plain_code(clean(request.form.get("typed", "")))[:120], house)
        db.session.commit()
        return jsonify({"said": str(note or "")})

    @expose("/delete/<pk>/", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> BaseResponse:
        """A line that nobody was invited by."""
        if self.row_or_404(pk, to_write=True).state != "none":
            flash(_("Only somebody who was never invited can be deleted."), "warning")
            return redirect(url_for(".list"))
        answer: BaseResponse = super().delete(pk)
        return answer

    # --- inviting -------------------------------------------------------------------------

    @expose("/invite/", methods=["POST"])
    @has_access
    @permission_name("invite")
    def invite_ticked(self) -> BaseResponse:
        """邀请: a link to each of the ticked ones; all of them or nobody."""
        keys = {int(key) for key in request.form.getlist("id")[:AT_ONCE] if is_key(key)}
        query = select(Consultant.id, Consultant.name, Consultant.state)
        ours = query.where(Consultant.id.in_(keys), *self.base_conditions())
        writable = access.condition(access.actor(), Consultant)
        rows = db.session.execute(ours.where(writable).order_by(Consultant.id)).all()
        free = [(row.id, row.name) for row in rows if row.state in INVITED_BY]
        if not free:
            flash(_("Tick consultants without an account, then invite them."), "warning")
            return redirect(url_for(".list"))
        return self._invite(free)

    @expose("/invite/<pk>/", methods=["POST"])
    @has_access
    @permission_name("invite")
    def invite(self, pk: str) -> BaseResponse:
        """邀请, 重新邀请, 再次邀请: a new link; the one before is void."""
        row = self.row_or_404(pk, to_write=True)
        return self._invite([(row.id, row.name)])

    def _invite(self, chosen: Sequence[tuple[int, str]]) -> BaseResponse:
        rule = current_app.extensions["profile"].consultants
        asked = ""
        try:
            for key, name in chosen:
                asked = name
                consultants.invite(db.session(), key, rule, clock.now())
            db.session.commit()
        except DomainError as refusal:
            db.session.rollback()
            flash(_("%(name)s: %(text)s Nobody was invited.", name=asked, text=refusal), "warning")
        else:
            flash(
                ngettext(
                    "%(num)d invitation is on its way; the link works for %(days)s days.",
                    "%(num)d invitations are on their way; the links work for %(days)s days.",
                    len(chosen),
                    days=rule.invitation_days,
                ),
                "success",
            )
        return redirect(url_for(".list"))

    @expose("/take-back/<pk>/", methods=["POST"])
    @has_access
    @permission_name("invite")
    def take_back(self, pk: str) -> BaseResponse:
        """撤回邀请."""
        row = self.row_or_404(pk, to_write=True)
        try:
            consultants.take_back(db.session(), row.id, clock.now())
            db.session.commit()
            flash(_("The invitation was taken back."), "success")
        except DomainError as refusal:
            db.session.rollback()
            flash(str(refusal), "warning")
        return redirect(url_for(".list"))

    # --- letting go -----------------------------------------------------------------------

    @expose("/unlink/<pk>/", methods=["GET", "POST"])
    @has_access
    def unlink(self, pk: str) -> Answer:
        """解除关联, by the institution alone and at once (S4-8)."""
        row = self.row_or_404(pk, to_write=True)
        if row.state not in choices.SERVING:
            flash(_("This consultant is not linked to you."), "warning")
            return redirect(url_for(".list"))
        key, name = row.id, row.name
        form = EndForm(request.form if request.method == "POST" else None)

        def act() -> str:
            reason, remark = form["reason"].data, form["remark"].data or ""
            consultants.unlink(db.session(), key, reason, remark, clock.now())
            flash(_("The link to %(name)s has ended.", name=name), "success")
            return url_for(".list")

        title = _("End the link: %(name)s", name=name)
        intro = _(
            "From that moment the consultant can no longer act for your institution; "
            "his open demands return to it."
        )
        words_ = Words(title, _("End the link"), url_for(".list"), self.crumbs((title, "")), intro)
        return self.sheet(form, words_, list, act)

    def _rows(self) -> Connection:
        return access.elevated(db.session(), WHY)


class AllConsultantsView(Shelf):
    """服务顾问: those of all institutions, for staff."""

    datamodel = SQLAInterface(Consultant)
    route_base = "/all-consultants"
    title = _l("Service consultants")
    list_columns = (
        "name", "organization", "specialities", "email", "state", "invited_at", "linked_at",
    )  # fmt: skip
    show_columns = ("organization", *(name for name in Shelf.show_columns if name != "note"))
    filter_columns = ("organization", "state", "linked_at")
    order_columns = ("id", "linked_at")
    base_permissions = ["can_list", "can_show", "can_export", "can_reveal"]
    include_route_methods = {"list", "show", "export", "options", "reveal"}

    def row_may(self, _row: Any, verb: str) -> bool:
        """Staff look; the institution and the person change."""
        return verb in {"list", "show"} and self.may(verb)


class InvitationView(BackOfficeView):
    """邀请记录: who was invited by whom, and what came of it."""

    datamodel = SQLAInterface(Invitation)
    route_base = "/invitations"
    title = _l("Invitations")
    list_columns = (
        "consultant", "organization", "email", "number", "state", "created_at", "expires_at",
        "used_at", "sent_by",
    )  # fmt: skip
    filter_columns = ("organization", "created_at")
    order_columns = ("id",)
    tab_column = "state"
    search_column = "consultant.search_text"
    link_column = ""
    base_permissions = ["can_list", "can_show", "can_export", "can_reveal"]
    include_route_methods = {"list", "export", "options", "reveal"}

    def row_url(self, _row: Any) -> str | None:
        """All that is known of one stands in its line."""
        return None

    def row_may(self, _row: Any, _verb: str) -> bool:
        """A record."""
        return False


def only_services(context: dict[str, Any], rows: Connection, house: int) -> dict[str, Any]:
    """The form, its specialities out of the services of one institution."""
    known = consultants.services_of(rows, house)
    for section in context["sections"]:
        for drawn in section["fields"]:
            if drawn.name == "specialities" and not drawn.readonly:
                groups = ((g, [i for i in items if i[0] in known]) for g, items in drawn.choices)
                drawn.choices = [(group, items) for group, items in groups if items]
    return context


def _past(row: Consultant) -> Iterable[dict[str, Any]]:
    """The periods of service, the newest first."""
    mine = select(ConsultantLink).where(ConsultantLink.consultant_id == row.id)
    links = db.session.scalars(mine.order_by(ConsultantLink.id.desc()).limit(PAST)).all()
    if not links:
        return
    names = ("linked_at", "ended_at", "reason", "remark", "ended_by")
    cells = [cell_at(ConsultantLink, name) for name in names]
    shown = [[cell.show(getattr(link, cell.path)) for cell in cells] for link in links]
    table = Shown("", heads=[cell.label for cell in cells], rows=shown)
    cell = Cell("links", FieldInfo(_l("Periods of service")), "rows", None)
    yield {"title": _("History of the link"), "items": [(cell, table)]}


def _steps(row: Consultant) -> Sequence[dict[str, Any]]:
    """What happened to the line, the newest first."""
    return [
        {
            "title": str(consultants.LIFE.steps[event.action].label),
            "at": local_time(event.at),
            "who": event.actor_name,
            "opinion": event.opinion,
        }
        for event in lifecycle.history(db.session(), Consultant, row.id)[:PAST]
    ]
