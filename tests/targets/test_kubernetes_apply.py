"""Applying to a real API server: what it accepts, what is refused, what is left alone. No pod is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import plan
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.dryrun import check_elsewhere
from chalicelib.targets.kubernetes.names import namespace_for
from chalicelib.targets.kubernetes.plan import Standing
from chalicelib.targets.kubernetes.requests import Autoscaling, Host, RegistryAuth
from tests.support.apps import OLD_CLUSTER, SPECS
from tests.support.kube_apps import Apps, apps_on
from tests.support.kubernetes import Cluster, unique

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def apps(cluster: Cluster) -> Iterator[Apps]:
    with apps_on(cluster) as made:
        yield made


@pytest.mark.parametrize("name", SPECS)
def test_the_golden_manifests_pass_the_servers_own_validation(apps: Apps, name: str) -> None:
    server = connect(apps.access())
    for manifest in plan.make(SPECS[name], OLD_CLUSTER, Standing()).apply:
        assert check_elsewhere(server, manifest).action == "create"


def test_a_dry_run_creates_nothing_and_names_everything(apps: Apps) -> None:
    app = apps.app(hosts=(Host(host="a.example.com"),))
    changes = app.ask("dry_run", app.applying).changes
    assert {one.action for one in changes} == {"create"}
    assert ("Deployment", app.spec.app_name) in {(one.kind, one.name) for one in changes}
    assert app.ask("namespace_state").state == "gone"


def test_what_the_spec_no_longer_has_is_removed_and_what_is_not_ours_stays(
    apps: Apps, cluster: Cluster
) -> None:
    app = apps.applied(
        replicas=0,
        hosts=(Host(host="a.example.com"),),
        registry_auth={"username": "u", "password": "hush"},
        cluster_issuer="letsencrypt",
    )
    namespace = app.spec.namespace
    metadata = {"name": "mine", "namespace": namespace}
    cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    app.change(hosts=(), registry_auth=None, cluster_issuer=None)
    deleted = [one for one in app.ask("dry_run", app.applying).changes if one.action == "delete"]
    unexpected = {one.kind for one in app.ask("observe", app.applying).findings}
    assert unexpected >= {"Ingress", "Secret", "NetworkPolicy"}
    removed = app.apply().removed
    assert removed == (f"Ingress {app.spec.app_name}", "Secret registry", "NetworkPolicy certificates")
    assert [f"{one.kind} {one.name}" for one in deleted] == list(removed)
    assert app.apply().removed == ()
    core: Any = client.CoreV1Api(cluster.client)
    names = {one.metadata.name for one in core.list_namespaced_secret(namespace).items}
    assert {"mine", "environment"} <= names
    assert "registry" not in names


def test_the_registrys_log_in_is_kept_as_engines_read_it(apps: Apps, cluster: Cluster) -> None:
    app = apps.applied(
        replicas=0,
        image="ghcr.io/team/app:1",
        registry_auth=RegistryAuth(username="u", password=Secret("hush")),
    )
    core: Any = client.CoreV1Api(cluster.client)
    assert core.read_namespaced_secret("registry", app.spec.namespace).type == (
        "kubernetes.io/dockerconfigjson"
    )


def replicas_of(cluster: Cluster, name: str, namespace: str) -> int:
    deployments: Any = client.AppsV1Api(cluster.client)
    found: int = deployments.read_namespaced_deployment(name, namespace).spec.replicas
    return found


def test_replicas_go_over_to_the_autoscaler_without_a_dip_and_back(apps: Apps, cluster: Cluster) -> None:
    app = apps.applied(replicas=3, image="local/none:1")
    where = (cluster, app.spec.app_name, app.spec.namespace)
    app.change(autoscaling=Autoscaling(minimum=2, maximum=5))
    app.apply()
    assert replicas_of(*where) == 3
    scaler: Any = client.AppsV1Api(cluster.client)
    scaler.patch_namespaced_deployment_scale(*where[1:], {"spec": {"replicas": 4}})
    app.apply()
    assert replicas_of(*where) == 4
    assert app.ask("observe", app.applying).as_wished
    app.change(replicas=0)
    assert app.apply().removed == (f"HorizontalPodAutoscaler {app.spec.app_name}",)
    assert replicas_of(*where) == 0
    app.change(replicas=1)
    app.apply()
    assert replicas_of(*where) == 2


def test_a_namespace_of_somebody_else_is_neither_written_to_nor_deleted(apps: Apps, cluster: Cluster) -> None:
    app = apps.app()
    name = app.spec.namespace
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with pytest.raises(PermanentTargetError, match="not this app's"):
        app.apply()
    assert app.ask("delete").state == "foreign"
    assert app.ask("namespace_state").state == "foreign"
    (finding,) = app.ask("observe", app.applying).findings
    assert finding.problem == "unexpected"
    core: Any = client.CoreV1Api(cluster.client)
    assert core.list_namespaced_secret(name, label_selector="app.kubernetes.io/managed-by").items == []
    core.delete_namespace(name, _preload_content=False)
    apps.forget(app)


def test_the_same_name_of_another_deployment_is_refused(apps: Apps) -> None:
    app = apps.applied(replicas=0)
    app.change(deployment_id=unique())
    with pytest.raises(PermanentTargetError, match="not this app's"):
        app.apply()
    app.change(deployment_id=app.spec.app_name)


def test_a_deployment_that_selects_otherwise_is_not_replaced(apps: Apps, cluster: Cluster) -> None:
    app = apps.applied(replicas=0)
    deployments: Any = client.AppsV1Api(cluster.client)
    name, namespace = app.spec.app_name, app.spec.namespace
    plain: Any = client.ApiClient()
    seen = plain.sanitize_for_serialization(deployments.read_namespaced_deployment(name, namespace))
    deployments.delete_namespaced_deployment(name, namespace, _preload_content=False)
    labels = {**seen["metadata"]["labels"], "tier": "web"}
    spec = {
        "selector": {"matchLabels": {"tier": "web"}},
        "template": {**seen["spec"]["template"], "metadata": {"labels": labels}},
        "replicas": 0,
    }
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    with pytest.raises(PermanentTargetError, match="selects its pods by other labels"):
        app.apply()


def test_a_namespace_that_is_gone_is_one_finding_and_one_that_is_going_is_waited_for(apps: Apps) -> None:
    app = apps.app(replicas=0)
    (finding,) = app.ask("observe", app.applying).findings
    assert finding.words == f"The namespace {app.spec.namespace} is gone, with everything in it."
    app.apply()
    app.ask("delete")
    if app.ask("namespace_state").state == "terminating":
        with pytest.raises(TransientTargetError, match="still being deleted"):
            app.apply()


def test_what_the_server_finds_wrong_is_told_field_by_field(apps: Apps) -> None:
    app = apps.app(command=("",), ingress_class="Not A Class", hosts=(Host(host="a.example.com"),))
    with pytest.raises(PermanentTargetError, match=r"spec\.ingressClassName"):
        app.ask("dry_run", app.applying)


def test_a_name_as_long_as_a_dns_label_can_be_is_applied(apps: Apps) -> None:
    name = (unique() + "-" + "x" * 63)[:63]
    app = apps.app(replicas=1, app_name=name, namespace=namespace_for(name), image="local/none:1")
    assert app.apply().created
    assert app.rollout().outcome == "progressing"
