"""Notifications and alerts, which biRun's document does not have."""

from __future__ import annotations

from typing import Any

from tests.support.openapi import MOMENT, NUMBER, answer, query, refusals, thing

_LIMIT = query("limit", {"type": "integer", "minimum": 1, "default": 20})
_PLACE = query("cursor", {"type": "string", "pattern": r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$"})
_STATES = {"enum": ["queued", "retrying", "delivered", "failed"]}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_TEXT = {"type": ["string", "null"]}

_ATTEMPT = thing(
    {
        "at": {"type": "string", "format": "date-time"},
        "milliseconds": {"type": "integer", "minimum": 0},
        "status_code": {"type": ["integer", "null"]},
        "error": _TEXT,
    }
)
_DELIVERY = thing(
    {
        "id": {"type": "string", "format": "uuid"},
        "channel": {"enum": ["webhook", "mail"]},
        "event": {"type": "string"},
        "about": {"type": "string"},
        "to": _TEXTS,
        "status": _STATES,
        "reason": _TEXT,
        "attempts": {"type": "array", "items": _ATTEMPT},
        "next_attempt_at": MOMENT,
        "created_at": MOMENT,
        "completed_at": MOMENT,
    }
)
_WEBHOOK = thing({"url": {"type": "string"}, "secret": _TEXT}, ["url"])
_TEST = thing(
    {
        "schedule_id": {"type": ["integer", "null"], "minimum": 1},
        "webhook": {"anyOf": [_WEBHOOK, {"type": "null"}]},
        "email": _TEXTS,
    },
    [],
)
_DELIVERIES = {"type": "array", "items": _DELIVERY}

_ALERT = thing(
    {
        "id": {"type": "string", "format": "uuid"},
        "status": {"enum": ["open", "cleared"]},
        "kind": {"type": "string"},
        "severity": {"enum": ["info", "warning", "critical"]},
        "subject": {"type": "string"},
        "subject_name": {"type": "string"},
        "server_id": {"type": ["integer", "null"]},
        "message": {"type": "string"},
        "raised_at": {"type": "string", "format": "date-time"},
        "cleared_at": MOMENT,
        "cleared_because": _TEXT,
    }
)
_ALERTS = thing({"alerts": {"type": "array", "items": _ALERT}, "cursor": _TEXT})
_TURNS = {"type": "array", "items": {"enum": ["failure", "recovery"]}, "minItems": 1}
_CHANNELS = thing({"on": _TURNS, "webhook": {"anyOf": [_WEBHOOK, {"type": "null"}]}, "email": _TEXTS}, [])
_TOLD = thing({"notifications": {"anyOf": [_CHANNELS, {"type": "null"}]}})

OPERATIONS: dict[str, Any] = {
    "/notifications/deliveries": {
        "get": {
            "operationId": "list_deliveries",
            "x-beyond": "What became of each webhook and mail; the document has no notifications.",
            "x-rate-limit-bucket": "general",
            "parameters": [
                query("schedule_id", NUMBER),
                query("workflow_id", NUMBER),
                query("status", _STATES),
                _LIMIT,
                _PLACE,
            ],
            "responses": {
                **answer("Newest first.", thing({"deliveries": _DELIVERIES, "cursor": _TEXT})),
                **refusals("Unauthorized", "ValidationError", "TooManyRequests"),
            },
        }
    },
    "/notifications/test": {
        "post": {
            "operationId": "send_test_notification",
            "x-beyond": "Whether a receiver takes what we send is known by trying.",
            "x-rate-limit-bucket": "general",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": _TEST,
                        "examples": {"sample": {"value": {"webhook": {"url": "https://example.com/hook"}}}},
                    }
                },
            },
            "responses": {
                **answer("Written down.", thing({"message": {"type": "string"}, "deliveries": _DELIVERIES})),
                **refusals("BadRequest", "Unauthorized", "Forbidden", "ValidationError", "TooManyRequests"),
            },
        }
    },
    "/alerts": {
        "get": {
            "operationId": "list_alerts",
            "x-beyond": "What is wrong now, and what was: the document shows states, not when they began.",
            "x-rate-limit-bucket": "general",
            "parameters": [
                query("status", {"enum": ["open", "cleared"]}),
                query("severity", {"enum": ["info", "warning", "critical"]}),
                query("kind", {"type": "string"}),
                query("server_id", NUMBER),
                _LIMIT,
                _PLACE,
            ],
            "responses": {
                **answer(
                    "Newest first.", thing({"alerts": {"type": "array", "items": _ALERT}, "cursor": _TEXT})
                ),
                **refusals("Unauthorized", "ValidationError", "TooManyRequests"),
            },
        }
    },
    "/alerts/channels": {
        "get": {
            "operationId": "get_alert_channels",
            "x-beyond": "Who is told of alerts.",
            "x-rate-limit-bucket": "general",
            "responses": {**answer("As set.", _TOLD), **refusals("Unauthorized", "TooManyRequests")},
        },
        "put": {
            "operationId": "update_alert_channels",
            "x-beyond": "Who is told of alerts.",
            "x-rate-limit-bucket": "general",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": _TOLD,
                        "examples": {
                            "sample": {
                                "value": {
                                    "notifications": {
                                        "on": ["failure"],
                                        "webhook": {"url": "https://example.com/alerts"},
                                    }
                                }
                            }
                        },
                    }
                },
            },
            "responses": {
                **answer("As set.", _TOLD),
                **refusals("BadRequest", "Unauthorized", "Forbidden", "ValidationError", "TooManyRequests"),
            },
        },
    },
}
