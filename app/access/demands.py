"""Who sees a demand: who raised it, the institution and the consultant it is for, the platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from app import models
from app.access import Me, owned, visible, writable
from app.access.rules import FILES, _children, _is_me, _reads_all, file_rules
from app.choices import DEMAND_RUNNING

CHANGEABLE = ("open", "waiting")


def _raised(me: Me, columns: Any) -> ColumnElement[bool]:
    """What one asked for oneself: for the enterprise, or before one belonged to any."""
    mine = and_(_is_me(columns.user_id, me), columns.enterprise_id.is_(None))
    return or_(mine, columns.enterprise_id == me.organization_id) if me.is_any("member") else mine


def _served(me: Me, columns: Any) -> ColumnElement[bool]:
    """What one has to answer: an institution all of its own, a consultant what is in his charge."""
    if me.is_any("member"):
        ours: ColumnElement[bool] = columns.organization_id == me.organization_id
        return ours
    if me.is_any("consultant"):
        return and_(
            columns.consultant_id == me.consultant_id, columns.organization_id == me.serves_id
        )
    return false()


def _seen(me: Me, columns: Any) -> ColumnElement[bool]:
    if _reads_all(me):
        return true()
    if me.is_any("anonymous", "bystander", "staff"):
        return false()
    return or_(_raised(me, columns), _served(me, columns))


def _written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Its words are its author's until somebody has called; what moves it goes by its lifecycle."""
    if me.is_any("anonymous", "bystander", "staff"):
        return false()
    own = and_(_is_me(columns.user_id, me), _raised(me, columns))
    return and_(own, columns.state.in_(CHANGEABLE))


visible(models.Demand)(_seen)
writable(models.Demand)(_written)
visible(models.DemandFile)(_children(models.Demand, _seen, "demand_id"))
writable(models.DemandFile)(_children(models.Demand, _written, "demand_id"))


def _contact_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """What an institution wrote is its own and the platform's; the enterprise reads the states."""
    if _reads_all(me):
        return true()
    served = _children(models.Demand, _served, "demand_id")(me, columns)
    house = me.serves_id if me.is_any("consultant") else me.organization_id
    return and_(columns.organization_id == house, served)


def _contact_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Contacts are recorded while somebody still has to speak with the enterprise."""
    if not me.is_any("member", "consultant"):
        return false()
    demand = models.Demand.__table__.alias()
    ours = select(demand.c.id).where(_served(me, demand.c), demand.c.state.in_(DEMAND_RUNNING))
    house = me.serves_id if me.is_any("consultant") else me.organization_id
    return and_(
        _is_me(columns.user_id, me), columns.organization_id == house, columns.demand_id.in_(ours)
    )


visible(models.DemandContact)(_contact_seen)
writable(models.DemandContact)(_contact_written)
visible(models.ContactFile)(_children(models.DemandContact, _contact_seen, "contact_id"))
writable(models.ContactFile)(_children(models.DemandContact, _contact_written, "contact_id"))

owned(models.Demand, organization="accepted_by_id", person="user_id")
owned(models.DemandContact, organization="organization_id", person="user_id")


def _files_of_demands(me: Me, entity: Any) -> Iterator[ColumnElement[bool]]:
    """The documents of the demands and talks that the actor sees."""
    if me.is_any("anonymous", "bystander"):
        return
    demand, paper = models.Demand.__table__.alias().c, models.DemandFile.__table__.alias().c
    seen = select(demand.id).where(_seen(me, demand))
    yield entity.id.in_(select(paper.attachment_id).where(paper.demand_id.in_(seen)))
    if not me.is_any("ordinary"):
        talk, note = (
            models.DemandContact.__table__.alias().c,
            models.ContactFile.__table__.alias().c,
        )
        heard = select(talk.id).where(_contact_seen(me, talk))
        yield entity.id.in_(select(note.attachment_id).where(note.contact_id.in_(heard)))


file_rules.append(_files_of_demands)
FILES += [
    (models.DemandFile, ("attachment_id",), models.Demand, "demand_id"),
    (models.ContactFile, ("attachment_id",), models.DemandContact, "contact_id"),
]
