"""Which failures of a call to AWS pass by themselves."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

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
