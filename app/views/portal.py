"""The public site: announcements and the certified institutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flask import abort, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from sqlalchemy import select

from app import choices, clock
from app.extensions import db
from app.models import Announcement, Organization, Region
from app.search import holding, search
from app.security import words
from app.services import announcements
from app.views import institution_page, market, product_pages
from app.views.base import Page, paging
from app.views.base.cells import Shown, local_time
from app.views.base.filters import pointing
from app.views.base.typed import clean, is_key

PAGE_SIZE = 12
NEWS = 6
NEWS_PAGE = 20
IN_POOL = Organization.institution_state == "in_pool"
CARD = (
    Organization.id, Organization.name, Organization.short_name, Organization.institution_kind,
    Organization.service_categories, Organization.intro, Organization.logo_id,
    Organization.certified_at, Region.path.label("region"),
)  # fmt: skip


class PortalView(Page):
    """What anybody sees without an account."""

    route_base = ""

    @expose("/")
    def home(self) -> str:
        """Announcements, search, institutions by kind."""
        kept = {name: value for name, value in self._asked().items() if name in {"q", "kind"}}
        return render_template(
            "portal/home.html",
            q=kept.get("q", ""),
            news=announcements.newest(db.session(), clock.now(), NEWS),
            products=[] if kept else market.newest(),
            categories=market.entrances(),
            kinds=self._kinds(kept, ".home"),
            sidebar="",
            **self._institutions(kept, ".home"),
        )

    def _asked(self) -> dict[str, str]:
        """What the address asks for, as far as it is understood."""
        args, kinds = request.args, {item.code for item in words().items("institution_kind")}
        region = args.get("region", "")
        read = {
            "q": clean(args.get("q", ""))[:50],
            "kind": args.get("kind", "") if args.get("kind") in kinds else "",
            "category": market.known_category(args.get("category", "")),
            "region": region if is_key(region) else "",
            "member": "1" if args.get("member") == "1" else "",
        }
        return {name: value for name, value in read.items() if value}

    def _kinds(self, kept: dict[str, str], here: str) -> list[tuple[str, str, bool]]:
        chosen = kept.get("kind", "")
        every = {name: value for name, value in kept.items() if name != "kind"}
        return [(_("All"), url_for(here, **every), not chosen)] + [
            (item.label, url_for(here, **kept | {"kind": item.code}), item.code == chosen)
            for item in words().items("institution_kind")
        ]

    def _institutions(self, kept: dict[str, str], here: str) -> dict[str, Any]:
        query = select(*CARD).join(Organization.region, isouter=True).where(IN_POOL)
        query = query.where(*_conditions(kept))
        at = paging.position(request.args.get("at", ""), Organization.certified_at)
        page = paging.page(
            db.session(), query, Organization.certified_at, Organization.id,
            descending=True, at=at, size=PAGE_SIZE, count=None,
        )  # fmt: skip
        return {
            "institutions": [self._card(row) for row in page.rows],
            "page": page.line(partial(url_for, here), kept),
        }

    def _card(self, row: Any) -> dict[str, Any]:
        name = row.short_name or row.name
        return {
            "name": row.name,
            "short": row.short_name,
            "initials": name[:1],
            "kind": words().label("institution_kind", row.institution_kind),
            "categories": [words().label("service_category", c) for c in row.service_categories],
            "region": row.region,
            "intro": row.intro,
            "logo_url": url_for("FileView.show", pk=row.logo_id) if row.logo_id else None,
            "url": url_for(".institution", pk=row.id),
        }

    @expose("/institutions/")
    def institutions(self) -> str:
        """服务机构: every institution, by words, kind, service, region and membership."""
        kept = self._asked()
        return render_template(
            "portal/institutions.html",
            wanted=kept,
            categories=market.categories(),
            regions=market.regions(kept.get("region", "")),
            members=[("1", _("Members of the association"))],
            kinds=self._kinds(kept, ".institutions"),
            sidebar="",
            **self._institutions(kept, ".institutions"),
        )

    @expose("/news/")
    def all_news(self) -> str:
        """公告: everything that was published, or all of one kind, the newest first."""
        query, column = announcements.published(clock.now()), Announcement.publish_at
        kind = request.args.get("kind", "")
        kept = {"kind": kind} if kind in choices.ANNOUNCEMENT_KINDS.codes() else {}
        if kept:
            query = query.where(Announcement.kind == kind)
        at = paging.position(request.args.get("at", ""), column)
        page = paging.page(
            db.session(), query, column, Announcement.id,
            descending=True, at=at, size=NEWS_PAGE, count=None,
        )  # fmt: skip
        return render_template(
            "portal/all_news.html",
            news=page.rows,
            kinds=_kinds_of_news(kept.get("kind", "")),
            page=page.line(partial(url_for, ".all_news"), kept),
            sidebar="",
        )

    @expose("/news/<pk>/")
    def news(self, pk: str) -> str:
        """One announcement."""
        query = select(Announcement).where(Announcement.id == (int(pk) if is_key(pk) else 0))
        found = db.session.scalar(query) or abort(404)
        return render_template(
            "portal/news.html",
            title=found.title,
            kind=str(choices.ANNOUNCEMENT_KINDS.of(found.kind).label),
            summary=found.summary,
            at=local_time(found.publish_at),
            body=product_pages.safe(found.body),
            sidebar="",
        )

    @expose("/institutions/<pk>/")
    def institution(self, pk: str) -> str:
        """The public page of a certified institution: nothing but what the portal may show."""
        key = int(pk) if is_key(pk) else 0
        shown = (*CARD, Organization.advantages, Organization.website, Organization.service_area,
                 Organization.service_tel, Organization.association_state,
                 Organization.member_kind)  # fmt: skip
        query = select(*shown).join(Organization.region, isouter=True)
        row = db.session.execute(query.where(IN_POOL, Organization.id == key)).first() or abort(404)
        card = self._card(row)
        return render_template(
            "portal/institution.html",
            sections=institution_page.sections(row),
            ask_url=url_for("MyDemandView.add", institution=key),
            sidebar="",
            **card | {"kind": Shown(card["kind"], "i") if card["kind"] else None},
            **institution_page.offers(row),
        )


def _kinds_of_news(chosen: str) -> list[tuple[str, str, bool]]:
    return [(_("All"), url_for(".all_news"), not chosen)] + [
        (str(kind.label), url_for(".all_news", kind=kind.code), kind.code == chosen)
        for kind in choices.ANNOUNCEMENT_KINDS
    ]


def _conditions(kept: Mapping[str, str]) -> Iterator[Any]:
    if "q" in kept:
        yield search(Organization.search_text, kept["q"])
    if "kind" in kept:
        yield Organization.institution_kind == kept["kind"]
    if "category" in kept:
        codes = words().within("service_category", kept["category"])
        yield holding(Organization, "service_categories", codes)
    if "region" in kept:
        yield pointing(Region, Organization.region_id, kept["region"])
    if "member" in kept:
        yield Organization.association_state == "member"
