"""What is the same for everybody and rarely changes: dictionaries, cities, working days.

Kept per process and database under the access version, which rises with every change of these
tables: a caller hands in the version that its request has read.  Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from flask_babel import get_locale
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from app.access import elevated
from app.clock import Workdays
from app.models import AccessVersion, DictItem, Holiday, Region

CITIES = "city"
"""The dictionary made of the regions of the second level."""
CITY_LEVEL = 2
CATEGORIES = "service_category"
GROUPS = "service_group"
"""The dictionary made of the top of the tree of service categories."""
LANGUAGES = ("zh", "en")
REASON = "dictionaries and holidays are the same for everybody"


@dataclass(frozen=True)
class Item:
    """One item of a dictionary in one language; ``parent`` is the code of its group."""

    code: str
    label: str
    parent: str = ""
    needs_licence: bool = False


@dataclass(frozen=True)
class _Entry:
    """One item as it is stored."""

    dictionary: str
    code: str
    parent: str
    zh: str
    en: str
    needs_licence: bool
    is_active: bool

    def item(self, language: str) -> Item:
        label = self.zh if language == "zh" else self.en
        return Item(self.code, label, self.parent, self.needs_licence)


Groups = tuple[tuple[Item, tuple[Item, ...]], ...]


def _grouped(items: Sequence[Item]) -> Groups:
    leaves: dict[str, list[Item]] = {}
    for item in items:
        leaves.setdefault(item.parent, []).append(item)
    return tuple((group, tuple(leaves.get(group.code, [group]))) for group in leaves.get("", []))


class Reference:
    """All dictionaries, in both languages; never changes once built.

    Every method takes the language from ``locale``, or from the request when none is given.
    Items that are switched off are no longer offered, nor is what stands below them, but they
    keep their words.
    """

    def __init__(self, entries: Sequence[_Entry]) -> None:
        offered: dict[tuple[str, str], list[Item]] = {}
        labels: dict[tuple[str, str], dict[str, str]] = {}
        below: dict[tuple[str, str], list[str]] = {}
        off = {(entry.dictionary, entry.code) for entry in entries if not entry.is_active}
        for entry in entries:
            below.setdefault((entry.dictionary, entry.parent), []).append(entry.code)
            places = {(entry.dictionary, code) for code in (entry.code, entry.parent)}
            for language in LANGUAGES:
                item, key = entry.item(language), (language, entry.dictionary)
                labels.setdefault(key, {})[item.code] = item.label
                if not places & off:
                    offered.setdefault(key, []).append(item)
        self._offered: Mapping[tuple[str, str], tuple[Item, ...]] = MappingProxyType(
            {key: tuple(items) for key, items in offered.items()}
        )
        self._groups = {key: _grouped(items) for key, items in offered.items()}
        self._labels: Mapping[tuple[str, str], Mapping[str, str]] = MappingProxyType(labels)
        self._below: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType(below)

    def items(self, dictionary: str, locale: str | None = None) -> tuple[Item, ...]:
        """All items that are offered, groups included, in their order."""
        return self._offered.get((_language(locale), dictionary), ())

    def groups(self, dictionary: str, locale: str | None = None) -> Groups:
        """The groups of a tree with their leaves; a group without any is its own leaf."""
        return self._groups.get((_language(locale), dictionary), ())

    def knows(self, dictionary: str, code: str) -> bool:
        """Whether there is such a code, offered or not."""
        return code in self._labels.get((LANGUAGES[0], dictionary), {})

    def within(self, dictionary: str, code: str) -> list[str]:
        """A code and all below it, those that are switched off too: old rows still bear them."""
        return [code, *self._below.get((dictionary, code), ())]

    def is_tree(self, dictionary: str) -> bool:
        """Whether the dictionary has groups."""
        return any(item.parent for item in self.items(dictionary, LANGUAGES[0]))

    def codes(self, dictionary: str) -> frozenset[str]:
        """The codes that may be chosen: the leaves of a tree, else every item."""
        groups = self.groups(dictionary, LANGUAGES[0])
        return frozenset(leaf.code for _group, leaves in groups for leaf in leaves)

    def label(self, dictionary: str, code: str | None, locale: str | None = None) -> str:
        """The words of a code; an unknown code shows itself, none shows nothing."""
        if not code:
            return ""
        return self.labels(dictionary, locale).get(code, code)

    def labels(self, dictionary: str, locale: str | None = None) -> Mapping[str, str]:
        """The words of every code, offered or not."""
        return self._labels.get((_language(locale), dictionary), {})

    def needs_licence(self, dictionary: str, codes: Iterable[str]) -> bool:
        """Whether one of the codes asks for a certificate of qualification."""
        chosen = set(codes)
        items = self.items(dictionary, LANGUAGES[0])
        return any(item.needs_licence for item in items if item.code in chosen)


def _language(locale: str | None) -> str:
    """Chinese unless another language is asked for."""
    if not locale:
        present = get_locale()
        locale = present.language if present else LANGUAGES[0]
    return locale[:2] if locale[:2] in LANGUAGES else LANGUAGES[0]


Value = TypeVar("Value")


class _Kept(Generic[Value]):
    """One value per database, as good as the access version it was built under."""

    def __init__(self, build: Callable[[Connection], Value]) -> None:
        self._build = build
        self._values: WeakKeyDictionary[Engine, tuple[int, Value]] = WeakKeyDictionary()

    def at(self, source: Session | Connection, version: int | None) -> Value:
        engine = source.engine if isinstance(source, Connection) else _engine(source)
        if version is None:
            version = _connection(source).scalar(select(AccessVersion.__table__.c.version)) or 0
        kept = self._values.get(engine)
        if kept is None or kept[0] != version:
            kept = version, self._build(_connection(source))
            self._values[engine] = kept
        return kept[1]

    def forget(self) -> None:
        self._values.clear()


def _engine(session: Session) -> Engine:
    bind = session.get_bind()
    return bind.engine if isinstance(bind, Connection) else bind


def _connection(source: Session | Connection) -> Connection:
    return source if isinstance(source, Connection) else elevated(source, REASON)


def _read_reference(connection: Connection) -> Reference:
    item, region = DictItem.__table__, Region.__table__
    named = ("dictionary", "code", "parent", "zh", "en", "needs_licence", "is_active")
    stored = connection.execute(
        select(*(item.c[name] for name in named)).order_by(item.c.dictionary, item.c.position)
    )
    cities = connection.execute(
        select(region.c.id, region.c.path).where(region.c.level == CITY_LEVEL).order_by(region.c.id)
    )
    entries = [_Entry(**row) for row in stored.mappings()]
    tops = [one for one in entries if one.dictionary == CATEGORIES and not one.parent]
    return Reference(
        [
            *entries,
            *(replace(top, dictionary=GROUPS) for top in tops),
            *(_Entry(CITIES, str(code), "", path, path, False, True) for code, path in cities),
        ]
    )


def _read_workdays(connection: Connection) -> Workdays:
    holiday = Holiday.__table__
    days = connection.execute(select(holiday.c.day, holiday.c.kind)).all()
    return Workdays(
        holidays=[day for day, kind in days if kind == "off"],
        made_up=[day for day, kind in days if kind == "work"],
    )


_references = _Kept(_read_reference)
_calendars = _Kept(_read_workdays)


def reference(source: Session | Connection, version: int | None) -> Reference:
    """The dictionaries as of ``version`` of the reference data; None: as of now."""
    return _references.at(source, version)


def workdays(source: Session | Connection, version: int | None) -> Workdays:
    """The calendar of working days as of ``version`` of the reference data; None: as of now."""
    return _calendars.at(source, version)


def forget_all() -> None:
    """For a process whose database was replaced."""
    _references.forget()
    _calendars.forget()
