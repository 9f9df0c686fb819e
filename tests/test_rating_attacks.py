"""Ratings under attack: given for others, twice at once, after the end, with markup in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.jobs import run_job
from app.models import LifeEvent, Rating, RatingScore
from tests.test_certification import of
from tests.test_trade import OF_BUYER, STARS, filed, points, rating_of

pytestmark = pytest.mark.db

MARKUP = '<script>alert(1)</script><img src=x onerror="alert(2)">{{7*7}}'
SAFE = "&lt;script&gt;alert(1)&lt;/script&gt;"
AT_ONCE = 8


def at_once(clients: list[Any], path: str, forms: list[dict[str, str]]) -> list[int]:
    """Send a form from every browser at the same moment; what each was answered."""
    start = Barrier(len(clients))

    def send(client: Any, form: dict[str, str]) -> int:
        start.wait()
        return int(client.post(path, data=form).status_code)

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(send, clients, forms))


def shown(app: Any, buyer: Any, key: int) -> Rating:
    """The buyer's rating of a transaction, read by both sides."""
    theirs = rating_of(app, key, "buyer_to_provider")
    said = STARS | {"text": MARKUP}
    assert buyer.post(f"/ratings/rate/{theirs.id}/", data=said).status_code == 302
    run_job(app, "rating.invite", clock.now() + timedelta(days=15))
    return rating_of(app, key, "buyer_to_provider")


def moves(app: Any, rating: Rating, action: str) -> int:
    """How often a rating took a step."""
    mine = LifeEvent.kind == "rating", LifeEvent.subject_id == rating.id
    count = select(func.count()).select_from(LifeEvent).where(*mine, LifeEvent.action == action)
    return int(of(app, count))


def test_one_rating_and_one_reply_come_of_many_at_once(app, sign_in):
    house, operator = sign_in("institution"), sign_in("operator")
    key = filed(app, house, operator)
    theirs = rating_of(app, key, "buyer_to_provider")
    buyers = [sign_in("enterprise") for _n in range(AT_ONCE)]
    forms = [STARS | {"text": f"评价{n}"} for n in range(AT_ONCE)]
    answers = at_once(buyers, f"/ratings/rate/{theirs.id}/", forms)
    assert set(answers) <= {302, 400, 409}, answers
    assert moves(app, theirs, "rate") == 1
    count = select(func.count()).select_from(RatingScore).where(RatingScore.rating_id == theirs.id)
    assert of(app, count) == len(STARS)

    run_job(app, "rating.invite", clock.now() + timedelta(days=15))
    houses = [sign_in("institution") for _n in range(AT_ONCE)]
    replies = [{"text": f"回复{n}"} for n in range(AT_ONCE)]
    answers = at_once(houses, f"/ratings/reply/{theirs.id}/", replies)
    assert answers.count(302) == 1, answers
    kept = rating_of(app, key, "buyer_to_provider").reply
    assert kept == replies[answers.index(302)]["text"]
    assert points(app, "rating", theirs.id) == 300


def test_nobody_rates_replies_or_hides_for_somebody_else(app, sign_in):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    ours = rating_of(app, key, "provider_to_buyer").id
    theirs = rating_of(app, key, "buyer_to_provider").id
    forms = {"rate": STARS | OF_BUYER, "reply": {"text": "代为回复"},
             "remark": {"text": "代为追加"}, "hide": {"reason": "ad", "note": "无"}}  # fmt: skip

    def refused(names: tuple[str | None, ...], verbs: tuple[str, ...], *ratings: int) -> None:
        for name in names:
            client = sign_in(name)
            for verb in verbs:
                for rating in ratings:
                    answer = client.post(f"/ratings/{verb}/{rating}/", data=forms[verb])
                    is_out = "/login/" in (answer.location or "")
                    assert answer.status_code in {403, 404} or is_out, (name, verb, answer.location)

    strangers = ("institution2", "newcomer", "visitor", "auditor", None)
    refused(strangers, tuple(forms), ours, theirs)
    refused(("institution",), ("rate", "remark", "hide"), theirs)
    refused(("enterprise",), ("rate", "remark", "hide"), ours)
    refused(("operator",), ("rate", "reply", "remark"), ours, theirs)
    assert {rating_of(app, key, d).state for d in ("buyer_to_provider", "provider_to_buyer")} == {
        "waiting"
    }

    shown(app, buyer, key)
    refused(strangers, tuple(forms), theirs)
    refused(("enterprise",), ("reply", "hide"), theirs)  # nobody answers himself
    kept = rating_of(app, key, "buyer_to_provider")
    assert (kept.reply, kept.remark, kept.state) == (None, None, "shown")


def test_what_was_published_is_not_edited_and_what_was_voided_not_rated(app, sign_in):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    rating = shown(app, buyer, key)
    low = dict.fromkeys(STARS, "1") | {"text": "改成差评。", "state": "waiting", "score": "100"}
    assert buyer.post(f"/ratings/rate/{rating.id}/", data=low).location.endswith(f"{rating.id}/")
    for verb in ("edit", "delete"):
        for client in (buyer, house, operator):
            assert client.post(f"/ratings/{verb}/{rating.id}/", data=low).status_code == 404
    kept = rating_of(app, key, "buyer_to_provider")
    assert (kept.score, kept.text, kept.version) == (rating.score, rating.text, rating.version)

    late = {"text": "很久以后"}
    assert house.post(f"/ratings/reply/{rating.id}/", data={"text": " \u200b "}).status_code == 400
    done = operator.post(f"/filings/void/{key}/", data={"reason": "合同系伪造。"})
    assert done.status_code == 302
    for client, verb in ((house, "reply"), (buyer, "remark")):
        answer = client.post(f"/ratings/{verb}/{rating.id}/", data=late)
        assert answer.status_code in {400, 404}, verb
    waiting = rating_of(app, key, "provider_to_buyer")
    assert waiting.state == "closed"
    house.post(f"/ratings/rate/{waiting.id}/", data=OF_BUYER)
    after = [rating_of(app, key, d) for d in ("buyer_to_provider", "provider_to_buyer")]
    assert [row.state for row in after] == ["closed", "closed"]
    assert (after[0].reply, after[0].remark, after[1].score) == (None, None, None)
    assert points(app, "rating", rating.id) == 0


def test_markup_in_a_comment_is_text_wherever_it_is_read(app, sign_in, actor_of):
    house, operator, buyer = (sign_in(n) for n in ("institution", "operator", "enterprise"))
    key = filed(app, house, operator)
    rating = shown(app, buyer, key)
    reply = {"text": MARKUP}
    assert house.post(f"/ratings/reply/{rating.id}/", data=reply).status_code == 302
    assert buyer.post(f"/ratings/remark/{rating.id}/", data=reply).status_code == 302
    house_id = actor_of("institution").organization_id
    for client, path in (
        (buyer, f"/ratings/show/{rating.id}/"),
        (house, "/ratings/received/list/"),
        (operator, "/ratings/list/"),
        (sign_in(None), f"/institutions/{house_id}/"),
    ):
        page = client.get(path).text
        assert SAFE in page, path
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert ">49<" not in page
