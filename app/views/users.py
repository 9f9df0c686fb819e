"""用户: all accounts, as the security administrator keeps them; 角色权限: what each role may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import Select, case, false, func, or_, select

from app import access, choices, clock
from app.access import RULE, Me
from app.columns import Choice, Choices, FieldInfo, masked
from app.errors import DomainError
from app.extensions import AppSession, db, system_session
from app.models import LoginSession, Membership, Organization, OrgRole, Person
from app.services import accounts
from app.views.base import BackOfficeView
from app.views.base.cells import EMPTY, Cell, Shown, local_time
from app.views.base.fields import TermField, TermsField, text_field
from app.views.base.forms import Declared, ModelForm
from app.views.base.inputs import draw
from app.views.base.typed import clean
from app.views.base.view import Answer, summary

role_, held_ = (Person.metadata.tables[name] for name in ("ab_role", "ab_user_role"))
TYPED = {
    "username": FieldInfo(_l("User name"), required=True, maximum=30,
                          hint=_l("6 to 30 letters, digits or underscores; never changed later")),
    "name": FieldInfo(_l("Name"), required=True, maximum=30),
    "mobile": FieldInfo(_l("Mobile number"), required=True, kind="mobile"),
    "email": FieldInfo(_l("E-mail"), kind="email", maximum=120),
}  # fmt: skip


def _rows(query: Any) -> Any:
    """A select of accounts' own data, which the reader sees with the account."""
    return query._annotate({RULE: True})  # noqa: SLF001 - no public name


def _organization_name() -> Any:
    member, place = Membership.__table__.alias(), Organization.__table__.alias()
    named = select(place.c.name).join_from(member, place).where(member.c.user_id == Person.id)
    return _rows(named.scalar_subquery())


def _role_names() -> Any:
    held, role = held_.alias(), role_.alias()
    names = select(func.aggregate_strings(role.c.name, ",")).join_from(held, role)
    return _rows(names.where(held.c.user_id == Person.id).scalar_subquery())


STATE = case(
    (Person.active.is_not(True), "off"),
    (Person.locked_until > Me.now, "locked"),
    (Person.must_change_password & Person.last_login.is_(None), "unverified"),
    else_="active",
)
"""正常, 待激活 (a one-time password that nobody used), 已锁定, 已停用."""


class UserView(BackOfficeView):
    """用户: found, unlocked, switched off, given roles."""

    datamodel = SQLAInterface(Person)
    route_base = "/users"
    title = _l("Users")
    list_columns = ("username", "last_name", "mobile", "last_login", "created_on")
    show_columns = ("username", "last_name", "mobile", "email", "last_login", "created_on")
    link_column = "username"
    filter_columns = ()
    order_columns = ("id",)
    searchable = True
    base_permissions = ["can_list", "can_show", "can_add", "can_operate", "can_reveal"]
    include_route_methods = {"list", "show", "add", "operate", "roles", "reveal"}

    def _init_properties(self) -> None:
        super()._init_properties()
        titles = _titles()
        roles = Choices(Choice(key, title) for key, title in titles.items())
        place = Cell("organization", FieldInfo(_l("Organization")), "text", None)
        role = Cell("role", FieldInfo(_l("Role"), choices=roles), "badge", None)
        state = Cell("state", FieldInfo(_l("State"), choices=choices.ACCOUNT_STATES), "badge", None)
        self.filters = [state, role]
        self.more = {"organization": place, "role": role, "state": state}

    def _list_query(self) -> tuple[Select[Any], dict[str, Any]]:
        query, joined = super()._list_query()
        self.cells[3:3] = self.more.values()
        more = {"organization": _organization_name(), "role": _role_names(), "state": STATE}
        return query.add_columns(*(column.label(name) for name, column in more.items())), joined

    def narrowed(self, args: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
        """Beside state and role: a phrase in user name or name, or a whole mobile number."""
        phrase = clean(args.get("q", ""))[:100]
        conditions, active = super().narrowed({k: v for k, v in args.items() if k != "q"})
        if phrase:
            conditions.append(self._found(phrase))
            active["q"] = phrase
        return conditions, active

    def phrase(self, _active: Mapping[str, str]) -> None:
        """Accounts have no search index: what is looked for is a condition like others."""

    def _found(self, phrase: str) -> Any:
        """A number is not found by its parts, and a whole one by those alone who may view it."""
        if not phrase.isdecimal():
            return or_(*(column.contains(phrase, autoescape=True) for column in NAMES))
        if masked("account", phrase) != phrase and not self.may_look_up(phrase):
            return false()
        return or_(Person.username == phrase, Person.mobile == phrase)

    def _condition(self, cell: Cell, raw: str) -> Any:
        if raw not in cell.info.choices.codes():
            return None
        if cell.path == "state":
            return raw == STATE
        held, role = held_.alias(), role_.alias()
        holders = select(held.c.user_id).join_from(held, role).where(role.c.name == raw)
        return _rows(Person.id.in_(holders))

    def shown(self, cell: Cell, value: Any) -> Shown:
        """Roles by their titles; FAB's own moments are UTC without saying so."""
        if cell.path == "role":
            return Shown(_said_roles(value.split(",") if value else []))
        if isinstance(value, datetime) and value.tzinfo is None:
            return Shown(local_time(value.replace(tzinfo=UTC)))
        return super().shown(cell, value)

    # --- one account ------------------------------------------------------------------------

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """The account, then its logins that are open now."""
        facts = db.session.execute(
            select(*(column.label(name) for name, column in _facts().items())).where(
                Person.id == row.id
            )
        ).one()
        plain = plain or access.sees_plain(Person, row)
        items = [(cell, self._value(cell, row, plain=plain)) for cell in self.details]
        items[3:3] = [(cell, self.shown(cell, getattr(facts, n))) for n, cell in self.more.items()]
        if facts.state == "locked":
            until = Cell("locked_until", FieldInfo(_l("Locked until")), "time", None)
            items.append((until, Shown(local_time(row.locked_until))))
        logins = Cell("logins", FieldInfo(_l("Logins open now")), "text", None)
        items.append((logins, Shown(str(facts.logins))))
        return [{"title": _("Account"), "items": items}]

    def _value(self, cell: Cell, row: Any, *, plain: bool) -> Shown:
        value = getattr(row, cell.path)
        if value in (None, ""):
            return EMPTY
        if cell.info.sensitive and not plain:
            return self.hidden(cell, value, row.id)
        return self.shown(cell, value)

    def _badge(self, row: Any) -> Shown | None:
        state = db.session.scalar(select(STATE).where(Person.id == row.id))
        return self.more["state"].show(state)

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """What may be done to somebody else's account."""
        if not self.may("operate") or row.id == access.actor().user_id:
            return []
        offered = [name for name, action in ACTIONS.items() if action.fits(row)]
        buttons = [
            {"label": ACTIONS[name].label, "icon": ACTIONS[name].icon, "method": "post",
             "confirm": ACTIONS[name].confirm,
             "url": url_for(".operate", pk=row.id, action=name)}
            for name in offered
        ]  # fmt: skip
        if _is_staff(row):
            roles = {"label": _("Assign roles"), "icon": "users", "method": "get"}
            buttons.insert(0, roles | {"url": url_for(".roles", pk=row.id), "primary": True})
        return buttons

    @expose("/<pk>/<action>/", methods=["POST"])
    @has_access
    @permission_name("operate")
    def operate(self, pk: str, action: str) -> Any:
        """Switch off or on, unlock, reset, end all logins: each at once and noted."""
        row = self.row_or_404(pk)
        doing = ACTIONS.get(action) or abort(404)
        key, who = row.id, access.actor()
        with system_session() as session:
            said = doing.run(session, who, key, clock.now())
            session.commit()
        if action == "reset":
            return self._password_page(key, said)
        flash(said, "success")
        return redirect(url_for(".show", pk=key))

    def _password_page(self, key: int, password: str) -> str:
        """The one-time password, shown this once."""
        row = self.row_or_404(str(key))
        return self.page(
            "users/password.html",
            title=_("One-time password"),
            crumbs=self.crumbs((str(row), url_for(".show", pk=key)), (_("One-time password"), "")),
            row=row,
            password=password,
            hours=current_app.extensions["profile"].password.one_time_hours,
        )

    # --- forms ------------------------------------------------------------------------------

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A new account of staff; its password is shown once and changed at the first login."""
        form = _staff_form()(request.form if request.method == "POST" else None)
        problem = ""
        if request.method == "POST" and form.validate():
            asked = accounts.NewStaff(
                username=form["username"].data,
                name=form["name"].data,
                mobile=form["mobile"].data,
                email=form["email"].data or "",
                roles=form["roles"].data,
                authority_id=int(form["authority"].data) if form["authority"].data else None,
            )
            page, problem = self._created(form, asked)
            if page:
                return page, 200
        return self._form_page(form, _("New staff account"), url_for(".list"), problem)

    def _created(self, form: ModelForm, asked: accounts.NewStaff) -> tuple[str, str]:
        """The page with the password, or else what is wrong beyond single fields."""
        profile = current_app.extensions["profile"]
        now = clock.now()
        with system_session() as session:
            form.add_problems(accounts.problems(session, asked))
            if form.is_faulty:
                return "", ""
            try:
                person, password = accounts.create_staff(
                    session, asked, profile.roles, profile.password, now
                )
            except DomainError as refusal:
                return "", str(refusal)
            key = person.id
            session.commit()
        return self._password_page(key, password), ""

    @expose("/<pk>/roles/", methods=["GET", "POST"])
    @has_access
    @permission_name("operate")
    def roles(self, pk: str) -> Answer:
        """Which roles of staff an account holds; all its logins end with a change."""
        row = self.row_or_404(pk)
        key, who = row.id, access.actor()
        profile = current_app.extensions["profile"]
        held = {"roles": _held(key)}
        form = _roles_form()(request.form if request.method == "POST" else None, data=held)
        problem = ""
        if request.method == "POST" and form.validate():
            try:
                with system_session() as session:
                    accounts.assign_roles(
                        session, who, key, form["roles"].data or [], profile.roles, clock.now()
                    )
                    session.commit()
            except DomainError as refusal:
                problem = str(refusal)
            else:
                flash(_("Saved. All logins of this account have ended."), "success")
                return redirect(url_for(".show", pk=key))
        title = _("Roles of %(name)s", name=row.username)
        return self._form_page(form, title, url_for(".show", pk=key), problem)

    def _form_page(self, form: ModelForm, title: str, back: str, problem: str) -> Answer:
        fields = [draw(form, name, lambda _n: "") for name in form.names]
        page = self.page(
            self.edit_template,
            title=title,
            crumbs=self.crumbs((title, "")),
            sections=[{"key": "account", "title": "", "fields": fields}],
            summary=list(summary(fields)),
            problem=problem,
            back_url=back,
        )
        return page, 400 if request.method == "POST" else 200


# --- what may be done -----------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """Something done to an account by one button; ``run`` returns what to say of it."""

    label: Any
    icon: str
    confirm: Any
    fits: Callable[[Any], bool]
    run: Callable[[AppSession, access.Actor, int, datetime], str]


def _switch(*, on: bool) -> Callable[[AppSession, access.Actor, int, datetime], str]:
    def run(session: AppSession, who: access.Actor, key: int, now: datetime) -> str:
        accounts.switch(session, who, key, now, on=on)
        return _("Switched on.") if on else _("Switched off; all its logins have ended.")

    return run


def _unlock(session: AppSession, who: access.Actor, key: int, _now: datetime) -> str:
    accounts.unlock(session, who, key)
    return _("Unlocked: this account can log in again.")


def _reset(session: AppSession, who: access.Actor, key: int, now: datetime) -> str:
    rule = current_app.extensions["profile"].password
    return accounts.reset(session, who, key, rule, now)


def _end_logins(session: AppSession, who: access.Actor, key: int, now: datetime) -> str:
    count = accounts.end_logins(session, who, key, now)
    return ngettext("%(num)d login ended.", "%(num)d logins ended.", count)


ACTIONS = {
    "unlock": Action(
        _l("Unlock"), "check", "",
        lambda row: row.locked_until is not None and row.locked_until > clock.now(), _unlock,
    ),
    "reset": Action(
        _l("Reset to a one-time password"), "refresh",
        _l("Give this account a one-time password? Its present password and all its logins end."),
        lambda row: bool(row.active), _reset,
    ),
    "logout": Action(
        _l("End all logins"), "logout", _l("End all logins of this account now?"),
        lambda row: bool(row.active), _end_logins,
    ),
    "off": Action(
        _l("Switch off"), "x", _l("Switch this account off? All its logins end at once."),
        lambda row: bool(row.active), _switch(on=False),
    ),
    "on": Action(
        _l("Switch on"), "check", "", lambda row: not row.active, _switch(on=True),
    ),
}  # fmt: skip


# --- forms and facts ------------------------------------------------------------------------

NAMES = (Person.username, Person.last_name)


def _form(infos: Mapping[str, FieldInfo]) -> type[ModelForm]:
    """A form over fields that are no model's columns."""
    fields: dict[str, Any] = {}
    for name, info in infos.items():
        rules = [Declared(None, info)]
        if info.choices is None:
            fields[name] = text_field(info, rules, 0)
        elif name == "roles":
            fields[name] = TermsField(info.label, rules, validate_choice=False)
        else:
            fields[name] = TermField(info.label, rules, validate_choice=False)
    known = {"model": None, "names": tuple(infos), "infos": dict(infos)}
    return type("AccountForm", (ModelForm,), fields | known)


def _staff_roles() -> FieldInfo:
    roles = current_app.extensions["profile"].roles
    offered = Choices(Choice(key, r.title) for key, r in roles.items() if r.kind == "staff")
    hint = _l("An administrator's role goes with no other one")
    return FieldInfo(_l("Roles"), choices=offered, hint=hint)


def _roles_form() -> type[ModelForm]:
    return _form({"roles": _staff_roles()})


def _staff_form() -> type[ModelForm]:
    places = select(Organization.id, Organization.name).where(
        Organization.roles.any(OrgRole.role.in_(choices.AUTHORITIES))
    )
    found = db.session.execute(places.order_by(Organization.name)).all()
    authority = FieldInfo(
        _l("Authority"),
        choices=Choices(Choice(str(row.id), row.name) for row in found),
        hint=_l("A city bureau sees the region of its authority"),
    )
    return _form({**TYPED, "roles": _staff_roles(), "authority": authority})


def _facts() -> dict[str, Any]:
    login = LoginSession.__table__.alias()
    open_now = select(func.count()).select_from(login)
    open_now = open_now.where(login.c.user_id == Person.id, login.c.ended_at.is_(None))
    return {
        "organization": _organization_name(),
        "role": _role_names(),
        "state": STATE,
        "logins": _rows(open_now.scalar_subquery()),
    }


def _titles() -> dict[str, Any]:
    return {key: role.title for key, role in current_app.extensions["profile"].roles.items()}


def _said_roles(names: Sequence[str]) -> str:
    titles = _titles()
    return "、".join(str(titles.get(name, name)) for name in sorted(names))


def _held(user_id: int) -> list[str]:
    found = db.session.scalar(select(_role_names()).where(Person.id == user_id))
    return found.split(",") if found else []


def _is_staff(row: Any) -> bool:
    roles = current_app.extensions["profile"].roles
    return all(roles[name].kind == "staff" for name in _held(row.id) if name in roles)
