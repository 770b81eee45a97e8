"""From a script's bytes to the feed: nothing lost, nothing cut in half, order kept, memory bounded."""

from __future__ import annotations

import random
import threading

import pytest

from chalicelib.core.executions import feed
from chalicelib.core.executions.feed import FeedEntry, Output, StatusChange
from chalicelib.core.executions.model import OUTPUT_HEAD
from chalicelib.core.executions.status import Status
from chalicelib.relay import tape as tapes
from chalicelib.relay.capture import Capture, whole_characters
from chalicelib.relay.tape import Tape


class Store:
    """Stands for the table behind the feed."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, Output | StatusChange]] = []
        self.writes = 0
        self.hold = threading.Event()
        self.hold.set()
        self.failure: Exception | None = None

    def entry(self, execution_id: str, name: str, number: int, told: Output | StatusChange) -> FeedEntry:
        self.entries.append((number, told))
        return FeedEntry(f"FEED#{execution_id}#{name}", str(number), what="output")

    def write(self, entries: list[FeedEntry]) -> None:
        assert len(entries) <= 25, "as many as one request takes"
        self.hold.wait(30)
        if self.failure:
            raise self.failure
        self.writes += 1

    def text(self, stream: str = "stdout", part_id: int = 1) -> bytes:
        return b"".join(
            told.data
            for _, told in self.entries
            if isinstance(told, Output) and (told.stream, told.part_id) == (stream, part_id)
        )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(feed, "entry", made.entry)
    monkeypatch.setattr(feed, "write", made.write)
    monkeypatch.setattr(feed, "last_number", lambda *_: 40)
    return made


def test_numbers_go_on_where_the_feed_ended_and_have_no_gaps(store: Store) -> None:
    tape = Tape("e", 0)
    for number in range(100):
        tape.add(StatusChange(number, 1, Status.RUNNING))
    tape.close()
    assert [number for number, _ in store.entries] == list(range(41, 141))


def test_what_one_script_says_in_a_row_becomes_one_entry(store: Store) -> None:
    store.hold.clear()
    tape = Tape("e", 0)
    tape.add(StatusChange(9, 1, Status.RUNNING))
    for letter in b"abcdef":
        tape.add(Output(1, 1, "stdout", bytes([letter])))
    tape.add(Output(1, 1, "stderr", b"x"))
    tape.add(Output(2, 1, "stdout", b"y"))
    store.hold.set()
    tape.close()
    assert store.text() == b"abcdef"
    assert len(store.entries) <= 5, "the six letters share at most two entries"


def test_waiting_for_a_mark_means_that_all_up_to_there_is_stored(store: Store) -> None:
    tape = Tape("e", 0)
    mark = tape.add(Output(1, 1, "stdout", b"z"))
    tape.wait(mark)
    assert store.writes >= 1
    tape.close()


def test_whoever_adds_waits_while_too_much_is_not_stored_yet(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "MOST_PENDING", 1000)
    store.hold.clear()
    tape = Tape("e", 0)
    done = threading.Event()

    def flood() -> None:
        for _ in range(10):
            tape.add(Output(1, 1, "stdout", b"x" * 900))
        done.set()

    threading.Thread(target=flood, daemon=True).start()
    assert not done.wait(0.3)
    store.hold.set()
    assert done.wait(30)
    tape.close()
    assert store.text() == b"x" * 9000


def test_a_failed_write_reaches_whoever_adds_or_waits(store: Store) -> None:
    store.failure = ConnectionError("table is away")
    tape = Tape("e", 0)
    mark = tape.add(Output(1, 1, "stdout", b"z"))
    with pytest.raises(ConnectionError):
        tape.wait(mark)
    with pytest.raises(ConnectionError):
        tape.add(Output(1, 1, "stdout", b"z"))


@pytest.mark.parametrize("seed", range(20))
def test_characters_arrive_whole_however_the_bytes_were_cut(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choice("aé中🙂\n") for _ in range(400))
    data = text.encode()
    tape = Tape("e", 0)
    capture = Capture(tape, 1, 1)
    while data:
        cut = chance.randint(1, 7)
        capture.take("stdout", data[:cut])
        data = data[cut:]
    capture.finish()
    tape.close()
    for _, told in store.entries:
        assert isinstance(told, Output)
        told.data.decode("utf-8")
    assert store.text().decode() == text


def test_bytes_that_are_no_text_arrive_as_they_were(store: Store) -> None:
    data = random.Random(3).randbytes(50_000)
    tape = Tape("e", 0)
    capture = Capture(tape, 1, 1)
    for start in range(0, len(data), 333):
        capture.take("stdout", data[start : start + 333])
    capture.finish()
    tape.close()
    assert store.text() == data
    assert (capture.size, capture.head) == (len(data), data[:OUTPUT_HEAD])


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"abc", 3),
        (b"", 0),
        ("aé".encode(), 3),
        ("aé".encode()[:-1], 1),
        ("a中".encode()[:-1], 1),
        ("a中".encode()[:-2], 1),
        ("a🙂".encode()[:-1], 1),
        ("a🙂".encode()[:-3], 1),
        (b"\x80\x80\x80\x80\x80", 5),
        (b"a\xff", 2),
    ],
)
def test_where_whole_characters_end(data: bytes, whole: int) -> None:
    assert whole_characters(data) == whole
