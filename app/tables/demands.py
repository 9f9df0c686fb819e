"""Demands of enterprises (服务需求, S4-11) and the record of who spoke with them (对接记录)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import MOST_AMOUNT, Money, UtcDateTime, about, choice, field
from app.tables.base import Base, Searchable
from app.tables.files import Attachment
from app.tables.people import Organization

if TYPE_CHECKING:
    from app.tables.consultants import Consultant
    from app.tables.products import Product

NEED, CONTACT, TARGET = _l("What is asked for"), _l("Contact of the enterprise"), _l("Addressed to")
COURSE = _l("Course of the demand")
SETTLED_TURN = datetime(9999, 1, 1, tzinfo=UTC)


class Demand(Searchable, Base):
    """What an enterprise asks of an institution, a consultant, a product, or of anybody (S4-11).

    ``target_name`` and ``enterprise_name`` are copied in: neither side need see the other's
    rows.  ``consultant`` is who is in charge (承接顾问), ``accepted_by_id`` the institution once it
    has called, which then reads the contact data without asking.  ``due_at`` is when somebody has
    to speak with the enterprise next; nothing is due once the demand is settled.  ``turn_at`` is
    the same for lists: settled ones come last (:data:`SETTLED_TURN`).
    """

    __tablename__ = "demand"
    label_column = "title"
    search_columns = ("title", "description", "number", "enterprise_name")

    number: Mapped[str] = field(_l("Number"), String(24), unique=True, section=COURSE)
    target_kind: Mapped[str] = choice(
        _l("Kind of addressee"), choices.DEMAND_TARGETS, section=TARGET
    )
    target_name: Mapped[str] = field(_l("Addressee"), String(80), default="", section=TARGET)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    enterprise_name: Mapped[str] = field(_l("Enterprise"), String(64), section=NEED)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)

    title: Mapped[str] = field(_l("Subject of the demand"), String(50), section=NEED, search=True)
    category: Mapped[str] = field(
        _l("Category of the demand"), String(20), section=NEED, dictionary="service_category"
    )
    description: Mapped[str] = field(
        _l("What is needed"), String(1000), section=NEED, kind="long", minimum=10
    )
    budget: Mapped[str | None] = field(_l("Budget"), String(20), section=NEED, dictionary="budget")
    expected_on: Mapped[date | None] = field(_l("Wanted by"), section=NEED)
    urgency: Mapped[str] = choice(
        _l("Urgency"), choices.URGENCIES, default="normal", section=NEED,
        hint=_l("Says how soon the institution has to call you"),
    )  # fmt: skip
    contact_name: Mapped[str] = field(_l("Contact"), String(30), section=CONTACT, sensitive="name")
    contact_phone: Mapped[str] = field(
        _l("Contact phone"), String(20), section=CONTACT, kind="tel", sensitive="phone"
    )
    contact_email: Mapped[str | None] = field(
        _l("E-mail"), String(120), section=CONTACT, kind="email", sensitive="email"
    )
    call_time: Mapped[str | None] = choice(
        _l("Best time to call"), choices.CALL_TIMES, section=CONTACT
    )
    allow_transfer: Mapped[bool] = field(
        _l("The platform may pass this demand to other institutions"),
        default=True, server_default=true(), section=CONTACT,
    )  # fmt: skip
    public_need: Mapped[bool] = field(
        _l("Show on the demand board"), default=False, server_default=false(), section=NEED,
        hint=_l("What the platform is still to assign stands there, without names and contacts"),
    )  # fmt: skip

    state: Mapped[str] = choice(
        _l("State"), choices.DEMAND_STATES, default="waiting", by_flow=True, section=COURSE
    )
    created_at: Mapped[datetime] = field(_l("Raised at"), UtcDateTime, section=COURSE)
    due_at: Mapped[datetime | None] = field(
        _l("Time limit"), UtcDateTime, kind="due", section=COURSE
    )
    turn_at: Mapped[datetime] = mapped_column(UtcDateTime, default=SETTLED_TURN)
    first_contact_at: Mapped[datetime | None] = field(
        _l("First contact"), UtcDateTime, section=COURSE
    )
    last_contact_at: Mapped[datetime | None] = field(
        _l("Last contact"), UtcDateTime, section=COURSE
    )
    closed_at: Mapped[datetime | None] = field(_l("Settled at"), UtcDateTime, section=COURSE)
    amount: Mapped[int | None] = field(_l("Deal amount (yuan)"), Money, section=COURSE)
    closed_reason: Mapped[str | None] = field(
        _l("Reason of the end"), String(20), dictionary="closed_reason", section=COURSE
    )
    enterprise_confirm: Mapped[str] = choice(
        _l("Answer of the enterprise"), choices.CONFIRMATIONS,
        default="none", by_flow=True, section=COURSE,
    )  # fmt: skip
    version: Mapped[int] = mapped_column(default=1)

    organization: Mapped[Organization | None] = relationship(
        foreign_keys=organization_id, info=about(_l("Institution"), section=TARGET)
    )
    consultant: Mapped[Consultant | None] = relationship(
        foreign_keys=consultant_id, info=about(_l("Consultant in charge"), section=COURSE)
    )
    product: Mapped[Product | None] = relationship(
        foreign_keys=product_id, info=about(_l("Product"), section=TARGET)
    )
    files: Mapped[list[DemandFile]] = relationship(
        cascade="all, delete-orphan",
        order_by="DemandFile.id",
        info=about(_l("Attachments"), section=NEED, rule="document", limit=5),
    )

    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}
    __table_args__ = (
        Index("ix_demand_turn_at", "turn_at", "id"),
        Index("ix_demand_state", "state", "turn_at", "id"),
        Index("ix_demand_category", "category", "turn_at", "id"),
        Index("ix_demand_target_kind", "target_kind", "turn_at", "id"),
        Index("ix_demand_urgency", "urgency", "turn_at", "id"),
        Index("ix_demand_created_at", "created_at", "id"),
        Index("ix_demand_board", "public_need", "state", "created_at", "id"),
        Index("ix_demand_institution", "organization_id", "turn_at", "id"),
        Index("ix_demand_institution_state", "organization_id", "state", "turn_at", "id"),
        Index("ix_demand_consultant", "consultant_id", "turn_at", "id"),
        Index("ix_demand_enterprise", "enterprise_id", "created_at", "id"),
        Index("ix_demand_user", "user_id", "created_at", "id"),
    )


class DemandFile(Base):
    """A document that belongs to a demand."""

    __tablename__ = "demand_file"
    label_column = "id"

    demand_id: Mapped[int] = mapped_column(ForeignKey("demand.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()


class DemandContact(Base):
    """One talk with the enterprise (对接记录, button 维护): when, how, by whom, with what result.

    ``person_name`` is copied in.  ``organization_id`` is the institution that spoke: what it
    wrote down stays with it and the platform when the demand is passed on.
    """

    __tablename__ = "demand_contact"
    label_column = "result"

    demand_id: Mapped[int] = mapped_column(ForeignKey("demand.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    consultant_id: Mapped[int | None] = mapped_column(ForeignKey("consultant.id"), index=True)
    at: Mapped[datetime] = field(_l("Time of the contact"), UtcDateTime)
    channel: Mapped[str] = choice(_l("Way of contact"), choices.CONTACT_CHANNELS, default="phone")
    person_name: Mapped[str] = field(_l("Spoken to by"), String(120))
    met: Mapped[str | None] = field(_l("The enterprise's person"), String(30), sensitive="name")
    result: Mapped[str] = choice(_l("Result of the contact"), choices.CONTACT_RESULTS)
    summary: Mapped[str] = field(_l("Course of the talk"), String(500), kind="long", minimum=5)
    next_step: Mapped[str | None] = field(_l("Planned next step"), String(100))
    next_at: Mapped[datetime | None] = field(_l("Next contact"), UtcDateTime)
    amount: Mapped[int | None] = field(
        _l("Deal amount (yuan)"), Money, minimum=1, maximum=MOST_AMOUNT
    )
    lost_reason: Mapped[str | None] = field(
        _l("Why it was not won"), String(20), dictionary="closed_reason"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    consultant: Mapped[Consultant | None] = relationship(
        foreign_keys=consultant_id,
        info=about(
            _l("Spoken to by"), hint=_l("Empty: you yourself"),
        ),
    )  # fmt: skip
    files: Mapped[list[ContactFile]] = relationship(
        cascade="all, delete-orphan",
        order_by="ContactFile.id",
        info=about(_l("Attachments"), rule="document", limit=3),
    )

    __table_args__ = (Index("ix_demand_contact_demand", "demand_id", "at", "id"),)


class ContactFile(Base):
    """A document of a talk."""

    __tablename__ = "demand_contact_file"
    label_column = "id"

    contact_id: Mapped[int] = mapped_column(ForeignKey("demand_contact.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), index=True)

    attachment: Mapped[Attachment] = relationship()
