"""A place on a Kubernetes cluster: proofs by a solver in the app's namespace, the certificate in a Secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.core import reach
from chalicelib.core.certificates.places import Serving
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings
from chalicelib.targets.acme.replies import Challenge
from chalicelib.targets.kubernetes.requests import AppRef, ClusterAccess
from chalicelib.targets.kubernetes.solver_replies import Removed, SolverState, StoredCertificate
from chalicelib.targets.kubernetes.solver_requests import (
    DEFAULT_IMAGE,
    CertificateRef,
    SolverRef,
    SolverRequest,
    StoreCertificate,
)

KIND = "kubernetes"
NO_CLUSTER = "The cluster '{}' is not registered any more."


@dataclass(frozen=True)
class ClusterPlace:
    """``secret``: the name of the Secret that the app's Ingress is to name."""

    cluster: str
    deployment_id: str
    app_name: str
    namespace: str
    secret: str

    challenge = "http-01"

    @classmethod
    def load(cls, place: dict[str, Any]) -> ClusterPlace:
        return cls(**{name: value for name, value in place.items() if name != "kind"})

    def dump(self) -> dict[str, Any]:
        return {"kind": KIND, **asdict(self)}

    # ---------------------------------------------------------------- proofs

    def present(self, challenges: Sequence[Challenge]) -> None:
        cluster = self._cluster()
        for one in challenges:
            request = SolverRequest(
                access=_access(cluster),
                app=self._app,
                host=one.name,
                token=one.token,
                content=one.content,
                image=settings().solver_image or DEFAULT_IMAGE,
                ingress_class=cluster.ingress_class,
            )
            reach.run(cluster.reach, "kubernetes.present_solver", request, SolverState)

    def serving(self, names: Sequence[str]) -> Serving:
        cluster = self._cluster()
        states = [
            reach.run(cluster.reach, "kubernetes.solver_state", self._solver(cluster, name), SolverState)
            for name in names
        ]
        slowest = min(states, key=lambda one: (one.serving, not one.hopeless))
        return Serving(slowest.serving, slowest.message, slowest.hopeless)

    def clean(self, names: Sequence[str]) -> None:
        cluster = registry.find(self.cluster)
        if cluster is not None:
            for name in names:
                reach.run(cluster.reach, "kubernetes.remove_solver", self._solver(cluster, name), Removed)

    # ---------------------------------------------------------------- the certificate

    def install(self, chain: str, key: Secret) -> None:
        cluster = self._cluster()
        request = StoreCertificate(
            access=_access(cluster), app=self._app, secret=self.secret, chain=chain, key=key
        )
        reach.run(cluster.reach, "kubernetes.store_certificate", request, StoredCertificate)

    def uninstall(self) -> None:
        cluster = registry.find(self.cluster)
        if cluster is not None:
            request = CertificateRef(access=_access(cluster), app=self._app, secret=self.secret)
            reach.run(cluster.reach, "kubernetes.remove_certificate", request, Removed)

    # ---------------------------------------------------------------- the way there

    @property
    def _app(self) -> AppRef:
        return AppRef(deployment_id=self.deployment_id, app_name=self.app_name, namespace=self.namespace)

    def _solver(self, cluster: Cluster, host: str) -> SolverRef:
        return SolverRef(access=_access(cluster), app=self._app, host=host)

    def _cluster(self) -> Cluster:
        cluster = registry.find(self.cluster)
        if cluster is None:
            raise PermanentTargetError(NO_CLUSTER.format(self.cluster))
        return cluster


def _access(cluster: Cluster) -> ClusterAccess:
    login = registry.login(cluster)
    return ClusterAccess(kubeconfig=login.kubeconfig, context=login.context)
