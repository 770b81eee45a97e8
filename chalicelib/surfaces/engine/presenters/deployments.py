"""Deployments, their revisions and executions as the documented JSON."""

from __future__ import annotations

from typing import Any

from chalicelib.core.executions.model import Execution
from chalicelib.kernel.secrets import Secret
from chalicelib.surfaces.engine.model.deployments import Change, Deployment, Revision
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.presenters import masks

Json = dict[str, Any]


def created(found: Deployment) -> Json:
    return {
        "id": found.id,
        "app_name": found.app_name,
        "image": found.spec["image"],
        "status": found.state,
        "url": found.url,
        "created_at": found.created_at,
        "message": "Deployment is being processed",
    }


def summary(found: Deployment) -> Json:
    return {
        "id": found.id,
        "app_name": found.app_name,
        "image": found.spec["image"],
        "status": found.state,
        "url": found.url,
        "replicas": int(found.replicas),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


def details(found: Deployment, environment: dict[str, Secret]) -> Json:
    """As documented; beyond that what only we know: cluster, revision, drift and the change under way."""
    spec = found.spec
    return {
        **summary(found),
        "user_id": found.owner_uuid,
        "port": spec["port"],
        "env_vars": masks.environment(environment),
        "resources": spec["resources"],
        "health_check": spec["health_check"],
        "deployed_at": found.deployed_at,
        "error_message": found.error_message,
        "cluster": found.cluster,
        "namespace": found.namespace,
        "revision": int(found.revision),
        "autoscaling": found.autoscaling,
        "private_registry": bool(found.private_registry),
        "drift_policy": found.drift_policy,
        "drift": found.drift,
        "execution_id": found.turn,
        "waiting_execution_id": found.waiting,
    }


def updated(found: Deployment) -> Json:
    stopped = found.status is State.STOPPED
    text = "Deployment updated; it stays stopped" if stopped else "Deployment update in progress"
    return {"id": found.id, "status": found.state, "message": text, "updated_at": found.updated_at}


def scaled(found: Deployment, replicas: int) -> Json:
    return {
        "id": found.id,
        "replicas": replicas,
        "status": found.state,
        "message": "Deployment scaled successfully",
    }


def stopped(found: Deployment) -> Json:
    return {"id": found.id, "status": found.state, "message": "Deployment stopped successfully"}


def started(found: Deployment) -> Json:
    """The document's word for what was asked for; the state itself is read at the deployment."""
    return {
        "id": found.id,
        "status": State.RUNNING.value,
        "replicas": int(found.replicas),
        "message": "Deployment started successfully",
    }


def deleted(found: Deployment, *, gone: bool) -> Json:
    text = "Deployment deleted successfully"
    if not gone:
        text += "; its namespace is still being removed, and its name is free when that is done"
    return {
        "message": text,
        "deployment_id": found.id,
        "app_name": found.app_name,
        "namespace_deleted": gone,
    }


def begun(found: Deployment, execution_id: str | None, text: str) -> Json:
    """Of an operation beyond the document: what to follow."""
    return {
        "id": found.id,
        "status": found.state,
        "revision": int(found.revision),
        "execution_id": execution_id,
        "message": text,
    }


def revision(found: Revision, present: Deployment) -> Json:
    number = int(found.number)
    return {
        "revision": number,
        "current": number == present.revision,
        "action": found.action,
        "outcome": found.outcome,
        "message": found.message,
        "image": found.spec["image"],
        "resources": found.spec["resources"],
        "replicas": int(found.replicas),
        "env_names": found.env_names,
        "asked_by": found.asked_by,
        "execution_id": found.execution_id,
        "created_at": found.created_at,
    }


def execution(change: Change, found: Execution | None) -> Json:
    """``found`` None: its record is gone by age."""
    shown = {
        "execution_id": change.execution_id,
        "action": change.action,
        "revision": int(change.revision),
        "replicas": int(change.replicas),
        "asked_by": change.asked_by,
        "created_at": change.created_at,
    }
    if found is None:
        return shown | dict.fromkeys(("status", "step", "progress", "reason", "started_at", "completed_at"))
    return shown | {
        "status": found.status,
        "step": found.step,
        "progress": int(found.progress or 0),
        "reason": found.reason,
        "started_at": found.started_at,
        "completed_at": found.completed_at,
    }
