"""What several subjects' answers share."""

from __future__ import annotations

from typing import Any

from chalicelib.core.listing import Page
from chalicelib.rest.answers import moment, whole

__all__ = ["Json", "moment", "page", "whole"]

Json = dict[str, Any]


def page(found: Page[Any], key: str, present: Any) -> Json:
    return {
        key: [present(item) for item in found.items],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }
