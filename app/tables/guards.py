"""Triggers: what no statement may bring about, whichever program sends it."""

from __future__ import annotations

from app import choices


def append_only(table: str) -> dict[str, list[str]]:
    """What a migration runs after creating a table that nobody may change, by dialect."""
    return {
        "sqlite": [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ],
        "postgresql": [
            f"""CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$""",
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE PROCEDURE {table}_refuse()""",
        ],
    }


APPEND_ONLY = append_only("flow_event")
SEALED_TABLES = ("audit_entry", "audit_seal", "audit_head")
"""Append-only as well; their triggers come with the second migration."""

# --- what no statement may bring about ----------------------------------------------------

_ADMINISTRATORS = ", ".join(f"'{role}'" for role in choices.ADMINISTRATORS)
_TWO_ROLES = f"""EXISTS (SELECT 1 FROM ab_user_role held
    JOIN ab_role other ON other.id = held.role_id JOIN ab_role mine ON mine.id = NEW.role_id
    WHERE held.user_id = NEW.user_id AND held.role_id <> NEW.role_id
    AND (other.name IN ({_ADMINISTRATORS}) OR mine.name IN ({_ADMINISTRATORS})))"""  # noqa: S608 - constants
_RENAMED = f"OLD.name <> NEW.name AND (OLD.name IN ({_ADMINISTRATORS}) "
_RENAMED += f"OR NEW.name IN ({_ADMINISTRATORS}))"
_ALONE = "an administrator holds no other role"
_FIXED = "a published agreement is not changed"
GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER user_role_alone_{verb.lower()} BEFORE {verb} ON ab_user_role "
        f"WHEN {_TWO_ROLES} BEGIN SELECT RAISE(ABORT, '{_ALONE}'); END"
        for verb in ("INSERT", "UPDATE")
    ]
    + [
        (
            f"CREATE TRIGGER role_keeps_name BEFORE UPDATE ON ab_role WHEN {_RENAMED} "
            f"BEGIN SELECT RAISE(ABORT, '{_ALONE}'); END"
        )
    ]
    + [
        f"CREATE TRIGGER agreement_no_{verb.lower()} BEFORE {verb} ON agreement "
        f"WHEN OLD.state = 'published' BEGIN SELECT RAISE(ABORT, '{_FIXED}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        f"""CREATE FUNCTION user_role_alone() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
        PERFORM 1 FROM ab_user WHERE id = NEW.user_id FOR UPDATE;
        IF {_TWO_ROLES} THEN RAISE EXCEPTION '{_ALONE}'; END IF;
        RETURN NEW; END $$""",
        """CREATE TRIGGER user_role_alone BEFORE INSERT OR UPDATE ON ab_user_role
        FOR EACH ROW EXECUTE PROCEDURE user_role_alone()""",
        f"""CREATE FUNCTION role_keeps_name() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
        IF {_RENAMED} THEN RAISE EXCEPTION '{_ALONE}'; END IF;
        RETURN NEW; END $$""",
        """CREATE TRIGGER role_keeps_name BEFORE UPDATE ON ab_role
        FOR EACH ROW EXECUTE PROCEDURE role_keeps_name()""",
        f"""CREATE FUNCTION agreement_fixed() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
        IF OLD.state = 'published' THEN RAISE EXCEPTION '{_FIXED}'; END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW; END $$""",
        """CREATE TRIGGER agreement_fixed BEFORE UPDATE OR DELETE ON agreement
        FOR EACH ROW EXECUTE PROCEDURE agreement_fixed()""",
    ],
}
"""Triggers: the administrators stay three persons, published agreements stay as accepted."""
