"""Short messages to phones: one gateway over HTTP, which the environment names (``SMS_URL``).

A provider that speaks another language is served by a small bridge that takes this request::

    POST <path of SMS_URL>, Content-Type: application/json, Authorization: Basic …
    {"mobile": "…", "text": "…", "sign": "…", "id": "…"}

``id`` is the same at every attempt (also as ``Idempotency-Key``), so that a gateway sends a
message once although it was asked twice.  Only this address is ever asked; redirects are not
followed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 10
ANSWER_LENGTH = 500
NOT_NOW = frozenset({408, 425, 429})
"""Client errors that mean: try again later."""


class Rejected(Exception):
    """The gateway will never take this message."""


class Unreachable(Exception):
    """The gateway did not take the message now; it may later."""


@dataclass(frozen=True)
class Gateway:
    """Where short messages go: the parts of ``http(s)://user:key@host:port/path``."""

    is_secure: bool
    host: str
    port: int | None
    path: str
    credentials: str = field(repr=False)

    def send(self, mobile: str, text: str, sign: str, key: str) -> None:
        """Hand one message to the gateway; returning means it took it.

        :raises Rejected: for an answer that no further attempt would change.
        :raises Unreachable: for everything that may pass: no connection, no answer in time, 5xx.
        """
        body = {"mobile": mobile, "text": text, "sign": sign, "id": key}
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self.credentials:
            headers["Authorization"] = f"Basic {self.credentials}"
        scheme = HTTPSConnection if self.is_secure else HTTPConnection
        connection = scheme(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self.path, json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            status = answer.status
            said = answer.read1(ANSWER_LENGTH).decode("utf-8", "replace")
        except (OSError, HTTPException) as failure:
            raise Unreachable(f"{type(failure).__name__}: {failure}") from failure
        finally:
            connection.close()
        if 200 <= status < 300:  # noqa: PLR2004 - taken
            return
        words = f"the gateway answered {status}: {said}"
        if 400 <= status < 500 and status not in NOT_NOW:  # noqa: PLR2004 - its refusals
            raise Rejected(words)
        raise Unreachable(words)


def gateway(url: str) -> Gateway:
    """The gateway behind ``url``.

    :raises ValueError: when that is not the address of one.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an address like https://user:key@host/path")
    credentials = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = b64encode(pair.encode()).decode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Gateway(parts.scheme == "https", parts.hostname, parts.port, path, credentials)
