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
        "/news/1/", "/register/agreements/user_agreement/",
        "/register/agreements/privacy_policy/",
    ],
    "operator": [
        "/workbench/", "/organizations/list/", "/organizations/list/?q=望澜&region=990100",
        "/organizations/add/", "/accreditations/list/", "/tasks/todo/", "/tasks/mine/",
        "/tasks/done/", "/announcements/list/", "/announcements/add/", "/announcements/show/1/",
        "/announcements/edit/1/",
    ],
    "institution": ["/workbench/", "/my-organization/", "/tasks/mine/"],
    "newcomer": APPLICANT,
    "visitor": APPLICANT,
}  # fmt: skip


@pytest.mark.db
@pytest.mark.parametrize(
    ("username", "path"), [(name, path) for name, paths in PAGES.items() for path in paths]
)
def test_a_page_answers_within_its_budget(sign_in, statements, username, path):
    client = sign_in(username)
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
    assert len(statements) <= 4, statements
