"""Apps on the cluster of the tests: asked for by the driver, and gone when the test is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes.names import namespace_for
from chalicelib.targets.kubernetes.operations import OPERATIONS
from chalicelib.targets.kubernetes.replies import Applied, AppStatus, RolloutStatus
from chalicelib.targets.kubernetes.requests import (
    ApplyRequest,
    AppRef,
    AppRequest,
    AppSpec,
    ClusterAccess,
)
from tests.support.kubernetes import APP_1, Cluster, unique
from tests.support.stack import wait_until

PATIENCE = 100
"""Seconds, generous: the node shares two processors with everything else."""


@dataclass
class App:
    access: ClusterAccess
    spec: AppSpec

    @property
    def request(self) -> AppRequest:
        return AppRequest(access=self.access, app=AppRef.of(self.spec))

    @property
    def applying(self) -> ApplyRequest:
        return ApplyRequest(access=self.access, spec=self.spec)

    def ask(self, verb: str, request: Any = None) -> Any:
        """The answer of ``kubernetes.<verb>``."""
        return OPERATIONS[f"kubernetes.{verb}"](request or self.request)

    def change(self, mode: str | None = None, **changes: Any) -> None:
        """Another spec from now on; nothing is applied."""
        if mode:
            changes["env"] = {**self.spec.env, "MODE": Secret(mode)}
        self.spec = AppSpec.model_validate(dict(self.spec) | changes)

    def apply(self) -> Applied:
        applied: Applied = self.ask("apply", self.applying)
        return applied

    def status(self) -> AppStatus:
        status: AppStatus = self.ask("status")
        return status

    def rollout(self) -> RolloutStatus:
        rollout: RolloutStatus = self.ask("rollout_status")
        return rollout

    def ended(self) -> RolloutStatus:
        """The rollout when it is complete or has failed."""
        found: RolloutStatus = wait_until(
            lambda: (now := self.rollout()).outcome != "progressing" and now,
            seconds=PATIENCE,
            every=0.5,
            what=f"the end of {self.spec.app_name}'s rollout",
        )
        return found

    def completed(self) -> RolloutStatus:
        ended = self.ended()
        assert ended.outcome == "complete", ended
        return ended


@dataclass
class Apps:
    """Makes apps of unique names, and takes all of them off the cluster in the end, without waiting."""

    cluster: Cluster
    _made: list[App] = field(default_factory=list)

    def access(self, **options: Any) -> ClusterAccess:
        return ClusterAccess(kubeconfig=Secret(self.cluster.kubeconfig(**options)))

    def app(self, mode: str = "serve", **changes: Any) -> App:
        """Not applied yet. Small, and gone quickly."""
        name = unique()
        fields = {
            "deployment_id": name,
            "app_name": name,
            "namespace": namespace_for(name),
            "owner_id": "tests",
            "revision": "1",
            "image": APP_1,
            "port": 8080,
            "cpu": "10m",
            "memory": "32Mi",
            "env": {"MODE": Secret(mode)},
            "termination_grace_seconds": 1,
        }
        made = App(self.access(), AppSpec.model_validate(fields | changes))
        self._made.append(made)
        return made

    def applied(self, mode: str = "serve", **changes: Any) -> App:
        made = self.app(mode, **changes)
        made.apply()
        return made

    def forget(self, app: App) -> None:
        """It is not there to be deleted."""
        self._made.remove(app)

    def clear(self) -> None:
        for one in self._made:
            one.ask("delete")


@contextmanager
def apps_on(cluster: Cluster) -> Iterator[Apps]:
    made = Apps(cluster)
    try:
        yield made
    finally:
        made.clear()
