"""Evidence (存证): the audit log sealed in order, and whether it and the logs of cases still hold.

Lines are written unsealed, so that writers never wait for each other; sealing gives each a place
in one chain of hashes.  A line that commits late is sealed late: it is never lost, and never
slips in between what was sealed before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import JSON, Connection, Text, bindparam, cast, func, insert, select

from app import clock
from app.columns import Phrase
from app.flow_log import broken_logs
from app.models import AuditEntry, AuditHead, AuditSeal, FlowCase

entry_, seal_, head_ = AuditEntry.__table__, AuditSeal.__table__, AuditHead.__table__

GRACE = timedelta(seconds=20)
"""Younger lines wait for the next run: others of their moment may not have committed yet."""
LATE = timedelta(hours=6)
"""How long a transaction may have lasted whose line is still found and sealed."""
BATCH, STEP = 5_000, 10_000
PER_RUN = 100_000

_encode = json.JSONEncoder(ensure_ascii=False).encode
# What a seal covers: every column, JSON as the text that is stored.
_LINE = [
    cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
    for column in sorted(entry_.c, key=lambda column: column.name)
]


def chained(head: str, line: Sequence[Any]) -> str:
    """The hash of one line, as :data:`_LINE` reads it, on top of the one sealed before it."""
    told = [head, *(value.isoformat() if isinstance(value, datetime) else value for value in line)]
    return sha256(_encode(told).encode()).hexdigest()


# --- sealing ------------------------------------------------------------------------------


def seal(rows: Connection, now: datetime) -> int:
    """Seal what is old enough, by number; returns how many lines were sealed."""
    last = rows.execute(_LAST).first()
    number, head = (last.id, last.hash) if last else (0, "")
    waiting = _unsealed(last.at - LATE if last else None)
    waiting = waiting.where(entry_.c.at < now - GRACE).order_by(entry_.c.id).limit(BATCH)
    count = 0
    while count < PER_RUN and (batch := rows.execute(waiting).all()):
        seals = []
        for line in batch:
            number, head = number + 1, chained(head, line)
            seals.append({"id": number, "entry_id": line.id, "hash": head, "sealed_at": now})
        rows.execute(insert(seal_), seals)
        count += len(seals)
    return count


_LAST = (
    select(seal_.c.id, seal_.c.hash, entry_.c.at)
    .join(entry_, entry_.c.id == seal_.c.entry_id)
    .order_by(seal_.c.id.desc())
    .limit(1)
)


def _unsealed(since: datetime | None) -> Any:
    """Lines without a seal; those long before the last sealed one are not looked at again."""
    missing = (
        select(*_LINE).outerjoin(seal_, seal_.c.entry_id == entry_.c.id).where(seal_.c.id.is_(None))
    )
    return missing if since is None else missing.where(entry_.c.at >= since)


def store_head(rows: Connection, now: datetime) -> dict[str, Any] | None:
    """Keep the end of the chain of today, once a day; None when there is nothing new to keep."""
    day = clock.local_day(now)
    last = rows.execute(select(seal_).order_by(seal_.c.id.desc()).limit(1)).first()
    if last is None or rows.scalar(select(head_.c.id).where(head_.c.day == day)):
        return None
    told = {"day": day, "number": last.id, "hash": last.hash, "told_at": now}
    rows.execute(insert(head_), told)
    return told


# --- verifying ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """The first thing that does not hold: what, and where."""

    text: Phrase
    number: int


@dataclass(frozen=True)
class Finding:
    """What :func:`verify` found of one log; ``waiting`` are lines that no seal covers yet."""

    title: Phrase
    checked: int
    waiting: int = 0
    fault: Fault | None = None


def verify(rows: Connection) -> list[Finding]:
    """Read both logs from their beginning."""
    part = verify_part(rows, 0)
    while not part.is_last:
        part = verify_part(rows, part.checked)
    missing = select(func.count()).select_from(_unsealed(None).subquery())
    audit = Finding(_l("Audit log"), part.checked, rows.scalar(missing) or 0, part.fault)
    return [audit, _verify_cases(rows)]


@dataclass(frozen=True)
class Part:
    """How far a walk along the chain has come, and whether it ends there."""

    checked: int
    is_last: bool
    fault: Fault | None = None


def sealed_lines(rows: Connection) -> int:
    """How many lines the chain has."""
    return rows.scalar(select(func.coalesce(func.max(seal_.c.id), 0))) or 0


def verify_part(rows: Connection, after: int) -> Part:
    """Check the sealed lines behind place ``after``, as many as one step takes."""
    head = rows.scalar(select(seal_.c.hash).where(seal_.c.id == after)) or ""
    heads = {row.number: row.hash for row in rows.execute(select(head_.c.number, head_.c.hash))}
    batch = rows.execute(_SEALED_LINES, {"after": after, "size": STEP}).all()
    for number, (seal_id, entry_id, sealed, *line) in enumerate(batch, after + 1):
        if text := _fault(head, line, sealed, heads.get(number, sealed), seal_id == number):
            return Part(number - 1, is_last=True, fault=Fault(text, entry_id))
        head = sealed
    end = after + len(batch)
    if len(batch) == STEP:
        return Part(end, is_last=False)
    beyond = [number for number in heads if number > end]
    lost = _l("The log ends too early: its end as told to the auditor is missing.")
    return Part(end, is_last=True, fault=Fault(lost, min(beyond)) if beyond else None)


def _fault(
    head: str, line: Sequence[Any], sealed: str, told: str, is_in_place: bool
) -> Phrase | None:
    if not is_in_place:
        return _l("The seal before this line is missing.")
    if line[_ID] is None:
        return _l("This line was deleted.")
    if chained(head, line) != sealed:
        return _l("This line was changed, or does not stand in its place.")
    if told != sealed:
        return _l("The chain differs from what was told to the auditor.")
    return None


_ID = [column.name for column in _LINE].index("id")
_SEALED_LINES = (
    select(seal_.c.id.label("seal_id"), seal_.c.entry_id, seal_.c.hash, *_LINE)
    .outerjoin(entry_, entry_.c.id == seal_.c.entry_id)
    .where(seal_.c.id > bindparam("after"))
    .order_by(seal_.c.id)
    .limit(bindparam("size"))
)


def _verify_cases(rows: Connection) -> Finding:
    """The logs of all cases, each a chain of its own."""
    checked = rows.scalar(select(func.count()).select_from(FlowCase.__table__)) or 0
    case_id = next((case_id for case_id, _what in broken_logs(rows)), None)
    broken = _l("The log of this case was changed, or a line of it is missing.")
    fault = Fault(broken, case_id) if case_id is not None else None
    return Finding(_l("Logs of cases"), checked, 0, fault)
