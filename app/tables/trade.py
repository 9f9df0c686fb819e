"""Transactions that institutions file (交易备案, S4-12) and what both sides say of them (S4-13)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app import choices
from app.columns import MOST_AMOUNT, Money, UtcDateTime, about, bare, choice, field
from app.tables.base import Base, Searchable, when
from app.tables.files import Attachment
from app.tables.people import Organization
from app.tables.workflow import Submitted

if TYPE_CHECKING:
    from app.tables.consultants import Consultant
    from app.tables.demands import Demand
    from app.tables.products import Product

TRADE, BUYER, PROOFS = _l("Transaction"), _l("Buyer"), _l("Proofs")
COUNTED = when("state IN ('in_review', 'approved')")


class Filing(Submitted, Searchable, Base):
    """A transaction as its institution files it (交易备案, S4-12).

    ``buyer_id`` is the organization of the credit code, once it is registered; the buyer need not
    be.  ``service_key`` is the name of the service in one spelling: no transaction counts twice.
    """

    __tablename__ = "filing"
    label_column = "service_name"
    search_columns = ("buyer_name", "service_name", "contract_no")

    state: Mapped[str] = choice(_l("State"), choices.FILING_STATES, default="draft", by_flow=True)
    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    demand_id: Mapped[int | None] = mapped_column(ForeignKey("demand.id"), index=True)
    kind: Mapped[str] = choice(
        _l("Kind of transaction"), choices.FILING_KINDS, default="park", section=TRADE
    )
    buyer_name: Mapped[str] = field(_l("Buying enterprise"), String(64), section=BUYER, search=True)
    buyer_credit_code: Mapped[str] = field(
        _l("Unified social credit code of the buyer"),
        String(18),
        section=BUYER,
        kind="credit_code",
        hint=_l("18 characters; the buyer need not be registered here"),
    )
    buyer_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    buyer_contact: Mapped[str] = field(
        _l("Contact of the buyer"), String(30), section=BUYER, sensitive="name"
    )
    buyer_phone: Mapped[str] = field(
        _l("Phone of the buyer's contact"), String(20), section=BUYER, kind="tel", sensitive="phone"
    )
    product_kind: Mapped[str] = choice(
        _l("Kind of service"), choices.FILED_SERVICES, default="free", section=TRADE
    )
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    service_name: Mapped[str] = field(
        _l("Service traded"),
        String(60),
        section=TRADE,
        required=False,
        search=True,
        hint=_l("Blank: the name of the chosen product"),
    )
    service_key: Mapped[str] = mapped_column(String(128), default="", deferred=True)
    category: Mapped[str] = field(
        _l("Service category"),
        String(20),
        section=TRADE,
        required=False,
        dictionary="service_category",
        hint=_l("Blank: the category of the chosen product"),
    )
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"))
    contract_no: Mapped[str | None] = field(_l("Contract number"), String(60), section=TRADE)
    amount: Mapped[int] = field(_l("Amount (yuan)"), Money, section=TRADE, maximum=MOST_AMOUNT)
    signed_on: Mapped[date] = field(_l("Signed on"), section=TRADE, past=True)
    finished_on: Mapped[date | None] = field(_l("Finished on"), section=TRADE)
    remark: Mapped[str | None] = field(_l("Remarks"), String(300), section=PROOFS, kind="long")
    approved_at: Mapped[datetime | None] = field(_l("Filed at"), UtcDateTime, by_flow=True)

    organization: Mapped[Organization] = relationship(
        foreign_keys=organization_id, info=about(_l("Institution"))
    )
    demand: Mapped[Demand | None] = relationship(
        "Demand", info=about(_l("Demand of the transaction"), section=TRADE)
    )
    product: Mapped[Product | None] = relationship(
        "Product", info=about(_l("Product traded"), section=TRADE)
    )
    consultant: Mapped[Consultant | None] = relationship(
        "Consultant",
        info=about(
            _l("Consultant"), section=TRADE, hint=_l("The transaction counts for both of you")
        ),
    )
    contract_files: Mapped[list[FilingContract]] = relationship(
        cascade="all, delete-orphan",
        order_by="FilingContract.id",
        info=about(_l("Contract"), section=PROOFS, rule="document", limit=5, required=True),
    )
    invoice_files: Mapped[list[FilingInvoice]] = relationship(
        cascade="all, delete-orphan",
        order_by="FilingInvoice.id",
        info=about(
            _l("Invoice or proof of payment"),
            section=PROOFS,
            hint=_l("Required for large amounts"),
            rule="document",
            limit=5,
        ),
    )

    @validates("service_name")
    def _fold_service(self, _key: str, name: str | None) -> str | None:
        self.service_key = bare(name or "")
        return name

    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index(
            "uq_filing_counted",
            "organization_id",
            "buyer_credit_code",
            "service_key",
            "amount",
            "signed_on",
            unique=True,
            **COUNTED,
        ),
        Index("ix_filing_organization", "organization_id", "id"),
        Index("ix_filing_organization_state", "organization_id", "state", "id"),
        Index("ix_filing_organization_signed_on", "organization_id", "signed_on", "id"),
        Index("ix_filing_consultant", "consultant_id", "id"),
        Index("ix_filing_buyer", "buyer_id", "id"),
        Index("ix_filing_product", "product_id", "id"),
        Index("ix_filing_unknown_buyer", "buyer_credit_code", **when("buyer_id IS NULL")),
        Index("ix_filing_state", "state", "id"),
        Index("ix_filing_category", "category", "id"),
        Index("ix_filing_amount", "amount", "id"),
        Index("ix_filing_signed_on", "signed_on", "id"),
        Index("ix_filing_submitted_at", "submitted_at", "id"),
        Index("ix_filing_approved_at", "approved_at", "id"),
    )


class FilingContract(Base):
    """A page of the contract of a filed transaction."""

    __tablename__ = "filing_contract"
    label_column = "id"

    filing_id: Mapped[int] = mapped_column(ForeignKey("filing.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()


class FilingInvoice(Base):
    """An invoice of a filed transaction, or a proof of payment."""

    __tablename__ = "filing_invoice"
    label_column = "id"

    filing_id: Mapped[int] = mapped_column(ForeignKey("filing.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()


class Rating(Searchable, Base):
    """What one side says of the other after a filed transaction (评价, S4-13): one row per side.

    The row is there, waiting, from the moment the transaction is filed.  Names are copied in: the
    portal shows them to readers who see neither the transaction nor the buyer.  ``score`` is in
    hundredths of a star.
    """

    __tablename__ = "rating"
    label_column = "title"
    search_columns = ("institution_name", "buyer_name", "title", "text")

    number: Mapped[str] = field(_l("Number"), String(24), unique=True)
    filing_id: Mapped[int] = mapped_column(ForeignKey("filing.id"))
    direction: Mapped[str] = choice(_l("Direction"), choices.RATING_DIRECTIONS)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    buyer_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))
    institution_name: Mapped[str] = field(_l("Institution"), String(64), search=True)
    buyer_name: Mapped[str] = field(_l("Enterprise"), String(64), search=True)
    title: Mapped[str] = field(_l("Transaction"), String(60), search=True)
    signed_on: Mapped[date] = field(_l("Signed on"))
    state: Mapped[str] = choice(_l("State"), choices.RATING_STATES, default="waiting", by_flow=True)
    opened_at: Mapped[datetime] = field(_l("Open since"), UtcDateTime)
    due_at: Mapped[datetime] = field(_l("Rate by"), UtcDateTime)
    score: Mapped[int | None] = field(_l("Overall score"), kind="stars")
    text: Mapped[str | None] = field(
        _l("Comment"),
        String(500),
        kind="long",
        hint=_l("Required when the overall score is 2 stars or less"),
    )
    tags: Mapped[list[str]] = field(
        _l("Impressions"), JSON, default=list, dictionary="rating_tag", limit=5
    )
    is_anonymous: Mapped[bool] = field(_l("Anonymous: the portal hides our name"), default=False)
    rated_at: Mapped[datetime | None] = field(_l("Rated at"), UtcDateTime)
    rated_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    shown_at: Mapped[datetime | None] = field(_l("Shown since"), UtcDateTime)
    reply: Mapped[str | None] = field(_l("Reply"), String(300), kind="long")
    reply_at: Mapped[datetime | None] = field(_l("Replied at"), UtcDateTime)
    remark: Mapped[str | None] = field(_l("Later remark"), String(300), kind="long")
    remark_at: Mapped[datetime | None] = field(_l("Remarked at"), UtcDateTime)
    hide_reason: Mapped[str | None] = choice(_l("Reason of hiding"), choices.HIDE_REASONS)
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    filing: Mapped[Filing] = relationship(info=about(_l("Transaction")))
    scores: Mapped[list[RatingScore]] = relationship(
        cascade="all, delete-orphan",
        order_by="RatingScore.id",
        info=about(_l("Scores"), columns=("dimension", "stars")),
    )
    pictures: Mapped[list[RatingPicture]] = relationship(
        cascade="all, delete-orphan",
        order_by="RatingPicture.id",
        info=about(_l("Pictures"), rule="picture", limit=6),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("filing_id", "direction"),
        CheckConstraint("score BETWEEN 100 AND 500", name="score_in_stars"),
        CheckConstraint("score IS NOT NULL OR state IN ('waiting', 'closed')", name="rated"),
        Index("ix_rating_organization", "organization_id", "direction", "state", "id"),
        Index("ix_rating_buyer", "buyer_id", "direction", "state", "id"),
        Index("ix_rating_consultant", "consultant_id", "direction", "state", "id"),
        Index("ix_rating_product", "product_id", "direction", "state", "id"),
        Index("ix_rating_state", "state", "id"),
        Index("ix_rating_direction", "direction", "id"),
        Index("ix_rating_score", "score", "id"),
        Index("ix_rating_rated_at", "rated_at", "id"),
        Index("ix_rating_due", "due_at", "id", **when("state = 'waiting'")),
        Index("ix_rating_pair", "rated_at", "id", **when("state = 'hidden_pair'")),
    )


class RatingScore(Base):
    """The stars that a rating gives in one dimension."""

    __tablename__ = "rating_score"
    label_column = "dimension"

    rating_id: Mapped[int] = mapped_column(ForeignKey("rating.id"), index=True)
    dimension: Mapped[str] = field(_l("Dimension"), String(20), dictionary="rating_dimension")
    stars: Mapped[int] = field(_l("Stars"), kind="whole_stars", minimum=1, maximum=5)

    __table_args__ = (
        UniqueConstraint("rating_id", "dimension"),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars_valid"),
    )


class RatingPicture(Base):
    """A picture shown with a rating."""

    __tablename__ = "rating_picture"
    label_column = "id"

    rating_id: Mapped[int] = mapped_column(ForeignKey("rating.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()


class RatingTotal(Base):
    """Sums of the ratings that count for one subject: pages show them without counting rows.

    ``subject`` is institution, consultant or product; ``measure`` a dimension, ``score`` for the
    overall score, or ``star1`` … ``star5`` for how many there are of each.
    """

    __tablename__ = "rating_total"
    label_column = "measure"

    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column()
    measure: Mapped[str] = mapped_column(String(20))
    ratings: Mapped[int] = mapped_column(default=0)
    points: Mapped[int] = mapped_column(default=0)

    __table_args__ = (UniqueConstraint("subject", "subject_id", "measure"),)
