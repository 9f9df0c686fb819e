"""Institutions list standard products, have special ones reviewed, and buyers find them."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select, update

from app import clock
from app.extensions import system_session
from app.jobs import run_job
from app.models import (
    Attachment,
    FlowCase,
    FlowTask,
    JobMark,
    LifeEvent,
    Message,
    Product,
    ProductConsultant,
    ProductReview,
    ScoreEntry,
    StandardProduct,
)
from app.services import products, richtext, scores

pytestmark = pytest.mark.db

CONTENT = (
    "<p>为中小制造企业提供现场诊断、方案设计与上线辅导，服务团队驻厂两周，交付后回访三个月。</p>"
    "<p>实施前签订书面协议，写明范围与验收标准。</p>"
)
SPECIAL: dict[str, Any] = {
    "name": "车间能耗体检",
    "category": "gl04",
    "slogan": "两天找出浪费的电",
    "targets": ["small", "micro"],
    "content": CONTENT,
    "deliverables": "体检报告与节能清单",
    "price_mode": "fixed",
    "price_from": "4800.50",
    "unit": "time",
    "cycle_days": "5",
    "statement": "1",
    "highlights-0-name": "快",
    "highlights-0-content": "两天出结果",
}


# --- tools --------------------------------------------------------------------------------


def uploaded(client: Any, rule: str = "cover", size: tuple[int, int] = (960, 720)) -> str:
    stream = BytesIO()
    Image.new("RGB", size, "#3366aa").save(stream, "PNG")
    stream.seek(0)
    data = {"rule": rule, "file": (stream, "图.png")}
    answer = client.post("/files/", data=data, content_type="multipart/form-data")
    assert answer.status_code in {200, 201}, answer.get_data(as_text=True)
    return str(answer.json["id"])


def of(app: Any, query: Any) -> Any:
    with app.app_context(), system_session() as session:
        return session.scalars(query).first()


def product(app: Any, name: str) -> Product:
    return of(app, select(Product).where(Product.name == name).order_by(Product.id.desc()))


def page(client: Any, path: str, code: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == code, (path, answer.status_code)
    return answer.get_data(as_text=True)


def sent(client: Any, path: str, code: int = 302, **data: Any) -> str:
    answer = client.post(path, data=data)
    text = answer.get_data(as_text=True)
    assert answer.status_code == code, (path, answer.status_code, re.findall(r"<p>[^<]*", text))
    return text


def next_year(days: int = 300) -> str:
    return (clock.local_day(clock.now()) + timedelta(days=days)).isoformat()


def decided(app: Any, client: Any, review: ProductReview, verb: str, opinion: str = "") -> None:
    case = of(app, select(FlowCase).where(
        FlowCase.flow == "product_review", FlowCase.subject_id == review.id))  # fmt: skip
    task = of(app, select(FlowTask).where(FlowTask.case_id == case.id, FlowTask.state == "open"))
    sent(client, f"/cases/{case.number}/tasks/{task.id}/{verb}/", opinion=opinion)


def newest_review(app: Any, name: str) -> ProductReview:
    query = select(ProductReview).where(ProductReview.name == name)
    return of(app, query.order_by(ProductReview.id.desc()))


# --- standard products (S4-9) ---------------------------------------------------------------


def test_staff_keep_the_catalogue_and_institutions_list_out_of_it(app, sign_in):
    staff, house = sign_in("operator"), sign_in("institution")
    form = {
        "name": "设备点检外包", "category": "sz04", "price_mode": "range", "price_from": "1000",
        "price_to": "900", "unit": "month", "cycle_days": "10", "position": "5",
        "description": "<p>每周两次上门点检<script>alert(1)</script></p>",
        "deliverables": "点检记录", "steps-0-name": "签约",
    }  # fmt: skip
    text = sent(staff, "/standard_products/add/", 400, **form)
    assert "最高价低于最低价" in text
    sent(staff, "/standard_products/add/", **form | {"price_to": "2000"})
    standard = of(app, select(StandardProduct).where(StandardProduct.name == "设备点检外包"))
    assert standard.description == "<p>每周两次上门点检</p>"
    assert standard.price_from == 100_000
    again = sent(staff, "/standard_products/add/", 400, **form | {"price_to": "2000"})
    assert "该类别已有同名产品" in again

    other = of(app, select(StandardProduct).where(StandardProduct.name == "网络安全体检"))
    catalogue = page(house, "/catalogue/list/")
    assert "设备点检外包" in catalogue
    assert "网络安全体检" in catalogue
    chosen = house.post("/catalogue/choose/", data={"id": [standard.id, other.id]})
    assert chosen.location == f"/listings/add/?item={standard.id}&item={other.id}"
    assert page(house, chosen.location).count("data-step") == 2
    terms = {
        f"item{one.id}-{name}": value
        for one in (standard, other)
        for name, value in {
            "price_mode": "fixed", "price_from": "1500", "unit": "month", "cycle_days": "8",
            "own_text": "含备件清单", "valid_until": next_year(),
        }.items()
    }  # fmt: skip
    faulty = terms | {f"item{other.id}-valid_until": next_year(-1)}
    assert "该日期已过" in sent(house, chosen.location, 400, **faulty)
    assert product(app, "设备点检外包") is None  # all or none
    sent(house, chosen.location, **terms)
    listing = product(app, "设备点检外包")
    assert (listing.state, listing.price_from, listing.kind) == ("listed", 150_000, "standard")
    assert "设备点检外包" not in page(house, "/catalogue/list/")

    stranger = app.test_client()
    assert "设备点检外包" in page(stranger, "/market/?q=点检")
    shown = page(stranger, f"/market/products/{listing.id}/")
    assert "含备件清单" in shown
    assert "每周两次上门点检" in shown
    assert "1,500元/月" in shown

    edit = {
        "price_mode": "negotiable", "price_from": "1500", "cycle_days": "9", "own_text": "改",
        "valid_until": next_year(), "version": str(listing.version),
    }  # fmt: skip
    sent(house, f"/listings/edit/{listing.id}/", **edit)
    listing = product(app, "设备点检外包")
    assert (listing.price_from, listing.state) == (None, "listed")
    assert "面议" in page(stranger, f"/market/products/{listing.id}/")

    assert sign_in("institution2").get(f"/listings/edit/{listing.id}/").status_code == 404


def test_a_listing_goes_off_sale_and_comes_back_step_by_step(app, sign_in):
    staff, house, stranger = sign_in("operator"), sign_in("institution2"), app.test_client()
    listing = product(app, "企业常年法律顾问")
    sent(house, f"/listings/delist/{listing.id}/")
    page(stranger, f"/market/products/{listing.id}/", 404)
    sent(house, f"/listings/relist/{listing.id}/", 400, valid_until=next_year(5000))
    sent(house, f"/listings/relist/{listing.id}/", valid_until=next_year())
    sent(staff, f"/listings/force/{listing.id}/", 400, opinion=" ")
    sent(staff, f"/listings/force/{listing.id}/", opinion="价格与公示不符")
    assert "价格与公示不符" in page(house, f"/listings/show/{listing.id}/")
    sent(house, f"/listings/relist/{listing.id}/", valid_until=next_year())
    assert product(app, "企业常年法律顾问").state == "forced"
    sent(staff, f"/listings/release/{listing.id}/")
    sent(house, f"/listings/relist/{listing.id}/", valid_until=next_year())
    sent(staff, f"/standard_products/switch_off/{listing.standard_id}/", opinion="并入其他产品")
    assert product(app, "企业常年法律顾问").state == "delisted"
    page(house, f"/listings/relist/{listing.id}/")
    assert "已从目录停用" in sent(
        house, f"/listings/relist/{listing.id}/", 400, valid_until=next_year()
    )
    steps = [event.action for event in _events(app, listing.id)]
    assert steps == ["delist", "list", "force", "release", "list", "delist"]
    told = of(app, select(func.count(Message.id)).where(Message.occasion == "product.delisted"))
    assert told >= 2


def _events(app: Any, key: int) -> list[LifeEvent]:
    with app.app_context(), system_session() as session:
        mine = LifeEvent.kind == "product", LifeEvent.subject_id == key
        return list(session.scalars(select(LifeEvent).where(*mine).order_by(LifeEvent.id)))


def test_a_product_that_needs_a_certificate_is_listed_with_one_only(app, sign_in):
    standard = of(app, select(StandardProduct).where(StandardProduct.name == "计量器具校准"))
    assert standard.certificate
    house = sign_in("institution2")
    terms = {
        f"item{standard.id}-{name}": value
        for name, value in {
            "price_mode": "from", "price_from": "100", "unit": "set", "cycle_days": "5",
            "valid_until": next_year(),
        }.items()
    }  # fmt: skip
    text = sent(house, f"/listings/add/?item={standard.id}", 400, **terms)
    assert standard.certificate in text


# --- special products (S4-10) ---------------------------------------------------------------


def test_a_special_product_is_reviewed_listed_by_its_house_and_revised(app, sign_in):
    staff, house, stranger = sign_in("operator"), sign_in("institution"), app.test_client()
    form = SPECIAL | {"cover": uploaded(house), "valid_until": next_year()}
    faults = sent(
        house, "/product_reviews/add/", 400, **form | {"content": "<p>短</p>", "unit": ""}
    )
    assert "至少" in faults
    assert "请选择计价单位" in faults
    sent(house, "/product_reviews/add/", **form)
    row, review = product(app, SPECIAL["name"]), newest_review(app, SPECIAL["name"])
    assert (row.state, row.price_order) == ("in_review", 480_050)
    page(stranger, f"/market/products/{row.id}/", 404)
    assert "本机构已有同名特色产品" in sent(
        house, "/product_reviews/add/", 400, **form | {"name": "车间 能耗体检"}
    )

    decided(app, staff, review, "return", "请补充能力证明")
    assert product(app, SPECIAL["name"]).state == "returned"
    back = page(house, house.get(f"/products/edit/{row.id}/").location)
    version = re.search(r'name="version" value="(\d+)"', back)
    assert version is not None
    sent(house, f"/product_reviews/edit/{review.id}/", **form | {"version": version[1]})
    decided(app, staff, review, "approve")
    assert product(app, SPECIAL["name"]).state == "waiting"
    page(stranger, f"/market/products/{row.id}/", 404)  # approved is not on sale
    sent(house, f"/products/relist/{row.id}/", valid_until=next_year())
    shown = page(stranger, f"/market/products/{row.id}/")
    assert "服务团队驻厂两周" in shown
    assert "4,800.50元/次" in shown

    form_again = page(house, f"/product_reviews/add/?product={row.id}")
    assert "两天找出浪费的电" in form_again
    changed = form | {"slogan": "一天找出浪费的电", "price_from": "5200"}
    sent(house, f"/product_reviews/add/?product={row.id}", **changed)
    row = product(app, SPECIAL["name"])
    assert (row.state, row.revision) == ("listed", "in_review")
    assert "两天找出浪费的电" in page(stranger, f"/market/products/{row.id}/")
    assert "修订中" in page(house, "/products/list/")
    assert house.get(f"/product_reviews/add/?product={row.id}").status_code == 302
    decided(app, staff, newest_review(app, SPECIAL["name"]), "approve")
    row = product(app, SPECIAL["name"])
    assert (row.state, row.revision, row.price_from) == ("listed", "none", 520_000)
    assert "一天找出浪费的电" in page(stranger, f"/market/products/{row.id}/")
    current = of(app, select(func.count(ProductReview.id)).where(
        ProductReview.product_id == row.id, ProductReview.is_current))  # fmt: skip
    assert current == 1

    sent(staff, f"/products/force/{row.id}/", opinion="资质证书已过期")
    assert "资质证书已过期" in page(house, f"/products/show/{row.id}/")
    sent(house, f"/products/relist/{row.id}/", valid_until=next_year())
    assert product(app, SPECIAL["name"]).state == "forced"
    sent(house, f"/product_reviews/add/?product={row.id}", **changed)
    decided(app, staff, newest_review(app, SPECIAL["name"]), "approve")
    assert product(app, SPECIAL["name"]).state == "waiting"  # rectified: its house lists it again


def test_only_linked_consultants_of_the_house_serve_a_product(app, sign_in):
    house = sign_in("institution")
    found = of(app, select(ProductConsultant).order_by(ProductConsultant.id))
    foreign = of(app, select(ProductConsultant.consultant_id).join(
        Product, Product.id == ProductConsultant.product_id).where(
        Product.name == "企业常年法律顾问"))  # fmt: skip
    assert found is not None
    assert foreign is not None
    form = SPECIAL | {"cover": uploaded(house), "valid_until": next_year()}
    answer = sent(house, "/product_reviews/add/", 400, **form | {"consultants": [str(foreign)]})
    assert "请选择本机构已关联的顾问" in answer


# --- texts with formatting --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ('<p onclick="x()" style="color:red" class="ql-align-center a">b</p>',
         '<p class="ql-align-center">b</p>'),
        ('<p>a<img src="http://x/y.png"><img src="data:image/png;base64,AA"></p>', "<p>a</p>"),
        ("<p>a<svg><script>alert(1)</script></svg><iframe src=/x></iframe></p>", "<p>a</p>"),
        ('<a href="javascript:alert(1)">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ("<p><br></p>", ""),
        ('<ol><li data-list="bullet" class="ql-indent-1"><span class="ql-ui"></span>a</li></ol>',
         '<ol><li data-list="bullet" class="ql-indent-1">a</li></ol>'),
    ],
)  # fmt: skip
def test_a_text_keeps_words_classes_and_uploaded_pictures_alone(typed, kept):
    assert richtext.cleaned(typed) == kept
    assert richtext.cleaned(kept) == kept


def test_a_picture_in_a_text_is_seen_with_the_product_and_is_its_authors_own(app, sign_in):
    staff, house, stranger = sign_in("operator"), sign_in("institution"), app.test_client()
    picture = uploaded(house, "picture")
    secret = uploaded(sign_in("institution2"), "picture")
    form = SPECIAL | {"cover": uploaded(house), "valid_until": next_year(), "name": "带图的产品"}
    text = f'{CONTENT}<p><img src="/files/{picture}/"></p>'
    stolen = form | {"content": text.replace(picture, secret)}
    assert "图片已失效" in sent(house, "/product_reviews/add/", 400, **stolen)
    sent(house, "/product_reviews/add/", **form | {"content": text})
    assert stranger.get(f"/files/{picture}/").status_code == 404
    decided(app, staff, newest_review(app, "带图的产品"), "approve")
    sent(house, f"/products/relist/{product(app, '带图的产品').id}/", valid_until=next_year())
    assert stranger.get(f"/files/{picture}/").status_code == 200
    assert stranger.get(f"/files/{secret}/").status_code == 404
    with app.app_context(), system_session() as session:
        session.execute(update(Attachment).values(uploaded_at=clock.now() - timedelta(days=3)))
        session.commit()
    assert run_job(app, "upload.orphan")
    kept = of(app, select(Attachment).where(Attachment.id == int(picture)))
    assert kept.quarantined_at is None


def test_a_picture_in_an_announcement_is_seen_as_long_as_the_announcement_is(app, sign_in):
    staff, stranger = sign_in("operator"), app.test_client()
    picture = uploaded(staff, "picture")
    typed = {"title": "图解", "body": f'<p>看图</p><p><img src="/files/{picture}/"></p>'}
    soon = typed | {"publish_at": "2999-01-31T09:30"}
    address = staff.post("/announcements/add/", data=soon).location
    assert stranger.get(f"/files/{picture}/").status_code == 404
    staff.post(address.replace("show", "edit"), data=typed | {"publish_at": "2026-01-31T09:30"})
    assert stranger.get(f"/files/{picture}/").status_code == 200
    key = address.rstrip("/").rpartition("/")[2]
    assert f'src="/files/{picture}/"' in page(stranger, f"/news/{key}/")
    staff.post(f"/announcements/delete/{key}/")
    assert stranger.get(f"/files/{picture}/").status_code == 404


def test_a_case_shows_up_to_three_pictures_once_the_product_is_on_sale(app, sign_in):
    staff, house, stranger = sign_in("operator"), sign_in("institution"), app.test_client()
    pictures = [uploaded(house, "picture") for _ in range(3)]
    form = SPECIAL | {"cover": uploaded(house), "valid_until": next_year(), "name": "有案例的产品"}
    names = ("picture", "second_picture", "third_picture")
    form |= {"cases-0-client": "某阀门厂", "cases-0-content": "两条产线的能耗体检"}
    form |= {f"cases-0-{name}": key for name, key in zip(names, pictures, strict=True)}
    sent(house, "/product_reviews/add/", **form)
    decided(app, staff, newest_review(app, "有案例的产品"), "approve")
    row = product(app, "有案例的产品")
    assert [stranger.get(f"/files/{key}/").status_code for key in pictures] == [404] * 3
    sent(house, f"/products/relist/{row.id}/", valid_until=next_year())
    shown = page(stranger, f"/market/products/{row.id}/")
    assert re.findall(r'<img src="/files/(\d+)/"', shown.partition("某阀门厂")[0])[-3:] == pictures
    assert [stranger.get(f"/files/{key}/").status_code for key in pictures] == [200] * 3
    revision = page(house, f"/product_reviews/add/?product={row.id}")
    for name, key in zip(names, pictures, strict=True):
        assert re.search(rf'name="cases-0-{name}"\s+value="{key}"', revision), name
    uploaded(house, "picture")  # one that no row names
    with app.app_context(), system_session() as session:
        session.execute(update(Attachment).values(uploaded_at=clock.now() - timedelta(days=3)))
        session.commit()
    assert run_job(app, "upload.orphan")
    for key in pictures:
        kept = of(app, select(Attachment).where(Attachment.id == int(key)))
        assert kept.quarantined_at is None


# --- the catalogue on the portal ----------------------------------------------------------------


def test_the_catalogue_is_searched_narrowed_and_ordered(app, statements):
    stranger = app.test_client()
    names = re.compile(r'<a href="/market/products/\d+/" title="([^"]+)"')
    every = names.findall(page(stranger, "/market/"))
    assert len(every) == 12
    more = re.search(r'href="(/market/\?at=[^"]+)"', page(stranger, "/market/"))
    assert more is not None
    second = names.findall(page(stranger, more[1].replace("&amp;", "&")))
    assert second
    assert not set(second) & set(every)
    assert {"两化融合管理体系贯标", "数字化转型贯标辅导"} <= set(
        names.findall(page(stranger, "/market/?q=贯标"))
    )
    assert set(names.findall(page(stranger, "/market/?q=转型贯标"))) == {"数字化转型贯标辅导"}
    digital = names.findall(page(stranger, "/market/?category=sz"))
    leaf = names.findall(page(stranger, "/market/?category=sz07"))
    assert set(leaf) == {"数字化转型贯标辅导", "两化融合管理体系贯标"}
    assert set(leaf) <= set(digital) | set(second)
    assert names.findall(page(stranger, "/market/?order=cheap"))[0] == "银企对接绿色通道"
    dear = names.findall(page(stranger, "/market/?order=dear&high=100000"))
    assert dear[0] == "机器视觉外观检测一体机"
    cheap = names.findall(page(stranger, "/market/?low=5000&high=7000"))
    assert set(cheap) == {"车间电子看板(即插即用版)"}
    assert set(names.findall(page(stranger, "/market/?region=990200"))) <= {
        "数字化水平诊断(现场3天)",
        "主数据治理与DCMM咨询",
    }
    statements.clear()
    page(stranger, "/market/?q=工业&category=sz&region=990100&order=rating&low=0&high=99999999")
    assert len(statements) <= 6
    for nonsense in ("at=x", "low=-1&high=abc", "region=9999999999999999999", "order=x&kind=y",
                     "category=nothing", "q=%00%20"):  # fmt: skip
        page(stranger, f"/market/?{nonsense}")


def test_a_look_at_a_product_counts_but_not_its_own_houses(app, sign_in):
    row = product(app, "轻量化MES生产管控系统")
    assert app.test_client().post(f"/market/products/{row.id}/seen/").status_code == 200
    assert sign_in("institution").post(f"/market/products/{row.id}/seen/").status_code == 200
    assert product(app, row.name).view_count == row.view_count + 1
    again = [app.test_client().post(f"/market/products/{row.id}/seen/") for _n in range(3)]
    assert {answer.status_code for answer in again} == {200}
    assert product(app, row.name).view_count == row.view_count + 1  # of one address once an hour


# --- jobs 20 and 21 -------------------------------------------------------------------------------


def test_a_listing_is_told_of_its_end_once_a_step_and_ends_on_its_day(app):
    now = clock.now().replace(hour=2)
    row = product(app, "轻量化MES生产管控系统")
    with app.app_context(), system_session() as session:
        until = {"valid_until": clock.local_day(now) + timedelta(days=6)}
        session.execute(update(Product).where(Product.id == row.id).values(until))
        session.commit()

    def told() -> int:
        count = select(func.count(Message.id)).where(Message.occasion == "product.expiring")
        return int(of(app, count.where(Message.channel == "inapp")))

    before = told()
    assert run_job(app, "listing.expire", now)
    assert told() == before + 1
    run_job(app, "listing.expire", now + timedelta(days=1))
    assert told() == before + 1
    run_job(app, "listing.expire", now + timedelta(days=6))
    assert told() == before + 2
    assert product(app, row.name).state == "listed"  # its last day counts
    run_job(app, "listing.expire", now + timedelta(days=7))
    assert product(app, row.name).state == "expired"
    assert [event.action for event in _events(app, row.id)][-1] == "expire"


def test_old_data_is_asked_about_once_a_month(app):
    now = clock.now()

    def asked() -> int:
        keys = select(func.count(JobMark.id)).where(JobMark.key.startswith("stale:"))
        return int(of(app, keys))

    run_job(app, "listing.stale", now)
    once = asked()
    assert once > 0
    month = scores.period_of(now)
    lost = select(func.sum(ScoreEntry.points)).where(
        ScoreEntry.item == "stale", ScoreEntry.period == month
    )
    houses = select(func.count(func.distinct(ScoreEntry.organization_id))).where(
        ScoreEntry.item == "stale", ScoreEntry.period == month
    )
    assert of(app, lost) == -500 * of(app, houses)  # F20: 5 points a month, however many
    run_job(app, "listing.stale", now + timedelta(minutes=1))
    assert asked() == once
    run_job(app, "listing.stale", now + timedelta(days=32))
    assert asked() > once


def test_ratings_and_demands_are_counted_on_the_product(app):
    row = product(app, "轻量化MES生产管控系统")
    with app.app_context(), system_session() as session:
        rows = session.connection()
        products.count_rating(rows, row.id, 400)
        products.count_rating(rows, row.id, 500)
        products.count_rating(rows, row.id, 400, times=-1)
        products.count_demand(rows, row.id)
        session.commit()
    seen = product(app, row.name)
    assert seen.rating_count == row.rating_count + 1
    assert seen.rating_sum == row.rating_sum + 500
    assert seen.rating == seen.rating_sum // seen.rating_count
    assert seen.demand_count == row.demand_count + 1


def test_a_price_off_the_guide_is_marked_for_staff_and_not_refused(app, sign_in):
    staff, house = sign_in("operator"), sign_in("institution")
    standard = of(app, select(StandardProduct).where(StandardProduct.name == "网络安全体检"))
    path, prefix = f"/listings/add/?item={standard.id}", f"item{standard.id}-"
    text = page(house, path)
    low = standard.price_from // 2
    assert f'data-low="{low}"' in text
    assert f'data-top="{standard.price_to * 3 // 2}"' in text
    assert "“网络安全体检”参考价" in text

    def terms(yuan: int, mode: str = "fixed") -> dict[str, str]:
        data = {"price_mode": mode, "price_from": str(yuan), "unit": standard.unit}
        return data | {"cycle_days": "5", "valid_until": next_year()}

    named = {f"{prefix}{name}": value for name, value in terms(low // 100 - 1).items()}
    answer = house.post(path, data=named, follow_redirects=True).get_data(as_text=True)
    assert "该报价偏离参考价超过50%，仍可上架" in answer
    listing = of(app, select(Product).where(
        Product.standard_id == standard.id).order_by(Product.id.desc()))  # fmt: skip
    assert listing.state == "listed"
    assert listing.off_guide

    def marked() -> bool:
        shown = page(staff, "/listings/list/?off_guide=1")
        return f"/listings/show/{listing.id}/" in shown and "偏离参考价" in shown

    assert marked()
    assert "该报价偏离参考价" in page(staff, f"/listings/show/{listing.id}/")
    assert "偏离参考价" not in page(sign_in(None), f"/market/products/{listing.id}/")

    edit = f"/listings/edit/{listing.id}/"
    for yuan, is_off in ((low // 100, False), (standard.price_to * 3 // 200 + 1, True)):
        version = str(product(app, "网络安全体检").version)
        answer = house.post(edit, data=terms(yuan) | {"version": version}, follow_redirects=True)
        assert answer.status_code == 200
        assert ("该报价偏离参考价" in answer.get_data(as_text=True)) == is_off
        assert marked() == is_off

    guide = of(app, select(StandardProduct).where(StandardProduct.id == standard.id))
    moved = {
        "name": guide.name, "category": guide.category, "price_mode": "from", "price_from": "6000",
        "unit": guide.unit, "cycle_days": "5", "position": "5", "description": guide.description,
        "deliverables": guide.deliverables, "version": str(guide.version),
    }  # fmt: skip
    sent(staff, f"/standard_products/edit/{standard.id}/", **moved)
    assert not marked()
