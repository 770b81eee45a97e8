"""Lists of parts by any mix of filters, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_

from pynamodb.expressions.condition import Condition

from chalicelib.core import counting, listing
from chalicelib.core.executions import model
from chalicelib.core.executions.model import Part
from chalicelib.core.executions.status import Status
from chalicelib.core.listing import Collection, Listing, Page
from chalicelib.kernel import clock
from chalicelib.kernel.ids import padded

LONGEST_WAIT = timedelta(days=31)
"""What started after a moment was asked for at most this much before: a relay is waited for 30 days, from
when the state machine started, which may be late. A list from a day on reads that much more of its index."""


@dataclass(frozen=True)
class Filters:
    status: Status | None = None
    script_id: int | None = None
    server_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def dated(self) -> bool:
        return self.since is not None or self.until is not None


def every() -> Listing:
    return Listing(Part.gsi1.query, Part.gsi1sk, "PARTS")


def _choose(filters: Filters) -> tuple[Listing, str]:
    """The list to read: that of the server or the script where one is given, they being the shortest."""
    if filters.server_id is not None:
        key = f"server#{filters.server_id}"
        return Listing(Part.gsi3.query, Part.gsi3sk, f"PARTS#{key}"), f"{model.PARTS}#{key}"
    if filters.script_id is not None:
        key = f"script#{filters.script_id}"
        return Listing(Part.gsi2.query, Part.gsi2sk, f"PARTS#{key}"), f"{model.PARTS}#{key}"
    if filters.status is not None:
        key = f"status#{filters.status.listed_as}"
        return Listing(Part.gsi4.query, Part.gsi4sk, f"PARTS#{key}"), f"{model.PARTS}#{key}"
    return every(), model.PARTS


def _conditions(filters: Filters) -> list[Condition]:
    """What the chosen list does not already hold to. The list's own key is never among them."""
    found: list[Condition] = []
    if filters.status is not None and (filters.server_id or filters.script_id):
        found.append(Part.gsi4pk == model.listed_under(filters.status))
    if filters.script_id is not None and filters.server_id is not None:
        found.append(Part.script_id == filters.script_id)
    if filters.since is not None:
        found.append(Part.started_at >= clock.iso(filters.since))
    if filters.until is not None:
        found.append(Part.started_at <= clock.iso(filters.until))
    return found


def page(filters: Filters, number: int, limit: int) -> Page[Part]:
    where, collection = _choose(filters)
    conditions = _conditions(filters)
    if not conditions and collection == model.PARTS:
        return listing.descending(Collection(Part, collection), number, limit)
    if not conditions:
        return listing.newest(where, counting.total(collection), number, limit)
    condition = reduce(and_, conditions)
    between = _bounds(filters) if filters.dated else None
    return listing.filtered(where, condition, number, limit, between=between, newest_first=True)


def _bounds(filters: Filters) -> tuple[str, str]:
    """The run of ids that can hold parts started in that time: ids are given in order of asking."""
    low = _first_id_since(filters.since - LONGEST_WAIT) if filters.since else 0
    high = _first_id_since(filters.until + timedelta(seconds=1)) if filters.until else 10**12 - 1
    return padded(low), padded(high)


def _first_id_since(moment: datetime) -> int:
    """By halving: some twenty single reads for a million executions."""
    wanted = clock.iso(moment)
    newest = next(iter(Part.gsi1.query("PARTS", scan_index_forward=False, limit=1)), None)
    low, high = 1, (int(newest.id) + 1 if newest else 1)
    while low < high:
        middle = (low + high) // 2
        found = next(iter(Part.gsi1.query("PARTS", Part.gsi1sk >= padded(middle), limit=1)), None)
        if found is not None and found.created_at < wanted:
            low = int(found.id) + 1
        else:
            high = middle
    return low
