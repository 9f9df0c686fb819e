"""Every page of every role: it answers, and it costs few statements."""

from __future__ import annotations

import re

import pytest

BUDGET = 12
APPLICANT = [
    "/workbench/", "/my-organization/", "/accreditations/choose/", "/accreditations/add/",
    "/tasks/mine/",
]  # fmt: skip
PAGES = {
    None: [
        "/", "/?q=数智&kind=digital", "/register/", "/register/?kind=ordinary", "/login/",
        "/login/?way=sms", "/forgot/",
        "/news/1/", "/register/agreements/user_agreement/",
        "/register/agreements/privacy_policy/",
    ],
    "operator": [
        "/workbench/", "/organizations/list/", "/organizations/list/?q=望澜&region=990100",
        "/organizations/add/", "/accreditations/list/", "/tasks/todo/", "/tasks/mine/",
        "/certifications/list/", "/certifications/add/?organization=1",
        "/organization-changes/list/",
        "/tasks/done/", "/announcements/list/", "/announcements/add/", "/announcements/show/1/",
        "/announcements/edit/1/", "/jobs/list/", "/jobs/show/1/", "/messages/",
        "/messages/?read=unread&topic=task", "/messages/settings/", "/outbox/list/",
        "/outbox/list/?tab=sent&channel=email", "/outbox/show/{outbox}/",
    ],
    "institution": [
        "/workbench/", "/my-organization/", "/tasks/mine/", "/tasks/todo/", "/people/list/",
        "/people/add/", "/people/edit/{people}/", "/people/reset/{people}/",
        "/people/rights/{people}/", "/membership/", "/membership/hand-over/",
    ],
    "institution_sub": ["/workbench/", "/my-organization/", "/tasks/mine/", "/membership/"],
    "newcomer": [*APPLICANT, "/certifications/add/"],
    "enterprise": ["/my-organization/", "/my-organization/?tab=data", "/organization-changes/add/"],
    "bureau": ["/workbench/", "/certifications/list/", "/organization-changes/list/"],
    "sysadmin": ["/workbench/", "/agreements/list/", "/agreements/add/", "/agreements/show/1/"],
    "secadmin": [
        "/workbench/", "/users/list/", "/users/list/?q=00&state=active&role=operator",
        "/users/show/1/", "/users/add/", "/users/1/roles/", "/roles/?role=operator",
        "/authorities/list/", "/authorities/add/", "/authorities/show/1/",
    ],
    "auditor": [
        "/agreements/show/1/", "/users/show/1/",
        "/audit/list/", "/audit/list/?action=create&kind=announcement&at=2026-01-01~",
        "/audit/show/{audit}/", "/logins/list/", "/evidence/",
    ],
    "visitor": [
        *APPLICANT, "/membership/", "/join-requests/add/?code=x", "/main-account-changes/add/",
    ],
}  # fmt: skip


@pytest.mark.db
@pytest.mark.parametrize(
    ("username", "path"), [(name, path) for name, paths in PAGES.items() for path in paths]
)
def test_a_page_answers_within_its_budget(sign_in, statements, username, path):
    client = sign_in(username)
    if "{people}" in path:
        key = _first_id(client, "/people/list/", r"/people/edit/(\d+)/")
        path = path.format(people=key)
    if "{outbox}" in path:
        path = path.format(outbox=_first_id(client, "/outbox/list/", r"/outbox/show/(\d+)/"))
    if "{audit}" in path:
        path = path.format(audit=_first_id(client, "/audit/list/", r"/audit/show/(\d+)/"))
    client.get(path)
    statements.clear()
    answer = client.get(path)
    assert answer.status_code == 200
    assert len(statements) <= BUDGET, statements


def _first_id(client, path, pattern):
    return re.search(pattern, client.get(path).text).group(1)


@pytest.mark.db
@pytest.mark.parametrize("page", ["list", "show", "form"])
def test_the_pages_of_organizations_need_four_statements(
    sign_in, statements, page, record_property
):
    client = sign_in("operator")
    key = _first_id(client, "/organizations/list/", r"/organizations/show/(\d+)/")
    path = {"list": "list/", "show": f"show/{key}/", "form": f"edit/{key}/"}[page]
    client.get(f"/organizations/{path}")
    statements.clear()
    assert client.get(f"/organizations/{path}").status_code == 200
    record_property(f"statements of the {page} of organizations", len(statements))
    assert len(statements) <= 5, statements  # whether it is an authority is one of them
