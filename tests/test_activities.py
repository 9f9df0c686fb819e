"""Activity filings (活动备案, S4-14): online or by mail, reviewed, credited, corrected."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from sqlalchemy import select

from app import clock
from app.extensions import system_session
from app.models import Activity, FlowCase, FlowTask, ScoreEntry

pytestmark = pytest.mark.db

MAIL = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: filing\r\nDate: Mon, 2 Nov 2026 09:00:00 +0800\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nActivity\r\n"  # noqa: E501


def uploaded(client: Any, rule: str = "document") -> str:
    stream, name = BytesIO(MAIL), "备案.eml"
    if rule == "document":
        stream, name = BytesIO(), "签到表.png"
        Image.new("RGB", (400, 300), "#ffffff").save(stream, "PNG")
        stream.seek(0)
    data = {"rule": rule, "file": (stream, name)}
    answer = client.post("/files/", data=data, content_type="multipart/form-data")
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json["id"])


def typed(client: Any, days: int = 3, **changes: str) -> dict[str, str]:
    day = clock.local_day(clock.now()) - timedelta(days=days)
    return {
        "title": "园区法律问诊日", "role_kind": "host", "partner_department": "望澜市司法局",
        "activity_kind": "clinic", "from_at": f"{day}T09:00", "to_at": f"{day}T11:30",
        "place": "产业园一楼", "public_benefit": "y", "enterprises": "25", "persons": "60",
        "summary": "免费解答劳动与合同问题。", "proofs": uploaded(client),
    } | changes  # fmt: skip


def faults(answer: Any) -> set[str]:
    """The fields that bear a fault."""
    assert answer.status_code == 400, answer.status
    page = BeautifulSoup(answer.text, "html.parser")
    told = page.select('[id$="-error"]')
    return {str(mark["id"]).removesuffix("-error") for mark in told if mark.get_text(strip=True)}


def decided(app: Any, client: Any, number: str, action: str, opinion: str = "同意。") -> Any:
    with app.app_context(), system_session() as session:
        task = session.scalars(
            select(FlowTask.id)
            .join(FlowCase, FlowCase.id == FlowTask.case_id)
            .where(FlowCase.number == number, FlowTask.state == "open")
        ).one()
    return client.post(f"/cases/{number}/tasks/{task}/{action}/", data={"opinion": opinion})


def filed(app: Any, title: str) -> Activity:
    with app.app_context(), system_session() as session:
        return session.scalars(select(Activity).where(Activity.title == title)).one()


def entries(app: Any, key: int) -> list[tuple[str, int, int]]:
    of_it = ScoreEntry.source == "activity", ScoreEntry.source_id == key
    with app.app_context(), system_session() as session:
        found = session.scalars(select(ScoreEntry).where(*of_it).order_by(ScoreEntry.id))
        return [(row.item, row.raw, row.period) for row in found]


def test_an_institution_files_online_and_is_credited_after_approval(app, sign_in):
    client = sign_in("institution")
    assert "新增活动备案" in client.get("/activities/list/").text
    wrong = typed(client, days=45, public_benefit="", enterprises="-1", proofs="")
    assert {"public_benefit", "enterprises", "proofs"} <= faults(
        client.post("/activities/add/", data=wrong)
    )
    late = client.post("/activities/add/", data=typed(client, days=45))
    assert faults(late) == {"to_at"}
    assert "30天内" in late.text
    assert "园区法律问诊日" in late.text  # nothing typed is lost
    future = typed(client, days=-2)
    assert faults(client.post("/activities/add/", data=future)) == {"to_at"}
    turned = typed(client) | {"to_at": typed(client, days=4)["to_at"]}
    assert faults(client.post("/activities/add/", data=turned)) == {"to_at"}

    answer = client.post("/activities/add/", data=typed(client))
    assert answer.status_code == 302, answer.text
    number = re.search(r"/cases/(HD-\d{8}-\d{4})/", answer.location)[1]
    row = filed(app, "园区法律问诊日")
    assert (row.filed_as, row.state, row.points) == ("online", "in_review", None)
    assert entries(app, row.id) == []
    with app.app_context(), system_session() as session:
        case = session.scalars(select(FlowCase).where(FlowCase.number == number)).one()
        assert case.organization_id == row.organization_id
    twice = client.post("/activities/add/", data=typed(client, title="园区 法律问诊日"))
    assert faults(twice) == {"title"}

    assert sign_in("institution2").get(f"/activities/show/{row.id}/").status_code == 404
    assert "园区法律问诊日" not in sign_in("institution2").get("/activities/list/").text
    staff = sign_in("operator")
    assert "园区法律问诊日" in staff.get(f"/cases/{number}/").text
    assert decided(app, staff, number, "approve").status_code == 302
    row = filed(app, "园区法律问诊日")
    assert (row.state, row.points) == ("approved", 1200)
    assert [e[:2] for e in entries(app, row.id)] == [("activity_host", 1200)]
    page = client.get(f"/activities/show/{row.id}/").text
    assert "12.00" in page
    assert "已加分" in page
    assert "更正加分" not in page
    assert "主办活动" in client.get(client.get("/ranking/").location).text


def test_staff_correct_credits_with_a_reason(app, sign_in):
    """F19: both the old and the new points stay in the entries, in the month of the activity."""
    row = filed(app, "数字化转型贯标政策宣讲会")
    staff, address = sign_in("operator"), f"/activities/correct/{row.id}/"
    assert sign_in("institution").get(address).status_code == 403
    assert faults(staff.post(address, data={"points": "很多", "reason": "核实"})) == {"points"}
    assert faults(staff.post(address, data={"points": "6", "reason": " "})) == {"reason"}
    assert (
        staff.post(address, data={"points": "6.5", "reason": "参与企业按实到"}).status_code == 302
    )
    (first, back, new) = entries(app, row.id)
    assert [line[1] for line in (first, back, new)] == [1000, -1000, 650]
    assert first[2] == back[2] == new[2]
    page = staff.get(f"/activities/show/{row.id}/").text
    assert "6.50" in page
    assert "参与企业按实到" in page
    waiting = filed(app, "研发费用加计扣除公益辅导沙龙")
    assert staff.get(f"/activities/correct/{waiting.id}/").status_code == 404


def test_staff_enter_what_came_by_mail_and_another_one_decides(app, sign_in, actor_of):
    place = actor_of("institution2").organization_id
    staff, other = sign_in("operator"), sign_in("operator2")
    data = typed(staff, days=45, title="知识产权公益讲座", organization=str(place))
    assert faults(staff.post("/mailed_activities/add/", data=data)) == {"mail_file"}
    mail = uploaded(staff, "mail")
    outside = actor_of("enterprise").organization_id
    wrong = data | {"mail_file": mail, "organization": str(outside)}
    assert "organization" in faults(staff.post("/mailed_activities/add/", data=wrong))
    answer = staff.post("/mailed_activities/add/", data=data | {"mail_file": mail})
    assert answer.status_code == 302, answer.text
    number = re.search(r"/cases/(HD-\d{8}-\d{4})/", answer.location)[1]
    assert decided(app, staff, number, "approve").status_code in {403, 409}
    assert decided(app, other, number, "return", "请补充签到表。").status_code == 302
    row = filed(app, "知识产权公益讲座")
    again = staff.get(f"/activities/edit/{row.id}/")
    assert again.location.endswith(f"/mailed_activities/edit/{row.id}/")
    fixed = data | {"mail_file": mail, "version": str(row.version), "enterprises": "40"}
    sent = staff.post(f"/mailed_activities/edit/{row.id}/", data=fixed)
    assert sent.status_code == 302, sent.text
    assert decided(app, other, number, "approve").status_code == 302
    assert filed(app, "知识产权公益讲座").points == 1400
    owner = sign_in("institution2")
    page = owner.get(f"/activities/show/{row.id}/").text
    assert "知识产权公益讲座" in page
    assert "备案.eml" not in page
    assert owner.get(f"/files/{mail}/").status_code == 404
    assert staff.get(f"/files/{mail}/").status_code == 200


def test_nobody_else_files(sign_in):
    for name in ("visitor", "newcomer", "enterprise", "auditor"):
        client = sign_in(name)
        assert client.get("/activities/add/").status_code == 403
        assert client.post("/mailed_activities/add/", data={}).status_code == 403
