"""Profiles, dictionaries, working days and agreements: what an installation is told."""

import csv
from datetime import UTC, date, datetime

import pytest
from flask_appbuilder import Model
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from app import agreements, profile
from app.models import AccessVersion, DictItem, Holiday, Region
from app.services import seeding
from app.services.reference import reference, workdays

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def engine():
    """A database with the reference data; tests roll back what they change."""
    engine = create_engine("sqlite://")
    Model.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(AccessVersion(version=1))
        seeding.seed_regions(session)
        seeding.seed_dictionaries(session)
        seeding.seed_holidays(session, TODAY)
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session


# --- dictionaries -------------------------------------------------------------------------


def test_dictionaries_are_complete_in_both_languages():
    with (seeding.FOLDER / "dictionaries.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    codes = [(row["dictionary"], row["code"]) for row in rows]
    assert len(codes) == len(set(codes))
    assert {dictionary for dictionary, _ in codes} == {
        "activity_kind",
        "budget",
        "capability_tag",
        "closed_reason",
        "company_size",
        "education",
        "industry",
        "institution_kind",
        "language",
        "rating_dimension",
        "rating_tag",
        "service_category",
    }
    for row in rows:
        assert all(0 < len(row[language].strip()) <= 80 for language in ("zh", "en")), row
        assert not row["parent"] or (row["dictionary"], row["parent"]) in codes, row
        assert not any("\u4e00" <= c <= "\u9fff" for c in row["en"]), row


def test_a_tree_has_groups_with_leaves_and_only_leaves_are_chosen(session):
    words = reference(session, 1)
    groups = dict(words.groups("service_category", "zh"))
    legal = next(group for group in groups if group.code == "fl")
    assert legal.label == "法律服务"
    assert [leaf.label for leaf in groups[legal]][:2] == ["常年法律顾问", "合同审查"]
    assert all(leaf.needs_licence for leaf in groups[legal])
    assert words.is_tree("service_category")
    assert not words.is_tree("institution_kind")
    assert "fl" not in words.codes("service_category")
    assert len(words.codes("industry")) == 97
    assert len(words.codes("institution_kind")) == 13


def test_labels_follow_the_language_and_unknown_codes_show_themselves(session):
    words = reference(session, 1)
    assert words.label("industry", "65", "zh") == "软件和信息技术服务业"
    assert words.label("industry", "65", "en") == "Software and IT services"
    assert words.label("industry", "65", "zh_Hans_CN") == "软件和信息技术服务业"
    assert words.label("industry", "65", "fr") == "软件和信息技术服务业"
    assert words.label("industry", "999") == "999"
    assert words.label("industry", None) == ""
    assert words.items("no such dictionary") == ()


def test_cities_are_a_dictionary(session):
    cities = reference(session, 1).items("city", "zh")
    assert [(city.code, city.label) for city in cities] == [
        ("990100", "云岫省望澜市"),
        ("990200", "云岫省栖岭市"),
    ]


def test_only_some_services_need_a_licence(session):
    words = reference(session, 1)
    assert words.needs_licence("service_category", ["sz01", "jc02"])
    assert not words.needs_licence("service_category", ["sz01", "jr01"])


def test_dictionaries_are_read_again_only_when_the_version_rises(session):
    first = reference(session, 1)
    other = DictItem.dictionary == "institution_kind", DictItem.code == "other"
    item = session.scalars(select(DictItem).where(*other)).one()
    item.is_active = False
    session.flush()
    assert reference(session, 1) is first
    second = reference(session, 2)
    assert "other" not in second.codes("institution_kind")
    assert second.label("institution_kind", "other", "en") == "Other"
    session.rollback()
    assert reference(session, None) is not second


def test_seeding_adds_what_is_missing_and_keeps_what_staff_changed(session):
    item = session.scalars(select(DictItem).where(DictItem.code == "law")).one()
    item.zh = "律所"
    session.delete(session.get(Region, 990200))
    session.delete(session.scalars(select(DictItem).where(DictItem.code == "fl01")).one())
    session.flush()
    seeding.seed_dictionaries(session)
    seeding.seed_regions(session)
    assert item.zh == "律所"
    assert session.scalars(select(DictItem).where(DictItem.code == "fl01")).one()
    assert session.get_one(Region, 990200).path == "云岫省栖岭市"


# --- working days -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "is_working"),
    [
        (date(2026, 9, 20), True),  # a make-up Sunday for the holiday in October
        (date(2026, 9, 25), False),  # mid-autumn
        (date(2026, 9, 30), True),
        (date(2026, 10, 1), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),  # a make-up Saturday
        (date(2026, 10, 11), False),
        (date(2026, 2, 14), True),  # a make-up Saturday before the spring festival
        (date(2026, 2, 16), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 28), True),
    ],
)
def test_working_days_follow_the_decree(session, day, is_working):
    assert workdays(session, 1).is_working(day) is is_working


def test_a_deadline_passes_over_the_holidays_and_counts_the_make_up_saturday(session):
    before = datetime(2026, 9, 30, 2, tzinfo=UTC)
    ends = [workdays(session, 1).deadline(before, days) for days in (1, 3, 4)]
    assert [end.date() for end in ends] == [
        date(2026, 10, 8),
        date(2026, 10, 10),
        date(2026, 10, 12),
    ]


def test_holidays_cover_four_years_and_years_with_rows_are_left_alone(session):
    years = {day.year for day in session.scalars(select(Holiday.day))}
    assert years == {2025, 2026, 2027, 2028}
    session.delete(session.scalars(select(Holiday).where(Holiday.day == date(2027, 1, 1))).one())
    session.flush()
    seeding.seed_holidays(session, date(2027, 3, 1))
    days = set(session.scalars(select(Holiday.day)))
    assert date(2027, 1, 1) not in days
    assert date(2029, 10, 1) in days


# --- profiles and agreements --------------------------------------------------------------


def test_the_demo_profile_is_sound():
    demo = profile.load("demo")
    assert set(demo.roles) == {
        *("operator", "bureau", "sysadmin", "secadmin", "auditor", "ordinary"),
        *("institution_main", "enterprise_main", "main_account", "sub_account"),
        *("association", "consultant", "invitee"),
    }
    assert [stage.who for stage in demo.routes["accreditation"]] == ["role:operator"]
    assert demo.limits.accreditation_years == 3
    assert (demo.password.minimum, demo.password.maximum, demo.password.kinds) == (8, 64, 3)


def test_an_unknown_profile_is_refused_and_the_known_ones_are_named():
    with pytest.raises(profile.ProfileError, match=r"no profile 'moon'.*demo, park"):
        profile.load("moon")


def test_all_faults_of_a_profile_are_told_at_once():
    text = (profile.FOLDER / "demo.toml").read_text(encoding="utf-8")
    broken = (
        text.replace("accreditation_years = 3", "accreditation_year = 3")
        .replace('kind = "staff"', 'kind = "boss"')
        .replace('title = "Platform review"', 'title = "Grand review"')
        .replace("minimum = 8", "minimum = 80")
    )
    with pytest.raises(profile.ProfileError) as refused:
        profile.parse("demo", broken)
    for fault in (
        "unknown key limits.accreditation_year",
        "limits.accreditation_years is missing",
        "roles.operator.kind is 'boss'",
        "'Grand review' is not among the words",
        "password.minimum is above",
    ):
        assert fault in str(refused.value)


def test_agreements_say_the_same_in_both_languages():
    current = agreements.documents()
    assert [document.key for document in current] == ["user_agreement", "privacy_policy"]
    for document in current:
        assert document.texts.keys() == {"zh", "en"}
        zh, en = document.text("zh"), document.text("en")
        assert len(zh.paragraphs) == len(en.paragraphs) >= 10
        assert agreements.document(document.key, document.version) == document
    assert agreements.document("user_agreement") == current[0]
    assert agreements.document("user_agreement", "0.9") is None
    assert agreements.document("unknown") is None
