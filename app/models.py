"""The tables of the platform: columns, relations and the constraints between them.

Declarations only.  What may be done with a row lives in :mod:`app.services` and
:mod:`app.flows`, who sees it in :mod:`app.access`; nothing here queries, commits, sends or
formats.  Sections follow the order in which a platform is used:

    platform · people and organizations · files and drafts · institution accreditation ·
    workflow · announcements · later work
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from flask_appbuilder import Model

# Before FAB's own tables are imported: their constraints follow it too.
Model.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

from flask_appbuilder.security.sqla.models import User as FabUser  # noqa: E402
from flask_babel import lazy_gettext as _l  # noqa: E402
from sqlalchemy import (  # noqa: E402
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship, validates  # noqa: E402

from app import choices  # noqa: E402
from app.columns import Key, Money, UtcDateTime, about, bare, choice, field  # noqa: E402

# FAB wants a unique e-mail from everybody; here it is optional, and a clerk may run two accounts.
FabUser.__table__.c.email.nullable = True
FabUser.__table__.c.email.unique = None
FabUser.__table__.constraints = {
    constraint
    for constraint in FabUser.__table__.constraints
    if not (isinstance(constraint, UniqueConstraint) and "email" in constraint.columns)
}


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


RUNNING = when("state = 'in_review'")


# --- platform -----------------------------------------------------------------------------


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
    parent: Mapped[str] = mapped_column(String(40), default="")
    zh: Mapped[str] = mapped_column(String(80))
    en: Mapped[str] = mapped_column(String(80))
    position: Mapped[int] = mapped_column(default=0)
    needs_licence: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)

    label_column = "zh"
    __table_args__ = (UniqueConstraint("dictionary", "code"),)


class Holiday(Base):
    """A day on which offices differ from the week: a holiday, or a made-up working day (调休)."""

    __tablename__ = "holiday"

    day: Mapped[date] = field(_l("Day"), unique=True)
    kind: Mapped[str] = choice(_l("Kind"), choices.DAY_KINDS, "kind")
    name: Mapped[str] = field(_l("Name"), String(60), default="")


# --- people and organizations -------------------------------------------------------------


class Person(FabUser):
    """A person with a login.  ``last_name`` holds the whole name, as Chinese names are written."""

    __tablename__ = "ab_user"
    label_column: ClassVar[str] = "last_name"

    mobile: Mapped[str | None] = mapped_column(String(20), unique=True)
    register_kind: Mapped[str | None] = mapped_column(String(20))

    def __str__(self) -> str:
        """The person's name."""
        return str(self.last_name)


class Organization(Named, Base):
    """One legal person or authority, one row per credit code; what it is are its roles."""

    __tablename__ = "organization"
    search_columns = ("name", "short_name", "credit_code")

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
        _l("Contact phone"), String(20), section=_l("Contact"), kind="tel"
    )
    contact_email: Mapped[str | None] = field(
        _l("Contact e-mail"), String(120), section=_l("Contact"), kind="email"
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
        _l("Introduction"), String(1000), section=_l("Presentation"), kind="long", minimum=50
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
        "certification",
        default="none",
        section=_l("Certification information"),
        by_flow=True,
    )
    certified_at: Mapped[datetime | None] = field(
        _l("Certified at"), UtcDateTime, section=_l("Certification information"), by_flow=True
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

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("length(credit_code) = 18", name="credit_code_length"),
        Index("ix_organization_certification", "certification", "id"),
        Index("ix_organization_certified_at", "certified_at", "id"),
        Index("ix_organization_region", "region_id", "id"),
        Index("ix_organization_name", "name", "id"),
    )


class Certificate:
    """What a certificate (资质证书) says, and its scan."""

    name: Mapped[str] = field(_l("Certificate"), String(60))
    number: Mapped[str] = field(_l("Certificate number"), String(60))
    valid_until: Mapped[date | None] = field(_l("Valid until"))
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    @declared_attr
    def proof(cls) -> Mapped[Attachment | None]:
        return relationship("Attachment", info=about(_l("Scan"), rule="licence"))


class Qualification(Certificate, Base):
    """A certificate that an organization holds."""

    __tablename__ = "qualification"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)


class OrgRole(Base):
    """What an organization is on this platform, from when to when (机构资格)."""

    __tablename__ = "org_role"
    label_column = "role"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    role: Mapped[str] = choice(_l("Role"), choices.ORGANIZATION_ROLES, "role")
    valid_from: Mapped[date] = field(_l("Valid from"))
    valid_until: Mapped[date | None] = field(_l("Valid until"))

    __table_args__ = (UniqueConstraint("organization_id", "role"),)


class Membership(Base):
    """Which organization a user acts for; the main account (主账号) is exactly one."""

    __tablename__ = "membership"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), unique=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    is_main: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        Index("uq_membership_main", "organization_id", unique=True, **when("is_main")),
    )


class Consent(Base):
    """That a user accepted a version of an agreement, and when."""

    __tablename__ = "consent"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    document: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(20))
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("user_id", "document", "version"),)


class LoginSession(Base):
    """One login; the cookie holds a token, the row its hash.  Ended rows let nobody in."""

    __tablename__ = "login_session"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")


class Captcha(Base):
    """The answer to a picture (验证码): hashed, good once and for ten minutes."""

    __tablename__ = "captcha"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    answer_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


# --- files and drafts ---------------------------------------------------------------------


class Attachment(Base):
    """A stored file: what it was called, what it is by content, where it lies."""

    __tablename__ = "attachment"

    name: Mapped[str] = field(_l("File name"), String(255))
    rule: Mapped[str] = mapped_column(String(20))
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Draft(Base):
    """What somebody typed and did not submit: the form's names and values as they were sent."""

    __tablename__ = "draft"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    form: Mapped[str] = mapped_column(String(80))
    entries: Mapped[list[list[str]]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("user_id", "form"),)


# --- institution accreditation ------------------------------------------------------------


class Accreditation(Named, Base):
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
        _l("Mobile"), String(11), section=_l("Contact"), kind="mobile"
    )
    contact_email: Mapped[str] = field(
        _l("E-mail for the result"),
        String(120),
        section=_l("Contact"),
        kind="email",
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
        "member_kind",
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
    state: Mapped[str] = choice(
        _l("State"), choices.CASE_STATES, "state", default="draft", by_flow=True
    )
    created_at: Mapped[datetime] = field(_l("Created at"), UtcDateTime)
    submitted_at: Mapped[datetime | None] = field(_l("Submitted at"), UtcDateTime, by_flow=True)
    version: Mapped[int] = mapped_column(default=1)

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
    case: Mapped[FlowCase | None] = relationship(
        primaryjoin="and_(foreign(FlowCase.subject_id) == Accreditation.id,"
        " FlowCase.flow == 'accreditation')",
        uselist=False,
        viewonly=True,
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
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


# --- workflow -----------------------------------------------------------------------------


class FlowRoute(Base):
    """One version of the route of a flow; never changed once published."""

    __tablename__ = "flow_route"
    label_column = "flow"

    flow: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="draft")
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("flow", "number"),
        Index("uq_flow_route_published", "flow", unique=True, **when("state = 'published'")),
        CheckConstraint("state IN ('draft', 'published', 'retired')", name="state_valid"),
    )


class FlowStage(Base):
    """One stage of a route: who, how many of them, how long, and where it may return to."""

    __tablename__ = "flow_stage"
    label_column = "title"

    route_id: Mapped[int] = mapped_column(ForeignKey("flow_route.id"))
    position: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = field(_l("Present stage"), String(80), kind="message")
    who: Mapped[str] = mapped_column(String(80))
    mode: Mapped[str] = mapped_column(String(12), default="any")
    quorum: Mapped[int] = mapped_column(default=100)
    due_days: Mapped[int | None]
    only_if: Mapped[str | None] = mapped_column(String(40))
    returns_to: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["applicant"])
    resume_here: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint("route_id", "key"),
        UniqueConstraint("route_id", "position"),
        CheckConstraint("quorum BETWEEN 1 AND 100", name="quorum_is_percent"),
        CheckConstraint("due_days > 0", name="due_days_positive"),
        CheckConstraint("mode IN ('any', 'all', 'in_order', 'ratio')", name="mode_valid"),
    )


class FlowCase(Searchable, Base):
    """The file of one subject in one flow: where it stands, and the head of its log.

    ``version`` is the number of the last log line: every change writes exactly one.  The
    subject's ``state`` column repeats ``state`` for lists.
    """

    __tablename__ = "flow_case"
    label_column = "title"
    search_columns = ("number", "title", "applicant_name")

    number: Mapped[str] = field(_l("Number"), String(24), unique=True)
    flow: Mapped[str] = field(_l("Kind of application"), String(40), kind="flow")
    subject_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = field(_l("Application"), String(200), search=True)
    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    applicant_name: Mapped[str] = field(_l("Applicant"), String(120))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("flow_route.id"))
    state: Mapped[str] = choice(_l("State"), choices.CASE_STATES, "state", by_flow=True)
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    resume_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    round: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[datetime | None] = field(_l("Submitted at"), UtcDateTime)
    closed_at: Mapped[datetime | None] = field(_l("Closed at"), UtcDateTime)
    version: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(String(64), default="")

    stage: Mapped[FlowStage | None] = relationship(
        foreign_keys=stage_id, info=about(_l("Present stage"))
    )

    __table_args__ = (
        UniqueConstraint("flow", "subject_id"),
        Index("ix_flow_case_applicant", "applicant_id", "id"),
        Index("ix_flow_case_organization", "organization_id", "id"),
        Index("ix_flow_case_running", "flow", "stage_id", **when("state = 'in_review'")),
        CheckConstraint("(state = 'in_review') = (stage_id IS NOT NULL)", name="stage_iff_review"),
    )


class FlowTask(Base):
    """One person's or one role's part in a round of a stage (待办).

    A *round* is one visit of a stage.  Each *seat* of a round is one vote; the tasks of a
    seat are taken in *turn*, and only the first undecided one is open.
    """

    __tablename__ = "flow_task"
    label_column = "id"

    case_id: Mapped[int] = mapped_column(ForeignKey("flow_case.id"))
    flow: Mapped[str] = field(_l("Kind of application"), String(40), kind="flow")
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("flow_stage.id"))
    round: Mapped[int]
    seat: Mapped[int]
    turn: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    role: Mapped[str | None] = mapped_column(String(40))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    state: Mapped[str] = choice(_l("State"), choices.TASK_STATES, "state", by_flow=True)
    decision: Mapped[str | None] = choice(
        _l("My decision"), choices.DECISIONS, "decision", by_flow=True
    )
    opinion: Mapped[str] = field(_l("Opinion"), Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    opened_at: Mapped[datetime | None] = field(_l("Received at"), UtcDateTime)
    due_at: Mapped[datetime | None] = field(_l("Time limit"), UtcDateTime, kind="due")
    closed_at: Mapped[datetime | None] = field(_l("Decided at"), UtcDateTime)

    case: Mapped[FlowCase] = relationship(info=about(_l("Application")))
    stage: Mapped[FlowStage | None] = relationship(info=about(_l("Present stage")))

    __table_args__ = (
        Index("ix_flow_task_round", "case_id", "round"),
        Index("ix_flow_task_user", "user_id", "due_at", "id", **when("state = 'open'")),
        Index(
            "ix_flow_task_role",
            "role",
            text("coalesce(organization_id, 0)"),  # IS NULL would lose the order by due_at
            "due_at",
            "id",
            **when("state = 'open'"),
        ),
        Index("ix_flow_task_due", "due_at", "id", **when("state = 'open'")),
        Index("ix_flow_task_done", "decided_by", "closed_at", "id", **when("state = 'done'")),
        Index("uq_flow_task_open", "case_id", "user_id", unique=True, **when("state = 'open'")),
        CheckConstraint("(user_id IS NULL) <> (role IS NULL)", name="user_or_role"),
        CheckConstraint("(state = 'done') = (decision IS NOT NULL)", name="done_iff_decided"),
    )


class FlowEvent(Base):
    """One line of a case's log (流转记录): append-only, each line sealing the one before.

    Names are copied in: the record stays true after a rename, and a reader need not see users.
    """

    __tablename__ = "flow_event"
    label_column = "number"

    case_id: Mapped[int] = mapped_column(ForeignKey("flow_case.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    actor_name: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    opinion: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    said: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("case_id", "number"),)


# --- announcements ------------------------------------------------------------------------


class Announcement(Searchable, Base):
    """Something the platform tells everybody, from a moment to a moment."""

    __tablename__ = "announcement"
    label_column = "title"
    search_columns = ("title",)

    title: Mapped[str] = field(_l("Title"), String(80), search=True)
    body: Mapped[str] = field(_l("Body"), Text, kind="long", maximum=20_000)
    publish_at: Mapped[datetime] = field(_l("Publish at"), UtcDateTime)
    expire_at: Mapped[datetime | None] = field(_l("Expire at"), UtcDateTime)

    __table_args__ = (Index("ix_announcement_publish_at", "publish_at", "id"),)


# --- later work ---------------------------------------------------------------------------


class Message(Base):
    """One message to one address (outbox): written with its cause, rendered when delivered."""

    __tablename__ = "message"

    occasion: Mapped[str] = mapped_column(String(40))
    dedupe_key: Mapped[str] = mapped_column(String(120), unique=True)
    address: Mapped[str] = mapped_column(String(120))
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = choice(_l("State"), choices.MESSAGE_STATES, "state", default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(300), default="")

    label_column = "occasion"
    __table_args__ = (
        Index("ix_message_due", "due_at", "id", **when("state IN ('waiting', 'sending')")),
    )


class JobRun(Base):
    """One run of a job: the slot is claimed first, under a unique key, so that one of many runs."""

    __tablename__ = "job_run"
    label_column = "job"

    job: Mapped[str] = mapped_column(String(60))
    slot: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_count: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(500), default="")

    __table_args__ = (UniqueConstraint("job", "slot"),)


# --- the log cannot be rewritten ----------------------------------------------------------

APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER flow_event_no_{verb.lower()} BEFORE {verb} ON flow_event "
        "BEGIN SELECT RAISE(ABORT, 'flow_event is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """CREATE FUNCTION flow_event_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'flow_event is append-only'; END $$""",
        """CREATE TRIGGER flow_event_append_only BEFORE UPDATE OR DELETE ON flow_event
        FOR EACH ROW EXECUTE PROCEDURE flow_event_refuse()""",
    ],
}
"""What the first migration runs after creating the table, by dialect."""
