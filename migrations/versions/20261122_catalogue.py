"""Prices off the guide, pictures of cases, search by services, the demand board."""

from html import escape

import sqlalchemy as sa
from alembic import op

from app.search import bigrams

revision = "20261122_catalogue"
down_revision = "20261121_supermarket"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAGS = {
    "product": ("off_guide", "ix_product_off_guide", ["kind", "off_guide", "id"]),
    "demand": ("public_need", "ix_demand_board", ["public_need", "state", "created_at", "id"]),
}
"""Tables with a search of their own: not in batches, which on SQLite would drop its triggers."""
SEARCHED = {"consultant": "specialities", "organization": "service_categories"}
PICTURES = ("second_picture_id", "third_picture_id")


def upgrade() -> None:
    for table, (flag, index, columns) in FLAGS.items():
        op.add_column(
            table, sa.Column(flag, sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        op.create_index(index, table, columns)
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        for name in PICTURES:
            batch_op.add_column(sa.Column(name, KEY, nullable=True))
            batch_op.create_index(batch_op.f(f"ix_product_case_{name}"), [name], unique=False)
            key = batch_op.f(f"fk_product_case_{name}_attachment")
            batch_op.create_foreign_key(key, "attachment", [name], ["id"])

    for name, services in SEARCHED.items():
        _search(name, services)
    _format_announcements()


def _format_announcements() -> None:
    """Plain bodies as paragraphs: from now on they have formatting."""
    table, rows = sa.table("announcement", sa.column("id"), sa.column("body")), op.get_bind()
    for key, body in rows.execute(sa.select(table.c.id, table.c.body)).all():
        parts = escape(body).replace("\r", "").split("\n\n")
        html = "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in parts if part)
        rows.execute(table.update().where(table.c.id == key).values(body=html))


def _search(name: str, services: str) -> None:
    """Find the rows of a table by the codes of a list too."""
    columns = sa.column("id"), sa.column("search_text"), sa.column(services, sa.JSON)
    table, rows = sa.table(name, *columns), op.get_bind()
    for row in rows.execute(sa.select(*columns).select_from(table)).all():
        if codes := row[2]:
            words = f"{row.search_text} | {bigrams(' '.join(codes))}"
            rows.execute(table.update().where(table.c.id == row.id).values(search_text=words))


def downgrade() -> None:
    with op.batch_alter_table("product_case", schema=None) as batch_op:
        for name in PICTURES:
            key = batch_op.f(f"fk_product_case_{name}_attachment")
            batch_op.drop_constraint(key, type_="foreignkey")
            batch_op.drop_index(batch_op.f(f"ix_product_case_{name}"))
            batch_op.drop_column(name)
    for table, (flag, index, _columns) in FLAGS.items():
        op.drop_index(index, table)
        op.drop_column(table, flag)
