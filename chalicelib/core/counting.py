"""Counted ids, kept totals, and the way to page N without reading pages 1 to N-1.

A *collection* is a set of records with counted ids, listed by id. Beside its total it keeps how many live in
each block of 100 ids and each block of 10,000. Finding the record at some position reads one run of each
and at most 99 records too many, however large the collection is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record, Update
from chalicelib.kernel.ids import padded

_BLOCKS = (10_000, 100)


class Tally(Record, discriminator="tally"):
    value = NumberAttribute(default=0)


def _tally(collection: str, what: str) -> Tally:
    return Tally(f"TALLY#{collection}", what)


def adding(collection: str, amount: int, what: str = "total") -> Update:
    """The write that adds ``amount`` (may be negative) to a kept number."""
    return Update(_tally(collection, what), [Tally.kind.set(Tally), Tally.value.add(amount)])


def next_ids(collection: str, many: int = 1) -> range:
    """``many`` fresh ids. One that is not used stays unused."""
    record = _tally(collection, "last-id")
    table.update(record, [Tally.kind.set(Tally), Tally.value.add(many)])
    last = int(record.value)
    return range(last - many + 1, last + 1)


def counting(collection: str, ids: Iterable[int], sign: int = 1) -> list[Update]:
    """The writes that count ``ids`` into (or, with -1, out of) the collection."""
    members = list(ids)
    writes = [adding(collection, sign * len(members))]
    for size in _BLOCKS:
        for block, many in Counter(number // size for number in members).items():
            writes.append(adding(collection, sign * many, f"{size:06d}#{padded(block)}"))
    return writes


def total(collection: str) -> int:
    found = table.find(Tally, f"TALLY#{collection}", "total")
    return max(0, int(found.value)) if found else 0


def totals(collections: list[str]) -> dict[str, int]:
    """The totals of several collections in one request."""
    keys = {f"TALLY#{collection}": collection for collection in collections}
    found = dict.fromkeys(collections, 0)
    for tally in table.find_many(Tally, [(pk, "total") for pk in keys]):
        found[keys[tally.pk]] = max(0, int(tally.value))
    return found


def locate(collection: str, position: int) -> tuple[int, int]:
    """Where the record at ``position`` (0 is the lowest id) is to be looked for.

    Returns (lowest id to read from, records to pass over from there: 0 to 99).
    """
    start = 0
    for size in _BLOCKS:
        start, position = _descend(collection, size, start, position)
    return start, position


def _descend(collection: str, size: int, start: int, position: int) -> tuple[int, int]:
    first = start // size
    blocks = Tally.query(
        f"TALLY#{collection}",
        Tally.sk.between(f"{size:06d}#{padded(first)}", f"{size:06d}#{padded(first + 99_999)}"),
    )
    block = first
    for tally in blocks:
        block = int(tally.sk.rpartition("#")[2])
        if position < tally.value:
            return block * size, position
        position -= int(tally.value)
    return (block + 1) * size, position
