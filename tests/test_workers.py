"""Two servers with two workers each, as processes of their own: what holds over all of them."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from app.extensions import system_session
from app.models import AuditEntry, Invitation, Message, Person
from app.services.demo import PASSWORD
from tests.conftest import TEST_CODE
from tests.test_certification import of
from tests.test_consultants import EMAIL, MOBILE, invited, line
from tests.test_messages import free_port

pytestmark = pytest.mark.db

ROOT = Path(__file__).parent.parent
PATIENCE = 150  # seconds; this machine may be busy
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Server:
    """One ``run.py web`` on a port of its own."""

    def __init__(self, app) -> None:
        self.port = free_port()
        url = app.config["SQLALCHEMY_DATABASE_URI"]
        environment = os.environ | {"DATABASE_URL": url, "PORT": str(self.port)}
        command = (
            sys.executable, "-m", "gunicorn", "app:create_app()", "--bind",
            f"127.0.0.1:{self.port}", "--worker-class", "gthread", "--workers", "2",
            "--threads", "4", "--no-control-socket",
        )  # fmt: skip
        self.process = subprocess.Popen(  # noqa: S603 - our own server
            command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.ask("GET", "/health/live")[0] == 200:
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server did not start")

    def ask(self, method, path, body=None, cookie="") -> tuple[int, str, str]:
        """Status, text and cookie of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Cookie": cookie} | (FORM if body is not None else {})
            connection.request(method, path, urlencode(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            given = (answer.getheader("Set-Cookie") or cookie).split(";")[0]
            return answer.status, text, given
        finally:
            connection.close()

    def form(self, path) -> tuple[str, str]:
        """The token of a form and the cookie that it belongs to."""
        _status, text, cookie = self.ask("GET", path)
        return re.search(r'name="csrf_token" value="([^"]+)"', text)[1], cookie

    def log_in(self, username, password) -> int:
        """Try a password once, as somebody who was never here."""
        token, cookie = self.form("/login/")
        typed = {"username": username, "password": password, "captcha": TEST_CODE}
        return self.ask("POST", "/login/", typed | {"csrf_token": token}, cookie)[0]

    def stop(self) -> None:
        """End it, and wait for that."""
        self.process.terminate()
        self.process.wait(PATIENCE)


@contextmanager
def servers(app, count) -> Iterator[list[Server]]:
    running = [Server(app) for _number in range(count)]
    try:
        for server in running:
            server.wait()
        yield running
    finally:
        for server in running:
            server.stop()


def codes_sent(app, mobile) -> int:
    with app.app_context(), system_session() as session:
        told = (Message.address == mobile, Message.occasion == "account.code")
        return session.scalar(select(func.count()).select_from(Message).where(*told))


def compared(app, username) -> int:
    """How many wrong passwords were looked at."""
    with app.app_context(), system_session() as session:
        user_id = session.scalar(select(Person.id).where(Person.username == username))
        failed = (AuditEntry.action == "login_failed", AuditEntry.object_id == user_id)
        return session.scalar(select(func.count()).select_from(AuditEntry).where(*failed))


@pytest.fixture
def mobile(app) -> str:
    """The number of the demonstration's enterprise."""
    with app.app_context(), system_session() as session:
        return session.scalar(select(Person.mobile).where(Person.username == "enterprise"))


def test_two_servers_count_together_and_a_restart_forgets_nothing(app, mobile):
    with servers(app, 2) as pair:
        spread_wrong_passwords_lock(*pair)
        forty_guesses_at_once(pair)
        assert compared(app, "institution") == 5
        a_thousand_requests_at_once_send_one_code(pair, mobile)
        assert codes_sent(app, mobile) == 1
    with servers(app, 1) as (again,):
        assert again.log_in("enterprise", PASSWORD) == 429


def spread_wrong_passwords_lock(one, two):
    answers = [server.log_in("enterprise", "Wrong#123") for server in (one, two, one, two, one)]
    assert answers == [400, 400, 400, 400, 429]
    assert [server.log_in("enterprise", PASSWORD) for server in (one, two)] == [429, 429]


def forty_guesses_at_once(pair):
    with ThreadPoolExecutor(16) as pool:
        tries = pool.map(lambda n: pair[n % 2].log_in("institution", f"Wrong#{n}"), range(40))
    assert set(tries) <= {400, 429}  # whoever waits for the fifth is told already that it is over


def a_thousand_requests_at_once_send_one_code(pair, mobile):
    token, cookie = pair[0].form("/login/")
    typed = {"mobile": mobile, "captcha": TEST_CODE, "csrf_token": token}

    def one(number: int) -> int:
        return pair[number % 2].ask("POST", "/login/code/", typed, cookie)[0]

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(one, range(1000)))
    assert (answers.count(200), answers.count(429)) == (1, 999)


def test_fifty_uses_of_one_invitation_on_two_servers_give_one_account(app, sign_in):
    """S4-6: four processes that know nothing of each other."""
    link = invited(app, sign_in("institution"))
    with servers(app, 2) as pair:
        visits = [(server, *opened(server, link)) for server in pair * 25]
        start = Barrier(len(visits))

        def use(visit) -> int:
            server, token, cookie = visit
            typed = {"way": "new", "password": PASSWORD, "password_again": PASSWORD}
            start.wait()
            typed |= {"accept_terms": "y", "csrf_token": token}
            return server.ask("POST", "/invitations/", typed, cookie)[0]

        with ThreadPoolExecutor(len(visits)) as pool:
            answers = list(pool.map(use, visits))
    assert answers.count(302) == 1, answers
    assert set(answers) <= {302, 400, 410}
    assert of(app, select(func.count(Person.id)).where(Person.mobile == MOBILE)) == 1
    used = select(func.count(Invitation.id)).where(Invitation.used_by.is_not(None))
    assert of(app, used.where(Invitation.email == EMAIL)) == 1
    assert line(app).state == "accepted"


def opened(server, link) -> tuple[str, str]:
    """The token of the form behind a link, and the cookie of whoever followed it."""
    _status, _text, cookie = server.ask("GET", link)
    _status, text, cookie = server.ask("GET", "/invitations/", cookie=cookie)
    return re.search(r'name="csrf_token" value="([^"]+)"', text)[1], cookie


def test_a_thousand_requests_from_as_many_addresses_send_one(app, mobile):
    def one(number: int) -> int:
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"198.51.{number // 250}.{number % 250}"
        typed = {"mobile": mobile, "captcha": TEST_CODE}
        return client.post("/login/code/", data=typed).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(1000)))
    assert (answers.count(200), answers.count(429)) == (1, 999)
    assert codes_sent(app, mobile) == 1
