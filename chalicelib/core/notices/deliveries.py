"""The log of deliveries, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.notices import model
from chalicelib.core.notices.model import Notice, State


@dataclass(frozen=True)
class Filters:
    """``about`` is the key of one record; with a state as well, that is looked for among its notices."""

    surface: str
    about: str | None = None
    state: State | None = None


def listed(filters: Filters, most: int, before: str | None = None) -> list[Notice]:
    """At most ``most``, behind the place ``before`` (:func:`place` of the last one read)."""
    if filters.about is not None:
        index, sort, key = Notice.gsi2, Notice.gsi2sk, f"NOTICES#{filters.about}"
    elif filters.state is not None:
        index, sort, key = Notice.gsi3, Notice.gsi3sk, model.listed_by_state(filters.surface, filters.state)
    else:
        index, sort, key = Notice.gsi1, Notice.gsi1sk, f"NOTICES#{filters.surface}"
    wanted = Notice.state == filters.state.value if filters.about and filters.state else None
    bound = sort < before if before else None
    return list(index.query(key, bound, wanted, scan_index_forward=False, limit=most))


def place(notice: Notice) -> str:
    return str(notice.gsi1sk)
