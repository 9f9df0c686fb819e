"""Every page of every role: it answers, and it costs few statements."""

from __future__ import annotations

import re

import pytest

BUDGET, DECIDING = 12, 21
"""Statements of any page; of a case for whoever decides it, whatever the number of rows."""
APPLICANT = [
    "/workbench/", "/my-organization/", "/accreditations/choose/", "/accreditations/add/",
    "/tasks/mine/",
]  # fmt: skip
PAGES = {
    None: [
        "/institutions/?q=数智", "/institutions/?category=sz&region=990100&member=1", "/news/",
        "/market/consultants/", "/market/consultants/?q=顾&category=sz&region=990100&years=3",
        "/market/", "/market/products/5/",
        "/market/?q=工业&category=sz&region=990100&order=rating&low=0&high=999999",
        "/", "/?q=数智&kind=digital", "/register/", "/register/?kind=ordinary", "/login/",
        "/login/?way=sms", "/forgot/",
        "/news/1/", "/institutions/{institution}/", "/register/agreements/user_agreement/",
        "/register/agreements/privacy_policy/", "/market/board/", "/market/demands/",
        "/market/demands/?category=sz", "/market/board/?kind=consultant",
    ],
    "operator": [
        "/filings/list/", "/filings/list/?q=数据&tab=approved&amount=100~", "/filings/show/1/",
        "/filings/void/1/", "/ratings/list/", "/ratings/list/?score=5&q=望澜", "/ratings/show/1/",
        "/ratings/hide/1/",
        "/activities/list/", "/activities/list/?q=公益&tab=approved", "/activities/show/1/",
        "/service-institutions/list/",
        "/service-institutions/list/?q=数智&association_state=member",
        "/service-institutions/show/{institution}/", "/association-members/list/",
        "/association-applications/list/",
        "/activities/correct/1/", "/mailed_activities/add/", "/ranking/list/?tab=institution",
        "/ranking/institution/{ranked}/", "/scores/list/", "/scores/list/?item=rating",
        "/formulas/list/", "/formulas/add/", "/formulas/show/1/", "/formulas/preview/1/",
        "/workbench/", "/dashboard/", "/dashboard/?span=24&category=sz01",
        "/organizations/list/", "/organizations/list/?q=望澜&region=990100",
        "/organizations/add/", "/accreditations/list/", "/tasks/todo/", "/tasks/mine/",
        "/certifications/list/", "/certifications/add/?organization=1",
        "/organization-changes/list/", "/standard_products/list/", "/standard_products/add/",
        "/standard_products/show/1/", "/standard_products/edit/1/", "/listings/list/",
        "/listings/list/?off_guide=1&tab=listed",
        "/categories/list/", "/categories/list/?parent=sz&is_active=1", "/categories/add/",
        "/categories/show/{category}/", "/categories/edit/{category}/",
        "/listings/show/1/", "/products/list/?tab=listed", "/products/show/5/",
        "/products/force/5/", "/product_reviews/list/", "/pool/list/", "/pool/list/?tab=ended",
        "/demands/list/?q=MES&tab=following&category=sz03", "/demands/show/13/",
        "/demands/assign/7/", "/demands/rule/13/", "/demands/close/7/", "/demands/open/list/",
        "/demands/late/list/",
        "/tasks/done/", "/announcements/list/", "/announcements/add/", "/announcements/show/1/",
        "/announcements/edit/1/", "/jobs/list/", "/jobs/show/1/", "/messages/",
        "/messages/?read=unread&topic=task", "/messages/settings/", "/outbox/list/",
        "/outbox/list/?tab=sent&channel=email", "/outbox/show/{outbox}/",
    ],
    "institution": [
        "/catalogue/list/", "/catalogue/show/3/", "/listings/list/", "/listings/add/?item=3&item=7",
        "/products/list/", "/products/show/5/", "/product_reviews/add/",
        "/product_reviews/add/?product=5",
        "/demands/list/", "/demands/show/1/", "/demands/hand_over/1/",
        "/demand_contacts/add/?demand=1",
        "/filings/list/", "/filings/add/", "/filings/show/1/", "/ratings/waiting/list/",
        "/ratings/given/list/", "/ratings/received/list/", "/ratings/show/1/",
        "/filings/import/", "/consultants/import/",
        "/activities/list/", "/activities/add/", "/ranking/institution/{ranked}/",
        "/ranking/list/?tab=institution", "/scores/list/", "/formulas/list/",
        "/consultants/list/", "/consultants/list/?q=顾&tab=linked", "/consultants/add/",
        "/consultants/show/1/", "/consultants/edit/1/", "/consultants/unlink/1/",
        "/workbench/", "/my-organization/", "/tasks/mine/", "/tasks/todo/", "/people/list/",
        "/people/add/", "/people/edit/{people}/", "/people/reset/{people}/",
        "/people/rights/{people}/", "/membership/", "/membership/hand-over/",
    ],
    "consultant": ["/workbench/", "/my-profile/", "/my-profile/add/", "/messages/"],
    "institution_sub": ["/workbench/", "/my-organization/", "/tasks/mine/", "/membership/"],
    "newcomer": [*APPLICANT, "/certifications/add/"],
    "enterprise": [
        "/my_demands/list/", "/my_demands/show/15/", "/my_demands/add/",
        "/my_demands/dispute/15/", "/ratings/waiting/list/", "/ratings/given/list/",
        "/my-organization/", "/my-organization/?tab=data", "/organization-changes/add/",
    ],
    "bureau": ["/workbench/", "/certifications/list/", "/organization-changes/list/"],
    "sysadmin": ["/workbench/", "/agreements/list/", "/agreements/add/", "/agreements/show/1/"],
    "institution2": ["/listings/list/", "/listings/edit/{listing}/"],
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

KEYS = {
    "category": ("/categories/list/", r"/categories/edit/(\d+)/"),
    "listing": ("/listings/list/", r"/listings/edit/(\d+)/"),
    "people": ("/people/list/", r"/people/edit/(\d+)/"),
    "outbox": ("/outbox/list/", r"/outbox/show/(\d+)/"),
    "audit": ("/audit/list/", r"/audit/show/(\d+)/"),
    "ranked": ("/ranking/list/?tab=institution", r"/ranking/institution/(\d+)/"),
    "institution": ("/institutions/", r"/institutions/(\d+)/"),
}
"""Where the number that an address names is read, by its name."""


@pytest.mark.db
@pytest.mark.parametrize(
    ("username", "path"), [(name, path) for name, paths in PAGES.items() for path in paths]
)
def test_a_page_answers_within_its_budget(sign_in, statements, username, path):
    client = sign_in(username)
    for name, (listed, address) in KEYS.items():
        if f"{{{name}}}" in path:
            path = path.format(**{name: _first_id(client, listed, address)})
    client.get(path)
    statements.clear()
    answer = client.get(path)
    assert answer.status_code == 200
    assert len(statements) <= BUDGET, statements


@pytest.mark.db
def test_a_case_asks_more_while_somebody_decides_it(sign_in, statements):
    """Every rule is asked once more for whoever decides, and the reading of its data is noted."""
    client = sign_in("operator")
    todo = client.get("/tasks/todo/list/?size=100").text
    numbers = dict(re.findall(r"/cases/((\w\w)-[\d-]+)/", todo))
    first = {flow: number for number, flow in numbers.items()}
    assert {"JG", "JY", "GW", "CP", "HD"} <= first.keys()
    for number in first.values():
        client.get(f"/cases/{number}/")
        statements.clear()
        page = client.get(f"/cases/{number}/").text
        assert "自动检查" in page
        assert len(statements) <= DECIDING, (number, statements)


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
