"""What one does with one's own account: data, password, bound phone, logins (S0-38, S1-7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from flask import abort, current_app, flash, redirect, request, session as cookie, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _

from app import audit, clock, login, security
from app.errors import Phrase
from app.extensions import system_session
from app.models import Person
from app.services import codes, formal, logins, passwords
from app.views.account import locked, send_code, typed, wrong_code, wrong_mobile
from app.views.base import Page
from app.views.base.typed import clean, is_key
from app.views.forgotten import new_password_faults, password_hint

PROOF = "rebind"
NAME_LENGTH, EMAIL_LENGTH = 30, 120
Faults = dict[str, list[Phrase]]
SIGNS = (
    (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
    (
        *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
        *(("Mac OS", "macOS"), ("Linux", "Linux")),
    ),
)
"""How browsers and systems give themselves away; the more special ones first."""


def for_users(view: Callable[..., Any]) -> Callable[..., Any]:
    """Send strangers to the login; no right is needed for what is one's own."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if login.is_signed_in():
            return view(*args, **kwargs)
        here = request.path if request.method == "GET" else ""
        return redirect(url_for("AccountView.login", next=here or None))

    return guarded


class MyAccountView(Page):
    """``/account/``: four pages in the menu of the user."""

    route_base = "/account"

    # --- personal data --------------------------------------------------------------------

    @expose("/", methods=["GET", "POST"])
    @for_users
    def profile(self) -> Any:
        """Name, e-mail and language; another e-mail asks for the password, since it opens more."""
        with system_session() as session:
            person = session.get_one(Person, login.user_id())
            shown = {
                "username": person.username, "mobile": person.mobile,
                "real_name": person.last_name, "email": person.email or "",
                "locale": person.locale,
            }  # fmt: skip
        if request.method == "GET":
            return self._profile(shown, {})
        asked = {name: clean(request.form.get(name, "")) for name in ("real_name", "email")}
        asked["locale"] = request.form.get("locale", "")
        errors = _profile_faults(asked, shown["email"] or "")
        if errors:
            return self._profile(shown | asked, errors), 400
        with system_session() as session:
            person = session.get_one(Person, login.user_id())
            before, person.email = person.email, asked["email"] or None
            person.last_name, person.locale = asked["real_name"], asked["locale"]
            if person.email != before:
                logins.email_changed(session, person, before, clock.now())
            session.commit()
        cookie["locale"] = asked["locale"]
        flash(_("Saved."), "success")
        return redirect(url_for(".profile"))

    def _profile(self, shown: dict[str, Any], errors: Faults) -> Any:
        languages = current_app.config["LANGUAGES"]
        return self.page(
            "account/profile.html",
            form=shown,
            errors=errors,
            languages=[(code, entry["name"]) for code, entry in languages.items()],
        )

    # --- password -------------------------------------------------------------------------

    @expose("/password/", methods=["GET", "POST"])
    @for_users
    def password(self) -> Any:
        """The old one, then the new one twice (S0-38); other logins end."""
        now = clock.now()
        forced = security.must_change_password(now)
        if request.method == "GET":
            return self._password({}, forced=forced)
        errors: Faults = {}
        with system_session() as session:
            errors |= new_password_faults(session, login.user_id())
        wrong = None if errors else _password_fault("old_password")
        if wrong is not None:
            errors["old_password"] = [wrong]
        if errors:
            return self._password(errors, forced=forced), 400
        with system_session() as session:
            rows = session.connection()
            passwords.set_password(
                rows, login.user_id(), request.form["password"], now,
                keep_token_hash=login.token_hash(),
            )  # fmt: skip
            audit.note(session, "password_change", kind="ab_user", object_id=login.user_id())
            session.commit()
        flash(_("The password was changed. Your other logins have ended."), "success")
        return redirect("/" if forced else url_for(".devices"))

    def _password(self, errors: Faults, *, forced: bool) -> Any:
        return self.page(
            "account/password.html", errors=errors, forced=forced, hint=password_hint()
        )

    # --- the bound phone (S1-7, F05) --------------------------------------------------------

    @expose("/mobile/", methods=["GET", "POST"])
    @for_users
    def mobile(self) -> Any:
        """Step 1: proof by a code to the old phone, or by the password and a code by mail."""
        ways = _ways()
        way = request.form.get("way", ways[0])
        if request.method == "GET":
            return self._mobile(ways, ways[0], {})
        if way not in ways:
            abort(400)
        errors = _proof_faults(way)
        if errors:
            return self._mobile(ways, way, errors), 400
        with system_session() as session:
            rows, rule = session.connection(), login.rule()
            cookie[PROOF] = codes.issue_token(
                rows, PROOF, login.user_id(), clock.now(), rule.link_minutes
            )
            session.commit()
        return redirect(url_for(".new_mobile"))

    def _mobile(self, ways: list[str], way: str, errors: Faults) -> Any:
        person = security.person()
        return self.page(
            "account/mobile.html",
            step=1, ways=ways, way=way, errors=errors, mobile=person.mobile, email=person.email,
        )  # fmt: skip

    @expose("/mobile/code/", methods=["POST"])
    @for_users
    def old_code(self) -> Any:
        """Send the code of step 1: to the bound phone, or with ``?way=mail`` to the mailbox."""
        person = security.person()
        target = person.email if request.args.get("way") == "mail" else person.mobile
        if not target:
            abort(400)
        return send_code(PROOF, target, clock.now())

    @expose("/mobile/new/", methods=["GET", "POST"])
    @for_users
    def new_mobile(self) -> Any:
        """Step 2: the new number, proved by a code; the old one is told, other logins end."""
        now, token = clock.now(), cookie.get(PROOF, "")
        if not _is_proved(now):
            flash(unproved(), "warning")
            return redirect(url_for(".mobile"))
        if request.method == "GET":
            return self._new_mobile("", {})
        mobile = typed("new_mobile")
        errors = _mobile_faults(mobile)
        if not errors and not login.is_code("bind", mobile, typed("code"), now):
            errors["code"] = [wrong_code()]
        if not errors and _is_bound(mobile):  # whose phone it is may know
            errors["new_mobile"] = [_("This mobile number has an account already. Log in with it.")]
        if errors:
            return self._new_mobile(mobile, errors), 400
        with system_session() as session:
            rows = session.connection()
            if codes.redeem_token(rows, PROOF, token, now) == login.user_id():
                logins.change_mobile(session, login.user_id(), mobile, now, login.token_hash())
            session.commit()
        cookie.pop(PROOF, None)
        flash(_("The new number is bound. Your other logins have ended."), "success")
        return redirect(url_for(".profile"))

    def _new_mobile(self, mobile: str, errors: Faults) -> Any:
        return self.page("account/mobile.html", step=2, new_mobile=mobile, errors=errors)

    @expose("/mobile/new/code/", methods=["POST"])
    @for_users
    def new_code(self) -> Any:
        """Send the code of step 2 to the new number; nobody learns whose it is already."""
        mobile, now = typed("new_mobile"), clock.now()
        if not _is_proved(now):
            return {"error": unproved()}, 400
        if faults := _mobile_faults(mobile):
            return {"error": str(faults["new_mobile"][0]), "field": "new_mobile"}, 400
        return send_code("bind", mobile, now, is_known=not _is_bound(mobile))

    # --- logins ---------------------------------------------------------------------------

    @expose("/devices/")
    @for_users
    def devices(self) -> Any:
        """Where one is signed in (登录设备)."""
        with system_session() as session:
            found = logins.live_sessions(session, login.rule(), login.user_id(), clock.now())
        return self.page(
            "account/devices.html", logins=found, mine=login.token_hash(), browser=browser
        )

    @expose("/devices/<pk>/end/", methods=["POST"])
    @for_users
    def end(self, pk: str) -> Any:
        """End one login."""
        with system_session() as session:
            key = int(pk) if is_key(pk) else 0
            if not logins.end_one(session, login.user_id(), key, clock.now()):
                abort(404)
            audit.note(session, "session_end", kind="login_session", object_id=key)
            session.commit()
        flash(_("The login was ended."), "success")
        return redirect(url_for(".devices"))

    @expose("/devices/end-others/", methods=["POST"])
    @for_users
    def end_others(self) -> Any:
        """End all logins but this one."""
        with system_session() as session:
            rows, me = session.connection(), login.user_id()
            passwords.end_sessions(rows, me, clock.now(), "ended", login.token_hash())
            audit.note(session, "session_end", kind="ab_user", object_id=me)
            session.commit()
        flash(_("All other logins were ended."), "success")
        return redirect(url_for(".devices"))


def browser(agent: str) -> str:
    """What calls itself ``agent``, in two words."""
    names = (next((name for sign, name in signs if sign in agent), "") for signs in SIGNS)
    return " · ".join(filter(None, names)) or _("Unknown")


def _profile_faults(asked: dict[str, str], email_before: str) -> Faults:
    errors: Faults = {}
    if not asked["real_name"] or len(asked["real_name"]) > NAME_LENGTH:
        errors["real_name"] = [_("Write a name of at most %(num)s characters.", num=NAME_LENGTH)]
    is_email, words = formal.FORMATS["email"]
    email = asked["email"]
    if email and (len(email) > EMAIL_LENGTH or not is_email(email)):
        errors["email"] = [words]
    if asked["locale"] not in current_app.config["LANGUAGES"]:
        errors["locale"] = [_("Choose one of the list.")]
    if not errors and email != email_before and (wrong := _password_fault("old_password")):
        errors["old_password"] = [wrong]
    return errors


def _password_fault(field: str) -> Phrase | None:
    """What is wrong with the present password as typed; tries are counted as at the door."""
    answer = login.by_password(
        security.person().username, request.form.get(field, "")[:200], clock.now()
    )
    if answer.until is not None:
        return locked(answer.until)
    is_right = answer.user_id or answer.is_expired  # who is in may replace it
    return None if is_right else _("The present password is wrong.")


def _ways() -> list[str]:
    """By what the reader can prove who he is; without phone and mailbox by the password."""
    person = security.person()
    ways = (["phone"] if person.mobile else []) + (["mail"] if person.email else [])
    return ways or ["password"]


def _proof_faults(way: str) -> Faults:
    person, now = security.person(), clock.now()
    if way != "phone" and (wrong := _password_fault("old_password")):
        return {"old_password": [wrong]}
    target = {"phone": person.mobile, "mail": person.email}.get(way)
    if target and not login.is_code(PROOF, target, typed("code"), now):
        return {"code": [wrong_code()]}
    return {}


def _mobile_faults(mobile: str) -> Faults:
    wrong: Phrase = wrong_mobile(mobile)
    if not wrong and mobile == security.person().mobile:
        wrong = _("This is the number that is bound now.")
    return {"new_mobile": [wrong]} if wrong else {}


def _is_bound(mobile: str) -> bool:
    with system_session() as session:
        return logins.is_bound(session, mobile)


def _is_proved(now: datetime) -> bool:
    """Whether the reader did step 1 just now, and nothing with it yet."""
    with system_session() as session:
        owner = codes.token_owner(session.connection(), PROOF, cookie.get(PROOF, ""), now)
    return owner == login.user_id()


def unproved() -> str:
    """What to say to who did not do step 1."""
    return _("Prove once more that it is you: the proof is used or too old.")
