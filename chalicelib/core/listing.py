"""Pages of a collection. Whatever the page, what is read is bounded by the page, not by the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pynamodb.expressions.condition import Condition

from chalicelib.aws.table import Record
from chalicelib.core import counting
from chalicelib.kernel.ids import padded

R = TypeVar("R", bound=Record)
Query = Callable[..., Any]


@dataclass(frozen=True)
class Page(Generic[R]):
    items: list[R]
    total: int
    page: int
    limit: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.limit)


class Search(Protocol):
    """A page of a list, and a text to look for."""

    page: int
    limit: int
    search: str | None


@dataclass(frozen=True)
class Listing:
    """Where a collection is listed: ``query`` of an index whose sort key is the padded id, and ``key``."""

    query: Query
    sort: Any
    key: str


def ascending(listing: Listing, collection: str, page: int, limit: int) -> Page[Any]:
    """By id, lowest first."""
    total = counting.total(collection)
    offset = (page - 1) * limit
    if offset >= total:
        return Page([], total, page, limit)
    return Page(_from_position(listing, collection, offset, limit), total, page, limit)


def descending(listing: Listing, collection: str, page: int, limit: int) -> Page[Any]:
    """By id, highest first."""
    total = counting.total(collection)
    offset = (page - 1) * limit
    if offset >= total:
        return Page([], total, page, limit)
    condition = None
    if offset:
        highest = _from_position(listing, collection, total - offset - 1, 1)
        condition = listing.sort <= highest[0].gsi1sk if highest else None
    items = listing.query(listing.key, condition, scan_index_forward=False, limit=limit)
    return Page(list(items), total, page, limit)


def _from_position(listing: Listing, collection: str, position: int, limit: int) -> list[Any]:
    start, over = counting.locate(collection, position) if position else (0, 0)
    items = listing.query(listing.key, listing.sort >= padded(start), limit=over + limit)
    return list(items)[over:]


def filtered(
    listing: Listing,
    condition: Condition | None,
    page: int,
    limit: int,
    *,
    between: tuple[str, str] | None = None,
    newest_first: bool = False,
) -> Page[Any]:
    """Those that satisfy ``condition``. To tell how many, the whole run of the index is read.

    ``between`` bounds the sort key, both ends included.
    """
    bounds = listing.sort.between(*between) if between else None
    found = listing.query(listing.key, bounds, condition, scan_index_forward=not newest_first)
    offset, total, kept = (page - 1) * limit, 0, []
    for item in found:
        if offset <= total < offset + limit:
            kept.append(item)
        total += 1
    return Page(kept, total, page, limit)


def searched(listing: Listing, collection: str, query: Search, attribute: Any) -> Page[Any]:
    """The page that ``query`` asks for, of all or of those whose ``attribute`` contains what it searches."""
    if not query.search:
        return ascending(listing, collection, query.page, query.limit)
    wanted = attribute.contains(query.search.casefold())
    return filtered(listing, wanted, query.page, query.limit)
