"""Service consultants (S4-5…8): invited by a one-time link, reviewed, linked, and let go again.

Everything here runs on a connection without access rules; the pages ask beforehand who may.
Whoever is linked acts for his institution from the next request on, and no longer than that:
every link and every end raises the access version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Table, and_, exists, func, insert, select, update
from sqlalchemy.orm import Session

from app import audit, messages, search
from app.access import elevated
from app.choices import SERVING
from app.columns import Phrase
from app.errors import DomainError, Problem
from app.lifecycle import Lifecycle, Step
from app.models import (
    Consultant,
    ConsultantCertificate,
    ConsultantLink,
    ConsultantReview,
    Invitation,
    Membership,
    Organization,
    Person,
    ReviewedCertificate,
)
from app.profile import Consultants
from app.services import demands, limits, organizations, people
from app.services.codes import digest

WHY = "invitations and links are rows of an institution, a person and the system"
DAY_SECONDS = 86_400
MOST_ACCOUNTS = 10
"""So many accounts of one address are looked at."""
PROFILE = (
    *("name", "email", "title", "specialities", "photo_id", "sex", "id_no", "years", "education"),
    *("industries", "intro", "achievements", "languages", "visible_contact"),
)
"""What a review and a consultant both hold, under the same name."""
CERTIFICATE = ("name", "number", "valid_until", "proof_id", "issued_on")
UNSAID: dict[str, Any] = {
    **dict.fromkeys(("photo_id", "sex", "id_no", "years", "education", "intro", "achievements")),
    "industries": [],
    "languages": [],
    "visible_contact": True,
}
"""What of a profile its person alone says, before he has said anything."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


consultant_, link_, invitation_ = map(_table, (Consultant, ConsultantLink, Invitation))
review_, certificate_ = _table(ConsultantReview), _table(ConsultantCertificate)
reviewed_, organization_ = _table(ReviewedCertificate), _table(Organization)
member_, person_ = _table(Membership), _table(Person)
role_, held_ = (person_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))

LIFE = Lifecycle(
    Consultant,
    {
        "invite": Step(_l("Invite"), ("none", "expired", "unlinked"), "invited"),
        "resend": Step(_l("Invite again"), ("invited",), "invited"),
        "take_back": Step(_l("Take the invitation back"), ("invited",), "none"),
        "expire": Step(_l("Invitation expired"), ("invited",), "expired"),
        "accept": Step(_l("Invitation accepted"), ("invited",), "accepted"),
        "submit": Step(_l("Submit"), ("accepted", "returned"), "in_review"),
        "withdraw": Step(_l("Withdraw"), ("in_review", "returned"), "accepted"),
        "return": Step(_l("Return"), ("in_review",), "returned"),
        "refuse": Step(_l("Refuse"), ("in_review",), "unlinked"),
        "link": Step(_l("Linked"), ("in_review",), "linked"),
        "unlink": Step(_l("End the link"), SERVING, "unlinked"),
    },
)
LETTER = Lifecycle(
    Invitation,
    {
        "use": Step(_l("Accepted"), ("open",), "used"),
        "expire": Step(_l("Expired"), ("open",), "expired"),
        "void": Step(_l("Replaced or taken back"), ("open",), "void"),
    },
)


class Void(DomainError):
    """A link that was used, replaced, taken back or is too old; or never was one."""

    problem = _l("This invitation was used, replaced or is too old.")
    remedy = _l("Ask the institution to invite you again.")


class Elsewhere(DomainError):
    """An account that cannot serve an institution beside what it is."""

    problem = _l("This account acts for an organization or serves an institution already.")
    remedy = _l("End that first, or accept with another account.")


class SomebodyElses(DomainError):
    """A line under which another person has served, with his points and ratings."""

    problem = _l("This invitation is for somebody who served here under another account.")
    remedy = _l("Accept with that account, or ask the institution to add you anew.")


class InvitedTooOften(DomainError):
    """So many letters to one person are a nuisance."""

    problem = _l("This consultant has been invited too often today.")
    remedy = _l("Wait until tomorrow, or call.")


class TooManyOpen(DomainError):
    """An institution waits for so many answers that it invites nobody else meanwhile."""

    remedy = _l("Wait until some are answered or expire, or take some back.")

    def __init__(self, most: int) -> None:
        super().__init__(
            _l("Your institution has %(n)s open invitations, which is the most allowed.", n=most)
        )


# --- who serves whom ----------------------------------------------------------------------


@dataclass(frozen=True)
class Engagement:
    """Whom an account serves, or is about to."""

    consultant_id: int
    organization_id: int
    organization_name: str
    is_linked: bool


def engagement(rows: Session | Connection, user_id: int) -> Engagement | None:
    """The one living engagement of an account; linked only while its institution is in the pool."""
    c, o = consultant_.c, organization_.c
    found = (
        select(c.id, o.id, o.name, (c.state == "linked") & (o.institution_state == "in_pool"))
        .join(organization_, o.id == c.organization_id)
        .where(c.user_id == user_id, c.state.in_(SERVING))
    )
    row = rows.execute(found).first()
    return Engagement(row[0], row[1], row[2], bool(row[3])) if row else None


# --- the institution invites --------------------------------------------------------------


def problems(rows: Connection, row: Any, organization_id: int) -> list[Problem]:
    """What forbids a line of the list: a number that stands there, services of others."""
    found = []
    c = consultant_.c
    same = exists().where(
        c.organization_id == organization_id, c.mobile == row.mobile, c.id != (row.id or 0)
    )
    if row.mobile and rows.scalar(select(same)):
        text = _l("A consultant with this mobile number stands in your list already.")
        found.append(Problem("mobile", text))
    return [*found, *service_problems(rows, row, organization_id)]


def service_problems(rows: Connection, row: Any, organization_id: int) -> list[Problem]:
    """Specialities that the institution does not offer."""
    strange = set(row.specialities or ()) - services_of(rows, organization_id)
    text = _l("%(n)s of them are no services of the institution.", n=len(strange))
    return [Problem("specialities", text)] if strange else []


def services_of(rows: Connection, organization_id: int) -> set[str]:
    """The services that an institution offers; its consultants know none besides."""
    mine = select(organization_.c.service_categories).where(organization_.c.id == organization_id)
    return set(rows.scalar(mine) or ())


def elsewhere(rows: Connection, row: Any) -> Sequence[str]:
    """Other institutions that this mobile number serves, or that have invited it."""
    c = consultant_.c
    living = c.organization_id != row.organization_id, c.state.in_(("invited", *SERVING))
    named = select(organization_.c.name).join(consultant_, c.organization_id == organization_.c.id)
    return rows.scalars(named.where(c.mobile == row.mobile, *living).order_by(c.id)).all()


LINKED = _l(
    "Whoever has this e-mail address serves another institution, or is about to, and can accept "
    "only when that has ended."
)
BOUND = _l(
    "Whoever has this e-mail address acts for an organization or the platform, and can accept "
    "with another account only."
)
KNOWN = _l("This e-mail address has an account: the invitation can be accepted with it.")


def address_note(
    rows: Connection, email: str | None, organization_id: int, rule: Consultants, now: datetime
) -> Phrase | None:
    """What an institution should know of an address before it invites; nothing of the person.

    So often a day and no more: who tries out addresses learns little by it.
    """
    accounts = _accounts_of(rows, email)
    key = f"addresses:{organization_id}"
    if not accounts or limits.spend(rows, key, rule.addresses_per_day, DAY_SECONDS, now):
        return None
    c, k = consultant_.c, member_.c
    served = select(c.user_id, c.organization_id)
    served = served.where(c.user_id.in_(accounts), c.state.in_(SERVING))
    houses = {row.user_id: row.organization_id for row in rows.execute(served)}
    bound = {*rows.scalars(select(k.user_id).where(k.user_id.in_(accounts))), *houses}
    free = (user for user in accounts if user not in bound)
    if any(people.roles_of(rows, user) <= {people.ORDINARY} for user in free):
        return KNOWN
    if organization_id in houses.values():
        return None  # the institution's own consultant
    return LINKED if houses else BOUND


def _accounts_of(rows: Connection, email: str | None) -> Sequence[int]:
    """The active accounts of an address, as typed or in small letters; people share some."""
    if not email:
        return ()
    p = person_.c
    mine = select(p.id).where(p.email.in_({email, email.lower()}), p.active.is_(True))
    return rows.scalars(mine.order_by(p.id).limit(MOST_ACCOUNTS)).all()


def served_before(rows: Connection, row: Any) -> Sequence[str]:
    """Other institutions that this account served, the latest first."""
    k, others = link_.c, link_.c.organization_id != row.organization_id
    named = select(organization_.c.name).join(link_, k.organization_id == organization_.c.id)
    mine = named.where(k.user_id == row.applicant_id, others)
    return rows.scalars(mine.order_by(k.id.desc())).all()


def invite(session: Session, consultant_id: int, rule: Consultants, now: datetime) -> None:
    """Send a one-time link; one that was sent before is void.

    :raises OutOfTurn: for somebody who has an account with the institution.
    :raises InvitedTooOften: after so many letters within a day.
    :raises TooManyOpen: while the institution waits for as many answers as it may.
    """
    rows = elevated(session, WHY)
    c, o = consultant_.c, organization_.c
    house = select(c.organization_id).where(c.id == consultant_id).scalar_subquery()
    rows.execute(select(o.id).where(o.id == house).with_for_update(key_share=True))
    row = rows.execute(
        select(c.organization_id, c.name, c.email, c.state, organization_.c.name.label("house"))
        .join(organization_, organization_.c.id == c.organization_id)
        .where(c.id == consultant_id)
        .with_for_update(of=consultant_)
    ).one()
    if row.state != "invited" and _open_ones(rows, row.organization_id) >= rule.open_invitations:
        raise TooManyOpen(rule.open_invitations)
    key = f"invitation:{consultant_id}"
    if limits.spend(rows, key, rule.invitations_per_day, DAY_SECONDS, now) is not None:
        raise InvitedTooOften
    until = now + timedelta(days=rule.invitation_days)
    action = "resend" if row.state == "invited" else "invite"
    LIFE.move(session, consultant_id, action, now, invited_at=now, invited_until=until)
    void(session, consultant_id, now)
    token, sent = token_urlsafe(32), invitation_.c.consultant_id == consultant_id
    number = rows.scalar(select(func.count()).select_from(invitation_).where(sent)) or 0
    rows.execute(
        insert(invitation_).values(
            consultant_id=consultant_id, organization_id=row.organization_id,
            token_hash=digest(token), email=row.email, number=number + 1, state="open",
            created_at=now, expires_at=until, sent_by=audit.context().actor_name,
        )
    )  # fmt: skip
    words = {"org": row.house, "title": row.name, "due": until, "token": token}
    told = f"consultant.invited:{consultant_id}:{number + 1}"
    messages.tell(session, "consultant.invited", row.email, words, told, now)


def _open_ones(rows: Connection, organization_id: int) -> int:
    """How many of an institution's invitations wait for an answer."""
    c = consultant_.c
    waiting = c.organization_id == organization_id, c.state == "invited"
    return rows.scalar(select(func.count()).select_from(consultant_).where(*waiting)) or 0


def void(session: Session, consultant_id: int, now: datetime) -> None:
    """The link that is on its way works no more."""
    rows = elevated(session, WHY)
    i = invitation_.c
    waiting = select(i.id).where(i.consultant_id == consultant_id, i.state == "open")
    for key in rows.scalars(waiting).all():
        LETTER.move(session, key, "void", now)


def take_back(session: Session, consultant_id: int, now: datetime) -> None:
    """撤回邀请: nobody comes by it any more."""
    LIFE.move(session, consultant_id, "take_back", now, invited_at=None, invited_until=None)
    void(session, consultant_id, now)


# --- the invited person accepts -----------------------------------------------------------


@dataclass(frozen=True)
class Letter:
    """What a working link says: who invites whom."""

    consultant_id: int
    organization_id: int
    organization_name: str
    name: str
    mobile: str
    email: str
    until: datetime


def _is_open(token: str, now: datetime) -> Any:
    i = invitation_.c
    return and_(
        i.token_hash == digest(token), i.state == "open", i.used_at.is_(None), i.expires_at > now
    )


def read(rows: Connection, token: str, now: datetime) -> Letter | None:
    """The invitation of a token as long as it works; uses nothing up."""
    c, o, i = consultant_.c, organization_.c, invitation_.c
    found = (
        select(c.id, o.id, o.name, c.name, c.mobile, c.email, i.expires_at)
        .select_from(invitation_)
        .join(consultant_, c.id == i.consultant_id)
        .join(organization_, o.id == c.organization_id)
        .where(_is_open(token, now), c.state == "invited", o.institution_state == "in_pool")
    )
    row = rows.execute(found).first()
    return Letter(*row) if row else None


def claim(rows: Connection, token: str, now: datetime) -> Any:
    """Use a token up: of many at once one, the others find it used.

    The consultant is locked first, as by everything that moves him.

    :raises Void: when it does not work.
    """
    i, c = invitation_.c, consultant_.c
    whose = select(c.id).join(invitation_, i.consultant_id == c.id)
    rows.execute(whose.where(_is_open(token, now)).with_for_update(of=consultant_))
    used = update(invitation_).where(_is_open(token, now)).values(used_at=now)
    row = rows.execute(used.returning(i.id, i.consultant_id)).first()
    if row is None:
        raise Void
    return row


def accept(session: Session, claimed: Any, user_id: int, now: datetime) -> None:
    """The account takes the invitation up whose token it has claimed.

    :raises Elsewhere: for staff, for somebody of an organization, for whoever serves another.
    :raises SomebodyElses: where somebody else has served: what he earned is nobody else's.
    """
    rows = elevated(session, WHY)
    rows.execute(select(person_.c.id).where(person_.c.id == user_id).with_for_update())
    if not may_serve(rows, user_id):
        raise Elsewhere
    c = consultant_.c
    held = select(c.user_id, c.linked_at).where(c.id == claimed.consultant_id)
    before = rows.execute(held).one()
    if before.user_id not in (None, user_id):
        if before.linked_at is not None:
            raise SomebodyElses
        _forget_person(rows, claimed.consultant_id)
    LETTER.move(session, claimed.id, "use", now, used_by=user_id)
    LIFE.move(session, claimed.consultant_id, "accept", now, user_id=user_id)
    people.raise_version(rows)


def _forget_person(rows: Connection, consultant_id: int) -> None:
    """Whoever accepts next reads nothing of what an earlier one said of himself."""
    mine = consultant_.c.id == consultant_id
    rows.execute(update(consultant_).where(mine).values(**UNSAID))
    rows.execute(certificate_.delete().where(certificate_.c.consultant_id == consultant_id))


def may_serve(rows: Connection, user_id: int) -> bool:
    """Whether an account is free: nobody's member, no staff, nobody's consultant."""
    c = consultant_.c
    belongs = exists().where(member_.c.user_id == user_id)
    serves = exists().where(c.user_id == user_id, c.state.in_(SERVING))
    roles = people.roles_of(rows, user_id)
    return roles <= {people.ORDINARY} and not rows.scalar(select(belongs | serves))


# --- the profile --------------------------------------------------------------------------


def take_over(rows: Connection, review_id: int, consultant_id: int) -> None:
    """Write what was reviewed to the consultant."""
    review = rows.execute(select(review_).where(review_.c.id == review_id)).one()
    before = audit.stored(rows, Consultant, consultant_id)
    values = {name: getattr(review, name) for name in PROFILE}
    values["search_text"] = search.text_of(Consultant, values)
    mine = consultant_.c.id == consultant_id
    raised = {"version": consultant_.c.version + 1}
    rows.execute(update(consultant_).where(mine).values(**values, **raised))
    rows.execute(certificate_.delete().where(certificate_.c.consultant_id == consultant_id))
    ours = select(*(reviewed_.c[name] for name in CERTIFICATE))
    found = rows.execute(ours.where(reviewed_.c.review_id == review_id).order_by(reviewed_.c.id))
    new = [dict(row) | {"consultant_id": consultant_id} for row in found.mappings()]
    if new:
        rows.execute(insert(certificate_), new)
    audit.note_difference(rows, Consultant, consultant_id, before)


def state_of(rows: Connection, consultant_id: int) -> str:
    """How the engagement stands; locked, so that what follows is decided once."""
    mine = select(consultant_.c.state).where(consultant_.c.id == consultant_id)
    return str(rows.scalar(mine.with_for_update()))


def refuse(session: Session, consultant_id: int, opinion: str, now: datetime) -> None:
    """Not linked: the engagement is over before it began, and the account is free again."""
    LIFE.move(session, consultant_id, "refuse", now, opinion=opinion)
    people.raise_version(elevated(session, WHY))


def link(session: Session, consultant_id: int, user_id: int, now: datetime) -> None:
    """From now on he acts for the institution; both are told."""
    LIFE.move(session, consultant_id, "link", now, linked_at=now)
    rows = elevated(session, WHY)
    row = _named(rows, consultant_id)
    rows.execute(
        insert(link_).values(
            consultant_id=consultant_id, organization_id=row.organization_id, user_id=user_id,
            linked_at=now,
        )
    )  # fmt: skip
    people.raise_version(rows)
    told = [*organizations.people_of(rows, row.organization_id), user_id]
    words = {"title": row.name, "org": row.house}
    key = f"consultant.linked:{consultant_id}:{now.isoformat()}"
    messages.notify(session, "consultant.linked", told, words, key, now)


def unlink(session: Session, consultant_id: int, reason: str, remark: str, now: datetime) -> None:
    """解除关联: at once and by the institution alone; his open demands return to it, he is told."""
    LIFE.move(session, consultant_id, "unlink", now, opinion=remark, detail={"reason": reason})
    rows = elevated(session, WHY)
    row = _named(rows, consultant_id)
    mine = link_.c.consultant_id == consultant_id, link_.c.ended_at.is_(None)
    ended = {"ended_at": now, "ended_by": audit.context().actor_name}
    words = {"reason": reason, "remark": remark or None}
    rows.execute(update(link_).where(*mine).values(**ended, **words))
    demands.return_to_institution(rows, consultant_id, now)
    people.raise_version(rows)
    key = f"consultant.unlinked:{consultant_id}:{now.isoformat()}"
    told = [row.user_id] if row.user_id else []
    messages.notify(session, "consultant.unlinked", told, {"org": row.house}, key, now)


def _named(rows: Connection, consultant_id: int) -> Any:
    c = consultant_.c
    named = select(c.organization_id, c.user_id, c.name, organization_.c.name.label("house"))
    joined = named.join(organization_, organization_.c.id == c.organization_id)
    return rows.execute(joined.where(c.id == consultant_id)).one()


# --- jobs ---------------------------------------------------------------------------------


def overdue(rows: Connection, now: datetime, most: int) -> Sequence[Any]:
    """Open invitations whose time is over, the oldest first."""
    i, c = invitation_.c, consultant_.c
    found = (
        select(i.id, i.consultant_id, i.organization_id, i.expires_at, c.name)
        .join(consultant_, c.id == i.consultant_id)
        .where(i.state == "open", i.expires_at <= now)
        .order_by(i.expires_at, i.id)
    )
    return rows.execute(found.limit(most)).all()


def expire(session: Session, late: Any, now: datetime) -> int:
    """An invitation is over, unless it was answered meanwhile; its institution is told, once."""
    rows = elevated(session, WHY)
    state = state_of(rows, late.consultant_id)
    open_ = select(invitation_.c.id).where(_still_open(late.id))
    if rows.scalar(open_) is None:
        return 0
    LETTER.move(session, late.id, "expire", now)
    if state == "invited":
        LIFE.move(session, late.consultant_id, "expire", now)
    told = organizations.people_of(rows, late.organization_id)
    key = f"inv:{late.id}:exp"
    messages.notify(session, "consultant.expired", told, {"title": late.name}, key, now)
    return 1


def _still_open(key: int) -> Any:
    return and_(invitation_.c.id == key, invitation_.c.state == "open")


def waiting(rows: Connection, now: datetime) -> Sequence[Any]:
    """Open invitations whose time is not over."""
    i, c, o = invitation_.c, consultant_.c, organization_.c
    found = (
        select(i.id, i.email, i.created_at, i.expires_at, c.name, o.name.label("house"))
        .join(consultant_, c.id == i.consultant_id)
        .join(organization_, o.id == i.organization_id)
        .where(i.state == "open", i.expires_at > now)
        .order_by(i.expires_at, i.id)
    )
    return rows.execute(found).all()


def step_due(found: Any, rule: Consultants, now: datetime) -> str:
    """The latest step of reminding whose day has come; empty before the first."""
    after = [(found.created_at + timedelta(days=day), f"r{day}") for day in rule.reminder_days]
    before = [(found.expires_at - timedelta(days=day), f"l{day}") for day in rule.reminder_left]
    come = [(at, step) for at, step in (*after, *before) if found.created_at < at <= now]
    return max(come)[1] if come else ""
