"""Activity filings (活动备案, S4-14): pure public-benefit activities with government partners."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import Money, UtcDateTime, about, choice, field
from app.tables.base import Base, Searchable
from app.tables.files import Attachment
from app.tables.people import Organization
from app.tables.workflow import Submitted

ACTIVITY, PARTICIPANTS, PROOF = _l("Activity"), _l("Participants"), _l("Proof")
CREDITS = _l("Credits")


class Activity(Submitted, Searchable, Base):
    """An activity that an institution filed, or that staff entered from its mail (F19, S4-14).

    ``points`` are the credits, written when it is approved; staff may correct them with a reason.
    """

    __tablename__ = "activity"
    label_column = "title"
    search_columns = ("title", "partner_department")

    applicant_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    state: Mapped[str] = choice(_l("State"), choices.ACTIVITY_STATES, default="draft", by_flow=True)
    filed_as: Mapped[str] = choice(
        _l("How it was filed"), choices.ACTIVITY_SOURCES, default="online", section=PROOF
    )
    title: Mapped[str] = field(
        _l("Name of the activity"), String(80), section=ACTIVITY, search=True
    )
    role_kind: Mapped[str] = choice(_l("Our role"), choices.ACTIVITY_ROLES, section=ACTIVITY)
    partner_department: Mapped[str] = field(_l("Government partner"), String(80), section=ACTIVITY)
    activity_kind: Mapped[str] = field(
        _l("Kind of activity"), String(20), section=ACTIVITY, dictionary="activity_kind"
    )
    from_at: Mapped[datetime] = field(_l("Begins at"), UtcDateTime, section=ACTIVITY)
    to_at: Mapped[datetime] = field(_l("Ends at"), UtcDateTime, section=ACTIVITY)
    place: Mapped[str] = field(_l("Place of the activity"), String(100), section=ACTIVITY)
    public_benefit: Mapped[bool] = field(
        _l("Purely for the public benefit: nobody was charged"),
        default=False,
        required=True,
        section=ACTIVITY,
    )
    enterprises: Mapped[int] = field(
        _l("Enterprises taking part"), section=PARTICIPANTS, minimum=0, maximum=9999
    )
    persons: Mapped[int] = field(
        _l("Persons taking part"), section=PARTICIPANTS, minimum=0, maximum=999_999
    )
    summary: Mapped[str] = field(
        _l("Summary of the activity"), String(500), kind="long", section=PARTICIPANTS
    )
    mail_file_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    points: Mapped[int | None] = field(_l("Credits"), Money, section=CREDITS, by_flow=True)
    points_reason: Mapped[str | None] = field(
        _l("Reason of the correction"), String(200), section=CREDITS, by_flow=True
    )

    organization: Mapped[Organization] = relationship(
        info=about(_l("Institution"), section=ACTIVITY)
    )
    mail_file: Mapped[Attachment | None] = relationship(
        foreign_keys=mail_file_id,
        info=about(
            _l("Filing mail"),
            section=PROOF,
            rule="mail",
            hint=_l("The mail by which the institution filed the activity"),
        ),
    )
    proofs: Mapped[list[ActivityProof]] = relationship(
        cascade="all, delete-orphan",
        order_by="ActivityProof.id",
        info=about(
            _l("Notice, sign-in sheet, photographs"),
            section=PROOF,
            rule="document",
            limit=10,
            required=True,
        ),
    )

    __table_args__ = (
        Index("ix_activity_organization", "organization_id", "id"),
        Index("ix_activity_state", "state", "id"),
        Index("ix_activity_from_at", "from_at", "id"),
        Index("ix_activity_role_kind", "role_kind", "id"),
        Index("ix_activity_submitted_at", "submitted_at", "id"),
    )


class ActivityProof(Base):
    """A document that shows that an activity took place."""

    __tablename__ = "activity_proof"
    label_column = "id"

    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()
