"""Whatever stands in an address, a form or a header: a page or a clear refusal, never a fault."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import encode_multipart

from app import create_app, security
from app.extensions import db, system_session
from app.models import Draft, Organization
from app.services.demo import PASSWORD, credit_code
from app.views.base import BackOfficeView
from tests.planted import address, picture, planted
from tests.routes import LINES
from tests.test_matrix import typed

# ruff: noqa: E731 - requests are handed over before they are sent
pytestmark = pytest.mark.db

CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
# To parse a page takes longer than to make it, and here are thousands of them.
MAIN = re.compile(r"<main\b.*</main>", re.DOTALL)
NOT_READ = re.compile(r"<(script|style|template)\b.*?</\1>|<[^>]*>", re.DOTALL)
NESTED = "[" * 2_000 + "]" * 2_000
# Kept as they would be typed; `quote` makes them part of an address.
ODD = (
    "abc", "-1", "0", "1.0", "1e9", "NaN", "Infinity", "1_000", "٣", "²", "９", "+1", " 1", "None",
    "true", "9" * 18, "9" * 19, "9223372036854775808", "9" * 400, "\x00", "1\x00", "\x1b[0m",
    "\u202e", "😀", "𠮷", "\ufeff", "'\"%_*\\", "'; DROP TABLE organization; --", "{{7*7}}",
    "../../etc/passwd", "<script>alert(1)</script>", "created_by.password", "2026-02-30",
    "2026-02-30~", "~", "x~y",
    "9999-99-99~0000-00-00", "0001-01-01~9999-12-31", "2026-01-01T00:00~", "２０２６-01-01~",
    "字" * 3_000, NESTED,
)  # fmt: skip
TYPED = (
    "abc", "-1", "0", "1e999999", "NaN", "²", "٣", "9" * 19, "9" * 400, "\x00", "x\x00y",
    "\u202e", "😀𠮷", "'; DROP TABLE organization; --", "{{7*7}}", "2026-02-30", "0001-01-01",
    "9999-12-31T23:59", "字" * 3_000, NESTED,
)  # fmt: skip
RAW = ("%ff", "%ed%a0%80", "%00", "%u0000", "%", "=&&&=;", "a[]=1&a[b]=2", "%0d%0aX:1")


def _token(content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


TOKENS = (
    "", "%ff", "x", "é", "😀", "====", _token(""), _token("[]"), _token("{}"), _token("5"),
    _token("[1,2]"), _token([1, 2, 3, 4]), _token([[], 1, 0]), _token([{}, 1, 0]),
    _token("[NaN,1,0]"),
    _token(["x", 1, 0]), _token([None, 1, 0]), _token([None, 1, 1]), _token(["x", "y", "z"]),
    _token("[null, 1e400, 0]"), _token([None, 10**30, 0]), _token([None, -(10**30), 1]),
    _token(["9" * 400, 1, 0]), _token([str(2**63), 1, 0]), _token(["1e999999", 1, 0]),
    _token(["NaN", 1, 0]), _token(["2026-01-01T00:00:00", 1, 0]), _token(["2026-01-01", 1, 0]),
    _token(["0001-01-01T00:00:00+23:59", 1, 0]), _token(["9999-12-31T23:59:59-23:59", 1, 1]),
    _token(["\x00", 1, 0]), _token(["x\x00", 1, 1]), _token(["\ud800", 1, 0]), _token(["𠮷", 1, 0]),
    _token([True, True, True]), _token([5, 1.5, 0]), _token(NESTED), _token("[" * 100_000),
)  # fmt: skip


class Faults:
    """Collects answers that are none: exceptions, 5xx, and refusals without a word of Chinese."""

    def __init__(self) -> None:
        self.asked = 0
        self.found: list[str] = []

    def ask(
        self, what: str, send: Callable[[], Any], *allowed: int, words: bool = True
    ) -> Any | None:
        """Send one request; ``allowed`` are the statuses that it may have."""
        self.asked += 1
        try:
            answer = send()
            _ = answer.data
        except Exception as fault:  # noqa: BLE001 - told at the end, with all others
            self.found.append(f"{what[:120]!r}: {fault!r}"[:400])
            return None
        if answer.status_code not in allowed:
            self.found.append(f"{what[:120]!r}: {answer.status_code}")
        elif words and answer.status_code >= 400 and not _in_chinese(answer):
            self.found.append(f"{what[:120]!r}: {answer.status_code} without words")
        return answer


def _in_chinese(answer: Any) -> bool:
    if answer.is_json:
        return bool(CHINESE.search(str(answer.json)))
    main = MAIN.search(answer.text)
    is_chinese = '<html lang="zh-CN"' in answer.text
    return bool(is_chinese and main and CHINESE.search(NOT_READ.sub("", main[0])))


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Every fault of a test at once."""
    faults = Faults()
    yield faults
    assert faults.asked > 0
    found = "\n".join(faults.found[:40])
    assert not found, f"{len(faults.found)} of {faults.asked} requests:\n{found}"


# --- addresses --------------------------------------------------------------------------------

LISTS = {
    "operator": (
        "/organizations/list/", "/accreditations/list/", "/announcements/list/",
        "/tasks/todo/list/", "/tasks/done/list/", "/tasks/mine/list/", "/organizations/export.csv",
    ),
    "institution": ("/tasks/mine/",),
    None: ("/",),
}  # fmt: skip
NAMES = (
    "size", "psize", "page", "page_size", "order", "dir", "tab", "q", "kind", "region", "industry",
    "institution_kind", "created_at", "submitted_at", "publish_at", "closed_at", "decision",
    "case_applicant_name", "case_submitted_at", "join_association", "psize_OrganizationView",
    "_oc_OrganizationView", "_flt_0_name",
)  # fmt: skip


def test_no_parameter_of_a_list_makes_a_fault(sign_in, faults):
    for role, paths in LISTS.items():
        client = sign_in(role)
        for path in paths:
            for value in ODD:
                query = "&".join(f"{name}={quote(value)}" for name in NAMES)
                faults.ask(f"{path}?*={value}", lambda q=f"{path}?{query}", c=client: c.get(q), 200)
            for raw in RAW:
                for query in (raw, f"size={raw}", f"q={raw}&tab={raw}&region={raw}"):
                    faults.ask(
                        f"{path}?{query}", lambda q=f"{path}?{query}", c=client: c.get(q), 200
                    )


def test_each_parameter_alone_is_the_default_page(sign_in, faults):
    client = sign_in("operator")
    path = "/organizations/list/"
    for name in NAMES:
        for value in ODD[:36:2]:
            query = f"{path}?{name}={quote(value)}"
            faults.ask(query, lambda q=query: client.get(q), 200)
    plain = client.get(path).text.count("/organizations/show/")
    for query in ("size=abc", "order=nothing", "tab=nothing", "page=x", "at=x", "region=x"):
        assert client.get(f"{path}?{query}").text.count("/organizations/show/") == plain
    largest = client.get(f"{path}?size=99999999").text
    assert largest.count("/organizations/show/") <= 2 * 100


def test_a_place_in_a_list_that_nobody_gave_out(sign_in, faults):
    orders = {
        "/organizations/list/": ("id", "name", "created_at"),
        "/accreditations/list/": ("id", "submitted_at"),
        "/announcements/list/": ("publish_at", "id"),
        "/tasks/todo/list/": ("due_at", "id"),
        "/tasks/done/list/": ("closed_at", "id"),
        "/tasks/mine/list/": ("id",),
    }
    client, visitor = sign_in("operator"), sign_in()
    for token in TOKENS:
        for path, columns in orders.items():
            for column in columns:
                for direction in ("asc", "desc"):
                    query = f"{path}?size=10&order={column}&dir={direction}&at={quote(token)}"
                    faults.ask(query, lambda q=query: client.get(q), 200)
        faults.ask(token, lambda t=token: visitor.get(f"/?at={quote(t)}"), 200)


PATHS = {
    "operator": (
        "/organizations/show/{}/", "/organizations/edit/{}/", "/accreditations/show/{}/",
        "/announcements/show/{}/", "/announcements/edit/{}/", "/cases/{}/", "/files/{}/", "/{}/",
        "/organizations/options/{}/", "/accreditations/options/{}/", "/lang/{}", "/static/{}",
        "/register/agreements/{}/",
    ),
    None: ("/news/{}/", "/institutions/{}/", "/files/{}/"),
}  # fmt: skip
NO_ROW = [value for value in ODD if value not in {"9", " 1"} and "/" not in value]


def test_an_id_that_is_none_is_not_found(sign_in, faults):
    for role, paths in PATHS.items():
        client = sign_in(role)
        for pattern in paths:
            for value in NO_ROW:
                path = pattern.format(quote(value, safe=""))
                faults.ask(path, lambda p=path, c=client: c.get(p), 404)
            for raw in (
                "%ff",
                "%00",
                "%ed%a0%80",
                "%0d%0a",
                "%2e%2e",
                "..%5c..",
                "%2f%2fevil.test",
            ):
                path = pattern.format(raw)
                faults.ask(path, lambda p=path, c=client: c.get(p), 404, 308)


def test_an_action_on_a_row_that_is_none_is_not_found(app, sign_in, faults):
    client = sign_in("operator")
    case = planted(app)["operator"]["own"]
    patterns = (
        "/organizations/edit/{}/", "/announcements/edit/{}/", "/announcements/delete/{}/",
        "/cases/{}/withdraw/", "/cases/{}/tasks/1/approve/",
        f"/cases/{case['cases']}/tasks/{{}}/approve/",
        f"/cases/{case['cases']}/tasks/{case['task']}/{{}}/",
    )  # fmt: skip
    for pattern in patterns:
        for value in NO_ROW:
            path = pattern.format(quote(value, safe=""))
            known = (404, 409) if "tasks" in path else (404,)
            faults.ask(path, lambda p=path: client.post(p, data={"opinion": "x"}), *known)
    for value in ODD:
        path = f"/cases/{case['cases']}/tasks/999999/return/"
        sent = {"opinion": value}
        faults.ask(path, lambda p=path, d=sent: client.post(p, data=d), 409)


def test_options_are_found_by_whatever_is_typed(sign_in, faults):
    client = sign_in("operator")
    for path in ("/organizations/options/region/", "/register/regions/", "/register/companies/"):
        for value in ODD:
            query = f"{path}?q={quote(value)}"
            answer = faults.ask(query, lambda q=query: client.get(q), 200)
            assert answer is None or isinstance(answer.json, list)


def test_methods_and_pages_that_do_not_exist_are_told_in_the_readers_language(sign_in):
    client = sign_in()
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "页面不存在" in answer.text or _in_chinese(answer)
    assert client.delete("/organizations/list/").status_code == 405
    client.get("/lang/en")
    page = client.get("/nowhere/")
    assert "There is no such page." in page.text
    assert '<html lang="en">' in page.text


# --- forms -------------------------------------------------------------------------------------

STAFF_FORM = {
    "name": "望澜迟来科技有限公司", "credit_code": credit_code("77"), "region": "990101",
    "address": "望澜市澄川区新路7号", "industry": "65", "contact_name": "何迟",
    "contact_phone": "13900001236", "legal_person": "某", "founded_on": "2001-01-01",
    "registered_capital": "100", "staff_count": "5", "website": "https://example.com",
    "short_name": "迟来", "service_tel": "13900001236", "contact_email": "a@example.com",
    "logo": "", "licence_file": "", "intro": "", "advantages": "", "institution_kind": "",
    "qualifications-0-name": "证",
    "qualifications-0-number": "1", "qualifications-0-valid_until": "",
    "qualifications-0-proof": "",
}  # fmt: skip
BROKEN_ROWS = (
    "qualifications-²-name", "qualifications-٣-name", "qualifications--1-name",
    "qualifications-x-name",
    "qualifications-99999999999999999999-name", "qualifications-0", "qualifications-",
    "qualifications",
    "qualifications-0-name-0", "qualifications-0-nothing", "qualifications-1-\x00",
)  # fmt: skip


def test_no_field_of_a_form_makes_a_fault(sign_in, faults):
    client = sign_in("operator")
    for name in (*STAFF_FORM, "service_categories", "service_area", "version", "csrf_token"):
        for value in TYPED:
            code = credit_code(f"{faults.asked:05d}")
            sent = STAFF_FORM | {
                "name": f"望澜{faults.asked}公司",
                "credit_code": code,
                name: value,
            }
            send = lambda d=sent: client.post("/organizations/add/", data=d)
            faults.ask(f"{name}={value}", send, 302, 400)
    for name in BROKEN_ROWS:
        send = lambda n=name: client.post("/organizations/add/", data=STAFF_FORM | {n: "x"})
        faults.ask(name, send, 302, 400)
    for name in ("title", "body", "publish_at", "expire_at"):
        for value in (*TYPED, "0001-01-01T00:00", "2026-01-31T09:30+25:00", "2026-01-31"):
            sent = {"title": "x", "body": "x", "publish_at": "2026-01-31T09:30"} | {name: value}
            send = lambda d=sent: client.post("/announcements/add/", data=d)
            faults.ask(f"{name}={value}", send, 302, 400)
    for path in ("/organizations/list/", "/announcements/list/", "/organizations/export.csv"):
        faults.ask(path, lambda p=path: client.get(p), 200)


def test_no_field_of_a_request_makes_a_fault(app, sign_in, faults):
    rows = planted(app)["newcomer"]["own"]
    client = sign_in("newcomer")
    path = f"/accreditations/edit/{rows['accreditations']}/"
    sent = typed(client, path)
    for name in {*sent, "logo", "region", "join_association", "member_kind", "accept_charter"}:
        for value in TYPED[::4]:
            form = sent.copy()
            form[name] = value
            form["name"] = "另一家"  # taken by nobody, but not this organization's: never accepted
            form["credit_code"] = "x"
            faults.ask(f"{name}={value}", lambda d=form: client.post(path, data=d), 400)


def test_characters_beyond_two_bytes_are_kept(app, sign_in):
    client = sign_in("operator")
    name = "𠮷田😀科技有限公司"
    assert client.post("/organizations/add/", data=STAFF_FORM | {"name": name}).status_code == 302
    assert name in client.get(f"/organizations/list/?q={quote('𠮷田')}").text
    with app.app_context(), system_session() as session:
        assert session.scalars(select(Organization.name).where(Organization.name == name)).one()


def _from_elsewhere(client: Any, faults: Faults) -> Any:
    """The same browser at another network address, each of which may only ask so often."""
    client.environ_base["REMOTE_ADDR"] = f"10.0.{faults.asked // 250}.{faults.asked % 250 + 1}"
    return client


def test_no_answer_to_the_registration_makes_a_fault(sign_in, faults):
    account = {
        "mobile": "13900001234", "password": "Spring#2026", "password_again": "Spring#2026",
        "email": "a@example.com", "username": "latecomer", "real_name": "何迟",
        "captcha": "0000", "accept_terms": "1",
    }  # fmt: skip
    company = {k: STAFF_FORM[k] for k in ("name", "credit_code", "region", "address", "industry")}
    whole = account | company | {"contact_name": "何迟"}
    client = sign_in()
    for kind, names in (("enterprise", whole), ("ordinary", account)):
        for name in names:
            for value in TYPED:
                sent = whole | {"captcha": "no", name: value}  # refused by the picture at last
                path = f"/register/?kind={kind}"
                send = lambda d=sent, p=path: _from_elsewhere(client, faults).post(p, data=d)
                faults.ask(f"{kind} {name}={value}", send, 400)


def test_no_answer_to_the_login_makes_a_fault(sign_in, faults):
    client = sign_in()
    known = {"username": "operator", "password": "wrong", "captcha": "0000"}
    for name in (*known, "next"):
        for value in ODD[::3] if name != "next" else ODD:
            sent = known | {name: value}
            send = lambda d=sent: _from_elsewhere(client, faults).post("/login/", data=d)
            faults.ask(f"{name}={value}", send, 400, 429)  # wrong ones lock the account
    for value in ODD:
        faults.ask(value, lambda v=value: client.get(f"/login/?next={quote(v)}"), 200)


# --- drafts and files ------------------------------------------------------------------------

BODIES = (
    b"", b"{", b"null", b"5", b'"x"', b"{}", b"[1]", b"[[]]", b'[["a"]]', b'[["a",1]]',
    b'[["a",null]]',
    b'[["a","b","c"]]', b"\xff\xfe", b"[" * 2_000 + b"]" * 2_000, b"[" * 200_000,
    b'[["a",' + b"9" * 5_000 + b"]]",
    json.dumps([["a", "x" * 300_000]]).encode(), json.dumps([["a", "b"]] * 3_000).encode(),
    b'{"a":' * 5_000,
)  # fmt: skip
KEPT = (
    [["name", "\x00"]], [["\x00", "x"]], [["name", "\ud800"]], [["\ud800", "x"]], [["name", "𠮷"]],
    [["", ""]], [["x" * 500, "y"]], [["name", NESTED]], [["region", "abc"]], [["region", "9" * 30]],
    [["logo", "1"]], [["logo", "x"]], [["founded_on", "x"]], [["staff_count", "9" * 30]],
    [["version", "x"]], *([[name, "x"]] for name in BROKEN_ROWS), [["registered_capital",
    "1e999999"]],
    [["qualifications-0-proof", "99"]], [["service_categories", "x"]], [["csrf_token", "x"]],
)  # fmt: skip


def test_garbage_is_no_draft(sign_in, faults):
    client = sign_in("visitor")
    for body in BODIES:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            send = lambda b=body, k=kind: client.put("/drafts/x-new", data=b, content_type=k)
            faults.ask(f"{body[:40]!r} {kind}", send, 400, 413)
    for name in NO_ROW:
        path = f"/drafts/{quote(name, safe='')}"
        faults.ask(path, lambda p=path: client.put(p, json=[["a", "b"]]), 400)
        faults.ask(path, lambda p=path: client.post(f"{p}/discard/"), 404)


def test_the_drafts_of_every_page_are_kept(app, sign_in):
    views = [v for v in app.extensions["appbuilder"].baseviews if isinstance(v, BackOfficeView)]
    client = sign_in("visitor")
    names = [view.route_base[1:].replace("_", "-") for view in views]
    keys = {f"{name}-new" for name in names if "/" not in name}
    assert any(key.count("-") > 1 for key in keys)
    for key in keys | {"main-account-changes-" + "9" * 18, "certifications-new-12"}:
        assert client.put(f"/drafts/{key}", json=[["name", "x"]]).status_code == 200, key
        assert client.post(f"/drafts/{key}/discard/").status_code == 302, key
    too_long = f"{'x' * 80}-new"
    assert client.put(f"/drafts/{too_long}", json=[["name", "x"]]).status_code == 400


def test_a_form_opens_with_any_draft_that_was_kept(app, sign_in, faults):
    client, operator = sign_in("visitor"), sign_in("operator")
    for entries in KEPT:
        body = json.dumps(entries)
        for who, form, page in (
            (client, "accreditations-new", "/accreditations/add/"),
            (operator, "organizations-new", "/organizations/add/"),
        ):
            send = lambda b=body, f=form, w=who: w.put(
                f"/drafts/{f}", data=b, content_type="application/json"
            )
            faults.ask(f"keep {body}", send, 200)
            faults.ask(f"open {body}", lambda p=page, w=who: w.get(p), 200)
    with app.app_context(), system_session() as session:
        kept = session.scalars(select(Draft.entries)).all()
    assert not any("\x00" in value for entries in kept for _name, value in entries)


def test_only_files_of_a_known_rule_are_taken(sign_in, faults):
    client = sign_in("visitor")

    def sent(rule: Any, name: str | None, content: bytes) -> dict[str, Any]:
        file = {} if name is None else {"file": (BytesIO(content), name)}
        return {"rule": rule} | file

    image = picture().getvalue()
    for rule in ODD:
        send = lambda r=rule: client.post("/files/", data=sent(r, "x.png", image))
        faults.ask(f"rule {rule}", send, 400)
    faults.ask("no file", lambda: client.post("/files/", data=sent("logo", None, b"")), 400)
    faults.ask("no body", lambda: client.post("/files/"), 400)
    faults.ask("garbage", lambda: client.post(
        "/files/", data=b"--x\r\n\xff", content_type="multipart/form-data; boundary=x"),
        400)  # fmt: skip
    for name in (
        *ODD,
        "x.png\x00.exe",
        "..\\..\\x.png",
        "x.PNG",
        "字" * 300 + ".png",
        ".png",
        "png",
    ):
        send = lambda n=name: client.post("/files/", data=sent("logo", n, image))
        faults.ask(f"name {name}", send, 200, 422, 400)
        send = lambda n=name: client.post("/files/", data=sent("logo", f"{n}.png", image))
        answer = faults.ask(f"name {name}.png", send, 200, 422)
        if answer is not None and answer.status_code == 200:
            path = f"/files/{answer.json['id']}/"
            faults.ask(path, lambda p=path: client.get(p, buffered=True), 200)
    for content in (
        b"",
        b"\x89PNG",
        image[:200],
        b"<svg onload=alert(1)>",
        b"%PDF-1.4",
        b"\xff" * 999,
    ):
        send = lambda c=content: client.post("/files/", data=sent("logo", "x.png", c))
        faults.ask(f"content {content[:20]!r}", send, 422)


def _parts(**fields: str) -> dict[str, Any]:
    boundary, content = encode_multipart(fields)
    return {"data": content, "content_type": f"multipart/form-data; boundary={boundary}"}


def test_what_is_too_large_is_refused_with_words(sign_in, faults):
    client, add = sign_in("operator"), "/organizations/add/"
    large = {"name": "x" * (13 * 1024 * 1024)}
    faults.ask("form", lambda: client.post(add, data=large), 413)
    faults.ask("field", lambda: client.post(add, **_parts(name="x" * (3 * 1024 * 1024))), 413)
    faults.ask("file", lambda: client.post("/files/", **_parts(**large)), 413)


# --- where a redirect leads ----------------------------------------------------------------------

ELSEWHERE = (
    "http://evil.test/", "https://evil.test", "//evil.test", "///evil.test", "////evil.test",
    "/\\evil.test", "\\\\evil.test", "/\t/evil.test", "\t//evil.test", " //evil.test",
    "/ /evil.test",
    "http:evil.test", "http:/evil.test", "http:///evil.test", "javascript:alert(1)",
    "data:text/html,x", "http://localhost@evil.test/", "http://evil.test#localhost",
    "http://evil.test\\@localhost/", "//localhost:80@evil.test/", "http://[::1",
    "http://[evil.test]/",
    "/%09/evil.test", "/%2f/evil.test", "/%5cevil.test", "//%65vil.test", "/\r\nX-Evil: 1",
    "/./\\evil.test",
    "/\x00/evil.test", "/..//evil.test", "http://localhost:99999999/", "http://localhost:x/",
    "/x?next=//e",
)  # fmt: skip


def _leads_elsewhere(location: str) -> bool:
    """What a browser makes of it: backslashes are slashes, tabs and line ends are nothing."""
    seen = re.sub(r"[\t\r\n\x00]", "", location.strip()).replace("\\", "/")
    return (
        seen.startswith("//")
        or urlsplit(seen).netloc not in {"", "localhost"}
        or ":" in seen.split("/")[0]
    )


@pytest.mark.parametrize("where", ["query", "form"])
def test_a_login_never_leads_elsewhere(app, faults, where):
    known = {"username": "visitor", "password": PASSWORD, "captcha": "0000"}
    for target in ELSEWHERE:
        client = app.test_client()
        query = f"?next={quote(target)}" if where == "query" else ""
        sent = known | ({"next": target} if where == "form" else {})
        send = lambda c=client, q=query, d=sent: c.post(f"/login/{q}", data=d)
        answer = faults.ask(target, send, 302)
        if answer is not None and _leads_elsewhere(answer.headers["Location"]):
            faults.found.append(f"{target!r} leads to {answer.headers['Location']!r}")
        path = f"/login/?next={quote(target)}"
        faults.ask(target, lambda p=path: app.test_client().get(p), 200)


def test_the_choice_of_a_language_never_leads_elsewhere(sign_in, faults):
    client = sign_in()
    for target in ELSEWHERE:
        plain = re.sub(r"[\r\n]", "", target)
        send = lambda t=plain: client.get("/lang/zh", headers={"Referer": t})
        answer = faults.ask(target, send, 302)
        if answer is not None and _leads_elsewhere(answer.headers["Location"]):
            faults.found.append(f"{target!r} leads to {answer.headers['Location']!r}")
        who = sign_in("visitor")
        discard = lambda t=plain, w=who: w.post("/drafts/x-new/discard/", headers={"Referer": t})
        answer = faults.ask(target, discard, 302)
        if answer is not None and _leads_elsewhere(answer.headers["Location"]):
            faults.found.append(f"discard: {target!r} leads to {answer.headers['Location']!r}")


def test_a_login_leads_where_the_reader_wanted_to_go(app):
    known = {"username": "visitor", "password": PASSWORD, "captcha": "0000"}
    for target in ("/workbench/", "/tasks/mine/list/?tab=approved", "http://localhost/workbench/"):
        answer = app.test_client().post("/login/", data=known | {"next": target})
        assert answer.headers["Location"] == target.removeprefix("http://localhost")


FORGED = (
    {"Host": "evil.test"}, {"Host": "evil.test:8080"}, {"X-Forwarded-Host": "evil.test"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test", "X-Forwarded-Port": "99999"},
    {"Forwarded": "host=evil.test"}, {"X-Original-URL": "/organizations/list/"},
    {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "x" * 5000},
    {"X-Forwarded-Prefix": "//evil.test"},
    {"X-HTTP-Method-Override": "DELETE"}, {"Accept-Language": "xx" * 999},
    {"User-Agent": "字" * 300},
    {"Cookie": "qifu=x"}, {"Cookie": "qifu=.eJw"}, {"Range": "bytes=9-1"},
    {"If-Modified-Since": "x"},
)  # fmt: skip


def test_no_header_steers_a_redirect(app, faults):
    known = {"username": "visitor", "password": PASSWORD, "captcha": "0000"}
    for headers in FORGED:
        given = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        for path in (
            "/",
            "/workbench/",
            "/workbench",
            "/organizations/list/",
            "/cases/x/",
            "/lang/en",
        ):
            send = lambda p=path, h=given: app.test_client().get(p, headers=h)
            answer = faults.ask(f"{headers} {path}", send, 200, 302, 308)
            if answer is None or answer.status_code == 200:
                continue
            host = given.get("Host", "localhost")
            seen = urlsplit(answer.headers["Location"]).netloc
            if seen and (answer.status_code != 308 or seen != host):
                faults.found.append(f"{headers} {path} leads to {answer.headers['Location']}")
        send = lambda h=given: app.test_client().post("/login/", data=known, headers=h)
        answer = faults.ask(f"{headers} login", send, 302)
        if answer is not None and answer.headers["Location"] != "/":
            faults.found.append(f"{headers} login leads to {answer.headers['Location']}")


def test_a_host_that_is_not_ours_is_refused(store, monkeypatch, sign_in, faults):
    cookie = sign_in("operator").get_cookie("qifu")
    monkeypatch.setattr(security, "watch_rights", lambda: None)  # it watches already
    ours = create_app(
        TESTING=True, SQLALCHEMY_DATABASE_URI=store.url, TRUSTED_HOSTS=["qifu.example"]
    )
    for host in ("evil.test", "qifu.example.evil.test", "evil.test:80", "a b", "", "[::1", "é"):
        client = ours.test_client()
        client.set_cookie("qifu", cookie.value, domain="qifu.example")
        for path in ("/", "/workbench/", "/login/"):
            send = lambda p=path, h=host, c=client: c.get(p, headers={"Host": h})
            faults.ask(f"{host} {path}", send, 400)
            sent = lambda p=path, h=host, c=client: c.open(
                p, headers={"Host": h, "Cookie": f"qifu={cookie.value}"}
            )
            faults.ask(f"{host} {path}, signed in", sent, 400)
    assert ours.test_client().get("/", headers={"Host": "qifu.example"}).status_code == 200
    with ours.app_context():
        db.engine.dispose()


# --- headers --------------------------------------------------------------------------------------


def _policy(answer: Any) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: rest for name, _blank, rest in (part.strip().partition(" ") for part in parts)}


@pytest.mark.parametrize("role", [None, "newcomer", "operator"])
def test_every_answer_carries_the_headers_of_safety(app, sign_in, role):
    rows = planted(app)[role or "anonymous"]
    client = sign_in(role)
    seen = 0
    for line in LINES:
        if line.method != "GET":
            continue
        answer = client.get(address(line, rows), buffered=True)
        where = (role, line.rule, answer.status_code)
        policy = _policy(answer)
        assert policy["default-src"] == "'none'", where
        if "sandbox" not in policy:  # a stored file has a policy of its own
            assert policy["frame-ancestors"] == "'none'", where
            assert policy["base-uri"] == "'none'", where
            assert policy["form-action"] == "'self'", where
        text = answer.headers["Content-Security-Policy"]
        assert not re.search(r"unsafe-|https?:|\*", text), where
        assert answer.headers["X-Content-Type-Options"] == "nosniff", where
        assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, where
        assert answer.headers["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}, where
        assert "X-Powered-By" not in answer.headers, where
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert "HttpOnly" in cookie, where
            assert "SameSite=Lax" in cookie, where
        personal = role and not line.rule.startswith("/health/")
        if personal or line.rule in {"/login/", "/register/", "/captcha/"}:
            assert answer.headers.get("Cache-Control") == "no-store", where
        seen += 1
    assert seen > 50


def test_refusals_and_posts_are_not_kept_by_a_browser_either(sign_in):
    client = sign_in("operator")
    for answer in (
        client.get("/nowhere/"),
        client.get("/my-organization/"),
        client.post("/announcements/add/", data={}),
        client.put("/drafts/x-new", json=[]),
        client.post("/files/", data={}),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert _policy(answer)["default-src"] == "'none'"


def test_files_of_the_look_may_be_kept_for_a_year(sign_in):
    answer = sign_in("operator").get("/static/ui.css", buffered=True)
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


def test_over_https_the_cookie_never_travels_in_the_clear(app, store, monkeypatch):
    del app
    monkeypatch.setenv("QIFU_PUBLIC_URL", "https://qifu.example")
    monkeypatch.setattr(security, "watch_rights", lambda: None)  # it watches already
    safe = create_app(TESTING=True, SQLALCHEMY_DATABASE_URI=store.url)
    answer = safe.test_client().get("/login/", base_url="https://qifu.example")
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert answer.headers.getlist("Set-Cookie")
    with safe.app_context():
        db.engine.dispose()
