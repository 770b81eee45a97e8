"""Who watches is counted once, and greetings are one message and good-bye."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core.events import connections, fanout, greetings, listeners, topics
from chalicelib.core.events.connections import Connection, Subscription
from chalicelib.core.executions import feed

pytestmark = pytest.mark.usefixtures("cloud")
ADA, BOB = (topics.of_user("engine", number) for number in (7, 8))


def connect(connection_id: str, source: str = ADA) -> Connection:
    connections.open_connection(connection_id, Subscription(source), {feed.CONTROL: 0}, 7)
    found = connections.find(source, connection_id)
    assert found is not None
    return found


def told(what: str, connection: Connection) -> dict[str, Any]:
    """The stream's record of a connection that came or went."""
    image = connection.serialize()
    images = {"NewImage": image} if what == "INSERT" else {"OldImage": image}
    keys = {"pk": image["pk"], "sk": image["sk"]}
    return {
        "eventID": f"{what}{connection.connection_id}",
        "eventName": what,
        "dynamodb": images | {"Keys": keys},
    }


def test_a_user_counts_once_however_many_connections_he_has() -> None:
    records = [told("INSERT", connect(name)) for name in ("a", "b")]
    records.append(told("INSERT", connect("c", BOB)))
    listeners.listen(records)
    listeners.listen(records)
    assert listeners.connected("engine") == 2
    assert listeners.connected("devflow") == 0


def test_a_user_is_gone_with_his_last_connection() -> None:
    first, second = connect("a"), connect("b")
    listeners.listen([told("INSERT", first), told("INSERT", second)])
    for connection, left in ((first, 1), (second, 0)):
        connections.close_connection(connection.connection_id)
        for _ in range(2):
            listeners.listen([told("REMOVE", connection)])
        assert listeners.connected("engine") == left


def test_who_comes_back_before_it_is_seen_that_he_left_stays_counted() -> None:
    first = connect("a")
    listeners.listen([told("INSERT", first)])
    connections.close_connection("a")
    second = connect("b")
    listeners.listen([told("REMOVE", first), told("INSERT", second)])
    assert listeners.connected("engine") == 1


@pytest.mark.parametrize("source", ["7d9f1c52-3b0e-4a67-9c1d-2f5e8a4b6c70", topics.name("greeting:x")])
def test_who_watches_something_else_is_not_counted(source: str) -> None:
    assert topics.surface_of(source) is None
    listeners.listen([told("INSERT", connect("a", source))])
    assert listeners.connected("engine") == 0


def test_a_greeting_is_one_message_and_good_bye(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    closed: list[str] = []
    monkeypatch.setattr(sockets, "post", lambda _, data: sent.append(json.loads(data)))
    monkeypatch.setattr(sockets, "close", closed.append)
    greetings.greet("c9", {"status": "healthy"})
    source = topics.name("greeting:c9")
    opened = connections.find(source, "c9")
    assert opened is not None
    fanout.fan_out([told("INSERT", opened)])
    assert (sent, closed) == ([{"status": "healthy"}], ["c9"])
    assert connections.watching(source) == []
