"""What belongs to a product: highlights, steps, cases, proofs, consultants, times in the pool."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app import choices
from app.columns import UtcDateTime, about, choice, field
from app.tables.base import Base, when
from app.tables.consultants import Consultant
from app.tables.files import Attachment
from app.tables.people import Organization
from app.tables.products import Product, StepText


class ProductHighlight(Base):
    """What is good about a product (产品亮点)."""

    __tablename__ = "product_highlight"

    review_id: Mapped[int] = mapped_column(ForeignKey("product_review.id"), index=True)
    name: Mapped[str] = field(_l("Title"), String(20))
    content: Mapped[str] = field(_l("Explanation"), String(100))


class ProductStep(StepText, Base):
    """A step of a special product."""

    __tablename__ = "product_step"

    review_id: Mapped[int] = mapped_column(ForeignKey("product_review.id"), index=True)


class ProductCase(Base):
    """For whom it was done and what came of it (服务案例)."""

    __tablename__ = "product_case"
    label_column = "client"

    review_id: Mapped[int] = mapped_column(ForeignKey("product_review.id"), index=True)
    client: Mapped[str] = field(_l("Client"), String(64))
    is_anonymous: Mapped[bool] = field(_l("Hide the client"), default=False)
    content: Mapped[str] = field(_l("What was done"), String(300), kind="long")
    effect: Mapped[str | None] = field(_l("What came of it"), String(200), kind="long")
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    second_picture_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    third_picture_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    picture: Mapped[Attachment | None] = relationship(
        foreign_keys=picture_id, info=about(_l("Picture"), rule="picture")
    )
    second_picture: Mapped[Attachment | None] = relationship(
        foreign_keys=second_picture_id, info=about(_l("Second picture"), rule="picture")
    )
    third_picture: Mapped[Attachment | None] = relationship(
        foreign_keys=third_picture_id, info=about(_l("Third picture"), rule="picture")
    )


class ProductProof(Base):
    """A document that proves what a product says."""

    __tablename__ = "product_proof"
    label_column = "id"

    review_id: Mapped[int] = mapped_column(ForeignKey("product_review.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()


class ConsultantLinked:
    """A consultant who serves a product."""

    label_column: ClassVar[str] = "id"

    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"), index=True)

    @declared_attr
    def consultant(cls) -> Mapped[Consultant]:
        return relationship("Consultant", info=about(_l("Consultant")))


class ProductConsultant(ConsultantLinked, Base):
    """Who serves what is on the portal."""

    __tablename__ = "product_consultant"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)

    __table_args__ = (UniqueConstraint("product_id", "consultant_id"),)


class ReviewConsultant(ConsultantLinked, Base):
    """Who shall serve what is under review."""

    __tablename__ = "review_consultant"

    review_id: Mapped[int] = mapped_column(ForeignKey("product_review.id"), index=True)


class PoolEntry(Base):
    """A time in which a product may be on sale (产品池): derived, kept by ``pool.rebuild``.

    What an institution then puts on sale is a state of the product.
    """

    __tablename__ = "pool_entry"
    label_column = "id"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    state: Mapped[str] = choice(_l("State"), choices.POOL_STATES, by_flow=True)
    since: Mapped[datetime] = field(_l("In the pool since"), UtcDateTime)
    until: Mapped[datetime | None] = field(_l("Left the pool at"), UtcDateTime)

    product: Mapped[Product] = relationship(info=about(_l("Product")))
    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))

    __table_args__ = (
        CheckConstraint("(state = 'ended') = (until IS NOT NULL)", name="ended_has_its_end"),
        Index("uq_pool_entry_active", "product_id", unique=True, **when("state = 'active'")),
        Index("ix_pool_entry_product", "product_id", "id"),
        Index("ix_pool_entry_organization", "organization_id", "id"),
        Index("ix_pool_entry_state", "state", "id"),
        Index("ix_pool_entry_since", "since", "id"),
    )
