"""Who asked for it is told: a schedule fails, is missed, recovers; and what became of the telling."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs.fleet import Fleet
from tests.jobs.test_schedules import make_due, runs
from tests.support import mail
from tests.support.client import ContractClient
from tests.support.receiver import Receiver
from tests.support.stack import Stack, wait_until

SECRET = "the receiver knows it too"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def schedule(fleet: Fleet, script: str, notifications: dict[str, Any], **fields: Any) -> int:
    body = {
        "name": "Backup",
        "cron_expression": "0 2 * * *",
        "script_id": fleet.world.script(script),
        "server_ids": [fleet.host()],
        "notifications": notifications,
    }
    return int(fleet.client.ok("POST", "/schedules/", body | fields)["id"])


def run_it(stack: Stack, admin: ContractClient, number: int) -> dict[str, str]:
    """Its next run, once it is over."""
    before = len(runs(admin, number))
    make_due(stack, number)
    stack.tick()
    wait_until(
        lambda: (
            len(found := runs(admin, number)) > before and found[0]["status"] not in ("queued", "running")
        ),
        what="the run's end",
    )
    return runs(admin, number)[0]


def told(receiver: Receiver, many: int) -> list[Any]:
    wait_until(lambda: len(receiver.received) >= many, what=f"{many} webhooks")
    return [json.loads(got.body) for got in receiver.received]


def deliveries(admin: ContractClient, number: int, **query: Any) -> list[Any]:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return list(admin.ok("GET", f"/notifications/deliveries?schedule_id={number}{more}")["deliveries"])


def test_a_schedule_that_fails_and_recovers_is_told_by_signed_webhook_and_by_mail(
    stack: Stack, fleet: Fleet, admin: ContractClient, receiver: Receiver
) -> None:
    receiver.answers = deque([500])
    channels = {
        "webhook": {"url": receiver.url("/hook/s3cret"), "secret": SECRET},
        "email": ["ops@example.com"],
    }
    number = schedule(fleet, "exit 3", channels)
    shown = admin.ok("GET", f"/schedules/{number}")["notifications"]
    assert shown["webhook"] == {"url": receiver.url("/hook/s3cret"), "secret": "***"}
    assert shown["on"] == ["failure", "recovery"]

    failed = run_it(stack, admin, number)
    first, again = told(receiver, 2)
    assert first == again, "the 500 was followed by the very same"
    assert (first["event"], first["run"]["status"]) == ("schedule.failed", "failed")
    assert first["run"]["execution_id"] == failed["execution_id"]
    assert all(got.is_signed_with(SECRET) for got in receiver.received)
    assert len({got.headers["X-Quarterdeck-Delivery"] for got in receiver.received}) == 1
    (message,) = mail.received(stack, "ops@example.com")
    assert message.subject == "Schedule 'Backup' failed"

    def accounted() -> Any:
        found = deliveries(admin, number, status="delivered")
        return found if len(found) == 2 else None

    by_channel = {found["channel"]: found for found in wait_until(accounted, what="both delivered")}
    hook = by_channel["webhook"]
    assert [attempt["status_code"] for attempt in hook["attempts"]] == [500, 200]
    assert hook["to"] == [f"http://{receiver.address}:{receiver.port}/…"], "the path may be a secret"
    assert by_channel["mail"]["to"] == ["ops@example.com"]

    admin.ok("PUT", f"/schedules/{number}", {"script_id": fleet.world.script("echo fine")})
    run_it(stack, admin, number)
    assert told(receiver, 3)[2]["event"] == "schedule.recovered"
    assert receiver.received[2].is_signed_with(SECRET), "the secret outlived a change of something else"
    run_it(stack, admin, number)
    assert {found["event"] for found in deliveries(admin, number)} == {
        "schedule.failed",
        "schedule.recovered",
    }
    assert len(deliveries(admin, number)) == 4, "a success after a success is no news"


def test_a_run_that_cannot_start_and_a_window_that_was_missed_are_failures(
    stack: Stack, fleet: Fleet, admin: ContractClient, receiver: Receiver
) -> None:
    number = schedule(fleet, "echo x", {"on": ["failure"], "webhook": {"url": receiver.url()}})
    (host,) = admin.ok("GET", f"/schedules/{number}")["server_ids"]
    admin.ok("DELETE", f"/servers/{host}")
    assert run_it(stack, admin, number)["status"] == "failed"
    (first,) = told(receiver, 1)
    assert "No servers to run on" in first["run"]["reason"]
    assert "X-Quarterdeck-Signature" not in receiver.received[0].headers

    make_due(stack, number, seconds=7200)
    stack.tick()
    assert {run["status"] for run in runs(admin, number)} == {"failed", "missed"}
    second = told(receiver, 2)[1]
    assert (second["run"]["status"], second["run"]["missed_windows"]) == ("missed", 1)
    assert admin.ok("GET", f"/schedules/{number}")["last_outcome"] == "missed"


def test_channels_that_cannot_be_used_are_refused_with_the_place(fleet: Fleet, admin: ContractClient) -> None:
    wrong: list[tuple[dict[str, Any], list[Any]]] = [
        ({"webhook": {"url": "http://169.254.169.254/latest"}}, ["webhook", "url"]),
        ({"webhook": {"url": "http://[::ffff:10.0.0.1]/"}}, ["webhook", "url"]),
        ({"webhook": {"url": "http://localhost:8080/"}}, ["webhook", "url"]),
        ({"webhook": {"url": "file:///etc/passwd"}}, ["webhook", "url"]),
        ({"email": ["nobody"]}, ["email", 0]),
        ({"on": []}, ["on"]),
        ({"on": ["success"], "email": ["ops@example.com"]}, ["on", 0]),
        ({}, []),
    ]
    for notifications, place in wrong:
        refused = admin.post(
            "/schedules/",
            {
                "name": "x",
                "cron_expression": "@daily",
                "script_id": fleet.world.same("script_id", "/scripts/"),
                "server_ids": [fleet.world.same("server_id", "/servers/")],
                "notifications": notifications,
            },
        )
        assert refused.status_code == 422, notifications
        assert refused.json()["details"][0]["loc"] == ["body", "notifications", *place]


def test_a_test_notification_reaches_the_receiver_that_a_schedule_names(
    fleet: Fleet, admin: ContractClient, receiver: Receiver
) -> None:
    number = schedule(fleet, "echo x", {"webhook": {"url": receiver.url(), "secret": SECRET}})
    (sent,) = admin.ok("POST", "/notifications/test", {"schedule_id": number})["deliveries"]
    assert told(receiver, 1)[0]["event"] == "notification.test"
    assert receiver.received[0].is_signed_with(SECRET)
    assert receiver.received[0].headers["X-Quarterdeck-Delivery"] == sent["id"]
    changed = {"webhook": {"url": receiver.url(), "secret": None}}
    after = admin.ok("PUT", f"/schedules/{number}", {"notifications": changed})["notifications"]
    assert after["webhook"]["secret"] is None
    assert admin.ok("PUT", f"/schedules/{number}", {"notifications": None})["notifications"] is None
    refused = admin.post("/notifications/test", {"schedule_id": number})
    assert refused.status_code == 400
