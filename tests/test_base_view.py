"""The generated pages: paging, search, filters, forms with child rows, drafts, export."""

from __future__ import annotations

import csv
import io
import re
import threading
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from stdnum.cn import uscc

from app import clock
from app.extensions import system_session
from app.models import Announcement, Draft, Organization, Person, Qualification
from app.search import bigrams
from app.views.base import paging

WORDS = ("数字孪生平台", "纺织排产系统", "碳足迹核算", "MES 系统（云）")
MANY = 60


def credit_code(serial):
    base = f"91990101MA0X{serial:05d}"
    return base + uscc.calc_check_digit(base)


@pytest.fixture
def many(app):
    """Sixty more organizations, in batches of one creation time, fifteen of each word."""
    with app.app_context(), system_session() as session:
        start = clock.now() - timedelta(days=40)
        for n in range(MANY):
            session.add(
                Organization(
                    name=f"{WORDS[n % 4]}{n:03d}号", credit_code=credit_code(n), address="—",
                    region_id=990200, industry="34", contact_name="—", contact_phone="12345678",
                    created_at=start + timedelta(days=n // 10),
                )
            )  # fmt: skip
        session.commit()
        return session.scalar(select(func.count()).select_from(Organization))


def keys(page):
    return [int(key) for key in re.findall(r'href="/organizations/edit/(\d+)/"', page)]


def link(page, rel):
    found = BeautifulSoup(page, "html.parser").find("a", rel=rel)
    return found and found["href"]


def walk(client, address, rel):
    pages = []
    while address:
        page = client.get(address).text
        pages.append(keys(page))
        address = link(page, rel)
    return pages


@pytest.mark.db
@pytest.mark.parametrize("order", ["id", "name", "created_at"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_paging_shows_each_row_once_and_goes_back(sign_in, many, order, direction):
    client = sign_in("operator")
    first = f"/organizations/list/?size=7&order={order}&dir={direction}"
    forward = walk(client, first, "next")
    flat = [key for page in forward for key in page]
    assert len(flat) == len(set(flat)) == many
    last = first
    while following := link(client.get(last).text, "next"):
        last = following
    backwards = walk(client, last, "prev")
    assert sorted(key for page in backwards for key in page) == sorted(flat)


@pytest.mark.db
@pytest.mark.usefixtures("many")
def test_a_page_number_may_be_typed(sign_in):
    client = sign_in("operator")
    whole = keys(client.get("/organizations/list/?size=100").text)
    assert keys(client.get("/organizations/list/?size=10&page=3").text) == whole[20:30]
    beyond = client.get("/organizations/list/?size=10&page=999999")
    assert beyond.status_code == 200
    assert keys(beyond.text) == []


class Loose(DeclarativeBase):
    """Tables of this test alone."""


class Thing(Loose):
    """A row with a rank, or none."""

    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int | None]


@pytest.mark.parametrize("descending", [False, True])
def test_paging_over_a_column_with_nulls(descending):
    engine = create_engine("sqlite://")
    Loose.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Thing(id=n, rank=(None, 1, 2)[n % 3]) for n in range(1, 24))
        session.flush()
        fetch = partial(
            paging.page, session, select(Thing.id, Thing.rank), Thing.rank, Thing.id,
            descending=descending, size=4, count=None,
        )  # fmt: skip
        at, forward = None, []
        while at is not None or not forward:
            page = fetch(at=at)
            forward.append([row.id for row in page.rows])
            at = page.behind and paging.position(str(page.behind), Thing.rank)
        assert sorted(key for rows in forward for key in rows) == list(range(1, 24))
        back = [forward[-1]]
        while page.before:
            page = fetch(at=paging.position(str(page.before), Thing.rank))
            back.append([row.id for row in page.rows])
        assert back[::-1] == forward
    engine.dispose()


@pytest.mark.db
@pytest.mark.parametrize(
    ("phrase", "hits"),
    [("孪生", 15), ("数字孪生", 15), ("生平", 15), ("孪生 平台", 15), ("生数", 0), ("碳", 15),
     ("mes", 15), ("ＭＥＳ", 15), ("统云", 0), ("系统", 30), ("MA0X00007", 1)],
)  # fmt: skip
@pytest.mark.usefixtures("many")
def test_search_is_an_exact_substring_search(sign_in, phrase, hits):
    asked = {"q": phrase, "size": "100", "region": "990200"}
    page = sign_in("operator").get("/organizations/list/", query_string=asked).text
    assert len(keys(page)) == hits


@pytest.mark.db
@pytest.mark.parametrize("near", [0, 12, 2_000])
@pytest.mark.usefixtures("many")
def test_rows_read_first_are_those_that_the_index_finds(
    app, sign_in, statements, monkeypatch, near
):
    """A frequent phrase fills its page without the index, a rare one asks it as well."""
    monkeypatch.setattr(paging, "NEAR", near)
    client = sign_in("operator")
    asked = {"size": "10", "region": "990200", "order": "id", "dir": "desc"}
    path, found = "/organizations/list/?" + urlencode(asked | {"q": "系统"}), []
    while path:
        statements.clear()
        page = client.get(path).text
        found += keys(page)
        read_alone = not any("_search" in line or "@>" in line for line in statements)
        assert read_alone == (near > MANY and len(keys(page)) == 10 and len(found) < 30)
        path = link(page, "next")
    with app.app_context(), system_session() as session:
        named = select(Organization.id).where(Organization.name.contains("系统"))
        mine = named.where(Organization.region_id == 990200).order_by(Organization.id.desc())
        assert found == session.scalars(mine).all()
    assert len(found) == 30


@pytest.mark.db
def test_the_search_text_follows_the_row(app, sign_in):
    with app.app_context(), system_session() as session:
        row = session.scalars(select(Organization).limit(1)).one()
        row.name = "全新更名机构"
        session.commit()
        session.refresh(row)
        named = f"{row.name} {row.short_name or ''} {row.credit_code}"
        assert row.search_text == bigrams(f"{named} {' '.join(row.service_categories)}")
        key = row.id
    page = sign_in("operator").get("/organizations/list/?q=更名").text
    assert keys(page) == [key]


@pytest.mark.db
@pytest.mark.usefixtures("many")
def test_filters_narrow_and_tabs_count(app, sign_in):
    client = sign_in("operator")
    with app.app_context(), system_session() as session:
        in_pool = Organization.institution_state == "in_pool"
        count = session.scalar(select(func.count()).select_from(Organization).where(in_pool))
        city = session.scalar(
            select(func.count()).select_from(Organization)
            .where(Organization.region_id.between(990100, 990199))
        )  # fmt: skip
    page = client.get("/organizations/list/?tab=in_pool&size=100").text
    assert len(keys(page)) == count
    tab = BeautifulSoup(page, "html.parser").find("a", class_="tab", attrs={"aria-current": "true"})
    assert " ".join(tab.text.split()) == f"在库 {count}"
    assert len(keys(client.get("/organizations/list/?region=990100&size=100").text)) == city


@pytest.mark.db
@pytest.mark.usefixtures("many")
def test_where_conditions_meet_rows_are_counted_less_far(sign_in, monkeypatch):
    monkeypatch.setattr(paging, "MIXED", 10)
    client, shown = sign_in("operator"), []
    for asked in ("region=990200", "region=990200&tab=none"):
        page = BeautifulSoup(client.get(f"/organizations/list/?{asked}").text, "html.parser")
        shown.append(page.select_one(".pages-total").get_text(strip=True))
    assert re.fullmatch(r"共 ?\d+ ?条", shown[0])
    assert int(re.search(r"\d+", shown[0])[0]) >= MANY
    assert "10+" in shown[1]


@pytest.mark.db
def test_a_range_of_days_includes_both_ends_in_shanghai(app, sign_in):
    client = sign_in("operator")
    with app.app_context(), system_session() as session:
        moment = clock.start_of(clock.local_day(clock.now()) - timedelta(days=400))
        for minutes, title in (
            (-1, "前一天"),
            (0, "当天零点"),
            (24 * 60 - 1, "当天最后"),
            (24 * 60, "后一天"),
        ):
            at = moment + timedelta(minutes=minutes)
            session.add(Announcement(title=title, body="。", publish_at=at))
        session.commit()
    day = clock.local_day(moment).isoformat()
    page = client.get(f"/announcements/list/?publish_at={day}~{day}").text
    assert ["当天零点" in page, "当天最后" in page] == [True, True]
    assert ["前一天" in page, "后一天" in page] == [False, False]


# --- forms ----------------------------------------------------------------------------------


def typed(page):
    """What a browser would send of the form on this page."""
    form = BeautifulSoup(page, "html.parser").select_one("form.record-form")
    for template in form.find_all("template"):
        template.decompose()
    sent = []
    for field in form.select("input[name], select[name], textarea[name]"):
        if field.name == "select":
            sent += [(field["name"], o.get("value", "")) for o in field.select("option[selected]")]
        elif field.get("type") in {"checkbox", "radio"}:
            sent += [(field["name"], field.get("value", "on"))] if field.has_attr("checked") else []
        elif field.name == "textarea":
            sent.append((field["name"], field.text.removeprefix("\n")))
        elif field.get("type") != "file":
            sent.append((field["name"], field.get("value", "")))
    return sent


def post(client, path, sent, **changes):
    kept = [(name, value) for name, value in sent if name not in changes]
    data: dict[str, list[str]] = {}
    for name, value in [*kept, *changes.items()]:
        if value is not None:
            data.setdefault(name, []).append(value)
    return client.post(path, data=data)


@pytest.fixture
def edited(app, sign_in):
    """A signed-in operator and the address of an organization's form."""
    with app.app_context(), system_session() as session:
        mine = select(Organization.id).where(Organization.certification == "certified")
        key = session.scalar(mine.order_by(Organization.id).limit(1))
    return sign_in("operator"), f"/organizations/edit/{key}/", key


@pytest.mark.db
def test_a_form_sent_as_it_came_changes_nothing(app, edited):
    client, address, key = edited
    columns = [c for c in Organization.__table__.columns if c.key != "version"]
    query = select(*columns).where(Organization.id == key)
    with app.app_context(), system_session() as session:
        before = session.execute(query).one()
    assert post(client, address, typed(client.get(address).text)).status_code == 302
    with app.app_context(), system_session() as session:
        assert session.execute(query).one() == before


@pytest.mark.db
def test_child_rows_are_added_changed_and_removed_in_place(app, edited):
    client, address, key = edited

    def rows():
        with app.app_context(), system_session() as session:
            mine = select(Qualification).where(Qualification.organization_id == key)
            found = session.scalars(mine.order_by(Qualification.id))
            return [(row.id, row.name, row.number) for row in found]

    before = len(rows())
    sent = typed(client.get(address).text)
    added = {"qualifications-50-name": "证书甲", "qualifications-50-number": "A1",
             "qualifications-51-name": "证书乙", "qualifications-51-number": "B1"}  # fmt: skip
    assert post(client, address, sent, **added).status_code == 302
    first, second = rows()[before:]
    assert (first[1:], second[1:]) == (("证书甲", "A1"), ("证书乙", "B1"))

    sent = typed(client.get(address).text)
    gone = {name: None for name, _ in sent if name.startswith(f"qualifications-{before}-")}
    renamed = {f"qualifications-{before + 1}-number": "B2"}
    assert post(client, address, sent, **gone, **renamed).status_code == 302
    assert rows()[before:] == [(second[0], "证书乙", "B2")]


@pytest.mark.db
def test_a_fault_in_a_child_row_stands_beside_it(edited):
    client, address, _key = edited
    sent = typed(client.get(address).text)
    answer = post(client, address, sent, **{"qualifications-70-name": "只有名称"})
    page = BeautifulSoup(answer.text, "html.parser")
    assert answer.status_code == 400
    assert page.find("input", value="只有名称")
    line = page.find("input", value="只有名称").find_parent(attrs={"data-row": True})
    assert "此项必填" in line.select_one("[id$='-number-error']").text


@pytest.mark.db
def test_of_two_who_edit_the_second_is_told_and_keeps_what_was_typed(app, edited):
    client, address, key = edited
    with app.app_context(), system_session() as session:
        row = session.get_one(Organization, key)
        stale = row.version
        row.address = "他人刚改的地址"
        session.commit()
        assert row.version == stale + 1
    sent = typed(client.get(address).text)
    answer = post(client, address, sent, address="我改的地址", version=str(stale))
    assert answer.status_code == 400
    assert "被他人修改" in answer.text
    assert "我改的地址" in answer.text
    assert post(client, address, typed(answer.text)).status_code == 302
    with app.app_context(), system_session() as session:
        assert session.get_one(Organization, key).address == "我改的地址"


@pytest.mark.db
def test_a_repeated_code_is_told_without_any_sql(app, edited):
    client, address, key = edited
    with app.app_context(), system_session() as session:
        other = session.scalar(select(Organization.credit_code).where(Organization.id != key))
    answer = post(client, address, typed(client.get(address).text), credit_code=other)
    assert answer.status_code == 400
    assert "重复" in answer.text
    assert "INSERT" not in answer.text
    assert "UPDATE" not in answer.text


@pytest.mark.db
def test_a_draft_is_its_authors_and_is_gone_when_sent_or_discarded(app, edited, sign_in):
    client, address, key = edited
    form = f"organizations-{key}"
    entries = [list(pair) for pair in typed(client.get(address).text)]
    changed = [[n, "草稿里的地址" if n == "address" else v] for n, v in entries]
    assert client.put(f"/drafts/{form}", json=changed).status_code == 200
    assert "草稿里的地址" in client.get(address).text
    assert "草稿里的地址" not in sign_in("operator2").get(address).text
    client.post(f"/drafts/{form}/discard/")
    assert "草稿里的地址" not in client.get(address).text

    client.put(f"/drafts/{form}", json=changed)
    assert post(client, address, typed(client.get(address).text)).status_code == 302
    with app.app_context(), system_session() as session:
        person = select(Person.id).where(Person.username == "operator").scalar_subquery()
        assert session.scalar(select(Draft).where(Draft.user_id == person)) is None
        assert session.get_one(Organization, key).address == "草稿里的地址"


@pytest.mark.db
def test_two_windows_may_keep_their_first_draft_at_once(app, sign_in):
    browsers = [sign_in("operator"), sign_in("operator")]
    start, answers = threading.Barrier(2), []

    def keep(browser):
        for key in range(1, 21):
            start.wait()
            entries = [["title", f"草稿{key}"]]
            answers.append(browser.put(f"/drafts/announcements-{key}", json=entries).status_code)

    threads = [threading.Thread(target=keep, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40
    with app.app_context(), system_session() as session:
        kept = select(func.count()).where(Draft.form.like("announcements-%"))
        assert session.scalar(kept) == 20


# --- export ---------------------------------------------------------------------------------


def exported(client, address):
    answer = client.get(address)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


@pytest.mark.db
def test_the_export_holds_every_row_of_the_filter(sign_in, many):
    client = sign_in("operator")
    head, *rows = exported(client, "/organizations/export.csv")
    assert head[:2] == ["企业名称", "统一社会信用代码"]
    assert len(rows) == many
    _head, *found = exported(client, "/organizations/export.csv?q=孪生&region=990200")
    assert len(found) == 15


@pytest.mark.db
def test_a_cell_that_looks_like_a_formula_is_text(app, sign_in):
    with app.app_context(), system_session() as session:
        row = session.scalars(select(Organization).limit(1)).one()
        row.name = '=HYPERLINK("x")'
        session.commit()
    rows = exported(sign_in("operator"), "/organizations/export.csv")
    assert '\'=HYPERLINK("x")' in [row[0] for row in rows]
    assert not [cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "@"))]
