"""Workflows for tests: made of servers and scripts on the real sshd, run, and looked at."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

import websocket

from tests.jobs.fleet import FINAL, Fleet
from tests.support.client import ContractClient
from tests.support.stack import Stack, wait_until
from tests.support.world import unique

Json = dict[str, Any]


def trigger(name: str = "t", **config: Any) -> Json:
    return {"id": name, "type": "trigger", "config": config}


def node(name: str, kind: str, **config: Any) -> Json:
    return {"id": name, "type": kind, "config": config}


def edges(text: str) -> list[Json]:
    """``t>a a>b c>x:true``"""
    found: list[Json] = []
    for one in text.split():
        ends, _, when = one.partition(":")
        source, _, target = ends.partition(">")
        found.append({"from": source, "to": target} | ({"when": when == "true"} if when else {}))
    return found


@dataclass
class Workflows:
    stack: Stack
    fleet: Fleet

    @property
    def client(self) -> ContractClient:
        return self.fleet.client

    def script(
        self, name: str, content: str, server_ids: list[int], timeout: int = 60, **config: Any
    ) -> Json:
        script_id = self.fleet.world.script(content)
        return node(name, "script", script_id=script_id, server_ids=server_ids, timeout=timeout, **config)

    def make(self, nodes: list[Json], links: str, **more: Any) -> int:
        body = {"name": unique("workflow"), "nodes": nodes, "edges": edges(links)} | more
        return int(self.client.ok("POST", "/workflows/", body)["id"])

    def run(self, workflow: int) -> str:
        return str(self.client.ok("POST", f"/workflows/{workflow}/run")["execution_id"])

    def look(self, workflow: int, run: str) -> Any:
        return self.client.ok("GET", f"/workflows/{workflow}/runs/{run}")

    def node(self, workflow: int, run: str, name: str) -> Any:
        return next(one for one in self.look(workflow, run)["nodes"] if one["id"] == name)

    def finished(self, workflow: int, run: str, seconds: float = 90) -> Any:
        def done() -> Any:
            found = self.look(workflow, run)
            return found if found["status"] in FINAL else None

        return wait_until(done, seconds=seconds, every=0.2, what=f"the end of run {run}")

    def until(self, workflow: int, run: str, name: str, status: str, seconds: float = 90) -> Any:
        def there() -> Any:
            found = self.node(workflow, run, name)
            return found if found["status"] == status else None

        return wait_until(there, seconds=seconds, what=f"'{name}' {status}")

    def watch(self, workflow: int, run: str, cursor: str = "") -> list[Any]:
        """All that a viewer is told, to the end."""
        address = self.stack.base_url.replace("http://", "ws://")
        query = f"?cursor={cursor}" if cursor else ""
        socket = websocket.create_connection(
            f"{address}/birun/ws/workflows/{workflow}/runs/{run}{query}",
            header=[f"Authorization: Bearer {self.client.token}"],
            timeout=5,
        )
        told: list[Any] = []
        ends = time.monotonic() + 100
        while not told or told[-1]["type"] != "end":
            assert time.monotonic() < ends, f"no end was told, but {told}; it is {self.look(workflow, run)}"
            with contextlib.suppress(websocket.WebSocketTimeoutException):
                told.append(json.loads(socket.recv()))
        socket.close()
        return told


def states(run: Json) -> dict[str, str]:
    return {one["id"]: one["status"] for one in run["nodes"]}
