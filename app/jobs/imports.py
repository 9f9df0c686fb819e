"""Imports of Excel files (导入): checking and writing their rows in the background.

A pass over a file runs as its owner, with his present rights, in a request of his own: what the
form says on the screen it says here.  Rows become records together with the note that they did,
so a pass that was cut off goes on where it stopped; where every row or none is to be taken, all of
them and the end of the job are one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from time import sleep
from typing import Any

from flask import Flask, current_app, g, session as cookie
from flask_babel import force_locale, gettext as _, lazy_gettext as _l
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app import audit, clock
from app.access import acting_as, elevated
from app.errors import DomainError
from app.extensions import db
from app.jobs.timetable import job
from app.lifecycle import OutOfTurn
from app.models import AccessVersion
from app.services import imports

Found = list[tuple[str, str]]
"""Columns of a row, and what is to be said of each."""

log = logging.getLogger(__name__)
CHUNK = 50
BREATH = 0.15
"""Seconds between two chunks: SQLite has one writer, and whoever cancels must get a turn."""


class Refused(DomainError):
    """The owner of a file may no longer do what he asked for."""

    problem = _l("You may no longer import into this page.")
    remedy = _l("Ask whoever gives you your rights.")


@job(
    "import.run",
    _l("Imports"),
    None,
    summary=_l(
        "Checks the rows of Excel files that wait, writes those somebody confirmed, and takes back "
        "what somebody wants undone."
    ),
    second="*/3",
)
def work(session: Session, now: datetime) -> int:
    """Carry out what waits, one file after the other; how many rows were touched."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    count = 0
    while True:
        found = imports.claim(_rows(session), now)
        session.commit()
        if found is None:
            return count
        count += _carry_out(app, session, found, now)


@job(
    "import.purge",
    _l("Old imports"),
    clock.DAY,
    summary=_l("Drops the rows of imported files after 30 days."),
    hour=3,
    minute=25,
)
def purge(session: Session, now: datetime) -> int:
    """Forget what was sent in; the records that it became stay."""
    return imports.purge(_rows(session), now)


def _rows(session: Session) -> Connection:
    return elevated(session, "imports are carried out by the system")


def _carry_out(app: Flask, session: Session, found: Any, now: datetime) -> int:
    """One pass over one file; whatever goes wrong is told on its page."""
    passes = {
        "checking": _check, "undoing": _undo, "all": _write_all, "skip": _write_good,
    }  # fmt: skip
    try:
        carry_out = passes[found.mode if found.state == "running" else found.state]
        return carry_out(app, session, found, now)
    except OutOfTurn:  # somebody cancelled it: what this transaction did is taken back
        session.rollback()
        return 0
    except DomainError as refusal:
        with force_locale(found.locale):
            problem = str(refusal)
    except Exception:
        log.exception("import %d", found.id)
        with force_locale(found.locale):
            problem = _("Something went wrong here. The technicians find it in the log.")
    session.rollback()
    action = "stop_undo" if found.state == "undoing" else "fail"
    with suppress(OutOfTurn):
        _move(session, found, now, action, ended_at=now, problem=problem[:300])
    session.commit()
    return 0


@contextmanager
def _as_owner(app: Flask, session: Session, found: Any) -> Iterator[Any]:
    """The page that the rows go into, in a request of whoever sent the file.

    :raises Refused: when he is gone, acts for somebody else, or may not add rows there any more.
    """
    version = _rows(session).scalar(select(AccessVersion.__table__.c.version)) or 0
    session.commit()
    view = app.extensions["importers"].get(found.target)
    grants = app.extensions["appbuilder"].sm.grants_of(found.user_id, version)
    if view is None or grants is None or grants.actor.house != found.organization_id:
        raise Refused
    who = audit.Context(actor_id=found.user_id, actor_name=str(grants.person))
    here, site = f"{view.route_base}/import/", app.extensions["settings"].public_url
    place = app.test_request_context(here, base_url=site)
    with acting_as(grants.actor), app.app_context(), place, audit.on_behalf_of(who):
        g.grants, cookie["locale"] = grants, found.locale
        if not view.takes_files():
            raise Refused
        yield view


def _check(app: Flask, session: Session, found: Any, now: datetime) -> int:
    """Ask the form of every row what it would say, a chunk at a time; nothing is written."""
    rows = _rows(session)
    done: int = found.row_count - imports.tally(rows, found.id).get("waiting", 0)
    entries = imports.all_entries(rows, found.id)
    while lines := imports.next_rows(_rows(session), found.id, "waiting", CHUNK):
        session.commit()
        with _as_owner(app, session, found) as view:
            twins = imports.twins(entries, view.import_keys or view.import_columns)
            judged = [(line, _judged(view, line, twins)) for line in lines]
        rows = _rows(session)
        for line, (faults, remarks) in judged:
            imports.judge(rows, line.id, faults, remarks)
        done += len(lines)
        imports.report(rows, found.id, "checking", now, done_count=done)
        session.commit()
    faulty = imports.tally(_rows(session), found.id).get("faulty", 0)
    _move(session, found, now, "check", done_count=done, fault_count=faulty)
    session.commit()
    return done


def _judged(view: Any, line: Any, twins: Mapping[int, int]) -> tuple[Found, Found]:
    faults, remarks = view.check_import(line.entries)
    if line.number in twins:
        faults.append(("", _("The same as row %(num)d.", num=twins[line.number])))
    return faults, remarks


def _write_good(app: Flask, session: Session, found: Any, now: datetime) -> int:
    """Save the rows in order, each chunk with the note how far it is; faulty ones are left out."""
    while lines := imports.next_rows(_rows(session), found.id, "good", CHUNK):
        session.commit()
        with _as_owner(app, session, found) as view:
            for line in lines:
                key, faults = view.write_import(line.entries)
                rows = _rows(db.session())
                if faults:
                    imports.judge(rows, line.id, faults)
                else:
                    imports.keep(rows, line.id, key)
            counted = imports.tally(_rows(db.session()), found.id)
            _report(counted, found, now)
            db.session.commit()
        sleep(BREATH)
    counted = imports.tally(_rows(session), found.id)
    done, faulty = counted.get("imported", 0), counted.get("faulty", 0)
    action = "finish_partly" if faulty else "finish"
    _move(session, found, now, action, ended_at=now, imported_count=done, fault_count=faulty)
    session.commit()
    return done


def _report(counted: Mapping[str, int], found: Any, now: datetime) -> None:
    done, faulty = counted.get("imported", 0), counted.get("faulty", 0)
    values = {"done_count": done + faulty, "imported_count": done, "fault_count": faulty}
    imports.report(_rows(db.session()), found.id, "running", now, **values)


def _write_all(app: Flask, session: Session, found: Any, now: datetime) -> int:
    """Save every row, or none: together with the end of the job."""
    lines = imports.next_rows(_rows(session), found.id, "good", found.row_count)
    session.commit()
    with _as_owner(app, session, found) as view:
        for line in lines:
            key, faults = view.write_import(line.entries)
            if faults:
                db.session.rollback()
                break
            imports.keep(_rows(db.session()), line.id, key)
        else:
            count = len(lines)
            values = {"done_count": count, "imported_count": count, "ended_at": now}
            _move(db.session(), found, now, "finish", **values)
            db.session.commit()
            return count
        problem = _(
            "Row %(num)d could no longer be saved, so nothing was imported.", num=line.number
        )
    imports.judge(_rows(session), line.id, faults)
    _move(session, found, now, "fail", ended_at=now, fault_count=1, problem=problem)
    session.commit()
    return 0


def _undo(app: Flask, session: Session, found: Any, now: datetime) -> int:
    """Delete what the rows became, a chunk at a time; what was used since stays and says so."""
    while lines := imports.next_rows(_rows(session), found.id, "imported", CHUNK):
        session.commit()
        with _as_owner(app, session, found) as view:
            for line in lines:
                reason = view.undo_import(line.record_id)
                state = "kept" if reason else "undone"
                imports.settle(_rows(db.session()), line.id, state, reason)
            counted = imports.tally(_rows(db.session()), found.id)
            done = counted.get("undone", 0) + counted.get("kept", 0)
            imports.report(_rows(db.session()), found.id, "undoing", now, done_count=done)
            db.session.commit()
        sleep(BREATH)
    counted = imports.tally(_rows(session), found.id)
    undone, kept = counted.get("undone", 0), counted.get("kept", 0)
    _move(session, found, now, "finish_undo", ended_at=now, imported_count=kept)
    session.commit()
    return undone


def _move(session: Session, found: Any, now: datetime, action: str, **values: Any) -> None:
    imports.COURSE.move(session, found.id, action, now, lease_until=None, **values)
