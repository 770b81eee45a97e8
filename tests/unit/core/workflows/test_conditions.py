"""Comparisons are typed; what cannot be compared is said."""

from __future__ import annotations

import pytest

from chalicelib.core.workflows import conditions
from chalicelib.core.workflows.conditions import Value


@pytest.mark.parametrize(
    ("operator", "actual", "value", "holds"),
    [
        ("eq", 0, 0, True),
        ("ne", 3, 3, False),
        ("lt", 2, 3, True),
        ("ge", 3, 3, True),
        ("gt", "  42.5\n", 42, True),
        ("le", "-1", 0, True),
        ("eq", "ok\n", "ok", True),
        ("eq", "10", "10.0", False),
        ("ne", "ok", "OK", True),
        ("contains", "disk almost full", "full", True),
        ("not_contains", "disk almost full", "full", False),
        ("starts_with", "  ready since", "ready", True),
        ("ends_with", "v1.2\n", "1.2", True),
        ("contains", 42, "4", True),
    ],
)
def test_a_comparison_is_of_numbers_or_of_texts(
    operator: str, actual: Value, value: Value, holds: bool
) -> None:
    assert conditions.holds(operator, actual, value) is holds


@pytest.mark.parametrize("actual", ["", "twelve", "1 2", "0x10"])
def test_what_is_no_number_is_not_compared_with_one(actual: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        conditions.holds("gt", actual, 1)


def test_hosts_are_taken_together_as_asked() -> None:
    assert conditions.together("all", [True, True])
    assert not conditions.together("all", [True, False])
    assert conditions.together("any", [True, False])
    assert not conditions.together("any", [False, False])
