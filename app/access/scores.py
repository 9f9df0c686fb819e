"""Who sees activities and points: institutions and consultants their own, everybody the board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, exists, false, true

from app import models
from app.access import Me, visible, writable
from app.access.rules import (
    FILES,
    _application_seen,
    _children,
    _everybody,
    _filed,
    _of_staff,
    _reads_all,
    file_rules,
)

visible(models.Activity)(_application_seen)
writable(models.Activity)(_filed)
visible(models.ActivityProof)(_children(models.Activity, _application_seen, "activity_id"))
writable(models.ActivityProof)(_children(models.Activity, _filed, "activity_id"))

FILES += [
    (models.Activity, ("mail_file_id",), None, ""),
    (models.ActivityProof, ("attachment_id",), models.Activity, "activity_id"),
]


def _activity_files(me: Me, entity: Any) -> Iterator[ColumnElement[bool]]:
    """The proofs of one's activities; the mail that staff entered one from stays with staff."""
    if me.is_any("member"):
        activity, proof = (
            model.__table__.alias().c for model in (models.Activity, models.ActivityProof)
        )
        yield exists().where(
            proof.attachment_id == entity.id,
            activity.id == proof.activity_id,
            _application_seen(me, activity),
        )


file_rules.append(_activity_files)


@visible(models.ScoreEntry)
@visible(models.ScoreTotal)
def _points_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """An institution reads its own points and those of who serves for it, a consultant his."""
    if _reads_all(me):
        return true()
    mine: ColumnElement[bool] = false()
    if me.is_any("member"):
        mine = entity.organization_id == me.organization_id
    elif me.is_any("consultant"):
        mine = entity.consultant_id == me.consultant_id
    return mine


for _board in (models.ScoreStanding, models.ScoreMonth):
    visible(_board)(_everybody)


@visible(models.ScoreFormula)
def _formula_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """How points are counted is public once it is published."""
    published: ColumnElement[bool] = entity.state == "published"
    return true() if _reads_all(me) else published


@writable(models.ScoreFormula)
def _formula_written(me: Me, entity: Any) -> ColumnElement[bool]:
    draft: ColumnElement[bool] = entity.state == "draft"
    return draft if _of_staff(me) else false()
