"""``echo`` on 100 hosts of a real sshd, from POST to the last result stored, against doing it plainly.

Each round has addresses of its own, so that every side meets them cold; ours meets them once more, warm.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.bench.fleet import SCRIPT, THREADS, Fleet, fleet
from tests.bench.report import Finding, median, ratio
from tests.bench.timing import milliseconds
from tests.support.client import ContractClient
from tests.support.stack import running
from tests.support.world import World

HOSTS = 100
ROUNDS = 3
ROUNDS_OWN = 2
FIRST_NETWORK = 20
LOOK_EVERY = 1.0  # seconds between two looks at the batch
OVER_PARAMIKO = 1.25
OVER_ANSIBLE = 0.75
WARM = 1 / 3


def measure() -> list[Finding]:
    """Twice: with the account's shell as it is on this machine, and with one that starts at once."""
    return [*_measure("", ROUNDS_OWN, own_shell=True), *_measure(", quick shell", ROUNDS, own_shell=False)]


def _measure(named: str, rounds: int, *, own_shell: bool) -> list[Finding]:
    sides: dict[str, list[float]] = {"cold": [], "warm": [], "paramiko": [], "ansible": []}
    with fleet(own_shell=own_shell) as hosts, running() as stack:
        admin = stack.client("admin")
        admin.ok("PUT", "/settings/", {"max_concurrent_executions": THREADS})
        ours = Ours(admin, hosts)
        for position in range(rounds):
            addresses = Fleet.hosts(HOSTS, FIRST_NETWORK + position)
            servers = ours.register(addresses)
            sides["paramiko"].append(milliseconds(partial(hosts.by_paramiko, addresses)) / 1000)
            sides["cold"].append(ours.seconds(servers))
            sides["warm"].append(ours.seconds(servers))
            sides["ansible"].append(milliseconds(partial(hosts.by_ansible, addresses)) / 1000)
    found = {name: median(values) for name, values in sides.items()}
    cold = f"echo on {HOSTS} hosts{named}, cold"
    return [
        ratio("script", f"{cold} / paramiko", found["cold"], found["paramiko"], OVER_PARAMIKO, all=sides),
        ratio("script", f"{cold} / ansible", found["cold"], found["ansible"], OVER_ANSIBLE),
        ratio("script", f"warm / cold{named}", found["warm"], found["cold"], WARM),
        *(Finding("script", name + named, seconds, "s") for name, seconds in found.items()),
    ]


class Ours:
    """The same through the API."""

    def __init__(self, admin: ContractClient, hosts: Fleet) -> None:
        self._admin = admin
        self._hosts = hosts
        self._script = World(admin).script(SCRIPT)

    def register(self, addresses: list[str]) -> list[int]:
        login: dict[str, Any] = {
            "username": self._hosts.username,
            "port": self._hosts.port,
            "auth_type": "key",
            "ssh_key": self._hosts.private_key,
        }
        bodies = [login | {"name": address, "hostname": address} for address in addresses]
        return [int(self._admin.ok("POST", "/servers/", body)["id"]) for body in bodies]

    def seconds(self, servers: list[int]) -> float:
        """From POST until the last result was stored, by the record's own times. Looking more often would
        take processor time from what is measured."""
        started = datetime.now(UTC)
        body = {"server_ids": servers, "timeout": 120}
        run = self._admin.ok("POST", f"/scripts/{self._script}/execute", body)["execution_id"]
        while (batch := self._admin.ok("GET", f"/scripts/executions/{run}"))["status"] in (
            "queued",
            "running",
        ):
            time.sleep(LOOK_EVERY)
        wrong = [
            part for part in batch["executions"] if (part["exit_code"], part["output"]) != (0, "hello\n")
        ]
        if wrong or len(batch["executions"]) != len(servers):
            raise RuntimeError(f"{len(wrong)} hosts failed, first: {wrong[:1]}")
        last = max(datetime.fromisoformat(part["completed_at"]) for part in batch["executions"])
        return (last - started).total_seconds()
