"""The public page of an institution: what it says of itself, and what others say of it (S4-2)."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import access
from app.choices import MEMBER_KINDS
from app.extensions import db
from app.models import Consultant, Organization, Qualification, ScoreStanding
from app.security import words
from app.services import ratings
from app.views import market
from app.views.base.cells import Shown, cell_at, local_time

CONSULTANTS, VOICES = 8, 5
POINTS = 100
ABOUT = ("intro", "advantages")
SERVICES = ("institution_kind", "service_categories", "service_area", "website", "service_tel")
WHY = "what buyers said in public is everybody's"


def sections(row: Any) -> list[dict[str, Any]]:
    """What the institution says of itself; of its certificates name and end alone."""
    told = [
        {
            "title": title,
            "items": [
                (cell, cell.show(getattr(row, cell.path)))
                for cell in (cell_at(Organization, name) for name in names)
                if getattr(row, cell.path) not in (None, "", [])
            ],
        }
        for title, names in ((_("Introduction"), ABOUT), (_("Services"), SERVICES))
    ]
    return [*told, *_certificates(row.id)]


def offers(row: Any) -> dict[str, Any]:
    """Its products, its consultants, its ratings and its place on the board."""
    rows = access.elevated(db.session(), WHY)
    said = ratings.summary(rows, row.id)
    return {
        "products": market.of_institution(row.id),
        "consultants": _consultants(row.id),
        "rating": _rating(said),
        "voices": [_voice(voice) for voice in ratings.public(rows, row.id, most=VOICES)]
        if said.count
        else [],
        "standing": _standing(row.id),
        "member": MEMBER_KINDS.of(row.member_kind).label
        if row.association_state == "member" and row.member_kind
        else "",
    }


def _certificates(organization_id: int) -> list[dict[str, Any]]:
    query = select(Qualification.name, Qualification.valid_until).where(
        Qualification.organization_id == organization_id
    )
    rows = db.session.execute(query.order_by(Qualification.id)).all()
    if not rows:
        return []
    cell = cell_at(Organization, "qualifications")
    parts = [child for child in cell.columns if child.path in {"name", "valid_until"}]
    lines = [[part.show(getattr(row, part.path)) for part in parts] for row in rows]
    shown = Shown("", heads=[part.label for part in parts], rows=lines)
    return [{"title": _("Qualification certificates"), "items": [(cell, shown)]}]


def _consultants(organization_id: int) -> list[dict[str, Any]]:
    """Who serves for it, the longest first."""
    c = Consultant
    query = select(c.id, c.name, c.title, c.photo_id, c.specialities).where(
        c.organization_id == organization_id, c.state == "linked"
    )
    return [
        {
            "name": row.name,
            "post": row.title
            or "、".join(words().label("service_category", s) for s in row.specialities[:2]),
            "photo_url": url_for("FileView.show", pk=row.photo_id) if row.photo_id else None,
            "url": url_for("ConsultantPageView.show", pk=row.id),
        }
        for row in db.session.execute(query.order_by(c.id).limit(CONSULTANTS))
    ]


def _rating(said: ratings.Summary) -> dict[str, Any] | None:
    """The mean, and how the stars are spread."""
    if not said.count:
        return None
    most = max(said.by_star.values()) or 1
    return {
        "score": f"{said.score / POINTS:.1f}",
        "count": said.count,
        "stars": [
            {"star": star, "count": count, "share": round(100 * count / most)}
            for star, count in said.by_star.items()
        ],
    }


def _voice(voice: ratings.Voice) -> dict[str, Any]:
    return {
        "name": voice.name,
        "title": voice.title,
        "score": f"{voice.score / POINTS:.1f}",
        "text": voice.text,
        "day": local_time(voice.rated_at)[:10],
        "reply": voice.reply,
    }


def _standing(organization_id: int) -> dict[str, Any] | None:
    """Its rank and its score, as of the last night."""
    mine = (ScoreStanding.kind == "institution", ScoreStanding.subject_id == organization_id)
    row = db.session.execute(select(ScoreStanding.rank, ScoreStanding.score).where(*mine)).first()
    if row is None:
        return None
    return {"rank": row.rank, "score": f"{row.score / POINTS:,.2f}"}
