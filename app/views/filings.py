"""Transaction filings (交易备案, S4-12): filed by institutions and their consultants, reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import inspect, select
from sqlalchemy.orm import joinedload

from app import access, clock
from app.columns import FieldInfo
from app.errors import DomainError, Problem
from app.extensions import db
from app.lifecycle import history
from app.models import Consultant, Demand, Filing, Product, Rating
from app.services import trade
from app.services.institutions import normal_code
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.typed import is_key
from app.views.base.view import Answer
from app.views.requests import RequestView

DONE = ("approved", "void")
BUYER = ("buyer_name", "buyer_credit_code", "buyer_contact", "buyer_phone")
VoidForm = sheet_form(
    {"reason": FieldInfo(_l("Reason of voiding"), required=True, maximum=200, kind="long")}
)

VOIDED = tuple(
    Cell(name, FieldInfo(label), "text", None)
    for name, label in (
        ("reason", _l("Reason of voiding")),
        ("at", _l("Time")),
        ("who", _l("Person")),
    )
)


class FilingView(Sheets, RequestView):
    """A transaction, from its form to the case that reviews it, and its voiding."""

    datamodel = SQLAInterface(Filing)
    route_base = "/filings"
    flow = "filing"
    title, new_title = _l("Transaction filings"), _l("New transaction filing")
    base_permissions = [*RequestView.base_permissions, "can_void"]
    list_columns = (
        "buyer_name", "service_name", "organization", "category", "amount", "state", "consultant",
        "signed_on", "submitted_at", "case.number",
    )  # fmt: skip
    form_columns = (
        "demand", "kind", *BUYER, "product_kind", "product", "service_name", "category",
        "consultant", "contract_no", "amount", "signed_on", "finished_on",
        "contract_files", "invoice_files", "remark",
    )  # fmt: skip
    show_columns = ("organization", *form_columns)
    import_columns = (
        "kind", *BUYER, "service_name", "category", "consultant", "contract_no", "amount",
        "signed_on", "finished_on", "remark",
    )  # fmt: skip
    import_keys = ("buyer_credit_code", "service_name", "amount", "signed_on")
    filter_columns = ("amount", "signed_on", "category", "consultant", "kind", "submitted_at")
    order_columns = ("id", "amount", "signed_on", "submitted_at")
    sum_column = "amount"
    tab_column = "state"

    # --- list -------------------------------------------------------------------------------

    def base_conditions(self) -> Sequence[Any]:
        """What the reader sold; what it bought stands among its ratings (我的交易)."""
        house = _house()
        return [Filing.organization_id == house] if house else []

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        return super()._tools(kept) | {"add_label": _("File a transaction")}

    def row_url(self, row: Any) -> str | None:
        """The transaction's page; until it is filed, its case."""
        return url_for(".show", pk=row.id)

    # --- page -------------------------------------------------------------------------------

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> Answer | str:
        """A filed or voided transaction; before that it is read where it is decided.

        A consultant sees what was filed for him, but not the case of whoever filed it.
        """
        row = self.row_or_404(pk)
        if row.state not in DONE and row.case is not None:
            return redirect(self.case_url(row))
        told = self.told(row)
        sections = [*self._voided(row), *told["sections"]]
        return self.page(self.show_template, **told | {"sections": sections})

    def _voided(self, row: Filing) -> Sequence[dict[str, Any]]:
        """Who voided it, when and why."""
        return [
            {
                "title": _("Voided"),
                "items": [
                    (VOIDED[0], Shown(step.opinion)),
                    (VOIDED[1], Shown(local_time(step.at))),
                    (VOIDED[2], Shown(step.actor_name)),
                ],
            }
            for step in history(db.session(), Filing, row.id)[:1]
        ]

    def buttons(self, row: Filing) -> Sequence[dict[str, Any]]:
        """The case; the ratings; voiding, for staff."""
        found: list[dict[str, Any]] = []
        if row.case is not None:
            found.append({"label": _("See the case"), "url": self.case_url(row), "method": "get"})
        if self.appbuilder.sm.has_access("can_show", "RatingView"):
            of_it = select(Rating.id).where(Rating.filing_id == row.id).order_by(Rating.id)
            found += [
                {
                    "label": str(cell_at(Rating, "direction").show(rating.direction)),
                    "url": url_for("RatingView.show", pk=rating.id),
                    "method": "get",
                    "icon": "star",
                }
                for rating in db.session.execute(of_it.add_columns(Rating.direction))
            ]
        if row.state == "approved" and self.may("void"):
            found.append(
                {"label": _("Void the filing"), "url": url_for(".void", pk=row.id), "method": "get"}
            )
        return found

    # --- form -------------------------------------------------------------------------------

    def new_row(self) -> Filing:
        """Of a demand that was won (去备案) everything that is known of it stands there already."""
        row = Filing(kind="park", product_kind="free", contract_files=[], invoice_files=[])
        who = access.actor()
        if who.consultant_id:
            row.consultant = db.session.get(Consultant, who.consultant_id)
        key = request.args.get("demand", "")
        demand = self._demand(int(key)) if is_key(key) else None
        if demand is not None:
            self._prefill(row, demand)
        return row

    def _demand(self, key: int) -> Demand | None:
        won = Demand.id == key, *self.option_conditions("demand")
        query = select(Demand).where(*won).options(joinedload(Demand.consultant))
        return db.session.scalar(query.options(joinedload(Demand.product)))

    def _prefill(self, row: Filing, demand: Demand) -> None:
        rows = access.elevated(db.session(), "the buyer of a demand that was won is named")
        buyer = trade.party(rows, demand.enterprise_id)
        row.demand, row.category, row.amount = demand, demand.category, demand.amount
        row.consultant = demand.consultant or row.consultant
        row.product, row.service_name = demand.product, demand.title
        if demand.product is not None:
            row.product_kind, row.service_name = demand.product.kind, demand.product.name
        row.buyer_name = buyer.name if buyer else demand.enterprise_name
        row.buyer_credit_code = buyer.credit_code if buyer else ""
        row.buyer_contact, row.buyer_phone = demand.contact_name, demand.contact_phone

    def option_conditions(self, name: str) -> Sequence[Any]:
        """Products and consultants of one's own institution, demands that it won."""
        house = _house()
        found: dict[str, tuple[Any, ...]] = {
            "demand": (Demand.organization_id == house, Demand.state == "won"),
            "product": (Product.organization_id == house,),
            "consultant": (
                Consultant.organization_id == house,
                Consultant.state.in_(("linked", "unlinked")),
            ),
        }
        return found.get(name, ()) if house else ()

    def prepare(self, row: Filing) -> None:
        """Whose filing it is; what the product says of itself; the code in one spelling."""
        who = access.actor()
        row.buyer_credit_code = normal_code(row.buyer_credit_code)
        row.applicant_id = row.applicant_id or who.user_id or abort(403)
        row.organization_id = row.organization_id or _house() or abort(403)
        row.created_at = row.created_at or clock.now()
        _of_product(row)

    def problems(self, row: Filing, probe: Filing) -> Sequence[Problem]:
        """The formal pre-check, on what was typed."""
        probe.id, probe.organization_id = row.id, row.organization_id or _house() or 0
        probe.product_kind = probe.product_kind or row.product_kind
        probe.buyer_credit_code = normal_code(probe.buyer_credit_code or "")
        _of_product(probe)
        return self.desk().problems(self.flow, probe)

    def save(self, row: Filing) -> str:
        """Open the case and submit it; without its contract it waits as a draft (a sheet's row)."""
        if row.contract_files or inspect(row).persistent:
            return super().save(row)
        return url_for(
            "CaseView.show", number=self.desk().open(self.flow, row, row.organization_id).number
        )

    def judge_import(self, form: Any, row: Any) -> list[tuple[str, str]]:
        """A sheet holds no files: they are added to each draft, which is judged again then."""
        return [
            fault for fault in super().judge_import(form, row)
            if fault[0] not in {"contract_files", "invoice_files"}
        ]  # fmt: skip

    def takes_back(self) -> bool:
        """What has a number is not deleted; its draft is withdrawn."""
        return self.takes_files()

    def undo_import(self, key: int) -> str:
        """Withdraw the draft that a row became, unless it was submitted since."""
        mine = Filing.id == key, *self.base_conditions()
        row = db.session.scalar(select(Filing).where(*mine))
        if row is None or row.state == "withdrawn":
            return ""
        if row.state != "draft":
            return _("It was submitted since.")
        try:
            with db.session.begin_nested():
                self.desk().withdraw(row.case.id, _("The import was taken back."), ("draft",))
        except DomainError as refusal:
            return str(refusal)
        return ""

    def submit_label(self, _row: Any) -> str:
        """Sending is submitting."""
        return _("Submit for filing")

    # --- void -------------------------------------------------------------------------------

    @expose("/void/<pk>/", methods=["GET", "POST"])
    @has_access
    def void(self, pk: str) -> Answer:
        """作废: takes back the points and closes the ratings."""
        row = self.row_or_404(pk)
        if row.state != "approved":
            return redirect(url_for(".show", pk=row.id))
        form = VoidForm(request.form if request.method == "POST" else None)
        title = _("Void: %(name)s", name=row)
        back = url_for(".show", pk=row.id)

        def act() -> str:
            number, now = row.case.number, clock.now()
            trade.void(db.session(), row.id, number, form["reason"].data or "", now)
            flash(_("Voided. The points were taken back."), "success")
            return back

        words = Words(
            title,
            _("Void the filing"),
            back,
            self.crumbs((str(row), back), (_("Void the filing"), "")),
            _(
                "The points of institution and consultant are taken back and its ratings no longer "
                "count. Both are told. This cannot be undone."
            ),
        )
        return self.sheet(form, words, list, act)


def _house() -> int | None:
    """The institution for which the reader acts; staff act for none."""
    who = access.actor()
    if who.kind == "staff":
        return None
    return who.organization_id or who.serves_id


def _of_product(row: Filing) -> None:
    """A chosen product gives its name and its category to what is blank."""
    if row.product is not None:
        row.service_name = row.service_name or row.product.name
        row.category = row.category or row.product.category
