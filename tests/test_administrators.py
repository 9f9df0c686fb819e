"""The three administrators (三员): nobody holds two of their roles, by whatever path."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from types import MappingProxyType
from uuid import uuid4

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import create_engine, delete, insert, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app import access, cli, clock, config, profile
from app.access import AccessError
from app.choices import ADMINISTRATORS
from app.config import Misconfigured
from app.extensions import db, system_session
from app.models import (
    AccessVersion,
    Accreditation,
    Agreement,
    Announcement,
    Attachment,
    Draft,
    FlowCase,
    FlowTask,
    LoginSession,
    Membership,
    Message,
    Organization,
    OrgRole,
    Person,
)
from app.services import accounts, demo, seeding
from app.services.accounts import Combined, OwnAccount
from tests.services import postgresql_url
from tests.world import is_on_postgresql

pytestmark = pytest.mark.db
OTHERS = ("operator", "bureau", "institution_main", "enterprise_main", "ordinary", "sub_account")
PAIRS = [
    *permutations(ADMINISTRATORS, 2),
    *((one, other) for one in ADMINISTRATORS for other in OTHERS),
    *((other, one) for one in ADMINISTRATORS for other in OTHERS),
]
HELD = Person.metadata.tables["ab_user_role"]


def roles_of(app, username):
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == username)).one()
        return sorted(role.name for role in person.roles)


def keys(session, *names):
    found = {role.name: role.id for role in session.scalars(select(Role))}
    return [found[name] for name in names]


def somebody(session, role=None):
    """A person with one role, or none."""
    person = Person(username="somebody", first_name="", last_name="某人", active=True, email=None)
    session.add(person)
    if role:
        person.roles = [session.scalars(select(Role).where(Role.name == role)).one()]
    session.flush()
    return person


# --- every path, every pair -----------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_no_statement_gives_an_administrator_a_second_role(app, pair):
    """ORM in both directions, Core, and SQL of any other program."""
    with app.app_context(), system_session() as session:
        person = somebody(session, pair[0])
        key, (first, second) = person.id, keys(session, *pair)
        session.commit()
        role = session.get_one(Role, second)

        def by_orm():
            person.roles.append(role)
            session.flush()

        def by_role():
            role.user.append(session.get_one(User, key))
            session.flush()

        def by_core():
            session.connection().execute(insert(HELD).values(user_id=key, role_id=second))

        def by_sql():
            said = text(
                "INSERT INTO ab_user_role (id, user_id, role_id) VALUES (99999, :who, :what)"
            )
            session.connection().execute(said, {"who": key, "what": second})

        def by_moving():
            """The role of somebody else becomes his."""
            other = session.scalar(select(Person.id).where(Person.username == "newcomer"))
            rows = session.connection()
            rows.execute(delete(HELD).where(HELD.c.user_id == other))
            rows.execute(insert(HELD).values(user_id=other, role_id=second))
            rows.execute(update(HELD).where(HELD.c.user_id == other).values(user_id=key))

        def at_birth():
            more = Person(username="born", first_name="", last_name="某人", active=True)
            more.roles = [session.get_one(Role, first), role]
            session.add(more)
            session.flush()

        for path in (by_orm, by_role, by_core, by_sql, by_moving, at_birth):
            with pytest.raises((Combined, DatabaseError)):
                path()
            session.rollback()
    assert roles_of(app, "somebody") == [pair[0]]


def test_a_plain_session_without_our_hooks_is_held_too(app):
    with app.app_context(), Session(db.engine) as plain:
        person = plain.scalars(select(Person).where(Person.username == "auditor")).one()
        person.roles = [
            *person.roles,
            plain.scalars(select(Role).where(Role.name == "operator")).one(),
        ]
        with pytest.raises(Combined):
            plain.flush()


@pytest.mark.parametrize(("old", "new"), [("auditor", "x"), ("operator", "secadmin")])
def test_a_role_is_not_renamed_into_or_out_of_an_administrators(app, old, new):
    statement = text("UPDATE ab_role SET name = :new WHERE name = :old")
    refused = pytest.raises(DatabaseError, match="no other role")
    with app.app_context(), db.engine.connect() as connection, refused:
        connection.execute(statement, {"new": new, "old": old})


def test_two_grants_at_once_give_one_role(app):
    """The second waits for the first and is refused; SQLite has one writer anyway."""
    with app.app_context(), system_session() as session:
        key = somebody(session).id
        first, second = keys(session, "sysadmin", "auditor")
        session.commit()
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            return
        with db.engine.connect() as one, db.engine.connect() as two:
            one.execute(insert(HELD).values(user_id=key, role_id=first))
            two.execute(text("SET lock_timeout = '300ms'"))
            with pytest.raises(DatabaseError, match="lock timeout"):
                two.execute(insert(HELD).values(user_id=key, role_id=second))
            two.rollback()
            one.commit()
            with pytest.raises(DatabaseError, match="no other role"):
                two.execute(insert(HELD).values(user_id=key, role_id=second))


@pytest.mark.parametrize("wanted", [("sysadmin", "auditor"), ("secadmin", "operator")])
def test_the_form_refuses_a_second_role_with_a_clear_sentence(app, sign_in, wanted):
    client = sign_in("secadmin")
    key = key_of(app, "operator2")
    answer = client.post(f"/users/{key}/roles/", data={"roles": list(wanted)})
    assert answer.status_code == 400
    assert "三员角色互斥" in answer.text
    assert roles_of(app, "operator2") == ["operator"]
    typed = NEW | {"roles": list(wanted)}
    answer = client.post("/users/add/", data=typed)
    assert answer.status_code == 400
    assert "三员角色互斥" in answer.text
    with app.app_context(), system_session() as session:
        known = select(Person.id).where(Person.username == NEW["username"])
        assert session.scalar(known) is None


def test_roles_sent_to_other_forms_are_not_read(app, sign_in):
    """Mass assignment: no form but that of the security administrator knows roles."""
    with app.app_context(), system_session() as session:
        (second,) = keys(session, "sysadmin")
    sneaked = {"roles": [str(second), "sysadmin"], "role": "sysadmin", "roles-0": str(second)}
    for username, path, typed in (
        ("secadmin", "/me/profile/", {"name": "x", "last_name": "x"}),
        ("secadmin", f"/users/{key_of(app, 'secadmin')}/roles/", {}),
        ("operator", f"/users/{key_of(app, 'operator')}/roles/", {}),
        ("auditor", f"/users/{key_of(app, 'auditor')}/roles/", {}),
    ):
        before = roles_of(app, username)
        sign_in(username).post(path, data=typed | sneaked)
        assert roles_of(app, username) == before, path


def test_nobody_changes_his_own_roles_or_account(app, sign_in, actor_of):
    client, key = sign_in("secadmin"), key_of(app, "secadmin")
    answer = client.post(f"/users/{key}/roles/", data={"roles": ["sysadmin"]})
    assert answer.status_code == 400
    assert "不能对本人账号" in answer.text
    for action in ("off", "reset", "logout", "unlock"):
        answer = client.post(f"/users/{key}/{action}/")
        assert answer.status_code == 409, action
    assert roles_of(app, "secadmin") == ["secadmin"]
    who = actor_of("secadmin")
    with app.app_context(), access.acting_as(who):
        me = db.session.get_one(Person, who.user_id)
        me.roles = [Role(name="another")]
        with pytest.raises((OwnAccount, AccessError)):
            db.session.flush()
        db.session.rollback()
        db.session.get_one(Person, who.user_id).roles = []  # it sees no role, so it takes none
        db.session.commit()
    assert roles_of(app, "secadmin") == ["secadmin"]


def test_the_seeding_and_the_profile_make_no_pair(app):
    """A profile cannot let the auditor write; setting up again combines nothing."""
    running = app.extensions["profile"]
    source = (profile.FOLDER / "demo.toml").read_text(encoding="utf-8")
    lame = source.replace(
        "[roles.auditor.permissions]", '[roles.auditor.permissions]\nDraftView = ["add"]'
    )
    with pytest.raises(profile.ProfileError, match=r"auditor.*reads only"):
        profile.parse("demo", lame)
    admin = running.roles["auditor"]
    more = {**admin.permissions, "AnnouncementView": ("list", "delete")}
    given = replace(running, roles=MappingProxyType(
        {**running.roles, "auditor": replace(admin, permissions=MappingProxyType(more))}
    ))  # fmt: skip
    with app.app_context(), system_session() as session:
        seeding.seed_rights(session, given, cli.offered(app))
        for name in ADMINISTRATORS:
            for person in session.scalars(select(Role).where(Role.name == name)).one().user:
                assert [role.name for role in person.roles] == [name]


def test_the_demonstration_gives_each_account_one_role(app):
    for account in demo.ACCOUNTS:
        held = roles_of(app, account.username)
        if set(held) & {*ADMINISTRATORS}:
            assert held == [account.username]


def test_no_account_holds_the_role_of_the_framework(app):
    with app.app_context(), system_session() as session:
        admin = session.scalars(select(Role).where(Role.name == "Admin")).one_or_none()
        assert admin is None or admin.user == []


# --- the first administrators ---------------------------------------------------------------


def test_the_first_administrators_exist_once(app):
    with pytest.raises(Misconfigured, match="admin already"):
        cli.first_administrators(app)
    with app.app_context(), db.engine.begin() as rows:
        for username in ("sysadmin", "secadmin"):
            renamed = f"{username}_gone"
            rows.execute(
                update(Person.__table__)
                .where(Person.__table__.c.username == username)
                .values(username=renamed)
            )
        rows.execute(text(
            "DELETE FROM ab_user_role WHERE user_id IN"
            " (SELECT id FROM ab_user WHERE username LIKE '%_gone')"
        ))  # fmt: skip
        rows.execute(update(AccessVersion.__table__).values(version=AccessVersion.version + 1))
    made = cli.first_administrators(app)
    assert set(made) == {"sysadmin", "secadmin"}
    assert roles_of(app, "sysadmin") == ["sysadmin"]
    assert roles_of(app, "secadmin") == ["secadmin"]
    client = app.test_client()
    typed = {"username": "secadmin", "password": made["secadmin"], "captcha": "0000"}
    assert client.post("/login/", data=typed).status_code == 302
    answer = client.get("/users/list/")
    assert answer.status_code == 302, "the one-time password has to be changed first"
    assert "password" in answer.headers["Location"]
    with pytest.raises(Misconfigured, match="already"):
        cli.first_administrators(app)


def test_first_passwords_that_nobody_used_in_time_are_made_anew(app):
    with app.app_context(), system_session() as session:
        for username in ("sysadmin", "secadmin"):
            person = session.scalars(select(Person).where(Person.username == username)).one()
            person.must_change_password = True
            person.password_set_at = clock.now() - timedelta(hours=24)
        session.commit()
    made = cli.first_administrators(app)
    assert set(made) == {"sysadmin", "secadmin"}
    typed = {"username": "secadmin", "password": made["secadmin"], "captcha": "0000"}
    assert app.test_client().post("/login/", data=typed).status_code == 302


def test_a_real_installation_is_set_up_on_postgresql_in_production():
    """The command itself, in a process of its own, on an empty database."""
    if not is_on_postgresql():
        pytest.skip("production knows PostgreSQL only; this runs in the round on PostgreSQL")
    server = create_engine(postgresql_url(), isolation_level="AUTOCOMMIT")
    name = f"qifu_real_{uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    ours = {"QIFU_TEST_CODE", "QIFU_PASSWORD_HASH"}
    environ = {key: value for key, value in os.environ.items() if key not in ours} | {
        "QIFU_ENV": "production",
        "QIFU_SECRET_KEY": "a-long-random-text-of-this-test",
        "QIFU_TRUSTED_HOSTS": "qifu.example",
        "DATABASE_URL": server.url.set(database=name).render_as_string(hide_password=False),
    }

    def init():
        return subprocess.run(
            (sys.executable, "run.py", "init", "--admin"),
            check=False, capture_output=True, text=True, env=environ, cwd=config.ROOT,
        )  # fmt: skip

    try:
        first, second = init(), init()
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
    assert first.returncode == 0, first.stderr
    named = dict(line.split() for line in first.stdout.splitlines() if len(line.split()) == 2)
    assert set(named) == {"sysadmin", "secadmin"}
    assert second.returncode != 0
    assert "already" in second.stderr
    assert not second.stdout.strip()


# --- the auditor writes nothing -------------------------------------------------------------


def test_the_auditor_sees_what_staff_see_and_writes_nothing(actor_of, as_actor):
    auditor = actor_of("auditor")
    with as_actor(actor_of("operator")) as session:
        wanted = {o.id for o in session.scalars(select(Organization))}
    with as_actor(auditor) as session:
        assert {o.id for o in session.scalars(select(Organization))} == wanted
    mapped = [m.class_ for m in db.Model.registry.mappers if m.class_ in access._writable]  # noqa: SLF001
    allowed = {
        model
        for model in mapped
        if str(access.condition(auditor, model).compile(compile_kwargs={"literal_binds": False}))
        not in {"false", "0 = 1"}
    }
    assert {model.__name__ for model in allowed} == {"MessageChoice"}
    for model in (Announcement, Attachment, Draft, Agreement):
        with as_actor(auditor) as session:
            row = session.scalars(select(model)).first()
            if row is not None:
                session.delete(row)
                with pytest.raises(AccessError):
                    session.flush()


def test_administrators_see_no_rows_of_business(actor_of, as_actor):
    """Sysadmin and secadmin see what a visitor sees; the latter also who belongs where."""
    for name in ("sysadmin", "secadmin"):
        with as_actor(actor_of(name)) as session:
            for model in (Accreditation, FlowCase, FlowTask):
                assert session.scalars(select(model)).all() == [], (name, model)
    with as_actor(actor_of("sysadmin")) as session:
        assert [p.username for p in session.scalars(select(Person))] == ["sysadmin"]
        hidden = session.scalars(
            select(Organization.name).where(Organization.name.contains("启帆"))
        )
        assert hidden.all() == []
    with as_actor(actor_of("secadmin")) as session:
        assert len(session.scalars(select(Person)).all()) > 10
        assert len(session.scalars(select(Membership)).all()) > 10


# --- users ----------------------------------------------------------------------------------

NEW = {
    "username": "fresh_staff", "name": "方知远", "mobile": "12000000777", "email": "",
    "roles": ["operator"], "authority": "",
}  # fmt: skip


def key_of(app, username):
    with app.app_context(), system_session() as session:
        return session.scalars(select(Person.id).where(Person.username == username)).one()


def shown_password(page):
    return page.partition("<code>")[2].partition("</code>")[0]


def open_logins(app, username):
    with app.app_context(), system_session() as session:
        mine = LoginSession.user_id == key_of_in(session, username)
        return len(session.scalars(
            select(LoginSession.id).where(mine, LoginSession.ended_at.is_(None))
        ).all())  # fmt: skip


def key_of_in(session, username):
    return session.scalars(select(Person.id).where(Person.username == username)).one()


def test_a_new_staff_account_has_a_password_that_is_shown_once(app, sign_in):
    client = sign_in("secadmin")
    answer = client.post("/users/add/", data=NEW)
    assert answer.status_code == 200, answer.text
    password = shown_password(answer.text)
    assert len(password) >= 12
    key = key_of(app, "fresh_staff")
    assert password not in client.get(f"/users/show/{key}/").text
    assert "待激活" in client.get(f"/users/show/{key}/").text
    fresh = app.test_client()
    typed = {"username": "fresh_staff", "password": password, "captcha": "0000"}
    assert fresh.post("/login/", data=typed).status_code == 302
    assert fresh.get("/organizations/list/").status_code == 302
    again = client.post("/users/add/", data=NEW)
    assert again.status_code == 400
    assert "已被使用" in again.text


def test_a_bureau_account_needs_its_authority(app, sign_in):
    client = sign_in("secadmin")
    alone = client.post("/users/add/", data=NEW | {"roles": ["bureau"]})
    assert alone.status_code == 400
    assert "市工信局" in alone.text
    with app.app_context(), system_session() as session:
        place = session.scalars(
            select(OrgRole.organization_id).where(OrgRole.role == "bureau")
        ).first()
    given = client.post("/users/add/", data=NEW | {"roles": ["bureau"], "authority": str(place)})
    assert given.status_code == 200, given.text
    assert roles_of(app, "fresh_staff") == ["bureau"]


def test_an_authority_is_set_up_and_its_account_sees_its_region(sign_in, actor_of, as_actor):
    client = sign_in("secadmin")
    typed = {
        "name": "栖岭市经济发展局", "credit_code": demo.credit_code("92"), "region": "990200",
        "address": "栖岭市政务路9号", "contact_name": "江晚", "contact_phone": "12000000778",
        "kind": "bureau",
    }  # fmt: skip
    refused = client.post("/authorities/add/", data=typed | {"kind": "institution"})
    assert refused.status_code == 400
    answer = client.post("/authorities/add/", data=typed)
    assert answer.status_code == 302, answer.text
    assert "市工信局" in client.get(answer.location).text
    listed = client.get("/authorities/list/").text
    assert "栖岭市经济发展局" in listed
    assert "青砺" not in listed
    place = answer.location.rstrip("/").rpartition("/")[2]
    made = client.post("/users/add/", data=NEW | {"roles": ["bureau"], "authority": place})
    assert made.status_code == 200
    who = actor_of("fresh_staff")
    assert who.region == "9902"
    with as_actor(who) as session:
        regions = session.scalars(
            select(Organization.region_id).where(Organization.certification == "none")
        )
        assert {region // 100 for region in regions} == {9902}
    with as_actor(actor_of("secadmin")) as session:
        firm = session.scalars(
            select(Organization).where(Organization.name.contains("青砺"))
        ).one()  # fmt: skip
        firm.contact_name = "x"
        with pytest.raises(AccessError):
            session.flush()


def test_nobody_moves_an_authority_to_another_region(app, sign_in, actor_of, as_actor):
    """Its accounts would see that one."""
    with app.app_context(), system_session() as session:
        query = select(Organization).where(Organization.roles.any(OrgRole.role == "bureau"))
        place = session.scalars(query.order_by(Organization.id)).first()
        key, region, code = place.id, place.region_id, place.credit_code
    operator = sign_in("operator")
    page = operator.get(f"/organizations/edit/{key}/").text
    assert "所属地区不可修改" in page
    assert f"/certifications/add/?organization={key}" not in operator.get(
        f"/organizations/show/{key}/"
    ).text  # fmt: skip
    typed = _sent_by(page) | {"region": "990101", "contact_name": "江晚"}
    assert operator.post(f"/organizations/edit/{key}/", data=typed).status_code == 302
    typed = {"credit_code": code, "region": "990101"}
    answer = operator.post(f"/certifications/add/?organization={key}", data=typed)
    assert answer.status_code == 400
    assert "该信用代码属于主管部门，企业认证仅面向企业" in answer.text
    for name in ("operator", "secadmin"):
        with as_actor(actor_of(name)) as session:
            session.get_one(Organization, key).region_id = 990101
            with pytest.raises(AccessError, match="fixed"):
                session.flush()
            session.rollback()
    with app.app_context(), system_session() as session:
        place = session.get_one(Organization, key)
        assert (place.region_id, place.contact_name) == (region, "江晚")


def _sent_by(page):
    """What a browser would send of a form."""
    form = page[page.index('<form method="post"') :]
    fields = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
    return {name: value for name, value in fields if name != "csrf_token"}


def test_the_security_administrator_opens_authorities_alone(app, sign_in):
    client = sign_in("secadmin")
    with app.app_context(), system_session() as session:
        is_bureau = Organization.roles.any(OrgRole.role == "bureau")
        bureau = session.scalars(select(Organization.id).where(is_bureau)).first()
        mine = select(Membership.organization_id).join(Person)
        firm = session.scalars(mine.where(Person.username == "newcomer")).one()
    assert client.get(f"/authorities/show/{bureau}/").status_code == 200
    assert client.get(f"/authorities/show/{firm}/").status_code == 404


def test_roles_of_staff_do_not_go_to_an_enterprise(app, sign_in):
    client, key = sign_in("secadmin"), key_of(app, "institution")
    answer = client.post(f"/users/{key}/roles/", data={"roles": ["operator"]})
    assert answer.status_code == 400
    assert "另建账号" in answer.text
    assert "operator" not in roles_of(app, "institution")


def test_a_change_of_roles_works_at_the_next_request_and_ends_the_logins(app, sign_in):
    staff, client = sign_in("operator2"), sign_in("secadmin")
    assert staff.get("/organizations/list/").status_code == 200
    key = key_of(app, "operator2")
    answer = client.post(f"/users/{key}/roles/", data={"roles": ["auditor"]})
    assert answer.status_code == 302
    assert "/login/" in staff.get("/organizations/list/").headers["Location"]
    assert roles_of(app, "operator2") == ["auditor"]


def test_locked_accounts_are_unlocked_and_reset(app, sign_in):
    for _n in range(5):
        app.test_client().post(
            "/login/", data={"username": "visitor", "password": "Wrong#2026", "captcha": "0000"}
        )
    client, key = sign_in("secadmin"), key_of(app, "visitor")
    assert "已锁定" in client.get(f"/users/show/{key}/").text
    assert "visitor" in client.get("/users/list/?state=locked").text
    assert client.post(f"/users/{key}/unlock/").status_code == 302
    assert "正常" in client.get(f"/users/show/{key}/").text
    old = sign_in("visitor")
    page = client.post(f"/users/{key}/reset/").text
    password = shown_password(page)
    assert "24小时内有效" in page
    with app.app_context(), system_session() as session:
        told = select(Message.channel).where(
            Message.user_id == key, Message.occasion == "account.password_reset"
        )
        assert {"inapp", "sms"} <= {*session.scalars(told)}
    assert "/login/" in old.get("/workbench/").headers["Location"]
    assert old.post(
        "/login/", data={"username": "visitor", "password": demo.PASSWORD, "captcha": "0000"}
    ).status_code == 400  # fmt: skip
    fresh = app.test_client()
    typed = {"username": "visitor", "password": password, "captcha": "0000"}
    assert fresh.post("/login/", data=typed).status_code == 302
    assert "password" in fresh.get("/workbench/").headers["Location"]


def test_forced_logout_and_switching_off_end_all_logins(app, sign_in):
    one, two, client = sign_in("institution"), sign_in("institution"), sign_in("secadmin")
    key = key_of(app, "institution")
    assert client.post(f"/users/{key}/logout/").status_code == 302
    for browser in (one, two):
        assert "/login/" in browser.get("/workbench/").headers["Location"]
    back = sign_in("institution")
    assert client.post(f"/users/{key}/off/").status_code == 302
    assert "/login/" in back.get("/workbench/").headers["Location"]
    typed = {"username": "institution", "password": demo.PASSWORD, "captcha": "0000"}
    assert back.post("/login/", data=typed).status_code == 400
    assert client.post(f"/users/{key}/on/").status_code == 302
    assert sign_in("institution").get("/workbench/").status_code == 200


def test_users_are_found_by_state_role_name_and_number(sign_in):
    client = sign_in("secadmin")

    def names(query):
        page = client.get(f"/users/list/?{query}").text
        return {a.username for a in demo.ACCOUNTS if f">{a.username}<" in page}

    assert names("role=bureau") == {"bureau", "bureau2"}
    assert names("q=bureau") == {"bureau", "bureau2"}
    assert names("q=12000000021") == {"sysadmin"}
    assert "secadmin" in names("state=active&role=secadmin")
    assert names("state=off") == set()
    assert client.get("/users/list/?state=nonsense&role=' OR 1").status_code == 200


def test_the_rights_page_names_what_a_role_opens(sign_in):
    page = sign_in("secadmin").get("/roles/?role=auditor").text
    assert "用户" in page
    assert "新增" not in page.partition("<tbody>")[2]


def test_what_is_not_typed_right_is_said_and_kept(sign_in):
    answer = sign_in("secadmin").post("/users/add/", data=NEW | {"username": "ab", "roles": []})
    assert answer.status_code == 400
    assert "6–30位" in answer.text
    assert "方知远" in answer.text
    assert accounts.one_time_password("#") != accounts.one_time_password("#")
