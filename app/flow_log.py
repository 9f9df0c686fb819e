"""The log of a case (流转记录): how its lines are chained, and whether they still are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, select

from app import models

case_: Table = models.FlowCase.__table__
event_: Table = models.FlowEvent.__table__

_SEALED = ("case_id", "number", "action", "actor_id", "actor_name", "source", "target", "said")


def _hash(value: object) -> str:
    return sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def said(line: Mapping[str, Any]) -> str:
    """The hash of the words of a line.

    The chain holds this hash, not the words: a text that must be erased by law can be blanked,
    and every other fact of the log still proves itself.
    """
    return _hash([line["opinion"], line["detail"]])


def chained(head: str, line: Mapping[str, Any]) -> str:
    """The hash of one line on top of ``head``, the hash of the line before."""
    at = line["at"].isoformat(timespec="microseconds")
    return _hash([head, at, *(line[name] for name in _SEALED)])


def faults(rows: Connection, case_id: int) -> list[str]:
    """What is wrong with the log of a case: a changed, missing or reordered line."""
    ours = select(event_).where(event_.c.case_id == case_id).order_by(event_.c.number)
    case = rows.execute(select(case_.c.version, case_.c.head).where(case_.c.id == case_id)).one()
    return _log_faults(rows.execute(ours).mappings(), case.version, case.head)


def broken_logs(rows: Connection) -> Iterator[tuple[int, list[str]]]:
    """The cases whose logs do not hold, and what is wrong with each; one pass over all lines."""
    ends = select(case_.c.id, case_.c.version, case_.c.head).order_by(case_.c.id)
    lines = select(event_).order_by(event_.c.case_id, event_.c.number)
    streamed = rows.execute(lines, execution_options={"yield_per": 1_000}).mappings()
    logs = groupby(streamed, key=lambda line: line["case_id"])
    owner, log = next(logs, (None, iter(())))
    for case in rows.execute(ends).all():
        found = _log_faults(log if owner == case.id else (), case.version, case.head)
        if found:
            yield case.id, found
        if owner == case.id:
            owner, log = next(logs, (None, iter(())))


def _log_faults(lines: Iterable[Any], version: int, end: str) -> list[str]:
    """What is wrong with lines that should lead from nothing to the head ``end``."""
    found: list[str] = []
    head, number = "", 0
    for line in lines:
        if line["number"] != number + 1:
            found.append(f"line {number + 1} is missing")
        if said(line) != line["said"]:
            found.append(f"the words of line {line['number']} were changed")
        if chained(head, line) != line["hash"]:
            found.append(f"line {line['number']} does not follow from the one before")
        head, number = line["hash"], line["number"]
    if (version, end) != (number, head):
        found.append("the end of the log is missing")
    return found
