"""Change of certified data (信息变更, S1-7): the old data stays valid until it is approved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app.clock import local_day
from app.errors import Problem
from app.flow import Act, Flow
from app.models import OrganizationChange
from app.services import formal, organizations


class ChangeOfData(Flow[OrganizationChange]):
    key, prefix, subject = "organization_change", "BG", OrganizationChange
    title = _l("Change of data")
    grants = True
    submitters = frozenset({"enterprise_main", "institution_main"})
    assignees = {"bureau": organizations.seats}

    def check(self, subject: OrganizationChange, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, something that differs, a proof where one is due, nobody else's name."""
        found = formal.problems(subject, local_day(now))
        wrong = {problem.field for problem in found}
        before = organizations.stored(rows, subject.organization_id)
        changed = organizations.difference(before, organizations.proposed(subject))
        return found + [p for p in _faults(subject, rows, changed) if p.field not in wrong]

    def on_submitted(self, act: Act, subject: OrganizationChange) -> None:
        """To the bureau of the region where the organization is now."""
        here = organizations.stored(act.rows, subject.organization_id)["region_id"]
        organizations.assign(act.rows, subject, here)
        organizations.begin_change(act.rows, subject)

    def on_withdrawn(self, act: Act, subject: OrganizationChange) -> None:
        """As if never submitted."""
        organizations.end_change(act.rows, subject.organization_id, act.now)

    def on_refused(self, act: Act, subject: OrganizationChange) -> None:
        """The old data stays."""
        organizations.end_change(act.rows, subject.organization_id, act.now)

    def on_approved(self, act: Act, subject: OrganizationChange) -> None:
        """The new data holds from now on."""
        organizations.apply_change(act.rows, subject.id, act.now)


def _faults(subject: OrganizationChange, rows: Connection, changed: list[str]) -> Iterator[Problem]:
    own = subject.organization_id
    if not changed:
        yield Problem("reason", _l("Nothing differs from the present data: change a field first."))
    if organizations.PROVED & set(changed) and not subject.proofs:
        text = _l("Add the notice of the registration office, or the new business licence.")
        yield Problem("proofs", text)
    for column, value, text in (
        ("credit_code", subject.credit_code, _l("This credit code is another organization's.")),
        ("name", subject.name, _l("This name is another organization's.")),
    ):
        if value and organizations.is_ours_taken(rows, column, value, own):
            yield Problem(column, text)
    if organizations.is_under_way(rows, OrganizationChange, own, subject.id):
        text = _l("Another change is under way: wait for its result or withdraw it.")
        yield Problem("", text)
