"""What stands around every function that is not a request: one log line; failures logged and passed on."""

from __future__ import annotations

from collections.abc import Callable
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
