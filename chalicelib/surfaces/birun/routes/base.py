"""What all of biRun's operations share: the dialect, the limits, the blueprint."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.core.identity.roles import Permission
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import QuarterdeckError
from chalicelib.rest.surface import Surface

AUTHENTICATION = Bucket("birun-authentication", 5)
GENERAL = Bucket("birun", 100)
WRITE = Permission.WRITE

Json = dict[str, Any]


class Dialect:
    """{"error", "status": "error", "details"}; a conflict is a bad request here, save under idempotency."""

    def status(self, error: QuarterdeckError) -> int:
        return error.status

    def body(self, error: QuarterdeckError) -> Json:
        return {"error": error.message, "status": "error", "details": error.details}


blueprint = Blueprint("birun")
surface = Surface("birun", "/birun/api", Dialect(), GENERAL, blueprint)
operation = surface.operation


def message(text: str) -> Json:
    return {"message": text}
