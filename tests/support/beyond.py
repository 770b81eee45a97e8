"""What we answer beyond the documents, each with its reason. The checker knows no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support import beyond_engine, beyond_notices
from tests.support import beyond_terminals as terminals
from tests.support import beyond_workflows as workflows
from tests.support.openapi import MOMENT as _MOMENT
from tests.support.openapi import RATE_HEADERS as _RATE_HEADERS
from tests.support.openapi import refusals as _refusals


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
        "check_all_servers",
        202,
        "HealthCheckAllResult",
        "The gateway ends a request at 29 s: what is found later is in GET /health/summary.",
    ),
    ExtraAnswer(
        "birun",
        "check_all_servers",
        503,
        "Error",
        "No relay answers, so nothing can be reached; the servers themselves may be well.",
    ),
    ExtraAnswer(
        "birun",
        "POST *",
        409,
        "Error",
        "The Idempotency-Key belongs to a request that is still under way, or to a different one.",
    ),
    ExtraAnswer(
        "engine",
        "*",
        503,
        "Error",
        "No cluster is registered, or the one that is cannot be reached: nothing is wrong with us.",
    ),
    ExtraAnswer(
        "birun",
        "delete_server_group",
        400,
        "Error",
        "A schedule or a workflow uses it, and would fail without; the answer names them.",
    ),
    ExtraAnswer(
        "birun",
        "toggle_schedule",
        400,
        "Error",
        "Switched on, a schedule needs its script and something to run on; they may be gone by now.",
    ),
    *(
        ExtraAnswer("birun", operation, 400, "Error", "Somebody changes it at the same moment: try again.")
        for operation in ("delete_schedule", "delete_workflow")
    ),
    ExtraAnswer("engine", "*", 403, "Error", "Listed for all; accounts of the shared kind may only read."),
    ExtraAnswer("engine", "*", 502, "Error", "The cluster refused what it was asked."),
    ExtraAnswer("engine", "*", 429, "Error", "The document sets no limits; a public service needs some."),
    ExtraAnswer("engine", "register_user", 403, "Error", "The operator may close registration."),
    ExtraAnswer(
        "engine",
        "update_user_profile",
        403,
        "Error",
        "An API key that may only read changes no profile; the document knows no permissions of keys.",
    ),
    ExtraAnswer("engine", "send_test_notification", 403, "Error", "Trials are switched off in production."),
    ExtraAnswer(
        "engine",
        "change_password",
        409,
        "Error",
        "The account was changed at the same moment, or the session ended meanwhile.",
    ),
    ExtraAnswer(
        "engine",
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
        "engine",
        "Domain",
        "status",
        ("active",),
        "Proved and reachable are two things: the cluster takes a moment to route a name.",
    ),
    ExtraValues(
        "birun",
        "User",
        "role",
        ("operator", "viewer"),
        "The document shows two roles; users are shared by all surfaces, which have four.",
    ),
)

_GATEWAYS_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["error", "status", "details"],
    "properties": {"error": {"type": "string", "minLength": 1}, "status": {"const": "error"}, "details": {}},
}

# The shape of an error on a path that no operation has. The gateway answers it, which knows no surfaces.
UNKNOWN_PATH = _GATEWAYS_ENVELOPE


# What an answer gave out as the place to go on from; empty for the beginning.
_CURSOR = {"type": "string", "pattern": r"^([0-9c]{1,6}#\d{12}(#\d{1,12})?)?$"}

_WINDOW = {"type": "string", "pattern": r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z)?$"}
_SCHEDULE_RUN = {
    "type": "object",
    "required": ["scheduled_for", "status", "reason", "missed_windows", "execution_id"],
    "properties": {
        "scheduled_for": {"type": "string", "format": "date-time"},
        "status": {"enum": ["queued", "running", "completed", "failed", "stopped", "skipped", "missed"]},
        "reason": {"type": ["string", "null"]},
        "missed_windows": {"type": "integer", "minimum": 0},
        "execution_id": {"type": ["string", "null"], "format": "uuid"},
        "recorded_at": _MOMENT,
        "started_at": _MOMENT,
        "completed_at": _MOMENT,
    },
}

# Operations that no document has, in the documents' own language and joined to them when they are loaded.
# ``x-beyond`` is the reason.
OPERATIONS: dict[str, dict[str, Any]] = {
    "birun": {
        **terminals.OPERATIONS,
        **workflows.OPERATIONS,
        "/scripts/executions/{execution_id}/output": {
            "get": {
                "operationId": "get_execution_output",
                "x-beyond": "An answer holds a few megabytes, an output may have many: read in stretches.",
                "x-rate-limit-bucket": "general",
                "parameters": [
                    {"$ref": "#/components/parameters/execution_id"},
                    {"name": "cursor", "in": "query", "required": False, "schema": _CURSOR},
                ],
                "responses": {
                    "200": {
                        "description": "The next stretch.",
                        "headers": _RATE_HEADERS,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": [
                                        "execution_id",
                                        "status",
                                        "output",
                                        "cursor",
                                        "complete",
                                        "output_truncated",
                                    ],
                                    "properties": {
                                        "execution_id": {"type": "integer", "minimum": 1},
                                        "status": {"$ref": "#/components/schemas/ExecutionStatus"},
                                        "output": {
                                            "type": "array",
                                            "items": {
                                                "type": "object",
                                                "required": ["stream", "data"],
                                                "properties": {
                                                    "stream": {"enum": ["stdout", "stderr"]},
                                                    "data": {"type": "string"},
                                                },
                                            },
                                        },
                                        "cursor": _CURSOR,
                                        "complete": {"type": "boolean"},
                                        "output_truncated": {"type": "boolean"},
                                    },
                                }
                            }
                        },
                    },
                    **_refusals("Unauthorized", "NotFound", "ValidationError", "TooManyRequests"),
                },
            }
        },
        "/schedules/{schedule_id}/runs": {
            "get": {
                "operationId": "list_schedule_runs",
                "x-beyond": "What became of each window: the document has no history of schedules.",
                "x-rate-limit-bucket": "general",
                "parameters": [
                    {"$ref": "#/components/parameters/schedule_id"},
                    {
                        "name": "limit",
                        "in": "query",
                        "required": False,
                        "schema": {"type": "integer", "minimum": 1, "default": 20},
                    },
                    {"name": "cursor", "in": "query", "required": False, "schema": _WINDOW},
                ],
                "responses": {
                    "200": {
                        "description": "Newest window first.",
                        "headers": _RATE_HEADERS,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["runs", "cursor"],
                                    "properties": {
                                        "runs": {"type": "array", "items": _SCHEDULE_RUN},
                                        "cursor": {"type": ["string", "null"]},
                                    },
                                }
                            }
                        },
                    },
                    **_refusals("Unauthorized", "NotFound", "ValidationError", "TooManyRequests"),
                },
            }
        },
        **beyond_notices.OPERATIONS,
    },
    "engine": {
        **beyond_engine.OPERATIONS,
        "/reset-password": {
            "get": {
                "operationId": "show_reset_page",
                "x-beyond": "Where the link of the reset mail leads: a page to type the new password into.",
                "security": [],
                "responses": {
                    "200": {
                        "description": "The page.",
                        "content": {"text/html": {"schema": {"type": "string"}}},
                    }
                },
            }
        },
        "/v1/ws/health": {
            "get": {
                "operationId": "check_sockets",
                "x-beyond": "Documented as a WebSocket's address; the reference answers plain HTTP there.",
                "security": [],
                "responses": {
                    "200": {
                        "description": "Well.",
                        "content": {"text/plain": {"schema": {"const": "WebSocket service is healthy"}}},
                    }
                },
            }
        },
    },
}
