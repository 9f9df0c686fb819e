"""Personal data: masked for all but its owners, shown for a purpose that is kept, never leaked."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections import Counter
from html import unescape

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import inspect, select

from app import access, clock, messages
from app.columns import masked, masked_text
from app.extensions import system_session
from app.models import (
    Accreditation,
    AuditEntry,
    Base,
    FlowCase,
    FlowTask,
    Membership,
    Message,
    Organization,
    Person,
)
from app.services.demo import ACCOUNTS
from app.views.users import UserView

pytestmark = pytest.mark.db

PHONE = re.compile(r"(?<!\d)1\d{10}(?!\d)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')
PER_KIND, PAGES = 2, 70


# --- what a mask is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("phone", "13812345678", "138****5678"),
        ("phone", "0451-12345678", "0451-****5678"),
        ("phone", "12345", "****45"),
        ("email", "anna@b.cn", "a***@b.cn"),
        ("id_number", "110101199001011234", "110*************34"),
        ("bank", "6222020200112233445", "****3445"),
        ("name", "张三丰", "张*"),
        ("account", "13812345678", "138****5678"),
        ("account", "operator", "operator"),
        ("phone", None, ""),
    ],
)
def test_each_kind_has_its_mask(kind, value, shown):
    assert masked(kind, value) == shown


def test_phones_and_addresses_within_a_text_are_masked_and_codes_are_not():
    text = "电话13812345678，邮箱 anna@b.cn；91110108MA01234567、JG-20260102-0001"
    found = "电话138****5678，邮箱 a***@b.cn；91110108MA01234567、JG-20260102-0001"
    assert masked_text(text) == found


# --- no search, no order -----------------------------------------------------------------------


def test_nobody_searches_or_orders_by_what_is_masked(application):
    views = [v for v in application.extensions["appbuilder"].baseviews if hasattr(v, "mapper")]
    assert len(views) > 5
    for view in views:
        for name in view.order_columns:
            column = view.mapper.columns.get(name)
            assert column is None or not _kind(column), (view, name)
    for mapper in Base.registry.mappers:
        for name in getattr(mapper.class_, "search_columns", ()):
            assert not _kind(mapper.columns[name]), (mapper, name)


def _kind(column):
    info = column.info.get("field")
    return info.sensitive if info else ""


def test_a_view_that_orders_by_what_is_masked_does_not_start():
    class Ordered(UserView):
        order_columns = ("id", "mobile")

    with pytest.raises(ValueError, match="mobile is masked"):
        Ordered()


def test_no_cursor_of_the_users_tells_a_number(sign_in):
    client, path, seen = sign_in("auditor"), "/users/list/?order=username&size=3", 0
    while path:
        page = client.get(path).text
        for cursor in re.findall(r"at=([\w-]+)", page):
            text = base64.urlsafe_b64decode(cursor + "==").decode()
            assert not PHONE.search(text), text
            seen += 1
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen > 2


def test_a_number_is_looked_up_by_those_who_may_view_it_and_so_often(app, sign_in):
    address, allowed = "/users/list/?q=12000000021", app.extensions["profile"].limits
    found = ">sysadmin<"
    page = sign_in("auditor").get(address).text
    assert found not in page
    assert "不能按号码查找" in page
    client = sign_in("secadmin")
    pages = [client.get(address).text for _ in range(allowed.reveals_per_hour + 1)]
    assert [found in page for page in pages] == [True] * allowed.reveals_per_hour + [False]
    with app.app_context(), system_session() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "reveal")).all()
        told = Counter(line.result for line in lines)
        assert told == {"ok": allowed.reveals_per_hour, "denied": 1}
        assert lines[0].detail == {"filter": "120****0021"}


def test_what_was_sent_shows_no_number_to_those_who_run_the_outbox(app, sign_in):
    number, now = "13955556666", clock.now()
    with app.app_context(), system_session() as session:
        who = session.scalars(select(Person).where(Person.username == "visitor")).one()
        who.username, who.email = number, "stranger@example.com"
        session.flush()
        for occasion in ("account.registered", "account.phone_changed"):
            context = {"title": number, "mobile": number, "enterprise": False}
            assert messages.notify(session, occasion, [who.id], context, "k", now)
        sent = select(Message.id).where(Message.user_id == who.id, Message.channel != "inapp")
        keys = session.scalars(sent.where(Message.occasion.startswith("account."))).all()
        session.commit()
    assert keys
    for reader in ("operator", "sysadmin"):
        pages = [sign_in(reader).get(f"/outbox/show/{key}/").text for key in keys]
        assert any("139****6666" in page for page in pages)
        assert not any(number in page or "stranger@" in page for page in pages)


def test_whatever_looks_like_a_phone_or_an_address_is_declared_so():
    public = {"service_tel"}
    for mapper in Base.registry.mappers:
        for column in mapper.columns:
            info = column.info.get("field")
            if info and info.kind in {"mobile", "tel", "email"} and column.name not in public:
                assert info.sensitive, (mapper, column.name)


# --- lists, details, exports, forms ---------------------------------------------------------------


@pytest.fixture
def place(app):
    """An organization of others, with a phone and an address that nobody else has."""
    with app.app_context(), system_session() as session:
        row = session.scalars(
            select(Organization)
            .where(Organization.certification == "certified")
            .order_by(Organization.id.desc())
        ).first()
        row.contact_phone, row.contact_email = "13955556666", "stranger@example.com"
        session.commit()
        return row.id


def test_a_stranger_among_the_staff_reads_a_mask_and_the_page_holds_nothing_more(sign_in, place):
    page = sign_in("operator").get(f"/organizations/show/{place}/").text
    assert "139****6666" in page
    assert "s***@example.com" in page
    assert "13955556666" not in page
    assert "stranger@" not in page
    assert f"/organizations/reveal/{place}/contact_phone/" in page
    assert "reveal-dialog" in page


def test_members_read_their_own_data_plain(sign_in, actor_of, app):
    own = actor_of("institution").organization_id
    with app.app_context(), system_session() as session:
        phone = session.get_one(Organization, own).contact_phone
    page = sign_in("institution").get(f"/organizations/show/{own}/").text
    assert phone in page
    assert "data-reveal" not in page


def test_a_value_is_shown_for_a_purpose_and_the_purpose_is_kept(app, sign_in, place):
    staff, address = sign_in("operator"), f"/organizations/reveal/{place}/contact_phone/"
    refused = staff.post(address, data={"purpose": " "})
    assert (refused.status_code, refused.get_json()) == (400, {"error": "请填写查看用途。"})
    answer = staff.post(address, data={"purpose": "核实证照"})
    assert answer.get_json() == {"value": "13955556666"}
    assert answer.headers["Cache-Control"] == "no-store"
    with app.app_context(), system_session() as session:
        (line,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "reveal")).all()
        assert (line.object_id, line.kind, line.result) == (place, "organization", "ok")
        assert line.detail == {"field": "contact_phone", "purpose": "核实证照"}
        assert line.roles == "operator"


@pytest.mark.parametrize(
    ("username", "field", "code"),
    [
        (None, "contact_phone", 302), ("visitor", "contact_phone", 403),
        ("institution", "contact_phone", 403), ("auditor", "contact_phone", 403),
        ("secadmin", "contact_phone", 403), ("operator", "name", 404),
        ("operator", "credit_code", 404), ("operator", "licence_file", 404),
    ],
)  # fmt: skip
def test_who_has_no_right_and_what_is_not_masked_is_not_revealed(
    sign_in, place, username, field, code
):
    address = f"/organizations/reveal/{place}/{field}/"
    answer = sign_in(username).post(address, data={"purpose": "核实"})
    assert answer.status_code == code
    assert "13955556666" not in answer.text


def test_views_are_counted_and_end_at_the_limit(app, sign_in, place):
    staff, allowed = sign_in("operator"), app.extensions["profile"].limits.reveals_per_hour
    address = f"/organizations/reveal/{place}/contact_phone/"
    codes = [staff.post(address, data={"purpose": "核实"}).status_code for _ in range(allowed + 1)]
    assert Counter(codes) == {200: allowed, 429: 1}
    with app.app_context(), system_session() as session:
        told = session.scalars(select(AuditEntry.result).where(AuditEntry.action == "reveal"))
        assert Counter(told) == {"ok": allowed, "denied": 1}


def test_a_form_sent_back_with_its_mask_keeps_what_is_stored(app, sign_in, place):
    staff, address = sign_in("operator"), f"/organizations/edit/{place}/"
    page = BeautifulSoup(staff.get(address).text, "html.parser")
    assert "13955556666" not in str(page)
    form = page.select_one("form[data-draft], form.form, main form") or page
    typed = [
        (field["name"], field.get("value", "")) for field in page.select("main input[name]")
        if field.get("type") not in {"checkbox", "radio"} or field.has_attr("checked")
    ] + [(field["name"], field.text.strip("\n")) for field in form.select("textarea[name]")] + [
        (field["name"], option["value"]) for field in page.select("main select[name]")
        for option in field.select("option[selected]")
    ]  # fmt: skip
    typed = [pair for pair in typed if "__i__" not in pair[0] and pair[0] != "csrf_token"]
    assert ("contact_phone", "139****6666") in typed
    changed = [(n, "改过的联系人" if n == "contact_name" else v) for n, v in typed]
    answer = staff.post(address, data=_multi(changed))
    assert answer.status_code == 302, BeautifulSoup(answer.text, "html.parser").select(".note-d")
    with app.app_context(), system_session() as session:
        row = session.get_one(Organization, place)
        assert (row.contact_name, row.contact_phone) == ("改过的联系人", "13955556666")
        assert row.contact_email == "stranger@example.com"
        line = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "change").order_by(AuditEntry.id.desc())
        ).first()
        assert set(line.after) == {"contact_name"}


def _multi(pairs):
    data = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return data


def test_an_export_of_accounts_and_applications_holds_masks(sign_in):
    for path in ("/accreditations/export.csv", "/organizations/export.csv"):
        text = sign_in("operator").get(path, buffered=True).text
        assert len(list(csv.reader(io.StringIO(text)))) > 1
        assert not EMAIL.findall(text)
        assert not PHONE.findall(text)


def test_the_reviewer_reads_plain_while_the_case_is_at_his_stage(app, sign_in):
    with app.app_context(), system_session() as session:
        query = select(FlowCase, FlowTask.id).join(FlowTask, FlowTask.case_id == FlowCase.id)
        case, task = session.execute(
            query.where(FlowCase.flow == "accreditation", FlowTask.state == "open",
                        FlowTask.role == "operator")
        ).first()  # fmt: skip
        model = app.extensions["workflow"].flows[case.flow].subject
        session.get_one(model, case.subject_id).contact_mobile = mobile = "13777778888"
        number = case.number
        session.commit()
    staff = sign_in("operator")
    assert mobile in staff.get(f"/cases/{number}/").text
    assert mobile not in sign_in("auditor").get(f"/cases/{number}/").text
    staff.post(f"/cases/{number}/tasks/{task}/return/", data={"opinion": "请补正"})
    after = staff.get(f"/cases/{number}/").text
    assert mobile not in after
    assert masked("phone", mobile) in after


# --- the sweep -----------------------------------------------------------------------------------


def owned(app, username):
    """The personal data that an account may read, and that of all others."""
    own, others = set(), set()
    with app.app_context(), system_session() as session:
        key = session.scalar(select(Person.id).where(Person.username == username))
    manager = app.extensions["appbuilder"].sm
    with app.app_context():
        who = manager.grants_of(key, -1).actor
    with app.app_context(), system_session() as session:
        public = {*session.scalars(select(Organization.service_tel))}
        public |= {*session.scalars(select(Accreditation.service_tel))}
        ours = Membership.organization_id == who.organization_id
        colleagues = {*session.scalars(select(Membership.user_id).where(ours))}
        known = [m.class_ for m in Base.registry.mappers]
        models = [model for model in known if model.__module__.startswith("app.tables.")]
        for model in models:
            names = [a.key for a in inspect(model).column_attrs if _kind(a.columns[0])]
            rows = session.scalars(select(model)).all() if names else ()
            for row in rows:
                values = {str(getattr(row, name)) for name in names if getattr(row, name)}
                found = {v for v in values if PHONE.search(v) or "@" in v}
                with access.acting_as(who):
                    mine = model is Person and row.id in colleagues
                    (own if mine or access.sees_plain(model, row) else others).update(found)
    manager.forget_all()
    return own, others - own - public


def crawled(client):
    """What a reader reaches by links, a few pages of each kind; exports among them."""
    waiting, seen, kinds = ["/", "/workbench/"], set(), Counter()
    while waiting and len(seen) < PAGES:
        path = waiting.pop(0)
        kind = re.sub(r"\d+", "#", path.partition("?")[0])
        if path in seen or kinds[kind] >= PER_KIND or path.startswith(("/lang/", "/files/")):
            continue
        seen.add(path)
        kinds[kind] += 1
        answer = client.get(path, buffered=True)
        if answer.mimetype == "text/csv":
            yield path, answer.text
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        yield path, answer.text
        for link in LINK.findall(answer.text):
            target = unescape(link).partition("#")[0]
            if target.startswith("/") and not target.startswith("//"):
                waiting.append(target)


@pytest.mark.parametrize("username", [account.username for account in ACCOUNTS])
def test_no_page_shows_the_phone_or_address_of_others(app, sign_in, username):
    _own, others = owned(app, username)
    assert others
    client, count = sign_in(username), 0
    for path, text in crawled(client):
        count += 1
        if 'id="decide"' in text:  # the reviewer of this case, while it is at his stage
            continue
        found = {*PHONE.findall(text), *EMAIL.findall(text)} & others
        assert not found, (username, path, found)
    assert count > 5
