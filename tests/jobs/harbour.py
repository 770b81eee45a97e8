"""Container Engine on the packaged app and a real cluster: one user with room, apps of unique names."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from kubernetes import client as official
from kubernetes.client.exceptions import ApiException

from tests.support.client import ContractClient
from tests.support.kubernetes import APP_1, Cluster, unique
from tests.support.people import PASSWORD
from tests.support.stack import Stack, wait_until

PATIENCE = 150
"""Seconds, generous: the node shares two processors with everything else."""

SUFFIX = "apps.quarterdeck.test"
SETTLED = ("running", "failed", "stopped")

Json = dict[str, Any]


@dataclass
class Harbour:
    stack: Stack
    cluster: Cluster
    client: ContractClient
    _made: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, stack: Stack, cluster: Cluster) -> Harbour:
        name = unique("captain")
        stack.ensure_user(name, "user")
        stack.instance.operate(
            {"command": "set_quota", "username": name, "apps": 500, "replicas": 500, "memory_mib": 10**6}
        )
        made = cls(stack, cluster, stack.log_in(name, PASSWORD).on("engine"))
        made.register("default")
        return made

    def register(self, name: str, kubeconfig: str | None = None, **fields: Any) -> str:
        command = {
            "command": "ensure_cluster",
            "name": name,
            "kubeconfig": kubeconfig or self.cluster.kubeconfig(),
            "domain_suffix": SUFFIX,
        }
        self.stack.instance.operate(command | fields)
        return name

    # ---------------------------------------------------------------- deployments

    def create(self, mode: str = "serve", **fields: Any) -> Json:
        """Small, and gone quickly. Not waited for."""
        body = {
            "app_name": unique("h"),
            "image": APP_1,
            "port": 8080,
            "env_vars": {"MODE": mode},
            "resources": {"cpu": "10m", "memory": "32Mi"},
        }
        made: Json = self.client.ok("POST", "/v1/deployments", body | fields)
        self._made.append(made["app_name"])
        return made

    def get(self, found: Json) -> Json:
        shown: Json = self.client.ok("GET", f"/v1/deployments/{found['id']}")
        return shown

    def ask(self, found: Json, method: str, what: str = "", body: Any = None) -> Json:
        answer: Json = self.client.ok(method, f"/v1/deployments/{found['id']}{what}", body)
        return answer

    def settled(self, found: Json) -> Json:
        """Once nothing is under way any more."""

        def idle() -> Json | None:
            now = self.get(found)
            return now if now["status"] in SETTLED and now["execution_id"] is None else None

        settled: Json = wait_until(idle, seconds=PATIENCE, every=0.5, what=f"the end for {found['app_name']}")
        return settled

    def running(self, found: Json) -> Json:
        now = self.settled(found)
        assert now["status"] == "running", now
        return now

    def executions(self, found: Json) -> list[Json]:
        """Oldest first."""
        return list(reversed(self.ask(found, "GET", "/executions")["executions"]))

    def step(self, found: Json) -> Any:
        """What the newest execution is at."""
        return self.executions(found)[-1]["step"]

    # ---------------------------------------------------------------- the cluster, seen for oneself

    def deployment(self, found: Json) -> Any:
        namespace = self.get(found)["namespace"]
        apps = official.AppsV1Api(self.cluster.client)
        return apps.read_namespaced_deployment(found["app_name"], namespace)

    def pods(self, found: Json) -> list[Any]:
        core: Any = official.CoreV1Api(self.cluster.client)
        listed = core.list_namespaced_pod(self.get(found)["namespace"])
        return [pod for pod in listed.items if pod.metadata.deletion_timestamp is None]

    def says(self, found: Json) -> str:
        """What the app itself answers."""
        address = next(pod.status.pod_ip for pod in self.pods(found))
        return requests.get(f"http://{address}:8080/", timeout=10).text.strip()

    def has_namespace(self, name: str) -> bool:
        core: Any = official.CoreV1Api(self.cluster.client)
        return any(one.metadata.name == name for one in core.list_namespace().items)

    # ---------------------------------------------------------------- functions

    def invoke(self, function: str, event: Json) -> Json:
        name = self.stack.instance.deployed.functions[function]
        answer = self.stack.aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        said = answer["Payload"].read()
        assert "FunctionError" not in answer, said
        found: Json = json.loads(said) or {}
        return found

    def look_around(self) -> None:
        """The minute's look at the clusters."""
        self.stack.tick("EngineTick")

    def clear(self) -> None:
        """Off the cluster, which others use as well; the records go with the stack."""
        core: Any = official.CoreV1Api(self.cluster.client)
        for name in self._made:
            with suppress(ApiException):  # some are gone, some were never there
                core.delete_namespace(f"app-{name}")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
