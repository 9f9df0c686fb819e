"""Enterprise certification (企业认证, S2-3) and changes of what is certified (S1-7)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app import choices
from app.columns import Money, about, choice, field
from app.tables.base import Base, Named
from app.tables.files import Attachment
from app.tables.platform import Region
from app.tables.workflow import RUNNING, Submitted

COMPANY, CONTACT, MATERIALS = _l("Company data"), _l("Contact"), _l("Materials")
CHANGE = _l("Change")


class CompanyData(Submitted, Named):
    """What is certified of an enterprise (S2-3): in a request, and as a change proposes it.

    ``reviewer_id`` is the authority that decides, found when it is submitted.
    """

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str] = field(_l("Company name"), String(64), section=COMPANY, search=True)
    credit_code: Mapped[str] = field(
        _l("Unified social credit code"),
        String(18),
        section=COMPANY,
        kind="credit_code",
        hint=_l("18 characters, as printed on the business licence"),
    )
    founded_on: Mapped[date] = field(_l("Founded on"), section=COMPANY, past=True)
    industry: Mapped[str] = field(
        _l("Industry of the company"), String(8), section=COMPANY, dictionary="industry"
    )
    legal_person: Mapped[str | None] = field(
        _l("Legal representative"), String(30), section=COMPANY
    )
    registered_capital: Mapped[int] = field(
        _l("Registered capital (10k yuan)"), Money, section=COMPANY, unit=10_000
    )
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    address: Mapped[str] = field(_l("Detailed address"), String(100), section=COMPANY)
    licence_file_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    @declared_attr
    def region(cls) -> Mapped[Region]:
        return relationship("Region", info=about(_l("Region"), section=COMPANY, kind="region"))

    @declared_attr
    def licence_file(cls) -> Mapped[Attachment]:
        return relationship(
            "Attachment",
            foreign_keys=f"{cls.__name__}.licence_file_id",  # type: ignore[attr-defined]
            info=about(_l("Business licence"), section=MATERIALS, rule="licence"),
        )


def _company_indexes(table: str) -> tuple[Index, ...]:
    return (
        Index(f"uq_{table}_organization", "organization_id", unique=True, **RUNNING),
        Index(f"ix_{table}_organization", "organization_id", "id"),
        Index(f"ix_{table}_state", "state", "id"),
        Index(f"ix_{table}_region", "region_id", "id"),
        Index(f"ix_{table}_submitted_at", "submitted_at", "id"),
        Index(f"ix_{table}_credit_code", "credit_code"),
    )


class Certification(CompanyData, Base):
    """A request to certify an enterprise (企业认证): a snapshot, until it is approved."""

    __tablename__ = "certification"
    __table_args__ = _company_indexes("certification")
    search_columns = ("name", "credit_code")

    staff_count: Mapped[int] = field(
        _l("Company size (people)"), section=COMPANY, minimum=1, maximum=999_999
    )
    website: Mapped[str] = field(
        _l("Company web site"),
        String(200),
        section=COMPANY,
        kind="site",
        hint=_l('If there is no web site, write "none"'),
    )
    intro: Mapped[str] = field(_l("Company profile"), String(300), section=COMPANY, kind="long")
    contact_name: Mapped[str] = field(_l("Contact"), String(30), section=CONTACT)
    contact_phone: Mapped[str] = field(
        _l("Contact phone"), String(20), section=CONTACT, kind="tel", sensitive="phone"
    )
    contact_email: Mapped[str] = field(
        _l("Contact e-mail"), String(120), section=CONTACT, kind="email", sensitive="email"
    )
    authorisation_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    true_statement: Mapped[bool] = field(
        _l("All data and materials are true, lawful and valid; we answer for them"),
        section=_l("Statement"),
        default=False,
        required=True,
    )
    filed_as: Mapped[str] = choice(
        _l("Kind of registration"), choices.FILED_AS, default="enterprise"
    )
    filed_by: Mapped[str | None] = field(_l("Filed by staff"), String(120))

    authorisation: Mapped[Attachment | None] = relationship(
        foreign_keys=authorisation_id,
        info=about(
            _l("Letter of authorisation"),
            section=MATERIALS,
            hint=_l("When the applicant is not the legal representative"),
            rule="seal",
        ),
    )


class OrganizationChange(CompanyData, Base):
    """A change of certified data (信息变更, S1-7); ``before`` is what held when it was sent."""

    __tablename__ = "organization_change"
    __table_args__ = _company_indexes("organization_change")
    search_columns = ("name", "credit_code")

    reason: Mapped[str] = field(
        _l("Reason of the change"), String(200), section=CHANGE, kind="long"
    )
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    proofs: Mapped[list[ChangeProof]] = relationship(
        cascade="all, delete-orphan",
        order_by="ChangeProof.id",
        info=about(
            _l("Proofs"),
            section=CHANGE,
            hint=_l("Required when name, credit code or legal representative change"),
            rule="document",
            limit=5,
        ),
    )


class ChangeProof(Base):
    """A document that proves a change."""

    __tablename__ = "change_proof"
    label_column = "id"

    change_id: Mapped[int] = mapped_column(ForeignKey("organization_change.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()
