"""What an operation must cost: its one statement, and a page of its rows, with nothing around.

*bare* is WSGI, psycopg and a compiled Jinja2 template.  *flask* is the least that our stack can
do: Flask, its signed session, a form token, SQLAlchemy Core, and a template that inherits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from typing import Any

import psycopg
from flask import Flask, render_template, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from jinja2 import DictLoader, Environment
from sqlalchemy import Engine, Select, Update, select, tuple_, update
from sqlalchemy.dialects import postgresql

from app.models import Demand, FlowCase, FlowTask, MonthFigure, Organization, Product, ScoreStanding
from app.search import search
from bench.data import FIRST, NOW, Size

demand, product, place = Demand.__table__, Product.__table__, Organization.__table__
task, case, figure, standing = (
    m.__table__ for m in (FlowTask, FlowCase, MonthFigure, ScoreStanding)
)
PAGE, CARDS = 26, 13
Statement = Select[Any] | Update

TEMPLATES = {
    "base": "<!doctype html><html lang=zh-CN><meta charset=utf-8><title>{{ title }}</title>"
    "<meta name=csrf-token content='{{ token }}'><body>{% block body %}{% endblock %}</body>",
    "rows": "{% extends 'base' %}{% block body %}<h1>{{ title }}</h1><table>"
    "{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}"
    "</table>{% endblock %}",
}


def statements(rows: Size) -> Mapping[str, Statement]:
    """The one statement of each operation that has a floor."""
    listed = select(
        demand.c.id, demand.c.number, demand.c.title, demand.c.enterprise_name,
        demand.c.target_name, demand.c.category, demand.c.urgency, demand.c.state,
        demand.c.last_contact_at, demand.c.due_at,
    ).order_by(demand.c.turn_at, demand.c.id).limit(PAGE)  # fmt: skip
    offered = select(
        product.c.id, product.c.name, place.c.name, product.c.category, product.c.price_from,
        product.c.valid_until, product.c.view_count, product.c.demand_count, product.c.state,
    ).join_from(product, place)  # fmt: skip
    newest = offered.order_by(product.c.id.desc()).limit(PAGE)
    cards = (
        offered.where(product.c.state == "listed")
        .order_by(product.c.listed_at.desc(), product.c.id.desc())
        .limit(CARDS)
    )
    one = FIRST + rows.institutions // 2
    waiting = (
        select(
            task.c.id, case.c.title, case.c.applicant_name, case.c.submitted_at, task.c.due_at,
            case.c.number,
        ).join_from(task, case)
        .where(task.c.state == "open", task.c.role == "operator")
        .order_by(task.c.due_at, task.c.id)
        .limit(PAGE)
    )  # fmt: skip
    deep = tuple_(demand.c.turn_at, demand.c.id) > tuple_(NOW, FIRST + rows.demands // 2)
    return {
        "list": listed,
        "deep": listed.where(deep),
        "filter": listed.where(demand.c.state == "waiting", demand.c.category == "zc01"),
        "search2": newest.where(search(product.c.search_text, "数字")),
        "search5": newest.where(search(product.c.search_text, "数字化转型")),
        "rare": newest.where(search(product.c.search_text, "孪生")),
        "detail": select(demand).where(demand.c.id == FIRST + rows.demands // 2),
        "form": select(place).where(place.c.id == one),
        "post": update(place)
        .where(place.c.id == one)
        .values(website="https://example.com/", version=place.c.version + 1),
        "todos": waiting,
        "catalogue": cards,
        "catalogue_search": cards.where(search(product.c.search_text, "数字")),
        "product": select(product).where(product.c.id == FIRST + rows.products // 2),
        "dashboard": select(figure).order_by(figure.c.month),
        "board": select(standing).order_by(standing.c.kind, standing.c.rank).limit(PAGE),
    }


def bare(url: str, wanted: Mapping[str, Statement]) -> Callable[..., Any]:
    """A WSGI application over one connection; its path is the name of the operation."""
    connection = psycopg.connect(url, autocommit=True)
    connection.prepare_threshold = None  # plans must see the searched word
    page = Environment(loader=DictLoader(TEMPLATES), autoescape=True).get_template("rows")
    ready = {key: _plain(statement) for key, statement in wanted.items()}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        key = environ["PATH_INFO"].strip("/")
        query, values = ready[key]
        cursor = connection.execute(query, values)
        rows = cursor.fetchall() if cursor.description else []
        body = page.render(title=key, token="", rows=rows).encode()
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [body]

    return application


def _plain(statement: Statement) -> tuple[bytes, Any]:
    made = statement.compile(
        dialect=postgresql.psycopg.dialect(), compile_kwargs={"render_postcompile": True}
    )
    return str(made).encode(), made.construct_params()


def flask(engine: Engine, wanted: Mapping[str, Statement]) -> Flask:
    """The same in Flask."""
    app = Flask("floor")
    app.config.update(SECRET_KEY=token_urlsafe(), WTF_CSRF_CHECK_DEFAULT=False)
    app.jinja_loader = DictLoader(TEMPLATES)
    CSRFProtect(app)

    @app.route("/<key>", methods=["GET", "POST"])
    def answer(key: str) -> str:
        session["seen"] = key
        with engine.begin() as connection:
            found = connection.execute(wanted[key])
            rows = found.all() if found.returns_rows else []
        return render_template("rows", title=key, token=generate_csrf(), rows=rows)

    return app
