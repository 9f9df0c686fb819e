"""Membership of the enterprise service association (入会申请): S4-2, S4-3; told by mail (S4-4)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app import messages
from app.clock import local_day
from app.errors import Problem
from app.flow import Act, Flow
from app.models import AssociationApplication
from app.services import association, formal


class MembershipOfTheAssociation(Flow[AssociationApplication]):
    key, prefix, subject = association.FLOW, "HY", AssociationApplication
    title = _l("Membership of the association")
    grants = True
    submitters = frozenset({"enterprise_main", "institution_main", "ordinary"})
    # Its mail goes to the address in the form (S4-4).
    tells: ClassVar = dict.fromkeys(("returned", "approved", "refused"), ("email",))

    def __init__(self, years: int) -> None:
        self.years = years

    def check(
        self, subject: AssociationApplication, rows: Connection, now: datetime
    ) -> list[Problem]:
        """Declared rules; one request at a time."""
        found = formal.problems(subject, local_day(now))
        whose = (subject.applicant_id, subject.organization_id)
        if association.is_asked(rows, *whose, but=subject.id):
            text = _l("Another request of yours is under way: wait for its result or withdraw it.")
            found.append(Problem("", text))
        return found

    def on_submitted(self, act: Act, subject: AssociationApplication) -> None:
        """The organization asks to become a member."""
        association.mark_applying(act.rows, subject.organization_id)

    def on_withdrawn(self, act: Act, subject: AssociationApplication) -> None:
        """As if never submitted."""
        association.unmark(act.rows, subject.organization_id)

    def on_returned(self, act: Act, subject: AssociationApplication) -> None:
        """Back to the applicant, who is told by mail; the entry goes on by itself."""
        association.unmark(act.rows, subject.organization_id)
        _tell(act, subject, "returned")

    def on_refused(self, act: Act, subject: AssociationApplication) -> None:
        """No member; the applicant is told by mail."""
        association.unmark(act.rows, subject.organization_id)
        _tell(act, subject, "refused")

    def on_approved(self, act: Act, subject: AssociationApplication) -> None:
        """A member from now on; the applicant is told by mail."""
        association.admit(act.rows, subject.id, act.now, self.years)
        _tell(act, subject, "approved")


def _tell(act: Act, subject: AssociationApplication, result: str) -> None:
    """The result, to the address left in the form; its words are chosen when it is sent."""
    context = {
        "organization": subject.name,
        "result": result,
        "opinion": act.opinion,
        "number": act.case.number,
    }
    key = f"membership.result:{act.case.id}:{act.line}"
    messages.tell(act.session, "membership.result", subject.contact_email, context, key, act.now)
