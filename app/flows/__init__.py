"""The business flows, one module each; their routes are data of the deployment."""

from __future__ import annotations

from app.flows.accreditation import InstitutionAccreditation
from app.profile import Profile
from app.services import reference
from app.workflow import Workflow


def workflow(profile: Profile) -> Workflow:
    """The workflow of an application that runs under ``profile``; one per application."""
    return Workflow(
        [InstitutionAccreditation(profile.limits.accreditation_years)],
        workdays=lambda rows: reference.workdays(rows, None),
    )
