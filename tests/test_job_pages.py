"""Scheduled jobs (定时任务) as administrators see them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect
from sqlalchemy import delete, select

from app import jobs
from app.extensions import system_session
from app.jobs import board, engine, timetable
from app.models import AuditEntry, JobRun, Message, ScheduledJob
from app.services.demo import PASSWORD
from app.views.jobs import plan
from tests import browser as chrome
from tests.conftest import TEST_CODE
from tests.services import require

NAME = "todo.remind"


@pytest.fixture
def app(app):
    """The application before any run, with a scheduler that has just beaten."""
    with app.app_context(), system_session() as session:
        session.execute(delete(JobRun))
        session.commit()
    jobs.run_job(app, jobs.heartbeat.NAME)
    return app


@pytest.fixture
def failing(app):
    """A job that fails with something that looks like markup."""

    def fail(*_):
        raise RuntimeError("<b>disk</b> full")

    timetable.job("test.fails", "Fails", timedelta(days=1), summary="Fails", hour=0)(fail)
    jobs.sync(app)
    yield "test.fails"
    del jobs.registry["test.fails"]


def key_of(app, name=NAME):
    with app.app_context(), system_session() as session:
        return session.scalar(select(ScheduledJob.id).where(ScheduledJob.name == name))


def press(client, verb, key):
    answer = client.post(f"/jobs/{verb}/{key}/", follow_redirects=True)
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html.parser").get_text(" ", strip=True)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"second": "*/10"}, "每10秒"),
        ({"second": "5/10"}, "每10秒"),
        ({"second": "0"}, "每分钟"),
        ({"minute": "*/10", "second": "20"}, "每10分钟"),
        ({"minute": "0"}, "每小时整点"),
        ({"minute": "5"}, "每小时第5分"),
        ({"hour": "9", "minute": "10"}, "每天 09:10"),
        ({"hour": "3", "day_of_week": "mon"}, "每周一 03:00"),
        ({"hour": "4", "day": "1"}, "每月1日 04:00"),
        ({"hour": "9-17", "minute": "0"}, "hour=9-17 minute=0"),
    ],
)
def test_a_plan_is_put_into_words(app, when, words):
    with app.test_request_context("/", headers={"Accept-Language": "zh"}):
        assert plan(when) == words


def test_every_plan_of_the_timetable_has_words(app):
    with app.test_request_context("/"):
        for job in jobs.registry.values():
            assert "=" not in plan(board.plan(job)), job.name


@pytest.mark.db
def test_what_is_asked_for_is_run_shown_and_noted(app, sign_in):
    client, key = sign_in("sysadmin"), key_of(app)
    assert "任务将在几秒内开始运行" in press(client, "run", key)
    assert "等待运行" in press(client, "run", key)  # refused: one waits already
    assert "试运行将在几秒内开始" in press(client, "trial", key)
    page = client.get(f"/jobs/show/{key}/").text
    assert 'data-live="open"' in page
    engine.pick_up(app)
    page = client.get(f"/jobs/show/{key}/").text
    assert 'data-live="quiet"' in page
    assert page.count("成功") >= 3
    assert "任务已暂停" in press(client, "pause", key)
    assert "已暂停" in client.get("/jobs/list/").text
    assert "任务已恢复" in press(client, "resume", key)
    with app.app_context(), system_session() as session:
        noted = session.scalars(
            select(AuditEntry).where(AuditEntry.kind == "scheduled_job").order_by(AuditEntry.id)
        ).all()
        assert [entry.action for entry in noted] == [
            "job_run", "job_run", "job_pause", "job_resume",
        ]  # fmt: skip
        assert [entry.detail["dry_run"] for entry in noted[:2]] == [False, True]
        assert {entry.detail["job"] for entry in noted} == {NAME}


def test_the_operator_reads_and_changes_nothing(app, sign_in):
    client, key = sign_in("operator"), key_of(app)
    page = client.get(f"/jobs/show/{key}/")
    assert page.status_code == 200
    assert "立即运行" not in page.text
    for verb in ("run", "trial", "pause", "resume"):
        assert client.post(f"/jobs/{verb}/{key}/").status_code == 403


def test_a_page_says_when_nobody_would_carry_a_job_out(app, sign_in):
    client = sign_in("sysadmin")
    assert "调度程序未在运行" not in client.get("/jobs/list/").text
    with app.app_context(), system_session() as session:
        for run in session.scalars(select(JobRun)):
            run.started_at = datetime.now(UTC) - timedelta(minutes=6)
        session.commit()
    for address in ("/jobs/list/", f"/jobs/show/{key_of(app)}/"):
        assert "调度程序未在运行" in client.get(address).text


@pytest.mark.db
def test_a_failure_is_shown_as_text_and_told_to_the_administrator(app, sign_in, failing):
    client, key = sign_in("sysadmin"), key_of(app, failing)
    press(client, "run", key)
    engine.pick_up(app)
    page = client.get(f"/jobs/show/{key}/").text
    assert "RuntimeError: &lt;b&gt;disk&lt;/b&gt; full" in page
    assert "失败" in page
    with app.app_context(), system_session() as session:
        told = select(Message.channel).where(Message.occasion == "job.failed")
        assert "inapp" in session.scalars(told).all()


def test_workers_and_the_heartbeat_lack_the_buttons_that_do_not_fit(app, sign_in):
    client = sign_in("sysadmin")
    worker = client.get(f"/jobs/show/{key_of(app, 'outbox.send')}/").text
    assert "此任务不支持试运行" in worker
    assert "/jobs/trial/" not in worker
    beat = key_of(app, jobs.heartbeat.NAME)
    assert "/jobs/pause/" not in client.get(f"/jobs/show/{beat}/").text
    assert "此任务不能暂停" in press(client, "pause", beat)


# --- in the browser ------------------------------------------------------------------------------


@pytest.mark.db
@pytest.mark.browser
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_an_administrator_runs_tries_pauses_and_resumes_a_job(app):
    require("chromium")
    ended = threading.Event()

    def scheduler():
        while not ended.wait(1):
            engine.pick_up(app)

    with chrome.served(app) as server, chrome.chromium() as browser:
        page = chrome.new_page(browser, server.url)
        chrome.enter(page, "sysadmin", PASSWORD, TEST_CODE)
        page.get_by_role("link", name="定时任务").first.click()
        page.get_by_role("link", name="待办提醒", exact=True).click()
        runs = page.get_by_role("region", name="最近运行").get_by_role("row")
        page.get_by_role("button", name="立即运行").click()
        expect(runs.nth(1)).to_contain_text("等待运行")
        working = threading.Thread(target=scheduler)
        working.start()
        try:
            expect(runs.nth(1)).to_contain_text("成功")  # without a reload
            page.get_by_role("button", name="试运行").click()
            expect(runs.nth(1)).to_contain_text("试运行")
            expect(runs.nth(1)).to_contain_text("成功")
            expect(runs.filter(has_text="试运行")).to_have_count(1)
        finally:
            ended.set()
            working.join()
        page.get_by_role("button", name="暂停").click()
        expect(page.get_by_role("button", name="恢复")).to_be_visible()
        page.get_by_role("button", name="恢复").click()
        expect(page.get_by_text("任务已恢复，将按计划运行。")).to_be_visible()
        for size in (chrome.WIDE, chrome.NARROW):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            for address in ("/jobs/list/", f"/jobs/show/{key_of(app)}/"):
                page.goto(address)
                chrome.settle(page)
                assert chrome.overhang(page) == 0
    assert server.faults == []
