"""Belonging to an organization (单位身份): asking to join it, leading it, leaving it (F02)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select
from werkzeug.security import check_password_hash
from werkzeug.wrappers import Response as BaseResponse

from app import access, clock, login, messages
from app.choices import MAIN_ACCOUNT, SUB_ACCOUNT
from app.columns import Choice, Choices, FieldInfo, Phrase, masked
from app.errors import DomainError, Problem
from app.extensions import db
from app.models import FlowCase, JoinRequest, MainAccountChange, Membership, Person
from app.services import logins, people
from app.services.institutions import normal_code
from app.views.base.cells import Cell, Shown, local_time
from app.views.base.forms import ModelForm
from app.views.base.sheet import Sheets, Words, sheet_form
from app.views.people import WHY, part
from app.views.requests import RequestView

ASKED = ("credit_code", "real_name", "mobile")
FLOWS = ("joining", "main_account")


class EntryRequestView(RequestView):
    """What somebody without an organization asks of one that is registered (F02)."""

    list_columns = ("organization_name",)
    filter_columns = ()
    order_columns = ("id",)
    include_route_methods = {"add", "edit"}
    base_permissions = ["can_add", "can_edit"]

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """The way here leads over one's own standing."""
        start = (_("Workbench"), url_for("WorkbenchView.show"))
        return [start, (_("My membership"), url_for("MembershipView.show")), *more]

    def new_row(self) -> Any:
        """The code that was typed at the door, and what the account knows of the person."""
        person = g.grants.person
        return self.model(
            credit_code=normal_code(request.args.get("code", ""))[:18],
            real_name=person.last_name,
            mobile=person.mobile or "",
        )

    def prepare(self, row: Any) -> None:
        """Also the name of the organization, as it is registered."""
        super().prepare(row)
        rows = access.elevated(db.session(), "its applicant does not see the organization")
        found = people.registered(rows, row.credit_code)
        row.organization_name = found[1] if found else ""


class JoinRequestView(EntryRequestView):
    """申请加入: the main account of the organization decides."""

    datamodel = SQLAInterface(JoinRequest)
    route_base = "/join-requests"
    title = _l("Request to join")
    flow = "joining"
    form_columns = (*ASKED, "note")
    show_columns = ("organization_name", *form_columns)

    def form_title(self, _row: Any) -> str:
        """The words of the manual."""
        return _("Request to join an organization")


class MainAccountChangeView(EntryRequestView):
    """管理员变更申请: the operator decides, on the licence and a letter of authorization."""

    datamodel = SQLAInterface(MainAccountChange)
    route_base = "/main-account-changes"
    title = _l("Change of the main account")
    flow = "main_account"
    form_columns = (*ASKED, "licence_file", "letter", "note")
    show_columns = ("organization_name", *form_columns)

    def form_title(self, _row: Any) -> str:
        """The words of the manual."""
        return _("Request a change of the main account")


class MembershipView(Sheets):
    """我的单位身份: for whom one acts and as what; to hand over and to leave."""

    route_base = "/membership"
    default_view = "show"
    base_permissions = ["can_show", "can_leave", "can_hand_over"]

    @expose("/")
    @has_access
    def show(self) -> str:
        """What the reader is in the organization, or how to come to one."""
        who = access.actor()
        return self.page(
            "base/show.html",
            title=g.grants.organization_name or _("You do not act for an organization yet."),
            badge=_standing(who),
            subtitle=None if who.organization_id else _(
                "Ask to join one that is registered; its main account decides."
            ),
            crumbs=[(_("Workbench"), url_for("WorkbenchView.show")), (_("My membership"), "")],
            sections=[{"title": "", "items": list(_facts(who))}],
            buttons=list(self._buttons(who)),
        )  # fmt: skip

    @expose("/leave/", methods=["POST"])
    @has_access
    def leave(self) -> BaseResponse:
        """退出: a sub-account leaves by itself; the main account hands over first."""
        who = access.actor()
        user_id, organization_id = who.user_id or abort(403), who.organization_id or abort(403)
        rows = access.elevated(db.session(), WHY)
        heir = people.main_account(rows, organization_id)
        if heir is None:  # nobody could take the unfinished work over
            text = _("Your organization has no main account at present. Ask the platform's staff.")
            flash(text, "warning")
            return redirect(url_for(".show"))
        part(user_id, heir.user_id)
        db.session.commit()
        flash(_("You have left the organization. Log in again."), "success")
        return redirect(url_for("AccountView.login"))

    @expose("/hand-over/", methods=["GET", "POST"])
    @has_access
    def hand_over(self) -> Any:
        """移交主账号: choose a colleague, type the own password; the roles swap at once."""
        who = access.actor()
        organization_id = who.organization_id or abort(403)
        form = sheet_form(_hand_over_fields(_colleagues(who)))(
            request.form if request.method == "POST" else None
        )

        def act() -> str:
            rows, now = access.elevated(db.session(), WHY), clock.now()
            chosen = people.member(rows, int(form["colleague"].data))
            if chosen is None or chosen.organization_id != organization_id or not chosen.active:
                raise DomainError(
                    _("This colleague does not belong to your organization any more."),
                    _("Choose another one."),
                )
            people.lead(rows, organization_id, chosen.user_id, now, login.token_hash())
            context = {"org": g.grants.organization_name, "actor": chosen.name}
            told = [chosen.user_id, who.user_id or 0]
            key = f"account.main_changed:{organization_id}:{now.isoformat()}"
            messages.notify(db.session(), "account.main_changed", told, context, key, now)
            flash(_("Handed over. You are a sub-account from now on."), "success")
            return url_for(".show")

        title = _("Hand over the main account")
        words = Words(
            title,
            _("Hand over"),
            url_for(".show"),
            [(_("Workbench"), url_for("WorkbenchView.show")),
             (_("My membership"), url_for(".show")), (title, "")],
            _("The colleague keeps the accounts of the organization from now on; you go on as a "
              "sub-account. Only the new main account or the platform can change that again."),
        )  # fmt: skip
        return self.sheet(form, words, lambda: _own_password(form), act)

    def _buttons(self, who: access.Actor) -> Iterable[dict[str, Any]]:
        if self.may("hand_over"):
            url = url_for(".hand_over")
            yield {"label": _("Hand over the main account"), "url": url, "method": "get"}
        elif self.may("leave"):
            yield {
                "label": _("Leave the organization"),
                "url": url_for(".leave"),
                "method": "post",
                "confirm": _leaving(g.grants.person),
            }
        elif who.organization_id is None:
            yield from request_buttons()


def request_buttons(code: str = "") -> Iterable[dict[str, Any]]:
    """申请加入 and 管理员变更申请, as a page of somebody without an organization offers them."""
    more = {"code": code} if code else {}
    join = url_for("JoinRequestView.add", **more)
    yield {"label": _("Ask to join"), "url": join, "method": "get", "primary": True}
    change = url_for("MainAccountChangeView.add", **more)
    yield {"label": _("Request a change of the main account"), "url": change, "method": "get"}


def _leaving(person: Any) -> str:
    if person.register_kind == people.OPENED_HERE:
        return _(
            "Leave the organization? The account was opened by it and is switched off with that; "
            "your unfinished items go to the main account."
        )
    return _(
        "Leave the organization? Your account goes on as an ordinary user's; your unfinished "
        "items go to the main account."
    )


def _standing(who: access.Actor) -> Shown | None:
    if MAIN_ACCOUNT in who.roles:
        return Shown(_("Main account"), "s")
    return Shown(_("Sub-account"), "i") if SUB_ACCOUNT in who.roles else None


def _facts(who: access.Actor) -> Iterable[tuple[Cell, Shown]]:
    """The main account to turn to, and what was left to a sub-account."""
    person = g.grants.person
    yield _fact(_("User name")), Shown(person.username)
    if who.organization_id is None:
        for case in _requests(who):
            url = url_for("CaseView.show", number=case.number)
            yield _fact(_("Request under way")), Shown(f"{case.number} {case.title}", url=url)
        return
    rows = access.elevated(db.session(), "a colleague may know whom to turn to")
    main = people.main_account(rows, who.organization_id)
    if main is not None and MAIN_ACCOUNT not in who.roles:
        found = people.mobile_of(rows, main.user_id)
        text = f"{main.name} {masked('phone', found)}" if found else main.name
        yield _fact(_("Main account")), Shown(text)
    if SUB_ACCOUNT in who.roles:
        titles = current_app.extensions["pages"].titles
        open_to_me = current_app.extensions["appbuilder"].sm.get_user_menu_access()
        names = "、".join(str(titles[menu][1]) for menu in titles if menu in open_to_me)
        yield _fact(_("Menus open to me")), Shown(names)


def _fact(label: str) -> Cell:
    return Cell("", FieldInfo(label), "text", None)


def _requests(who: access.Actor) -> Sequence[FlowCase]:
    mine = (FlowCase.flow.in_(FLOWS), FlowCase.applicant_id == who.user_id)
    running = FlowCase.state.in_(("in_review", "returned"))
    return db.session.scalars(select(FlowCase).where(*mine, running)).all()


def _colleagues(who: access.Actor) -> Choices:
    """Active colleagues, as a field offers them."""
    ours = (
        select(Person.id, Person.last_name, Person.username)
        .join(Membership, Membership.user_id == Person.id)
        .where(Membership.organization_id == who.organization_id, Membership.is_main.is_(False))
        .where(Person.active.is_(True))
        .order_by(Person.id)
    )
    found = db.session.execute(ours)
    return Choices(Choice(str(row.id), f"{row.last_name} ({row.username})") for row in found)


def _hand_over_fields(colleagues: Choices) -> Mapping[str, FieldInfo]:
    return {
        "colleague": FieldInfo(
            _l("New main account"), required=True, choices=colleagues,
            hint="" if colleagues else _l("Nobody else belongs to the organization yet."),
        ),
        "password": FieldInfo(_l("Your password"), kind="password", required=True),
    }  # fmt: skip


def _own_password(form: ModelForm) -> Iterable[Problem]:
    """The password of whoever hands over; tries are counted as at the door."""
    person, rule, now = g.grants.person, current_app.extensions["profile"].login, clock.now()
    typed = form["password"].data or ""
    if not typed:
        return
    session = db.session()
    attempt, until = logins.knock(
        session, rule, person.username, (request.remote_addr or "")[:64], now
    )
    db.session.commit()  # counted whatever comes of it
    if until is None and check_password_hash(person.password or "", typed):
        logins.succeeded(session, attempt)
        return
    until = until or logins.failed(session, rule, attempt, now)
    db.session.commit()
    if until is None:
        yield Problem("password", _("The password is wrong."))
    else:
        text = _("Too many wrong tries. Go on after %(time)s.", time=local_time(until))
        yield Problem("password", text)
