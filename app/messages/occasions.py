"""Of what people are told, and how: one matrix for the whole platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Occasion:
    """How people are told of one thing.

    ``topic`` is what they choose their channels by; ``link`` the address of what it is about,
    filled from the context; ``secrets`` are the entries of the context that are blanked once a
    message has left, such as codes and one-time links.
    """

    topic: str
    channels: tuple[str, ...]
    link: str = "/workbench/"
    secrets: tuple[str, ...] = ()


CASE = "/cases/{number}/"
DEMAND = "/demands/show/{demand}/"
PRODUCT = "/{list}/show/{product}/"
ALL = ("inapp", "email", "sms")
OCCASIONS: Mapping[str, Occasion] = MappingProxyType(
    {
        "account.registered": Occasion("account", ("inapp", "email")),
        "account.code": Occasion("account", ("sms", "email"), "/login/", ("code",)),
        "account.join_asked": Occasion("account", ("inapp", "email"), CASE),
        "account.main_changed": Occasion("account", ("inapp", "email")),
        "account.left": Occasion("account", ("inapp", "email")),
        "account.password_reset": Occasion("account", ALL, "/login/"),
        "account.reset_link": Occasion("account", ("email",), "/forgot/link/{token}/", ("token",)),
        "account.phone_changed": Occasion("account", ("inapp", "sms")),
        "account.email_changed": Occasion("account", ("inapp", "email")),
        "account.locked": Occasion("account", ("inapp", "email"), "/login/"),
        "account.password_expiring": Occasion("account", ("inapp", "email")),
        "account.idle": Occasion("account", ("email",), "/login/"),
        "subaccount.created": Occasion("account", ("email", "sms"), "/login/"),
        "task.assigned": Occasion("task", ("inapp",), CASE),
        "task.reminder": Occasion("task", ("inapp", "email"), CASE),
        "task.overdue": Occasion("task", ("inapp", "email"), CASE),
        "cert.pending": Occasion("task", ("inapp",), "/tasks/todo/"),
        "case.submitted": Occasion("case", ("inapp",), CASE),
        "case.stage": Occasion("case", ("inapp",), CASE),
        "case.returned": Occasion("case", ALL, CASE),
        "case.approved": Occasion("case", ALL, CASE),
        "case.refused": Occasion("case", ("inapp", "email"), CASE),
        "case.withdrawn": Occasion("case", ("inapp",), CASE),
        "cert.approved": Occasion("organization", ALL, CASE),
        "cert.returned": Occasion("organization", ALL, CASE),
        "institution.result": Occasion("organization", ("email", "inapp"), CASE),
        "membership.result": Occasion("organization", ("email", "inapp"), CASE),
        "licence.expiring": Occasion("organization", ("inapp", "email"), "/my-organization/"),
        "product.listed": Occasion("product", ("inapp",), PRODUCT),
        "product.approved_wait": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.delisted": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.expiring": Occasion("product", ("inapp", "email"), PRODUCT),
        "product.stale": Occasion("product", ("inapp",), PRODUCT),
        "pool.drift": Occasion("product", ("inapp",), PRODUCT),
        "demand.new": Occasion("demand", ALL, DEMAND),
        "demand.late": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.stale": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.result": Occasion("demand", ("inapp", "sms"), "/my_demands/show/{demand}/"),
        "demand.disputed": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.ruled": Occasion("demand", ("inapp", "email"), DEMAND),
        "demand.closed": Occasion("demand", ("inapp",), DEMAND),
        "consultant.invited": Occasion(
            "organization", ("email",), "/invitations/{token}/", ("token",)
        ),
        "consultant.reminder": Occasion("organization", ("email",), "/"),
        "consultant.expired": Occasion("organization", ("inapp",), "/consultants/list/"),
        "consultant.linked": Occasion("organization", ("inapp", "email")),
        "consultant.unlinked": Occasion("organization", ("inapp", "email")),
        "score.monthly": Occasion("demand", ("inapp",), "/ranking/"),
        "demand.file_deal": Occasion("demand", ("inapp",), "/filings/add/?demand={demand}"),
        "transaction.approved": Occasion("demand", ("inapp",), CASE),
        "transaction.voided": Occasion("demand", ("inapp", "email"), CASE),
        "rating.invite": Occasion("demand", ("inapp", "email"), "/ratings/rate/{id}/"),
        "rating.received": Occasion("demand", ("inapp",), "/ratings/show/{id}/"),
        "job.failed": Occasion("system", ("inapp", "email"), "/jobs/list/"),
        "audit.head": Occasion("system", ("inapp", "email"), "/evidence/"),
        "outbox.dead": Occasion("system", ("inapp", "email"), "/outbox/list/?tab=dead"),
    }
)
"""The matrix of who is told how (the words are those of :data:`app.choices.OCCASIONS`)."""

FIXED = frozenset({"account"})
"""Topics that nobody can switch off: what concerns the safety of the account."""


def optional(topic: str) -> tuple[str, ...]:
    """The channels of a topic that its readers may switch off."""
    used = {c for o in OCCASIONS.values() if o.topic == topic for c in o.channels}
    return tuple(c for c in ("email", "sms") if c in used)
