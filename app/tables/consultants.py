"""Service consultants (服务顾问, S4-5…8): people who serve for an institution."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app import choices
from app.columns import UtcDateTime, about, choice, field
from app.tables.base import Base, Searchable, when
from app.tables.files import Attachment
from app.tables.people import Certificate, Organization
from app.tables.workflow import RUNNING, Submitted

PERSON, SERVICE = _l("Personal data"), _l("Services")
CERTIFICATES = ("name", "number", "issued_on", "valid_until", "proof")


class ConsultantProfile:
    """What is known of a consultant (F11): of a living one, and as he fills it in for review."""

    name: Mapped[str] = field(_l("Name"), String(30), section=PERSON, search=True)
    mobile: Mapped[str] = field(
        _l("Mobile number"), String(11), section=PERSON, kind="mobile", sensitive="phone"
    )
    email: Mapped[str] = field(
        _l("E-mail"),
        String(120),
        section=PERSON,
        kind="email",
        sensitive="email",
        hint=_l("The invitation goes to this address"),
    )
    title: Mapped[str | None] = field(_l("Post"), String(30), section=PERSON)
    specialities: Mapped[list[str]] = field(
        _l("Specialities"),
        JSON,
        section=SERVICE,
        dictionary="service_category",
        limit=5,
        hint=_l("Out of the services of the institution, at most 5"),
    )
    sex: Mapped[str | None] = choice(_l("Sex"), choices.SEXES, section=PERSON)
    id_no: Mapped[str | None] = field(
        _l("ID number"), String(18), section=PERSON, kind="id_number", sensitive="id_number"
    )
    years: Mapped[int | None] = field(
        _l("Years of service"), section=SERVICE, minimum=0, maximum=60, required=True
    )
    education: Mapped[str | None] = field(
        _l("Education"), String(20), section=PERSON, dictionary="education"
    )
    industries: Mapped[list[str]] = field(
        _l("Industries served"),
        JSON,
        default=list,
        section=SERVICE,
        dictionary="industry",
        limit=5,
    )
    intro: Mapped[str | None] = field(
        _l("Introduction of the consultant"),
        String(500),
        section=SERVICE,
        kind="long",
        minimum=30,
        required=True,
    )
    achievements: Mapped[str | None] = field(
        _l("Results of service"), String(500), section=SERVICE, kind="long"
    )
    languages: Mapped[list[str]] = field(
        _l("Languages"), JSON, default=list, section=SERVICE, dictionary="language", limit=6
    )
    visible_contact: Mapped[bool] = field(
        _l("Show my phone to enterprises after a demand"), default=True, section=SERVICE
    )
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    @declared_attr
    def photo(cls) -> Mapped[Attachment | None]:
        return relationship(
            "Attachment",
            foreign_keys=f"{cls.__name__}.photo_id",  # type: ignore[attr-defined]
            info=about(_l("Photo"), section=PERSON, rule="photo", required=True),
        )


class Consultant(ConsultantProfile, Searchable, Base):
    """One person's engagement at one institution, from the line in its list on.

    ``user_id`` is the account that accepted the invitation; one account serves one institution at
    a time.  The periods of service are :class:`ConsultantLink`.
    """

    __tablename__ = "consultant"
    search_columns = ("name", "specialities")

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    note: Mapped[str | None] = field(
        _l("Note for us"),
        String(200),
        section=PERSON,
        kind="long",
        hint=_l("Read by your institution only"),
    )
    state: Mapped[str] = choice(
        _l("Account state"),
        choices.CONSULTANT_STATES,
        default="none",
        server_default="none",
        by_flow=True,
    )
    invited_at: Mapped[datetime | None] = field(_l("Invited at"), UtcDateTime, by_flow=True)
    invited_until: Mapped[datetime | None] = field(_l("Valid until"), UtcDateTime, by_flow=True)
    linked_at: Mapped[datetime | None] = field(_l("Linked at"), UtcDateTime, by_flow=True)
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))
    certificates: Mapped[list[ConsultantCertificate]] = relationship(
        cascade="all, delete-orphan",
        order_by="ConsultantCertificate.id",
        info=about(_l("Certificates"), section=SERVICE, limit=10, columns=CERTIFICATES),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("organization_id", "mobile"),
        Index(
            "uq_consultant_user",
            "user_id",
            unique=True,
            **when("state IN ('accepted', 'in_review', 'returned', 'linked')"),
        ),
        Index("ix_consultant_user", "user_id", "id"),
        Index("ix_consultant_organization", "organization_id", "id"),
        Index("ix_consultant_organization_state", "organization_id", "state", "id"),
        Index("ix_consultant_state", "state", "id"),
        Index("ix_consultant_mobile", "mobile"),
    )


class ConsultantCertificate(Certificate, Base):
    """A certificate that a consultant holds."""

    __tablename__ = "consultant_certificate"

    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"), index=True)
    issued_on: Mapped[date | None] = field(_l("Issued on"), past=True)


class ConsultantLink(Base):
    """One period in which a consultant served for an institution (关联记录)."""

    __tablename__ = "consultant_link"
    label_column = "id"

    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    linked_at: Mapped[datetime] = field(_l("Linked at"), UtcDateTime)
    ended_at: Mapped[datetime | None] = field(_l("Ended at"), UtcDateTime)
    ended_by: Mapped[str | None] = field(_l("Ended by"), String(120))
    reason: Mapped[str | None] = choice(_l("Reason"), choices.UNLINK_REASONS)
    remark: Mapped[str | None] = field(_l("Explanation"), String(200), kind="long")

    __table_args__ = (
        Index(
            "uq_consultant_link_open",
            "consultant_id",
            unique=True,
            **when("ended_at IS NULL"),
        ),
        Index("ix_consultant_link_consultant", "consultant_id", "id"),
        Index("ix_consultant_link_user", "user_id", "id"),
        Index("ix_consultant_link_organization", "organization_id", "id"),
    )


class Invitation(Base):
    """A one-time link that was mailed to a consultant (邀请); the row holds its hash.

    A newer one voids it.  ``number`` counts those of a consultant.
    """

    __tablename__ = "invitation"
    label_column = "email"

    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = field(_l("E-mail"), String(120), kind="email", sensitive="email")
    number: Mapped[int] = field(_l("Times sent"), default=1)
    state: Mapped[str] = choice(
        _l("State"),
        choices.INVITATION_STATES,
        default="open",
        by_flow=True,
    )
    created_at: Mapped[datetime] = field(_l("Invited at"), UtcDateTime)
    expires_at: Mapped[datetime] = field(_l("Valid until"), UtcDateTime)
    sent_by: Mapped[str] = field(_l("Sent by"), String(120), default="")
    used_at: Mapped[datetime | None] = field(_l("Accepted at"), UtcDateTime)
    used_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))

    consultant: Mapped[Consultant] = relationship(info=about(_l("Consultant")))
    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))

    __table_args__ = (
        Index("uq_invitation_open", "consultant_id", unique=True, **when("state = 'open'")),
        Index("ix_invitation_consultant", "consultant_id", "id"),
        Index("ix_invitation_organization", "organization_id", "id"),
        Index("ix_invitation_state", "state", "id"),
        Index("ix_invitation_expires", "expires_at", "id", **when("state = 'open'")),
    )


class ConsultantReview(Submitted, ConsultantProfile, Searchable, Base):
    """What a consultant fills in (S4-7), for his first link and for every later change."""

    __tablename__ = "consultant_review"
    search_columns = ("name",)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    consultant_id: Mapped[int] = mapped_column(ForeignKey("consultant.id"))
    accept_terms: Mapped[bool] = field(
        _l("I serve on behalf of the institution"),
        section=_l("Statement"),
        default=False,
        required=True,
    )

    organization: Mapped[Organization] = relationship(info=about(_l("Institution")))
    consultant: Mapped[Consultant] = relationship(info=about(_l("Consultant")))
    certificates: Mapped[list[ReviewedCertificate]] = relationship(
        cascade="all, delete-orphan",
        order_by="ReviewedCertificate.id",
        info=about(_l("Certificates"), section=SERVICE, limit=10, columns=CERTIFICATES),
    )

    __table_args__ = (
        Index("uq_consultant_review", "consultant_id", unique=True, **RUNNING),
        Index("ix_consultant_review_consultant", "consultant_id", "id"),
        Index("ix_consultant_review_organization", "organization_id", "id"),
        Index("ix_consultant_review_state", "state", "id"),
        Index("ix_consultant_review_submitted_at", "submitted_at", "id"),
    )


class ReviewedCertificate(Certificate, Base):
    """A certificate as a consultant fills it in."""

    __tablename__ = "reviewed_certificate"

    review_id: Mapped[int] = mapped_column(ForeignKey("consultant_review.id"), index=True)
    issued_on: Mapped[date | None] = field(_l("Issued on"), past=True)
