"""Another main account for an organization (管理员变更申请), decided by the operator (F02)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app import messages
from app.errors import Problem
from app.flow import Act, Flow
from app.models import MainAccountChange
from app.services import people


class ChangeOfMainAccount(Flow[MainAccountChange]):
    key, prefix, subject = "main_account", "GL", MainAccountChange
    title = _l("Change of the main account")
    submitters = frozenset({"ordinary"})

    def check(self, subject: MainAccountChange, rows: Connection, now: datetime) -> list[Problem]:
        """A registered organization, an applicant without one, licence and letter."""
        return people.request_problems(rows, subject, now)

    def on_submitted(self, act: Act, subject: MainAccountChange) -> None:
        """The organization is named, so that the operator reads of whom it is."""
        people.name_organization(act.rows, subject)

    def on_approved(self, act: Act, subject: MainAccountChange) -> None:
        """The applicant leads from now on; both are told."""
        assert subject.organization_id is not None
        place, person = subject.organization_id, subject.applicant_id
        former = people.lead(act.rows, place, person, act.now)
        told = [subject.applicant_id] + ([former] if former else [])
        context = {"org": subject.organization_name, "actor": subject.real_name}
        key = f"account.main_changed:{act.case.id}:{act.line}"
        messages.notify(act.session, "account.main_changed", told, context, key, act.now)
