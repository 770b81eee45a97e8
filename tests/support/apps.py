"""Specs of apps that tests make manifests of, and the clusters they are for."""

from __future__ import annotations

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes.replies import Capabilities
from chalicelib.targets.kubernetes.requests import AppSpec, Autoscaling, HealthCheck, Host, RegistryAuth

OLD_CLUSTER = Capabilities(
    version="v1.20.2",
    minor=20,
    metrics=False,
    autoscaling="autoscaling/v1",
    cert_manager=False,
    ingress_classes=(),
    default_ingress_class=None,
)
NEW_CLUSTER = OLD_CLUSTER.model_copy(
    update={"version": "v1.34.1", "minor": 34, "metrics": True, "autoscaling": "autoscaling/v2"}
)

BARE = AppSpec(
    deployment_id="3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a6b",
    app_name="shop",
    namespace="app-shop",
    owner_id="9d2f1c1e-0000-4e6f-9a7b-1c2d3e4f5a6b",
    revision="1",
    image="nginx:1.27",
    port=80,
)

EVERYTHING = BARE.model_copy(
    update={
        "revision": "7",
        "image": "ghcr.io/team/shop:v7",
        "port": 8080,
        "command": ("/shop",),
        "args": ("--verbose",),
        "env": {"GREETING": Secret("hello"), "DATABASE_PASSWORD": Secret("hush")},
        "replicas": 2,
        "cpu": "250m",
        "memory": "256Mi",
        "health_check": HealthCheck(path="/health"),
        "registry_auth": RegistryAuth(username="robot", password=Secret("hush")),
        "hosts": (
            Host(host="shop.example.com"),
            Host(host="www.shop.test", tls_secret="www-shop-test"),
        ),
        "ingress_class": "nginx",
        "ingress_namespace": "ingress-nginx",
        "cluster_issuer": "letsencrypt",
        "autoscaling": Autoscaling(minimum=2, maximum=6),
        "reachable_networks": ("10.20.0.0/16",),
        "restarted_at": "2026-01-01T00:00:00Z",
    }
)

STOPPED = BARE.model_copy(update={"replicas": 0, "hosts": (Host(host="shop.example.com"),)})

SPECS: dict[str, AppSpec] = {"bare": BARE, "everything": EVERYTHING, "stopped": STOPPED}
