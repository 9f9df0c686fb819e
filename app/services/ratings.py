"""Ratings of both sides of a transaction (评价, S4-13): given once, shown in pairs, counted.

A rating waits from the moment its transaction is filed.  What is said is shown once both sides
have spoken, or after some days; sums are kept beside, so that no page counts rows.  There is no
default praise: who says nothing has said nothing.  Everything here runs without access rules; the
pages ask beforehand who may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app import messages, search
from app.access import elevated
from app.errors import DomainError
from app.lifecycle import Lifecycle, OutOfTurn, Step
from app.models import (
    Consultant,
    Demand,
    Filing,
    Membership,
    Organization,
    Rating,
    RatingPicture,
    RatingScore,
    RatingTotal,
)
from app.numbers import next_number
from app.profile import Trade
from app.services import products, scores

TO_PROVIDER, TO_BUYER = "buyer_to_provider", "provider_to_buyer"
SOURCE = "rating"
STAR = 100
"""A star of a score, in hundredths."""
LOW = 2 * STAR
"""So few stars want a comment."""
WHY = "a rating is written by one side and read by the other"

LIFE = Lifecycle(
    Rating,
    {
        "rate": Step(_l("Rate"), ("waiting",), "hidden_pair"),
        "show": Step(_l("Show the rating"), ("hidden_pair",), "shown"),
        "close": Step(_l("Close the rating"), ("waiting",), "closed"),
        "hide": Step(_l("Hide"), ("shown",), "masked", needs_reason=True),
        "restore": Step(_l("Show again"), ("masked",), "shown", needs_reason=True),
        "void": Step(
            _l("Void the filing"),
            ("waiting", "hidden_pair", "shown", "masked"),
            "closed",
            needs_reason=True,
        ),
    },
)


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


rating_, stars_, picture_ = _table(Rating), _table(RatingScore), _table(RatingPicture)
total_, organization_, member_ = _table(RatingTotal), _table(Organization), _table(Membership)
consultant_, demand_, filing_ = _table(Consultant), _table(Demand), _table(Filing)
# Literals, not parameters: so that partial indexes serve.
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_SAID: ColumnElement[str] = literal_column("'hidden_pair'")
_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class TooLate(DomainError):
    """The days for rating, answering or remarking are over."""

    problem = _l("The time for this is over.")
    remedy = _l("Ratings, replies and remarks have a time limit; see the rating's page.")


class SaidAlready(DomainError):
    """A reply or a remark is given once."""

    problem = _l("This has been written already.")
    remedy = _l("A reply and a later remark are given once each and stay as they are.")


@dataclass(frozen=True)
class Said:
    """What one side says: stars by dimension, and whatever it adds."""

    stars: Mapping[str, int]
    text: str = ""
    tags: Sequence[str] = ()
    is_anonymous: bool = False
    pictures: Sequence[int] = ()


def overall(stars: Mapping[str, int], weights: Mapping[str, int]) -> int:
    """综合评分: the mean of the dimensions by weight, in hundredths of a star."""
    whole = sum(weights.values())
    return (sum(weights[name] * stars[name] for name in weights) * STAR * 2 + whole) // (2 * whole)


def rounded(score: int) -> int:
    """Whole stars, half a star upwards."""
    return (score + STAR // 2) // STAR


# --- from the filing to what is shown -------------------------------------------------------


def open_pair(rows: Connection, filing: Row[Any], now: datetime, days: int) -> None:
    """Let both sides of a transaction rate, for so many days."""
    house = select(organization_.c.name).where(organization_.c.id == filing.organization_id)
    values = {
        "filing_id": filing.id,
        "organization_id": filing.organization_id,
        "buyer_id": filing.buyer_id,
        "consultant_id": filing.consultant_id,
        "product_id": filing.product_id,
        "institution_name": rows.scalar(house) or "",
        "buyer_name": filing.buyer_name,
        "title": filing.service_name,
        "signed_on": filing.signed_on,
        "state": "waiting",
        "opened_at": now,
        "due_at": now + timedelta(days=days),
        "tags": [],
        "is_anonymous": False,
        "version": 1,
    }
    words = search.text_of(Rating, values | {"text": ""})
    for direction in (TO_PROVIDER, TO_BUYER):
        number = next_number(rows, "PJ", now)
        rows.execute(
            insert(rating_).values(**values, number=number, direction=direction, search_text=words)
        )


def name_buyer(rows: Connection, filing_id: int, buyer_id: int) -> None:
    """The buyer registered since: the ratings of its transaction are its own."""
    ours = rating_.c.filing_id == filing_id
    rows.execute(update(rating_).where(ours).values(buyer_id=buyer_id))


def weights_of(direction: str, rules: Trade) -> Mapping[str, int]:
    """The dimensions that one side is asked for, and their weights."""
    return rules.to_provider if direction == TO_PROVIDER else rules.to_buyer


def rate(session: Session, key: int, said: Said, who: int, rules: Trade, now: datetime) -> None:
    """Give the one rating of a side; when the other side has spoken too, both are shown.

    :raises TooLate: after the last day.
    :raises OutOfTurn: when it was given already.
    """
    rows = elevated(session, WHY)
    pair = _pair(rows, key)
    mine = next(row for row in pair if row.id == key)
    if mine.due_at <= now and mine.state == "waiting":
        raise TooLate
    weights = weights_of(mine.direction, rules)
    score = overall(said.stars, weights)
    known = {name: getattr(mine, name) for name in Rating.search_columns} | {"text": said.text}
    LIFE.move(
        session, key, "rate", now,
        detail={"score": score},
        score=score,
        text=said.text or None,
        tags=[*said.tags],
        is_anonymous=said.is_anonymous,
        rated_at=now,
        rated_by=who,
        search_text=search.text_of(Rating, known),
    )  # fmt: skip
    rows.execute(
        insert(stars_),
        [{"rating_id": key, "dimension": name, "stars": said.stars[name]} for name in weights],
    )
    if said.pictures:
        links = [{"rating_id": key, "attachment_id": file} for file in said.pictures]
        rows.execute(insert(picture_), links)
    if mine.direction == TO_BUYER:
        scores.grant(
            rows, "rating_given", mine.organization_id,
            source=SOURCE, source_id=key, now=now, note=mine.title,
        )  # fmt: skip
    other = next((row for row in pair if row.id != key), None)
    if other is not None and other.state in {"hidden_pair", "closed"}:
        show(session, key, rules, now)
        if other.state == "hidden_pair":
            show(session, other.id, rules, now)


def _pair(rows: Connection, key: int) -> Sequence[Row[Any]]:
    """Both ratings of a transaction, locked in one order, so that the two sides do not cross."""
    filing = select(rating_.c.filing_id).where(rating_.c.id == key).scalar_subquery()
    both = select(rating_).where(rating_.c.filing_id == filing).order_by(rating_.c.id)
    return rows.execute(both.with_for_update()).all()


def show(session: Session, key: int, rules: Trade, now: datetime) -> None:
    """What was said counts and is read from now on; whom it concerns is told."""
    LIFE.move(session, key, "show", now, shown_at=now)
    rows = elevated(session, WHY)
    row = rows.execute(select(rating_).where(rating_.c.id == key)).one()
    _let_count(rows, row, now)
    context = {
        "title": row.title,
        "points": f"{row.score / STAR:.1f}",
        "days": rules.reply_days,
        "id": key,
    }
    told = f"rating.received:{key}"
    messages.notify(session, "rating.received", rated(rows, row), context, told, now)


def rated(rows: Connection, row: Row[Any]) -> list[int]:
    """Who is told of what was said: who leads the other side, and the consultant."""
    to_provider = row.direction == TO_PROVIDER
    found = set(_leaders(rows, row.organization_id) if to_provider else _buyers(rows, row))
    if to_provider and row.consultant_id:
        own = select(consultant_.c.user_id).where(
            consultant_.c.id == row.consultant_id, consultant_.c.state == "linked"
        )
        found |= {*rows.scalars(own)}
    return sorted(user_id for user_id in found if user_id)


def raters(rows: Connection, row: Row[Any]) -> list[int]:
    """Who is asked to rate: who leads that side."""
    if row.direction == TO_PROVIDER:
        return _buyers(rows, row)
    return _leaders(rows, row.organization_id)


def _buyers(rows: Connection, row: Row[Any]) -> list[int]:
    """The buyer's main account; of a buyer that is not registered, who asked for the service."""
    if row.buyer_id:
        return _leaders(rows, row.buyer_id)
    author = (
        select(demand_.c.user_id)
        .join(filing_, filing_.c.demand_id == demand_.c.id)
        .where(filing_.c.id == row.filing_id, demand_.c.enterprise_id.is_(None))
    )
    return list(rows.scalars(author))


def _leaders(rows: Connection, organization_id: int | None) -> list[int]:
    main = select(member_.c.user_id).where(
        member_.c.organization_id == organization_id, member_.c.is_main
    )
    return list(rows.scalars(main)) if organization_id else []


# --- reply, remark, hide, void ----------------------------------------------------------------


def reply(session: Session, key: int, text: str, now: datetime, days: int) -> None:
    """The one answer of whom a rating concerns, within so many days of its being shown."""
    _add(session, key, ("reply", "shown_at"), text, now, days)


def remark(session: Session, key: int, text: str, now: datetime, days: int) -> None:
    """The one later remark of whoever rated, within so many days of the rating."""
    _add(session, key, ("remark", "rated_at"), text, now, days)


def _add(
    session: Session, key: int, what: tuple[str, str], text: str, now: datetime, days: int
) -> None:
    name, since = what
    rows = elevated(session, WHY)
    mine = rating_.c.id == key
    row = rows.execute(select(rating_).where(mine).with_for_update()).one()
    if getattr(row, name):
        raise SaidAlready
    begun = getattr(row, since)
    if row.state != "shown" or begun is None or now > begun + timedelta(days=days):
        raise TooLate
    rows.execute(
        update(rating_)
        .where(mine)
        .values({name: text, f"{name}_at": now, "version": rating_.c.version + 1})
    )
    session.expire_all()


def hide(session: Session, key: int, reason: str, note: str, now: datetime) -> None:
    """平台隐藏: nobody reads it any more; its score stays unless it was verified as untrue."""
    LIFE.move(
        session, key, "hide", now,
        opinion=note or reason, detail={"reason": reason}, hide_reason=reason,
    )  # fmt: skip
    if reason == "false":
        _uncount(elevated(session, WHY), key, now)


def _let_count(rows: Connection, row: Row[Any], now: datetime) -> None:
    """Into the sums; an institution that was rated gets its points."""
    _count(rows, row, 1)
    if row.direction == TO_PROVIDER:
        scores.grant(
            rows, "rating", row.organization_id, consultant_id=row.consultant_id,
            source=SOURCE, source_id=row.id, now=now, quantity=rounded(row.score), note=row.title,
        )  # fmt: skip


def restore(session: Session, key: int, note: str, now: datetime) -> None:
    """A hidden rating is read again, and counts again if it no longer did."""
    rows = elevated(session, WHY)
    row = rows.execute(select(rating_).where(rating_.c.id == key)).one()
    LIFE.move(session, key, "restore", now, opinion=note, hide_reason=None)
    if row.hide_reason != "false":
        return
    _let_count(rows, row, now)


def void_pair(session: Session, filing_id: int, now: datetime, reason: str) -> None:
    """The transaction was voided: what was said of it no longer counts and is not shown."""
    rows = elevated(session, WHY)
    both = select(rating_).where(rating_.c.filing_id == filing_id).order_by(rating_.c.id)
    for row in rows.execute(both.with_for_update()).all():
        if row.state == "closed":
            continue
        LIFE.move(session, row.id, "void", now, opinion=reason)
        counts = row.state == "shown" or (row.state == "masked" and row.hide_reason != "false")
        if counts:
            _count(rows, row, -1)
        scores.reverse(rows, SOURCE, row.id, now)


def _uncount(rows: Connection, key: int, now: datetime) -> None:
    row = rows.execute(select(rating_).where(rating_.c.id == key)).one()
    _count(rows, row, -1)
    scores.reverse(rows, SOURCE, key, now, item="rating")


# --- by the days that pass ------------------------------------------------------------------


def show_unpaired(session: Session, rules: Trade, now: datetime) -> int:
    """Show what was said long enough ago although the other side is silent; how many."""
    r, before = rating_.c, now - timedelta(days=rules.pair_days)
    rows = elevated(session, WHY)
    found = select(r.id).where(r.state == _SAID, r.rated_at <= before).order_by(r.id)
    return _each(rows.scalars(found).all(), lambda key: show(session, key, rules, now))


def close_late(session: Session, now: datetime) -> int:
    """End what was not rated in time; nobody is praised by it; how many."""
    r = rating_.c
    rows = elevated(session, WHY)
    found = select(r.id).where(r.state == _WAITING, r.due_at <= now).order_by(r.id)
    return _each(rows.scalars(found).all(), lambda key: LIFE.move(session, key, "close", now))


def _each(keys: Sequence[int], act: Callable[[int], Any]) -> int:
    """Do it to every one that somebody else was not faster with."""
    count = 0
    for key in keys:
        with suppress(OutOfTurn):
            act(key)
            count += 1
    return count


def waiting(rows: Connection, opened_before: datetime) -> Sequence[Row[Any]]:
    """What waits to be rated since a moment, or longer."""
    r = rating_.c
    found = select(rating_).where(r.state == _WAITING, r.opened_at <= opened_before)
    return rows.execute(found.order_by(r.id)).all()


# --- sums -------------------------------------------------------------------------------------


def subjects(row: Any) -> Iterator[tuple[str, int]]:
    """Whom a rating counts for."""
    if row.direction == TO_BUYER:
        named: tuple[tuple[str, int | None], ...] = (("enterprise", row.buyer_id),)
    else:
        named = (
            ("consultant", row.consultant_id),
            ("institution", row.organization_id),
            ("product", row.product_id),
        )
    yield from ((kind, key) for kind, key in named if key is not None)


def _count(rows: Connection, row: Row[Any], sign: int) -> None:
    """Add a rating to the sums of its subjects, or take it away."""
    given = rows.execute(
        select(stars_.c.dimension, stars_.c.stars).where(stars_.c.rating_id == row.id)
    )
    measures = {name: stars * STAR for name, stars in given}
    measures |= {"score": row.score, f"star{rounded(row.score)}": row.score}
    for kind, key in subjects(row):
        for measure in sorted(measures):
            _raise(rows, (kind, key, measure), sign, sign * measures[measure])
    if row.direction == TO_PROVIDER and row.product_id is not None:
        products.count_rating(rows, row.product_id, row.score, times=sign)


def _raise(rows: Connection, key: tuple[str, int, str], count: int, points: int) -> None:
    kind, subject_id, measure = key
    t = total_.c
    first = _INSERT[rows.dialect.name](total_).values(
        subject=kind, subject_id=subject_id, measure=measure, ratings=count, points=points
    )
    rows.execute(
        first.on_conflict_do_update(
            index_elements=(t.subject, t.subject_id, t.measure),
            set_={"ratings": t.ratings + count, "points": t.points + points},
        )
    )


@dataclass(frozen=True)
class Summary:
    """The ratings of one subject: how many, their mean, by stars and by dimension.

    Means are in hundredths of a star.
    """

    count: int
    score: int
    by_star: Mapping[int, int]
    by_dimension: Mapping[str, int]


def summary(rows: Connection, subject_id: int, subject: str = "institution") -> Summary:
    """What public pages and lists show of a subject's ratings; from kept sums, never counted."""
    t = total_.c
    mine = select(t.measure, t.ratings, t.points).where(
        t.subject == subject, t.subject_id == subject_id
    )
    found = {row.measure: row for row in rows.execute(mine)}
    stars = range(5, 0, -1)
    by_star = {n: found[f"star{n}"].ratings if f"star{n}" in found else 0 for n in stars}
    known = {"score", *(f"star{n}" for n in stars)}
    means = {name: row.points // row.ratings for name, row in found.items() if row.ratings > 0}
    overall_row = found.get("score")
    return Summary(
        overall_row.ratings if overall_row else 0,
        means.get("score", 0),
        by_star,
        {name: mean for name, mean in means.items() if name not in known},
    )


@dataclass(frozen=True)
class Voice:
    """One rating as the portal shows it; an anonymous buyer stays so."""

    id: int
    name: str
    title: str
    score: int
    text: str
    tags: tuple[str, ...]
    rated_at: datetime
    reply: str
    remark: str
    pictures: tuple[int, ...]


def anonymous(name: str) -> str:
    """企**业: the first and the last character."""
    return f"{name[:1]}**{name[-1:]}"


def public(
    rows: Connection, subject_id: int, subject: str = "institution", most: int = 10
) -> list[Voice]:
    """The newest ratings of a subject that everybody may read."""
    r = rating_.c
    column = {
        "institution": r.organization_id,
        "consultant": r.consultant_id,
        "product": r.product_id,
    }[subject]
    newest = (
        select(rating_)
        .where(column == subject_id, r.direction == TO_PROVIDER, r.state == "shown")
        .order_by(r.id.desc())
        .limit(most)
    )
    found = rows.execute(newest).all()
    pictures: dict[int, list[int]] = {}
    p = picture_.c
    if found:
        links = select(p.rating_id, p.attachment_id).where(
            p.rating_id.in_([row.id for row in found])
        )
        for rating_id, attachment_id in rows.execute(links.order_by(p.id)):
            pictures.setdefault(rating_id, []).append(attachment_id)
    return [
        Voice(
            row.id,
            anonymous(row.buyer_name) if row.is_anonymous else row.buyer_name,
            row.title,
            row.score,
            row.text or "",
            tuple(row.tags),
            row.rated_at,
            row.reply or "",
            row.remark or "",
            tuple(pictures.get(row.id, ())),
        )
        for row in found
    ]
