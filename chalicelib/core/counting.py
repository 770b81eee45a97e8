"""Counted ids, kept totals, and the way to page N without reading pages 1 to N-1.

A *collection* is a set of records with counted ids, stored in blocks of 100 ids: the block is the partition,
the id the sort key, so that no partition grows without end. Beside its total a collection keeps how many
live in each block and in each hundred blocks. Finding the record at some position reads one run of each and
at most 99 records too many, however large the collection is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pynamodb.attributes import NumberAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record, Update
from chalicelib.kernel.ids import padded

BLOCK = 100
_SIZES = (BLOCK * 100, BLOCK)


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
    for size in _SIZES:
        for block, many in Counter(number // size for number in members).items():
            writes.append(adding(collection, sign * many, _named(size, block)))
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


def key(collection: str, number: int) -> tuple[str, str]:
    """Partition and sort key of the record with that id."""
    return block_key(collection, number // BLOCK), padded(number)


def block_key(collection: str, block: int) -> str:
    return f"{collection.upper()}#{padded(block)}"


def blocks(collection: str, start: int | None = None, *, newest_first: bool = False) -> Iterator[int]:
    """The blocks that hold records, in order, from ``start`` on (itself included)."""
    lowest, highest = _named(BLOCK, 0), _named(BLOCK, 10**12 - 1)
    if start is not None:
        lowest, highest = (lowest, _named(BLOCK, start)) if newest_first else (_named(BLOCK, start), highest)
    found = Tally.query(
        f"TALLY#{collection}",
        Tally.sk.between(lowest, highest),
        scan_index_forward=not newest_first,
        page_size=20,
    )
    return (_block(tally) for tally in found if tally.value > 0)


def _named(size: int, block: int) -> str:
    return f"{size:06d}#{padded(block)}"


def _block(tally: Tally) -> int:
    return int(tally.sk.rpartition("#")[2])


def locate(collection: str, position: int) -> tuple[int, int]:
    """Where the record at ``position`` (0 is the lowest id) is: (block, records before it there: 0 to 99)."""
    start = 0
    for size in _SIZES:
        start, position = _descend(collection, size, start, position)
    return start // BLOCK, position


def _descend(collection: str, size: int, start: int, position: int) -> tuple[int, int]:
    first = start // size
    found = Tally.query(
        f"TALLY#{collection}", Tally.sk.between(_named(size, first), _named(size, first + 99_999))
    )
    block = first
    for tally in found:
        block = _block(tally)
        if position < tally.value:
            return block * size, position
        position -= int(tally.value)
    return (block + 1) * size, position
