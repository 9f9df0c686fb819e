"""What a member may do for the organization (应用内权限, F07).

A main account holds the pages of its organization and those of a main account.  A sub-account
(S0-37) opens what its main account opens, less what was taken away; what it may do is read anew
with every access version and stored nowhere, so it never exceeds the main account's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import Connection, Table, select
from sqlalchemy.orm import Session

from app import choices
from app.choices import MAIN_ACCOUNT, SUB_ACCOUNT
from app.columns import Phrase
from app.models import Membership, Organization, Person

Pair = tuple[str, str]
Rights = Mapping[str, Iterable[str]]
"""Menu entry -> rights out of :data:`app.choices.RIGHTS`; None stands for all of all."""

VIEW, EDIT, SUBMIT, EXPORT = choices.RIGHTS.codes()
NEEDED = {
    "list": {VIEW},
    "show": {VIEW},
    "choose": {VIEW},
    "export": {EXPORT},
    "submit": {SUBMIT},
}
"""What a verb of a page needs; any other verb changes something."""
ANY_ORGANIZATION = "enterprise_main"
INSTITUTION = "institution_main"


def _table(model: Any) -> Table:
    return model.__table__  # type: ignore[no-any-return]


member_, organization_, person_ = _table(Membership), _table(Organization), _table(Person)
role_, held_ = (person_.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


@dataclass(frozen=True)
class Pages:
    """The menu as rights are given by: the views behind each entry, those that save by submitting.

    A view without an entry of its own stands with the one that leads to it.
    """

    views: Mapping[str, tuple[str, ...]]
    titles: Mapping[str, tuple[Phrase, Phrase]]
    """Of each entry: the group that it stands in, empty for none, and what people read."""
    submitting: frozenset[str]
    records: frozenset[str]
    """The views that show the data and the applications of an organization."""

    def granted(self, pairs: Iterable[Pair], rights: Rights | None) -> frozenset[Pair]:
        """The pages and verbs out of ``pairs`` that ``rights`` leave."""
        if rights is None:
            return frozenset(pairs)
        held = {menu: frozenset(names) for menu, names in rights.items()}
        return frozenset(pair for pair in pairs if self._is_left(pair, held))

    def _is_left(self, pair: Pair, held: Mapping[str, frozenset[str]]) -> bool:
        permission, view = pair
        if permission == "menu_access":
            return VIEW in held.get(view, ())
        verb = permission.removeprefix("can_")
        needed = NEEDED.get(verb, {EDIT, SUBMIT} if view in self.submitting else {EDIT})
        return any(
            needed <= names for menu, names in held.items() if view in self.views.get(menu, ())
        )

    def offered(self, pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
        """The rights that mean something for each entry of the menu that ``pairs`` opens."""
        pairs = set(pairs)
        verbs: dict[str, set[str]] = {}
        for permission, view in pairs:
            verbs.setdefault(view, set()).add(permission.removeprefix("can_"))
        found = {}
        for menu, views in self.views.items():
            if ("menu_access", menu) in pairs:
                needed = {VIEW}
                for view in views:
                    for verb in verbs.get(view, ()):
                        needed |= NEEDED.get(verb, {EDIT})
                        needed |= {SUBMIT} if view in self.submitting and verb == "add" else set()
                found[menu] = tuple(code for code in choices.RIGHTS.codes() if code in needed)
        return found

    def show_records(self, pairs: Iterable[Pair]) -> bool:
        """Whether ``pairs`` open any page on which the organization's data is read."""
        return any(view in self.records for _permission, view in pairs)

    def without(self, pairs: Iterable[Pair], menu: str) -> frozenset[Pair]:
        """``pairs`` less one entry of the menu and the pages behind it."""
        closed = {menu, *self.views.get(menu, ())}
        return frozenset(pair for pair in pairs if pair[1] not in closed)


@dataclass(frozen=True)
class Standing:
    """How a person stands to an organization."""

    organization_id: int
    organization_name: str
    region_id: int
    is_main: bool
    is_certified: bool
    rights: Rights | None
    main_roles: frozenset[str]
    """For a sub-account: the roles that its main account holds."""

    def may_submit(self) -> bool:
        """Whether anything may be submitted at all."""
        return self.rights is None or any(SUBMIT in names for names in self.rights.values())

    def roles(self, held: Iterable[str]) -> frozenset[str]:
        """The roles to act with: whoever may submit acts with the organization's."""
        own = frozenset(held) - {MAIN_ACCOUNT, SUB_ACCOUNT}
        if self.is_main:
            return own | {MAIN_ACCOUNT}
        return frozenset({SUB_ACCOUNT}) | (self.main_roles if self.may_submit() else frozenset())


def pairs_of(rows: Session | Connection, roles: Iterable[str]) -> frozenset[Pair]:
    """The permissions of some roles, and the views that they open."""
    granted = (
        select(Permission.name, ViewMenu.name)
        .select_from(PermissionView)
        .join(PermissionView.permission)
        .join(PermissionView.view_menu)
        .where(PermissionView.role.any(Role.name.in_(roles)))
    )
    return frozenset((row[0], row[1]) for row in rows.execute(granted))


def readers(rows: Connection, organization_id: int, entry: str) -> list[int]:
    """The sub-accounts of an organization that may read what an entry of the menu leads to."""
    query = select(member_.c.user_id, member_.c.rights).where(
        member_.c.organization_id == organization_id, ~member_.c.is_main
    )
    return [
        user_id
        for user_id, held in rows.execute(query)
        if held is None or VIEW in held.get(entry, ())
    ]


def standing(rows: Session | Connection, user_id: int) -> Standing | None:
    """The organization that a person belongs to, and as what."""
    o = organization_.c
    query = (
        select(o.id, o.name, o.region_id, o.certification, o.institution_state)
        .add_columns(member_.c.is_main, member_.c.rights)
        .join(member_, member_.c.organization_id == o.id)
        .where(member_.c.user_id == user_id)
    )
    row = rows.execute(query).first()
    if row is None:
        return None
    is_institution = row.institution_state == "in_pool"
    certified = is_institution or row.certification in choices.CERTIFIED
    roles = frozenset() if row.is_main else roles_of_main(rows, row.id)
    return Standing(
        row.id, row.name, row.region_id, row.is_main, certified, row.rights, frozenset(roles)
    )


def roles_of_main(rows: Session | Connection, organization_id: int) -> frozenset[str]:
    """The roles of the main account; without one those that it would get."""
    names = (
        select(role_.c.name)
        .join(held_, held_.c.role_id == role_.c.id)
        .join(member_, member_.c.user_id == held_.c.user_id)
        .where(member_.c.organization_id == organization_id, member_.c.is_main)
    )
    found = frozenset(name for (name,) in rows.execute(names)) - {MAIN_ACCOUNT, SUB_ACCOUNT}
    if found:
        return found
    state = select(organization_.c.institution_state).where(organization_.c.id == organization_id)
    is_institution = rows.execute(state).scalar() == "in_pool"
    return frozenset({INSTITUTION if is_institution else ANY_ORGANIZATION})
