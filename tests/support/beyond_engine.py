"""Container Engine's operations beyond its document, in the document's own language."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]

_ID = {"$ref": "#/components/parameters/DeploymentId"}
_TEXT = {"type": ["string", "null"]}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_STATE = {"$ref": "#/components/schemas/DeploymentState"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(required: list[str], **properties: Node) -> Node:
    return {"type": "object", "required": required, "properties": properties}


def _operation(
    name: str,
    reason: str,
    answer: Node,
    *,
    body: Node | None = None,
    query: Any = (),
    place: tuple[Node, ...] = (_ID,),
) -> Node:
    refusals = {"400": "BadRequest", "401": "Unauthorized", "404": "NotFound", "500": "InternalServerError"}
    if body is not None:
        refusals["422"] = "UnprocessableEntity"
    made: Node = {
        "operationId": name,
        "x-beyond": reason,
        "security": [{"apiKey": []}, {"accessToken": []}],
        "parameters": [*place, *query],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}},
            **{status: {"$ref": f"#/components/responses/{called}"} for status, called in refusals.items()},
        },
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


_BEGUN = _object(
    ["id", "status", "revision", "execution_id", "message"],
    id={"type": "string", "format": "uuid"},
    status=_STATE,
    revision={"type": "integer", "minimum": 1},
    execution_id={"type": ["string", "null"], "format": "uuid"},
    message={"type": "string"},
)
_ROLLOUT = _object(
    ["revision", "current", "action", "outcome", "message", "image", "replicas", "env_names", "created_at"],
    revision={"type": "integer", "minimum": 1},
    current={"type": "boolean"},
    action={"enum": ["create", "update", "restart", "undo"]},
    outcome={"enum": ["pending", "working", "failed", "superseded"]},
    message=_TEXT,
    image={"type": "string"},
    replicas=_COUNT,
    env_names={"type": "array", "items": {"type": "string"}},
    created_at={"type": "string", "format": "date-time"},
)
_EXECUTION = _object(
    ["execution_id", "action", "revision", "status", "step", "progress", "reason", "created_at"],
    execution_id={"type": "string", "format": "uuid"},
    action={"type": "string"},
    revision={"type": "integer", "minimum": 1},
    status={"enum": ["queued", "running", "retrying", "succeeded", "failed", "cancelled", "timed_out", None]},
    step=_TEXT,
    progress={"type": ["integer", "null"], "minimum": 0, "maximum": 100},
    reason=_TEXT,
    created_at={"type": "string", "format": "date-time"},
    started_at=_MOMENT,
    completed_at=_MOMENT,
)
_BOUNDS = _object(
    [],
    enabled={"type": "boolean"},
    minimum={"type": "integer", "minimum": 1, "maximum": 100},
    maximum={"type": "integer", "minimum": 1, "maximum": 100},
    cpu_percent={"type": "integer", "minimum": 1, "maximum": 100},
)
_CHANGES = _object(
    ["changes_anything", "changes"],
    changes_anything={"type": "boolean"},
    changes={
        "type": "array",
        "items": _object(
            ["kind", "name", "action", "fields"],
            kind={"type": "string"},
            name={"type": "string"},
            action={"enum": ["create", "update", "delete", "none"]},
            fields={"type": "array"},
        ),
    },
)
_LIMIT = {
    "name": "limit",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "default": 20},
}
_CURSOR = {
    "name": "cursor",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "pattern": "^(CHANGE#[0-9a-fTZ:.#-]+)?$"},
}
_POLICY = _object(["policy"], policy={"type": "string", "enum": ["report", "repair"]})
_DRIFT = _object(
    ["id", "drift_policy", "drift"],
    drift_policy={"enum": ["report", "repair"]},
    drift={"type": ["array", "null"]},
)
_ONE = "/v1/deployments/{deploymentId}"

_ALERT = _object(
    ["id", "kind", "severity", "status", "app_name", "deployment_id", "message", "raised_at"],
    id={"type": "string", "format": "uuid"},
    kind={"type": "string"},
    severity={"enum": ["info", "warning", "critical"]},
    status={"enum": ["open", "cleared"]},
    deployment_id={"type": ["string", "null"], "format": "uuid"},
    raised_at={"type": "string", "format": "date-time"},
    cleared_at=_MOMENT,
)
_STANDING = {
    "name": "status",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["open", "cleared"]},
}
_ALERT_CURSOR = _CURSOR | {
    "schema": {"type": "string", "pattern": r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$"}
}

OPERATIONS: dict[str, Node] = {
    "/v1/alerts": {
        "get": _operation(
            "list_alerts",
            "What is the matter with the caller's deployments, and was.",
            _object(["alerts", "cursor"], alerts={"type": "array", "items": _ALERT}, cursor=_TEXT),
            query=(_STANDING, _LIMIT, _ALERT_CURSOR),
            place=(),
        )
    },
    f"{_ONE}/rollouts": {
        "get": _operation(
            "list_rollouts",
            "The versions that there were, to go back to one of them.",
            _object(["rollouts"], rollouts={"type": "array", "items": _ROLLOUT}),
        )
    },
    f"{_ONE}/executions": {
        "get": _operation(
            "list_deployment_executions",
            "What was asked for and how it went: the document tells the state alone.",
            _object(
                ["executions", "cursor"], executions={"type": "array", "items": _EXECUTION}, cursor=_TEXT
            ),
            query=(_LIMIT, _CURSOR),
        )
    },
    f"{_ONE}/undo": {
        "post": _operation(
            "undo_rollout",
            "Back to an earlier version.",
            _BEGUN,
            body=_object([], revision={"type": ["integer", "null"], "minimum": 1}),
        )
    },
    f"{_ONE}/restart": {
        "post": _operation("restart_deployment", "Every pod anew, without an outage.", _BEGUN)
    },
    f"{_ONE}/autoscaling": {
        "put": _operation(
            "set_autoscaling",
            "Bounds between which the cluster chooses how many replicas run.",
            _BEGUN,
            body=_BOUNDS,
        )
    },
    f"{_ONE}/diff": {
        "post": _operation(
            "diff_deployment",
            "What an update would change, by the API server's own word.",
            _CHANGES,
            body={"$ref": "#/components/schemas/UpdateDeploymentRequest"},
        )
    },
    f"{_ONE}/domains/{{domainId}}/verify": {
        "post": _operation(
            "verify_domain",
            "Looks for the proof of control now, not within the minute.",
            {"$ref": "#/components/schemas/Domain"},
            query=({"$ref": "#/components/parameters/DomainId"},),
        )
    },
    f"{_ONE}/drift": {
        "put": _operation(
            "set_drift_policy",
            "What becomes of a change that somebody made on the cluster by hand.",
            _DRIFT,
            body=_POLICY,
        )
    },
}
