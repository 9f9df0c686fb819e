"""Institution accreditation (服务机构入驻, S4-2)."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import Money, about, choice, field
from app.tables.base import Base, Named
from app.tables.files import Attachment
from app.tables.people import Certificate
from app.tables.platform import Region
from app.tables.workflow import RUNNING, Submitted


class Accreditation(Submitted, Named, Base):
    """A request to become an institution of the platform (S4-2): a snapshot, until approved."""

    __tablename__ = "accreditation"
    search_columns = ("name", "credit_code")

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))

    name: Mapped[str] = field(
        _l("Organization name"), String(64), section=_l("Institution data"), search=True
    )
    credit_code: Mapped[str] = field(
        _l("Unified social credit code"),
        String(18),
        section=_l("Institution data"),
        kind="credit_code",
        hint=_l("18 characters, as printed on the business licence"),
    )
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    address: Mapped[str] = field(
        _l("Registered address"), String(100), section=_l("Institution data")
    )
    industry: Mapped[str] = field(
        _l("Industry"), String(8), section=_l("Institution data"), dictionary="industry"
    )
    legal_person: Mapped[str] = field(
        _l("Legal representative"), String(30), section=_l("Institution data")
    )
    founded_on: Mapped[date] = field(_l("Founded on"), section=_l("Institution data"), past=True)
    registered_capital: Mapped[int] = field(
        _l("Registered capital (10k yuan)"), Money, section=_l("Institution data"), unit=10_000
    )
    staff_count: Mapped[int] = field(
        _l("Employees"), section=_l("Institution data"), minimum=1, maximum=999_999
    )
    website: Mapped[str | None] = field(
        _l("Web site"), String(200), section=_l("Institution data"), kind="url"
    )
    short_name: Mapped[str | None] = field(
        _l("Short name"),
        String(16),
        section=_l("Institution data"),
        hint=_l("Shown on cards of the portal"),
    )
    institution_kind: Mapped[str] = field(
        _l("Kind of institution"),
        String(20),
        section=_l("Institution data"),
        dictionary="institution_kind",
    )
    service_categories: Mapped[list[str]] = field(
        _l("Service categories"),
        JSON,
        section=_l("Institution data"),
        dictionary="service_category",
        limit=6,
    )
    service_area: Mapped[list[str]] = field(
        _l("Area served"),
        JSON,
        default=list,
        section=_l("Institution data"),
        dictionary="city",
        limit=10,
    )
    intro: Mapped[str] = field(
        _l("Introduction"), String(1000), section=_l("Institution data"), kind="long", minimum=50
    )
    advantages: Mapped[str | None] = field(
        _l("Strengths"), String(500), section=_l("Institution data"), kind="long"
    )
    team_size: Mapped[int] = field(
        _l("Professionals"), section=_l("Qualifications"), minimum=1, maximum=9999
    )
    contact_name: Mapped[str] = field(_l("Contact"), String(30), section=_l("Contact"))
    contact_title: Mapped[str | None] = field(_l("Post"), String(30), section=_l("Contact"))
    contact_mobile: Mapped[str] = field(
        _l("Mobile"), String(11), section=_l("Contact"), kind="mobile", sensitive="phone"
    )
    contact_email: Mapped[str] = field(
        _l("E-mail for the result"),
        String(120),
        section=_l("Contact"),
        kind="email",
        sensitive="email",
        hint=_l("The result of the review is sent to this address"),
    )
    service_tel: Mapped[str] = field(
        _l("Public service line"),
        String(20),
        section=_l("Contact"),
        kind="tel",
        hint=_l("The only phone number that the portal shows"),
    )
    join_association: Mapped[bool] = field(
        _l("Apply for membership of the enterprise service association at the same time"),
        default=False,
        section=_l("Association"),
    )
    member_kind: Mapped[str | None] = choice(
        _l("Kind of membership"),
        choices.MEMBER_KINDS,
        section=_l("Association"),
        only_if="join_association",
        required=True,
    )
    representative_name: Mapped[str | None] = field(
        _l("Representative"),
        String(30),
        section=_l("Association"),
        only_if="join_association",
        required=True,
    )
    representative_title: Mapped[str | None] = field(
        _l("Post of the representative"),
        String(30),
        section=_l("Association"),
        only_if="join_association",
    )
    representative_mobile: Mapped[str | None] = field(
        _l("Mobile of the representative"),
        String(11),
        section=_l("Association"),
        kind="mobile",
        sensitive="phone",
        only_if="join_association",
        required=True,
    )
    join_reason: Mapped[str | None] = field(
        _l("Why we join"),
        String(300),
        section=_l("Association"),
        kind="long",
        only_if="join_association",
        required=True,
    )
    accept_charter: Mapped[bool] = field(
        _l("We accept the charter of the association"),
        default=False,
        section=_l("Association"),
        only_if="join_association",
        required=True,
    )
    true_statement: Mapped[bool] = field(
        _l("All data and materials are true, lawful and valid; we answer for them"),
        section=_l("Statement"),
        default=False,
        required=True,
    )
    logo_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)
    licence_file_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)
    membership_form_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    region: Mapped[Region] = relationship(
        info=about(_l("Region"), section=_l("Institution data"), kind="region")
    )
    logo: Mapped[Attachment] = relationship(
        foreign_keys=logo_id, info=about(_l("Logo"), section=_l("Institution data"), rule="logo")
    )
    cases: Mapped[list[AccreditationCase]] = relationship(
        cascade="all, delete-orphan",
        order_by="AccreditationCase.id",
        info=about(
            _l("Typical cases"),
            section=_l("Institution data"),
            limit=5,
            columns=("client", "content", "year", "is_anonymous"),
        ),
    )
    licence_file: Mapped[Attachment] = relationship(
        foreign_keys=licence_file_id,
        info=about(_l("Business licence"), section=_l("Qualifications"), rule="licence"),
    )
    qualifications: Mapped[list[AccreditationQualification]] = relationship(
        cascade="all, delete-orphan",
        order_by="AccreditationQualification.id",
        info=about(
            _l("Qualification certificates"),
            section=_l("Qualifications"),
            hint=_l("Required for legal, finance, IP, HR and testing services"),
            limit=20,
            columns=("name", "number", "valid_until", "proof"),
        ),
    )
    membership_form: Mapped[Attachment | None] = relationship(
        foreign_keys=membership_form_id,
        info=about(
            _l("Stamped membership form"),
            section=_l("Association"),
            rule="seal",
            only_if="join_association",
        ),
    )

    __table_args__ = (
        Index("uq_accreditation_applicant", "applicant_id", unique=True, **RUNNING),
        Index("uq_accreditation_code", "credit_code", unique=True, **RUNNING),
        Index("ix_accreditation_state", "state", "id"),
        Index("ix_accreditation_organization", "organization_id", "id"),
        Index("ix_accreditation_credit_code", "credit_code"),
        Index("ix_accreditation_submitted_at", "submitted_at", "id"),
    )


class AccreditationQualification(Certificate, Base):
    """A certificate named in a request."""

    __tablename__ = "accreditation_qualification"

    accreditation_id: Mapped[int] = mapped_column(ForeignKey("accreditation.id"), index=True)


class AccreditationCase(Base):
    """A typical case of an institution's work (典型案例)."""

    __tablename__ = "accreditation_case"
    label_column = "client"

    accreditation_id: Mapped[int] = mapped_column(ForeignKey("accreditation.id"), index=True)
    client: Mapped[str] = field(_l("Client"), String(64))
    content: Mapped[str] = field(_l("What was done"), String(300), kind="long")
    year: Mapped[int] = field(_l("Year"), kind="year", minimum=1990, maximum=2100)
    is_anonymous: Mapped[bool] = field(_l("Hide the client"), default=False)
