"""Who sees what, who changes what: the rule of every model, by kind of actor.

Rules that also serve child rows take columns alone, so that they can be asked of a bare table.
Tables inside a rule are aliases: an eager load by subquery would take a plain one for its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, between, exists, false, or_, select, true
from sqlalchemy.sql.elements import False_, True_

from app import models
from app.access import Actor, Me, Rule, frozen, owned, personal, visible, writable
from app.choices import AUTHORITIES, CERTIFIED, MAIN_ACCOUNT

STAFF_READERS = ("operator",)
OUTBOX_READERS = ("operator", "sysadmin")
JOB_READERS = ("operator", "sysadmin")
EDITABLE = ("draft", "returned", "withdrawn")


def _everybody(_me: Me, _entity: Any) -> ColumnElement[bool]:
    return true()


for _reference in (models.Region, models.DictItem, models.Holiday):
    visible(_reference)(_everybody)


def _of_staff(me: Me) -> bool:
    """Platform staff that sees the whole deployment."""
    return me.is_any("staff") and any(me.has(role) for role in STAFF_READERS)


def _reads_all(me: Me) -> bool:
    """Platform staff, and the auditor, who reads what they read and writes nothing."""
    return _of_staff(me) or _administers(me, "auditor")


def _administers(me: Me, role: str) -> bool:
    """One of the three administrators: of the rows of business they see what a visitor sees."""
    return me.is_any("staff") and me.has(role)


def _knows_people(me: Me) -> bool:
    """Who may see whose account belongs to which organization."""
    return _reads_all(me) or _administers(me, "secadmin")


def _of_bureau(me: Me) -> bool:
    """An authority that sees its region alone."""
    return me.is_any("staff") and me.has("bureau")


def _of_association(me: Me) -> bool:
    """The enterprise service association (促进会), which keeps its members."""
    return me.is_any("staff") and me.has("association")


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
    """Institutions in the pool are public; members see their own, staff those of its region."""
    if _knows_people(me):
        return _in_region(me, columns)
    public = columns.institution_state == "in_pool"
    if _of_bureau(me):
        return or_(public, _in_region(me, columns))
    if _of_association(me):
        return or_(public, columns.association_state != "none")
    return or_(public, columns.id == me.organization_id) if me.is_any("member") else public


def _in_region(me: Me, columns: Any) -> ColumnElement[bool]:
    return between(columns.region_id, me.region_first, me.region_last)


def _organization_written(me: Me, columns: Any) -> ColumnElement[bool]:
    if _of_staff(me):
        return between(columns.region_id, me.region_first, me.region_last)
    return columns.id == me.organization_id if me.is_any("member") else false()


def _certificates_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Those of an institution in the pool were reviewed with it: its owner leaves them."""
    if _of_staff(me):
        return _organization_written(me, columns)
    return and_(_organization_written(me, columns), columns.institution_state != "in_pool")


visible(models.Organization)(_organization_seen)


@writable(models.Organization)
def _organization_or_authority_written(me: Me, entity: Any) -> ColumnElement[bool]:
    """The security administrator sets up the authorities that staff belong to (单位与人员)."""
    if not _administers(me, "secadmin"):
        return _organization_written(me, entity)
    role = models.OrgRole.__table__.alias().c
    authorities = select(role.organization_id).where(role.role.in_(AUTHORITIES))
    found: ColumnElement[bool] = entity.id.in_(authorities)
    return found


@writable(models.OrgRole)
def _authority_role_written(me: Me, entity: Any) -> ColumnElement[bool]:
    is_authority: ColumnElement[bool] = entity.role.in_(AUTHORITIES)
    return is_authority if _administers(me, "secadmin") else false()


visible(models.Qualification)(_children(models.Organization, _organization_seen, "organization_id"))
writable(models.Qualification)(
    _children(models.Organization, _certificates_written, "organization_id")
)
visible(models.OrgRole)(_children(models.Organization, _organization_seen, "organization_id"))

CERTIFIED_DATA = frozenset(
    {"name", "credit_code", "region_id", "address", "industry", "legal_person", "licence_file_id"}
    | {"founded_on", "registered_capital"}
)
POOL_DATA = frozenset({"institution_kind", "service_categories", "qualifications"})


@frozen(models.Organization)
def _certified_data(who: Actor, row: Any) -> frozenset[str]:
    """What was reviewed is changed by a case (信息变更), whatever its owner types.

    Nobody moves an authority: its region is what its accounts see.
    """
    if row.is_authority:
        return frozenset({"region_id"})
    if who.kind != "member":
        return frozenset()
    certified = row.certification in (*CERTIFIED, "expired")
    in_pool = row.institution_state == "in_pool"
    return (CERTIFIED_DATA if certified else frozenset()) | (POOL_DATA if in_pool else frozenset())


@visible(models.Membership)
def _membership_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    if _knows_people(me):
        return true()
    mine = entity.user_id == me.user_id
    return or_(mine, entity.organization_id == me.organization_id) if me.is_any("member") else mine


def _is_me(column: Any, me: Me) -> ColumnElement[bool]:
    """A condition of one person; typed, as ``==`` of anything is not."""
    mine: ColumnElement[bool] = column == me.user_id
    return mine


@visible(models.Person)
def _person_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """Oneself; a main account also its colleagues (用户管理)."""
    if _knows_people(me):
        return true()
    if not _is_main_account(me):
        return _is_me(entity.id, me)
    ours = models.Membership.__table__.alias().c
    colleagues = select(ours.user_id).where(ours.organization_id == me.organization_id)
    return or_(_is_me(entity.id, me), entity.id.in_(colleagues))


def _is_main_account(me: Me) -> bool:
    return me.is_any("member") and me.has(MAIN_ACCOUNT)


@visible(models.MessageChoice)
@writable(models.MessageChoice)
def _own_choice(me: Me, entity: Any) -> ColumnElement[bool]:
    return _is_me(entity.user_id, me)


@visible(models.Message)
def _message_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """One's own on the platform; what left by mail or SMS is watched by those who run it."""
    if me.is_any("anonymous"):
        return false()
    sent = entity.channel != "inapp"
    own = and_(entity.channel == "inapp", _is_me(entity.user_id, me))
    return or_(own, sent) if any(me.has(role) for role in OUTBOX_READERS) else own


@visible(models.Draft)
@writable(models.Draft)
def _own_draft(me: Me, entity: Any) -> ColumnElement[bool]:
    return _is_me(entity.user_id, me)


def _application_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """An application is its applicant's and the organization's; staff review it."""
    if _reads_all(me):
        return true()
    mine = columns.applicant_id == me.user_id
    if not me.is_any("member"):  # who left takes nothing along, nor who may look no longer
        return and_(mine, columns.organization_id.is_(None))
    ours = columns.organization_id == me.organization_id
    return or_(ours, and_(mine, columns.organization_id.is_(None)))


def _application_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Only the applicant, for nobody else's organization, never under review or after its end."""
    if me.is_any("anonymous", "bystander", "staff"):
        return false()
    own = or_(columns.organization_id.is_(None), columns.organization_id == me.organization_id)
    return and_(columns.applicant_id == me.user_id, columns.state.in_(EDITABLE), own)


visible(models.Accreditation)(_application_seen)
writable(models.Accreditation)(_application_written)
for _child in (models.AccreditationQualification, models.AccreditationCase):
    visible(_child)(_children(models.Accreditation, _application_seen, "accreditation_id"))
    writable(_child)(_children(models.Accreditation, _application_written, "accreditation_id"))


def _request_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """A request to join is its applicant's; the main account asked and the platform decide."""
    if _reads_all(me):
        return true()
    mine = _is_me(columns.applicant_id, me)
    asked = columns.organization_id == me.organization_id
    return or_(mine, asked) if _is_main_account(me) else mine


def _change_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """That a main account shall be replaced is not told to it before it is decided."""
    return true() if _reads_all(me) else _is_me(columns.applicant_id, me)


def _request_written(me: Me, columns: Any) -> ColumnElement[bool]:
    """Only its applicant, who belongs to no organization, never under review or after its end."""
    if not me.is_any("ordinary"):
        return false()
    return and_(_is_me(columns.applicant_id, me), columns.state.in_(EDITABLE))


visible(models.JoinRequest)(_request_seen)
visible(models.MainAccountChange)(_change_seen)
for _request in (models.JoinRequest, models.MainAccountChange):
    writable(_request)(_request_written)


def _certification_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """As any application; an authority sees those of its region."""
    return _in_region(me, columns) if _of_bureau(me) else _application_seen(me, columns)


def _data_change_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """An authority sees the changes of its region's organizations, wherever they move to."""
    if not _of_bureau(me):
        return _application_seen(me, columns)
    organization = models.Organization.__table__.alias().c
    here = select(organization.id).where(_in_region(me, organization))
    found: ColumnElement[bool] = columns.organization_id.in_(here)
    return found


def _filed(me: Me, columns: Any) -> ColumnElement[bool]:
    """As any application; the operator too may file one for a firm that came with paper (代录)."""
    if _of_staff(me):
        return and_(_is_me(columns.applicant_id, me), columns.state.in_(EDITABLE))
    return _application_written(me, columns)


visible(models.Certification)(_certification_seen)
writable(models.Certification)(_filed)
visible(models.OrganizationChange)(_data_change_seen)
writable(models.OrganizationChange)(_application_written)
visible(models.ChangeProof)(_children(models.OrganizationChange, _data_change_seen, "change_id"))
writable(models.ChangeProof)(
    _children(models.OrganizationChange, _application_written, "change_id")
)


def _cases_of_region(me: Me, columns: Any) -> ColumnElement[bool]:
    """The cases of the applications that an authority sees."""
    return or_(
        *(
            and_(columns.flow == flow, _children(model, rule, "subject_id")(me, columns))
            for flow, model, rule in (
                ("certification", models.Certification, _certification_seen),
                ("organization_change", models.OrganizationChange, _data_change_seen),
            )
        )
    )


def _of_flow(flow: str, columns: Any) -> ColumnElement[bool]:
    ours: ColumnElement[bool] = columns.flow == flow
    return ours


def _filed_for(me: Me, columns: Any) -> ColumnElement[bool]:
    """What a consultant filed for the institution that he serves."""
    if not me.is_any("consultant"):
        return false()
    own = and_(_is_me(columns.applicant_id, me), columns.organization_id == me.serves_id)
    return and_(_of_flow("filing", columns), own)


def _case_seen(me: Me, columns: Any) -> ColumnElement[bool]:
    """As its application; a main account also what it has to decide itself."""
    if _of_association(me) and not _reads_all(me):
        return _of_flow("association", columns)
    if _of_bureau(me):
        return _cases_of_region(me, columns)
    seen = _application_seen(me, columns)
    if me.is_any("ordinary", "bystander", "consultant"):
        own = and_(columns.flow == "consultant_review", _is_me(columns.applicant_id, me))
        return or_(seen, own, _filed_for(me, columns))
    if not _is_main_account(me):
        return seen
    task = models.FlowTask.__table__.alias().c
    asked = (task.organization_id == me.organization_id) & (task.role == MAIN_ACCOUNT)
    return or_(seen, columns.id.in_(select(task.case_id).where(asked)))


visible(models.FlowCase)(_case_seen)
visible(models.FlowEvent)(_children(models.FlowCase, _case_seen, "case_id"))
visible(models.FlowTask)(_children(models.FlowCase, _case_seen, "case_id"))


@visible(models.FlowRoute)
@visible(models.FlowStage)
def _route_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
    return false() if me.is_any("anonymous") else true()


@visible(models.Attachment)
def _attachment_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """Whoever sees the row that it is attached to, before that its uploader; the portal's logos."""
    if _reads_all(me):
        return true()
    organization = models.Organization.__table__.alias().c
    logos = select(organization.logo_id).where(organization.institution_state == "in_pool")
    public: ColumnElement[bool] = entity.id.in_(logos)
    more = [condition for rule in file_rules for condition in rule(me, entity)]
    if me.is_any("anonymous"):
        return or_(public, *more)
    rules = [public, *more, and_(entity.owner_id == me.user_id, *_of_no_organization(entity))]
    if me.is_any("member"):
        rules += [entity.id.in_(query) for query in _files_of_my_organization(me)]
    if me.is_any("member") or _of_bureau(me):
        rules += [entity.id.in_(query) for query in _files_of_certification(me)]
    return or_(*rules)


FileRule = Callable[[Me, Any], Iterable[ColumnElement[bool]]]
file_rules: list[FileRule] = []
"""Which attachments the modules of other areas show: conditions, any of which is enough."""

FILES: list[tuple[type, tuple[str, ...], type | None, str]] = [
    (models.Organization, ("logo_id", "licence_file_id"), None, ""),
    (models.Qualification, ("proof_id",), None, ""),
    (models.Accreditation, ("logo_id", "licence_file_id", "membership_form_id"), None, ""),
    (models.AccreditationQualification, ("proof_id",), models.Accreditation, "accreditation_id"),
    (models.Certification, ("licence_file_id", "authorisation_id"), None, ""),
    (models.OrganizationChange, ("licence_file_id",), None, ""),
    (models.ChangeProof, ("attachment_id",), models.OrganizationChange, "change_id"),
]
"""The columns by which rows of organizations name files; of child rows, the parent and its key."""


def _of_no_organization(entity: Any) -> Iterator[ColumnElement[bool]]:
    """That no organization's row names a file; who leaves does not take it along."""
    for model, names, parent, key in FILES:
        rows = model.__table__.alias().c  # type: ignore[attr-defined]
        named = exists().where(or_(*(rows[name] == entity.id for name in names)))
        if parent is not None:
            holder = parent.__table__.alias().c  # type: ignore[attr-defined]
            named = named.where(holder.id == rows[key], _of_an_organization(holder))
        elif model is not models.Organization:
            named = named.where(_of_an_organization(rows))
        yield ~named


def _of_an_organization(columns: Any) -> ColumnElement[bool]:
    """Whether a row is some organization's; a demand is also the enterprise's that raised it."""
    whose = [columns[name] for name in ("organization_id", "enterprise_id") if name in columns]
    return or_(*(column.is_not(None) for column in whose))


def _files_of_certification(me: Me) -> Iterator[Select[Any]]:
    """The attachments of certifications and changes that the actor sees."""
    request = models.Certification.__table__.alias().c
    for column in (request.licence_file_id, request.authorisation_id):
        yield select(column).where(_certification_seen(me, request))
    change, proof = (
        model.__table__.alias().c for model in (models.OrganizationChange, models.ChangeProof)
    )
    yield select(change.licence_file_id).where(_data_change_seen(me, change))
    seen = select(change.id).where(_data_change_seen(me, change))
    yield select(proof.attachment_id).where(proof.change_id.in_(seen))


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
    if _reads_all(me):
        return true()
    running = or_(entity.expire_at.is_(None), entity.expire_at > me.now)
    return and_(entity.publish_at <= me.now, running)


@writable(models.Announcement)
def _announcement_written(me: Me, _entity: Any) -> ColumnElement[bool]:
    return true() if _of_staff(me) else false()


@visible(models.Agreement)
def _agreement_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """Published versions are everybody's, drafts those of who writes or audits them."""
    if _writes_agreements(me) or _reads_all(me):
        return true()
    published: ColumnElement[bool] = entity.state == "published"
    return published


def _writes_agreements(me: Me) -> bool:
    return _of_staff(me) or _administers(me, "sysadmin")


@writable(models.Agreement)
def _agreement_written(me: Me, entity: Any) -> ColumnElement[bool]:
    """Once published, a version stays as people accepted it."""
    return entity.state == "draft" if _writes_agreements(me) else false()


@visible(models.Consent)
def _consent_seen(me: Me, entity: Any) -> ColumnElement[bool]:
    """Whoever writes agreements may count who accepted them."""
    if _writes_agreements(me) or _reads_all(me):
        return true()
    return _is_me(entity.user_id, me)


for _sealed in (models.AuditEntry, models.AuditSeal, models.AuditHead):

    @visible(_sealed)
    def _log_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
        """The audit log is the audit administrator's; nobody but the system writes it."""
        return true() if _administers(me, "auditor") else false()


# Personal data is plain to these, masked to all others (forms § 0.1).
owned(models.Person, person="id")
owned(models.Membership, organization="organization_id", person="user_id")
owned(models.Organization, organization="id")
for _request in (models.Accreditation, models.Certification, models.OrganizationChange):
    owned(_request, organization="organization_id", person="applicant_id")
for _asked in (models.JoinRequest, models.MainAccountChange):
    owned(_asked, person="applicant_id")


@visible(models.ScheduledJob)
@visible(models.JobRun)
def _job_seen(me: Me, _entity: Any) -> ColumnElement[bool]:
    return true() if me.is_any("staff") and any(me.has(r) for r in JOB_READERS) else false()


personal(models.MessageChoice)
