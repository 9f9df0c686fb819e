"""The tree of service categories (服务类别), which staff keep: what stands where, in which order.

It has two levels, groups and what they hold.  A category that something names is never deleted:
it is switched off, and then no longer offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from app.access import elevated
from app.errors import Problem
from app.models import DictItem
from app.services.reference import CATEGORIES

LAST = 1_000_000
"""The place of a category behind all others of its group, until they are numbered anew."""

item_ = DictItem.__table__
OURS = item_.c.dictionary == CATEGORIES


def new() -> DictItem:
    """A category that is offered; its code is nobody's business."""
    code = f"c{token_hex(4)}"
    return DictItem(dictionary=CATEGORIES, code=code, parent="", position=LAST, is_active=True)


def problems(session: Session, row: Any, probe: Any) -> Iterator[Problem]:
    """What speaks against a name, and against the group that a category shall stand in."""
    parent = probe.parent or ""
    if parent == row.code:
        yield Problem("parent", _l("A category cannot stand below itself."))
    elif parent and session.scalar(select(DictItem.id).where(_of(row.code)).limit(1)):
        yield Problem("parent", _l("This category holds others: it stays a group of its own."))
    for name in ("zh", "en"):
        text = getattr(probe, name)
        other = DictItem.id != (row.id or 0)
        same = select(DictItem.id).where(_of(parent), getattr(DictItem, name) == text, other)
        if text and session.scalar(same.limit(1)):
            yield Problem(name, _l("There is a category of this name beside it already."))


def _of(code: str) -> Any:
    """What stands in a group; at the top for none."""
    return (DictItem.dictionary == CATEGORIES) & (DictItem.parent == code)


def arrange(session: Session, *yielding: tuple[int, int]) -> None:
    """Number the tree anew, each group before what it holds, so that a list stands in order.

    ``yielding`` are keys and places of rows that make room for one that was moved.
    """
    session.flush()
    rows = elevated(session, "the order of the tree is that of all its rows")
    if yielding:
        _place(rows, yielding)
    c = item_.c
    found = rows.execute(
        select(c.id, c.code, c.parent, c.position).where(OURS).order_by(c.position, c.id)
    ).all()
    held: dict[str, list[Any]] = {}
    for one in found:
        held.setdefault(one.parent, []).append(one)
    ordered = [one for top in held.get("", ()) for one in (top, *held.get(top.code, ()))]
    changed = [(one.id, place) for place, one in enumerate(ordered, 1) if one.position != place]
    if changed:
        _place(rows, changed)


def move(session: Session, row: DictItem, *, up: bool) -> bool:
    """Change places with the category before or behind it in its group; whether there is one."""
    beside = DictItem.position < row.position if up else DictItem.position > row.position
    order = DictItem.position.desc() if up else DictItem.position
    found = session.scalars(select(DictItem).where(_of(row.parent), beside).order_by(order))
    other = found.first()
    if other is None:
        return False
    place, row.position = row.position, other.position
    arrange(session, (other.id, place))
    return True


def _place(rows: Connection, places: Sequence[tuple[int, int]]) -> None:
    """Where rows stand that nobody moved: whoever has one open in a form goes on with it."""
    moved = update(item_).where(item_.c.id == bindparam("key")).values(position=bindparam("place"))
    rows.execute(moved, [{"key": key, "place": place} for key, place in places])
