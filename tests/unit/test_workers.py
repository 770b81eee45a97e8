"""What stands around functions that are no requests."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.rest import workers


def test_work_that_fails_keeps_no_later_work_waiting_and_is_told_in_the_end() -> None:
    done: list[Any] = []

    def breaks(given: str) -> None:
        raise ValueError(given)

    with pytest.raises(ExceptionGroup, match="2 of 4 failed") as failure:
        workers.each([(done.append, 1), (breaks, "first"), (done.append, 2), (breaks, "second")])
    assert done == [1, 2]
    assert [str(one) for one in failure.value.exceptions] == ["first", "second"]


def test_work_that_succeeds_raises_nothing() -> None:
    done: list[Any] = []
    workers.each([(done.append, None)])
    assert done == [None]
