"""What every installation starts with: profile, rights, reference data, routes.

Each function adds what is missing and leaves alone what is there, so that it may run at every
start: what staff changed stays as they left it.  Sessions are those of the system.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import holidays
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.models import AccessVersion, DictItem, FlowRoute, Holiday, Region, Setting
from app.profile import Profile, ProfileError
from app.services import consents, scores

FOLDER = Path(__file__).parent.parent / "reference_data"
PROFILE = "profile"
"""The setting that keeps the profile an installation was made with."""
YEARS_BEFORE, YEARS_AFTER = 1, 2

Pair = tuple[str, str]
"""A permission and the page or menu item it opens, as Flask-AppBuilder names them."""


def fix_profile(session: Session, profile: Profile) -> bool:
    """Remember the profile of a new installation; whether it is one.

    :raises ProfileError: when the installation was made with another profile.
    """
    kept = session.scalar(select(Setting).where(Setting.name == PROFILE))
    if kept is None:
        session.add_all([Setting(name=PROFILE, value=profile.name), AccessVersion(version=1)])
        session.flush()
        return True
    if kept.value != profile.name:
        raise ProfileError(
            f"This database was made with the profile {kept.value!r}, not {profile.name!r}.  "
            f"Start with QIFU_PROFILE={kept.value}, name another database in DATABASE_URL, "
            "or throw its data away: make demo."
        )
    return False


def seed_rights(session: Session, profile: Profile, pairs: Iterable[Pair]) -> None:
    """Create what the pages offer as permissions, and the fixed roles.

    A new role gets what the profile grants it; an old one only permissions that are new, so
    that nothing returns which staff took away.

    :raises ProfileError: when the profile names a page, verb or menu item that does not exist.
    """
    offered = set(pairs)
    _refuse_unknown(profile, offered)
    known = {(row.permission.name, row.view_menu.name): row for row in _permissions(session)}
    fresh = offered - known.keys()
    names = {row.name: row for row in session.scalars(select(Permission))}
    views = {row.name: row for row in session.scalars(select(ViewMenu))}
    for permission, view in sorted(fresh):
        row = PermissionView(
            permission=names.setdefault(permission, Permission(name=permission)),
            view_menu=views.setdefault(view, ViewMenu(name=view)),
        )
        session.add(row)
        known[permission, view] = row
    roles = {row.name: row for row in session.scalars(select(Role))}
    for key, role in profile.roles.items():
        if key not in roles:
            session.add(Role(name=key, permissions=[known[pair] for pair in role.pairs()]))
        elif added := [known[pair] for pair in role.pairs() if pair in fresh]:
            roles[key].permissions.extend(added)
    session.flush()


def _refuse_unknown(profile: Profile, offered: set[Pair]) -> None:
    faults = [
        f"{role.key} is granted {permission} on {view}"
        for role in profile.roles.values()
        for permission, view in role.pairs()
        if (permission, view) not in offered
    ]
    if faults:
        raise ProfileError(
            f"Profile {profile.name} names what no page offers: " + "; ".join(faults) + "."
        )


def _permissions(session: Session) -> Iterable[PermissionView]:
    return session.scalars(select(PermissionView)).unique()


def seed_regions(session: Session) -> None:
    """The regions of ``regions.csv``; the id of a region is its code."""
    there = set(session.scalars(select(Region.id)))
    places: dict[str, tuple[int, str]] = {"": (0, "")}
    for row in _read("regions.csv"):
        above, path = places[row["parent"]]
        level, path = above + 1, path + row["name"]
        places[row["code"]] = level, path
        if int(row["code"]) not in there:
            session.add(
                Region(
                    id=int(row["code"]),
                    name=row["name"],
                    level=level,
                    parent_id=int(row["parent"]) if row["parent"] else None,
                    path=path,
                )
            )
            session.flush()  # a region before those below it


def seed_dictionaries(session: Session) -> None:
    """The items of ``dictionaries.csv`` in their order."""
    known = select(DictItem.dictionary, DictItem.code)
    there = {(dictionary, code) for dictionary, code in session.execute(known)}
    session.add_all(
        DictItem(
            dictionary=row["dictionary"],
            code=row["code"],
            parent=row["parent"],
            zh=row["zh"],
            en=row["en"],
            position=position,
            needs_licence=row["needs_licence"] == "yes",
        )
        for position, row in enumerate(_read("dictionaries.csv"), start=1)
        if (row["dictionary"], row["code"]) not in there
    )
    session.flush()


def seed_holidays(session: Session, today: date) -> None:
    """The days on which offices differ from the week, for years that have none yet.

    Statutory days are known for every year, make-up working days (调休) once they are decreed:
    later years are a forecast that staff correct.
    """
    first, last = func.min(Holiday.day), func.max(Holiday.day)
    earliest, latest = session.execute(select(first, last)).one()
    for year in range(today.year - YEARS_BEFORE, today.year + YEARS_AFTER + 1):
        if earliest is None or not earliest.year <= year <= latest.year:
            session.add_all(_days_of(year))
    session.flush()


def _days_of(year: int) -> Iterator[Holiday]:
    calendar = holidays.country_holidays("CN", years=year, language="zh_CN")
    for day, name in sorted(calendar.items()):
        yield Holiday(day=day, kind="off", name=name)
    for day in sorted(calendar.weekend_workdays):
        if day.year == year and day not in calendar:
            yield Holiday(day=day, kind="work", name="调休上班")


def unpublished_flows(session: Session, profile: Profile) -> list[str]:
    """The flows of the profile that have no route yet."""
    there = set(session.scalars(select(FlowRoute.flow)))
    return [flow for flow in profile.routes if flow not in there]


def _read(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def seed(session: Session, profile: Profile, pairs: Iterable[Pair], now: datetime) -> bool:
    """Everything but routes, which the engine publishes; whether the installation is new."""
    is_new = fix_profile(session, profile)
    seed_rights(session, profile, pairs)
    seed_regions(session)
    seed_dictionaries(session)
    seed_holidays(session, clock.local_day(now))
    consents.seed(session, now)
    scores.found_formula(session.connection(), now)
    return is_new
