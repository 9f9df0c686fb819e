"""The root of every page: one way to render, one menu, no FAB widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from flask import g, render_template, url_for
from flask_appbuilder import BaseView
from flask_babel import get_locale
from markupsafe import Markup

from app.columns import Phrase

MENU_TEMPLATE = "menu.html"
PLACE = "ROW"


def row_address(endpoint: str, name: str, value: object) -> str:
    """What ``url_for`` says of ``endpoint`` with one value, asked once for all rows of a page."""
    known = g.setdefault("row_addresses", {})
    if endpoint not in known:
        known[endpoint] = url_for(endpoint, **{name: PLACE}).partition(PLACE)
    before, _place, after = known[endpoint]
    return f"{before}{quote(str(value), safe='')}{after}"


@dataclass
class MenuEntry:
    """One line of the side menu, or a group of lines, whose name opens the first of them."""

    label: Phrase
    icon: str = ""
    url: str | None = None
    current: bool = False
    children: Sequence[MenuEntry] = field(default=())


class Page(BaseView):
    """Base of all views: what it serves needs a permission, what it renders has the menu.

    ``menu_of`` names the view whose entry of the menu leads here, where it is another one.
    """

    menu_of: ClassVar[str] = ""

    def page(self, template: str, **context: Any) -> str:
        """``template`` in the frame of the back office."""
        return render_template(
            template, view=self, appbuilder=self.appbuilder, sidebar=self._sidebar(), **context
        )

    def may(self, verb: str) -> bool:
        """Whether the reader holds a permission on this view."""
        return bool(self.appbuilder.sm.has_access(f"can_{verb}", self.class_permission_name))

    def _sidebar(self) -> Markup:
        """The menu of these grants, rendered once per language and open page."""
        key = (str(get_locale()), self.menu_of or self.endpoint)
        if key not in g.grants.menus:
            groups = menu_entries(self.appbuilder, key[1])
            g.grants.menus[key] = Markup(render_template(MENU_TEMPLATE, groups=groups))  # noqa: S704
        return g.grants.menus[key]


def menu_entries(appbuilder: Any, here: str) -> list[MenuEntry]:
    """FAB's menu as far as the reader may open it; a group of one shows the one."""
    allowed = appbuilder.sm.get_user_menu_access()

    def entry(item: Any) -> MenuEntry:
        current = getattr(item.baseview, "endpoint", None) == here
        return MenuEntry(item.label, item.icon, item.get_url(), current)

    entries = []
    for item in appbuilder.menu.get_list():
        children = [entry(child) for child in item.childs if child.name in allowed]
        if item.name not in allowed and not children:
            continue
        if not item.childs:
            entries.append(entry(item))
        elif children:
            current = any(child.current for child in children)
            entries.append(MenuEntry(item.label, item.icon, children[0].url, current, children))
    return entries
