"""Topics: everybody who watches is told what comes, once and in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core.events import connections, fanout, pump, topics
from chalicelib.core.events.connections import Connection, Subscription
from chalicelib.core.executions import feed

pytestmark = pytest.mark.usefixtures("cloud")
MINE = topics.name("user:7")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(sockets, "post", lambda _, data: messages.append(json.loads(data)))
    return messages


def watch(cursor: str = "", topic: str = MINE) -> Connection:
    position = topics.place(topic, pump.read_cursor(cursor))
    connections.open_connection("c1", Subscription(topic), position, 7)
    return connections.watching(topic)[0]


def event(number: int) -> dict[str, Any]:
    return {"type": "deployment_status_changed", "number": number}


def streamed() -> dict[str, Any]:
    """What the stream says of the one event that was published."""
    (entry,) = feed.after(MINE, feed.CONTROL, 0)
    image = {"kind": {"S": "feed"}}
    keys = {"pk": {"S": entry.pk}, "sk": {"S": entry.sk}}
    return {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": image}}


def numbers(sent: list[dict[str, Any]]) -> list[int]:
    return [message["number"] for message in sent]


def test_a_viewer_is_told_what_comes_and_not_what_was(sent: list[dict[str, Any]]) -> None:
    topics.publish(MINE, "one", event(1))
    viewer = watch()
    topics.publish(MINE, "two", event(2))
    pump.serve(viewer)
    assert numbers(sent) == [2]


def test_a_viewer_that_comes_back_with_a_cursor_misses_nothing(sent: list[dict[str, Any]]) -> None:
    for number in (1, 2, 3):
        topics.publish(MINE, str(number), event(number))
    pump.serve(watch(cursor="c-1"))
    assert numbers(sent) == [2, 3]
    assert sent[-1]["cursor"] == "c-3"


def test_the_same_thing_published_twice_is_told_once(sent: list[dict[str, Any]]) -> None:
    viewer = watch()
    assert topics.publish(MINE, "one", event(1))
    assert not topics.publish(MINE, "one", event(1))
    pump.serve(viewer)
    assert numbers(sent) == [1]


def test_what_happened_together_is_told_in_order_and_once(sent: list[dict[str, Any]]) -> None:
    viewer = watch()
    topics.publish(MINE, "one", event(1))
    assert topics.publish(MINE, "both", event(2), event(3))
    assert not topics.publish(MINE, "both", event(2), event(3))
    topics.publish(MINE, "four", event(4))
    pump.serve(viewer)
    assert numbers(sent) == [1, 2, 3, 4]


def test_nobody_hears_of_another_topic(sent: list[dict[str, Any]]) -> None:
    viewer = watch(topic=topics.name("user:8"))
    topics.publish(MINE, "one", event(1))
    pump.serve(viewer)
    assert sent == []


def test_a_cursor_from_before_what_is_kept_begins_with_the_oldest(sent: list[dict[str, Any]]) -> None:
    for number in (1, 2, 3):
        topics.publish(MINE, str(number), event(number))
    next(feed.after(MINE, feed.CONTROL, 0)).delete()
    viewer = watch(cursor="c-0")
    pump.serve(viewer)
    assert numbers(sent) == [2, 3]


def test_a_viewer_that_cannot_be_told_keeps_no_other_waiting(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch()
    connections.open_connection("c2", Subscription(MINE), {}, 7)
    topics.publish(MINE, "one", event(1))
    post = sockets.post

    def fails_for_the_first(connection_id: str, data: bytes) -> None:
        if connection_id == "c1":
            raise OSError("the gateway does not answer")
        post(connection_id, data)

    monkeypatch.setattr(sockets, "post", fails_for_the_first)
    record = streamed()
    with pytest.raises(ExceptionGroup, match="1 viewers could not be told"):
        fanout.fan_out([record])
    assert numbers(sent) == [1]
    monkeypatch.setattr(sockets, "post", post)
    fanout.fan_out([record])
    assert numbers(sent) == [1, 1], "the repeat tells the one that was not told"


def test_the_stream_wakes_those_who_watch(sent: list[dict[str, Any]]) -> None:
    watch()
    topics.publish(MINE, "one", event(1))
    fanout.fan_out([streamed()])
    assert numbers(sent) == [1]
