"""What the workbench shows of the supermarket, by role: figures that lead on, and quick entries.

A figure is shown to whoever may open the list behind it, counted as far as its cap, all in one
statement; a quick entry to whoever may do what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from app import access, choices, clock
from app.columns import Phrase
from app.extensions import db
from app.models import Consultant, Demand, Filing, Product, Rating
from app.services import figures
from app.views.base.paging import capped, capped_counts
from app.views.base.view import TAB_CAP

Entry = tuple[str, str, str, Phrase, str]
ENTRIES: tuple[Entry, ...] = (
    ("add", "ConsultantView", "ConsultantView.add", _l("Add a consultant"), "user-plus"),
    ("add", "ListingView", "ListingView.add", _l("List a standard product"), "packages"),
    ("add", "ProductReviewView", "ProductReviewView.add", _l("New special product"), "plus"),
    ("add", "FilingView", "FilingView.add", _l("New transaction filing"), "file-certificate"),
    ("add", "ActivityView", "ActivityView.add", _l("New activity filing"), "calendar-event"),
    ("add", "MyDemandView", "MyDemandView.add", _l("Raise a demand"), "message-2"),
    ("add", "MailedActivityView", "MailedActivityView.add", _l("Register an activity"), "mail"),
    ("add", "StandardProductView", "StandardProductView.add", _l("New standard product"), "plus"),
    ("add", "AnnouncementView", "AnnouncementView.add", _l("New announcement"), "speakerphone"),
    ("show", "DashboardView", "DashboardView.show", _l("Statistics"), "chart-bar"),
)
"""Verb and view of the right that is asked for, endpoint, words, icon."""


def entries() -> Iterator[dict[str, Any]]:
    """The quick entries that the reader may use."""
    manager = current_app.extensions["appbuilder"].sm
    for verb, view, endpoint, label, icon in ENTRIES:
        if manager.has_access(f"can_{verb}", view):
            yield {"label": label, "url": url_for(endpoint), "icon": icon}


def cards(now: datetime) -> Iterator[dict[str, Any]]:
    """The figures of the reader's side of the supermarket."""
    who, manager = access.actor(), current_app.extensions["appbuilder"].sm
    found = {
        name: card
        for name, card in _cards_of(who, now).items()
        if manager.has_access("can_list", card[0])
    }
    counts = capped_counts(
        db.session(), {name: (query, TAB_CAP) for name, (_v, query, _l, _i, _t) in found.items()}
    )
    for name, (view, _query, label, icon, tab) in found.items():
        css = "d" if name in URGENT and counts[name] else ""
        url = url_for(f"{view}.list", **({"tab": tab} if tab else {}))
        value = capped(counts[name], TAB_CAP)
        yield {"label": label, "value": value, "icon": icon, "url": url, "css": css}
    if who.kind == "member" and manager.has_access("can_add", "FilingView"):
        yield _turnover(who, now)


URGENT = ("late", "waiting", "disputed")
Card = tuple[str, Select[Any], str, str, str]


def _cards_of(who: access.Actor, now: datetime) -> dict[str, Card]:
    """View, rows, words, icon and tab of each figure, by name."""
    sides: Mapping[str, Callable[[access.Actor, datetime], dict[str, Card]]] = {
        "staff": _staff,
        "consultant": _consultant,
        "member": _member,
    }
    return sides.get(who.kind, _buyer)(who, now)


def _staff(_who: access.Actor, now: datetime) -> dict[str, Card]:
    return {
        "open": (
            "OpenDemandView", _rows(Demand, Demand.state == "open"), _("Demands to be assigned"),
            "message-2", "",
        ),
        "late": (
            "LateDemandView", _rows(Demand, Demand.turn_at < now), _("Late demands"), "clock", "",
        ),
        "disputed": (
            "DemandView", _rows(Demand, Demand.state == "disputed"), _("Disputed outcomes"),
            "alert-triangle", "disputed",
        ),
    }  # fmt: skip


def _member(who: access.Actor, now: datetime) -> dict[str, Card]:
    """Of an institution what it sells, of any organization what it buys."""
    house = who.organization_id
    return {
        "products": (
            "SpecialProductView",
            _rows(Product, Product.organization_id == house, Product.state == "listed"),
            _("Products on sale"), "packages", "listed",
        ),
        "waiting": (
            "DemandView", _rows(Demand, Demand.organization_id == house, Demand.state == "waiting"),
            _("Demands to be contacted"), "message-2", "waiting",
        ),
        "consultants": (
            "ConsultantView",
            _rows(Consultant, Consultant.organization_id == house, Consultant.state == "linked"),
            _("Number of consultants"), "users", "linked",
        ),
    } | _buyer(who, now)  # fmt: skip


def _buyer(who: access.Actor, now: datetime) -> dict[str, Card]:
    house = who.organization_id
    mine = Demand.enterprise_id == house if house else Demand.user_id == who.user_id
    running = Demand.state.in_(choices.DEMAND_RUNNING)
    return {
        "demands": (
            "MyDemandView", _rows(Demand, mine, running), _("My running demands"), "message-2", "",
        ),
        "ratings": (
            "WaitingRatingView", _rows(Rating, *_to_rate(house or 0, now)), _("To be rated"),
            "star", "",
        ),
    }  # fmt: skip


def _consultant(who: access.Actor, _now: datetime) -> dict[str, Card]:
    mine = Demand.consultant_id == who.consultant_id
    following = Demand.state.in_(("contacted", "following"))
    return {
        "waiting": (
            "DemandView", _rows(Demand, mine, Demand.state == "waiting"),
            _("Demands to be contacted"), "message-2", "waiting",
        ),
        "following": (
            "DemandView", _rows(Demand, mine, following), _("In talks"), "phone", "following",
        ),
        "won": (
            "DemandView", _rows(Demand, mine, Demand.state == "won"), _("Deals made"),
            "circle-check", "won",
        ),
    }  # fmt: skip


def _rows(model: Any, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(model.id).where(*conditions)


def _to_rate(house: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What waits for a side's own rating."""
    sells = and_(Rating.organization_id == house, Rating.direction == "provider_to_buyer")
    buys = and_(Rating.buyer_id == house, Rating.direction == "buyer_to_provider")
    return Rating.state == "waiting", Rating.due_at > now, or_(sells, buys)


def _turnover(who: access.Actor, now: datetime) -> dict[str, Any]:
    """The amount of the transactions of this month that were filed (本月交易额)."""
    month = figures.month_number(clock.local_day(now))
    first, end = figures.first_day(month), figures.first_day(figures.after(month))
    filed = select(func.sum(Filing.amount)).where(
        Filing.organization_id == who.organization_id,
        Filing.signed_on >= first,
        Filing.signed_on < end,
        Filing.state == "approved",
    )
    cents = db.session.scalar(filed) or 0
    return {
        "label": _("Filed this month (yuan)"),
        "value": f"{cents / 100:,.0f}",
        "icon": "receipt",
        "url": url_for("FilingView.list"),
    }
