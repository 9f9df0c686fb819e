"""Certification of enterprises (企业认证): S2-3, S2-4; decided by the bureau of the region."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app import messages
from app.clock import local_day
from app.columns import Phrase
from app.errors import Problem
from app.flow import Act, Flow
from app.models import Certification
from app.services import formal, organizations


class EnterpriseCertification(Flow[Certification]):
    key, prefix, subject = "certification", "RZ", Certification
    title = _l("Enterprise certification")
    grants = True
    submitters = frozenset({"enterprise_main", "institution_main"})
    tells = {"returned": messages.ALL, "approved": messages.ALL}
    assignees = {"bureau": organizations.seats}

    def __init__(self, years: int) -> None:
        self.years = years

    def check(self, subject: Certification, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, then whose name and code it is: all faults at once."""
        found = formal.problems(subject, local_day(now))
        wrong = {problem.field for problem in found}
        return found + [p for p in _identity(subject, rows) if p.field not in wrong]

    def remarks(self, subject: Certification, rows: Connection, now: datetime) -> list[Phrase]:
        """Whether others share its phone or its legal representative."""
        own = subject.organization_id
        found: list[Phrase] = []
        if organizations.is_shared(rows, "contact_phone", subject.contact_phone, own):
            found.append(_l("Another organization has the same contact phone."))
        if organizations.is_shared(rows, "legal_person", subject.legal_person, own):
            found.append(_l("Another organization has a legal representative of this name."))
        return found

    def on_submitted(self, act: Act, subject: Certification) -> None:
        """To the bureau of the region; the organization is under review."""
        organizations.assign(act.rows, subject, subject.region_id)
        organizations.mark(act.rows, subject.organization_id, "in_review")

    def on_withdrawn(self, act: Act, subject: Certification) -> None:
        """As if never submitted."""
        organizations.mark(act.rows, subject.organization_id, "none")

    def on_returned(self, act: Act, subject: Certification) -> None:
        """Back to the applicant, who is told why."""
        organizations.mark(act.rows, subject.organization_id, "returned")
        _tell(act, subject, "cert.returned")

    def on_refused(self, act: Act, subject: Certification) -> None:
        """Not certified."""
        organizations.mark(act.rows, subject.organization_id, "refused")

    def on_approved(self, act: Act, subject: Certification) -> None:
        """Certified from now on: 用户管理 and the pages of business open."""
        organizations.certify_with(act.rows, subject.id, act.now, self.years)
        _tell(act, subject, "cert.approved")


def _identity(subject: Certification, rows: Connection) -> Iterator[Problem]:
    own = subject.organization_id or 0
    if organizations.is_authority(rows, own):
        text = _l("This is the code of an authority; only enterprises are certified.")
        yield Problem("credit_code", text)
    if subject.credit_code and organizations.is_ours_taken(
        rows, "credit_code", subject.credit_code, own
    ):
        text = _l("This credit code is another organization's, or is being applied for already.")
        yield Problem("credit_code", text)
    if subject.name and organizations.is_ours_taken(rows, "name", subject.name, own):
        text = _l("This name is another organization's, or is being applied for already.")
        yield Problem("name", text)
    if organizations.is_under_way(rows, Certification, own, subject.id):
        text = _l("Another application of yours is under way: wait for its result or withdraw it.")
        yield Problem("", text)


def _tell(act: Act, subject: Certification, occasion: str) -> None:
    """The organization's main account and whoever filed it, by every channel they want."""
    told = organizations.people_of(act.rows, subject.organization_id, subject.applicant_id)
    context = {"org": subject.name, "opinion": act.opinion, "number": act.case.number}
    key = f"{occasion}:{act.case.id}:{act.line}"
    messages.notify(act.session, occasion, told, context, key, act.now)
