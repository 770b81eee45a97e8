"""What biRun answers about runs of workflows: the document has their start alone."""

from __future__ import annotations

from typing import Any

_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_TEXT = {"type": ["string", "null"]}
_UUID = {"type": "string", "format": "uuid"}
_UUID_OR_NONE = {"type": ["string", "null"], "format": "uuid"}
_STATUSES = {
    "BadRequest": "400",
    "Unauthorized": "401",
    "Forbidden": "403",
    "NotFound": "404",
    "ValidationError": "422",
    "TooManyRequests": "429",
}


def _thing(**properties: Any) -> dict[str, Any]:
    """An object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


_SUMMARY = {
    "execution_id": _UUID,
    "workflow_id": {"type": "integer", "minimum": 1},
    "workflow_name": {"type": "string"},
    "status": {"$ref": "#/components/schemas/ExecutionStatus"},
    "reason": _TEXT,
    "progress": {"type": "integer", "minimum": 0, "maximum": 100},
    "trigger": _TEXT,
    "asked_by": {"type": "string"},
    "resumed_from": _UUID_OR_NONE,
    "created_at": _MOMENT,
    "started_at": _MOMENT,
    "completed_at": _MOMENT,
}
_HOSTS = _thing(**{name: {"type": "integer", "minimum": 0} for name in ("total", "succeeded", "failed")})
_NODE = {
    "id": {"type": "string"},
    "type": {"enum": ["trigger", "script", "condition", "approval", "delay", "notify"]},
    "name": _TEXT,
    "config": {"type": "object"},
    "status": {"enum": ["pending", "running", "waiting", "completed", "failed", "skipped", "stopped"]},
    "attempt": {"type": "integer", "minimum": 0},
    "outcome": {"type": ["boolean", "null"]},
    "reason": _TEXT,
    "started_at": _MOMENT,
    "completed_at": _MOMENT,
    "waits_until": _MOMENT,
    "execution_id": _UUID_OR_NONE,
    "exit_code": {"type": ["integer", "null"]},
    "output": _TEXT,
    "hosts": {"anyOf": [_HOSTS, {"type": "null"}]},
    "decided_by": _TEXT,
    "comment": _TEXT,
    "kept_from": _UUID_OR_NONE,
}
_RESULT = _thing(
    id={"type": "integer", "minimum": 1},
    execution_id=_UUID,
    server_id={"type": "integer", "minimum": 1},
    server_name={"type": "string"},
    status={"$ref": "#/components/schemas/ExecutionStatus"},
    exit_code={"type": ["integer", "null"]},
    reason=_TEXT,
    started_at=_MOMENT,
    completed_at=_MOMENT,
)
_RUN = _thing(
    **_SUMMARY,
    resumed_as=_UUID_OR_NONE,
    nodes={"type": "array", "items": _thing(**_NODE)},
    edges={"type": "array", "items": {"$ref": "#/components/schemas/WorkflowEdge"}},
)
_QUEUED = {"$ref": "#/components/schemas/WorkflowRunResult"}

_WORKFLOW_ID = {"$ref": "#/components/parameters/workflow_id"}
_RUN_ID = {"name": "run_id", "in": "path", "required": True, "schema": _UUID}
_NODE_ID = {"name": "node_id", "in": "path", "required": True, "schema": {"type": "string"}}
_PLACE = {"type": "string", "pattern": r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$"}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _operation(
    name: str, beyond: str, schema: dict[str, Any], *parameters: Any, body: Any = None, refused: str = ""
) -> dict[str, Any]:
    limits = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    answer = {
        "description": "Done.",
        "headers": {one: {"$ref": f"#/components/headers/{one}"} for one in limits},
        "content": {"application/json": {"schema": schema}},
    }
    refusals = ("Unauthorized", "NotFound", "ValidationError", "TooManyRequests", *refused.split())
    made = {
        "operationId": name,
        "x-beyond": beyond,
        "x-rate-limit-bucket": "general",
        "parameters": list(parameters),
        "responses": {"200": answer}
        | {_STATUSES[one]: {"$ref": f"#/components/responses/{one}"} for one in refusals},
    }
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


_HERE = "/workflows/{workflow_id}/runs/{run_id}"

OPERATIONS: dict[str, Any] = {
    "/workflows/{workflow_id}/runs": {
        "get": _operation(
            "list_workflow_runs",
            "The document starts runs and shows none.",
            _thing(runs={"type": "array", "items": _thing(**_SUMMARY)}, cursor=_TEXT),
            _WORKFLOW_ID,
            _query("limit", {"type": "integer", "minimum": 1, "default": 20}),
            _query("cursor", _PLACE),
        )
    },
    _HERE: {
        "get": _operation(
            "get_workflow_run",
            "How each node of a run stands, and what it gave.",
            _RUN,
            _WORKFLOW_ID,
            _RUN_ID,
        )
    },
    f"{_HERE}/nodes/{{node_id}}": {
        "get": _operation(
            "get_workflow_run_node",
            "What became of each host of a node.",
            _thing(**_NODE, results={"type": "array", "items": _RESULT}),
            _WORKFLOW_ID,
            _RUN_ID,
            _NODE_ID,
        )
    },
    f"{_HERE}/stop": {
        "post": _operation(
            "stop_workflow_run",
            "A run under way is stopped with all that it started.",
            _QUEUED,
            _WORKFLOW_ID,
            _RUN_ID,
            refused="BadRequest Forbidden",
        )
    },
    f"{_HERE}/resume": {
        "post": _operation(
            "resume_workflow_run",
            "After a failure only what failed and what depends on it runs again.",
            _QUEUED,
            _WORKFLOW_ID,
            _RUN_ID,
            body={"type": "object", "properties": {"only_failed_hosts": {"type": "boolean"}}},
            refused="BadRequest Forbidden",
        )
    },
    f"{_HERE}/approvals/{{node_id}}": {
        "post": _operation(
            "decide_workflow_approval",
            "Nodes of type approval wait for somebody's word.",
            _thing(**_NODE),
            _WORKFLOW_ID,
            _RUN_ID,
            _NODE_ID,
            body={
                "type": "object",
                "required": ["approved"],
                "properties": {"approved": {"type": "boolean"}, "comment": _TEXT},
            },
            refused="BadRequest Forbidden",
        )
    },
    "/scripts/executions/{execution_id}/retry-failed": {
        "post": _operation(
            "retry_failed_execution",
            "A script that failed on some hosts runs again on those alone.",
            {"$ref": "#/components/schemas/ExecutionQueued"},
            {"$ref": "#/components/parameters/execution_id"},
            refused="BadRequest Forbidden",
        )
    },
}
