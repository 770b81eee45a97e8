"""Workflows on the wire. What a node's ``config`` may hold depends on its type: one model each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from chalicelib.rest.fields import BodyId, Description, Id, Name, Parameters, Request
from chalicelib.surfaces.birun.schemas.common import Limit, ServerIds, Timeout, left_out
from chalicelib.surfaces.birun.schemas.notifications import Addresses, Notifications, Webhook
from chalicelib.surfaces.birun.schemas.schedules import Cron, MisfirePolicy, OverlapPolicy, Zone

LONGEST_WAIT = 30 * 24 * 3600
MOST_TRIGGERS = 5
MOST_NAMED = 28
"""Scripts and server groups: what it takes to replace them all fits into one transaction."""
LARGEST_GRAPH = 128 * 1024


def _segment(text: str) -> str:
    if any(character in text for character in "/?#%\\") or not text.isprintable() or not text.strip():
        raise ValueError("must be printable and without any of / ? # % \\")
    return text


NodeId = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_segment)]
Seconds = Annotated[int, Field(ge=1, le=LONGEST_WAIT)]
ExitCode = Annotated[int, Field(ge=0, le=255)]


class Retry(Request):
    """The pause doubles with each try, up to an hour."""

    count: Annotated[int, Field(ge=0, le=10)]
    backoff_seconds: Annotated[int, Field(ge=0, le=3600)] = 10


class TriggerConfig(Request):
    """Without ``cron_expression`` it fires by hand only."""

    cron_expression: Cron = left_out()
    timezone: Zone = "UTC"
    misfire_policy: MisfirePolicy = "skip"
    overlap_policy: OverlapPolicy = "allow"


class ScriptConfig(Request):
    """``timeout`` is for each host, ``time_limit`` for the node with all its tries. A host succeeds that ends
    with one of ``success_codes``; ``any``: that ends by itself."""

    script_id: BodyId
    server_ids: ServerIds
    group_id: BodyId = left_out()
    timeout: Timeout = 60
    time_limit: Seconds = left_out()
    retry: Retry = left_out()
    success_codes: Literal["any"] | Annotated[list[ExitCode], Field(min_length=1, max_length=32)] = left_out()


Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "not_contains", "starts_with", "ends_with"]
_OF_NUMBERS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_OF_TEXTS = frozenset({"eq", "ne", "contains", "not_contains", "starts_with", "ends_with"})


class ConditionConfig(Request):
    """Compares what ``node``, a script before this one, gave. A number as ``value`` compares numbers."""

    node: NodeId
    of: Literal["exit_code", "output"] = "exit_code"
    operator: Operator
    value: int | float | Annotated[str, StringConstraints(max_length=4000)]
    hosts: Literal["all", "any"] = "all"

    @model_validator(mode="after")
    def _comparable(self) -> ConditionConfig:
        if self.of == "exit_code" and not isinstance(self.value, int):
            raise ValueError("an exit code is compared with a whole number")
        known = _OF_TEXTS if isinstance(self.value, str) else _OF_NUMBERS
        if self.operator not in known:
            kind = "text" if isinstance(self.value, str) else "a number"
            raise ValueError(f"'{self.operator}' does not compare {kind}; {', '.join(sorted(known))} do")
        return self


class ApprovalConfig(Request):
    """``approver``: the least role that may decide. After ``time_limit`` seconds ``on_expiry`` decides."""

    message: Description = ""
    approver: Literal["user", "operator", "admin"] = "user"
    time_limit: Seconds = LONGEST_WAIT
    on_expiry: Literal["fail", "approve", "deny"] = "fail"


class DelayConfig(Request):
    seconds: Seconds


class NotifyConfig(Request):
    """Tells ``message`` to everybody named, at once."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    webhook: Webhook = left_out()
    email: Addresses = left_out()


CONFIGS: dict[str, type[BaseModel]] = {
    "trigger": TriggerConfig,
    "script": ScriptConfig,
    "condition": ConditionConfig,
    "approval": ApprovalConfig,
    "delay": DelayConfig,
    "notify": NotifyConfig,
}


class Position(Request):
    """Where an editor draws a node; kept for it."""

    x: float
    y: float


class NodeRequest(Request):
    id: NodeId
    type: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    config: dict[str, Any]
    name: Name = left_out()
    position: Position = left_out()


class EdgeRequest(Request):
    """``when``: taken only with that outcome of a condition or an approval."""

    source: Annotated[str, Field(alias="from", max_length=100)]
    target: Annotated[str, Field(alias="to", max_length=100)]
    when: bool | None = None


Nodes = Annotated[list[NodeRequest], Field(max_length=2000)]
Edges = Annotated[list[EdgeRequest], Field(max_length=10_000)]


class WorkflowPath(Parameters):
    workflow_id: Id


class WorkflowCreate(Request):
    """``enabled`` false: its triggers do not fire by themselves. ``notifications``: told how runs end."""

    name: Name
    description: Description | None = None
    nodes: Nodes
    edges: Edges
    enabled: bool = True
    notifications: Notifications | None = None


class WorkflowUpdate(Request):
    """Fields left out keep their value; ``nodes`` and ``edges`` replace the whole list."""

    name: Name = left_out()
    description: Description | None = None
    nodes: Nodes = left_out()
    edges: Edges = left_out()
    enabled: bool = left_out()
    notifications: Notifications | None = None


RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F-]{36}$")]


class RunPath(WorkflowPath):
    run_id: RunId


class RunNodePath(RunPath):
    node_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class RunsQuery(Parameters):
    """``cursor``: that of the answer before."""

    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$")] = ""


class ResumeRequest(Request):
    """``only_failed_hosts``: scripts that failed on some hosts run on those alone."""

    only_failed_hosts: bool = True


class ApprovalRequest(Request):
    approved: bool
    comment: Description | None = None
