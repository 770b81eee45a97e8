"""Counted ids, kept totals, and the way to page N without reading pages 1 to N-1.

A *collection* is a set of records with counted ids, stored in blocks of 100 ids: the block is the partition,
the id the sort key, so that no partition grows without end. One census item for every hundred blocks keeps
how many live in each. Finding the record at some position reads the totals of the census items, one of them
whole, and at most 99 records too many, however large the collection is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import Record, Update
from chalicelib.kernel.ids import padded

BLOCK = 100
"""Ids in a block, and blocks in a census item."""


class Census(Record, discriminator="census"):
    """How many records live in each of a hundred blocks (``b00`` to ``b99``), and in all of them."""

    total = NumberAttribute(default=0)
    for _slot in range(BLOCK):
        locals()[f"b{_slot:02d}"] = NumberAttribute(null=True)

    @property
    def number(self) -> int:
        return int(self.sk.rpartition("#")[2])

    def counts(self) -> list[int]:
        return [int(getattr(self, f"b{slot:02d}") or 0) for slot in range(BLOCK)]


class Tally(Record, discriminator="tally"):
    value = NumberAttribute(default=0)


def _tally(collection: str, what: str) -> Tally:
    return Tally(f"TALLY#{collection}", what)


def adding(collection: str, amount: int, what: str = "total", ttl: int | None = None) -> Update:
    """The write that adds ``amount`` (may be negative) to a kept number. ``ttl``: when it may go."""
    kept = [] if ttl is None else [Tally.ttl.set(ttl)]
    return Update(_tally(collection, what), [_kind(Tally), Tally.value.add(amount), *kept])


def next_ids(collection: str, many: int = 1) -> range:
    """``many`` fresh ids. One that is not used stays unused."""
    record = _tally(collection, "last-id")
    table.update(record, [_kind(Tally), Tally.value.add(many)])
    last = int(record.value)
    return range(last - many + 1, last + 1)


def counting(collection: str, ids: Iterable[int], sign: int = 1) -> list[Update]:
    """The writes that count ``ids`` into (or, with -1, out of) the collection: one for every 10,000 ids."""
    held: dict[int, Counter[int]] = {}
    for number in ids:
        census, slot = divmod(number // BLOCK, BLOCK)
        held.setdefault(census, Counter())[slot] += sign
    return [_census_update(collection, census, slots) for census, slots in held.items()]


def _census_update(collection: str, number: int, slots: Counter[int]) -> Update:
    changes = [getattr(Census, f"b{slot:02d}").add(many) for slot, many in slots.items()]
    changes.append(Census.total.add(slots.total()))
    return Update(Census(_census_key(collection), f"census#{padded(number)}"), [_kind(Census), *changes])


def _census_key(collection: str) -> str:
    return f"TALLY#{collection}"


def _kind(model: type[Record]) -> Action:
    """An update may be what makes the item, which then must say what it is."""
    return model.kind.set(model)


def total(collection: str) -> int:
    found = table.find(Tally, f"TALLY#{collection}", "total")
    return max(0, int(found.value)) if found else 0


def totals(collection: str, since: str | None = None) -> dict[str, int]:
    """The kept numbers of one collection by name: all, or those that are ``since`` or come after it."""
    found = Tally.query(_census_key(collection), Tally.sk >= since if since else None)
    return {record.sk: int(record.value) for record in found}


def key(collection: str, number: int) -> tuple[str, str]:
    """Partition and sort key of the record with that id."""
    return block_key(collection, number // BLOCK), padded(number)


def block_key(collection: str, block: int) -> str:
    return f"{collection.upper()}#{padded(block)}"


def census(collection: str) -> list[Census]:
    """The census items with their totals alone, lowest ids first."""
    wanted = ["sk", "kind", "total"]
    found = Census.query(_census_key(collection), Census.sk.startswith("census#"), attributes_to_get=wanted)
    return list(found)


def walk(
    collection: str, held: list[Census], offset: int, *, newest_first: bool = False
) -> Iterator[tuple[int, int]]:
    """The blocks that hold records, in order, from the one with the record at ``offset`` on.

    Yields (block, records to pass over in it), the latter 0 for all but the first.
    """
    for one in reversed(held) if newest_first else held:
        if offset >= one.total:
            offset -= int(one.total)
            continue
        whole = table.find(Census, _census_key(collection), one.sk, consistent=False)
        slots = list(enumerate(whole.counts() if whole else []))
        for slot, many in reversed(slots) if newest_first else slots:
            if offset >= many:
                offset -= many
                continue
            yield one.number * BLOCK + slot, offset
            offset = 0
