"""How Alembic meets the application: its database, its tables, and what is not a table of ours."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from app import models  # noqa: F401 - declares the tables

database = current_app.extensions["migrate"].db

# The search tables of SQLite with their shadows, the search indexes of PostgreSQL: app/search.py.
SEARCH = re.compile(r"_search(_(config|content|data|docsize|idx))?$")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out what migrations make by hand."""
    return not (kind in {"table", "index"} and name and SEARCH.search(name))


def render_item(kind: str, item: Any, _autogen: AutogenContext) -> str | bool:
    """Write our own types as what they are in the database: a migration outlives the code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def drop_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write no migration when nothing changed."""
    asked = getattr(context.config.cmd_opts, "autogenerate", False)
    if asked and directives[0].upgrade_ops.is_empty():
        directives.clear()


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by building it anew: dropping the old one must not touch others.

    The switch works outside a transaction only, hence on the driver's connection.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


options: dict[str, Any] = {
    "target_metadata": database.metadata,
    "include_name": include_name,
    "render_item": render_item,
    "process_revision_directives": drop_empty,
    "compare_type": True,
    "render_as_batch": True,
    "transactional_ddl": True,  # our SQLite connections begin transactions by themselves
}


def write_sql() -> None:
    """``--sql``: print what an administrator may run by hand."""
    context.configure(dialect_name=database.engine.dialect.name, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Bring the database to the revision asked for."""
    with (
        database.engine.connect() as connection,
        without_foreign_keys(connection),
        warnings.catch_warnings(),
    ):
        # SQLite does not show such an index to Alembic; on PostgreSQL it is compared.
        warnings.filterwarnings("ignore", message=".*expression-based index")
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    write_sql()
else:
    run()
