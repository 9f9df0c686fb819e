"""Announcements: of a kind, with a summary; staff write them, everybody reads them by kind."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.choices import ANNOUNCEMENT_KINDS
from app.extensions import system_session
from app.models import Announcement
from tests.test_certification import of

pytestmark = pytest.mark.db

NEW = {
    "kind": "policy", "title": "稳岗补贴申领口径", "summary": "谁能领、领多少。",
    "body": "<p>按季度申领。</p>", "publish_at": "2026-01-05T09:00",
}  # fmt: skip


def titles(client, path: str) -> list[str]:
    page = client.get(path)
    assert page.status_code == 200
    return re.findall(r'href="/news/\d+/"\s+title="([^"]+)"', page.text)


def test_an_announcement_is_found_under_its_kind_and_shows_its_summary(app, sign_in):
    staff, reader = sign_in("operator"), sign_in(None)
    typed = staff.post("/announcements/add/", data=NEW | {"kind": "poem"})
    assert typed.status_code == 400
    assert "请从列表中选择" in typed.text
    assert staff.post("/announcements/add/", data=NEW).status_code == 302
    key = of(app, select(Announcement.id).where(Announcement.title == NEW["title"]))
    assert NEW["title"] in staff.get("/announcements/list/?kind=policy").text
    assert NEW["title"] not in staff.get("/announcements/list/?kind=news").text

    every = titles(reader, "/news/")
    by_kind = [titles(reader, f"/news/?kind={kind}") for kind in ANNOUNCEMENT_KINDS.codes()]
    assert sorted(every) == sorted(title for some in by_kind for title in some)
    assert all(by_kind)
    assert NEW["title"] in titles(reader, "/news/?kind=policy")
    assert titles(reader, "/news/?kind=poem") == every
    assert NEW["summary"] in reader.get("/news/").text
    shown = reader.get(f"/news/{key}/").text
    assert "政策动态" in shown
    assert NEW["summary"] in shown

    newest = NEW | {
        "title": "稳岗补贴开始申领",
        "publish_at": f"{clock.local_day(clock.now())}T00:00",
    }
    assert staff.post("/announcements/add/", data=newest).status_code == 302
    home = reader.get("/").text
    assert newest["title"] in home
    assert NEW["summary"] in home


def test_no_other_kind_is_stored(app):
    with app.app_context(), system_session() as session:
        session.scalars(select(Announcement).limit(1)).one().kind = "poem"
        with pytest.raises(IntegrityError):
            session.commit()
