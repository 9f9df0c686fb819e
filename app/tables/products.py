"""The catalogue: standard products, what institutions list, and the review of special products.

The rows that belong to one of them are in :mod:`app.tables.product_parts`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import Money, UtcDateTime, about, choice, field
from app.tables.base import Base, Named, when
from app.tables.files import Attachment
from app.tables.people import Organization
from app.tables.platform import Region
from app.tables.workflow import RUNNING, Submitted

if TYPE_CHECKING:
    from app.tables.product_parts import (
        ProductCase,
        ProductConsultant,
        ProductHighlight,
        ProductProof,
        ProductStep,
        ReviewConsultant,
    )

BASICS, TERMS = _l("Basic information"), _l("Product parameters")
PRICE, PROOF, STATEMENT = _l("Price and time"), _l("Proof"), _l("Statement")
LISTED = when("state = 'listed'")
CASE_PICTURES = ("picture", "second_picture", "third_picture")
OPEN_PRICE = 10**15
"""What a product without a price is ordered by: behind all that have one."""


class Priced:
    """What something costs: an amount, two, or none, as the mode says."""

    price_mode: Mapped[str] = choice(_l("Pricing"), choices.PRICE_MODES, section=PRICE)
    price_from: Mapped[int | None] = field(_l("Price (yuan)"), Money, section=PRICE, minimum=0)
    price_to: Mapped[int | None] = field(
        _l("Highest price (yuan)"),
        Money,
        section=PRICE,
        minimum=0,
        hint=_l("For a price range only"),
    )
    unit: Mapped[str | None] = choice(_l("Price unit"), choices.PRICE_UNITS, section=PRICE)


class StandardProduct(Priced, Named, Base):
    """What several institutions offer alike (常规产品): kept by staff, chosen by institutions."""

    __tablename__ = "standard_product"
    search_columns = ("name",)

    name: Mapped[str] = field(_l("Product name"), String(50), section=BASICS, search=True)
    category: Mapped[str] = field(
        _l("Service category"), String(20), section=BASICS, dictionary="service_category"
    )
    description: Mapped[str] = field(
        _l("Service content"), Text, section=BASICS, kind="rich", maximum=5_000
    )
    deliverables: Mapped[str] = field(_l("Deliverables"), String(500), section=BASICS, kind="long")
    cycle_days: Mapped[int] = field(
        _l("Time (working days)"), section=PRICE, minimum=1, maximum=365
    )
    certificate: Mapped[str | None] = field(
        _l("Certificate needed"),
        String(60),
        section=BASICS,
        hint=_l("Institutions without a valid certificate of this name cannot list the product"),
    )
    position: Mapped[int] = field(
        _l("Order"), section=BASICS, default=100, minimum=0, maximum=9_999
    )
    state: Mapped[str] = choice(
        _l("State"), choices.STANDARD_STATES, default="active", by_flow=True
    )
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    steps: Mapped[list[StandardStep]] = relationship(
        cascade="all, delete-orphan",
        order_by="StandardStep.id",
        info=about(_l("Process"), section=BASICS, limit=8, columns=("name", "content")),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("category", "name_key"),
        Index("ix_standard_product_state", "state", "id"),
        Index("ix_standard_product_position", "position", "id"),
    )


class StepText:
    """One step of a service's process (服务流程)."""

    name: Mapped[str] = field(_l("Step"), String(30))
    content: Mapped[str | None] = field(_l("What happens"), String(100))


class StandardStep(StepText, Base):
    """A step of a standard product."""

    __tablename__ = "standard_step"

    standard_id: Mapped[int] = mapped_column(ForeignKey("standard_product.id"), index=True)


class Product(Priced, Named, Base):
    """What an institution offers: its listing of a standard product, or a special one of its own.

    A special product is described by its newest approved :class:`ProductReview`; here stands what
    lists, searches and counts need.  ``price_order``, ``rating`` (hundredths of a point) and the
    counts are kept by :mod:`app.services.products`.
    """

    __tablename__ = "product"
    search_columns = ("name", "slogan")

    kind: Mapped[str] = choice(_l("Kind of product"), choices.PRODUCT_KINDS, by_flow=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    standard_id: Mapped[int | None] = mapped_column(ForeignKey("standard_product.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    cover_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    name: Mapped[str] = field(_l("Product name"), String(60), section=BASICS, search=True)
    category: Mapped[str] = field(
        _l("Service category"), String(20), section=BASICS, dictionary="service_category"
    )
    slogan: Mapped[str | None] = field(_l("One-line summary"), String(60), section=BASICS)
    own_text: Mapped[str | None] = field(
        _l("Our remarks"), String(500), section=BASICS, kind="long"
    )
    cycle_days: Mapped[int] = field(
        _l("Time (working days)"), section=PRICE, minimum=1, maximum=730
    )
    discount: Mapped[str | None] = field(_l("Park offer"), String(100), section=PRICE)
    valid_until: Mapped[date] = field(_l("Listed until"), section=PRICE, kind="expiry")
    state: Mapped[str] = choice(_l("State"), choices.PRODUCT_STATES, by_flow=True)
    revision: Mapped[str] = choice(
        _l("Revision"), choices.REVISION_STATES, default="none", by_flow=True
    )
    price_order: Mapped[int] = field(_l("Price"), Money, default=OPEN_PRICE)
    listed_at: Mapped[datetime | None] = field(_l("Listed at"), UtcDateTime, by_flow=True)
    kept_at: Mapped[datetime] = field(_l("Kept up at"), UtcDateTime)
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    view_count: Mapped[int] = field(_l("Views"), default=0, by_flow=True)
    demand_count: Mapped[int] = field(_l("Demands"), default=0, by_flow=True)
    rating: Mapped[int] = mapped_column(default=0)
    rating_sum: Mapped[int] = mapped_column(default=0)
    rating_count: Mapped[int] = field(_l("Number of ratings"), default=0, by_flow=True)
    off_guide: Mapped[bool] = field(
        _l("Off the guide price"), default=False, server_default=false(), by_flow=True
    )
    version: Mapped[int] = mapped_column(default=1)

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))
    standard: Mapped[StandardProduct | None] = relationship(info=about(_l("Standard product")))
    region: Mapped[Region] = relationship(info=about(_l("Region"), kind="region"))
    cover: Mapped[Attachment | None] = relationship(info=about(_l("Cover picture"), rule="cover"))
    consultants: Mapped[list[ProductConsultant]] = relationship(
        cascade="all, delete-orphan",
        order_by="ProductConsultant.id",
        info=about(
            _l("Serving consultants"),
            section=BASICS,
            kind="links",
            limit=5,
            columns=("consultant",),
        ),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("organization_id", "standard_id"),
        Index(
            "uq_product_name",
            "organization_id",
            "name_key",
            unique=True,
            **when("kind = 'special' AND state NOT IN ('refused', 'withdrawn')"),
        ),
        CheckConstraint(
            "(kind = 'standard') = (standard_id IS NOT NULL)", name="standard_is_named"
        ),
        Index("ix_product_organization", "organization_id", "kind", "state", "id"),
        Index("ix_product_standard", "standard_id", "id"),
        Index("ix_product_state", "kind", "state", "id"),
        Index("ix_product_kind_category", "kind", "category", "id"),
        Index("ix_product_off_guide", "kind", "off_guide", "id"),
        Index("ix_product_listed_at", "listed_at", "id", **LISTED),
        Index("ix_product_price", "price_order", "id", **LISTED),
        Index("ix_product_rating", "rating", "id", **LISTED),
        Index("ix_product_demands", "demand_count", "id", **LISTED),
        Index("ix_product_category", "category", "listed_at", "id", **LISTED),
        Index("ix_product_category_price", "category", "price_order", "id", **LISTED),
        Index("ix_product_category_rating", "category", "rating", "id", **LISTED),
        Index("ix_product_category_demands", "category", "demand_count", "id", **LISTED),
        Index("ix_product_region", "region_id", "listed_at", "id", **LISTED),
        Index("ix_product_valid_until", "valid_until", "id", **LISTED),
        Index("ix_product_kept_at", "kept_at", "id", **LISTED),
    )


class ProductReview(Submitted, Priced, Named, Base):
    """A special product as it was submitted (特色产品, S4-10): first, or as a revision of it.

    A snapshot; the newest approved one is ``is_current`` and is what the portal shows.
    """

    __tablename__ = "product_review"
    search_columns = ("name",)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    is_current: Mapped[bool] = mapped_column(default=False)
    cover_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)
    name: Mapped[str] = field(_l("Product name"), String(60), section=BASICS, search=True)
    category: Mapped[str] = field(
        _l("Service category"), String(20), section=BASICS, dictionary="service_category"
    )
    slogan: Mapped[str] = field(
        _l("One-line summary"), String(60), section=BASICS, hint=_l("Shown on cards of the portal")
    )
    tags: Mapped[list[str]] = field(
        _l("Tags"), JSON, default=list, section=BASICS, dictionary="capability_tag", limit=6
    )
    industries: Mapped[list[str]] = field(
        _l("Industries"), JSON, default=list, section=BASICS, dictionary="industry", limit=3
    )
    targets: Mapped[list[str]] = field(
        _l("For whom"), JSON, section=BASICS, dictionary="company_size"
    )
    content: Mapped[str] = field(
        _l("Service content"), Text, section=TERMS, kind="rich", minimum=50, maximum=10_000
    )
    deliverables: Mapped[str] = field(_l("Deliverables"), String(500), section=TERMS, kind="long")
    cycle_days: Mapped[int] = field(
        _l("Time (working days)"), section=PRICE, minimum=1, maximum=730
    )
    discount: Mapped[str | None] = field(
        _l("Park offer"),
        String(100),
        section=PRICE,
        hint=_l("An advantage for enterprises of the park, shown on the card"),
    )
    support: Mapped[str | None] = field(
        _l("After-sales service"), String(300), section=TERMS, kind="long"
    )
    valid_until: Mapped[date] = field(_l("Listed until"), section=PRICE, kind="expiry")
    statement: Mapped[bool] = field(
        _l("The product data is true; disputes that arise from it are ours to answer for"),
        section=STATEMENT,
        default=False,
        required=True,
    )

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))
    product: Mapped[Product | None] = relationship(info=about(_l("Product")))
    cover: Mapped[Attachment] = relationship(
        info=about(
            _l("Cover picture"),
            section=BASICS,
            rule="cover",
            hint=_l("Four to three, at least 800 by 600 pixels; it is cropped to fit"),
        )
    )
    highlights: Mapped[list[ProductHighlight]] = relationship(
        cascade="all, delete-orphan",
        order_by="ProductHighlight.id",
        info=about(
            _l("Highlights"),
            section=TERMS,
            hint=_l("At least one, at most six"),
            limit=6,
            columns=("name", "content"),
            required=True,
        ),
    )
    steps: Mapped[list[ProductStep]] = relationship(
        cascade="all, delete-orphan",
        order_by="ProductStep.id",
        info=about(_l("Process"), section=TERMS, limit=8, columns=("name", "content")),
    )
    cases: Mapped[list[ProductCase]] = relationship(
        cascade="all, delete-orphan",
        order_by="ProductCase.id",
        info=about(
            _l("Service cases"),
            section=TERMS,
            limit=5,
            columns=("client", "is_anonymous", "content", "effect", *CASE_PICTURES),
        ),
    )
    consultants: Mapped[list[ReviewConsultant]] = relationship(
        cascade="all, delete-orphan",
        order_by="ReviewConsultant.id",
        info=about(
            _l("Serving consultants"), section=TERMS, kind="links", limit=5, columns=("consultant",)
        ),
    )
    proofs: Mapped[list[ProductProof]] = relationship(
        cascade="all, delete-orphan",
        order_by="ProductProof.id",
        info=about(_l("Proof of ability"), section=PROOF, rule="document", limit=5),
    )

    __table_args__ = (
        Index("uq_product_review_running", "product_id", unique=True, **RUNNING),
        Index("uq_product_review_current", "product_id", unique=True, **when("is_current")),
        Index("ix_product_review_product", "product_id", "id"),
        Index("ix_product_review_organization", "organization_id", "id"),
        Index("ix_product_review_state", "state", "id"),
        Index("ix_product_review_submitted_at", "submitted_at", "id"),
        Index("ix_product_review_category", "category", "id"),
    )
