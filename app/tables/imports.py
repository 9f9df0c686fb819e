"""Files of rows that somebody imports: one job for each file, one line for each row of it."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import choices
from app.columns import UtcDateTime, about, choice, field
from app.tables.base import Base, when
from app.tables.files import Attachment


class ImportJob(Base):
    """One Excel file on its way into a page: checked, confirmed, written, in the background.

    What it wrote can be taken back as long as nobody has used it.

    ``target`` names the view; ``organization_id`` is for whom its owner acted when he sent it.
    A scheduler claims a job for a lease (``lease_until``); ``done_count`` counts the rows of the
    present pass.
    """

    __tablename__ = "import_job"
    label_column = "file_name"

    target: Mapped[str] = mapped_column(String(60))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    locale: Mapped[str] = mapped_column(String(5))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    file_name: Mapped[str] = field(_l("File name"), String(255))
    mode: Mapped[str] = choice(_l("When rows have faults"), choices.IMPORT_MODES, default="all")
    state: Mapped[str] = choice(
        _l("State"), choices.IMPORT_STATES, default="checking", by_flow=True
    )
    created_at: Mapped[datetime] = field(_l("Time"), UtcDateTime)
    ended_at: Mapped[datetime | None] = field(_l("Ended at"), UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_count: Mapped[int] = field(_l("Rows in the file"))
    done_count: Mapped[int] = mapped_column(default=0)
    fault_count: Mapped[int] = field(_l("Rows with faults"), default=0)
    imported_count: Mapped[int] = field(_l("Rows imported"), default=0)
    problem: Mapped[str] = mapped_column(String(300), default="")

    file: Mapped[Attachment | None] = relationship(info=about(_l("Excel file"), rule="import"))

    __table_args__ = (
        Index("ix_import_job_open", "id", **when("state IN ('checking', 'running', 'undoing')")),
        Index("ix_import_job_mine", "user_id", "target", "id"),
    )


class ImportRow(Base):
    """One row of the file, as text by column; ``faults`` are pairs of column and sentence.

    Of a row in order they are remarks.
    ``record_id`` is the record that it became, written in the same transaction.
    """

    __tablename__ = "import_row"
    label_column = "number"

    job_id: Mapped[int] = mapped_column(ForeignKey("import_job.id", ondelete="CASCADE"))
    number: Mapped[int]
    entries: Mapped[dict[str, str]] = mapped_column(JSON)
    state: Mapped[str] = choice(
        _l("State"), choices.IMPORT_ROW_STATES, default="waiting", by_flow=True
    )
    faults: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    record_id: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("job_id", "number"),
        Index("ix_import_row_state", "job_id", "state", "number"),
    )
