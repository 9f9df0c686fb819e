"""Organizations: the staff's list of them, and a member's own (我的企业, 机构信息)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app import access, clock
from app.choices import CERTIFIED
from app.columns import FieldInfo, Phrase
from app.extensions import db
from app.models import (
    Consultant,
    FlowCase,
    FlowEvent,
    FlowTask,
    Organization,
    OrganizationChange,
    Product,
    ScoreStanding,
)
from app.services.institutions import normal_code
from app.views.accreditations import is_renewable
from app.views.association import may_join
from app.views.base import BackOfficeView, Page
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.certifications import difference, may_certify
from app.views.membership import request_buttons
from app.views.requests import own_title

REGISTRATION = ("name", "credit_code", "region", "address", "industry", "legal_person")
ASSOCIATION = ("association_state", "member_kind", "member_no", "member_since", "member_until")
CERTIFICATION = ("certification", "certified_at", "certified_until", "institution_state")
PRESENTATION = ("short_name", "logo", "institution_kind", "service_categories", "service_area")


FIGURES: Mapping[str, tuple[Phrase, Any, str]] = MappingProxyType(
    {
        "consultants": (
            _l("Number of consultants"),
            select(func.count(Consultant.id))
            .where(Consultant.organization_id == Organization.id, Consultant.state == "linked")
            .correlate(Organization)
            .scalar_subquery(),
            "number",
        ),
        "products": (
            _l("Products on sale"),
            select(func.count(Product.id))
            .where(Product.organization_id == Organization.id, Product.state == "listed")
            .correlate(Organization)
            .scalar_subquery(),
            "number",
        ),
        "score": (
            _l("Activity score"),
            select(ScoreStanding.score)
            .where(ScoreStanding.kind == "institution", ScoreStanding.subject_id == Organization.id)
            .correlate(Organization)
            .scalar_subquery(),
            "money",
        ),
    }
)
"""What an institution has on the platform: label, how it is counted, kind of cell."""


class OrganizationView(BackOfficeView):
    """All organizations for staff; for a member its own record."""

    datamodel = SQLAInterface(Organization)
    route_base = "/organizations"
    title = _l("Enterprise directory")
    list_columns = (
        "name", "credit_code", "region", "institution_kind", "institution_state",
        "certification", "created_at",
    )  # fmt: skip
    form_columns = (
        *REGISTRATION, "founded_on", "registered_capital", "staff_count",
        "contact_name", "contact_phone", "contact_email",
        *PRESENTATION, "intro", "advantages", "website", "service_tel",
        "licence_file", "qualifications",
    )  # fmt: skip
    show_columns = (*form_columns[:6], "in_park", *CERTIFICATION, *ASSOCIATION, *form_columns[6:])
    filter_columns = ("region", "institution_kind", "industry", "created_at")
    order_columns = ("id", "name", "created_at")
    tab_column = "institution_state"
    shows_own_only = True

    def _eager(self, wanted: set[str]) -> Iterator[Any]:
        """Its roles come along: they say what nobody changes."""
        yield from super()._eager(wanted)
        yield joinedload(Organization.roles)

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """Members come by their own page, staff by the list."""
        if self.may("list"):
            return super().crumbs(*more)
        own = (own_title(self), url_for("MyOrganizationView.show"))
        return [(_("Workbench"), url_for("WorkbenchView.show")), own, *more]

    def prepare(self, row: Organization) -> None:
        """A new organization is dated; its code is stored in one spelling."""
        row.credit_code = normal_code(row.credit_code)
        row.created_at = row.created_at or clock.now()

    def sections_of(self, row: Organization, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Of the park and the association only what there is to say."""
        shown = super().sections_of(row, plain=plain)
        unsaid = () if row.in_park else ("in_park",)
        if row.institution_state == "none" and row.association_state == "none":
            unsaid = (*unsaid, *ASSOCIATION)
        kept = (
            {**part, "items": [pair for pair in part["items"] if pair[0].path not in unsaid]}
            for part in shown
        )
        return [part for part in kept if part["items"]]

    def readonly_note(self, row: Organization) -> str:
        """Certified data stays as it was reviewed, an authority where it is."""
        if row.is_authority:
            return _("The region of an authority is fixed: it is what its accounts see.")
        return _("Grey fields are certified: they are changed by an application for it.")

    def buttons(self, row: Organization) -> Sequence[dict[str, Any]]:
        """For staff also the certification of a firm that came with paper (代录)."""
        offered = super().buttons(row)
        staff = access.actor().kind == "staff"
        if not (staff and self.appbuilder.sm.has_access("can_add", "CertificationView")):
            return offered
        if row.is_authority or not may_certify(row):
            return offered
        url = url_for("CertificationView.add", organization=row.id)
        file = {"label": _("File certification on behalf"), "url": url, "icon": "certificate"}
        return [*offered, file | {"method": "get"}]

    def save(self, row: Organization) -> str:
        """Members come back to their own page."""
        target = super().save(row)
        return target if access.actor().kind == "staff" else url_for("MyOrganizationView.show")


class InstitutionView(OrganizationView):
    """服务机构: the institutions alone, with what they have on the platform (forms.md G)."""

    route_base = "/service-institutions"
    title = _l("Institutions")
    list_columns = (
        "name", "institution_kind", "service_categories", "consultants", "products",
        "association_state", "score", "certified_at", "institution_state",
    )  # fmt: skip
    labels: Mapping[str, Phrase] = MappingProxyType(
        {"name": _l("Institution name"), "certified_at": _l("Entered at")}
    )
    order_columns = ("id", "name", "certified_at")
    filter_columns = ("institution_kind", "region", "association_state", "certified_at")
    base_permissions = ["can_list", "can_show", "can_export", "can_reveal"]
    exclude_route_methods = OrganizationView.exclude_route_methods | {"add", "edit", "delete"}

    def base_conditions(self) -> Sequence[Any]:
        """Those that applied, whatever came of it."""
        return [Organization.institution_state != "none"]

    def _list_cell(self, path: str) -> Cell:
        if path not in FIGURES:
            return super()._list_cell(path)
        label, _query, kind = FIGURES[path]
        return Cell(path, FieldInfo(label), kind, None)

    def _list_query(self) -> tuple[Select[Any], dict[str, Any]]:
        """The figures of a row are counted for the rows of a page alone."""
        cells, self.cells = self.cells, [cell for cell in self.cells if cell.path not in FIGURES]
        query, joined = super()._list_query()
        self.cells = cells
        counted = (count.label(name) for name, (_label, count, _kind) in FIGURES.items())
        return query.add_columns(*counted), joined

    def _tab_conditions(self) -> dict[str, Any]:
        return {code: rule for code, rule in super()._tab_conditions().items() if code != "none"}

    def buttons(self, row: Organization) -> Sequence[dict[str, Any]]:
        """Its data is kept among the enterprises; its public page is the portal's."""
        offered: list[dict[str, Any]] = []
        if row.institution_state == "in_pool":
            url = url_for("PortalView.institution", pk=row.id)
            offered.append(
                {"label": _("Public page"), "url": url, "icon": "external-link", "method": "get"}
            )
        if self.appbuilder.sm.has_access("can_edit", "OrganizationView"):
            url = url_for("OrganizationView.edit", pk=row.id)
            offered.append(
                {"label": _("Edit"), "url": url, "icon": "edit", "primary": True, "method": "get"}
            )
        return offered


class MyOrganizationView(Page):
    """我的企业 for applicants, 机构信息 for institutions (S0-11, S4-4)."""

    route_base = "/my-organization"
    default_view = "show"

    @expose("/")
    @has_access
    def show(self) -> str:
        """State, banner and data of the reader's organization, in tabs."""
        organization_id = access.actor().organization_id
        view = next(v for v in self.appbuilder.baseviews if isinstance(v, OrganizationView))
        query = select(Organization).where(Organization.id == organization_id)
        row = organization_id and db.session.scalar(query.options(*view.eager))
        if not row:
            return self.page("my_organization.html", banner=self._nothing_yet())
        case = _newest_case(row)
        panels = _panels(view.sections_of(row), _decision(case), _changes(row))
        chosen = request.args.get("tab", "")
        chosen = chosen if chosen in panels else "certification"
        return self.page(
            "my_organization.html",
            title=own_title(self),
            name=row.name,
            initials=(row.short_name or row.name)[:1],
            logo_url=url_for("FileView.show", pk=row.logo_id) if row.logo_id else None,
            badge=cell_at(Organization, "certification").show(row.certification),
            credit_code=row.credit_code,
            banner=self._banner(row, case),
            tabs=[
                {"label": TABS[key], "url": url_for(".show", tab=key), "active": key == chosen}
                for key in panels
            ],
            sections=panels[chosen],
            buttons=list(self._buttons(row, case)),
        )

    def _nothing_yet(self) -> dict[str, Any]:
        text = _("You do not act for an organization yet. Apply for a role to register yours.")
        button = {"label": _("Role certification"), "url": url_for("AccreditationView.choose")}
        return {"css": "i", "text": text, "button": button, "buttons": list(request_buttons())}

    def _buttons(self, row: Organization, case: FlowCase | None) -> Iterator[dict[str, Any]]:
        """What the reader may do with the organization."""
        may = self.appbuilder.sm.has_access
        waits = case is not None and case.state in UNDECIDED
        if may("can_add", "CertificationView") and may_certify(row) and not waits:
            yield {
                "label": _("Certify again") if row.certified_until else _("Certify"),
                "url": url_for("CertificationView.add"),
                "icon": "certificate",
            }
        if may("can_add", "OrganizationChangeView") and row.certification == "certified":
            yield {
                "label": _("Change of data"),
                "url": url_for("OrganizationChangeView.add"),
                "icon": "list-details",
            }
        in_pool = row.institution_state == "in_pool"
        if may("can_add", "AccreditationView") and in_pool and is_renewable():
            yield {
                "label": _("Apply for renewal"),
                "url": url_for("AccreditationView.add"),
                "icon": "building-store",
            }
        if may("can_add", "AssociationView") and may_join(row):
            yield {
                "label": _("Apply for membership"),
                "url": url_for("AssociationView.add"),
                "icon": "users-group",
            }
        if may("can_edit", "OrganizationView"):
            yield {
                "label": _("Edit"),
                "url": url_for("OrganizationView.edit", pk=row.id),
                "icon": "edit",
            }
        membership = url_for("MembershipView.show")
        yield {"label": _("My membership"), "url": membership, "icon": "user"}

    def _banner(self, row: Organization, case: FlowCase | None) -> dict[str, Any] | None:
        """What the state asks of the reader, in the words of S0-11."""
        if case is not None and case.state in UNDECIDED:
            return _under_way(case)
        if row.certification == "refused":
            text = _("Your certification was refused: %(opinion)s", opinion=_opinion(case))
            return {"css": "d", "text": text, "button": _to(case, _("See the decision"))}
        if row.certification == "expired":
            return {"css": "d", "text": _("Your certification has expired. Certify again.")}
        if row.certification not in CERTIFIED:
            return {"css": "i", "text": _("Your organization is not certified yet.")}
        return None


TABS = {
    "certification": _l("Certification information"),
    "data": _l("Basic information"),
    "certificates": _l("Qualification certificates"),
    "changes": _l("Record of changes"),
}
UNDECIDED = ("in_review", "returned")
PAST_CHANGES = 20


def _panels(
    sections: Sequence[dict[str, Any]], decision: dict[str, Any] | None, changes: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """The sections by tab; a tab without content is not there."""
    places = {
        str(_l("Certification information")): "certification",
        str(_l("Association")): "certification",
        str(_l("Qualifications")): "certificates",
    }
    panels: dict[str, list[dict[str, Any]]] = {key: [] for key in TABS}
    for section in sections:
        panels[places.get(str(section["title"]), "data")].append(section)
    if decision:
        panels["certification"].append(decision)
    if changes["items"]:
        panels["changes"].append(changes)
    return {key: held for key, held in panels.items() if held}


def _newest_case(row: Organization) -> FlowCase | None:
    """The certification, change or accreditation that was filed last."""
    newest = select(FlowCase).where(
        FlowCase.flow.in_(("certification", "organization_change", "accreditation")),
        FlowCase.organization_id == row.id,
    )
    return db.session.scalar(newest.order_by(FlowCase.id.desc()).limit(1))


def _under_way(case: FlowCase) -> dict[str, Any]:
    is_change = case.flow == "organization_change"
    if case.state == "in_review":
        text = (
            _("Your change is being reviewed; until it is approved the present data stays valid.")
            if is_change
            else _("Your certification is being reviewed, please wait.")
        )
        return {"css": "i", "text": text, "button": _to(case, _("See the progress"))}
    text = (
        _("Your change was returned: %(opinion)s", opinion=_opinion(case))
        if is_change
        else _("Your certification was returned: %(opinion)s", opinion=_opinion(case))
    )
    return {"css": "w", "text": text, "button": _to(case, _("Correct and submit again"))}


def _to(case: FlowCase | None, label: str) -> dict[str, str] | None:
    return case and {"label": label, "url": url_for("CaseView.show", number=case.number)}


def _opinion(case: FlowCase | None) -> str:
    """What the reviewer said last."""
    if case is None:
        return ""
    decided = select(FlowEvent.opinion).where(
        FlowEvent.case_id == case.id, FlowEvent.action.in_(["approve", "return", "refuse"])
    )
    return db.session.scalar(decided.order_by(FlowEvent.number.desc()).limit(1)) or ""


def _decision(case: FlowCase | None) -> dict[str, Any] | None:
    """The last decision with its opinion."""
    if case is None:
        return None
    number, kind, state, opinion = (
        cell_at(FlowCase, "number"),
        cell_at(FlowCase, "flow"),
        cell_at(FlowCase, "state"),
        cell_at(FlowTask, "opinion"),
    )
    url = url_for("CaseView.show", number=case.number)
    items = [
        (kind, kind.show(case.flow)),
        (number, replace(number.show(case.number), url=url)),
        (state, state.show(case.state)),
        (opinion, opinion.show(_opinion(case))),
    ]
    return {"title": _("Last application"), "items": items}


def _changes(row: Organization) -> dict[str, Any]:
    """变更记录: every approved change, field by field, the newest first."""
    approved = select(OrganizationChange).where(
        OrganizationChange.organization_id == row.id, OrganizationChange.state == "approved"
    )
    newest = approved.order_by(OrganizationChange.id.desc()).limit(PAST_CHANGES)
    lines = [
        [Shown(local_time(change.submitted_at) if change.submitted_at else ""), *line]
        for change in db.session.scalars(newest)
        for line in difference(change)
    ]
    heads = [_("Submitted at"), _("Field"), _("Before"), _("After")]
    cell = Cell("changes", FieldInfo(TABS["changes"]), "rows", None)
    items = [(cell, Shown("", heads=heads, rows=lines))] if lines else []
    return {"title": "", "items": items}
