"""The supermarket: consultants, products, demands, transactions, ratings, activities, scores."""

import sqlalchemy as sa
from alembic import op

from app.models import append_only
from app.search import INDEXES

ROLES_BEFORE = ("enterprise", "institution", "operator", "bureau")
TOPICS_BEFORE = ("account", "task", "case", "organization", "system")
TOPICS = (*TOPICS_BEFORE[:-1], "product", "demand", "system")
CODES = (
    ("org_role", "role", (*ROLES_BEFORE, "association")),
    ("organization", "association_state", ("none", "applying", "member", "expired")),
    ("organization", "in_park", ("yes", "no")),
    ("organization", "member_kind", ("unit", "director", "standing")),
)


revision = "20261121_supermarket"
down_revision = "20261121_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figure_mark",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_mark")),
        sa.UniqueConstraint("name", name=op.f("uq_figure_mark_name")),
    )
    op.create_table(
        "month_figure",
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("demands", sa.Integer(), nullable=False),
        sa.Column("contacted", sa.Integer(), nullable=False),
        sa.Column("won", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("filed", sa.Integer(), nullable=False),
        sa.Column("answer_minutes", sa.BigInteger(), nullable=False),
        sa.Column("answers_4h", sa.Integer(), nullable=False),
        sa.Column("answers_1d", sa.Integer(), nullable=False),
        sa.Column("answers_3d", sa.Integer(), nullable=False),
        sa.Column("answers_later", sa.Integer(), nullable=False),
        sa.Column("filings", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_figure")),
        sa.UniqueConstraint("month", "category", name=op.f("uq_month_figure_month_category")),
    )
    op.create_table(
        "rating_total",
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=20), nullable=False),
        sa.Column("ratings", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_total")),
        sa.UniqueConstraint(
            "subject",
            "subject_id",
            "measure",
            name=op.f("uq_rating_total_subject_subject_id_measure"),
        ),
    )
    op.create_table(
        "score_formula",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("decay_percent", sa.Integer(), nullable=False),
        sa.Column("profile_points", sa.BigInteger(), nullable=False),
        sa.Column("consultant_points", sa.BigInteger(), nullable=False),
        sa.Column("consultant_cap", sa.BigInteger(), nullable=False),
        sa.Column("special_points", sa.BigInteger(), nullable=False),
        sa.Column("standard_points", sa.BigInteger(), nullable=False),
        sa.Column("product_cap", sa.BigInteger(), nullable=False),
        sa.Column("stale_points", sa.BigInteger(), nullable=False),
        sa.Column("intime_points", sa.BigInteger(), nullable=False),
        sa.Column("intime_cap", sa.BigInteger(), nullable=False),
        sa.Column("late_points", sa.BigInteger(), nullable=False),
        sa.Column("late_cap", sa.BigInteger(), nullable=False),
        sa.Column("won_points", sa.BigInteger(), nullable=False),
        sa.Column("tx_points", sa.BigInteger(), nullable=False),
        sa.Column("amount_points", sa.BigInteger(), nullable=False),
        sa.Column("amount_step", sa.BigInteger(), nullable=False),
        sa.Column("damped_from", sa.BigInteger(), nullable=False),
        sa.Column("doubling_points", sa.BigInteger(), nullable=False),
        sa.Column("amount_cap", sa.BigInteger(), nullable=False),
        sa.Column("rating_5", sa.BigInteger(), nullable=False),
        sa.Column("rating_4", sa.BigInteger(), nullable=False),
        sa.Column("rating_3", sa.BigInteger(), nullable=False),
        sa.Column("rating_2", sa.BigInteger(), nullable=False),
        sa.Column("rating_1", sa.BigInteger(), nullable=False),
        sa.Column("given_points", sa.BigInteger(), nullable=False),
        sa.Column("given_cap", sa.BigInteger(), nullable=False),
        sa.Column("host_points", sa.BigInteger(), nullable=False),
        sa.Column("undertake_points", sa.BigInteger(), nullable=False),
        sa.Column("assist_points", sa.BigInteger(), nullable=False),
        sa.Column("ten_points", sa.BigInteger(), nullable=False),
        sa.Column("ten_most", sa.BigInteger(), nullable=False),
        sa.Column("activity_cap", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.Column("from_period", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'published')", name=op.f("ck_score_formula_state_valid")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_formula")),
        sa.UniqueConstraint("name", name=op.f("uq_score_formula_name")),
    )
    op.create_table(
        "standard_product",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("deliverables", sa.String(length=500), nullable=False),
        sa.Column("cycle_days", sa.Integer(), nullable=False),
        sa.Column("certificate", sa.String(length=60), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("price_mode", sa.String(length=20), nullable=False),
        sa.Column("price_from", sa.BigInteger(), nullable=True),
        sa.Column("price_to", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "price_mode IN ('fixed', 'range', 'from', 'negotiable', 'free')",
            name=op.f("ck_standard_product_price_mode_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('active', 'off')", name=op.f("ck_standard_product_state_valid")
        ),
        sa.CheckConstraint(
            "unit IN ('time', 'project', 'person_day', 'person', 'month', 'year', 'set', 'copy')",
            name=op.f("ck_standard_product_unit_valid"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standard_product")),
        sa.UniqueConstraint(
            "category", "name_key", name=op.f("uq_standard_product_category_name_key")
        ),
    )
    with op.batch_alter_table("standard_product", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_standard_product_name_key"), ["name_key"], unique=False
        )
        batch_op.create_index("ix_standard_product_position", ["position", "id"], unique=False)
        batch_op.create_index("ix_standard_product_state", ["state", "id"], unique=False)

    op.create_table(
        "life_event",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["ab_user.id"], name=op.f("fk_life_event_actor_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_life_event")),
    )
    with op.batch_alter_table("life_event", schema=None) as batch_op:
        batch_op.create_index("ix_life_event_subject", ["kind", "subject_id", "id"], unique=False)

    op.create_table(
        "standard_step",
        sa.Column(
            "standard_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("content", sa.String(length=100), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["standard_id"],
            ["standard_product.id"],
            name=op.f("fk_standard_step_standard_id_standard_product"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standard_step")),
    )
    with op.batch_alter_table("standard_step", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_standard_step_standard_id"), ["standard_id"], unique=False
        )

    op.create_table(
        "activity",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("filed_as", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("role_kind", sa.String(length=20), nullable=False),
        sa.Column("partner_department", sa.String(length=80), nullable=False),
        sa.Column("activity_kind", sa.String(length=20), nullable=False),
        sa.Column("from_at", sa.DateTime(), nullable=False),
        sa.Column("to_at", sa.DateTime(), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("public_benefit", sa.Boolean(), nullable=False),
        sa.Column("enterprises", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("summary", sa.String(length=500), nullable=False),
        sa.Column(
            "mail_file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("points_reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "filed_as IN ('online', 'mail')", name=op.f("ck_activity_filed_as_valid")
        ),
        sa.CheckConstraint(
            "role_kind IN ('host', 'undertake', 'assist')", name=op.f("ck_activity_role_kind_valid")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_activity_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_activity_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["mail_file_id"], ["attachment.id"], name=op.f("fk_activity_mail_file_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_activity_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_activity_applicant_id"), ["applicant_id"], unique=False
        )
        batch_op.create_index("ix_activity_from_at", ["from_at", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_activity_mail_file_id"), ["mail_file_id"], unique=False
        )
        batch_op.create_index("ix_activity_organization", ["organization_id", "id"], unique=False)
        batch_op.create_index("ix_activity_role_kind", ["role_kind", "id"], unique=False)
        batch_op.create_index("ix_activity_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_activity_submitted_at", ["submitted_at", "id"], unique=False)

    op.create_table(
        "consultant",
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), server_default="none", nullable=False),
        sa.Column("invited_at", sa.DateTime(), nullable=True),
        sa.Column("invited_until", sa.DateTime(), nullable=True),
        sa.Column("linked_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("mobile", sa.String(length=11), nullable=False),
        sa.Column("email", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=30), nullable=True),
        sa.Column("specialities", sa.JSON(), nullable=False),
        sa.Column("sex", sa.String(length=20), nullable=True),
        sa.Column("id_no", sa.String(length=18), nullable=True),
        sa.Column("years", sa.Integer(), nullable=True),
        sa.Column("education", sa.String(length=20), nullable=True),
        sa.Column("industries", sa.JSON(), nullable=False),
        sa.Column("intro", sa.String(length=500), nullable=True),
        sa.Column("achievements", sa.String(length=500), nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("visible_contact", sa.Boolean(), nullable=False),
        sa.Column("photo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("sex IN ('male', 'female')", name=op.f("ck_consultant_sex_valid")),
        sa.CheckConstraint(
            "state IN ('none', 'invited', 'expired', 'accepted', 'in_review', 'returned', 'linked', 'unlinked')",
            name=op.f("ck_consultant_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_consultant_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["attachment.id"], name=op.f("fk_consultant_photo_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_consultant_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultant")),
        sa.UniqueConstraint(
            "organization_id", "mobile", name=op.f("uq_consultant_organization_id_mobile")
        ),
    )
    with op.batch_alter_table("consultant", schema=None) as batch_op:
        batch_op.create_index("ix_consultant_mobile", ["mobile"], unique=False)
        batch_op.create_index("ix_consultant_organization", ["organization_id", "id"], unique=False)
        batch_op.create_index(
            "ix_consultant_organization_state", ["organization_id", "state", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_consultant_photo_id"), ["photo_id"], unique=False)
        batch_op.create_index("ix_consultant_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_consultant_user", ["user_id", "id"], unique=False)
        batch_op.create_index(
            "uq_consultant_user",
            ["user_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('accepted', 'in_review', 'returned', 'linked')"),
            postgresql_where=sa.text("state IN ('accepted', 'in_review', 'returned', 'linked')"),
        )

    op.create_table(
        "import_job",
        sa.Column("target", sa.String(length=60), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("fault_count", sa.Integer(), nullable=False),
        sa.Column("imported_count", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=300), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("mode IN ('all', 'skip')", name=op.f("ck_import_job_mode_valid")),
        sa.CheckConstraint(
            "state IN ('checking', 'previewed', 'running', 'done', 'partly', 'cancelled', 'failed',"
            " 'undoing', 'undone')",
            name=op.f("ck_import_job_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["attachment.id"], name=op.f("fk_import_job_file_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_import_job_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_import_job_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_job_file_id"), ["file_id"], unique=False)
        batch_op.create_index("ix_import_job_mine", ["user_id", "target", "id"], unique=False)
        batch_op.create_index(
            "ix_import_job_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state IN ('checking', 'running', 'undoing')"),
            postgresql_where=sa.text("state IN ('checking', 'running', 'undoing')"),
        )

    op.create_table(
        "product",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "standard_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "region_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("cover_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("slogan", sa.String(length=60), nullable=True),
        sa.Column("own_text", sa.String(length=500), nullable=True),
        sa.Column("cycle_days", sa.Integer(), nullable=False),
        sa.Column("discount", sa.String(length=100), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.String(length=20), nullable=False),
        sa.Column("price_order", sa.BigInteger(), nullable=False),
        sa.Column("listed_at", sa.DateTime(), nullable=True),
        sa.Column("kept_at", sa.DateTime(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("view_count", sa.Integer(), nullable=False),
        sa.Column("demand_count", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("rating_sum", sa.Integer(), nullable=False),
        sa.Column("rating_count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("price_mode", sa.String(length=20), nullable=False),
        sa.Column("price_from", sa.BigInteger(), nullable=True),
        sa.Column("price_to", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'standard') = (standard_id IS NOT NULL)",
            name=op.f("ck_product_standard_is_named"),
        ),
        sa.CheckConstraint("kind IN ('standard', 'special')", name=op.f("ck_product_kind_valid")),
        sa.CheckConstraint(
            "price_mode IN ('fixed', 'range', 'from', 'negotiable', 'free')",
            name=op.f("ck_product_price_mode_valid"),
        ),
        sa.CheckConstraint(
            "revision IN ('none', 'in_review', 'returned')", name=op.f("ck_product_revision_valid")
        ),
        sa.CheckConstraint(
            "state IN ('in_review', 'returned', 'refused', 'withdrawn', 'waiting', 'listed', 'delisted', 'forced', 'expired')",
            name=op.f("ck_product_state_valid"),
        ),
        sa.CheckConstraint(
            "unit IN ('time', 'project', 'person_day', 'person', 'month', 'year', 'set', 'copy')",
            name=op.f("ck_product_unit_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["cover_id"], ["attachment.id"], name=op.f("fk_product_cover_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_product_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_product_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["standard_id"],
            ["standard_product.id"],
            name=op.f("fk_product_standard_id_standard_product"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint(
            "organization_id", "standard_id", name=op.f("uq_product_organization_id_standard_id")
        ),
    )
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.create_index(
            "ix_product_category",
            ["category", "listed_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_category_demands",
            ["category", "demand_count", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_category_price",
            ["category", "price_order", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_category_rating",
            ["category", "rating", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(batch_op.f("ix_product_cover_id"), ["cover_id"], unique=False)
        batch_op.create_index(
            "ix_product_demands",
            ["demand_count", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_kept_at",
            ["kept_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index("ix_product_kind_category", ["kind", "category", "id"], unique=False)
        batch_op.create_index(
            "ix_product_listed_at",
            ["listed_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(batch_op.f("ix_product_name_key"), ["name_key"], unique=False)
        batch_op.create_index(
            "ix_product_organization", ["organization_id", "kind", "state", "id"], unique=False
        )
        batch_op.create_index(
            "ix_product_price",
            ["price_order", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_rating",
            ["rating", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "ix_product_region",
            ["region_id", "listed_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index("ix_product_standard", ["standard_id", "id"], unique=False)
        batch_op.create_index("ix_product_state", ["kind", "state", "id"], unique=False)
        batch_op.create_index(
            "ix_product_valid_until",
            ["valid_until", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.create_index(
            "uq_product_name",
            ["organization_id", "name_key"],
            unique=True,
            sqlite_where=sa.text("kind = 'special' AND state NOT IN ('refused', 'withdrawn')"),
            postgresql_where=sa.text("kind = 'special' AND state NOT IN ('refused', 'withdrawn')"),
        )

    op.create_table(
        "sleeper",
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_sleeper_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sleeper")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_sleeper_organization_id")),
    )
    with op.batch_alter_table("sleeper", schema=None) as batch_op:
        batch_op.create_index("ix_sleeper_since", ["since", "id"], unique=False)

    op.create_table(
        "text_picture",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_text_picture_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_text_picture_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_picture")),
    )
    with op.batch_alter_table("text_picture", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_text_picture_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index("ix_text_picture_subject", ["kind", "subject_id"], unique=False)

    op.create_table(
        "activity_proof",
        sa.Column(
            "activity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activity.id"], name=op.f("fk_activity_proof_activity_id_activity")
        ),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_activity_proof_attachment_id_attachment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_proof")),
    )
    with op.batch_alter_table("activity_proof", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_activity_proof_activity_id"), ["activity_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_activity_proof_attachment_id"), ["attachment_id"], unique=False
        )

    op.create_table(
        "association",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "accreditation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("member_kind", sa.String(length=20), nullable=False),
        sa.Column("representative_name", sa.String(length=30), nullable=False),
        sa.Column("representative_title", sa.String(length=30), nullable=True),
        sa.Column("representative_mobile", sa.String(length=11), nullable=False),
        sa.Column("join_reason", sa.String(length=300), nullable=False),
        sa.Column("contact_email", sa.String(length=120), nullable=False),
        sa.Column("accept_charter", sa.Boolean(), nullable=False),
        sa.Column(
            "membership_form_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "member_kind IN ('unit', 'director', 'standing')",
            name=op.f("ck_association_member_kind_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_association_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["accreditation_id"],
            ["accreditation.id"],
            name=op.f("fk_association_accreditation_id_accreditation"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_association_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["membership_form_id"],
            ["attachment.id"],
            name=op.f("fk_association_membership_form_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_association_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_association")),
    )
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.create_index("ix_association_accreditation", ["accreditation_id"], unique=False)
        batch_op.create_index("ix_association_applicant", ["applicant_id", "id"], unique=False)
        batch_op.create_index("ix_association_member_kind", ["member_kind", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_association_membership_form_id"), ["membership_form_id"], unique=False
        )
        batch_op.create_index(
            "ix_association_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_association_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_association_submitted_at", ["submitted_at", "id"], unique=False)
        batch_op.create_index(
            "uq_association_applicant",
            ["applicant_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "consultant_certificate",
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("proof_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_consultant_certificate_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["proof_id"],
            ["attachment.id"],
            name=op.f("fk_consultant_certificate_proof_id_attachment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultant_certificate")),
    )
    with op.batch_alter_table("consultant_certificate", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consultant_certificate_consultant_id"), ["consultant_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_consultant_certificate_proof_id"), ["proof_id"], unique=False
        )

    op.create_table(
        "consultant_link",
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("remark", sa.String(length=200), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('left', 'transfer', 'project', 'other')",
            name=op.f("ck_consultant_link_reason_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_consultant_link_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_consultant_link_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_consultant_link_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultant_link")),
    )
    with op.batch_alter_table("consultant_link", schema=None) as batch_op:
        batch_op.create_index(
            "ix_consultant_link_consultant", ["consultant_id", "id"], unique=False
        )
        batch_op.create_index(
            "ix_consultant_link_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_consultant_link_user", ["user_id", "id"], unique=False)
        batch_op.create_index(
            "uq_consultant_link_open",
            ["consultant_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "consultant_review",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("accept_terms", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("mobile", sa.String(length=11), nullable=False),
        sa.Column("email", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=30), nullable=True),
        sa.Column("specialities", sa.JSON(), nullable=False),
        sa.Column("sex", sa.String(length=20), nullable=True),
        sa.Column("id_no", sa.String(length=18), nullable=True),
        sa.Column("years", sa.Integer(), nullable=True),
        sa.Column("education", sa.String(length=20), nullable=True),
        sa.Column("industries", sa.JSON(), nullable=False),
        sa.Column("intro", sa.String(length=500), nullable=True),
        sa.Column("achievements", sa.String(length=500), nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("visible_contact", sa.Boolean(), nullable=False),
        sa.Column("photo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "sex IN ('male', 'female')", name=op.f("ck_consultant_review_sex_valid")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_consultant_review_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_consultant_review_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_consultant_review_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_consultant_review_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["attachment.id"], name=op.f("fk_consultant_review_photo_id_attachment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultant_review")),
    )
    with op.batch_alter_table("consultant_review", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consultant_review_applicant_id"), ["applicant_id"], unique=False
        )
        batch_op.create_index(
            "ix_consultant_review_consultant", ["consultant_id", "id"], unique=False
        )
        batch_op.create_index(
            "ix_consultant_review_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_consultant_review_photo_id"), ["photo_id"], unique=False
        )
        batch_op.create_index("ix_consultant_review_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "ix_consultant_review_submitted_at", ["submitted_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_consultant_review",
            ["consultant_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "demand",
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("target_kind", sa.String(length=20), nullable=False),
        sa.Column("target_name", sa.String(length=80), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "enterprise_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("enterprise_name", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "accepted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("title", sa.String(length=50), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=False),
        sa.Column("budget", sa.String(length=20), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("urgency", sa.String(length=20), nullable=False),
        sa.Column("contact_name", sa.String(length=30), nullable=False),
        sa.Column("contact_phone", sa.String(length=20), nullable=False),
        sa.Column("contact_email", sa.String(length=120), nullable=True),
        sa.Column("call_time", sa.String(length=20), nullable=True),
        sa.Column("allow_transfer", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("turn_at", sa.DateTime(), nullable=False),
        sa.Column("first_contact_at", sa.DateTime(), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("closed_reason", sa.String(length=20), nullable=True),
        sa.Column("enterprise_confirm", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "call_time IN ('any', 'am', 'pm')", name=op.f("ck_demand_call_time_valid")
        ),
        sa.CheckConstraint(
            "enterprise_confirm IN ('none', 'confirmed', 'disputed')",
            name=op.f("ck_demand_enterprise_confirm_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'contacted', 'following', 'won', 'lost', 'disputed', 'closed')",
            name=op.f("ck_demand_state_valid"),
        ),
        sa.CheckConstraint(
            "target_kind IN ('institution', 'consultant', 'product', 'standard', 'open')",
            name=op.f("ck_demand_target_kind_valid"),
        ),
        sa.CheckConstraint(
            "urgency IN ('normal', 'soon', 'urgent')", name=op.f("ck_demand_urgency_valid")
        ),
        sa.ForeignKeyConstraint(
            ["accepted_by_id"],
            ["organization.id"],
            name=op.f("fk_demand_accepted_by_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"], ["consultant.id"], name=op.f("fk_demand_consultant_id_consultant")
        ),
        sa.ForeignKeyConstraint(
            ["enterprise_id"],
            ["organization.id"],
            name=op.f("fk_demand_enterprise_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_demand_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_demand_product_id_product")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_demand_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand")),
        sa.UniqueConstraint("number", name=op.f("uq_demand_number")),
    )
    with op.batch_alter_table("demand", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_demand_accepted_by_id"), ["accepted_by_id"], unique=False
        )
        batch_op.create_index("ix_demand_category", ["category", "turn_at", "id"], unique=False)
        batch_op.create_index(
            "ix_demand_consultant", ["consultant_id", "turn_at", "id"], unique=False
        )
        batch_op.create_index("ix_demand_created_at", ["created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_demand_enterprise", ["enterprise_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_demand_institution", ["organization_id", "turn_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_demand_institution_state",
            ["organization_id", "state", "turn_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_demand_product_id"), ["product_id"], unique=False)
        batch_op.create_index("ix_demand_state", ["state", "turn_at", "id"], unique=False)
        batch_op.create_index(
            "ix_demand_target_kind", ["target_kind", "turn_at", "id"], unique=False
        )
        batch_op.create_index("ix_demand_turn_at", ["turn_at", "id"], unique=False)
        batch_op.create_index("ix_demand_urgency", ["urgency", "turn_at", "id"], unique=False)
        batch_op.create_index("ix_demand_user", ["user_id", "created_at", "id"], unique=False)

    op.create_table(
        "import_row",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'good', 'faulty', 'imported', 'undone', 'kept')",
            name=op.f("ck_import_row_state_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["import_job.id"],
            name=op.f("fk_import_row_job_id_import_job"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_row")),
        sa.UniqueConstraint("job_id", "number", name=op.f("uq_import_row_job_id_number")),
    )
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.create_index("ix_import_row_state", ["job_id", "state", "number"], unique=False)

    op.create_table(
        "invitation",
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=120), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("sent_by", sa.String(length=120), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'used', 'expired', 'void')", name=op.f("ck_invitation_state_valid")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_invitation_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_invitation_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["used_by"], ["ab_user.id"], name=op.f("fk_invitation_used_by_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_consultant", ["consultant_id", "id"], unique=False)
        batch_op.create_index(
            "ix_invitation_expires",
            ["expires_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index("ix_invitation_organization", ["organization_id", "id"], unique=False)
        batch_op.create_index("ix_invitation_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "uq_invitation_open",
            ["consultant_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "product_consultant",
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_product_consultant_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_consultant_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_consultant")),
        sa.UniqueConstraint(
            "product_id",
            "consultant_id",
            name=op.f("uq_product_consultant_product_id_consultant_id"),
        ),
    )
    with op.batch_alter_table("product_consultant", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_consultant_consultant_id"), ["consultant_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_product_consultant_product_id"), ["product_id"], unique=False
        )

    op.create_table(
        "product_review",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("cover_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("slogan", sa.String(length=60), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("industries", sa.JSON(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("deliverables", sa.String(length=500), nullable=False),
        sa.Column("cycle_days", sa.Integer(), nullable=False),
        sa.Column("discount", sa.String(length=100), nullable=True),
        sa.Column("support", sa.String(length=300), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("statement", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("price_mode", sa.String(length=20), nullable=False),
        sa.Column("price_from", sa.BigInteger(), nullable=True),
        sa.Column("price_to", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "price_mode IN ('fixed', 'range', 'from', 'negotiable', 'free')",
            name=op.f("ck_product_review_price_mode_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_product_review_state_valid"),
        ),
        sa.CheckConstraint(
            "unit IN ('time', 'project', 'person_day', 'person', 'month', 'year', 'set', 'copy')",
            name=op.f("ck_product_review_unit_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_product_review_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["cover_id"], ["attachment.id"], name=op.f("fk_product_review_cover_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_product_review_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_review_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_review")),
    )
    with op.batch_alter_table("product_review", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_review_applicant_id"), ["applicant_id"], unique=False
        )
        batch_op.create_index("ix_product_review_category", ["category", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_review_cover_id"), ["cover_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_review_name_key"), ["name_key"], unique=False)
        batch_op.create_index(
            "ix_product_review_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_product_review_product", ["product_id", "id"], unique=False)
        batch_op.create_index("ix_product_review_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "ix_product_review_submitted_at", ["submitted_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_product_review_current",
            ["product_id"],
            unique=True,
            sqlite_where=sa.text("is_current"),
            postgresql_where=sa.text("is_current"),
        )
        batch_op.create_index(
            "uq_product_review_running",
            ["product_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )

    op.create_table(
        "score_entry",
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("item", sa.String(length=20), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column(
            "formula_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "item IN ('profile', 'consultant', 'product_special', 'product_standard', 'demand_intime', 'demand_late', 'demand_won', 'tx_count', 'tx_amount', 'rating', 'rating_given', 'activity_host', 'activity_undertake', 'activity_assist', 'stale')",
            name=op.f("ck_score_entry_item_valid"),
        ),
        sa.CheckConstraint(
            "kind IN ('institution', 'consultant')", name=op.f("ck_score_entry_kind_valid")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_score_entry_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["formula_id"],
            ["score_formula.id"],
            name=op.f("fk_score_entry_formula_id_score_formula"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_score_entry_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["score_entry.id"], name=op.f("fk_score_entry_reverses_id_score_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_entry")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_score_entry_reverses_id")),
    )
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.create_index("ix_score_entry_at", ["at", "id"], unique=False)
        batch_op.create_index("ix_score_entry_item", ["item", "id"], unique=False)
        batch_op.create_index(
            "ix_score_entry_organization", ["organization_id", "id"], unique=False
        )
        batch_op.create_index("ix_score_entry_period", ["period", "id"], unique=False)
        batch_op.create_index("ix_score_entry_source", ["source", "source_id"], unique=False)
        batch_op.create_index("ix_score_entry_subject", ["kind", "subject_id", "id"], unique=False)

    op.create_table(
        "score_month",
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column(
            "formula_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("service_score", sa.BigInteger(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("stars", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('institution', 'consultant')", name=op.f("ck_score_month_kind_valid")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_score_month_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["formula_id"],
            ["score_formula.id"],
            name=op.f("fk_score_month_formula_id_score_formula"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_score_month_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_month")),
        sa.UniqueConstraint(
            "period", "kind", "subject_id", name=op.f("uq_score_month_period_kind_subject_id")
        ),
    )
    with op.batch_alter_table("score_month", schema=None) as batch_op:
        batch_op.create_index("ix_score_month_rank", ["kind", "period", "rank", "id"], unique=False)
        batch_op.create_index(
            "ix_score_month_subject", ["kind", "subject_id", "period"], unique=False
        )

    op.create_table(
        "score_standing",
        sa.Column("previous", sa.Integer(), nullable=True),
        sa.Column("counted_at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("service_score", sa.BigInteger(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("stars", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('institution', 'consultant')", name=op.f("ck_score_standing_kind_valid")
        ),
        sa.CheckConstraint("rank > 0", name=op.f("ck_score_standing_rank_positive")),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_score_standing_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_score_standing_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_standing")),
        sa.UniqueConstraint("kind", "subject_id", name=op.f("uq_score_standing_kind_subject_id")),
    )
    with op.batch_alter_table("score_standing", schema=None) as batch_op:
        batch_op.create_index("ix_score_standing_organization", ["organization_id"], unique=False)
        batch_op.create_index("ix_score_standing_rank", ["kind", "rank", "id"], unique=False)

    op.create_table(
        "score_total",
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("heading", sa.String(length=20), nullable=False),
        sa.Column("raw", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('institution', 'consultant')", name=op.f("ck_score_total_kind_valid")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_score_total_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_score_total_organization_id_organization"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_total")),
        sa.UniqueConstraint(
            "kind",
            "subject_id",
            "period",
            "heading",
            name=op.f("uq_score_total_kind_subject_id_period_heading"),
        ),
    )
    with op.batch_alter_table("score_total", schema=None) as batch_op:
        batch_op.create_index(
            "ix_score_total_period", ["period", "kind", "subject_id"], unique=False
        )

    op.create_table(
        "demand_contact",
        sa.Column(
            "demand_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("person_name", sa.String(length=120), nullable=False),
        sa.Column("met", sa.String(length=30), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("summary", sa.String(length=500), nullable=False),
        sa.Column("next_step", sa.String(length=100), nullable=True),
        sa.Column("next_at", sa.DateTime(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("lost_reason", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('phone', 'visit', 'meeting', 'online', 'wechat', 'mail')",
            name=op.f("ck_demand_contact_channel_valid"),
        ),
        sa.CheckConstraint(
            "result IN ('no_answer', 'contacted', 'following', 'won', 'lost', 'invalid')",
            name=op.f("ck_demand_contact_result_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_demand_contact_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["demand_id"], ["demand.id"], name=op.f("fk_demand_contact_demand_id_demand")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_demand_contact_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_demand_contact_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_contact")),
    )
    with op.batch_alter_table("demand_contact", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_demand_contact_consultant_id"), ["consultant_id"], unique=False
        )
        batch_op.create_index("ix_demand_contact_demand", ["demand_id", "at", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_demand_contact_organization_id"), ["organization_id"], unique=False
        )

    op.create_table(
        "demand_file",
        sa.Column(
            "demand_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_demand_file_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["demand_id"], ["demand.id"], name=op.f("fk_demand_file_demand_id_demand")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_file")),
    )
    with op.batch_alter_table("demand_file", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_demand_file_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_demand_file_demand_id"), ["demand_id"], unique=False)

    op.create_table(
        "filing",
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("demand_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("buyer_name", sa.String(length=64), nullable=False),
        sa.Column("buyer_credit_code", sa.String(length=18), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("buyer_contact", sa.String(length=30), nullable=False),
        sa.Column("buyer_phone", sa.String(length=20), nullable=False),
        sa.Column("product_kind", sa.String(length=20), nullable=False),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("service_name", sa.String(length=60), nullable=False),
        sa.Column("service_key", sa.String(length=128), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("contract_no", sa.String(length=60), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("finished_on", sa.Date(), nullable=True),
        sa.Column("remark", sa.String(length=300), nullable=True),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('park', 'online_offline', 'government')", name=op.f("ck_filing_kind_valid")
        ),
        sa.CheckConstraint(
            "product_kind IN ('standard', 'special', 'free')",
            name=op.f("ck_filing_product_kind_valid"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'returned', 'approved', 'refused', 'withdrawn', 'void')",
            name=op.f("ck_filing_state_valid"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_filing_amount_not_negative")),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["ab_user.id"], name=op.f("fk_filing_applicant_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organization.id"], name=op.f("fk_filing_buyer_id_organization")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"], ["consultant.id"], name=op.f("fk_filing_consultant_id_consultant")
        ),
        sa.ForeignKeyConstraint(
            ["demand_id"], ["demand.id"], name=op.f("fk_filing_demand_id_demand")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_filing_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_filing_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing")),
    )
    with op.batch_alter_table("filing", schema=None) as batch_op:
        batch_op.create_index("ix_filing_amount", ["amount", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_filing_applicant_id"), ["applicant_id"], unique=False)
        batch_op.create_index("ix_filing_approved_at", ["approved_at", "id"], unique=False)
        batch_op.create_index("ix_filing_buyer", ["buyer_id", "id"], unique=False)
        batch_op.create_index("ix_filing_category", ["category", "id"], unique=False)
        batch_op.create_index("ix_filing_consultant", ["consultant_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_filing_demand_id"), ["demand_id"], unique=False)
        batch_op.create_index("ix_filing_organization", ["organization_id", "id"], unique=False)
        batch_op.create_index(
            "ix_filing_organization_signed_on", ["organization_id", "signed_on", "id"], unique=False
        )
        batch_op.create_index(
            "ix_filing_organization_state", ["organization_id", "state", "id"], unique=False
        )
        batch_op.create_index("ix_filing_product", ["product_id", "id"], unique=False)
        batch_op.create_index("ix_filing_signed_on", ["signed_on", "id"], unique=False)
        batch_op.create_index("ix_filing_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_filing_submitted_at", ["submitted_at", "id"], unique=False)
        batch_op.create_index(
            "ix_filing_unknown_buyer",
            ["buyer_credit_code"],
            unique=False,
            sqlite_where=sa.text("buyer_id IS NULL"),
            postgresql_where=sa.text("buyer_id IS NULL"),
        )
        batch_op.create_index(
            "uq_filing_counted",
            ["organization_id", "buyer_credit_code", "service_key", "amount", "signed_on"],
            unique=True,
            sqlite_where=sa.text("state IN ('in_review', 'approved')"),
            postgresql_where=sa.text("state IN ('in_review', 'approved')"),
        )

    op.create_table(
        "product_case",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("content", sa.String(length=300), nullable=False),
        sa.Column("effect", sa.String(length=200), nullable=True),
        sa.Column(
            "picture_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["attachment.id"], name=op.f("fk_product_case_picture_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["product_review.id"],
            name=op.f("fk_product_case_review_id_product_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_case")),
    )
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_case_picture_id"), ["picture_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_product_case_review_id"), ["review_id"], unique=False)

    op.create_table(
        "product_highlight",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("content", sa.String(length=100), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["product_review.id"],
            name=op.f("fk_product_highlight_review_id_product_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_highlight")),
    )
    with op.batch_alter_table("product_highlight", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_highlight_review_id"), ["review_id"], unique=False
        )

    op.create_table(
        "product_proof",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_product_proof_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["product_review.id"],
            name=op.f("fk_product_proof_review_id_product_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_proof")),
    )
    with op.batch_alter_table("product_proof", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_proof_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_product_proof_review_id"), ["review_id"], unique=False)

    op.create_table(
        "product_step",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("content", sa.String(length=100), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["product_review.id"],
            name=op.f("fk_product_step_review_id_product_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_step")),
    )
    with op.batch_alter_table("product_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_step_review_id"), ["review_id"], unique=False)

    op.create_table(
        "review_consultant",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["consultant_id"],
            ["consultant.id"],
            name=op.f("fk_review_consultant_consultant_id_consultant"),
        ),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["product_review.id"],
            name=op.f("fk_review_consultant_review_id_product_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_consultant")),
    )
    with op.batch_alter_table("review_consultant", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_review_consultant_consultant_id"), ["consultant_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_review_consultant_review_id"), ["review_id"], unique=False
        )

    op.create_table(
        "reviewed_certificate",
        sa.Column(
            "review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("proof_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["proof_id"],
            ["attachment.id"],
            name=op.f("fk_reviewed_certificate_proof_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["consultant_review.id"],
            name=op.f("fk_reviewed_certificate_review_id_consultant_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewed_certificate")),
    )
    with op.batch_alter_table("reviewed_certificate", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reviewed_certificate_proof_id"), ["proof_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_reviewed_certificate_review_id"), ["review_id"], unique=False
        )

    op.create_table(
        "demand_contact_file",
        sa.Column(
            "contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_demand_contact_file_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["demand_contact.id"],
            name=op.f("fk_demand_contact_file_contact_id_demand_contact"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_contact_file")),
    )
    with op.batch_alter_table("demand_contact_file", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_demand_contact_file_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_demand_contact_file_contact_id"), ["contact_id"], unique=False
        )

    op.create_table(
        "filing_contract",
        sa.Column(
            "filing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_filing_contract_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["filing.id"], name=op.f("fk_filing_contract_filing_id_filing")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_contract")),
    )
    with op.batch_alter_table("filing_contract", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_filing_contract_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_filing_contract_filing_id"), ["filing_id"], unique=False
        )

    op.create_table(
        "filing_invoice",
        sa.Column(
            "filing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_filing_invoice_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["filing.id"], name=op.f("fk_filing_invoice_filing_id_filing")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_invoice")),
    )
    with op.batch_alter_table("filing_invoice", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_filing_invoice_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_filing_invoice_filing_id"), ["filing_id"], unique=False
        )

    op.create_table(
        "rating",
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column(
            "filing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("direction", sa.String(length=20), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "consultant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("institution_name", sa.String(length=64), nullable=False),
        sa.Column("buyer_name", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("rated_at", sa.DateTime(), nullable=True),
        sa.Column("rated_by", sa.Integer(), nullable=True),
        sa.Column("shown_at", sa.DateTime(), nullable=True),
        sa.Column("reply", sa.String(length=300), nullable=True),
        sa.Column("reply_at", sa.DateTime(), nullable=True),
        sa.Column("remark", sa.String(length=300), nullable=True),
        sa.Column("remark_at", sa.DateTime(), nullable=True),
        sa.Column("hide_reason", sa.String(length=20), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "direction IN ('buyer_to_provider', 'provider_to_buyer')",
            name=op.f("ck_rating_direction_valid"),
        ),
        sa.CheckConstraint(
            "hide_reason IN ('abuse', 'ad', 'privacy', 'false', 'other')",
            name=op.f("ck_rating_hide_reason_valid"),
        ),
        sa.CheckConstraint(
            "score IS NOT NULL OR state IN ('waiting', 'closed')", name=op.f("ck_rating_rated")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'hidden_pair', 'shown', 'closed', 'masked')",
            name=op.f("ck_rating_state_valid"),
        ),
        sa.CheckConstraint("score BETWEEN 100 AND 500", name=op.f("ck_rating_score_in_stars")),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organization.id"], name=op.f("fk_rating_buyer_id_organization")
        ),
        sa.ForeignKeyConstraint(
            ["consultant_id"], ["consultant.id"], name=op.f("fk_rating_consultant_id_consultant")
        ),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["filing.id"], name=op.f("fk_rating_filing_id_filing")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_rating_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_rating_product_id_product")
        ),
        sa.ForeignKeyConstraint(
            ["rated_by"], ["ab_user.id"], name=op.f("fk_rating_rated_by_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
        sa.UniqueConstraint("filing_id", "direction", name=op.f("uq_rating_filing_id_direction")),
        sa.UniqueConstraint("number", name=op.f("uq_rating_number")),
    )
    with op.batch_alter_table("rating", schema=None) as batch_op:
        batch_op.create_index(
            "ix_rating_buyer", ["buyer_id", "direction", "state", "id"], unique=False
        )
        batch_op.create_index(
            "ix_rating_consultant", ["consultant_id", "direction", "state", "id"], unique=False
        )
        batch_op.create_index("ix_rating_direction", ["direction", "id"], unique=False)
        batch_op.create_index(
            "ix_rating_due",
            ["due_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.create_index(
            "ix_rating_organization", ["organization_id", "direction", "state", "id"], unique=False
        )
        batch_op.create_index(
            "ix_rating_pair",
            ["rated_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'hidden_pair'"),
            postgresql_where=sa.text("state = 'hidden_pair'"),
        )
        batch_op.create_index(
            "ix_rating_product", ["product_id", "direction", "state", "id"], unique=False
        )
        batch_op.create_index("ix_rating_rated_at", ["rated_at", "id"], unique=False)
        batch_op.create_index("ix_rating_score", ["score", "id"], unique=False)
        batch_op.create_index("ix_rating_state", ["state", "id"], unique=False)

    op.create_table(
        "rating_picture",
        sa.Column(
            "rating_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "attachment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_rating_picture_attachment_id_attachment"),
        ),
        sa.ForeignKeyConstraint(
            ["rating_id"], ["rating.id"], name=op.f("fk_rating_picture_rating_id_rating")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_picture")),
    )
    with op.batch_alter_table("rating_picture", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_rating_picture_attachment_id"), ["attachment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_rating_picture_rating_id"), ["rating_id"], unique=False
        )

    op.create_table(
        "rating_score",
        sa.Column(
            "rating_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("dimension", sa.String(length=20), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_rating_score_stars_valid")),
        sa.ForeignKeyConstraint(
            ["rating_id"], ["rating.id"], name=op.f("fk_rating_score_rating_id_rating")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_score")),
        sa.UniqueConstraint(
            "rating_id", "dimension", name=op.f("uq_rating_score_rating_id_dimension")
        ),
    )
    with op.batch_alter_table("rating_score", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rating_score_rating_id"), ["rating_id"], unique=False)

    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.add_column(sa.Column("in_park", sa.String(length=20), nullable=True))
        batch_op.add_column(
            sa.Column(
                "association_state", sa.String(length=20), server_default="none", nullable=False
            )
        )
        batch_op.add_column(sa.Column("member_kind", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("member_no", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("member_since", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("member_until", sa.Date(), nullable=True))
        batch_op.create_index(
            "ix_organization_association_state", ["association_state", "id"], unique=False
        )
        batch_op.create_index("ix_organization_in_park", ["in_park", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_organization_member_no"), ["member_no"], unique=True)
        batch_op.create_index("ix_organization_member_until", ["member_until"], unique=False)
    dialect = op.get_bind().dialect.name

    # Codes that are new: autogenerate does not see what columns are checked for.
    if dialect == "postgresql":
        for table, column, codes in CODES:
            name = op.f(f"ck_{table}_{column}_valid")
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            op.create_check_constraint(name, table, sa.column(column).in_(codes))
    with op.batch_alter_table("message_choice") as batch_op:
        batch_op.drop_constraint(op.f("ck_message_choice_topic_valid"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_message_choice_topic_valid"), sa.column("topic").in_(TOPICS)
        )
    for table in (
        "life_event",
        "score_entry",
        "score_month",
    ):
        for statement in append_only(table)[dialect]:
            op.execute(statement)
    for table in (
        "association",
        "demand",
        "consultant",
        "consultant_review",
        "standard_product",
        "product",
        "product_review",
        "activity",
        "filing",
        "rating",
    ):
        for statement in INDEXES[dialect]:
            op.execute(statement.format(table=table))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in (
            "association",
            "demand",
            "consultant",
            "consultant_review",
            "standard_product",
            "product",
            "product_review",
            "activity",
            "filing",
            "rating",
        ):
            for verb in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER {table}_search_{verb}")
            op.drop_table(f"{table}_search")
    op.execute("DELETE FROM message_choice WHERE topic IN ('product', 'demand')")
    with op.batch_alter_table("message_choice") as batch_op:
        batch_op.drop_constraint(op.f("ck_message_choice_topic_valid"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_message_choice_topic_valid"), sa.column("topic").in_(TOPICS_BEFORE)
        )
    op.execute("DELETE FROM org_role WHERE role = 'association'")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_org_role_role_valid"), "org_role")
        op.create_check_constraint(
            op.f("ck_org_role_role_valid"), "org_role", sa.column("role").in_(ROLES_BEFORE)
        )
    with op.batch_alter_table("organization", schema=None) as batch_op:
        batch_op.drop_index("ix_organization_member_until")
        batch_op.drop_index(batch_op.f("ix_organization_member_no"))
        batch_op.drop_index("ix_organization_in_park")
        batch_op.drop_index("ix_organization_association_state")
        batch_op.drop_column("member_until")
        batch_op.drop_column("member_since")
        batch_op.drop_column("member_no")
        batch_op.drop_column("member_kind")
        batch_op.drop_column("association_state")
        batch_op.drop_column("in_park")

    with op.batch_alter_table("rating_score", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rating_score_rating_id"))

    op.drop_table("rating_score")
    with op.batch_alter_table("rating_picture", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rating_picture_rating_id"))
        batch_op.drop_index(batch_op.f("ix_rating_picture_attachment_id"))

    op.drop_table("rating_picture")
    with op.batch_alter_table("rating", schema=None) as batch_op:
        batch_op.drop_index("ix_rating_state")
        batch_op.drop_index("ix_rating_score")
        batch_op.drop_index("ix_rating_rated_at")
        batch_op.drop_index("ix_rating_product")
        batch_op.drop_index(
            "ix_rating_pair",
            sqlite_where=sa.text("state = 'hidden_pair'"),
            postgresql_where=sa.text("state = 'hidden_pair'"),
        )
        batch_op.drop_index("ix_rating_organization")
        batch_op.drop_index(
            "ix_rating_due",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_rating_direction")
        batch_op.drop_index("ix_rating_consultant")
        batch_op.drop_index("ix_rating_buyer")

    op.drop_table("rating")
    with op.batch_alter_table("filing_invoice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_filing_invoice_filing_id"))
        batch_op.drop_index(batch_op.f("ix_filing_invoice_attachment_id"))

    op.drop_table("filing_invoice")
    with op.batch_alter_table("filing_contract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_filing_contract_filing_id"))
        batch_op.drop_index(batch_op.f("ix_filing_contract_attachment_id"))

    op.drop_table("filing_contract")
    with op.batch_alter_table("demand_contact_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_demand_contact_file_contact_id"))
        batch_op.drop_index(batch_op.f("ix_demand_contact_file_attachment_id"))

    op.drop_table("demand_contact_file")
    with op.batch_alter_table("reviewed_certificate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reviewed_certificate_review_id"))
        batch_op.drop_index(batch_op.f("ix_reviewed_certificate_proof_id"))

    op.drop_table("reviewed_certificate")
    with op.batch_alter_table("review_consultant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_consultant_review_id"))
        batch_op.drop_index(batch_op.f("ix_review_consultant_consultant_id"))

    op.drop_table("review_consultant")
    with op.batch_alter_table("product_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_step_review_id"))

    op.drop_table("product_step")
    with op.batch_alter_table("product_proof", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_proof_review_id"))
        batch_op.drop_index(batch_op.f("ix_product_proof_attachment_id"))

    op.drop_table("product_proof")
    with op.batch_alter_table("product_highlight", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_highlight_review_id"))

    op.drop_table("product_highlight")
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_case_review_id"))
        batch_op.drop_index(batch_op.f("ix_product_case_picture_id"))

    op.drop_table("product_case")
    with op.batch_alter_table("filing", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_filing_counted",
            sqlite_where=sa.text("state IN ('in_review', 'approved')"),
            postgresql_where=sa.text("state IN ('in_review', 'approved')"),
        )
        batch_op.drop_index(
            "ix_filing_unknown_buyer",
            sqlite_where=sa.text("buyer_id IS NULL"),
            postgresql_where=sa.text("buyer_id IS NULL"),
        )
        batch_op.drop_index("ix_filing_submitted_at")
        batch_op.drop_index("ix_filing_state")
        batch_op.drop_index("ix_filing_signed_on")
        batch_op.drop_index("ix_filing_product")
        batch_op.drop_index("ix_filing_organization_state")
        batch_op.drop_index("ix_filing_organization_signed_on")
        batch_op.drop_index("ix_filing_organization")
        batch_op.drop_index(batch_op.f("ix_filing_demand_id"))
        batch_op.drop_index("ix_filing_consultant")
        batch_op.drop_index("ix_filing_category")
        batch_op.drop_index("ix_filing_buyer")
        batch_op.drop_index("ix_filing_approved_at")
        batch_op.drop_index(batch_op.f("ix_filing_applicant_id"))
        batch_op.drop_index("ix_filing_amount")

    op.drop_table("filing")
    with op.batch_alter_table("demand_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_demand_file_demand_id"))
        batch_op.drop_index(batch_op.f("ix_demand_file_attachment_id"))

    op.drop_table("demand_file")
    with op.batch_alter_table("demand_contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_demand_contact_organization_id"))
        batch_op.drop_index("ix_demand_contact_demand")
        batch_op.drop_index(batch_op.f("ix_demand_contact_consultant_id"))

    op.drop_table("demand_contact")
    with op.batch_alter_table("score_total", schema=None) as batch_op:
        batch_op.drop_index("ix_score_total_period")

    op.drop_table("score_total")
    with op.batch_alter_table("score_standing", schema=None) as batch_op:
        batch_op.drop_index("ix_score_standing_rank")
        batch_op.drop_index("ix_score_standing_organization")

    op.drop_table("score_standing")
    with op.batch_alter_table("score_month", schema=None) as batch_op:
        batch_op.drop_index("ix_score_month_subject")
        batch_op.drop_index("ix_score_month_rank")

    op.drop_table("score_month")
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_score_entry_subject")
        batch_op.drop_index("ix_score_entry_source")
        batch_op.drop_index("ix_score_entry_period")
        batch_op.drop_index("ix_score_entry_organization")
        batch_op.drop_index("ix_score_entry_item")
        batch_op.drop_index("ix_score_entry_at")

    op.drop_table("score_entry")
    with op.batch_alter_table("product_review", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_product_review_running",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index(
            "uq_product_review_current",
            sqlite_where=sa.text("is_current"),
            postgresql_where=sa.text("is_current"),
        )
        batch_op.drop_index("ix_product_review_submitted_at")
        batch_op.drop_index("ix_product_review_state")
        batch_op.drop_index("ix_product_review_product")
        batch_op.drop_index("ix_product_review_organization")
        batch_op.drop_index(batch_op.f("ix_product_review_name_key"))
        batch_op.drop_index(batch_op.f("ix_product_review_cover_id"))
        batch_op.drop_index("ix_product_review_category")
        batch_op.drop_index(batch_op.f("ix_product_review_applicant_id"))

    op.drop_table("product_review")
    with op.batch_alter_table("product_consultant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_consultant_product_id"))
        batch_op.drop_index(batch_op.f("ix_product_consultant_consultant_id"))

    op.drop_table("product_consultant")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_invitation_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_invitation_state")
        batch_op.drop_index("ix_invitation_organization")
        batch_op.drop_index(
            "ix_invitation_expires",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_invitation_consultant")

    op.drop_table("invitation")
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.drop_index("ix_import_row_state")

    op.drop_table("import_row")
    with op.batch_alter_table("demand", schema=None) as batch_op:
        batch_op.drop_index("ix_demand_user")
        batch_op.drop_index("ix_demand_urgency")
        batch_op.drop_index("ix_demand_turn_at")
        batch_op.drop_index("ix_demand_target_kind")
        batch_op.drop_index("ix_demand_state")
        batch_op.drop_index(batch_op.f("ix_demand_product_id"))
        batch_op.drop_index("ix_demand_institution_state")
        batch_op.drop_index("ix_demand_institution")
        batch_op.drop_index("ix_demand_enterprise")
        batch_op.drop_index("ix_demand_created_at")
        batch_op.drop_index("ix_demand_consultant")
        batch_op.drop_index("ix_demand_category")
        batch_op.drop_index(batch_op.f("ix_demand_accepted_by_id"))

    op.drop_table("demand")
    with op.batch_alter_table("consultant_review", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_consultant_review",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_consultant_review_submitted_at")
        batch_op.drop_index("ix_consultant_review_state")
        batch_op.drop_index(batch_op.f("ix_consultant_review_photo_id"))
        batch_op.drop_index("ix_consultant_review_organization")
        batch_op.drop_index("ix_consultant_review_consultant")
        batch_op.drop_index(batch_op.f("ix_consultant_review_applicant_id"))

    op.drop_table("consultant_review")
    with op.batch_alter_table("consultant_link", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_consultant_link_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_consultant_link_user")
        batch_op.drop_index("ix_consultant_link_organization")
        batch_op.drop_index("ix_consultant_link_consultant")

    op.drop_table("consultant_link")
    with op.batch_alter_table("consultant_certificate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consultant_certificate_proof_id"))
        batch_op.drop_index(batch_op.f("ix_consultant_certificate_consultant_id"))

    op.drop_table("consultant_certificate")
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_association_applicant",
            sqlite_where=sa.text("state = 'in_review'"),
            postgresql_where=sa.text("state = 'in_review'"),
        )
        batch_op.drop_index("ix_association_submitted_at")
        batch_op.drop_index("ix_association_state")
        batch_op.drop_index("ix_association_organization")
        batch_op.drop_index(batch_op.f("ix_association_membership_form_id"))
        batch_op.drop_index("ix_association_member_kind")
        batch_op.drop_index("ix_association_applicant")
        batch_op.drop_index("ix_association_accreditation")

    op.drop_table("association")
    with op.batch_alter_table("activity_proof", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_activity_proof_attachment_id"))
        batch_op.drop_index(batch_op.f("ix_activity_proof_activity_id"))

    op.drop_table("activity_proof")
    with op.batch_alter_table("text_picture", schema=None) as batch_op:
        batch_op.drop_index("ix_text_picture_subject")
        batch_op.drop_index(batch_op.f("ix_text_picture_attachment_id"))

    op.drop_table("text_picture")
    with op.batch_alter_table("sleeper", schema=None) as batch_op:
        batch_op.drop_index("ix_sleeper_since")

    op.drop_table("sleeper")
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_product_name",
            sqlite_where=sa.text("kind = 'special' AND state NOT IN ('refused', 'withdrawn')"),
            postgresql_where=sa.text("kind = 'special' AND state NOT IN ('refused', 'withdrawn')"),
        )
        batch_op.drop_index(
            "ix_product_valid_until",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index("ix_product_state")
        batch_op.drop_index("ix_product_standard")
        batch_op.drop_index(
            "ix_product_region",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_rating",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_price",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index("ix_product_organization")
        batch_op.drop_index(batch_op.f("ix_product_name_key"))
        batch_op.drop_index(
            "ix_product_listed_at",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index("ix_product_kind_category")
        batch_op.drop_index(
            "ix_product_kept_at",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_demands",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(batch_op.f("ix_product_cover_id"))
        batch_op.drop_index(
            "ix_product_category_rating",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_category_price",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_category_demands",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )
        batch_op.drop_index(
            "ix_product_category",
            sqlite_where=sa.text("state = 'listed'"),
            postgresql_where=sa.text("state = 'listed'"),
        )

    op.drop_table("product")
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_import_job_open",
            sqlite_where=sa.text("state IN ('checking', 'running', 'undoing')"),
            postgresql_where=sa.text("state IN ('checking', 'running', 'undoing')"),
        )
        batch_op.drop_index("ix_import_job_mine")
        batch_op.drop_index(batch_op.f("ix_import_job_file_id"))

    op.drop_table("import_job")
    with op.batch_alter_table("consultant", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_consultant_user",
            sqlite_where=sa.text("state IN ('accepted', 'in_review', 'returned', 'linked')"),
            postgresql_where=sa.text("state IN ('accepted', 'in_review', 'returned', 'linked')"),
        )
        batch_op.drop_index("ix_consultant_user")
        batch_op.drop_index("ix_consultant_state")
        batch_op.drop_index(batch_op.f("ix_consultant_photo_id"))
        batch_op.drop_index("ix_consultant_organization_state")
        batch_op.drop_index("ix_consultant_organization")
        batch_op.drop_index("ix_consultant_mobile")

    op.drop_table("consultant")
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.drop_index("ix_activity_submitted_at")
        batch_op.drop_index("ix_activity_state")
        batch_op.drop_index("ix_activity_role_kind")
        batch_op.drop_index("ix_activity_organization")
        batch_op.drop_index(batch_op.f("ix_activity_mail_file_id"))
        batch_op.drop_index("ix_activity_from_at")
        batch_op.drop_index(batch_op.f("ix_activity_applicant_id"))

    op.drop_table("activity")
    with op.batch_alter_table("standard_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_standard_step_standard_id"))

    op.drop_table("standard_step")
    with op.batch_alter_table("life_event", schema=None) as batch_op:
        batch_op.drop_index("ix_life_event_subject")

    op.drop_table("life_event")
    with op.batch_alter_table("standard_product", schema=None) as batch_op:
        batch_op.drop_index("ix_standard_product_state")
        batch_op.drop_index("ix_standard_product_position")
        batch_op.drop_index(batch_op.f("ix_standard_product_name_key"))

    op.drop_table("standard_product")
    op.drop_table("score_formula")
    op.drop_table("rating_total")
    op.drop_table("month_figure")
    op.drop_table("figure_mark")
    if op.get_bind().dialect.name == "postgresql":
        for table in (
            "life_event",
            "score_entry",
            "score_month",
        ):
            op.execute(f"DROP FUNCTION {table}_refuse")
