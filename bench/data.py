"""The same rows on every run, by COPY: institutions, products, demands, to-dos and points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from stdnum.cn import uscc

from app.search import bigrams
from app.tables.demands import SETTLED_TURN

FIRST = 1_000_000
"""Keys and running numbers begin here, above those of the demonstration."""

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PLACES = ("望澜", "澄川", "砚北", "云岫", "栖岭", "临汀", "霁光", "岚图")
TOPICS = (
    "数字化转型", "知识产权", "财税代理", "法律顾问",
    "人才招聘", "检验检测", "融资对接", "工业设计",
)  # fmt: skip
FORMS = ("咨询", "诊断", "方案", "培训", "托管")
RARE, RARE_HITS = "孪生", 75
CATEGORIES = ("zc01", "zc02", "zc03", "zc04")
STATES = (
    "waiting", "waiting", "contacted", "following", "following", "won", "won", "lost", "closed",
    "open",
)  # fmt: skip
SETTLED = frozenset({"won", "lost", "closed"})
ITEMS = (("profile", 1000), ("tx_count", 500), ("rating", 300))
MONTHS = 12
BOARD = 60
PER_INSTITUTION = 50
MINE_EVERY = 16
"""Of so many to-dos one waits for the role that is asked."""


@dataclass(frozen=True)
class Size:
    """How many rows there are."""

    institutions: int
    products: int
    demands: int
    tasks: int


def size(share: int) -> Size:
    """All rows, or one in ``share``; of institutions enough to fill a page of the board."""
    many = 1_000_000 // share
    return Size(max(20_000 // share, BOARD), many, many, many)


@dataclass(frozen=True)
class Known:
    """Keys of rows that the demonstration has already."""

    region: int
    user: int
    formula: int
    stage: int
    route: int
    own: int
    """The institution that the demonstration's account ``institution`` acts for."""


def fill(url: str, rows: Size) -> None:
    """Write everything, with triggers at rest and indexes made afterwards."""
    with psycopg.connect(url) as connection:
        known = _known(connection)
        # Before a product can be told from another of its institution: what it is a listing of.
        _copy(connection, "standard_product", _standard())
        for table, made in (
            ("organization", _organizations(rows, known)),
            ("org_role", _roles(rows)),
            ("product", _products(rows, known)),
            ("demand", _demands(rows, known)),
            ("flow_case", _cases(rows, known)),
            ("flow_task", _tasks(rows, known)),
            ("score_entry", _points(rows, known)),
            ("score_total", _totals(rows, known)),
        ):
            _copy(connection, table, made)
        _count_on(connection)
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def title_of(number: int, count: int) -> str:
    """What the product or demand of this number is called, one of ``count``.

    A rare word has as many hits among few as among many.
    """
    topic = RARE if number % (count // RARE_HITS) == 0 else TOPICS[number % len(TOPICS)]
    place = PLACES[number // len(TOPICS) % len(PLACES)]
    return f"{place}{topic}{FORMS[number % len(FORMS)]} {number}"


def containing(phrase: str, count: int) -> int:
    """In how many titles of so many rows a phrase stands: what a search must find."""
    return sum(phrase in title_of(number, count) for number in range(count))


@cache
def _words(text: str) -> str:
    return bigrams(text)


def search_text(number: int, count: int) -> str:
    """What is searched of the title of this number; the words of many titles are the same."""
    words, _space, digits = title_of(number, count).partition(" ")
    return f"{_words(words)} | {bigrams(digits)}"


def _credit_code(number: int) -> str:
    body = f"91990101M{FIRST + number:08d}"
    return f"{body}{uscc.calc_check_digit(body)}"


def _known(connection: psycopg.Connection[Any]) -> Known:
    def one(query: str) -> int:
        found = connection.execute(query.encode()).fetchone()
        if found is None:
            raise LookupError(query)
        return int(found[0])

    return Known(
        region=990101,
        user=one("SELECT id FROM ab_user WHERE username = 'enterprise'"),
        formula=one("SELECT id FROM score_formula ORDER BY id LIMIT 1"),
        stage=one("SELECT stage_id FROM flow_case WHERE stage_id IS NOT NULL ORDER BY id LIMIT 1"),
        route=one("SELECT route_id FROM flow_case WHERE stage_id IS NOT NULL ORDER BY id LIMIT 1"),
        own=one(
            "SELECT m.organization_id FROM membership m JOIN ab_user u ON u.id = m.user_id"
            " WHERE u.username = 'institution'"
        ),
    )


def _standard() -> Iterator[dict[str, Any]]:
    for number in range(PER_INSTITUTION):
        yield {
            "id": FIRST + number, "name": f"标准服务{number}", "name_key": f"标准服务{number}",
            "search_text": bigrams(f"标准服务{number}"), "category": CATEGORIES[number % 4],
            "description": "<p>说明</p>", "deliverables": "报告", "cycle_days": 10,
            "position": 100, "state": "active", "created_at": NOW, "version": 1,
            "price_mode": "negotiable",
        }  # fmt: skip


def _organizations(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    for number in range(rows.institutions):
        name = f"{PLACES[number % 8]}{TOPICS[number % 7 + 1]}服务有限公司 {number}"
        yield {
            "id": FIRST + number, "name": name, "name_key": name.replace(" ", ""),
            "credit_code": _credit_code(number), "region_id": known.region,
            "address": "服务路1号", "industry": "65", "contact_name": "何某",
            "contact_phone": "12000000000", "service_categories": '["zc01"]',
            "service_area": "[]", "certification": "certified", "institution_state": "in_pool",
            "association_state": "none", "created_at": NOW - timedelta(minutes=number),
            "version": 1, "search_text": bigrams(name), "institution_kind": "digital",
            "short_name": f"机构{number}", "in_park": "yes",
        }  # fmt: skip


def _roles(rows: Size) -> Iterator[dict[str, Any]]:
    for number in range(rows.institutions):
        for step, role in enumerate(("enterprise", "institution")):
            yield {
                "id": FIRST + 2 * number + step, "organization_id": FIRST + number,
                "role": role, "valid_from": date(2026, 1, 1),
            }  # fmt: skip


def _products(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    for number in range(rows.products):
        name = title_of(number, rows.products)
        price = 10_000 + number * 7919 % 9_000_000
        yield {
            "id": FIRST + number, "kind": "standard",
            "organization_id": FIRST + number // PER_INSTITUTION,
            "standard_id": FIRST + number % PER_INSTITUTION, "region_id": known.region,
            "name": name, "name_key": name, "category": CATEGORIES[number % 4],
            "cycle_days": 10, "valid_until": date(2099, 12, 31),
            "state": "delisted" if number % 10 == 9 else "listed", "revision": "none",  # noqa: PLR2004
            "price_order": price, "price_from": price, "price_mode": "fixed", "unit": "time",
            "listed_at": NOW - timedelta(minutes=number), "kept_at": NOW, "created_at": NOW,
            "view_count": number % 97, "demand_count": number % 31, "rating": number % 500,
            "rating_sum": 0, "rating_count": 0, "version": 1,
            "search_text": search_text(number, rows.products),
        }  # fmt: skip


def _demands(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    for number in range(rows.demands):
        state = STATES[number % len(STATES)]
        created = NOW - timedelta(seconds=number * 30)
        due = None if state in SETTLED else NOW + timedelta(minutes=number % 100_000)
        house = FIRST + number % rows.institutions
        yield {
            "id": FIRST + number, "number": f"XQ-B-{FIRST + number}",
            "target_kind": "open" if state == "open" else "institution",
            "target_name": "" if state == "open" else f"机构{number % rows.institutions}",
            "organization_id": None if state == "open" else house,
            "enterprise_id": None, "enterprise_name": f"{PLACES[number % 8]}企业{number % 2000}",
            "user_id": known.user, "title": title_of(number, rows.demands),
            "category": CATEGORIES[number % 4],
            "description": "需要有经验的服务机构。", "urgency": "normal", "contact_name": "何某",
            "contact_phone": "12000000000", "allow_transfer": True, "state": state,
            "created_at": created, "turn_at": due or SETTLED_TURN, "due_at": due,
            "first_contact_at": None if state in {"open", "waiting"} else created,
            "enterprise_confirm": "none", "version": 1,
            "search_text": search_text(number, rows.demands),
        }  # fmt: skip


def _cases(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    for number in range(rows.tasks):
        running = number % MINE_EVERY == 0
        yield {
            "id": FIRST + number, "number": f"RZ-B-{FIRST + number}", "flow": "accreditation",
            "subject_id": FIRST + number, "title": title_of(number, rows.tasks),
            "applicant_id": known.user,
            "applicant_name": "何某", "state": "in_review" if running else "approved",
            "round": 1, "version": 2, "head": "0" * 64,
            "search_text": search_text(number, rows.tasks),
            "route_id": known.route, "stage_id": known.stage if running else None,
            "submitted_at": NOW - timedelta(minutes=number),
            "closed_at": None if running else NOW,
        }  # fmt: skip


def _tasks(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    for number in range(rows.tasks):
        running = number % MINE_EVERY == 0
        yield {
            "id": FIRST + number, "case_id": FIRST + number, "flow": "accreditation", "round": 1,
            "seat": 0, "turn": 0, "state": "open" if running else "done", "opinion": "",
            "stage_id": known.stage, "role": "operator",
            "decision": None if running else "approve",
            "decided_by": None if running else known.user,
            "opened_at": NOW - timedelta(minutes=number),
            "due_at": NOW + timedelta(minutes=number), "closed_at": None if running else NOW,
        }  # fmt: skip


def _points(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    key = FIRST
    for number in range(rows.institutions):
        for month in range(MONTHS):
            period = 202512 if month == 0 else 202600 + month
            at = datetime(period // 100, period % 100, 15, tzinfo=UTC)
            for item, points in ITEMS:
                key += 1
                yield {
                    "id": key, "kind": "institution", "subject_id": FIRST + number,
                    "organization_id": FIRST + number, "period": period, "at": at, "item": item,
                    "quantity": 1, "amount": 0, "raw": points + number % 7,
                    "points": points + number % 7, "formula_id": known.formula,
                    "source": "bench", "source_id": key, "note": "",
                }  # fmt: skip


def _totals(rows: Size, known: Known) -> Iterator[dict[str, Any]]:
    """The running totals of those points: each is the only one of its month and heading."""
    for point in _points(rows, known):
        same = ("id", "kind", "subject_id", "organization_id", "period", "quantity")
        yield {name: point[name] for name in same} | {
            "heading": point["item"], "raw": point["raw"], "points": point["points"],
            "entries": 1,
        }  # fmt: skip


# --- COPY -----------------------------------------------------------------------------------


def _copy(connection: psycopg.Connection[Any], table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of one table; its secondary indexes are made when they are all there."""
    made = iter(rows)
    first = next(made, None)
    if first is None:
        return
    connection.execute("SET session_replication_role = replica")
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        (table,),
    ).fetchall()
    for name, _definition in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    names = sql.SQL(", ").join(map(sql.Identifier, first))
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write_row(tuple(_plain(value) for value in first.values()))
        for row in made:
            copy.write_row(tuple(_plain(value) for value in row.values()))
    for _name, definition in indexes:
        connection.execute(definition)


def _plain(value: Any) -> Any:
    """Moments are kept in UTC, without their zone."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _count_on(connection: psycopg.Connection[Any]) -> None:
    """The next rows get keys behind those that are there."""
    for table, column in (
        ("standard_product", "id"), ("organization", "id"), ("org_role", "id"),
        ("product", "id"), ("demand", "id"), ("flow_case", "id"), ("flow_task", "id"),
        ("score_entry", "id"), ("score_total", "id"),
    ):  # fmt: skip
        connection.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), max(id)) FROM {}").format(
                sql.Literal(table), sql.Literal(column), sql.Identifier(table)
            )
        )
