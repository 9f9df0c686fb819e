"""Routes: who may open which page with whose row, written down and held against every route."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask_appbuilder import BaseView, ModelView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import LazyString
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app import create_app, security
from app.extensions import db, system_session
from app.models import (
    Accreditation,
    Announcement,
    Membership,
    Model,
    Organization,
    Person,
)
from app.services.demo import credit_code
from app.views.base import BackOfficeView, Page
from tests.planted import address, body, outcome, picture, planted
from tests.routes import (
    FORM_ANSWERS,
    LINES,
    OPEN_TO_ALL,
    OPEN_TO_NONE,
    ROLES,
    WITHOUT_ROW,
    stale,
    unlisted,
)

ON_BOTH = ("institution", "operator")
WALKED = [pytest.param(role, marks=pytest.mark.db if role in ON_BOTH else ()) for role in ROLES]
"""A walk over every route takes its time: on both databases by those who may do most."""


def test_the_table_speaks_of_every_route(application):
    assert unlisted(application, LINES) == set()
    assert stale(application, LINES) == set()
    named = {rule for _method, rule in {(line.method, line.rule) for line in LINES}}
    assert OPEN_TO_ALL.keys() | OPEN_TO_NONE.keys() <= named


def test_routes_with_a_row_are_asked_with_own_and_foreign_ones():
    for rule in {line.rule for line in LINES if "<" in line.rule}:
        asked = {line.whose for line in LINES if line.rule == rule}
        assert asked == {"own", "foreign"} or rule in OPEN_TO_ALL | WITHOUT_ROW, rule


def test_every_route_is_allowed_to_somebody_and_refused_to_somebody():
    for line in LINES:
        same = [other for other in LINES if (other.method, other.rule) == (line.method, line.rule)]
        answers = {answer for other in same for answer in other.expected.values()}
        allowed = answers & FORM_ANSWERS
        refused = answers & {"login", "401", "403", "404", "409"}
        assert allowed or line.rule in OPEN_TO_NONE, line
        assert refused or line.rule in OPEN_TO_ALL, line


@pytest.mark.parametrize("role", WALKED)
def test_every_route_answers_each_role_as_the_table_says(app, sign_in, role):
    rows = planted(app)[role]
    client = sign_in(None if role == "anonymous" else role)
    answers = {
        (line.method, line.rule, line.whose): outcome(client, line, address(line, rows))
        for line in LINES
    }
    expected = {(line.method, line.rule, line.whose): line.expected[role] for line in LINES}
    assert answers == expected


@pytest.mark.db
def test_lists_and_exports_hold_own_rows_only(app, sign_in):
    """Beyond the status: no byte of an uncertified organization on any page of a stranger."""
    rows = planted(app)
    secret = ("望澜启帆创业孵化器", "望澜链擎工业互联网平台", "云岫众智产业服务", "12000000116")
    for role in ("anonymous", "visitor", "institution"):
        client = sign_in(None if role == "anonymous" else role)
        for line in LINES:
            if line.method == "GET" and line.rule != "/register/companies/":
                page = client.get(address(line, rows[role]), buffered=True).data
                found = [name for name in secret if name.encode() in page]
                assert not found, (role, line.rule, found)


# --- the walk sees what it is for -----------------------------------------------------------


class StrayView(BaseView):
    """A page that somebody forgot to put on the base."""

    route_base = "/stray"

    @expose("/")
    def show(self) -> str:
        """Open to everybody."""
        return "stray"


class StrayModelView(ModelView):
    """A stock view over our data."""

    datamodel = SQLAInterface(Announcement)
    route_base = "/stray-model"


def outside_the_base(app: Flask) -> set[str]:
    """The registered views that are not built on our base."""
    return {
        type(view).__name__
        for view in app.extensions["appbuilder"].baseviews
        if not isinstance(view, Page)
        or (isinstance(view, ModelView) and not isinstance(view, BackOfficeView))
    }


@pytest.fixture
def second(app, store, monkeypatch) -> Flask:
    """Another application on the same data, to plant something in."""
    del app
    monkeypatch.setattr(security, "watch_rights", lambda: None)  # it watches already
    return create_app(TESTING=True, SQLALCHEMY_DATABASE_URI=store.url)


def test_every_view_is_built_on_the_base(application):
    assert outside_the_base(application) == set()


@pytest.mark.parametrize("view", [StrayView, StrayModelView])
def test_a_planted_view_is_seen(second, view):
    assert outside_the_base(second) == set()
    with second.app_context():
        second.extensions["appbuilder"].add_view_no_menu(view)
        db.engine.dispose()
    assert outside_the_base(second) == {view.__name__}
    assert unlisted(second, LINES)


LISTED = ("filter_columns", "order_columns", "list_columns")


def test_every_generated_view_writes_down_what_it_offers(application):
    views = [v for v in application.extensions["appbuilder"].baseviews if isinstance(v, ModelView)]
    assert len(views) >= 6
    for view in views:
        name = type(view).__name__
        said = {
            key
            for cls in type(view).__mro__
            if issubclass(cls, BackOfficeView) and cls is not BackOfficeView
            for key in vars(cls)
        }
        is_listed = not view.include_route_methods or "list" in view.include_route_methods
        assert {"title", *(LISTED if is_listed else ())} <= said, name
        assert view.title
        cells = [*view.cells, *view.details, *view.filters]
        assert cells, name
        unnamed = [c.path for c in cells if not isinstance(c.label, LazyString) and c.path != "id"]
        assert unnamed == [], name
        children = [child for cell in view.details for child in cell.columns]
        assert all(isinstance(child.label, LazyString) for child in children), name
        assert set(view.order_columns) <= {c.key for c in view.mapper.column_attrs}, name


# --- nothing changes by chance --------------------------------------------------------------


KEPT_OF_READERS = ("throttle", "audit_entry")
"""What a reader leaves behind: how often something was asked, what was refused or exported."""


def everything(app: Flask, *but: str) -> dict[str, list[Any]]:
    """Every row of every table, and the files in the store.

    But for when somebody was last seen, which is written once a minute.
    """
    with app.app_context(), db.engine.connect() as connection:
        rows: dict[str, list[Any]] = {
            table.name: connection.execute(
                select(*(column for column in table.c if column.name != "last_seen"))
                .select_from(table)
                .order_by(*table.primary_key)
            ).all()
            for table in Model.metadata.sorted_tables
            if table.name not in but
        }
    folder = app.extensions["store"].folder
    return rows | {"files": sorted(path.name for path in folder.rglob("*") if path.is_file())}


@pytest.mark.parametrize("role", WALKED)
def test_no_get_request_changes_anything(app, sign_in, role):
    rows = planted(app)[role]
    client = sign_in(None if role == "anonymous" else role)
    before = everything(app, *KEPT_OF_READERS)
    for line in LINES:
        if line.method == "GET" and not line.rule.startswith("/captcha/"):  # which keep an answer
            client.get(address(line, rows), buffered=True)
    assert everything(app, *KEPT_OF_READERS) == before


def test_routes_that_change_something_refuse_get(app, sign_in):
    by_rule: dict[str, set[str]] = {}
    for line in LINES:
        by_rule.setdefault(line.rule, set()).add(line.method)
    closed = [rule for rule, methods in by_rule.items() if "GET" not in methods]
    assert len(closed) >= 9
    for role in ROLES:
        rows = planted(app)[role] if role == "operator" else None
        client = sign_in(None if role == "anonymous" else role)
        for line in LINES:
            if line.rule in closed and rows is not None:
                for method in ("GET", "HEAD"):
                    assert client.open(address(line, rows), method=method).status_code == 405, line


def typed(client: Any, path: str) -> MultiDict[str, str]:
    """What the browser would send of a form page, unchanged."""
    form = BeautifulSoup(client.get(path).text, "html.parser").select_one("form.record-form")
    assert form is not None, path
    sent: MultiDict[str, str] = MultiDict()
    for field in form.select("[name]"):
        name = str(field["name"])
        if field.find_parent("template") or "disabled" in field.attrs or name == "csrf_token":
            continue
        if field.name == "select":
            for option in field.select("option[selected]"):
                sent.add(name, str(option.get("value", "")))
        elif field.name == "textarea":
            sent.add(name, field.text.removeprefix("\n"))
        elif field.get("type") not in {"checkbox", "radio"} or "checked" in field.attrs:
            sent.add(name, str(field.get("value", "")))
    return sent


def _with(form: MultiDict[str, str], **values: str) -> MultiDict[str, str]:
    """The form after somebody typed something else into it."""
    sent = form.copy()
    for name, value in values.items():
        sent[name] = value
    return sent


def upload(client: Any, rule: str) -> str:
    sent = {"rule": rule, "file": (picture(), "x.png")}
    return str(client.post("/files/", data=sent).json["id"])


ANNOUNCED = {"title": "新的公告", "body": "正文", "publish_at": "2026-01-31T09:30"}
REGISTERED = {
    "mobile": "13900001234", "password": "Spring#2026", "password_again": "Spring#2026",
    "accept_terms": "1", "captcha": "0000", "real_name": "何友", "username": "latefriend",
    "email": "friend@example.com",
}  # fmt: skip
COMPANY = {
    "name": "望澜迟来科技有限公司", "credit_code": credit_code("77"), "region": "990101",
    "address": "望澜市澄川区新路7号", "industry": "65", "contact_name": "何迟",
}  # fmt: skip
AUTHORITY = {
    "name": "栖岭市经济发展局", "credit_code": credit_code("92"), "region": "990200",
    "address": "栖岭市政务路9号", "contact_name": "江晚", "contact_phone": "12000000778",
    "kind": "bureau",
}  # fmt: skip
AGREEMENT = {
    "document": "user_agreement", "number": "1.3", "title": "用户协议", "body": "第一条 约定。",
}  # fmt: skip
STAFF_FORM = COMPANY | {"contact_phone": "13900001236"}


def _application(client: Any, model: MultiDict[str, str]) -> MultiDict[str, str]:
    """The request of somebody else, with another company and with files of one's own."""
    sent = model.copy()
    sent.pop("version", None)  # tells which state of the other's row was read
    sent["name"], sent["credit_code"] = "望澜另一家有限公司", credit_code("79")
    sent["logo"], sent["licence_file"] = upload(client, "logo"), upload(client, "licence")
    for name in [name for name in sent if name.endswith("-proof") and sent[name]]:
        sent[name] = upload(client, "licence")
    return sent


@pytest.fixture
def changes(app, sign_in) -> list[tuple[Any, str, str, dict[str, Any]]]:
    """Browser, method, address and body of a request that works, for each route that changes."""
    rows = planted(app)
    clients = {role: sign_in(role) for role in ROLES[1:]}
    operator, newcomer, visitor = (clients[n] for n in ("operator", "newcomer", "visitor"))
    mine = rows["newcomer"]["own"]
    news = f"/announcements/edit/{rows['operator']['own']['announcements']}/"
    organization = f"/organizations/edit/{rows['institution']['own']['organizations']}/"
    request = f"/accreditations/edit/{mine['accreditations']}/"
    returned = typed(newcomer, request)
    case, secadmin = rows["operator"]["own"], clients["secadmin"]
    with app.app_context(), system_session() as session:
        staff_key = session.scalars(select(Person.id).filter_by(username="operator2")).one()
    return [
        (sign_in(), "POST", "/login/", {"data": {
            "username": "visitor", "password": "Qifu#2026", "captcha": "0000"}}),
        (sign_in(), "POST", "/register/?kind=ordinary", {"data": REGISTERED}),
        (visitor, "PUT", "/drafts/organizations-new", {"json": [["name", "x"]]}),
        (visitor, "POST", "/drafts/organizations-new/discard/", {"data": {}}),
        (visitor, "POST", "/files/", {"data": {"rule": "logo"}}),
        (visitor, "POST", "/accreditations/add/", {"data": _application(visitor, returned)}),
        (newcomer, "POST", f"/cases/{mine['cases']}/withdraw/", {"data": {}}),
        (newcomer, "POST", request, {"data": _with(returned, advantages="又快又好")}),
        (operator, "POST", "/announcements/add/", {"data": ANNOUNCED}),
        (operator, "POST", news, {"data": _with(typed(operator, news), title="改过")}),
        (operator, "POST", news.replace("edit", "delete"), {"data": {}}),
        (operator, "POST", "/organizations/add/", {"data": STAFF_FORM}),
        (clients["institution"], "POST", organization, {
            "data": _with(typed(clients["institution"], organization), website="https://x.cn")}),
        (operator, "POST", f"/cases/{case['cases']}/tasks/{case['task']}/approve/", {"data": {}}),
        (secadmin, "POST", "/users/add/", {"data": {
            "username": "fresh_staff", "name": "方知远", "mobile": "12000000777",
            "roles": "operator"}}),
        (secadmin, "POST", f"/users/{staff_key}/roles/", {"data": {"roles": "auditor"}}),
        (secadmin, "POST", f"/users/{case['users']}/logout/", {"data": {}}),
        (secadmin, "POST", "/authorities/add/", {"data": AUTHORITY}),
        (operator, "POST", "/agreements/add/", {"data": AGREEMENT}),
        (operator, "POST", f"/agreements/edit/{case['agreements']}/", {
            "data": AGREEMENT | {"number": "1.4"}}),
        (operator, "POST", f"/agreements/delete/{case['agreements/delete']}/", {"data": {}}),
        (operator, "POST", f"/agreements/publish/{case['agreements']}/", {"data": {}}),
        (clients["institution"], "POST", "/accept/", {"data": {"version": "user_agreement 1.4"}}),
        (operator, "POST", "/logout/", {"data": {}}),
    ]  # fmt: skip


def _send(client: Any, method: str, path: str, sent: dict[str, Any], token: str | None) -> Any:
    """One request, its body made anew: a file can be sent once only."""
    given = {key: value.copy() if hasattr(value, "copy") else value for key, value in sent.items()}
    if path == "/files/":
        given["data"]["file"] = (picture(), "x.png")
    headers = {} if token is None else {"X-CSRFToken": token}
    return client.open(path, method=method, headers=headers, **given)


def faults(answer: Any) -> list[str]:
    """What a form says is wrong."""
    page = BeautifulSoup(answer.text, "html.parser")
    return [note.get_text(" ", strip=True) for note in page.select(".note, .field-error, .error")]


def _token(client: Any) -> str:
    page = BeautifulSoup(client.get("/login/", follow_redirects=True).text, "html.parser")
    return str(page.select_one("meta[name=csrf-token]")["content"])  # type: ignore[index]


@pytest.mark.db
def test_without_the_right_token_nothing_changes(app, changes, sign_in, monkeypatch):
    stranger = sign_in("institution2")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    others = _token(stranger)
    for client, method, path, sent in changes:
        before = everything(app, *KEPT_OF_READERS)
        for token in (None, "", "wrong", others):
            answer = _send(client, method, path, sent, token)
            assert answer.status_code == 400, (path, token)
        field = {"csrf_token": others} | dict(sent.get("data", {}))
        if "data" in sent:
            assert client.post(path, data=field).status_code == 400
        assert everything(app, *KEPT_OF_READERS) == before, path
        answer = _send(client, method, path, sent, _token(client))
        assert answer.status_code in {200, 302}, (path, faults(answer))
        after = everything(app, *KEPT_OF_READERS)
        assert after != before, f"{path}: with its token it should have worked"


# --- mass assignment ------------------------------------------------------------------------


def odd(model: Any) -> dict[str, str]:
    """A value for every column that no honest form would send."""
    values: dict[str, str] = {}
    for name, column in model.__mapper__.columns.items():
        kind = getattr(column.type, "python_type", str)
        values[name] = {int: "7777", bool: "1", datetime: "2001-01-01T00:00"}.get(kind, "7777")
    values.pop("version", None)  # a form sends it to say what it has read
    return values | {"certification": "certified", "state": "approved", "roles": "1"}


def sneaked(app: Flask, forms: dict[Any, set[str]]) -> set[tuple[str, int, str]]:
    """Table, row and column, beyond what forms have, that hold an odd value."""
    found = set()
    with app.app_context(), system_session() as session:
        for model in (Organization, Accreditation, Announcement, Person, Membership):
            sent = {name: odd(model)[name] for name in odd(model).keys() - forms.get(model, set())}
            for row in session.scalars(select(model)):
                for name in sent.keys() & {*model.__mapper__.columns.keys()}:
                    value = getattr(row, name)
                    early = isinstance(value, datetime) and value.year == 2001
                    if early or str(value) == sent[name]:
                        found.add((model.__name__, row.id, name))
    return found


def test_no_route_that_changes_something_takes_a_request_without_its_token(
    app, sign_in, monkeypatch
):
    """For each of them, by whoever may reach it; a body is not even looked at."""
    rows = planted(app)
    clients = {role: sign_in(None if role == "anonymous" else role) for role in ROLES}
    others = _token(sign_in("institution2"))
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    limited = ("throttle", "audit_entry", "login_session")
    before = everything(app, *limited)
    asked = set()
    for line in LINES:
        allowed = [role for role in ROLES if line.expected[role] in FORM_ANSWERS | {"409"}]
        if line.method == "GET" or not allowed or line.whose == "foreign":
            continue
        client = clients[allowed[0]]
        for token in (None, "wrong", others):
            headers = {} if token is None else {"X-CSRFToken": token}
            path = address(line, rows[allowed[0]])
            answer = client.open(path, method=line.method, headers=headers, **body(line))
            assert answer.status_code == 400, (path, allowed[0], token)
        asked.add(line.rule)
    known = {line.rule for line in LINES if line.method != "GET"}
    assert known - asked <= OPEN_TO_NONE.keys()
    assert everything(app, *limited) == before


@pytest.mark.db
def test_columns_that_no_form_has_are_never_written(app, sign_in):
    rows = planted(app)
    operator, newcomer, visitor, institution = (
        sign_in(name) for name in ("operator", "newcomer", "visitor", "institution")
    )
    views: dict[Any, set[str]] = {}
    for view in app.extensions["appbuilder"].baseviews:
        if isinstance(view, BackOfficeView) and view.form_columns:
            views.setdefault(view.model, set(view.form_columns))  # an authority comes later
    mine = rows["newcomer"]["own"]
    own = f"/organizations/edit/{mine['organizations']}/"
    certified = f"/organizations/edit/{rows['institution']['own']['organizations']}/"
    request = f"/accreditations/edit/{mine['accreditations']}/"
    two = rows["newcomer"]["foreign"]
    child = {
        "qualifications-0-id": "1", "qualifications-0-organization_id": two["organizations"],
        "qualifications-0-accreditation_id": two["accreditations"],
        "qualifications-0-name": "证书", "qualifications-0-number": "1",
        "cases-0-accreditation_id": two["accreditations"],
    }  # fmt: skip
    newcomer.post(f"/cases/{mine['cases']}/withdraw/")  # one application at a time
    returned = typed(newcomer, request)
    filled = _with(typed(newcomer, own), legal_person="某人")
    changed = typed(institution, certified)
    posts = (
        (operator, "/organizations/add/", Organization, STAFF_FORM),
        (newcomer, own, Organization, filled),
        (institution, certified, Organization, changed),
        (visitor, "/accreditations/add/", Accreditation, _application(visitor, returned)),
        (newcomer, request, Accreditation, returned),
        (operator, "/announcements/add/", Announcement, ANNOUNCED),
        (sign_in(), "/register/?kind=enterprise", Organization, {
            **REGISTERED, **COMPANY, "credit_code": credit_code("78"), "name": "望澜又迟公司"}),
    )  # fmt: skip
    before = sneaked(app, views)
    for client, path, model, sent in posts:
        more = {k: v for k, v in odd(model).items() if k not in views[model]} | child
        form = MultiDict(more)
        form.update(sent)
        if model is Organization:
            form.update({k: v for k, v in odd(Person).items() if k not in form})
        answer = client.post(path, data=form)
        assert answer.status_code == 302, (path, faults(answer))
        assert sneaked(app, views) == before, path
        with app.app_context(), system_session() as session:
            certificates = session.get_one(Organization, two["organizations"]).qualifications
            assert [row.name for row in certificates] == ["律师事务所执业许可证"]


@pytest.mark.db
def test_what_is_fixed_stays_whatever_a_member_posts(app, sign_in):
    rows = planted(app)
    client, key = sign_in("institution"), rows["institution"]["own"]["organizations"]
    path = f"/organizations/edit/{key}/"
    frozen = {
        "name": "改名有限公司", "credit_code": credit_code("44"), "region": "990201",
        "address": "别处", "industry": "72", "legal_person": "别人", "founded_on": "2001-01-01",
        "registered_capital": "1", "institution_kind": "tech", "service_categories": "",
        "licence_file": upload(client, "licence"), "qualifications-0-name": "假证",
        "qualifications-0-number": "1",
    }  # fmt: skip
    sent = typed(client, path)
    sent.update(frozen)
    before = everything(app, "access_version", "audit_entry")
    sent["website"] = "https://example.com/new"
    assert client.post(path, data=sent).status_code == 302
    after = everything(app, "access_version", "audit_entry")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"organization"}
    old, new = (
        next(row for row in rows_["organization"] if row.id == key) for rows_ in (before, after)
    )
    names = {name for name in old._fields if getattr(old, name) != getattr(new, name)}
    assert names == {"website", "version"}


# --- reference data in use: a right that is taken away works at once ------------------------


@pytest.mark.db
def test_a_right_that_is_taken_away_is_gone_at_the_next_request(app, sign_in):
    client = sign_in("operator")
    assert client.get("/organizations/list/").status_code == 200
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "operator")).one()
        person.roles = []
        session.commit()
    assert "/login/" in client.get("/organizations/list/").headers["Location"]
    client = sign_in("operator")
    assert client.get("/organizations/list/").status_code == 403
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "operator")).one()
        person.active = False
        session.commit()
    assert "/login/" in client.get("/organizations/list/").headers["Location"]
