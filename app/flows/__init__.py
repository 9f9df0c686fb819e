"""The business flows, one module each; their routes are data of the deployment."""

from __future__ import annotations

from app.flows.accreditation import InstitutionAccreditation
from app.flows.certification import EnterpriseCertification
from app.flows.joining import Joining
from app.flows.main_account import ChangeOfMainAccount
from app.flows.organization_change import ChangeOfData
from app.profile import Profile
from app.services import reference
from app.workflow import Workflow


def workflow(profile: Profile) -> Workflow:
    """The workflow of an application that runs under ``profile``; one per application."""
    limits = profile.limits
    return Workflow(
        [
            InstitutionAccreditation(limits.accreditation_years, limits.certification_years),
            EnterpriseCertification(limits.certification_years),
            ChangeOfData(),
            Joining(),
            ChangeOfMainAccount(),
        ],
        workdays=lambda rows: reference.workdays(rows, None),
    )
