"""Scheduled jobs (定时任务): how each went, and running, trying or pausing it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flask import abort, flash, g, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from app import audit, choices, clock
from app.columns import Phrase
from app.errors import DomainError
from app.extensions import db
from app.jobs import Job, board, registry
from app.models import JobRun, ScheduledJob
from app.views.base import BackOfficeView
from app.views.base.cells import Cell, Shown, cell_at

LAST_RUNS = 20
OPEN = ("waiting", "running")
BAR_HEIGHT, BAR_WIDTH, BAR_STEP = 48, 12, 16
WEEKDAYS: Mapping[str, Phrase] = {
    "mon": _l("Monday"), "tue": _l("Tuesday"), "wed": _l("Wednesday"), "thu": _l("Thursday"),
    "fri": _l("Friday"), "sat": _l("Saturday"), "sun": _l("Sunday"),
}  # fmt: skip


class JobView(BackOfficeView):
    """One row per job of the timetable; its state is changed by its own buttons alone."""

    datamodel = SQLAInterface(ScheduledJob)
    route_base = "/jobs"
    title = _l("Scheduled jobs")
    intro = _l("What the platform does by itself, when, and how it went.")
    page_size = 50
    list_columns = (
        "title", "summary", "plan", "last_run_at", "last_state", "row_count", "milliseconds",
        "next_run_at",
    )  # fmt: skip
    extra_columns = ("state",)
    show_columns = (
        "summary", "plan", "name", "state", "last_run_at", "last_state", "row_count",
        "milliseconds", "next_run_at",
    )  # fmt: skip
    filter_columns = ()
    order_columns = ("name", "last_run_at", "next_run_at")
    base_order = ("name", "asc")
    base_permissions = ["can_list", "can_show", "can_run"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {
        "add", "edit", "delete", "export", "options",
    }  # fmt: skip
    list_template, show_template = "jobs/list.html", "jobs/show.html"

    def page(self, template: str, **context: Any) -> str:
        """Both pages say whether anybody would carry the jobs out, and follow what is running."""
        return super().page(
            template,
            alive=board.is_alive(db.session(), clock.now()),
            live=any(
                value.css == "i" for line in context.get("lines", ()) for value in line["values"]
            )
            or context.pop("live", False),
            **context,
        )

    def base_conditions(self) -> Sequence[Any]:
        """Jobs that a later version no longer has stay in the table, and out of sight."""
        return [ScheduledJob.name.in_(registry)]

    def shown(self, cell: Cell, value: Any) -> Shown:
        """Title, plan and duration in words."""
        if cell.name in WORDED and value is not None:
            return Shown(WORDED[cell.name](value))
        return super().shown(cell, value)

    def _line(self, row: Any) -> dict[str, Any]:
        line = super()._line(row)
        if row.state == "paused":
            at = self.list_columns.index("last_state")
            line["values"][at] = cell_at(ScheduledJob, "state").show(row.state)
        if self.may("run"):
            run = {"label": _("Run now"), "url": url_for(".run_now", pk=row.id), "method": "post"}
            line["actions"] = [run]
        return line

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> str:
        """What the job does, its last runs, what may be done with it."""
        row = self.row_or_404(pk)
        runs = db.session.scalars(
            select(JobRun).where(JobRun.job == row.name).order_by(JobRun.id.desc()).limit(LAST_RUNS)
        ).all()
        items = [
            (cell, self.shown(cell, getattr(row, cell.path)))
            if cell.name in WORDED
            else (cell, cell.show(getattr(row, cell.path)))
            for cell in self.details
        ]
        job = registry.get(row.name) or abort(404)
        return self.page(
            self.show_template,
            title=_(row.title),
            badge=cell_at(ScheduledJob, "state").show(row.state),
            crumbs=self.crumbs((_(row.title), "")),
            sections=[{"title": "", "items": items}],
            buttons=list(self._offered(row, job)) if self.may("run") else [],
            has_dry_run=job.has_dry_run,
            runs=[_shown(run) for run in runs],
            bars=_bars(runs),
            live=any(run.state in OPEN for run in runs),
        )

    def _offered(self, row: ScheduledJob, job: Job) -> Iterator[dict[str, Any]]:
        def button(name: str, label: str, icon: str) -> dict[str, Any]:
            address = url_for(f".{name}", pk=row.id)
            return {"label": label, "url": address, "method": "post", "icon": icon}

        yield button("run_now", _("Run now"), "refresh") | {"primary": True}
        if job.has_dry_run:
            yield button("try_out", _("Dry run"), "eye")
        if row.state == "paused":
            yield button("resume", _("Resume"), "check")
        elif board.may_rest(row.name):
            yield button("pause", _("Pause"), "clock")

    # --- what may be done ---------------------------------------------------------------------

    @expose("/run/<pk>/", methods=["POST"])
    @has_access
    @permission_name("run")
    def run_now(self, pk: str) -> BaseResponse:
        """Have a scheduler run it within seconds."""
        return self._act(pk, "job_run", _("The job will start within a few seconds."), _ask)

    @expose("/trial/<pk>/", methods=["POST"])
    @has_access
    @permission_name("run")
    def try_out(self, pk: str) -> BaseResponse:
        """Have a scheduler try it: nothing is sent, nothing stays."""
        return self._act(pk, "job_run", _("The dry run will start within a few seconds."), _try)

    @expose("/pause/<pk>/", methods=["POST"])
    @has_access
    @permission_name("run")
    def pause(self, pk: str) -> BaseResponse:
        """Take it off the timetable."""
        return self._act(pk, "job_pause", _("The job is paused."), _pause)

    @expose("/resume/<pk>/", methods=["POST"])
    @has_access
    @permission_name("run")
    def resume(self, pk: str) -> BaseResponse:
        """Put it back on the timetable."""
        return self._act(pk, "job_resume", _("The job is on schedule again."), _resume)

    def _act(
        self, pk: str, action: str, success: str, change: Callable[[ScheduledJob], None]
    ) -> BaseResponse:
        row = self.row_or_404(pk)
        address = url_for(".show", pk=row.id)
        try:
            change(row)
            detail = {"job": row.name, "dry_run": change is _try}
            audit.note(
                db.session(), action, kind="scheduled_job", object_id=row.id, label=_(row.title),
                detail=detail,
            )  # fmt: skip
            db.session.commit()
            flash(success, "success")
        except DomainError as refusal:
            db.session.rollback()
            flash(str(refusal), "warning")
        return redirect(address)


def _ask(row: ScheduledJob) -> None:
    board.ask(db.session(), row.name, str(g.grants.person), clock.now(), dry_run=False)


def _try(row: ScheduledJob) -> None:
    board.ask(db.session(), row.name, str(g.grants.person), clock.now(), dry_run=True)


def _pause(row: ScheduledJob) -> None:
    board.switch(db.session(), row.name, clock.now(), paused=True)


def _resume(row: ScheduledJob) -> None:
    board.switch(db.session(), row.name, clock.now(), paused=False)


# --- words ------------------------------------------------------------------------------------


def plan(when: Mapping[str, str]) -> str:
    """The cron fields of a job in words; unusual ones as they stand."""
    fields = {name: value for name, value in when.items() if name != "second"}
    if not fields:
        return _plan_of_seconds(when["second"])
    if fields.keys() == {"minute"}:
        return _plan_of_minutes(fields["minute"])
    hour, minute = fields.pop("hour", ""), fields.pop("minute", "0")
    if hour.isdigit() and minute.isdigit():
        return _plan_of_days(fields, f"{int(hour):02}:{int(minute):02}")
    return " ".join(f"{name}={value}" for name, value in when.items())


def _plan_of_seconds(second: str) -> str:
    _at, _slash, step = second.partition("/")
    if step:
        return ngettext("Every %(num)d second", "Every %(num)d seconds", int(step))
    return _("Every minute")


def _plan_of_minutes(minute: str) -> str:
    _at, _slash, step = minute.partition("/")
    if step:
        return ngettext("Every %(num)d minute", "Every %(num)d minutes", int(step))
    if minute == "0":
        return _("Every hour on the hour")
    return _("Every hour at minute %(minute)s", minute=minute)


def _plan_of_days(rest: Mapping[str, str], time: str) -> str:
    if not rest:
        return _("Every day at %(time)s", time=time)
    if rest.keys() == {"day_of_week"} and rest["day_of_week"] in WEEKDAYS:
        return _("Every %(day)s at %(time)s", day=WEEKDAYS[rest["day_of_week"]], time=time)
    if rest.keys() == {"day"}:
        return _("On day %(day)s of each month at %(time)s", day=rest["day"], time=time)
    return " ".join([time, *(f"{name}={value}" for name, value in rest.items())])


def duration(milliseconds: int) -> str:
    """A time span to a tenth of a second."""
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return _("%(num)s ms", num=milliseconds)
    return _("%(num)s s", num=f"{milliseconds / 1000:,.1f}")


WORDED: Mapping[str, Callable[[Any], str]] = {
    "title": _,
    "plan": plan,
    "milliseconds": duration,
}


def _milliseconds(run: JobRun) -> int | None:
    if run.ended_at is None:
        return None
    return int((run.ended_at - run.started_at).total_seconds() * 1000)


def _shown(run: JobRun) -> dict[str, Any]:
    """A run as one line of the table, with what a dry run would have told."""
    taken = _milliseconds(run)
    words = choices.OCCASIONS
    return {
        "begin": cell_at(JobRun, "started_at").show(run.started_at).text,
        "kind": cell_at(JobRun, "kind").show(run.kind),
        "state": cell_at(JobRun, "state").show(run.state),
        "rows": "" if run.row_count is None else f"{run.row_count:,}",
        "taken": "" if taken is None else duration(taken),
        "asked_by": run.asked_by,
        "error": run.error,
        "told": [
            _("“%(occasion)s” by %(channel)s to %(receiver)s",
              occasion=words.of(occasion).label, channel=choices.CHANNELS.of(channel).label,
              receiver=receiver)
            for occasion, channel, receiver in run.told or ()
        ],
        "is_trial": run.kind == "trial" and run.state == "done",
    }  # fmt: skip


def _bars(runs: Sequence[JobRun]) -> Sequence[dict[str, Any]]:
    """The durations of the last runs, the oldest first, as bars of a picture."""
    known = [(run, taken) for run in reversed(runs) if (taken := _milliseconds(run)) is not None]
    longest = max((taken for _run, taken in known), default=0) or 1
    return [
        {
            "x": number * BAR_STEP,
            "height": max(2, round(taken / longest * BAR_HEIGHT)),
            "state": run.state,
            "text": f"{cell_at(JobRun, 'started_at').show(run.started_at)} · {duration(taken)}",
        }
        for number, (run, taken) in enumerate(known)
    ]
