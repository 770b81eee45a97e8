"""From POST to the first line of output at a WebSocket client.

The client connects when it knows the execution, so the time holds the POST, the handshake and the run.
Warm: the relay has a connection to the host. Cold: it meets the host for the first time.
"""

from __future__ import annotations

import json
import time

from websockets.sync.client import ClientConnection, connect

from tests.bench.fleet import Fleet, fleet
from tests.bench.report import Finding, median, spread
from tests.bench.script import Ours
from tests.support.client import ContractClient
from tests.support.stack import Stack, running
from tests.support.world import World

ROUNDS = 21
MOST = 500.0  # milliseconds
WITHIN = 30  # seconds for a line to come at all
NETWORK = 90


def measure() -> list[Finding]:
    with fleet() as hosts, running() as stack:
        admin = stack.client("admin")
        servers = Ours(admin, hosts).register(Fleet.hosts(ROUNDS, NETWORK))
        # The last second shows that lines come while the script still runs.
        script = World(admin).script("echo first; sleep 1; echo last")
        cold = [first_line(stack, admin, script, server) for server in servers]
        warm = [first_line(stack, admin, script, servers[0]) for _ in range(ROUNDS)]
    return [
        Finding("stream", "first line, connection warm", median(warm), "ms", MOST, spread(warm)),
        Finding("stream", "first line, connection cold", median(cold), "ms", None, spread(cold)),
    ]


def first_line(stack: Stack, admin: ContractClient, script: int, server: int) -> float:
    """Milliseconds; returns when the run has ended, so that the next one does not wait for it."""
    started = time.perf_counter()
    body = {"server_ids": [server], "timeout": 30}
    run = admin.ok("POST", f"/scripts/{script}/execute", body)["execution_id"]
    address = stack.base_url.replace("http", "ws", 1)
    with connect(f"{address}/birun/ws/executions/{run}?token={admin.token}") as socket:
        _until(socket, "output", "first")
        taken = (time.perf_counter() - started) * 1000
        _until(socket, "end")
    return taken


def _until(socket: ClientConnection, kind: str, data: str = "") -> None:
    while True:
        message = json.loads(socket.recv(timeout=WITHIN))
        if message["type"] == kind and data in message.get("data", ""):
            return
        if message["type"] == "end":
            raise RuntimeError(f"the run ended without {kind}: {message}")
