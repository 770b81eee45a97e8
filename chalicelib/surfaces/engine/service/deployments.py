"""Deployments as their owners make, read, change and delete them."""

from __future__ import annotations

import time
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import Check, ConditionFailed, Put, Update, Write
from chalicelib.core import audit, usage
from chalicelib.core.audit import Actor
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster, subject
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.listing import Page
from chalicelib.core.quotas import keeping
from chalicelib.core.quotas.model import Amounts
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.secrets import Secret
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import deployments, lists
from chalicelib.surfaces.engine.model.deployments import (
    WORK,
    Deployment,
    Environment,
    RegistryLogin,
)
from chalicelib.surfaces.engine.model.states import Action, State
from chalicelib.surfaces.engine.schemas.deployments import (
    DeploymentCreate,
    DeploymentsQuery,
)
from chalicelib.surfaces.engine.service import changing, rollouts, sizes, specs, telling, versions
from chalicelib.surfaces.engine.service.changing import MISSING, Wanted, own
from chalicelib.targets.kubernetes.names import namespace_for

NAME_TAKEN = "App name already exists"
_FIRST_LOOK, _SLOWEST_LOOK = 0.1, 0.5


def page(caller: Caller, query: DeploymentsQuery) -> Page[Deployment]:
    return lists.page(caller.user_id, query.state, query.page, query.limit)


def environment(deployment: Deployment) -> dict[str, Secret]:
    """The variables of the wanted revision."""
    return specs.environment(deployment, int(deployment.revision))


# -- making ---------------------------------------------------------------------------------------------


def create(caller: Caller, request: DeploymentCreate) -> Deployment:
    """Persists the deployment with the execution that rolls it out, and starts that.

    Raises Conflict for a name that is taken, Unavailable without a cluster, BadRequest beyond the quota.
    """
    specs.check_image(request.image)
    cluster = registry.choose(request.cluster)
    new = _new(caller, cluster, request)
    execution_id = _persist(caller.actor, new, request)
    changing.start(execution_id)
    telling.created(new, execution_id)
    return new


def _new(caller: Caller, cluster: Cluster, request: DeploymentCreate) -> Deployment:
    now, deployment_id = clock.iso_now(), ids.new_uuid()
    return Deployment(
        deployments.key(deployment_id),
        "DEPLOYMENT",
        due_pk=deployments.DUE,
        due_at=now,
        id=deployment_id,
        owner_id=caller.user_id,
        owner_uuid=caller.uuid,
        app_name=request.app_name,
        cluster=cluster.name,
        namespace=namespace_for(request.app_name, cluster.namespace_prefix),
        host=f"{request.app_name}.{cluster.domain_suffix}",
        state=State.PENDING.value,
        spec=_spec(request),
        replicas=request.replicas,
        domains=[],
        private_registry=request.registry_auth is not None,
        drift_policy=request.drift_policy,
        created_at=now,
        updated_at=now,
    )


def _spec(request: DeploymentCreate) -> dict[str, Any]:
    check = request.health_check
    return {
        "image": request.image,
        "port": request.port,
        "resources": {
            "cpu": request.resources.cpu or specs.CPU,
            "memory": request.resources.memory or specs.MEMORY,
        },
        "health_check": check.model_dump() if check is not None else None,
        "restarted_at": None,
    }


def _persist(actor: Actor, new: Deployment, request: DeploymentCreate) -> str:
    """All of it in one transaction; the id of the execution."""
    held = keeping.taking(int(new.owner_id), sizes.of(new, apps=1))
    asked = TaskRequest(actor, WORK, changing.subject(new, Action.CREATE))
    execution = tasks.prepare(asked)
    new.number = lists.next_number(int(new.owner_id))
    new.turn, new.turn_action = execution.id, Action.CREATE.value
    sealed, names = specs.seal_environment(new.id, request.env_vars), sorted(request.env_vars)
    writes: list[Write] = [
        Put(deployments.name_guard(new.app_name, new.id), table.absent()),
        Put(new, table.absent()),
        Put(versions.record(new, Action.CREATE, actor, execution.id, names), table.absent()),
        Put(Environment(new.pk, deployments.environment_sk(1), sealed=sealed)),
        Put(changing.change_record(new, Action.CREATE, execution), table.absent()),
        *_registry(new, request),
        *tasks.creating(execution, asked),
        *usage.moves(new.pk, f"deployment '{new.app_name}'", (), [_cluster(new)]),
        Check(registry.record(new.cluster)),
        *lists.adding(new),
        audit.entry(actor, "deployment.create", new.pk, after=deployments.shown(new)),
        *([held] if held else []),
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        if 0 in error.failed:
            raise Conflict(NAME_TAKEN, f"app_name: '{new.app_name}' is in use; choose another one") from error
        keeping.taking(int(new.owner_id), sizes.of(new, apps=1))  # says so when that is what it was
        raise Conflict("The cluster or your quota changed at this moment. Try again.") from error
    return execution.id


def _cluster(found: Deployment) -> str:
    """The cluster in the words of core.usage."""
    return subject(found.cluster)


def _registry(new: Deployment, request: DeploymentCreate) -> list[Write]:
    login = request.registry_auth
    if login is None:
        return []
    sealed = specs.seal_login(new.id, login.username, login.password)
    return [Put(RegistryLogin(new.pk, "REGISTRY", sealed=sealed))]


# -- deleting -------------------------------------------------------------------------------------------


def delete(caller: Caller, deployment_id: str) -> tuple[Deployment, str]:
    """Gone for its owner at once. The name is free when nothing of it is left on the cluster."""
    own(caller, deployment_id)
    return begin_deletion(caller.actor, deployment_id)


def begin_deletion(actor: Actor, deployment_id: str) -> tuple[Deployment, str]:
    def decide(found: Deployment) -> Wanted:
        gives_back = Amounts() - sizes.of(found, apps=1)
        leaves = usage.moves(found.pk, "", [_cluster(found)], ())
        return Wanted(Action.DELETE, {"deleting": True}, gives_back, lambda _: leaves)

    found, execution_id = changing.change(actor, deployment_id, decide)
    assert execution_id is not None
    return found, execution_id


def gone_within(execution_id: str, seconds: float) -> bool:
    """Whether the namespace went within that time. Not waited for while the cluster cannot be reached."""
    until, pause = time.monotonic() + seconds, _FIRST_LOOK
    while time.monotonic() < until:
        execution = ledger.find(execution_id)
        if execution is None or execution.state.final:
            return execution is not None and execution.state is Status.SUCCEEDED
        if execution.step == rollouts.AWAY_STEP:
            return False
        time.sleep(pause)
        pause = min(_SLOWEST_LOOK, pause * 1.5)
    return False


def set_drift_policy(caller: Caller, deployment_id: str, policy: str) -> Deployment:
    """What becomes of differences found from now on. Needs no rollout."""
    found = own(caller, deployment_id)
    before = {"drift_policy": found.drift_policy}
    entry = audit.entry(
        caller.actor, "deployment.drift-policy", found.pk, before=before, after={"drift_policy": policy}
    )
    kept = Deployment.deleting == False  # noqa: E712 - an expression for the table
    update = Update(Deployment(found.pk, found.sk), [Deployment.drift_policy.set(policy)], kept)
    try:
        table.write([update, entry])
    except ConditionFailed as error:
        raise NotFound(MISSING) from error
    found.drift_policy = policy
    return found
