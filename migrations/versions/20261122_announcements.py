"""Kind and summary of announcements, versions of categories, accounts by e-mail."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_announcements"
down_revision = "20261122_catalogue"
branch_labels = None
depends_on = None

KINDS = "kind IN ('notice', 'policy', 'news', 'sme', 'publicity', 'system', 'guide', 'picture')"


def upgrade() -> None:
    op.add_column("announcement", sa.Column("summary", sa.String(120), nullable=True))
    # With its check in one statement: a batch on SQLite would drop the triggers of the search.
    op.execute(
        "ALTER TABLE announcement ADD COLUMN kind VARCHAR(20) DEFAULT 'notice' NOT NULL "
        f"CONSTRAINT ck_announcement_kind_valid CHECK ({KINDS})"
    )
    op.create_index("ix_announcement_kind", "announcement", ["kind", "publish_at", "id"])
    version = sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    op.add_column("dict_item", version)
    op.create_index("ix_ab_user_email", "ab_user", ["email"])


def downgrade() -> None:
    op.drop_index("ix_ab_user_email", "ab_user")
    op.drop_column("dict_item", "version")
    op.drop_index("ix_announcement_kind", "announcement")
    op.drop_column("announcement", "kind")
    op.drop_column("announcement", "summary")
