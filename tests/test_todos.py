"""My to-dos: tasks of several capacities in one order, on every page of the list."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import delete, insert, select

from app import access
from app.extensions import system_session
from app.models import FlowCase, FlowTask, Membership, Person
from app.search import search

task, case = FlowTask.__table__, FlowCase.__table__
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
SIZE = 7


@pytest.fixture
def waiting(app):
    """Numbers of the cases of the operator's tasks, as the list should have them.

    Of each case a task of his own and one of his role, at his place or anywhere, some without
    a time limit; and tasks of somebody else, of another role and of another place.
    """
    with app.app_context(), system_session() as session:
        rows = access.elevated(session, "a test")
        rows.execute(delete(task).where(task.c.state == "open"))
        who, at = session.execute(
            select(Person.id, Membership.organization_id)
            .join(Membership, Membership.user_id == Person.id)
            .where(Person.username == "operator")
        ).one()
        other = session.scalar(select(Person.id).where(Person.username == "institution"))
        cases = session.execute(select(case.c.id, case.c.flow).order_by(case.c.id).limit(14)).all()
        assert len(cases) == 14
        entries = []
        for number, (key, flow) in enumerate(cases):
            later = timedelta(hours=37 * number % 11)
            common = {
                "case_id": key, "flow": flow, "round": 9, "turn": 0, "state": "open",
                "opinion": "", "user_id": None, "role": None, "organization_id": None,
            }  # fmt: skip
            entries += [
                common | {"seat": 0, "user_id": who, "due_at": NOON + later},
                common
                | {"seat": 1, "role": "operator", "due_at": NOON - later if number % 4 else None}
                | {"organization_id": at if number % 2 else None},
                common | {"seat": 2, "user_id": other, "due_at": NOON},
                common | {"seat": 3, "role": "sysadmin", "due_at": NOON},
                common | {"seat": 4, "role": "operator", "organization_id": at + 1, "due_at": NOON},
            ]
        rows.execute(insert(task), entries)
        session.commit()
        ours = (task.c.round == 9) & task.c.seat.in_((0, 1))
        listed = select(case.c.number).join(task, task.c.case_id == case.c.id).where(ours)
        listed = listed.order_by(task.c.due_at.asc().nulls_last(), task.c.id)
        word = session.scalar(select(case.c.applicant_name).where(case.c.id == cases[0][0]))[:4]
        found = listed.where(search(case.c.search_text, word))
        return list(session.scalars(listed)), word, list(session.scalars(found))


def cases_on(page):
    """The case of each line of the first table."""
    lines = page.select_one("table").select("tbody tr")
    found = [re.search(r'href="/cases/([^"/]+)/"', str(line)) for line in lines]
    return [one[1] for one in found if one]


def walk(client, address, rel):
    pages = []
    while address:
        page = BeautifulSoup(client.get(address).text, "html.parser")
        pages.append(cases_on(page))
        step = page.find("a", rel=rel)
        last, address = address, step and step["href"]
    return pages, last


@pytest.mark.db
def test_tasks_of_several_capacities_come_in_one_order(sign_in, waiting):
    client, (listed, word, found) = sign_in("operator"), waiting
    assert len(listed) == 28
    pages, last = walk(client, f"/tasks/todo/list/?size={SIZE}", "next")
    assert pages == [listed[at : at + SIZE] for at in range(0, 28, SIZE)]
    assert walk(client, last, "prev")[0] == pages[::-1]
    third = BeautifulSoup(client.get(f"/tasks/todo/list/?size={SIZE}&page=3").text, "html.parser")
    assert cases_on(third) == pages[2]
    assert "28" in third.select_one(".pages-total").get_text()
    searched, _last = walk(client, f"/tasks/todo/list/?size={SIZE}&q={word}", "next")
    assert [number for page in searched for number in page] == found
    assert 0 < len(found) < len(listed)


@pytest.mark.db
def test_the_workbench_begins_with_the_most_urgent(sign_in, waiting):
    workbench = BeautifulSoup(sign_in("operator").get("/workbench/").text, "html.parser")
    listed, _word, _found = waiting
    assert cases_on(workbench) == listed[:6]
    assert "28" in [value.get_text(strip=True) for value in workbench.select(".figure-value")]
