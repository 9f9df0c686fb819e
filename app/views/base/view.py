"""The generated pages: list, detail, form, delete and export over FAB's ModelView.

FAB keeps registration, menu, route and permission names.  Its widgets, filters, converters
and data interface are not called: they share one mutable filter set per view, load whole
tables into selects, count everything, and take any column name from the address bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, ClassVar

from flask import (
    Response,
    abort,
    flash,
    g,
    has_request_context,
    jsonify,
    redirect,
    request,
    url_for,
)
from flask_appbuilder import ModelView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import Select, false, func, inspect, literal_column, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import RelationshipDirection, aliased, joinedload, selectinload
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response as BaseResponse

from app import access
from app.columns import Phrase
from app.errors import DomainError, Problem
from app.extensions import db
from app.models import Attachment, Draft
from app.search import search
from app.services import richtext
from app.views.base import filters, paging
from app.views.base.cells import Cell, Shown, cell_at
from app.views.base.drafting import Drafting, as_typed, draft_note, draft_of
from app.views.base.exporting import Exporting
from app.views.base.fields import offered
from app.views.base.forms import ModelForm, form_for
from app.views.base.importing import Importing
from app.views.base.inputs import Drawn, draw
from app.views.base.page import row_address
from app.views.base.revealing import Revealing
from app.views.base.typed import clean, is_key

OPTION_COUNT = 20
TAB_CAP = 99
TYPED_CAP = 10_000
REPEATED = {"badge", "term", "flag", "flow", "due", "age"}
Answer = tuple[str, int] | BaseResponse


class BackOfficeView(Drafting, Exporting, Importing, Revealing, ModelView):
    """What a menu module writes down: a model and a few column lists; all of them white lists.

    Column names may be paths over many-to-one relations in lists and filters (``case.title``).
    ``labels`` gives a column another name in this list, ``new_title`` heads the form of a new row,
    ``view_word`` stands in the rows of the list where it is not 查看.
    ``shows_own_only``: the detail page is for those who may write the row, although others see
    some of its columns elsewhere.
    """

    list_columns: ClassVar[tuple[str, ...]] = ()
    show_columns: ClassVar[tuple[str, ...]] = ()
    form_columns: ClassVar[tuple[str, ...]] = ()
    filter_columns: ClassVar[tuple[str, ...]] = ()
    extra_columns: ClassVar[tuple[str, ...]] = ()
    order_columns: ClassVar[tuple[str, ...]] = ("id",)
    base_order: ClassVar[tuple[str, str]] = ("id", "desc")
    tab_column: ClassVar[str] = ""
    sum_column: ClassVar[str] = ""
    labels: ClassVar[Mapping[str, Phrase]] = {}
    title: ClassVar[Phrase] = ""
    new_title: ClassVar[Phrase] = ""
    intro: ClassVar[Phrase] = ""
    search_column: ClassVar[str] = "search_text"
    shows_own_only: ClassVar[bool] = False
    view_word: ClassVar[Phrase] = ""
    page_size = 25
    max_page_size = 100

    base_permissions = [
        *("can_list", "can_show", "can_add", "can_edit", "can_delete", "can_export"),
        "can_reveal",
    ]
    exclude_route_methods = {"action", "action_post", "download"}
    list_template, show_template, edit_template = (
        "base/list.html",
        "base/show.html",
        "base/form.html",
    )

    # --- set-up: once per process; nothing below changes afterwards ---------------------------

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # After FAB's own set-up: it takes an attribute that has `_limit`, as a Select has,
        # for a rate limit.
        self.query, self.joined = self._list_query()
        self.counted = self._counted()
        self.bare_query = self.counted.with_only_columns(self.key)

    def _init_properties(self) -> None:
        self.model: Any = self.datamodel.obj
        self.mapper = inspect(self.model)
        self.label_columns, self.actions = {}, {}
        self._related_views: list[Any] = []
        self.related_views: list[Any] = []
        self.cells = [self._list_cell(name) for name in self.list_columns]
        self.details = [cell_at(self.model, name) for name in self.show_columns]
        self.filters = [cell_at(self.model, name) for name in self.filter_columns]
        self._keep_reveal()
        self.keep_import()
        self._refuse_masked_order()
        self.key = self.model.id
        self.eager = list(self._eager({*self.show_columns, *self.form_columns}))

    def _keep_reveal(self) -> None:
        """查看 exists where there is something masked."""
        if not any(cell.info.sensitive for cell in (*self.cells, *self.details)):
            self.exclude_route_methods = self.exclude_route_methods | {"reveal"}
            self.base_permissions = [p for p in self.base_permissions if p != "can_reveal"]

    def _refuse_masked_order(self) -> None:
        """A list in the order of what is masked tells it, and the page's cursor holds it."""
        for name in (*self.order_columns, self.base_order[0]):
            if cell_at(self.model, name).info.sensitive:
                raise ValueError(f"{type(self).__name__}: {name} is masked and orders nothing")

    def _init_forms(self) -> None:
        self.form_class = form_for(self.model, self.form_columns)

    def _init_titles(self) -> None:
        """FAB would prettify English names here; ours are written down."""

    @property
    def _filters(self) -> None:  # type: ignore[override]
        """FAB's filters, shared by all threads: closed; :meth:`narrowed` replaces them."""
        if has_request_context():
            raise RuntimeError("FAB's filters are shared between threads: use narrowed()")

    @cached_property
    def searchable(self) -> bool:
        """Whether the list has a keyword box."""
        return bool(self._search_text() is not None)

    def _search_text(self) -> Any:
        *relations, name = self.search_column.split(".")
        mapper = self.mapper
        for relation in relations:
            mapper = mapper.relationships[relation].mapper
        return getattr(mapper.class_, name) if name in mapper.columns else None

    def _list_cell(self, path: str) -> Cell:
        cell = cell_at(self.model, path, self.order_columns)
        if path in self.labels:
            cell = replace(cell, info=replace(cell.info, label=self.labels[path]))
        return replace(cell, kind="link") if path == self.link_column else cell

    @property
    def link_column(self) -> str:
        """The column whose text leads to the row's page."""
        return str(self.model.label_column)

    def _eager(self, wanted: set[str]) -> Iterator[Any]:
        """How the relations that a page shows come along: joined, or one select for child rows."""
        for name in wanted & {*self.mapper.relationships.keys()}:
            relation, attribute = self.mapper.relationships[name], getattr(self.model, name)
            if relation.direction is RelationshipDirection.ONETOMANY:
                child = relation.mapper
                files = [
                    joinedload(getattr(child.class_, other.key))
                    for other in child.relationships
                    if other.direction is RelationshipDirection.MANYTOONE
                    and other.key in (relation.info["field"].columns or ("attachment",))
                ]
                yield selectinload(attribute).options(*files)
            else:
                yield joinedload(attribute)

    def _list_query(self) -> tuple[Select[Any], dict[str, Any]]:
        """Columns, not entities: what the list shows, relations by their label, one statement."""
        joined: dict[str, Any] = {}
        joins: list[Any] = []

        def entity(relations: Sequence[str]) -> Any:
            at, path = self.model, ""
            for relation in relations:
                path = f"{path}.{relation}".lstrip(".")
                if path not in joined:
                    joined[path] = aliased(inspect(at).mapper.relationships[relation].mapper.class_)
                    joins.append(getattr(at, relation).of_type(joined[path]))
                at = joined[path]
            return at

        columns: dict[str, Any] = {}
        paths = [*(cell.path for cell in self.cells), *self.extra_columns]
        for path in paths:
            *relations, name = path.split(".")
            holder = entity(relations)
            if name in inspect(holder).mapper.relationships:
                other = entity([*relations, name])
                columns[path] = getattr(other, other.label_column)
            else:
                columns[path] = getattr(holder, name)
        for name in ("id", *access.owner_columns(self.model), *self.order_columns):
            columns.setdefault(name, getattr(self.model, name))
        for path in self._condition_paths():
            entity(path.split(".")[:-1])
        named = (column.label(path.replace(".", "_")) for path, column in columns.items())
        query = select(*named).select_from(self.model)
        for join in joins:
            query = query.outerjoin(join)
        return query, joined

    def _condition_paths(self) -> Iterator[str]:
        """The paths of the columns that conditions of the list may name."""
        yield from (cell.path for cell in self.filters)
        yield self.search_column

    def _counted(self) -> Select[Any]:
        """``SELECT 1`` of what the list shows, joined only as far as its conditions need."""
        query: Select[Any] = select(literal_column("1")).select_from(self.model)
        for path, other in self.joined.items():
            if any(name.startswith(f"{path}.") for name in self._condition_paths()):
                above, _dot, relation = path.rpartition(".")
                holder = self.joined[above] if above else self.model
                query = query.outerjoin(getattr(holder, relation).of_type(other))
        return query

    def _column(self, path: str) -> Any:
        """The column of a path, on the very alias that the list query joins."""
        relations, _dot, name = path.rpartition(".")
        return getattr(self.joined[relations] if relations else self.model, name)

    # --- reading the address bar: whatever stands there, never an error 500 -------------------

    def base_conditions(self) -> Sequence[Any]:
        """Conditions that hold for every list and row of this view, beyond the access rules."""
        return []

    def branches(self) -> Sequence[Any]:
        """:meth:`base_conditions` as several that exclude each other, each with its own index.

        None where one index gives the whole list in its order.
        """
        return []

    def narrowed(self, args: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
        """Conditions from white-listed parameters, and those that were understood."""
        conditions, active = [], {}
        for cell in self.filters:
            raw = clean(args.get(cell.name, ""))[:100]
            condition = self._condition(cell, raw) if raw else None
            if condition is not None:
                conditions.append(condition)
                active[cell.name] = raw
        phrase = clean(args.get("q", ""))[:100]
        if phrase and self.searchable:
            conditions.append(search(self._column(self.search_column), phrase))
            active["q"] = phrase
        return conditions, active

    def phrase(self, active: Mapping[str, str]) -> tuple[Any, str] | None:
        """What the search index is asked for: its column and the words."""
        return (self._column(self.search_column), active["q"]) if "q" in active else None

    def _condition(self, cell: Cell, raw: str) -> Any:
        if cell.info.sensitive:  # by part, a masked value could be guessed
            return self._column(cell.path) == raw if self.may_look_up(raw) else false()
        if cell.kind != "relation":
            return filters.condition(cell, self._column(cell.path), raw)
        relation = self.mapper.relationships[cell.path]
        (local,) = relation.local_columns
        column = getattr(self.model, self.mapper.get_property_by_column(local).key)
        return filters.pointing(relation.mapper.class_, column, raw)

    def _order(self, args: Mapping[str, str]) -> tuple[str, bool]:
        name, direction = self.base_order
        if args.get("order") in self.order_columns:
            name, direction = args["order"], args.get("dir", "asc")
        return name, direction == "desc"

    def row_or_404(self, pk: str, *, to_write: bool = False) -> Any:
        """The row, if the actor sees it (or may write it); what the page shows comes along."""
        if not is_key(pk):
            abort(404)
        query = select(self.model).where(self.key == int(pk)).options(*self.eager)
        query = query.where(*self.base_conditions())
        if to_write:
            query = query.where(access.condition(access.actor(), self.model))
        return db.session.scalars(query).unique().one_or_none() or abort(404)

    # --- list ---------------------------------------------------------------------------------

    @expose("/list/")
    @has_access
    def list(self) -> str:
        """One page of rows, its filter bar, its tabs."""
        args = request.args
        given, branches = [*self.base_conditions()], self.branches()
        conditions, active = self.narrowed(args)
        tab = args.get("tab", "") if self.tab_column else ""
        tabs = self._tab_conditions()
        tabbed = [tabs[tab]] if tab in tabs else []
        narrowed = [*given, *conditions, *tabbed]
        name, descending = self._order(args)
        size = int(args["size"]) if is_key(args.get("size", "")) else self.page_size
        size = max(1, min(size, self.max_page_size))
        number = min(_number(args.get("page", "")), max(1, TYPED_CAP // size))
        column = getattr(self.model, name)
        at = paging.position(args["at"], column) if "at" in args else None
        cap = paging.CAP if len(conditions) + len(tabbed) < 2 else paging.MIXED  # noqa: PLR2004
        # A frequent word makes the search index collect every match before it counts the first
        # (30-80 ms in a million rows), while the page itself stops after 26: so no count then.
        counted = {
            f"tab_{code}": (self.counted.where(*given, where), TAB_CAP)
            for code, where in tabs.items()
        }
        if "q" not in active:
            counted["all"] = (self._either(given, branches, [*conditions, *tabbed], cap), cap)
        counts = paging.capped_counts(db.session(), counted)
        phrase = self.phrase(active)
        if phrase:
            others, _active = self.narrowed({k: v for k, v in args.items() if k != "q"})
        rows = [*(() if branches else given), *(others if phrase else conditions), *tabbed]
        page = paging.page(
            db.session(), self.query.where(*rows), column, self.key,
            descending=descending, at=at, size=size, count=counts.get("all"), cap=cap,
            offset=(number - 1) * size, phrase=phrase, branches=branches,
        )  # fmt: skip
        g.readers = [*self._readers()]
        lines = [self._line(row) for row in page.rows]
        kept = active | ({"tab": tab} if tab in tabs else {})
        order = {"order": name, "dir": "desc" if descending else "asc"} if "order" in args else {}
        sized = {"size": str(size)} if "size" in args else {}
        return self.page(
            self.list_template,
            page=self._page_line(page, kept | order | sized, number, size),
            lines=lines,
            asks=any(shown.reveal for line in lines for shown in line["values"]),
            cells=self.visible_cells(),
            filters=[self._filter(cell, active) for cell in self.filters],
            active=active,
            kept={"tab": tab} if tab in tabs else {},
            tabs=self._tabs(tabs, tab, counts, active),
            tools=self._tools(kept | order),
            order=name,
            descending=descending,
            sort_url=lambda by: self._sort_url(by, name, descending=descending, kept=kept | sized),
            crumbs=self.crumbs(),
            bulk=self.bulk_actions(),
            footer=self.footer(narrowed),
            drafts=self.drafts(),
        )

    def footer(self, narrowed: Sequence[Any]) -> str:
        """What stands under the list: the sum of ``sum_column``, over as many rows as are counted.

        Exact, or not there at all: a sum of some of the rows would be taken for that of all.
        """
        if not self.sum_column:
            return ""
        cell = cell_at(self.model, self.sum_column)
        rows = self._keys(narrowed).add_columns(cell.attribute).limit(paging.FAR + 1).subquery()
        total = func.sum(rows.c[self.sum_column])
        count, amount = db.session.execute(select(func.count(), total).select_from(rows)).one()
        if count > paging.FAR:
            most = paging.capped(count - 1, count)
            return _("More than %(num)s rows: narrow the list to see their sum.", num=most)
        shown = cell.show(int(amount or 0))
        return _("Sum of %(column)s: %(amount)s", column=cell.label, amount=shown) if count else ""

    def bulk_actions(self) -> Sequence[dict[str, Any]]:
        """What may be done with several rows at once; with none, rows have no boxes to tick."""
        return []

    def row_ticks(self, _row: Any) -> bool:
        """Whether a row may be ticked."""
        return True

    def crumbs(self, *more: tuple[Phrase, str]) -> Sequence[tuple[Phrase, str]]:
        """The way here, from the workbench."""
        here = (self.title, url_for(".list") if more and self.may("list") else "")
        return [(_("Workbench"), url_for("WorkbenchView.show")), here, *more]

    def _keys(self, conditions: Sequence[Any]) -> Select[Any]:
        """The keys alone."""
        return self.bare_query.where(*conditions)

    def _either(
        self, given: Sequence[Any], branches: Sequence[Any], conditions: Sequence[Any], most: int
    ) -> Select[Any]:
        """The rows of the list under these conditions; enough of each of its :meth:`branches`."""
        if not branches:
            return self.counted.where(*given, *conditions)
        each = (self._keys([*conditions, branch]).limit(most + 1) for branch in branches)
        return select(union_all(*(select(keys.subquery()) for keys in each)).subquery())

    def _tab_conditions(self) -> dict[str, Any]:
        if not self.tab_column:
            return {}
        column = getattr(self.model, self.tab_column)
        choices = cell_at(self.model, self.tab_column).info.choices or ()
        return {choice.code: column == choice.code for choice in choices}

    def _tabs(
        self, tabs: Mapping[str, Any], tab: str, counts: Mapping[str, int], active: dict[str, str]
    ) -> Sequence[dict[str, Any]]:
        if not tabs:
            return []
        labels = dict(offered(cell_at(self.model, self.tab_column).info))
        first = {"label": _("All"), "count": "", "url": url_for(".list", **active)}
        return [first | {"value": "", "active": tab not in tabs}] + [
            {
                "value": code,
                "label": labels[code],
                "count": paging.capped(counts[f"tab_{code}"], TAB_CAP),
                "url": url_for(".list", **active, tab=code),
                "active": code == tab,
            }
            for code in tabs
        ]

    def _page_line(
        self, page: paging.Page, kept: dict[str, str], number: int, size: int
    ) -> dict[str, Any]:
        fits = page.count is not None and page.count > size
        known = number if "at" not in request.args else None
        return page.line(partial(url_for, ".list"), kept) | {"number": known, "box": fits}

    def _line(self, row: Any) -> dict[str, Any]:
        """One row of the list: texts are made here, Jinja's ``attr`` would cost 3 ms a page."""
        shown = self._shown(row)
        return {
            "id": row.id,
            "values": shown,
            "url": self.row_url(row),
            "edit_url": self.url_of("edit", row) if self.row_may(row, "edit") else None,
            "delete_url": self.url_of("delete", row) if self.row_may(row, "delete") else None,
            "actions": [],
            "tick": self.row_ticks(row),
        }

    def _readers(self) -> Iterator[tuple[Cell, Callable[[Any], Any], dict[Any, Shown] | None]]:
        """For each column of a page how its values are read, and what was said of them before.

        States, terms and time limits, the same in many rows, are put into words once a page.
        """
        for cell in self.visible_cells():
            yield cell, self.getter(cell), {} if cell.kind in REPEATED else None

    def _shown(self, row: Any) -> Sequence[Shown]:
        """The values of one row of the list, as far as the reader may read them."""
        plain = not self.has_personal or access.sees_plain(self.model, row)
        values = []
        for cell, read, known in g.readers:
            value = read(row)
            if not plain and cell.info.sensitive:
                values.append(self.hidden(cell, value, row.id))
            elif known is None:
                values.append(self.shown(cell, value))
            else:
                if value not in known:
                    known[value] = self.shown(cell, value)
                values.append(known[value])
        return values

    def getter(self, cell: Cell) -> Callable[[Any], Any]:
        """How a row of the list tells the value of a column; :meth:`shown` puts it into words."""
        return attrgetter(cell.name)

    def visible_cells(self) -> Sequence[Cell]:
        """The columns of the list that tell this reader something."""
        return self.cells

    @cached_property
    def has_personal(self) -> bool:
        """Whether the list shows personal data."""
        return any(cell.info.sensitive for cell in self.cells)

    def shown(self, cell: Cell, value: Any) -> Shown:
        """A value of the list; a relation comes as its label."""
        if cell.kind in {"relation", "link"}:
            return Shown(str(value) if value is not None else "")
        return cell.show(value)

    def row_url(self, row: Any) -> str | None:
        """Where the row's name leads."""
        return self.url_of("show", row) if self.may("show") else None

    def url_of(self, verb: str, row: Any) -> str:
        """The address of a row's page."""
        return row_address(f"{self.endpoint}.{verb}", "pk", row.id)

    def row_may(self, _row: Any, verb: str) -> bool:
        """Whether the list offers ``verb`` for a row; the write rule decides when it is done."""
        return self.may(verb)

    def _filter(self, cell: Cell, active: Mapping[str, str]) -> dict[str, Any]:
        entry = filters.entry(cell, active.get(cell.name, ""))
        if cell.kind == "relation":
            other = self.mapper.relationships[cell.path].mapper.class_
            entry["endpoint"] = url_for(".options", name=cell.path)
            if entry["value"]:
                chosen = select(other).where(other.id == int(entry["value"]))
                entry["text"] = str(db.session.scalar(chosen) or "")
        return entry

    def _tools(self, kept: dict[str, str]) -> dict[str, str | None]:
        return {
            "add_url": url_for(".add") if self.may("add") else None,
            "export_url": url_for(".export", **kept) if self.may("export") else None,
            "import_url": url_for(".import_start") if self.takes_files() else None,
        }

    def _sort_url(self, by: str, name: str, *, descending: bool, kept: dict[str, str]) -> str:
        direction = "asc" if by == name and descending else "desc"
        return url_for(".list", **kept, order=by, dir=direction)

    # --- detail, delete, export, options --------------------------------------------------------

    @expose("/show/<pk>/")
    @has_access
    def show(self, pk: str) -> str:
        """The record in its sections."""
        to_write = self.shows_own_only and access.READER not in access.actor().roles
        row = self.row_or_404(pk, to_write=to_write)
        return self.page(self.show_template, **self.told(row))

    def told(self, row: Any) -> dict[str, Any]:
        """What the template of the record is given; a view adds what it has beside."""
        return {
            "title": str(row),
            "badge": self._badge(row),
            "crumbs": self.crumbs((str(row), "")),
            "sections": self.sections_of(row),
            "buttons": self.buttons(row),
        }

    def sections_of(self, row: Any, *, plain: bool = False) -> Sequence[dict[str, Any]]:
        """Cells and values, by section in the order of ``show_columns``.

        Personal data is masked unless it is the reader's own, or ``plain`` for him: as for the
        reviewer of a case while it is at his stage.
        """
        plain = plain or access.sees_plain(self.model, row)
        sections: dict[str, list[tuple[Cell, Shown]]] = {}
        for cell in self.details:
            if cell.info.only_if and not getattr(row, cell.info.only_if):
                continue
            held = sections.setdefault(str(cell.info.section), [])
            value = getattr(row, cell.path)
            held.append((cell, cell.show(value) if plain else self.hidden(cell, value, row.id)))
        return [{"title": title, "items": items} for title, items in sections.items()]

    def _badge(self, row: Any) -> Shown | None:
        if not self.tab_column:
            return None
        return cell_at(self.model, self.tab_column).show(getattr(row, self.tab_column))

    def buttons(self, row: Any) -> Sequence[dict[str, Any]]:
        """What may be done from the detail page."""
        if not self.row_may(row, "edit"):
            return []
        edit = {"label": _("Edit"), "url": url_for(".edit", pk=row.id), "icon": "edit"}
        return [edit | {"primary": True, "method": "get"}]

    @expose("/delete/<pk>/", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> BaseResponse:
        """Remove a row that nothing refers to."""
        row = self.row_or_404(pk, to_write=True)
        try:
            self._keep_pictures(row, gone=True)
            db.session.delete(row)
            db.session.commit()
            flash(_("Deleted."), "success")
        except IntegrityError:
            db.session.rollback()
            flash(
                _("Other records refer to this one, so it was not deleted. Remove them first."),
                "warning",
            )
        return redirect(url_for(".list"))

    @expose("/options/<name>/")
    @has_access
    @permission_name("show")
    def options(self, name: str) -> Response:
        """Up to 20 visible rows of a relation, for the remote selects of form and filter bar."""
        offered_names = {*self.form_columns, *self.filter_columns}
        if name not in self.mapper.relationships or name not in offered_names:
            abort(404)
        relation = self.mapper.relationships[name]
        other, info = relation.mapper.class_, cell_at(self.model, name).info
        if info.kind == "links":
            other = inspect(other).relationships[info.columns[0]].mapper.class_
        if other is Attachment:
            abort(404)
        given = self.option_conditions(name)
        return jsonify(options_of(other, request.args.get("q", ""), *given))

    def option_conditions(self, _name: str) -> Sequence[Any]:
        """What a relation may name here, beyond what the reader sees."""
        return ()

    # --- form ---------------------------------------------------------------------------------

    @expose("/add/", methods=["GET", "POST"])
    @has_access
    def add(self) -> Answer:
        """A form for a new row."""
        return self.form_page(self.new_row())

    @expose("/edit/<pk>/", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Answer:
        """A form for a row."""
        return self.form_page(self.row_or_404(pk, to_write=True))

    def new_row(self) -> Any:
        """A transient row with what is known before anything is typed."""
        return self.model()

    def prepare(self, row: Any) -> None:
        """Fill what no input asks for, before a new or changed row is saved."""

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """Faults beyond single fields; ``probe`` is a transient copy that holds what was typed."""
        return []

    def save(self, row: Any) -> str:
        """Put the row into the transaction; returns where to go after the commit."""
        db.session.add(row)
        db.session.flush()
        flash(_("Saved."), "success")
        return url_for(".show", pk=row.id) if self.may("show") else url_for(".list")

    def form_page(self, row: Any) -> Answer:
        """Show, check and save the form; whatever goes wrong, nothing typed is lost."""
        key, fixed = self.draft_key(row), access.frozen_columns(row)
        fixed |= {r.key for r in self.mapper.relationships if _locals(self.mapper, r) & fixed}
        draft = draft_of(key)
        typed = request.form if request.method == "POST" else as_typed(draft)
        hides = not access.sees_plain(self.model, row)
        form = self.form_class(typed, obj=row, fixed=fixed & set(self.form_columns), hides=hides)
        problem: Phrase = ""
        if request.method == "POST":
            problem, target = self._try_to_save(form, row, draft)
            if target:
                return redirect(target)
        page = self.page(self.edit_template, **self._form_context(form, row, key, draft, problem))
        return page, 400 if request.method == "POST" else 200

    def _try_to_save(self, form: ModelForm, row: Any, draft: Draft | None) -> tuple[Phrase, str]:
        valid = form.validate()
        probe = self.model()
        with db.session.no_autoflush:
            form.populate_obj(probe)
            form.add_problems(self.problems(row, probe))
        if not valid or form.is_faulty:
            return "", ""
        try:
            _refuse_stale(row, request.form.get("version", ""))
            form.populate_obj(row)
            self.prepare(row)
            target = self.save(row)
            self._keep_pictures(row)
            if draft is not None:
                db.session.delete(draft)
            db.session.commit()
        except DomainError as refusal:
            problem: Phrase = str(refusal)
            form.add_problems(getattr(refusal, "problems", ()))
        except IntegrityError:
            problem = _("This repeats an existing record, or something required is missing. "
                        "Check the entries, then save again.")  # fmt: skip
        except StaleDataError:
            problem = _(
                "Somebody else has changed this record since you opened it. Compare your entries "
                "with the present record, then save again to keep yours."
            )
        else:
            return "", target
        db.session.rollback()
        return problem, ""

    def _keep_pictures(self, row: Any, *, gone: bool = False) -> None:
        """What the row's texts show goes with the row from now on; with it when it is gone."""
        texts = [n for n in self.form_columns if self.form_class.infos[n].kind == "rich"]
        if not texts:
            return
        html = "" if gone else "".join(getattr(row, name) or "" for name in texts)
        rows = access.elevated(db.session(), "the pictures of a text are seen with it")
        place = self.model.__tablename__, row.id, html, getattr(row, "organization_id", None)
        richtext.keep_pictures(rows, *place)

    def _form_context(
        self, form: ModelForm, row: Any, key: str, draft: Draft | None, problem: Phrase
    ) -> dict[str, Any]:
        exists = inspect(row).persistent
        sections: dict[str, list[Drawn]] = {}
        for name in self.form_columns:
            drawn = draw(form, name, lambda field: url_for(".options", name=field))
            sections.setdefault(str(form.infos[name].section), []).append(drawn)
        drawn_fields = [drawn for fields in sections.values() for drawn in fields]
        restored = draft is not None and request.method == "GET"
        back = url_for(".show", pk=row.id) if exists and self.may("show") else ""
        return {
            "title": self.form_title(row),
            "crumbs": self.crumbs((self.form_title(row), "")),
            "sections": [
                {"key": str(n), "title": title, "fields": fields}
                for n, (title, fields) in enumerate(sections.items())
            ],
            "summary": list(summary(drawn_fields)),
            "problem": problem,
            "version": _version(row),
            "submit_label": self.submit_label(row),
            "draft_key": key,
            "draft_note": draft_note(draft) if restored and draft else "",
            "back_url": back
            or (url_for(".list") if self.may("list") else url_for("WorkbenchView.show")),
            "readonly_note": self.readonly_note(row) if form.fixed else "",
        }

    def form_title(self, row: Any) -> str:
        """The heading of the form."""
        if inspect(row).persistent:
            return _("Edit: %(name)s", name=row)
        return str(self.new_title) or _("New: %(title)s", title=self.title)

    def submit_label(self, _row: Any) -> str:
        """The word on the form's main button."""
        return _("Save")

    def readonly_note(self, _row: Any) -> str:
        """Why some fields cannot be changed."""
        return _("Grey fields cannot be changed here.")


def options_of(model: Any, query: str, *given: Any) -> Sequence[dict[str, Any]]:
    """Up to 20 visible rows of ``model`` whose name contains ``query``, under conditions."""
    label = getattr(model, model.label_column)
    phrase = clean(query)[:50]
    found = select(model.id, label.label("label")).where(*given)
    found = found.order_by(model.id).limit(OPTION_COUNT)
    if phrase and hasattr(model, "search_text"):
        found = found.where(search(model.search_text, phrase))
    elif phrase:
        found = found.where(label.contains(phrase, autoescape=True))
    return [{"id": row.id, "text": str(row.label)} for row in db.session.execute(found)]


def _version(row: Any) -> str:
    """The version that a form shows and must still find when it is sent; none for a new row."""
    counted = inspect(type(row)).version_id_col
    if counted is None or not inspect(row).persistent:
        return ""
    return str(getattr(row, inspect(type(row)).get_property_by_column(counted).key))


def _refuse_stale(row: Any, seen: str) -> None:
    if seen != _version(row):
        raise StaleDataError


def summary(fields: Iterable[Drawn]) -> Iterator[dict[str, Any]]:
    """Every fault with a link to its field, child rows included."""
    for drawn in fields:
        for error in drawn.errors:
            yield {"label": drawn.label, "text": error, "anchor": drawn.id}
        for line in drawn.lines:
            yield from summary(line.fields)


def _locals(mapper: Any, relation: Any) -> set[str]:
    if relation.direction is not RelationshipDirection.MANYTOONE:
        return set()
    return {mapper.get_property_by_column(column).key for column in relation.local_columns}


def _number(raw: str) -> int:
    return max(1, int(raw)) if is_key(raw) else 1
