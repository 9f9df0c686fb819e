"""The consultants of the demonstration, and how far their invitations have come (S4-5…8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from app import audit, clock, messages, profile
from app.models import (
    Consultant,
    ConsultantReview,
    Invitation,
    Message,
    Organization,
    Person,
    ReviewedCertificate,
)
from app.services import consultants
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import card, logo

FLOW = "consultant_review"
OPINION = "身份与授权属实，专业与资格相符，同意。"
COLORS = (("#1d6fdc", "#19b5c9"), ("#3b4a6b", "#8a6d3b"), ("#2f7d5b", "#b7c94a"))


def fill(demo: Demonstration) -> None:
    """Each one at his institution."""
    rule = profile.load("demo").consultants
    for number, row in enumerate(read("consultants"), start=1):
        _add(demo, row | {"number": number}, demo.institutions[row["code"]], rule)


def _add(demo: Demonstration, row: dict[str, Any], firm: Firm, rule: profile.Consultants) -> None:
    """A line of the list, invited, and what came of it."""
    invited = demo.at(row["days"], 9)
    username = row.get("username", f"120000004{row['number']:02}")
    mobile = f"120000004{row['number']:02}"
    line = demo.add(
        Consultant(
            organization_id=firm.organization_id,
            name=row["name"],
            mobile=mobile,
            email=f"{username}@example.com",
            title=row["title"],
            specialities=row["specialities"],
            created_at=invited - timedelta(hours=1),
        )
    )
    with audit.on_behalf_of(audit.Context(firm.user_id, firm.row["person"])):
        consultants.invite(demo.session, line.id, rule, invited)
    _forget_links(demo)
    if row["state"] == "expired":
        (late,) = consultants.overdue(demo.session.connection(), demo.now, 1)
        consultants.expire(demo.session, late, late.expires_at)
    elif row["state"] != "invited":
        _answer(demo, row, line, demo.person(username, row["name"], mobile, "ordinary", 0))
    if row["state"] == "unlinked":
        with audit.on_behalf_of(audit.Context(firm.user_id, firm.row["person"])):
            ended = demo.at(row["days"] // 4, 15)
            consultants.unlink(demo.session, line.id, row["reason"], row["remark"], ended)


def _forget_links(demo: Demonstration) -> None:
    """The mails of the past have left: what was secret in them is blanked."""
    sent = demo.session.scalars(select(Message).where(Message.occasion == "consultant.invited"))
    for message in sent:
        message.context = {**message.context, "token": messages.BLANK}
    demo.session.flush()


def _answer(demo: Demonstration, row: Mapping[str, Any], line: Consultant, person: Person) -> None:
    """He accepts, completes the profile, and the platform decides."""
    accepted = demo.at(row["days"] - 1, 10)
    waiting = select(Invitation.id, Invitation.consultant_id).where(
        Invitation.consultant_id == line.id, Invitation.state == "open"
    )
    claimed = demo.session.execute(waiting).one()
    with audit.on_behalf_of(audit.Context(person.id, row["name"])):
        consultants.accept(demo.session, claimed, person.id, accepted)
    used = update(Invitation).where(Invitation.id == claimed.id).values(used_at=accepted)
    demo.session.execute(used)
    sent = accepted + timedelta(hours=2)
    task = demo.submitted(FLOW, _review(demo, row, line, person, sent), sent)
    if row["state"] != "in_review":
        decider = demo.operators[row["number"] % len(demo.operators)]
        decided = demo.two_days_after(sent)
        demo.engine.desk(demo.session, decider, decided).approve(task.id, OPINION)


def _review(
    demo: Demonstration,
    row: Mapping[str, Any],
    line: Consultant,
    person: Person,
    sent: datetime,
) -> ConsultantReview:
    colors = COLORS[row["number"] % len(COLORS)]
    drawn = logo({"colors": colors, "short_name": row["name"], "code": f"{row['number']:02}"})
    photo = demo.picture(drawn, "照片", person, sent, "photo")
    return ConsultantReview(
        applicant_id=person.id,
        organization_id=line.organization_id,
        consultant_id=line.id,
        name=row["name"],
        mobile=line.mobile,
        email=line.email,
        title=row["title"],
        specialities=row["specialities"],
        photo_id=photo.id,
        years=row["years"],
        education="bachelor",
        languages=["zh"],
        intro=row["intro"],
        achievements=row.get("achievements"),
        accept_terms=True,
        created_at=sent,
        certificates=list(_certificates(demo, row, line, person, sent)),
    )


def _certificates(
    demo: Demonstration, row: Mapping[str, Any], line: Consultant, person: Person, sent: datetime
) -> Iterator[ReviewedCertificate]:
    """What he is qualified by, with its scan."""
    if "certificate" not in row:
        return
    day, house = clock.local_day(sent), demo.session.get_one(Organization, line.organization_id)
    told = {"colors": COLORS[1], "legal_person": row["name"], "code": f"{row['number']:02}"}
    scan = demo.picture(card(row["certificate"], told, house), "资格证书", person, sent)
    yield ReviewedCertificate(
        name=row["certificate"],
        number=f"ZS{row['number']:02}{row['years']:02}",
        issued_on=day.replace(year=day.year - row["years"], day=1),
        proof_id=scan.id,
    )
