"""Exports that PostgreSQL writes by itself (0063): the same file, letter by letter."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from flask import g
from flask_babel import force_locale
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    Integer,
    String,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from app import access
from app.access import SYSTEM, acting_as
from app.columns import Money, UtcDateTime
from app.extensions import db, system_session
from app.models import AccessVersion, AuditEntry, Certification, OrganizationChange, Product
from app.services import reference
from app.views.base import copied
from app.views.base.cells import UNWRITTEN
from app.views.base.exporting import Exporting
from app.views.base.view import BackOfficeView

BY_DATABASE = {
    "AccreditationView", "ActivityView", "AnnouncementView", "AssociationView", "CategoryView",
    "CertificationView", "DemandView", "FilingView", "InstitutionView", "LateDemandView",
    "ListingView", "OpenDemandView", "OrganizationChangeView", "OrganizationView",
    "PoolView", "ProductReviewView", "RankingView", "RatingView", "ScoreView", "SpecialProductView",
    "StandardProductView",
}  # fmt: skip
BY_PROCESS = {
    "AllConsultantsView": "masked addresses",
    "AuditView": "roles, stages and jobs by their titles",
    "ConsultantView": "masked addresses",
    "InvitationView": "masked addresses",
    "LoginLogView": "stages and jobs by their titles",
    "MemberView": "masked phones",
}
KEPT = {
    "search_text", "version", "kind", "subject_id", "institution_state", "dictionary", "state",
    "code",
}  # fmt: skip
"""Columns whose values decide whether a row stands in a list at all."""
COPIED = Exporting.by_database
PEOPLE = ("operator", "bureau", "association", "institution", "consultant")
TEXTS = (
    "=1+1", "+86", "-", "-2.00", "-1,234", "-1-1", "-1\n",
    "@x", "\tx", "\rx", "\\.", 'say "no"', "a,b", "two\nlines", "a\r\nb", "",
    " ", " x ", "👩‍🔬", "'x", "%(low)s %s %%", "—", "\\N", "NULL", "x" * 40,
)  # fmt: skip
NUMBERS = (
    None, 0, 1, -1, 5, 99, 100, 999, 1000, -999, -1000, 99_999, 100_000, 425, 475, 202613,
    1_234_567, -123_456_789,
)  # fmt: skip
AMOUNTS = (*NUMBERS, 10**13, -(10**13), 10**13 - 1)
MOMENTS = (
    None, datetime(2026, 11, 20, 15, 59, 59, 999_999, UTC), datetime(2026, 11, 20, 16, tzinfo=UTC),
    datetime(2024, 2, 28, 16, tzinfo=UTC), datetime(1988, 7, 1, 15, 30, tzinfo=UTC),
    datetime(9999, 12, 30, 1, tzinfo=UTC),
)  # fmt: skip
DAYS = (None, date(2026, 11, 22), date(2024, 2, 29), date(1999, 12, 31), date(9999, 12, 31))
LISTS = (None, [], ["zc01"], ["=x", "zc02"], ["zc02", "nobody's", "fl"], [""], ["-"])
OF_TYPE = (
    (Money, AMOUNTS), (UtcDateTime, MOMENTS), (Date, DAYS), (Boolean, (None, True, False)),
    (Integer, NUMBERS), (JSON, LISTS), (String, (None, *TEXTS)),
)  # fmt: skip


@pytest.fixture
def on_postgresql(app):
    with app.app_context():
        if db.engine.dialect.name != "postgresql":
            pytest.skip("only PostgreSQL writes exports by itself")


@pytest.fixture
def exported(app):
    """The lists that somebody may export."""
    views = app.extensions["appbuilder"].baseviews
    found = [view for view in views if isinstance(view, BackOfficeView)]
    return [
        view
        for view in found
        if "can_export" in view.base_permissions
        and not ({"export"} & {*view.exclude_route_methods})
        and any(rule.endpoint == f"{view.endpoint}.export" for rule in app.url_map.iter_rules())
    ]


# --- which, and in which words --------------------------------------------------------------


def test_it_is_known_which_lists_the_database_writes(app, exported):
    with app.app_context(), acting_as(SYSTEM):
        written = {
            type(view).__name__: all(
                view.worded(cell, view.query.selected_columns) is not None
                for cell in view.cells
                if cell.kind not in UNWRITTEN
            )
            for view in exported
        }
    assert {name for name, is_copied in written.items() if is_copied} == BY_DATABASE
    assert {name for name, is_copied in written.items() if not is_copied} == {*BY_PROCESS}


def test_who_says_a_cell_in_another_way_says_so_to_the_database_too(exported):
    for kind in {kind for view in exported for kind in type(view).__mro__}:
        if issubclass(kind, BackOfficeView) and kind is not BackOfficeView:
            other = {"shown", "getter"} & vars(kind).keys()
            assert not other or "worded" in vars(kind), kind


def _values(type_):
    return next(values for kind, values in OF_TYPE if isinstance(type_, kind))


@pytest.mark.db
@pytest.mark.usefixtures("on_postgresql")
def test_each_kind_of_cell_reads_the_same_in_sql(app, exported):
    kinds = set()
    for language in ("zh", "en"):
        with app.test_request_context(), force_locale(language), system_session() as session:
            g.words = reference.reference(session, None)
            rows = access.elevated(session, "words alone")
            for view, cell in ((one, cell) for one in exported for cell in one.cells):
                key = cell.kind, cell.info.dictionary, cell.info.choices
                if cell.name in {"price_mode", "off_guide"}:  # said by their views
                    continue
                if key in kinds or cell.kind in UNWRITTEN or type(view).__name__ not in BY_DATABASE:
                    continue
                type_ = view.query.selected_columns[cell.name].type
                if copied.worded(cell, literal(None, type_)) is None:
                    continue
                kinds.add(key)
                values = [one for one in _values(type_) if cell.kind != "month" or (one or 0) >= 0]
                texts = [copied.worded(cell, literal(value, type_)) for value in values]
                said = rows.execute(select(*texts)).one()
                meant = [view.written(cell, value) for value in values]
                assert [one or "" for one in said] == [copied.harmless(one) for one in meant], cell
            assert {kind for kind, *_rest in kinds} == {*copied.WORDED, "link", "relation", "month"}
        kinds.clear()


# --- whole lists ----------------------------------------------------------------------------


@pytest.fixture
def planted(app, exported):
    """In every exported table values of which something could go wrong on the way."""
    done = set()
    with app.app_context(), system_session() as session:
        rows = access.elevated(session, "values that nobody can type")
        asked, changed = Certification.__table__, OrganizationChange.__table__
        alike = [one.name for one in changed.columns if one.name in asked.c and one.name != "id"]
        found = select(literal("—"), *(asked.c[name] for name in alike)).limit(1)
        made = insert(changed).from_select(["reason", *alike], found)
        rows.execute(made)  # the demonstration has none
        tables = {inspect(view.model).local_table for view in exported}
        for table in sorted(tables - {AuditEntry.__table__}, key=str):
            keys = rows.scalars(select(table.c.id).order_by(table.c.id)).all()
            free = [one for one in table.columns if not one.primary_key and not one.foreign_keys]
            for (row, key), (place, column) in product(enumerate(keys), enumerate(free)):
                values = _values(column.type) if column.name not in KEPT else ()
                if not values or (row + place) % 4 == 0:  # some stay as they were
                    continue
                value = values[(row * 5 + place) % len(values)]
                if column.name in {"price_from", "price_to"} and value:  # none is below nothing
                    value = abs(value)
                if isinstance(value, str):
                    value = f"{value}{key if column.unique else ''}"[: column.type.length]
                change = update(table).where(table.c.id == key).values({column.name: value})
                with suppress(DBAPIError), rows.begin_nested():
                    rows.execute(change)
                    done.add(f"{table.name}.{column.name}")
        rows.execute(update(AccessVersion.__table__).values(version=AccessVersion.version + 1))
        session.commit()
    assert {"organization.name", "product.price_from", "rating.text", "filing.amount"} <= done


@pytest.fixture
def by_process(monkeypatch):
    """Turn the database's own way off and on."""

    def turn(*, off):
        monkeypatch.setattr(Exporting, "by_database", (lambda *_: None) if off else COPIED)

    return turn


@pytest.mark.db
@pytest.mark.usefixtures("on_postgresql", "planted")
def test_the_database_writes_what_the_process_would_write(sign_in, exported, by_process):
    views = [view for view in exported if type(view).__name__ in BY_DATABASE]
    seen = dict.fromkeys(BY_DATABASE, 0)
    for who in PEOPLE:
        client = sign_in(who)
        for language in ("zh", "en"):
            client.get(f"/lang/{language}")
            for view in views:
                address = f"{view.route_base}/export.csv"
                by_process(off=False)
                first = client.get(address)
                if first.status_code == 403:
                    continue
                assert first.status_code == 200, (who, address)
                by_process(off=True)
                second = client.get(address)
                assert first.text.split("\r\n") == second.text.split("\r\n"), (who, address)
                assert first.data == second.data
                assert first.data.startswith("\ufeff".encode())
                lines = list(csv.reader(io.StringIO(first.text, newline="")))
                assert {len(line) for line in lines} == {len(lines[0])}
                seen[type(view).__name__] += len(lines) - 1
    assert not [name for name, count in seen.items() if not count]


@pytest.mark.db
@pytest.mark.usefixtures("on_postgresql")
@pytest.mark.parametrize(
    ("page", "narrowed", "order"),
    [
        ("organizations", "q=科技", "name"),
        ("organizations", "region=990100", "created_at"),
        ("products", "tab=listed", "valid_until"),
        ("filings", "tab=approved", "amount"),
    ],
)
def test_filters_tabs_and_order_hold_in_the_file(sign_in, by_process, page, narrowed, order):
    client = sign_in("operator")

    def lines(query):
        found = client.get(f"/{page}/export.csv?{query}").text
        return list(csv.reader(io.StringIO(found, newline="")))[1:]

    some, every = lines(narrowed), lines("")
    assert 0 < len(some) < len(every)
    assert all(line in every for line in some)
    up, down = (lines(f"{narrowed}&order={order}&dir={way}") for way in ("asc", "desc"))
    assert sorted(up) == sorted(down) == sorted(some)
    assert up != down
    by_process(off=True)
    assert [up, down] == [lines(f"{narrowed}&order={order}&dir={way}") for way in ("asc", "desc")]


@pytest.mark.db
@pytest.mark.usefixtures("on_postgresql")
def test_a_file_holds_the_rows_of_its_reader_alone(sign_in, actor_of, as_actor):
    named = {}
    for who in ("operator", "bureau"):
        answer = sign_in(who).get("/certifications/export.csv")
        _head, *lines = csv.reader(io.StringIO(answer.text))
        named[who] = sorted(line[0] for line in lines)
        with as_actor(actor_of(who)) as session:
            assert named[who] == sorted(session.scalars(select(Certification.name)))
    assert 0 < len(named["bureau"]) < len(named["operator"])
    with as_actor(actor_of("institution")) as session:
        mine = Product.organization_id == actor_of("institution").organization_id
        own = select(Product.name).where(mine, Product.kind == "standard")
        names = sorted(session.scalars(own))
    _head, *lines = csv.reader(io.StringIO(sign_in("institution").get("/listings/export.csv").text))
    assert sorted(line[0] for line in lines) == names


# --- the process ----------------------------------------------------------------------------

LONG = (
    "COPY (SELECT repeat('x', 999), pg_sleep(0.0001) FROM generate_series(1, 9000000))"
    " TO STDOUT (FORMAT csv)"
)
ASLEEP = "COPY (SELECT pg_sleep(120)) TO STDOUT (FORMAT csv)"
BROKEN = "COPY (SELECT 1 / (50000 - n) FROM generate_series(1, 99000) n) TO STDOUT (FORMAT csv)"


@pytest.fixture
def begin(sign_in, monkeypatch, on_postgresql):  # noqa: ARG001 - it is asked first
    """Begin an export of the given COPY: its answer, and its process."""
    client, made = sign_in("operator"), []

    class Kept(copied.Download):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self._writer)

    def begin(statement, method="GET"):
        monkeypatch.setattr(copied, "in_copy", lambda *_: statement)
        monkeypatch.setattr(copied, "Download", Kept)
        answer = client.open("/organizations/export.csv", method=method, buffered=False)
        return answer, made[-1]

    return begin


def _noted(app):
    """How many exports are on record."""
    made = select(func.count()).where(AuditEntry.action == "export").select_from(AuditEntry)
    with app.app_context(), system_session() as session:
        return session.scalar(made)


def _running(app):
    """How many COPY run at the server; of one that was left, within seconds none."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"
    with app.app_context(), db.engine.connect() as rows:
        rows.execution_options(isolation_level="AUTOCOMMIT")  # else it sees one moment alone
        until = time.monotonic() + 8
        while (count := rows.scalar(text(asked))) and time.monotonic() < until:
            time.sleep(0.1)
    return count


@pytest.mark.db
def test_what_fails_on_the_way_breaks_the_download_off(begin, app):
    answer, writer = begin(BROKEN)
    pieces = iter(answer.response)
    assert "企业名称".encode() in next(pieces)
    with pytest.raises(RuntimeError, match="broke off"):
        assert sum(map(len, pieces))
    answer.close()
    assert writer.returncode == 1
    answer, writer = begin(LONG)
    pieces = iter(answer.response)
    assert next(pieces)
    assert next(pieces)
    writer.kill()
    with pytest.raises(RuntimeError, match="-9"):
        assert sum(map(len, pieces))
    answer.close()
    assert _running(app) == 0


@pytest.mark.db
@pytest.mark.parametrize("statement", [LONG, ASLEEP])
def test_nothing_runs_on_for_a_reader_who_has_left(begin, app, statement):
    answer, writer = begin(statement)
    pieces = iter(answer.response)
    assert next(pieces)
    if statement == LONG:
        assert next(pieces)
    assert writer.poll() is None
    answer.close()
    assert writer.returncode == -9
    assert not Path(f"/proc/{writer.pid}").exists()
    assert _running(app) == 0


@pytest.mark.db
def test_a_few_exports_at_once_are_enough_and_a_refused_one_is_not_on_record(begin, app, sign_in):
    under_way = [begin(ASLEEP) for _ in range(copied.MOST)]
    before = _noted(app)
    refused = sign_in("operator").get("/listings/export.csv")
    assert refused.status_code == 409
    assert "稍等一分钟" in refused.text
    assert _noted(app) == before == copied.MOST
    for answer, _writer in under_way:
        answer.close()
    answer, _writer = begin("COPY (SELECT 1) TO STDOUT (FORMAT csv)")
    assert b"".join(answer.response).endswith(b"\r\n1\r\n")
    answer.close()


@pytest.mark.db
def test_a_reader_who_is_slow_or_lost_keeps_nobody_waiting(begin):
    for _ in range(copied.MOST):
        _answer, writer = begin("COPY (SELECT generate_series(1, 200000)) TO STDOUT (FORMAT csv)")
        assert writer.wait(30) == 0
    answer, _writer = begin("COPY (SELECT generate_series(1, 200000)) TO STDOUT (FORMAT csv)")
    assert b"".join(answer.response).count(b"\r\n") == 200_001
    answer.close()


@pytest.mark.db
@pytest.mark.usefixtures("on_postgresql")
def test_a_password_of_any_signs_is_taken_and_never_told(app):
    secret = "a b+c%25/@"
    with app.app_context():
        engine = db.engine
    with engine.connect() as rows:
        rows.execute(text("DROP ROLE IF EXISTS spaced"))
        rows.execute(text("CREATE ROLE spaced LOGIN PASSWORD 'a b+c%25/@'"))
        rows.commit()
    try:
        for password, ended, said in ((secret, 0, b"1\r\n"), (f"{secret}!", 1, b"")):
            url = engine.url.set(username="spaced", password=password)
            _none, address = engine.dialect.create_connect_args(url)
            address.pop("context")
            order = json.dumps([address, "COPY (SELECT 1) TO STDOUT (FORMAT csv)"])
            done = subprocess.run(  # noqa: S603 - ours
                copied.WRITER, input=order.encode(), capture_output=True, check=False
            )
            assert (done.returncode, done.stdout) == (ended, said)
            assert password.encode() not in done.stderr
            assert b"COPY" not in done.stderr
    finally:
        with engine.connect() as rows:
            rows.execute(text("DROP ROLE spaced"))
            rows.commit()


@pytest.mark.db
def test_whoever_asks_for_the_head_alone_leaves_no_process(begin):
    answer, writer = begin(ASLEEP, "HEAD")
    assert answer.status_code == 200
    answer.close()
    assert writer.returncode == -9


@pytest.mark.db
def test_the_process_holds_little_and_is_told_nothing_by_its_arguments(begin):
    answer, writer = begin(LONG)
    pieces = iter(answer.response)
    for _ in range(50):
        next(pieces)
    told = Path(f"/proc/{writer.pid}/cmdline").read_bytes()
    assert b"COPY" not in told
    assert b"postgresql" not in told
    status = Path(f"/proc/{writer.pid}/status").read_text()
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 60 * 1024
    answer.close()
