"""The deployment profile (部署方案): what one installation is, as data.

A profile is a TOML file beside this module; what it may say is fixed here and checked when it
is read.  Its words are message ids out of :data:`WORDS`, so that none is without translation.
It holds no code, and nothing that staff change while the platform runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _l

from app.columns import Phrase

FOLDER = Path(__file__).parent / "profiles"
MODES = ("any", "all", "in_order", "ratio")
KINDS = ("staff", "member", "ordinary")

WORDS: Mapping[str, Phrase] = MappingProxyType(
    {
        "Qifu": _l("Qifu"),
        "Enterprise services in one place": _l("Enterprise services in one place"),
        "Qifu operations centre": _l("Qifu operations centre"),
        "Operator": _l("Operator"),
        "Enterprise": _l("Enterprise"),
        "Institution": _l("Institution"),
        "Ordinary user": _l("Ordinary user"),
        "Platform review": _l("Platform review"),
    }
)
"""The words that profiles may use, by message id."""


class ProfileError(SystemExit):
    """A profile that is unknown, faulty or another one; nothing starts, the text says why."""


@dataclass(frozen=True)
class Site:
    """What the platform calls itself."""

    name: Phrase
    tagline: Phrase
    organiser: Phrase
    hotline: str


@dataclass(frozen=True)
class Role:
    """A fixed role: whom it acts for, the pages it opens (view -> verbs), its menu items."""

    key: str
    title: Phrase
    kind: str
    permissions: Mapping[str, tuple[str, ...]]
    menus: tuple[str, ...]

    def pairs(self) -> list[tuple[str, str]]:
        """Permission and view names as Flask-AppBuilder stores them."""
        pages = [
            (f"can_{verb}", view) for view, verbs in self.permissions.items() for verb in verbs
        ]
        return pages + [("menu_access", menu) for menu in self.menus]


@dataclass(frozen=True)
class Stage:
    """One stage of a route as it is first published; ``title`` is a message id."""

    key: str
    title: str
    who: str
    mode: str = "any"
    quorum: int = 100
    due_days: int | None = None
    only_if: str | None = None
    returns_to: tuple[str, ...] = ("applicant",)
    resume_here: bool = True


@dataclass(frozen=True)
class Limits:
    """Business numbers that the platform starts with."""

    accreditation_years: int


@dataclass(frozen=True)
class Password:
    """What a password must be: its length, and how many kinds of characters out of four."""

    minimum: int
    maximum: int
    kinds: int
    special: str


@dataclass(frozen=True)
class Profile:
    """One deployment; ``routes`` maps the key of a flow to its stages."""

    name: str
    site: Site
    roles: Mapping[str, Role]
    routes: Mapping[str, tuple[Stage, ...]]
    limits: Limits
    password: Password


def names() -> list[str]:
    """The profiles that exist."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Profile:
    """The profile ``name``, checked.

    :raises ProfileError: naming everything that is unknown, missing or faulty.
    """
    if name not in names():
        raise ProfileError(f"There is no profile {name!r}.  Choose one of: {', '.join(names())}.")
    return parse(name, (FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Profile:
    """The profile written in ``text``.

    :raises ProfileError: naming everything that is unknown, missing or faulty.
    """
    faults = _Faults()
    source = tomllib.loads(text)
    faults.keys("", source, Profile, given=("name",))
    profile = Profile(
        name=name,
        site=_site(source.get("site", {}), faults),
        roles=_roles(source.get("roles", {}), faults),
        routes=_routes(source.get("routes", {}), faults),
        limits=_build(Limits, "limits", source.get("limits", {}), faults),
        password=_build(Password, "password", source.get("password", {}), faults),
    )
    _check_password(profile.password, faults)
    if faults.found:
        raise ProfileError(f"Profile {name}: " + "; ".join(faults.found) + ".")
    return profile


class _Faults:
    """What is wrong with a profile, gathered so that all of it is told at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def keys(
        self, where: str, source: Mapping[str, Any], shape: type[Any], given: tuple[str, ...] = ()
    ) -> None:
        """Compare the keys of a table with the fields that it fills."""
        wanted = {f.name: f for f in fields(shape) if f.name not in given}
        prefix = f"{where}." if where else ""
        self.found += [f"unknown key {prefix}{key}" for key in source.keys() - wanted.keys()]
        self.found += [
            f"{prefix}{key} is missing"
            for key, wanted_field in wanted.items()
            if key not in source and _is_required(wanted_field)
        ]

    def word(self, where: str, text: Any) -> Phrase:
        """The translatable words for ``text``."""
        if text not in WORDS:
            self.found.append(f"{where}: {text!r} is not among the words of app/profile.py")
            return str(text)
        return WORDS[text]

    def one_of(self, where: str, value: Any, allowed: tuple[str, ...]) -> None:
        """Note a value that is not allowed."""
        if value not in allowed:
            self.found.append(f"{where} is {value!r}, not one of {', '.join(allowed)}")


def _is_required(wanted: Field[Any]) -> bool:
    return wanted.default is MISSING


def _build(shape: type[Any], where: str, source: Mapping[str, Any], faults: _Faults) -> Any:
    """A dataclass filled from a table of plain values; lists become tuples."""
    faults.keys(where, source, shape)
    values = {f.name: source.get(f.name, _default(f)) for f in fields(shape)}
    return shape(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _default(wanted: Field[Any]) -> Any:
    return None if _is_required(wanted) else wanted.default


def _site(source: Mapping[str, Any], faults: _Faults) -> Site:
    faults.keys("site", source, Site)
    said = {
        key: faults.word(f"site.{key}", source[key])
        for key in ("name", "tagline", "organiser")
        if key in source
    }
    return Site(
        name=said.get("name", ""),
        tagline=said.get("tagline", ""),
        organiser=said.get("organiser", ""),
        hotline=str(source.get("hotline", "")),
    )


def _roles(source: Mapping[str, Any], faults: _Faults) -> Mapping[str, Role]:
    roles = {}
    for key, table in source.items():
        where = f"roles.{key}"
        faults.keys(where, table, Role, given=("key",))
        faults.one_of(f"{where}.kind", table.get("kind"), KINDS)
        permissions = {view: tuple(verbs) for view, verbs in table.get("permissions", {}).items()}
        roles[key] = Role(
            key=key,
            title=faults.word(f"{where}.title", table.get("title")),
            kind=str(table.get("kind")),
            permissions=MappingProxyType(permissions),
            menus=tuple(table.get("menus", ())),
        )
    return MappingProxyType(roles)


def _routes(source: Mapping[str, Any], faults: _Faults) -> Mapping[str, tuple[Stage, ...]]:
    routes = {}
    for flow, tables in source.items():
        stages = []
        for number, table in enumerate(tables, start=1):
            where = f"routes.{flow}[{number}]"
            stage = _build(Stage, where, table, faults)
            faults.word(f"{where}.title", stage.title)
            faults.one_of(f"{where}.mode", stage.mode, MODES)
            stages.append(stage)
        routes[flow] = tuple(stages)
        if not stages:
            faults.found.append(f"routes.{flow} has no stage")
    return MappingProxyType(routes)


def _check_password(password: Password, faults: _Faults) -> None:
    if not all(
        isinstance(number, int) for number in (password.minimum, password.maximum, password.kinds)
    ):
        faults.found.append("the numbers of password must be whole numbers")
    elif not (
        0 < password.kinds <= len(("lower", "upper", "digit", "special")) <= password.minimum
    ):
        faults.found.append("password.kinds must be 1 to 4, and password.minimum at least 4")
    elif password.minimum > password.maximum:
        faults.found.append("password.minimum is above password.maximum")
