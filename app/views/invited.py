"""Whoever is invited (S4-7): the one-time link, and the profile that is reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import (
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session as cookie,
    url_for,
)
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock, login
from app.access.rules import EDITABLE
from app.choices import SERVING
from app.columns import Phrase, masked
from app.errors import DomainError, Problem
from app.extensions import db, system_session
from app.models import Consultant, ConsultantReview, ReviewedCertificate
from app.security import person
from app.services import consents, consultants, parties, passwords
from app.services.consultants import CERTIFICATE, PROFILE, WHY, Letter
from app.views.account import expired, locked
from app.views.base import Page
from app.views.base.cells import cell_at, local_time
from app.views.base.typed import clean, plain_code
from app.views.base.view import Answer
from app.views.consultants import only_services
from app.views.forgotten import password_hint
from app.views.requests import RequestView

TOKEN = "invitation"  # noqa: S105 - the name of the cookie entry, not a secret
GONE = 410
WAYS = ("new", "known", "mine")
Faults = dict[str, list[Phrase]]


class AnswerView(Page):
    """``/invitations/<token>/``: looking uses nothing up.

    A link that does not work says nothing but that: used, replaced, too late or guessed.
    """

    route_base = "/invitations"

    @expose("/<token>/")
    def open(self, token: str) -> BaseResponse:
        """Where the mail leads: on without the token in sight."""
        cookie[TOKEN] = token[:100]
        answer = redirect(url_for(".answer"))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/", methods=["GET", "POST"])
    def answer(self) -> Any:
        """Who invites; a new account by a password, or an account that one has."""
        now = clock.now()
        letter = _letter(now)
        if letter is None:
            return _void()
        way = request.form.get("way", "")
        if request.method == "GET" or way not in WAYS:
            return _page(letter, {}, ""), 200 if request.method == "GET" else 400
        errors, problem = {"new": _new, "known": _known, "mine": _mine}[way](letter, now)
        if errors or problem:
            return _page(letter, errors, problem), 400
        flash(_("Welcome. Complete your profile now; then the platform reviews it."), "success")
        return redirect(url_for("MyProfileView.mine"))


def _letter(now: datetime) -> Letter | None:
    token = cookie.get(TOKEN, "")
    with system_session() as session:
        return consultants.read(session.connection(), token, now) if token else None


def _void() -> Any:
    cookie.pop(TOKEN, None)
    return render_template("consultants/void.html", sidebar=""), GONE


def _page(letter: Letter, errors: Faults, problem: Phrase) -> str:
    with system_session() as session:
        documents = [
            {
                "label": consents.text_of(found).title,
                "url": url_for("RegistrationView.agreement", document=found.document),
            }
            for found in session.scalars(consents.in_force())
        ]
    return render_template(
        "consultants/answer.html",
        letter=letter,
        until=local_time(letter.until),
        mobile=masked("phone", letter.mobile),
        me=str(person()) if login.is_signed_in() else "",
        way=request.form.get("way", "") or ("mine" if login.is_signed_in() else "new"),
        username=clean(request.form.get("username", ""))[:128],
        accepted=bool(request.form.get("accept_terms")),
        errors=errors,
        problem=problem,
        hint=password_hint(),
        documents=documents,
        sidebar="",
    )


# --- three ways to say yes --------------------------------------------------------------------


def _new(letter: Letter, now: datetime) -> tuple[Faults, Phrase]:
    """An account of the invited person's own; he accepts the agreements with it."""
    password, profile = request.form.get("password", ""), current_app.extensions["profile"]
    asked = parties.Registration(letter.mobile, password, "", letter.name, letter.email, {})
    errors: Faults = {}
    with system_session() as session:
        rows = session.connection()
        wrong = passwords.problem(rows, profile.password, None, password, letter.mobile)
        taken = parties.registration_problems(session, asked, profile.site.hotline)
    if wrong:
        errors["password"] = [wrong]
    if request.form.get("password_again", "") != password:
        errors["password_again"] = [_("The two passwords differ.")]
    if not request.form.get("accept_terms"):
        errors["accept_terms"] = [_("Read both agreements, then tick that you accept them.")]
    if taken:
        return errors, _("This mobile number has an account already. Sign in with it below.")
    if errors:
        return errors, ""
    try:
        with system_session() as session:
            claimed = consultants.claim(session.connection(), cookie.get(TOKEN, ""), now)
            made = parties.register(session, asked, consents.versions(session), now)
            user_id = int(made.id)
            consultants.accept(session, claimed, user_id, now)
            session.commit()
    except IntegrityError:
        return {}, _("This mobile number has an account already. Sign in with it below.")
    except DomainError as refusal:
        return {}, str(refusal)
    login.sign_in(user_id, now)
    return {}, ""


def _known(_letter: Letter, now: datetime) -> tuple[Faults, Phrase]:
    """An account that he has, by its password; tries are counted as at the door."""
    name = plain_code(clean(request.form.get("username", "")))[:128]
    secret = request.form.get("known_password", "")[:200]
    if not name or not secret:
        return {}, _("Type your user name and your password.")
    answer = login.by_password(name, secret, now)
    if answer.until is not None:
        return {}, locked(answer.until)
    if answer.is_expired:
        return {}, expired()
    if answer.user_id is None:
        return {}, _("User name or password is wrong. Check both, then try again.")
    if problem := _accepted(answer.user_id, now):
        return {}, problem
    login.sign_in(answer.user_id, now)
    return {}, ""


def _mine(_letter: Letter, now: datetime) -> tuple[Faults, Phrase]:
    """The account that is signed in."""
    if not login.is_signed_in():
        return {}, _("Your login has ended. Log in again to go on.")
    problem = _accepted(login.user_id(), now)
    if not problem:
        cookie.pop(TOKEN, None)
    return {}, problem


def _accepted(user_id: int, now: datetime) -> Phrase:
    """Take the invitation up; what speaks against it."""
    try:
        with system_session() as session:
            claimed = consultants.claim(session.connection(), cookie.get(TOKEN, ""), now)
            consultants.accept(session, claimed, user_id, now)
            session.commit()
    except IntegrityError:
        return str(consultants.Elsewhere())
    except DomainError as refusal:
        return str(refusal)
    return ""


# --- the profile --------------------------------------------------------------------------------


class MyProfileView(RequestView):
    """我的资料: what holds, and the form whose sending is reviewed by the platform."""

    datamodel = SQLAInterface(ConsultantReview)
    route_base = "/my-profile"
    flow = "consultant_review"
    title = _l("My profile")
    default_view = "mine"
    show_columns = (
        "name", "title", "mobile", "email", "photo", "sex", "id_no", "education",
        "specialities", "years", "certificates", "industries", "intro", "achievements",
        "languages", "visible_contact", "accept_terms",
    )  # fmt: skip
    form_columns = tuple(name for name in show_columns if name != "mobile")
    base_permissions = ["can_show", "can_edit"]
    include_route_methods = {"mine", "add", "edit", "show"}

    @expose("/")
    @has_access
    @permission_name("show")
    def mine(self) -> str:
        """For whom one serves, how it stands, and what to do next."""
        row = _engaged() or abort(404)
        last, state = _last(row.id), cell_at(Consultant, "state").show(row.state)
        view = next(v for v in self.appbuilder.baseviews if type(v).__name__ == SHELF)
        return self.page(
            "consultants/mine.html",
            title=row.name,
            subtitle=str(row.organization),
            badge=state,
            crumbs=[(_("Workbench"), url_for("WorkbenchView.show")), (self.title, "")],
            note=_note(row.state, last),
            sections=view.sections_of(row, plain=True) if row.state == "linked" else [],
            buttons=[self._next_step(row, last)],
            steps=[],
        )

    def _next_step(self, row: Consultant, last: ConsultantReview | None) -> dict[str, Any]:
        shape = {"primary": True, "method": "get"}
        if last is not None and last.state == "in_review":
            return shape | {"label": _("See the progress"), "url": self.case_url(last)}
        if last is not None and last.state in EDITABLE:
            url = url_for(".edit", pk=last.id)
            return shape | {"label": _("Correct and submit again"), "url": url}
        label = _("Change my profile") if row.state == "linked" else _("Complete my profile")
        return shape | {"label": label, "url": url_for(".add"), "icon": "edit"}

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def add(self) -> Answer:
        """The form; one that is under way already is led to."""
        row = _engaged() or abort(404)
        last = _last(row.id)
        if last is not None and last.state in {"in_review", *EDITABLE}:
            return redirect(url_for(".mine"))
        return self.form_page(self.new_row())

    def new_row(self) -> ConsultantReview:
        """What is known of him stands in the form already."""
        row = _engaged() or abort(404)
        values = {name: getattr(row, name) for name in PROFILE if name != "photo_id"}
        review = ConsultantReview(**values, mobile=row.mobile, photo=row.photo)
        parts = [name for name in CERTIFICATE if name != "proof_id"]
        review.certificates = [
            ReviewedCertificate(**{name: getattr(held, name) for name in parts}, proof=held.proof)
            for held in row.certificates
        ]
        return review

    def prepare(self, row: ConsultantReview) -> None:
        """Whose profile it is, and for whom."""
        _fill(row, row.id is None)
        row.created_at = row.created_at or clock.now()

    def problems(self, row: ConsultantReview, probe: ConsultantReview) -> Sequence[Problem]:
        """The formal pre-check, on what was typed."""
        probe.id = row.id
        _fill(probe, True)
        return self.desk().problems(self.flow, probe)

    def form_title(self, row: ConsultantReview) -> str:
        """Complete, or change."""
        return _("Change my profile") if inspect(row).persistent else _("My profile")

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """By the page of the profile."""
        here = (self.title, url_for(".mine"))
        return [(_("Workbench"), url_for("WorkbenchView.show")), here, *more]

    def _form_context(self, *args: Any) -> dict[str, Any]:
        row = _engaged() or abort(404)
        house = row.organization_id
        rows = access.elevated(db.session(), WHY)
        context = only_services(super()._form_context(*args), rows, house)
        return context | {"back_url": url_for(".mine")}


SHELF = "AllConsultantsView"


def _engaged() -> Consultant | None:
    """The reader's living engagement."""
    mine = Consultant.user_id == access.actor().user_id
    return db.session.scalar(select(Consultant).where(mine, Consultant.state.in_(SERVING)))


def _last(consultant_id: int) -> ConsultantReview | None:
    who = access.actor().user_id
    mine = (
        ConsultantReview.consultant_id == consultant_id, ConsultantReview.applicant_id == who
    )  # fmt: skip
    newest = select(ConsultantReview).where(*mine).order_by(ConsultantReview.id.desc())
    return db.session.scalar(newest.limit(1))


def _fill(row: ConsultantReview, is_new: bool) -> None:
    """What no input asks for: person, institution, the number that was invited."""
    if not is_new:
        return
    found = _engaged() or abort(404)
    row.applicant_id = access.actor().user_id or abort(403)
    row.organization_id, row.consultant_id = found.organization_id, found.id
    row.mobile = found.mobile


def _note(state: str, last: ConsultantReview | None) -> Mapping[str, Phrase] | None:
    """What the state asks of the reader."""
    if state == "linked" and last is not None and last.state == "in_review":
        text = _(
            "Your change is being reviewed; until it is approved the present data stays valid."
        )
        return {"css": "i", "text": text}
    return {
        "accepted": {
            "css": "i",
            "text": _("Complete your profile and submit it. After its approval you serve for the "
                      "institution."),
        },
        "in_review": {"css": "i", "text": _("Your profile is being reviewed, please wait.")},
        "returned": {"css": "w", "text": _("Your profile was returned. Correct what the opinion "
                                           "names and submit it again.")},
    }.get(state)  # fmt: skip
