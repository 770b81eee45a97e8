"""Lists of terminals at one kind of place, by any mix of filters, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_

from pynamodb.expressions.condition import Condition

from chalicelib.core import counting, listing
from chalicelib.core.listing import Listing, Page
from chalicelib.core.terminals import model
from chalicelib.core.terminals.model import State, Terminal


@dataclass(frozen=True)
class Filters:
    """``place``: its key."""

    kind: str
    place: str | None = None
    user_id: int | None = None
    state: State | None = None


def page(filters: Filters, number: int, limit: int) -> Page[Terminal]:
    chosen = _choose(filters)
    conditions = _conditions(filters, chosen)
    if conditions:
        return listing.filtered(chosen, reduce(and_, conditions), number, limit, newest_first=True)
    return listing.newest(chosen, counting.total(chosen.key), number, limit)


def _choose(filters: Filters) -> Listing:
    """The shortest list that holds all of them. That of the living has no kept total: it is short."""
    if filters.state in {State.OPENING, State.OPEN}:
        return Listing(Terminal.gsi4.query, Terminal.gsi4sk, model.living(filters.kind))
    if filters.user_id is not None:
        return Listing(Terminal.gsi2.query, Terminal.gsi2sk, model.of_user(filters.kind, filters.user_id))
    if filters.place is not None:
        return Listing(Terminal.gsi3.query, Terminal.gsi3sk, model.of_place(filters.place))
    return Listing(Terminal.gsi1.query, Terminal.gsi1sk, model.of_kind(filters.kind))


def _conditions(filters: Filters, chosen: Listing) -> list[Condition]:
    """What the chosen list does not already hold to. Its own key is never among them."""
    found: list[Condition] = []
    if filters.state is not None:
        found.append(Terminal.state == filters.state.value)
    if filters.user_id is not None and chosen.sort is not Terminal.gsi2sk:
        found.append(Terminal.user_id == filters.user_id)
    if filters.place is not None and chosen.sort is not Terminal.gsi3sk:
        found.append(Terminal.place == filters.place)
    return found
