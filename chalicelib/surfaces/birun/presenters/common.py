"""What several subjects' answers share."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.core.listing import Page

Json = dict[str, Any]


def moment(text: str | None) -> str | None:
    """To the second, as the document shows times, when there is no more to say."""
    return re.sub(r"\.0+Z$", "Z", text) if text else None


def whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def page(found: Page[Any], key: str, present: Any) -> Json:
    return {
        key: [present(item) for item in found.items],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }
