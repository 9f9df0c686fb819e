"""The product pool: what may be on sale, counted anew each night; what strays is reported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.extensions import system_session
from app.jobs import run_job
from app.models import Message, Organization, PoolEntry, Product, StandardProduct
from app.services.products import KEPT_BY_REVIEW

pytestmark = pytest.mark.db
DAY = clock.DAY


def of(app: Any, query: Any) -> Any:
    with app.app_context(), system_session() as session:
        return session.scalars(query).all()


def moved(app: Any, model: Any, key: int, **values: Any) -> None:
    """Change a row behind the back of the services."""
    table = model.__table__
    with app.app_context(), system_session() as session:
        session.connection().execute(update(table).where(table.c.id == key).values(**values))
        session.commit()


def entries(app: Any, product: int) -> list[tuple[str, bool]]:
    mine = select(PoolEntry).where(PoolEntry.product_id == product).order_by(PoolEntry.id)
    return [(entry.state, entry.until is None) for entry in of(app, mine)]


def on_sale(app: Any, kind: str) -> Product:
    listed = Product.state == "listed", Product.kind == kind
    (found,) = of(app, select(Product).where(*listed).order_by(Product.id).limit(1))
    return found


def told(app: Any, product: Product) -> list[str]:
    """The days on which staff heard that a product strays."""
    ours = Message.occasion == "pool.drift", Message.channel == "inapp"
    found = of(app, select(Message).where(*ours))
    keys = {one.dedupe_key for one in found if product.name in str(one.context)}
    return sorted({key.split(":")[1] for key in keys})


def nightly(app: Any, now: datetime) -> int:
    return run_job(app, "pool.rebuild", now) or 0


def test_the_pool_holds_what_was_approved_and_not_taken_off_by_the_platform(app):
    belong = select(Product.id).join(Organization).where(
        Organization.institution_state == "in_pool",
        Product.state.in_(KEPT_BY_REVIEW),
        Product.state != "forced",
    )  # fmt: skip
    active = select(PoolEntry.product_id).where(PoolEntry.state == "active")
    wanted = sorted(of(app, belong))
    assert sorted(of(app, active)) == wanted
    assert len(wanted) > len(of(app, select(Product.id).where(Product.state == "listed"))) > 0
    assert set(of(app, select(Product.state).where(Product.id.not_in(wanted)))) >= {"in_review"}


def test_a_product_leaves_and_returns_by_the_night_and_each_time_stays_on_record(app):
    now, row = clock.now(), on_sale(app, "special")
    assert nightly(app, now) == 0
    moved(app, Product, row.id, state="forced")
    assert nightly(app, now + DAY) == 1
    assert entries(app, row.id) == [("ended", False)]
    moved(app, Product, row.id, state="delisted")
    assert nightly(app, now + 2 * DAY) == 1
    assert entries(app, row.id) == [("ended", False), ("active", True)]
    moved(app, Product, row.id, state="expired")
    assert nightly(app, now + 3 * DAY) == 0
    assert told(app, row) == []


def test_what_is_on_sale_outside_the_pool_is_reported_once_a_day(app, sign_in):
    now, row = clock.now(), on_sale(app, "standard")
    moved(app, StandardProduct, row.standard_id, state="off")
    listed = Product.standard_id == row.standard_id, Product.state == "listed"
    astray = len(of(app, select(Product.id).where(*listed)))
    assert nightly(app, now) > 0
    assert entries(app, row.id) == [("ended", False)]
    day = clock.local_day(now)
    assert told(app, row) == [str(day)]
    nightly(app, now)
    nightly(app, now + DAY)
    assert told(app, row) == [str(day), str(day + DAY)]
    said = sign_in("operator").get("/messages/").get_data(as_text=True)
    assert row.name in said
    assert f"有{astray}个产品不在产品池内却仍在售" in said
    moved(app, StandardProduct, row.standard_id, state="active")
    assert nightly(app, now + 2 * DAY) > 0
    assert len(told(app, row)) == 2


def test_an_institution_that_leaves_takes_all_its_products_along(app):
    now, row = clock.now(), on_sale(app, "special")
    theirs = select(func.count()).where(
        PoolEntry.organization_id == row.organization_id, PoolEntry.state == "active"
    )
    (before,) = of(app, theirs)
    moved(app, Organization, row.organization_id, institution_state="none")
    assert nightly(app, now) == before > 1
    assert of(app, theirs) == [0]
    later = now + DAY
    moved(app, Organization, row.organization_id, institution_state="in_pool")
    assert nightly(app, later) == before
    assert entries(app, row.id) == [("ended", False), ("active", True)]


def test_staff_read_the_pool_and_an_institution_what_it_says_of_its_own_products(app, sign_in):
    row = on_sale(app, "special")
    (house,) = of(app, select(Organization.name).where(Organization.id == row.organization_id))
    staff = sign_in("operator")
    listed = staff.get("/pool/list/").get_data(as_text=True)
    assert row.name in listed
    assert f'href="/products/show/{row.id}/"' in listed
    assert "在池" in listed
    exported = staff.get("/pool/export.csv").get_data(as_text=True)
    assert f"{row.name},{house}," in exported
    assert 'href="/pool/list/"' in staff.get(f"/products/show/{row.id}/").get_data(as_text=True)
    owner = sign_in("institution")
    assert owner.get("/pool/list/").status_code == 403
    mine = owner.get("/products/list/?tab=listed").get_data(as_text=True)
    own = mine.partition("/products/show/")[2].partition("/")[0]
    said = owner.get(f"/products/show/{own}/").get_data(as_text=True)
    assert "在池" in said
    assert "/pool/list/" not in said
