"""What all tables have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from flask_appbuilder import Model
from sqlalchemy import CheckConstraint, MetaData, String, Table, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.columns import Choices, FieldInfo, Key, bare

# Before FAB's own tables are imported: their constraints follow it too.
Model.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@event.listens_for(Table, "after_parent_attach")
def _check_codes(table: Table, metadata: MetaData) -> None:
    """The codes of a column as a constraint of its table: migrations do not see a column's own.

    Not for the copies that a migration makes of a table: they have it.
    """
    for column in table.columns if metadata is Model.metadata else ():
        info = column.info.get("field")
        if isinstance(info, FieldInfo) and info.checked:
            codes = ", ".join(f"'{code}'" for code in (info.choices or Choices()).codes())
            valid = f"{column.name} IN ({codes})"
            table.append_constraint(CheckConstraint(valid, name=f"{column.name}_valid"))


class Base(Model):
    """FAB's base, minus ``extend_existing``: two tables of one name are an error here.

    ``label_column`` names a row in lists and selects; ``search_columns`` feed its search text.
    """

    __abstract__ = True
    __table_args__: Any = ()
    label_column: ClassVar[str] = "name"
    search_columns: ClassVar[tuple[str, ...]] = ()

    id: Mapped[int] = mapped_column(Key, primary_key=True)

    def __str__(self) -> str:
        """The row's name."""
        return str(getattr(self, self.label_column) or "")


class Searchable:
    """A row found by substring search; :mod:`app.search` keeps and reads the column."""

    search_text: Mapped[str] = mapped_column(Text, default="", server_default="", deferred=True)


class Named(Searchable):
    """A row whose name may stand once only, however it is spelt (S1-14)."""

    name_key: Mapped[str] = mapped_column(String(128), index=True, default="", deferred=True)

    @validates("name")
    def _fold(self, _key: str, name: str | None) -> str | None:
        self.name_key = bare(name or "")
        return name


def when(condition: str) -> dict[str, Any]:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
