"""What viewers are told: everything, in order, once; from the beginning or from where they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core.events import connections, pump
from chalicelib.core.events.connections import Connection, Subscription
from chalicelib.core.executions import feed, ledger
from chalicelib.core.executions.feed import Output, StatusChange
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from tests.unit.core.builders import execution

pytestmark = pytest.mark.usefixtures("cloud")


class Wire:
    """Stands for the gateway's management API: keeps what was sent, or says that nobody is there."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed: list[str] = []
        self.gone = False

    def post(self, connection_id: str, data: bytes) -> None:
        assert len(data) <= 128 * 1024, "the gateway takes no more"
        if self.gone:
            raise sockets.Gone
        self.sent.append(json.loads(data))

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def told(self) -> list[Any]:
        return [message.get("data") or message["status"] for message in self.sent]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(sockets, "post", made.post)
    monkeypatch.setattr(sockets, "close", made.close)
    return made


def say(made: Execution, first: int, *texts: str, part: int = 0, chunk: int = 0) -> None:
    number = made.part_ids[part]
    feed.write(
        [
            feed.entry(made.id, str(chunk), first + position, Output(number, 1, "stdout", text.encode()))
            for position, text in enumerate(texts)
        ]
    )


def watch(made: Execution, part_id: int | None = None, cursor: str = "") -> Connection:
    wanted = Subscription(made.id, part_id, {"succeeded": "completed", "cancelled": "stopped"})
    connections.open_connection("c1", wanted, pump.read_cursor(cursor), 1)
    return connections.watching(made.id)[0]


def test_a_viewer_that_comes_late_is_told_everything_from_the_beginning(wire: Wire) -> None:
    made = execution()
    say(made, 1, "one", "two")
    viewer = watch(made)
    pump.serve(viewer)
    say(made, 3, "three")
    pump.serve(viewer)
    assert wire.told() == ["one", "two", "three"]
    assert [message["cursor"] for message in wire.sent] == ["0-1", "0-2", "0-3"]


def test_a_viewer_that_comes_back_goes_on_where_it_was(wire: Wire) -> None:
    made = execution()
    say(made, 1, "one", "two", "three")
    pump.serve(watch(made, cursor="0-2"))
    assert wire.told() == ["three"]


def test_nothing_behind_a_gap_is_told_before_the_gap_is_filled(wire: Wire) -> None:
    made = execution()
    say(made, 1, "one")
    say(made, 3, "three")
    viewer = watch(made)
    pump.serve(viewer)
    assert wire.told() == ["one"]
    say(made, 2, "two")
    pump.serve(viewer)
    assert wire.told() == ["one", "two", "three"]


def test_the_end_comes_last_and_closes_the_connection(wire: Wire) -> None:
    made = execution()
    number = made.part_ids.start
    ledger.start_part(number, 1, "relay")
    say(made, 1, "hello")
    ledger.finish_part(number, 1, "relay", Result(Status.SUCCEEDED, exit_code=0))
    feed.write([feed.entry(made.id, "0", 2, StatusChange(number, 1, Status.SUCCEEDED, 0))])
    ledger.conclude(made)
    pump.serve(watch(made))
    assert [message["type"] for message in wire.sent] == ["output", "status", "end"]
    assert wire.told() == ["hello", "completed", "completed"], "in the surface's own words"
    assert wire.closed == ["c1"]
    assert connections.watching(made.id) == []


def test_a_viewer_of_one_part_hears_of_that_part_alone_and_its_end(wire: Wire) -> None:
    made = execution(hosts=2)
    mine = made.part_ids[1]
    say(made, 1, "other")
    say(made, 2, "mine", part=1)
    feed.write([feed.entry(made.id, "0", 3, StatusChange(mine, 2, Status.FAILED, 4, "bad"))])
    pump.serve(watch(made, part_id=mine))
    assert wire.told() == ["mine", "failed", "failed"]
    assert wire.sent[1]["exit_code"] == 4
    assert wire.sent[-1]["type"] == "end"


def test_long_output_lies_in_the_bucket_and_is_told_in_pieces_that_the_gateway_takes(wire: Wire) -> None:
    made = execution()
    text = "".join(chr(0x4E00 + number % 5000) for number in range(70_000)) + "\x00\x1b" * 500
    say(made, 1, text)
    entry = next(feed.after(made.id, "0", 0))
    assert entry.data is None
    assert entry.blob
    pump.serve(watch(made))
    assert "".join(message["data"] for message in wire.sent) == text
    cursors = [message["cursor"] for message in wire.sent]
    assert cursors[-1] == "0-1"
    assert set(cursors[:-1]) == {""}, "half an entry does not move the cursor"


def test_two_at_once_never_send_on_the_same_connection(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    made = execution()
    say(made, 1, "one")
    viewer = watch(made)
    real = wire.post

    def post_while_another_comes(connection_id: str, data: bytes) -> None:
        real(connection_id, data)
        if len(wire.sent) == 1:
            say(made, 2, "two")
            pump.serve(connections.watching(made.id)[0])
            assert len(wire.sent) == 1, "the other one found it taken and left"

    monkeypatch.setattr(sockets, "post", post_while_another_comes)
    pump.serve(viewer)
    assert wire.told() == ["one", "two"], "and the holder looked again before it let go"


def test_a_long_turn_is_broken_off_and_asked_to_go_on(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    made = execution()
    say(made, 1, "one", "two", "three")
    monkeypatch.setattr(pump, "TURN_SECONDS", -1.0)
    viewer = watch(made)
    for turn in (1, 2, 3):
        pump.serve(connections.watching(made.id)[0])
        assert len(wire.sent) == turn
        assert int(connections.watching(made.id)[0].requested) == turn
    assert wire.told() == ["one", "two", "three"]
    assert viewer.requested == 0


def test_a_closed_connection_is_forgotten(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    made = execution()
    say(made, 1, "one")
    viewer = watch(made)
    wire.gone = True
    monkeypatch.setattr(connections, "YOUNG_SECONDS", 0)
    pump.serve(viewer)
    assert connections.watching(made.id) == []
    connections.close_connection("c1")


def test_a_turn_that_fails_lets_go_and_the_next_one_goes_on_where_it_was(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = execution()
    say(made, 1, "one", "two")
    viewer, post = watch(made), wire.post

    def fails_after_one(connection_id: str, data: bytes) -> None:
        if wire.sent:
            raise OSError("the gateway does not answer")
        post(connection_id, data)

    monkeypatch.setattr(sockets, "post", fails_after_one)
    with pytest.raises(OSError, match="does not answer"):
        pump.serve(viewer)
    monkeypatch.setattr(sockets, "post", post)
    pump.serve(connections.watching(made.id)[0])
    assert wire.told() == ["one", "two"]


def test_a_connection_that_the_gateway_does_not_know_yet_is_tried_again(wire: Wire) -> None:
    made = execution()
    say(made, 1, "one", "two")
    viewer = watch(made)
    wire.gone = True
    pump.serve(viewer)
    (waiting,) = connections.watching(made.id)
    assert int(waiting.requested) == 1, "asked for another turn"
    wire.gone = False
    pump.serve(waiting)
    assert wire.told() == ["one", "two"]


@pytest.mark.parametrize("text", ["x", "0", "0-", "0-x", "-1", "0-1.y-2", "0-1111111111111", "c-٣"])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        pump.read_cursor(text)


def test_a_cursor_reads_back_as_it_was_written() -> None:
    position = {"0": 12, "1": 3, "c": 7}
    assert pump.read_cursor(pump.cursor_text(position)) == position
    assert pump.read_cursor("") == {}
