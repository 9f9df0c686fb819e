"""What stands on the page of a product, on the portal and in the back office alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _, ngettext
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import (
    Consultant,
    Product,
    ProductConsultant,
    ProductReview,
    StandardProduct,
)
from app.security import words
from app.services import richtext
from app.views.prices import price

STARS = 100
"""A rating is kept in hundredths of a point."""


def rating(row: Any) -> str:
    """The average of what buyers said, and how many they were; empty before the first one."""
    if not row.rating_count:
        return ""
    points = f"{row.rating / STARS:.1f}"
    return ngettext(
        "%(points)s points (%(num)d rating)",
        "%(points)s points (%(num)d ratings)",
        row.rating_count,
        points=points,
    )


def figures(row: Product) -> Sequence[tuple[str, str]]:
    """How a product does, for its institution."""
    return [
        (_("Views"), f"{row.view_count:,}"),
        (_("Demands"), f"{row.demand_count:,}"),
        (_("Rating"), rating(row) or "—"),
    ]


def content(row: Product) -> dict[str, Any]:
    """Everything that a product says, for the template of its page."""
    said = _standard(row) if row.kind == "standard" else _special(row)
    return {
        "product": {
            "id": row.id,
            "name": row.name,
            "kind": row.kind,
            "slogan": row.slogan,
            "cover_url": _file_url(row.cover_id),
            "category": words().label("service_category", row.category),
            "price": price(row),
            "discount": row.discount,
            "cycle": ngettext("%(num)d working day", "%(num)d working days", row.cycle_days),
            "until": row.valid_until.isoformat(),
            "rating": rating(row),
            "own_text": row.own_text,
            "consultants": _consultants(row),
            **said,
        }
    }


def _file_url(key: int | None) -> str | None:
    return url_for("FileView.show", pk=key) if key else None


def safe(html: str) -> Markup:
    """Cleaned when it was stored, and once more: a page is no place for trust."""
    return Markup(richtext.cleaned(html))  # noqa: S704


def _standard(row: Product) -> dict[str, Any]:
    query = select(StandardProduct).where(StandardProduct.id == row.standard_id)
    found = db.session.scalar(query.options(selectinload(StandardProduct.steps)))
    if found is None:
        return {**NOTHING}
    return {
        **NOTHING,
        "content": safe(found.description),
        "deliverables": found.deliverables,
        "steps": [(step.name, step.content) for step in found.steps],
        "guide": price(found) if row.off_guide else "",
    }


NOTHING: Mapping[str, Any] = {
    "content": Markup(),
    "guide": "",
    "deliverables": "",
    "support": "",
    "steps": [],
    "highlights": [],
    "cases": [],
    "tags": [],
    "industries": [],
    "targets": [],
}


def _special(row: Product) -> dict[str, Any]:
    """The approved version; before there is one, what was submitted last."""
    query = select(ProductReview).where(ProductReview.product_id == row.id)
    query = query.order_by(ProductReview.is_current.desc(), ProductReview.id.desc()).limit(1)
    found = db.session.scalar(
        query.options(
            selectinload(ProductReview.highlights),
            selectinload(ProductReview.steps),
            selectinload(ProductReview.cases),
        )
    )
    if found is None:
        return {**NOTHING}
    return {
        "content": safe(found.content),
        "deliverables": found.deliverables,
        "support": found.support,
        "steps": [(step.name, step.content) for step in found.steps],
        "highlights": [(one.name, one.content) for one in found.highlights],
        "cases": [_case(case) for case in found.cases],
        "tags": _words("capability_tag", found.tags),
        "industries": _words("industry", found.industries),
        "targets": _words("company_size", found.targets),
    }


def _words(dictionary: str, codes: Sequence[str] | None) -> list[str]:
    return [words().label(dictionary, code) for code in codes or ()]


def _case(case: Any) -> dict[str, Any]:
    return {
        "client": _("A client of ours") if case.is_anonymous else case.client,
        "content": case.content,
        "effect": case.effect,
        "picture_urls": [
            _file_url(key)
            for key in (case.picture_id, case.second_picture_id, case.third_picture_id)
            if key
        ],
    }


def _consultants(row: Product) -> list[dict[str, Any]]:
    """Who serves the product, as far as they are linked."""
    query = (
        select(Consultant.id, Consultant.name, Consultant.title)
        .join(ProductConsultant, ProductConsultant.consultant_id == Consultant.id)
        .where(ProductConsultant.product_id == row.id, Consultant.state == "linked")
        .order_by(ProductConsultant.id)
    )
    return [
        {
            "name": found.name,
            "title": found.title,
            "url": url_for("ConsultantPageView.show", pk=found.id),
        }
        for found in db.session.execute(query)
    ]
