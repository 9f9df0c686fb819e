"""An institution asks to be certified: what is checked, and what an answer changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, func, insert, inspect, select, update
from sqlalchemy.orm import undefer

from app import access
from app.access import Actor
from app.errors import DomainError, Incomplete
from app.flows import workflow
from app.models import (
    AccessVersion,
    Accreditation,
    AccreditationCase,
    AccreditationQualification,
    FlowCase,
    FlowTask,
    Membership,
    Message,
    Organization,
    OrgRole,
    Qualification,
)
from app.profile import load
from app.services import formal, institutions
from tests.world import (
    CODES,
    NOW,
    TODAY,
    actor,
    application,
    attachment,
    connect,
    credit_code,
    fresh_database,
    session_of,
    somebody,
    system,
)

pytestmark = pytest.mark.db
FLOW = "accreditation"
OPERATOR = actor(2)
MEMBER = actor(1)


@dataclass
class Office:
    """The platform: everybody acts in a session of their own, under the rules of access."""

    engine: Engine

    def __post_init__(self) -> None:
        self.now = NOW
        self.workflow = workflow(load("demo"))
        with system(self.engine) as session:
            stage = {"key": "check", "title": "Check", "who": "role:operator", "due_days": 3}
            self.workflow.publish(session, FLOW, [stage | {"returns_to": ["applicant"]}], NOW)

    def newcomer(self) -> Actor:
        """An ordinary user who belongs to no organization."""
        with system(self.engine) as session:
            person = somebody("Newcomer")
            session.add(person)
            session.flush()
            self.give_role(session, person.id, "ordinary")
            return Actor("ordinary", person.id, frozenset({"ordinary"}))

    def give_role(self, session: Any, user_id: int, name: str) -> None:
        held, role = (Accreditation.metadata.tables[t] for t in ("ab_user_role", "ab_role"))
        role_id = session.connection().scalar(select(role.c.id).where(role.c.name == name))
        session.connection().execute(insert(held).values(user_id=user_id, role_id=role_id))

    def roles(self, user_id: int) -> set[str]:
        held, role = (Accreditation.metadata.tables[t] for t in ("ab_user_role", "ab_role"))
        names = select(role.c.name).join(held, held.c.role_id == role.c.id)
        with system(self.engine) as session:
            return set(session.connection().scalars(names.where(held.c.user_id == user_id)))

    def opened(self, who: Actor, number: int = 50, **values: Any) -> int:
        with session_of(self.engine, who) as session:
            files = [attachment(who.user_id or 0) for _ in range(2)]
            session.add_all(files)
            session.flush()
            row = application(
                number,
                applicant_id=who.user_id,
                organization_id=who.organization_id,
                logo_id=files[0].id,
                licence_file_id=files[1].id,
                **values,
            )
            desk = self.workflow.desk(session, who, self.now)
            return desk.open(FLOW, row, who.organization_id).id

    def submit(self, who: Actor, case_id: int) -> None:
        self.act(who, "submit", case_id)

    def submitted(self, who: Actor, number: int = 50, **values: Any) -> int:
        case_id = self.opened(who, number, **values)
        self.submit(who, case_id)
        return case_id

    def act(self, who: Actor, action: str, *words: Any) -> None:
        with session_of(self.engine, who) as session:
            getattr(self.workflow.desk(session, who, self.now), action)(*words)

    def decide(self, case_id: int, action: str, opinion: str = "") -> None:
        with system(self.engine) as session:
            of_case = (FlowTask.case_id == case_id) & (FlowTask.state == "open")
            task_id = session.scalars(select(FlowTask.id).where(of_case)).one()
        self.act(OPERATOR, action, task_id, opinion)

    def check(self, row: Accreditation) -> dict[str, str]:
        """Field to fault, as the page shows them."""
        return {p.field: str(p.text) for p in self.problems(row)}

    def problems(self, row: Accreditation) -> list[Any]:
        with session_of(self.engine, MEMBER) as session:
            return self.workflow.desk(session, MEMBER, self.now).problems(FLOW, row)

    def of(self, case_id: int) -> Accreditation:
        with system(self.engine) as session:
            case = session.get_one(FlowCase, case_id)
            return session.get_one(Accreditation, case.subject_id, options=[undefer("*")])

    def organization(self, key: int | None) -> Row[Any]:
        with system(self.engine) as session:
            row = Organization.__table__
            return session.connection().execute(select(row).where(row.c.id == key)).one()

    def all(self, model: type[Any], **values: Any) -> list[Any]:
        with system(self.engine) as session:
            return list(session.scalars(select(model).filter_by(**values).order_by(model.id)))

    def version(self) -> int:
        with system(self.engine) as session:
            return session.scalars(select(AccessVersion.version)).one()


@pytest.fixture
def office() -> Iterator[Office]:
    with fresh_database() as url:
        engine = connect(url)
        yield Office(engine)
        engine.dispose()


@pytest.fixture(scope="module")
def counter() -> Iterator[Office]:
    """An office that only looks at forms: nothing is stored, so all tests share it."""
    with fresh_database() as url:
        engine = connect(url)
        yield Office(engine)
        engine.dispose()


def filled(number: int = 60, **values: Any) -> Accreditation:
    """A complete, unsaved row; its files are only keys."""
    return application(number, **{"logo_id": 1, "licence_file_id": 2, "applicant_id": 99} | values)


# --- the formal pre-check -----------------------------------------------------------------


def test_a_complete_request_has_no_problem(counter):
    assert counter.check(filled()) == {}


def test_an_empty_request_tells_every_missing_field_at_once(counter):
    assert set(counter.check(Accreditation())) == {
        *("name", "credit_code", "region", "address", "industry", "legal_person", "founded_on"),
        *("registered_capital", "staff_count", "logo", "institution_kind", "service_categories"),
        *("intro", "licence_file", "team_size", "contact_name", "contact_mobile"),
        *("contact_email", "service_tel", "true_statement"),
    }


def test_faults_of_every_kind_are_told_together(office):
    office.submitted(MEMBER, 50)
    row = filled(
        name="Ｉｎｓｔｉｔｕｔｉｏｎ ５０　Ltd",
        credit_code="91990100MA0001A016",
        service_categories=["law1"],
        intro="Too short",
        contact_email="nobody",
        true_statement=False,
        join_association=True,
    )
    assert set(office.check(row)) == {
        *("name", "credit_code", "qualifications", "intro", "contact_email", "true_statement"),
        *("member_kind", "representative_name", "representative_mobile", "join_reason"),
        "accept_charter",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credit_code", "91990100MA000000A"),
        ("credit_code", credit_code(60)[:-1] + "?"),
        ("contact_email", "a@b"),
        ("contact_email", "a b@example.com"),
        ("contact_email", "a@example.com\nBcc: b@example.com"),
        ("contact_mobile", "1390000000"),
        ("contact_mobile", "139000000０1"),
        ("intro", "x" * 49),
        ("intro", "x" * 1001),
        ("intro", " " * 60),
        ("service_categories", []),
        ("service_categories", [f"net{n}" for n in range(1, 8)]),
        ("service_categories", ["net"]),
        ("service_categories", ["unknown"]),
        ("staff_count", 0),
        ("team_size", 10_000),
        ("founded_on", TODAY + timedelta(days=1)),
        ("name", "  "),
        ("name", "x" * 65),
        ("true_statement", None),
    ],
)
def test_a_field_is_refused(counter, field, value):
    assert list(counter.check(filled(**{field: value}))) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credit_code", f" {credit_code(60).lower()} "),
        ("intro", "x" * 50),
        ("service_categories", [f"net{n}" for n in range(1, 7)]),
        ("founded_on", TODAY),
        ("service_area", []),
    ],
)
def test_a_field_is_accepted(counter, field, value):
    assert counter.check(filled(**{field: value})) == {}


def test_a_credit_code_is_stored_in_one_spelling():
    assert institutions.normal_code(" ９１99 0100ma00\u3000") == "91990100MA00"


def certificate(**values: Any) -> AccreditationQualification:
    return AccreditationQualification(**{"name": "Licence", "number": "1"} | values)


def test_a_service_that_needs_a_licence_needs_a_certificate(counter):
    assert list(counter.check(filled(service_categories=["net1", "law1"]))) == ["qualifications"]
    with_proof = filled(service_categories=["law1"], qualifications=[certificate()])
    assert counter.check(with_proof) == {}


def test_certificates_must_be_complete_and_valid_today(counter):
    rows = [
        certificate(valid_until=TODAY),
        certificate(valid_until=TODAY - timedelta(days=1)),
        certificate(number=" "),
    ]
    told = [str(p.text) for p in counter.problems(filled(qualifications=rows))]
    assert told == ["Row 3 is not complete yet.", "The certificate in row 2 has expired."]
    many = [certificate() for _ in range(21)]
    assert list(counter.check(filled(qualifications=many))) == ["qualifications"]


def test_typical_cases_must_be_complete(counter):
    case = AccreditationCase(client="A client", content="", year=2025)
    assert list(counter.check(filled(cases=[case]))) == ["cases"]


def test_related_rows_count_as_filled_in(counter):
    row = filled(logo_id=None, logo=attachment(1))
    assert counter.check(row) == {}


def test_the_association_asks_for_more_only_if_one_joins(counter):
    joining = filled(
        join_association=True,
        member_kind="unit",
        representative_name="Somebody",
        representative_mobile="13900000002",
        join_reason="To learn",
        accept_charter=True,
    )
    assert counter.check(joining) == {}
    joining.representative_mobile = "12"
    assert list(counter.check(joining)) == ["representative_mobile"]
    joining.join_association = False
    assert counter.check(joining) == {}


@pytest.mark.parametrize(
    "spelling",
    [
        "Company 1",
        "COMPANY1",
        "Ｃｏｍｐａｎｙ　１",
        " company-(1) ",
        "Com pany·1",
    ],
)
def test_a_name_that_exists_is_found_however_it_is_spelt(counter, spelling):
    assert list(counter.check(filled(name=spelling))) == ["name"]
    assert counter.check(filled(name=spelling, organization_id=1)) == {}


def test_a_credit_code_that_exists_is_found_however_it_is_spelt(counter):
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in CODES[0])
    for spelling in (CODES[0], CODES[0].lower(), full_width, f"{CODES[0][:8]} {CODES[0][8:]}"):
        assert list(counter.check(filled(credit_code=spelling))) == ["credit_code"]
    assert counter.check(filled(credit_code=CODES[0], organization_id=1)) == {}


def test_what_another_application_asks_for_is_taken_while_it_is_reviewed(office):
    rival = office.newcomer()
    case = office.submitted(rival, 50)
    assert set(office.check(filled(50))) == {"name", "credit_code"}
    office.decide(case, "send_back", "Which seal?")
    assert office.check(filled(50)) == {}
    office.act(MEMBER, "submit", office.opened(MEMBER, 50))
    with pytest.raises(Incomplete) as refusal:
        office.act(rival, "submit", case)
    assert {p.field for p in refusal.value.problems} == {"name", "credit_code"}


def test_one_application_at_a_time(office):
    case = office.submitted(MEMBER, 50)
    words = "Another application of yours is under way: wait for its result or withdraw it."
    again = filled(51, applicant_id=MEMBER.user_id, organization_id=MEMBER.organization_id)
    assert office.check(again) == {"": words}
    assert office.check(filled(51, organization_id=MEMBER.organization_id)) == {"": words}
    own = office.of(case)
    assert office.check(filled(50, id=own.id, applicant_id=MEMBER.user_id)) == {}
    office.decide(case, "send_back", "Mend it")
    assert office.check(again) == {"": words}
    office.submit(MEMBER, case)
    office.decide(case, "refuse", "No")
    assert office.check(again) == {}


def test_a_check_changes_nothing_and_stores_nothing(office):
    office.check(filled())
    assert office.all(Accreditation) == []


def test_every_declared_field_is_judged():
    """A new required column is asked for without a line of code."""
    row = Accreditation()
    required = {
        c.key
        for c in Accreditation.__table__.columns
        if not c.nullable and c.default is None and not c.primary_key and not c.foreign_keys
    } - {"created_at"}
    assert required <= {p.field for p in formal.problems(row, TODAY)}


# --- what the answers change --------------------------------------------------------------


def test_the_organization_shows_how_its_application_stands(office):
    case = office.opened(MEMBER)

    def stands() -> str:
        return office.organization(MEMBER.organization_id).institution_state

    office.submit(MEMBER, case)
    assert stands() == "in_review"
    office.decide(case, "send_back", "Add a scan")
    assert stands() == "returned"
    office.act(MEMBER, "withdraw", case)
    assert stands() == "none"
    office.submit(MEMBER, case)
    office.decide(case, "refuse", "Not a service")
    assert stands() == "refused"


def test_every_answer_is_told_by_one_mail_to_the_address_of_the_form(office):
    case = office.submitted(MEMBER)
    office.decide(case, "send_back", "Add a scan")
    office.submit(MEMBER, case)
    office.decide(case, "refuse", "Not a service")
    other = office.submitted(office.newcomer(), 51, contact_email="other@example.com")
    office.decide(other, "approve")
    letters = [m for m in office.all(Message) if m.channel == "email"]
    assert [(m.occasion, m.address) for m in letters] == [
        ("institution.result", "result@example.com"),
        ("institution.result", "result@example.com"),
        ("institution.result", "other@example.com"),
    ]
    assert [m.dedupe_key for m in letters] == [
        f"institution.result:{case}:3",
        f"institution.result:{case}:5",
        f"institution.result:{other}:3",
    ]
    assert [(m.context["result"], m.context["opinion"]) for m in letters] == [
        ("returned", "Add a scan"),
        ("refused", "Not a service"),
        ("approved", ""),
    ]
    assert letters[0].context["organization"] == "Institution 50 Ltd."
    assert letters[0].context["number"].startswith("JG-20261120-")


def test_approval_writes_the_snapshot_to_the_organization(office):
    before = office.version()
    case = office.submitted(
        MEMBER,
        short_name="Fifty",
        service_categories=["law1"],
        qualifications=[certificate(), certificate(number="2", valid_until=TODAY)],
        website="https://example.com",
    )
    office.decide(case, "approve")
    request = office.of(case)
    row = office.organization(MEMBER.organization_id)
    for name in institutions.SAME:
        assert getattr(row, name) == getattr(request, name), name
    assert row.contact_phone == "13900000001"
    assert (row.certification, row.certified_at) == ("certified", NOW)
    assert "fi if ft ty" in row.search_text
    held = [(q.name, q.number, q.valid_until) for q in office.all(Qualification)]
    assert held == [("Licence", "1", None), ("Licence", "2", TODAY)]
    (role,) = office.all(OrgRole, organization_id=row.id, role="institution")
    assert (role.valid_from, role.valid_until) == (TODAY, date(2029, 11, 20))
    assert office.roles(1) == {"institution_main"}
    assert office.roles(11) == {"operator"}, "only the main account changes"
    assert office.version() == before + 1
    assert request.state == "approved"


def test_every_shared_column_is_part_of_the_snapshot():
    shared = set(Organization.__table__.c.keys()) & set(Accreditation.__table__.c.keys())
    own = {"id", "version", "created_at", "search_text"}
    own |= {"member_kind"}  # what the association decides
    assert shared - own == set(institutions.SAME)


def test_approval_of_somebody_without_an_organization_makes_one(office):
    who = office.newcomer()
    case = office.submitted(who)
    office.decide(case, "approve")
    request = office.of(case)
    row = office.organization(request.organization_id)
    assert (row.name, row.credit_code) == ("Institution 50 Ltd.", credit_code(50))
    assert (row.certification, row.created_at) == ("certified", NOW)
    (member,) = office.all(Membership, organization_id=row.id)
    assert (member.user_id, member.is_main) == (who.user_id, True)
    assert {r.role for r in office.all(OrgRole, organization_id=row.id)} == {
        "enterprise",
        "institution",
    }
    assert office.roles(who.user_id) == {"institution_main"}
    (of_case,) = office.all(FlowCase, id=case)
    assert of_case.organization_id == row.id


def test_a_renewal_loses_nothing(office):
    first = office.submitted(MEMBER, qualifications=[certificate()])
    office.decide(first, "approve")
    with system(office.engine) as session:
        office.give_role(session, 1, "expert")
        role = OrgRole(organization_id=3, role="operator", valid_from=TODAY)
        session.add(role)
    office.now = datetime(2029, 10, 1, 2, tzinfo=NOW.tzinfo)
    second = office.submitted(MEMBER, qualifications=[certificate(number="9")])
    assert office.organization(3).certification == "certified", "while it is renewed"
    office.decide(second, "send_back", "Newer scan")
    assert office.organization(3).certification == "certified"
    office.act(MEMBER, "submit", second)
    office.decide(second, "approve")
    row = office.organization(3)
    assert (row.certification, row.certified_at) == ("certified", NOW)
    roles = {r.role: (r.valid_from, r.valid_until) for r in office.all(OrgRole, organization_id=3)}
    assert roles["institution"] == (TODAY, date(2032, 11, 20)), "what was left is added to"
    assert {"enterprise", "operator"} <= set(roles)
    assert [q.number for q in office.all(Qualification)] == ["9"]
    assert office.roles(1) == {"institution_main", "expert"}
    assert [m.user_id for m in office.all(Membership, organization_id=3)] == [1, 11]


def test_a_renewal_after_the_end_counts_from_today(office):
    office.decide(office.submitted(MEMBER), "approve")
    office.now = datetime(2032, 2, 29, 2, tzinfo=NOW.tzinfo)
    office.decide(office.submitted(MEMBER), "approve")
    (role,) = office.all(OrgRole, organization_id=3, role="institution")
    assert role.valid_until == date(2035, 2, 28)


def test_a_credit_code_taken_during_the_review_is_told_to_the_reviewer(office):
    case = office.submitted(office.newcomer())
    with system(office.engine) as session:
        row = Organization.__table__
        taken = update(row).where(row.c.id == 1).values(credit_code=credit_code(50))
        session.connection().execute(taken)
    with pytest.raises(DomainError, match="another organization by now"):
        office.decide(case, "approve")
    assert office.of(case).state == "in_review"
    assert {m.occasion for m in office.all(Message)} == {"case.submitted", "task.assigned"}


def test_an_applicant_who_joined_an_organization_meanwhile_founds_none(office):
    who = office.newcomer()
    case = office.submitted(who)
    with system(office.engine) as session:
        session.add(Membership(user_id=who.user_id, organization_id=1, is_main=False))
    with pytest.raises(DomainError, match="joined an organization"):
        office.decide(case, "approve")


def test_an_edit_begun_before_the_approval_is_out_of_date(office):
    case = office.submitted(MEMBER)
    before = office.organization(3).version
    office.decide(case, "approve")
    assert office.organization(3).version == before + 1


# --- under the rules of access ------------------------------------------------------------


def test_an_applicant_cannot_set_the_state(office):
    key = office.of(office.opened(MEMBER)).id
    with session_of(office.engine, MEMBER) as session:
        session.get_one(Accreditation, key).state = "approved"
        with pytest.raises(access.AccessError, match="only through a flow"):
            session.flush()
        session.rollback()


def test_a_request_under_review_is_not_edited(office):
    key = office.of(office.submitted(MEMBER)).id
    with session_of(office.engine, MEMBER) as session:
        session.get_one(Accreditation, key).intro = "y" * 60
        with pytest.raises(access.AccessError, match="not yours"):
            session.flush()
        session.rollback()


def test_somebody_elses_case_is_neither_submitted_nor_seen(office):
    case = office.opened(MEMBER)
    stranger = office.newcomer()
    with pytest.raises(DomainError):
        office.act(stranger, "submit", case)
    with session_of(office.engine, stranger) as session:
        assert session.scalar(select(func.count()).select_from(FlowCase)) == 0


def test_the_search_for_duplicates_uses_an_index(office):
    """What is asked at each submission must not read every row (1M organizations)."""
    indexed = {
        model.__tablename__: {
            tuple(index["column_names"]) for index in inspect(office.engine).get_indexes(table)
        }
        | {tuple(u["column_names"]) for u in inspect(office.engine).get_unique_constraints(table)}
        for model in (Organization, Accreditation)
        for table in [model.__tablename__]
    }
    for columns in indexed.values():
        assert {("name_key",), ("credit_code",)} <= columns
