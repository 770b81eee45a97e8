"""A change counts once, in whatever batches the stream brings it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core import counting
from chalicelib.core.events import connections, fanout, tallies
from chalicelib.core.events.connections import Subscription
from chalicelib.core.executions import feed
from chalicelib.core.executions.feed import StatusChange
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock
from tests.unit.core.builders import execution

pytestmark = pytest.mark.usefixtures("cloud")


BEFORE = {"running": "queued", "succeeded": "running", "timed_out": "running"}


def change(number: int, status: str, server: int = 1) -> dict[str, Any]:
    """The stream's record of a part that came to that state."""
    images = {"NewImage": image(number, status, server)}
    if status in BEFORE:
        images["OldImage"] = image(number, BEFORE[status], server)
    keys = {"pk": {"S": f"PARTS#{number}"}, "sk": {"S": str(number)}}
    what = "MODIFY" if status in BEFORE else "INSERT"
    return {"eventID": f"{number}-{status}", "eventName": what, "dynamodb": images | {"Keys": keys}}


def image(number: int, status: str, server: int) -> dict[str, Any]:
    part = {"kind": {"S": "part"}, "id": {"N": str(number)}, "server_id": {"N": str(server)}}
    ended = {"completed_at": {"S": clock.iso_now()}} if Status(status).final else {}
    return part | {"status": {"S": status}} | ended


def in_state(status: str) -> int:
    return counting.total(f"parts#status#{status}")


def on_server(number: int) -> int:
    return counting.total(f"parts#server#{number}")


def ended() -> dict[Status, int]:
    return dict(tallies.ended_within_an_hour(clock.now()))


LIVES = [change(number, status) for number in (1, 2) for status in ("queued", "running", "succeeded")]
OTHER = [change(3, "queued"), change(3, "running")]


@pytest.mark.parametrize(
    "batches",
    [
        [LIVES + OTHER],
        [LIVES, OTHER],
        [LIVES, LIVES[:3], LIVES[3:] + OTHER],
        [LIVES[:2], LIVES[:1], LIVES[1:4], LIVES + OTHER[:1], OTHER],
        [[one] for one in LIVES + OTHER],
    ],
    ids=["at once", "one after the other", "halved", "from the same place with newer ones", "singly"],
)
def test_what_comes_again_in_another_batch_counts_once(batches: list[list[dict[str, Any]]]) -> None:
    for batch in batches:
        tallies.keep(batch)
    assert [in_state(name) for name in ("queued", "running", "succeeded")] == [0, 1, 2]
    assert on_server(1) == 3
    assert ended() == {Status.SUCCEEDED: 2}


def test_an_end_stays_counted_when_what_came_before_it_comes_late() -> None:
    tallies.keep([change(1, "timed_out")])
    tallies.keep([change(1, "queued"), change(1, "running")])
    assert [in_state(name) for name in ("queued", "running", "failed")] == [0, 0, 1]
    assert ended() == {Status.FAILED: 1}


def test_a_batch_of_a_hundred_servers_is_counted_whole() -> None:
    batch = [change(number, "queued", server=number) for number in range(50, 150)]
    tallies.keep(batch)
    tallies.keep([*batch, *(change(number, "running", server=number) for number in range(50, 150))])
    assert (in_state("queued"), in_state("running")) == (0, 100)
    assert {on_server(number) for number in range(50, 150)} == {1}


def test_a_viewer_that_cannot_be_told_has_nothing_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection_id: str, data: bytes) -> None:
        raise ConnectionError(connection_id)

    made = execution()
    connections.open_connection("a", Subscription(made.id), {}, 7)
    opened = connections.find(made.id, "a")
    assert opened is not None
    stored = opened.serialize()
    met = {"eventID": "a", "eventName": "INSERT", "dynamodb": {"Keys": stored, "NewImage": stored}}
    feed.write([feed.entry(made.id, feed.CONTROL, 1, StatusChange(1, 1, Status.RUNNING))])
    running = [change(1, "queued"), change(1, "running")]
    monkeypatch.setattr(sockets, "post", fail)
    with pytest.raises(ExceptionGroup):
        fanout.fan_out([*running, met])
    fanout.fan_out([running[0]])
    fanout.fan_out([running[1], change(1, "succeeded")])
    assert [in_state(name) for name in ("queued", "running", "succeeded")] == [0, 0, 1]
