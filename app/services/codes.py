"""Codes of six digits by SMS or mail, and links that work once.

A code is bound to its purpose and address, a link to its purpose and person; a newer one takes
the place of the one before.  The database knows only hashes.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.models import OneTimeToken, VerificationCode

DIGITS = 6
code_, token_ = VerificationCode.__table__, OneTimeToken.__table__


def digest(text: str) -> str:
    """What the database keeps of a secret."""
    return sha256(text.encode(errors="replace")).hexdigest()


# --- codes --------------------------------------------------------------------------------


def issue_code(rows: Connection, purpose: str, address: str, now: datetime, minutes: int) -> str:
    """A new code for ``address``; the one before is worth nothing from now on."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    values = {
        "code_hash": _sealed(purpose, address, code),
        "expires_at": now + timedelta(minutes=minutes),
        "tries": 0,
        "used_at": None,
    }
    _put(rows, code_, {"purpose": purpose, "address": address}, values)
    return code


def redeem_code(
    rows: Connection, purpose: str, address: str, code: str, now: datetime, tries: int
) -> bool:
    """Whether ``code`` is the one that was sent; it is used up by that.

    Counts the try before it compares, so commit whatever the answer: a rollback would make
    wrong ones free.
    """
    this = (code_.c.purpose == purpose, code_.c.address == address, code_.c.used_at.is_(None))
    tried = (
        update(code_)
        .where(*this, code_.c.expires_at > now, code_.c.tries < tries)
        .values(tries=code_.c.tries + 1)
        .returning(code_.c.code_hash)
    )
    kept = rows.scalar(tried)
    sealed = _sealed(purpose, address, code)
    if kept is None or not hmac.compare_digest(kept, sealed):
        return False
    used = update(code_).where(*this, code_.c.code_hash == sealed).values(used_at=now)
    return rows.scalar(used.returning(code_.c.id)) is not None


def _sealed(purpose: str, address: str, code: str) -> str:
    return digest(f"{purpose}:{address}:{code}")


# --- links --------------------------------------------------------------------------------


def issue_token(rows: Connection, purpose: str, user_id: int, now: datetime, minutes: int) -> str:
    """The secret part of a new link for a person; an earlier one of this purpose is void."""
    token = secrets.token_urlsafe(32)
    values = {
        "token_hash": digest(token),
        "expires_at": now + timedelta(minutes=minutes),
        "used_at": None,
    }
    _put(rows, token_, {"purpose": purpose, "user_id": user_id}, values)
    return token


def token_owner(rows: Connection, purpose: str, token: str, now: datetime) -> int | None:
    """Whose link this is, as long as it works; uses nothing."""
    return rows.scalar(select(token_.c.user_id).where(*_live(purpose, token, now)))


def redeem_token(rows: Connection, purpose: str, token: str, now: datetime) -> int | None:
    """Use a link; its person, or None when it is unknown, old or used.  Of many uses one counts."""
    used = update(token_).where(*_live(purpose, token, now)).values(used_at=now)
    user_id: int | None = rows.scalar(used.returning(token_.c.user_id))
    return user_id


def void_tokens(rows: Connection, user_id: int) -> None:
    """No link of a person works any more."""
    rows.execute(delete(token_).where(token_.c.user_id == user_id))


def _live(purpose: str, token: str, now: datetime) -> tuple[Any, ...]:
    return (
        token_.c.purpose == purpose,
        token_.c.token_hash == digest(token),
        token_.c.used_at.is_(None),
        token_.c.expires_at > now,
    )


def _put(rows: Connection, table: Any, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write the one row of ``key``, over the one that is there."""
    insert: Any = (postgresql if rows.dialect.name == "postgresql" else sqlite).insert
    statement = insert(table).values(**key, **values)
    rows.execute(statement.on_conflict_do_update(index_elements=[*key], set_=values))
