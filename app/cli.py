"""What the commands do: set up what is missing, start the demonstration again.

Each command is one transaction after the migrations: it is done or it did not happen.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, MetaData, inspect, select, text
from sqlalchemy.orm import Session

from app import clock, storage
from app.config import Misconfigured
from app.extensions import db, system_session
from app.models import Attachment, Person
from app.profile import Profile
from app.services import demo, seeding
from app.workflow import Workflow

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def set_up(app: Flask, *, with_demo: bool = True) -> None:
    """Bring the database up to date and add what is missing; what is there stays.

    A new installation of the demo profile is filled with the demonstration.

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
            if is_new and with_demo and profile.name == demo.PROFILE and not settings.is_production:
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
        found = connection.scalars(select(account.username).where(known)).all()
    if found:
        raise Misconfigured(
            f"production does not start with demo accounts ({', '.join(sorted(found))}): "
            "use another DATABASE_URL"
        )


def reset_demo(app: Flask) -> None:
    """Throw all data and stored files away, then set up again with fresh demo data.

    :raises Misconfigured: in production.
    """
    settings = app.extensions["settings"]
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
            storage.remove(settings.uploads, key)
    set_up(app)


def demo_accounts() -> str:
    """The demo accounts as the start prints them."""
    rows = [("account", "who"), *((a.username, a.said) for a in demo.ACCOUNTS)]
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
    folder: Path = app.extensions["settings"].uploads
    keys: list[str] = []
    try:
        demo.fill(session, app.extensions["workflow"], folder, now, keys)
        session.flush()
    except BaseException:
        for key in keys:
            storage.remove(folder, key)
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
    tables = MetaData()
    tables.reflect(connection)
    tables.drop_all(connection)
    connection.execute(text("DROP FUNCTION IF EXISTS flow_event_refuse()"))
