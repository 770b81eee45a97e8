"""Servers on a real sshd, registered, and scripts run on them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import websocket

from tests.support.client import ContractClient
from tests.support.sshd import Sshd
from tests.support.stack import Stack, wait_until
from tests.support.world import World

_hosts = itertools.count(2)
FINAL = {"completed", "failed", "stopped"}


class Fleet:
    def __init__(self, sshd: Sshd, client: ContractClient, world: World) -> None:
        self.sshd = sshd
        self.client = client
        self.world = world
        self.key = sshd.authorized_key()

    def host(self, **fields: Any) -> int:
        """A registered server that lets us in; every one has an address of its own."""
        number = next(_hosts)
        return self.world.server(
            **{
                "hostname": f"127.0.{number // 250}.{number % 250 + 1}",
                "port": self.sshd.port,
                "username": "root",
                "auth_type": "key",
                "ssh_key": self.key.private,
            }
            | fields
        )

    def start(self, content: str, server_ids: list[int], timeout: int = 60, **more: Any) -> str:
        """The UUID of a run of a new script."""
        script = self.world.script(content)
        body = {"server_ids": server_ids, "timeout": timeout} | more
        return str(self.client.ok("POST", f"/scripts/{script}/execute", body)["execution_id"])

    def look(self, execution_id: str | int) -> Any:
        return self.client.ok("GET", f"/scripts/executions/{execution_id}")

    def parts(self, execution_id: str) -> list[Any]:
        found = self.look(execution_id)
        return list(found["executions"]) if "executions" in found else [found]

    def finished(self, execution_id: str | int, seconds: float = 90) -> Any:
        def done() -> Any:
            found = self.look(execution_id)
            return found if found["status"] in FINAL else None

        return wait_until(done, seconds=seconds, what=f"the end of {execution_id}")

    def running(self, execution_id: str, seconds: float = 60) -> list[Any]:
        """Its parts, once all of them run."""

        def all_run() -> Any:
            parts = self.parts(execution_id)
            return parts if all(part["status"] == "running" for part in parts) else None

        return list(wait_until(all_run, seconds=seconds, what=f"{execution_id} running"))


class Viewer:
    """A WebSocket client of one execution."""

    def __init__(
        self, stack: Stack, client: ContractClient, execution_id: str | int, query: str = ""
    ) -> None:
        address = stack.base_url.replace("http://", "ws://")
        self.socket = websocket.create_connection(
            f"{address}/birun/ws/executions/{execution_id}{query}",
            header=[f"Authorization: Bearer {client.token}"],
            timeout=60,
        )

    def next(self) -> Any:
        text = self.socket.recv()
        return json.loads(text) if text else None

    def until_the_end(self) -> list[Any]:
        """All messages, ``end`` included; the service closes after it."""
        messages = []
        while (message := self.next()) is not None:
            messages.append(message)
            if message["type"] == "end":
                break
        assert messages, "closed before anything was told"
        assert messages[-1]["type"] == "end"
        return messages

    def close(self) -> None:
        self.socket.close()


def said(messages: list[Any], execution: int, stream: str = "stdout") -> str:
    return "".join(
        message["data"]
        for message in messages
        if message["type"] == "output" and (message["execution"], message["stream"]) == (execution, stream)
    )
