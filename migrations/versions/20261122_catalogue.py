"""Listings off the guide price are marked; a case of a product has up to three pictures."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_catalogue"
down_revision = "20261121_supermarket"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PICTURES = ("second_picture_id", "third_picture_id")


def upgrade() -> None:
    with op.batch_alter_table("product", schema=None) as batch_op:
        marked = sa.Column("off_guide", sa.Boolean(), server_default=sa.false(), nullable=False)
        batch_op.add_column(marked)
        batch_op.create_index("ix_product_off_guide", ["kind", "off_guide", "id"], unique=False)
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        for name in PICTURES:
            batch_op.add_column(sa.Column(name, KEY, nullable=True))
            batch_op.create_index(batch_op.f(f"ix_product_case_{name}"), [name], unique=False)
            key = batch_op.f(f"fk_product_case_{name}_attachment")
            batch_op.create_foreign_key(key, "attachment", [name], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        for name in PICTURES:
            key = batch_op.f(f"fk_product_case_{name}_attachment")
            batch_op.drop_constraint(key, type_="foreignkey")
            batch_op.drop_index(batch_op.f(f"ix_product_case_{name}"))
            batch_op.drop_column(name)
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.drop_index("ix_product_off_guide")
        batch_op.drop_column("off_guide")
