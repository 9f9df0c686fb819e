"""Login by password and picture code, logout (S0-8, S1-5)."""

from __future__ import annotations

import secrets
from io import BytesIO
from typing import Any

from captcha.image import ImageCaptcha
from flask import redirect, render_template, request, send_file
from flask_appbuilder import expose
from flask_babel import gettext as _

from app import clock, security
from app.views.base import Page
from app.views.base.forms import clean, plain_code
from app.views.frame import local_path

ALPHABET = "23456789abcdefghkmnpqrstuvwxyz"  # nothing that looks like something else
LENGTH = 4


class AccountView(Page):
    """``/login/``, ``/logout/`` and the picture code."""

    route_base = ""

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        """A successful login lands on the portal (S0-8), or where the reader wanted to go."""
        asked = request.values.get("next", "")
        if request.method == "GET":
            return self._form("", "", asked)
        name = plain_code(clean(request.form.get("username", "")))[:128]
        password = request.form.get("password", "")[:200]
        if not name or not password:
            return self._form(_("Type your user name and your password."), name, asked)
        if not security.answers_captcha(request.form.get("captcha", ""), clock.now()):
            return self._form(
                _("The picture code is wrong or too old. Type the new one."), name, asked
            )
        person = security.authenticate(name, password)
        if person is None:
            return self._form(
                _("User name or password is wrong. Check both, then try again."), name, asked
            )
        security.sign_in(person, clock.now())
        return redirect(local_path(asked))

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """The session ends at the server."""
        security.sign_out(clock.now())
        return redirect("/")

    @expose("/captcha/")
    def captcha(self) -> Any:
        """A new picture (图形验证码); its answer stays at the server and is good once."""
        answer = "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))
        security.ask_captcha(answer, clock.now())
        picture = ImageCaptcha(width=140, height=44, font_sizes=(32, 34, 36)).generate(answer)
        response = send_file(BytesIO(picture.getvalue()), mimetype="image/png", max_age=0)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _form(self, problem: str, name: str, asked: str) -> Any:
        page = render_template(
            "login.html", problem=problem, form={"username": name}, next=asked, sidebar=""
        )
        return page, 400 if problem else 200
