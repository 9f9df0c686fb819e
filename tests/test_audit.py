"""The audit log: what is written of each act, that it is sealed, and that nobody can bend it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam, func, select, text

from app import audit, clock
from app.extensions import db, system_session
from app.jobs import run_job
from app.models import (
    Announcement,
    Attachment,
    AuditEntry,
    AuditHead,
    AuditSeal,
    Certification,
    FlowCase,
    FlowTask,
    Message,
    Organization,
    Person,
    ScheduledJob,
)
from app.services import evidence
from app.services.demo import PASSWORD
from tests.conftest import TEST_CODE

pytestmark = pytest.mark.db

entry, sealed, head = AuditEntry.__table__, AuditSeal.__table__, AuditHead.__table__
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def rows(app):
    """A connection of the database's owner, as somebody who tampers would have."""
    with app.app_context(), db.engine.connect() as connection:
        yield connection


FILL = """
INSERT INTO audit_entry (at, actor_name, roles, address, session, action, kind, object_id, label,
                         before, after, detail, result)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
SELECT :at, '陆云舟', 'operator', '127.0.0.1', 'abc', 'change', 'organization', i, '单位' || i,
       {open}'{{"address": "' || i || '"}}'{close}, {open}'{{}}'{close}, {open}'{{}}'{close}, 'ok'
FROM n
"""


def fill(rows, count):
    """Plain lines, written by one statement."""
    cast = ("CAST(", " AS JSON)") if rows.dialect.name == "postgresql" else ("", "")
    statement = text(FILL.format(open=cast[0], close=cast[1])).bindparams(
        bindparam("at", type_=entry.c.at.type)
    )
    rows.execute(statement, {"count": count, "at": LONG_AGO})


def free(rows):
    """Take the triggers away, as only the owner of the tables can."""
    for table in ("audit_entry", "audit_seal", "audit_head"):
        if rows.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                rows.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        else:
            rows.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))


def found(rows):
    return evidence.verify(rows)[0]


def test_one_changed_one_deleted_one_reordered_line_of_100_000_is_found(rows):
    count = 100_000
    began = time.process_time()
    fill(rows, count)
    now = clock.now()
    while evidence.seal(rows, now):
        pass
    total = rows.scalar(select(func.count()).select_from(sealed))
    assert total >= count
    clean = found(rows)
    assert (clean.checked, clean.fault) == (total, None)
    free(rows)
    first = rows.scalar(select(func.min(entry.c.id)).where(entry.c.label == "单位0"))
    victim = first + 54_321
    tamperings = (
        (entry.update().where(entry.c.id == victim).values(label="别的单位"), victim),
        (entry.delete().where(entry.c.id == victim), victim),
    )
    for statement, faulty in tamperings:
        with rows.begin_nested() as tampering:
            assert rows.execute(statement).rowcount == 1
            finding = found(rows)
            assert finding.fault is not None
            assert finding.fault.number == faulty
            tampering.rollback()
    with rows.begin_nested() as tampering:  # two neighbours change places
        for one, other in ((victim, -1), (victim + 1, victim), (-1, victim + 1)):
            rows.execute(entry.update().where(entry.c.id == one).values(id=other))
        assert found(rows).fault.number == victim
        tampering.rollback()
    assert time.process_time() - began < 60


# --- one day -----------------------------------------------------------------------------------

STAFF = ("operator", "operator2", "bureau", "sysadmin", "secadmin", "auditor")
OTHERS = ("institution", "institution2", "newcomer", "visitor")


class Day:
    """What everybody did, as the log must tell it: (person, action, kind, result)."""

    def __init__(self, app, sign_in):
        self.done = Counter()
        self.app = app
        with app.app_context(), system_session() as session:
            people = session.scalars(select(Person)).all()
            self.names = {p.username: p.last_name for p in people}
            self.keys = {p.username: p.id for p in people}
        self.browsers = {name: sign_in(name) for name in STAFF + OTHERS}
        for name in self.browsers:
            self.note(name, "login", "ab_user")

    def note(self, who, action, kind="", result="ok", times=1):
        self.done[self.names.get(who, who), action, kind, result] += times

    def get(self, who, path, expected=200):
        answer = self.browsers[who].get(path, buffered=True)
        assert answer.status_code == expected, (who, path, answer.status_code)
        return answer

    def post(self, who, path, expected=302, **data):
        answer = self.browsers[who].post(path, data=data)
        assert answer.status_code == expected, (who, path, answer.status_code)
        return answer

    def told(self, since):
        with self.app.app_context(), db.engine.connect() as rows:
            columns = (entry.c.actor_name, entry.c.action, entry.c.kind, entry.c.result)
            found = rows.execute(select(*columns).where(entry.c.id > since)).all()
        return Counter(tuple(row) for row in found)


def announcements(day, count):
    """Written, changed and taken back by the operator."""
    typed = {"body": "x", "publish_at": "2026-01-01T09:00", "expire_at": ""}
    for number in range(count):
        place = day.post("operator", "/announcements/add/", title=f"公告{number}", **typed).location
        day.note("operator", "create", "announcement")
        key = place.rstrip("/").rpartition("/")[2]
        day.post("operator", f"/announcements/edit/{key}/", title=f"公告{number}改", **typed)
        day.note("operator", "change", "announcement")
        day.post("operator", f"/announcements/delete/{key}/")
        day.note("operator", "delete", "announcement")


def denials_and_exports(day):
    for _ in range(5):
        for who, path in (
            ("institution", "/organizations/list/"), ("visitor", "/announcements/add/"),
            ("secadmin", "/audit/list/"), ("operator", "/audit/export.csv"),
        ):  # fmt: skip
            day.get(who, path, 403)
            day.note(who, "denied", "page", "denied")
    for path, kind in (
        ("/organizations/export.csv?tab=certified", "organization"),
        ("/announcements/export.csv", "announcement"),
        ("/accreditations/export.csv", "accreditation"),
    ):
        for _ in range(3):
            day.get("operator", path)
            day.note("operator", "export", kind)
    day.get("auditor", "/audit/export.csv")
    day.note("auditor", "export", "audit_entry")


def reveals(day, organization):
    for field in ("contact_phone", "contact_email") * 4:
        address = f"/organizations/reveal/{organization}/{field}/"
        day.post("operator", address, 200, purpose="核实联系方式")
        day.note("operator", "reveal", "organization")
    address = f"/users/reveal/{day.keys['visitor']}/mobile/"
    day.post("secadmin", address, 200, purpose="核实身份")
    day.note("secadmin", "reveal", "ab_user")


def accounts(day):
    user = f"/users/{day.keys['visitor']}"
    for action, told in (("off", "change"), ("on", "change"), ("logout", "session_end")):
        day.post("secadmin", f"{user}/{action}/")
        day.note("secadmin", told, "ab_user")
    day.post("secadmin", f"/users/{day.keys['operator2']}/roles/", roles="operator")
    day.note("secadmin", "role_change", "ab_user")
    day.post("secadmin", f"{user}/reset/", 200)
    day.note("secadmin", "password_reset", "ab_user")
    typed = {"old_password": PASSWORD, "password": "Neu#2026pass", "password_again": "Neu#2026pass"}
    day.post("institution2", "/account/password/", **typed)
    day.note("institution2", "password_change", "ab_user")


def jobs(day):
    with day.app.app_context(), system_session() as session:
        job = session.scalars(select(ScheduledJob.id).order_by(ScheduledJob.id)).first()
    for verb, action in (("run", "job_run"), ("pause", "job_pause"), ("resume", "job_resume")):
        day.post("sysadmin", f"/jobs/{verb}/{job}/")
        day.note("sysadmin", action, "scheduled_job")


def cases(day):
    """One application is returned, withdrawn, and sent again; another one is approved."""
    with day.app.app_context(), system_session() as session:
        open_ = (FlowTask.state == "open") & (FlowTask.flow == "accreditation")
        review = open_ & FlowTask.stage_id.is_not(None)
        query = select(FlowCase, FlowTask.id).join(FlowTask, FlowTask.case_id == FlowCase.id)
        found = session.execute(query.where(review).order_by(FlowCase.id)).all()
        (back, back_task), (good, good_task) = [(case, task) for case, task in found][:2]
        session.expunge_all()
    opinion = {"opinion": "扫描件不清晰，请联系13812345678"}
    day.post("operator", f"/cases/{back.number}/tasks/{back_task}/return/", **opinion)
    day.note("operator", "case.return", "flow_case")
    day.post("operator", f"/cases/{good.number}/tasks/{good_task}/approve/", opinion="")
    day.note("operator", "case.approve", "flow_case")


def test_a_day_of_200_actions_is_told_completely(app, sign_in):
    with app.app_context(), db.engine.connect() as rows:
        since = rows.scalar(select(func.coalesce(func.max(entry.c.id), 0)))
    day = Day(app, sign_in)
    with app.app_context(), system_session() as session:
        place = session.scalars(select(Organization.id).order_by(Organization.id.desc())).first()
    announcements(day, 50)
    denials_and_exports(day)
    reveals(day, place)
    accounts(day)
    jobs(day)
    cases(day)
    for name in ("nobody_here", "operator"):
        app.test_client().post(
            "/login/", data={"username": name, "password": "falsch", "captcha": TEST_CODE}
        )
        day.done[name, "login_failed", "ab_user", "failed"] += 1  # as it was typed
    for name in ("bureau", "institution", "newcomer"):
        day.post(name, "/logout/")
        day.note(name, "logout", "ab_user")
    assert day.done.total() >= 200
    told = day.told(since)
    assert not {act: n for act, n in day.done.items() if told[act] < n}, told


# --- sealing --------------------------------------------------------------------------------------


def test_a_line_that_commits_late_is_sealed_late_and_the_chain_holds(rows):
    fill(rows, 5)
    now = clock.now()
    first = rows.scalar(select(func.min(entry.c.id)).where(entry.c.label == "单位0"))
    late = dict(rows.execute(select(entry).where(entry.c.id == first + 2)).mappings().one())
    free(rows)
    rows.execute(entry.delete().where(entry.c.id == late["id"]))
    evidence.seal(rows, now)
    rows.execute(entry.insert(), [late | {"at": now - evidence.GRACE - evidence.GRACE}])
    assert evidence.seal(rows, now) == 1
    assert found(rows).fault is None
    newest = rows.scalar(select(sealed.c.entry_id).order_by(sealed.c.id.desc()).limit(1))
    assert newest == late["id"]


def test_young_lines_wait_for_the_next_run_and_are_named(app, rows):
    evidence.seal(rows, clock.now() + timedelta(hours=1))
    with app.app_context():
        rows.execute(entry.insert(), [audit.line("login")])
    assert evidence.seal(rows, clock.now()) == 0
    assert found(rows).waiting == 1


def test_the_end_told_to_the_auditor_cannot_be_cut_off(rows):
    fill(rows, 20)
    now = clock.now()
    evidence.seal(rows, now + timedelta(hours=1))
    told = evidence.store_head(rows, now)
    assert told["number"] == evidence.sealed_lines(rows)
    assert evidence.store_head(rows, now) is None
    free(rows)
    rows.execute(sealed.delete().where(sealed.c.id > told["number"] - 3))
    assert found(rows).fault.number == told["number"]


def test_the_head_is_sent_to_every_auditor_once_a_night(app):
    with app.app_context():
        run_job(app, "audit.seal", clock.now() + timedelta(minutes=5))
        now = clock.now() + timedelta(days=1)
        assert run_job(app, "audit.head", now) == 1
        run_job(app, "audit.head", now)
    with app.app_context(), system_session() as session:
        told = session.scalars(select(Message).where(Message.occasion == "audit.head")).all()
        auditor = session.scalar(select(Person.id).where(Person.username == "auditor"))
        assert {m.user_id for m in told} == {auditor}
        assert len({m.channel for m in told}) == len(told)


WAYS = ("UPDATE audit_entry SET label = 'x'", "DELETE FROM audit_entry")


@pytest.mark.parametrize("verb", WAYS)
def test_the_application_itself_cannot_rewrite_the_log(rows, verb):
    with pytest.raises(Exception, match="append-only"):
        rows.execute(text(verb))


# --- what a line holds ---------------------------------------------------------------------


def test_before_and_after_are_told_and_secrets_and_phones_are_not(app):
    with app.app_context(), system_session() as session:
        person = session.scalars(select(Person).where(Person.username == "visitor")).one()
        person.mobile, person.password, person.last_name = "13912345678", "geheim", "许知秋"
        session.commit()
        told = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert told.after == {"mobile": "139****5678", "last_name": "许知秋"}
        assert told.before["last_name"] == "许知夏"
        assert (told.action, told.kind, told.object_id) == ("change", "ab_user", person.id)


def test_who_reads_an_application_or_a_file_of_others_is_told_once_an_hour(app, sign_in):
    with app.app_context(), system_session() as session:
        query = select(FlowCase).join(FlowTask, FlowTask.case_id == FlowCase.id)
        of_bureau = query.where(FlowTask.state == "open", FlowTask.role == "bureau")
        case = session.scalars(of_bureau.order_by(FlowCase.id)).first()
        request = session.get_one(Certification, case.subject_id)
        licence, number, case_id = request.licence_file_id, case.number, case.id
        applicant = session.get_one(Person, case.applicant_id).username
        logo = session.scalars(select(Attachment.id).where(Attachment.rule == "logo")).first()
    paths = (f"/cases/{number}/", f"/files/{licence}/")
    for reader in ("bureau", "bureau", applicant):
        for path in paths:
            assert sign_in(reader).get(path, buffered=True).status_code == 200, (reader, path)
    unknown = f"/cases/{number}/tasks/999999/approve/"
    assert sign_in("bureau").post(unknown, data={"opinion": "x"}).status_code == 409
    if logo:
        assert sign_in("operator").get(f"/files/{logo}/", buffered=True).status_code == 200
    with app.app_context(), system_session() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "read")).all()
        told = {(line.kind, line.object_id, line.roles) for line in lines}
        assert len(lines) == len(told) == 2
        assert told == {("flow_case", case_id, "bureau"), ("attachment", licence, "bureau")}
        assert number in lines[0].label


def test_what_is_rolled_back_is_not_told(app):
    with app.app_context(), system_session() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry))
        session.add(Announcement(title="x", body="x", publish_at=clock.now()))
        session.flush()
        audit.note(session, "setting")
        session.rollback()
        session.commit()
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_a_savepoint_takes_its_lines_with_it(app):
    with app.app_context(), system_session() as session:
        last = session.scalar(select(func.max(AuditEntry.id)))
        audit.note(session, "setting", label="stays")
        with session.begin_nested() as inner:
            audit.note(session, "setting", label="goes")
            inner.rollback()
        session.commit()
        told = session.scalars(select(AuditEntry.label).where(AuditEntry.id > last)).all()
        assert told == ["stays"]


def test_a_transaction_costs_one_statement_more(app, statements):
    with app.app_context(), system_session() as session:
        for number in range(3):
            session.add(Announcement(title=f"x{number}", body="x", publish_at=clock.now()))
        session.flush()
        statements.clear()
        session.commit()
        assert [s.split("(")[0].strip() for s in statements if "audit" in s] == [
            "INSERT INTO audit_entry"
        ]
