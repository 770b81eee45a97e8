"""Containers on a real cluster, by the packaged app: from POST to pods and back."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client as official

from tests.jobs.harbour import PATIENCE, SUFFIX, Harbour, Json, at_once
from tests.support.kubernetes import APP_1, APP_2, Cluster, unique
from tests.support.registry import empty_registry
from tests.support.stack import Stack, wait_until
from tests.support.zone import Zone

pytestmark = pytest.mark.timeout(400)

CHECK = {"path": "/health", "initial_delay_seconds": 1, "period_seconds": 1}


@pytest.fixture(scope="module")
def fleet(harbour: Harbour) -> dict[str, Json]:
    """What these tests need, asked for at once: starting takes the node longest."""
    harbour.register("relayed", reach="relay:default")
    return {
        "lives": harbour.create(health_check=CHECK, env_vars={"MODE": "chatty", "API_TOKEN": "hush"}),
        "updated": harbour.create(health_check=CHECK),
        "twice": harbour.create(),
        "drifts": harbour.create(drift_policy="repair"),
        "named": harbour.create(),
        "relayed": harbour.create("chatty", cluster="relayed"),
    }


def test_an_app_comes_up_answers_and_is_told_about_truly(harbour: Harbour, fleet: dict[str, Json]) -> None:
    made = fleet["lives"]
    assert (made["status"], made["url"]) == ("pending", None)
    shown = harbour.running(made)
    assert shown["url"] == f"https://{made['app_name']}.{SUFFIX}"
    assert shown["env_vars"] == {"MODE": "chatty", "API_TOKEN": "***"}
    assert shown["deployed_at"]
    assert harbour.says(made) == "version 1"
    status = harbour.ask(made, "GET", "/status")
    assert (status["status"], status["health"], status["restart_count"]) == ("running", "healthy", 0)
    assert status["replicas"] == {"desired": 1, "ready": 1, "available": 1}
    assert status["last_health_check"]
    assert status["uptime"] != "0s"
    logs = harbour.ask(made, "GET", "/logs?tail=5&follow=true")
    assert [entry["message"].split()[0] for entry in logs["logs"]] == ["line"] * 5
    assert logs["stream"].endswith(f"/{made['id']}/logs/stream")
    (done,) = harbour.executions(made)
    assert (done["action"], done["status"], done["progress"]) == ("create", "succeeded", 100)


def test_an_app_is_updated_scaled_stopped_started_and_deleted(
    harbour: Harbour, fleet: dict[str, Json]
) -> None:
    made = fleet["updated"]
    namespace = harbour.running(made)["namespace"]
    change = {"image": APP_2, "env_vars": {"MODE": "serve", "COLOUR": "blue"}}
    assert harbour.ask(made, "PUT", body=change)["status"] == "updating"
    assert harbour.running(made)["revision"] == 2
    assert harbour.says(made) == "version 2"

    scaled = harbour.ask(made, "PATCH", "/scale", {"replicas": 2})
    assert (scaled["status"], scaled["replicas"]) == ("running", 2)
    harbour.running(made)
    assert len(harbour.pods(made)) == 2

    assert harbour.ask(made, "POST", "/stop")["status"] == "stopped"
    assert harbour.settled(made)["status"] == "stopped"
    wait_until(lambda: not harbour.pods(made), seconds=PATIENCE, what="the pods' end")
    assert harbour.get(made)["replicas"] == 2, "remembered"

    started = harbour.ask(made, "POST", "/start")
    assert (started["status"], started["replicas"]) == ("running", 2)
    harbour.running(made)
    assert harbour.says(made) == "version 2"

    gone = harbour.ask(made, "DELETE")
    assert (gone["deployment_id"], gone["app_name"]) == (made["id"], made["app_name"])
    assert gone["namespace_deleted"] is not harbour.has_namespace(namespace)
    assert harbour.client.get(f"/v1/deployments/{made['id']}").status_code == 404
    wait_until(lambda: not harbour.has_namespace(namespace), seconds=PATIENCE, what="the namespace's end")


def test_an_update_that_cannot_work_goes_back_to_what_worked(
    harbour: Harbour, fleet: dict[str, Json]
) -> None:
    made = fleet["twice"]
    harbour.running(made)
    with empty_registry() as registry:
        harbour.ask(made, "PUT", body={"image": f"{registry}/team/app:9"})
        now = harbour.running(made)
    assert now["image"] == APP_1
    assert f"The image {registry}/team/app:9 cannot be pulled" in now["error_message"]
    assert now["error_message"].endswith("Rolled back to revision 1.")
    assert harbour.says(made) == "version 1"
    rollouts = harbour.ask(made, "GET", "/rollouts")["rollouts"]
    assert [(one["revision"], one["outcome"], one["current"]) for one in rollouts] == [
        (2, "failed", False),
        (1, "working", True),
    ]


def test_an_app_that_crashes_fails_with_its_last_words(harbour: Harbour) -> None:
    made = harbour.create("crash")
    now = harbour.settled(made)
    assert now["status"] == "failed"
    assert "exit code 3" in now["error_message"]
    assert "FATAL cannot open the database" in now["error_message"]
    assert now["url"] is None


def test_two_updates_at_once_are_carried_out_one_after_the_other(
    harbour: Harbour, fleet: dict[str, Json]
) -> None:
    made = fleet["relayed"]
    before = int(harbour.running(made)["revision"])
    colours = ["red", "green"]
    answers = at_once(
        *(
            lambda colour=colour: harbour.ask(made, "PUT", body={"env_vars": {"COLOUR": colour}})
            for colour in colours
        )
    )
    assert [answer["status"] for answer in answers] == ["updating", "updating"]
    now = harbour.running(made)
    assert now["revision"] == before + 2
    first, second = harbour.executions(made)[-2:]
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    assert first["completed_at"] <= second["started_at"], "never both"
    assert {tuple(now["env_vars"].items())} <= {(("COLOUR", colour),) for colour in colours}
    logs = harbour.ask(made, "GET", "/logs?tail=1")["logs"]
    assert len(logs) == 1, "by the relay"


def test_an_api_server_that_is_away_is_waited_for(harbour: Harbour, cluster: Cluster) -> None:
    detour = cluster.detour()
    harbour.register("detoured", cluster.kubeconfig(port=detour.port))
    detour.refuse()
    made = harbour.create(cluster="detoured")
    waiting = "waiting for the cluster"
    wait_until(lambda: harbour.step(made) == waiting, seconds=PATIENCE, what="the wait for the cluster")
    detour.restore()
    wait_until(lambda: harbour.step(made) == "rolling out", seconds=PATIENCE, what="the rollout")
    detour.refuse()
    wait_until(lambda: harbour.step(made) == waiting, seconds=PATIENCE, what="the second wait")
    assert harbour.get(made)["status"] == "pending"
    detour.restore()
    harbour.running(made)
    (only,) = harbour.executions(made)
    assert only["status"] == "succeeded"


def test_a_step_whose_lambda_died_before_it_was_recorded_is_repeated_without_harm(harbour: Harbour) -> None:
    made = harbour.create()
    execution = harbour.executions(made)[0]["execution_id"]
    event = {"step": "apply", "execution_id": execution, "attempt": 1, "loop": {}}
    at_once(*(lambda: harbour.invoke("EngineSteps", event) for _ in range(3)))
    harbour.running(made)
    assert harbour.deployment(made).metadata.generation == 1
    assert len(harbour.pods(made)) == 1
    over = harbour.invoke("EngineSteps", event)
    assert over["step"] == "done"


def test_what_somebody_did_on_the_cluster_by_hand_is_seen_and_repaired(
    harbour: Harbour, fleet: dict[str, Json]
) -> None:
    made = fleet["drifts"]
    namespace = harbour.running(made)["namespace"]
    apps = official.AppsV1Api(harbour.cluster.client)
    apps.delete_namespaced_deployment(made["app_name"], namespace)

    def seen() -> Any:
        harbour.look_around()
        return [one for one in harbour.executions(made) if one["action"] == "repair"]

    wait_until(seen, seconds=PATIENCE, every=2, what="the repair")
    harbour.running(made)
    assert harbour.deployment(made).status.available_replicas == 1
    harbour.ask(made, "PUT", "/drift", {"policy": "report"})
    apps.patch_namespaced_deployment_scale(made["app_name"], namespace, {"spec": {"replicas": 3}})

    def told() -> Any:
        harbour.look_around()
        return harbour.get(made)["drift"]

    (finding,) = wait_until(told, seconds=PATIENCE, every=2, what="the report")
    assert (finding["kind"], finding["problem"]) == ("Deployment", "changed")
    assert harbour.deployment(made).spec.replicas == 3, "reported alone"


def test_a_domain_is_routed_once_its_owner_has_proved_it(
    harbour: Harbour, fleet: dict[str, Json], stack: Stack
) -> None:
    made = fleet["named"]
    namespace = harbour.running(made)["namespace"]
    name = f"{unique('shop')}.example.org"
    added = harbour.ask(made, "POST", "/domains", {"domain": name})
    assert added["status"] == "pending"
    record = next(one for one in added["dns_records"] if one["record_type"] == "TXT")
    with Zone() as zone, stack.configured(QUARTERDECK_DNS_RESOLVER=zone.address):
        where = f"/domains/{added['id']}/verify"
        assert harbour.ask(made, "POST", where)["status"] == "pending"
        zone.hold(record["name"], record["value"])
        assert harbour.ask(made, "POST", where)["status"] == "verified"
    harbour.running(made)
    (listed,) = harbour.ask(made, "GET", "/domains")["domains"]
    assert (listed["domain"], listed["status"]) == (name, "active")
    network: Any = official.NetworkingV1Api(harbour.cluster.client)
    hosts = [rule.host for one in network.list_namespaced_ingress(namespace).items for rule in one.spec.rules]
    assert set(hosts) == {f"{made['app_name']}.{SUFFIX}", name}
    harbour.ask(made, "DELETE", f"/domains/{added['id']}")
    harbour.running(made)
    assert harbour.ask(made, "GET", "/domains")["domains"] == []


def test_a_list_has_pages_and_states_and_true_totals(harbour: Harbour) -> None:
    harbour.register("broken", "kind: Config\nclusters: []\n")
    failing = [harbour.create(cluster="broken") for _ in range(3)]
    for one in failing:
        assert "kubeconfig" in harbour.settled(one)["error_message"]
    first = harbour.client.ok("GET", "/v1/deployments?status=failed&limit=2")
    second = harbour.client.ok("GET", "/v1/deployments?status=failed&limit=2&page=2")
    ids = [one["id"] for page in (first, second) for one in page["deployments"]]
    assert ids[:3] == [one["id"] for one in reversed(failing)], "newest first"
    total = first["pagination"]["total"]
    assert first["pagination"] == {"page": 1, "limit": 2, "total": total, "total_pages": -(-total // 2)}
    gone = harbour.ask(failing[0], "DELETE")
    assert gone["namespace_deleted"] is False, "nobody could look"
    assert harbour.client.ok("GET", "/v1/deployments?status=failed")["pagination"]["total"] == total - 1
