"""操作日志, 登录日志 and 流程存证: the log and its evidence, for the audit administrator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import current_app, jsonify, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Mapper
from werkzeug.wrappers import Response

from app import access, audit, choices, clock
from app.columns import FieldInfo, Phrase
from app.extensions import db
from app.models import AuditEntry, AuditHead, AuditSeal, Base, FlowCase
from app.services import evidence
from app.views.base import BackOfficeView, Page
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.base.typed import is_key

DETAILS: Mapping[str, Phrase] = MappingProxyType(
    {
        "purpose": _l("Purpose"),
        "field": _l("Field"),
        "opinion": _l("Opinion"),
        "task": _l("Task"),
        "to": _l("To stage"),
        "list": _l("List"),
        "filter": _l("Filter"),
        "rows": _l("Rows"),
        "reason": _l("Reason"),
        "roles": _l("Role"),
        "place": _l("Stage"),
        "state": _l("State"),
        "checked": _l("Sealed records"),
        "fault": _l("First fault"),
    }
)
"""What entries of a line are called that are no columns of a table."""

EXACT = {"actor_name", "label"}
SAID = {"at", "actor_name", "roles", "label"}


class AuditView(BackOfficeView):
    """操作日志: every line, the newest first."""

    datamodel = SQLAInterface(AuditEntry)
    route_base = "/audit"
    title = _l("Audit log")
    list_columns = (
        "at", "actor_name", "roles", "action", "kind", "label", "address", "result",
    )  # fmt: skip
    show_columns = (
        "at", "actor_name", "roles", "address", "session", "action", "kind", "object_id", "label",
        "result",
    )  # fmt: skip
    filter_columns = ("at", "actor_name", "action", "kind", "label", "result")
    order_columns = ("at",)
    base_order = ("at", "desc")
    show_template = "audit/show.html"
    base_permissions = ["can_list", "can_show", "can_export"]
    include_route_methods = {"list", "show", "export"}

    def _condition(self, cell: Cell, raw: str) -> Any:
        """Names as they stand: among millions of lines only an index finds them."""
        if cell.name in EXACT:
            return self._column(cell.path) == raw
        return super()._condition(cell, raw)

    def shown(self, cell: Cell, value: Any) -> Shown:
        """To the second; roles by their titles; whoever acts without a login is the system."""
        if cell.name == "at":
            return Shown(value.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"))
        if cell.name == "roles":
            return Shown(said_roles(value))
        if cell.name == "actor_name":
            return Shown(value or _("The system"))
        if cell.name == "label" and value:  # a job or stage is called by its msgid
            return Shown(_(value))
        return super().shown(cell, value)

    def worded(self, cell: Cell, columns: Any) -> Any:
        """Stages, jobs and roles have no words in SQL."""
        return None if cell.name in SAID else super().worded(cell, columns)

    @property
    def link_column(self) -> str:
        """The moment leads to the line."""
        return "at"

    def sections_of(self, row: AuditEntry, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """The facts of a line with its seal."""
        del plain
        items = [
            (cell, (self.shown if cell.name in SAID else Cell.show)(cell, getattr(row, cell.name)))
            for cell in self.details
        ]
        items += [(_named(_of_detail(name)), Shown(text)) for name, text in _extra(row)]
        seal = db.session.scalar(select(AuditSeal).where(AuditSeal.entry_id == row.id))
        sealed = f"{seal.id} · {seal.hash}" if seal else _("Not sealed yet")
        items.append((_named(_("Seal")), Shown(sealed)))
        changes = list(_changes(row))
        return [{"title": _("Act"), "items": items}, {"title": _("Change"), "changes": changes}]


class LoginLogView(AuditView):
    """登录日志: the same lines, those about logins."""

    route_base = "/logins"
    title = _l("Login log")
    list_columns = ("at", "action", "actor_name", "label", "address", "session", "result")
    filter_columns = ("at", "action", "label", "result")

    def base_conditions(self) -> Sequence[Any]:
        """Written out, not bound: so that the partial index serves."""
        codes: list[Any] = [literal_column(f"'{code}'") for code in choices.LOGIN_ACTIONS]
        return [AuditEntry.action.in_(codes)]

    def narrowed(self, args: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
        """The actions of logins alone."""
        if args.get("action") and args["action"] not in choices.LOGIN_ACTIONS:
            args = {name: value for name, value in args.items() if name != "action"}
        return super().narrowed(args)

    def _filter(self, cell: Cell, active: Mapping[str, str]) -> dict[str, Any]:
        entry = super()._filter(cell, active)
        if cell.name == "action":
            entry["choices"] = [c for c in entry["choices"] if c[0] in choices.LOGIN_ACTIONS]
        return entry


class EvidenceView(Page):
    """流程存证: how far the log is sealed, the ends told to the auditor, and the button 校验."""

    route_base = "/evidence"
    base_permissions = ["can_show", "can_verify"]
    default_view = "show"

    @expose("/")
    @has_access
    def show(self) -> str:
        """The state of both logs."""
        return self._page([])

    @expose("/verify/", methods=["POST"])
    @has_access
    def verify(self) -> str:
        """Read everything from the beginning, and say what was found."""
        rows = access.elevated(db.session(), "a log is verified as it lies in the database")
        found = evidence.verify(rows)
        for finding in found:
            _note(finding)
        db.session.commit()
        return self._page(found)

    @expose("/verify/<after>/", methods=["POST"])
    @has_access
    @permission_name("verify")
    def part(self, after: str) -> Response:
        """One step along the chain, for the bar that shows how far it has come."""
        rows = access.elevated(db.session(), "a log is verified as it lies in the database")
        part = evidence.verify_part(rows, int(after) if is_key(after) else 0)
        return jsonify(
            checked=part.checked, is_last=part.is_last, total=evidence.sealed_lines(rows)
        )

    def _page(self, found: Sequence[evidence.Finding]) -> str:
        last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
        heads = db.session.scalars(select(AuditHead).order_by(AuditHead.day.desc()).limit(30)).all()
        cases = db.session.scalar(select(func.count()).select_from(FlowCase)) or 0
        return self.page(
            "audit/evidence.html",
            title=_("Evidence"),
            crumbs=[(_("Workbench"), url_for("WorkbenchView.show")), (_("Evidence"), "")],
            sealed=last.id if last else 0,
            sealed_at=local_time(last.sealed_at) if last else "",
            head=last.hash if last else "",
            cases=cases,
            heads=heads,
            found=found,
            may_verify=self.may("verify"),
        )


def _note(finding: evidence.Finding) -> None:
    fault = finding.fault
    audit.note(
        db.session(),
        "verify",
        label=str(finding.title),
        detail={"checked": finding.checked}
        | ({"fault": f"{fault.number}: {fault.text}"} if fault else {}),
        result="failed" if fault else "ok",
    )


# --- a line in words ------------------------------------------------------------------------


def said_roles(keys: str) -> str:
    """The titles of roles, as the profile calls them."""
    roles = current_app.extensions["profile"].roles
    return "、".join(
        str(roles[key].title) if key in roles else key for key in keys.split(",") if key
    )


def _named(label: Phrase) -> Cell:
    return Cell("", FieldInfo(label), "text", None)


def _mapper_of(table: str) -> Mapper[Any] | None:
    """The model whose rows a line is about."""
    ours = (m for m in Base.registry.mappers if m.local_table.name == table)
    return next((m for m in ours if m.class_.__module__.startswith("app.tables.")), None)


def _label(mapper: Mapper[Any] | None, name: str) -> Phrase:
    """What people call a column; a key by its relation."""
    if mapper is None or name not in mapper.columns:
        return _of_detail(name)
    column = mapper.columns[name]
    if "field" in column.info:
        label: Phrase = column.info["field"].label
        return label
    for relation in mapper.relationships:
        if column in relation.local_columns and "field" in relation.info:
            return relation.info["field"].label
    return _of_detail(name)


def _of_detail(name: str) -> Phrase:
    return DETAILS.get(name, name)


def _said(mapper: Mapper[Any] | None, name: str, value: Any) -> str:
    """A stored value in words: codes by their labels, flags as yes and no."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    cell = cell_at(mapper.class_, name) if mapper and name in mapper.columns else None
    if value and cell is not None and cell.kind in {"badge", "term", "terms"}:
        return str(cell.show(value))
    if value and name == "state":
        return str(choices.CASE_STATES.of(value).label)
    if isinstance(value, list):
        return "、".join(_said(None, "", item) for item in value)
    if isinstance(value, dict):
        return "；".join(f"{_of_detail(key)}：{_said(None, key, v)}" for key, v in value.items())
    return "" if value is None else str(value)


def _changes(row: AuditEntry) -> Iterator[dict[str, Any]]:
    """Each column that a line holds: before beside after, and whether they differ."""
    mapper = _mapper_of(row.kind)
    for name in dict.fromkeys((*row.before, *row.after)):
        before, after = (_said(mapper, name, side.get(name)) for side in (row.before, row.after))
        differs = bool(row.before) and bool(row.after)
        yield {
            "label": _label(mapper, name), "before": before, "after": after, "differs": differs,
        }  # fmt: skip


def _extra(row: AuditEntry) -> Iterator[tuple[str, str]]:
    mapper = _mapper_of(row.kind)
    for name, value in row.detail.items():
        text = str(_label(mapper, value)) if name == "field" else _said(None, name, value)
        if text:
            yield name, text
