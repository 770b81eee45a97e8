"""The health of servers and of the service, as it truly is; alerts that come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs.fleet import Fleet
from tests.support.client import ContractClient
from tests.support.receiver import Receiver
from tests.support.stack import Stack, wait_until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def of(found: Any, server: int) -> dict[str, Any]:
    (one,) = (each for each in found["servers"] if each["server_id"] == server)
    return dict(one)


def alerts(admin: ContractClient, server: int, status: str) -> list[dict[str, Any]]:
    return list(admin.ok("GET", f"/alerts?server_id={server}&status={status}")["alerts"])


def test_all_servers_are_checked_at_once_and_the_dead_one_says_why(
    stack: Stack, fleet: Fleet, admin: ContractClient
) -> None:
    well, dead = [fleet.host() for _ in range(3)], fleet.world.server()
    before = of(admin.ok("GET", "/health/summary"), dead)
    assert (before["status"], before["uptime_seconds"], before["last_checked"]) == ("unknown", None, None)
    found = admin.ok("POST", "/health/check-all")
    if found["status"] != "completed":  # other tests' servers may be many
        found = wait_until(lambda: known(admin, [*well, dead]), seconds=90, what="all checked")
    for server in well:
        one = of(found, server)
        assert one["status"] == "healthy"
        assert one["uptime_seconds"] > 0
        assert 0 < one["memory_usage"] < 100
        assert one["load_1min"] >= 0
        assert 0 < one["disk_usage"] <= 100
    gone = of(found, dead)
    assert (gone["status"], gone["uptime_seconds"], gone["disk_usage"]) == ("unhealthy", None, None)
    assert "refused the connection" in gone["message"]
    summary = admin.ok("GET", "/health/summary")
    assert of(summary, dead) == gone
    assert admin.ok("GET", f"/servers/{well[0]}")["host_key"] == fleet.sshd.host_key, "pinned at first use"


def known(admin: ContractClient, servers: list[int]) -> Any:
    found = admin.ok("GET", "/health/summary")
    return found if all(of(found, server)["last_checked"] for server in servers) else None


def test_an_alert_is_raised_once_told_and_cleared_when_the_host_is_back(
    fleet: Fleet, admin: ContractClient, receiver: Receiver
) -> None:
    server = fleet.host(port=9)
    channels = {"notifications": {"webhook": {"url": receiver.url(), "secret": "s3cret"}}}
    assert admin.ok("PUT", "/alerts/channels", channels)["notifications"]["webhook"]["secret"] == "***"
    for _ in range(2):
        assert admin.ok("POST", f"/servers/{server}/health/check")["status"] == "unhealthy"
    (open_one,) = alerts(admin, server, "open")
    assert (open_one["kind"], open_one["severity"], open_one["cleared_at"]) == (
        "server.unhealthy",
        "critical",
        None,
    )
    assert "refused the connection" in open_one["message"]
    admin.ok("PUT", f"/servers/{server}", {"port": fleet.sshd.port})
    assert admin.ok("POST", f"/servers/{server}/health/check")["status"] == "healthy"
    assert alerts(admin, server, "open") == []
    (past,) = alerts(admin, server, "cleared")
    assert (past["id"], past["cleared_at"] is None) == (open_one["id"], False)
    wait_until(lambda: len(receiver.received) >= 2, what="both webhooks")
    told = [json.loads(got.body) for got in receiver.received]
    assert {one["event"] for one in told} == {"alert.raised", "alert.cleared"}, "in whichever order"
    assert {one["alert"]["id"] for one in told} == {open_one["id"]}
    assert all(got.is_signed_with("s3cret") for got in receiver.received)
    admin.ok("PUT", "/alerts/channels", {"notifications": None})


def test_the_alert_of_a_deleted_server_is_over(fleet: Fleet, admin: ContractClient) -> None:
    server = fleet.world.server()
    admin.ok("POST", f"/servers/{server}/health/check")
    assert len(alerts(admin, server, "open")) == 1
    admin.ok("DELETE", f"/servers/{server}")
    assert alerts(admin, server, "open") == []
    (past,) = alerts(admin, server, "cleared")
    assert past["cleared_because"] == "The server was deleted."


def test_the_service_s_health_shows_its_relay_its_queues_and_what_ran(
    stack: Stack, fleet: Fleet, admin: ContractClient
) -> None:
    before = admin.ok("GET", "/health")["system_metrics"]["recent_executions_1h"]
    good = fleet.start("true", [fleet.host(), fleet.host()])
    bad = fleet.start("exit 1", [fleet.host()])
    fleet.finished(good)
    fleet.finished(bad)

    def counted() -> Any:
        found = admin.ok("GET", "/health")
        recent = found["system_metrics"]["recent_executions_1h"]
        more = (recent["completed"] - before["completed"], recent["failed"] - before["failed"])
        return found if more == (2, 1) else None

    found = wait_until(counted, what="the count of what ended")
    workers = found["components"]["worker_queue"]
    assert workers["active_workers"] == 1
    assert workers["relay"]["id"] == "default"
    times = [part["response_time_ms"] for part in found["components"].values()]
    assert all(time > 0 for time in times), "as measured in this call"
    assert found["total_response_time_ms"] == pytest.approx(sum(times), abs=0.2)
    assert found["components"]["redis"]["redis_version"] is None
    limit = admin.ok("GET", "/settings/")["max_concurrent_executions"]
    assert found["system_metrics"]["max_concurrent_executions"] == limit


def test_a_message_that_could_not_be_handled_makes_the_service_degraded(
    stack: Stack, admin: ContractClient
) -> None:
    queue = stack.variables()["QUARTERDECK_DEAD_LETTER_QUEUES"].split()[0]
    sqs = stack.aws("sqs")
    before = admin.ok("GET", "/health")["components"]["worker_queue"]["queue_stats"]["failed_jobs"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    found = admin.ok("GET", "/health")
    assert found["overall_status"] == "degraded"
    assert found["components"]["worker_queue"]["queue_stats"]["failed_jobs"] == before + 1
    sqs.purge_queue(QueueUrl=queue)
