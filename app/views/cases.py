"""Cases: the to-do lists, and the page on which an application is read and decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import access, choices, clock, todos
from app.errors import DomainError
from app.extensions import db
from app.models import FlowCase, FlowEvent, FlowStage, FlowTask
from app.views.base import BackOfficeView, Page
from app.views.base.cells import Shown, due, flow_title, local_time
from app.views.base.page import row_address
from app.views.base.revealing import note_reading
from app.views.base.typed import clean, is_key

OPINION_LENGTH = 1000
STAGE_ACTIONS = {"approve": "done", "return": "returned", "refuse": "refused"}


class CaseList(BackOfficeView):
    """A list whose rows lead to cases; read only."""

    base_permissions = ["can_list"]
    include_route_methods = {"list"}

    @expose("/list/")
    @expose("/")
    @has_access
    def list(self) -> str:
        """The rows; the short address is the one that people remember."""
        return super().list()

    def row_url(self, row: Any) -> str | None:
        """The case."""
        number = row.case_number if hasattr(row, "case_number") else row.number
        return row_address("CaseView.show", "number", number)


class TodoView(CaseList):
    """待我审批 (S0-12): what waits for me, the most urgent first."""

    datamodel = SQLAInterface(FlowTask)
    route_base = "/tasks/todo"
    title = _l("Waiting for me")
    list_columns = (
        "case.title", "flow", "case.applicant_name", "stage.title", "case.submitted_at", "due_at",
    )  # fmt: skip
    extra_columns = ("case.number",)
    link_column = "case.title"
    search_column = "case.search_text"
    filter_columns = ("case.applicant_name", "case.submitted_at")
    order_columns = ("due_at", "id")
    base_order = ("due_at", "asc")

    def base_conditions(self) -> Sequence[Any]:
        """My own tasks and those of my roles."""
        return [todos.mine(access.actor())]

    def branches(self) -> Sequence[Any]:
        """Mine and those of each role, by themselves."""
        return todos.hats(access.actor())


class DoneView(CaseList):
    """已办: what I decided, the newest first."""

    labels = MappingProxyType({"stage.title": _l("Stage")})

    datamodel = SQLAInterface(FlowTask)
    route_base = "/tasks/done"
    title = _l("Done by me")
    list_columns = (
        "case.title", "flow", "case.applicant_name", "stage.title", "decision", "opinion",
        "closed_at",
    )  # fmt: skip
    extra_columns = ("case.number",)
    link_column = "case.title"
    search_column = "case.search_text"
    filter_columns = ("case.applicant_name", "decision", "closed_at")
    order_columns = ("closed_at", "id")
    base_order = ("closed_at", "desc")

    def base_conditions(self) -> Sequence[Any]:
        """What I decided as a reviewer; a resubmission of my own is none."""
        return [
            FlowTask.state == "done",
            FlowTask.decided_by == access.actor().user_id,
            FlowTask.stage_id.is_not(None),
        ]


class MyCasesView(CaseList):
    """我的申请: what I, or my organization, applied for."""

    datamodel = SQLAInterface(FlowCase)
    route_base = "/tasks/mine"
    title = _l("My applications")
    list_columns = ("number", "title", "flow", "state", "stage.title", "submitted_at")
    link_column = "title"
    filter_columns = ("submitted_at",)
    order_columns = ("id",)
    tab_column = "state"

    def base_conditions(self) -> Sequence[Any]:
        """My own, and for a member those of the organization."""
        who = access.actor()
        mine = FlowCase.applicant_id == who.user_id
        return [
            mine | (FlowCase.organization_id == who.organization_id)
            if who.organization_id
            else mine
        ]


class CaseView(Page):
    """``/cases/<number>/``: the application, its progress, its log, and what one may do."""

    route_base = "/cases"

    @expose("/<number>/")
    def show(self, number: str) -> Any:
        """The case as its applicant or its reviewer reads it."""
        if not current_user.is_authenticated:
            return redirect(url_for("AccountView.login", next=request.path))
        return self._page(self._case(number))

    @expose("/<number>/tasks/<task>/<action>/", methods=["POST"])
    def decide(self, number: str, task: str, action: str) -> Any:
        """通过, 退回 or 不予通过 on the very task that the reader saw."""
        case = self._case(number)
        verbs = {"approve": "approve", "return": "send_back", "refuse": "refuse"}
        if action not in verbs or not is_key(task):
            abort(404)
        opinion = clean(request.form.get("opinion", ""))[:OPINION_LENGTH]
        said = {
            "approve": _("Approved."),
            "return": _("Returned to the applicant."),
            "refuse": _("Refused."),
        }
        return self._act(
            case,
            lambda desk: getattr(desk, verbs[action])(int(task), opinion),
            said[action],
            opinion,
        )

    @expose("/<number>/withdraw/", methods=["POST"])
    def withdraw(self, number: str) -> Any:
        """撤回, as long as nobody has decided."""
        case = self._case(number)
        return self._act(case, lambda desk: desk.withdraw(case.id), _("Withdrawn."), "")

    def _act(self, case: FlowCase, act: Any, said: str, opinion: str) -> Any:
        number = case.number
        flows = current_app.extensions["workflow"]
        try:
            act(flows.desk(db.session(), access.actor(), clock.now()))
            db.session.commit()
        except DomainError as refusal:
            db.session.rollback()
            return self._page(self._case(number), str(refusal), opinion), 409
        flash(said, "success")
        return redirect(url_for(".show", number=number))

    def _case(self, number: str) -> FlowCase:
        query = select(FlowCase).where(FlowCase.number == clean(number)[:24])
        return db.session.scalar(query.options(joinedload(FlowCase.stage))) or abort(404)

    def _page(self, case: FlowCase, problem: str = "", opinion: str = "") -> str:
        flow = current_app.extensions["workflow"].flows[case.flow]
        view = next(
            v for v in self.appbuilder.baseviews
            if isinstance(v, BackOfficeView) and v.model is flow.subject
        )  # fmt: skip
        subject = view.row_or_404(str(case.subject_id))
        events, stages, tasks = _course(case)
        state = choices.CASE_STATES.of(case.state)
        submitted = local_time(case.submitted_at) if case.submitted_at else ""
        decide = self._decision(case, tasks)
        key, label = case.id, f"{case.number} {case.title}"
        jump = {"label": _("Decide"), "url": "#decide", "primary": True, "icon": "checklist"}
        page = self.page(
            "cases/show.html",
            title=case.title,
            subtitle=" · ".join(filter(None, [case.number, flow_title(case.flow), submitted])),
            badge=Shown(str(state.label), state.css),
            crumbs=[
                (_("Workbench"), url_for("WorkbenchView.show")),
                (flow_title(case.flow), ""),
                (case.number, ""),
            ],
            sections=view.sections_of(subject, plain=decide is not None),
            buttons=[jump] if decide else [],
            progress=list(self._progress(case, events, stages, tasks)),
            log=[self._line(event, stages) for event in events],
            checks=self._checks(case, flow, subject),
            decide=decide,
            applicant_actions=self._applicant_actions(case, view),
            problem=problem,
            opinion=opinion,
        )
        if decide is not None:  # its reviewer reads personal data in plain
            db.session.rollback()
            note_reading("flow_case", key, label)
        return page

    def _progress(
        self,
        case: FlowCase,
        events: Sequence[FlowEvent],
        stages: Sequence[FlowStage],
        tasks: Sequence[FlowTask],
    ) -> Iterator[dict[str, Any]]:
        """What happened, where it stands and what is still to come."""
        titles = {stage.key: _(stage.title) for stage in stages}
        for event in events:
            if event.action == "open":
                continue
            action = choices.ACTIONS.of(event.action)
            place = titles.get(event.source)
            yield {
                "title": place or str(action.label),
                "state": STAGE_ACTIONS.get(event.action, "done"),
                "badge": Shown(str(action.label), action.css) if place else None,
                "who": event.actor_name,
                "at": local_time(event.at),
                "opinion": event.opinion,
                "note": "",
            }
        if case.state == "returned":
            yield self._now(_("Correction by the applicant"), tasks, case.applicant_name)
        if case.stage is not None:
            yield self._now(_(case.stage.title), tasks, "")
            for stage in stages:
                if stage.position > case.stage.position:
                    yield {"title": _(stage.title), "state": "waiting"}

    def _now(self, title: str, tasks: Sequence[FlowTask], person: str) -> dict[str, Any]:
        roles = current_app.extensions["profile"].roles
        waiting = person or "、".join(
            sorted({str(roles[t.role].title) for t in tasks if t.role in roles})
        )
        opened = min((t.opened_at for t in tasks if t.opened_at), default=None)
        days = (clock.now() - opened).days if opened else 0
        limit = min((t.due_at for t in tasks if t.due_at), default=None)
        return {
            "title": title,
            "state": "now",
            "badge": due(limit, clock.now()) if limit else None,
            "who": _("Waiting for: %(who)s", who=waiting) if waiting else "",
            "note": ngettext("Here for %(num)d day", "Here for %(num)d days", days) if days else "",
        }

    def _line(self, event: FlowEvent, stages: Sequence[FlowStage]) -> dict[str, Any]:
        places = {stage.key: _(stage.title) for stage in stages}
        places |= {choice.code: str(choice.label) for choice in choices.CASE_STATES}
        return {
            "number": event.number,
            "at": local_time(event.at),
            "action": str(choices.ACTIONS.of(event.action).label),
            "who": event.actor_name,
            "source": places.get(event.source, event.source),
            "target": places.get(event.target, event.target),
            "opinion": event.opinion,
        }

    def _checks(self, case: FlowCase, flow: Any, subject: Any) -> Sequence[dict[str, Any]] | None:
        """自动检查 for reviewers: the formal pre-check once more, on the data of today."""
        if case.state != "in_review" or access.actor().kind != "staff":
            return None
        rows = access.elevated(db.session(), "duplicates are anybody's")
        lines = [
            {"ok": "block", "text": str(problem.text)}
            for problem in flow.check(subject, rows, clock.now())
        ] or [{"ok": "pass", "text": _("All formal checks passed.")}]
        remarks = flow.remarks(subject, rows, clock.now())
        return lines + [{"ok": "warn", "text": str(remark)} for remark in remarks]

    def _decision(self, case: FlowCase, tasks: Sequence[FlowTask]) -> dict[str, Any] | None:
        """What a reviewer needs to decide; None for everybody else."""
        who = access.actor()
        if case.state != "in_review" or case.applicant_id == who.user_id:
            return None
        mine = next((t for t in tasks if _is_mine(t, who)), None)
        if mine is None:
            return None

        def url(action: str) -> str:
            return url_for(".decide", number=case.number, task=mine.id, action=action)

        return {
            "approve_url": url("approve"),
            "return_url": url("return"),
            "refuse_url": url("refuse"),
            "phrases": {
                "approve": [
                    _("The materials are complete; agreed."),
                    _("Meets the requirements; approved."),
                ],
                "return": [
                    _("The attachment is not clear; please upload a scan of the original again."),
                    _("The form and the proof differ; please check and correct."),
                ],
                "refuse": [_("The conditions are not met.")],
            },
        }

    def _applicant_actions(self, case: FlowCase, view: Any) -> Sequence[dict[str, Any]]:
        if case.applicant_id != access.actor().user_id:
            return []
        actions = []
        if case.state in {"returned", "withdrawn", "draft"}:
            url = url_for(f"{view.endpoint}.edit", pk=case.subject_id)
            actions.append({"label": _("Correct and submit again"), "url": url, "method": "get"})
        if case.state in {"in_review", "returned", "draft"}:
            actions.append(
                {
                    "label": _("Withdraw"),
                    "url": url_for(".withdraw", number=case.number),
                    "method": "post",
                    "confirm": _("Withdraw this application? You can correct and submit it again."),
                }
            )
        return actions


def _course(case: FlowCase) -> tuple[Sequence[FlowEvent], Sequence[FlowStage], Sequence[FlowTask]]:
    """What happened in a case, the stages of its route, and the tasks that are open."""
    of_case, of_route = FlowEvent.case_id == case.id, FlowStage.route_id == case.route_id
    events = select(FlowEvent).where(of_case).order_by(FlowEvent.number)
    stages = select(FlowStage).where(of_route).order_by(FlowStage.position)
    tasks = select(FlowTask).where(FlowTask.case_id == case.id, FlowTask.state == "open")
    read = db.session.scalars
    return read(events).all(), read(stages).all(), read(tasks).all()


def _is_mine(task: FlowTask, who: access.Actor) -> bool:
    if task.user_id is not None:
        return task.user_id == who.user_id
    return bool(task.role and who.holds(task.role, task.organization_id))
