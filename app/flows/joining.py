"""A request to join an organization (申请加入), decided by its main account (F02)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app import messages, todos
from app.choices import MAIN_ACCOUNT
from app.errors import Problem
from app.flow import Act, Flow, Seat, organization_role
from app.models import JoinRequest
from app.services import people


class Joining(Flow[JoinRequest]):
    key, prefix, subject = "joining", "JR", JoinRequest
    title = _l("Request to join")
    submitters = frozenset({"ordinary"})
    assignees = {"main_account": organization_role(MAIN_ACCOUNT, of="organization_id")}
    fallback = "operator"

    def check(self, subject: JoinRequest, rows: Connection, now: datetime) -> list[Problem]:
        """A registered organization, an applicant without one, one request at a time."""
        return people.request_problems(rows, subject, now)

    def on_submitted(self, act: Act, subject: JoinRequest) -> None:
        """The organization is named; its main account, or else the operator, is asked."""
        people.name_organization(act.rows, subject)
        asked = todos.holders(
            act.rows, Seat(role=MAIN_ACCOUNT, organization_id=subject.organization_id)
        ) or todos.holders(act.rows, Seat(role=self.fallback))
        context = {
            "actor": subject.real_name,
            "org": subject.organization_name,
            "number": act.case.number,
        }
        key = f"account.join_asked:{act.case.id}:{act.line}"
        messages.notify(act.session, "account.join_asked", asked, context, key, act.now)

    def on_approved(self, act: Act, subject: JoinRequest) -> None:
        """A sub-account from now on."""
        assert subject.organization_id is not None
        people.enter(act.rows, subject.applicant_id, subject.organization_id, act.now)
