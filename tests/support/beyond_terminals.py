"""What biRun answers about terminals, in the documents' own language: the document has the channel alone."""

from __future__ import annotations

from typing import Any

_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_STATUSES = {
    "Unauthorized": "401",
    "Forbidden": "403",
    "NotFound": "404",
    "ValidationError": "422",
    "TooManyRequests": "429",
}

_TERMINAL_ID = {
    "name": "terminal_id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_TERMINAL_STATE = {"enum": ["opening", "open", "ended"]}
_TERMINAL = {
    "type": "object",
    "required": ["id", "server_id", "server_name", "username", "address", "status", "opened_at", "reason"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "server_id": {"type": "integer", "minimum": 1},
        "server_name": {"type": "string"},
        "user_id": {"type": "integer", "minimum": 1},
        "username": {"type": "string"},
        "address": {"type": ["string", "null"]},
        "status": _TERMINAL_STATE,
        "opened_at": {"type": "string", "format": "date-time"},
        "started_at": _MOMENT,
        "ended_at": _MOMENT,
        "reason": {"type": ["string", "null"]},
        "exit_code": {"type": ["integer", "null"]},
        "signal": {"type": ["string", "null"]},
        "recorded_bytes": {"type": "integer", "minimum": 0},
        "recording_complete": {"type": "boolean"},
    },
}


def _whole(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "integer", "minimum": 1}}


def _answers(schema: dict[str, Any], *refusals: str) -> dict[str, Any]:
    limits = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    answer = {
        "description": "Done.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in limits},
        "content": {"application/json": {"schema": schema}},
    }
    refused = ("Unauthorized", "TooManyRequests", *refusals)
    return {"200": answer} | {_STATUSES[one]: {"$ref": f"#/components/responses/{one}"} for one in refused}


OPERATIONS: dict[str, Any] = {
    "/auth/tickets": {
        "post": {
            "operationId": "create_ticket",
            "x-beyond": "A browser sets no header on a WebSocket: this may stand in the address, once.",
            "x-rate-limit-bucket": "general",
            "responses": _answers(
                {
                    "type": "object",
                    "required": ["ticket", "expires_in"],
                    "properties": {"ticket": {"type": "string"}, "expires_in": {"const": 30}},
                }
            ),
        }
    },
    "/terminals/": {
        "get": {
            "operationId": "list_terminals",
            "x-beyond": "Who was at which server's shell, and when: the document has the channel alone.",
            "x-rate-limit-bucket": "general",
            "parameters": [
                _whole("page"),
                _whole("limit"),
                {"name": "status", "in": "query", "required": False, "schema": _TERMINAL_STATE},
                _whole("server_id"),
                _whole("user_id"),
            ],
            "responses": _answers(
                {
                    "type": "object",
                    "required": ["terminals", "total", "page", "pages"],
                    "properties": {
                        "terminals": {"type": "array", "items": _TERMINAL},
                        "total": {"type": "integer", "minimum": 0},
                        "page": {"type": "integer", "minimum": 1},
                        "pages": {"type": "integer", "minimum": 0},
                    },
                },
                "ValidationError",
            ),
        }
    },
    "/terminals/{terminal_id}": {
        "get": {
            "operationId": "get_terminal",
            "x-beyond": "One terminal session.",
            "x-rate-limit-bucket": "general",
            "parameters": [_TERMINAL_ID],
            "responses": _answers(_TERMINAL, "NotFound", "ValidationError"),
        }
    },
    "/terminals/{terminal_id}/stop": {
        "post": {
            "operationId": "stop_terminal",
            "x-beyond": "Ends a session, one's own or as an administrator anybody's.",
            "x-rate-limit-bucket": "general",
            "parameters": [_TERMINAL_ID],
            "responses": _answers(_TERMINAL, "Forbidden", "NotFound", "ValidationError"),
        }
    },
    "/terminals/{terminal_id}/recording": {
        "get": {
            "operationId": "get_terminal_recording",
            "x-beyond": "What was seen at a shell, for administrators, a stretch a call.",
            "x-rate-limit-bucket": "general",
            "parameters": [
                _TERMINAL_ID,
                {
                    "name": "cursor",
                    "in": "query",
                    "required": False,
                    "schema": {"type": "string", "pattern": r"^\d{0,9}$"},
                },
            ],
            "responses": _answers(
                {
                    "type": "object",
                    "required": ["terminal_id", "format", "data", "cursor", "complete"],
                    "properties": {
                        "terminal_id": {"type": "integer", "minimum": 1},
                        "format": {"const": "asciicast-v2"},
                        "data": {"type": "string"},
                        "cursor": {"type": "string", "pattern": r"^\d{1,9}$"},
                        "complete": {"type": "boolean"},
                    },
                },
                "Forbidden",
                "NotFound",
                "ValidationError",
            ),
        }
    },
}
