"""Setting up: migrations, the profile's roles, reference data and the demonstration."""

import os
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from flask_appbuilder.security.sqla.models import Role
from flask_babel import Babel
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import create_engine, delete, func, inspect, select, text
from sqlalchemy.exc import DatabaseError
from stdnum.cn import uscc
from werkzeug.security import check_password_hash

import run
from app import cli, config, create_app, profile, search
from app.extensions import db, migrate, prepare_sqlite, system_session
from app.flows import workflow
from app.models import (
    AccessVersion,
    Accreditation,
    Announcement,
    Attachment,
    Draft,
    FlowCase,
    FlowEvent,
    FlowRoute,
    FlowTask,
    Message,
    Organization,
    Person,
    Setting,
)
from app.services import demo
from app.storage import Store, pictures
from tests.services import postgresql_url, require
from tests.world import is_on_postgresql

pytestmark = pytest.mark.db
MIGRATIONS = str(cli.MIGRATIONS)


@pytest.fixture
def url(tmp_path):
    """An empty database."""
    if not is_on_postgresql():
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    require("postgresql")
    server = create_engine(postgresql_url(), isolation_level="AUTOCOMMIT")
    name = f"qifu_set_up_{uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(autouse=True)
def pictures_as_drawn(application, monkeypatch):
    """Those of a demonstration are written anew for ``application``; here they need not be."""
    del application
    monkeypatch.setattr(pictures, "renew", lambda *_: None)


@pytest.fixture
def house(url, tmp_path):
    """An application with invented pages: exactly those that the demo profile names."""
    app = build(url, tmp_path / "uploads")
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def build(url, uploads, **environ):
    given = {"DATABASE_URL": url, "STORAGE_URL": str(uploads)} | environ
    settings = config.from_environment(given)
    app = Flask("app")
    app.config.update(settings.flask())
    running = profile.load(settings.profile)
    app.extensions |= {"settings": settings, "profile": running, "workflow": workflow(running)}
    app.extensions["store"] = Store(settings.storage_url)
    db.init_app(app)
    migrate.init_app(app, db)
    Babel(app)
    offer(app, {pair for role in running.roles.values() for pair in role.pairs()})
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            prepare_sqlite(db.engine)
    return app


def offer(app, pairs):
    """Let the pages of ``app`` ask for these permissions."""
    views, menu = {}, []
    for permission, name in sorted(pairs):
        if permission == "menu_access":
            menu.append(SimpleNamespace(name=name, childs=[]))
        else:
            views.setdefault(name, []).append(permission)
    app.extensions["appbuilder"] = SimpleNamespace(
        baseviews=[
            SimpleNamespace(class_permission_name=view, base_permissions=permissions)
            for view, permissions in views.items()
        ],
        menu=SimpleNamespace(get_list=lambda: menu),
    )


@contextmanager
def reading(app):
    with app.app_context(), system_session() as session:
        yield session


def counts(app):
    """The rows of every table."""
    with reading(app) as session:
        return {
            name: session.connection().scalar(select(func.count()).select_from(table))
            for name, table in db.metadata.tables.items()
        }


def granted(app):
    with reading(app) as session:
        return {
            role.name: {(p.permission.name, p.view_menu.name) for p in role.permissions}
            for role in session.scalars(select(Role))
        }


def with_roles(running, **changes):
    return replace(running, roles=MappingProxyType(dict(running.roles) | changes))


# --- profile and rights -------------------------------------------------------------------


def test_setting_up_twice_changes_nothing(app):
    first = counts(app)
    cli.set_up(app)
    assert counts(app) == first
    with reading(app) as session:
        assert session.scalar(select(Setting.value).where(Setting.name == "profile")) == "demo"
        assert session.scalars(select(AccessVersion.version)).one()


def test_roles_get_exactly_what_the_profile_grants(house):
    cli.set_up(house, with_demo=False)
    roles = house.extensions["profile"].roles
    assert granted(house) == {key: set(role.pairs()) for key, role in roles.items()}


def test_what_staff_took_away_stays_away_and_what_is_new_is_granted(house):
    cli.set_up(house, with_demo=False)
    with reading(house) as session:
        operator = session.scalars(select(Role).where(Role.name == "operator")).one()
        taken = next(p for p in operator.permissions if p.permission.name == "can_export")
        pair = (taken.permission.name, taken.view_menu.name)
        operator.permissions.remove(taken)
        session.commit()
    running = house.extensions["profile"]
    role = running.roles["operator"]
    new = replace(role, permissions=MappingProxyType({**role.permissions, "NewView": ("list",)}))
    house.extensions["profile"] = with_roles(running, operator=new)
    offer(house, {p for r in house.extensions["profile"].roles.values() for p in r.pairs()})
    cli.set_up(house)
    assert pair not in granted(house)["operator"]
    assert ("can_list", "NewView") in granted(house)["operator"]


def test_a_database_of_another_profile_is_refused_with_the_way_out(house):
    cli.set_up(house, with_demo=False)
    house.extensions["profile"] = replace(house.extensions["profile"], name="park")
    with pytest.raises(profile.ProfileError, match=r"'demo', not 'park'.*make demo"):
        cli.set_up(house)


def test_a_profile_that_names_a_page_that_does_not_exist_is_refused(house):
    offer(house, {("can_list", "AnnouncementView")})
    with pytest.raises(profile.ProfileError, match="operator is granted can_add on"):
        cli.set_up(house)
    with reading(house) as session:
        assert session.scalar(select(func.count(Setting.id))) == 0


def test_the_demo_profile_names_only_pages_that_exist(url, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("STORAGE_URL", str(tmp_path))
    app = create_app()
    named = {pair for role in profile.load("demo").roles.values() for pair in role.pairs()}
    assert named <= cli.offered(app)
    with app.app_context():
        db.engine.dispose()


def test_a_route_is_published_from_the_profile_once(house):
    cli.set_up(house, with_demo=False)
    cli.set_up(house, with_demo=False)
    with reading(house) as session:
        routes = session.scalars(select(FlowRoute)).all()
        flows = house.extensions["profile"].routes
        assert len(flows) == 10
        assert sorted((r.flow, r.number, r.state) for r in routes) == [
            (flow, 1, "published") for flow in sorted(flows)
        ]


# --- the demonstration --------------------------------------------------------------------


def test_the_demonstration_shows_every_state_of_an_application(app):
    with reading(app) as session:
        counted = select(FlowCase.flow, FlowCase.state, func.count())
        states: dict[str, dict[str, int]] = {}
        for flow, state, number in session.execute(counted.group_by(FlowCase.flow, FlowCase.state)):
            states.setdefault(flow, {})[state] = number
        assert states["accreditation"] == {"approved": 18, "in_review": 2, "returned": 1}
        assert states["certification"] == {"approved": 9, "in_review": 2, "returned": 1}
        assert states["association"] == {"approved": 3, "in_review": 1, "returned": 1}
        marks = {o.credit_code: o.institution_state for o in session.scalars(select(Organization))}
        for application in session.scalars(select(Accreditation)):
            wanted = {"approved": "in_pool"}.get(application.state, application.state)
            assert marks[application.credit_code] == wanted
        assert all(uscc.is_valid(code) for code in marks)
        waiting = select(FlowTask).where(
            FlowTask.state == "open", FlowTask.flow == "accreditation", FlowTask.role == "operator"
        )
        assert len(session.scalars(waiting).all()) == 2
        assert session.scalar(select(func.count(Announcement.id))) == 10
        assert set(session.scalars(select(Message.state))) == {"sent"}


def test_every_printed_account_can_sign_in_with_its_role(app):
    printed = cli.demo_accounts("demo")
    expected = {
        "operator": "operator",
        "operator2": "operator",
        "bureau": "bureau",
        "bureau2": "bureau",
        "association": "association",
        "sysadmin": "sysadmin",
        "secadmin": "secadmin",
        "auditor": "auditor",
        "institution": "institution_main",
        "institution2": "institution_main",
        "newcomer": "enterprise_main",
        "visitor": "ordinary",
    }
    with reading(app) as session:
        people = {p.username: p for p in session.scalars(select(Person))}
        for username, role in expected.items():
            assert username in printed
            assert [r.name for r in people[username].roles] == [role]
            assert check_password_hash(people[username].password, demo.PASSWORD)
        mine = select(Draft).where(Draft.user_id == people["newcomer"].id)
        draft = session.scalars(mine).one()
        assert ["institution_kind", "incubator"] in draft.entries


def test_a_demonstration_that_fails_leaves_nothing_behind(house, monkeypatch):
    def fail(demonstration):
        assert demonstration.keys
        raise RuntimeError

    monkeypatch.setattr(demo.products, "fill", fail)
    with pytest.raises(RuntimeError):
        cli.set_up(house)
    uploads = house.extensions["store"].folder
    assert not [path for path in uploads.rglob("*") if path.is_file()]
    assert sum(counts(house).values()) == 0


def test_resetting_throws_data_and_files_away(house):
    cli.set_up(house)
    before = counts(house)
    uploads = house.extensions["store"].folder
    old = {path for path in uploads.rglob("*") if path.is_file()}
    with reading(house) as session:
        session.execute(delete(Announcement))
        session.add(Setting(name="left", value=1))
        session.commit()
    cli.reset_demo(house)
    new = {path for path in uploads.rglob("*") if path.is_file()}
    assert counts(house) == before
    assert len(new) == len(old) == before[Attachment.__tablename__]
    assert not old & new


def test_production_is_neither_filled_nor_reset(house):
    settings = house.extensions["settings"]
    house.extensions["settings"] = replace(settings, env="production")
    cli.set_up(house)
    assert counts(house)["organization"] == 0
    with pytest.raises(config.Misconfigured, match="production"):
        cli.reset_demo(house)


def test_what_the_command_writes_is_its_owners_alone(monkeypatch, tmp_path):
    """The database, its log and the logs of the services: they hold personal data."""
    monkeypatch.chdir(tmp_path)  # the command goes to its own folder; this brings us back
    monkeypatch.setattr(run, "serve", (tmp_path / "written").touch)
    before = os.umask(0o022)
    try:
        answer = CliRunner().invoke(run.main, [])
    finally:
        os.umask(before)
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "written").stat().st_mode & 0o777 == 0o600


# --- migrations ---------------------------------------------------------------------------


def test_migrations_go_up_down_and_up_and_agree_with_the_models(house):
    with house.app_context():
        for _ in range(2):
            upgrade(MIGRATIONS)
            check(MIGRATIONS)
            downgrade(MIGRATIONS, revision="base")
            assert inspect(db.engine).get_table_names() == ["alembic_version"]
        upgrade(MIGRATIONS)


def test_the_log_is_append_only_and_searches_find_two_characters(app):
    with reading(app) as session:
        named = search.search(Organization.search_text, "青砺")
        assert len(session.scalars(select(Organization).where(named)).all()) == 1
        events = FlowEvent.__table__
        for statement in (events.delete(), events.update().values(opinion="")):
            with pytest.raises(DatabaseError, match="append-only"):
                session.connection().execute(statement)
            session.rollback()


def test_production_refuses_to_start_with_demo_accounts(app, monkeypatch):
    if not is_on_postgresql():
        pytest.skip("production knows PostgreSQL only; this runs in the round on PostgreSQL")
    with app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("QIFU_ENV", "production")
    monkeypatch.setenv("QIFU_SECRET_KEY", "a-long-random-text-of-this-test")
    monkeypatch.setenv("QIFU_TRUSTED_HOSTS", "qifu.example")
    monkeypatch.setenv("DATABASE_URL", url)
    for ours in ("QIFU_TEST_CODE", "QIFU_PASSWORD_HASH"):
        with pytest.raises(config.Misconfigured, match=ours):
            create_app()
        monkeypatch.delenv(ours)
    with pytest.raises(config.Misconfigured, match="demo accounts"):
        create_app()
