"""Logins, and what guards them: captchas, limits, codes, links, former passwords."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import UtcDateTime
from app.tables.base import Base


class LoginSession(Base):
    """One login; the cookie holds a token, the row its hash.  Ended rows let nobody in."""

    __tablename__ = "login_session"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str] = mapped_column(String(20), default="", server_default="")


class Captcha(Base):
    """What a picture asks for (验证码), good once and for ten minutes.

    Of letters the hash of the answer, of a slider (滑块) the place of the gap in pixels.
    """

    __tablename__ = "captcha"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    answer_hash: Mapped[str] = mapped_column(String(64))
    position: Mapped[int | None]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Throttle(Base):
    """When something limited was last granted; read and written by :mod:`app.services.limits`."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(120), unique=True)
    stamps: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class VerificationCode(Base):
    """The last code sent to a phone or mailbox for a purpose: hashed, a few tries, good once."""

    __tablename__ = "verification_code"

    purpose: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(120))
    code_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("purpose", "address"),)


class OneTimeToken(Base):
    """The last link sent to a person for a purpose: hashed, good once; a newer one voids it."""

    __tablename__ = "one_time_token"

    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (UniqueConstraint("purpose", "user_id"),)


class PasswordHistory(Base):
    """A password that a person had until ``replaced_at``: its hash, to refuse it (S0-38)."""

    __tablename__ = "password_history"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), index=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime)
