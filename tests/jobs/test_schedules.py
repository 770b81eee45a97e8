"""A script by schedule, on a real host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.jobs.fleet import Fleet
from tests.support.client import ContractClient
from tests.support.stack import Stack, wait_until


def make_due(stack: Stack, schedule: int | str, seconds: int = 10) -> str:
    """As if its time had come so many seconds ago; the time. ``schedule``: its number, or its key."""
    key = f"script:{schedule}" if isinstance(schedule, int) else schedule
    window = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stack.aws("dynamodb").update_item(
        TableName=stack.variables()["QUARTERDECK_TABLE"],
        Key={"pk": {"S": f"SCHEDULE#{key}"}, "sk": {"S": "SCHEDULE"}},
        UpdateExpression="SET due_at = :window",
        ExpressionAttributeValues={":window": {"S": window}},
    )
    return window


def test_what_is_due_runs_on_the_host_once_though_the_tick_comes_five_times_at_once(
    stack: Stack, fleet: Fleet, admin: ContractClient, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    one, two = fleet.host(), fleet.host()
    body = {
        "name": "Nightly",
        "cron_expression": "0 2 * * *",
        "script_id": fleet.world.script(f"echo x >> {ran}; echo done"),
        "server_ids": [one],
        "group_id": fleet.world.group([one, two]),
        "timezone": "Europe/Berlin",
        "enabled": True,
    }
    schedule = admin.ok("POST", "/schedules/", body)["id"]
    planned = admin.ok("GET", f"/schedules/{schedule}")["next_run_at"]
    make_due(stack, schedule)
    with ThreadPoolExecutor(5) as at_once:
        list(at_once.map(lambda _: stack.tick(), range(5)))
    wait_until(lambda: runs(admin, schedule)[0]["status"] == "completed", what="the run's end")
    (run,) = runs(admin, schedule)
    batch = admin.ok("GET", f"/scripts/executions/{run['execution_id']}")
    assert sorted(part["server_id"] for part in batch["executions"]) == sorted([one, two])
    assert [part["output"] for part in batch["executions"]] == ["done\n"] * 2
    assert ran.read_text() == "x\nx\n", "once on each host"
    after = admin.ok("GET", f"/schedules/{schedule}")
    assert (after["next_run_at"], after["last_outcome"]) == (planned, "completed")


def runs(admin: ContractClient, schedule: int) -> list[dict[str, str]]:
    return list(admin.ok("GET", f"/schedules/{schedule}/runs")["runs"])


def test_a_script_in_an_enabled_schedule_is_not_deleted_and_the_answer_says_why(
    fleet: Fleet, admin: ContractClient
) -> None:
    script = fleet.world.script("echo kept")
    body = {"name": "Keeper", "cron_expression": "@daily", "script_id": script, "server_ids": [fleet.host()]}
    schedule = admin.ok("POST", "/schedules/", body)["id"]
    refused = admin.delete(f"/scripts/{script}")
    assert refused.status_code == 400
    assert "'Keeper'" in refused.json()["error"]
    assert admin.ok("POST", f"/schedules/{schedule}/toggle")["enabled"] is False
    assert admin.ok("GET", f"/schedules/{schedule}")["next_run_at"] is None
    admin.ok("DELETE", f"/scripts/{script}")


def test_a_deleted_server_leaves_its_schedules(fleet: Fleet, admin: ContractClient) -> None:
    gone, stays = fleet.host(), fleet.host()
    body = {
        "name": "Two hosts",
        "cron_expression": "*/10 * * * MON-FRI",
        "script_id": fleet.world.script(),
        "server_ids": [gone, stays],
    }
    schedule = admin.ok("POST", "/schedules/", body)["id"]
    admin.ok("DELETE", f"/servers/{gone}")
    assert admin.ok("GET", f"/schedules/{schedule}")["server_ids"] == [stays]


def test_what_cannot_be_scheduled_is_refused_with_the_place(fleet: Fleet, admin: ContractClient) -> None:
    good = {
        "name": "x",
        "cron_expression": "@daily",
        "script_id": fleet.world.script(),
        "server_ids": [fleet.host()],
    }
    wrong: list[tuple[dict[str, object], str]] = [
        ({"cron_expression": "61 * * * *"}, "cron_expression"),
        ({"cron_expression": "* * * *"}, "cron_expression"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ]
    for change, place in wrong:
        refused = admin.post("/schedules/", {**good, **change})
        assert refused.status_code == 422
        assert refused.json()["details"][0]["loc"] == ["body", place]
    unknown: list[dict[str, object]] = [
        {"script_id": 10**9},
        {"server_ids": [10**9]},
        {"group_id": 10**9},
        {"server_ids": []},
    ]
    for change in unknown:
        assert admin.post("/schedules/", {**good, **change}).status_code == 400
