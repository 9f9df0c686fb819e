"""People and organizations, who belongs where, and requests to join."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from app.tables.base import Base, Named, when  # isort: split

from flask_appbuilder.security.sqla.models import User as FabUser  # named by our base
from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app import choices
from app.columns import FieldInfo, Money, UtcDateTime, about, choice, field
from app.tables.files import Attachment
from app.tables.platform import Region
from app.tables.workflow import RUNNING

# FAB wants a unique e-mail from everybody; here it is optional, and a clerk may run two accounts.
FabUser.__table__.c.email.nullable = True
FabUser.__table__.c.email.unique = None
FabUser.__table__.constraints = {
    constraint
    for constraint in FabUser.__table__.constraints
    if not (isinstance(constraint, UniqueConstraint) and "email" in constraint.columns)
}
Index("ix_ab_user_email", FabUser.__table__.c.email)
for _name, _info in {
    "username": FieldInfo(_l("User name"), sensitive="account"),
    "last_name": FieldInfo(_l("Name")),
    "email": FieldInfo(_l("E-mail"), kind="email", sensitive="email"),
    "last_login": FieldInfo(_l("Last login")),
    "created_on": FieldInfo(_l("Created at")),
}.items():
    FabUser.__table__.c[_name].info["field"] = _info


class Person(FabUser):
    """A person with a login.  ``last_name`` holds the whole name, as Chinese names are written."""

    __tablename__ = "ab_user"
    label_column: ClassVar[str] = "last_name"

    mobile: Mapped[str | None] = field(
        _l("Mobile number"), String(20), unique=True, kind="mobile", sensitive="phone"
    )
    register_kind: Mapped[str | None] = mapped_column(String(20))
    locale: Mapped[str] = mapped_column(String(8), default="zh", server_default="zh")
    password_set_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def __str__(self) -> str:
        """The person's name."""
        return str(self.last_name)


class Organization(Named, Base):
    """One legal person or authority, one row per credit code; what it is are its roles."""

    __tablename__ = "organization"
    search_columns = ("name", "short_name", "credit_code", "service_categories")

    name: Mapped[str] = field(
        _l("Organization name"), String(64), section=_l("Registration"), search=True
    )
    credit_code: Mapped[str] = field(
        _l("Unified social credit code"),
        String(18),
        unique=True,
        section=_l("Registration"),
        kind="credit_code",
        hint=_l("18 characters, as printed on the business licence"),
    )
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    address: Mapped[str] = field(_l("Registered address"), String(100), section=_l("Registration"))
    industry: Mapped[str] = field(
        _l("Industry"), String(8), section=_l("Registration"), dictionary="industry"
    )
    legal_person: Mapped[str | None] = field(
        _l("Legal representative"), String(30), section=_l("Registration")
    )
    founded_on: Mapped[date | None] = field(_l("Founded on"), section=_l("Registration"), past=True)
    registered_capital: Mapped[int | None] = field(
        _l("Registered capital (10k yuan)"), Money, section=_l("Registration"), unit=10_000
    )
    staff_count: Mapped[int | None] = field(
        _l("Employees"), section=_l("Registration"), minimum=1, maximum=999_999
    )
    contact_name: Mapped[str] = field(_l("Contact"), String(30), section=_l("Contact"))
    contact_phone: Mapped[str] = field(
        _l("Contact phone"), String(20), section=_l("Contact"), kind="tel", sensitive="phone"
    )
    contact_email: Mapped[str | None] = field(
        _l("Contact e-mail"), String(120), section=_l("Contact"), kind="email", sensitive="email"
    )
    short_name: Mapped[str | None] = field(_l("Short name"), String(16), section=_l("Presentation"))
    institution_kind: Mapped[str | None] = field(
        _l("Kind of institution"),
        String(20),
        section=_l("Presentation"),
        dictionary="institution_kind",
    )
    service_categories: Mapped[list[str]] = field(
        _l("Service categories"),
        JSON,
        default=list,
        section=_l("Presentation"),
        dictionary="service_category",
        limit=6,
    )
    service_area: Mapped[list[str]] = field(
        _l("Area served"),
        JSON,
        default=list,
        section=_l("Presentation"),
        dictionary="city",
        limit=10,
    )
    intro: Mapped[str | None] = field(
        _l("Introduction"), String(1000), section=_l("Presentation"), kind="long"
    )
    advantages: Mapped[str | None] = field(
        _l("Strengths"), String(500), section=_l("Presentation"), kind="long"
    )
    website: Mapped[str | None] = field(
        _l("Web site"), String(200), section=_l("Presentation"), kind="url"
    )
    service_tel: Mapped[str | None] = field(
        _l("Public service line"),
        String(20),
        section=_l("Presentation"),
        kind="tel",
        hint=_l("The only phone number that the portal shows"),
    )
    logo_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    licence_file_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    certification: Mapped[str] = choice(
        _l("Certification"),
        choices.CERTIFICATION,
        default="none",
        section=_l("Certification information"),
        by_flow=True,
    )
    certified_at: Mapped[datetime | None] = field(
        _l("Certified at"), UtcDateTime, section=_l("Certification information"), by_flow=True
    )
    certified_until: Mapped[date | None] = field(
        _l("Certified until"), section=_l("Certification information"), kind="expiry", by_flow=True
    )
    institution_state: Mapped[str] = choice(
        _l("Institution status"),
        choices.INSTITUTION_STATES,
        default="none",
        server_default="none",
        section=_l("Certification information"),
        by_flow=True,
    )
    in_park: Mapped[str | None] = choice(
        _l("Registered in the park"), choices.IN_PARK, section=_l("Registration")
    )
    association_state: Mapped[str] = choice(
        _l("Membership of the association"),
        choices.ASSOCIATION_STATES,
        default="none",
        server_default="none",
        section=_l("Association"),
        by_flow=True,
    )
    member_kind: Mapped[str | None] = choice(
        _l("Kind of membership"), choices.MEMBER_KINDS, section=_l("Association"), by_flow=True
    )
    member_no: Mapped[str | None] = field(
        _l("Member number"), String(24), section=_l("Association"), by_flow=True,
        index=True, unique=True,  # an index: for a constraint SQLite copies the table
    )  # fmt: skip
    member_since: Mapped[date | None] = field(
        _l("Member since"), section=_l("Association"), by_flow=True
    )
    member_until: Mapped[date | None] = field(
        _l("Member until"), section=_l("Association"), kind="expiry", by_flow=True
    )
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    region: Mapped[Region] = relationship(
        info=about(_l("Region"), section=_l("Registration"), kind="region")
    )
    logo: Mapped[Attachment | None] = relationship(
        foreign_keys=logo_id,
        info=about(_l("Logo"), section=_l("Presentation"), rule="logo"),
    )
    licence_file: Mapped[Attachment | None] = relationship(
        foreign_keys=licence_file_id,
        info=about(_l("Business licence"), section=_l("Qualifications"), rule="licence"),
    )
    qualifications: Mapped[list[Qualification]] = relationship(
        cascade="all, delete-orphan",
        order_by="Qualification.id",
        info=about(
            _l("Qualification certificates"),
            section=_l("Qualifications"),
            limit=20,
            columns=("name", "number", "valid_until", "proof"),
        ),
    )
    roles: Mapped[list[OrgRole]] = relationship(cascade="all, delete-orphan")

    @property
    def is_authority(self) -> bool:
        """Whether its accounts are staff; the security administrator said so."""
        return any(role.role in choices.AUTHORITIES for role in self.roles)

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("length(credit_code) = 18", name="credit_code_length"),
        Index("ix_organization_certification", "certification", "id"),
        Index("ix_organization_institution_state", "institution_state", "id"),
        Index("ix_organization_association_state", "association_state", "id"),
        Index("ix_organization_member_until", "member_until"),
        Index("ix_organization_in_park", "in_park", "id"),
        Index("ix_organization_certified_at", "certified_at", "id"),
        Index("ix_organization_certified_until", "certified_until"),
        Index("ix_organization_region", "region_id", "id"),
        Index("ix_organization_name", "name", "id"),
    )


class Certificate:
    """What a certificate (资质证书) says, and its scan."""

    name: Mapped[str] = field(_l("Certificate"), String(60))
    number: Mapped[str] = field(_l("Certificate number"), String(60))
    valid_until: Mapped[date | None] = field(_l("Valid until"), kind="expiry")
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    @declared_attr
    def proof(cls) -> Mapped[Attachment | None]:
        return relationship("Attachment", info=about(_l("Scan"), rule="licence"))


class Qualification(Certificate, Base):
    """A certificate that an organization holds."""

    __tablename__ = "qualification"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)

    __table_args__ = (Index("ix_qualification_valid_until", "valid_until"),)


class OrgRole(Base):
    """What an organization is on this platform, from when to when (机构资格)."""

    __tablename__ = "org_role"
    label_column = "role"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    role: Mapped[str] = choice(_l("Role"), choices.ORGANIZATION_ROLES)
    valid_from: Mapped[date] = field(_l("Valid from"))
    valid_until: Mapped[date | None] = field(_l("Valid until"))

    __table_args__ = (UniqueConstraint("organization_id", "role"),)


class Membership(Base):
    """Which organization a user acts for; the main account (主账号) is exactly one."""

    __tablename__ = "membership"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), unique=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    is_main: Mapped[bool] = field(_l("Role"), default=True)
    rights: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))

    person: Mapped[Person] = relationship(info=about(_l("Name")))

    __table_args__ = (
        Index("uq_membership_main", "organization_id", unique=True, **when("is_main")),
    )


class OrganizationRequest:
    """What a person without an organization asks of one that is registered already (F02).

    The code is typed; the organization behind it is named by the flow when it is submitted, for
    its applicant does not see it.
    """

    label_column: ClassVar[str] = "organization_name"

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    credit_code: Mapped[str] = field(
        _l("Unified social credit code"),
        String(18),
        section=_l("Request"),
        kind="credit_code",
        hint=_l("18 characters, as printed on the business licence"),
    )
    organization_name: Mapped[str] = field(_l("Organization name"), String(64), default="")
    real_name: Mapped[str] = field(
        _l("Name"), String(30), section=_l("Request"), hint=_l("Your real name")
    )
    mobile: Mapped[str] = field(
        _l("Mobile number"),
        String(11),
        section=_l("Request"),
        kind="mobile",
        sensitive="phone",
    )
    state: Mapped[str] = choice(_l("State"), choices.CASE_STATES, default="draft", by_flow=True)
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    submitted_at: Mapped[datetime | None] = field(_l("Submitted at"), UtcDateTime, by_flow=True)
    version: Mapped[int] = mapped_column(default=1)


class JoinRequest(OrganizationRequest, Base):
    """申请加入: decided by the organization's main account."""

    __tablename__ = "join_request"

    note: Mapped[str | None] = field(
        _l("Note"), String(200), section=_l("Request"), kind="long",
        hint=_l("Your department or task, so that the main account knows who asks"),
    )  # fmt: skip

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": OrganizationRequest.version}
    __table_args__ = (
        Index("uq_join_request", "applicant_id", "credit_code", unique=True, **RUNNING),
        Index("ix_join_request_state", "state", "id"),
    )


class MainAccountChange(OrganizationRequest, Base):
    """管理员变更申请: decided by the operator, on the licence and a letter."""

    __tablename__ = "main_account_change"

    licence_file_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)
    letter_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)
    note: Mapped[str | None] = field(
        _l("Note"), String(200), section=_l("Request"), kind="long",
        hint=_l("Why the main account has to change"),
    )  # fmt: skip

    licence_file: Mapped[Attachment] = relationship(
        foreign_keys=licence_file_id,
        info=about(_l("Business licence"), section=_l("Request"), rule="licence"),
    )
    letter: Mapped[Attachment] = relationship(
        foreign_keys=letter_id,
        info=about(_l("Letter of authorization"), section=_l("Request"), rule="seal"),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": OrganizationRequest.version}
    __table_args__ = (
        Index("uq_main_account_change", "applicant_id", "credit_code", unique=True, **RUNNING),
        Index("ix_main_account_change_state", "state", "id"),
    )
