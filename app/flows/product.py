"""Review of special products (特色服务产品, S4-10): new ones, and revisions of what is on sale."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, exists, select

from app import messages
from app.clock import local_day
from app.columns import Phrase
from app.errors import Problem
from app.flow import Act, Flow
from app.models import ProductReview
from app.services import formal, products, reference
from app.services.products import review_


class ProductListing(Flow[ProductReview]):
    key, prefix, subject = "product_review", "CP", ProductReview
    title = _l("Special product")
    grants = True
    submitters = frozenset({"institution_main"})
    # An approval says more than the engine does: that the institution still has to list it.
    tells: ClassVar = {"approved": ("inapp", "email")}

    def __init__(self, longest_days: int) -> None:
        self.longest_days = longest_days

    def check(self, subject: ProductReview, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, price and date, a name of its own, one review at a time."""
        today = local_day(now)
        found = formal.problems(subject, today)
        wrong = {problem.field for problem in found}
        return found + [
            problem
            for problem in (
                *products.price_problems(subject),
                *products.date_problems(subject.valid_until, today, self.longest_days),
                *_faults(subject, rows),
            )
            if problem.field not in wrong
        ]

    def remarks(self, subject: ProductReview, rows: Connection, now: datetime) -> list[Phrase]:
        """Whether it replaces something that is on sale."""
        if subject.product_id is None or not _is_revision(subject, rows):
            return []
        return [_l("This is a revision: the present version stays as it is until you approve.")]

    def on_submitted(self, act: Act, subject: ProductReview) -> None:
        """A first application makes the product; a revision leaves it as it is."""
        products.propose(act.rows, subject, act.now)

    def on_withdrawn(self, act: Act, subject: ProductReview) -> None:
        """Back in the hands of the institution."""
        products.settle(act.rows, subject, "withdrawn", act.now)

    def on_returned(self, act: Act, subject: ProductReview) -> None:
        """To be corrected; what is on sale stays."""
        products.settle(act.rows, subject, "returned", act.now)

    def on_refused(self, act: Act, subject: ProductReview) -> None:
        """Not taken; what is on sale stays."""
        products.settle(act.rows, subject, "refused", act.now)

    def on_approved(self, act: Act, subject: ProductReview) -> None:
        """The product is what was approved; a new one waits for its institution to list it."""
        products.adopt(act.rows, subject, act.now)
        place = {"list": products.LISTS["special"], "product": subject.product_id}
        context = {"title": subject.name, **place}
        key = f"product.approved_wait:{act.case.id}:{act.line}"
        readers = {act.case.applicant_id, *products.owners(act.rows, subject.organization_id)}
        messages.notify(
            act.session, "product.approved_wait", sorted(readers), context, key, act.now
        )


def _faults(subject: ProductReview, rows: Connection) -> Iterator[Problem]:
    if not subject.highlights:
        yield Problem("highlights", _l("Name at least one highlight."))
    known = reference.reference(rows, None).codes("service_category")
    if subject.category and subject.category not in known:
        yield Problem("category", _l("Choose one of the list."))
    if subject.name and products.is_name_taken(rows, subject):
        yield Problem("name", _l("Your institution has another special product of this name."))
    if _is_under_way(subject, rows):
        text = _l("A revision of this product is under way: wait for its result or withdraw it.")
        yield Problem("", text)


def _is_under_way(subject: ProductReview, rows: Connection) -> bool:
    if subject.product_id is None:
        return False
    r = review_.c
    other = select(r.id).where(
        r.product_id == subject.product_id,
        r.id != (subject.id or 0),
        r.state.in_(("in_review", "returned")),
    )
    return bool(rows.scalar(select(exists(other))))


def _is_revision(subject: ProductReview, rows: Connection) -> bool:
    r = review_.c
    earlier = select(r.id).where(r.product_id == subject.product_id, r.state == "approved")
    return bool(rows.scalar(select(exists(earlier))))
