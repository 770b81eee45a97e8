"""The health of the service and of the servers as the documented JSON."""

from __future__ import annotations

from chalicelib.core.alerts.model import Alert
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory.servers import Server
from chalicelib.core.relays.registry import Relay
from chalicelib.surfaces.birun.presenters.common import Json, moment
from chalicelib.surfaces.birun.presenters.servers import server_health
from chalicelib.surfaces.birun.schemas.common import WORDS
from chalicelib.surfaces.birun.service.health import Component, Report


def report(found: Report) -> Json:
    parts = found.components
    return {
        "overall_status": found.status,
        "total_response_time_ms": round(sum(part.milliseconds for part in parts.values()), 1),
        "components": {
            "database": _component(parts["database"]),
            "redis": {**_component(parts["redis"]), **_no_redis()},
            "worker_queue": {**_component(parts["worker_queue"]), **_workers(parts["worker_queue"])},
        },
        "system_metrics": {
            "max_concurrent_executions": found.limit,
            "current_running_executions": found.running,
            "current_queued_executions": found.queued,
            "recent_executions_1h": {
                "completed": found.ended.get(Status.SUCCEEDED, 0),
                "running": found.running,
                "failed": found.ended.get(Status.FAILED, 0),
                "stopped": found.ended.get(Status.CANCELLED, 0),
            },
        },
    }


def _component(found: Component) -> Json:
    return {"status": found.status, "response_time_ms": found.milliseconds, "message": found.message}


def _no_redis() -> Json:
    """The document's keys stay; there is nothing to put in them."""
    return {"redis_version": None, "used_memory_human": None, "connected_clients": None}


def _workers(found: Component) -> Json:
    facts = found.facts
    return {
        "active_workers": int(facts.get("active", False)),
        "queue_stats": {
            "queue_length": facts.get("queue_length", 0),
            "failed_jobs": facts.get("failed_jobs", 0),
            "in_progress": facts.get("in_progress", 0),
            "notices_waiting": facts.get("notices_waiting", 0),
        },
        "relay": _relay(facts.get("relay")),
    }


def _relay(found: Relay | None) -> Json | None:
    """``running`` and ``waiting`` are as the relay told with its last sign of life."""
    if found is None:
        return None
    return {
        "id": found.id,
        "last_seen": moment(found.seen_at),
        "started_at": moment(found.started_at),
        "running": int(found.running),
        "waiting": int(found.waiting),
    }


def summary(found: list[Server]) -> Json:
    return {"servers": [server_health(server) for server in found]}


def checked(execution: Execution | None, found: list[Server]) -> Json:
    """After a check of all: what is known now, and whether that is the last word."""
    return {
        "message": _told(execution, found),
        "execution_id": execution.id if execution else None,
        "status": WORDS[execution.state] if execution else "completed",
        **summary(found),
    }


def _told(execution: Execution | None, found: list[Server]) -> str:
    if not found:
        return "There are no servers to check."
    well = sum(1 for server in found if server.health_status == "healthy")
    if execution is not None and not execution.state.final:
        return "Still checking; GET /health/summary has what is found as it comes."
    counted = f"Checked {len(found)} servers: {well} healthy, {len(found) - well} not."
    return f"{counted} {execution.reason}" if execution is not None and execution.reason else counted


def alert(found: Alert) -> Json:
    return {
        "id": found.id,
        "status": found.standing,
        "kind": found.alert_kind,
        "severity": found.severity,
        "subject": found.subject,
        "subject_name": found.subject_name,
        "server_id": (found.details or {}).get("server_id"),
        "message": found.message,
        "raised_at": moment(found.raised_at),
        "cleared_at": moment(found.cleared_at),
        "cleared_because": found.cleared_because,
    }
