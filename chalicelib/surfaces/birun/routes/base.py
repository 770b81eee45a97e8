"""What all of biRun's operations share: the dialect, the limits, the blueprint."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Unpack

from chalice.app import Blueprint

from chalicelib.core.identity.roles import Permission
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import BadRequest, Conflict, QuarterdeckError
from chalicelib.rest.surface import Call, Facts, Surface

AUTHENTICATION = Bucket("birun-authentication", 5)
GENERAL = Bucket("birun", 100)
WRITE = Permission.WRITE

Json = dict[str, Any]
Work = Callable[[Call], Any]


class Dialect:
    """{"error", "status": "error", "details"}."""

    def status(self, error: QuarterdeckError) -> int:
        return error.status

    def body(self, error: QuarterdeckError) -> Json:
        return {"error": error.message, "status": "error", "details": error.details}


blueprint = Blueprint("birun")
surface = Surface("birun", "/birun/api", Dialect(), GENERAL, blueprint)


def operation(method: str, path: str, **facts: Unpack[Facts]) -> Callable[[Work], Work]:
    """Decorator. A conflict within the work is a bad request, as the document has no other word for it; one
    over an Idempotency-Key comes from around the work."""

    def register(work: Work) -> Work:
        @wraps(work)
        def undisputed(call: Call) -> Any:
            try:
                return work(call)
            except Conflict as error:
                raise BadRequest(error.message, error.details) from error

        surface.operation(method, path, **facts)(undisputed)
        return work

    return register


def message(text: str) -> Json:
    return {"message": text}
