"""Refusals: what a person can cause and can mend.

Every refusal says what is wrong (``problem``) and what to do about it (``remedy``), in the
reader's language.  Anything else that is raised is a bug and ends as a logged error.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext as _l

Phrase = LazyString | str
"""Words to show: translated when shown, in the reader's language."""


@dataclass(frozen=True)
class Problem:
    """One fault of a form, naming the field it belongs to (formal pre-check)."""

    field: str
    text: Phrase


class DomainError(Exception):
    """Something the rules refuse; the transaction is rolled back and the person told."""

    problem: Phrase = _l("The request cannot be carried out.")
    remedy: Phrase = ""

    def __init__(self, problem: Phrase = "", remedy: Phrase = "") -> None:
        self.problem = problem or self.problem
        self.remedy = remedy or self.remedy
        super().__init__()

    def __str__(self) -> str:
        """Both sentences, as a page shows them."""
        return f"{self.problem} {self.remedy}".strip()


class NoLongerOpen(DomainError):
    """Somebody was faster, or the case has moved on."""

    problem = _l("This step is no longer open.")
    remedy = _l("Reload the page to see the present state.")


class NotYours(DomainError):
    """The task waits for somebody else."""

    problem = _l("This step is waiting for somebody else.")
    remedy = _l("The log shows who is to act next.")


class OwnApplication(DomainError):
    """Nobody decides on their own application."""

    problem = _l("You cannot decide on your own application.")
    remedy = _l("Ask another person in charge to decide.")


class OpinionRequired(DomainError):
    """Returns and refusals must be explained."""

    problem = _l("An opinion is required for this decision.")
    remedy = _l("Say what has to be changed, then try again.")


class Incomplete(DomainError):
    """The formal pre-check failed; carries all problems at once."""

    problem = _l("The application is not complete yet.")
    remedy = _l("Correct the marked fields, then submit again.")

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__()
