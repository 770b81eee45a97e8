"""Looks after the health of up to a hundred servers at once; all findings go back together.

A check changes nothing on a host, so an order that is seen again, after a relay died, is simply done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from chalicelib.core.relays.orders import HealthOrder, HostOrder
from chalicelib.kernel import clock
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.logs import log
from chalicelib.relay.crew import Crew
from chalicelib.targets.ssh.health import check_health
from chalicelib.targets.ssh.pool import ConnectionPool

LONGEST_PROBLEM = 400
"""Characters: a hundred of them have to fit into the answer."""
BROKEN = "The relay failed while checking this server: {}."


class HealthRun:
    """``done`` is called once, when every server was looked at."""

    def __init__(self, order: HealthOrder, pool: ConnectionPool, done: Callable[[], None]) -> None:
        self.order = order
        self._pool = pool
        self._done = done
        self._closing_down = False
        self._findings: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def start(self, crew: Crew) -> None:
        for host in self.order.hosts:
            crew.add(lambda host=host: self._check(host))  # type: ignore[misc]

    def stop(self, part_ids: list[int]) -> None:
        """A check ends by itself within seconds."""

    def shut_down(self) -> None:
        self._closing_down = True

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {"findings": list(self._findings)}

    def _check(self, host: HostOrder) -> None:
        if self._closing_down:
            return
        seen = {"server_id": host.server_id, "at": clock.iso_now(), "address": host.address}
        found = seen | self._look_at(host)
        with self._lock:
            self._findings.append(found)
            last = len(self._findings) == len(self.order.hosts)
        if last and not self._closing_down:
            self._done()

    def _look_at(self, host: HostOrder) -> dict[str, Any]:
        try:
            health = check_health(self._pool, host.login())
        except TargetError as error:
            return {"problem": error.message[:LONGEST_PROBLEM]}
        except Exception as error:  # noqa: BLE001 - becomes what was found
            log().exception("check failed", server=host.server_id)
            return {"problem": BROKEN.format(type(error).__name__)}
        return {"figures": health.model_dump(mode="json")}
