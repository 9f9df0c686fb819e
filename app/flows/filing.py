"""Transaction filings (交易备案): S4-12; a filed one counts for institution and consultant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app.clock import local_day
from app.columns import Phrase
from app.errors import Problem
from app.flow import Act, Flow
from app.models import Consultant, Demand, Filing, Product
from app.profile import Trade
from app.services import formal, reference, trade


class FilingReview(Flow[Filing]):
    """The platform reviews what an institution, or its consultant, says it sold."""

    key, prefix, subject = "filing", "JY", Filing
    title = _l("Transaction filing")
    grants = True
    submitters = frozenset({"institution_main", "consultant"})
    # The engine's own words say less than transaction.approved.
    tells: ClassVar = {"approved": ("inapp",)}

    def __init__(self, rules: Trade) -> None:
        self.rules = rules

    def check(self, subject: Filing, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, the parties, what was sold, and that it is filed once: all at once."""
        found = formal.problems(subject, local_day(now))
        wrong = {problem.field for problem in found}
        more = (
            *_parties(subject, rows),
            *_service(subject, rows),
            *self._money(subject, now),
            *_once(subject, rows),
        )
        return found + [problem for problem in more if problem.field not in wrong]

    def _money(self, subject: Filing, now: datetime) -> Iterator[Problem]:
        rules = self.rules
        if subject.amount is not None and subject.amount <= 0:
            yield Problem("amount", _l("Write an amount above 0."))
        if (subject.amount or 0) > rules.proof_from * 100 and not subject.invoice_files:
            text = _l(
                "Above %(amount)s yuan an invoice or proof of payment is required.",
                amount=f"{rules.proof_from:,}",
            )
            yield Problem("invoice_files", text)
        oldest = local_day(now) - timedelta(days=rules.filing_days)
        if subject.signed_on and subject.signed_on < oldest:
            text = _l(
                "Only transactions of the last %(days)s days can be filed.", days=rules.filing_days
            )
            yield Problem("signed_on", text)
        if subject.finished_on and subject.signed_on and subject.finished_on < subject.signed_on:
            yield Problem("finished_on", _l("The end lies before the day of signing."))

    def remarks(self, subject: Filing, rows: Connection, now: datetime) -> list[Phrase]:
        """Related parties, and a buyer who is registered under another name."""
        seller = trade.party(rows, subject.organization_id)
        buyer = trade.registered(rows, subject.buyer_credit_code)
        found: list[Phrase] = []
        if trade.is_related(seller, buyer):
            found.append(_l("Buyer and institution have the same legal representative."))
        if buyer is not None and buyer.name != subject.buyer_name:
            found.append(_l("The buyer is registered as %(name)s.", name=buyer.name))
        return [*found, *_repeated(subject, rows), *self._jump(subject, rows)]

    def _jump(self, subject: Filing, rows: Connection) -> Iterator[Phrase]:
        usual = trade.usual_amount(rows, subject, self.rules.jump_least)
        if usual is not None and (subject.amount or 0) > self.rules.jump_times * usual:
            yield _l(
                "The amount is more than %(times)s times what is usual for this institution: "
                "%(amount)s yuan.",
                times=self.rules.jump_times,
                amount=f"{usual / 100:,.2f}",
            )

    def on_submitted(self, act: Act, subject: Filing) -> None:
        """A registered buyer is named."""
        trade.name_buyer(act.rows, subject.id, subject.buyer_credit_code)

    def on_approved(self, act: Act, subject: Filing) -> None:
        """It counts from now on, and both sides may rate each other."""
        trade.approve(act.session, subject.id, act.case.number, act.now, self.rules.rating_days)


def _parties(subject: Filing, rows: Connection) -> Iterator[Problem]:
    """An institution in the pool, a buyer that is somebody else, a consultant who serves here."""
    seller = trade.party(rows, subject.organization_id)
    if seller is None or seller.institution_state != "in_pool":
        yield Problem("", _l("Only institutions in the pool file transactions."))
    elif subject.buyer_credit_code == seller.credit_code:
        yield Problem("buyer_credit_code", _l("An institution does not buy from itself."))
    consultant_id = _key(subject, "consultant")
    if consultant_id is not None:
        serves = trade.owned_by(rows, Consultant, consultant_id, subject.organization_id)
        if serves is None or serves.state not in {"linked", "unlinked"}:
            yield Problem("consultant", _l("Choose a consultant of your institution."))


def _service(subject: Filing, rows: Connection) -> Iterator[Problem]:
    """A product of this institution, or a free service with its name; a category that exists."""
    if not subject.service_name:
        yield Problem("service_name", _l("Say what was sold."))
    if not subject.category:
        yield Problem("category", _l("Choose services out of the list."))
    words = reference.reference(rows, None)
    if subject.category and not words.knows("service_category", subject.category):
        yield Problem("category", _l("Choose services out of the list."))
    product_id = _key(subject, "product")
    if subject.product_kind == "free":
        if product_id is not None:
            text = _l("Another service has no product: empty this field or choose its kind.")
            yield Problem("product", text)
        return
    if product_id is None:
        yield Problem("product", _l("Choose the product that was sold."))
        return
    product = trade.owned_by(rows, Product, product_id, subject.organization_id)
    if product is None or product.kind != subject.product_kind:
        yield Problem("product", _l("Choose a product of this kind of your institution."))


def _once(subject: Filing, rows: Connection) -> Iterator[Problem]:
    """Neither the same transaction twice, nor two of one demand."""
    if number := trade.twin(rows, subject):
        text = _l(
            "This transaction (buyer, service, amount, day) was filed already: %(number)s.",
            number=number,
        )
        yield Problem("service_name", text)
    demand_id = _key(subject, "demand")
    if demand_id is None:
        return
    demand = trade.owned_by(rows, Demand, demand_id, subject.organization_id)
    if demand is None or demand.state != "won":
        yield Problem("demand", _l("Choose a demand of your institution that led to a deal."))
    elif trade.is_filed(rows, demand_id, subject.id):
        yield Problem("demand", _l("A transaction of this demand was filed already."))


def _repeated(subject: Filing, rows: Connection) -> Iterator[Phrase]:
    """A contract number or a file that another filing of this institution or buyer has too."""
    for number in trade.same_contract(rows, subject):
        yield _l("Another filing has this contract number: %(number)s.", number=number)
    for number, name in trade.same_files(rows, subject):
        yield _l(
            "The file %(file)s was handed in with %(number)s already.", file=name, number=number
        )


def _key(subject: Filing, name: str) -> int | None:
    """The key of a related row; of an unsaved subject the relation counts."""
    related = getattr(subject, name)
    found: int | None = related.id if related is not None else getattr(subject, f"{name}_id")
    return found
