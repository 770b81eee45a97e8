"""Revisions of a deployment: a new one from an update, a restart, or by going back to an earlier one."""

from __future__ import annotations

from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import Delete, Put, Write
from chalicelib.core.audit import Actor
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, Conflict
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import REVISIONS_KEPT, Deployment, Environment, Revision
from chalicelib.surfaces.engine.model.states import Action
from chalicelib.surfaces.engine.schemas.deployments import DeploymentUpdate
from chalicelib.surfaces.engine.service import changing, sizes, specs
from chalicelib.surfaces.engine.service.changing import Wanted, own


def record(
    found: Deployment, action: Action, actor: Actor, execution_id: str, env_names: list[str]
) -> Revision:
    """The record of the revision that is wanted now."""
    number = int(found.revision)
    return Revision(
        found.pk,
        deployments.revision_sk(number),
        number=number,
        spec=found.spec,
        replicas=int(found.replicas),
        env_names=env_names,
        action=action.value,
        asked_by=actor.username,
        execution_id=execution_id,
        created_at=clock.iso_now(),
    )


def update(caller: Caller, deployment_id: str, request: DeploymentUpdate) -> Deployment:
    """A new revision, rolled out."""
    own(caller, deployment_id)
    if "image" in request.model_fields_set:
        specs.check_image(request.image)
    found, _ = changing.change(caller.actor, deployment_id, lambda now: _updated(caller.actor, now, request))
    return found


def _changed(found: Deployment, request: DeploymentUpdate) -> tuple[dict[str, Any], int]:
    """The spec and the replicas with what was sent in place of what is."""
    sent, spec = request.model_fields_set, dict(found.spec)
    if "image" in sent:
        spec["image"] = request.image
    if "resources" in sent:
        spec["resources"] = spec["resources"] | request.resources.model_dump(exclude_unset=True)
    return spec, request.replicas if "replicas" in sent else int(found.replicas)


def _updated(actor: Actor, found: Deployment, request: DeploymentUpdate) -> Wanted:
    spec, replicas = _changed(found, request)
    env = request.env_vars if "env_vars" in request.model_fields_set else None
    return new_version(actor, found, Action.UPDATE, spec, {"replicas": replicas}, env=env)


def as_updated(found: Deployment, request: DeploymentUpdate) -> dict[str, Any]:
    """What the cluster would be brought to by that update; ``revision`` is the one whose variables count."""
    if "image" in request.model_fields_set:
        specs.check_image(request.image)
    spec, replicas = _changed(found, request)
    return {
        "revision": int(found.revision),
        "spec": spec,
        "replicas": replicas,
        "stopped": bool(found.stopped),
        "autoscaling": found.autoscaling,
    }


def new_version(
    actor: Actor,
    found: Deployment,
    action: Action,
    spec: dict[str, Any],
    fields: dict[str, Any],
    *,
    env: dict[str, str] | None = None,
    env_of: int | None = None,
) -> Wanted:
    """Another revision. ``env``: variables as they were sent upon the present one's; None: those of revision
    ``env_of``, or of the present one, as they are."""
    before, number = int(found.revision), int(found.last_revision) + 1
    replicas = int(fields.get("replicas", found.replicas))
    more = sizes.amounts(spec, sizes.most(replicas, found.autoscaling)) - sizes.of(found)
    sealed, names = _environment(found, env_of or before, env)

    def writes(execution_id: str) -> list[Write]:
        made = record(found, action, actor, execution_id, names)
        kept = Environment(found.pk, deployments.environment_sk(number), sealed=sealed)
        return [Put(made, table.absent()), Put(kept), *_forgetting(found, number - REVISIONS_KEPT)]

    fields = fields | {"spec": spec, "revision": number, "last_revision": number}
    return Wanted(action, fields, more, writes)


def _environment(found: Deployment, number: int, env: dict[str, str] | None) -> tuple[str, list[str]]:
    """What is stored for the new revision: newly sealed, or that of revision ``number`` as it is."""
    if env is not None:
        kept = {name: value.reveal() for name, value in specs.as_sent(found, number, env).items()}
        return specs.seal_environment(found.id, kept), sorted(kept)
    stored, known = (
        deployments.sealed_environment(found.id, number),
        deployments.find_revision(found.id, number),
    )
    if stored is None or known is None:
        raise BadRequest(f"There is no revision {number} any more.")
    return stored.sealed, list(known.env_names)


def _forgetting(found: Deployment, number: int) -> list[Write]:
    """The revision that is one too many goes, unless it is what works."""
    if number < 1 or number == found.working_revision:
        return []
    return [
        Delete(Revision(found.pk, deployments.revision_sk(number))),
        Delete(Environment(found.pk, deployments.environment_sk(number))),
    ]


def restart(caller: Caller, deployment_id: str) -> tuple[Deployment, str | None]:
    """Every pod is replaced, as by an update that changes nothing."""
    own(caller, deployment_id)

    def decide(found: Deployment) -> Wanted:
        if found.stopped:
            raise Conflict("This deployment is stopped. Start it instead.")
        spec = found.spec | {"restarted_at": clock.iso_now()}
        return new_version(caller.actor, found, Action.RESTART, spec, {})

    return changing.change(caller.actor, deployment_id, decide)


def undo(caller: Caller, deployment_id: str, number: int | None) -> tuple[Deployment, str | None]:
    """The spec and the variables of an earlier revision become a new one."""
    own(caller, deployment_id)

    def decide(found: Deployment) -> Wanted:
        chosen = _earlier(found, number)
        return new_version(
            caller.actor,
            found,
            Action.UNDO,
            chosen.spec,
            {"replicas": int(found.replicas)},
            env_of=int(chosen.number),
        )

    return changing.change(caller.actor, deployment_id, decide)


def _earlier(found: Deployment, number: int | None) -> Revision:
    """The one asked for, or the newest before the present one that worked."""
    present = int(found.revision)
    if number is not None:
        chosen = deployments.find_revision(found.id, number)
        if chosen is None or number == present:
            raise BadRequest(f"There is no earlier revision {number} to go back to.")
        return chosen
    worked = (
        one for one in deployments.revisions(found.id) if one.number < present and one.outcome == "working"
    )
    chosen = next(worked, None)
    if chosen is None:
        raise BadRequest("There is no earlier revision that worked.")
    return chosen
