"""Pages of a collection. Whatever the page, what is read is bounded by the page, not by the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pynamodb.expressions.condition import Condition

from chalicelib.aws.table import Record
from chalicelib.core import counting

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
class Collection(Generic[R]):
    """Records of one model, stored and counted by :mod:`chalicelib.core.counting` under ``name``."""

    model: type[R]
    name: str

    def read(self, block: int, most: int, *, newest_first: bool = False) -> list[R]:
        key = counting.block_key(self.name, block)
        found = self.model.query(key, consistent_read=True, scan_index_forward=not newest_first, limit=most)
        return list(found)


@dataclass(frozen=True)
class Listing:
    """A run of an index: ``query`` of it, its sort key (the padded id), and the ``key`` it is found under."""

    query: Query
    sort: Any
    key: str


def ascending(collection: Collection[R], page: int, limit: int) -> Page[R]:
    """By id, lowest first."""
    return _page(collection, page, limit, newest_first=False)


def descending(collection: Collection[R], page: int, limit: int) -> Page[R]:
    """By id, highest first."""
    return _page(collection, page, limit, newest_first=True)


def _page(collection: Collection[R], page: int, limit: int, *, newest_first: bool) -> Page[R]:
    held = counting.census(collection.name)
    total = sum(int(one.total) for one in held)
    items: list[R] = []
    offset = (page - 1) * limit
    for block, over in counting.walk(collection.name, held, offset, newest_first=newest_first):
        items += collection.read(block, over + limit - len(items), newest_first=newest_first)[over:]
        if len(items) >= limit:
            break
    return Page(items, total, page, limit)


def newest(listing: Listing, total: int, page: int, limit: int) -> Page[Any]:
    """The highest ids first, of a run whose ``total`` is kept: reading stops where the page ends."""
    offset = (page - 1) * limit
    items: list[Any] = []
    if offset < total:
        items = list(listing.query(listing.key, scan_index_forward=False, limit=offset + limit))[offset:]
    # A total may be kept a moment behind: what is shown counts in any case.
    return Page(items, max(total, offset + len(items) if items else 0), page, limit)


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


def searched(collection: Collection[R], listing: Listing, query: Search, attribute: Any) -> Page[R]:
    """The page that ``query`` asks for, of all or of those whose ``attribute`` contains what it searches."""
    if not query.search:
        return ascending(collection, query.page, query.limit)
    wanted = attribute.contains(query.search.casefold())
    return filtered(listing, wanted, query.page, query.limit)
