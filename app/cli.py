"""What the commands do: set up what is missing, start the demonstration again.

Each command is one transaction after the migrations: it is done or it did not happen.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from flask import Flask
from flask_appbuilder.security.sqla.models import Role
from flask_babel import force_locale, lazy_gettext as _l
from flask_migrate import upgrade
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash

from app import audit, clock
from app.config import ROOT, Misconfigured
from app.extensions import db, system_session
from app.jobs import board
from app.models import Attachment, Person
from app.profile import Profile, load
from app.services import accounts, backup, demo, evidence, passwords, products, seeding
from app.storage import Store
from app.workflow import Workflow

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def set_up(app: Flask, *, with_demo: bool = True) -> None:
    """Bring the database up to date and add what is missing; what is there stays.

    A new installation of the demo or park profile is filled with the demonstration.

    :raises app.profile.ProfileError: when the database was made with another profile.
    """
    now = clock.now()
    profile: Profile = app.extensions["profile"]
    settings = app.extensions["settings"]
    with app.app_context():
        upgrade(str(MIGRATIONS))
        with system_session() as session:
            is_new = seeding.seed(session, profile, offered(app), now)
            _publish_routes(session, app.extensions["workflow"], profile, now)
            board.sync(session, now)
            has_demo = profile.name in demo.PROFILES and not settings.is_production
            if is_new and with_demo and has_demo:
                _fill(app, session, now)
            session.commit()


def refuse_demo_accounts(app: Flask) -> None:
    """Production starts only without the accounts whose password everybody knows.

    :raises Misconfigured: naming them.
    """
    with app.app_context(), db.engine.connect() as connection:
        if not inspect(connection).has_table(Person.__tablename__):
            return
        account = Person.__table__.c
        names = [entry.username for entry in demo.ACCOUNTS]
        known = account.username.in_(names) & account.active
        rows = connection.execute(select(account.username, account.password).where(known)).all()
    # The first administrators of a real installation are called as those of the demonstration.
    found = [
        row.username
        for row in rows
        if row.username not in FIRST or check_password_hash(row.password or "", demo.PASSWORD)
    ]
    if found:
        raise Misconfigured(
            f"production does not start with demo accounts ({', '.join(sorted(found))}): "
            "use another DATABASE_URL"
        )


def reset_demo(app: Flask) -> None:
    """Throw all data and stored files away, then set up again with fresh demo data.

    :raises Misconfigured: in production.
    """
    settings, store = app.extensions["settings"], app.extensions["store"]
    if settings.is_production:
        raise Misconfigured("production data is not thrown away: set QIFU_ENV=development")
    with app.app_context():
        db.session.remove()
        with db.engine.connect() as connection:
            if connection.dialect.name == "sqlite":  # works outside a transaction only
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                keys = _stored_files(connection)
                _drop_everything(connection)
        db.engine.dispose()
        for key in keys:
            store.remove(key)
    set_up(app)


def verify(app: Flask) -> bool:
    """Read both logs from their beginning and say what was found; whether they hold."""
    with app.app_context(), db.engine.connect() as connection:
        findings = evidence.verify(connection)
    with app.app_context(), force_locale("en"):
        for found in findings:
            end = f"NOT INTACT at {found.fault.number}: {found.fault.text}" if found.fault else "ok"
            waiting = f", {found.waiting} not sealed yet" if found.waiting else ""
            print(f"{found.title}: {found.checked} checked{waiting}: {end}")
    return not any(found.fault for found in findings)


# --- the first administrators -------------------------------------------------------------

FIRST = {"sysadmin": _l("System administrator"), "secadmin": _l("Security administrator")}


def first_administrators(app: Flask) -> dict[str, str]:
    """Create the first system and the first security administrator; their one-time passwords.

    The passwords are known to nobody else and have to be changed at the first login; when nobody
    did so in time, and no security administrator is left to help, they get new ones.

    :raises Misconfigured: when there are administrators already.
    """
    now = clock.now()
    profile: Profile = app.extensions["profile"]
    made = {}
    with app.app_context(), system_session() as session:
        held = select(Person).where(Person.roles.any(Role.name.in_(FIRST))).order_by(Person.id)
        found = session.scalars(held).all()
        late = [p for p in found if passwords.is_expired(p, profile.password, now)]
        helpers = {role.name for p in found if p not in late for role in p.roles}
        if found and (not late or "secadmin" in helpers):
            raise Misconfigured(
                f"there is a {found[0].roles[0].name} already: who lost the password asks the "
                "security administrator for a new one"
            )
        if late:
            made = {p.username: accounts.renew(session, p, profile.password, now) for p in late}
            session.commit()
            return made
        for role, name in FIRST.items():
            with force_locale("zh"):
                asked = accounts.NewStaff(role, str(name), "", "", (role,))
            if problems := accounts.problems(session, asked):
                raise Misconfigured(f"the account {role} cannot be made: {problems[0].text}")
            _person, made[role] = accounts.create_staff(
                session, asked, profile.roles, profile.password, now
            )
        session.commit()
    return made


# --- backup and restore -------------------------------------------------------------------


def back_up(app: Flask, target: Path | None) -> str:
    """Save database and files in one archive; what to tell of it.

    Without ``target`` it is named by the moment, under ``var/backup``.
    """
    now = clock.now()
    moment = now.astimezone(clock.SHANGHAI).strftime("%Y%m%d-%H%M%S")
    target = target or ROOT / "var" / "backup" / f"qifu-{moment}.tar.gz"
    with app.app_context():
        manifest = backup.back_up(db.engine, app.extensions["store"], _product(), target, now)
        with db.engine.begin() as rows:
            audit.note_on(rows, "backup", detail={"parts": len(manifest.parts)})
    said = f"{target}: database and {len(manifest.parts) - 1} files, {_megabytes(target)} MB"
    if manifest.missing:
        said += (
            f"\nNot as the database knows them, look for them in older archives "
            f"({len(manifest.missing)}): {', '.join(manifest.missing[:10])}"
        )
    return said


def restore(app: Flask, path: Path, *, replace: bool) -> str:
    """Put an archive back, bring it up to date, and end every login that was open in it.

    :raises backup.BackupError: before anything is touched, naming the way out.
    """
    manifest = backup.examine(path)
    profile: Profile = app.extensions["profile"]
    known = {script.revision: script for script in _migrations().walk_revisions()}
    with app.app_context():
        db.session.remove()
        backup.refuse_unfit(db.engine, manifest, profile.name, known, replace=replace)
        version = backup.restore(db.engine, app.extensions["store"], path, manifest)
        upgrade(str(MIGRATIONS))
        with db.engine.begin() as rows:
            backup.settle(rows, manifest, version, clock.now())
    said = f"Restored {manifest.created_at}: database and {len(manifest.parts) - 1} files."
    if manifest.missing:
        said += f"  Already missing in the archive: {len(manifest.missing)} files."
    return said


def _migrations() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _product() -> str:
    """The version of the product, as pyproject.toml names it."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(known.get("project", {}).get("version", "0"))


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1_000_000:.1f}"


def demo_accounts(name: str) -> str:
    """The demo accounts that the profile ``name`` has, as the start prints them."""
    roles = load(name).roles
    known = (a for a in demo.ACCOUNTS if not a.role or a.role in roles)
    rows = [("account", "who"), *((a.username, a.said) for a in known)]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {who}" for name, who in rows]
    return "\n".join([f"Demo accounts, password {demo.PASSWORD}", *lines])


def offered(app: Flask) -> set[seeding.Pair]:
    """Every permission that a page or a menu item asks for."""
    builder = app.extensions["appbuilder"]
    pairs = {
        (permission, view.class_permission_name)
        for view in builder.baseviews
        for permission in view.base_permissions
    }
    entries = [entry for group in builder.menu.get_list() for entry in (group, *group.childs)]
    return pairs | {("menu_access", entry.name) for entry in entries if entry.name != "-"}


def _publish_routes(session: Session, engine: Workflow, profile: Profile, now: datetime) -> None:
    """First routes; a role counts as held although nobody may hold it yet."""
    for flow in seeding.unpublished_flows(session, profile):
        stages: list[dict[str, Any]] = [asdict(stage) for stage in profile.routes[flow]]
        engine.publish(session, flow, stages, now, lambda seat: seat.role in profile.roles)


def _fill(app: Flask, session: Session, now: datetime) -> None:
    """The demonstration; files that were stored go again when it fails."""
    store: Store = app.extensions["store"]
    keys: list[str] = []
    try:
        demo.fill(session, app.extensions["workflow"], store, now, keys)
        listings = app.extensions["profile"].listings
        products.mark_off_guide(session, listings.guide_percent)
        session.flush()
    except BaseException:
        for key in keys:
            store.remove(key)
        raise


def _stored_files(connection: Connection) -> list[str]:
    if not inspect(connection).has_table(Attachment.__tablename__):
        return []
    return list(connection.scalars(select(Attachment.__table__.c.key)))


def _drop_everything(connection: Connection) -> None:
    """Every table there is, whichever migration made it."""
    if connection.dialect.name == "sqlite":
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE :kind"
        for kind in ("CREATE VIRTUAL %", "CREATE TABLE %"):  # a search table takes its own along
            for name in connection.scalars(text(listed), {"kind": kind}).all():
                if not name.startswith("sqlite_"):
                    connection.execute(text(f'DROP TABLE "{name}"'))
        return
    for statement in backup.dropping(connection):
        connection.execute(text(statement))
