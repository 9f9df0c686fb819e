"""Every route with the answer that each role gets, as ``routes.txt`` writes it down.

An answer is a status, or `login` for being sent there.  `own` and `foreign` say whose row the
address names; a route without a row has `-`.  Staff own nothing: for them the first is a row that
they may work on, the second one that they may only read, or that does not exist.  Refused requests
stand before those that change something.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

ROLES = (
    "anonymous", "visitor", "newcomer", "institution", "operator",
    "institution_sub", "bureau", "sysadmin", "secadmin", "auditor", "association",
    "consultant",
)  # fmt: skip
FORM_ANSWERS = {"200", "302", "400"}
"""A form that is shown, saved, or handed back with faults."""
NOT_WALKED = {"static": "files of the page's look, the same for everybody"}
OPEN_TO_ALL = {
    "/institutions/": "the portal",
    "/news/": "the portal",
    "/market/": "the portal",
    "/market/board/": "the portal",
    "/market/demands/": "the portal",
    "/market/products/<pk>/": "the portal",
    "/market/products/<pk>/seen/": "counts a look at what is on sale",
    "/invitations/<token>/": "a link from a mail",
    "/invitations/": "works for whoever has a link: tests/test_consultants.py",
    "/market/consultants/": "the portal",
    "/market/consultants/<pk>/": "the portal",
    "/accept/": "asks for what is new in the agreements, and of nobody else anything",
    "/": "the portal",
    "/captcha/": "a picture that anybody needs to log in",
    "/captcha/slider/": "likewise",
    "/login/": "where one logs in",
    "/login/code/": "sends a code to whoever solves the captcha",
    "/forgot/": "where one goes who cannot log in",
    "/forgot/verify/": "its second step",
    "/forgot/code/": "its second step",
    "/forgot/link/<token>/": "a link from a mail",
    "/forgot/new/": "its last step, for whoever has proof",
    "/logout/": "ends what there is to end",
    "/register/": "where one registers",
    "/register/regions/": "reference data",
    "/register/companies/": "companies that wait for their account",
    "/health/live": "asked by the machine that watches",
    "/health/ready": "asked by the machine that watches",
}
WITHOUT_ROW = {"/evidence/verify/<after>/": "the lines of the log after a number"}
OPEN_TO_NONE = {
    "/formulas/options/<name>/": "a formula refers to nothing",
    "/filings/import/<job>/undo/": "no role of the demo profile deletes a filing",
    "/filings/delete/<pk>/": "no role of the demo profile deletes a filing",
    "/demand_contacts/add/": "its address names a demand: tests/test_demands.py",
    "/my_demands/confirm/<pk>/": "a demand is settled first: tests/test_demands.py",
    "/invitations/": "nobody of the table has a link: tests/test_consultants.py",
    "/account/devices/<pk>/end/": "the logins of a test are its own: tests/test_login.py",
    "/membership/leave/": "a sub-account leaves by itself: tests/test_people.py",
    "/certifications/delete/<pk>/": "no role of the demo profile deletes a request",
    "/organization-changes/delete/<pk>/": "no role of the demo profile deletes a request",
    "/accreditations/delete/<pk>/": "no role of the demo profile deletes a request",
    "/association-applications/delete/<pk>/": "no role of the demo profile deletes a request",
    "/association-applications/options/<name>/": "a request of this kind refers to nothing",
    "/organizations/delete/<pk>/": "no role of the demo profile deletes an organization",
    "/announcements/options/<name>/": "an announcement refers to nothing",
    "/agreements/options/<name>/": "its filter and form choose from fixed lists",
}


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    method: str
    rule: str
    whose: str
    expected: dict[str, str]


def lines(table: str) -> list[Line]:
    found = []
    for raw in table.strip().splitlines():
        method, rule, whose, *expected = raw.split()
        found.append(Line(method, rule, whose, dict(zip(ROLES, expected, strict=True))))
    return found


def unlisted(app: Flask, table: list[Line]) -> set[tuple[str, str]]:
    """Routes of the application that the table does not speak of."""
    walked = {(line.method, line.rule) for line in table}
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint not in NOT_WALKED
    } - walked


def stale(app: Flask, table: list[Line]) -> set[tuple[str, str]]:
    """Lines of the table whose route is gone."""
    there = {(m, rule.rule) for rule in app.url_map.iter_rules() for m in rule.methods or ()}
    return {(line.method, line.rule) for line in table} - there


LINES = lines((Path(__file__).parent / "routes.txt").read_text(encoding="utf-8"))
