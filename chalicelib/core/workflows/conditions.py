"""Comparisons that a condition may make: typed, of numbers or of texts. No expression is evaluated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "contains": lambda text, part: part in text,
    "not_contains": lambda text, part: part not in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}

Value = int | float | str


def holds(word: str, actual: Value, value: Value) -> bool:
    """``actual`` is a text where ``value`` is. A text is compared without white space around it.

    Raises ValueError with words for the person where a number is wanted and ``actual`` is none.
    """
    if isinstance(value, str):
        return _TEXTS[word](str(actual).strip(), value)
    return _NUMBERS[word](_number(actual), value)


def _number(actual: Value) -> float:
    if not isinstance(actual, str):
        return actual
    try:
        return float(actual.strip())
    except ValueError:
        shown = actual.strip()[:40]
        raise ValueError(f"'{shown}' is not a number") from None


def together(mode: str, found: Iterable[bool]) -> bool:
    """Over the hosts: ``all`` or ``any``."""
    return all(found) if mode == "all" else any(found)
