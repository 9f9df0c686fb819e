"""The public site: announcements and the certified institutions."""

from __future__ import annotations

from typing import Any

from flask import abort, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Announcement, Organization, Qualification, Region
from app.search import search
from app.security import words
from app.services import announcements
from app.views.base import Page, paging
from app.views.base.cells import Shown, cell_at, local_time
from app.views.base.forms import clean, is_key

PAGE_SIZE = 12
NEWS = 6
IN_POOL = Organization.institution_state == "in_pool"
CARD = (
    Organization.id, Organization.name, Organization.short_name, Organization.institution_kind,
    Organization.service_categories, Organization.intro, Organization.logo_id,
    Organization.certified_at, Region.path.label("region"),
)  # fmt: skip
SERVICES = ("institution_kind", "service_categories", "service_area", "website", "service_tel")


class PortalView(Page):
    """What anybody sees without an account."""

    route_base = ""

    @expose("/")
    def home(self) -> str:
        """Announcements, search, institutions by kind."""
        phrase = clean(request.args.get("q", ""))[:50]
        kinds = words().items("institution_kind")
        kind = request.args.get("kind", "")
        chosen = kind if kind in {item.code for item in kinds} else ""
        kept = {k: v for k, v in {"q": phrase, "kind": chosen}.items() if v}
        return render_template(
            "portal/home.html",
            q=phrase,
            news=announcements.newest(db.session(), clock.now(), NEWS),
            kinds=[
                (_("All"), url_for(".home", **({"q": phrase} if phrase else {})), not chosen),
                *(
                    (
                        item.label,
                        url_for(".home", **(kept | {"kind": item.code})),
                        item.code == chosen,
                    )
                    for item in kinds
                ),
            ],
            sidebar="",
            **self._institutions(phrase, chosen, kept),
        )

    def _institutions(self, phrase: str, kind: str, kept: dict[str, str]) -> dict[str, Any]:
        query = select(*CARD).join(Organization.region, isouter=True).where(IN_POOL)
        if phrase:
            query = query.where(search(Organization.search_text, phrase))
        if kind:
            query = query.where(Organization.institution_kind == kind)
        at = paging.position(request.args.get("at", ""), Organization.certified_at)
        page = paging.page(
            db.session(), query, Organization.certified_at, Organization.id,
            descending=True, at=at, size=PAGE_SIZE, count=None,
        )  # fmt: skip
        return {
            "institutions": [self._card(row) for row in page.rows],
            "page": {
                "total": page.total,
                "number": None,
                "box": False,
                "kept": kept,
                "first_url": url_for(".home", **kept) if page.before else None,
                "prev_url": page.before and url_for(".home", **kept, at=page.before),
                "next_url": page.behind and url_for(".home", **kept, at=page.behind),
            },
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

    @expose("/news/<pk>/")
    def news(self, pk: str) -> str:
        """One announcement."""
        query = select(Announcement).where(Announcement.id == (int(pk) if is_key(pk) else 0))
        found = db.session.scalar(query) or abort(404)
        at = local_time(found.publish_at)
        return render_template(
            "portal/news.html", title=found.title, at=at, body=found.body, sidebar=""
        )

    @expose("/institutions/<pk>/")
    def institution(self, pk: str) -> str:
        """The public page of a certified institution: nothing but what the portal may show."""
        key = int(pk) if is_key(pk) else 0
        shown = (*CARD, Organization.advantages, Organization.website, Organization.service_area,
                 Organization.service_tel)  # fmt: skip
        query = select(*shown).join(Organization.region, isouter=True)
        row = db.session.execute(query.where(IN_POOL, Organization.id == key)).first() or abort(404)
        card = self._card(row)
        services = [(cell_at(Organization, name), name) for name in SERVICES]
        about = [(cell_at(Organization, name), name) for name in ("intro", "advantages")]
        sections = [
            {
                "title": title,
                "items": [(cell, cell.show(getattr(row, name))) for cell, name in cells],
            }
            for title, cells in ((_("Introduction"), about), (_("Services"), services))
        ]
        return render_template(
            "portal/institution.html",
            sections=[*sections, *self._certificates(key)],
            sidebar="",
            **card | {"kind": Shown(card["kind"], "i") if card["kind"] else None},
        )

    def _certificates(self, key: int) -> list[dict[str, Any]]:
        query = select(Qualification.name, Qualification.valid_until).where(
            Qualification.organization_id == key
        )
        rows = db.session.execute(query.order_by(Qualification.id)).all()
        if not rows:
            return []
        cell = cell_at(Organization, "qualifications")
        parts = [child for child in cell.columns if child.path in {"name", "valid_until"}]
        lines = [[part.show(getattr(row, part.path)) for part in parts] for row in rows]
        shown = Shown("", heads=[part.label for part in parts], rows=lines)
        return [{"title": _("Qualification certificates"), "items": [(cell, shown)]}]
