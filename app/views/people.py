"""The people of an organization (用户管理, S0-36, S0-37) and what each may do in it (F07)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import Connection
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as BaseResponse

from app import access, choices, clock, messages
from app.columns import Choices, FieldInfo
from app.errors import Problem
from app.extensions import db
from app.models import Membership
from app.services import passwords, people, rights
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, Shown, local_time
from app.views.base.forms import ModelForm
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.base.view import Answer

WHY = "the main account keeps the accounts of its organization"
STATES = {True: (_l("On"), "s"), False: (_l("Off"), "d")}
PASSWORDS = {
    "password": FieldInfo(_l("Password"), kind="password", required=True, hint=_l(
        "At least 8 characters of three kinds: capitals, small letters, digits, signs")),
    "password_again": FieldInfo(_l("Repeat the password"), kind="password", required=True),
}  # fmt: skip
REACHED = {
    "mobile": FieldInfo(_l("Mobile number"), kind="mobile", required=True,
                        hint=_l("11 digits; a number belongs to one account of the platform")),
    "email": FieldInfo(_l("E-mail"), kind="email", maximum=64),
}  # fmt: skip
NAMED = {
    "username": FieldInfo(_l("User name"), required=True, maximum=30, hint=_l(
        "6 to 30 letters, digits or underscores; never changed later")),
}  # fmt: skip
AddForm, EditForm = sheet_form(NAMED | REACHED | PASSWORDS), sheet_form(REACHED)
ResetForm = sheet_form(PASSWORDS)


class PeopleView(Sheets, BackOfficeView):
    """Colleagues with their accounts; for the main account of a certified organization."""

    datamodel = SQLAInterface(Membership)
    route_base = "/people"
    title = _l("User management")
    include_route_methods = {"list", "add", "edit", "delete", "reset", "rights", "switch"}
    base_permissions = ["can_list", "can_add", "can_edit", "can_delete"]
    list_columns = (
        "person.username", "person.last_name", "person.mobile", "is_main", "person.active",
        "person.last_login", "person.created_on",
    )  # fmt: skip
    extra_columns = ("user_id", "rights", "person.register_kind")
    labels = MappingProxyType(
        {
            "person.username": _l("User name"),
            "person.last_name": _l("Name"),
            "person.mobile": _l("Mobile no."),
            "person.active": _l("Status"),
            "person.last_login": _l("Last login"),
            "person.created_on": _l("Created at"),
        }
    )
    filter_columns = ()
    order_columns = ("id",)
    link_column = ""  # there is no page of one colleague

    # --- list -----------------------------------------------------------------------------

    def base_conditions(self) -> Sequence[Any]:
        """Those of the reader's organization."""
        return [Membership.organization_id == access.actor().organization_id]

    def shown(self, cell: Cell, value: Any) -> Shown:
        """States in words; FAB keeps its times without a zone."""
        if cell.path == "person.active":
            word, css = STATES[bool(value)]
            return Shown(str(word), css)
        if isinstance(value, datetime) and value.tzinfo is None:
            return Shown(local_time(value.replace(tzinfo=UTC)))
        return super().shown(cell, value)

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        return super()._tools(kept) | {"add_label": _("Add a user")}

    def row_may(self, _row: Any, _verb: str) -> bool:
        """What may be done stands in :meth:`_line`, in the manual's order."""
        return False

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        at = self.list_columns.index("is_main")
        line["values"] = [*line["values"]]
        line["values"][at] = Shown(str(_role(row)))
        line["actions"] = list(_actions(row))
        return line

    # --- accounts -------------------------------------------------------------------------

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """添加用户: the colleague is told and changes the password at the first login."""
        form = AddForm(request.form if request.method == "POST" else None)
        words = self._words(_("Add a user"), _("Add a user"))

        def act() -> str:
            typed, now = _typed(form), clock.now()
            organization_id = access.actor().organization_id or abort(403)
            rows = self._rows()
            password = form["password"].data
            user_id = people.open_account(rows, organization_id, typed, password, now)
            context = {"org": g.grants.organization_name, "title": typed.username}
            key = f"subaccount.created:{user_id}"
            messages.notify(db.session(), "subaccount.created", [user_id], context, key, now)
            flash(_("User added."), "success")
            return url_for(".list")

        return self.sheet(form, words, lambda: self._problems(form, None), act)

    @expose("/edit/<pk>/", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Answer:
        """编辑: phone and e-mail; the user name stays."""
        row = self._opened_here(pk)
        kept = {"mobile": row.person.mobile, "email": row.person.email}
        form = EditForm(request.form if request.method == "POST" else None, data=kept)
        name = _("Edit: %(name)s", name=row.person.username)

        def act() -> str:
            mobile, now = form["mobile"].data, clock.now()
            data = (mobile, form["email"].data or "")
            people.change_account(self._rows(), row.user_id, *data, now)
            if kept["mobile"] and mobile != kept["mobile"]:
                _tell_old_phone(row.user_id, kept["mobile"], mobile, now)
            flash(_("User changed."), "success")
            return url_for(".list")

        return self.sheet(
            form, self._words(name, _("Save")), lambda: self._problems(form, row), act
        )

    @expose("/reset/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def reset(self, pk: str) -> Answer:
        """重置密码: the colleague's logins end, and the password is changed at the next one."""
        row = self._opened_here(pk)
        form = ResetForm(request.form if request.method == "POST" else None)
        name = _("Reset the password: %(name)s", name=row.person.username)
        intro = _("All logins of this account end; at the next one the password must be changed.")

        def act() -> str:
            now = clock.now()
            people.reset_password(self._rows(), row.user_id, form["password"].data, now)
            key = f"account.password_reset:{row.user_id}:{now.isoformat()}"
            told = {"at": now}
            messages.notify(db.session(), "account.password_reset", [row.user_id], told, key, now)
            flash(_("Password reset."), "success")
            return url_for(".list")

        words = self._words(name, _("Reset the password"), intro)
        return self.sheet(form, words, lambda: self._problems(form, row), act)

    @expose("/switch/<pk>/<state>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def switch(self, pk: str, state: str) -> BaseResponse:
        """启用, 停用."""
        row = self._opened_here(pk)
        if state not in {"on", "off"}:
            abort(404)
        people.switch(self._rows(), row.user_id, clock.now(), active=state == "on")
        db.session.commit()
        done = {"on": _("Account switched on."), "off": _("Account switched off.")}
        flash(done[state], "success")
        return redirect(url_for(".list"))

    @expose("/delete/<pk>/", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> BaseResponse:
        """删除: out of the organization; what is unfinished goes to the main account."""
        row = self._colleague(pk)
        name = row.person.username
        flash(_ended(name, *part(row.user_id, access.actor().user_id or abort(403))), "success")
        db.session.commit()
        return redirect(url_for(".list"))

    # --- rights ---------------------------------------------------------------------------

    @expose("/rights/<pk>/", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def rights(self, pk: str) -> Answer:
        """应用内权限配置: per application and entry of the menu what the colleague may do."""
        row = self._colleague(pk)
        offered = _offered(self._rows(), row.organization_id)
        infos = dict(_right_fields(offered))
        held = offered if row.rights is None else row.rights
        data = {_field_name(menu): [*held.get(menu, ())] for menu in offered}
        form = sheet_form(infos)(request.form if request.method == "POST" else None, data=data)
        name = _("Rights in applications: %(name)s", name=row.person.username)
        intro = _(
            "What is not ticked is closed to this account. User management and the bank account "
            "stay with the main account. The change works at the colleague's next step."
        )

        def act() -> str:
            chosen = {menu: form[_field_name(menu)].data or [] for menu in offered}
            people.configure(self._rows(), row.user_id, _with_view(chosen))
            flash(_("Rights set."), "success")
            return url_for(".list")

        return self.sheet(form, self._words(name, _("Save"), intro), list, act)

    # --- helpers --------------------------------------------------------------------------

    def _rows(self) -> Connection:
        return access.elevated(db.session(), WHY)

    def _colleague(self, pk: str) -> Membership:
        """A sub-account of the reader's organization; nobody further away exists here.

        Nor does staff: an authority keeps no accounts of its own.
        """
        row: Membership = self.row_or_404(pk)
        known = current_app.extensions["profile"].roles
        held = people.roles_of(self._rows(), row.user_id) & known.keys()
        if row.is_main or any(known[name].kind == "staff" for name in held):
            abort(404)
        return row

    def _opened_here(self, pk: str) -> Membership:
        """A colleague whose account the organization opened; one's own account stays one's own."""
        row = self._colleague(pk)
        return row if row.person.register_kind == people.OPENED_HERE else abort(404)

    def _words(self, title: str, submit: str, intro: str = "") -> Words:
        taken = _("The user name or the mobile number was taken in the meantime. Type another one.")
        crumbs = self.crumbs((title, ""))
        return Words(title, submit, url_for(".list"), crumbs, intro, taken)

    def _problems(self, form: ModelForm, row: Membership | None) -> Iterable[Problem]:
        """Names and numbers that are taken; a password that keeps no rule."""
        rows = self._rows()
        if "mobile" in form.names:
            yield from people.account_problems(rows, _typed(form), row and row.user_id)
        if "password" in form.names:
            yield from password_problems(rows, form, row)

    def _eager(self, wanted: set[str]) -> Any:
        """The person comes along with the row."""
        return [*super()._eager(wanted), joinedload(Membership.person)]


def password_problems(
    rows: Connection, form: ModelForm, row: Membership | None
) -> Iterable[Problem]:
    """A new password by the profile's rule, typed twice."""
    rule = current_app.extensions["profile"].password
    names = (row.person.username, row.person.mobile or "") if row else (
        form["username"].data or "", form["mobile"].data or "",
    )  # fmt: skip
    typed = form["password"].data or ""
    wrong = passwords.problem(rows, rule, row and row.user_id, typed, *names)
    if typed and wrong:
        yield Problem("password", wrong)
    if typed != (form["password_again"].data or ""):
        yield Problem("password_again", _("The two passwords differ."))


def _tell_old_phone(user_id: int, old: str, mobile: str, now: datetime) -> None:
    """Whoever was reached there learns that he is not any more."""
    key = f"account.phone_changed:{user_id}:{now:%Y%m%d%H%M%S%f}:old"
    told = {"title": mobile}
    messages.tell(db.session(), "account.phone_changed", old, told, key, now, channel="sms")


def part(user_id: int, heir: int) -> tuple[str, list[str]]:
    """Hand a colleague's unfinished work to ``heir`` and let him go: his account, the numbers."""
    session, now, who = db.session(), clock.now(), access.actor()
    rows = access.elevated(session, WHY)
    leaver = people.member(rows, user_id)
    if leaver is None or leaver.is_main or leaver.organization_id != who.organization_id:
        abort(404)
    desk = current_app.extensions["workflow"].desk(session, who, now)
    handed = people.unfinished(rows, leaver)
    for case_id, _number in handed:
        desk.hand_over(case_id, user_id, heir)
    became = people.leave(rows, leaver, now)
    if became == people.KEPT:
        context = {"org": g.grants.organization_name}
        key = f"account.left:{user_id}:{now.isoformat()}"
        messages.notify(session, "account.left", [user_id], context, key, now)
    return became, [number for _case_id, number in handed]


def _ended(name: str, became: str, handed: Sequence[str]) -> str:
    said = {
        people.KEPT: _("%(name)s is an ordinary user from now on.", name=name),
        people.SWITCHED_OFF: _("%(name)s was switched off; its records stay.", name=name),
        people.REMOVED: _("%(name)s was deleted.", name=name),
    }[became]
    if not handed:
        return said
    words = ngettext(
        "%(num)d unfinished item was handed to you: %(numbers)s",
        "%(num)d unfinished items were handed to you: %(numbers)s",
        len(handed),
        numbers="、".join(handed),
    )
    return f"{said} {words}"


def _typed(form: ModelForm) -> people.Account:
    username = form["username"].data if "username" in form.names else ""
    return people.Account(username or "", form["mobile"].data or "", form["email"].data or "")


def _role(row: Any) -> Any:
    """主账号; a sub-account opens all of its business pages, or what was left to it."""
    if row.is_main:
        return _("Main account")
    return _("Sub-account") if row.rights is None else _("Sub-account, own rights")


def _actions(row: Any) -> Iterable[dict[str, str]]:
    """编辑, 删除, 重置密码, 应用内权限配置, 启用 or 停用; none for the main account itself.

    A colleague who came with an account of his own keeps it: phone, password and state are his.
    """
    if row.is_main:
        return
    is_ours = row.person_register_kind == people.OPENED_HERE
    if is_ours:
        yield {"label": _("Edit"), "url": url_for(".edit", pk=row.id)}
    yield {
        "label": _("Delete"),
        "url": url_for(".delete", pk=row.id),
        "method": "post",
        "confirm": _farewell(row),
    }
    if is_ours:
        yield {"label": _("Reset the password"), "url": url_for(".reset", pk=row.id)}
    yield {"label": _("Rights in applications"), "url": url_for(".rights", pk=row.id)}
    if is_ours:
        yield _switch(row)


def _switch(row: Any) -> dict[str, str]:
    on = not row.person_active
    label, state = (_("Switch on"), "on") if on else (_("Switch off"), "off")
    switch = {"label": label, "url": url_for(".switch", pk=row.id, state=state), "method": "post"}
    if on:
        return switch
    confirm = _("Switch this account off? Whoever uses it is logged out at once.")
    return switch | {"confirm": confirm}


def _farewell(row: Any) -> str:
    if row.person_register_kind != people.OPENED_HERE:
        return _(
            "Remove this colleague? The account was his own and goes on as an ordinary user's; "
            "his unfinished items are handed to you."
        )
    return _(
        "Delete this account? If anything happened under it, it is switched off and leaves the "
        "organization, and its records stay; otherwise it is removed. Its unfinished items are "
        "handed to you."
    )


# --- rights as fields -----------------------------------------------------------------------


def _offered(rows: Connection, organization_id: int) -> dict[str, tuple[str, ...]]:
    """What the main account itself may do with its business pages: nobody is given more."""
    pages: rights.Pages = current_app.extensions["pages"]
    pairs = rights.pairs_of(rows, rights.roles_of_main(rows, organization_id))
    always = {menu for name, menu in rights.pairs_of(rows, [choices.SUB_ACCOUNT])}
    return {menu: names for menu, names in pages.offered(pairs).items() if menu not in always}


def _right_fields(offered: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, FieldInfo]]:
    titles = current_app.extensions["pages"].titles
    for menu, names in offered.items():
        group, label = titles[menu]
        some = Choices(choices.RIGHTS.of(name) for name in names)
        section = group or _l("Business of the organization")
        yield _field_name(menu), FieldInfo(label, section=section, choices=some, limit=len(some))


def _field_name(menu: str) -> str:
    return menu.replace(".", "_")


def _with_view(chosen: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Whoever may not see something may not change it either."""
    return {menu: [*names] for menu, names in chosen.items() if rights.VIEW in names}
