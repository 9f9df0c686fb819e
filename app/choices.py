"""The fixed choices: codes that code depends on, with their words and badge colours.

What staff may extend (industries, service categories …) is a dictionary, not a choice.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.columns import Choice, Choices

REGISTER_KINDS = Choices(
    (
        Choice("enterprise", _l("Enterprise user"), "i"),
        Choice("ordinary", _l("Ordinary user")),
    )
)

CERTIFICATION = Choices(
    (
        Choice("none", _l("Not certified")),
        Choice("in_review", _l("Under certification review"), "i"),
        Choice("certified", _l("Certified"), "s"),
        Choice("returned", _l("Certification returned"), "w"),
        Choice("refused", _l("Certification refused"), "d"),
    )
)

ORGANIZATION_ROLES = Choices(
    (
        Choice("enterprise", _l("Enterprise")),
        Choice("institution", _l("Institution")),
        Choice("operator", _l("Platform operator")),
    )
)

CASE_STATES = Choices(
    (
        Choice("draft", _l("Draft")),
        Choice("in_review", _l("Under review"), "i"),
        Choice("returned", _l("Returned"), "w"),
        Choice("approved", _l("Approved"), "s"),
        Choice("refused", _l("Refused"), "d"),
        Choice("withdrawn", _l("Withdrawn")),
    )
)

TASK_STATES = Choices(
    (
        Choice("waiting", _l("Not yet")),
        Choice("open", _l("To do"), "i"),
        Choice("done", _l("Done"), "s"),
        Choice("skipped", _l("Skipped")),
        Choice("void", _l("Void")),
    )
)

DECISIONS = Choices(
    (
        Choice("approve", _l("Approve"), "s"),
        Choice("return", _l("Return"), "w"),
        Choice("refuse", _l("Refuse"), "d"),
        Choice("submit", _l("Submit"), "i"),
    )
)

ACTIONS = Choices(
    (
        Choice("open", _l("Open the case")),
        Choice("submit", _l("Submit"), "i"),
        Choice("approve", _l("Approve"), "s"),
        Choice("return", _l("Return"), "w"),
        Choice("refuse", _l("Refuse"), "d"),
        Choice("withdraw", _l("Withdraw")),
    )
)

MEMBER_KINDS = Choices(
    (
        Choice("unit", _l("Member unit")),
        Choice("director", _l("Director unit")),
        Choice("standing", _l("Standing director unit")),
    )
)

DAY_KINDS = Choices(
    (
        Choice("off", _l("Holiday"), "w"),
        Choice("work", _l("Make-up working day"), "i"),
    )
)

MESSAGE_STATES = Choices(
    (
        Choice("waiting", _l("Waiting"), "i"),
        Choice("sending", _l("Being sent"), "i"),
        Choice("sent", _l("Sent"), "s"),
        Choice("dead", _l("Given up"), "d"),
    )
)
