"""The audit log (操作日志): who did what to which record, in the transaction in which it was done.

What the session creates, changes and deletes is noted by itself; everything else by
:func:`note`, and by :func:`note_on` where only a connection is at hand.  The lines of a
transaction are gathered and written by one statement before it commits, so that an act and its
line happen together or not at all.  They are sealed later (:mod:`app.services.evidence`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event, insert, inspect, select
from sqlalchemy.orm import InstanceState, Mapper, Session, SessionTransaction, UOWTransaction

from app import access, clock
from app.columns import FieldInfo, masked, masked_text
from app.models import AuditEntry, Base

entry_ = AuditEntry.__table__

QUIET = frozenset(
    {"draft", "login_session", "captcha", "throttle", "verification_code", "one_time_token"}
    | {"password_history", "message", "message_choice", "job_run", "job_mark", "access_version"}
    | {"number_series", "audit_entry", "audit_seal", "audit_head", "flow_event", "flow_task"}
    | {"life_event"}
    | {"flow_case", "ab_permission", "ab_view_menu", "ab_permission_view"}
)
"""Tables whose rows are kept by the system alone, or are told of by a line of their own."""

UNTOLD = frozenset(
    {"id", "version", "search_text", "name_key", "password", "last_login", "login_count"}
    | {"fail_login_count", "created_on", "changed_on", "last_seen_at"}
)
SECRET = ("password", "token", "secret", "hash")
LONGEST = 500
_PENDING, _MARKS = "audit_pending", "audit_marks"


# --- who ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Context:
    """On whose behalf lines are written; ``session`` is the beginning of the login's hash."""

    actor_id: int | None = None
    actor_name: str = ""
    roles: str = ""
    address: str = ""
    session: str = ""


_context: ContextVar[Context | None] = ContextVar("audit_context", default=None)


def set_context(who: Context | None) -> None:
    """For the edge (request start and end); jobs and commands use :func:`on_behalf_of`."""
    _context.set(who)


@contextmanager
def on_behalf_of(who: Context) -> Iterator[None]:
    """Run a block whose lines name ``who``."""
    token = _context.set(who)
    try:
        yield
    finally:
        _context.reset(token)


def context() -> Context:
    """Who acts now: as the edge said, or else the actor of the rules."""
    known = _context.get()
    if known is not None:
        return known
    try:
        who = access.actor()
    except access.AccessError:
        return Context()
    return Context(actor_id=who.user_id, roles=",".join(sorted(who.roles)))


# --- noting -------------------------------------------------------------------------------


def note(session: Session, action: str, **facts: Any) -> None:
    """Add a line to the transaction of ``session``; see :func:`line` for the facts."""
    session.info.setdefault(_PENDING, []).append(line(action, **facts))


def note_on(rows: Connection, action: str, **facts: Any) -> None:
    """Add a line to the transaction of a connection, a session's or one of its own."""
    session = _sessions.get(rows)
    if session is None:
        rows.execute(insert(entry_), [line(action, **facts)])
    else:
        note(session, action, **facts)


def line(
    action: str,
    *,
    kind: str = "",
    object_id: int | None = None,
    label: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
    result: str = "ok",
    actor_name: str = "",
) -> dict[str, Any]:
    """One line as the table wants it; phones and mail addresses within texts are masked.

    ``actor_name`` is for somebody who is not signed in, such as the name typed at the door.
    """
    who = context()
    return {
        "at": clock.now(),
        "actor_id": who.actor_id,
        "actor_name": masked_text(actor_name or who.actor_name)[:120],
        "roles": who.roles,
        "address": who.address,
        "session": who.session,
        "action": action,
        "kind": kind,
        "object_id": object_id,
        "label": masked_text(label)[:200],
        "before": plain(before or {}),
        "after": plain(after or {}),
        "detail": plain(detail or {}),
        "result": result,
    }


def plain(value: Any) -> Any:
    """``value`` as JSON holds it, long texts cut, phones and mail addresses masked."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    text = masked_text(str(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def stored(rows: Connection, model: type[Base], key: int | None) -> dict[str, Any]:
    """A row as a line would hold it; for :func:`note_difference`."""
    table = model.__table__
    found = rows.execute(select(table).where(table.c.id == key)).mappings().first()
    return _as_told(inspect(model), {**found}) if found else {}


def note_difference(
    rows: Connection, model: type[Base], key: int, before: Mapping[str, Any]
) -> None:
    """A line about a row that statements have changed, or made, since it was ``before``."""
    after = stored(rows, model, key)
    names = [name for name in after if after[name] != before.get(name)]
    if names:
        note_on(
            rows,
            "change" if before else "create",
            kind=model.__tablename__,
            object_id=key,
            label=str(after.get(model.label_column, "")),
            before={name: before.get(name) for name in names} if before else {},
            after={name: after[name] for name in names},
        )


# --- what the session writes ----------------------------------------------------------------

_sessions: WeakKeyDictionary[Connection, Session] = WeakKeyDictionary()


def watch(session_class: type[Session]) -> None:
    """Note what sessions of this class create, change and delete; write it before they commit."""
    event.listen(session_class, "after_begin", _begun)
    event.listen(session_class, "after_flush", _flushed)
    event.listen(session_class, "before_commit", _write)
    event.listen(session_class, "after_transaction_create", _mark)
    event.listen(session_class, "after_soft_rollback", _drop)


def _begun(session: Session, _transaction: SessionTransaction, rows: Connection) -> None:
    _sessions[rows] = session


def _mark(session: Session, transaction: SessionTransaction) -> None:
    """What a savepoint adds is dropped with it."""
    pending = session.info.get(_PENDING, [])
    session.info.setdefault(_MARKS, WeakKeyDictionary())[transaction] = len(pending)


def _drop(session: Session, transaction: SessionTransaction) -> None:
    kept = session.info.get(_MARKS, {}).get(transaction, 0) if transaction.parent else 0
    del session.info.get(_PENDING, [])[kept:]


def _write(session: Session) -> None:
    """All lines of the transaction by one statement; a savepoint leaves them to the end."""
    if session.in_nested_transaction():
        return
    session.flush()
    if pending := session.info.pop(_PENDING, None):
        session.connection().execute(insert(entry_), pending)


def _flushed(session: Session, flushed: UOWTransaction) -> None:
    """One line per row written; its history is still there, its key already."""
    born = {id(row) for row in session.new}
    for state, (is_deleted, is_listed) in list(flushed.states.items()):
        table = state.mapper.local_table.name
        if is_listed or table in QUIET:
            continue
        if is_deleted:
            _noted(session, "delete", state, table, before=_values(state))
        elif id(state.obj()) in born:
            _noted(session, "create", state, table, after=_values(state))
        else:
            before, after = _changes(state)
            if before or after:
                _noted(session, "change", state, table, before=before, after=after)


def _noted(
    session: Session, action: str, state: InstanceState[Any], table: str, **values: Any
) -> None:
    row, column = state.dict, getattr(state.class_, "label_column", "name")
    info = state.mapper.columns[column].info.get("field") if column in row else None
    label = "" if info and info.choices else row.get(column) or ""  # a code names nothing
    note(session, action, kind=table, object_id=row.get("id"), label=str(label), **values)


def _told(mapper: Mapper[Any]) -> Iterator[tuple[str, str]]:
    """The columns of a row that its line holds, each with the kind of personal data it is."""
    for attribute in mapper.column_attrs:
        name = attribute.key
        if name in UNTOLD or any(part in name for part in SECRET):
            continue
        info = attribute.columns[0].info.get("field")
        yield name, info.sensitive if isinstance(info, FieldInfo) else ""


def _shown(kind: str, value: Any) -> Any:
    return masked(kind, value) if kind else value


def _values(state: InstanceState[Any]) -> dict[str, Any]:
    told = _as_told(state.mapper, state.dict)
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _as_told(mapper: Mapper[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _shown(kind, row[name]) for name, kind in _told(mapper) if name in row}


def _changes(state: InstanceState[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns that differ, before and after."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, kind in _told(state.mapper):
        history = state.attrs[name].history
        if history.has_changes():
            before[name] = _shown(kind, history.deleted[0] if history.deleted else None)
            after[name] = _shown(kind, history.added[0] if history.added else None)
    return before, after
