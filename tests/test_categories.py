"""Staff keep the tree of service categories; what they change is offered so at once."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, select

from app.extensions import system_session
from app.models import AuditEntry, DictItem, Product, StandardProduct

pytestmark = pytest.mark.db

NEW = {"parent": "sz", "zh": "数据标注", "en": "Data labelling", "needs_licence": ""}
LISTING = "/standard_products/add/"
STANDARD = {
    "name": "数据标注包", "price_mode": "free", "cycle_days": "10", "position": "5",
    "description": "<p>按条标注</p>", "deliverables": "标注结果",
}  # fmt: skip


def of(app: Any, query: Any) -> Any:
    with app.app_context(), system_session() as session:
        return session.execute(query).scalars().all()


def item(app: Any, zh: str) -> DictItem:
    ours = DictItem.dictionary == "service_category", DictItem.zh == zh
    (found,) = of(app, select(DictItem).where(*ours))
    return found


def tree(app: Any) -> list[tuple[str, str]]:
    """Codes and groups in their order."""
    with app.app_context(), system_session() as session:
        ours = select(DictItem.code, DictItem.parent).order_by(DictItem.position)
        rows = session.execute(ours.where(DictItem.dictionary == "service_category"))
        return [(code, parent) for code, parent in rows]


def offered(client: Any, path: str = LISTING) -> dict[str, str]:
    """What the select of the category in a form offers."""
    page = BeautifulSoup(client.get(path).text, "html.parser")
    return {o["value"]: o.text for o in page.select("select[name=category] option") if o["value"]}


def facets(client: Any, path: str) -> str:
    """The words by which the catalogue is narrowed."""
    page = BeautifulSoup(client.get(path).text, "html.parser")
    return "".join(nav.text for nav in page.select("nav.facets"))


def test_a_new_category_is_offered_at_once_and_stays_on_rows_when_it_is_switched_off(app, sign_in):
    staff, buyer, visitor = sign_in("operator"), sign_in("enterprise"), sign_in(None)
    address = staff.post("/categories/add/", data=NEW).location
    page = staff.get(address).text
    assert "数据标注" in page
    assert "数字化服务" in page
    row = item(app, "数据标注")
    assert row.code not in page
    for client, path in ((staff, LISTING), (buyer, "/my_demands/add/")):
        assert offered(client, path)[row.code] == "数据标注"
    assert "数据标注" in visitor.get("/market/?category=sz").text

    typed = STANDARD | {"category": row.code}
    assert staff.post(LISTING, data=typed).status_code == 302
    assert staff.post(f"/categories/switch_off/{row.id}/").status_code == 302
    assert row.code not in offered(staff)
    assert "数据标注" not in visitor.get("/market/?category=sz").text
    assert staff.post(LISTING, data=typed | {"name": "另一个"}).status_code == 400

    (standard,) = of(app, select(StandardProduct).where(StandardProduct.name == "数据标注包"))
    assert standard.category == row.code
    edit = f"/standard_products/edit/{standard.id}/"
    assert offered(staff, edit)[row.code] == "数据标注"
    kept = typed | {"version": str(standard.version), "deliverables": "结果与说明"}
    assert staff.post(edit, data=kept).status_code == 302
    assert "数据标注" in staff.get(f"/standard_products/show/{standard.id}/").text

    staff.post(f"/categories/switch_on/{row.id}/")
    assert row.code in offered(staff)


def test_with_a_group_everything_below_it_is_no_longer_offered_but_still_found(app, sign_in):
    staff, visitor = sign_in("operator"), sign_in(None)
    leaf = item(app, "工业软件")
    on_sale = Product.category == leaf.code, Product.state == "listed"
    names = {one.name for one in of(app, select(Product).where(*on_sale))}
    assert names
    path = "/market/?category=sz&order=new"
    assert "工业软件" in facets(visitor, path)
    staff.post(f"/categories/switch_off/{leaf.id}/")
    assert "工业软件" not in facets(visitor, path)
    shown = visitor.get(path).text + visitor.get("/market/?category=sz&order=cheap").text
    assert [name for name in names if name in shown]

    staff.post(f"/categories/switch_off/{item(app, '数字化服务').id}/")
    assert not [code for code in offered(staff) if code.startswith("sz")]


def test_the_tree_has_two_levels_and_no_circle(app, sign_in):
    staff = sign_in("operator")
    group, leaf = item(app, "数字化服务"), item(app, "上云用云")
    path = f"/categories/edit/{group.id}/"
    kept = {"zh": group.zh, "en": group.en, "version": str(group.version)}
    for parent, words in (
        (group.code, "不能归入自身之下"),
        ("zc", "该类别下还有类别"),
        (leaf.code, "请从列表中选择"),
    ):
        answer = staff.post(path, data=kept | {"parent": parent})
        assert answer.status_code == 400, parent
        assert words in answer.text
    assert item(app, "数字化服务").parent == ""
    again = staff.post("/categories/add/", data=NEW | {"zh": leaf.zh})
    assert again.status_code == 400
    assert "同级下已有同名类别" in again.text


def test_categories_move_within_their_group_and_a_group_takes_its_own_along(app, sign_in):
    staff = sign_in("operator")
    before = tree(app)
    assert before[:3] == [("zc", ""), ("zc01", "zc"), ("zc02", "zc")]
    staff.post(f"/categories/down/{item(app, '政策解读').id}/")
    assert tree(app)[:3] == [("zc", ""), ("zc02", "zc"), ("zc01", "zc")]
    staff.post(f"/categories/up/{item(app, '政策解读').id}/")
    assert tree(app) == before
    answer = staff.post(f"/categories/up/{item(app, '政策解读').id}/", follow_redirects=True)
    assert "已在本组的最前或最后" in answer.text

    staff.post(f"/categories/down/{item(app, '政策服务').id}/")
    moved = tree(app)
    own, other = [x for x in before if "zc" in x or x[1] == "zc"], [x for x in before if "fl" in x]
    assert moved[: len(other)] == other
    assert moved[len(other) : len(other) + len(own)] == own
    assert sorted(moved) == sorted(before)

    one = item(app, "专利代理")
    data = {"parent": "sz", "zh": one.zh, "en": one.en, "needs_licence": "1"}
    version = {"version": str(one.version)}
    assert staff.post(f"/categories/edit/{one.id}/", data=data | version).status_code == 302
    held = [code for code, parent in tree(app) if parent == "sz"]
    assert held[-1] == one.code
    lines = of(app, select(AuditEntry).where(AuditEntry.kind == "dict_item"))
    assert [line for line in lines if line.object_id == one.id]


def test_of_two_staff_who_edit_one_category_the_second_is_told(app, sign_in):
    staff, other = sign_in("operator"), sign_in("operator2")
    one = item(app, "专利代理")
    path, version = f"/categories/edit/{one.id}/", {"version": str(one.version)}
    assert f'name="version" value="{one.version}"' in staff.get(path).text
    kept = version | {"parent": one.parent, "en": one.en, "needs_licence": "1"}
    assert other.post(path, data=kept | {"zh": "专利申请代理"}).status_code == 302
    late = staff.post(path, data=kept | {"zh": "专利事务"})
    assert late.status_code == 400
    assert "专利事务" in late.text  # what was typed is not lost
    assert item(app, "专利申请代理").id == one.id


def test_other_dictionaries_are_not_kept_here(app, sign_in):
    staff = sign_in("operator")
    farming = DictItem.dictionary == "industry", DictItem.code == "A"
    (other,) = of(app, select(DictItem).where(*farming))
    for verb in ("edit", "switch_off", "up"):
        assert staff.post(f"/categories/{verb}/{other.id}/", data=NEW).status_code == 404
    count = of(app, select(func.count()).select_from(DictItem))
    assert sign_in("auditor").post("/categories/add/", data=NEW).status_code == 403
    assert of(app, select(func.count()).select_from(DictItem)) == count
