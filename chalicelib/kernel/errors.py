"""What can go wrong, as types. A surface's dialect turns each into its documented status and shape.

``message`` is for the person who reads it: what was wrong and what to do. It never holds a secret.
"""

from __future__ import annotations

from typing import Any


class QuarterdeckError(Exception):
    """Root of all errors that we raise on purpose."""

    status = 500

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BadRequest(QuarterdeckError):
    """The request is well formed but cannot be done as it stands."""

    status = 400


class TooLarge(BadRequest):
    """What is to be kept is larger than a record may be."""


class Unauthenticated(QuarterdeckError):
    """No token, or one that is not good (any more)."""

    status = 401


class Forbidden(QuarterdeckError):
    """Known caller, but without the right."""

    status = 403


class NotFound(QuarterdeckError):
    """No such thing, or one that belongs to somebody else."""

    status = 404


class Conflict(QuarterdeckError):
    """The thing is in a state that does not allow it, or the name is taken."""

    status = 409


class Invalid(QuarterdeckError):
    """Fields that fail validation. ``details`` is a list of {loc: [...], msg, type}."""

    status = 422


class RateLimited(QuarterdeckError):
    """The window is used up; ``retry_after`` is in whole seconds."""

    status = 429

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(QuarterdeckError):
    """Something we depend on does not answer (no relay, say). Worth trying again later."""

    status = 503


class TargetError(QuarterdeckError):
    """A system outside said no or did not answer.

    ``transient``: the same call may succeed later, so the frame (never the driver) may retry it.
    """

    status = 502
    transient = False


class TransientTargetError(TargetError):
    """Unreachable, timed out, throttled: may succeed later."""

    transient = True


class PermanentTargetError(TargetError):
    """Refused for a reason that time does not mend: bad credentials, changed host key, bad input."""
