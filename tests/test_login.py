"""The door: lockout, codes, links, passwords, sessions, and what comes too often."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app import clock, login as door, messages
from app.access import elevated
from app.extensions import system_session
from app.models import (
    Captcha,
    LoginSession,
    Message,
    OneTimeToken,
    PasswordHistory,
    Person,
    Throttle,
    VerificationCode,
)
from app.services import captchas, codes, limits, logins, passwords
from app.services.demo import PASSWORD
from tests.conftest import TEST_CODE

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
NEW = "Harbour#12"
LOCKED = "登录失败次数过多"
WRONG = "用户名或密码有误"


@pytest.fixture
def clocked(monkeypatch):
    """Set the clock of the application: ``clocked(moment)``."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


@pytest.fixture
def rows(app):
    """A function that runs another on a connection of the system, and commits."""

    def run(act):
        with app.app_context(), system_session() as session:
            found = act(elevated(session, "a test"))
            session.commit()
            return found

    return run


def person(app, username: str) -> Person:
    with app.app_context(), system_session() as session:
        found = session.scalars(select(Person).where(Person.username == username)).one()
        session.expunge(found)
        return found


def last_message(app, occasion: str, channel: str) -> Message | None:
    with app.app_context(), system_session() as session:
        told = select(Message).where(Message.occasion == occasion, Message.channel == channel)
        found = session.scalars(told.order_by(Message.id.desc())).first()
        if found is not None:
            session.expunge(found)
        return found


def log_in(client, username="enterprise", password=PASSWORD, captcha=TEST_CODE):
    typed = {"username": username, "password": password, "captcha": captcha}
    return client.post("/login/", data=typed)


def same(page: str, name: str) -> str:
    """A page without what differs from one reader to the next, and without minutes."""
    page = re.sub(r"(content|value|nonce)=\"[^\"]*\"|\d\d:\d\d", "", page)
    return page.replace(name, "NAME")


def is_in(client) -> bool:
    return client.get("/account/").status_code == 200


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.db
def test_no_more_than_allowed_is_granted_within_any_window(rows):
    granted = []
    for second in range(0, 600, 7):
        moment = NOW + timedelta(seconds=second)
        if rows(lambda r, m=moment: limits.spend(r, "k", 3, 60, m)) is None:
            granted.append(second)
    assert granted[:4] == [0, 7, 14, 63]
    assert all(late - early >= 60 for early, late in zip(granted, granted[3:], strict=False))


@pytest.mark.db
def test_a_refusal_says_from_when_on(rows):
    assert rows(lambda r: limits.spend(r, "k", 1, 60, NOW)) is None
    later = NOW + timedelta(seconds=20)
    free = NOW + timedelta(seconds=60)
    assert rows(lambda r: limits.spend(r, "k", 1, 60, later)) == free
    assert rows(lambda r: limits.spent_until(r, "k", 1, 60, later)) == free
    assert rows(lambda r: limits.spend(r, "other", 1, 60, later)) is None
    assert rows(lambda r: limits.spend(r, "k", 1, 60, free)) is None


@pytest.mark.db
def test_of_many_at_once_no_more_are_granted_than_allowed(rows):
    def one(_number: int) -> bool:
        return rows(lambda r: limits.spend(r, "k", 5, 60, NOW)) is None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(one, range(100))) == 5


# --- wrong passwords --------------------------------------------------------------------------


@pytest.mark.db
def test_five_wrong_passwords_lock_the_account_for_fifteen_minutes(app, clocked):
    client = app.test_client()
    clocked(NOW)
    for _n in range(4):
        answer = log_in(client, password="Wrong#123")
        assert (answer.status_code, WRONG in answer.text) == (400, True)
    answer = log_in(client, password="Wrong#123")
    assert answer.status_code == 429
    assert LOCKED in answer.text
    assert "2026-11-20 16:15" in answer.text
    assert "忘记密码" in answer.text
    clocked(NOW + timedelta(minutes=14, seconds=59))
    answer = log_in(client)
    assert (answer.status_code, LOCKED in answer.text) == (429, True)
    told = last_message(app, "account.locked", "inapp")
    assert told.user_id == person(app, "enterprise").id
    clocked(NOW + timedelta(minutes=15))
    assert log_in(client).status_code == 302
    assert person(app, "enterprise").locked_until is None


@pytest.mark.db
def test_user_name_and_mobile_are_one_account(app):
    client, mobile = app.test_client(), person(app, "enterprise").mobile
    for name in ("enterprise", mobile, "enterprise", mobile):
        log_in(client, name, "Wrong#123")
    assert log_in(client, mobile, "Wrong#123").status_code == 429
    assert log_in(client, "enterprise").status_code == 429


@pytest.mark.db
def test_a_right_password_forgets_the_wrong_ones(app):
    client = app.test_client()
    for _n in range(3):
        for _m in range(4):
            log_in(client, password="Wrong#123")
        assert log_in(client).status_code == 302


@pytest.mark.db
def test_an_unknown_name_is_answered_like_a_known_one(app, monkeypatch):
    compared = []
    check = door.check_password_hash
    monkeypatch.setattr(door, "check_password_hash", lambda *a: compared.append(a[0]) or check(*a))
    said = {}
    for name in ("enterprise", "nobody_here"):
        client = app.test_client()
        for _n in range(7):
            answer = log_in(client, name, "Wrong#123")
            said.setdefault(name, []).append((answer.status_code, same(answer.text, name)))
    assert len(compared) == 2 * 5
    assert {hashed.split("$")[0] for hashed in compared} == {compared[0].split("$")[0]}
    known, unknown = said["enterprise"], said["nobody_here"]
    assert [status for status, _text in known] == [status for status, _text in unknown]
    assert known == unknown


@pytest.mark.db
def test_many_names_from_one_address_lock_the_address_alone(app):
    allowed = app.extensions["profile"].login.address_tries
    client = app.test_client()
    for number in range(allowed):
        assert log_in(client, f"guess_{number}", "Wrong#123").status_code == 400
    assert log_in(client, "enterprise").status_code == 429
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    assert log_in(elsewhere, "enterprise").status_code == 302


@pytest.mark.db
def test_right_passwords_cost_an_office_nothing(app):
    allowed = app.extensions["profile"].login.address_tries
    for _n in range(allowed + 3):
        assert log_in(app.test_client()).status_code == 302


def test_a_switched_off_account_is_answered_like_a_wrong_password(app, rows):
    rows(lambda r: r.execute(
        update(Person.__table__).where(Person.username == "visitor").values(active=False)
    ))  # fmt: skip
    answer = log_in(app.test_client(), "visitor")
    assert (answer.status_code, WRONG in answer.text) == (400, True)


@pytest.mark.db
def test_a_one_time_password_lets_in_for_a_day(app, rows, clocked):
    """Who is in by then replaces it; who comes later is told what to do."""
    hours = app.extensions["profile"].password.one_time_hours
    me = person(app, "visitor").id
    rows(lambda r: passwords.set_password(r, me, NEW, NOW, must_change=True))
    clocked(NOW + timedelta(hours=hours) - timedelta(minutes=1))
    client = app.test_client()
    assert log_in(client, "visitor", NEW).status_code == 302
    clocked(NOW + timedelta(hours=hours))
    late = log_in(app.test_client(), "visitor", NEW)
    assert (late.status_code, f"有效期为{hours}小时" in late.text) == (400, True)
    assert log_in(app.test_client(), "visitor", "Wrong#123").text.count(WRONG)
    assert change(client, NEW, "Harbour#13").status_code == 302
    assert log_in(app.test_client(), "visitor", "Harbour#13").status_code == 302


# --- codes by SMS -----------------------------------------------------------------------------


def ask_code(client, mobile, captcha=TEST_CODE):
    return client.post("/login/code/", data={"mobile": mobile, "captcha": captcha})


@pytest.mark.db
def test_a_login_by_code(app):
    client, mobile = app.test_client(), person(app, "enterprise").mobile
    answer = ask_code(client, mobile)
    assert answer.status_code == 200
    told = last_message(app, "account.code", "sms")
    assert told.address == mobile
    code = told.context["code"]
    assert re.fullmatch(r"\d{6}", code)
    answer = client.post("/login/", data={"mobile": mobile, "code": code})
    assert (answer.status_code, answer.location) == (302, "/")
    assert is_in(client)
    again = app.test_client().post("/login/", data={"mobile": mobile, "code": code})
    assert again.status_code == 400


@pytest.mark.db
def test_an_unknown_number_is_answered_alike_and_gets_nothing(app):
    mobile = person(app, "enterprise").mobile
    known = ask_code(app.test_client(), mobile)
    before = last_message(app, "account.code", "sms").id
    unknown = ask_code(app.test_client(), "12099998888")
    assert (known.status_code, known.json) == (unknown.status_code, unknown.json)
    assert last_message(app, "account.code", "sms").id == before
    for number in (mobile, "12099998888"):
        assert ask_code(app.test_client(), number).status_code == 429


@pytest.mark.db
def test_quotas_of_a_phone_and_of_an_address(app, clocked):
    client, mobile = app.test_client(), person(app, "enterprise").mobile
    sent, moment = [], NOW
    for minute in range(0, 26 * 60, 2):
        moment = NOW + timedelta(minutes=minute)
        clocked(moment)
        if ask_code(client, mobile).status_code == 200:
            sent.append(minute)
    hours = [[m for m in sent if start <= m < start + 60] for start in range(0, 1500, 2)]
    assert max(map(len, hours)) == 5
    assert len([m for m in sent if m < 24 * 60]) == 10
    clocked(NOW + timedelta(days=3))
    answers = [ask_code(client, f"1209999{n:04}").status_code for n in range(22)]
    assert answers == [200] * 20 + [429] * 2


@pytest.mark.db
def test_a_code_is_bound_to_purpose_and_phone_and_to_five_minutes(rows):
    def issue(r):
        return codes.issue_code(r, "login", "12000001111", NOW, 5)

    def redeem(code, purpose="login", mobile="12000001111", at=NOW, tries=5):
        return rows(lambda r: codes.redeem_code(r, purpose, mobile, code, at, tries))

    code = rows(issue)
    assert not redeem(code, purpose="reset")
    assert not redeem(code, mobile="12000002222")
    assert not redeem(code, at=NOW + timedelta(minutes=5))
    assert redeem(code)
    assert not redeem(code)
    older, newer = rows(issue), rows(issue)
    assert older == newer or not redeem(older)
    assert redeem(newer)
    code = rows(issue)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert not any(redeem(wrong) for _n in range(5))
    assert not redeem(code)


@pytest.mark.db
def test_wrong_codes_lock_the_account_too(app):
    client, mobile = app.test_client(), person(app, "enterprise").mobile
    answers = [
        client.post("/login/", data={"mobile": mobile, "code": "000001"}).status_code
        for _n in range(5)
    ]
    assert answers == [400] * 4 + [429]
    assert log_in(client).status_code == 429


def test_the_slider_is_good_once_and_has_a_tolerance(app, rows):
    client, mobile = app.test_client(), person(app, "enterprise").mobile

    def place():
        client.get("/captcha/slider/")
        return rows(lambda r: r.scalar(
            select(Captcha.position).where(Captcha.position.is_not(None)).order_by(Captcha.id.desc())
        ))  # fmt: skip

    far = ask_code(client, mobile, str(place() - captchas.TOLERANCE - 1))
    assert (far.status_code, far.json["field"]) == (400, "captcha")
    right = place()
    assert ask_code(client, mobile, str(right + captchas.TOLERANCE)).status_code == 200
    assert ask_code(client, mobile, str(right)).status_code == 400
    for nonsense in ("", "-1", "99999", "½", "1e2", TEST_CODE + "1"):
        place()
        assert ask_code(client, mobile, nonsense).status_code == 400


def test_a_gap_that_was_found_stands_for_no_letters(app, rows):
    """Of twenty guesses one finds a gap; letters would take a million."""
    client = app.test_client()
    client.get("/captcha/slider/")
    found = client.get_cookie("qifu-slider")
    assert found is not None
    newest = select(Captcha.position).order_by(Captcha.id.desc())
    position = rows(lambda r: r.scalar(newest))
    client.set_cookie("qifu-captcha", found.value)
    assert log_in(client, captcha=str(position)).status_code == 400
    assert rows(lambda r: r.scalar(newest)) is None  # and it is used up


# --- a forgotten password ---------------------------------------------------------------------


def begin_reset(client, account):
    answer = client.post("/forgot/", data={"account": account, "captcha": TEST_CODE})
    assert (answer.status_code, answer.location) == (302, "/forgot/verify/")


def mailed_path(app) -> str:
    told = last_message(app, "account.reset_link", "email")
    return messages.link(told)


def choose(client, password=NEW):
    return client.post("/forgot/new/", data={"password": password, "password_again": password})


@pytest.fixture
def with_email(rows):
    """The demonstration's enterprise has a mailbox."""
    rows(lambda r: r.execute(
        update(Person.__table__)
        .where(Person.username == "enterprise").values(email="clerk@example.com")
    ))  # fmt: skip


@pytest.mark.db
@pytest.mark.usefixtures("with_email")
def test_a_mailed_link_gives_a_new_password_once(app):
    other, client = app.test_client(), app.test_client()
    log_in(other)
    begin_reset(client, "enterprise")
    assert client.post("/forgot/verify/", data={"way": "mail"}).status_code == 200
    path = mailed_path(app)
    assert len(path.rstrip("/").rsplit("/", 1)[1]) >= 22  # 128 bits
    for _look in range(3):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.location) == (302, "/forgot/new/")
        assert answer.headers["Referrer-Policy"] == "same-origin"
    visitor = app.test_client()
    visitor.get(path)
    assert choose(visitor, "short").status_code == 400
    assert choose(visitor).location == "/login/"
    assert not is_in(other)
    assert last_message(app, "account.password_reset", "inapp") is not None
    late = app.test_client()
    late.get(path)
    assert choose(late, "Harbour#13").location == "/forgot/"
    assert log_in(app.test_client()).status_code == 400
    assert log_in(app.test_client(), password=NEW).status_code == 302


@pytest.mark.db
def test_a_code_gives_a_new_password_even_while_locked(app):
    client, mobile = app.test_client(), person(app, "enterprise").mobile
    for _n in range(5):
        log_in(client, password="Wrong#123")
    begin_reset(client, mobile)
    assert client.post("/forgot/code/").status_code == 200
    code = last_message(app, "account.code", "sms").context["code"]
    wrong = {"way": "sms", "code": "12x456"}
    assert client.post("/forgot/verify/", data=wrong).status_code == 400
    answer = client.post("/forgot/verify/", data={"way": "sms", "code": code})
    assert answer.location == "/forgot/new/"
    assert choose(client).location == "/login/"
    assert log_in(client, password=NEW).status_code == 302


@pytest.mark.db
def test_a_link_dies_of_a_newer_one_of_a_new_password_and_of_age(rows, app):
    me = person(app, "enterprise").id

    def issue():
        return rows(lambda r: codes.issue_token(r, "reset", me, NOW, 30))

    def redeem(token, at=NOW):
        return rows(lambda r: codes.redeem_token(r, "reset", token, at))

    older, newer = issue(), issue()
    assert redeem(older) is None
    assert redeem(newer, NOW + timedelta(minutes=30)) is None
    assert redeem(newer) == me
    assert redeem(newer) is None
    before = issue()
    rows(lambda r: passwords.set_password(r, me, NEW, NOW))
    assert redeem(before) is None
    stored = rows(lambda r: r.execute(select(OneTimeToken.__table__)).all())
    assert all(before not in str(row) for row in stored)


@pytest.mark.db
def test_fifty_uses_of_a_link_at_once_change_one_password(app, rows):
    me = person(app, "enterprise").id
    token = rows(lambda r: codes.issue_token(r, "reset", me, clock.now(), 30))

    def use(number: int) -> bool:
        with app.app_context(), system_session() as session:
            password = f"Harbour#{number:03}"
            done = logins.reset_password(session, token, password, clock.now())
            session.commit()
            return done is not None

    with ThreadPoolExecutor(10) as pool:
        won = [number for number, done in enumerate(pool.map(use, range(50))) if done]
    assert len(won) == 1
    assert rows(lambda r: len(r.execute(select(PasswordHistory.__table__)).all())) == 1
    assert log_in(app.test_client(), password=f"Harbour#{won[0]:03}").status_code == 302


@pytest.mark.db
def test_an_unknown_account_goes_through_the_same_pages(app):
    pages = {}
    for name in ("enterprise", "nobody_here"):
        client = app.test_client()
        begin_reset(client, name)
        answers = [
            client.get("/forgot/verify/"),
            client.post("/forgot/code/"),
            client.post("/forgot/verify/", data={"way": "mail"}),
            client.post("/forgot/verify/", data={"way": "sms", "code": "123456"}),
        ]
        pages[name] = [(answer.status_code, same(answer.text, name)) for answer in answers]
    assert pages["enterprise"] == pages["nobody_here"]


@pytest.mark.db
def test_what_a_number_spent_at_the_login_tells_nothing_at_a_reset(app):
    """The same quota counts, whether the number has an account or not."""
    said = {}
    for number in (person(app, "enterprise").mobile, "12099998888"):
        ask_code(app.test_client(), number)
        client = app.test_client()
        begin_reset(client, number)
        said[number] = [client.post("/forgot/code/").status_code for _n in range(2)]
    known, unknown = said.values()
    assert known == unknown == [429, 429]


@pytest.mark.db
def test_the_longest_names_and_addresses_are_answered_as_well(app, rows):
    client, mailbox = app.test_client(), f"{'a' * 108}@example.com"
    begin_reset(client, "名" * 128)
    assert client.post("/forgot/code/").status_code == 200
    assert client.post("/forgot/verify/", data={"way": "mail"}).status_code == 200
    typed = {"way": "sms", "code": "123456"}
    assert client.post("/forgot/verify/", data=typed).status_code == 400
    assert log_in(client, "名" * 128, "Wrong#123").status_code == 400
    rows(lambda r: r.execute(
        update(Person.__table__).where(Person.username == "enterprise").values(email=mailbox)
    ))  # fmt: skip
    log_in(client)
    assert client.post("/account/mobile/code/?way=mail").status_code == 200
    assert last_message(app, "account.code", "email").address == mailbox


# --- passwords --------------------------------------------------------------------------------


def change(client, old=PASSWORD, new=NEW, again=None):
    typed = {"old_password": old, "password": new, "password_again": again or new}
    return client.post("/account/password/", data=typed)


@pytest.mark.db
def test_a_changed_password_ends_the_other_logins(app, sign_in):
    mine, other = sign_in("enterprise"), sign_in("enterprise")
    assert change(mine).status_code == 302
    assert is_in(mine)
    assert not is_in(other)
    assert log_in(app.test_client()).status_code == 400
    assert log_in(app.test_client(), password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("Wrong#123", NEW, NEW, "当前密码有误"),
        (PASSWORD, "short1A", None, "密码长度"),
        (PASSWORD, NEW, "Harbour#13", "两次输入的密码不一致"),
        (PASSWORD, "xEnterprise#1", None, "密码不能包含用户名或手机号码"),
        (PASSWORD, "Admin@123", None, "容易被猜到"),
        (PASSWORD, PASSWORD, None, "近期使用过"),
    ],
)
def test_a_faulty_new_password_is_refused_with_a_reason(sign_in, old, new, again, said):
    client = sign_in("enterprise")
    answer = change(client, old, new, again)
    assert answer.status_code == 400
    assert said in answer.text
    assert is_in(client)


@pytest.mark.db
def test_the_last_five_passwords_are_not_chosen_again(app, rows):
    me, rule = person(app, "enterprise").id, app.extensions["profile"].password
    chosen = [f"Harbour#{n:02}" for n in range(6)]
    for password in chosen:
        rows(lambda r, p=password: passwords.set_password(r, me, p, NOW))

    def refused(password):
        return bool(rows(lambda r: str(passwords.problem(r, rule, me, password))))

    with app.app_context(), app.test_request_context():
        assert all(refused(password) for password in chosen)
        assert not refused(PASSWORD)  # the seventh back


def test_common_passwords_keep_the_rule_and_are_refused(app):
    rule = app.extensions["profile"].password
    assert len(passwords.common()) == 200
    with app.test_request_context(), system_session() as session:
        rows = session.connection()
        listed = passwords.COMMON.read_text(encoding="utf-8").split()
        said = {str(passwords.problem(rows, rule, None, password)) for password in listed}
        assert len(said) == 1
        assert passwords.problem(rows, rule, None, "Harbour#12") == ""


@pytest.mark.db
@pytest.mark.parametrize("why", ["given by somebody else", "too old"])
def test_a_password_to_be_changed_comes_before_everything(sign_in, rows, why):
    name = "operator"
    values = (
        {"must_change_password": True}
        if why == "given by somebody else"
        else {"password_set_at": clock.now() - timedelta(days=91)}
    )
    rows(lambda r: r.execute(
        update(Person.__table__).where(Person.username == name).values(values)
    ))  # fmt: skip
    rows(passwords.person_changed)
    client = sign_in(name)
    for path in ("/workbench/", "/organizations/list/", "/account/", "/"):
        assert client.get(path).location == "/account/password/"
    assert client.post("/files/").location == "/account/password/"
    assert client.get("/account/password/").status_code == 200
    assert change(client).location == "/"
    assert client.get("/workbench/").status_code == 200


def test_the_age_of_a_password_matters_for_staff_alone(sign_in, rows):
    old = {"password_set_at": clock.now() - timedelta(days=91)}
    rows(lambda r: r.execute(update(Person.__table__).values(old)))
    rows(passwords.person_changed)
    assert is_in(sign_in("enterprise"))
    assert not is_in(sign_in("operator"))


# --- the bound phone --------------------------------------------------------------------------


@pytest.mark.db
def test_another_phone_is_bound_and_the_old_one_told(app, sign_in):
    client, other = sign_in("enterprise"), sign_in("enterprise")
    old = person(app, "enterprise").mobile
    assert client.get("/account/mobile/new/").location == "/account/mobile/"
    assert client.post("/account/mobile/code/").status_code == 200
    code = last_message(app, "account.code", "sms").context["code"]
    wrong = {"way": "phone", "code": "12x456"}
    assert client.post("/account/mobile/", data=wrong).status_code == 400
    answer = client.post("/account/mobile/", data={"way": "phone", "code": code})
    assert answer.location == "/account/mobile/new/"

    for number in (old, "22"):
        answer = client.post("/account/mobile/new/code/", data={"new_mobile": number})
        assert (answer.status_code, answer.json["field"]) == (400, "new_mobile")
    new = {"new_mobile": "12033334444"}
    assert client.post("/account/mobile/new/code/", data=new).status_code == 200
    code = last_message(app, "account.code", "sms").context["code"]
    answer = client.post("/account/mobile/new/", data=new | {"code": code})
    assert answer.location == "/account/"
    assert person(app, "enterprise").mobile == "12033334444"
    assert is_in(client)
    assert not is_in(other)
    told = last_message(app, "account.phone_changed", "sms")
    assert told.address == old
    again = client.post(
        "/account/mobile/new/", data={"new_mobile": "12033335555", "code": TEST_CODE}
    )
    assert again.location == "/account/mobile/"


@pytest.mark.db
def test_whose_a_new_number_is_already_learns_only_who_reads_its_messages(app, sign_in, clocked):
    clocked(NOW)
    client, taken = sign_in("enterprise"), {"new_mobile": person(app, "institution").mobile}
    unproved = client.post("/account/mobile/new/code/", data=taken)
    assert (unproved.status_code, "请重新验证身份" in unproved.json["error"]) == (400, True)
    client.post("/account/mobile/", data={"way": "phone", "code": TEST_CODE})
    free = {"new_mobile": "12033334444"}
    answers = [client.post("/account/mobile/new/code/", data=typed) for typed in (taken, free)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert last_message(app, "account.code", "sms").address == free["new_mobile"]
    again = [client.post("/account/mobile/new/code/", data=typed) for typed in (taken, free)]
    assert [answer.status_code for answer in again] == [429, 429]
    guessed = client.post("/account/mobile/new/", data=taken | {"code": "12x456"})
    assert (guessed.status_code, "已绑定账号" in guessed.text) == (400, False)
    proved = client.post("/account/mobile/new/", data=taken | {"code": TEST_CODE})
    assert (proved.status_code, "已绑定账号" in proved.text) == (400, True)


@pytest.mark.usefixtures("with_email")
def test_password_and_a_mailed_code_prove_it_too(app, sign_in):
    client = sign_in("enterprise")
    assert client.post("/account/mobile/code/?way=mail").status_code == 200
    told = last_message(app, "account.code", "email")
    assert told.address == "clerk@example.com"
    typed = {"way": "mail", "old_password": "Wrong#123", "code": told.context["code"]}
    assert client.post("/account/mobile/", data=typed).status_code == 400
    typed["old_password"] = PASSWORD
    assert client.post("/account/mobile/", data=typed).location == "/account/mobile/new/"


def test_a_user_name_that_was_the_number_follows_it(app, rows):
    number = person(app, "visitor").mobile
    rows(lambda r: r.execute(
        update(Person.__table__).where(Person.username == "visitor").values(username=number)
    ))  # fmt: skip
    me = person(app, number).id
    with app.app_context(), system_session() as session:
        logins.change_mobile(session, me, "12033334444", NOW, "")
        session.commit()
    assert log_in(app.test_client(), number).status_code == 400
    assert log_in(app.test_client(), "12033334444").status_code == 302


# --- sessions ---------------------------------------------------------------------------------


@pytest.mark.db
def test_a_login_ends_when_idle_and_when_old(sign_in, clocked):
    clocked(NOW)
    idle, busy = sign_in("enterprise"), sign_in("enterprise")
    for minutes in range(0, 12 * 60, 20):
        clocked(NOW + timedelta(minutes=minutes))
        assert is_in(busy)
    assert not is_in(idle)
    clocked(NOW + timedelta(hours=12))
    assert not is_in(busy)
    answer = busy.get("/login/")
    assert "登录已失效" in answer.text


@pytest.mark.db
def test_a_login_is_seen_at_most_once_a_minute(sign_in, clocked, statements):
    clocked(NOW)
    client = sign_in("enterprise")
    written = []
    for second in range(0, 180, 5):
        clocked(NOW + timedelta(seconds=second))
        statements.clear()
        client.get("/account/devices/")
        written.append(any("SET last_seen_at" in statement for statement in statements))
    assert sum(written) == 2


@pytest.mark.db
def test_a_login_is_ended_from_elsewhere(sign_in):
    mine, other, third = (sign_in("enterprise") for _n in range(3))
    stranger = sign_in("visitor")
    page = mine.get("/account/devices/").text
    keys = [int(key) for key in re.findall(r"/account/devices/(\d+)/end/", page)]
    assert len(keys) == 2
    assert stranger.post(f"/account/devices/{keys[0]}/end/").status_code == 404
    assert mine.post(f"/account/devices/{keys[0]}/end/").status_code == 302
    assert [is_in(other), is_in(third)].count(False) == 1
    mine.post("/account/devices/end-others/")
    assert (is_in(mine), is_in(other), is_in(third)) == (True, False, False)


@pytest.mark.db
@pytest.mark.parametrize("how", ["logout", "off", "roles", "password"])
def test_an_ended_login_is_dead_at_the_server(app, sign_in, rows, how):
    client = sign_in("enterprise")
    cookie = client.get_cookie("qifu").value
    me = person(app, "enterprise").id
    if how == "logout":
        client.post("/logout/")
    elif how == "password":
        rows(lambda r: passwords.set_password(r, me, NEW, clock.now()))
    else:
        with app.app_context(), system_session() as session:
            row = session.get_one(Person, me)
            if how == "off":
                row.active = False
            else:
                row.roles = []
            session.commit()
    thief = app.test_client()
    thief.set_cookie("qifu", cookie)
    assert not is_in(thief)
    reasons = rows(lambda r: r.scalars(
        select(LoginSession.__table__.c.end_reason).where(LoginSession.user_id == me)
    ).all())  # fmt: skip
    assert reasons == [how]


def test_a_login_gets_a_new_token(app):
    client = app.test_client()
    client.get("/login/")
    log_in(client)
    first = client.get_cookie("qifu").value
    log_in(client)
    assert client.get_cookie("qifu").value != first


# --- one's own data ---------------------------------------------------------------------------


def test_another_mailbox_asks_for_the_password(app, sign_in):
    client = sign_in("enterprise")
    typed = {"real_name": "周启", "email": "new@example.com", "locale": "zh"}
    answer = client.post("/account/", data=typed)
    assert answer.status_code == 400
    assert 'value="new@example.com"' in answer.text
    assert client.post("/account/", data=typed | {"old_password": PASSWORD}).status_code == 302
    changed = person(app, "enterprise")
    assert (changed.last_name, changed.email) == ("周启", "new@example.com")
    assert (
        client.post("/account/", data=typed | {"real_name": "周远", "locale": "en"}).status_code
        == 302
    )
    assert "Personal data" in client.get("/account/").text


@pytest.mark.db
@pytest.mark.usefixtures("with_email")
def test_a_former_mailbox_is_told_and_its_link_opens_nothing(app, sign_in):
    thief, client = app.test_client(), sign_in("enterprise")
    begin_reset(thief, "enterprise")
    thief.post("/forgot/verify/", data={"way": "mail"})
    thief.get(mailed_path(app))
    assert thief.get("/forgot/new/").status_code == 200
    typed = {"real_name": "周启", "email": "new@example.com", "locale": "zh"}
    assert client.post("/account/", data=typed | {"old_password": PASSWORD}).status_code == 302
    assert thief.get("/forgot/new/").location == "/forgot/"
    told = [last_message(app, "account.email_changed", channel) for channel in ("email", "inapp")]
    assert told[0].address == "clerk@example.com"
    assert told[1].user_id == person(app, "enterprise").id
    client.post("/account/", data=typed | {"real_name": "周远"})
    assert last_message(app, "account.email_changed", "inapp").id == told[1].id


# --- too often --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/captcha/"), ("GET", "/captcha/slider/"), ("GET", "/register/companies/?q=x"),
        ("POST", "/login/"), ("POST", "/register/"), ("POST", "/forgot/"),
        ("POST", "/market/products/1/seen/"), ("GET", "/invitations/x/"),
    ],
)  # fmt: skip
def test_what_comes_too_often_is_refused_with_a_reason(app, rows, clocked, method, path):
    clocked(NOW)
    client = app.test_client()
    allowed = app.extensions["profile"].login.requests_per_minute
    client.open(path, method=method)
    key = rows(lambda r: r.scalar(select(Throttle.__table__.c.key).where(
        Throttle.key.like("request:%"))))  # fmt: skip
    rows(lambda r: limits.exhaust(r, key, allowed, NOW))
    answer = client.open(path, method=method)
    assert answer.status_code == 429
    assert "请求过于频繁" in answer.text
    assert int(answer.headers["Retry-After"]) == 60
    clocked(NOW + timedelta(minutes=1))
    assert client.open(path, method=method).status_code != 429


def test_secrets_are_stored_hashed(app, rows):
    ask_code(app.test_client(), person(app, "enterprise").mobile)
    code = last_message(app, "account.code", "sms").context["code"]
    kept = rows(lambda r: r.execute(select(VerificationCode.__table__)).all())
    assert all(code not in str(row.code_hash) for row in kept)
