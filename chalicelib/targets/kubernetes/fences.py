"""What an app lives within: a namespace of its own, with bounds and walls."""

from __future__ import annotations

from typing import Any

from chalicelib.targets.kubernetes import names, quantities
from chalicelib.targets.kubernetes.manifests import described, labels
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.requests import AppSpec, Quota

# Not the public internet: what an app may call there must be asked for.
_PRIVATE = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
_PRIVATE_6 = ["fc00::/7", "fe80::/10"]
_DNS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]

# cert-manager proves control of a host by a pod of its own in the app's namespace.
_SOLVER_LABEL = {"acme.cert-manager.io/http01-solver": "true"}
CERTIFICATES = "certificates"
_SOLVER_PORT = 8089
_SOLVER_CPU, _SOLVER_MEMORY = "100m", "64Mi"


def namespace(spec: AppSpec) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": spec.namespace,
            "labels": {
                **labels(spec),
                names.OWNER_ID: spec.owner_id,
                "pod-security.kubernetes.io/enforce": "baseline",
                "pod-security.kubernetes.io/warn": "restricted",
            },
        },
    }


def quota(spec: AppSpec, standing: Manifest | None = None) -> Manifest:
    """``standing`` is the quota that is there. It is not lowered while more is used than is to be.

    Otherwise an update to smaller pods would never begin: the first new one would not fit beside the old.
    """
    wanted = _hard(spec.quota or room_for(spec))
    hard = _not_lowered(wanted, standing) if standing and not spec.quota else wanted
    return described(spec, "v1", "ResourceQuota", names.QUOTA, spec={"hard": hard})


def _hard(most: Quota) -> dict[str, str]:
    return {
        "requests.cpu": most.cpu,
        "requests.memory": most.memory,
        "limits.cpu": most.cpu,
        "limits.memory": most.memory,
        "pods": str(most.pods),
    }


def _not_lowered(wanted: dict[str, str], standing: Manifest) -> dict[str, str]:
    used = standing.get("status", {}).get("used", {})
    if all(2 * quantities.parse(used.get(key, "0")) <= quantities.parse(wanted[key]) for key in wanted):
        return wanted
    hard = standing["spec"].get("hard", {})
    return {key: max(wanted[key], hard.get(key, "0"), key=quantities.parse) for key in wanted}


def room_for(spec: AppSpec) -> Quota:
    """For as many as may run, and once more as an update comes and goes; for certificates' helpers too.

    Twice, not one more: a pod that ends still counts, and those of a large app end together.
    """
    most = max(spec.replicas, spec.autoscaling.maximum if spec.autoscaling else 0, 1)
    pods = 2 * most
    helpers = len(spec.hosts) if spec.cluster_issuer else spec.solvers
    cpu, memory = quantities.parse(spec.cpu) * pods, quantities.parse(spec.memory) * pods
    cpu += quantities.parse(_SOLVER_CPU) * helpers
    memory += quantities.parse(_SOLVER_MEMORY) * helpers
    return Quota(cpu=quantities.text(cpu), memory=quantities.text(memory), pods=pods + helpers)


def limits(spec: AppSpec) -> Manifest:
    """For pods of anybody else in the namespace that name no amounts: the quota would refuse them."""
    amounts = {"cpu": "100m", "memory": "128Mi"}
    container = {"type": "Container", "default": amounts, "defaultRequest": dict(amounts)}
    return described(spec, "v1", "LimitRange", names.LIMITS, spec={"limits": [container]})


def walls(spec: AppSpec) -> list[Manifest]:
    """Nothing in and nothing out but what an app on the internet needs."""
    found = [
        _policy(spec, "default-deny", {}, policyTypes=["Ingress", "Egress"]),
        _policy(
            spec,
            names.NETWORK,
            {names.INSTANCE: spec.app_name},
            policyTypes=["Ingress", "Egress"],
            ingress=[_from_outside(spec, spec.port)],
            egress=_egress(spec),
        ),
    ]
    if spec.cluster_issuer:
        inward = [_from_outside(spec, _SOLVER_PORT)]
        found.append(_policy(spec, CERTIFICATES, _SOLVER_LABEL, policyTypes=["Ingress"], ingress=inward))
    return found


def _policy(spec: AppSpec, name: str, pods: dict[str, str], **rules: Any) -> Manifest:
    selector = {"matchLabels": pods} if pods else {}
    return described(
        spec, "networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": selector, **rules}
    )


def _from_outside(spec: AppSpec, port: int) -> Manifest:
    rule: Manifest = {"ports": [{"protocol": "TCP", "port": port}]}
    if spec.ingress_namespace:
        one = {"kubernetes.io/metadata.name": spec.ingress_namespace}
        rule["from"] = [{"namespaceSelector": {"matchLabels": one}}]
    return rule


def _egress(spec: AppSpec) -> list[Manifest]:
    internet = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE}},
        {"ipBlock": {"cidr": "::/0", "except": _PRIVATE_6}},
    ]
    allowed = [{"ipBlock": {"cidr": network}} for network in spec.reachable_networks]
    return [{"ports": _DNS}, {"to": internet + allowed}]
