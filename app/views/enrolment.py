"""Registration that certifies (S0-5): one form, one transaction; a profile may want it, or not.

``register.certify`` of the profile is ``with_registration`` (here), ``later`` (a form of its own)
or ``none``: whoever registers is certified.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from flask import current_app, request
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import storage
from app.access import Actor
from app.columns import Phrase
from app.errors import DomainError, Incomplete, Problem
from app.extensions import csrf
from app.models import Attachment, Certification, Membership, Person
from app.services import formal, institutions
from app.views.base.forms import ModelForm, form_for
from app.views.base.inputs import Drawn, Rule, draw

COMPANY = ("name", "credit_code", "address", "industry", "contact_name")
FIELDS = (
    "legal_person", "founded_on", "registered_capital", "staff_count", "website", "intro",
    "contact_phone", "contact_email", "true_statement",
)  # fmt: skip
FILES: dict[str, tuple[Phrase, str, bool]] = {
    "licence_file": (_l("Business licence"), "licence", True),
    "authorisation": (_l("Letter of authorisation"), "seal", False),
}
"""Label, material rule, and whether it is required: nobody is signed in who could upload."""
ENVELOPE = 512 * 1024  # what a form adds to the files in it
CertificationForm = form_for(Certification, FIELDS)


def is_wanted(kind: str) -> bool:
    """Whether whoever registers under this tab certifies with it."""
    certify = current_app.extensions["profile"].register.certify
    return bool(kind == "enterprise" and certify == "with_registration")


def admit_body(kind: str) -> None:
    """Let the files through before the body is read, and check the form's token then."""
    if is_wanted(kind):
        rules = [storage.RULES[rule] for _label, rule, _required in FILES.values()]
        request.max_content_length = sum(rule.max_bytes for rule in rules) + ENVELOPE
    if current_app.config["WTF_CSRF_ENABLED"]:
        csrf.protect()


def missing_files() -> dict[str, list[str]]:
    """The required files that did not come."""
    return {
        name: [str(formal.REQUIRED)]
        for name, (_label, _rule, required) in FILES.items()
        if required and not _sent(name)
    }


def _sent(name: str) -> Any:
    found = request.files.get(name)
    return found if found is not None and found.filename else None


def section(form: ModelForm, faults: dict[str, list[str]]) -> dict[str, Any]:
    """The fields of the certification, its files among them."""
    fields = [draw(form, name, lambda _n: "") for name in FIELDS]
    fields[-1:-1] = [_drawn(name, faults.get(name, [])) for name in FILES]
    return {"key": "certification", "title": _("Enterprise certification"), "fields": fields}


def _drawn(name: str, errors: list[str]) -> Drawn:
    label, rule_name, required = FILES[name]
    rule = storage.RULES[rule_name]
    size = rule.max_bytes // (1024 * 1024)
    hint = _("%(formats)s, at most %(size)d MB", formats=rule.formats, size=size)
    return Drawn(
        name=name,
        id=name,
        label=label,
        kind="plain_file",
        hint=hint,
        required=required,
        errors=errors,
        rule=Rule(rule_name, rule.accept, rule.max_bytes, ""),
    )


@contextmanager
def submitted(
    session: Session, person: Person, company: ModelForm, form: ModelForm, now: datetime
) -> Iterator[None]:
    """Store the files and submit the case; the block commits, and what fails takes all back.

    :raises Incomplete: with everything that is wrong.
    """
    mine = Membership.user_id == person.id
    organization_id = session.scalars(select(Membership.organization_id).where(mine)).one()
    values = {name: company[name].data for name in COMPANY} | {n: form[n].data for n in FIELDS}
    values["credit_code"] = institutions.normal_code(values["credit_code"])
    with ExitStack() as stack:
        files = {
            f"{name}_id": _stored(stack, session, name, person.id, now)
            for name in FILES
            if _sent(name)
        }
        row = Certification(
            **values,
            **files,
            region_id=company["region"].data.id,
            applicant_id=person.id,
            organization_id=organization_id,
            created_at=now,
        )
        who = Actor("member", person.id, frozenset({"enterprise_main"}), organization_id)
        desk = current_app.extensions["workflow"].desk(session, who, now)
        desk.submit(desk.open("certification", row, organization_id).id)
        yield


def _stored(stack: ExitStack, session: Session, name: str, owner_id: int, now: datetime) -> int:
    sent, rule = _sent(name), storage.RULES[FILES[name][1]]
    place = current_app.extensions["store"]
    try:
        kept = storage.stored(place, sent.stream, sent.filename, rule, owner_id, now)
        attachment = Attachment(**stack.enter_context(kept))
    except DomainError as refusal:
        raise Incomplete([Problem(name, str(refusal))]) from None
    session.add(attachment)
    session.flush()
    return attachment.id


def certify_at_once(session: Session, person: Person, now: datetime) -> None:
    """Where nobody reviews (``none``), registering certifies."""
    profile = current_app.extensions["profile"]
    mine = Membership.user_id == person.id
    for organization_id in session.scalars(select(Membership.organization_id).where(mine)).all():
        years = profile.limits.certification_years
        institutions.certify(session.connection(), organization_id, now, years)
