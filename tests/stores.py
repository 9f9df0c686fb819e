"""The databases of a run: filled once, and as they were before every test."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from tests.services import postgresql_url, require


class SqliteStore:
    """A database file that is copied for each test."""

    def __init__(self, folder: Path) -> None:
        self.prepared, self.live = folder / "prepared.db", folder / "live.db"
        self.url = f"sqlite:///{self.live}"

    def keep(self) -> None:
        """Keep the present content as what every test starts from."""
        shutil.copy(self.live, self.prepared)

    def restore(self) -> None:
        """Start again from what was kept."""
        for leftover in self.live.parent.glob("live.db*"):
            leftover.unlink()
        shutil.copy(self.prepared, self.live)

    def uncover(self) -> None:
        """Nothing covers it: the file is all there is."""


# Of format()'s marks each "%" is doubled for the driver.
KEEP = """
CREATE SCHEMA kept;
CREATE TABLE kept.touched (name text NOT NULL);
CREATE FUNCTION kept.touch() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO kept.touched VALUES (TG_TABLE_NAME); RETURN NULL; END$$;
CREATE FUNCTION kept.reshape() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO kept.touched VALUES (''); END$$;
DO $$
DECLARE one name;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE kept.%%I AS SELECT here.*, here::text AS as_text '
            'FROM public.%%I AS here', 'of_' || one, one);
        EXECUTE format('CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE '
            'ON public.%%I FOR EACH STATEMENT EXECUTE FUNCTION kept.touch()', one);
    END LOOP;
END$$;
CREATE TABLE kept.counted AS
    SELECT sequencename AS name, coalesce(last_value, start_value) AS value,
        last_value IS NOT NULL AS called
    FROM pg_sequences WHERE schemaname = 'public';
CREATE EVENT TRIGGER kept ON ddl_command_end EXECUTE FUNCTION kept.reshape();
"""
OTHERS_OUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Rows that a test left alone stay where they are.  Triggers and foreign keys rest meanwhile: what
# is put back was right before.
PUT_BACK = """
DO $$
DECLARE one name; columns text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT DISTINCT name FROM kept.touched LOOP
        SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
        WHERE attrelid = format('public.%%I', one)::regclass
            AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
        EXECUTE format('DELETE FROM public.%%I AS here WHERE here::text NOT IN '
            '(SELECT as_text FROM kept.%%I)', one, 'of_' || one);
        EXECUTE format('INSERT INTO public.%%I (%%s) OVERRIDING SYSTEM VALUE '
            'SELECT %%s FROM kept.%%I WHERE as_text NOT IN '
            '(SELECT here::text FROM public.%%I AS here)',
            one, columns, columns, 'of_' || one, one);
    END LOOP;
    PERFORM setval(format('public.%%I', name)::regclass, value, called) FROM kept.counted;
    DELETE FROM kept.touched;
END$$;
"""


class PostgresqlStore:
    """A database in which triggers note the tables that a test writes; those are put back.

    To make a database from a template takes a second for a hundred tables; it is made so again
    after a test that changed the tables themselves.
    """

    def __init__(self, name: str) -> None:
        require("postgresql")
        self.admin = create_engine(postgresql_url() or "", isolation_level="AUTOCOMMIT")
        self.name, self.template = name, f"{name}_template"
        url = make_url(postgresql_url() or "").set(database=name)
        self.url = url.render_as_string(hide_password=False)
        self._inside = create_engine(self.url, isolation_level="AUTOCOMMIT")
        self._run(
            self.admin,
            f"DROP DATABASE IF EXISTS {self.template}",
            f"DROP DATABASE IF EXISTS {name}",
            f"CREATE DATABASE {name}",
        )

    def keep(self) -> None:
        """Keep the present content as what every test starts from."""
        self._run(self._inside, KEEP)
        self._inside.dispose()
        self._run(self.admin, f"CREATE DATABASE {self.template} TEMPLATE {self.name}")

    def restore(self) -> None:
        """Start again from what was kept."""
        self._run(self._inside, OTHERS_OUT)
        if not self._is_reshaped():
            self._run(self._inside, PUT_BACK)
            return
        self._inside.dispose()
        self._run(
            self.admin,
            f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE {self.template}",
        )

    def uncover(self) -> None:
        """Take the triggers away, for a test that dumps the whole database."""
        self._run(self._inside, "DROP EVENT TRIGGER kept", "DROP SCHEMA kept CASCADE")

    def _is_reshaped(self) -> bool:
        """Whether tables were changed, or what notes it is gone."""
        with self._inside.connect() as connection:
            if connection.scalar(text("SELECT to_regclass('kept.touched')")) is None:
                return True
            changed = text("SELECT EXISTS (SELECT 1 FROM kept.touched WHERE name = '')")
            return bool(connection.scalar(changed))

    @staticmethod
    def _run(engine: Engine, *statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
