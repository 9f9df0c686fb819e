"""Who sees and who changes which row: one SQL condition per model, applied by the session.

Every ORM statement of a :class:`ScopedSession` is limited to what its actor may see, and a
flush is refused when it touches a row the actor may not write or points at one he cannot see.
A model without a rule is invisible.  Nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from sqlalchemy import (
    Alias,
    BindParameter,
    Column,
    ColumnClause,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    SelectBase,
    Table,
    bindparam,
    event,
    false,
    inspect,
    select,
)
from sqlalchemy.orm import (
    Mapper,
    ORMExecuteState,
    RelationshipDirection,
    Session,
    UOWTransaction,
)
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import True_
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.util import _deep_annotate

from app import clock
from app.columns import UtcDateTime

Kind = Literal["anonymous", "ordinary", "bystander", "member", "consultant", "staff", "system"]


class AccessError(PermissionError):
    """The actor reached for a row that is not his; the request ends with 403."""


@dataclass(frozen=True)
class Actor:
    """On whose behalf code runs; ``region`` is the leading digits of a region code, as in 9901.

    ``member`` acts for one organization, ``staff`` for the platform; a signed-in user who is
    neither is ``ordinary`` and has rows of his own only.  So has a ``bystander``: he belongs to
    an organization that left him none of the pages on which its data is read (F07).

    A ``consultant`` is linked to an institution, ``serves_id``, and acts for it as the consultant
    ``consultant_id``; he is no member of it, and ``organization_id`` stays empty.
    """

    kind: Kind
    user_id: int | None = None
    roles: frozenset[str] = frozenset()
    organization_id: int | None = None
    region: str = ""
    consultant_id: int | None = None
    serves_id: int | None = None

    @property
    def house(self) -> int | None:
        """For whom the actor acts: his own organization, or the institution that he serves."""
        return self.organization_id or self.serves_id

    def holds(self, role: str, organization_id: int | None = None) -> bool:
        """Whether the role is held, and in that organization if one is named."""
        return role in self.roles and organization_id in (None, self.organization_id)


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system")
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def actor() -> Actor:
    """The present actor; nobody set one, nobody gets a row."""
    present = _actor.get()
    if present is None:
        raise AccessError("no actor: wrap the code in acting_as(...)")
    return present


def set_actor(who: Actor | None) -> None:
    """For the edge (request start and end); everything else uses :func:`acting_as`."""
    _actor.set(who)


@contextmanager
def acting_as(who: Actor) -> Iterator[None]:
    """Run a block as ``who``, with a session of its own (one session, one actor)."""
    token = _actor.set(who)
    try:
        yield
    finally:
        _actor.reset(token)


def _late(name: str, value: Callable[[Actor], Any], type_: Any) -> BindParameter[Any]:
    return bindparam(f"actor_{name}", callable_=lambda: value(actor()), type_=type_)


class Me:
    """What a rule may know of the actor.

    A rule becomes SQL once per *shape* (kind and roles) and is cached; so the shape may be
    branched on, and everything personal is a parameter that is read at execution.  Were it a
    plain value, the first actor's number would stay in the cached statement.
    """

    user_id: ClassVar = _late("user_id", lambda a: a.user_id, Integer)
    organization_id: ClassVar = _late("organization_id", lambda a: a.organization_id, Integer)
    consultant_id: ClassVar = _late("consultant_id", lambda a: a.consultant_id, Integer)
    serves_id: ClassVar = _late("serves_id", lambda a: a.serves_id, Integer)
    now: ClassVar = bindparam("actor_now", callable_=clock.now, type_=UtcDateTime())
    region_first: ClassVar = _late("region_first", lambda a: int(a.region.ljust(6, "0")), Integer)
    region_last: ClassVar = _late("region_last", lambda a: int(a.region.ljust(6, "9")), Integer)

    def __init__(self, kind: Kind, roles: frozenset[str]) -> None:
        self.kind, self.roles = kind, roles

    def is_any(self, *kinds: Kind) -> bool:
        """Whether the actor is of one of these kinds."""
        return self.kind in kinds

    def has(self, role: str) -> bool:
        """Whether the actor holds the role."""
        return role in self.roles


Rule = Callable[[Me, Any], ColumnElement[bool]]
RULE = "access_rule"  # marks a rule that a statement is given as a condition
_visible: dict[type, Rule] = {}
_writable: dict[type, Rule] = {}


def visible(model: type) -> Callable[[Rule], Rule]:
    """Register who sees the rows of ``model``: ``(me, entity) -> SQL condition``.

    Write the condition on ``entity``, never on the class: it may be an alias.
    """
    return _register(_visible, model)


def writable(model: type) -> Callable[[Rule], Rule]:
    """Register who may add, change and delete rows of ``model``; without it: only the system."""
    return _register(_writable, model)


READER = "auditor"
"""The role whose holders write nothing, whatever the rule of a model says."""
_personal: set[type] = set()


def personal(model: type) -> None:
    """Register rows that are part of one's own account: whoever writes nothing else has them."""
    _personal.add(model)


Frozen = Callable[[Actor, Any], Collection[str]]
R = TypeVar("R", bound=Callable[..., Any])
_frozen: dict[type, Frozen] = {}


def frozen(model: type) -> Callable[[Frozen], Frozen]:
    """Register which columns of a row an actor may not change although the row is writable.

    ``(actor, row) -> column names``; forms show them read-only, a flush refuses them.
    """
    return _register(_frozen, model)


def frozen_columns(row: Any) -> frozenset[str]:
    """What the present actor may not change in ``row``; for a new row: nothing."""
    rule = _frozen.get(type(row))
    if rule is None or actor().kind == "system" or inspect(row).transient:
        return frozenset()
    return frozenset(rule(actor(), row))


@dataclass(frozen=True)
class Owner:
    """The columns that say whose the personal data of a row is: an organization's, a person's."""

    organization: str = ""
    person: str = ""

    def columns(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(filter(None, (self.organization, self.person)))


_owners: dict[type, Owner] = {}


def owned(model: type, *, organization: str = "", person: str = "") -> None:
    """Register who reads the personal data of ``model`` unmasked; others see it masked."""
    _owners[model] = Owner(organization, person)


def owner_columns(model: type) -> tuple[str, ...]:
    """What :func:`sees_plain` must find in a row."""
    return _owners.get(model, Owner()).columns()


def sees_plain(model: type, row: Any) -> bool:
    """Whether the present actor reads the personal data in ``row``, a row of any shape."""
    who, owner = actor(), _owners.get(model, Owner())
    if who.kind == "system":
        return True
    if getattr(row, "id", None) is None:  # it is being written, on whose behalf?
        organization = owner.organization and getattr(row, owner.organization)
        return organization in {None, "", who.organization_id}
    pairs = ((owner.organization, who.organization_id), (owner.person, who.user_id))
    return any(key and mine and getattr(row, key) == mine for key, mine in pairs)


def _register(rules: dict[type, R], model: type) -> Callable[[R], R]:
    def keep(rule: R) -> R:
        if model in rules:
            raise ValueError(f"two rules for {model.__name__}")
        rules[model] = rule
        return rule

    return keep


class Visibility(LoaderCriteriaOption):
    """All rules for one shape of actor as *one* statement option.

    ``with_loader_criteria`` would need one option per model: +280 us a statement with 40
    models, +650 with 100.  This one costs 20-40 us however many models there are, because its
    cache key is the shape.  It overrides private methods: pin SQLAlchemy, keep the tests.
    """

    inherit_cache = False

    def __init__(self, me: Me, registry: Any) -> None:
        self.me, self.registry = me, registry
        self.root_entity, self.entity = object, None
        self.deferred_where_criteria = False
        self.include_aliases = True
        self.propagate_to_loaders = True  # a joined eager load is skipped otherwise
        self._rules: dict[Any, ColumnElement[bool]] = {}

    def _gen_cache_key(self, anon_map: Any, bindparams: Any) -> tuple[Any, ...]:
        return (Visibility, self.me.kind, self.me.roles)

    def _all_mappers(self) -> Iterator[Mapper[Any]]:
        return iter(self.registry.mappers)

    def get_global_criteria(self, attributes: dict[Any, Any]) -> None:
        """Stand behind every mapper of the registry."""
        for mapper in self._all_mappers():
            criteria = attributes.setdefault(("additional_entity_criteria", mapper), [])
            if self not in criteria:
                criteria.append(self)

    def process_compile_state(self, compile_state: Any) -> None:
        """Refuse raw tables, then let each entity have its rule."""
        if compile_state.current_path.is_root:  # not a statement that a relationship writes
            refuse_raw_tables(compile_state.select_statement)
        super().process_compile_state(compile_state)

    def _resolve_where_criteria(self, ext_info: Any) -> ColumnElement[bool]:
        """The rule of one entity; of a model itself, which most are, it is written but once.

        All threads share what is kept; two that come at the same time write the same.
        """
        if ext_info in self._rules:
            return self._rules[ext_info]
        rule = _visible.get(ext_info.mapper.class_)
        written = _deep_annotate(
            rule(self.me, ext_info.entity) if rule else false(),
            {"for_loader_criteria": self},
            detect_subquery_cols=True,
            ind_cols_on_fromclause=True,
        )
        if ext_info is ext_info.mapper:
            self._rules[ext_info] = written
        return written


@cache
def _visibility(kind: Kind, roles: frozenset[str], registry: Any) -> Visibility:
    return Visibility(Me(kind, roles), registry)


def refuse_raw_tables(statement: Any) -> None:
    """What a select names must be models: a mapped table carries no rule.

    Runs once per compiled statement.  Conditions are not looked at: relationships put plain
    columns there themselves.
    """
    for part in _selects(statement):
        joined = [join[0] for join in part._setup_joins]  # noqa: SLF001 - no public name
        named = [*_leaves(part._raw_columns), *part._from_obj, *joined]  # noqa: SLF001
        for element in named:
            table = element.table if isinstance(element, Column) else element
            while isinstance(table, Alias):
                table = table.element
            known = element._annotations  # noqa: SLF001
            if isinstance(table, Table) and "parententity" not in known:
                raise AccessError(f"{table.name}: select the model, not its table")


def _selects(element: Any) -> Iterator[Select[Any]]:
    """A statement and the selects within it, but for those of a rule, which names tables."""
    if RULE in getattr(element, "_annotations", ()):
        return
    if isinstance(element, Select):
        yield element
    for child in element.get_children():
        yield from _selects(child)


def _leaves(elements: Iterable[Any]) -> Iterator[Any]:
    """The tables and columns of expressions; selects within them are looked at by themselves."""
    for element in elements:
        if isinstance(element, (ColumnClause, FromClause)) and not isinstance(
            element, FunctionElement
        ):
            yield element
        elif not isinstance(element, SelectBase):
            yield from _leaves(element.get_children())


class ScopedSession:
    """Mixin for the session class of the application."""

    registry: ClassVar[Any]
    info: dict[Any, Any]

    def bind_actor(self) -> Actor:
        """One session serves one actor: its identity map holds only what he may see."""
        now = actor()
        if self.info.setdefault("actor", now) != now:
            raise AccessError("this session belongs to another actor: open a new one")
        return now

    def _no_bulk(self, *_args: Any, **_kwargs: Any) -> None:
        raise AccessError("bulk methods pass by every rule: use add() or a system job")

    bulk_save_objects = bulk_insert_mappings = bulk_update_mappings = _no_bulk


def protect(session_class: type[Session]) -> None:
    """Install the hooks on ``session_class``, which must derive from :class:`ScopedSession`."""
    event.listen(session_class, "do_orm_execute", _scope)
    event.listen(session_class, "before_flush", _before_flush)
    event.listen(session_class, "after_flush", _after_flush)
    event.listen(session_class, "detached_to_persistent", _refuse_foreign)


def _scope(state: ORMExecuteState) -> None:
    if "trusted" in state.execution_options:  # says why; only security code may use it
        return
    now = state.session.bind_actor()  # type: ignore[attr-defined]
    if now.kind == "system":
        return
    if not (state.is_orm_statement and state.is_select and not state.is_from_statement):
        raise AccessError("only ORM selects are scoped; set-based work belongs to the system")
    option = _visibility(now.kind, now.roles, state.session.registry)  # type: ignore[attr-defined]
    state.statement = state.statement.options(option)


def _refuse_foreign(session: Session, instance: object) -> None:
    if session.bind_actor().kind != "system":  # type: ignore[attr-defined]
        raise AccessError(f"{type(instance).__name__} was loaded elsewhere: load it again")


def condition(who: Actor, entity: Any) -> ColumnElement[bool]:
    """The write rule for ``entity`` as SQL; false without a rule."""
    model = inspect(entity).mapper.class_
    closed = READER in who.roles and model not in _personal
    rule = None if closed else _writable.get(model)
    found = rule(Me(who.kind, who.roles), entity) if rule else false()
    return found._annotate({RULE: True})  # noqa: SLF001 - no public name


def elevated(session: Session, reason: str) -> Connection:
    """The transaction's own connection, without rules: for Core statements, same commit.

    ``reason`` says why the actor's own rows are not enough.  A house test lists the callers.
    """
    if not reason:
        raise ValueError("say why the rules are passed by")
    session.flush()
    return session.connection()


def _before_flush(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    """Rows as they are in the database must be writable before they change or go.

    What new and changed rows point at is asked now: once written, a key may itself be what
    makes its target visible.
    """
    if session.info.get("reading"):
        raise AccessError("a GET request writes nothing")
    changed = [row for row in session.dirty if session.is_modified(row)]
    for row in changed:
        _refuse_fixed(row)
    for row in session.new:
        _refuse_born(row)
    _check(session, {*changed, *session.deleted, *_regrouped([*session.new, *changed])})
    _check_targets(session, [*session.new, *changed])


def _regrouped(rows: Iterable[Any]) -> Iterator[Any]:
    """Stored child rows that join or leave a parent: the flush itself changes or deletes them."""
    for row in rows:
        state = inspect(row)
        for name, relation in state.mapper.relationships.items():
            if relation.direction is RelationshipDirection.ONETOMANY and not relation.viewonly:
                history = state.attrs[name].history
                children = [*(history.added or ()), *(history.deleted or ())]
                yield from (child for child in children if inspect(child).persistent)


def _refuse_born(row: Any) -> None:
    """A state begins at its beginning; only the system stores rows that are further."""
    if actor().kind == "system":
        return
    mapper = inspect(row).mapper
    for column in mapper.columns:
        key = mapper.get_property_by_column(column).key
        value = getattr(row, key) if _by_flow(mapper, key) else None
        if value is not None and (column.default is None or value != column.default.arg):
            raise AccessError(f"{type(row).__name__}.{key} moves only through a flow")


def _refuse_fixed(row: Any) -> None:
    """States belong to the engine, frozen columns to nobody who asks by a form."""
    state = inspect(row)
    changed = {a.key for a in state.attrs if a.history.has_changes()}
    for name, relation in state.mapper.relationships.items():
        if name in changed and relation.direction is RelationshipDirection.MANYTOONE:
            changed |= {
                state.mapper.get_property_by_column(column).key for column in relation.local_columns
            }
    moved = {key for key in changed if _by_flow(state.mapper, key)}
    if moved:
        raise AccessError(f"{type(row).__name__}.{min(moved)} moves only through a flow")
    if refused := changed & frozen_columns(row):
        raise AccessError(f"{type(row).__name__}.{min(refused)} is fixed for this actor")


def _by_flow(mapper: Mapper[Any], key: str) -> bool:
    info = mapper.columns[key].info.get("field") if key in mapper.columns else None
    return bool(info and info.by_flow)


def _after_flush(session: Session, _context: UOWTransaction) -> None:
    """Rows as they have become must be writable."""
    changed = [row for row in session.dirty if session.is_modified(row)]
    _check(session, list(session.new) + [row for row in changed if _moved(row)])


def _moved(row: Any) -> bool:
    """Whether a column that the write rule reads has changed; otherwise the first check holds."""
    state = inspect(row)
    used = {
        element.key
        for element in visitors.iterate(condition(actor(), state.mapper.class_))
        if isinstance(element, Column)
    }
    return any(state.attrs[key].history.has_changes() for key in used if key in state.attrs)


def _check(session: Session, rows: Iterable[Any]) -> None:
    who = session.bind_actor()  # type: ignore[attr-defined]
    if who.kind == "system":
        return
    groups: dict[type, set[Any]] = {}
    for row in rows:
        groups.setdefault(type(row), set()).add(
            inspect(row).mapper.primary_key_from_instance(row)[0]
        )
    for model, keys in groups.items():
        rule = condition(who, model)
        if not isinstance(rule, True_):
            _require(session, model, keys, rule)


def _check_targets(session: Session, rows: list[Any]) -> None:
    if session.bind_actor().kind == "system":  # type: ignore[attr-defined]
        return
    # Two classes may share a table (FAB's user and ours): the one with a rule speaks for it.
    mappers = sorted(session.registry.mappers, key=lambda mapper: mapper.class_ in _visible)  # type: ignore[attr-defined]
    by_table = {mapper.local_table: mapper for mapper in mappers}
    groups: dict[type, set[Any]] = {}
    for row in rows:
        state = inspect(row)
        for attribute in state.mapper.column_attrs:
            for key in attribute.columns[0].foreign_keys:
                target = by_table.get(key.column.table)
                value = getattr(row, attribute.key)
                if target is None or value is None:
                    continue
                if not state.attrs[attribute.key].history.has_changes():
                    continue
                if target.identity_key_from_primary_key((value,)) not in session.identity_map:
                    groups.setdefault(target.class_, set()).add(value)
    for model, keys in groups.items():
        _require(session, model, keys)


def _require(session: Session, model: Any, keys: set[Any], *rule: ColumnElement[bool]) -> None:
    key = inspect(model).primary_key[0]
    column = getattr(model, inspect(model).get_property_by_column(key).key)
    with session.no_autoflush:
        seen = set(session.scalars(select(column).where(column.in_(keys), *rule)))
    if keys - seen:
        raise AccessError(f"{model.__name__} {sorted(keys - seen)}: not yours")


# They register the rules of the models, and need what stands above.
import app.access.association  # noqa: E402
import app.access.consultants  # noqa: E402
import app.access.demands  # noqa: E402
import app.access.imports  # noqa: E402
import app.access.products  # noqa: E402
import app.access.rules  # noqa: E402
import app.access.scores  # noqa: E402
import app.access.trade  # noqa: E402,F401
