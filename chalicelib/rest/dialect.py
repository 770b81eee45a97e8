"""A surface's way of saying things: the shape of its errors and how it names a bad field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.kernel.errors import Invalid, QuarterdeckError

if TYPE_CHECKING:
    from pydantic import ValidationError

UNEXPECTED = "Something went wrong on our side. Quote the request id when you report it."


class Dialect(Protocol):
    def status(self, error: QuarterdeckError) -> int:
        """The documented HTTP status for ``error``."""

    def body(self, error: QuarterdeckError) -> dict[str, Any]:
        """The documented error shape."""


def invalid(where: str, error: ValidationError) -> Invalid:
    """pydantic's findings as {loc, msg, type}; never the input itself, which may be a secret."""
    details = [
        {
            "loc": [where, *found["loc"]],
            "msg": found["msg"].removeprefix("Value error, "),
            "type": found["type"],
        }
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Invalid("Validation error", details)


def invalid_field(where: str, field: str, message: str, kind: str = "value_error") -> Invalid:
    """One bad field that took more than its shape to find out."""
    return Invalid("Validation error", [{"loc": [where, field], "msg": message, "type": kind}])
