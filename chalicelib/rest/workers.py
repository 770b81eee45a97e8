"""What stands around every function that is not a request: one log line; failures logged and passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from chalicelib.kernel.logs import log

Given = TypeVar("Given")
Result = TypeVar("Result")


def logged(work: Callable[[Given], Result], given: Given, context: Any) -> Result:
    request_id = getattr(context, "aws_request_id", None)
    try:
        result = work(given)
    except Exception:
        log().exception("function failed", function=work.__name__, request_id=request_id)
        raise
    log().info("function", function=work.__name__, request_id=request_id)
    return result


def each(works: Sequence[tuple[Callable[[Any], object], Any]]) -> None:
    """Pairs of work and what it is given, one after the other: one that fails keeps no later one waiting.

    Raises ExceptionGroup of what they raised, when all have been tried.
    """
    failures: list[Exception] = []
    for work, given in works:
        try:
            logged(work, given, None)
        except Exception as error:  # noqa: BLE001 - raised below, with the others
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(works)} failed", failures)
