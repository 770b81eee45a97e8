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

    def ready_register(self, operation: Operation) -> Ready:
        return Ready(self.client, operation.path, self.body(operation) | {"password": PASSWORD})

    def ready_login(self, operation: Operation) -> Ready:
        name = unique("example")
        registration = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
        self.client.as_user(None).ok("POST", "/auth/register", registration)
        return Ready(self.client, operation.path, {"username": name, "password": PASSWORD})
