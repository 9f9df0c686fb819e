"""What the platform itself keeps: rights' version, settings, numbers, reference data."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app import choices
from app.columns import choice, field
from app.tables.base import Base


class AccessVersion(Base):
    """One row; its number rises with every change of users, rights, memberships and reference data.

    What a process keeps of these is good while the number stands still.
    """

    __tablename__ = "access_version"

    version: Mapped[int] = mapped_column(default=1)


class Setting(Base):
    """A value that belongs to this installation, such as the profile it was made with."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    value: Mapped[Any] = mapped_column(JSON)


class NumberSeries(Base):
    """The last case number given out, by prefix and Shanghai day."""

    __tablename__ = "number_series"

    prefix: Mapped[str] = mapped_column(String(8))
    day: Mapped[date]
    last: Mapped[int]

    __table_args__ = (UniqueConstraint("prefix", "day"),)


class Region(Base):
    """A region (省 市 区); its id *is* the six-digit code, so a subtree is a range of ids."""

    __tablename__ = "region"

    name: Mapped[str] = field(_l("Region"), String(120))
    level: Mapped[int] = mapped_column()
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    path: Mapped[str] = field(_l("Full name"), String(200))

    label_column = "path"


class DictItem(Base):
    """One item of a dictionary (数据字典): a code that forms store, words that people read."""

    __tablename__ = "dict_item"

    dictionary: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40))
    parent: Mapped[str] = field(
        _l("Group"),
        String(40),
        default="",
        dictionary="service_group",
        hint=_l("Blank: the category is a group of its own"),
    )
    zh: Mapped[str] = field(_l("Chinese name"), String(80))
    en: Mapped[str] = field(_l("English name"), String(80))
    position: Mapped[int] = mapped_column(default=0)
    needs_licence: Mapped[bool] = field(
        _l("Asks for a certificate of qualification"), default=False
    )
    is_active: Mapped[bool] = field(_l("Offered to choose"), default=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    label_column = "zh"
    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (UniqueConstraint("dictionary", "code"),)


class Holiday(Base):
    """A day on which offices differ from the week: a holiday, or a made-up working day (调休)."""

    __tablename__ = "holiday"

    day: Mapped[date] = field(_l("Day"), unique=True)
    kind: Mapped[str] = choice(_l("Kind"), choices.DAY_KINDS)
    name: Mapped[str] = field(_l("Name"), String(60), default="")
