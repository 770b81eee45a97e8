"""The check of all servers: begun once a window, recorded as it comes, over even when a relay is silent."""

from __future__ import annotations

import os

import pytest

from chalicelib.aws import workflows
from chalicelib.core.audit import SYSTEM
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.inventory import servers
from chalicelib.core.relays import orders, registry
from chalicelib.core.relays.orders import HealthOrder
from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import Unavailable
from chalicelib.surfaces.birun.service import checks
from chalicelib.surfaces.birun.steps import checks as steps
from tests.unit.core.builders import ACTOR, server


@pytest.fixture
def machine(cloud: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names under which the state machine was started."""
    started: list[str] = []

    def start(arn: str, name: str, payload: dict[str, object]) -> bool:
        started.append(name)
        return True

    monkeypatch.setattr(workflows, "start", start)
    monkeypatch.setenv("QUARTERDECK_HEALTH_CHECK_ARN", os.environ["QUARTERDECK_SCRIPT_EXECUTION_ARN"])
    settings.forget()
    return started


def relay_reports() -> None:
    registry.beat("default", "boot", clock.iso_now(), 0, 0)


def every(minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_HEALTH_CHECK_MINUTES", str(minutes))
    settings.forget()


def begun() -> Execution:
    request = TaskRequest(ACTOR, checks.WORK, {})
    execution = checks._begin(request)
    assert execution is not None
    return execution


def event(execution: Execution, **more: object) -> dict[str, object]:
    return {"execution_id": execution.id, "attempt": 1} | more


def state(execution: Execution) -> tuple[Status, str | None]:
    found = ledger.find(execution.id)
    assert found is not None
    return found.state, found.reason


def test_the_periodic_check_begins_once_a_window_and_never_while_it_is_off(
    machine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server()
    relay_reports()
    checks.start_what_is_due()
    assert machine == []
    every(5, monkeypatch)
    now = clock.epoch() // 300 * 300
    for seconds in (0, 60, 299, 300):
        monkeypatch.setattr(clock, "epoch", lambda seconds=seconds: now + seconds)
        checks.start_what_is_due()
    assert len(machine) == 2


def test_without_a_relay_a_person_is_told_so_and_the_clock_waits(
    machine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks.check_all(ACTOR) is None, "no servers, nothing to check"
    server()
    with pytest.raises(Unavailable, match="never reported in"):
        checks.check_all(ACTOR)
    every(1, monkeypatch)
    checks.start_what_is_due()
    assert machine == []


def test_an_order_holds_the_servers_of_its_block_with_what_logs_in(machine: list[str]) -> None:
    numbers = [int(server(f"web-{number}").id) for number in range(2)]
    execution = begun()
    (chunk,) = steps.begin_checks(event(execution))["chunks"]
    name = steps.prepare_checks(chunk)["order"]
    order = HealthOrder.model_validate_json(orders.load(name))
    assert [host.server_id for host in order.hosts] == numbers
    secrets = [host.login().password for host in order.hosts]
    assert [secret.reveal() for secret in secrets if secret is not None] == ["pw", "pw"]


def test_findings_are_kept_and_a_group_that_nobody_reported_on_fails_the_check(machine: list[str]) -> None:
    number = int(server().id)
    execution = begun()
    steps.begin_checks(event(execution))
    findings = [
        {"server_id": number, "at": clock.iso_now(), "address": ["10.0.0.1", 22], "problem": "Refused."},
        {
            "server_id": 10**6,
            "at": clock.iso_now(),
            "address": ["10.0.0.1", 22],
            "problem": "Deleted meanwhile.",
        },
    ]
    result = steps.record_checks(event(execution, findings=findings))
    found = servers.get(number)
    assert (found.health_status, found.health["message"]) == ("unhealthy", "Refused.")
    steps.finish_checks(event(execution, results=[result, {"lost": True}]))
    assert state(execution) == (Status.FAILED, "The relay did not report on 1 of 2 groups of servers.")


def test_a_check_that_is_over_has_succeeded_whatever_it_found(machine: list[str]) -> None:
    execution = begun()
    steps.begin_checks(event(execution))
    steps.finish_checks(event(execution, results=[{"lost": False}]))
    assert state(execution) == (Status.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [(None, Status.QUEUED), ("RUNNING", Status.QUEUED), ("ABORTED", Status.FAILED)],
)
def test_the_sweep_starts_what_was_not_started_and_ends_what_is_lost(
    machine: list[str], monkeypatch: pytest.MonkeyPatch, workflow: str | None, expected: Status
) -> None:
    execution = begun()
    machine.clear()
    monkeypatch.setattr(workflows, "status", lambda arn, name: workflow)
    steps.sweep(execution)
    assert state(execution)[0] is expected
    assert len(machine) == (1 if workflow is None else 0)


def test_a_check_made_by_the_clock_is_the_system_s(machine: list[str]) -> None:
    request = TaskRequest(SYSTEM, checks.WORK, {"window": 1}, "5f0c8e0e-6f0b-4d0e-9a35-6a1f6f1f2f11")
    assert checks._begin(request) is not None
    assert checks._begin(request) is None, "the same window"
    assert tasks.begin("5f0c8e0e-6f0b-4d0e-9a35-6a1f6f1f2f11", 2) is None
