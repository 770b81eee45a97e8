"""Things that several tests need some of."""

from __future__ import annotations

from typing import Any

from chalicelib.core.audit import Actor
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Request
from chalicelib.core.executions.model import Execution
from chalicelib.core.inventory import servers
from chalicelib.core.inventory.servers import Credentials, Server
from chalicelib.kernel.secrets import Secret

ACTOR = Actor(1, "ada", "203.0.113.7")


def server(name: str = "web", **fields: Any) -> Server:
    given = {"hostname": "10.0.0.1", "port": 22, "username": "deploy", "auth_type": "password"} | fields
    return servers.create(
        ACTOR, {"name": name, "description": None} | given, Credentials(password=Secret("pw"))
    )


def execution(hosts: int = 1, script_id: int | None = None) -> Execution:
    subject: dict[str, Any] = {
        "script_id": script_id,
        "script_name": "Ad-hoc script",
        "content": "echo",
        "timeout": 5,
    }
    targets = [(number + 1, f"host-{number}") for number in range(hosts)]
    return ledger.create(Request(ACTOR, "script", subject, targets))
