"""The demonstration (演示数据): invented accounts, institutions and announcements.

Applications go through the engine, at moments of the past: what is shown is what really
happened to a row.  Everything follows from the files in ``reference_data/demo`` and today.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stdnum.cn import uscc
from werkzeug.security import generate_password_hash

from app import agreements, clock, storage
from app.access import Actor
from app.models import (
    Accreditation,
    AccreditationCase,
    AccreditationQualification,
    Announcement,
    Attachment,
    Certification,
    Consent,
    Draft,
    FlowTask,
    Membership,
    Message,
    Organization,
    OrgRole,
    Person,
    Qualification,
)
from app.services import reference
from app.storage import Store
from app.workflow import Workflow

PROFILE = "demo"
PASSWORD = "Qifu#2026"  # noqa: S105 - printed at every start; production has no demo accounts
FLOW = "accreditation"
DRAFT_FORM = "accreditations-new"
FOLDER = Path(__file__).parent.parent / "reference_data" / "demo"
CODE_PREFIX = "91990101MA0Q"
COPIED = (
    *("name", "credit_code", "region_id", "address", "industry", "legal_person"),
    *("contact_name", "contact_phone"),
)
EXPIRES_IN = 45
"""Days that the certificate of the demonstration's enterprise is still valid."""
CITIES = ["990100", "990200"]
OPINION = "材料齐全，符合入驻要求，同意。"
CERTIFIED = "材料齐全，与营业执照一致，同意。"
NEWS_OF = timedelta(days=3)  # what is older than that was read
FONTS = ("NotoSansCJK-*.ttc", "SourceHanSans*.*tf", "wqy-*.ttc", "DroidSansFallback*.ttf")
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


@dataclass(frozen=True)
class Account:
    """An account that the start prints; without a role it is made with its organization."""

    username: str
    said: str
    role: str = ""
    person: str = ""
    mobile: str = ""
    authority: str = ""


def _read(name: str) -> list[dict[str, Any]]:
    (rows,) = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")).values()
    return list(rows)


ACCOUNTS = tuple(Account(**row) for row in _read("accounts"))


def credit_code(code: str) -> str:
    """A credit code with a right check digit, invented from two digits."""
    body = f"{CODE_PREFIX}{code}".ljust(17, "8")
    return body + uscc.calc_check_digit(body)


def fill(session: Session, engine: Workflow, store: Store, now: datetime, keys: list[str]) -> None:
    """Write the demonstration; ``keys`` takes the names of the files that are stored."""
    roles = {role.name: role for role in session.scalars(select(Role))}
    password = generate_password_hash(PASSWORD)
    calendar = reference.workdays(session, None)
    house = Demonstration(session, engine, store, now, keys, roles, password, calendar)
    house.open_house()
    for number, row in enumerate(_read("institutions")):
        house.add_institution(row, decider=house.operators[number % len(house.operators)])
    for row in _read("enterprises"):
        house.add_enterprise(row)
    for row in _read("announcements"):
        house.announce(row)
    # The mails of the past have long been read.
    session.execute(update(Message).values(state="sent", attempts=1, sent_at=Message.created_at))
    recent = now - NEWS_OF
    session.execute(
        update(Message).where(Message.created_at < recent).values(read_at=Message.created_at)
    )


@dataclass
class Demonstration:
    """What the demonstration is being written with."""

    session: Session
    engine: Workflow
    store: Store
    now: datetime
    keys: list[str]
    roles: dict[str, Role]
    password: str
    calendar: clock.Workdays
    operators: list[Actor] = field(default_factory=list)
    bureaus: dict[int, Actor] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day it is shown on."""
        return clock.local_day(self.now)

    def at(self, days: int, hour: int) -> datetime:
        """An hour of the day so many days ago, but never later than now."""
        moment = clock.start_of(self.today - timedelta(days=days)) + timedelta(hours=hour)
        return min(moment, self.now - timedelta(minutes=1))

    def add(self, row: Any) -> Any:
        """Store a row."""
        self.session.add(row)
        self.session.flush()
        return row

    # --- people ---------------------------------------------------------------------------

    def open_house(self) -> None:
        """The authorities with their staff, and an ordinary user."""
        places = {
            row["key"]: self._organization(
                industry="72", **{name: row[name] for name in row if name != "key"}
            )
            for row in _read("authorities")
        }
        led: set[str] = set()
        for account in ACCOUNTS:
            if not account.role:
                continue
            person = self._person(account.username, account.person, account.mobile, account.role)
            if account.authority:
                place = places[account.authority]
                self._join(person, place, is_main=account.authority not in led)
                led.add(account.authority)
                actor = Actor("staff", person.id, frozenset({account.role}), place.id)
                if account.role == "operator":
                    self.operators.append(actor)
                elif account.role == "bureau":
                    self.bureaus[place.id] = actor

    def _person(self, username: str, name: str, mobile: str, role: str, days: int = 365) -> Person:
        joined = self.at(days, 9)
        person: Person = self.add(
            Person(
                username=username,
                first_name="",
                last_name=name,
                mobile=mobile,
                email=f"{username}@example.com",
                password=self.password,
                password_set_at=self.now,
                active=True,
                register_kind={"enterprise_main": "enterprise"}.get(role, "ordinary"),
                roles=[self.roles[role]],
                created_on=joined.replace(tzinfo=None),
                changed_on=joined.replace(tzinfo=None),
            )
        )
        self.session.add_all(
            Consent(
                user_id=person.id,
                document=document.key,
                version=document.version,
                accepted_at=joined,
            )
            for document in agreements.documents()
        )
        return person

    def _organization(
        self,
        *,
        name: str,
        code: str,
        address: str,
        industry: str,
        person: str,
        mobile: str,
        role: str,
        region: int = 990101,
        days: int = 365,
        **more: Any,
    ) -> Organization:
        organization: Organization = self.add(
            Organization(
                name=name,
                credit_code=credit_code(code),
                region_id=region,
                address=address,
                industry=industry,
                contact_name=person,
                contact_phone=mobile,
                created_at=self.at(days, 9),
                **more,
            )
        )
        since = clock.local_day(organization.created_at)
        self.add(OrgRole(organization_id=organization.id, role=role, valid_from=since))
        return organization

    def _join(self, person: Person, organization: Organization, *, is_main: bool = True) -> None:
        self.add(Membership(user_id=person.id, organization_id=organization.id, is_main=is_main))

    # --- institutions ---------------------------------------------------------------------

    def add_institution(self, row: dict[str, Any], decider: Actor) -> None:
        """An enterprise with its account, and how far its application has come."""
        person, organization = self._enterprise(row)
        if row["state"] == "draft":
            self._keep_draft(row, person, organization)
            return
        sent = self.at(row["days"], 10)
        task = self._submitted(FLOW, self._application(row, person, organization, sent), sent)
        decided = self._two_days_after(sent)
        if row["state"] == "certified":
            self.engine.desk(self.session, decider, decided).approve(task.id, OPINION)
        elif row["state"] == "returned":
            self.engine.desk(self.session, decider, decided).send_back(task.id, row["opinion"])

    def add_enterprise(self, row: dict[str, Any]) -> None:
        """An enterprise with its account, and how far its certification has come."""
        person, organization = self._enterprise(row)
        sent = self.at(row["days"], 10)
        request = self._certification(row, person, organization, sent)
        task = self._submitted("certification", request, sent)
        desk = self.engine.desk(
            self.session, self.bureaus[task.organization_id or 0], self._two_days_after(sent)
        )
        if row["state"] == "certified":
            desk.approve(task.id, CERTIFIED)
        elif row["state"] == "returned":
            desk.send_back(task.id, row["opinion"])
        if "certificate" in row:
            scan = self._store(
                _card(row["certificate"], row, organization), "资质证书", person, sent
            )
            until = self.today + timedelta(days=EXPIRES_IN)
            number = f"GQ{row['founded']}{row['code']}{row['staff']}"
            values = {"name": row["certificate"], "number": number, "valid_until": until}
            self.add(Qualification(organization_id=organization.id, proof_id=scan.id, **values))

    def _certification(
        self, row: dict[str, Any], person: Person, organization: Organization, sent: datetime
    ) -> Certification:
        licence = self._store(_card("营业执照", row, organization), "营业执照", person, sent)
        o = organization
        return Certification(
            applicant_id=person.id,
            organization_id=o.id,
            **{name: getattr(o, name) for name in COPIED},
            founded_on=date(row["founded"], 1 + int(row["code"]) % 12, 18),
            registered_capital=row["capital"] * 10_000 * 100,
            staff_count=row["staff"],
            website=row.get("website", "无"),
            intro=row["intro"],
            contact_email=f"contact{row['code']}@example.com",
            licence_file_id=licence.id,
            true_statement=True,
            created_at=sent,
        )

    def _submitted(self, flow: str, subject: Any, sent: datetime) -> FlowTask:
        """Open and submit the case of a subject; its first task."""
        me = Actor(
            "member",
            subject.applicant_id,
            frozenset({"enterprise_main"}),
            subject.organization_id,
        )
        desk = self.engine.desk(self.session, me, sent)
        case = desk.open(flow, subject, subject.organization_id)
        self.engine.desk(self.session, me, sent).submit(case.id)
        mine = select(FlowTask).where(FlowTask.case_id == case.id, FlowTask.state == "open")
        return self.session.scalars(mine).one()

    def _two_days_after(self, sent: datetime) -> datetime:
        return min(self.calendar.deadline(sent, 2) - timedelta(hours=9), self.now)

    def _enterprise(self, row: dict[str, Any]) -> tuple[Person, Organization]:
        """An account of so many days, and its organization."""
        mobile = f"120000001{row['code']}"
        username = row.get("username", mobile)
        person = self._person(username, row["person"], mobile, "enterprise_main", row["days"] + 5)
        organization = self._organization(
            name=row["name"],
            code=row["code"],
            region=row["region"],
            address=row["address"],
            industry=row["industry"],
            person=row["person"],
            mobile=mobile,
            days=row["days"] + 5,
            role="enterprise",
            legal_person=row["legal_person"],
        )
        self._join(person, organization)
        for colleague in row.get("colleague", ()):
            self._add_colleague(colleague, organization, row["days"])
        return person, organization

    def _add_colleague(self, row: dict[str, Any], organization: Organization, days: int) -> None:
        """A sub-account with the rights that the main account left to it (S0-37)."""
        person = self._person(row["username"], row["person"], row["mobile"], "sub_account", days)
        person.register_kind = "sub_account"
        place = {"user_id": person.id, "organization_id": organization.id, "is_main": False}
        self.add(Membership(**place, rights=row["rights"]))

    def _application(
        self, row: dict[str, Any], person: Person, organization: Organization, sent: datetime
    ) -> Accreditation:
        mobile = str(person.mobile)
        proofs = []
        if "certificate" in row:
            scan = self._store(
                _card(row["certificate"], row, organization), "资质证书", person, sent
            )
            proofs.append(
                AccreditationQualification(
                    name=row["certificate"],
                    number=f"QY{row['founded']}{row['code']}0{row['staff']}",
                    valid_until=self.today + timedelta(days=700 + row["staff"]),
                    proof_id=scan.id,
                )
            )
        logo = self._store(_logo(row), "机构标识", person, sent, "logo")
        licence = self._store(_card("营业执照", row, organization), "营业执照", person, sent)
        application = Accreditation(
            applicant_id=person.id,
            organization_id=organization.id,
            name=organization.name,
            credit_code=organization.credit_code,
            region_id=organization.region_id,
            address=organization.address,
            industry=organization.industry,
            legal_person=row["legal_person"],
            founded_on=date(row["founded"], 1 + int(row["code"]) % 12, 18),
            registered_capital=row["capital"] * 10_000 * 100,
            staff_count=row["staff"],
            website=None,
            short_name=row["short_name"],
            institution_kind=row["kind"],
            service_categories=row["categories"],
            service_area=CITIES[: 1 + row["staff"] % 2],
            intro=row["intro"],
            advantages=row["advantages"],
            team_size=row["team"],
            contact_name=row["person"],
            contact_title="项目负责人",
            contact_mobile=mobile,
            contact_email=f"contact{row['code']}@example.com",
            service_tel=mobile,
            true_statement=True,
            logo_id=logo.id,
            licence_file_id=licence.id,
            created_at=sent,
            qualifications=proofs,
            cases=[
                AccreditationCase(
                    client=row["client"], content=row["case"], year=self.today.year - 1
                )
            ],
        )
        self.add(application)
        return application

    def _keep_draft(self, row: dict[str, Any], person: Person, organization: Organization) -> None:
        """Half of the form, as its owner left it."""
        typed = {
            "name": organization.name,
            "credit_code": organization.credit_code,
            "region": str(organization.region_id),
            "address": organization.address,
            "industry": organization.industry,
            "legal_person": row["legal_person"],
            "short_name": row["short_name"],
            "institution_kind": row["kind"],
            "service_categories": row["categories"],
            "intro": row["intro"],
            "contact_name": row["person"],
            "contact_mobile": str(person.mobile),
        }
        entries = [
            [name, value]
            for name, values in typed.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        saved = self.at(row["days"], 16)
        self.add(Draft(user_id=person.id, form=DRAFT_FORM, entries=entries, saved_at=saved))

    def _store(
        self,
        picture: Image.Image,
        name: str,
        owner: Person,
        when: datetime,
        rule: str = "licence",
    ) -> Attachment:
        stream = BytesIO()
        picture.save(stream, "PNG")
        stream.seek(0)
        values = storage.store(
            self.store, stream, f"{name}.png", storage.RULES[rule], owner.id, when
        )
        self.keys.append(values["key"])
        stored: Attachment = self.add(Attachment(**values))
        return stored

    # --- announcements --------------------------------------------------------------------

    def announce(self, row: dict[str, Any]) -> None:
        """An announcement of so many days ago."""
        published = self.at(row["days"], 9)
        until = row.get("expires")
        self.add(
            Announcement(
                title=row["title"],
                body=row["body"].strip(),
                publish_at=published,
                expire_at=published + timedelta(days=until) if until else None,
            )
        )


# --- pictures -----------------------------------------------------------------------------


def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font that can show Chinese, if this machine has one; whether it can."""
    path = _chinese_font()
    return (ImageFont.truetype(path, size), True) if path else (ImageFont.load_default(size), False)


@cache
def _chinese_font() -> str:
    """The path of the first font that is known to show Chinese; empty without one."""
    found = (
        path
        for folder in FONT_FOLDERS
        for pattern in FONTS
        for path in sorted(folder.rglob(pattern))
    )
    return str(next(found, ""))


def _logo(row: dict[str, Any]) -> Image.Image:
    """Two colours running into each other, and the first character of the name."""
    size = (320, 320)
    first, second = (Image.new("RGB", size, color) for color in row["colors"])
    slope = Image.linear_gradient("L").rotate(45).crop((37, 37, 219, 219)).resize(size)
    picture = Image.composite(second, first, slope)
    font, is_chinese = _font(176)
    text = row["short_name"][0] if is_chinese else row["code"]
    ImageDraw.Draw(picture).text((160, 160), text, fill="white", font=font, anchor="mm")
    return picture


def _card(title: str, row: dict[str, Any], organization: Organization) -> Image.Image:
    """A plain card that says what it stands for, and that it is a specimen."""
    picture = Image.new("RGB", (900, 620), "#fdfbf5")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((24, 24, 875, 595), outline=row["colors"][0], width=4)
    large, is_chinese = _font(44)
    small, _ = _font(26)
    lines = [organization.name, row["legal_person"], organization.address, "演示样本，不具有效力"]
    if not is_chinese:
        title, lines = f"No. {row['code']}", ["specimen"]
    draw.text((450, 120), title, fill="#222222", font=large, anchor="mm")
    for number, line in enumerate([organization.credit_code, *lines]):
        draw.text((450, 220 + 70 * number), line, fill="#444444", font=small, anchor="mm")
    return picture
