"""The review of a consultant (S4-7): his first profile, and every later change of it."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app.choices import SERVING
from app.clock import local_day
from app.columns import Phrase
from app.errors import DomainError, Problem
from app.flow import Act, Flow
from app.models import ConsultantReview
from app.services import consultants, formal


class ReviewOfConsultant(Flow[ConsultantReview]):
    key, prefix, subject = "consultant_review", "GW", ConsultantReview
    title = _l("Review of a consultant")
    grants = True
    submitters = frozenset({"ordinary", "consultant"})

    def check(self, subject: ConsultantReview, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, services of the institution, certificates that are still good."""
        today = local_day(now)
        found = formal.problems(subject, today)
        found += consultants.service_problems(rows, subject, subject.organization_id)
        for number, row in enumerate(subject.certificates, 1):
            if row.valid_until and row.valid_until < today:
                text = _l("The certificate in row %(n)s has expired.", n=number)
                found.append(Problem("certificates", text))
        return found

    def remarks(self, subject: ConsultantReview, rows: Connection, now: datetime) -> list[Phrase]:
        """A number that stands in the list of others, and whom the person served earlier."""
        found: list[Phrase] = [
            _l("This mobile number stands in the list of %(house)s too.", house=house)
            for house in consultants.elsewhere(rows, subject)
        ]
        if before := consultants.served_before(rows, subject):
            found.append(_l("Served earlier: %(houses)s.", houses="、".join(dict.fromkeys(before))))
        return found

    def on_submitted(self, act: Act, subject: ConsultantReview) -> None:
        """Under review; whoever is linked already stays so as he was."""
        state = consultants.state_of(act.rows, subject.consultant_id)
        if state not in SERVING:
            raise _ended()
        if state != "linked":
            consultants.LIFE.move(act.session, subject.consultant_id, "submit", act.now)

    def on_withdrawn(self, act: Act, subject: ConsultantReview) -> None:
        """To be completed, as before."""
        if _is_first(act, subject, "in_review", "returned"):
            consultants.LIFE.move(act.session, subject.consultant_id, "withdraw", act.now)

    def on_returned(self, act: Act, subject: ConsultantReview) -> None:
        """Back to the person."""
        if _is_first(act, subject, "in_review"):
            consultants.LIFE.move(
                act.session, subject.consultant_id, "return", act.now, opinion=act.opinion
            )

    def on_refused(self, act: Act, subject: ConsultantReview) -> None:
        """No link; the institution may invite again."""
        if _is_first(act, subject, "in_review"):
            consultants.refuse(act.session, subject.consultant_id, act.opinion, act.now)

    def on_approved(self, act: Act, subject: ConsultantReview) -> None:
        """The profile holds; whoever was not yet linked is from now on."""
        state = consultants.state_of(act.rows, subject.consultant_id)
        if state not in ("in_review", "linked"):
            raise _ended()
        consultants.take_over(act.rows, subject.id, subject.consultant_id)
        if state == "in_review":
            consultants.link(act.session, subject.consultant_id, subject.applicant_id, act.now)


def _is_first(act: Act, subject: ConsultantReview, *states: str) -> bool:
    """Whether the review is that of an engagement which has not begun."""
    return consultants.state_of(act.rows, subject.consultant_id) in states


def _ended() -> DomainError:
    return DomainError(
        _l("The institution has ended this engagement."),
        _l("Refuse the application; the institution may invite the consultant again."),
    )
