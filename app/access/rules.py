"""Who sees what, who changes what: the rule of every model, by kind of actor.

Rules that also serve child rows take columns alone, so that they can be asked of a bare table.
Tables inside a rule are aliases: an eager load by subquery would take a plain one for its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, between, false, or_, select, true
from sqlalchemy.sql.elements import False_, True_

from app import models
from app.access import Actor, Me, Rule, frozen, visible, writable

STAFF_READERS = ("operator",)
EDITABLE = ("draft", "returned", "withdrawn")


def _everybody(_me: Me, _entity: Any) -> ColumnElement[bool]:
    return true()


for _reference in (models.Region, models.DictItem, models.Holiday):
    visible(_reference)(_everybody)


def _of_staff(me: Me) -> bool:
    """Platform staff that sees the whole deployment."""
    return me.is_any("staff") and any(me.has(role) for role in STAFF_READERS)


def _children(parent: type, rule: Rule, key: str) -> Rule:
    """The rule of child rows: that of their parent row, asked by its key."""

    def of_child(me: Me, entity: Any) -> ColumnElement[bool]:
        rows = parent.__table__.alias()  # type: ignore[attr-defined]
        condition = rule(me, rows.c)
        if isinstance(condition, True_ | False_):
            return condition
        found: ColumnElement[bool] = getattr(entity, key).in_(select(rows.c.id).where(condition))
        return found

    return of_child


def _organization_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """Certified organizations are public; their own members and staff see the others too."""
    if _of_staff(me):
        return between(columns.region_id, me.region_first, me.region_last)
    public = columns.certification == "certified"
    return or_(public, columns.id == me.organization_id) if me.is_any("member") else public


def _organization_written(me: Me, columns: Any) -> ColumnElement[bool]:
    if _of_staff(me):
        return between(columns.region_id, me.region_first, me.region_last)
    return columns.id == me.organization_id if me.is_any("member") else false()


def _certificates_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Once certified, the certificates are fixed: a change of data is a case of its own."""
    if _of_staff(me):
        return _organization_written(me, columns)
    return and_(_organization_written(me, columns), columns.certification != "certified")


visible(models.Organization)(_organization_seen)
writable(models.Organization)(_organization_written)
visible(models.Qualification)(_children(models.Organization, _organization_seen, "organization_id"))
writable(models.Qualification)(
    _children(models.Organization, _certificates_written, "organization_id")
)
visible(models.OrgRole)(_children(models.Organization, _organization_seen, "organization_id"))

CERTIFIED_DATA = frozenset(
    {"name", "credit_code", "region_id", "address", "industry", "legal_person", "licence_file_id"}
    | {"institution_kind", "service_categories", "founded_on", "registered_capital"}
    | {"qualifications"}
)


@frozen(models.Organization)
def _certified_data(who: Actor, row: Any) -> frozenset[str]:
    if who.kind == "member" and row.certification == "certified":
        return CERTIFIED_DATA
    return frozenset()


@visible(models.Membership)
def _membership_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    if _of_staff(me):
        return true()
    mine = entity.user_id == me.user_id
    return or_(mine, entity.organization_id == me.organization_id) if me.is_any("member") else mine


def _is_me(column: Any, me: Me) -> ColumnElement[bool]:
    """A condition of one person; typed, as ``==`` of anything is not."""
    mine: ColumnElement[bool] = column == me.user_id
    return mine


@visible(models.Person)
def _person_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    if _of_staff(me):
        return true()
    return _is_me(entity.id, me)


@visible(models.Draft)
@writable(models.Draft)
def _own_draft(me: Me, entity: Any) -> ColumnElement[bool]:
    return _is_me(entity.user_id, me)


def _application_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """An application is its applicant's and the organization's; staff review it."""
    if _of_staff(me):
        return true()
    mine = columns.applicant_id == me.user_id
    return or_(mine, columns.organization_id == me.organization_id) if me.is_any("member") else mine


def _application_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Only the applicant, for nobody else's organization, never under review or after its end."""
    if me.is_any("anonymous", "staff"):
        return false()
    own = or_(columns.organization_id.is_(None), columns.organization_id == me.organization_id)
    return and_(columns.applicant_id == me.user_id, columns.state.in_(EDITABLE), own)


visible(models.Accreditation)(_application_seen)
writable(models.Accreditation)(_application_written)
for _child in (models.AccreditationQualification, models.AccreditationCase):
    visible(_child)(_children(models.Accreditation, _application_seen, "accreditation_id"))
    writable(_child)(_children(models.Accreditation, _application_written, "accreditation_id"))

visible(models.FlowCase)(_application_seen)
visible(models.FlowEvent)(_children(models.FlowCase, _application_seen, "case_id"))
visible(models.FlowTask)(_children(models.FlowCase, _application_seen, "case_id"))


@visible(models.FlowRoute)
@visible(models.FlowStage)
def _route_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
    return false() if me.is_any("anonymous") else true()


@visible(models.Attachment)
def _attachment_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """The uploader's; whoever sees the row that it is attached to; logos of the portal."""
    if _of_staff(me):
        return true()
    organization = models.Organization.__table__.alias().c
    logos = select(organization.logo_id).where(organization.certification == "certified")
    public: ColumnElement[bool] = entity.id.in_(logos)
    if me.is_any("anonymous"):
        return public
    rules = [public, entity.owner_id == me.user_id]
    if me.is_any("member"):
        rules += [entity.id.in_(query) for query in _files_of_my_organization(me)]
    return or_(*rules)


def _files_of_my_organization(me: Me) -> Iterator[Select[Any]]:
    """The attachment columns of the organization, its certificates and its applications."""
    organization = models.Organization.__table__.alias().c
    for column in (organization.logo_id, organization.licence_file_id):
        yield select(column).where(organization.id == me.organization_id)
    certificate = models.Qualification.__table__.alias().c
    yield select(certificate.proof_id).where(certificate.organization_id == me.organization_id)
    request = models.Accreditation.__table__.alias().c
    for column in (request.logo_id, request.licence_file_id, request.membership_form_id):
        yield select(column).where(request.organization_id == me.organization_id)
    proof = models.AccreditationQualification.__table__.alias().c
    mine = select(request.id).where(request.organization_id == me.organization_id)
    yield select(proof.proof_id).where(proof.accreditation_id.in_(mine))


@writable(models.Attachment)
def _attachment_written(me: Me, entity: Any) -> ColumnElement[bool]:
    return false() if me.is_any("anonymous") else entity.owner_id == me.user_id


@visible(models.Announcement)
def _announcement_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    if _of_staff(me):
        return true()
    running = or_(entity.expire_at.is_(None), entity.expire_at > me.now)
    return and_(entity.publish_at <= me.now, running)


@writable(models.Announcement)
def _announcement_written(me: Me, _entity: Any) -> ColumnElement[bool]:
    return true() if _of_staff(me) else false()
