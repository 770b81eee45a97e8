"""What all of Container Engine's operations share: the dialect, the limits, the blueprint."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.core.identity.roles import Permission
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    QuarterdeckError,
    RateLimited,
    TooLarge,
    Unauthenticated,
)
from chalicelib.rest.surface import Surface

# The document sets no limits. Log-ins and their like: what its contract suggests, by address.
AUTHENTICATION = Bucket("engine-authentication", 5)
GENERAL = Bucket("engine", 600)
OWN = Permission.OWN
WRITE = Permission.WRITE
DEPLOY = Permission.DEPLOY

Json = dict[str, Any]

_CODES: dict[type[QuarterdeckError], str] = {
    BadRequest: "BAD_REQUEST",
    TooLarge: "BAD_REQUEST",
    Invalid: "VALIDATION_ERROR",
    Unauthenticated: "AUTHENTICATION_ERROR",
    Forbidden: "FORBIDDEN",
    NotFound: "NOT_FOUND",
    Conflict: "CONFLICT",
    RateLimited: "RATE_LIMITED",
}


class Dialect:
    """{"error": {"message", "details"?, "code"}}, details being plain text.

    What fails validation is 422 for a body of the wrong structure (a field missing or of another type) and
    400 for one with wrong values, as for paths and queries. An Invalid without a list of fields is 422.
    """

    def status(self, error: QuarterdeckError) -> int:
        if isinstance(error, Invalid) and isinstance(error.details, list):
            return 422 if any(_structural(found) for found in error.details) else 400
        return error.status

    def body(self, error: QuarterdeckError) -> Json:
        said: Json = {"message": error.message, "code": _CODES.get(type(error), "INTERNAL_ERROR")}
        if error.details is not None:
            said["details"] = _text(error.details)
        return {"error": said}


def _structural(found: Json) -> bool:
    where, kind = str(found["loc"][0]), str(found["type"])
    return where == "body" and (kind == "missing" or kind.endswith("_type"))


def _text(details: Any) -> str:
    """``email: should be an e-mail address``, one for each field that was wrong."""
    if not isinstance(details, list):
        return str(details)
    return "; ".join(_told(found) for found in details)


def _told(found: Any) -> str:
    if not isinstance(found, dict):
        return str(found)
    place = ".".join(str(part) for part in found["loc"][1:])
    return f"{place}: {found['msg']}" if place else str(found["msg"])


blueprint = Blueprint("engine")
surface = Surface("engine", "/engine", Dialect(), GENERAL, blueprint)
operation = surface.operation


def message(text: str) -> Json:
    return {"message": text}
