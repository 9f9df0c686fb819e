"""What reviewers are told to look at: words, numbers, prices, names, files (forms.md 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, insert, select

from app import clock
from app.extensions import system_session
from app.models import Consultant, FlowCase, Product, ProductReview
from app.services import comparing, wording
from tests import test_products as products, test_trade as trade
from tests.test_certification import number_in, of, uploaded
from tests.test_consultants import MOBILE, added, decides, invited, opened, sent as profile_sent

LABEL = "字段"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("我们是国家级团队", ["我们是国家级团队"]),
        ("行业第 一，服务最　优", ["行业第 一,服务最 优", "第 一,服务最 优"]),
        ("最长三天，最后一步", []),
        ("", []),
    ],
)
def test_forbidden_words_are_found_however_they_are_spaced(text, shown):
    found = wording.praise([(LABEL, text)], ["国家级", "第一", "最优"])
    assert list(found) == shown
    assert wording.praise([(LABEL, text)], []) == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("请致电12000000170咨询", 1),
        ("手机 138-0000-0000 或 0451 82345678", 2),
        ("热线４００－８００－１２３４", 1),
        ("10000-500000元，2026-01-01至2026-12-31", 0),
        ("处理 3000000 条数据，信用代码91990101MA0Q018881", 0),
    ],
)
def test_phone_numbers_are_found_within_a_text_and_amounts_are_none(text, count):
    assert len(wording.phones([(LABEL, text)])) == count


def test_names_are_alike_by_the_pairs_of_characters_that_they_share():
    assert wording.likeness("轻量化MES生产管控系统", "轻量化 mes 生产管控系统") == 1
    assert wording.likeness("轻量化MES生产管控系统", "轻量化MES生产管控平台") > 0.8
    assert wording.likeness("轻量化MES生产管控系统", "设备联网与数据采集套件") < 0.2
    assert wording.likeness("", "") == 0


def remarks_on(client: Any, number: str) -> str:
    """What the checks of a case say to whoever reviews it."""
    answer = client.get(f"/cases/{number}/")
    assert answer.status_code == 200
    page = BeautifulSoup(answer.text, "html.parser")
    return "\n".join(line.get_text(" ", strip=True) for line in page.select(".checks li"))


def case_of(app: Any, flow: str, subject_id: int) -> str:
    mine = FlowCase.flow == flow, FlowCase.subject_id == subject_id
    return str(of(app, select(FlowCase.number).where(*mine)))


def reviewed(app: Any, client: Any, **changes: Any) -> str:
    """Send a special product for review; the number of its case."""
    form = products.SPECIAL | {
        "cover": products.uploaded(client), "valid_until": products.next_year()
    }  # fmt: skip
    products.sent(client, "/product_reviews/add/", **(form | changes))
    return case_of(app, "product_review", of(app, select(func.max(ProductReview.id))))


@pytest.mark.db
def test_the_reviewer_of_a_product_sees_words_numbers_and_names(app, sign_in):
    staff, house = sign_in("operator"), sign_in("institution2")
    plain = remarks_on(staff, reviewed(app, house))
    assert plain == "通过 形式检查全部通过。"
    said = remarks_on(staff, reviewed(
        app, house, name="轻量化 MES 生产管控平台", slogan="国家级专家，上线最快",
        content=products.CONTENT + "<p>咨询请拨打 120-0000-0170。</p>",
        **{"highlights-0-content": "行业第一"},
    ))  # fmt: skip
    assert "一句话介绍" in said
    assert "国家级专家" in said
    assert "行业第一" in said
    assert "120-0000-0170" in said
    assert "望澜青砺数智科技有限公司" in said
    assert "轻量化MES生产管控系统" in said


@pytest.mark.db
def test_a_price_is_compared_with_those_of_its_category_and_unit(app, sign_in, actor_of):
    place = actor_of("institution").organization_id
    with app.app_context(), system_session() as session:
        rows, table = session.connection(), Product.__table__
        listed = table.c.state == "listed", table.c.kind == "special"
        like = dict(rows.execute(select(table).where(*listed).limit(1)).mappings().one())
        del like["id"]
        for number in range(11):
            price = 100_000 * (number + 1)
            values = {"name": f"体检{number}", "name_key": f"体检{number}", "category": "gl04"}
            values |= {"price_mode": "fixed", "price_from": price, "price_to": None, "unit": "time"}
            values |= {"organization_id": place, "price_order": price}
            rows.execute(insert(table).values(**like | values))
        session.commit()
        rows = session.connection()
        review = ProductReview(name="x", category="gl04", unit="time", product_id=None)
        assert comparing.usual_prices(rows, review, (10, 90), 10) == (200_000, 1_000_000)
        assert comparing.usual_prices(rows, review, (10, 90), 12) is None
        review.unit = "year"
        assert comparing.usual_prices(rows, review, (10, 90), 10) is None
    staff, house = sign_in("operator"), sign_in("institution2")
    for name, price, is_told in (
        ("甲", "1999", True),
        ("乙", "2000", False),
        ("丙", "10001", True),
    ):
        said = remarks_on(staff, reviewed(app, house, name=f"用电{name}", price_from=price))
        assert ("2,000.00" in said) is is_told, said


@pytest.mark.db
def test_the_reviewer_of_a_transaction_sees_what_it_repeats_and_what_is_unusual(app, sign_in):
    house, staff = sign_in("institution"), sign_in("operator")
    contract, day = uploaded(house, "document"), clock.local_day(clock.now())

    def sent(number: int, **changes: Any) -> str:
        typed = {
            "service_name": f"联网改造{number}",
            "signed_on": str(day - timedelta(days=number)),
        }
        values = trade.filing(app, house, **(typed | changes))
        return number_in(house.post("/filings/add/", data=values))

    first = sent(1, contract_no="HT-2026-001", contract_files=contract, amount="1000")
    assert "HT" not in remarks_on(staff, first)
    for number in range(2, 7):
        done = sent(number, amount="1000")
        assert trade.decided(app, staff, done, "approve").status_code == 302
    again = sent(7, contract_no="HT-2026-001", amount="900000",
                 contract_files=uploaded(house, "document"))  # fmt: skip
    said = remarks_on(staff, again)
    assert said.count(first) == 2, said  # the same number, and the same file once more
    assert "10 倍" in said
    other = sign_in("institution2")
    values = trade.filing(app, other, contract_no="HT-2026-001", amount="1000")
    said = remarks_on(staff, number_in(other.post("/filings/add/", data=values)))
    assert said.count(first) == 2, said  # another institution, the same buyer


@pytest.mark.db
def test_the_reviewer_of_a_consultant_sees_where_else_he_is_invited(app, sign_in):
    house, other, staff = sign_in("institution"), sign_in("institution2"), sign_in("operator")
    link = invited(app, house)
    assert added(other, specialities="fl01").status_code == 302
    key = of(app, select(func.max(Consultant.id)))
    assert other.post(f"/consultants/invite/{key}/").status_code == 302
    person = app.test_client()
    assert opened(person, link).status_code == 302
    number = profile_sent(person)
    said = remarks_on(staff, number)
    assert "望澜澄法律师事务所" in said
    assert MOBILE not in said
    assert decides(app, staff, number).status_code == 302
