"""The product pool; the points of one subject by their time."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_pool"
down_revision = "20261122_announcements"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    op.create_table(
        "pool_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'ended') = (until IS NOT NULL)",
            name=op.f("ck_pool_entry_ended_has_its_end"),
        ),
        sa.CheckConstraint("state IN ('active', 'ended')", name=op.f("ck_pool_entry_state_valid")),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_pool_entry_organization_id_organization"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_pool_entry_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_entry")),
    )
    op.create_index("ix_pool_entry_organization", "pool_entry", ["organization_id", "id"])
    op.create_index("ix_pool_entry_product", "pool_entry", ["product_id", "id"])
    op.create_index("ix_pool_entry_state", "pool_entry", ["state", "id"])
    op.create_index("ix_pool_entry_since", "pool_entry", ["since", "id"])
    op.create_index(
        "uq_pool_entry_active",
        "pool_entry",
        ["product_id"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    _index_of_points("kind", "subject_id", "at", "id")


def _index_of_points(*columns: str) -> None:
    op.drop_index("ix_score_entry_subject", "score_entry")
    op.create_index("ix_score_entry_subject", "score_entry", [*columns])


def downgrade() -> None:
    _index_of_points("kind", "subject_id", "id")
    op.drop_table("pool_entry")
