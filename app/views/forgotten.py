"""A forgotten password (忘记密码, S1-5, F05): who, proof by SMS code or mailed link, a new one.

No answer tells whether an account exists: an unknown name goes through the same pages.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, session as cookie, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _, lazy_gettext as _l

from app import clock, login
from app.errors import Phrase
from app.extensions import system_session
from app.models import Person
from app.security import address
from app.services import codes, formal, logins, passwords
from app.views.account import TOO_MANY, send_code, to_the_minute, typed, wrong_code
from app.views.base import Page
from app.views.base.typed import clean, plain_code

WHO, PROOF = "forgotten", "reset"
PURPOSE = "reset"


class ForgottenView(Page):
    """``/forgot/`` and the two steps after it."""

    route_base = "/forgot"

    @expose("/", methods=["GET", "POST"])
    def ask(self) -> Any:
        """Step 1: user name or mobile, and the picture."""
        name = plain_code(clean(request.form.get("account", "")))[:128]
        if request.method == "GET":
            return _page("account/forgot.html", name="", problem="")
        problem = ""
        if not name:
            problem = _("Type your user name or mobile number.")
        elif not login.answers_captcha(request.form.get("captcha", ""), clock.now()):
            problem = _("The picture code is wrong or too old. Type the new one.")
        if problem:
            return _page("account/forgot.html", name=name, problem=problem), 400
        cookie[WHO] = name
        cookie.pop(PROOF, None)
        return redirect(url_for(".prove"))

    @expose("/verify/", methods=["GET", "POST"])
    def prove(self) -> Any:
        """Step 2: the code that was sent to the bound phone, or the link to the mailbox."""
        name = cookie.get(WHO, "")
        if not name:
            return redirect(url_for(".ask"))
        if request.method == "GET":
            return _page("account/verify.html", errors=[], mailed=False)
        if request.form.get("way") == "mail":
            return self._mail(name)
        token = _proof(name, typed("code"))
        if not token:
            return _page("account/verify.html", errors=[wrong_code()], mailed=False), 400
        cookie[PROOF] = token
        return redirect(url_for(".renew"))

    @expose("/code/", methods=["POST"])
    def code(self) -> Any:
        """Send the code to the phone of the account, if there is one."""
        name = cookie.get(WHO, "")
        if not name:
            return {"error": _("Begin again: type your user name or mobile number.")}, 400
        with system_session() as session:
            target, is_known = _reached(name, logins.account_of(session, name))
        return send_code(PURPOSE, target, clock.now(), is_known=is_known)

    @expose("/link/<token>/")
    def link(self, token: str) -> Any:
        """Where a mailed link leads: it uses nothing up and goes on without the token in sight."""
        cookie[PROOF] = token[:100]
        answer = redirect(url_for(".renew"))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/new/", methods=["GET", "POST"])
    def renew(self) -> Any:
        """Step 3: the new password, twice; all logins end and the owner is told."""
        token, now = cookie.get(PROOF, ""), clock.now()
        with system_session() as session:
            rows = session.connection()
            user_id = codes.token_owner(rows, PURPOSE, token, now) if token else None
            errors = {}
            if user_id is not None and request.method == "POST":
                errors = new_password_faults(session, user_id)
        if user_id is None:
            return self._void()
        hint = password_hint()
        if request.method == "GET":
            return _page("account/renew.html", errors={}, hint=hint)
        if errors:
            return _page("account/renew.html", errors=errors, hint=hint), 400
        with system_session() as session:
            done = logins.reset_password(session, token, request.form["password"], now)
            session.commit()
        if done is None:
            return self._void()
        cookie.pop(PROOF, None)
        cookie.pop(WHO, None)
        flash(_("The password was changed. Log in with the new one."), "success")
        return redirect(url_for("AccountView.login"))

    def _mail(self, name: str) -> Any:
        now, rule = clock.now(), login.rule()
        with system_session() as session:
            account = logins.account_of(session, name)
            until = logins.refused_code(session, rule, f"link:{name}", address(), now)
            if until is None and account is not None and account.active and account.email:
                logins.send_link(session, rule, account, now)
            session.commit()
        if until is not None:
            problem = _("Too many messages were asked for. Try again after %(time)s.",
                        time=to_the_minute(until))  # fmt: skip
            return _page("account/verify.html", errors=[problem], mailed=False), TOO_MANY
        return _page("account/verify.html", errors=[], mailed=True)

    def _void(self) -> Any:
        cookie.pop(PROOF, None)
        flash(_("This link or code was used, replaced or is too old. Begin again."), "warning")
        return redirect(url_for(".ask"))


def _reached(name: str, account: Any) -> tuple[str, bool]:
    """Where a code for ``name`` goes, and whether somebody is there to get it.

    A number stands for itself, known or not, as at the login: what is spent tells nothing.
    """
    mobile = account.mobile if account is not None else None
    is_number = formal.MOBILE.fullmatch(name)
    target = name if is_number else mobile or f"?{codes.digest(name)}"
    return target, account is not None and account.active and mobile == target


def _proof(name: str, code: str) -> str:
    """What lets choose a new password, for the right code of an account; else nothing."""
    now = clock.now()
    with system_session() as session:
        account = logins.account_of(session, name)
    target, is_known = _reached(name, account)
    if not login.is_code(PURPOSE, target, code, now) or account is None or not is_known:
        return ""
    with system_session() as session:
        rows = session.connection()
        token = codes.issue_token(rows, PURPOSE, account.id, now, login.rule().link_minutes)
        session.commit()
    return token


def new_password_faults(session: Any, user_id: int) -> dict[str, list[Phrase]]:
    """What is wrong with the new password of the form, by field."""
    password = request.form.get("password", "")
    person = session.get_one(Person, user_id)
    names = (person.username, person.mobile or "")
    rule = current_app.extensions["profile"].password
    found: dict[str, list[Phrase]] = {}
    if wrong := passwords.problem(session.connection(), rule, user_id, password, *names):
        found["password"] = [wrong]
    if request.form.get("password_again", "") != password:
        found["password_again"] = [_l("The two passwords differ.")]
    return found


def password_hint() -> str:
    """The profile's rule in words."""
    rule = current_app.extensions["profile"].password
    return _(
        "%(low)d to %(high)d characters, at least %(num)d of: capital letters, small letters, "
        "digits, special characters; none of your last %(last)d passwords.",
        low=rule.minimum, high=rule.maximum, num=rule.kinds, last=rule.history,
    )  # fmt: skip


def _page(template: str, **values: Any) -> str:
    return render_template(template, sidebar="", **values)
