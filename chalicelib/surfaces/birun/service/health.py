"""The service's own health: each part is asked now, and what it says is what is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws import queues
from chalicelib.core import counting
from chalicelib.core.events import tallies
from chalicelib.core.executions import model as executions
from chalicelib.core.executions.status import Status
from chalicelib.core.relays import registry
from chalicelib.kernel import clock
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun import model

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
_WORST_LAST = (HEALTHY, DEGRADED, UNHEALTHY)


@dataclass(frozen=True)
class Component:
    """``milliseconds`` is how long it took to answer; ``facts`` is what it said."""

    status: str
    milliseconds: float
    message: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    components: dict[str, Component]
    limit: int
    running: int
    queued: int
    ended: dict[Status, int]

    @property
    def status(self) -> str:
        """As its worst component is."""
        found = {component.status for component in self.components.values()}
        return max(found, key=_WORST_LAST.index)


def report() -> Report:
    """Asks all parts side by side. A part that fails is unhealthy; only a table that is away is an error."""
    checks = {"database": _table, "redis": _broker, "worker_queue": _workers}
    with ThreadPoolExecutor(len(checks)) as pool:
        found = pool.map(_asked, checks.values())
        components = dict(zip(checks, found, strict=True))
    return Report(
        components,
        int(model.app_settings().max_concurrent_executions),
        _total(Status.RUNNING),
        _total(Status.QUEUED),
        dict(tallies.ended_within_an_hour(clock.now())),
    )


def _total(status: Status) -> int:
    return counting.total(f"{executions.PARTS}#status#{status}")


Said = tuple[str, str, dict[str, Any]]


def _asked(check: Callable[[], Said]) -> Component:
    started = time.perf_counter()
    try:
        status, message, facts = check()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this part's state
        log().exception("part does not answer", part=check.__name__)
        status, message, facts = UNHEALTHY, f"Does not answer ({type(error).__name__}).", {}
    return Component(status, round((time.perf_counter() - started) * 1000, 1), message, facts)


def _table() -> Said:
    model.app_settings()
    return HEALTHY, "Connection successful", {}


def _broker() -> Said:
    """What the document has Redis for, handing work over, is done by queues."""
    waiting, _ = queues.depth(settings().relay_control_queue_url)
    return HEALTHY, "There is no Redis here: work is handed over by SQS.", {"control_messages": waiting}


def _workers() -> Said:
    waiting, taken = queues.depth(settings().relay_queue_url)
    notices, _ = queues.depth(settings().notice_queue_url)
    dead = sum(queues.depth(url)[0] for url in settings().dead_letter_queues.split())
    relay = registry.find(settings().relay_id)
    silent = registry.silent_for(relay)
    facts = {
        "queue_length": waiting,
        "in_progress": taken,
        "notices_waiting": notices,
        "failed_jobs": dead,
        "relay": relay,
        "active": silent is not None and silent <= registry.LATE_SECONDS,
    }
    if silent is None:
        return UNHEALTHY, "No relay has ever reported in.", facts
    if not facts["active"]:
        return UNHEALTHY, f"The relay was last heard of {silent:.0f} seconds ago.", facts
    if dead:
        return DEGRADED, f"{dead} messages could not be handled and wait for a person.", facts
    return HEALTHY, "The relay reports in.", facts
