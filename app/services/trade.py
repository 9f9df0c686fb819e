"""Transactions of institutions (交易备案, S4-12): what they are checked against, what they cause.

Everything here runs on a connection without access rules: what is asked is answered by yes or no,
what is written follows a decision.  Amounts are in 分.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, Row, Table, exists, or_, select, union, union_all, update
from sqlalchemy.orm import Session

from app import messages
from app.access import elevated
from app.lifecycle import Lifecycle, Step
from app.models import (
    Attachment,
    Consultant,
    Demand,
    Filing,
    FilingContract,
    FilingInvoice,
    FlowCase,
    Membership,
    Organization,
    Product,
)
from app.services import ratings, scores

SOURCE = "filing"
"""What the points of a transaction name as their source."""
LIFE = Lifecycle(
    Filing, {"void": Step(_l("Void the filing"), ("approved",), "void", needs_reason=True)}
)
COUNTED = ("in_review", "approved")
SHOWN = 3
"""So many filings that repeat something are named to a reviewer."""
LATEST = 200
"""So many transactions say what is usual for an institution."""


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


filing_, organization_ = _table(Filing), _table(Organization)
consultant_, product_, demand_ = _table(Consultant), _table(Product), _table(Demand)
case_, member_ = _table(FlowCase), _table(Membership)
attachment_ = _table(Attachment)


# --- what a filing is checked against -----------------------------------------------------------


def party(rows: Connection, organization_id: int | None) -> Any:
    """Credit code, legal representative and standing of an institution."""
    o = organization_.c
    named = select(o.id, o.name, o.credit_code, o.legal_person, o.institution_state)
    return rows.execute(named.where(o.id == organization_id)).one_or_none()


def registered(rows: Connection, credit_code: str) -> Any:
    """The organization of a credit code, if it is registered here."""
    o = organization_.c
    named = select(o.id, o.name, o.credit_code, o.legal_person)
    return rows.execute(named.where(o.credit_code == credit_code)).one_or_none()


def is_related(one: Any, other: Any) -> bool:
    """Whether two organizations have the same legal representative: their trade earns no points."""
    return bool(one and other and one.legal_person and one.legal_person == other.legal_person)


def twin(rows: Connection, filing: Filing) -> str | None:
    """The number under which this institution filed the same transaction already.

    The same is: buyer, service, amount and day of signing.
    """
    f = filing_.c
    same = (
        select(case_.c.number)
        .join(case_, (case_.c.subject_id == f.id) & (case_.c.flow == SOURCE))
        .where(
            f.organization_id == filing.organization_id,
            f.buyer_credit_code == filing.buyer_credit_code,
            f.service_key == filing.service_key,
            f.amount == filing.amount,
            f.signed_on == filing.signed_on,
            f.state.in_(COUNTED),
        )
    )
    if filing.id is not None:
        same = same.where(f.id != filing.id)
    return rows.scalar(same.select_from(filing_).limit(1))


def _beside(filing: Filing) -> Any:
    """Other filings that count, of the same institution or of the same buyer; with their cases."""
    f, near = filing_.c, [filing_.c.organization_id == filing.organization_id]
    if filing.buyer_id is not None:
        near.append(f.buyer_id == filing.buyer_id)
    of_case = (case_.c.subject_id == f.id) & (case_.c.flow == SOURCE)
    others = f.state.in_(COUNTED), f.id != filing.id, or_(*near)
    return select(case_.c.number).select_from(filing_).join(case_, of_case).where(*others)


def same_contract(rows: Connection, filing: Filing) -> Sequence[str]:
    """The numbers of other filings with this contract number."""
    if not filing.contract_no:
        return []
    same = _beside(filing).where(filing_.c.contract_no == filing.contract_no)
    return rows.scalars(same.order_by(filing_.c.id.desc()).limit(SHOWN)).all()


def same_files(rows: Connection, filing: Filing) -> Sequence[Any]:
    """The numbers of other filings that one of this one's files belongs to, and its name there.

    The earliest first: where it came from.
    """
    links = (_table(FilingContract), _table(FilingInvoice))
    mine = union_all(
        *(
            select(attachment_.c.sha256)
            .join(link, link.c.attachment_id == attachment_.c.id)
            .where(link.c.filing_id == filing.id)
            for link in links
        )
    )
    theirs = (
        _beside(filing)
        .add_columns(attachment_.c.name)
        .join(link, link.c.filing_id == filing_.c.id)
        .join(attachment_, attachment_.c.id == link.c.attachment_id)
        .where(attachment_.c.sha256.in_(mine))
        for link in links
    )
    found = union(*theirs).subquery()
    return rows.execute(select(found).order_by(*found.c).limit(SHOWN)).all()


def usual_amount(rows: Connection, filing: Filing, least: int) -> int | None:
    """The median of the institution's latest transactions; None when they are few."""
    f = filing_.c
    others = f.organization_id == filing.organization_id, f.state == "approved"
    newest = select(f.amount).where(*others, f.id != filing.id).order_by(f.id.desc())
    amounts = rows.scalars(newest.limit(LATEST)).all()
    return round(median(amounts)) if len(amounts) >= least else None


def is_filed(rows: Connection, demand_id: int, filing_id: int | None) -> bool:
    """Whether another transaction of this demand is filed, or waits for its review."""
    f = filing_.c
    other = select(f.id).where(f.demand_id == demand_id, f.state.in_(COUNTED))
    if filing_id is not None:
        other = other.where(f.id != filing_id)
    return rows.scalar(other.limit(1)) is not None


def owned_by(
    rows: Connection, model: type[Any], key: int, organization_id: int | None
) -> Row[Any] | None:
    """The row of a consultant, product or demand, if it is this institution's."""
    table = _table(model)
    mine = table.c.id == key, table.c.organization_id == organization_id
    return rows.execute(select(table).where(*mine)).one_or_none()


# --- what follows -----------------------------------------------------------------------------


def name_buyer(rows: Connection, filing_id: int, credit_code: str) -> None:
    """Keep which registered organization the buyer is, so that it finds its transactions."""
    buyer = registered(rows, credit_code)
    rows.execute(
        update(filing_).where(filing_.c.id == filing_id).values(buyer_id=buyer and buyer.id)
    )


def name_late_buyers(rows: Connection) -> int:
    """Give filed transactions to buyers that registered since, with their ratings; how many."""
    f = filing_.c
    found = (
        select(f.id, organization_.c.id.label("buyer_id"))
        .join(organization_, organization_.c.credit_code == f.buyer_credit_code)
        .where(f.buyer_id.is_(None), f.state == "approved")
        .order_by(f.id)
    )
    late = rows.execute(found).all()
    for row in late:
        rows.execute(update(filing_).where(f.id == row.id).values(buyer_id=row.buyer_id))
        ratings.name_buyer(rows, row.id, row.buyer_id)
    return len(late)


def approve(session: Session, filing_id: int, number: str, now: datetime, days: int) -> None:
    """The transaction counts from now on, for institution and consultant; both sides may rate."""
    rows = elevated(session, "a filed transaction counts for several people")
    rows.execute(update(filing_).where(filing_.c.id == filing_id).values(approved_at=now))
    filing = rows.execute(select(filing_).where(filing_.c.id == filing_id)).one()
    ratings.open_pair(rows, filing, now, days)
    points = _score(rows, filing, now)
    context = {"number": number, "points": f"{points / 100:.1f}"}
    people = people_of(rows, filing)
    key = f"transaction.approved:{filing_id}"
    messages.notify(session, "transaction.approved", people, context, key, now)


def _score(rows: Connection, filing: Row[Any], now: datetime) -> int:
    """The points for number and amount; none among related parties (F20)."""
    seller = party(rows, filing.organization_id)
    if is_related(seller, filing.buyer_id and party(rows, filing.buyer_id)):
        return 0
    told = {
        "consultant_id": filing.consultant_id,
        "source": SOURCE,
        "source_id": filing.id,
        "now": now,
        "note": filing.service_name,
    }
    count = scores.grant(rows, "tx_count", filing.organization_id, **told)
    return count + scores.grant(
        rows, "tx_amount", filing.organization_id, amount=filing.amount, **told
    )


def void(session: Session, filing_id: int, number: str, reason: str, now: datetime) -> None:
    """作废: the points are taken back and what was rated no longer counts.

    :raises OutOfTurn: when it was voided already.
    :raises ReasonRequired: without a reason.
    """
    LIFE.move(session, filing_id, "void", now, opinion=reason)
    rows = elevated(session, "a voided transaction counts for nobody")
    filing = rows.execute(select(filing_).where(filing_.c.id == filing_id)).one()
    scores.reverse(rows, SOURCE, filing_id, now)
    ratings.void_pair(session, filing_id, now, reason)
    people = people_of(rows, filing)
    context = {"number": number, "opinion": reason}
    key = f"transaction.voided:{filing_id}"
    messages.notify(session, "transaction.voided", people, context, key, now)


def people_of(rows: Connection, filing: Any) -> list[int]:
    """Who is told of a transaction: whoever filed it, the main account, the consultant."""
    return sorted({filing.applicant_id, *served_by(rows, filing)})


# --- deals that were not filed ----------------------------------------------------------------


def unfiled(rows: Connection, since: datetime) -> Sequence[Any]:
    """The demands that institutions won since a moment, and of which no transaction is filed."""
    d, f = demand_.c, filing_.c
    filed = exists().where(f.demand_id == d.id, f.state.in_(COUNTED))
    won = select(d.id, d.title, d.organization_id, d.consultant_id).where(
        d.state == "won", d.closed_at >= since, d.organization_id.is_not(None), ~filed
    )
    return rows.execute(won.order_by(d.id)).all()


def served_by(rows: Connection, row: Any) -> list[int]:
    """The main account of the institution, and the consultant while he serves there."""
    main = select(member_.c.user_id).where(
        member_.c.organization_id == row.organization_id, member_.c.is_main
    )
    c = consultant_.c
    own = select(c.user_id).where(c.id == row.consultant_id, c.state == "linked")
    return sorted({user_id for user_id in (*rows.scalars(main), *rows.scalars(own)) if user_id})
