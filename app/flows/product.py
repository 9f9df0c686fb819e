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
from app.profile import Listings
from app.services import comparing, formal, products, reference, wording
from app.services.products import review_

MOST_NAMESAKES = 3


class ProductListing(Flow[ProductReview]):
    key, prefix, subject = "product_review", "CP", ProductReview
    title = _l("Special product")
    grants = True
    submitters = frozenset({"institution_main"})
    # An approval says more than the engine does: that the institution still has to list it.
    tells: ClassVar = {"approved": ("inapp", "email")}

    def __init__(self, rules: Listings) -> None:
        self.rules = rules

    def check(self, subject: ProductReview, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, price and date, a name of its own, one review at a time."""
        today = local_day(now)
        found = formal.problems(subject, today)
        wrong = {problem.field for problem in found}
        return found + [
            problem
            for problem in (
                *products.price_problems(subject),
                *products.date_problems(subject.valid_until, today, self.rules.longest_days),
                *_faults(subject, rows),
            )
            if problem.field not in wrong
        ]

    def remarks(self, subject: ProductReview, rows: Connection, now: datetime) -> list[Phrase]:
        """A revision of what is on sale; words, numbers, price and name to look at."""
        found: list[Phrase] = []
        if subject.product_id is not None and _is_revision(subject, rows):
            text = _l("This is a revision: the present version stays as it is until you approve.")
            found.append(text)
        return [
            *found,
            *_doubtful_words(subject, self.rules),
            *_compared(subject, rows, self.rules),
        ]

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
    words = reference.reference(rows, None)
    if subject.category and not words.knows("service_category", subject.category):
        yield Problem("category", _l("Choose one of the list."))
    if subject.name and products.is_name_taken(rows, subject):
        yield Problem("name", _l("Your institution has another special product of this name."))
    if _is_under_way(subject, rows):
        text = _l("A revision of this product is under way: wait for its result or withdraw it.")
        yield Problem("", text)


def _doubtful_words(subject: ProductReview, rules: Listings) -> Iterator[Phrase]:
    """What advertising may not say, and numbers that lead past the platform, in their place."""
    said = list(wording.texts(subject))
    for text, fields in wording.praise(said, rules.forbidden_words).items():
        yield _l(
            'Words that advertising may not use, in %(field)s: "%(text)s".',
            field=fields[0],
            text=text,
        )
    for text, fields in wording.phones(said).items():
        yield _l('A phone number within %(field)s: "%(text)s".', field=fields[0], text=text)


def _compared(subject: ProductReview, rows: Connection, rules: Listings) -> Iterator[Phrase]:
    """A price unlike those of its category, and a name like another institution's."""
    yield from _unusual_price(subject, rows, rules)
    for name, house in comparing.namesakes(rows, subject, rules.similar_percent)[:MOST_NAMESAKES]:
        yield _l("A product of %(house)s has a like name: %(name)s.", house=house, name=name)


def _unusual_price(subject: ProductReview, rows: Connection, rules: Listings) -> Iterator[Phrase]:
    lowest = subject.price_from
    if lowest is None:
        return
    usual = comparing.usual_prices(rows, subject, rules.price_percentiles, rules.price_least)
    if usual is None:
        return
    low, high = usual
    if lowest < low or (subject.price_to or lowest) > high:
        yield _l(
            "The price lies outside what is usual in this category: %(low)s to %(high)s yuan.",
            low=f"{low / 100:,.2f}",
            high=f"{high / 100:,.2f}",
        )


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
