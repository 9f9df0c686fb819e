"""The demands of the demonstration: raised, called about, settled as their rows say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app import audit, profile
from app.models import (
    Attachment,
    Consultant,
    Demand,
    DemandContact,
    DemandFile,
    Organization,
    Person,
    Product,
)
from app.services.demands import Office, Target, target
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import scene

DISPUTE = "只谈过意向，没有签合同，也没有付款。"
COLORS, SIZE = ("#3b4a6b", "#8fa3b8"), (640, 480)
PUT_OFF = "客户推迟了订单，检测暂时不做。"


def fill(demo: Demonstration) -> None:
    """In the order of the file."""
    for row in read("demands"):
        _raise(demo, row)


def _office(demo: Demonstration, now: datetime) -> Office:
    return Office(demo.session, profile.load("demo").demands, demo.calendar, now)


def _by(firm: Firm) -> Any:
    return audit.on_behalf_of(audit.Context(firm.user_id, firm.row["person"]))


def _target(demo: Demonstration, row: Mapping[str, Any]) -> Target:
    """A product that is not on sale any more stands for its institution."""
    if row["to"] == "open":
        return Target()
    house = demo.institutions[row["code"]].organization_id
    model = {"product": Product, "consultant": Consultant}.get(row["to"])
    if model is not None:
        named: Any = select(model.id).where(model.name == row["name"])
        key = demo.session.scalar(named.where(model.organization_id == house))
        found = key and target(demo.session, row["to"], key)
        if found:
            return found
    return target(demo.session, "institution", house) or Target()


def _raise(demo: Demonstration, row: Mapping[str, Any]) -> None:
    firm, whom = demo.enterprises[row["enterprise"]], _target(demo, row)
    ours = demo.session.get_one(Organization, firm.organization_id)
    raised = demo.at(row["days"], 9) + timedelta(minutes=25)
    demand = Demand(
        target_kind=whom.kind,
        target_name=whom.name,
        organization_id=whom.organization_id,
        consultant_id=whom.consultant_id,
        product_id=whom.product_id,
        enterprise_id=ours.id,
        enterprise_name=ours.name,
        user_id=firm.user_id,
        contact_name=ours.contact_name,
        contact_phone=ours.contact_phone,
        contact_email=ours.contact_email,
        call_time="any",
        public_need=row.get("public", False),
        **{name: row[name] for name in ("title", "description", "category", "budget", "urgency")},
    )
    demand.files = [
        DemandFile(attachment=_drawn(demo, firm, name, raised)) for name in row.get("files", ())
    ]
    with _by(firm):
        _office(demo, min(raised, demo.now - timedelta(minutes=1))).take_in(demand)
    for talk in row.get("talks", ()):
        with _by(demo.institutions[row["code"]]):
            _talk(demo, demand, talk, demo.institutions[row["code"]])
    if "end" in row:
        last = demo.at(row["talks"][-1]["days"] - 1, 9)
        with _by(firm):
            _end(_office(demo, last), demand.id, row["end"])


def _drawn(demo: Demonstration, firm: Firm, name: str, when: datetime) -> Attachment:
    """What the enterprise sends along, as a picture."""
    owner = demo.session.get_one(Person, firm.user_id)
    return demo.picture(scene(name, COLORS, SIZE, "sample"), name, owner, when, "document")


def _talk(demo: Demonstration, demand: Demand, talk: Mapping[str, Any], house: Firm) -> None:
    at = max(demo.at(talk["days"], talk["hour"]), demand.created_at)
    ahead = timedelta(days=talk.get("next_days", 0))
    _office(demo, at).record(
        DemandContact(
            demand_id=demand.id,
            organization_id=house.organization_id,
            user_id=house.user_id,
            consultant_id=demand.consultant_id,
            at=at,
            person_name=house.row["person"],
            channel="phone",
            result=talk["result"],
            summary=talk["summary"],
            next_step=talk.get("next_step"),
            next_at=demo.now + ahead if ahead else None,
            amount=talk["amount"] * 100 if "amount" in talk else None,
            lost_reason=talk.get("reason"),
            created_at=at,
        )
    )


def _end(office: Office, key: int, end: str) -> None:
    """What the enterprise said of it in the end."""
    if end == "close":
        office.end(key, "close", "plan", PUT_OFF)
    else:
        office.answer(key, end, DISPUTE if end == "dispute" else "")
