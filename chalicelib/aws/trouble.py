"""Which failures of a call to AWS pass by themselves, and waiting until they have."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.logs import log

T = TypeVar("T")

PAUSE_SECONDS = 2.0
_BUSY = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottlingException",
        "TransactionConflictException",
    }
)


def passes(error: BaseException) -> bool:
    """Nobody answered, or not now. ``error`` as botocore raises it, or as PynamoDB wraps it."""
    cause: Any = getattr(error, "cause", None) or error
    if not isinstance(cause, ClientError):
        return isinstance(cause, BotoCoreError)
    status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or cause.response.get("Error", {}).get("Code") in _BUSY


def until_answered(call: Callable[[], T]) -> T:
    """Asks until AWS is there again, for who has time and must not lose what he has. What does not pass is
    raised."""
    while True:
        try:
            return call()
        except Exception as error:
            if not passes(error):
                raise
            log().warning("AWS did not answer; asking again", error=str(error))
        time.sleep(PAUSE_SECONDS)
