"""Registration (S1-4, S0-5): an account, and for an enterprise its organization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _, lazy_gettext as _l
from wtforms import PasswordField

from app import access, choices, clock, login
from app.columns import FieldInfo, Phrase
from app.errors import Incomplete, Problem
from app.extensions import csrf, db, system_session
from app.models import Organization, Region
from app.services import consents, parties, passwords
from app.views import enrolment
from app.views.base import Page
from app.views.base.fields import text_field
from app.views.base.forms import Declared, ModelForm, form_for
from app.views.base.inputs import Drawn, draw
from app.views.base.sheet import sheet_form
from app.views.base.typed import clean
from app.views.base.view import options_of, summary

SHORTEST = 2
COMPANY = ("name", "credit_code", "region", "address", "industry", "contact_name")
IN_PARK = "in_park"


def _account_field(info: FieldInfo, *, password: bool = False) -> Any:
    rules: list[Any] = [Declared(None, info)]
    return PasswordField(info.label, rules) if password else text_field(info, rules, 0)


ACCOUNT = {
    "mobile": FieldInfo(_l("Mobile number"), kind="mobile", required=True,
                        hint=_l("Your account; a number that is not bound yet")),
    "username": FieldInfo(_l("User name"), hint=_l("Empty: the mobile number")),
    "real_name": FieldInfo(_l("Name"), required=True, hint=_l("Your real name"), maximum=30),
    "password": FieldInfo(_l("Password"), required=True, hint=_l(
        "At least 8 characters of three kinds: capitals, small letters, digits, signs")),
    "password_again": FieldInfo(_l("Repeat the password"), required=True),
    "email": FieldInfo(_l("E-mail"), kind="email", maximum=120),
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


REQUESTS: Mapping[str, tuple[Phrase, str]] = {
    "join": (_l("Ask to join"), "JoinRequestView.add"),
    "lead": (_l("Request a change of the main account"), "MainAccountChangeView.add"),
}
FORMS = {kind: _account_form(names) for kind, names in TABS.items()}
CompanyForm = form_for(Organization, COMPANY)
ASKED_IN_PARK = {
    IN_PARK: FieldInfo(
        _l("Registered in the park"), choices=choices.IN_PARK, required=True,
        hint=_l("Enterprises outside the park register as ordinary users"),
    ),
}  # fmt: skip


def _park_form() -> type[ModelForm]:
    """The company, and whether it lies in the park: required where it is asked."""
    asked = sheet_form(ASKED_IN_PARK)
    known = {"names": (*COMPANY, IN_PARK), "infos": CompanyForm.infos | ASKED_IN_PARK}
    return type("ParkForm", (CompanyForm,), {IN_PARK: getattr(asked, IN_PARK), **known})


ParkForm = _park_form()


@dataclass(frozen=True)
class Typed:
    """What was typed: the account, and for an enterprise its company and its certification."""

    account: ModelForm
    company: ModelForm | None = None
    certified: ModelForm | None = None

    @property
    def forms(self) -> list[ModelForm]:
        """Those that there are."""
        return [f for f in (self.account, self.company, self.certified) if f is not None]

    def add_problems(self, problems: Sequence[Problem]) -> None:
        """Each shown at its field, in whichever form that is."""
        for form in self.forms:
            form.add_problems(problems)


class RegistrationView(Page):
    """``/register/``: two tabs, one page, nothing typed lost."""

    route_base = "/register"

    @expose("/", methods=["GET", "POST"])
    def register(self) -> Any:
        """The form; after success to the login page (S1-4)."""
        kind = request.args.get("kind", "")
        kind = kind if kind in TABS else choices.REGISTER_KINDS[0].code
        if request.method == "POST":
            enrolment.admit_body(kind)
        typed = request.form if request.method == "POST" else None
        if "carry" in request.form:  # from the page that said: registered already
            account = FORMS["ordinary"](None, data=_carried(request.form))
            return self._page("ordinary", Typed(account), {})
        account = FORMS[kind](typed)
        company = _company_form()(typed) if kind == "enterprise" else None
        certified = enrolment.CertificationForm(typed) if enrolment.is_wanted(kind) else None
        forms = Typed(account, company, certified)
        errors: dict[str, list[str]] = {}
        if request.method == "POST" and self._registered(forms, errors):
            flash(_("You are registered. Log in now."), "success")
            after = _request_url() if kind == "ordinary" else None
            return redirect(url_for("AccountView.login", next=after))
        return self._page(kind, forms, errors)

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
    @expose("/agreements/<document>/<version>/")
    def agreement(self, document: str, version: str | None = None) -> Any:
        """The text of the user agreement or the privacy policy: in force, or as it was once."""
        if document not in choices.AGREEMENTS.codes():
            abort(404)
        if version is not None and not consents.VERSION.fullmatch(version):
            abort(404)
        found = consents.published(db.session(), document, version) or abort(404)
        text = consents.text_of(found)
        return render_template(
            "portal/document.html",
            title=text.title, version=found.number, paragraphs=text.paragraphs, sidebar="",
        )  # fmt: skip

    def _registered(self, typed: Typed, errors: dict[str, list[str]]) -> bool:
        profile, account = current_app.extensions["profile"], typed.account
        valid = [form.validate() for form in typed.forms]
        asked = _asked(account, typed.company)
        if typed.certified is not None:
            errors |= enrolment.missing_files()
        if not request.form.get("accept_terms"):
            errors["accept_terms"] = [_("Read both agreements, then tick that you accept them.")]
        with system_session() as session:
            rows = session.connection()
            problems = list(_password_problems(rows, account, profile.password, asked))
        typed.add_problems([*problems, *_park_problems(typed.company)])
        if errors or not all(valid) or any(form.is_faulty for form in typed.forms):
            return False
        if not login.answers_captcha(request.form.get("captcha", ""), clock.now()):
            errors["captcha"] = [_("The picture code is wrong or too old. Type the new one.")]
            return False
        with system_session() as session:  # what is taken costs a picture for every question
            problems = parties.registration_problems(session, asked, profile.site.hotline)
        if problems:
            typed.add_problems(problems)
            errors["captcha"] = [_("The picture is used up. Type the code of the new one as well.")]
            return False
        try:
            self._register(typed, asked)
        except Incomplete as refusal:
            typed.add_problems(refusal.problems)
            told = {problem.field: [str(problem.text)] for problem in refusal.problems}
            errors |= {name: told[name] for name in enrolment.FILES if name in told}
            return False
        return True

    def _register(self, typed: Typed, asked: parties.Registration) -> None:
        """Account, organization and, where the profile says so, certification: all or nothing."""
        certify, now = current_app.extensions["profile"].register.certify, clock.now()
        with system_session() as session:
            person = parties.register(session, asked, consents.versions(session), now)
            if typed.certified is not None and typed.company is not None:
                with enrolment.submitted(session, person, typed.company, typed.certified, now):
                    session.commit()
                return
            if certify == "none":
                enrolment.certify_at_once(session, person, now)
            session.commit()

    def _page(self, kind: str, typed: Typed, errors: dict[str, list[str]]) -> Any:
        account, company = typed.account, typed.company
        names = account.names
        fields = [_drawn(account, name) for name in names]
        sections = [{"key": "account", "title": _("Account"), "fields": fields}]
        if company is not None:
            fields = [draw(company, name, lambda _n: url_for(".regions")) for name in company.names]
            fields[0].suggestions = url_for(".companies")
            sections.append({"key": "company", "title": _("Enterprise"), "fields": fields})
        if typed.certified is not None:
            sections.append(enrolment.section(typed.certified, errors))
        faults = [entry for section in sections for entry in summary(section["fields"])]
        named = {"captcha": _("Picture code"), "accept_terms": _("Agreements")}
        faults += [
            {"label": named[name], "text": text, "anchor": name}
            for name, texts in errors.items()
            if name in named  # the files tell theirs themselves
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
            with_files=typed.certified is not None,
            summary=faults,
            problem="",
            errors=errors,
            accepted=bool(request.form.get("accept_terms")),
            registered=_registered_already(company),
            outside=_way_outside(company),
            wanted=_asked_for(),
            documents=[
                {"label": consents.text_of(found).title,
                 "url": url_for(".agreement", document=found.document)}
                for found in db.session.scalars(consents.in_force())
            ],
            sidebar="",
        )  # fmt: skip
        checked = request.method == "POST" and "carry" not in request.form
        return page, 400 if checked else 200


# --- enterprises outside the park (S4-1) --------------------------------------------------------


def _is_park() -> bool:
    return bool(current_app.extensions["profile"].register.rule == "park")


def _company_form() -> type[ModelForm]:
    return ParkForm if _is_park() else CompanyForm


def _park_problems(company: ModelForm | None) -> Iterable[Problem]:
    """Outside the park one registers as an ordinary user."""
    if company is None or not _is_park():
        return
    if company[IN_PARK].data == "no":
        text = _("Enterprises outside the park register as ordinary users.")
        yield Problem(IN_PARK, text)
        return
    region, inside = company["region"].data, current_app.extensions["profile"].register.park_regions
    if region is not None and inside and region.id not in inside:
        text = _(
            "This region lies outside the park. Enterprises outside the park register as "
            "ordinary users."
        )
        yield Problem("region", text)


def _way_outside(company: ModelForm | None) -> str | None:
    """Where what was typed is kept for the registration as an ordinary user."""
    if request.method != "POST" or not any(_park_problems(company)):
        return None
    return url_for(".register", kind="ordinary")


# --- a company that is registered already (F02) -----------------------------------------------


def _registered_already(company: ModelForm | None) -> dict[str, Any] | None:
    """Whom to turn to, and the two requests; both keep what was typed."""
    if company is None or not company["credit_code"].errors:
        return None
    code = company["credit_code"].data or ""
    with system_session() as session:
        phone = parties.registered_by(session, code)
    if phone is None:
        return None
    buttons = [
        {"label": label, "url": _way_to(then, code)} for then, (label, _view) in REQUESTS.items()
    ]
    return {"phone": phone, "buttons": buttons, "carry": access.actor().kind == "anonymous"}


def _way_to(then: str, code: str) -> str:
    """Who is signed in goes to the form; anybody else needs an account of his own first."""
    if access.actor().kind == "anonymous":
        return url_for(".register", kind="ordinary", then=then, code=code)
    return url_for(REQUESTS[then][1], code=code)


def _request_url() -> str | None:
    """The form that a person who registers wants to fill in next."""
    then = request.args.get("then", "")
    if then not in REQUESTS:
        return None
    return url_for(REQUESTS[then][1], code=clean(request.args.get("code", ""))[:18])


def _asked_for() -> dict[str, Any] | None:
    url = _request_url()
    if url is None:
        return None
    label = REQUESTS[request.args["then"]][0]
    return {"label": label, "login_url": url_for("AccountView.login", next=url)}


def _carried(typed: Mapping[str, str]) -> dict[str, str]:
    """What both tabs ask for; never a password."""
    names = {name: name for name in ("mobile", "username", "email")} | {"real_name": "contact_name"}
    return {name: clean(typed.get(source, ""))[:120] for name, source in names.items()}


def _suggestion(organization: Organization) -> dict[str, dict[str, str]]:
    names = ("name", "credit_code", "address", "industry")
    filled = {name: {"value": getattr(organization, name)} for name in names}
    region = {"value": str(organization.region_id), "text": str(organization.region)}
    return filled | {"region": region}


def _asked(account: ModelForm, company: ModelForm | None) -> parties.Registration:
    said = {name: account[name].data or "" for name in account.names}
    values = {}
    if company is not None:
        values = {name: company[name].data for name in company.names if name != "region"}
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


def _password_problems(
    rows: Any, account: ModelForm, rule: Any, asked: parties.Registration
) -> Any:
    names = (asked.username, asked.mobile)
    wrong = passwords.problem(rows, rule, None, asked.password, *names)
    if asked.password and wrong:
        yield Problem("password", wrong)
    if account["password_again"].data != account["password"].data:
        yield Problem("password_again", _("The two passwords differ."))


def _drawn(form: ModelForm, name: str) -> Drawn:
    return draw(form, name, lambda _n: "")


csrf.exempt(f"{__name__}.register")  # checked by itself, once it is known how much may come
