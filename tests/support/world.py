"""biRun's things: a server, a script, a group … fresh whenever asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import websocket

from tests.support.contract import Operation
from tests.support.people import PASSWORD
from tests.support.things import Ready, Things, unique
from tests.support.waiting import wait_until

__all__ = ["CLOSED_PORT", "World", "unique"]

CLOSED_PORT = 9  # discard: nothing listens there, so a run on such a server fails at once


@dataclass
class World(Things):
    """Makes things on biRun as ``client``'s user."""

    def server(self, **fields: Any) -> int:
        body = {
            "name": unique("server"),
            "hostname": "127.0.0.1",
            "username": "nobody",
            "port": CLOSED_PORT,
            "auth_type": "password",
            "password": "not-a-real-one",
        }
        return int(self.client.ok("POST", "/servers/", body | fields)["id"])

    def script(self, content: str = "echo hello", **fields: Any) -> int:
        body = {"name": unique("script"), "content": content} | fields
        return int(self.client.ok("POST", "/scripts/", body)["id"])

    def group(self, server_ids: list[int]) -> int:
        body = {"name": unique("group"), "server_ids": server_ids}
        return int(self.client.ok("POST", "/server-groups/", body)["id"])

    def batch(self) -> str:
        """The UUID of a run on one server that cannot be reached."""
        body = {"server_ids": [self.server()], "timeout": 5}
        return str(self.client.ok("POST", f"/scripts/{self.script()}/execute", body)["execution_id"])

    def execution(self) -> int:
        """The number of an execution."""
        return int(self.client.ok("GET", f"/scripts/executions/{self.batch()}")["id"])

    def terminal(self) -> int:
        """A terminal session, over already: nothing listens where its server should be."""
        server_id = self.server()
        address = self.client.base_url.replace("http", "ws", 1)
        channel = websocket.create_connection(
            f"{address}/birun/ws/terminal/{server_id}",
            header=[f"Authorization: Bearer {self.client.token}"],
            timeout=30,
        )
        told = json.loads(channel.recv())
        channel.close()
        assert told["type"] == "error", told
        found = self.client.ok("GET", f"/terminals/?server_id={server_id}")["terminals"]
        return int(found[0]["id"])

    # ---------------------------------------------------------------- what the contract does not tell

    def thing(self, parameter: str, collection: str) -> Any:
        if parameter == "execution_id":
            return self.execution()
        if parameter == "server_id":
            return self.server()
        if parameter == "terminal_id":
            return self.terminal()
        if parameter == "run_id":
            return self.client.ok("POST", f"{collection.removesuffix('s/')}")["execution_id"]
        if parameter == "node_id":
            return "node1"  # as the document's example calls it
        return super().thing(parameter, collection)

    def makers(self) -> dict[str, Callable[[], Any]]:
        return super().makers() | {
            "server_ids": lambda: [self.same("server_id", "/servers/")],
            "group_id": lambda: self.same("group_id", "/server-groups/"),
            "script_id": lambda: self.same("script_id", "/scripts/"),
            "hostname": lambda: "127.0.0.1",
            "port": lambda: CLOSED_PORT,
        }

    def ready_stop_execution(self, operation: Operation) -> Ready:
        """A batch on a host that swallows packets (RFC 5737's test network) is still under way."""
        server = self.server(hostname="192.0.2.1")
        body = {"server_ids": [server], "timeout": 60}
        batch = self.client.ok("POST", f"/scripts/{self.script()}/execute", body)["execution_id"]
        return Ready(self.client, self.path(operation, execution_id=batch))

    def finished(self) -> str:
        """A batch that failed."""
        batch = self.batch()
        wait_until(
            lambda: self.client.ok("GET", f"/scripts/executions/{batch}")["status"] == "failed",
            what="the end of a run",
        )
        return batch

    def ready_retry_failed_execution(self, operation: Operation) -> Ready:
        return Ready(self.client, self.path(operation, execution_id=self.finished()))

    def waiting_run(self) -> tuple[int, str]:
        """A workflow and a run of it that waits for somebody's word at its node ``ask``."""
        nodes = [
            {"id": "start", "type": "trigger", "config": {}},
            {"id": "ask", "type": "approval", "config": {}},
        ]
        body = {"name": unique("workflow"), "nodes": nodes, "edges": [{"from": "start", "to": "ask"}]}
        workflow = self.client.ok("POST", "/workflows/", body)["id"]
        run = self.client.ok("POST", f"/workflows/{workflow}/run")["execution_id"]
        path = f"/workflows/{workflow}/runs/{run}/nodes/ask"
        wait_until(lambda: self.client.ok("GET", path)["status"] == "waiting", what="a node to wait")
        return workflow, run

    def ready_stop_workflow_run(self, operation: Operation) -> Ready:
        workflow, run = self.waiting_run()
        return Ready(self.client, self.path(operation, workflow_id=workflow, run_id=run))

    def ready_resume_workflow_run(self, operation: Operation) -> Ready:
        workflow, run = self.waiting_run()
        self.client.ok("POST", f"/workflows/{workflow}/runs/{run}/stop")
        path = self.path(operation, workflow_id=workflow, run_id=run)
        return Ready(self.client, path, {"only_failed_hosts": True})

    def ready_decide_workflow_approval(self, operation: Operation) -> Ready:
        workflow, run = self.waiting_run()
        path = self.path(operation, workflow_id=workflow, run_id=run, node_id="ask")
        return Ready(self.client, path, {"approved": True})

    def ready_register(self, operation: Operation) -> Ready:
        return Ready(self.client, operation.path, self.body(operation) | {"password": PASSWORD})

    def ready_login(self, operation: Operation) -> Ready:
        name = unique("example")
        registration = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
        self.client.as_user(None).ok("POST", "/auth/register", registration)
        return Ready(self.client, operation.path, {"username": name, "password": PASSWORD})
