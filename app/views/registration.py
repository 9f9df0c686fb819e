"""Registration (S1-4, S0-5): an account, and for an enterprise its organization."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _, lazy_gettext as _l
from wtforms import PasswordField

from app import agreements, choices, clock, security
from app.columns import FieldInfo
from app.errors import Problem
from app.extensions import system_session
from app.models import Organization, Region
from app.services import parties
from app.views.base import Page
from app.views.base.forms import (
    Declared,
    Drawn,
    ModelForm,
    clean,
    draw,
    form_for,
    text_field,
)
from app.views.base.view import options_of, summary

SHORTEST = 2
COMPANY = ("name", "credit_code", "region", "address", "industry", "contact_name")


def _account_field(info: FieldInfo, *, password: bool = False) -> Any:
    rules: list[Any] = [Declared(None, info)]
    return PasswordField(info.label, rules) if password else text_field(info, rules, 0)


ACCOUNT = {
    "mobile": FieldInfo(_l("Mobile number"), kind="mobile", required=True,
                        hint=_l("Your account; a number that is not bound yet")),
    "username": FieldInfo(_l("User name"), hint=_l("Empty: the mobile number")),
    "real_name": FieldInfo(_l("Name"), required=True, hint=_l("Your real name")),
    "password": FieldInfo(_l("Password"), required=True, hint=_l(
        "At least 8 characters of three kinds: capitals, small letters, digits, signs")),
    "password_again": FieldInfo(_l("Repeat the password"), required=True),
    "email": FieldInfo(_l("E-mail"), kind="email"),
}  # fmt: skip
TABS = {
    "enterprise": ("mobile", "password", "password_again", "email", "username"),
    "ordinary": ("mobile", "username", "real_name", "password", "password_again", "email"),
}


def _account_form(names: tuple[str, ...]) -> type[ModelForm]:
    fields = {n: _account_field(ACCOUNT[n], password=n.startswith("password")) for n in names}
    infos = {name: ACCOUNT[name] for name in names}
    return type(
        "AccountForm", (ModelForm,), fields | {"model": None, "names": names, "infos": infos}
    )


FORMS = {kind: _account_form(names) for kind, names in TABS.items()}
CompanyForm = form_for(Organization, COMPANY)


class RegistrationView(Page):
    """``/register/``: two tabs, one page, nothing typed lost."""

    route_base = "/register"

    @expose("/", methods=["GET", "POST"])
    def register(self) -> Any:
        """The form; after success to the login page (S1-4)."""
        kind = request.args.get("kind", "")
        kind = kind if kind in TABS else choices.REGISTER_KINDS[0].code
        typed = request.form if request.method == "POST" else None
        account = FORMS[kind](typed)
        company = CompanyForm(typed) if kind == "enterprise" else None
        errors: dict[str, list[str]] = {}
        if request.method == "POST" and self._registered(account, company, errors):
            flash(_("You are registered. Log in now."), "success")
            return redirect(url_for("AccountView.login"))
        return self._page(kind, account, company, errors)

    @expose("/regions/")
    def regions(self) -> Any:
        """Regions for the remote select: reference data, open to everybody."""
        return jsonify(options_of(Region, request.args.get("q", "")))

    @expose("/companies/")
    def companies(self) -> Any:
        """Companies of our own table that wait for their account, to fill the form with."""
        phrase = clean(request.args.get("q", ""))[:64]
        if len(phrase) < SHORTEST:
            return jsonify([])
        with system_session() as session:
            found = parties.free_organizations(session, phrase)
            return jsonify([_suggestion(organization) for organization in found])

    @expose("/agreements/<document>/")
    def agreement(self, document: str) -> Any:
        """The present text of the user agreement or the privacy policy."""
        found = agreements.document(document) or abort(404)
        text = found.text()
        return render_template(
            "portal/document.html",
            title=text.title, version=found.version, paragraphs=text.paragraphs, sidebar="",
        )  # fmt: skip

    def _registered(
        self, account: ModelForm, company: ModelForm | None, errors: dict[str, list[str]]
    ) -> bool:
        profile = current_app.extensions["profile"]
        valid = account.validate()
        valid = (company is None or company.validate()) and valid
        asked = _asked(account, company)
        problems = list(_password_problems(account, profile.password, asked))
        if not request.form.get("accept_terms"):
            errors["accept_terms"] = [_("Read both agreements, then tick that you accept them.")]
        with system_session() as session:
            problems += parties.registration_problems(session, asked, profile.site.hotline)
        forms = [form for form in (account, company) if form is not None]
        for form in forms:
            form.add_problems(problems)
        if errors or not valid or any(form.is_faulty for form in forms):
            return False
        if not security.answers_captcha(request.form.get("captcha", ""), clock.now()):
            errors["captcha"] = [_("The picture code is wrong or too old. Type the new one.")]
            return False
        with system_session() as session:
            versions = {found.key: found.version for found in agreements.documents()}
            parties.register(session, asked, versions, clock.now())
            session.commit()
        return True

    def _page(
        self, kind: str, account: ModelForm, company: ModelForm | None, errors: dict[str, list[str]]
    ) -> Any:
        names = account.names
        fields = [_drawn(account, name) for name in names]
        sections = [{"key": "account", "title": _("Account"), "fields": fields}]
        if company is not None:
            fields = [draw(company, name, lambda _n: url_for(".regions")) for name in COMPANY]
            fields[0].suggestions = url_for(".companies")
            sections.append({"key": "company", "title": _("Enterprise"), "fields": fields})
        faults = [entry for section in sections for entry in summary(section["fields"])]
        named = {"captcha": _("Picture code"), "accept_terms": _("Agreements")}
        faults += [
            {"label": named[name], "text": text, "anchor": name}
            for name, texts in errors.items()
            for text in texts
        ]
        page = render_template(
            "register.html",
            kind=kind,
            kinds=[
                {"key": c.code, "label": c.label, "active": c.code == kind,
                 "url": url_for(".register", kind=c.code)}
                for c in choices.REGISTER_KINDS
            ],
            sections=sections,
            summary=faults,
            problem="",
            errors=errors,
            accepted=bool(request.form.get("accept_terms")),
            documents=[
                {"label": found.text().title, "url": url_for(".agreement", document=found.key)}
                for found in agreements.documents()
            ],
            sidebar="",
        )  # fmt: skip
        return page, 400 if request.method == "POST" else 200


def _suggestion(organization: Organization) -> dict[str, dict[str, str]]:
    names = ("name", "credit_code", "address", "industry")
    filled = {name: {"value": getattr(organization, name)} for name in names}
    region = {"value": str(organization.region_id), "text": str(organization.region)}
    return filled | {"region": region}


def _asked(account: ModelForm, company: ModelForm | None) -> parties.Registration:
    said = {name: account[name].data or "" for name in account.names}
    values = {}
    if company is not None:
        values = {name: company[name].data for name in COMPANY if name != "region"}
        region = company["region"].data
        values["region_id"] = region.id if region else None
    return parties.Registration(
        mobile=said["mobile"],
        password=said["password"],
        username=said["username"],
        real_name=said.get("real_name") or values.get("contact_name") or "",
        email=said["email"],
        organization=values,
    )


def _password_problems(account: ModelForm, rule: Any, asked: parties.Registration) -> Any:
    wrong = parties.password_problem(asked.password, rule, asked.username, asked.mobile)
    if asked.password and wrong:
        yield Problem("password", wrong)
    if account["password_again"].data != account["password"].data:
        yield Problem("password_again", _("The two passwords differ."))


def _drawn(form: ModelForm, name: str) -> Drawn:
    return draw(form, name, lambda _n: "")
