"""Membership of the enterprise service association (企业发展服务促进会, S4-2)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import about, choice, field
from app.tables.base import Base, Searchable
from app.tables.files import Attachment
from app.tables.people import Organization
from app.tables.workflow import RUNNING, Submitted

MEMBERSHIP, CONTACT = _l("Association"), _l("Contact")


class AssociationApplication(Submitted, Searchable, Base):
    """A request to become a member (入会申请): a snapshot, until approved.

    One that came with an accreditation names it; the organization may still have to be founded
    by that one's approval.
    """

    __tablename__ = "association"
    search_columns = ("name",)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    accreditation_id: Mapped[int | None] = mapped_column(ForeignKey("accreditation.id"))

    name: Mapped[str] = field(_l("Organization name"), String(64), search=True)
    member_kind: Mapped[str] = choice(
        _l("Kind of membership"), choices.MEMBER_KINDS, default="unit", section=MEMBERSHIP
    )
    representative_name: Mapped[str] = field(_l("Representative"), String(30), section=MEMBERSHIP)
    representative_title: Mapped[str | None] = field(
        _l("Post of the representative"), String(30), section=MEMBERSHIP
    )
    representative_mobile: Mapped[str] = field(
        _l("Mobile of the representative"),
        String(11),
        section=MEMBERSHIP,
        kind="mobile",
        sensitive="phone",
    )
    join_reason: Mapped[str] = field(
        _l("Why we join"), String(300), section=MEMBERSHIP, kind="long"
    )
    contact_email: Mapped[str] = field(
        _l("E-mail for the result"),
        String(120),
        section=CONTACT,
        kind="email",
        sensitive="email",
        hint=_l("The result of the review is sent to this address"),
    )
    accept_charter: Mapped[bool] = field(
        _l("We accept the charter of the association"),
        default=False,
        section=MEMBERSHIP,
        required=True,
    )
    membership_form_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)

    organization: Mapped[Organization | None] = relationship(
        foreign_keys=organization_id, info=about(_l("Institution"))
    )
    membership_form: Mapped[Attachment | None] = relationship(
        foreign_keys=membership_form_id,
        info=about(_l("Stamped membership form"), section=MEMBERSHIP, rule="seal"),
    )

    __table_args__ = (
        Index("uq_association_applicant", "applicant_id", unique=True, **RUNNING),
        Index("ix_association_applicant", "applicant_id", "id"),
        Index("ix_association_organization", "organization_id", "id"),
        Index("ix_association_accreditation", "accreditation_id"),
        Index("ix_association_state", "state", "id"),
        Index("ix_association_member_kind", "member_kind", "id"),
        Index("ix_association_submitted_at", "submitted_at", "id"),
    )
