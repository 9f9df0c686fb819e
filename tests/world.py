"""A small world to act in: databases made from a template, people, and an invented business."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import Engine, String, create_engine, make_url, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from stdnum.cn import uscc

from app import search
from app.access import SYSTEM, Actor, ScopedSession, acting_as, protect
from app.clock import Workdays
from app.columns import Key, UtcDateTime
from app.errors import DomainError, Problem
from app.extensions import prepare_sqlite
from app.flow import Act, Flow, organization_role
from app.models import (
    APPEND_ONLY,
    AccessVersion,
    Accreditation,
    Attachment,
    DictItem,
    FlowCase,
    FlowTask,
    Membership,
    Model,
    Organization,
    OrgRole,
    Person,
    Region,
)
from app.workflow import Desk, Workflow
from tests.services import postgresql_url

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
TODAY = date(2026, 11, 20)
PREFIX = "qifu_world_"


# --- databases ----------------------------------------------------------------------------


def connect(url: str) -> Engine:
    """An engine as the application has it."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    return engine


def is_on_postgresql() -> bool:
    """Which database this run is about."""
    return os.environ.get("QIFU_TEST_DATABASE") == "postgresql"


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of a new database: all tables and the people of :data:`PEOPLE`."""
    if is_on_postgresql():
        name = PREFIX + uuid4().hex[:12]
        _on_server(f"CREATE DATABASE {name} TEMPLATE {template().database}")
        try:
            yield template().set(database=name).render_as_string(hide_password=False)
        finally:
            _on_server(f"DROP DATABASE {name} WITH (FORCE)")
    else:
        with tempfile.TemporaryDirectory(prefix="qifu-world-") as room:
            shutil.copy(template().database or "", Path(room) / "world.db")
            yield f"sqlite:///{room}/world.db"


@cache
def template() -> Any:
    """The URL of the database that all others are copied from; gone when the process ends."""
    if is_on_postgresql():
        name = PREFIX + uuid4().hex[:12]
        _on_server(f"CREATE DATABASE {name}")
        atexit.register(_on_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        url = make_url(postgresql_url() or "").set(database=name)
    else:
        room = tempfile.mkdtemp(prefix="qifu-world-")
        atexit.register(shutil.rmtree, room, ignore_errors=True)
        url = make_url(f"sqlite:///{room}/template.db")
    engine = connect(url.render_as_string(hide_password=False))
    furnish(engine)
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
    return url


def _on_server(statement: str) -> None:
    engine = create_engine(postgresql_url() or "", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def furnish(engine: Engine) -> None:
    """Create all tables, the triggers, the search indexes, the organizations and the people."""
    with engine.begin() as connection:
        Model.metadata.create_all(connection)
        Table.metadata.create_all(connection)
        for statement in APPEND_ONLY[connection.dialect.name]:
            connection.execute(text(statement))
        for model in (Organization, FlowCase):
            search.create_indexes(connection, model.__tablename__)
    with Session(engine) as session:
        session.add(AccessVersion(version=1))
        session.add(Region(id=990100, name="Region A", level=2, path="Region A"))
        session.add_all(
            DictItem(dictionary="service_category", code=c, parent=p, zh=c, en=c, needs_licence=n)
            for c, p, n in SERVICES
        )
        roles = {name: Role(name=name) for _, names, _ in PEOPLE.values() for name in names}
        roles |= {name: Role(name=name) for name in ("ordinary", "institution_main")}
        session.add_all(roles.values())
        session.flush()
        for number, code in enumerate(CODES, 1):
            session.add(organization(f"Company {number}", code))
            session.flush()
            session.add(OrgRole(organization_id=number, role="enterprise", valid_from=TODAY))
        for number, (_, names, place) in PEOPLE.items():
            person = somebody(f"Person {number}")
            person.roles = [roles[name] for name in names]
            session.add(person)
            session.flush()
            assert person.id == number
            if place:
                is_main = number in (1, 8, 10)
                session.add(Membership(user_id=number, organization_id=place, is_main=is_main))
        session.commit()


# --- people -------------------------------------------------------------------------------


def credit_code(number: int) -> str:
    """A valid credit code, a different one for each number."""
    body = f"91990100MA{number:07d}"
    return body + uscc.calc_check_digit(body)


CODES = tuple(credit_code(number) for number in (1, 2, 3))
"""The credit codes of the organizations 1, 2 and 3."""
PEOPLE: dict[int, tuple[str, tuple[str, ...], int | None]] = {
    1: ("member", ("enterprise_main",), 3),
    2: ("staff", ("operator",), None),
    3: ("staff", ("operator",), None),
    **dict.fromkeys((4, 5, 6, 7), ("staff", ("expert",), None)),
    8: ("member", ("lead_unit",), 1),
    9: ("staff", ("flow_admin",), None),
    10: ("member", ("lead_unit",), 2),
    11: ("staff", ("operator",), 3),
}
"""Kind, roles, organization.  1 applies; 11 is an operator of the same organization."""


def actor(number: int) -> Actor:
    """One of :data:`PEOPLE`, as the application would name them."""
    kind, roles, place = PEOPLE[number]
    return Actor(kind, number, frozenset(roles), place, region="99")


def somebody(name: str) -> Person:
    """A person with a login, not yet stored."""
    return Person(first_name="", last_name=name, username=uuid4().hex, active=True)


def organization(name: str, code: str) -> Organization:
    """An organization of its registration, not yet stored."""
    return Organization(
        name=name,
        credit_code=code,
        region_id=990100,
        address="1 Example Road",
        industry="I",
        contact_name="Somebody",
        contact_phone="13900000000",
        created_at=NOW,
    )


SERVICES = (
    *(("law", "", True), ("law1", "law", True), ("net", "", False), ("net1", "net", False)),
    *((f"net{n}", "net", False) for n in range(2, 9)),
)
"""Code, group, whether a certificate is needed."""


def attachment(owner_id: int) -> Attachment:
    """A stored file, not yet in the database."""
    return Attachment(
        name="scan.png",
        rule="licence",
        mime="image/png",
        size=1,
        sha256="0" * 64,
        key=uuid4().hex,
        owner_id=owner_id,
        uploaded_at=NOW,
    )


def application(number: int, **values: Any) -> Accreditation:
    """A complete request to become an institution, not yet stored; ``number`` makes its name."""
    complete = {
        "name": f"Institution {number} Ltd.",
        "credit_code": credit_code(number),
        "region_id": 990100,
        "address": "2 Example Road",
        "industry": "I",
        "legal_person": "Somebody",
        "founded_on": date(2020, 2, 29),
        "registered_capital": 100_000_000,
        "staff_count": 12,
        "institution_kind": "firm",
        "service_categories": ["net1"],
        "intro": "We have served many enterprises for years. " * 2,
        "team_size": 8,
        "contact_name": "Contact",
        "contact_mobile": "13900000001",
        "contact_email": "result@example.com",
        "service_tel": "010-00000000",
        "true_statement": True,
        "created_at": NOW,
    }
    return Accreditation(**(complete | values))


# --- an invented business -----------------------------------------------------------------


class Table(DeclarativeBase):
    """Tables of the tests alone: the application's own metadata know nothing of them."""


class Product(Table):
    """What the invented business is about."""

    __tablename__ = "world_product"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    price: Mapped[int] = mapped_column(default=0)
    lead_unit_id: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(20), default="draft")
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}

    def __str__(self) -> str:
        return self.name


class ProductListing(Flow[Product]):
    """Some of its products are poisonous, and one has a bug."""

    key, title, subject, prefix = "product_listing", "Product listing", Product, "SJ"
    grants = True
    submitters = frozenset({"enterprise_main"})
    conditions: ClassVar = {"expensive": lambda product: product.price > 100}
    assignees: ClassVar = {"lead_unit": organization_role("lead_unit", of="lead_unit_id")}

    def __init__(self) -> None:
        self.told: list[str] = []

    def check(self, subject, rows, now) -> list[Problem]:
        found = [] if subject.name else [Problem("name", "A product needs a name.")]
        return found + ([Problem("price", "Too low.")] if subject.price < 0 else [])

    def on_submitted(self, act: Act, subject: Product) -> None:
        self.told.append("submitted")

    def on_returned(self, act: Act, subject: Product) -> None:
        self.told.append(f"returned: {act.opinion}")

    def on_approved(self, act: Act, subject: Product) -> None:
        if subject.name == "poison":
            raise DomainError("The pool is full.")
        if subject.name == "bug":
            raise ZeroDivisionError
        self.told.append(f"approved in line {act.line}")

    def on_refused(self, act: Act, subject: Product) -> None:
        self.told.append(f"refused: {act.opinion}")

    def on_withdrawn(self, act: Act, subject: Product) -> None:
        self.told.append("withdrawn")


@dataclass
class World:
    """One session in which everybody acts; nothing is committed unless the test does."""

    session: Session
    now: datetime = NOW
    flow: ProductListing = field(default_factory=ProductListing)
    off: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.workflow = Workflow([self.flow], lambda _rows: Workdays())

    def publish(self, *stages: dict[str, Any]) -> int:
        """Publish a route of these stages."""
        full = [{"title": s["key"], "returns_to": ["applicant"]} | s for s in stages]
        key = self.flow.key
        return self.workflow.publish(self.session, key, full, self.now, lambda _seat: True)

    def actor(self, number: int) -> Actor:
        """A person with the roles held now; a switched-off account holds none."""
        return Actor("ordinary", number) if number in self.off else actor(number)

    def desk(self, number: int) -> Desk:
        return self.workflow.desk(self.session, self.actor(number), self.now)

    def switch(self, *numbers: int) -> None:
        """Switch accounts off, or on again."""
        self.off ^= set(numbers)
        person = Person.__table__
        for number in numbers:
            here = person.c.id == number
            active = number not in self.off
            self.session.connection().execute(update(person).where(here).values(active=active))

    def opened(self, applicant: int = 1, **values: Any) -> int:
        """A case that is still a draft."""
        who = self.actor(applicant)
        product = Product(**{"name": "MES"} | values)
        return self.desk(applicant).open("product_listing", product, who.organization_id).id

    def submitted(self, applicant: int = 1, **values: Any) -> int:
        case_id = self.opened(applicant, **values)
        self.desk(applicant).submit(case_id)
        return case_id

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def case(self, case_id: int) -> FlowCase:
        return self.session.get_one(FlowCase, case_id, populate_existing=True)

    def product(self, case_id: int) -> Product:
        key = self.case(case_id).subject_id
        return self.session.get_one(Product, key, populate_existing=True)

    def tasks(self, case_id: int, *states: str) -> list[FlowTask]:
        query = select(FlowTask).where(FlowTask.case_id == case_id).order_by(FlowTask.id)
        if states:
            query = query.where(FlowTask.state.in_(states))
        return list(self.session.scalars(query.execution_options(populate_existing=True)))

    def task(self, case_id: int, user_id: int | None = None) -> int:
        """The open task of a case (of a user)."""
        (found,) = [t for t in self.tasks(case_id, "open") if user_id in (None, t.user_id)]
        return found.id


# --- the session of the application -------------------------------------------------------


class Scoped(ScopedSession, Session):
    """What the application uses, without the web framework around it."""

    registry = Model.registry


protect(Scoped)


@contextmanager
def session_of(engine: Engine, who: Actor) -> Iterator[Session]:
    """A session of one actor, with every access rule; committed unless something is raised."""
    with acting_as(who), Scoped(engine, expire_on_commit=False) as session:
        yield session
        session.commit()


@contextmanager
def system(engine: Engine) -> Iterator[Session]:
    """A session of the system."""
    with session_of(engine, SYSTEM) as session:
        yield session
