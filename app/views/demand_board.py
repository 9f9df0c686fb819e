"""The demand board on the portal (需求大厅): what the platform still has to assign."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask_appbuilder import expose

from app import choices
from app.columns import masked_text
from app.extensions import db
from app.security import words
from app.services import demand_board
from app.views import market
from app.views.base import Page, paging
from app.views.base.cells import Shown, local_time

PAGE_SIZE = 12
CREATED, KEY = (demand_board.demand_.c[name] for name in ("created_at", "id"))


class DemandBoardView(Page):
    """Open to everybody; who asks and how to reach him is told to whom staff assign it."""

    route_base = "/market/demands"

    @expose("/")
    def show(self) -> str:
        """One page of demands, the newest first, of one category or of all."""
        category = market.known_category(request.args.get("category", ""))
        within = words().within("service_category", category) if category else []
        rows, query = demand_board.standing(db.session(), within)
        at = paging.position(request.args.get("at", ""), CREATED)
        page = paging.page(
            rows, query, CREATED, KEY, descending=True, at=at, size=PAGE_SIZE, count=None
        )
        kept = {"category": category} if category else {}
        return render_template(
            "market/demands.html",
            categories=market.categories(),
            category=category,
            demands=[_card(row) for row in page.rows],
            ask_url=url_for("MyDemandView.add"),
            page=page.line(partial(url_for, ".show"), kept),
            sidebar="",
        )  # fmt: skip


def _card(row: Any) -> dict[str, Any]:
    """Phones and addresses that somebody wrote into the text are masked."""
    urgency = choices.URGENCIES.of(row.urgency)
    return {
        "title": masked_text(row.title),
        "description": masked_text(row.description),
        "category": words().label("service_category", row.category),
        "budget": words().label("budget", row.budget),
        "expected_on": row.expected_on,
        "urgency": Shown(str(urgency.label), urgency.css),
        "at": local_time(row.created_at)[:10],
    }
