"""Accreditation of institutions (服务机构入驻申请): S4-2, its result by e-mail S4-4."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app import messages
from app.clock import local_day
from app.errors import Problem
from app.flow import Act, Flow
from app.models import Accreditation
from app.services import association, formal, institutions, reference


class InstitutionAccreditation(Flow[Accreditation]):
    key, prefix, subject = "accreditation", "JG", Accreditation
    title = _l("Institution accreditation")
    grants = True
    submitters = frozenset({"enterprise_main", "institution_main", "ordinary"})
    # Its mail goes to the address in the form (S4-4).
    tells: ClassVar = dict.fromkeys(("returned", "approved", "refused"), ("email",))

    def __init__(self, years: int, certified_years: int, member_years: int) -> None:
        self.years, self.certified_years = years, certified_years
        self.member_years = member_years

    def check(self, subject: Accreditation, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, identity, services and certificates: all faults at once."""
        today = local_day(now)
        found = formal.problems(subject, today)
        wrong = {problem.field for problem in found}
        for problem in (
            *_identity(subject, rows),
            *_categories(subject, rows),
            *(
                Problem(
                    "qualifications",
                    _l("The certificate in row %(n)s has expired.", n=number),
                )
                for number, row in enumerate(subject.qualifications, 1)
                if row.valid_until and row.valid_until < today
            ),
        ):
            # A field that is blank or too long is told once; what is wrong across rows always.
            if problem.field not in wrong or problem.field == "qualifications":
                found.append(problem)
        return found

    def on_submitted(self, act: Act, subject: Accreditation) -> None:
        """The organization is under review."""
        institutions.mark_institution(act.rows, subject.organization_id, "in_review")

    def on_withdrawn(self, act: Act, subject: Accreditation) -> None:
        """As if never submitted."""
        institutions.mark_institution(act.rows, subject.organization_id, "none")

    def on_returned(self, act: Act, subject: Accreditation) -> None:
        """Back to the applicant, who is told by mail."""
        institutions.mark_institution(act.rows, subject.organization_id, "returned")
        _tell(act, subject, "returned")

    def on_refused(self, act: Act, subject: Accreditation) -> None:
        """No institution; the applicant is told by mail."""
        institutions.mark_institution(act.rows, subject.organization_id, "refused")
        _tell(act, subject, "refused")

    def on_approved(self, act: Act, subject: Accreditation) -> None:
        """An institution from now on; the applicant is told by mail."""
        organization_id = institutions.admit(
            act.rows, subject.id, act.now, self.years, self.certified_years
        )
        act.case.organization_id = organization_id
        association.adopt(act.rows, subject.id, organization_id, act.now, self.member_years)
        _tell(act, subject, "approved")


def _identity(subject: Accreditation, rows: Connection) -> list[Problem]:
    """Who applies: a valid credit code, nobody else's name or code, one application at a time."""
    claim = institutions.Claim(subject.id, subject.organization_id, subject.applicant_id)
    found = []
    code = institutions.normal_code(subject.credit_code or "")
    if code and institutions.is_taken(rows, "credit_code", code, claim):
        text = _l("This credit code is another organization's, or is being applied for already.")
        found.append(Problem("credit_code", text))
    if subject.name and institutions.is_name_taken(rows, subject.name, claim):
        text = _l("This name is another organization's, or is being applied for already.")
        found.append(Problem("name", text))
    if institutions.has_running_application(rows, claim):
        text = _l("Another application of yours is under way: wait for its result or withdraw it.")
        found.append(Problem("", text))
    return found


def _categories(subject: Accreditation, rows: Connection) -> list[Problem]:
    """Services that exist; those that need a licence need a certificate."""
    chosen = subject.service_categories or []
    words = reference.reference(rows, None)
    parents = {item.code: item.parent for item in words.items("service_category", "en")}
    with_groups = {*chosen, *(parents.get(code, "") for code in chosen)}
    found = []
    if set(chosen) - words.codes("service_category"):
        found.append(Problem("service_categories", _l("Choose services out of the list.")))
    if words.needs_licence("service_category", with_groups) and not subject.qualifications:
        text = _l("At least one of the chosen services requires a qualification certificate.")
        found.append(Problem("qualifications", text))
    return found


def _tell(act: Act, subject: Accreditation, result: str) -> None:
    """The result, to the address left in the form; its words are chosen when it is sent."""
    context = {
        "organization": subject.name,
        "result": result,
        "opinion": act.opinion,
        "number": act.case.number,
    }
    key = f"institution.result:{act.case.id}:{act.line}"
    messages.tell(act.session, "institution.result", subject.contact_email, context, key, act.now)
