"""What institutions offer: listings of standard products (S4-9) and special products (S4-10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, ClassVar

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import case, select
from werkzeug.wrappers import Response as BaseResponse

from app import access, choices, clock, lifecycle
from app.columns import FieldInfo
from app.errors import DomainError, Problem
from app.extensions import db
from app.models import Consultant, FlowCase, Product, ProductReview, StandardProduct
from app.services import products
from app.views import pool, product_pages
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, Shown, local_time
from app.views.base.forms import ModelForm
from app.views.base.inputs import draw
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.typed import is_key
from app.views.base.view import Answer, summary
from app.views.prices import price
from app.views.standard_products import PricedList, ReasonForm

RELIST = ("waiting", "delisted", "expired")
LINKED = "linked"


def limits() -> Any:
    """How long listings last, as the deployment says."""
    return current_app.extensions["profile"].listings


def default_end() -> date:
    """The last day of a listing that begins today, unless another one is typed."""
    today: date = clock.local_day(clock.now())
    return today + limits().usual_days * clock.DAY


def own_consultants() -> Sequence[Any]:
    """The consultants of the reader's institution, as far as they are linked."""
    mine = Consultant.organization_id == access.actor().organization_id
    return [mine, Consultant.state == LINKED]


def foreign_consultants(links: Iterable[Any]) -> Iterator[Problem]:
    """Only linked consultants of one's own institution serve a product."""
    own = access.actor().organization_id
    if any(
        link.consultant.organization_id != own or link.consultant.state != LINKED for link in links
    ):
        text = _("Choose linked consultants of your institution.")
        yield Problem("consultants", text)


class ProductList(Sheets, PricedList):
    """Products of one kind: their list, their page, and the steps between on sale and off."""

    kind: ClassVar[str]
    datamodel = SQLAInterface(Product)
    list_columns = (
        "name", "organization.name", "category", "price_mode", "valid_until", "view_count",
        "demand_count", "state", "revision",
    )  # fmt: skip
    extra_columns = (*PricedList.extra_columns, "organization_id")
    labels = MappingProxyType({"price_mode": _l("Price"), "organization.name": _l("Institution")})
    filter_columns = ("category", "price_mode", "valid_until")
    order_columns = ("id", "valid_until")
    tab_column = "state"
    tabs: ClassVar[tuple[str, ...]] = ()

    def base_conditions(self) -> Sequence[Any]:
        """Of this kind; for institutions their own: those of others stand on the portal."""
        who = access.actor()
        mine = [] if who.kind == "staff" else [Product.organization_id == who.organization_id]
        return [Product.kind == self.kind, *mine]

    def visible_cells(self) -> Sequence[Cell]:
        """An institution knows whose its products are."""
        if access.actor().kind == "staff":
            return self.cells
        return [cell for cell in self.cells if cell.path != "organization.name"]

    def _tab_conditions(self) -> dict[str, Any]:
        return {
            code: where for code, where in super()._tab_conditions().items() if code in self.tabs
        }

    def row_may(self, _row: Any, _verb: str) -> bool:
        """What may be done stands in :meth:`_line`."""
        return False

    def _line(self, row: Any) -> dict[str, Any]:
        return super()._line(row) | {"actions": list(self.steps(row))}

    def steps(self, row: Any) -> Iterator[dict[str, Any]]:
        """What the reader may do with a product in its present state."""
        if access.actor().kind == "staff":
            yield from self._steps_of_staff(row)
        elif self.may("edit"):
            yield from self._steps_of_house(row)

    def _steps_of_staff(self, row: Any) -> Iterator[dict[str, Any]]:
        if not self.may("force"):
            return
        if row.state == "listed":
            yield {"label": _("Force delisting"), "url": self.url_of("force", row)}
        elif row.state == "forced":
            url = self.url_of("release", row)
            yield {"label": _("Lift the delisting"), "url": url, "method": "post"}

    def _steps_of_house(self, row: Any) -> Iterator[dict[str, Any]]:
        change = self.change(row)
        if change:
            yield change
        if row.state in RELIST:
            again = row.state != "waiting" and self.kind == "standard"
            label = _("List again") if again else _("Put on sale")
            yield {"label": label, "url": self.url_of("relist", row)}
        elif row.state == "listed":
            sure = _("Take “%(name)s” off the portal?", name=row.name)
            url = self.url_of("delist", row)
            yield {"label": _("Delist"), "url": url, "method": "post", "confirm": sure}

    def change(self, row: Any) -> dict[str, Any] | None:
        """How a product is changed, if it may be."""
        return {"label": _("Modify"), "url": self.url_of("edit", row)}

    # --- its page -------------------------------------------------------------------------------

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> str:
        """The product as the portal shows it, where it stands, and what happened to it."""
        row = self.row_or_404(pk)
        state = choices.PRODUCT_STATES.of(row.state)
        return self.page(
            "products/show.html",
            title=row.name,
            subtitle=row.organization.name,
            badge=Shown(str(state.label), state.css),
            revision=self._revision(row),
            crumbs=self.crumbs((row.name, "")),
            buttons=[*self._buttons(row)],
            figures=product_pages.figures(row),
            pool=pool.times(row),
            log=[_event(event) for event in lifecycle.history(db.session(), Product, row.id)],
            cases=self.cases(row),
            forced=row.state == "forced",
            **product_pages.content(row),
        )

    def _buttons(self, row: Any) -> Iterator[dict[str, Any]]:
        if row.state == "listed":
            url = url_for("MarketView.product", pk=row.id)
            yield {"label": _("See it on the portal"), "url": url, "icon": "external-link"}
        for step in self.steps(row):
            yield step | {"primary": step["label"] == _("Put on sale")}

    def _revision(self, row: Any) -> Shown | None:
        if row.revision == "none":
            return None
        revision = choices.REVISION_STATES.of(row.revision)
        return Shown(str(revision.label), revision.css)

    def cases(self, _row: Any) -> Sequence[Mapping[str, Any]]:
        """The applications behind a product."""
        return []

    # --- steps ----------------------------------------------------------------------------------

    def _own(self, pk: str) -> Any:
        """A product of the reader's institution."""
        row = self.row_or_404(pk)
        return row if row.organization_id == access.actor().organization_id else abort(404)

    @expose("/relist/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def relist(self, pk: str) -> Answer:
        """上架: until which day."""
        row = self._own(pk)
        if row.state not in RELIST:
            return redirect(url_for(".show", pk=pk))
        now = clock.now()
        today = clock.local_day(now)
        fits = row.valid_until and row.valid_until > today
        kept = {"valid_until": row.valid_until if fits else default_end()}
        form = UntilForm(request.form if request.method == "POST" else None, data=kept)
        title = _("List: %(name)s", name=row.name)

        def wrong() -> Iterable[Problem]:
            return products.date_problems(form["valid_until"].data, today, limits().longest_days)

        def act() -> str:
            products.list_again(db.session(), row, now, form["valid_until"].data)
            flash(_("On sale from now on."), "success")
            return url_for(".list")

        words = Words(title, _("Put on sale"), url_for(".list"), self.crumbs((title, "")))
        return self.sheet(form, words, wrong, act)

    @expose("/delist/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def delist(self, pk: str) -> BaseResponse:
        """下架: off the portal, by its own institution."""
        row = self._own(pk)
        products.LISTING.move(db.session(), row.id, "delist", clock.now())
        db.session.commit()
        flash(_("Delisted."), "success")
        return redirect(url_for(".list"))

    @expose("/force/<pk>/", methods=["GET", "POST"])
    @has_access
    def force(self, pk: str) -> Answer:
        """强制下架: by staff, with a reason that the institution is told."""
        row = self.row_or_404(pk)
        form = ReasonForm(request.form if request.method == "POST" else None)
        title = _("Force delisting: %(name)s", name=row.name)
        intro = _("The product leaves the portal at once; its institution is told the reason.")

        def act() -> str:
            products.force(db.session(), row, clock.now(), form["opinion"].data)
            flash(_("Delisted."), "success")
            return url_for(".list")

        crumbs = self.crumbs((title, ""))
        words = Words(title, _("Force delisting"), url_for(".list"), crumbs, intro)
        return self.sheet(form, words, list, act)

    @expose("/release/<pk>/", methods=["POST"])
    @has_access
    @permission_name("force")
    def release(self, pk: str) -> BaseResponse:
        """The institution may list it again."""
        row = self.row_or_404(pk)
        products.LISTING.move(db.session(), row.id, "release", clock.now())
        db.session.commit()
        flash(_("The institution may list it again."), "success")
        return redirect(url_for(".list"))


UntilForm: type[ModelForm] = sheet_form(
    {"valid_until": FieldInfo(_l("Listed until"), kind="day", required=True)}
)


def _event(event: Any) -> dict[str, str]:
    return {
        "at": local_time(event.at),
        "action": str(products.LISTING.steps[event.action].label),
        "who": event.actor_name or _("The platform"),
        "opinion": event.opinion,
    }


# --- 常规产品上架 -------------------------------------------------------------------------------


class ListingView(ProductList):
    """常规服务产品: what an institution lists out of the catalogue, without a review (S4-9)."""

    kind = "standard"
    route_base = "/listings"
    title = _l("Standard service products")
    list_columns = (*ProductList.list_columns, "off_guide")
    filter_columns = (*ProductList.filter_columns, "off_guide")
    edit_template = "products/listing_form.html"
    tabs = ("listed", "delisted", "forced", "expired")
    form_columns = (
        "price_mode", "price_from", "price_to", "unit", "cycle_days", "own_text",
        "consultants", "valid_until",
    )  # fmt: skip
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_export", "can_force"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"delete", "reveal"}

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        tools = super()._tools(kept) | {"add_label": _("List standard products")}
        return tools | {"add_url": url_for("CatalogueView.list") if self.may("add") else None}

    def option_conditions(self, name: str) -> Sequence[Any]:
        """Linked consultants of the institution."""
        return own_consultants() if name == "consultants" else []

    def shown(self, cell: Cell, value: Any) -> Shown:
        """A price off the guide is marked, the others need no word."""
        if cell.path != "off_guide":
            return super().shown(cell, value)
        return Shown(_("Off the guide"), "w") if value else Shown("")

    def worded(self, cell: Cell, columns: Any) -> Any:
        """The same in SQL."""
        if cell.path != "off_guide":
            return super().worded(cell, columns)
        return case((columns.off_guide.is_(True), _("Off the guide")))

    def _form_context(self, form: ModelForm, row: Any, *given: Any) -> dict[str, Any]:
        guides = [_guide(row.standard)]
        return super()._form_context(form, row, *given) | {"guides": guides}

    def save(self, row: Any) -> str:
        """A price off the guide is kept; its institution is told that it stands out (F12)."""
        target = super().save(row)
        _mark([row.id])
        return target

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """One listing each for the standard products that were chosen, all or none."""
        wanted = [int(key) for key in request.args.getlist("item") if is_key(key)]
        standards = self._chosen(wanted[: limits().most_at_once])
        if not standards:
            return redirect(url_for("CatalogueView.list"))
        typed = request.form if request.method == "POST" else None
        drafts = [_first_terms(standard) for standard in standards]
        forms = [
            self.form_class(typed, obj=draft, prefix=f"item{standard.id}-")
            for draft, standard in zip(drafts, standards, strict=True)
        ]
        problem = ""
        if typed is not None and self._check_all(forms, standards):
            try:
                self._offer_all(forms, standards)
                db.session.commit()
            except DomainError as refusal:
                db.session.rollback()
                problem = str(refusal)
            else:
                flash(_("On sale from now on."), "success")
                return redirect(url_for(".list"))
        page = self._add_page(forms, standards, problem)
        return page, 400 if typed is not None else 200

    def _chosen(self, keys: Sequence[int]) -> Sequence[StandardProduct]:
        active = StandardProduct.id.in_(keys), StandardProduct.state == "active"
        rows = {row.id: row for row in db.session.scalars(select(StandardProduct).where(*active))}
        return [rows[key] for key in dict.fromkeys(keys) if key in rows]

    def _check_all(self, forms: Sequence[ModelForm], standards: Sequence[StandardProduct]) -> bool:
        own, now = access.actor().organization_id or abort(403), clock.now()
        rows = access.elevated(db.session(), "which certificates an institution holds")
        for form, standard in zip(forms, standards, strict=True):
            form.validate()
            probe = Product()
            with db.session.no_autoflush:
                form.populate_obj(probe)
                form.add_problems(self.problems(None, probe))
            lacking = products.lacking(rows, own, standard, clock.local_day(now))
            if lacking:
                form.add_problems([Problem("price_mode", lacking)])
        return not any(form.is_faulty for form in forms)

    def _offer_all(self, forms: Sequence[ModelForm], standards: Sequence[StandardProduct]) -> None:
        own, now = access.actor().organization_id or abort(403), clock.now()
        keys = []
        for form, standard in zip(forms, standards, strict=True):
            listing = Product()
            with db.session.no_autoflush:
                form.populate_obj(listing)
                chosen = [link.consultant.id for link in listing.consultants]
            keys.append(products.offer(db.session(), own, standard, listing, chosen, now))
        _mark(keys)

    def _add_page(
        self, forms: Sequence[ModelForm], standards: Sequence[StandardProduct], problem: str
    ) -> str:
        sections = [
            {
                "key": str(standard.id),
                "title": standard.name,
                "fields": [draw(form, name, _consultant_options) for name in self.form_columns],
            }
            for form, standard in zip(forms, standards, strict=True)
        ]
        title = _("List standard products")
        return self.page(
            self.edit_template,
            guides=[_guide(standard, f"item{standard.id}-") for standard in standards],
            title=title,
            crumbs=self.crumbs((title, "")),
            sections=sections,
            summary=[fault for section in sections for fault in summary(section["fields"])],
            problem=problem,
            submit_label=_("List on the portal"),
            back_url=url_for("CatalogueView.list"),
        )

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """The price, the day, the consultants."""
        found = [*products.price_problems(probe), *foreign_consultants(probe.consultants)]
        if row is None or probe.valid_until != row.valid_until:
            today = clock.local_day(clock.now())
            found += products.date_problems(probe.valid_until, today, limits().longest_days)
        return found

    def prepare(self, row: Any) -> None:
        """No amounts that the mode has no use for; kept up from now on."""
        products.settle_price(row)
        row.price_order = products.price_order(row.price_mode, row.price_from)
        row.kept_at = clock.now()


def _first_terms(standard: StandardProduct) -> Product:
    """What stands in the form of a listing before anything is typed: the guide."""
    terms = ("price_mode", "price_from", "price_to", "unit", "cycle_days")
    return Product(**{name: getattr(standard, name) for name in terms}, valid_until=default_end())


def _guide(standard: Any, prefix: str = "") -> dict[str, Any]:
    """The guide of a standard product, and the amounts in 分 beyond which a price is marked."""
    percent, top = limits().guide_percent, standard.price_to or standard.price_from
    has_top = top is not None and standard.price_mode != "from"
    text = _("Guide price of %(name)s: %(price)s", name=standard.name, price=price(standard))
    return {
        "prefix": prefix,
        "text": text,
        "unit": standard.unit or "",
        "low": (standard.price_from or 0) * (100 - percent) // 100,
        "top": top * (100 + percent) // 100 if has_top else "",
        "warning": _stands_out(),
    }


def _stands_out() -> str:
    return _(
        "This price lies more than %(n)s %% off the guide price. It can be listed; the platform "
        "sees that it stands out.",
        n=limits().guide_percent,
    )


def _mark(keys: Sequence[int]) -> None:
    ours = Product.__table__.c.id.in_(keys)
    if products.mark_off_guide(db.session(), limits().guide_percent, ours):
        flash(_stands_out(), "warning")


def _consultant_options(name: str) -> str:
    return url_for("ListingView.options", name=name)


# --- 特色服务产品 -------------------------------------------------------------------------------


class SpecialProductView(ProductList):
    """特色服务产品: reviewed, then listed by the institution itself (S4-10)."""

    kind = "special"
    route_base = "/products"
    title = _l("Special service products")
    tabs = (
        "in_review", "returned", "waiting", "listed", "delisted", "forced", "expired",
    )  # fmt: skip
    base_permissions = ["can_list", "can_show", "can_edit", "can_export", "can_force"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {
        "add",
        "delete",
        "reveal",
        "options",
    }

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        tools = super()._tools(kept) | {"add_label": _("Add a special product")}
        allowed = self.appbuilder.sm.has_access("can_add", "ProductReviewView")
        return tools | {"add_url": url_for("ProductReviewView.add") if allowed else None}

    def draft_forms(self) -> Sequence[str]:
        """The forms of new products and of revisions stand with the products."""
        allowed = self.appbuilder.sm.has_access("can_add", "ProductReviewView")
        return ["product-reviews", "product-revision"] if allowed else []

    def draft_url(self, name: str, key: str) -> str:
        """The form of a new product, of one that came back, or of a revision."""
        if name == "product-revision":
            return url_for("ProductReviewView.add", product=key)
        if key == "new":
            return url_for("ProductReviewView.add")
        return url_for("ProductReviewView.edit", pk=key)

    def change(self, row: Any) -> dict[str, Any] | None:
        """修改, 整改; what is under review is first taken back."""
        if row.state in {"in_review", "refused"}:
            return None
        words = {"forced": _("Rectify")}
        return {"label": words.get(row.state, _("Modify")), "url": url_for(".edit", pk=row.id)}

    @expose("/edit/<pk>/")
    @has_access
    def edit(self, pk: str) -> BaseResponse:
        """On to the form: of the review that came back, or of a revision."""
        row = self._own(pk)
        newest = select(ProductReview.id, ProductReview.state, ProductReview.applicant_id)
        newest = newest.where(ProductReview.product_id == row.id)
        found = db.session.execute(newest.order_by(ProductReview.id.desc()).limit(1)).first()
        if found is None:
            abort(404)
        if found.state == "in_review":
            flash(_("This product is under review: wait for the result or withdraw it."), "warning")
            return redirect(self._case_url(found.id))
        if found.state in {"returned", "withdrawn"}:
            if found.applicant_id == access.actor().user_id:
                return redirect(url_for("ProductReviewView.edit", pk=found.id))
            flash(_("Only who submitted this application may correct it."), "warning")
            return redirect(self._case_url(found.id))
        return redirect(url_for("ProductReviewView.add", product=row.id))

    def _case_url(self, review_id: int) -> str:
        mine = FlowCase.flow == "product_review", FlowCase.subject_id == review_id
        number = db.session.scalar(select(FlowCase.number).where(*mine)) or abort(404)
        return url_for("CaseView.show", number=number)

    def cases(self, row: Any) -> Sequence[Mapping[str, Any]]:
        """Every application of this product, the newest first."""
        found = db.session.execute(
            select(FlowCase.number, FlowCase.state, FlowCase.submitted_at)
            .join(ProductReview, FlowCase.subject_id == ProductReview.id)
            .where(FlowCase.flow == "product_review", ProductReview.product_id == row.id)
            .order_by(ProductReview.id.desc())
            .limit(CASES)
        )
        return [
            {
                "number": case.number,
                "url": url_for("CaseView.show", number=case.number),
                "state": _shown_state(case.state),
                "at": local_time(case.submitted_at) if case.submitted_at else "",
            }
            for case in found
        ]


CASES = 10


def _shown_state(state: str) -> Shown:
    found = choices.CASE_STATES.of(state)
    return Shown(str(found.label), found.css)
