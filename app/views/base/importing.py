"""Import from Excel, for every generated page that names ``import_columns``.

The rows of a file are judged by fields of the same kind, and by the same ``problems``, as the form
on the screen, and saved by the same ``save``: first all are checked, then somebody looks at what
was found and says go, then they are written.  Both happen in the background (jobs/imports.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from typing import Any, ClassVar
from urllib.parse import quote

from flask import Response, abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import force_locale, get_locale, gettext as _, ngettext
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import ColumnProperty
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from app import access, choices, clock
from app.columns import Phrase
from app.errors import DomainError, Problem
from app.extensions import db
from app.models import Attachment, ImportJob, ImportRow
from app.security import words
from app.services import formal, imports, sheets
from app.services.reference import LANGUAGES
from app.services.sheets import Column, Line
from app.views.base.cells import Cell, Shown, cell_at, local_time
from app.views.base.fields import offered
from app.views.base.forms import ModelForm, form_for
from app.views.base.inputs import draw
from app.views.base.page import Page
from app.views.base.typed import is_key

NOT_IMPORTED = frozenset({"rows", "file", "files", "links", "rich"})
"""Kinds of fields that no cell of a sheet can hold."""

ROUTES = frozenset(
    {"import_start", "import_template", "import_show", "import_confirm"}
    | {"import_cancel", "import_faults", "import_undo"}
)
SHOWN_ROWS = 50
LAST_JOBS = 5
BETWEEN = re.compile(r"[、,，;；\n]+")
DAY = re.compile(r"(\d{4})\D+(\d{1,2})\D+(\d{1,2})\D*", re.ASCII)
YES = frozenset({"1", "y", "yes", "true", "是", "✓", "√"})
Fault = tuple[str, str]


class Importing(Page):
    """The part of a generated view that takes Excel files.

    ``import_columns`` are columns of the form; ``import_keys`` those in which no two rows of a
    file may agree (without them: in all).
    """

    import_columns: ClassVar[tuple[str, ...]] = ()
    import_keys: ClassVar[tuple[str, ...]] = ()
    import_start_template, import_show_template = "imports/start.html", "imports/show.html"

    model: Any
    exclude_route_methods: Any
    title: ClassVar[Phrase]
    crumbs: Any
    new_row: Any
    problems: Any
    prepare: Any
    save: Any
    option_conditions: Any
    base_conditions: Any
    row_may: Any
    mapper: Any
    key: Any

    def keep_import(self) -> None:
        """导入 exists where columns are named; one that no sheet can hold is refused at once."""
        if not self.import_columns:
            self.exclude_route_methods = self.exclude_route_methods | ROUTES
            return
        self.import_cells = [cell_at(self.model, name) for name in self.import_columns]
        if strange := [cell.path for cell in self.import_cells if cell.kind in NOT_IMPORTED]:
            raise ValueError(f"{type(self).__name__}: a sheet holds no {strange[0]}")
        self.import_form = form_for(self.model, self.import_columns)
        self.import_start_form = form_for(ImportJob, ("file", "mode"))

    def takes_files(self) -> bool:
        """Whether the reader may import rows into this page."""
        return bool(self.import_columns) and self.may("add")

    # --- pages --------------------------------------------------------------------------------

    @expose("/import/", methods=["GET", "POST"])
    @has_access
    @permission_name("add")
    def import_start(self) -> tuple[str, int] | BaseResponse:
        """The template, what to do with rows that have faults, and the file."""
        form = self.import_start_form(request.form, obj=ImportJob(mode="all"))
        problem = ""
        if request.method == "POST" and form.validate():
            try:
                key = self._begin_import(form)
                db.session.commit()
                return redirect(url_for(".import_show", job=key))
            except DomainError as refusal:
                db.session.rollback()
                problem = str(refusal)
        page = self.page(
            self.import_start_template,
            title=_("Import: %(title)s", title=self.title),
            crumbs=self.crumbs((_("Import"), "")),
            fields=[draw(form, name, lambda _name: "") for name in form.names],
            modes=choices.IMPORT_MODES,
            chosen=form["mode"].data or "all",
            problem=problem,
            columns=self._import_headings(),
            most=self._import_most(),
            jobs=self._last_imports(),
        )
        return page, 400 if request.method == "POST" else 200

    @expose("/import/template.xlsx")
    @has_access
    @permission_name("add")
    def import_template(self) -> Response:
        """An empty sheet with the headings, the rules and the choices of each column."""
        content = sheets.template(str(self.title), self._import_headings())
        return _workbook(content, _("%(title)s import template", title=self.title))

    @expose("/import/<job>/")
    @has_access
    @permission_name("add")
    def import_show(self, job: str) -> str:
        """How far the file is, what was found in it, and what may be done now."""
        found = self._import_or_404(job)
        counted = _tally(found.id)
        only = request.args.get("only") or ("faulty" if counted.get("faulty") else "all")
        after = int(request.args["after"]) if is_key(request.args.get("after", "")) else 0
        rows = self._import_rows(found.id, only, after)
        more = rows[SHOWN_ROWS - 1].number if len(rows) > SHOWN_ROWS else None
        return self.page(
            self.import_show_template,
            title=found.file_name,
            badge=cell_at(ImportJob, "state").show(found.state),
            crumbs=self.crumbs((_("Import"), url_for(".import_start")), (found.file_name, "")),
            job=found,
            live=found.state in imports.OPEN,
            mode=str(choices.IMPORT_MODES.of(found.mode).label),
            done=min(found.done_count, found.row_count),
            goal=found.imported_count if found.state == "undoing" else found.row_count,
            counted=counted,
            may_confirm=_may_confirm(found, counted),
            may_cancel=found.state in {"checking", "previewed", "running"},
            may_undo=self._may_undo(found, counted),
            columns=self._import_headings(),
            lines=[self._import_line(row) for row in rows[:SHOWN_ROWS]],
            only=only,
            after=after,
            more=more,
        )

    @expose("/import/<job>/confirm/", methods=["POST"])
    @has_access
    @permission_name("add")
    def import_confirm(self, job: str) -> BaseResponse:
        """Write the rows that are in order."""
        found = self._import_or_404(job)
        if not _may_confirm(found, _tally(found.id)):
            flash(_("This file can no longer be imported. Look at its state."), "warning")
            return redirect(url_for(".import_show", job=found.id))
        return self._move_import(found.id, "confirm", _("The import begins within a few seconds."))

    @expose("/import/<job>/cancel/", methods=["POST"])
    @has_access
    @permission_name("add")
    def import_cancel(self, job: str) -> BaseResponse:
        """Stop; what was written stays, and the page says how much that is."""
        found = self._import_or_404(job)
        return self._move_import(found.id, "cancel", _("The import was cancelled."))

    @expose("/import/<job>/undo/", methods=["POST"])
    @has_access
    @permission_name("add")
    def import_undo(self, job: str) -> BaseResponse:
        """Take back what was imported, as far as nobody has used it."""
        found = self._import_or_404(job)
        if not self._may_undo(found, _tally(found.id)):
            flash(_("There is nothing left to take back."), "warning")
            return redirect(url_for(".import_show", job=found.id))
        return self._move_import(found.id, "undo", _("The rows are being taken back."))

    @expose("/import/<job>/faults.xlsx")
    @has_access
    @permission_name("add")
    def import_faults(self, job: str) -> Response:
        """The rows with faults as a sheet, to be mended and sent again."""
        found = self._import_or_404(job)
        mine = ImportRow.job_id == found.id, ImportRow.state == "faulty"
        rows = db.session.scalars(select(ImportRow).where(*mine).order_by(ImportRow.number))
        labels = {column.key: column.label for column in self._import_headings()}
        lines = [(Line(row.number, row.entries), _in_words(row.faults, labels)) for row in rows]
        content = sheets.faults(self._import_headings(), lines)
        return _workbook(content, _("%(title)s rows with faults", title=self.title))

    # --- what the pages need --------------------------------------------------------------------

    def _begin_import(self, form: ModelForm) -> int:
        """Read the file that was uploaded; its rows wait to be checked."""
        file: Attachment | None = form["file"].data
        if file is None:
            raise DomainError(_("No file was chosen."), _("Choose the file that you filled in."))
        store, who = current_app.extensions["store"], access.actor()
        content = b"".join(store.read(file.key, 0, file.size))
        lines = sheets.read(BytesIO(content), self._import_headings(), self._import_most())
        rows = access.elevated(db.session(), "the rows of an import are written by the system")
        return imports.add(
            rows,
            lines,
            target=type(self).__name__,
            user_id=who.user_id,
            organization_id=who.house,
            locale=str(get_locale()),
            file_id=file.id,
            file_name=file.name,
            mode=form["mode"].data,
            created_at=clock.now(),
        )

    def _import_most(self) -> int:
        return int(current_app.extensions["profile"].limits.import_rows)

    def _import_or_404(self, job: str) -> ImportJob:
        mine = ImportJob.id == (int(job) if is_key(job) else 0), *self._of_this_page()
        return db.session.scalar(select(ImportJob).where(*mine)) or abort(404)

    def _of_this_page(self) -> tuple[Any, ...]:
        return (ImportJob.target == type(self).__name__,)

    def _last_imports(self) -> list[dict[str, Any]]:
        mine = ImportJob.user_id == access.actor().user_id, *self._of_this_page()
        newest = select(ImportJob).where(*mine).order_by(ImportJob.id.desc()).limit(LAST_JOBS)
        return [
            {
                "title": found.file_name,
                "v": cell_at(ImportJob, "state").show(found.state),
                "url": url_for(".import_show", job=found.id),
                "at": local_time(found.created_at),
            }
            for found in db.session.scalars(newest)
        ]

    def _may_undo(self, job: ImportJob, counted: dict[str, int]) -> bool:
        is_written = job.state in imports.WRITTEN and bool(counted.get("imported"))
        return is_written and self.takes_back()

    def takes_back(self) -> bool:
        """Whether the reader may undo imports into this page."""
        return self.may("delete")

    def _move_import(self, key: int, action: str, success: str) -> BaseResponse:
        try:
            now = clock.now()
            values: dict[str, Any] = {"lease_until": None, "done_count": 0}
            values = {"ended_at": now} if action == "cancel" else values
            imports.COURSE.move(db.session(), key, action, now, **values)
            db.session.commit()
            flash(success, "success")
        except DomainError as refusal:
            db.session.rollback()
            flash(str(refusal), "warning")
        return redirect(url_for(".import_show", job=key))

    def _import_rows(self, job_id: int, only: str, after: int) -> Sequence[ImportRow]:
        query = select(ImportRow).where(ImportRow.job_id == job_id, ImportRow.number > after)
        if only in choices.IMPORT_ROW_STATES.codes():
            query = query.where(ImportRow.state == only)
        return db.session.scalars(query.order_by(ImportRow.number).limit(SHOWN_ROWS + 1)).all()

    def _import_line(self, row: ImportRow) -> dict[str, Any]:
        """One row with what is wrong beside it; a fault stands at its cell too."""
        faulty = {name for name, _said in row.faults}
        labels = {column.key: column.label for column in self._import_headings()}
        look = "d" if row.state == "faulty" else "w"
        cells = [
            Shown(row.entries.get(c.path, ""), css=look if c.path in faulty else "")
            for c in self.import_cells
        ]
        return {
            "number": row.number,
            "values": cells,
            "state": cell_at(ImportRow, "state").show(row.state),
            "faults": _in_words(row.faults, labels),
        }

    def _import_headings(self) -> list[Column]:
        """The columns of the template, in the reader's language."""
        key = (type(self).__name__, str(get_locale()))
        kept: dict[tuple[str, str], list[Column]] = g.setdefault("import_headings", {})
        if key not in kept:
            kept[key] = [self._import_heading(cell) for cell in self.import_cells]
        return kept[key]

    def _import_heading(self, cell: Cell) -> Column:
        info, prop = cell.info, self._import_prop(cell)
        names = set()
        for language in LANGUAGES:
            with force_locale(language):
                names.add(str(info.label))
        given = offered(info) if info.choices or info.dictionary else ()
        return Column(
            cell.path,
            str(info.label),
            frozenset(names),
            formal.is_required(prop, info),
            "\n".join(filter(None, (str(info.hint), _how(cell)))),
            tuple(str(label) for _code, label in given),
        )

    def _import_prop(self, cell: Cell) -> Any:
        return getattr(self.model, cell.path).property

    # --- one row, in the background -----------------------------------------------------------

    def check_import(self, entries: dict[str, str]) -> tuple[list[Fault], list[Fault]]:
        """What the form would say of a row: faults, else remarks; nothing is written."""
        row = self.new_row()
        form, faults = self._import_filled(entries, row)
        faults = faults or self.judge_import(form, row)
        if faults:
            return faults, []
        probe = self.model()
        with db.session.no_autoflush:
            form.populate_obj(probe)
            found = self.remarks(probe)
        return [], [(remark.field, str(remark.text)) for remark in found]

    def remarks(self, _probe: Any) -> Sequence[Problem]:
        """What to know of a row before it is imported; it forbids nothing."""
        return ()

    def write_import(self, entries: dict[str, str]) -> tuple[int | None, list[Fault]]:
        """Save a row as the form does; its key, or why it was not."""
        row = self.new_row()
        form, faults = self._import_filled(entries, row)
        faults = faults or self.judge_import(form, row)
        if faults:
            return None, faults
        try:
            with db.session.begin_nested():
                form.populate_obj(row)
                self.prepare(row)
                self.save(row)
                db.session.flush()
        except DomainError as refusal:
            more = [(p.field, str(p.text)) for p in getattr(refusal, "problems", ())]
            return None, more or [("", str(refusal))]
        except (IntegrityError, StaleDataError):
            return None, [("", _("This repeats an existing record."))]
        return row.id, []

    def undo_import(self, key: int) -> str:
        """Delete the record that a row became; why not, where it was changed or used since."""
        query = select(self.model).where(self.key == key, *self.base_conditions())
        row = db.session.scalars(query).unique().one_or_none()
        if row is None:
            return ""
        version = self.mapper.version_id_col
        is_changed = version is not None and getattr(row, version.key) > 1
        writable = access.condition(access.actor(), self.model)
        is_ours = db.session.scalar(select(self.key).where(self.key == key, writable)) is not None
        if is_changed or not is_ours or not self.row_may(row, "delete"):
            return _("It was changed or used since.")
        try:
            with db.session.begin_nested():
                db.session.delete(row)
                db.session.flush()
        except IntegrityError:
            return _("Other records refer to it.")
        return ""

    def _import_filled(self, entries: dict[str, str], row: Any) -> tuple[ModelForm, list[Fault]]:
        """The form with the texts of a row; what names nothing that exists is a fault already."""
        typed: MultiDict[str, str] = MultiDict()
        faults: list[Fault] = []
        for cell in self.import_cells:
            for said in self._import_typed(cell, entries.get(cell.path, ""), faults):
                typed.add(cell.path, said)
        form = self.import_form(typed, obj=row)
        for cell in self.import_cells:
            if not entries.get(cell.path):
                form[cell.path].process(None, _default(self._import_prop(cell), row))
        return form, faults

    def _import_typed(self, cell: Cell, said: str, faults: list[Fault]) -> Iterator[str]:
        """What the input of the form would send for a text of the sheet."""
        if cell.kind in {"badge", "term"}:
            yield _code(cell, said)
        elif cell.kind == "terms":
            yield from (_code(cell, part.strip()) for part in BETWEEN.split(said) if part.strip())
        elif cell.kind == "relation":
            yield self._import_named(cell, said, faults)
        elif cell.kind == "flag":
            if said.casefold() in YES:
                yield "1"
        elif cell.kind in {"date", "expiry"}:
            yield _day(said)
        elif cell.kind == "time":
            yield said.replace("/", "-").replace(" ", "T")
        else:
            yield said

    def _import_named(self, cell: Cell, said: str, faults: list[Fault]) -> str:
        """The key of the one visible row of this name."""
        if not said:
            return ""
        other = self._import_prop(cell).mapper.class_
        label, given = getattr(other, other.label_column), self.option_conditions(cell.path)
        found = db.session.scalars(select(other.id).where(label == said, *given).limit(2)).all()
        if len(found) != 1:
            text = _("Several have this name.") if found else _("Nothing has this name.")
            faults.append((cell.path, text))
            return ""
        return str(found[0])

    def judge_import(self, form: ModelForm, row: Any) -> list[Fault]:
        """The faults of a filled form, field by field, then those beyond single fields."""
        valid = form.validate()
        probe = self.model()
        with db.session.no_autoflush:
            form.populate_obj(probe)
            beyond = list(self.problems(row, probe)) if valid else []
        faults = [(name, error) for name in form.names for error in _said_of(form[name])]
        return faults + [(problem.field, str(problem.text)) for problem in beyond]


def _default(prop: Any, row: Any) -> Any:
    """What stands in a field that nothing was written for."""
    value = getattr(row, prop.key)
    column = prop.columns[0] if isinstance(prop, ColumnProperty) else None
    if value is not None or column is None or column.default is None:
        return value
    return column.default.arg if column.default.is_scalar else None


def _said_of(field: Any) -> Iterator[str]:
    yield from (str(error) for error in field.errors if isinstance(error, str))


def _tally(job_id: int) -> dict[str, int]:
    rows = access.elevated(db.session(), "the rows of an import that is the reader's")
    return imports.tally(rows, job_id)


def _may_confirm(job: ImportJob, counted: dict[str, int]) -> bool:
    if job.state != "previewed" or not counted.get("good"):
        return False
    return job.mode == "skip" or not counted.get("faulty")


def _in_words(faults: Sequence[Sequence[str]], labels: dict[str, str]) -> str:
    parts = [
        _("%(field)s: %(fault)s", field=labels[name], fault=said) if name in labels else said
        for name, said in faults
    ]
    return " ".join(parts)


def _code(cell: Cell, said: str) -> str:
    """The code behind a label; a text that is none stays, and the form says so."""
    info = cell.info
    if info.dictionary:
        for language in LANGUAGES:
            for item in words().items(info.dictionary, language):
                if item.label == said:
                    return str(item.code)
        return said
    for language in LANGUAGES:
        with force_locale(language):
            for code, label in offered(info):
                if str(label) == said:
                    return code
    return said


def _day(said: str) -> str:
    """A day as people write it (2026/1/31, 2026年1月31日), in the spelling of the form."""
    found = DAY.fullmatch(said)
    if found is None:
        return said
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return said


def _how(cell: Cell) -> str:
    """How a value of this kind is written; a limit stands in the column's own hint, if any."""
    if cell.kind == "terms":
        most = cell.info.limit
        several = _("Several are separated by commas.")
        limit = ngettext("At most %(num)d.", "At most %(num)d.", most) if most else ""
        return " ".join(filter(None, (several, "" if cell.info.hint else limit)))
    return {
        "date": _("Like 2026-01-31"),
        "expiry": _("Like 2026-01-31"),
        "time": _("Like 2026-01-31 09:30"),
        "flag": _("Yes or No"),
        "relation": _("The name as it stands on the platform"),
    }.get(cell.kind, "")


def _workbook(content: bytes, name: str) -> Response:
    response = Response(
        content, mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    names = {"filename": "import.xlsx", "filename*": f"UTF-8''{quote(name + '.xlsx', safe='')}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    return response
