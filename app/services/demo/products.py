"""The products of the demonstration: the catalogue, what institutions list, what is reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, update

from app.models import (
    Consultant,
    Draft,
    Person,
    Product,
    ProductCase,
    ProductHighlight,
    ProductReview,
    ProductStep,
    ReviewConsultant,
    StandardProduct,
    StandardStep,
)
from app.services import products
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import scene

FLOW = "product_review"
DRAFT_FORM = "product-reviews-new"
COVER, SMALL = (960, 720), (640, 480)
CASE_PICTURES = ("picture_id", "second_picture_id", "third_picture_id")
YEAR = 365
PROMISE = "服务由本机构团队完成；实施前签订书面协议，写明范围、周期、价格与验收标准。"
OPINION = "产品信息完整，价格清晰，同意。"
STEPS = (
    "需求沟通|了解现状与目标",
    "方案确认|确认范围、周期与价格",
    "实施交付|按计划交付成果",
    "验收服务|验收并持续服务",
)


def fill(demo: Demonstration) -> None:
    """The catalogue, the listings, the special products."""
    for row in read("standard_products"):
        _add_standard(demo, row)
    for row in read("listings"):
        _add_listing(demo, row)
    for number, row in enumerate(read("products")):
        _add_special(demo, row, number)
    _count_looks(demo)


# --- the catalogue --------------------------------------------------------------------------


def _add_standard(demo: Demonstration, row: dict[str, Any]) -> None:
    demo.add(
        StandardProduct(
            **_terms(row),
            name=row["name"],
            category=row["category"],
            description=_html(row),
            deliverables=row["deliverables"],
            certificate=row.get("certificate"),
            position=row["position"],
            created_at=demo.at(YEAR + row["position"], 9),
            steps=[StandardStep(name=name, content=text) for name, text in _pairs(row["steps"])],
        )
    )


def _add_listing(demo: Demonstration, row: dict[str, Any]) -> None:
    listed = demo.at(row["days"], 10)
    firm = demo.institutions[row["code"]]
    standard = select(StandardProduct).where(StandardProduct.name == row["name"])
    until = _until(demo, row["days"])
    terms = SimpleNamespace(**_terms(row), own_text=row.get("text"), valid_until=until)
    served_by = [one.id for one in _consultants(demo, firm, row)]
    found = demo.session.scalars(standard).one()
    products.offer(demo.session, firm.organization_id, found, terms, served_by, listed)


# --- special products -------------------------------------------------------------------------


def _add_special(demo: Demonstration, row: dict[str, Any], number: int) -> None:
    """A product with its review, and how far it has come."""
    firm, state = demo.institutions[row["code"]], row["state"]
    if state == "draft":
        _keep_draft(demo, firm, row)
        return
    sent = demo.at(row["days"], 10)
    review = _review(demo, firm, row, sent)
    task = demo.submitted(FLOW, review, sent)
    session, decided = demo.session, demo.two_days_after(sent)
    desk = demo.engine.desk(session, demo.operators[number % len(demo.operators)], decided)
    if state == "in_review":
        return
    if state == "returned":
        desk.send_back(task.id, row["opinion"])
        return
    if state == "withdrawn":
        demo.engine.desk(session, firm.actor, sent + timedelta(hours=3)).withdraw(task.case_id)
        return
    desk.approve(task.id, OPINION)
    product = session.scalars(select(Product).where(Product.id == review.product_id)).one()
    if state == "waiting":
        return
    listed = min(decided + timedelta(hours=4), demo.now)
    products.list_again(session, product, listed, _until(demo, row["days"]))
    _move_on(demo, firm, product, row)


def _move_on(demo: Demonstration, firm: Firm, product: Product, row: dict[str, Any]) -> None:
    """What happened to it after it was on sale."""
    later = demo.at(row["days"] // 8, 11)
    if row["state"] == "delisted":
        products.LISTING.move(demo.session, product.id, "delist", later)
    elif row["state"] == "forced":
        products.force(demo.session, product, later, row["opinion"])
    elif "revision" in row:
        text = f"{row['text']}{row['revision']}"
        changed = _review(demo, firm, row | {"text": text}, demo.at(1, 15))
        changed.product_id = product.id
        demo.submitted(FLOW, changed, demo.at(1, 15))


def _review(demo: Demonstration, firm: Firm, row: dict[str, Any], sent: datetime) -> ProductReview:
    owner = demo.session.scalars(select(Person).where(Person.id == firm.user_id)).one()
    picture = demo.picture(
        scene(row["name"], firm.row["colors"], COVER, f"No. {row['code']}"), "展示图", owner, sent,
        "cover",
    )  # fmt: skip
    return ProductReview(
        **_terms(row),
        applicant_id=firm.user_id,
        organization_id=firm.organization_id,
        cover_id=picture.id,
        name=row["name"],
        category=row["category"],
        slogan=row["slogan"],
        tags=row.get("tags", []),
        industries=row.get("industries", []),
        targets=["large", "medium", "small", "micro"],
        content=_html(row),
        deliverables=row["deliverables"],
        discount=row.get("discount"),
        support=row.get("support"),
        valid_until=_until(demo, row["days"]),
        statement=True,
        created_at=sent,
        highlights=[
            ProductHighlight(name=name, content=text) for name, text in _pairs(row["highlights"])
        ],
        steps=[ProductStep(name=name, content=text) for name, text in _pairs(STEPS)],
        consultants=[
            ReviewConsultant(consultant_id=one.id) for one in _consultants(demo, firm, row)
        ],
        cases=[
            _case(demo, firm, owner, line, sent) for line in row.get("cases", ())
        ],
    )  # fmt: skip


def _case(demo: Demonstration, firm: Firm, owner: Person, line: str, sent: datetime) -> ProductCase:
    """A case with its three pictures: before, while it was done, and after."""
    client, content, effect = line.split("|")
    pictures = [
        demo.picture(
            scene(f"{client[:8]}{name}", firm.row["colors"], SMALL, str(number)), name, owner, sent,
            "picture",
        ).id
        for number, name in enumerate(("改造前", "实施中", "改造后"), start=1)
    ]  # fmt: skip
    return ProductCase(
        client=client,
        content=content,
        effect=effect,
        **dict(zip(CASE_PICTURES, pictures, strict=True)),
    )


def _keep_draft(demo: Demonstration, firm: Firm, row: dict[str, Any]) -> None:
    """Half of the form, as its owner left it."""
    typed = {
        "name": row["name"],
        "category": row["category"],
        "slogan": row["slogan"],
        "price_mode": row["mode"],
        "cycle_days": str(row["cycle"]),
    }
    entries = [[name, value] for name, value in typed.items()]
    saved = demo.at(row["days"], 16)
    demo.add(Draft(user_id=firm.user_id, form=DRAFT_FORM, entries=entries, saved_at=saved))


# --- parts --------------------------------------------------------------------------------------


def _terms(row: dict[str, Any]) -> dict[str, Any]:
    """The price in 分, and the time."""
    cents = {name: round(row[name] * 100) for name in ("price", "to") if name in row}
    return {
        "price_mode": row["mode"],
        "price_from": cents.get("price"),
        "price_to": cents.get("to"),
        "unit": row.get("unit"),
        "cycle_days": row["cycle"],
    }


def _until(demo: Demonstration, days: int) -> date:
    """Listed for a year, renewed when it was older."""
    return demo.today + timedelta(days=YEAR - days % 330)


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, text) for name, _bar, text in (line.partition("|") for line in lines)]


def _html(row: dict[str, Any]) -> str:
    points = "".join(f'<li data-list="bullet">{point}</li>' for point in row["points"])
    return f"<p>{row['text']}</p><h3>服务内容</h3><ol>{points}</ol><p>{PROMISE}</p>"


def _consultants(demo: Demonstration, firm: Firm, row: dict[str, Any]) -> Sequence[Consultant]:
    named = select(Consultant).where(
        Consultant.organization_id == firm.organization_id,
        Consultant.name.in_(row.get("consultants", [])),
        Consultant.state == "linked",
    )
    return demo.session.scalars(named.order_by(Consultant.id)).all()


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _count_looks(demo: Demonstration) -> None:
    """How often people looked at what is on sale: invented, but the same every time."""
    for product in demo.session.scalars(select(Product).where(Product.listed_at.is_not(None))):
        since = (demo.now - (product.listed_at or demo.now)).days
        looks = since * (1 + _digest(product.name)[0] % 5) // 2
        mine = Product.__table__.c.id == product.id
        demo.session.execute(update(Product.__table__).where(mine).values(view_count=looks))
