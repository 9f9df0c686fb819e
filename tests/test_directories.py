"""The public directories and the demand board: what anybody finds there, and what he does not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import system_session
from app.models import Consultant, Demand, Organization
from app.views.consultant_pages import YEARS

pytestmark = pytest.mark.db


def rows(app: Any, model: Any, *conditions: Any) -> list[Any]:
    with app.app_context(), system_session() as session:
        return list(session.scalars(select(model).where(*conditions)))


def found(client: Any, path: str, pattern: str) -> set[int]:
    """The keys of all cards, page after page."""
    keys: set[int] = set()
    while path:
        text = client.get(path).text
        keys |= {int(key) for key in re.findall(pattern, text)}
        behind = re.search(r'rel="next" href="([^"]+)"', text)
        path = behind[1].replace("&amp;", "&") if behind else ""
    return keys


def test_consultants_are_found_by_speciality_region_and_years(app, sign_in):
    visitor, pattern = sign_in(None), r'href="/market/consultants/(\d+)/"'
    linked = rows(app, Consultant, Consultant.state == "linked")
    houses = {one.id: one for one in rows(app, Organization)}
    code = linked[0].specialities[0]
    group = code[:2]

    def keys(asked: str) -> set[int]:
        return found(visitor, f"/market/consultants/?{asked}", pattern)

    assert keys("") == {one.id for one in linked}
    assert keys(f"category={code}") == {one.id for one in linked if code in one.specialities}
    of_group = {one.id for one in linked if any(s.startswith(group) for s in one.specialities)}
    assert keys(f"category={group}") == of_group
    assert 0 < len(of_group) < len(linked)
    for years in YEARS:
        assert keys(f"years={years}") == {one.id for one in linked if one.years >= int(years)}
    city = {one.id for one in linked if houses[one.organization_id].region_id // 100 == 9902}
    assert keys("region=990200") == city
    assert 0 < len(city) < len(linked)
    assert keys(f"region=990200&category={group}") == city & of_group
    assert keys("category=nonsense&years=999&region=x") == {one.id for one in linked}


def test_a_speciality_that_changes_is_found_anew(app, sign_in):
    visitor = sign_in(None)
    with app.app_context(), system_session() as session:
        one = session.scalars(select(Consultant).where(Consultant.state == "linked")).first()
        assert "jr05" not in one.specialities
        one.specialities = ["jr05"]
        session.commit()
        key = one.id
    pattern = r'href="/market/consultants/(\d+)/"'
    assert found(visitor, "/market/consultants/?category=jr05", pattern) == {key}


def test_the_demand_board_shows_what_is_public_and_waits_but_not_whose_it_is(app, sign_in):
    buyer, staff, visitor = sign_in("enterprise"), sign_in("operator"), sign_in(None)
    form = {
        "title": "寻找点检服务", "category": "sz04", "urgency": "normal", "call_time": "any",
        "description": "每周两次，两条产线，请致电 12000007777 或 x@example.com。",
        "contact_name": "任可为", "contact_phone": "12000007777", "public_need": "1",
    }  # fmt: skip
    assert buyer.post("/my_demands/add/", data=form | {"title": "不公开的"}).status_code == 302
    assert buyer.post("/my_demands/add/", data=form).status_code == 302
    pool = rows(app, Organization, Organization.institution_state == "in_pool")
    named = form | {"title": "指名的需求"}
    assert buyer.post(f"/my_demands/add/?institution={pool[0].id}", data=named).status_code == 302
    (secret,) = rows(app, Demand, Demand.title == "不公开的")
    version = {"version": str(secret.version), "title": "不公开的", "public_need": ""}
    assert buyer.post(f"/my_demands/edit/{secret.id}/", data=form | version).status_code == 302

    board = visitor.get("/market/demands/").text
    (row,) = rows(app, Demand, Demand.title == "寻找点检服务")
    assert row.public_need
    assert "寻找点检服务" in board
    assert "希望做一次数字化水平诊断" in board
    for hidden in ("不公开的", "指名的需求", "任可为", "12000007777", "x@example.com", row.number,
                   row.enterprise_name):  # fmt: skip
        assert hidden not in board, hidden
    assert "寻找点检服务" in visitor.get("/market/demands/?category=sz").text
    assert "寻找点检服务" not in visitor.get("/market/demands/?category=fl").text
    shown = staff.get("/demands/open/list/?public_need=1").text
    assert "寻找点检服务" in shown
    assert "不公开的" not in shown

    data = {"organization": str(pool[0].id), "opinion": ""}
    assert staff.post(f"/demands/assign/{row.id}/", data=data).status_code == 302
    assert "寻找点检服务" not in visitor.get("/market/demands/").text


def test_institutions_are_found_by_service_region_and_membership(app, sign_in):
    visitor, pattern = sign_in(None), r'href="/institutions/(\d+)/"'
    pool = rows(app, Organization, Organization.institution_state == "in_pool")

    def keys(asked: str) -> set[int]:
        return found(visitor, f"/institutions/?{asked}", pattern)

    code = pool[0].service_categories[0]
    assert keys("") == {one.id for one in pool}
    assert keys(f"category={code}") == {one.id for one in pool if code in one.service_categories}
    members = {one.id for one in pool if one.association_state == "member"}
    assert keys("member=1") == members
    assert 0 < len(members) < len(pool)
    city = {one.id for one in pool if one.region_id // 100 == 9902}
    assert keys("region=990200&kind=") == city
    assert 0 < len(city) < len(pool)
