"""What we answer beyond the documents, each with its reason. The checker knows no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ExtraAnswer:
    """A status that the document does not list for an operation.

    ``operation``: an operationId, or ``*`` for all, or ``POST *`` for all of a method.
    ``schema``: a name in the surface's components.
    """

    surface: str
    operation: str
    status: int
    schema: str
    reason: str

    def covers(self, method: str, operation_id: str) -> bool:
        return self.operation in ("*", f"{method} *", operation_id)


ANSWERS = (
    ExtraAnswer(
        "birun",
        "execute_on_server",
        202,
        "ServerExecuteResult",
        "The gateway ends a request at 29 s: a run that takes longer is followed as an execution.",
    ),
    ExtraAnswer(
        "birun",
        "execute_on_server",
        503,
        "Error",
        "No relay answers, so nothing can be reached; the server itself may be well.",
    ),
    ExtraAnswer(
        "birun",
        "check_server_health",
        503,
        "Error",
        "No relay answers, so nothing can be reached; the server itself may be well.",
    ),
    ExtraAnswer(
        "birun",
        "POST *",
        409,
        "Error",
        "The Idempotency-Key belongs to a request that is still under way, or to a different one.",
    ),
)


@dataclass(frozen=True)
class ExtraValues:
    """Values that we send in a field whose documented enumeration is shorter."""

    surface: str
    schema: str
    field: str
    values: tuple[str, ...]
    reason: str


VALUES = (
    ExtraValues(
        "birun",
        "User",
        "role",
        ("operator", "viewer"),
        "The document shows two roles; users are shared by all surfaces, which have four.",
    ),
)

_ERROR_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["error", "status", "details"],
    "properties": {"error": {"type": "string", "minLength": 1}, "status": {"const": "error"}, "details": {}},
}

# The shape of an error on a path that no operation of the surface has.
UNKNOWN_PATH: dict[str, dict[str, Any]] = {"birun": _ERROR_ENVELOPE}


@dataclass(frozen=True)
class ExtraRoute:
    """A route of the app that no document has. ``schemas``: status to the schema of its body."""

    method: str
    path: str
    reason: str
    public: bool
    schemas: dict[int, dict[str, Any]]


ROUTES = (
    ExtraRoute(
        "GET",
        "/health",
        "Health of the whole system, for load balancers and the launcher.",
        public=True,
        schemas={
            200: {
                "type": "object",
                "required": ["status"],
                "properties": {"status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]}},
            }
        },
    ),
)


def extra_route(method: str, path: str) -> ExtraRoute | None:
    wanted = path.rstrip("/") or "/"
    return next((route for route in ROUTES if (route.method, route.path) == (method, wanted)), None)
