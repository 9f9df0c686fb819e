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
KINDS = ("staff", "member", "consultant", "ordinary")
SCOPES = ("", "region")
READER, READING = "auditor", {"list", "show", "export", "reveal", "verify"}
"""The role that writes nothing, and the verbs that write nothing."""
WHOLE = 100
CERTIFY = ("with_registration", "later", "none")
RULES = ("open", "park")

WORDS: Mapping[str, Phrase] = MappingProxyType(
    {
        "Qifu": _l("Qifu"),
        "Enterprise services in one place": _l("Enterprise services in one place"),
        "Qifu operations centre": _l("Qifu operations centre"),
        "Enterprise service supermarket": _l("Enterprise service supermarket"),
        "Services for the enterprises of the park": _l("Services for the enterprises of the park"),
        "Operations centre of the supermarket": _l("Operations centre of the supermarket"),
        "Supermarket administrator": _l("Supermarket administrator"),
        "Review by the supermarket administrator": _l("Review by the supermarket administrator"),
        "Operator": _l("Operator"),
        "Enterprise": _l("Enterprise"),
        "Institution": _l("Institution"),
        "Service consultant": _l("Service consultant"),
        "Invited consultant": _l("Invited consultant"),
        "Ordinary user": _l("Ordinary user"),
        "Enterprise service association": _l("Enterprise service association"),
        "Review by the association": _l("Review by the association"),
        "City bureau": _l("City bureau"),
        "System administrator": _l("System administrator"),
        "Security administrator": _l("Security administrator"),
        "Audit administrator": _l("Audit administrator"),
        "Sub-account": _l("Sub-account"),
        "Main account": _l("Main account"),
        "Decision by the main account": _l("Decision by the main account"),
        "Platform review": _l("Platform review"),
        "Review by the city bureau": _l("Review by the city bureau"),
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
    """A fixed role: whom it acts for, the pages it opens (view -> verbs), its menu items.

    ``scope`` "region": its holders work on the region of their authority alone.
    """

    key: str
    title: Phrase
    kind: str
    permissions: Mapping[str, tuple[str, ...]]
    menus: tuple[str, ...]
    scope: str = ""

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
    """Business numbers that the platform starts with.

    Of what one person uploads, ``uploads_per_hour`` counts the tries and
    ``upload_megabytes_per_day`` what was stored.
    """

    accreditation_years: int
    certification_years: int
    reveals_per_hour: int
    uploads_per_hour: int
    upload_megabytes_per_day: int
    expiry_reminder_days: tuple[int, ...]
    import_rows: int
    asleep_days: int


@dataclass(frozen=True)
class Password:
    """What a password must be: its length, and how many kinds of characters out of four.

    It differs from the last ``history`` ones; that of staff is good for ``staff_days``, one that
    somebody else gave (一次性密码) lets in for ``one_time_hours``.
    """

    minimum: int
    maximum: int
    kinds: int
    special: str
    history: int
    staff_days: int
    one_time_hours: int


@dataclass(frozen=True)
class Login:
    """How often one may try, how long a login and a code are good.

    ``tries`` and ``address_tries`` are wrong passwords or codes, of an account and from a network
    address, before it is locked for ``lock_minutes``; ``requests_per_minute`` are those of one
    address to a page that is open to everybody.
    """

    tries: int
    address_tries: int
    lock_minutes: int
    idle_minutes: int
    session_hours: int
    code_minutes: int
    code_tries: int
    code_wait_seconds: int
    codes_per_hour: int
    codes_per_day: int
    codes_per_address: int
    link_minutes: int
    requests_per_minute: int


@dataclass(frozen=True)
class Reminders:
    """When jobs remind, and whom: the numbers of forms.md H and jobs.md.

    ``task_left`` and ``task_overdue`` are working days before and after the limit of a task,
    ``backlog_days`` those after which a waiting review counts as one; ``password_left`` and the
    ``idle`` numbers are calendar days.  Tasks are reminded of from ``work_from`` to ``work_until``
    o'clock.  ``supervisor`` and ``technician`` are roles: who hears of what is overdue, and of
    jobs that failed.
    """

    task_left: tuple[int, ...]
    task_overdue: tuple[int, ...]
    backlog_days: int
    password_left: tuple[int, ...]
    idle_days: int
    idle_off_days: int
    idle_notice_days: int
    work_from: int
    work_until: int
    keep_sessions_days: int
    keep_runs_days: int
    supervisor: str
    technician: str


@dataclass(frozen=True)
class Register:
    """When an enterprise certifies: with its registration, later, or not at all (none).

    ``rule`` says which enterprises may register: any (open), or those in the park alone (park);
    the park lies in ``park_regions``.
    """

    certify: str
    rule: str
    park_regions: tuple[int, ...]


@dataclass(frozen=True)
class Association:
    """For how many years somebody is a member of the association."""

    member_years: int


@dataclass(frozen=True)
class Consultants:
    """How long an invitation is good, and on which days after its sending it is repeated.

    ``reminder_left`` are the days before its end on which it is repeated too;
    ``invitations_per_day`` is how often an institution may write to one consultant, and
    ``open_invitations`` how many of its invitations may wait for an answer at a time;
    of so many addresses a day it is told that they are known (``addresses_per_day``).
    """

    invitation_days: int
    reminder_days: tuple[int, ...]
    reminder_left: tuple[int, ...]
    invitations_per_day: int
    open_invitations: int
    addresses_per_day: int


@dataclass(frozen=True)
class Scores:
    """Activity filings and the board (forms F19, F20).

    An institution files an activity within ``filing_days`` after it; a preview of other weights
    compares the first ``preview`` of the board; the portal shows the first ``board`` of a page.
    """

    filing_days: int
    preview: int
    board: int


@dataclass(frozen=True)
class Trade:
    """Until when transactions are filed and rated (forms F17, F18).

    Above ``proof_from`` yuan an invoice belongs to a filing.  Both sides' ratings are shown once
    both are there or after ``pair_days``; rating closes after ``rating_days``, both sides are
    invited on ``invite_days``.  ``to_provider`` and ``to_buyer`` are the dimensions of a rating
    and their weights in per cent.  Reviewers are shown an amount of more than ``jump_times`` the
    median of the institution's transactions, of which there must be ``jump_least``.
    """

    filing_days: int
    proof_from: int
    jump_times: int
    jump_least: int
    pair_days: int
    rating_days: int
    reply_days: int
    remark_days: int
    invite_days: tuple[int, ...]
    to_provider: Mapping[str, int]
    to_buyer: Mapping[str, int]


@dataclass(frozen=True)
class Demands:
    """How soon somebody has to speak with an enterprise that asked (forms.md H).

    The first contact is due after so many working hours by urgency, counted from ``work_from`` to
    ``work_until`` o'clock; ``escalate_hours`` later staff hear of it.  Without news for
    ``stale_days`` working days the institution is reminded, after ``close_days`` closing is
    proposed.  ``assigned_by`` is the role that assigns open demands and decides disputes.
    """

    normal_hours: int
    soon_hours: int
    urgent_hours: int
    work_from: int
    work_until: int
    escalate_hours: int
    stale_days: int
    close_days: int
    assigned_by: str


@dataclass(frozen=True)
class Listings:
    """How long a product is on sale: usually, and at most; when its institution is reminded.

    A price further than ``guide_percent`` off the guide of a standard product is marked.

    ``reminder_days`` are those before the end; after each of ``stale_months`` without a change
    the institution is asked, once a month, whether the data is still true.

    Reviewers are shown where ``forbidden_words`` stand, prices outside the two
    ``price_percentiles`` of at least ``price_least`` products, and names of others that are alike
    by ``similar_percent``.
    """

    usual_days: int
    longest_days: int
    reminder_days: tuple[int, ...]
    stale_months: tuple[int, ...]
    most_at_once: int
    guide_percent: int
    forbidden_words: tuple[str, ...]
    price_percentiles: tuple[int, int]
    price_least: int
    similar_percent: int


@dataclass(frozen=True)
class Profile:
    """One deployment; ``routes`` maps the key of a flow to its stages."""

    name: str
    site: Site
    roles: Mapping[str, Role]
    routes: Mapping[str, tuple[Stage, ...]]
    register: Register
    association: Association
    limits: Limits
    password: Password
    login: Login
    reminders: Reminders
    listings: Listings
    consultants: Consultants
    demands: Demands
    scores: Scores
    trade: Trade


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
    source = _whole(tomllib.loads(text), faults, (name,))
    faults.keys("", source, Profile, given=("name",))
    profile = Profile(
        name=name,
        site=_site(source.get("site", {}), faults),
        roles=_roles(source.get("roles", {}), faults),
        routes=_routes(source.get("routes", {}), faults),
        register=_build(Register, "register", source.get("register", {}), faults),
        association=_build(Association, "association", source.get("association", {}), faults),
        limits=_build(Limits, "limits", source.get("limits", {}), faults),
        password=_build(Password, "password", source.get("password", {}), faults),
        login=_build(Login, "login", source.get("login", {}), faults),
        reminders=_build(Reminders, "reminders", source.get("reminders", {}), faults),
        listings=_build(Listings, "listings", source.get("listings", {}), faults),
        consultants=_build(Consultants, "consultants", source.get("consultants", {}), faults),
        demands=_build(Demands, "demands", source.get("demands", {}), faults),
        scores=_build(Scores, "scores", source.get("scores", {}), faults),
        trade=_build(Trade, "trade", source.get("trade", {}), faults),
    )
    faults.one_of("register.certify", profile.register.certify, CERTIFY)
    faults.one_of("register.rule", profile.register.rule, RULES)
    _check_password(profile.password, faults)
    for side in ("to_provider", "to_buyer"):
        weights = getattr(profile.trade, side)
        if not isinstance(weights, Mapping) or sum(weights.values()) != WHOLE:
            faults.found.append(f"trade.{side}: the weights must add up to {WHOLE}")
    for held in ("supervisor", "technician"):
        role = getattr(profile.reminders, held)
        faults.one_of(f"reminders.{held}", role, tuple(profile.roles))
    faults.one_of("demands.assigned_by", profile.demands.assigned_by, tuple(profile.roles))
    if faults.found:
        raise ProfileError(f"Profile {name}: " + "; ".join(faults.found) + ".")
    return profile


def _whole(source: dict[str, Any], faults: _Faults, seen: tuple[str, ...]) -> dict[str, Any]:
    """A profile together with the one that it ``extends``, ``without`` what it leaves out.

    Tables are merged; everything else takes the place of what the other profile says.
    """
    base, dropped = source.pop("extends", None), source.pop("without", [])
    if base is None:
        return source
    if base in seen or base not in names():
        faults.found.append(f"extends names {base!r}, which is no profile to extend")
        return source
    text = (FOLDER / f"{base}.toml").read_text(encoding="utf-8")
    merged = _merged(_whole(tomllib.loads(text), faults, (*seen, base)), source)
    for path in dropped:
        *above, last = path.split(".")
        table: Any = merged
        for key in above:
            table = table.get(key, {})
        if table.pop(last, None) is None:
            faults.found.append(f"without names {path!r}, which {base} does not have")
    return merged


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    tables = {
        key: _merged(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return below | above | tables


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
        faults.one_of(f"{where}.scope", table.get("scope", ""), SCOPES)
        permissions = {view: tuple(verbs) for view, verbs in table.get("permissions", {}).items()}
        more = {verb for verbs in permissions.values() for verb in verbs} - READING
        if key == READER and more:
            faults.found.append(f"{where} may {', '.join(sorted(more))}, but it reads only")
        roles[key] = Role(
            key=key,
            title=faults.word(f"{where}.title", table.get("title")),
            kind=str(table.get("kind")),
            permissions=MappingProxyType(permissions),
            menus=tuple(table.get("menus", ())),
            scope=str(table.get("scope", "")),
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
