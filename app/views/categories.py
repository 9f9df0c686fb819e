"""服务类别: the tree in which standard products, products, demands and institutions stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import flash, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import inspect
from werkzeug.wrappers import Response as BaseResponse

from app.errors import Problem
from app.extensions import db
from app.models import DictItem
from app.services import categories
from app.services.reference import CATEGORIES
from app.views.base import BackOfficeView
from app.views.base.cells import Shown


class CategoryView(BackOfficeView):
    """The tree in its order; what is changed here is offered so from the next request on."""

    datamodel = SQLAInterface(DictItem)
    route_base = "/categories"
    title, new_title = _l("Service categories"), _l("New service category")
    intro = _l(
        "What products, demands and institutions are sorted by. A category that is switched off "
        "stays where it is used and is no longer offered."
    )
    list_columns = ("zh", "en", "parent", "needs_licence", "is_active")
    form_columns = ("parent", "zh", "en", "needs_licence")
    show_columns = (*form_columns, "is_active")
    filter_columns = ("parent", "is_active")
    extra_columns = ("code",)
    order_columns = ("position", "id")
    base_order = ("position", "asc")
    page_size = 100
    base_permissions = ["can_list", "can_show", "can_add", "can_edit", "can_export"]
    exclude_route_methods = BackOfficeView.exclude_route_methods | {"delete", "options", "reveal"}

    def base_conditions(self) -> Sequence[Any]:
        """Of all dictionaries this one."""
        return [DictItem.dictionary == CATEGORIES]

    def new_row(self) -> DictItem:
        """Offered at once, behind the others of its group."""
        return categories.new()

    def problems(self, row: Any, probe: Any) -> Sequence[Problem]:
        """Its place in the tree, and a name that stands once in it."""
        return [*categories.problems(db.session(), row, probe)]

    def prepare(self, row: Any) -> None:
        """Who changes its group comes last there."""
        row.parent = row.parent or ""
        if inspect(row).attrs.parent.history.has_changes():
            row.position = categories.LAST

    def save(self, row: Any) -> str:
        """Keep the tree in its order."""
        target = super().save(row)
        categories.arrange(db.session())
        return target

    def row_may(self, _row: Any, verb: str) -> bool:
        """What something may name is switched off, not deleted."""
        return verb != "delete" and self.may(verb)

    def _line(self, row: Any) -> dict[str, Any]:
        """A name stands further right below its group."""
        line = super()._line(row)
        name, *others = line["values"]
        shown = Shown(f"　└ {name.text}") if row.parent else name
        return line | {
            "values": [shown, *others],
            "actions": list(self._steps(row.id, row.is_active)),
        }

    def _steps(self, key: int, is_active: bool) -> Iterable[dict[str, str]]:
        if not self.may("edit"):
            return
        switch = (_("Switch off"), ".switch_off") if is_active else (_("Switch on"), ".switch_on")
        for label, step in ((_("Up"), ".up"), (_("Down"), ".down"), switch):
            yield {"label": label, "url": url_for(step, pk=key), "method": "post"}

    @expose("/up/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def up(self, pk: str) -> BaseResponse:
        """Before its neighbour in the same group."""
        return self._move(pk, up=True)

    @expose("/down/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def down(self, pk: str) -> BaseResponse:
        """Behind its neighbour in the same group."""
        return self._move(pk, up=False)

    def _move(self, pk: str, *, up: bool) -> BaseResponse:
        if categories.move(db.session(), self.row_or_404(pk, to_write=True), up=up):
            db.session.commit()
        else:
            flash(_("It stands at the end of its group already."), "warning")
        return redirect(url_for(".list"))

    @expose("/switch_off/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def switch_off(self, pk: str) -> BaseResponse:
        """停用: no longer offered, nor what stands below it."""
        self._switch(pk, is_active=False)
        flash(_("Switched off: it is no longer offered."), "success")
        return redirect(url_for(".list"))

    @expose("/switch_on/<pk>/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def switch_on(self, pk: str) -> BaseResponse:
        """启用."""
        self._switch(pk, is_active=True)
        flash(_("Switched on."), "success")
        return redirect(url_for(".list"))

    def _switch(self, pk: str, *, is_active: bool) -> None:
        self.row_or_404(pk, to_write=True).is_active = is_active
        db.session.commit()
