"""The institutions and enterprises of the demonstration, and how far their requests have come."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from app.access import Actor
from app.models import (
    Accreditation,
    AccreditationCase,
    AccreditationQualification,
    AssociationApplication,
    Certification,
    Draft,
    Membership,
    Organization,
    Person,
    Qualification,
)
from app.services import association
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import card, logo

FLOW = "accreditation"
DRAFT_FORM = "accreditations-new"
COPIED = (
    *("name", "credit_code", "region_id", "address", "industry", "legal_person"),
    *("contact_name", "contact_phone"),
)
EXPIRES_IN = 45
"""Days that the certificate of the demonstration's enterprise is still valid."""
CITIES = ["990100", "990200"]
OPINION = "材料齐全，符合入驻要求，同意。"
JOINED = "符合章程规定的入会条件，同意吸收为会员。"
CERTIFIED = "材料齐全，与营业执照一致，同意。"


def fill(demo: Demonstration) -> None:
    """The institutions, then the enterprises."""
    for number, row in enumerate(read("institutions")):
        _add_institution(demo, row, decider=demo.operators[number % len(demo.operators)])
    for row in read("enterprises"):
        _add_enterprise(demo, row)


def _add_institution(demo: Demonstration, row: dict[str, Any], decider: Actor) -> None:
    """An enterprise with its account, and how far its application has come."""
    person, organization = _enterprise(demo, row)
    demo.institutions[row["code"]] = Firm(row, person.id, organization.id, "institution_main")
    if row["state"] == "draft":
        _keep_draft(demo, row, person, organization)
        return
    sent = demo.at(row["days"], 10)
    task = demo.submitted(FLOW, _application(demo, row, person, organization, sent), sent)
    decided = demo.two_days_after(sent)
    if row["state"] == "certified":
        demo.engine.desk(demo.session, decider, decided).approve(task.id, OPINION)
        if "membership" in row:
            _ask_for_membership(demo, row, person, organization)
    elif row["state"] == "returned":
        demo.engine.desk(demo.session, decider, decided).send_back(task.id, row["opinion"])


def _ask_for_membership(
    demo: Demonstration, row: dict[str, Any], person: Person, organization: Organization
) -> None:
    """A request to the association, and what came of it."""
    asked: dict[str, Any] = row["membership"]
    sent = demo.at(asked.get("days", row["days"]), 15)
    request = AssociationApplication(
        applicant_id=person.id,
        organization_id=organization.id,
        name=organization.name,
        member_kind=asked["kind"],
        representative_name=row["legal_person"],
        representative_mobile=person.mobile,
        join_reason=asked["reason"],
        contact_email=f"contact{row['code']}@example.com",
        accept_charter=True,
        created_at=sent,
    )
    task = demo.submitted(association.FLOW, request, sent)
    decider, decided = demo.staff["association"][0], demo.two_days_after(sent)
    desk = demo.engine.desk(demo.session, decider, decided)
    if asked["state"] == "approved":
        desk.approve(task.id, JOINED)
    elif asked["state"] == "returned":
        desk.send_back(task.id, asked["opinion"])


def _add_enterprise(demo: Demonstration, row: dict[str, Any]) -> None:
    """An enterprise with its account, and how far its certification has come."""
    person, organization = _enterprise(demo, row)
    demo.enterprises[row["code"]] = Firm(row, person.id, organization.id, "enterprise_main")
    sent = demo.at(row["days"], 10)
    request = _certification(demo, row, person, organization, sent)
    task = demo.submitted("certification", request, sent)
    decider = demo.bureaus.get(task.organization_id or 0, demo.operators[0])
    desk = demo.engine.desk(demo.session, decider, demo.two_days_after(sent))
    if row["state"] == "certified":
        desk.approve(task.id, CERTIFIED)
    elif row["state"] == "returned":
        desk.send_back(task.id, row["opinion"])
    if "certificate" in row:
        scan = demo.picture(card(row["certificate"], row, organization), "资质证书", person, sent)
        until = demo.today + timedelta(days=EXPIRES_IN)
        number = f"GQ{row['founded']}{row['code']}{row['staff']}"
        values = {"name": row["certificate"], "number": number, "valid_until": until}
        demo.add(Qualification(organization_id=organization.id, proof_id=scan.id, **values))


def _certification(
    demo: Demonstration,
    row: dict[str, Any],
    person: Person,
    organization: Organization,
    sent: datetime,
) -> Certification:
    licence = demo.picture(card("营业执照", row, organization), "营业执照", person, sent)
    o = organization
    return Certification(
        applicant_id=person.id,
        organization_id=o.id,
        **{name: getattr(o, name) for name in COPIED},
        founded_on=date(row["founded"], 1 + int(row["code"]) % 12, 18),
        registered_capital=row["capital"] * 10_000 * 100,
        staff_count=row["staff"],
        website=row.get("website", "无"),
        intro=row["intro"],
        contact_email=f"contact{row['code']}@example.com",
        licence_file_id=licence.id,
        true_statement=True,
        created_at=sent,
    )


def _enterprise(demo: Demonstration, row: dict[str, Any]) -> tuple[Person, Organization]:
    """An account of so many days, and its organization."""
    mobile = f"120000001{row['code']}"
    username = row.get("username", mobile)
    person = demo.person(username, row["person"], mobile, "enterprise_main", row["days"] + 5)
    organization = demo.organization(
        name=row["name"],
        code=row["code"],
        region=row["region"],
        address=row["address"],
        industry=row["industry"],
        person=row["person"],
        mobile=mobile,
        days=row["days"] + 5,
        role="enterprise",
        legal_person=row["legal_person"],
    )
    demo.join(person, organization)
    for colleague in row.get("colleague", ()):
        _add_colleague(demo, colleague, organization, row["days"])
    return person, organization


def _add_colleague(
    demo: Demonstration, row: dict[str, Any], organization: Organization, days: int
) -> None:
    """A sub-account with the rights that the main account left to it (S0-37)."""
    person = demo.person(row["username"], row["person"], row["mobile"], "sub_account", days)
    person.register_kind = "sub_account"
    place = {"user_id": person.id, "organization_id": organization.id, "is_main": False}
    demo.add(Membership(**place, rights=row["rights"]))


def _application(
    demo: Demonstration,
    row: dict[str, Any],
    person: Person,
    organization: Organization,
    sent: datetime,
) -> Accreditation:
    mobile = str(person.mobile)
    proofs = []
    if "certificate" in row:
        scan = demo.picture(card(row["certificate"], row, organization), "资质证书", person, sent)
        proofs.append(
            AccreditationQualification(
                name=row["certificate"],
                number=f"QY{row['founded']}{row['code']}0{row['staff']}",
                valid_until=demo.today + timedelta(days=700 + row["staff"]),
                proof_id=scan.id,
            )
        )
    mark = demo.picture(logo(row), "机构标识", person, sent, "logo")
    licence = demo.picture(card("营业执照", row, organization), "营业执照", person, sent)
    application = Accreditation(
        applicant_id=person.id,
        organization_id=organization.id,
        name=organization.name,
        credit_code=organization.credit_code,
        region_id=organization.region_id,
        address=organization.address,
        industry=organization.industry,
        legal_person=row["legal_person"],
        founded_on=date(row["founded"], 1 + int(row["code"]) % 12, 18),
        registered_capital=row["capital"] * 10_000 * 100,
        staff_count=row["staff"],
        website=None,
        short_name=row["short_name"],
        institution_kind=row["kind"],
        service_categories=row["categories"],
        service_area=CITIES[: 1 + row["staff"] % 2],
        intro=row["intro"],
        advantages=row["advantages"],
        team_size=row["team"],
        contact_name=row["person"],
        contact_title="项目负责人",
        contact_mobile=mobile,
        contact_email=f"contact{row['code']}@example.com",
        service_tel=mobile,
        true_statement=True,
        logo_id=mark.id,
        licence_file_id=licence.id,
        created_at=sent,
        qualifications=proofs,
        cases=[
            AccreditationCase(client=row["client"], content=row["case"], year=demo.today.year - 1)
        ],
    )
    demo.add(application)
    return application


def _keep_draft(
    demo: Demonstration, row: dict[str, Any], person: Person, organization: Organization
) -> None:
    """Half of the form, as its owner left it."""
    typed = {
        "name": organization.name,
        "credit_code": organization.credit_code,
        "region": str(organization.region_id),
        "address": organization.address,
        "industry": organization.industry,
        "legal_person": row["legal_person"],
        "short_name": row["short_name"],
        "institution_kind": row["kind"],
        "service_categories": row["categories"],
        "intro": row["intro"],
        "contact_name": row["person"],
        "contact_mobile": str(person.mobile),
    }
    entries = [
        [name, value]
        for name, values in typed.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    saved = demo.at(row["days"], 16)
    demo.add(Draft(user_id=person.id, form=DRAFT_FORM, entries=entries, saved_at=saved))
