"""Messages: told once, in the reader's language, sent once, never lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import delete, select, update

from app import messages
from app.extensions import db, mail, system_session
from app.jobs.outbox import send_waiting
from app.messages import delivery
from app.models import Message, Person

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RETURNED = {
    "organization": "示例科技有限公司",
    "number": "JG-20261120-0007",
    "result": "returned",
    "opinion": "请补充营业执照。",
}


class Mailbox:
    """A mail server's decisions; it keeps what it accepted."""

    def __init__(self):
        self.answer, self.cuts, self.tried, self.letters = "250 OK", False, [], []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        letter = message_from_bytes(envelope.content, policy=policy.default)
        letter.peer, letter.recipients = session.peer, envelope.rcpt_tos
        self.tried.append(letter)
        if self.cuts:
            server.transport.abort()
        elif self.answer.startswith("250"):
            self.letters.append(letter)
        return self.answer


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mail_goes_to(app, monkeypatch):
    """``mail_goes_to(port)`` lets the mail of this test go to a server on this machine."""

    def use(port):
        server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_TIMEOUT": 5}
        state = mail.init_mail(app.config | server | {"MAIL_BACKEND": "smtp"})
        monkeypatch.setitem(app.extensions, "mailman", state)

    return use


@pytest.fixture
def mailbox(mail_goes_to):
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    mail_goes_to(server.port)
    yield box
    server.stop()


def tell(session, key="k", now=NOW, address="reader@example.org", context=RETURNED, locale="zh"):
    told = messages.tell(session, "institution.result", address, context, key, now, locale)
    session.commit()
    return told


def rows(session):
    """All messages but those that tell the administrators of a message given up."""
    session.rollback()
    session.expire_all()
    told = select(Message).where(Message.occasion != "outbox.dead")
    return session.scalars(told.order_by(Message.id)).all()


def row(session):
    (one,) = rows(session)
    return one


@pytest.fixture
def session(app):
    """A session of the system, before anybody was told anything."""
    with app.app_context(), system_session() as session:
        session.execute(delete(Message))
        session.execute(update(Person.__table__).values(email=None))  # administrators get no mail
        session.commit()
        yield session


# --- told -----------------------------------------------------------------------------------


def test_a_message_is_told_once(session):
    assert tell(session)
    assert not tell(session, now=NOW + MINUTE)
    assert row(session).created_at == NOW


def test_a_message_goes_with_the_transaction_of_its_cause(session):
    messages.tell(session, "institution.result", "a@example.org", RETURNED, "k", NOW)
    session.rollback()
    assert rows(session) == []


# --- said -----------------------------------------------------------------------------------


def rendered(session, **changes):
    site = session.info.setdefault("site", SimpleNamespace(name="企服台", hotline="12000000000"))
    tell(session, context=RETURNED | changes.pop("context", {}), **changes)
    return messages.render(row(session), site, "https://qifu.example")


@pytest.mark.parametrize(
    ("result", "subject", "next_step"),
    [
        ("approved", "审核通过", "请重新登录，即可进入服务机构后台。"),
        ("returned", "退回修改", "请登录平台，按审核意见修改后重新提交申请。"),
        ("refused", "不予通过", "如有疑问，请拨打服务热线12000000000。"),
    ],
)
def test_a_result_names_opinion_next_step_and_one_link(session, result, subject, next_step):
    said, body = rendered(session, context={"result": result})
    assert said == f"【企服台】示例科技有限公司：{subject}"
    assert "示例科技有限公司" in body
    assert "审核意见：请补充营业执照。" in body
    assert next_step in body
    assert body.count("://") == 1
    assert body.endswith(
        "https://qifu.example/cases/JG-20261120-0007/\n\n此邮件由系统自动发送，请勿直接回复。\n"
    )


def test_a_result_is_written_in_the_language_of_its_reader(session):
    subject, body = rendered(session, locale="en")
    assert subject.endswith("示例科技有限公司: Returned for changes")
    assert "Please do not reply." in body


def test_without_an_opinion_no_opinion_is_announced(session):
    _, body = rendered(session, context={"opinion": "", "result": "approved"})
    assert "审核意见" not in body
    assert "\n\n\n" not in body


def test_names_and_opinions_cannot_write_headers_or_turn_the_text(session):
    evil = "Firm\r\nBcc: all@example.org\x00\u202egnp"
    site = SimpleNamespace(name=evil, hotline="")
    tell(session, context=RETURNED | {"organization": evil, "opinion": evil, "number": "../x\n"})
    subject, body = messages.render(row(session), site, "https://qifu.example")
    assert "\n" not in subject
    assert "\r" not in subject + body
    assert "\x00" not in body
    assert "\u202e" not in body
    assert "https://qifu.example/cases/..%2Fx/" in body


# --- sent -----------------------------------------------------------------------------------


def test_a_message_arrives_and_is_marked(session, mailbox):
    tell(session)
    assert send_waiting(session, NOW) == 1
    (letter,) = mailbox.letters
    assert letter.recipients == ["reader@example.org"]
    assert letter["To"] == "reader@example.org"
    assert letter["Subject"].endswith("示例科技有限公司：退回修改")
    assert "请补充营业执照。" in letter.get_content()
    sent = row(session)
    assert (sent.state, sent.sent_at, sent.attempts, sent.error) == ("sent", NOW, 1, "")
    assert letter["Message-ID"].startswith(f"<message-{sent.id}.20261120030000@")
    assert send_waiting(session, NOW + timedelta(days=1)) == 0


def test_a_batch_uses_one_connection(session, mailbox):
    for number in range(5):
        tell(session, f"k{number}")
    assert send_waiting(session, NOW) == 5
    assert len(mailbox.letters) == 5
    assert len({letter.peer for letter in mailbox.letters}) == 1


def test_what_is_not_due_waits(session, mailbox):
    tell(session, now=NOW + MINUTE)
    assert send_waiting(session, NOW) == 0
    assert mailbox.tried == []


def test_a_server_that_says_later_is_asked_again(session, mailbox):
    tell(session)
    mailbox.answer = "451 try again later"
    assert send_waiting(session, NOW) == 1
    waiting = row(session)
    assert (waiting.state, waiting.attempts, waiting.due_at) == ("retry", 1, NOW + MINUTE)
    assert "451" in waiting.error
    mailbox.answer = "250 OK"
    assert send_waiting(session, NOW) == 0
    assert send_waiting(session, NOW + MINUTE) == 1
    assert (row(session).state, row(session).error) == ("sent", "")
    assert len(mailbox.letters) == 1


def test_a_connection_cut_after_the_text_means_the_same_message_again(session, mailbox):
    tell(session)
    mailbox.cuts = True
    send_waiting(session, NOW)
    assert row(session).state == "retry"
    mailbox.cuts = False
    send_waiting(session, NOW + MINUTE)
    assert row(session).state == "sent"
    first, second = mailbox.tried
    assert first["Message-ID"] == second["Message-ID"]


def test_a_message_is_given_up_after_eight_attempts_over_some_nineteen_hours(session, mail_goes_to):
    mail_goes_to(free_port())  # nobody listens there
    tell(session)
    now, waits = NOW, []
    while row(session).state in {"waiting", "retry"}:
        assert send_waiting(session, now) == 1
        waits.append((row(session).due_at - now) / MINUTE)
        now = max(now, row(session).due_at)
    assert waits[:-1] == [1, 5, 15, 60, 360, 360, 360]
    assert (row(session).state, row(session).attempts) == ("dead", 8)
    assert "refused" in row(session).error.lower()
    assert send_waiting(session, now + timedelta(days=30)) == 0


def test_a_faulty_message_does_not_stop_the_others(session, mailbox):
    messages.tell(session, "no.such", "a@example.org", {}, "faulty", NOW)
    tell(session)
    assert send_waiting(session, NOW) == 2
    assert len(mailbox.letters) == 1
    assert [told.state for told in rows(session)] == ["retry", "sent"]
    assert rows(session)[0].error.startswith("TemplatesNotFound")


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b.cn, c@d.cn", "a@b.cn\nBcc: c@d.cn", "<a@b.cn>", "a b@c.cn"]
)
def test_what_is_no_single_address_is_given_up_at_once(session, mailbox, address):
    tell(session, address=address)
    send_waiting(session, NOW)
    assert (row(session).state, mailbox.tried) == ("dead", [])
    assert row(session).error


def test_a_long_failure_is_kept_short(session):
    def fail(_told):
        raise OSError("x\n" * 1000)

    tell(session)
    messages.deliver(session, NOW, fail)
    assert len(row(session).error) == messages.ERROR_LENGTH
    assert "\n" not in row(session).error


# --- several workers ------------------------------------------------------------------------


def test_several_workers_send_each_message_once(app, session):
    for number in range(200):
        messages.tell(session, "institution.result", "a@example.org", RETURNED, f"{number}", NOW)
    session.commit()
    sent, ready = [], threading.Barrier(3)

    def work():
        with app.app_context(), system_session() as own:
            ready.wait()
            while messages.deliver(own, NOW, lambda told: sent.append(told.id)):
                pass

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sent) == len(set(sent)) == 200
    assert {told.state for told in rows(session)} == {"sent"}


DIES = """
import os, signal, sys
from datetime import datetime
from flask import Flask
from app.extensions import db, prepare_sqlite, system_session
from app import messages

app = Flask("dies")
app.config["SQLALCHEMY_DATABASE_URI"] = sys.argv[1]
db.init_app(app)
with app.app_context(), system_session() as session:
    if db.engine.dialect.name == "sqlite":
        prepare_sqlite(db.engine)
    messages.deliver(
        session, datetime.fromisoformat(sys.argv[2]), lambda _: os.kill(os.getpid(), signal.SIGKILL)
    )
"""


def kill_a_worker(now):
    """Run a worker in a process of its own that is killed while it sends."""
    url = db.engine.url.render_as_string(hide_password=False)
    command = (sys.executable, "-c", DIES, url, now.isoformat())
    done = subprocess.run(  # noqa: S603 - our own script
        command,
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_what_a_killed_worker_had_claimed_is_sent_when_its_lease_is_over(session, mailbox):
    tell(session)
    kill_a_worker(NOW)
    assert (row(session).state, row(session).attempts) == ("sending", 1)
    assert send_waiting(session, NOW + messages.LEASE - MINUTE) == 0
    assert send_waiting(session, NOW + messages.LEASE) == 1
    assert (row(session).state, len(mailbox.letters)) == ("sent", 1)


def test_a_message_that_ends_every_worker_is_given_up(session, mailbox):
    tell(session)
    now = NOW
    for _ in range(8):
        with pytest.raises(KeyboardInterrupt):
            messages.deliver(session, now, interrupt)
        now += messages.LEASE
    assert send_waiting(session, now) == 1
    assert (row(session).state, mailbox.tried) == ("dead", [])


def interrupt(_told):
    raise KeyboardInterrupt


def test_a_worker_that_outlived_its_lease_changes_nothing(app, session):
    tell(session)

    def slow(_told):
        with app.app_context(), system_session() as other:
            assert messages.deliver(other, NOW + messages.LEASE, lambda _: None) == 1
        raise OSError("too late")

    messages.deliver(session, NOW, slow)
    assert (row(session).state, row(session).attempts, row(session).error) == ("sent", 2, "")


def test_a_worker_gives_back_what_it_cannot_send_in_its_time(session, monkeypatch):
    monkeypatch.setattr(delivery, "RUN_SECONDS", 0.1)
    for number in range(3):
        tell(session, f"k{number}")
    assert messages.deliver(session, NOW, lambda _: time.sleep(0.15)) == 1
    assert [(t.state, t.attempts, t.due_at == NOW) for t in rows(session)] == [
        ("sent", 1, False),
        ("waiting", 0, True),
        ("waiting", 0, True),
    ]


def test_no_lock_is_held_while_a_message_travels(app, session):
    tell(session)

    def write_elsewhere(_told):
        with app.app_context(), system_session() as other:
            tell(other, "another")

    messages.deliver(session, NOW, write_elsewhere)
    assert [told.state for told in rows(session)] == ["sent", "sent"]
