"""Rules of the house that no compiler keeps: names, doors past the rules, what a page may hold."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, NavigableString, Tag
from sqlalchemy.orm import configure_mappers
from wtforms import Form

from app import access, models
from app.services.demo import ACCOUNTS, PASSWORD
from app.views import VIEWS
from app.views.base import Page
from app.views.base.forms import ModelForm
from tests.conftest import TEST_CODE, _let_go
from tests.planted import address, planted
from tests.routes import LINES, ROLES

APP = Path(models.__file__).parent
STATIC = APP / "static"

# --- the code ---------------------------------------------------------------------------------

# Function -> how often it is called, by file.  Every door past the rules of rows is known here.
DOORS = {
    "elevated": {
        "jobs/uploads.py": 2, "jobs/audit.py": 2, "views/audit.py": 2, "views/base/revealing.py": 1,
        "jobs/accounts.py": 2, "jobs/alarm.py": 1, "jobs/board.py": 3, "jobs/cleanup.py": 1,
        "jobs/engine.py": 1, "jobs/heartbeat.py": 2, "jobs/licences.py": 1, "jobs/tasks.py": 4,
        "jobs/demands.py": 1, "services/demands.py": 1, "lifecycle.py": 2,
        "jobs/trial.py": 1, "jobs/imports.py": 1, "jobs/figures.py": 2,
        "views/base/importing.py": 2,
        "jobs/outbox.py": 1, "messages/delivery.py": 3, "messages/reading.py": 1,
        "messages/telling.py": 2,
        "services/accounts.py": 1, "services/logins.py": 1, "services/reference.py": 1,
        "views/agreements.py": 3, "views/rights.py": 1,
        "views/cases.py": 1, "views/files.py": 1, "views/membership.py": 4, "views/people.py": 2,
        "workflow.py": 2,
        "jobs/products.py": 3, "services/products.py": 5, "views/base/view.py": 1,
        "services/categories.py": 1,
        "views/market.py": 1, "services/demand_board.py": 1, "views/products.py": 1,
        "services/trade.py": 2, "services/ratings.py": 8, "jobs/trade.py": 2,
        "views/filings.py": 1,
        "services/activities.py": 1, "services/formulas.py": 1, "jobs/scores.py": 1,
        "views/scores.py": 3, "services/demo/scores.py": 1,
        "services/association.py": 1, "views/institution_page.py": 1,
        "jobs/invitations.py": 2, "services/consultants.py": 7, "views/consultant_pages.py": 1,
        "views/consultants.py": 1, "views/invited.py": 1,
    },
    "system_session": {
        "cli.py": 2, "jobs/__init__.py": 1, "jobs/engine.py": 2, "login.py": 7, "security.py": 1,
        "views/account.py": 2, "views/forgotten.py": 6, "views/my_account.py": 11,
        "views/registration.py": 5, "views/users.py": 3, "views/invited.py": 5,
    },
    "connection": {
        "services/demo/figures.py": 1,
        "access/__init__.py": 1, "audit.py": 1, "login.py": 5, "services/accounts.py": 3,
        "security.py": 5, "views/base/copied.py": 1, "views/base/exporting.py": 1,
        "views/enrolment.py": 1,
        "views/forgotten.py": 3, "views/my_account.py": 5, "views/registration.py": 1,
        "services/seeding.py": 1, "services/demo/consultants.py": 1, "views/invited.py": 4,
    },
    "connect": {
        "cli.py": 3, "services/backup.py": 9, "security.py": 1, "views/base/writer.py": 1,
    },
    "begin": {
        "extensions.py": 1, "views/base/revealing.py": 2, "views/frame.py": 1, "cli.py": 3,
    },
    "raw_connection": {},
    "Session": {"login.py": 1, "security.py": 1},
    "sessionmaker": {"__init__.py": 1},
    "AppSession": {"extensions.py": 1, "views/base/exporting.py": 1},
}  # fmt: skip
FOR_THE_EDGE = {
    "set_actor": {"security.py": 2},
    "acting_as": {"extensions.py": 1, "jobs/imports.py": 1, "views/base/exporting.py": 1},
}


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def calls(names: set[str]) -> dict[str, dict[str, int]]:
    """How often each of ``names`` is called, by file of the application."""
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in names:
                counted = found[_called(node)]
                place = str(path.relative_to(APP))
                counted[place] = counted.get(place, 0) + 1
    return found


def test_every_way_past_the_rules_is_known():
    known = DOORS | FOR_THE_EDGE
    assert calls({*known}) == known


def test_no_code_asks_to_be_trusted():
    """The execution option exists for security alone; nobody uses it."""
    users = [
        path.name
        for path in APP.rglob("*.py")
        if re.search(r"trusted\s*=|[\"']trusted[\"']\s*:", path.read_text(encoding="utf-8"))
    ]
    assert users == []


def test_the_models_stay_readable():
    modules = sorted((APP / "tables").glob("*.py"))
    assert len(modules) > 10
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_states_that_people_could_write_move_by_steps_alone():
    """A form, an import or a bulk edit of ours can set none of them (see ``by_flow``)."""
    states = {
        f"{model.__name__}.{column.name}": column.info["field"]
        for model in access._writable  # noqa: SLF001 - whose rows anybody but the system writes
        for column in model.__table__.columns
        if column.name.endswith("state") and column.info.get("field")
    }
    assert len(states) > 15
    assert [name for name, info in states.items() if not info.by_flow] == []


def test_every_page_descends_from_ours():
    assert [view.__name__ for view in VIEWS if not issubclass(view, Page)] == []


def test_no_column_is_named_like_an_attribute_of_a_form():
    """WTForms would take the field for its own method."""
    configure_mappers()
    mappers = models.Model.registry.mappers
    ours = [m for m in mappers if m.class_.__module__.startswith("app.tables.")]
    assert len(ours) > 20
    reserved = {n for n in [*dir(ModelForm), *dir(Form())] if not n.startswith("__")}
    assert {"data", "errors", "meta", "process", "validate", "populate_obj"} <= reserved
    taken = {f"{m.class_.__name__}.{key}" for m in ours for key in {*m.attrs.keys()} & reserved}
    assert taken == set()


# --- the routes ---------------------------------------------------------------------------------

OF_FAB = (
    "/users/userinfo/", "/roles/list/", "/permissions/list/",
    "/viewmenus/list/", "/permissionviews/list/", "/userstatschartview/chart/", "/groups/list/",
    "/registeruser/list/", "/registeruser/form", "/resetmypassword/form", "/resetpassword/form",
    "/userinfoeditview/form", "/back", "/locale/en", "/api/v1/_openapi", "/swagger/v1",
    "/api/v1/security/login", "/api/v1/menu/", "/static/appbuilder/css/ab.css",
    "/organizations/action/x/1", "/organizations/action_post", "/organizations/download/x.pdf",
    "/organizations/list", "/menu", "/index",
)  # fmt: skip


def test_every_route_is_ours(application):
    for rule in application.url_map.iter_rules():
        view = application.view_functions[rule.endpoint]
        owner = getattr(view, "__self__", None)
        module = type(owner).__module__ if owner is not None else view.__module__
        assert rule.endpoint == "static" or module.startswith("app.views"), rule


def test_no_page_of_flask_appbuilder_is_reachable(app, sign_in):
    del app
    for role in (None, "operator"):
        client = sign_in(role)
        for path in OF_FAB:
            for method in ("GET", "POST"):
                answer = client.open(path, method=method)
                assert answer.status_code in {404, 405} or (
                    answer.status_code == 308 and answer.headers["Location"].endswith(f"{path}/")
                ), (role, method, path, answer.status_code)


# --- what is served ------------------------------------------------------------------------------


def test_vendored_files_are_what_the_lock_says():
    lock = json.loads((STATIC / "vendor" / "vendor.lock.json").read_text(encoding="utf-8"))
    for entry in lock:
        assert sha256((STATIC / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
    locked = {entry["file"] for entry in lock}
    there = {
        str(path.relative_to(STATIC)) for path in (STATIC / "vendor").iterdir()
    } - {"vendor/vendor.lock.json"}  # fmt: skip
    assert there <= locked
    licensed = {entry["package"] for entry in lock if "LICENSE" in entry["file"]}
    assert {entry["package"] for entry in lock} == licensed


def test_served_files_load_nothing_from_elsewhere():
    for path in STATIC.rglob("*"):
        if path.suffix in {".css", ".js", ".svg"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"url\(\s*['\"]?(https?:)?//", text), path
            assert not re.search(r"@import|sourceMappingURL|importScripts", text), path
            assert not re.search(r"(src|href|fetch\()\s*=?\s*['\"]https?://", text), path


# --- the pages -----------------------------------------------------------------------------------

Pages = list[tuple[str, BeautifulSoup]]
NONCE = re.compile(r' nonce="[^"]*"')
MISTAKES = (
    ("operator", "/organizations/add/"), ("operator", "/announcements/add/"),
    ("visitor", "/accreditations/add/"), ("anonymous", "/register/"),
    ("anonymous", "/register/?kind=ordinary"), ("anonymous", "/login/"), ("operator", "/nowhere/"),
)  # fmt: skip


@pytest.fixture(scope="module")
def pages(application, store) -> Pages:
    """Every page of every role, the forms with their faults, and a page for what is not there.

    Most are one refusal, the same at each address: the same text is looked at once.
    """
    _let_go(application)
    store.restore()
    rows = planted(application)
    found: dict[tuple[bool, str], str] = {}
    for role in ROLES:
        client = application.test_client()
        if role != "anonymous":
            typed = {"username": role, "password": PASSWORD, "captcha": TEST_CODE}
            assert client.post("/login/", data=typed).status_code == 302
        asked = [address(line, rows[role]) for line in LINES if line.method == "GET"]
        asked += ["/?q=数智&kind=digital", "/?q=没有这样的机构", "/register/?kind=ordinary"]
        if role == "operator":
            asked += ["/organizations/list/?q=没有", "/organizations/list/?tab=in_pool&size=3"]
        for path in asked:
            if path.startswith("/lang/"):
                continue
            answer = client.get(path, buffered=True)
            if answer.mimetype == "text/html" and answer.status_code != 302:
                text = NONCE.sub("", answer.text)
                found.setdefault((_is_bilingual(path), text), f"{role} {path}")
        for who, path in MISTAKES:
            if who == role:
                text = client.post(path, data={"name": "x"}).text
                found[_is_bilingual(path), text] = f"{role} {path} with faults"
    assert len(found) > 100
    return [(where, BeautifulSoup(text, "html.parser")) for (_, text), where in found.items()]


def _is_bilingual(where: str) -> bool:
    """Whether a page holds English beside the Chinese, or addresses."""
    return bool(re.search("/agreements/|/categories/|/audit/", where))


def _texts(page: BeautifulSoup, *names: str) -> Iterator[str]:
    """The texts of the elements whose ids are ``names``."""
    for name in names:
        found = page.find(id=name)
        if found is not None:
            yield found.get_text(" ", strip=True)


def _name(page: BeautifulSoup, field: Tag) -> str:
    """What assistive software says of a field or button."""
    by_id = _texts(page, *str(field.get("aria-labelledby", "")).split())
    labels = page.select(f'label[for="{field.get("id")}"]') if field.get("id") else []
    around = field.find_parent("label")
    said = [
        str(field.get("aria-label", "")), *by_id, *(label.get_text(strip=True) for label in labels),
        around.get_text(strip=True) if around else "",
        field.get_text(strip=True) if field.name == "button" else "",
        *(str(image.get("alt", "")) for image in field.select("img")),
    ]  # fmt: skip
    return "".join(said)


def test_every_input_of_every_page_has_a_label(pages):
    counted = 0
    for where, page in pages:
        for field in page.select("input, select, textarea, button"):
            if field.get("type") == "hidden" or field.get("name") == "csrf_token":
                continue
            assert _name(page, field), (where, str(field)[:300])
            counted += 1
        for image in page.select("img"):
            assert image.has_attr("alt"), (where, str(image)[:300])
    assert counted > 500


def test_every_page_has_a_heading_a_title_a_language_and_unique_ids(pages):
    for where, page in pages:
        assert page.html is not None
        assert page.html["lang"] == "zh-CN", where
        assert page.title is not None, where
        assert page.title.get_text(strip=True), where
        assert len(page.select("h1")) == 1, where
        assert len(page.select("main")) == 1, where
        ids = [str(tag["id"]) for tag in page.select("[id]")]
        assert len(ids) == len(set(ids)), (where, {i for i in ids if ids.count(i) > 1})


OWN_ADDRESS = re.compile(r"(/(?!/)|#|\?|mailto:|tel:|data:image/)")


def test_no_page_holds_a_style_a_script_or_something_remote(pages):
    for where, page in pages:
        assert page.select("style, iframe, object, embed, base, [style]") == [], where
        for script in page.select("script"):
            data = script.get("type") == "application/json"
            assert data or str(script.get("src", "")).startswith("/static/"), (where, script)
        for tag in page.find_all(True):
            handlers = [name for name in tag.attrs if name.startswith("on")]
            assert handlers == [], (where, tag.name, handlers)
            for name in ("src", "href", "action", "formaction", "xlink:href", "poster", "srcset"):
                value = str(tag.get(name, "#"))
                if tag.name == "a" and re.match(r"https?://", value):
                    assert {"noopener", "noreferrer"} & set(tag.get("rel", [])), (where, value)
                else:
                    assert value == "" or OWN_ADDRESS.match(value), (where, tag.name, value)


# What Chinese pages call so too; abbreviations may come out of the demonstration's texts.
DEMONSTRATION = "".join(
    path.read_text(encoding="utf-8") for path in (APP / "reference_data").rglob("*.toml")
)
SAID_IN_LATIN = {
    "English",
    "PDF",
    "KB",
    "MB",
    "pdf",
    "docx",
    "jpg",
    "jpeg",
    "png",
    "ID",
    "CSV",
    "Logo",
    "LOGO",
    "App",
    "Excel",
    "xlsx",
    "SaaS",
    "eml",
    "msg",
}
NO_WORDS = re.compile(
    r"\{\w+\}|https?://\S*|[\w.*]+@[\w.]+|\b[a-z]+\.[a-z]+\b|[\w一-鿿]+\.(?:png|jpe?g|pdf|eml)|\b[0-9A-Z]{18}\b|\b[A-Z]{2,3}-\d{8}-\d{4}(?!\d)"
    r"|\bXQ-\d|\bZS\d{4}\b|\bx{10}\b"
    r"|\bQY\w+|\bWerkzeug/[\d.]+|python run\.py \w+"
)
USER_NAMES = re.compile(
    rf"(?<![A-Za-z_])(?:{'|'.join(account.username for account in ACCOUNTS)})(?![A-Za-z_])"
)
READ = ("placeholder", "title", "aria-label", "alt", "data-confirm", "label", "data-placeholder")


def _read(page: BeautifulSoup) -> Iterator[str]:
    """Whatever a person reads or hears of a page, the words of its script among it."""
    for text in page.find_all(string=True):
        if isinstance(text, NavigableString) and type(text) is NavigableString:
            parent = text.parent.name if text.parent else ""
            if parent not in {"script", "style"} and not _is_source(text):
                yield str(text)
    for tag in page.find_all(True):
        if tag.get("lang") in {None, "zh-CN"}:
            yield from (str(tag[name]) for name in READ if tag.has_attr(name))
    for script in page.select('script[type="application/json"]'):
        yield from _values(json.loads(script.get_text()))


def _is_source(text: NavigableString) -> bool:
    """A formatted text in its form, which the editor shows without its tags."""
    return text.find_parent(attrs={"data-rich": True}) is not None


def _values(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _values(value)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value)
    else:
        yield str(data)


def test_chinese_pages_speak_chinese(pages):
    foreign: dict[str, set[str]] = {}
    for where, page in pages:
        if _is_bilingual(where):
            continue
        for text in _read(page):
            said = USER_NAMES.sub(" ", NO_WORDS.sub(" ", text))
            for word in re.findall(r"[A-Za-z]{2,}", said):
                if word not in SAID_IN_LATIN and not (word.isupper() and word in DEMONSTRATION):
                    foreign.setdefault(word, set()).add(f"{where}: {text.strip()[:60]}")
    found = {word: min(places) for word, places in foreign.items()}
    assert not foreign, "\n".join(f"{word}: {place}" for word, place in found.items())
