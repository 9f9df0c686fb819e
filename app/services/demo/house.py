"""What the demonstration is written with: its people, their organizations, their files.

An area of the demonstration is a module beside this one with ``fill(demo)``.  What happened to a
row happened through the engine or a lifecycle, at a moment of the past.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from stdnum.cn import uscc

from app import agreements, clock, storage
from app.access import Actor
from app.choices import MAIN_ACCOUNT
from app.models import (
    Attachment,
    Consent,
    FlowTask,
    Membership,
    Organization,
    OrgRole,
    Person,
)
from app.storage import Store
from app.workflow import Workflow

PASSWORD = "Qifu#2026"  # noqa: S105 - printed at every start; production has no demo accounts
FOLDER = Path(__file__).parent.parent.parent / "reference_data" / "demo"
CODE_PREFIX = "91990101MA0Q"


@dataclass(frozen=True)
class Account:
    """An account that the start prints; without a role it is made with its organization."""

    username: str
    said: str
    role: str = ""
    person: str = ""
    mobile: str = ""
    authority: str = ""


def read(name: str) -> list[dict[str, Any]]:
    """The rows of a file of the demonstration, which holds one table of them."""
    (rows,) = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")).values()
    return list(rows)


ACCOUNTS = tuple(Account(**row) for row in read("accounts"))


def credit_code(code: str) -> str:
    """A credit code with a right check digit, invented from two digits."""
    body = f"{CODE_PREFIX}{code}".ljust(17, "8")
    return body + uscc.calc_check_digit(body)


@dataclass(frozen=True)
class Firm:
    """An enterprise or institution of the demonstration, with its main account."""

    row: Mapping[str, Any]
    user_id: int
    organization_id: int
    role: str

    @property
    def actor(self) -> Actor:
        """Its main account, at work for it."""
        roles = frozenset({self.role, MAIN_ACCOUNT})
        return Actor("member", self.user_id, roles, self.organization_id)


@dataclass
class Demonstration:
    """What the demonstration is being written with.

    ``institutions`` and ``enterprises`` are by the ``code`` of their rows.
    """

    session: Session
    engine: Workflow
    store: Store
    now: datetime
    keys: list[str]
    roles: dict[str, Role]
    password: str
    calendar: clock.Workdays
    staff: dict[str, list[Actor]] = field(default_factory=dict)
    bureaus: dict[int, Actor] = field(default_factory=dict)
    institutions: dict[str, Firm] = field(default_factory=dict)
    enterprises: dict[str, Firm] = field(default_factory=dict)

    @property
    def operators(self) -> list[Actor]:
        """The operators of the platform."""
        return self.staff["operator"]

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
            row["key"]: self.organization(
                industry="72", **{name: row[name] for name in row if name != "key"}
            )
            for row in read("authorities")
        }
        led: set[str] = set()
        for account in ACCOUNTS:
            if account.role not in self.roles:  # none, or one that the profile does without
                continue
            person = self.person(account.username, account.person, account.mobile, account.role)
            if account.authority:
                place = places[account.authority]
                self.join(person, place, is_main=account.authority not in led)
                led.add(account.authority)
                actor = Actor("staff", person.id, frozenset({account.role}), place.id)
                self.staff.setdefault(account.role, []).append(actor)
                if account.role == "bureau":
                    self.bureaus[place.id] = actor

    def person(self, username: str, name: str, mobile: str, role: str, days: int = 365) -> Person:
        """An account of so many days, that accepted the agreements."""
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

    def organization(
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
        """An organization of so many days, with its first role."""
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

    def join(self, person: Person, organization: Organization, *, is_main: bool = True) -> None:
        """Let a person act for an organization."""
        self.add(Membership(user_id=person.id, organization_id=organization.id, is_main=is_main))

    # --- cases and files --------------------------------------------------------------------

    def submitted(self, flow: str, subject: Any, sent: datetime) -> FlowTask:
        """Open and submit the case of a subject; its first task."""
        roles = frozenset({"enterprise_main", "institution_main", MAIN_ACCOUNT})
        me = Actor("member", subject.applicant_id, roles, subject.organization_id)
        desk = self.engine.desk(self.session, me, sent)
        case = desk.open(flow, subject, subject.organization_id)
        self.engine.desk(self.session, me, sent).submit(case.id)
        mine = select(FlowTask).where(FlowTask.case_id == case.id, FlowTask.state == "open")
        return self.session.scalars(mine).one()

    def two_days_after(self, sent: datetime) -> datetime:
        """When somebody decided on what was sent then: two working days later, or just now."""
        return min(self.calendar.deadline(sent, 2) - timedelta(hours=9), self.now)

    def picture(
        self,
        drawn: Image.Image,
        name: str,
        owner: Person,
        when: datetime,
        rule: str = "licence",
    ) -> Attachment:
        """Store a drawn picture as somebody's upload."""
        stream = BytesIO()
        drawn.save(stream, "PNG", compress_level=1)  # it is written anew when it is stored
        stream.seek(0)
        values = storage.store(
            self.store, stream, f"{name}.png", storage.RULES[rule], owner.id, when
        )
        self.keys.append(values["key"])
        stored: Attachment = self.add(Attachment(**values))
        return stored
