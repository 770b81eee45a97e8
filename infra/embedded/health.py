"""The whole system's health, by asking each part."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from infra.embedded.asgi import call
from infra.embedded.deployment import Deployed
from infra.embedded.emulator import Application

RELAY_SILENCE = 20.0  # seconds; the relay says that it is there every five
PATIENCE = 10.0  # seconds that one part may take to answer

Check = Callable[[], Awaitable[str]]


class Ailing(Exception):
    """The part does not do its work; the message says in what way."""


class Doctor:
    """Asks the parts. ``deployed`` is set once there is something to ask."""

    def __init__(self, emulator: Application, relay_is_running: Callable[[], bool]) -> None:
        self.emulator = emulator
        self.relay_is_running = relay_is_running
        self.deployed: Deployed | None = None
        self.since = datetime.now(UTC)

    async def report(self) -> dict[str, Any]:
        checks: dict[str, Check] = {
            "engine": self._engine,
            "table": self._table,
            "api": self._api,
            "relay": self._relay,
        }
        parts = {"front_door": {"status": "healthy", "detail": "answering"}}
        found = await asyncio.gather(*(self._ask(check) for check in checks.values()))
        parts.update(zip(checks, found, strict=True))
        healthy = all(part["status"] == "healthy" for part in parts.values())
        return {
            "status": "healthy" if healthy else "degraded",
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "parts": parts,
        }

    async def _ask(self, check: Check) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            detail = await asyncio.wait_for(check(), PATIENCE)
        except (Ailing, TimeoutError) as problem:
            return {"status": "unhealthy", "detail": str(problem) or "does not answer"}
        return {"status": "healthy", "detail": detail, "ms": round((time.perf_counter() - started) * 1000, 1)}

    async def _engine(self) -> str:
        answer = await call(self.emulator, "GET", "/_ministack/health")
        if answer.status != 200:
            raise Ailing(f"answers {answer.status}")
        return "answering"

    async def _table(self) -> str:
        await self._heartbeat()
        return "answering"

    async def _api(self) -> str:
        """Any answer of a function's own will do: a refusal for want of a token proves as much as data."""
        deployed = self._known()
        path = min((path for path in deployed.paths if "{" not in path), key=_plainness, default=None)
        if path is None:
            raise Ailing("has no address yet")
        address = f"/restapis/{deployed.rest_api}/{deployed.rest_stage}/_user_request_{path}"
        answer = await call(self.emulator, "GET", address)
        if answer.status >= 500:
            raise Ailing(f"{path} answers {answer.status}")
        return f"{path} answers {answer.status}"

    async def _relay(self) -> str:
        if not self.relay_is_running():
            raise Ailing("not running; being started again")
        seen = (await self._heartbeat()).get("seen_at", {}).get("S")
        moment = datetime.fromisoformat(seen) if seen else None
        if moment is None or moment < self.since:
            raise Ailing("starting")
        silence = (datetime.now(UTC) - moment).total_seconds()
        if silence > RELAY_SILENCE:
            raise Ailing(f"silent for {silence:.0f} s")
        return f"seen {silence:.0f} s ago"

    async def _heartbeat(self) -> dict[str, Any]:
        """The item that the relay writes every few seconds; empty before its first."""
        body = {
            "TableName": self._known().outputs["Table"],
            "Key": {"pk": {"S": "RELAY#default"}, "sk": {"S": "RELAY"}},
            "ConsistentRead": True,
        }
        headers = [
            ("x-amz-target", "DynamoDB_20120810.GetItem"),
            ("content-type", "application/x-amz-json-1.0"),
        ]
        answer = await call(self.emulator, "POST", "/", headers, json.dumps(body).encode())
        if answer.status != 200:
            raise Ailing(f"the table answers {answer.status}")
        item: dict[str, Any] = answer.json().get("Item", {})
        return item

    def _known(self) -> Deployed:
        if self.deployed is None:
            raise Ailing("not deployed yet")
        return self.deployed


def _plainness(path: str) -> tuple[bool, int, str]:
    """A health address before any other, a short one before a long one."""
    return (not path.endswith("/health"), len(path), path)
