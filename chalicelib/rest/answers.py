"""What the answers of several surfaces share."""

from __future__ import annotations

import re


def moment(text: str | None) -> str | None:
    """To the second, as the documents show times, when there is no more to say."""
    return re.sub(r"\.0+Z$", "Z", text) if text else None


def whole(number: float | None) -> int | None:
    return None if number is None else int(number)
