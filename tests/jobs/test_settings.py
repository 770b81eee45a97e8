"""The application's settings are obeyed, as seen on the hosts."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.fleet import Fleet
from tests.jobs.test_schedules import make_due, runs
from tests.support.client import ContractClient
from tests.support.stack import PASSWORD, Stack, wait_until


@pytest.fixture
def settings(admin: ContractClient) -> Iterator[ContractClient]:
    """The settings as they were, afterwards."""
    before = admin.ok("GET", "/settings/")
    yield admin
    admin.ok("PUT", "/settings/", before)


class Gate:
    """Scripts that note how many of them are at work, and stay until they are let go."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "at-work").mkdir()
        self.script = f"""
            cd {directory}
            touch at-work/$$
            ls at-work | wc -l >> seen
            until [ -e go ]; do sleep 0.05; done
            rm at-work/$$
        """

    @property
    def at_work(self) -> int:
        return len(list((self.directory / "at-work").iterdir()))

    @property
    def most_seen(self) -> int:
        return max(int(line) for line in (self.directory / "seen").read_text().split())

    def open(self) -> None:
        (self.directory / "go").touch()


def states(fleet: Fleet, *executions: str) -> Counter[str]:
    return Counter(part["status"] for execution in executions for part in fleet.parts(execution))


def becomes(running: int, fleet: Fleet, gate: Gate, *executions: str) -> None:
    """Wait until so many of the six are running, on record and on the hosts, and the rest are queued.

    The record and the host each learn of it in their own time.
    """
    on_record = {"running": running, "queued": 6 - running}
    wait_until(
        lambda: states(fleet, *executions) == on_record and gate.at_work == running,
        what=f"{running} of six at work",
    )


def test_no_more_run_at_once_than_the_limit_across_executions_and_the_rest_is_queued(
    fleet: Fleet, settings: ContractClient, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    settings.ok("PUT", "/settings/", {"max_concurrent_executions": 2})
    hosts = [fleet.host() for _ in range(6)]
    first, second = fleet.start(gate.script, hosts[:3]), fleet.start(gate.script, hosts[3:])
    becomes(2, fleet, gate, first, second)
    assert gate.most_seen == 2
    assert settings.ok("GET", "/health")["components"]["worker_queue"]["active_workers"] == 1
    settings.ok("PUT", "/settings/", {"max_concurrent_executions": 4})
    becomes(4, fleet, gate, first, second)  # the new limit waits for no new order
    gate.open()
    assert [fleet.finished(one)["status"] for one in (first, second)] == ["completed"] * 2
    assert gate.most_seen == 4


def test_what_runs_longer_than_the_delay_is_called_long_running(
    fleet: Fleet, settings: ContractClient, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    execution = fleet.start(gate.script, [fleet.host()])
    (part,) = fleet.running(execution)
    settings.ok("PUT", "/settings/", {"long_running_delay_seconds": 86400})
    assert fleet.look(part["id"])["long_running"] is False
    settings.ok("PUT", "/settings/", {"long_running_delay_seconds": 0})
    assert fleet.look(part["id"])["long_running"] is True
    listed = settings.ok("GET", "/scripts/executions/?status=running")["executions"]
    assert {one["id"]: one["long_running"] for one in listed}[part["id"]] is True
    gate.open()
    assert fleet.finished(execution)["long_running"] is False


def test_new_tokens_live_as_long_as_the_settings_say(stack: Stack, settings: ContractClient) -> None:
    settings.ok("PUT", "/settings/", {"access_token_expire_minutes": 7})
    assert lifetime(stack) == 7 * 60
    settings.ok("PUT", "/settings/", {"access_token_expire_minutes": 60})
    assert lifetime(stack) == 60 * 60


def lifetime(stack: Stack) -> int:
    stack.ensure_user("short-lived", "user")
    body = {"username": "short-lived", "password": PASSWORD}
    answer = stack.anonymous().ok("POST", "/auth/login", body)
    payload = str(answer["access_token"]).split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return int(claims["exp"] - claims["iat"])


def test_a_window_found_late_runs_within_the_tolerance_and_is_missed_past_it(
    stack: Stack, fleet: Fleet, settings: ContractClient
) -> None:
    body = {
        "name": "Late",
        "cron_expression": "0 2 * * *",
        "script_id": fleet.world.script(),
        "server_ids": [fleet.world.server()],
    }
    outcomes = {}
    for tolerance in (3600, 120):
        settings.ok("PUT", "/settings/", {"schedule_trigger_tolerance_seconds": tolerance})
        schedule = settings.ok("POST", "/schedules/", body)["id"]
        make_due(stack, schedule, seconds=1200)
        stack.tick()
        outcomes[tolerance] = runs(settings, schedule)[0]["status"]
    assert outcomes[120] == "missed"
    assert outcomes[3600] in ("queued", "running", "failed"), "it was started; the server cannot be reached"


def test_settings_are_for_administrators(stack: Stack, settings: ContractClient) -> None:
    assert stack.client("operator").put("/settings/", {"max_concurrent_executions": 1}).status_code == 403
