"""角色权限: what each role opens, read from the rights as they are granted now."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from flask_babel import gettext as _, lazy_gettext as _l
from sqlalchemy import select

from app.access import elevated
from app.columns import Phrase
from app.extensions import db
from app.models import Person
from app.views.base import Page

VERBS: dict[str, Phrase] = {
    "can_list": _l("List"),
    "can_show": _l("View"),
    "can_add": _l("Add"),
    "can_edit": _l("Edit"),
    "can_delete": _l("Delete"),
    "can_export": _l("Export"),
}
tables = Person.metadata.tables
role_, granted_, pair_ = (
    tables[name] for name in ("ab_role", "ab_permission_view_role", "ab_permission_view")
)
permission_, view_ = tables["ab_permission"], tables["ab_view_menu"]


class RightsView(Page):
    """One role at a time; rights come from the profile and are not edited here."""

    route_base = "/roles"
    base_permissions = ["can_show"]

    @expose("/")
    @has_access
    def show(self) -> str:
        """The pages and verbs of the chosen role, the first one without a choice."""
        roles = current_app.extensions["profile"].roles
        chosen = request.args.get("role", "")
        chosen = chosen if chosen in roles else next(iter(roles))
        return self.page(
            "users/roles.html",
            title=_("Roles and rights"),
            crumbs=[(_("Workbench"), url_for("WorkbenchView.show")), (_("Roles and rights"), "")],
            roles=[
                {"label": role.title, "url": url_for(".show", role=key), "active": key == chosen}
                for key, role in roles.items()
            ],
            pages=self._pages(chosen),
        )

    def _pages(self, role: str) -> list[tuple[str, str]]:
        """Page and what may be done there, by the names that people read."""
        rows = elevated(db.session(), "the rights of roles are nobody's rows")
        granted = (
            select(view_.c.name, permission_.c.name)
            .join_from(granted_, role_)
            .join(pair_, pair_.c.id == granted_.c.permission_view_id)
            .join(permission_)
            .join(view_, view_.c.id == pair_.c.view_menu_id)
            .where(role_.c.name == role, permission_.c.name != "menu_access")
        )
        held: dict[str, set[str]] = {}
        for view, permission in rows.execute(granted):
            held.setdefault(view, set()).add(permission)
        titles = self._titles()
        said = ((titles.get(view, view), self._verbs(verbs)) for view, verbs in held.items())
        return sorted(said)

    def _verbs(self, held: set[str]) -> str:
        known = [str(label) for verb, label in VERBS.items() if verb in held]
        return "、".join(known + ([_("Further actions")] if held - VERBS.keys() else []))

    def _titles(self) -> dict[str, str]:
        """What each page is called: in the menu, or by its own title."""
        builder = self.appbuilder
        found: dict[str, Any] = {
            view.class_permission_name: getattr(view, "title", "") for view in builder.baseviews
        }
        for item in (i for group in builder.menu.get_list() for i in (group, *group.childs)):
            view = getattr(item, "baseview", None)
            if view is not None and not found.get(view.class_permission_name):
                found[view.class_permission_name] = item.label
        return {name: str(title) for name, title in found.items() if title}
