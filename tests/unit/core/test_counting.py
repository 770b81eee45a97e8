"""Counted ids and pages by position."""

from __future__ import annotations

import random

import pytest

from chalicelib.aws import table
from chalicelib.core import counting, listing
from chalicelib.core.inventory.servers import Server
from chalicelib.core.listing import Collection
from chalicelib.kernel.ids import padded

pytestmark = pytest.mark.usefixtures("cloud")


SERVERS = Collection(Server, "servers")


def add(numbers: list[int]) -> None:
    records = [
        Server(
            *counting.key("servers", number),
            gsi1pk="SERVERS",
            gsi1sk=padded(number),
            id=number,
            uuid="u",
            name=f"s{number}",
            hostname="h",
            username="u",
            auth_type="key",
            search="s",
            created_at="t",
            updated_at="t",
        )
        for number in numbers
    ]
    table.put_many(records)
    for start in range(0, len(numbers), 40):
        table.write(counting.counting("servers", numbers[start : start + 40]))


def test_ids_are_given_once_and_in_order() -> None:
    first, several, next_one = (counting.next_ids("x"), counting.next_ids("x", 5), counting.next_ids("x"))
    assert [*first, *several, *next_one] == [1, 2, 3, 4, 5, 6, 7]


def test_every_page_shows_what_a_sorted_list_would_show() -> None:
    # Ids with gaps, across the borders of both kinds of block.
    numbers = [*random.Random(7).sample(range(1, 10_900), 450), 9_999, 10_000, 10_001]
    numbers = sorted(set(numbers))
    add(numbers)
    for page in range(1, len(numbers) // 40 + 2):
        shown = listing.ascending(SERVERS, page, 40)
        assert [int(one.id) for one in shown.items] == numbers[(page - 1) * 40 : page * 40]
        assert (shown.total, shown.pages) == (len(numbers), -(-len(numbers) // 40))


def test_pages_from_the_newest_down_show_each_once() -> None:
    numbers = list(range(1, 260, 2))
    add(numbers)
    shown = [int(one.id) for page in range(1, 8) for one in listing.descending(SERVERS, page, 20).items]
    assert shown == numbers[::-1]


def test_what_was_taken_out_is_passed_over() -> None:
    add(list(range(1, 301)))
    gone = list(range(50, 250))
    for number in gone:
        Server(*counting.key("servers", number)).delete()
    table.write(counting.counting("servers", gone, -1))
    page = listing.ascending(SERVERS, 3, 40)
    assert [int(one.id) for one in page.items] == [*range(281, 301)]
    assert page.total == 100


def test_a_page_beyond_the_end_is_empty_and_still_tells_the_total() -> None:
    add([1, 2, 3])
    page = listing.ascending(SERVERS, 9, 10)
    assert (page.items, page.total, page.pages) == ([], 3, 1)
