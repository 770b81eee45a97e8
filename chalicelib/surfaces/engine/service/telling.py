"""Who is told about a deployment: its owner's connections, each thing once however often a step is repeated,
and the operator's webhook, in the transaction that it tells of."""

from __future__ import annotations

from typing import Any

from chalicelib.aws.table import Write
from chalicelib.core.alerts import raising
from chalicelib.core.alerts.model import Severity
from chalicelib.core.alerts.raising import Trouble
from chalicelib.core.events import topics
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.notices import hooks, outbox
from chalicelib.core.notices.outbox import Event
from chalicelib.core.notices.signing import Signature
from chalicelib.kernel import clock
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment

SURFACE = "engine"
CREATED, CHANGED = "deployment_created", "deployment_status_changed"
DRIFT = "deployment.drift"
AS_APPLIED = "The cluster has it as it was applied."
GONE = "The deployment was deleted."
_MOST_WORDS = 5
SIGNATURE = Signature("X-Container-Engine-Signature", "plain")


def topic(user_id: int) -> str:
    """What a user's notifications are published on."""
    return topics.of_user(SURFACE, user_id)


def tell(user_id: int, kind: str, deployment_id: str, data: dict[str, Any], once: str) -> None:
    """The documented event; ``once`` names what happened, so that a repeat tells nothing."""
    topics.publish(topic(user_id), f"{kind}:{once}", _event(kind, deployment_id, data))


def _event(kind: str, deployment_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "deployment_id": deployment_id, "timestamp": clock.iso_now(), "data": data}


def drifted(deployment: Deployment, drift: list[dict[str, Any]] | None) -> None:
    """An alert is open as long as the cluster has it otherwise than it was applied."""
    if not drift:
        raising.clear(deployment.pk, DRIFT, AS_APPLIED)
        return
    trouble = Trouble(
        scope=SURFACE,
        subject=deployment.pk,
        subject_name=deployment.app_name,
        kind=DRIFT,
        severity=Severity.WARNING,
        message=" ".join(str(finding["words"]) for finding in drift[:_MOST_WORDS]),
        details={"deployment_id": deployment.id, "findings": len(drift)},
        owner_id=str(int(deployment.owner_id)),
    )
    raising.raise_alert(trouble)


def changed(deployment: Deployment, once: str) -> None:
    """``deployment_status_changed`` as documented; ``once`` names this very change."""
    _publish(deployment, CHANGED, once, _status(deployment))


def _status(deployment: Deployment) -> dict[str, Any]:
    data: dict[str, Any] = {"status": deployment.state, "url": deployment.url}
    if deployment.error_message:
        data["error_message"] = deployment.error_message
    return data


def created(deployment: Deployment, once: str) -> None:
    """That it is there, and how it is."""
    events = (
        _event(CREATED, deployment.id, {"app_name": deployment.app_name}),
        _event(CHANGED, deployment.id, _status(deployment)),
    )
    topics.publish(topic(int(deployment.owner_id)), f"{CREATED}:{once}", *events)


def deleted(deployment: Deployment, once: str) -> None:
    _publish(deployment, "deployment_deleted", once, {"app_name": deployment.app_name})


def ended(execution: Execution) -> None:
    """What its end has made of the deployment."""
    subject = execution.subject
    found = deployments.find(subject["deployment_id"])
    if found is None:
        gone = Deployment(
            id=subject["deployment_id"], owner_id=subject["owner_id"], app_name=subject["app_name"]
        )
        raising.clear_all(deployments.key(gone.id), GONE)
        deleted(gone, execution.id)
    elif not found.deleting:
        if execution.state is Status.SUCCEEDED:
            drifted(found, None)
        changed(found, f"{execution.id}:{execution.status}")


def _publish(deployment: Deployment, kind: str, once: str, data: dict[str, Any]) -> None:
    tell(int(deployment.owner_id), kind, deployment.id, data, once)


def webhook(deployment: Deployment, word: str, url: str | None) -> list[Write]:
    """The write that tells the operator's webhook; ``word``: started, completed or failed."""
    hook = hooks.find(SURFACE, SIGNATURE)
    if hook is None:
        return []
    kind = f"deployment_{word}"
    payload = {
        "deployment_id": deployment.id,
        "status": word,
        "type": kind,
        "timestamp": clock.iso_now(),
        "app_name": deployment.app_name,
        "user_id": deployment.owner_uuid,
        "url": url,
    }
    title = f"{deployment.app_name}: {kind.replace('_', ' ')}"
    owner = str(int(deployment.owner_id))
    event = Event(SURFACE, kind, deployment.pk, payload, title, title, owner)
    return [outbox.webhook(hook, event)]
