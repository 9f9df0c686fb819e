"""A mail server or an SMS gateway that fails in every way: nothing is lost, nobody waits."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import smtplib
import socket
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import delete, select, update

from app import clock, messages, sms
from app.extensions import mail, system_session
from app.jobs import outbox
from app.models import Message, Person
from tests.test_messages import MINUTE, NOW, RETURNED, Mailbox, free_port

pytestmark = pytest.mark.db
MOBILE = "12000000999"


@pytest.fixture
def house(app):
    """The application, before anybody was told anything."""
    with opened(app) as session:
        session.execute(delete(Message))
        session.commit()
    return app


@contextmanager
def opened(app):
    """A session of the system that is closed before a request is made."""
    with app.app_context(), system_session() as session:
        yield session
        session.flush()
        session.expunge_all()
        session.commit()


def rows(house, **narrow):
    with opened(house) as session:
        told = select(Message).where(Message.occasion != "outbox.dead").filter_by(**narrow)
        return list(session.scalars(told.order_by(Message.id)))


def tell(house, count=1, channel="email", occasion="institution.result", **words):
    address = "reader@example.org" if channel == "email" else MOBILE
    with opened(house) as session:
        for number in range(count):
            key, context = f"{channel}{number}", RETURNED | words
            messages.tell(session, occasion, address, context, key, NOW, "zh", channel)


def send(house, now):
    """One run of the mail worker."""
    with opened(house) as session:
        return outbox.send_waiting(session, now)


def send_short(house, now):
    """One run of the SMS worker."""
    with opened(house) as session:
        return outbox.send_short(session, now)


def states(house, **narrow):
    return Counter(row.state for row in rows(house, **narrow))


def shown(client, tab):
    """How many messages the page shows in a state."""
    page = client.get(f"/outbox/list/?tab={tab}").text
    return len(set(re.findall(r"/outbox/show/(\d+)/", page)))


# --- mail --------------------------------------------------------------------------------------


class Slow(Mailbox):
    """A mail server that takes its time, longer than anybody waits."""

    async def handle_RCPT(self, server, session, envelope, address, _options):  # noqa: N802
        await asyncio.sleep(3)
        return "250 OK"


@contextmanager
def mail_server(box, port):
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def test_a_mail_server_that_fails_in_every_way_loses_nothing(house, sign_in, monkeypatch):
    port = free_port()
    server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_TIMEOUT": 1}
    state = mail.init_mail(house.config | server | {"MAIL_BACKEND": "smtp"})
    monkeypatch.setitem(house.extensions, "mailman", state)
    client, arrived, now = sign_in("operator"), [], NOW
    tell(house, 4)

    assert send(house, now) == 4  # nobody listens
    assert states(house) == {"retry": 4}
    assert shown(client, "retry") == 4

    now += MINUTE
    with mail_server(Mailbox(), port) as later:
        later.answer = "451 try again later"
        send(house, now)
    assert states(house) == {"retry": 4}
    assert all("451" in row.error for row in rows(house))

    now += 5 * MINUTE
    with mail_server(Slow(), port):
        begun = time.monotonic()
        send(house, now)
        assert time.monotonic() - begun < 4 * 3
    assert states(house) == {"retry": 4}
    assert all("timed out" in row.error.lower() for row in rows(house))

    now += 15 * MINUTE
    with mail_server(Mailbox(), port) as cutting:
        cutting.cuts = True
        send(house, now)
        arrived += cutting.tried
    assert states(house) == {"retry": 4}
    assert {row.attempts for row in rows(house)} == {4}
    assert shown(client, "retry") == 4

    now += 60 * MINUTE
    tell(house, 6)  # two more, written while it was down
    with mail_server(Mailbox(), port) as back:
        send(house, now)
        send(house, now)
        arrived += back.letters
    assert states(house) == {"sent": 6}
    assert (shown(client, "retry"), shown(client, "sent")) == (0, 6)

    copies = Counter(letter["Message-ID"] for letter in arrived)
    assert sorted(copies.values()) == [1, 1, 2, 2, 2, 2]  # doubled in the cut alone


def test_no_request_waits_for_a_server(app, sign_in, statements, monkeypatch, record_property):
    """The decision on an application opens no connection, whatever became of the servers."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("a request must not open a connection")

    numbers = {}
    for hangs in (False, True):
        client = sign_in("operator")
        todo = client.get("/tasks/todo/").text
        number = re.search(r"/cases/(JG-\d{8}-\d{4})/", todo).group(1)
        page = client.get(f"/cases/{number}/").text
        action = re.search(rf"/cases/{number}/tasks/\d+/return/", page).group(0)
        if hangs:
            monkeypatch.setattr(smtplib.SMTP, "connect", refuse)
            monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
        statements.clear()
        answer = client.post(action, data={"opinion": "请补充材料。", "to": "applicant"})
        assert answer.status_code == 302
        numbers[hangs] = len(statements)
        if not hangs:  # the other time is the same, on a fresh copy
            with app.app_context(), system_session() as session:
                waiting = select(Message).where(Message.state == "waiting")
                assert list(session.scalars(waiting))
            client.application.extensions["appbuilder"].sm.forget_all()
    record_property("statements of a decision", numbers[True])
    assert abs(numbers[True] - numbers[False]) <= 1


# --- short messages ------------------------------------------------------------------------------


class Provider:
    """An SMS gateway on this machine: ``answers`` in turn, the last one for ever."""

    def __init__(self):
        self.answers, self.asked, self.delay = [200], [], 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.asked.append((self.path, dict(self.headers), json.loads(body)))
                time.sleep(provider.delay)
                answers = provider.answers
                status = answers.pop(0) if len(answers) > 1 else answers[0]
                with closing(self.wfile):
                    self.send_response(status)
                    if status in (301, 302):
                        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                    self.end_headers()
                    self.wfile.write(b"because")

            def log_message(self, *_args):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://user:k%40y@127.0.0.1:{self.server.server_port}/v1/send"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def provider(app, monkeypatch):
    found = Provider()
    settings = replace(app.extensions["settings"], sms_url=found.url)
    monkeypatch.setitem(app.extensions, "settings", settings)
    yield found
    found.server.shutdown()
    found.server.server_close()


def code(house, **words):
    tell(house, 1, "sms", "account.code", code="824613", minutes=30, **words)


def test_a_gateway_is_given_number_text_sign_and_id(house, provider):
    code(house)
    assert send_short(house, NOW) == 1
    ((path, headers, body),) = provider.asked
    assert path == "/v1/send"
    assert headers["Authorization"] == "Basic dXNlcjprQHk="
    assert headers["Idempotency-Key"] == body["id"]
    assert (body["mobile"], body["sign"]) == (MOBILE, "企服台")
    assert body["text"].startswith("【企服台】")
    assert "824613" in body["text"]
    (sent,) = rows(house)
    assert (sent.state, sent.error) == ("sent", "")
    assert "824613" not in json.dumps(sent.context)


def test_a_gateway_that_fails_is_asked_again_with_the_same_id(house, provider):
    tell(house, 1, "sms", "case.approved", kind="x", title="y")
    provider.answers = [500, 429, 302, 200]
    now = NOW
    for wait in (1, 5, 15):
        send_short(house, now)
        assert states(house) == {"retry": 1}
        now += wait * MINUTE
    send_short(house, now)
    assert states(house) == {"sent": 1}
    assert len({body["id"] for _, _, body in provider.asked}) == 1
    assert len(provider.asked) == 4


def test_what_a_gateway_rejects_is_given_up_and_its_technicians_are_told(house, provider):
    tell(house, 2, "sms", "case.approved", kind="x", title="y")
    provider.answers = [400]
    send_short(house, NOW)
    dead = rows(house)
    assert {(row.state, row.attempts) for row in dead} == {("dead", 1)}
    assert dead[0].error == "Undeliverable: the gateway answered 400: because"
    with opened(house) as session:
        told = select(Message.user_id).filter_by(occasion="outbox.dead", channel="inapp")
        names = [session.get_one(Person, who).username for who in session.scalars(told)]
    assert names == ["sysadmin"]  # once an hour, not once a message


def test_a_slow_gateway_costs_its_message_an_attempt(house, provider, monkeypatch):
    monkeypatch.setattr(sms, "TIMEOUT_SECONDS", 0.3)
    provider.delay = 1
    tell(house, 1, "sms", "case.approved", kind="x", title="y")
    send_short(house, NOW)
    (row,) = rows(house)
    assert (row.state, row.attempts) == ("retry", 1)
    assert "timed out" in row.error


def test_a_dead_mail_server_does_not_delay_sms(house, provider, monkeypatch):
    server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": free_port(), "MAIL_BACKEND": "smtp"}
    monkeypatch.setitem(house.extensions, "mailman", mail.init_mail(house.config | server))
    tell(house, 3)
    tell(house, 3, "sms", "case.approved", kind="x", title="y")
    assert send_short(house, NOW) == 3
    assert states(house, channel="sms") == {"sent": 3}
    assert states(house, channel="email") == {"waiting": 3}
    assert len(provider.asked) == 3


@pytest.mark.parametrize("number", ["", "abc", "120\n000", "http://x", "1" * 30])
def test_what_is_no_number_is_given_up_at_once(house, provider, number):
    with opened(house) as session:
        messages.tell(session, "case.approved", number, RETURNED, "k", NOW, channel="sms")
    send_short(house, NOW)
    assert (states(house), provider.asked) == ({"dead": 1}, [])


def test_a_code_that_is_too_late_is_not_sent(house, provider):
    code(house)
    send_short(house, NOW + 31 * MINUTE)
    (row,) = rows(house)
    assert (row.state, provider.asked) == ("dead", [])
    assert "824613" not in json.dumps(row.context)


def test_in_development_codes_are_readable_on_the_page(house, sign_in):
    code(house)
    assert send_short(house, NOW) == 1
    (row,) = rows(house)
    assert row.state == "sent"
    page = sign_in("sysadmin").get(f"/outbox/show/{row.id}/").text
    assert "824613" in page
    assert MOBILE not in page


def test_in_production_nobody_reads_codes_and_nothing_counts_as_sent_without_a_gateway(
    house, sign_in, monkeypatch
):
    settings = replace(house.extensions["settings"], env="production")
    client = sign_in("sysadmin")
    monkeypatch.setitem(house.extensions, "settings", settings)
    code(house)
    send_short(house, NOW)
    tell(house)
    send(house, NOW)
    found = rows(house)
    assert [row.state for row in found] == ["retry", "retry"]
    assert "SMS_URL" in found[0].error
    assert "SMTP_URL" in found[1].error
    assert "824613" not in client.get(f"/outbox/show/{found[0].id}/").text


# --- sent again ----------------------------------------------------------------------------------


def kill(house, *keys):
    this = Message.__table__.c.dedupe_key.in_(keys)
    dead = {"state": "dead", "attempts": 8, "error": "ConnectionRefusedError"}
    with opened(house) as session:
        session.connection().execute(update(Message.__table__).where(this).values(**dead))


def test_what_was_given_up_is_sent_again_on_request(house, sign_in):
    tell(house, 4)
    kill(house, "email0", "email1", "email2")
    one, two, three, four = (row.id for row in rows(house))
    client = sign_in("sysadmin")
    assert shown(client, "dead") == 3
    client.post(f"/outbox/resend/{one}/")
    client.post("/outbox/resend/", data={"id": [two, four, 987654, "x"]})
    found = {row.id: (row.state, row.attempts, row.error) for row in rows(house)}
    assert found[one] == found[two] == ("waiting", 0, "")
    assert found[three][0] == "dead"
    answer = client.post("/outbox/resend/", data={}, follow_redirects=True)
    assert "没有可重发的消息" in answer.text
    assert send(house, clock.now() + timedelta(seconds=1)) == 3
    assert states(house) == {"sent": 3, "dead": 1}


def test_a_code_is_not_sent_again(house, sign_in):
    code(house)
    kill(house, "sms0")
    (row,) = rows(house)
    client = sign_in("sysadmin")
    assert "/outbox/resend/" not in client.get(f"/outbox/show/{row.id}/").text
    client.post(f"/outbox/resend/{row.id}/")
    assert states(house) == {"dead": 1}


def test_only_those_who_run_the_platform_see_what_was_sent(house, sign_in):
    tell(house)
    (row,) = rows(house)
    for name in ("newcomer", "institution", "secadmin", "auditor", "bureau"):
        client = sign_in(name)
        assert client.get("/outbox/list/").status_code == 403
        assert client.get(f"/outbox/show/{row.id}/").status_code == 403
        assert client.post(f"/outbox/resend/{row.id}/").status_code == 403


# --- the gateway's address -----------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "smpp://x", "file:///etc/passwd", "https://", "gateway/x"])
def test_what_is_no_gateway_is_refused(url):
    with pytest.raises(ValueError, match="not an address"):
        sms.gateway(url)


def test_a_gateway_that_is_not_there_is_unreachable():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(sms.Unreachable, match="refused"):
        sms.gateway(f"http://127.0.0.1:{port}/").send("1", "x", "y", "z")


def test_the_key_of_a_gateway_is_not_printed():
    assert "k%40y" not in repr(sms.gateway("https://user:k%40y@sms.example/"))
    assert "dXNlc" not in repr(sms.gateway("https://user:k%40y@sms.example/"))
