"""Typed settings from the environment; production refuses to start when one is unsafe.

Business numbers are not here: they belong to the deployment's profile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
DEVELOPMENT_KEY = "development-only-key-never-used-in-production"
SLOW = "scrypt"  # as hard to guess as Werkzeug makes it


class Misconfigured(SystemExit):
    """The environment names something unsafe or unknown; says what to set."""


@dataclass(frozen=True)
class Settings:
    """What the environment says; see README for each variable."""

    env: str
    profile: str
    host: str
    port: int
    secret_key: str
    public_url: str
    trusted_hosts: tuple[str, ...]
    proxies: int
    database_url: str
    storage_url: str
    smtp_url: str
    mail_from: str
    sms_url: str
    test_code: str
    password_hash: str

    @property
    def is_production(self) -> bool:
        """Whether real people depend on this installation."""
        return self.env == "production"

    @property
    def is_secure(self) -> bool:
        """Whether people come by https, so that cookies never travel in the clear."""
        return self.public_url.startswith("https://")

    def flask(self) -> dict[str, Any]:
        """The same as Flask and its extensions name it."""
        return {
            "SECRET_KEY": self.secret_key,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(self.database_url),
            "TRUSTED_HOSTS": list(self.trusted_hosts) or None,
            "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,  # uploads alone may be larger: app.views.files
            "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
            "SEND_FILE_MAX_AGE_DEFAULT": 365 * 24 * 3600,
            "SESSION_COOKIE_NAME": "qifu",
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SECURE": self.is_secure,
            "WTF_CSRF_TIME_LIMIT": None,
            "BABEL_DEFAULT_LOCALE": "zh",
            "BABEL_DEFAULT_TIMEZONE": "Asia/Shanghai",
            "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
            "LANGUAGES": {"zh": {"name": "中文"}, "en": {"name": "English"}},
            "FAB_CREATE_DB": False,
            "FAB_UPDATE_PERMS": False,
            "FAB_ADD_SECURITY_API": False,
            "FAB_BASE_TEMPLATE": "layout.html",
            "COMPRESS_MIMETYPES": ["text/html", "text/css", "text/javascript", "image/svg+xml"],
            "MAIL_DEFAULT_SENDER": self.mail_from,
            **_mail(self.smtp_url),
        }


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment.

    :raises Misconfigured: with one line that says what to set.
    """
    host, port = environ.get("HOST", "127.0.0.1"), environ.get("PORT", "8080")
    proxies = environ.get("QIFU_PROXIES", "0")
    for name, number in (("PORT", port), ("QIFU_PROXIES", proxies)):
        if not number.isdecimal():
            raise Misconfigured(f"{name} must be a number, not {number!r}")
    storage = environ.get("STORAGE_URL", "uploads/")
    if "://" in storage and not storage.startswith("s3://"):
        raise Misconfigured("STORAGE_URL is a folder or s3://bucket/prefix")
    settings = Settings(
        env=environ.get("QIFU_ENV", "development"),
        profile=environ.get("QIFU_PROFILE", "demo"),
        host=host,
        port=int(port),
        secret_key=environ.get("QIFU_SECRET_KEY", "") or DEVELOPMENT_KEY,
        public_url=environ.get("QIFU_PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        trusted_hosts=tuple(filter(None, environ.get("QIFU_TRUSTED_HOSTS", "").split(","))),
        proxies=int(proxies),
        database_url=environ.get("DATABASE_URL", f"sqlite:///{ROOT / 'var' / 'qifu.db'}"),
        storage_url=storage if "://" in storage else str(ROOT / storage),
        smtp_url=environ.get("SMTP_URL", ""),
        mail_from=environ.get("MAIL_FROM", "noreply@localhost"),
        sms_url=environ.get("SMS_URL", ""),
        test_code=environ.get("QIFU_TEST_CODE", ""),
        password_hash=password_hash(environ),
    )
    _check(settings)
    return settings


def password_hash(environ: Mapping[str, str] = os.environ) -> str:
    """How new passwords are hashed, in Werkzeug's words; tests, which log in often, take less."""
    return environ.get("QIFU_PASSWORD_HASH", "") or SLOW


def _check(settings: Settings) -> None:
    if settings.env not in {"development", "production"}:
        raise Misconfigured(f"QIFU_ENV must be development or production, not {settings.env!r}")
    sms = urlsplit(settings.sms_url)
    if settings.sms_url and (sms.scheme not in {"http", "https"} or not sms.hostname):
        raise Misconfigured("SMS_URL must be an address like https://user:key@host/path")
    if not settings.is_production:
        return
    if settings.secret_key == DEVELOPMENT_KEY:
        raise Misconfigured("production needs QIFU_SECRET_KEY: a long random text")
    if not settings.trusted_hosts:
        raise Misconfigured("production needs QIFU_TRUSTED_HOSTS: the host names people type")
    if not settings.database_url.startswith("postgresql"):
        raise Misconfigured("production needs DATABASE_URL with PostgreSQL")
    if settings.test_code:
        raise Misconfigured("production does not start with QIFU_TEST_CODE: take it out")
    if settings.password_hash != SLOW:
        raise Misconfigured("production does not start with QIFU_PASSWORD_HASH: take it out")


def _engine_options(url: str) -> dict[str, Any]:
    """Statement plans must see the searched word: a generic plan ignores how frequent it is.

    A page reads a few rows: to compile its statements would take longer than to run them.
    """
    if url.startswith("postgresql"):
        options = "-c plan_cache_mode=force_custom_plan -c jit=off -c timezone=UTC"
        return {"pool_pre_ping": True, "connect_args": {"options": options}}
    return {}


def _mail(url: str) -> dict[str, Any]:
    """``smtp://user:password@host:port`` as Flask-Mailman names it; without it: the console."""
    if not url:
        return {"MAIL_BACKEND": "console"}
    parts = urlsplit(url)
    return {
        "MAIL_BACKEND": "smtp",
        "MAIL_SERVER": parts.hostname or "localhost",
        "MAIL_PORT": parts.port or 25,
        "MAIL_USERNAME": unquote(parts.username) if parts.username else None,
        "MAIL_PASSWORD": unquote(parts.password) if parts.password else None,
        "MAIL_USE_TLS": parts.scheme == "smtp+tls",
        "MAIL_USE_SSL": parts.scheme == "smtps",
        "MAIL_TIMEOUT": 15,
    }
