"""Activities of the demonstration, a year of points before it, and the boards of its months."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import Connection, select

from app import clock, storage
from app.access import elevated
from app.models import Activity, ActivityProof, Attachment, FlowTask, Person
from app.services import activities, holdings, ranking, scores
from app.services.demo.house import Demonstration, Firm, read
from app.services.demo.pictures import font
from app.services.holdings import Earned

FLOW = "activity"
AGREED = "活动真实、纯公益，材料齐全，同意加分。"
CORRECTED, CORRECTION = 1500, "活动为期两天，经核实按两场计分。"
EARLIER = "earlier"
"""The source of points from before the demonstration begins."""
MONTHS = 11
DEALERS = 6
"""Of so many institutions one has a deal in a month."""
DEALS = (38_000, 4_800, 126_000, 9_800, 650_000, 22_000, 81_500)


def fill(demo: Demonstration) -> None:
    """The months before, the activities, then every board."""
    rows = elevated(demo.session, "the demonstration is everybody's")
    for age in range(MONTHS, 0, -1):
        _earlier(demo, rows, age)
    for number, row in enumerate(read("activities")):
        _file(demo, row, demo.operators[number % len(demo.operators)])
    _correct(demo)
    holdings.count(rows, demo.now)
    for period in ranking.open_months(rows, demo.now):
        ranking.close(rows, period, _end_of(period))
    ranking.publish(rows, demo.now)


def _end_of(period: int) -> datetime:
    """The night in which a month was closed."""
    year, month = divmod(scores.months_before(period, -1), 100)
    return clock.start_of(date(year, month, 1)) + timedelta(hours=2, minutes=40)


# --- the months before --------------------------------------------------------------------------


def _earlier(demo: Demonstration, rows: Connection, age: int) -> None:
    """A few deals of a month: with what institutions hold, some fifty entries."""
    period = scores.months_before(scores.period_of(demo.now), age)
    begin = clock.start_of(date(period // 100, period % 100, 1))
    houses = [firm for firm in demo.institutions.values() if firm.row["state"] == "certified"]
    earned: list[Earned] = []
    for number, firm in enumerate(houses):
        if age > 1 and (number + age) % DEALERS == 0:  # the last month has demands of its own
            at = begin + timedelta(days=3 + number, hours=2 + number)
            of_it = (at, EARLIER, period * 100 + number)
            earned += _deal(firm.organization_id, of_it, number, age)
    holdings.write_all(rows, scores.formula_of(rows, period), period, earned)
    holdings.count(rows, begin + timedelta(days=27))


def _deal(key: int, of_it: tuple[datetime, str, int], number: int, age: int) -> Iterator[Earned]:
    """A demand answered, sometimes won, filed and rated."""
    is_late = age % 4 == 0 and number < DEALERS
    yield Earned(key, "demand_late" if is_late else "demand_intime", 1, *of_it)
    if not is_late and number % 3:
        yield Earned(key, "demand_won", 1, *of_it)
        yield Earned(key, "tx_count", 1, *of_it)
        amount = DEALS[(number + age) % len(DEALS)] * 100
        yield Earned(key, "tx_amount", 1, *of_it, amount=amount)
        yield Earned(key, "rating", 5 - (number + age) % 3, *of_it)


# --- activities ---------------------------------------------------------------------------------


def _file(demo: Demonstration, row: Mapping[str, Any], decider: Any) -> None:
    """An activity, filed by its institution or entered by staff, and what became of it."""
    firm = demo.institutions[row["code"]]
    begin = demo.at(row["days"], 14)
    sent = min(begin + timedelta(days=2), demo.now - timedelta(minutes=1))
    by_mail = row["by"] == "mail"
    clerk = next(actor for actor in demo.operators if actor != decider)
    applicant = clerk if by_mail else firm.actor
    owner = demo.session.get_one(Person, applicant.user_id)
    subject = Activity(
        applicant_id=owner.id,
        organization_id=firm.organization_id,
        filed_as=row["by"],
        title=row["title"],
        role_kind=row["role"],
        partner_department=row["partner"],
        activity_kind=row["kind"],
        from_at=begin,
        to_at=begin + timedelta(hours=3),
        place=row["place"],
        public_benefit=True,
        enterprises=row["enterprises"],
        persons=row["persons"],
        summary=row["summary"],
        created_at=sent,
        mail_file=_mail(demo, row, firm, owner, sent) if by_mail else None,
        proofs=[
            ActivityProof(attachment=demo.picture(_sheet(name, row), name, owner, sent, "document"))
            for name in ("活动通知", "签到表")
        ],
    )
    demo.session.add(subject)
    demo.session.flush()
    desk = demo.engine.desk(demo.session, applicant, sent)
    case = desk.open(FLOW, subject, firm.organization_id)
    desk.submit(case.id)
    decided = demo.two_days_after(sent)
    of_case = FlowTask.case_id == case.id, FlowTask.state == "open"
    task = demo.session.scalars(select(FlowTask).where(*of_case)).one()
    judge = demo.engine.desk(demo.session, decider, decided)
    if row["state"] == "approved":
        judge.approve(task.id, AGREED)
    elif row["state"] == "returned":
        judge.send_back(task.id, row["opinion"])
    elif row["state"] == "refused":
        judge.refuse(task.id, row["opinion"])


def _correct(demo: Demonstration) -> None:
    """The first that was credited took two days: staff correct its credits."""
    first = select(Activity.id).where(Activity.state == "approved").order_by(Activity.id).limit(1)
    key = demo.session.scalars(first).one()
    activities.correct(demo.session, key, CORRECTED, CORRECTION, demo.at(30, 15))


def _sheet(name: str, row: Mapping[str, Any]) -> Image.Image:
    """A plain sheet that says what it stands for."""
    picture = Image.new("RGB", (900, 620), "#fdfbf5")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((24, 24, 875, 595), outline="#2f7d5b", width=4)
    large, is_chinese = font(40)
    small, _is_chinese = font(24)
    lines = [row["title"], row["partner"], row["place"], "演示样本，不具有效力"]
    if not is_chinese:
        name, lines = "Proof", ["specimen"]
    draw.text((450, 130), name, fill="#222222", font=large, anchor="mm")
    for number, line in enumerate(lines):
        draw.text((450, 240 + 70 * number), line, fill="#444444", font=small, anchor="mm")
    return picture


def _mail(
    demo: Demonstration, row: Mapping[str, Any], firm: Firm, owner: Person, when: datetime
) -> Attachment:
    """The mail by which the institution filed it (S4-14)."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "filing@example.com", "operator@example.com"
    mail["Subject"], mail["Date"] = f"活动备案：{row['title']}", when
    mail.set_content(f"{firm.row['name']}\n{row['title']}\n{row['partner']}\n{row['summary']}\n")
    stream = BytesIO(mail.as_bytes())
    rule = storage.RULES["mail"]
    values = storage.store(demo.store, stream, "活动备案.eml", rule, owner.id, when)
    demo.keys.append(values["key"])
    stored: Attachment = demo.add(Attachment(**values))
    return stored
