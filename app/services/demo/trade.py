"""The transactions of the demonstration, reviewed, and what both sides said (S4-12, S4-13)."""

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
    Filing,
    FilingContract,
    Organization,
    Person,
    Product,
    Rating,
)
from app.services import ratings, trade
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import card, scene

OPINION = "合同与备案信息一致，同意备案。"
INK, COLORS, SIZE = "#3b4a6b", ("#2f7d5b", "#9fc2a8"), (640, 480)


def fill(demo: Demonstration) -> None:
    """In the order of the file."""
    for row in read("trade"):
        _file(demo, row)


def _file(demo: Demonstration, row: Mapping[str, Any]) -> None:
    house, firm = demo.institutions[row["code"]], demo.enterprises[row["buyer"]]
    buyer = demo.session.get_one(Organization, firm.organization_id)
    sent = demo.at(row["days"], 10)
    product = _named(demo, Product, Product.name, row.get("product"), house)
    contract = _contract(demo, house, buyer, row["service"], sent)
    filing = Filing(
        applicant_id=house.user_id,
        organization_id=house.organization_id,
        demand=_named(demo, Demand, Demand.title, row.get("demand"), house),
        kind="park",
        buyer_name=buyer.name,
        buyer_credit_code=buyer.credit_code,
        buyer_contact=buyer.contact_name,
        buyer_phone=buyer.contact_phone,
        product_kind=product.kind if product else "free",
        product=product,
        service_name=row["service"],
        category=row["category"],
        consultant=_named(demo, Consultant, Consultant.name, row.get("consultant"), house),
        amount=row["amount"],
        signed_on=demo.at(row["days"] + 5, 9).date(),
        created_at=sent,
        contract_files=[FilingContract(attachment=contract)],
        invoice_files=[],
    )
    with audit.on_behalf_of(audit.Context(house.user_id, house.row["person"])):
        task = demo.submitted("filing", filing, sent)
    if row["state"] == "in_review":
        return
    decided, decider = demo.two_days_after(sent), demo.operators[0]
    desk = demo.engine.desk(demo.session, decider, decided)
    if row["state"] == "returned":
        desk.send_back(task.id, row["opinion"])
        return
    number = desk.approve(task.id, OPINION).number
    if row["state"] == "void":
        trade.void(demo.session, filing.id, number, row["reason"], decided + timedelta(days=1))
    _rate(demo, filing.id, row, (house, firm), decided)


def _named(demo: Demonstration, model: Any, column: Any, name: str | None, house: Firm) -> Any:
    """A row of the institution by its name; nothing, where the demonstration has none."""
    mine = select(model).where(column == name, model.organization_id == house.organization_id)
    return demo.session.scalar(mine.limit(1)) if name else None


def _contract(
    demo: Demonstration, house: Firm, buyer: Organization, service: str, when: datetime
) -> Attachment:
    owner = demo.session.get_one(Person, house.user_id)
    drawn = card("服务合同", {"colors": [INK], "legal_person": service}, buyer)
    return demo.picture(drawn, "服务合同", owner, when, "document")


def _shown(demo: Demonstration, firm: Firm, name: str, when: datetime) -> int:
    """A picture that somebody adds to what he says."""
    owner = demo.session.get_one(Person, firm.user_id)
    return demo.picture(scene(name, COLORS, SIZE, "picture"), name, owner, when, "picture").id


def _rate(
    demo: Demonstration,
    filing_id: int,
    row: Mapping[str, Any],
    sides: tuple[Firm, Firm],
    decided: datetime,
) -> None:
    """What either side said, a day or two after the transaction was filed."""
    rules = profile.load("demo").trade
    for days, (side, direction, firm) in enumerate(
        (
            ("by_buyer", ratings.TO_PROVIDER, sides[1]),
            ("by_seller", ratings.TO_BUYER, sides[0]),
        ),
        start=1,
    ):
        said = row.get(side)
        if said is None:
            continue
        mine = Rating.filing_id == filing_id, Rating.direction == direction
        key = demo.session.scalars(select(Rating.id).where(*mine)).one()
        now = min(decided + timedelta(days=days, hours=2), demo.now - timedelta(minutes=1))
        names = ratings.weights_of(direction, rules)
        words = ratings.Said(
            dict(zip(names, said["stars"], strict=True)),
            said["text"],
            said["tags"],
            said.get("anonymous", False),
            [_shown(demo, firm, name, now) for name in said.get("pictures", ())],
        )
        with audit.on_behalf_of(audit.Context(firm.user_id, firm.row["person"])):
            ratings.rate(demo.session, key, words, firm.user_id, rules, now)
    if "reply" in row.get("by_buyer", {}):
        mine = Rating.filing_id == filing_id, Rating.direction == ratings.TO_PROVIDER
        key = demo.session.scalars(select(Rating.id).where(*mine)).one()
        later = min(decided + timedelta(days=4), demo.now)
        ratings.reply(demo.session, key, row["by_buyer"]["reply"], later, rules.reply_days)
