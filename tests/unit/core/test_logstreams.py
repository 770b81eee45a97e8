"""Log streams before a relay has them: cursors, who listens, what is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest

from chalicelib.aws import sockets
from chalicelib.core.logstreams import orders, streams, sweeping
from chalicelib.core.logstreams.streams import LogStream
from chalicelib.core.relays import registry
from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import BadRequest, Conflict, Unavailable
from chalicelib.kernel.secrets import Secret
from chalicelib.relay.follows import Marks
from chalicelib.rest.channels import disconnect
from chalicelib.targets.kubernetes.replies import LogLine
from chalicelib.targets.kubernetes.requests import AppRef, ClusterAccess, FollowRequest, Mark
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")

WHEN = "2026-01-01T00:00:0{}.000000000Z"
REQUEST = FollowRequest(
    access=ClusterAccess(kubeconfig=Secret("a kubeconfig")),
    app=AppRef(deployment_id="d", app_name="shop", namespace="app-shop"),
)


@pytest.fixture(autouse=True)
def queue(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = boto3.client("sqs").create_queue(QueueName="terminals.fifo", Attributes={"FifoQueue": "true"})
    monkeypatch.setenv("QUARTERDECK_TERMINAL_QUEUE_URL", made["QueueUrl"])
    settings.forget()
    yield made["QueueUrl"]
    settings.forget()


@pytest.fixture
def relay() -> None:
    registry.beat("default", "boot-1", clock.iso_now(), 0, 0)


def line(second: int, pod: str = "a", text: str = "x") -> LogLine:
    return LogLine(timestamp=WHEN.format(second), pod=pod, message=text, level="info")


# ---------------------------------------------------------------- cursors


def test_a_cursor_tells_how_far_each_pod_was_heard() -> None:
    marks = Marks({})
    for each in (line(1), line(1), line(2, "b"), line(3), line(3), line(3)):
        marks.note(each)
    assert orders.read_cursor(marks.cursor) == {
        "a": Mark(timestamp=WHEN.format(3), lines=3),
        "b": Mark(timestamp=WHEN.format(2), lines=1),
    }
    assert Marks(orders.read_cursor(marks.cursor)).cursor == marks.cursor


def test_the_cursor_of_fifty_pods_fits_into_an_address() -> None:
    marks = Marks({})
    for number in range(50):
        marks.note(line(number % 10, f"shop-7d9c8b6f5-{number:05x}"))
    assert len(marks.cursor) < 2000


@pytest.mark.parametrize("text", ["x", "é", "AAAA", "eJwrySwuAQAFcgIE", "=" * 9, "A" * 5000])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        orders.read_cursor(text)


def test_the_empty_cursor_is_the_beginning() -> None:
    assert orders.read_cursor("") == {}


# ---------------------------------------------------------------- who listens


def test_the_relay_is_told_sealed_what_to_follow(relay: None, queue: str) -> None:
    streams.open_stream(ACTOR, REQUEST, "c1")
    [message] = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert "a kubeconfig" not in message["Body"]
    body = json.loads(message["Body"])
    assert (body["do"], body["connection"]) == ("follow", "c1")
    assert orders.unseal("c1", body["sealed"]).request == REQUEST


def test_without_a_relay_or_room_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable):
        streams.open_stream(ACTOR, REQUEST, "c1")
    registry.beat("default", "boot-1", clock.iso_now(), 0, 0)
    monkeypatch.setattr(streams, "MOST", 1)
    streams.open_stream(ACTOR, REQUEST, "c1")
    with pytest.raises(Conflict):
        streams.open_stream(ACTOR, REQUEST, "c2")


def test_who_leaves_is_told_to_the_relay_and_makes_room(relay: None, queue: str) -> None:
    streams.open_stream(ACTOR, REQUEST, "c1")
    disconnect({"requestContext": {"connectionId": "c1"}})
    told = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(one["Body"])["do"] for one in told] == ["follow", "gone"]
    assert streams.of_relay() == []
    assert not streams.begin("c1", "boot-1"), "a relay that comes late does not begin"
    assert not streams.leave("c1")


# ---------------------------------------------------------------- what is lost


def test_whoever_listens_to_what_is_lost_is_told_to_come_again(
    relay: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(sockets, "post", lambda who, data: told.append((who, json.loads(data)["data"])))
    monkeypatch.setattr(sockets, "close", lambda who: None)
    for connection in ("followed", "waiting", "forgotten"):
        streams.open_stream(ACTOR, REQUEST, connection)
    streams.begin("followed", "boot-1")
    old = LogStream("LOG-STREAMS#default", "forgotten")
    old.update([LogStream.opened_at.set(0)])
    sweeping.sweep()
    assert told == [("forgotten", sweeping.NOT_TAKEN)]
    registry.beat("default", "boot-2", clock.iso_now(), 0, 0)
    sweeping.sweep()
    assert told[1:] == [("followed", sweeping.RESTARTED)]
    monkeypatch.setattr(registry, "silent_for", lambda relay: registry.LATE_SECONDS + 1.0)
    sweeping.sweep()
    assert told[2:] == [("waiting", sweeping.AWAY)]
    assert streams.of_relay() == []
