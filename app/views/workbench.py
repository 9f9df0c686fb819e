"""The workbench (工作台, S0-10): what waits for me, what I applied for, what is new."""

from __future__ import annotations

from typing import Any

from flask import g, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import access, choices, clock, todos
from app.extensions import db
from app.models import FlowCase, FlowTask, Organization
from app.services import announcements
from app.views import shortcuts
from app.views.base import Page, paging
from app.views.base.cells import Shown, cell_at, due, flow_title, local_time
from app.views.base.view import TAB_CAP

ROWS = 6
NEWS = 5


class WorkbenchView(Page):
    """One page for every role; figures come from rows, never from anywhere else."""

    route_base = "/workbench"
    default_view = "show"

    @expose("/")
    @has_access
    def show(self) -> str:
        """The boxes of S0-10."""
        now = clock.now()
        figures = todos.figures(db.session(), access.actor(), now)
        reviews = self.appbuilder.sm.has_access("can_list", "TodoView")
        return self.page(
            "workbench.html",
            hello=self._hello(figures, reviews=reviews),
            figures=[*self._figures(figures, reviews=reviews), *shortcuts.cards(now)],
            entries=list(shortcuts.entries()),
            tabs=self._tabs(figures) if reviews else [],
            todo=self._todo(now) if reviews else None,
            news=announcements.newest(db.session(), clock.now(), NEWS),
            applications=self._applications(),
            applications_url=self._cases_url(),
            role_card=self._role_card(),
        )

    def _hello(self, figures: todos.Figures, *, reviews: bool) -> str:
        name = str(g.grants.person)
        if not reviews:
            return _("Hello, %(name)s.", name=name)
        waiting = ngettext(
            "%(num)d task is waiting for you.", "%(num)d tasks are waiting for you.", figures.to_do
        )
        return _("Hello, %(name)s. %(waiting)s", name=name, waiting=waiting)

    def _figures(self, figures: todos.Figures, *, reviews: bool) -> list[dict[str, Any]]:
        url = self._cases_url()
        running = [
            {"label": _("My running applications"), "icon": "send", "url": url,
             "value": paging.capped(figures.running, TAB_CAP)},
        ] if url else []  # fmt: skip
        if not reviews:
            return running
        late = "d" if figures.overdue else ""
        return [
            {"label": _("Waiting for me"), "value": paging.capped(figures.to_do, TAB_CAP),
             "icon": "checklist", "url": url_for("TodoView.list")},
            {"label": _("Overdue"), "value": paging.capped(figures.overdue, TAB_CAP), "css": late,
             "icon": "clock", "url": url_for("TodoView.list")},
            *running,
            {"label": _("Decided this month"), "value": paging.capped(figures.decided, TAB_CAP),
             "icon": "circle-check", "url": url_for("DoneView.list")},
        ]  # fmt: skip

    def _cases_url(self) -> str:
        """我的申请; empty for whoever does not have that page, as a consultant."""
        allowed = self.appbuilder.sm.has_access("can_list", "MyCasesView")
        return url_for("MyCasesView.list") if allowed else ""

    def _tabs(self, figures: todos.Figures) -> list[dict[str, Any]]:
        url = self._cases_url()
        mine = [
            {"key": "mine", "label": _("My applications"), "active": False, "count": "",
             "url": url},
        ] if url else []  # fmt: skip
        return [
            {"key": "todo", "label": _("Waiting for me"), "active": True,
             "count": paging.capped(figures.to_do, TAB_CAP), "url": url_for("TodoView.list")},
            *mine,
            {"key": "done", "label": _("Done by me"), "active": False, "count": "",
             "url": url_for("DoneView.list")},
        ]  # fmt: skip

    def _todo(self, now: Any) -> dict[str, Any]:
        order = FlowTask.due_at, FlowTask.id, False
        query = paging.walked(select(FlowTask), order, todos.hats(access.actor()), ROWS)
        query = paging.ordered(query, FlowTask.due_at, FlowTask.id, descending=False).limit(ROWS)
        query = query.options(joinedload(FlowTask.case), joinedload(FlowTask.stage))
        lines = []
        for task in db.session.scalars(query):
            case = task.case
            cells = [
                Shown(case.title),
                Shown(flow_title(task.flow)),
                Shown(case.applicant_name),
                Shown(_(task.stage.title) if task.stage else ""),
                Shown(local_time(case.submitted_at) if case.submitted_at else ""),
                due(task.due_at, now) if task.due_at else Shown(""),
            ]
            lines.append({"values": cells, "url": url_for("CaseView.show", number=case.number)})
        heads = [
            _("Application"), _("Kind of application"), _("Applicant"), _("Present stage"),
            _("Submitted at"), _("Time limit"),
        ]  # fmt: skip
        return {"heads": heads, "lines": lines, "all_url": url_for("TodoView.list")}

    def _applications(self) -> list[dict[str, Any]]:
        who = access.actor()
        mine = FlowCase.applicant_id == who.user_id
        if who.organization_id:
            mine |= FlowCase.organization_id == who.organization_id
        newest = select(FlowCase).where(mine).order_by(FlowCase.id.desc()).limit(NEWS)
        states = choices.CASE_STATES
        return [
            {
                "title": case.title,
                "v": Shown(str(states.of(case.state).label), states.of(case.state).css),
                "url": url_for("CaseView.show", number=case.number),
                "at": local_time(case.submitted_at) if case.submitted_at else "",
            }
            for case in db.session.scalars(newest)
        ]

    def _role_card(self) -> dict[str, Any]:
        """One's own role, and how far the certification has come (服务商认证情况)."""
        key = access.actor().organization_id
        o = Organization
        mine = select(o.name, o.certification, o.institution_state).where(o.id == key)
        row = db.session.execute(mine).first() if key else None
        shown = row is not None and access.actor().kind == "member"
        state = cell_at(Organization, "certification").show(row.certification) if shown else None
        apply = self.appbuilder.sm.has_access("can_add", "AccreditationView")
        in_pool = row is not None and row.institution_state == "in_pool"
        step = {"text": _("Role certification"), "url": url_for("AccreditationView.choose")}
        certify = shown and self.appbuilder.sm.has_access("can_add", "CertificationView")
        if certify and row.certification in ("none", "returned", "refused", "expired"):
            apply = True
            address = url_for("MyOrganizationView.show")
            step = {"text": _("Enterprise certification"), "url": address}
        return {
            "organization": row.name if row else "",
            "state": state,
            "next": step if apply and not in_pool else None,
        }
