"""Activity filings (活动备案, S4-14): credits for the institution once the platform agrees."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from app.clock import local_day
from app.errors import Problem
from app.flow import Act, Flow
from app.models import Activity
from app.services import activities, formal


class ActivityFiling(Flow[Activity]):
    key, prefix, subject = "activity", "HD", Activity
    title = _l("Activity filing")
    grants = True
    submitters = frozenset({"institution_main"})

    def __init__(self, days: int) -> None:
        self.days = days

    def check(self, subject: Activity, rows: Connection, now: datetime) -> list[Problem]:
        """Declared rules, the time, and that nothing is filed twice: all faults at once."""
        found = formal.problems(subject, local_day(now))
        wrong = {problem.field for problem in found}
        for problem in (*self._time(subject, now), *activities.problems(rows, subject)):
            if problem.field not in wrong:
                found.append(problem)
        return found

    def _time(self, subject: Activity, now: datetime) -> list[Problem]:
        """It is over, and not for too long; what came by mail was in time when it came."""
        if subject.from_at is None or subject.to_at is None:
            return []
        if subject.to_at < subject.from_at:
            return [Problem("to_at", _l("The end lies before the beginning."))]
        if subject.to_at > now:
            return [Problem("to_at", _l("File the activity once it has taken place."))]
        late = subject.to_at < now - timedelta(days=self.days)
        if late and subject.filed_as == "online":
            text = _l("An activity is filed within %(days)s days after its end.", days=self.days)
            return [Problem("to_at", text)]
        return []

    def on_approved(self, act: Act, subject: Activity) -> None:
        """The institution gets its credits."""
        activities.credit(act.rows, subject.id, act.now)
