"""A workbench for Container Engine's service: a stand-in for the driver, and a state machine by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.core.clusters import registry
from chalicelib.core.executions import ledger
from chalicelib.core.executions.model import Execution
from chalicelib.core.identity.roles import Role
from chalicelib.kernel.secrets import Secret
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine import steps
from chalicelib.surfaces.engine.model import deployments, lists
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.schemas.deployments import DeploymentCreate, DeploymentUpdate
from chalicelib.surfaces.engine.service import deployments as service
from chalicelib.surfaces.engine.service import versions
from chalicelib.targets.kubernetes.replies import Applied, DryRun, NamespaceState, Observation, RolloutStatus
from chalicelib.targets.kubernetes.requests import AppSpec
from tests.unit.core.builders import ACTOR

IMAGE = "registry.example.com/shop:1"
CLUSTER = {
    "context": None,
    "namespace_prefix": "app",
    "domain_suffix": "apps.example.com",
    "ingress_class": None,
    "issuer": None,
    "reach": "direct",
}


def kept_execution(execution_id: str) -> Execution:
    found = ledger.find(execution_id)
    assert found is not None
    return found


def complete(**figures: Any) -> RolloutStatus:
    return RolloutStatus(outcome="complete", message="All replicas are up.", **figures)


def failing(message: str = "The image cannot be pulled.", **more: Any) -> RolloutStatus:
    return RolloutStatus(outcome="failed", message=message, **more)


def coming(message: str = "0 of 1 replicas are up.", **more: Any) -> RolloutStatus:
    return RolloutStatus(outcome="progressing", message=message, **more)


@dataclass
class Kubernetes:
    """Answers in the driver's types. An exception among the answers is raised, once."""

    applied: list[AppSpec] = field(default_factory=list)
    tried: list[AppSpec] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    rollouts: list[RolloutStatus] = field(default_factory=list)
    problems: dict[str, list[Exception]] = field(default_factory=dict)
    namespace: str = "gone"
    deletion: NamespaceState = field(default_factory=lambda: NamespaceState(state="terminating"))
    observation: Observation = field(default_factory=lambda: Observation(findings=()))

    def run(
        self, where: str, operation: str, request: Any, reply: type[BaseModel], wait_seconds: float = 20
    ) -> BaseModel:
        name = operation.removeprefix("kubernetes.")
        self.calls.append(name)
        if self.problems.get(name):
            raise self.problems[name].pop(0)
        answer: BaseModel = getattr(self, f"_{name}")(request)
        assert isinstance(answer, reply)
        return answer

    def _apply(self, request: Any) -> Applied:
        self.applied.append(request.spec)
        return Applied(namespace=request.spec.namespace, generation=len(self.applied), created=True)

    def _rollout_status(self, _: Any) -> RolloutStatus:
        return self.rollouts.pop(0) if self.rollouts else complete()

    def _delete(self, _: Any) -> NamespaceState:
        return self.deletion

    def _namespace_state(self, _: Any) -> NamespaceState:
        return NamespaceState(state=self.namespace)  # type: ignore[arg-type]

    def _dry_run(self, request: Any) -> DryRun:
        self.tried.append(request.spec)
        return DryRun(changes=())

    def _observe(self, _: Any) -> Observation:
        return self.observation


@dataclass
class Bench:
    kubernetes: Kubernetes
    user_id: int
    uuid: str

    @property
    def caller(self) -> Caller:
        return Caller(
            self.user_id, self.uuid, "ada", Role.USER, Role.USER.permissions, "session", "203.0.113.7"
        )

    def register_cluster(self, name: str = "default", **fields: Any) -> None:
        registry.ensure(ACTOR, name, CLUSTER | fields, Secret("kind: Config"))

    def create(self, app_name: str = "shop", **fields: Any) -> Deployment:
        body = {"app_name": app_name, "image": IMAGE, "port": 8080} | fields
        return service.create(self.caller, DeploymentCreate.model_validate(body))

    def update(self, found: Deployment, **fields: Any) -> Deployment:
        return versions.update(self.caller, found.id, DeploymentUpdate.model_validate(fields))

    def stored(self, found: Deployment) -> Deployment:
        stored = deployments.find(found.id)
        assert stored is not None
        return stored

    def running(self, app_name: str = "shop", **fields: Any) -> Deployment:
        """One whose creation has gone well."""
        made = self.create(app_name, **fields)
        self.run_turn(made)
        return self.stored(made)

    def totals(self) -> dict[str, int]:
        """How many of his deployments are in each state, as the lists count them."""
        counted = {state.value: lists.page(self.user_id, state, 1, 10).total for state in State}
        return {name: total for name, total in counted.items() if total}

    # -- the state machine -----------------------------------------------------------------------------

    def event(self, found: Deployment) -> dict[str, Any]:
        turn = self.stored(found).turn
        assert turn is not None
        return {"execution_id": turn, "attempt": 1, "loop": {}}

    def step(self, event: dict[str, Any], name: str) -> dict[str, Any]:
        return steps.STEPS[name](event)

    def run(self, event: dict[str, Any], *, first: str = "apply", at_most: int = 50) -> dict[str, Any]:
        """As the state machine would, without waiting."""
        step = first
        for _ in range(at_most):
            event = self.step(event, step)
            step = event.get("step", "done")
            if step == "done":
                return event
        raise AssertionError(f"the state machine does not end: {event}")

    def run_turn(self, found: Deployment) -> str:
        """Carries out what has the turn; the id of that execution."""
        event = self.event(found)
        self.run(event)
        return str(event["execution_id"])
