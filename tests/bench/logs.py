"""A log at full speed to one client: from an app's container through node, API server, relay and gateway to a
WebSocket. Every line is counted: one that is missing or comes twice fails the measurement.

The app writes all of its lines as fast as it can, so the pace is that of the way, not of the app.
"""

from __future__ import annotations

import json
import time
from typing import Any

from websockets.sync.client import connect

from tests.bench.report import Finding
from tests.jobs.harbour import Harbour
from tests.support import kubernetes
from tests.support.stack import running

LINES = 100_000
A_SECOND = 10_000
WITHIN = 120  # seconds for the next message to come at all


def measure() -> list[Finding]:
    with kubernetes.running() as cluster, running() as stack:
        harbour = Harbour.open(stack, cluster)
        try:
            seconds, messages = _listen(harbour)
        finally:
            harbour.clear()
    pace = seconds / (LINES / A_SECOND)
    detail = {"seconds": seconds, "lines": LINES, "messages": messages}
    return [Finding("logs", f"{A_SECOND} lines to one client, none lost", pace, "s", 1.0, detail)]


def _listen(harbour: Harbour) -> tuple[float, int]:
    """Seconds from the first line to the last, and how many messages it took. The app is started again when
    somebody listens already."""
    made = harbour.create(
        env_vars={"MODE": "flood", "LINES": str(LINES)}, resources={"cpu": "1000m", "memory": "64Mi"}
    )
    harbour.settled(made)
    harbour.ask(made, "POST", "/stop")
    harbour.settled(made)
    address = harbour.stack.base_url.replace("http", "ws", 1)
    path = f"{address}/engine/v1/deployments/{made['id']}/logs/stream"
    header = {"Authorization": f"Bearer {harbour.client.token}"}
    with connect(f"{path}?tail=0", additional_headers=header, max_size=None, open_timeout=WITHIN) as socket:
        harbour.ask(made, "POST", "/start")
        heard: list[int] = []
        started, messages = 0.0, 0
        while len(heard) < LINES:
            told: dict[str, Any] = json.loads(socket.recv(timeout=WITHIN))
            texts = [line["message"] for line in told.get("logs", ())]
            heard += [int(text) for text in texts if text.isdecimal()]
            started, messages = started or time.perf_counter(), messages + 1
        seconds = time.perf_counter() - started
    if heard != list(range(1, LINES + 1)):
        raise RuntimeError(f"{len(set(heard))} of {LINES} lines came, {len(heard) - len(set(heard))} twice")
    return seconds, messages
