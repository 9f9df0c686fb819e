"""Accounts, messages, files and jobs: what issue by issue the first day needs."""

import sqlalchemy as sa
from alembic import op

from app.models import GUARDS, SEALED_TABLES, append_only
from app.search import INDEXES

revision = "20261121_accounts"
down_revision = "20261121_first_tables"
branch_labels = None
depends_on = None


STATES = ("draft", "in_review", "returned", "approved", "refused", "withdrawn")
CODES = (
    ("accreditation", "member_kind", ("unit", "director", "standing")),
    ("accreditation", "state", STATES),
    ("flow_case", "state", STATES),
    ("flow_task", "decision", ("approve", "return", "refuse", "submit")),
    ("flow_task", "state", ("waiting", "open", "done", "skipped", "void")),
    ("holiday", "kind", ("off", "work")),
    ("org_role", "role", ("enterprise", "institution", "operator", "bureau")),
    (
        "organization",
        "certification",
        ("none", "in_review", "certified", "returned", "refused", "changing", "expired"),
    ),
    ("organization", "institution_state", ("none", "in_review", "in_pool", "returned", "refused")),
)


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "result IN ('ok', 'failed', 'denied')", name=op.f("ck_audit_entry_result_valid")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_action", ["action", "at", "id"], unique=False)
        batch_op.create_index("ix_audit_entry_actor", ["actor_name", "at", "id"], unique=False)
        batch_op.create_index("ix_audit_entry_at", ["at", "id"], unique=False)
        batch_op.create_index(
            "ix_audit_entry_failed",
            ["at", "id"],
            unique=False,
            sqlite_where=sa.text("result <> 'ok'"),
            postgresql_where=sa.text("result <> 'ok'"),
        )
        batch_op.create_index("ix_audit_entry_label", ["label", "at", "id"], unique=False)
        batch_op.create_index(
            "ix_audit_entry_login",
            ["at", "id"],
            unique=False,
            sqlite_where=sa.text(
                "action IN ('login', 'login_failed', 'logout', 'session_end', 'lock', 'unlock', 'password_change', 'password_reset')"
            ),
            postgresql_where=sa.text(
                "action IN ('login', 'login_failed', 'logout', 'session_end', 'lock', 'unlock', 'password_change', 'password_reset')"
            ),
        )
        batch_op.create_index(
            "ix_audit_entry_object", ["kind", "object_id", "at", "id"], unique=False
        )

    op.create_table(
        "audit_head",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        sa.UniqueConstraint("day", name=op.f("uq_audit_head_day")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_seal_entry_id")),
    )
    op.create_table(
        "job_mark",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_mark")),
        sa.UniqueConstraint("key", name=op.f("uq_job_mark_key")),
    )
    with op.batch_alter_table("job_mark", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_mark_at"), ["at"], unique=False)

    op.create_table(
        "scheduled_job",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("summary", sa.String(length=300), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("last_run_at", sa.DateTime(), nullable=True),
        sa.Column("last_state", sa.String(length=20), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("next_run_at", sa.DateTime(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "last_state IN ('waiting', 'running', 'done', 'failed', 'skipped')",
            name=op.f("ck_scheduled_job_last_state_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('active', 'paused')", name=op.f("ck_scheduled_job_state_valid")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_job")),
        sa.UniqueConstraint("name", name=op.f("uq_scheduled_job_name")),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("stamps", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_throttle")),
        sa.UniqueConstraint("key", name=op.f("uq_throttle_key")),
    )
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_throttle_until"), ["until"], unique=False)

    op.create_table(
        "verification_code",
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_code")),
        sa.UniqueConstraint(
            "purpose", "address", name=op.f("uq_verification_code_purpose_address")
        ),
    )
    with op.batch_alter_table("verification_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_verification_code_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "agreement",
        sa.Column("document", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("title_en", sa.String(length=120), nullable=True),
        sa.Column("body_en", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.Column("published_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "document IN ('user_agreement', 'privacy_policy')",
            name=op.f("ck_agreement_document_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'published')", name=op.f("ck_agreement_state_valid")
        ),
        sa.ForeignKeyConstraint(
            ["published_by_id"], ["ab_user.id"], name=op.f("fk_agreement_published_by_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("document", "number", name=op.f("uq_agreement_document_number")),
    )
    with op.batch_alter_table("agreement", schema=None) as batch_op:
        batch_op.create_index("ix_agreement_published", ["document", "published_at"], unique=False)

    op.create_table(
        "message_choice",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("email", sa.Boolean(), nullable=False),
        sa.Column("sms", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "topic IN ('account', 'task', 'case', 'organization', 'system')",
            name=op.f("ck_message_choice_topic_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_message_choice_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_choice")),
        sa.UniqueConstraint("user_id", "topic", name=op.f("uq_message_choice_user_id_topic")),
    )
    op.create_table(
        "one_time_token",
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_one_time_token_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_token")),
        sa.UniqueConstraint("purpose", "user_id", name=op.f("uq_one_time_token_purpose_user_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_token_token_hash")),
    )
    with op.batch_alter_table("one_time_token", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_one_time_token_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "password_history",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("replaced_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_password_history_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_history")),
    )
    with op.batch_alter_table("password_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_password_history_user_id"), ["user_id"], unique=False)

    op.create_table(
        "certification",
        sa.Column("staff_count", sa.Integer(), nullable=False),
        sa.Column("website", sa.String(length=200), nullable=False),
        sa.Column("intro", sa.String(length=300), nullable=False),
        sa.Column("contact_name", sa.String(length=30), nullable=False),
        sa.Column("contact_phone", sa.String(length=20), nullable=False),
        sa.Column("contact_email", sa.String(length=120), nullable=False),
        sa.Column(
            "authorisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("true_statement", sa.Boolean(), nullable=False),
        sa.Column("filed_as", sa.String(length=20), nullable=False),
        sa.Column("filed_by", sa.String(length=120), nullable=True),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "reviewer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("founded_on", sa.Date(), nullable=False),
        sa.Column("industry", sa.String(length=8), nullable=False),
        sa.Column("legal_person", sa.String(length=30), nullable=True),
        sa.Column("registered_capital", sa.BigInteger(), nullable=False),
        sa.Column(
            "region_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column(
            "licence_file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "filed_as IN ('enterprise', 'staff')", name=op.f("ck_certification_filed_as_valid")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_certification_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_certification_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["authorisation_id"],
            ["attachment.id"],
            name=op.f("fk_certification_authorisation_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["licence_file_id"],
            ["attachment.id"],
            name=op.f("fk_certification_licence_file_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_certification_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_certification_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"],
            ["organization.id"],
            name=op.f("fk_certification_reviewer_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certification")),
    )
    with op.batch_alter_table("certification", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_certification_applicant_id"), ["applicant_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_certification_authorisation_id"), ["authorisation_id"], unique=False
        )
        batch_op.create_index("ix_certification_credit_code", ["credit_code"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_certification_licence_file_id"), ["licence_file_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_certification_name_key"), ["name_key"], unique=False)
        batch_op.create_index(
            "ix_certification_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_certification_region", ["region_id", "id"], unique=False)
        batch_op.create_index("ix_certification_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_certification_submitted_at", ["submitted_at", "id"], unique=False)
        batch_op.create_index(
            "uq_certification_organization",
            ["organization_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "join_request",
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("organization_name", sa.String(length=64), nullable=False),
        sa.Column("real_name", sa.String(length=30), nullable=False),
        sa.Column("mobile", sa.String(length=11), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_join_request_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_join_request_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_join_request_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_request")),
    )
    with op.batch_alter_table("join_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_join_request_organization_id"), ["organization_id"], unique=False
        )
        batch_op.create_index("ix_join_request_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_join_request",
            ["applicant_id", "credit_code"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "main_account_change",
        sa.Column(
            "licence_file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "letter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("organization_name", sa.String(length=64), nullable=False),
        sa.Column("real_name", sa.String(length=30), nullable=False),
        sa.Column("mobile", sa.String(length=11), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_main_account_change_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"],
            ["ab_user.id"],
            name=op.f("fk_main_account_change_applicant_id_ab_user"),
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"],
            ["attachment.id"],
            name=op.f("fk_main_account_change_letter_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["licence_file_id"],
            ["attachment.id"],
            name=op.f("fk_main_account_change_licence_file_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_main_account_change_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_main_account_change")),
    )
    with op.batch_alter_table("main_account_change", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_main_account_change_letter_id"), ["letter_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_main_account_change_licence_file_id"), ["licence_file_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_main_account_change_organization_id"), ["organization_id"], unique=False
        )
        batch_op.create_index("ix_main_account_change_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_main_account_change",
            ["applicant_id", "credit_code"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "organization_change",
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "reviewer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("founded_on", sa.Date(), nullable=False),
        sa.Column("industry", sa.String(length=8), nullable=False),
        sa.Column("legal_person", sa.String(length=30), nullable=True),
        sa.Column("registered_capital", sa.BigInteger(), nullable=False),
        sa.Column(
            "region_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column(
            "licence_file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_organization_change_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"],
            ["ab_user.id"],
            name=op.f("fk_organization_change_applicant_id_ab_user"),
        ),
        sa.ForeignKeyConstraint(
            ["licence_file_id"],
            ["attachment.id"],
            name=op.f("fk_organization_change_licence_file_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_organization_change_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_organization_change_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"],
            ["organization.id"],
            name=op.f("fk_organization_change_reviewer_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_change")),
    )
    with op.batch_alter_table("organization_change", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_organization_change_applicant_id"), ["applicant_id"], unique=False
        )
        batch_op.create_index("ix_organization_change_credit_code", ["credit_code"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_organization_change_licence_file_id"), ["licence_file_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_organization_change_name_key"), ["name_key"], unique=False
        )
        batch_op.create_index(
            "ix_organization_change_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_organization_change_region", ["region_id", "id"], unique=False)
        batch_op.create_index("ix_organization_change_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "ix_organization_change_submitted_at", ["submitted_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_organization_change_organization",
            ["organization_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "change_proof",
        sa.Column(
            "change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_change_proof_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["organization_change.id"],
            name=op.f("fk_change_proof_change_id_organization_change"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_proof")),
    )
    with op.batch_alter_table("change_proof", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_change_proof_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_change_proof_change_id"), ["change_id"], unique=False)

    with op.batch_alter_table("ab_user", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("locale", sa.String(length=8), server_default="zh", nullable=False)
        )
        batch_op.add_column(sa.Column("password_set_at", sa.DateTime(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "must_change_password",
                sa.Boolean(),
                server_default=sa.text("false"),
                nullable=False,
            )
        )
        batch_op.add_column(sa.Column("locked_until", sa.DateTime(), nullable=True))

    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pages", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("listing", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("quarantined_at", sa.DateTime(), nullable=True))
        batch_op.create_index(
            "ix_attachment_quarantined_at",
            ["quarantined_at"],
            unique=False,
            sqlite_where=sa.text("quarantined_at IS NOT NULL"),
            postgresql_where=sa.text("quarantined_at IS NOT NULL"),
        )

    with op.batch_alter_table("captcha", schema=None) as batch_op:
        batch_op.add_column(sa.Column("position", sa.Integer(), nullable=True))

    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(length=20), server_default="planned", nullable=False)
        )
        batch_op.add_column(
            sa.Column("state", sa.String(length=20), server_default="done", nullable=False)
        )
        batch_op.add_column(
            sa.Column("asked_by", sa.String(length=120), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("runner", sa.String(length=80), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("attempt", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("lease_until", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("told", sa.JSON(), nullable=True))
        batch_op.create_index(
            "ix_job_run_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'running')"),
            postgresql_where=sa.text("state IN ('waiting', 'running')"),
        )

    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_seen_at", sa.DateTime(), nullable=True))
        batch_op.add_column(
            sa.Column("end_reason", sa.String(length=20), server_default="", nullable=False)
        )

    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rights", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("channel", sa.String(length=20), server_default="email", nullable=False)
        )
        batch_op.add_column(sa.Column("user_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("read_at", sa.DateTime(), nullable=True))
        batch_op.alter_column(
            "dedupe_key",
            existing_type=sa.VARCHAR(length=120),
            type_=sa.String(length=160),
            existing_nullable=False,
        )
        batch_op.drop_index(
            batch_op.f("ix_message_due"),
            postgresql_where="((state)::text = ANY ((ARRAY['waiting'::character varying, 'sending'::character varying])::text[]))",
        )
        batch_op.create_index(
            "ix_message_due",
            ["channel", "due_at", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'retry', 'sending')"),
            postgresql_where=sa.text("state IN ('waiting', 'retry', 'sending')"),
        )
        batch_op.create_index(
            "ix_message_inbox",
            ["user_id", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("channel = 'inapp'"),
            postgresql_where=sa.text("channel = 'inapp'"),
        )
        batch_op.create_index(
            "ix_message_outbox",
            ["created_at", "id"],
            unique=False,
            sqlite_where=sa.text("channel <> 'inapp'"),
            postgresql_where=sa.text("channel <> 'inapp'"),
        )
        batch_op.create_index(
            "ix_message_state",
            ["state", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("channel <> 'inapp'"),
            postgresql_where=sa.text("channel <> 'inapp'"),
        )
        batch_op.create_index(
            "ix_message_unread",
            ["user_id"],
            unique=False,
            sqlite_where=sa.text("channel = 'inapp' AND read_at IS NULL"),
            postgresql_where=sa.text("channel = 'inapp' AND read_at IS NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_message_user_id_ab_user"), "ab_user", ["user_id"], ["id"]
        )

    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.add_column(sa.Column("certified_until", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "institution_state", sa.String(length=20), server_default="none", nullable=False
            )
        )
        batch_op.create_index("ix_organization_certified_until", ["certified_until"], unique=False)
        batch_op.create_index(
            "ix_organization_institution_state", ["institution_state", "id"], unique=False
        )

    with op.batch_alter_table("qualification", schema=None) as batch_op:
        batch_op.create_index("ix_qualification_valid_until", ["valid_until"], unique=False)

    dialect = op.get_bind().dialect.name
    for table in SEALED_TABLES:
        for statement in append_only(table)[dialect]:
            op.execute(statement)

    dialect = op.get_bind().dialect.name
    for table in ("certification", "organization_change"):
        for statement in INDEXES[dialect]:
            op.execute(statement.format(table=table))
    # What was mirrored from accreditation is the institution's state from now on.
    op.execute(
        "UPDATE organization SET institution_state = CASE certification"
        " WHEN 'certified' THEN 'in_pool' ELSE certification END"
    )
    op.execute("UPDATE organization SET certification = 'none' WHERE certification <> 'certified'")

    for statement in GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)

    # A message that failed waits in a state of its own, and travels by one of three channels.
    with op.batch_alter_table("message") as batch_op:
        batch_op.create_check_constraint(
            op.f("ck_message_state_valid"),
            "state IN ('waiting', 'sending', 'retry', 'sent', 'dead')",
        )
        batch_op.create_check_constraint(
            op.f("ck_message_channel_valid"), "channel IN ('inapp', 'email', 'sms')"
        )
    op.execute("UPDATE message SET state = 'retry' WHERE state = 'waiting' AND attempts > 0")

    # Runs of jobs have a cause and a state; autogenerate does not see what columns are checked for.
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.create_check_constraint(
            op.f("ck_job_run_kind_valid"), "kind IN ('planned', 'asked', 'trial')"
        )
        batch_op.create_check_constraint(
            op.f("ck_job_run_state_valid"),
            "state IN ('waiting', 'running', 'done', 'failed', 'skipped')",
        )

    # The first migration left these out.  SQLite would copy whole tables and lose their triggers.
    if op.get_bind().dialect.name == "postgresql":
        for table, column, codes in CODES:
            op.create_check_constraint(
                op.f(f"ck_{table}_{column}_valid"), table, sa.column(column).in_(codes)
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column, _codes in CODES:
            op.drop_constraint(op.f(f"ck_{table}_{column}_valid"), table)
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.drop_constraint(op.f("ck_job_run_kind_valid"), type_="check")
        batch_op.drop_constraint(op.f("ck_job_run_state_valid"), type_="check")
    op.execute("DELETE FROM message WHERE channel <> 'email'")
    op.execute("UPDATE message SET state = 'waiting' WHERE state = 'retry'")
    with op.batch_alter_table("message") as batch_op:
        batch_op.drop_constraint(op.f("ck_message_channel_valid"), type_="check")
        batch_op.drop_constraint(op.f("ck_message_state_valid"), type_="check")
    if op.get_bind().dialect.name == "sqlite":
        for name in ("user_role_alone_insert", "user_role_alone_update", "role_keeps_name"):
            op.execute(f"DROP TRIGGER {name}")
        for name in ("agreement_no_update", "agreement_no_delete"):
            op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute("DROP TRIGGER user_role_alone ON ab_user_role")
        op.execute("DROP TRIGGER role_keeps_name ON ab_role")
        op.execute("DROP TRIGGER agreement_fixed ON agreement")
        for name in ("user_role_alone", "role_keeps_name", "agreement_fixed"):
            op.execute(f"DROP FUNCTION {name}()")
    if op.get_bind().dialect.name == "sqlite":
        for table in ("certification", "organization_change"):
            for verb in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER {table}_search_{verb}")
            op.drop_table(f"{table}_search")
    with op.batch_alter_table("qualification", schema=None) as batch_op:
        batch_op.drop_index("ix_qualification_valid_until")

    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.drop_index("ix_organization_institution_state")
        batch_op.drop_index("ix_organization_certified_until")
        batch_op.drop_column("institution_state")
        batch_op.drop_column("certified_until")

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_message_user_id_ab_user"), type_="foreignkey")
        batch_op.drop_index(
            "ix_message_unread",
            sqlite_where=sa.text("channel = 'inapp' AND read_at IS NULL"),
            postgresql_where=sa.text("channel = 'inapp' AND read_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_message_state",
            sqlite_where=sa.text("channel <> 'inapp'"),
            postgresql_where=sa.text("channel <> 'inapp'"),
        )
        batch_op.drop_index(
            "ix_message_outbox",
            sqlite_where=sa.text("channel <> 'inapp'"),
            postgresql_where=sa.text("channel <> 'inapp'"),
        )
        batch_op.drop_index(
            "ix_message_inbox",
            sqlite_where=sa.text("channel = 'inapp'"),
            postgresql_where=sa.text("channel = 'inapp'"),
        )
        batch_op.drop_index(
            "ix_message_due",
            sqlite_where=sa.text("state IN ('waiting', 'retry', 'sending')"),
            postgresql_where=sa.text("state IN ('waiting', 'retry', 'sending')"),
        )
        batch_op.create_index(
            batch_op.f("ix_message_due"),
            ["due_at", "id"],
            unique=False,
            postgresql_where="((state)::text = ANY ((ARRAY['waiting'::character varying, 'sending'::character varying])::text[]))",
        )
        batch_op.alter_column(
            "dedupe_key",
            existing_type=sa.String(length=160),
            type_=sa.VARCHAR(length=120),
            existing_nullable=False,
        )
        batch_op.drop_column("read_at")
        batch_op.drop_column("user_id")
        batch_op.drop_column("channel")

    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_column("rights")

    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_column("end_reason")
        batch_op.drop_column("last_seen_at")

    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_job_run_open",
            sqlite_where=sa.text("state IN ('waiting', 'running')"),
            postgresql_where=sa.text("state IN ('waiting', 'running')"),
        )
        batch_op.drop_column("told")
        batch_op.drop_column("lease_until")
        batch_op.drop_column("attempt")
        batch_op.drop_column("runner")
        batch_op.drop_column("asked_by")
        batch_op.drop_column("state")
        batch_op.drop_column("kind")

    with op.batch_alter_table("captcha", schema=None) as batch_op:
        batch_op.drop_column("position")

    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_attachment_quarantined_at",
            sqlite_where=sa.text("quarantined_at IS NOT NULL"),
            postgresql_where=sa.text("quarantined_at IS NOT NULL"),
        )
        batch_op.drop_column("quarantined_at")
        batch_op.drop_column("listing")
        batch_op.drop_column("pages")

    with op.batch_alter_table("ab_user", schema=None) as batch_op:
        batch_op.drop_column("locked_until")
        batch_op.drop_column("must_change_password")
        batch_op.drop_column("password_set_at")
        batch_op.drop_column("locale")

    with op.batch_alter_table("change_proof", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_change_proof_change_id"))
        batch_op.drop_index(batch_op.f("ix_change_proof_attachment_id"))

    op.drop_table("change_proof")
    with op.batch_alter_table("organization_change", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_organization_change_organization",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_organization_change_submitted_at")
        batch_op.drop_index("ix_organization_change_state")
        batch_op.drop_index("ix_organization_change_region")
        batch_op.drop_index("ix_organization_change_organization")
        batch_op.drop_index(batch_op.f("ix_organization_change_name_key"))
        batch_op.drop_index(batch_op.f("ix_organization_change_licence_file_id"))
        batch_op.drop_index("ix_organization_change_credit_code")
        batch_op.drop_index(batch_op.f("ix_organization_change_applicant_id"))

    op.drop_table("organization_change")
    with op.batch_alter_table("main_account_change", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_main_account_change",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_main_account_change_state")
        batch_op.drop_index(batch_op.f("ix_main_account_change_organization_id"))
        batch_op.drop_index(batch_op.f("ix_main_account_change_licence_file_id"))
        batch_op.drop_index(batch_op.f("ix_main_account_change_letter_id"))

    op.drop_table("main_account_change")
    with op.batch_alter_table("join_request", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_join_request",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_join_request_state")
        batch_op.drop_index(batch_op.f("ix_join_request_organization_id"))

    op.drop_table("join_request")
    with op.batch_alter_table("certification", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_certification_organization",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_certification_submitted_at")
        batch_op.drop_index("ix_certification_state")
        batch_op.drop_index("ix_certification_region")
        batch_op.drop_index("ix_certification_organization")
        batch_op.drop_index(batch_op.f("ix_certification_name_key"))
        batch_op.drop_index(batch_op.f("ix_certification_licence_file_id"))
        batch_op.drop_index("ix_certification_credit_code")
        batch_op.drop_index(batch_op.f("ix_certification_authorisation_id"))
        batch_op.drop_index(batch_op.f("ix_certification_applicant_id"))

    op.drop_table("certification")
    with op.batch_alter_table("password_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_password_history_user_id"))

    op.drop_table("password_history")
    with op.batch_alter_table("one_time_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_token_expires_at"))

    op.drop_table("one_time_token")
    op.drop_table("message_choice")
    with op.batch_alter_table("agreement", schema=None) as batch_op:
        batch_op.drop_index("ix_agreement_published")

    op.drop_table("agreement")
    with op.batch_alter_table("verification_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verification_code_expires_at"))

    op.drop_table("verification_code")
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_throttle_until"))

    op.drop_table("throttle")
    op.drop_table("scheduled_job")
    with op.batch_alter_table("job_mark", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_mark_at"))

    op.drop_table("job_mark")
    op.drop_table("audit_seal")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_object")
        batch_op.drop_index(
            "ix_audit_entry_login",
            sqlite_where=sa.text(
                "action IN ('login', 'login_failed', 'logout', 'session_end', 'lock', 'unlock', 'password_change', 'password_reset')"
            ),
            postgresql_where=sa.text(
                "action IN ('login', 'login_failed', 'logout', 'session_end', 'lock', 'unlock', 'password_change', 'password_reset')"
            ),
        )
        batch_op.drop_index("ix_audit_entry_label")
        batch_op.drop_index(
            "ix_audit_entry_failed",
            sqlite_where=sa.text("result <> 'ok'"),
            postgresql_where=sa.text("result <> 'ok'"),
        )
        batch_op.drop_index("ix_audit_entry_at")
        batch_op.drop_index("ix_audit_entry_actor")
        batch_op.drop_index("ix_audit_entry_action")

    op.drop_table("audit_entry")
    if op.get_bind().dialect.name == "postgresql":
        for table in SEALED_TABLES:
            op.execute(f"DROP FUNCTION {table}_refuse")
