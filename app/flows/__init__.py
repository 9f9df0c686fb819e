"""The business flows, one module each; their routes are data of the deployment."""

from __future__ import annotations

from app.flows.accreditation import InstitutionAccreditation
from app.flows.activity import ActivityFiling
from app.flows.association import MembershipOfTheAssociation
from app.flows.certification import EnterpriseCertification
from app.flows.consultant import ReviewOfConsultant
from app.flows.filing import FilingReview
from app.flows.joining import Joining
from app.flows.main_account import ChangeOfMainAccount
from app.flows.organization_change import ChangeOfData
from app.flows.product import ProductListing
from app.profile import Profile
from app.services import reference
from app.workflow import Workflow


def workflow(profile: Profile) -> Workflow:
    """The workflow of an application that runs under ``profile``; one per application."""
    limits = profile.limits
    return Workflow(
        [
            InstitutionAccreditation(
                limits.accreditation_years,
                limits.certification_years,
                profile.association.member_years,
            ),
            MembershipOfTheAssociation(profile.association.member_years),
            EnterpriseCertification(limits.certification_years),
            ChangeOfData(),
            ActivityFiling(profile.scores.filing_days),
            FilingReview(profile.trade),
            Joining(),
            ReviewOfConsultant(),
            ChangeOfMainAccount(),
            ProductListing(profile.listings),
        ],
        workdays=lambda rows: reference.workdays(rows, None),
    )
