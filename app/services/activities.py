"""Activity filings (活动备案, S4-14): what is filed twice, and the credits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Table, select, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.columns import bare
from app.errors import Problem
from app.lifecycle import Lifecycle, Step
from app.models import Activity, Organization
from app.services import scores

SOURCE = "activity"
CREDITS = Lifecycle(
    Activity,
    {"correct": Step(_l("Correct the credits"), ("approved",), needs_reason=True)},
)
"""What staff may do with an activity that was credited (F19)."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


activity_, organization_ = _table(Activity), _table(Organization)


def problems(rows: Connection, subject: Activity) -> Iterator[Problem]:
    """An institution of the platform, the mail that staff entered it from, no repetition."""
    organization_id = subject.organization_id or getattr(subject.organization, "id", None)
    state = select(organization_.c.institution_state).where(organization_.c.id == organization_id)
    if organization_id and rows.scalar(state) != "in_pool":
        yield Problem("organization", _l("Only institutions of the platform file activities."))
    if subject.filed_as == "mail" and not (subject.mail_file_id or subject.mail_file):
        yield Problem("mail_file", _l("Attach the mail by which the activity was filed."))
    if not (subject.title and subject.from_at and organization_id):
        return
    a = activity_.c
    same = select(a.title).where(
        a.organization_id == organization_id,
        a.from_at == subject.from_at,
        a.state.in_(("in_review", "returned", "approved")),
        a.id != (subject.id or 0),
    )
    if any(bare(title) == bare(subject.title) for title in rows.scalars(same)):
        yield Problem("title", _l("This activity is filed already."))


def credit(rows: Connection, activity_id: int, now: datetime) -> None:
    """The credits of an approved activity: by role and enterprises, as its formula says."""
    a = rows.execute(select(activity_).where(activity_.c.id == activity_id)).one()
    item = f"activity_{a.role_kind}"
    formula = scores.formula_of(rows, scores.period_of(now))
    points = scores.ITEMS[item].raw(formula, a.enterprises, 0)
    of_it = {"source": SOURCE, "source_id": a.id, "now": now, "note": a.title}
    scores.grant(rows, item, a.organization_id, quantity=a.enterprises, **of_it)
    rows.execute(update(activity_).where(activity_.c.id == a.id).values(points=points))


def correct(session: Session, activity_id: int, points: int, reason: str, now: datetime) -> None:
    """Other credits than the formula gives, with a reason (F19): taken back and given anew."""
    said = {"points": points, "points_reason": reason}
    CREDITS.move(session, activity_id, "correct", now, opinion=reason, detail=said, **said)
    rows = elevated(session, "credits are the platform's to give")
    scores.replace(rows, SOURCE, activity_id, points, now, reason)
