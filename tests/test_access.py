"""Rows: every way of reading is limited to the actor, every way of writing asks the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, User as FabUser
from sqlalchemy import (
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import aliased, joinedload, selectinload, subqueryload

from app import access
from app.access import ANONYMOUS, AccessError, Actor, acting_as
from app.extensions import AppSession, db, system_session
from app.models import (
    Accreditation,
    AccreditationCase,
    AccreditationQualification,
    Activity,
    Announcement,
    AssociationApplication,
    Attachment,
    Captcha,
    Certification,
    Consultant,
    ConsultantReview,
    Demand,
    DemandContact,
    DemandFile,
    Draft,
    Filing,
    FilingContract,
    FilingInvoice,
    FlowCase,
    FlowEvent,
    FlowTask,
    JobMark,
    JoinRequest,
    LoginSession,
    MainAccountChange,
    Membership,
    Model,
    NumberSeries,
    Organization,
    OrganizationChange,
    OrgRole,
    Person,
    Picture,
    Product,
    ProductReview,
    Qualification,
    Rating,
    Region,
    Setting,
    Throttle,
)
from app.services.demo import credit_code

pytestmark = pytest.mark.db

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
TABLES = (
    Organization, Qualification, OrgRole, Membership, Person, Accreditation,
    AccreditationQualification, AccreditationCase, FlowCase, FlowTask, FlowEvent, Attachment, Draft,
    Certification, OrganizationChange, JoinRequest, MainAccountChange,
)  # fmt: skip
WITHOUT_RULE = (Setting, NumberSeries, LoginSession, Captcha, JobMark, Throttle, Role)
WHO = ("operator", "institution", "institution2", "visitor", "nobody")

Expected = dict[str, dict[type, set[int]]]
_EXPECTED: Expected = {}  # every test begins with the same rows


# --- what each actor ought to see, said a second time and in plain Python -------------------


def _owned(row: Any, me: Actor) -> bool:
    """An application is its organization's, or its applicant's; who left takes nothing along."""
    if me.kind == "member" and row.organization_id == me.organization_id:
        return True
    return row.applicant_id == me.user_id and row.organization_id is None


def _public_or_own(row: Organization, me: Actor) -> bool:
    return row.institution_state == "in_pool" or (
        me.kind == "member" and row.id == me.organization_id
    )


def _his(row: Any, me: Actor) -> bool:
    """Whether a row is of the organization that somebody acts for."""
    return me.kind == "member" and row.organization_id == me.organization_id


def _files_of(session: Any, me: Actor) -> set[int | None]:
    """Logos of the portal, one's own uploads and what is attached to one's organization."""
    files: set[int | None] = set()
    for row in session.scalars(select(Organization)):
        if row.institution_state == "in_pool":
            files.add(row.logo_id)
        if me.kind == "member" and row.id == me.organization_id:
            files |= {row.logo_id, row.licence_file_id, *(q.proof_id for q in row.qualifications)}
    for activity in session.scalars(select(Activity)):
        if _his(activity, me):  # but not the mail that staff entered it from
            files |= {proof.attachment_id for proof in activity.proofs}
    files |= _files_of_requests(session, me)
    files |= _files_of_consultants(session, me) | _files_of_products(session, me)
    files |= _files_of_trade(session, me) | _files_of_demands(session, me)
    mine = {file.id for file in session.scalars(select(Attachment)) if file.owner_id == me.user_id}
    return files | (mine - _files_of_organizations(session))


def _files_of_requests(session: Any, me: Actor) -> set[int | None]:
    """What one's organization handed in with its applications."""
    files: set[int | None] = set()
    for row in session.scalars(select(Accreditation)):
        if _his(row, me):
            files |= {row.logo_id, row.licence_file_id, row.membership_form_id}
            files |= {q.proof_id for q in row.qualifications}
    for request in session.scalars(select(Certification)):
        if _his(request, me):
            files |= {request.licence_file_id, request.authorisation_id}
    for change in session.scalars(select(OrganizationChange)):
        if _his(change, me):
            files |= {change.licence_file_id, *(proof.attachment_id for proof in change.proofs)}
    for asked in session.scalars(select(AssociationApplication)):
        if _his(asked, me):
            files.add(asked.membership_form_id)
    return files


def _files_of_consultants(session: Any, me: Actor) -> set[int | None]:
    """Photos of who is linked to an institution of the portal; of one's house; of oneself."""
    files: set[int | None] = set()
    for row in session.scalars(select(Consultant)):
        public = row.state == "linked" and row.organization.institution_state == "in_pool"
        himself = me.kind in ("ordinary", "bystander", "consultant") and row.user_id == me.user_id
        if public or himself or _his(row, me):
            files.add(row.photo_id)
        if _his(row, me):
            files |= {certificate.proof_id for certificate in row.certificates}
    for review in session.scalars(select(ConsultantReview)):
        himself = me.kind in ("ordinary", "consultant") and review.applicant_id == me.user_id
        if himself or _his(review, me):
            files.add(review.photo_id)
        if _his(review, me):
            files |= {certificate.proof_id for certificate in review.certificates}
    return files


def _files_of_products(session: Any, me: Actor) -> set[int | None]:
    """What is on sale is everybody's; what proves it, and what is not on sale, its house's."""
    files: set[int | None] = set()
    for product in session.scalars(select(Product)):
        serves = me.kind == "consultant" and product.organization_id == me.serves_id
        if product.state == "listed" or serves or _his(product, me):
            files.add(product.cover_id)
    shown: set[int] = set()
    for review in session.scalars(select(ProductReview)):
        on_sale = review.is_current and review.product and review.product.state == "listed"
        if on_sale or _owned(review, me):
            shown.add(review.id)
            files |= _pictures_of(review)
        if _owned(review, me):
            files |= {review.cover_id, *(proof.attachment_id for proof in review.proofs)}
    for picture in session.scalars(select(Picture)):
        if picture.kind != "product_review" or picture.subject_id in shown:
            files.add(picture.attachment_id)
    return files


def _pictures_of(review: ProductReview) -> set[int | None]:
    names = ("picture_id", "second_picture_id", "third_picture_id")
    return {getattr(case, name) for case in review.cases for name in names}


def _files_of_trade(session: Any, me: Actor) -> set[int | None]:
    """Contracts and invoices are the two parties' and the consultant's; pictures are shown."""
    files: set[int | None] = set()
    seen: set[int] = set()
    for filing in session.scalars(select(Filing)):
        done = filing.state in ("approved", "void")
        bought = me.kind == "member" and done and filing.buyer_id == me.organization_id
        served = (
            me.kind == "consultant"
            and filing.organization_id == me.serves_id
            and (filing.consultant_id == me.consultant_id or filing.applicant_id == me.user_id)
        )
        if bought or served or _his(filing, me):
            seen.add(filing.id)
    for model in (FilingContract, FilingInvoice):
        files |= {
            proof.attachment_id
            for proof in session.scalars(select(model))
            if proof.filing_id in seen
        }
    for rating in session.scalars(select(Rating)):
        of_provider = rating.direction == "buyer_to_provider"
        author = rating.buyer_id if of_provider else rating.organization_id
        judged = rating.organization_id if of_provider else rating.buyer_id
        if (
            (rating.state == "shown" and of_provider)
            or (me.kind == "member" and author == me.organization_id)
            or (me.kind == "member" and judged == me.organization_id and rating.state == "shown")
        ):
            files |= {picture.attachment_id for picture in rating.pictures}
    return files


def _files_of_demands(session: Any, me: Actor) -> set[int | None]:
    """A demand's papers: who asked and who has to answer; of a talk: the house that spoke."""
    if me.kind not in ("member", "ordinary", "consultant"):
        return set()
    files: set[int | None] = set()
    house = me.serves_id if me.kind == "consultant" else me.organization_id
    seen: set[int] = set()
    answered: set[int] = set()
    for demand in session.scalars(select(Demand)):
        asked = demand.user_id == me.user_id and demand.enterprise_id is None
        asked |= me.kind == "member" and demand.enterprise_id == me.organization_id
        answers = house is not None and demand.organization_id == house
        if me.kind == "consultant":
            answers &= demand.consultant_id == me.consultant_id
        seen |= {demand.id} if asked or answers else set()
        answered |= {demand.id} if answers else set()
    for paper in session.scalars(select(DemandFile)):
        if paper.demand_id in seen:
            files.add(paper.attachment_id)
    for talk in session.scalars(select(DemandContact)):
        if talk.demand_id in answered and talk.organization_id == house:
            files |= {paper.attachment_id for paper in talk.files}
    return files


def _files_of_organizations(session: Any) -> set[int | None]:
    """What is attached to rows of organizations: who uploaded it and left takes it not along.

    What a consultant says of himself, his photo and his certificates, stays his own.
    """
    held: set[int | None] = set()
    for row in session.scalars(select(Organization)):
        held |= {row.logo_id, row.licence_file_id, *(q.proof_id for q in row.qualifications)}
    for row in session.scalars(select(Accreditation)):
        if row.organization_id is not None:
            held |= {row.logo_id, row.licence_file_id, row.membership_form_id}
            held |= {q.proof_id for q in row.qualifications}
    for request in session.scalars(select(Certification)):
        held |= {request.licence_file_id, request.authorisation_id}
    for change in session.scalars(select(OrganizationChange)):
        held |= {change.licence_file_id, *(proof.attachment_id for proof in change.proofs)}
    for asked in session.scalars(select(AssociationApplication)):
        held |= {asked.membership_form_id} if asked.organization_id is not None else set()
    return held | _files_of_houses(session) | _files_of_dealings(session)


def _files_of_houses(session: Any) -> set[int | None]:
    """What institutions show of themselves: activities, products, pictures of their texts."""
    held: set[int | None] = set()
    for activity in session.scalars(select(Activity)):
        held |= {activity.mail_file_id, *(proof.attachment_id for proof in activity.proofs)}
    for product in session.scalars(select(Product)):
        held.add(product.cover_id)
    for review in session.scalars(select(ProductReview)):
        held |= {review.cover_id, *(proof.attachment_id for proof in review.proofs)}
        held |= _pictures_of(review)
    for picture in session.scalars(select(Picture)):
        held |= {picture.attachment_id} if picture.organization_id is not None else set()
    return held


def _files_of_dealings(session: Any) -> set[int | None]:
    """What belongs to a transaction, its ratings, a demand that an institution has to answer."""
    held: set[int | None] = set()
    for model in (FilingContract, FilingInvoice):
        held |= {proof.attachment_id for proof in session.scalars(select(model))}
    for rating in session.scalars(select(Rating)):
        held |= {picture.attachment_id for picture in rating.pictures}
    addressed = {
        demand.id
        for demand in session.scalars(select(Demand))
        if demand.organization_id is not None or demand.enterprise_id is not None
    }
    for paper in session.scalars(select(DemandFile)):
        held |= {paper.attachment_id} if paper.demand_id in addressed else set()
    for talk in session.scalars(select(DemandContact)):
        held |= {paper.attachment_id for paper in talk.files}
    return held


def _accounts_kept(members: list[Membership], me: Actor) -> set[int]:
    """A main account keeps the accounts of its colleagues (S0-37)."""
    if "main_account" not in me.roles:
        return set()
    return {row.user_id for row in members if row.organization_id == me.organization_id}


def ought(session: Any, me: Actor) -> dict[type, set[int]]:
    """The ids of each table that ``me`` ought to see; ``session`` is the system's."""
    rows = {model: list(session.scalars(select(model))) for model in TABLES}
    whole = {model: {row.id for row in found} for model, found in rows.items()}
    if me.kind == "staff":
        mine = {row.id for row in rows[Draft] if row.user_id == me.user_id}
        return whole | {Draft: mine}
    seen = {row.id for row in rows[Organization] if _public_or_own(row, me)}
    applied = {row.id for row in rows[Accreditation] if _owned(row, me)}
    cases = {row.id for row in rows[FlowCase] if _owned(row, me)}
    parents = {
        Qualification: ("organization_id", seen),
        OrgRole: ("organization_id", seen),
        AccreditationQualification: ("accreditation_id", applied),
        AccreditationCase: ("accreditation_id", applied),
        FlowTask: ("case_id", cases),
        FlowEvent: ("case_id", cases),
    }
    result: dict[type, set[int]] = {
        model: {row.id for row in rows[model] if getattr(row, key) in allowed}
        for model, (key, allowed) in parents.items()
    }
    colleagues = {
        row.id
        for row in rows[Membership]
        if row.user_id == me.user_id
        or (me.kind == "member" and row.organization_id == me.organization_id)
    }
    return result | {
        Organization: seen,
        Accreditation: applied,
        Certification: {row.id for row in rows[Certification] if _owned(row, me)},
        OrganizationChange: {row.id for row in rows[OrganizationChange] if _owned(row, me)},
        FlowCase: cases,
        Membership: colleagues,
        Person: whole[Person] & ({me.user_id} | _accounts_kept(rows[Membership], me)),
        JoinRequest: {
            row.id
            for row in rows[JoinRequest]
            if row.applicant_id == me.user_id
            or ("main_account" in me.roles and row.organization_id == me.organization_id)
        },
        MainAccountChange: {
            row.id for row in rows[MainAccountChange] if row.applicant_id == me.user_id
        },
        Attachment: whole[Attachment] & _files_of(session, me),
        Draft: {row.id for row in rows[Draft] if row.user_id == me.user_id},
    }


@pytest.fixture
def actors(actor_of) -> dict[str, Actor]:
    """The people of :data:`WHO`; a visitor who is not signed in is nobody."""
    named = {name: actor_of(name) for name in (*WHO, "newcomer") if name != "nobody"}
    return named | {"nobody": ANONYMOUS}


@pytest.fixture
def expected(app, actors) -> Expected:
    """What each actor ought to see of the demonstration: worked out once, it takes a second."""
    if not _EXPECTED:
        with app.app_context(), system_session() as session:
            _EXPECTED.update({name: ought(session, who) for name, who in actors.items()})
    return _EXPECTED


@pytest.fixture
def reading(app, actors) -> Iterator[Callable[[str], Any]]:
    """Each actor's own session, all open at once as in a process that serves them all."""
    with app.app_context(), ExitStack() as stack:
        sessions = {}
        for name, who in actors.items():
            with acting_as(who):
                session = stack.enter_context(AppSession(db))
                session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
                sessions[name] = session

        @contextmanager
        def as_(name: str) -> Iterator[Any]:
            with acting_as(actors[name]):
                sessions[name].expunge_all()
                yield sessions[name]

        yield as_


# --- the same statements for all actors, in every order ---------------------------------------


def _ids(found: Any) -> set[int]:
    return {row if isinstance(row, int) else row.id for row in found}


def _statements(model: Any) -> dict[str, tuple[Any, Callable[[Any, Any], set[int] | int]]]:
    """Way -> statement (built once) and what to make of its answer: ids, or how many there are."""
    other = aliased(model)
    within = select(model.id).subquery()
    also = select(model.id).cte("also")
    ids = lambda session, query: _ids(session.scalars(query))  # noqa: E731
    number = lambda session, query: session.scalar(query)  # noqa: E731
    return {
        "list": (select(model), ids),
        "column": (select(model.id), ids),
        "ordered page": (select(model.id).order_by(model.id.desc()).limit(1000), ids),
        "alias": (select(aliased(model)), ids),
        "self-join": (select(other.id).join(model, model.id == other.id), ids),
        "outer self-join": (select(model.id).outerjoin(other, model.id == other.id), ids),
        "subquery": (select(within.c.id), ids),
        "cte": (select(also.c.id), ids),
        "union": (select(union_all(select(model.id), select(model.id)).subquery().c[0]), ids),
        "in subquery": (select(other.id).where(other.id.in_(select(model.id))), ids),
        "count of rows": (select(func.count()).select_from(model), number),
        "count of a column": (select(func.count(model.id)), number),
        "count of a subquery": (
            select(func.count()).select_from(select(model.id).limit(1000).subquery()),
            number,
        ),
        "scalar subquery": (select(select(func.count(model.id)).scalar_subquery()), number),
    }


READ = (Organization, Accreditation, Attachment, Draft, FlowCase, FlowTask, Person)
WAYS = tuple(_statements(Organization))


def orders() -> Iterator[tuple[str, ...]]:
    """Every order in which the actors may come, each with a statement cache that is empty."""
    for order in permutations(WHO):
        db.engine.clear_compiled_cache()
        yield order


@pytest.mark.parametrize(("number", "way"), [*enumerate(WAYS)], ids=WAYS)
def test_one_statement_serves_all_actors_in_every_order(reading, expected, number, way):
    model = (FlowCase, Organization)[number % 2]
    query, said = _statements(model)[way]
    compared = 0
    for order in orders():
        for name in order:
            with reading(name) as session:
                wanted, answer = expected[name][model], said(session, query)
            assert answer == (len(wanted) if isinstance(answer, int) else wanted), (order, name)
            compared += 1
    assert compared == 120 * len(WHO)


@pytest.mark.parametrize("model", READ, ids=lambda model: model.__name__)
def test_every_way_of_reading_a_table_gives_the_same_rows(reading, expected, model):
    for way, (query, said) in _statements(model).items():
        for name in (*WHO, "newcomer"):
            with reading(name) as session:
                wanted, answer = expected[name][model], said(session, query)
                assert answer == (len(wanted) if isinstance(answer, int) else wanted), (way, name)


def test_every_table_shows_each_actor_what_is_his(reading, expected):
    for name in (*WHO, "newcomer"):
        with reading(name) as session:
            seen = {model: _ids(session.scalars(select(model))) for model in TABLES}
        assert seen == expected[name], name


def test_the_actors_do_differ(expected):
    """Otherwise the comparisons above would prove nothing."""
    for model in (Organization, FlowCase, Attachment, Accreditation):
        staff, one, two, nobody = (
            expected[name][model] for name in ("operator", "newcomer", "institution2", "nobody")
        )
        assert len(staff) > len(one | two)
        assert one != two
        assert staff > nobody


def test_get_and_exists_answer_for_visible_rows_only(reading, expected):
    for model in (Organization, FlowCase, Attachment, Draft):
        there = select(Region.id).where(
            Region.id == 990000, exists().where(model.id == bindparam("key"))
        )
        found = select(select(model).where(model.id == bindparam("key")).exists())
        for order in list(permutations(WHO))[::24]:
            db.engine.clear_compiled_cache()
            for name in order:
                wanted = expected[name][model]
                for key in sorted(expected["operator"][model] | expected["newcomer"][model])[-14:]:
                    with reading(name) as session:
                        answers = {
                            session.get(model, key) is not None,
                            bool(session.scalar(found, {"key": key})),
                            bool(session.scalar(there, {"key": key})),
                        }
                    assert answers == {key in wanted}, (model, name, key)


LOADS = {
    "lazy": (),
    "joined": (joinedload(Organization.licence_file),),
    "selectin": (selectinload(Organization.licence_file),),
    "subquery": (subqueryload(Organization.licence_file),),
}


@pytest.mark.parametrize("load", LOADS)
def test_a_relation_of_a_visible_row_hides_what_is_invisible(reading, expected, load):
    """Certified organizations are public, their business licences are not.

    To compile this takes long.  What somebody finds in the cache was left by one who came before
    him: these are all pairs there are, each with an empty cache, and all actors in one row.
    """
    query = select(Organization).options(*LOADS[load])
    for order in (*permutations(WHO, 2), WHO):
        db.engine.clear_compiled_cache()
        access._visibility.cache_clear()  # noqa: SLF001 - as in a new process
        for name in order:
            with reading(name) as session:
                rows = session.scalars(query).unique().all()
                shown = {row.licence_file.id for row in rows if row.licence_file is not None}
                held = {row.licence_file_id for row in rows} - {None}
            assert shown == held & expected[name][Attachment], (order, name)


def test_child_rows_and_conditions_over_relations_are_limited(reading, expected):
    names = {name: select(FlowTask.id).join(FlowTask.case) for name in WHO}
    for name in WHO:
        with reading(name) as session:
            assert _ids(session.scalars(names[name])) == expected[name][FlowTask]
            parents = session.scalars(
                select(Organization.id).where(Organization.qualifications.any(Qualification.id > 0))
            ).all()
            assert len(parents) == len(expected[name][Qualification])
            lines = session.scalars(
                select(FlowEvent.id).join(FlowCase, FlowCase.id == FlowEvent.case_id)
            )
            assert _ids(lines) == expected[name][FlowEvent]
            person = session.scalar(select(Person))
            assert person is None or person.roles == []  # roles have no rule, so nobody sees them


def test_models_without_a_rule_are_invisible(reading):
    for name in WHO:
        with reading(name) as session:
            for model in WITHOUT_RULE:
                assert session.scalars(select(model)).all() == [], (name, model)
            assert session.scalar(select(func.count()).select_from(FabUser)) == 0


def test_every_model_has_a_rule_or_is_known_to_have_none():
    known = {m.class_ for m in Model.registry.mappers}
    ours = {model for model in known if model.__module__.startswith("app.tables.")}
    ruled = {model for model in ours if model in access._visible}  # noqa: SLF001 - what the module knows
    assert {model.__name__ for model in ours - ruled} == {
        "AccessVersion", "Setting", "NumberSeries", "LoginSession", "Captcha", "Throttle",
        "VerificationCode", "OneTimeToken", "PasswordHistory", "JobMark",
        "LifeEvent",  # shown with its row, by app.lifecycle.history
    }  # fmt: skip


# --- people who arrive while the process runs --------------------------------------------------


def _register(client: Any, **typed: str) -> None:
    account = {
        "mobile": "13900001234", "password": "Spring#2026", "password_again": "Spring#2026",
        "accept_terms": "1", "captcha": "0000",
    }  # fmt: skip
    answer = client.post(
        "/register/", query_string={"kind": typed.pop("kind")}, data=account | typed
    )
    assert answer.status_code == 302, answer.text


def test_people_who_register_in_the_same_process_see_their_own_rows(
    app, sign_in, actor_of, as_actor, expected
):
    counted = select(func.count()).select_from(Organization)
    with as_actor(actor_of("institution")) as session:
        assert session.scalar(counted) == len(expected["institution"][Organization])
    _register(
        sign_in(), kind="enterprise", username="latecomer", name="望澜迟来科技有限公司",
        credit_code=credit_code("77"), region="990101", address="望澜市澄川区新路7号",
        industry="65", contact_name="何迟",
    )  # fmt: skip
    _register(
        sign_in(), kind="ordinary", mobile="13900001235", username="latefriend", real_name="何友"
    )
    late = {name: actor_of(name) for name in ("latecomer", "latefriend")}
    with app.app_context(), system_session() as session:
        now = {name: ought(session, who) for name, who in late.items()}
    certified = expected["nobody"][Organization]
    assert len(now["latecomer"][Organization] - certified) == 1
    assert now["latefriend"][Organization] == certified
    for name in ("latecomer", "latefriend", "latecomer"):
        with as_actor(late[name]) as session:
            assert session.scalar(counted) == len(now[name][Organization])
            assert {m: _ids(session.scalars(select(m))) for m in TABLES} == now[name]
    page = sign_in("institution").get("/my-organization/").text
    assert "望澜迟来科技" not in page
    client = sign_in()
    typed = {"username": "latecomer", "password": "Spring#2026", "captcha": "0000"}
    assert client.post("/login/", data=typed).status_code == 302
    assert "望澜迟来科技" in client.get("/my-organization/").text


# --- actors and sessions -----------------------------------------------------------------------


def test_without_an_actor_there_is_no_row(app):
    with app.app_context(), AppSession(db) as session, pytest.raises(AccessError):
        session.scalars(select(Organization)).all()


def test_one_session_serves_one_actor(actors, as_actor):
    with as_actor(actors["institution"]) as session:
        own = actors["institution"].organization_id
        assert session.get(Organization, own) is not None
        for other in (actors["institution2"], actors["operator"], access.SYSTEM):
            with acting_as(other), pytest.raises(AccessError):
                session.scalars(select(Organization)).all()


def test_a_region_limits_staff(as_actor):
    local = Actor("staff", 1, frozenset({"operator"}), None, "9902")
    with as_actor(local) as session:
        regions = set(session.scalars(select(Organization.region_id)))
    assert regions
    assert all(str(region).startswith("9902") for region in regions)


def test_staff_without_a_reading_role_is_nobody_special(as_actor, expected):
    with as_actor(Actor("staff", 999, frozenset({"sysadmin"}))) as session:
        assert _ids(session.scalars(select(Organization))) == expected["nobody"][Organization]
        assert session.scalars(select(FlowCase)).all() == []


# --- what cannot be limited is refused ----------------------------------------------------------

organization = Organization.__table__
REFUSED: dict[str, Callable[[Any], Any]] = {
    "core select": lambda s: s.execute(organization.select()),
    "core count": lambda s: s.scalar(select(func.count()).select_from(organization)),
    "core insert": lambda s: s.execute(insert(Draft.__table__).values(user_id=1)),
    "core update": lambda s: s.execute(update(organization).values(name="x")),
    "core delete": lambda s: s.execute(delete(organization)),
    "text": lambda s: s.execute(text("SELECT * FROM organization")),
    "text update": lambda s: s.execute(text("UPDATE organization SET name = 'x'")),
    "from statement": lambda s: s.scalars(
        select(Organization).from_statement(text("SELECT * FROM organization"))
    ),
    "raw column": lambda s: s.execute(select(Region.id, organization.c.name)),
    "raw column behind a function": lambda s: s.execute(
        select(Region.id, select(func.max(organization.c.name)).scalar_subquery())
    ),
    "raw alias": lambda s: s.execute(select(Region.id, organization.alias().c.name)),
    "raw alias from": lambda s: s.scalar(
        select(func.count(Region.id)).select_from(organization.alias())
    ),
    "raw table in a subquery": lambda s: s.execute(
        select(Region.id, select(organization.c.name).subquery().c.name)
    ),
    "raw join": lambda s: s.execute(
        select(Region.id).join(organization, organization.c.region_id == Region.id)
    ),
    "raw from": lambda s: s.scalar(select(func.count(Region.id)).select_from(organization)),
    "raw table in a condition's subquery": lambda s: s.execute(
        select(Region.id).where(Region.id.in_(select(organization.c.region_id)))
    ),
    "bulk update": lambda s: s.execute(update(Draft).values(form="x")),
    "bulk update by key": lambda s: s.execute(update(Draft), [{"id": 1, "form": "x"}]),
    "bulk delete": lambda s: s.execute(delete(Draft)),
    "bulk insert": lambda s: s.execute(insert(Draft), [{"user_id": 1, "form": "x"}]),
    "query update": lambda s: s.query(Draft).update({"form": "x"}),
    "query delete": lambda s: s.query(Draft).delete(),
    "bulk insert mappings": lambda s: s.bulk_insert_mappings(Draft, [{"form": "x"}]),
    "bulk update mappings": lambda s: s.bulk_update_mappings(Draft, [{"id": 1, "form": "x"}]),
    "bulk save": lambda s: s.bulk_save_objects([Draft(form="x")]),
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_cannot_be_limited_is_refused(actors, as_actor, way):
    for name in ("operator", "newcomer", "nobody"):
        with as_actor(actors[name]) as session, pytest.raises(AccessError):
            REFUSED[way](session)


# --- writing ------------------------------------------------------------------------------------


@pytest.fixture
def rows(app) -> dict[str, int]:
    """Ids by name; the newcomer has an application that was returned and one under review."""
    with app.app_context(), system_session() as session:
        people = {p.username: p.id for p in session.scalars(select(Person))}
        own = {m.user_id: m.organization_id for m in session.scalars(select(Membership))}
        found = {f"person {name}": key for name, key in people.items()}
        found |= {f"org {name}": own[key] for name, key in people.items() if key in own}
        newcomer = {
            "applicant_id": people["newcomer"], "organization_id": found["org newcomer"]
        }  # fmt: skip
        connection = access.elevated(session, "rows for a test")
        for state in ("returned", "in_review"):
            key = session.scalars(
                select(Accreditation.id)
                .where(Accreditation.state == state)
                .order_by(Accreditation.id)
                .limit(1)
            ).one()
            found[state] = key
            change = update(Accreditation.__table__).where(Accreditation.id == key)
            connection.execute(change.values(**newcomer))
            its = (FlowCase.flow == "accreditation") & (FlowCase.subject_id == key)
            connection.execute(update(FlowCase.__table__).where(its).values(**newcomer))
            found[f"case {state}"] = session.scalars(select(FlowCase.id).where(its)).one()
        two = session.get(Organization, found["org institution2"])
        assert two is not None
        found |= {"licence of 2": two.licence_file_id or 0, "logo of 2": two.logo_id or 0}
        found["certificate of 2"] = two.qualifications[0].id
        found["draft"] = session.scalars(
            select(Draft.id).where(Draft.user_id == people["newcomer"])
        ).one()
        files = {
            name: Attachment(
                name="x.png", rule="licence", mime="image/png", size=1, sha256="0" * 64,
                key=f"2026/11/{name:0>32}", owner_id=people[name], uploaded_at=NOW,
            )
            for name in ("visitor", "newcomer")
        }  # fmt: skip
        session.add_all(files.values())
        held = Qualification(
            organization_id=found["org newcomer"],
            name="证书",
            number="1",
            valid_until=date(2030, 1, 1),
        )
        session.add(held)
        session.flush()
        found |= {f"file of {name}": file.id for name, file in files.items()}
        found["certificate of newcomer"] = held.id
        session.commit()
        return found


def _change(session: Any, model: Any, key: int, **values: Any) -> None:
    row = session.get(model, key)
    assert row is not None, "not even visible: this shows nothing about writing"
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()


def _add(session: Any, row: Any) -> None:
    session.add(row)
    session.flush()


def _remove(session: Any, model: Any, key: int) -> None:
    row = session.get(model, key)
    assert row is not None
    session.delete(row)
    session.flush()


def _draft(user_id: int) -> Draft:
    return Draft(user_id=user_id, form="x-new", entries=[], saved_at=NOW)


def _request(rows: dict[str, int], person: str, **values: Any) -> Accreditation:
    """A request of ``person`` with all that the table asks for."""
    given = {
        "name": "望澜某某有限公司", "credit_code": credit_code("55"), "region_id": 990101,
        "address": "某路", "industry": "65", "legal_person": "某", "founded_on": date(2020, 1, 1),
        "registered_capital": 100, "staff_count": 1, "institution_kind": "law",
        "service_categories": [], "service_area": [], "intro": "x", "team_size": 1,
        "contact_name": "某", "contact_mobile": "13900000000", "contact_email": "a@example.com",
        "service_tel": "13900000000", "created_at": NOW, "logo_id": rows[f"file of {person}"],
        "licence_file_id": rows[f"file of {person}"], "applicant_id": rows[f"person {person}"],
    }  # fmt: skip
    return Accreditation(**(given | values))


def _attach_foreign(session: Any, rows: dict[str, int]) -> None:
    with acting_as(access.SYSTEM), AppSession(db) as other:
        other.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        row = other.get(Organization, rows["org institution2"])
        other.expunge(row)
    session.add(row)


def _take_certificate(session: Any, rows: dict[str, int]) -> None:
    own = session.get(Organization, rows["org newcomer"])
    own.qualifications.append(session.get(Qualification, rows["certificate of 2"]))
    session.flush()


# Sentence -> who tries, and what.
# ruff: noqa: ARG005 - some need no row of the fixture
FOREIGN: dict[str, tuple[str, Callable[[Any, dict[str, int]], None]]] = {
    "a draft for somebody else": (
        "institution", lambda s, r: _add(s, _draft(r["person visitor"]))),
    "one's own draft moved to somebody else": (
        "newcomer", lambda s, r: _change(s, Draft, r["draft"], user_id=r["person visitor"])),
    "a draft of nobody": ("nobody", lambda s, r: _add(s, _draft(r["person visitor"]))),
    "a visible organization of another": (
        "institution", lambda s, r: _change(s, Organization, r["org institution2"], intro="x")),
    "a visible organization, by an ordinary user": (
        "visitor", lambda s, r: _change(s, Organization, r["org institution2"], intro="x")),
    "a visible organization, by nobody": (
        "nobody", lambda s, r: _change(s, Organization, r["org institution2"], intro="x")),
    "deleting a visible organization of another": (
        "institution", lambda s, r: _remove(s, Organization, r["org institution2"])),
    "a certificate of another, deleted": (
        "institution", lambda s, r: _remove(s, Qualification, r["certificate of 2"])),
    "a certificate of another, changed": (
        "newcomer", lambda s, r: _change(s, Qualification, r["certificate of 2"], name="x")),
    "a certificate for another": (
        "newcomer", lambda s, r: _add(s, Qualification(
            organization_id=r["org institution2"], name="x", number="1"))),
    "a certificate of another, taken into one's own organization": (
        "newcomer", _take_certificate),
    "one's own certificate moved to another": (
        "newcomer", lambda s, r: _change(
            s, Qualification, r["certificate of newcomer"], organization_id=r["org institution"])),
    "a role given to oneself": (
        "newcomer", lambda s, r: _add(s, OrgRole(
            organization_id=r["org newcomer"], role="institution", valid_from=date(2026, 1, 1)))),
    "a membership given to oneself": (
        "visitor", lambda s, r: _add(s, Membership(
            user_id=r["person visitor"], organization_id=r["org institution"], is_main=False))),
    "one's own person": (
        "visitor", lambda s, r: _change(s, Person, r["person visitor"], mobile="13911112222")),
    "an announcement by a member": (
        "institution", lambda s, r: _add(s, Announcement(title="x", body="x", publish_at=NOW))),
    "an announcement deleted by a visitor": (
        "visitor", lambda s, r: _remove(s, Announcement, 3)),
    "reference data": ("operator", lambda s, r: _change(s, Region, 990100, name="x")),
    "a request for somebody else": (
        "visitor", lambda s, r: _add(s, _request(
            r, "visitor", applicant_id=r["person institution"]))),
    "a request for another's organization, by a member": (
        "newcomer", lambda s, r: _add(s, _request(
            r, "newcomer", organization_id=r["org institution2"]))),
    "a request for an organization, by an ordinary user": (
        "visitor", lambda s, r: _add(s, _request(
            r, "visitor", organization_id=r["org institution2"]))),
    "one's own request moved to another organization": (
        "newcomer", lambda s, r: _change(
            s, Accreditation, r["returned"], organization_id=r["org institution2"])),
    "a request that is approved from the start": (
        "visitor", lambda s, r: _add(s, _request(r, "visitor", state="approved"))),
    "one's own request under review": (
        "newcomer", lambda s, r: _change(s, Accreditation, r["in_review"], intro="x")),
    "one's own request under review, deleted": (
        "newcomer", lambda s, r: _remove(s, Accreditation, r["in_review"])),
    "a child row of a request under review": (
        "newcomer", lambda s, r: _add(s, AccreditationCase(
            accreditation_id=r["in_review"], client="x", content="x", year=2026))),
    "a request, by the staff who review it": (
        "operator", lambda s, r: _change(s, Accreditation, r["returned"], intro="x")),
    "a case": ("newcomer", lambda s, r: _change(s, FlowCase, r["case returned"], title="x")),
    "a line of a log": ("operator", lambda s, r: _change(s, FlowEvent, 1, opinion="x")),
    "a task": ("operator", lambda s, r: _change(s, FlowTask, 11, opinion="x")),
    "a file of another, renamed": (
        "institution", lambda s, r: _change(s, Attachment, r["logo of 2"], name="x")),
    "one's own file given away": (
        "visitor", lambda s, r: _change(
            s, Attachment, r["file of visitor"], owner_id=r["person newcomer"])),
    "a key of an invisible file": (
        "newcomer", lambda s, r: _change(
            s, Organization, r["org newcomer"], licence_file_id=r["licence of 2"])),
    "a key of an invisible file, in a new child row": (
        "newcomer", lambda s, r: _add(s, Qualification(
            organization_id=r["org newcomer"], name="x", number="1", proof_id=r["licence of 2"]))),
    "a key of an invisible file, in a new request": (
        "visitor", lambda s, r: _add(s, _request(
            r, "visitor", licence_file_id=r["licence of 2"]))),
    "a key that does not exist": (
        "newcomer", lambda s, r: _change(s, Organization, r["org newcomer"], logo_id=987654)),
    "an object loaded elsewhere": ("institution", _attach_foreign),
}  # fmt: skip


@pytest.mark.parametrize("write", FOREIGN)
def test_writes_outside_are_refused(actors, as_actor, rows, write):
    name, attempt = FOREIGN[write]
    with as_actor(actors[name]) as session:
        with pytest.raises(AccessError):
            attempt(session, rows)
        session.rollback()


def test_own_rows_can_be_written(actors, as_actor, rows):
    with as_actor(actors["newcomer"]) as session:
        _change(session, Draft, rows["draft"], entries=[["name", "x"]])
        _change(session, Organization, rows["org newcomer"], name="望澜新名有限公司",
                licence_file_id=rows["file of newcomer"])  # fmt: skip
        _change(session, Qualification, rows["certificate of newcomer"], number="2")
        _change(session, Accreditation, rows["returned"], intro="y")
        _add(session, AccreditationCase(
            accreditation_id=rows["returned"], client="x", content="x", year=2026))  # fmt: skip
        _remove(session, Qualification, rows["certificate of newcomer"])
        _remove(session, Draft, rows["draft"])
    with as_actor(actors["visitor"]) as session:
        _add(session, _request(rows, "visitor"))
    with as_actor(actors["institution2"]) as session:
        _change(session, Organization, rows["org institution2"], intro="新的介绍", website=None)
    with as_actor(actors["operator"]) as session:
        _change(session, Organization, rows["org institution2"], name="改名律师事务所")
        _change(session, Qualification, rows["certificate of 2"], number="3")
        _add(session, Announcement(title="x", body="x", publish_at=NOW))


BY_FLOW = {
    "certification": (Organization, "org newcomer", "certified"),
    "certified_at": (Organization, "org newcomer", NOW),
    "certified_until": (Organization, "org newcomer", date(2030, 1, 1)),
    "institution_state": (Organization, "org newcomer", "in_pool"),
    "state of a request": (Accreditation, "returned", "approved"),
    "submitted_at": (Accreditation, "returned", NOW),
    "state of a case": (FlowCase, "case returned", "approved"),
}


@pytest.mark.parametrize("what", BY_FLOW)
@pytest.mark.parametrize("name", ["newcomer", "operator", "system"])
def test_states_move_only_through_a_flow(actors, as_actor, rows, what, name):
    model, key, value = BY_FLOW[what]
    column = {"state of a request": "state", "state of a case": "state"}.get(what, what)
    who = access.SYSTEM if name == "system" else actors[name]
    with as_actor(who) as session:
        with pytest.raises(AccessError, match="moves only through a flow"):
            _change(session, model, rows[key], **{column: value})
        session.rollback()


def test_a_task_is_decided_only_by_the_engine(as_actor):
    with as_actor(access.SYSTEM) as session:
        waiting = select(FlowTask.id).where(FlowTask.state == "open").order_by(FlowTask.id)
        task = session.scalars(waiting.limit(1)).one()
        for values in ({"state": "done"}, {"decision": "approve"}):
            with pytest.raises(AccessError, match="moves only through a flow"):
                _change(session, FlowTask, task, **values)
            session.rollback()


def test_nobody_is_born_certified(actors, as_actor):
    values = {
        "name": "望澜速成有限公司", "credit_code": credit_code("66"), "region_id": 990101,
        "address": "某路", "industry": "65", "contact_name": "某", "contact_phone": "13900000000",
        "created_at": NOW,
    }  # fmt: skip
    with as_actor(actors["operator"]) as session:
        _add(session, Organization(**values))
        session.rollback()
        for more in ({"certification": "certified"}, {"certified_at": NOW}):
            with pytest.raises(AccessError, match="moves only through a flow"):
                _add(session, Organization(**values, **more))
            session.rollback()


FROZEN: dict[str, Any] = {
    "name": "改名有限公司", "credit_code": credit_code("44"), "region_id": 990201, "address": "x",
    "industry": "72", "legal_person": "x", "founded_on": date(2001, 1, 1),
    "registered_capital": 1, "licence_file_id": None, "institution_kind": "tech",
    "service_categories": [],
}  # fmt: skip


def test_a_certified_organization_keeps_what_was_reviewed(actors, as_actor, rows):
    with as_actor(actors["institution"]) as session:
        own = rows["org institution"]
        fixed = FROZEN.keys() | {"qualifications"}  # those: the test below
        assert access.frozen_columns(session.get(Organization, own)) == fixed
        for name, value in FROZEN.items():
            with pytest.raises(AccessError, match="is fixed for this actor"):
                _change(session, Organization, own, **{name: value})
            session.rollback()
        with pytest.raises(AccessError):
            _change(session, Organization, own, region=session.get(Region, 990201))
        session.rollback()
        for name in ("intro", "advantages", "service_tel", "contact_name", "contact_phone"):
            _change(session, Organization, own, **{name: "13900001111"})


def test_certificates_of_a_certified_organization_are_fixed(actors, as_actor, rows):
    with as_actor(actors["institution2"]) as session:
        own, held = rows["org institution2"], rows["certificate of 2"]
        attempts = (
            lambda: _change(session, Qualification, held, name="x"),
            lambda: _remove(session, Qualification, held),
            lambda: _add(session, Qualification(organization_id=own, name="x", number="1")),
            lambda: _change(session, Organization, own, qualifications=[]),
        )
        for attempt in attempts:
            with pytest.raises(AccessError):
                attempt()
            session.rollback()


# --- requests -----------------------------------------------------------------------------------


def test_a_get_request_that_writes_is_refused(app, sign_in, actors, monkeypatch):
    client, who = sign_in("newcomer"), actors["newcomer"]

    def keeps() -> dict[str, str]:
        db.session.add(_draft(who.user_id or 0))
        db.session.commit()
        return {"status": "kept"}

    monkeypatch.setitem(app.view_functions, "live", keeps)
    assert client.get("/health/live").status_code == 403
    with app.app_context(), system_session() as session:
        forms = session.scalars(select(Draft.form)).all()
    assert "x-new" not in forms


def test_what_a_page_refuses_is_rolled_back(app, sign_in, rows, monkeypatch):
    """An access error after a good flush leaves nothing of the request behind."""
    client = sign_in("newcomer")

    def keeps(form: str) -> dict[str, str]:
        db.session.add(_draft(rows["person newcomer"]))
        db.session.flush()
        db.session.add(_draft(rows["person visitor"]))
        db.session.flush()
        return {"form": form}

    monkeypatch.setitem(app.view_functions, "DraftView.keep", keeps)
    assert client.put("/drafts/x-new", json=[]).status_code == 403
    with app.app_context(), system_session() as session:
        assert "x-new" not in session.scalars(select(Draft.form)).all()
