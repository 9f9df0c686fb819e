"""Records of contacts (对接记录, button 维护): who spoke with the enterprise, with what result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flask import abort, flash, g, jsonify, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import access, clock
from app.choices import CONTACT_RESULTS
from app.errors import Problem
from app.extensions import db
from app.models import Consultant, ContactFile, Demand, DemandContact
from app.tables.demands import CONTACT, NEED
from app.views.base import BackOfficeView
from app.views.base.cells import cell_at
from app.views.base.typed import clean, is_key
from app.views.base.view import OPTION_COUNT, Answer
from app.views.office import office

MOST_CONSULTANTS, MOST_TALKS = 200, 100
TOLD = ("at", "channel", "person_name", "met", "result", "summary", "next_step", "next_at", "files")


class DemandContactView(BackOfficeView):
    """维护: one more record of a contact (对接记录)."""

    datamodel = SQLAInterface(DemandContact)
    route_base = "/demand_contacts"
    title = _l("Records of contacts")
    base_permissions = ["can_add"]
    include_route_methods = {"add", "options"}
    edit_template = "demand/contact.html"
    form_columns = (
        "at", "channel", "consultant", "met", "result", "summary", "next_step", "next_at",
        "amount", "lost_reason", "files",
    )  # fmt: skip
    show_columns = TOLD

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """For the demand that the address names."""
        self._demand()
        return self.form_page(self.new_row())

    def _demand(self) -> Demand:
        key = request.args.get("demand", "")
        mine = Demand.id == (int(key) if is_key(key) else 0), Demand.organization_id == house()
        return db.session.scalar(select(Demand).where(*mine)) or abort(404)

    def new_row(self) -> DemandContact:
        """By telephone, now."""
        return DemandContact(at=clock.now().replace(second=0, microsecond=0), channel="phone")

    def form_title(self, _row: DemandContact) -> str:
        """What was asked stands above the form."""
        return _("Maintain: %(name)s", name=self._demand())

    def submit_label(self, _row: DemandContact) -> str:
        """The word on the button."""
        return _("Save the record")

    def draft_key(self, _row: DemandContact) -> str:
        """One draft for each demand."""
        return f"demand-contact-{self._demand().id}"

    def _form_context(self, *args: Any) -> dict[str, Any]:
        demand = self._demand()
        url = url_for("DemandView.show", pk=demand.id)
        crumbs = [
            (_("Workbench"), url_for("WorkbenchView.show")),
            (_("Demand management"), url_for("DemandView.list")),
            (str(demand), url),
            (_("Maintain"), ""),
        ]
        view = next(v for v in self.appbuilder.baseviews if v.endpoint == "DemandView")
        asked = [s for s in view.sections_of(demand) if s["title"] in {str(NEED), str(CONTACT)}]
        return super()._form_context(*args) | {
            "back_url": url, "crumbs": crumbs, "asked": asked, "talks": talks(demand),
        }  # fmt: skip

    def problems(self, row: DemandContact, probe: DemandContact) -> Sequence[Problem]:
        """What each result needs beside it."""
        del row
        return list(_contact_problems(probe, house(), clock.now()))

    def prepare(self, row: DemandContact) -> None:
        """Who spoke, for whom."""
        demand, who = self._demand(), access.actor()
        row.demand_id, row.organization_id = demand.id, demand.organization_id or abort(404)
        row.user_id, row.created_at = who.user_id or abort(403), clock.now()
        if row.consultant is None and who.consultant_id:
            row.consultant = db.session.get(Consultant, who.consultant_id)
        row.person_name = str(row.consultant or g.grants.person)

    def save(self, row: DemandContact) -> str:
        """The demand moves as the result says."""
        result, demand_id = row.result, row.demand_id
        office().record(row)
        said = _("Saved. The demand is now: %(state)s.", state=CONTACT_RESULTS.of(result).label)
        flash(said if result != "no_answer" else _("Saved."), "success")
        return url_for("DemandView.show", pk=demand_id)

    @expose("/options/<name>/")
    @has_access
    @permission_name("add")
    def options(self, name: str) -> Any:
        """The consultants of the house."""
        if name != "consultant":
            abort(404)
        phrase = clean(request.args.get("q", ""))[:30]
        found = linked(house()).where(Consultant.name.contains(phrase, autoescape=True))
        return jsonify(as_options(db.session.execute(found.limit(OPTION_COUNT))))


def as_options(rows: Any) -> list[dict[str, Any]]:
    """Keys and names as a remote select reads them."""
    return [{"id": key, "text": name} for key, name in rows]


def talks(row: Demand) -> list[dict[str, Any]]:
    """对接记录: what the house, or staff, may read of the talks, the newest first."""
    query = select(DemandContact).where(DemandContact.demand_id == row.id)
    newest = query.order_by(DemandContact.at.desc(), DemandContact.id.desc()).limit(MOST_TALKS)
    files = selectinload(DemandContact.files).joinedload(ContactFile.attachment)
    cells = {name: cell_at(DemandContact, name) for name in TOLD}
    found = []
    for talk in db.session.scalars(newest.options(files)):
        plain = access.sees_plain(DemandContact, talk)
        found.append(
            {
                name: cell.show(getattr(talk, name)) if plain else cell.hide(getattr(talk, name))
                for name, cell in cells.items()
                if getattr(talk, name)
            }
        )
    return found


def house() -> int | None:
    """The institution that the reader answers for."""
    who = access.actor()
    return who.serves_id if who.kind == "consultant" else who.organization_id


def linked(organization_id: int | None) -> Any:
    """A select of the keys and names of those who serve for an institution now."""
    query = select(Consultant.id, Consultant.name).order_by(Consultant.name, Consultant.id)
    return query.where(Consultant.organization_id == organization_id, Consultant.state == "linked")


def consultants_of(organization_id: int | None) -> list[tuple[int, str]]:
    """Whom an institution may put in charge."""
    found = db.session.execute(linked(organization_id).limit(MOST_CONSULTANTS))
    return [(key, name) for key, name in found]


def _contact_problems(typed: DemandContact, house: int | None, now: datetime) -> Iterator[Problem]:
    if typed.at and typed.at > now:
        yield Problem("at", _("The contact cannot lie in the future."))
    if typed.consultant is not None and typed.consultant.organization_id != house:
        yield Problem("consultant", _("Choose one of the list."))
    if typed.result == "following" and not typed.next_step:
        yield Problem("next_step", _("Say what comes next."))
    if typed.result == "following" and (typed.next_at is None or typed.next_at <= now):
        yield Problem("next_at", _("Say when you speak with the enterprise next."))
    if typed.result == "won" and not typed.amount:
        yield Problem("amount", _("Write the amount of the deal."))
    if typed.result in {"lost", "invalid"} and not typed.lost_reason:
        yield Problem("lost_reason", _("Say why it was not won."))
