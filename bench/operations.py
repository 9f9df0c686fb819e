"""What is measured: the pages people open most, as the person who opens them."""

from __future__ import annotations

from dataclasses import dataclass

from app.views.base.paging import Position
from bench.data import FIRST, NOW, Size


@dataclass(frozen=True)
class Operation:
    """One request; ``goal`` is what the design allows it in CPU milliseconds."""

    key: str
    label: str
    path: str
    who: str = "operator"
    goal: float = 5.0
    form: str = ""
    """The page whose form is sent to ``path``, for a POST."""


def operations(rows: Size) -> tuple[Operation, ...]:
    """Every operation, on so many rows."""
    deep = Position(NOW.isoformat(), FIRST + rows.demands // 2)
    middle = FIRST + rows.demands // 2
    organization = f"/organizations/edit/{FIRST + rows.institutions // 2}/"
    offer = f"/market/products/{FIRST + rows.products // 20 * 10}/"
    return (
        Operation("list", "demands, page 1", "/demands/list/"),
        Operation("deep", "demands, a page in the middle by its key", f"/demands/list/?at={deep}"),
        Operation("search2", "products, search 数字", "/listings/list/?q=数字"),
        Operation("search5", "products, search 数字化转型", "/listings/list/?q=数字化转型"),
        Operation("rare", "products, search 孪生 (rare)", "/listings/list/?q=孪生"),
        Operation(
            "filter", "demands, state and category", "/demands/list/?tab=waiting&category=zc01"
        ),
        Operation("detail", "a demand", f"/demands/show/{middle}/", goal=4.0),
        Operation("form", "form of an organization", organization),
        Operation("post", "the same, sent", organization, form=organization),
        Operation("todos", "my to-dos", "/tasks/todo/list/", goal=4.5),
        Operation("own", "an institution's own demands", "/demands/list/", who="institution"),
        Operation("catalogue", "portal catalogue", "/market/", who=""),
        Operation("catalogue_search", "portal catalogue, search 数字", "/market/?q=数字", who=""),
        Operation("product", "portal, a product", offer, who="", goal=4.0),
        Operation("dashboard", "dashboard", "/dashboard/", goal=10.0),
        Operation("board", "activity ranking", "/market/board/", who=""),
    )
