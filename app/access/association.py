"""Who sees the requests for membership of the association: who asks, who decides, who watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, select, true

from app import models
from app.access import Me, owned, visible, writable
from app.access.rules import (
    FILES,
    _application_seen,
    _application_written,
    _of_association,
    file_rules,
)


def _membership_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """As any application; the association sees all of them."""
    return true() if _of_association(me) else _application_seen(me, columns)


visible(models.AssociationApplication)(_membership_seen)
writable(models.AssociationApplication)(_application_written)
owned(models.AssociationApplication, organization="organization_id", person="applicant_id")

FILES.append((models.AssociationApplication, ("membership_form_id",), None, ""))


@file_rules.append
def _membership_forms(me: Me, entity: Any) -> Iterator[ColumnElement[bool]]:
    """The stamped forms of the requests that one sees."""
    if me.is_any("member") or _of_association(me):
        request = models.AssociationApplication.__table__.alias().c
        mine = true() if _of_association(me) else request.organization_id == me.organization_id
        yield entity.id.in_(select(request.membership_form_id).where(mine))
