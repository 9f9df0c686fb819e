"""Agreements as they are in force, and who accepted which version (用户协议, 隐私政策).

The files of :mod:`app.agreements` are what an installation starts with; from then on staff write
new versions.  The newest published version of a document is in force, and asked for once more of
everybody who has not accepted it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import get_locale, lazy_gettext as _l
from sqlalchemy import Connection, Select, and_, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from app import agreements, audit
from app.agreements import Text
from app.errors import DomainError
from app.models import Agreement, Consent, Person
from app.services.passwords import person_changed

VERSION = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
agreement_, consent_ = Agreement.__table__, Consent.__table__
Named = tuple[str, str]
"""A document and its version."""


class NotADraft(DomainError):
    """Somebody else published or deleted it meanwhile."""

    problem = _l("This version is no longer a draft.")
    remedy = _l("Reload the page to see its present state.")


class NotNewer(DomainError):
    """A version that does not follow the one in force."""

    problem = _l("This version is not newer than the one in force.")
    remedy = _l("Give it a higher version number, then publish it.")


def seed(session: Session, now: datetime) -> None:
    """What the product brings along, as the first published version of each document."""
    there = set(session.scalars(select(Agreement.document)))
    for document in agreements.documents():
        if document.key in there:
            continue
        zh, en = document.text("zh"), document.text("en")
        session.add(
            Agreement(
                document=document.key,
                number=document.version,
                title=zh.title,
                body="\n\n".join(zh.paragraphs),
                title_en=en.title,
                body_en="\n\n".join(en.paragraphs),
                state="published",
                published_at=now,
                created_at=now,
            )
        )
    session.flush()


def in_force() -> Select[Any]:
    """The newest published version of each document, in the order in which they are shown."""
    newer = aliased(Agreement)
    later = exists().where(
        newer.document == Agreement.document,
        newer.state == "published",
        newer.published_at > Agreement.published_at,
    )
    published = select(Agreement).where(Agreement.state == "published", ~later)
    return published.order_by(Agreement.document.desc())


def versions(session: Session) -> dict[str, str]:
    """Document -> version in force: what somebody who registers now accepts."""
    return {row.document: row.number for row in session.scalars(in_force())}


def published(session: Session, document: str, version: str | None = None) -> Agreement | None:
    """A published text: the one in force, or an older one by its version."""
    if version is None:
        return session.scalars(in_force().where(Agreement.document == document)).first()
    known = (Agreement.document == document, Agreement.number == version)
    return session.scalar(select(Agreement).where(*known, Agreement.state == "published"))


def text_of(row: Agreement) -> Text:
    """The words in the language of the request; Chinese where there are no others."""
    english = str(get_locale() or "").startswith("en") and row.body_en
    title = (row.title_en or row.title) if english else row.title
    body = str(row.body_en if english else row.body)
    parts = (part.strip() for part in re.split(r"\n\s*\n", body.replace("\r\n", "\n")))
    return Text(title, tuple(part for part in parts if part))


def unaccepted(rows: Connection, user_id: int) -> tuple[Named, ...]:
    """The versions in force that a person has not accepted yet."""
    newer, mine = agreement_.alias(), consent_.alias()
    later = exists().where(
        newer.c.document == agreement_.c.document,
        newer.c.state == "published",
        newer.c.published_at > agreement_.c.published_at,
    )
    accepted = exists().where(
        mine.c.user_id == user_id,
        mine.c.document == agreement_.c.document,
        mine.c.version == agreement_.c.number,
    )
    asked = select(agreement_.c.document, agreement_.c.number)
    asked = asked.where(agreement_.c.state == "published", ~later, ~accepted)
    found = rows.execute(asked.order_by(agreement_.c.document.desc()))
    return tuple((row.document, row.number) for row in found)


def accept(rows: Connection, user_id: int, asked: Iterable[Named], now: datetime) -> None:
    """Record that a person accepted these versions; accepted twice is accepted once."""
    open_now = set(unaccepted(rows, user_id))
    taken = [named for named in asked if named in open_now]
    if taken:
        rows.execute(
            insert(consent_),
            [
                {"user_id": user_id, "document": document, "version": version, "accepted_at": now}
                for document, version in taken
            ],
        )
        person_changed(rows)


def publish(rows: Connection, key: int, user_id: int | None, now: datetime) -> None:
    """Put a draft in force; from now on nobody changes it, and everybody is asked to accept it.

    :raises DomainError: when it is no draft, or not newer than what is in force.
    """
    draft = rows.execute(
        select(agreement_).where(agreement_.c.id == key, agreement_.c.state == "draft")
    ).first()
    if draft is None:
        raise NotADraft
    same = and_(agreement_.c.document == draft.document, agreement_.c.state == "published")
    before = rows.scalars(select(agreement_.c.number).where(same)).all()
    if any(ordered(draft.number) <= ordered(number) for number in before):
        raise NotNewer
    values = {"state": "published", "published_at": now, "published_by_id": user_id}
    still = (agreement_.c.id == key, agreement_.c.state == "draft")
    done = update(agreement_).where(*still).values(values).returning(agreement_.c.id)
    if rows.scalar(done) is None:
        raise NotADraft
    person_changed(rows)
    audit.note_on(
        rows,
        "change",
        kind="agreement",
        object_id=key,
        label=f"{draft.title} {draft.number}",
        before={"state": "draft"},
        after={"state": "published"},
    )


def ordered(number: str) -> tuple[int, ...]:
    """A version as it is compared: 1.10 after 1.9."""
    return tuple(int(part) for part in number.split("."))


def accepted_by(rows: Connection, row: Agreement) -> tuple[int, int]:
    """How many accounts in use accepted this version, and how many there are."""
    people = select(func.count()).select_from(Person.__table__).where(Person.__table__.c.active)
    who = select(consent_.c.user_id).where(
        consent_.c.document == row.document, consent_.c.version == row.number
    )
    accepted = people.where(Person.__table__.c.id.in_(who))
    return rows.scalar(accepted) or 0, rows.scalar(people) or 0


def unread(session: Session, asked: Sequence[Named]) -> list[Agreement]:
    """The texts that a person is asked to accept."""
    wanted: Mapping[str, str] = dict(asked)
    rows = session.scalars(in_force())
    return [row for row in rows if wanted.get(row.document) == row.number]
