"""Organizations: the staff's list of them, and a member's own (我的企业, 机构信息)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select

from app import access, clock
from app.columns import Phrase
from app.extensions import db
from app.models import FlowCase, FlowEvent, Organization
from app.services.institutions import normal_code
from app.views.base import BackOfficeView, Page
from app.views.base.cells import cell_at

REGISTRATION = ("name", "credit_code", "region", "address", "industry", "legal_person")
PRESENTATION = ("short_name", "logo", "institution_kind", "service_categories", "service_area")


def own_title(view: Page) -> str:
    """What the reader's menu calls the page of the own organization."""
    is_institution = view.appbuilder.sm.has_access("menu_access", "institution")
    return _("Institution data") if is_institution else _("My organization")


class OrganizationView(BackOfficeView):
    """All organizations for staff; for a member its own record."""

    datamodel = SQLAInterface(Organization)
    route_base = "/organizations"
    title = _l("Organizations")
    list_columns = (
        "name", "credit_code", "region", "institution_kind", "certification", "created_at",
    )  # fmt: skip
    form_columns = (
        *REGISTRATION, "founded_on", "registered_capital", "staff_count",
        "contact_name", "contact_phone", "contact_email",
        *PRESENTATION, "intro", "advantages", "website", "service_tel",
        "licence_file", "qualifications",
    )  # fmt: skip
    show_columns = (*form_columns[:6], "certification", "certified_at", *form_columns[6:])
    filter_columns = ("region", "institution_kind", "industry", "created_at")
    order_columns = ("id", "name", "created_at")
    tab_column = "certification"
    shows_own_only = True

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

    def readonly_note(self, _row: Organization) -> str:
        """Certified data stays as it was reviewed."""
        return _("Certified data cannot be changed here; the platform changes it on request.")

    def save(self, row: Organization) -> str:
        """Members come back to their own page."""
        target = super().save(row)
        return target if access.actor().kind == "staff" else url_for("MyOrganizationView.show")


class MyOrganizationView(Page):
    """我的企业 for applicants, 机构信息 for institutions (S0-11, S4-4)."""

    route_base = "/my-organization"
    default_view = "show"

    @expose("/")
    @has_access
    def show(self) -> str:
        """State, banner and data of the reader's organization."""
        organization_id = access.actor().organization_id
        view = next(v for v in self.appbuilder.baseviews if isinstance(v, OrganizationView))
        query = select(Organization).where(Organization.id == organization_id)
        row = organization_id and db.session.scalar(query.options(*view.eager))
        if not row:
            return self.page("my_organization.html", banner=self._nothing_yet())
        state = cell_at(Organization, "certification").show(row.certification)
        return self.page(
            "my_organization.html",
            title=own_title(self),
            name=row.name,
            initials=(row.short_name or row.name)[:1],
            logo_url=url_for("FileView.show", pk=row.logo_id) if row.logo_id else None,
            badge=state,
            credit_code=row.credit_code,
            banner=self._banner(row),
            sections=view.sections_of(row),
            edit_url=url_for("OrganizationView.edit", pk=row.id),
        )

    def _nothing_yet(self) -> dict[str, Any]:
        text = _("You do not act for an organization yet. Apply for a role to register yours.")
        button = {"label": _("Role certification"), "url": url_for("AccreditationView.choose")}
        return {"css": "i", "text": text, "button": button}

    def _banner(self, row: Organization) -> dict[str, Any] | None:
        """What the state asks of the reader, in the words of S0-11."""
        case = self._case(row)
        if row.certification == "in_review":
            text = _("Your certification is being reviewed, please wait.")
            return {"css": "i", "text": text, "button": self._to_case(case, _("See the progress"))}
        if row.certification == "returned":
            text = _("Your certification was returned: %(opinion)s", opinion=self._opinion(case))
            return {
                "css": "w",
                "text": text,
                "button": self._to_case(case, _("Correct and submit again")),
            }
        if row.certification == "refused":
            text = _("Your certification was refused: %(opinion)s", opinion=self._opinion(case))
            return {"css": "d", "text": text, "button": self._to_case(case, _("See the decision"))}
        if row.certification == "none":
            text = _("Your organization is not certified yet.")
            button = {"label": _("Role certification"), "url": url_for("AccreditationView.choose")}
            return {"css": "i", "text": text, "button": button}
        return None

    def _case(self, row: Organization) -> FlowCase | None:
        newest = select(FlowCase).where(
            FlowCase.flow == "accreditation", FlowCase.organization_id == row.id
        )
        return db.session.scalar(newest.order_by(FlowCase.id.desc()).limit(1))

    def _to_case(self, case: FlowCase | None, label: str) -> dict[str, str] | None:
        return case and {"label": label, "url": url_for("CaseView.show", number=case.number)}

    def _opinion(self, case: FlowCase | None) -> str:
        if case is None:
            return ""
        decided = select(FlowEvent.opinion).where(
            FlowEvent.case_id == case.id, FlowEvent.action.in_(["return", "refuse"])
        )
        return db.session.scalar(decided.order_by(FlowEvent.number.desc()).limit(1)) or ""
