"""What answers say of a script's output: all of it by cursor, what fits elsewhere, and what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from chalicelib.aws import clients, table
from chalicelib.core.executions import feed, ledger, tasks
from chalicelib.core.executions.feed import FeedEntry, Output
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import OUTPUT_HEAD, Execution, Part, blank_execution, blank_part
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest
from chalicelib.relay.tape import ENTRY_BYTES
from chalicelib.rest import sizes
from chalicelib.surfaces.birun.presenters import executions as present
from chalicelib.surfaces.birun.schemas.executions import OutputQuery
from chalicelib.surfaces.birun.service import runs, workflows
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")

HARD = {
    "controls": b"\x00",
    "Chinese": "日".encode(),
    "emoji": "🚀".encode(),
    "quotes": b'"',
    "no text": b"\xff",
}
"""What JSON makes more of than it is."""


def spoken(number: int, output: bytes) -> None:
    """What the relay keeps on a part that has ended."""
    ledger.start_part(number, 1, "relay")
    result = Result(Status.SUCCEEDED, 0, output=output[:OUTPUT_HEAD], output_bytes=len(output))
    ledger.finish_part(number, 1, "relay", result)


def said(made: Execution, *outputs: bytes) -> Part:
    """The one part of ``made``, ended, with an entry of its feed for each of ``outputs``."""
    number = made.part_ids.start
    for position, data in enumerate(outputs):
        feed.write([feed.entry(made.id, "0", position + 1, Output(number, 1, "stdout", data))])
    spoken(number, b"".join(outputs))
    return runs.get_part(number)


def wrapped(answer: Any) -> int:
    """Bytes of what a function returns with ``answer`` as its body."""
    return len(json.dumps({"statusCode": 200, "body": json.dumps(answer)}))


def test_output_is_asked_of_one_part_and_a_run_without_any_says_so() -> None:
    run = tasks.prepare(TaskRequest(ACTOR, workflows.WORK, {"workflow_id": 1, "workflow_name": "nightly"}))
    table.put(run)
    with pytest.raises(BadRequest, match="started no script"):
        runs.only_part(run.id)
    with pytest.raises(BadRequest, match="several servers"):
        runs.only_part(execution(hosts=2).id)
    alone = execution()
    assert runs.only_part(alone.id).id == alone.part_ids.start


@pytest.mark.parametrize("unit", HARD.values(), ids=HARD.keys())
def test_a_mebibyte_of_anything_fits_into_an_answer_and_says_where_it_was_cut(unit: bytes) -> None:
    entry = unit * (ENTRY_BYTES // len(unit))
    shown = present.execution_in_full(said(execution(), entry, entry))
    assert wrapped(shown) <= sizes.LARGEST_ANSWER
    text = (entry * 2).decode("utf-8", "replace")
    assert shown["output"], "as much as fits"
    assert text.startswith(shown["output"])
    assert shown["output_truncated"] == (shown["output"] != text)
    assert shown["output_bytes"] == 2 * len(entry)


@pytest.mark.parametrize("unit", HARD.values(), ids=HARD.keys())
def test_the_cursor_brings_all_of_anything_in_answers_that_fit(unit: bytes) -> None:
    part = said(execution(), *[unit * (ENTRY_BYTES // len(unit))] * 3, *[b"."] * 3)
    pieces, cursor, complete = "", "", False
    while not complete:
        answer = present.output(part, cursor)
        assert wrapped(answer) <= sizes.LARGEST_ANSWER
        assert answer["cursor"] != cursor, "it always goes on"
        pieces += "".join(piece["data"] for piece in answer["output"])
        cursor, complete = answer["cursor"], answer["complete"]
    assert pieces == (unit * (ENTRY_BYTES // len(unit)) * 3 + b"...").decode("utf-8", "replace")


@pytest.mark.parametrize("unit", HARD.values(), ids=HARD.keys())
def test_a_batch_of_many_that_said_much_fits_into_an_answer(unit: bytes) -> None:
    made = blank_execution(ACTOR, runs.WORK, {"script_id": 1, "script_name": "all"}, None)
    made.first_part, made.total = 1, 800
    parts = [blank_part(made, number, number, f"host-{number}") for number in made.part_ids]
    for part in parts:
        part.status, part.output, part.output_bytes = (
            "succeeded",
            unit * (OUTPUT_HEAD // len(unit)),
            OUTPUT_HEAD,
        )
    answer = present.batch(made, parts)
    assert sizes.LARGEST_ANSWER // 2 < wrapped(answer) <= sizes.LARGEST_ANSWER
    for each in answer["executions"]:
        whole = parts[0].output.decode("utf-8", "replace")
        assert each["output"]
        assert each["output_truncated"] == (each["output"] != whole)


def test_a_batch_that_said_little_is_shown_whole() -> None:
    made = execution(hosts=2)
    for number in made.part_ids:
        spoken(number, b"hello\n")
    shown = present.batch(made, ledger.parts_of(made))["executions"]
    assert [(each["output"], each["output_truncated"]) for each in shown] == [("hello\n", False)] * 2


@pytest.mark.parametrize("text", ["", "a", "日本" * 1000, "\x00" * 999, '🚀 "\\\n' * 500])
def test_what_fits_takes_no_more_than_the_room_there_is(text: str) -> None:
    for room in (0, 1, 1000, 5000, 10**6):
        shown = sizes.fitting(text, room)
        assert text.startswith(shown)
        assert not shown or sizes.weight(shown) <= room
    assert sizes.fitting(text, 10**6) == text


# -- the index is behind the feed, or the output is gone ----------------------------------------------


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``index(n)``: from now on it knows of the first n entries only."""
    real = feed.output_of

    def lag(known: int) -> None:
        def output_of(part_id: int, cursor: str = "") -> Iterator[FeedEntry]:
            return (each for each in islice(real(part_id), known) if each.gsi1sk > cursor)

        monkeypatch.setattr(feed, "output_of", output_of)

    return lag


def later(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    now = clock.now() + timedelta(**time)
    monkeypatch.setattr(clock, "now", lambda: now)


def told(answer: dict[str, Any]) -> tuple[str, bool, bool]:
    text = "".join(piece["data"] for piece in answer["output"])
    return text, answer["complete"], answer["output_truncated"]


def test_a_reader_is_not_told_that_it_has_all_before_it_has(index: Callable[[int], None]) -> None:
    part = said(execution(), b"one ", b"two ", b"three")
    index(2)
    first = present.output(part, "")
    assert told(first) == ("one two ", False, False)
    again = present.output(part, first["cursor"])
    assert (told(again), again["cursor"]) == (("", False, False), first["cursor"])
    index(3)
    last = present.output(part, again["cursor"])
    assert told(last) == ("three", True, False)
    assert told(present.output(part, last["cursor"])) == ("", True, False)
    for cursor in ("", first["cursor"], last["cursor"]):
        assert OutputQuery(cursor=cursor).cursor == cursor


def test_a_cursor_from_before_bytes_were_counted_is_taken() -> None:
    part = said(execution(), b"one ", b"two ", b"three")
    assert told(present.output(part, "0#000000000002")) == ("three", True, False)
    assert OutputQuery(cursor="0#000000000002").cursor == "0#000000000002"


def test_a_reader_of_what_is_not_kept_any_more_is_not_kept_waiting(
    index: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = said(execution(), b"one ", b"two ")
    index(1)
    later(monkeypatch, minutes=2)
    assert told(present.output(part, "")) == ("one ", True, True)


def test_output_that_the_bucket_has_let_go_of_is_said_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    part = said(execution(), b"before ", b"x" * (feed.INLINE + 1), b" after")
    (entry,) = (each for each in feed.output_of(int(part.id)) if each.blob)
    clients.client("s3").delete_object(Bucket="quarterdeck-runs", Key=entry.blob)
    later(monkeypatch, days=31)
    text = f"before {feed.GONE.decode()} after"
    assert told(present.output(part, "")) == (text, True, True)
    shown = present.execution_in_full(part)
    assert shown["output_truncated"]
    assert entry.bytes() == feed.GONE, "for who watches"


def test_an_answer_for_one_is_not_called_whole_before_it_is(index: Callable[[int], None]) -> None:
    long = b"line\n" * OUTPUT_HEAD
    part = said(execution(), long[:10], long[10:], b"end")
    for known, text in ((1, long[:OUTPUT_HEAD]), (2, long), (3, long + b"end")):
        index(known)
        shown = present.execution_in_full(part)
        assert (shown["output"], shown["output_truncated"]) == (text.decode(), known < 3)
