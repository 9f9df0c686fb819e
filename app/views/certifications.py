"""Enterprise certification (S2-3) and changes of certified data (S1-7), for firms and reviewers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from flask import current_app, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, case, inspect, select

from app import access, clock
from app.choices import CERTIFIED
from app.columns import FieldInfo, Phrase
from app.errors import Problem
from app.extensions import db
from app.models import Attachment, Certification, Organization, OrganizationChange, Region
from app.services import organizations
from app.services.institutions import normal_code
from app.views.base.cells import Cell, Shown, cell_at
from app.views.base.typed import is_key
from app.views.base.view import Answer
from app.views.requests import RequestView, own_title

COPIED = (
    "name", "founded_on", "credit_code", "industry", "legal_person", "registered_capital",
    "staff_count", "region", "address", "website", "licence_file", "contact_name",
    "contact_phone", "contact_email",
)  # fmt: skip
INTRO_LENGTH = 300


class ReviewedView(RequestView):
    """A list that its reviewers work off: what waits longest stands first."""

    base_order = ("submitted_at", "asc")
    order_columns = ("submitted_at", "id")
    tab_column = "state"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        waits = FieldInfo(_l("Waiting for"))
        self.cells = [*self.cells, Cell("waits", waits, "age", self.model.submitted_at)]

    def _list_query(self) -> tuple[Select[Any], dict[str, Any]]:
        query, joined = super()._list_query()
        is_waiting = self.model.state == "in_review"
        return query.add_columns(case((is_waiting, self.model.submitted_at)).label("waits")), joined

    def _tab_conditions(self) -> dict[str, Any]:
        """Drafts are nobody's but their authors', and withdrawn ones are over."""
        offered = super()._tab_conditions()
        return {code: offered[code] for code in ("in_review", "approved", "returned", "refused")}

    def _tabs(
        self, tabs: Mapping[str, Any], tab: str, counts: Mapping[str, int], active: dict[str, str]
    ) -> Sequence[dict[str, Any]]:
        names = {"in_review": _("To be reviewed"), "approved": self.approved_label()}
        names["returned"] = _("Sent back")
        drawn = super()._tabs(tabs, tab, counts, active)
        return [entry | {"label": names.get(entry["value"], entry["label"])} for entry in drawn]

    def approved_label(self) -> str:
        """What an approved request is called among the tabs."""
        return _("Approved")

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Members come by their own page, staff by the list."""
        if self.may("list"):
            return super().crumbs(*more)
        own = (own_title(self), url_for("MyOrganizationView.show"))
        return [(_("Workbench"), url_for("WorkbenchView.show")), own, *more]


class CertificationView(ReviewedView):
    """企业认证: the form of the firm, or of the operator on its behalf (代录), and the list."""

    datamodel = SQLAInterface(Certification)
    route_base = "/certifications"
    flow = "certification"
    title = _l("Enterprise certification")
    list_columns = (
        "name", "credit_code", "filed_as", "region", "industry", "state", "submitted_at",
    )  # fmt: skip
    extra_columns = ("case.number",)
    form_columns = (
        "name", "founded_on", "credit_code", "industry", "legal_person", "registered_capital",
        "staff_count", "region", "address", "website", "intro",
        "contact_name", "contact_phone", "contact_email",
        "licence_file", "authorisation", "true_statement",
    )  # fmt: skip
    show_columns = (*form_columns, "filed_as", "filed_by")
    filter_columns = ("region", "industry", "filed_as", "submitted_at")

    def approved_label(self) -> str:
        """已认证."""
        return _("Certified")

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A firm certifies when it is not yet, or not for long any more."""
        own = self._firm()
        if access.actor().kind == "member":
            if own is None or not may_certify(own):
                flash(_("Your organization is certified, or its certification is under way."))
                return redirect(url_for("MyOrganizationView.show"))
            last = self._open(own.id)
            if last is not None:
                return redirect(self.case_url(last))
        return self.form_page(self.new_row())

    def _open(self, organization_id: int) -> Certification | None:
        """The request that waits for its decision or its correction."""
        waiting = select(Certification).where(
            Certification.organization_id == organization_id,
            Certification.state.in_(("in_review", *access.rules.EDITABLE)),
        )
        return db.session.scalar(waiting.order_by(Certification.id.desc()).limit(1))

    def _firm(self) -> Organization | None:
        """Whom the form is about: one's own organization, or the one that staff came from."""
        if access.actor().kind != "staff":
            return self.own_organization()
        key = request.args.get("organization", "")
        wanted = select(Organization).where(Organization.id == (int(key) if is_key(key) else 0))
        return db.session.scalar(wanted)

    def new_row(self) -> Certification:
        """What the organization has on file stands in the form already."""
        row = Certification(filed_as="enterprise")
        firm = self._firm()
        for name in COPIED if firm else ():
            setattr(row, name, getattr(firm, name))
        if firm and firm.intro:
            row.intro = firm.intro[:INTRO_LENGTH]
        if firm:
            row.organization_id = firm.id
        return row

    def draft_key(self, row: Certification) -> str:
        """One draft for each firm that staff file for."""
        key = super().draft_key(row)
        by_staff = access.actor().kind == "staff" and key.endswith("-new")
        return f"{key}-{row.organization_id}" if by_staff and row.organization_id else key

    def prepare(self, row: Certification) -> None:
        """A firm that staff file for is found by its credit code, or entered with it."""
        super().prepare(row)
        if access.actor().kind == "staff" and not inspect(row).persistent:
            row.filed_as, row.filed_by = "staff", g.grants.person.last_name
            row.organization_id = organizations.organization_for(db.session(), row)

    def problems(self, row: Certification, probe: Certification) -> Sequence[Problem]:
        """The formal pre-check; a firm that staff enter may be known by its code."""
        if access.actor().kind != "staff" or row.organization_id:
            return super().problems(row, probe)
        code = normal_code(probe.credit_code or "")
        firm = db.session.scalar(select(Organization).where(Organization.credit_code == code))
        row.organization_id = firm.id if firm else 0
        found = [*super().problems(row, probe)]
        row.organization_id = None
        if firm and not may_certify(firm):
            found.append(Problem("credit_code", _("This enterprise is certified already.")))
        return found

    def form_title(self, _row: Certification) -> str:
        """The words of the manual; staff are told that they file for somebody."""
        if access.actor().kind == "staff":
            return _("File a certification on behalf of an enterprise")
        return _("Enterprise certification")

    def _tabs(
        self, tabs: Mapping[str, Any], tab: str, counts: Mapping[str, int], active: dict[str, str]
    ) -> Sequence[dict[str, Any]]:
        drawn = super()._tabs(tabs, tab, counts, active)
        if not self.appbuilder.sm.has_access("can_list", "OrganizationChangeView"):
            return drawn
        changes = {"value": "changes", "label": _("Changes of data"), "count": ""}
        url = url_for("OrganizationChangeView.list")
        return [*drawn, changes | {"url": url, "active": False}]


def may_certify(row: Organization) -> bool:
    """Whether a firm may ask for its certification now: it has none, or not for long."""
    days = max(current_app.extensions["profile"].limits.expiry_reminder_days)
    today = clock.local_day(clock.now())
    return row.certification not in CERTIFIED or organizations.may_renew(
        row.certified_until, today, days
    )


class OrganizationChangeView(ReviewedView):
    """信息变更: certified data as proposed; what is shown of it is what differs."""

    datamodel = SQLAInterface(OrganizationChange)
    route_base = "/organization-changes"
    flow = "organization_change"
    title = _l("Change of data")
    list_columns = ("name", "credit_code", "region", "state", "submitted_at")
    extra_columns = ("case.number",)
    form_columns = (
        "name", "credit_code", "legal_person", "founded_on", "registered_capital", "industry",
        "region", "address", "licence_file", "reason", "proofs",
    )  # fmt: skip
    show_columns = ("reason", "proofs")
    filter_columns = ("region", "submitted_at")
    intro = _l("The present data stays valid until the change is approved.")

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """One change at a time, of what is certified."""
        own = self.own_organization()
        if own is None or own.certification != "certified":
            flash(_("Certified data is changed here, one change at a time."))
            return redirect(url_for("MyOrganizationView.show"))
        return self.form_page(self.new_row())

    def new_row(self) -> OrganizationChange:
        """The present data, to be corrected."""
        row, own = OrganizationChange(before={}), self.own_organization()
        for name in self.form_columns[:-2] if own else ():
            setattr(row, name, getattr(own, name))
        return row

    def sections_of(self, row: OrganizationChange, *, plain: bool = False) -> Sequence[Any]:
        """What differs, field by field, before the reason and the proofs."""
        lines = list(difference(row))
        shown = Shown("", heads=[_("Field"), _("Before"), _("After")], rows=lines)
        cell = Cell("difference", FieldInfo(_l("What changes")), "rows", None)
        return [
            {"title": _("What changes"), "items": [(cell, shown)]},
            *super().sections_of(row, plain=plain),
        ]

    def form_title(self, _row: OrganizationChange) -> str:
        """The words of the manual."""
        return _("Change of data")


def difference(row: OrganizationChange) -> Iterator[list[Shown]]:
    """Label, old and new value of every column that a submitted change touches."""
    after = organizations.proposed(row)
    for name in organizations.difference(row.before, after):
        cell = cell_at(OrganizationChange, name.removesuffix("_id"))
        old, new = (_value(cell, name, values[name]) for values in (row.before, after))
        yield [Shown(str(cell.label)), old, new]


RELATED: Mapping[str, type[Any]] = {"region_id": Region, "licence_file_id": Attachment}


def _value(cell: Cell, name: str, kept: Any) -> Shown:
    """A kept value as the page shows it; of a file that is no longer the reader's, nothing."""
    if name in RELATED and kept is not None:
        model = RELATED[name]
        same: ColumnElement[bool] = model.id == kept
        return cell.show(db.session.scalar(select(model).where(same)))
    if name == "founded_on" and kept:
        return cell.show(date.fromisoformat(kept))
    return cell.show(kept)
