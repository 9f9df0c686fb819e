"""Who sees imported files and the figures of the dashboard; nobody but the system writes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from app import models
from app.access import Me, visible
from app.access.rules import _children, _reads_all


def _import_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """One's own, as long as one acts for whom one acted when it was sent."""
    if me.is_any("anonymous"):
        return false()
    place = columns.organization_id
    house = me.serves_id if me.is_any("consultant") else me.organization_id
    return and_(columns.user_id == me.user_id, or_(place.is_(None), place == house))


visible(models.ImportJob)(_import_seen)
visible(models.ImportRow)(_children(models.ImportJob, _import_seen, "job_id"))


@visible(models.MonthFigure)
@visible(models.Sleeper)
@visible(models.FigureMark)
def _figures_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
    return true() if _reads_all(me) else false()
