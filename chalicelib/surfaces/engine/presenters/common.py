"""What several subjects' answers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.core.listing import Page

Json = dict[str, Any]


def page(found: Page[Any], key: str, present: Callable[[Any], Json]) -> Json:
    return {
        key: [present(item) for item in found.items],
        "pagination": {
            "page": found.page,
            "limit": found.limit,
            "total": found.total,
            "total_pages": found.pages,
        },
    }
