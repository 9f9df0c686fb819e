"""Logging in by password or SMS code, logging out, and the pictures that both ask for (S0-8)."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from flask import current_app, redirect, render_template, request, send_file, session as cookie
from flask_appbuilder import expose
from flask_babel import gettext as _

from app import clock, login
from app.errors import Phrase
from app.extensions import system_session
from app.security import TOKEN, address
from app.services import captchas, formal, logins
from app.views.base import Page
from app.views.base.cells import local_time
from app.views.base.typed import clean, plain_code
from app.views.frame import local_path

WAYS = ("password", "sms")
TOO_MANY = 429


class AccountView(Page):
    """``/login/``, ``/logout/`` and the captchas."""

    route_base = ""

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        """A successful login lands on the portal (S0-8), or where the reader wanted to go."""
        asked = request.values.get("next", "")
        if request.method == "GET":
            way = request.args.get("way", "")
            return self._form(way if way in WAYS else WAYS[0], "", asked)
        way = "sms" if "code" in request.form else "password"
        now = clock.now()
        problem, answer = (_by_code if way == "sms" else _by_password)(now)
        if answer.user_id is None:
            if answer.until is not None:
                return self._form(way, locked(answer.until), asked), TOO_MANY
            return self._form(way, problem, asked), 400
        login.sign_in(answer.user_id, now)
        return redirect(local_path(asked))

    @expose("/login/code/", methods=["POST"])
    def login_code(self) -> Any:
        """Send a code for a login; the answer tells nobody whether the number is known."""
        mobile, now = typed("mobile"), clock.now()
        if problem := wrong_mobile(mobile):
            return {"error": problem, "field": "mobile"}, 400
        if not login.answers_captcha(request.form.get("captcha", ""), now, login.SLIDER):
            return {"error": not_fitted(), "field": "captcha"}, 400
        with system_session() as session:
            account = logins.account_of(session, mobile)
            is_known = account is not None and account.mobile == mobile and account.active
        return send_code("login", mobile, now, is_known=is_known)

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """The session ends at the server."""
        login.sign_out(clock.now())
        return redirect("/")

    @expose("/captcha/")
    def captcha(self) -> Any:
        """A new picture (图形验证码); its answer stays at the server and is good once."""
        answer, picture = captchas.letters()
        login.ask_captcha(answer, clock.now())
        response = send_file(BytesIO(picture), mimetype="image/png", max_age=0)
        response.headers["Cache-Control"] = "no-store"
        return response

    @expose("/captcha/slider/")
    def slider(self) -> Any:
        """A new picture with a gap, and the piece for it (滑块验证码, S2-2)."""
        made = captchas.slider()
        login.ask_captcha(made.position, clock.now(), login.SLIDER)
        shown = {
            "picture": _inline(made.picture),
            "piece": _inline(made.piece),
            "top": made.top,
            "travel": captchas.TRAVEL,
        }
        return shown, 200, {"Cache-Control": "no-store"}

    def _form(self, way: str, problem: Phrase, asked: str) -> Any:
        if not problem and cookie.get(TOKEN) and not login.is_signed_in():
            cookie.pop(TOKEN)
            problem = _("Your login has ended. Log in again to go on.")
        return render_template(
            "login.html",
            way=way,
            problem=problem,
            form={name: clean(request.form.get(name, "")) for name in ("username", "mobile")},
            next=asked,
            sidebar="",
        )


def _by_password(now: datetime) -> tuple[Phrase, login.Answer]:
    name = plain_code(clean(request.form.get("username", "")))[:128]
    password = request.form.get("password", "")[:200]
    if not name or not password:
        return _("Type your user name and your password."), login.Answer()
    if not login.answers_captcha(request.form.get("captcha", ""), now):
        return _("The picture code is wrong or too old. Type the new one."), login.Answer()
    answer = login.by_password(name, password, now)
    if answer.is_expired:
        return expired(), answer
    if answer.user_id is None and answer.until is None:
        return _("User name or password is wrong. Check both, then try again."), answer
    return "", answer


def _by_code(now: datetime) -> tuple[Phrase, login.Answer]:
    mobile, code = typed("mobile"), typed("code")
    if problem := wrong_mobile(mobile):
        return problem, login.Answer()
    if not code:
        return _("Type the code that was sent to your phone."), login.Answer()
    answer = login.by_code("login", mobile, code, now)
    return wrong_code() if answer.user_id is None and answer.until is None else "", answer


# --- shared with the other pages of accounts ------------------------------------------------


def typed(name: str) -> str:
    """A number or code of the form, in its plain spelling."""
    return plain_code(clean(request.form.get(name, "")))[:120]


def wrong_mobile(mobile: str) -> str:
    """What is wrong with a mobile number; empty when nothing is."""
    return (
        ""
        if formal.MOBILE.fullmatch(mobile)
        else _("A mobile number has 11 digits and begins with 1.")
    )


def wrong_code() -> str:
    """What to say of a code that is not the one sent."""
    return _("The code is wrong or too old. Check the last message, or ask for a new code.")


def not_fitted() -> str:
    """What to say of a slider that misses its gap."""
    return _("The piece is not in its gap. Try the new picture.")


def locked(until: datetime) -> str:
    """What to say of an account that takes no tries, known or not."""
    return _(
        "Too many failed logins. Locked until %(time)s. Wait until then, "
        "or choose a new password under Forgot password.",
        time=to_the_minute(until),
    )


def expired() -> str:
    """What to say of a one-time password that nobody used in time."""
    return _(
        "This one-time password worked for %(num)s hours and is too old. Ask for a new one, "
        "or choose a password of your own under Forgot password.",
        num=current_app.extensions["profile"].password.one_time_hours,
    )


def to_the_minute(until: datetime) -> str:
    """A moment as the reader's clock shows it, not earlier than it is."""
    return local_time(until + timedelta(seconds=59))


def send_code(purpose: str, target: str, now: datetime, *, is_known: bool = True) -> Any:
    """Send a code, unless too many were sent; JSON for the button that asked for it."""
    rule = login.rule()
    with system_session() as session:
        until = logins.refused_code(session, rule, target, address(), now)
        if until is None:
            logins.send_code(session, rule, purpose, target, now, known=is_known)
        session.commit()
    if until is not None:
        seconds = max(1, round((until - now).total_seconds()))
        if seconds <= rule.code_wait_seconds:
            words = _("A code was just sent. Ask again in %(num)s seconds.", num=seconds)
        else:
            words = _("Too many codes were asked for. Try again after %(time)s.",
                      time=to_the_minute(until))  # fmt: skip
        return {"error": words, "wait": seconds}, TOO_MANY
    said = _sent(purpose, rule.code_minutes)
    return {"said": said, "wait": rule.code_wait_seconds}


def _sent(purpose: str, minutes: int) -> str:
    if purpose == "bind":
        return _(
            "If this number has no account yet, a code is on its way; "
            "it works for %(num)s minutes.",
            num=minutes,
        )
    return _(
        "If this belongs to an account, a code is on its way; it works for %(num)s minutes.",
        num=minutes,
    )


def _inline(picture: bytes) -> str:
    return f"data:image/png;base64,{b64encode(picture).decode()}"
