"""Service consultants on the portal (服务顾问): who is linked, and what he offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flask import abort, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import access
from app.extensions import db
from app.models import Consultant, ConsultantCertificate, Organization, Region
from app.search import holding, search
from app.security import words
from app.services import ratings
from app.views import market
from app.views.base import Page, paging
from app.views.base.cells import Cell, Shown, cell_at
from app.views.base.filters import pointing
from app.views.base.typed import clean, is_key

PAGE_SIZE = 12
LINKED = Consultant.state == "linked"
CARD = (
    Consultant.id, Consultant.name, Consultant.title, Consultant.specialities, Consultant.years,
    Consultant.intro, Consultant.photo_id, Organization.name.label("house"),
    Organization.short_name.label("short"),
)  # fmt: skip
SHOWN = (
    (_l("Services"), ("specialities", "years", "industries", "languages", "education")),
    (_l("About the consultant"), ("intro", "achievements")),
)
STARS = 100
YEARS = ("3", "5", "10", "15")
"""Years of service that the directory asks for, at least."""


class ConsultantPageView(Page):
    """Nothing but what the portal may show: no phone, no mail, no number."""

    route_base = "/market/consultants"

    @expose("/")
    def directory(self) -> str:
        """All of them, found by name, speciality, region of the institution, years of service."""
        wanted = _wanted(request.args)
        query = select(*CARD).join(Consultant.organization).where(LINKED, *_conditions(wanted))
        at = paging.position(request.args.get("at", ""), Consultant.id)
        page = paging.page(
            db.session(), query, Consultant.id, Consultant.id,
            descending=True, at=at, size=PAGE_SIZE, count=None,
        )  # fmt: skip
        return render_template(
            "market/consultants.html",
            wanted=wanted,
            categories=market.categories(),
            regions=market.regions(wanted.get("region", "")),
            years=[(n, ngettext("%(num)d year or more", "%(num)d years or more", int(n)))
                   for n in YEARS],
            consultants=[_card(row) for row in page.rows],
            page=page.line(partial(url_for, ".directory"), wanted),
            sidebar="",
        )  # fmt: skip

    @expose("/<pk>/")
    def show(self, pk: str) -> str:
        """One of them."""
        mine = Consultant.id == (int(pk) if is_key(pk) else 0)
        query = select(Consultant).where(mine, LINKED).options(joinedload(Consultant.organization))
        row = db.session.scalar(query) or abort(404)
        house = row.organization
        rows = access.elevated(db.session(), "the sums of ratings are everybody's")
        said = ratings.summary(rows, row.id, "consultant")
        names = select(ConsultantCertificate.name).where(
            ConsultantCertificate.consultant_id == row.id
        )
        return render_template(
            "market/consultant.html",
            name=row.name,
            post=row.title,
            photo_url=url_for("FileView.show", pk=row.photo_id) if row.photo_id else None,
            house={"name": house.name, "url": url_for("PortalView.institution", pk=house.id)},
            specialities=_services(row.specialities),
            score=f"{said.score / STARS:.1f}" if said.count else "",
            count=said.count,
            sections=[*_sections(row), *_certificates(list(db.session.scalars(names)))],
            ask_url=f"/my_demands/add/?consultant={row.id}",
            sidebar="",
        )


def _wanted(args: Mapping[str, str]) -> dict[str, str]:
    """What the address asks for, as far as it is understood."""
    read = {
        "q": clean(args.get("q", ""))[:50],
        "category": market.known_category(args.get("category", "")),
        "region": args.get("region", "") if is_key(args.get("region", "")) else "",
        "years": args.get("years", "") if args.get("years") in YEARS else "",
    }
    return {name: value for name, value in read.items() if value}


def _conditions(wanted: Mapping[str, str]) -> Iterator[Any]:
    if "q" in wanted:
        yield search(Consultant.search_text, wanted["q"])
    if "category" in wanted:
        codes = words().within("service_category", wanted["category"])
        yield holding(Consultant, "specialities", codes)
    if "region" in wanted:
        yield pointing(Region, Organization.region_id, wanted["region"])
    if "years" in wanted:
        yield Consultant.years >= int(wanted["years"])


def _card(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "post": row.title,
        "house": row.short or row.house,
        "years": row.years,
        "intro": row.intro,
        "specialities": _services(row.specialities),
        "photo_url": url_for("FileView.show", pk=row.photo_id) if row.photo_id else None,
        "url": url_for(".show", pk=row.id),
    }


def _services(codes: list[str]) -> list[str]:
    return [words().label("service_category", code) for code in codes]


def _sections(row: Consultant) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "items": [
                (cell, cell.show(getattr(row, cell.path)))
                for cell in (cell_at(Consultant, name) for name in names)
                if getattr(row, cell.path) not in (None, "", [])
            ],
        }
        for title, names in SHOWN
    ]


def _certificates(names: list[str]) -> list[dict[str, Any]]:
    """Their names alone: numbers and scans stay with the institution."""
    if not names:
        return []
    cell: Cell = cell_at(Consultant, "certificates")
    table = Shown("", heads=[_("Certificate")], rows=[[Shown(name)] for name in names])
    return [{"title": _("Certificates"), "items": [(cell, table)]}]
