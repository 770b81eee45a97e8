"""The rules of the ledger: one start, no way back from an end, late comers dropped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.aws import table
from chalicelib.core.events import fanout
from chalicelib.core.executions import feed, history, ledger
from chalicelib.core.executions.history import Filters
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Part, part_key
from chalicelib.core.executions.status import Status, together
from chalicelib.kernel import clock
from chalicelib.rest.fields import PageQuery
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.routes import scripts as routes
from chalicelib.surfaces.birun.schemas.scripts import ScriptCreate, ScriptPath
from chalicelib.surfaces.birun.service import scripts
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")

DONE = Result(Status.SUCCEEDED, exit_code=0, output=b"hello", output_bytes=5)


def state(part_id: int) -> Status:
    part = ledger.find_part(part_id)
    assert part is not None
    return part.state


def test_what_was_asked_for_is_queued_before_anything_starts() -> None:
    made = execution(hosts=3)
    assert made.state is Status.QUEUED
    assert [part.state for part in ledger.parts_of(made)] == [Status.QUEUED] * 3
    assert [(int(p.server_id), p.server_name) for p in ledger.parts_of(made)] == [
        (1, "host-0"),
        (2, "host-1"),
        (3, "host-2"),
    ]


def test_only_one_runner_gets_the_right_to_run_a_part() -> None:
    number = execution().part_ids.start
    assert [ledger.start_part(number, 1, "a"), ledger.start_part(number, 1, "b")] == [True, False]


def test_a_runner_of_an_old_attempt_neither_starts_nor_finishes_anything() -> None:
    made = execution(hosts=2)
    running, waiting = made.part_ids
    assert ledger.start_part(running, 1, "a")
    assert ledger.begin(made)
    assert ledger.new_attempt(made)
    assert not ledger.start_part(waiting, 1, "a")
    assert ledger.start_part(waiting, 2, "b")
    assert not ledger.finish_part(waiting, 1, "a", DONE)
    assert state(waiting) is Status.RUNNING


def test_a_cancelled_part_stays_cancelled_when_the_relay_answers_late() -> None:
    made = execution()
    number = made.part_ids.start
    ledger.start_part(number, 1, "relay")
    ledger.end_parts(made, ledger.parts_of(made), Result(Status.CANCELLED, reason="Stopped by ada."))
    assert not ledger.finish_part(number, 1, "relay", DONE)
    assert state(number) is Status.CANCELLED
    assert ledger.keep_output(number, "relay", DONE)
    part = ledger.find_part(number)
    assert part is not None
    assert (part.state, part.output, part.reason) == (Status.CANCELLED, b"hello", "Stopped by ada.")


def test_another_runner_cannot_finish_what_it_did_not_start() -> None:
    number = execution().part_ids.start
    ledger.start_part(number, 1, "relay")
    assert not ledger.finish_part(number, 1, "somebody else", DONE)
    assert ledger.finish_part(number, 1, "relay", DONE)
    assert not ledger.finish_part(number, 1, "relay", Result(Status.FAILED))
    assert state(number) is Status.SUCCEEDED


def test_an_execution_ends_when_its_last_part_does_and_only_once() -> None:
    made = execution(hosts=2)
    ledger.begin(made)
    first, second = made.part_ids
    for number, result in ((first, DONE), (second, Result(Status.TIMED_OUT, reason="late"))):
        assert ledger.conclude(made) is None
        ledger.start_part(number, 1, "relay")
        ledger.finish_part(number, 1, "relay", result)
    assert [ledger.conclude(made), ledger.conclude(made)] == [Status.FAILED, Status.FAILED]
    ended = ledger.find(made.id)
    assert ended is not None
    assert ended.state is Status.FAILED
    assert "due_at" not in ended.attribute_values, "nothing has to look at it any more"
    assert [entry.what for entry in feed.after(made.id, feed.CONTROL, 0)] == ["end"]
    assert not ledger.begin(ended), "what has ended does not begin again"


def test_parts_whose_first_write_was_lost_are_written_when_they_are_looked_for() -> None:
    made = execution(hosts=3)
    Part(*part_key(made.part_ids[1])).delete()
    assert [part.state for part in ledger.parts_of(made)] == [Status.QUEUED] * 3
    assert state(made.part_ids[1]) is Status.QUEUED


def test_a_thousand_servers_are_one_execution_in_ten_chunks() -> None:
    made = execution(hosts=1000)
    assert made.chunks == 10
    assert [len(made.chunk_part_ids(chunk)) for chunk in range(10)] == [100] * 10
    assert len(ledger.parts_of(made)) == 1000


def test_stopping_many_tells_each_once_and_in_numbers_without_gaps() -> None:
    made = execution(hosts=130)
    ended = ledger.end_parts(made, ledger.parts_of(made), Result(Status.CANCELLED))
    assert sorted(ended) == list(made.part_ids)
    entries = list(feed.after(made.id, feed.CONTROL, 0))
    assert [entry.number for entry in entries] == list(range(1, 131))
    assert sorted(int(entry.part_id) for entry in entries) == list(made.part_ids)
    assert ledger.end_parts(made, ledger.parts_of(made), Result(Status.FAILED)) == []


def test_the_sweep_sees_what_has_not_ended_when_it_is_due_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = execution()
    assert ledger.due() == []
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=3))
    assert [one.id for one in ledger.due()] == [made.id]
    ledger.look_again(made)
    assert ledger.due() == []


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ("queued queued", "queued"),
        ("queued running", "running"),
        ("queued succeeded", "running"),
        ("failed running", "running"),
        ("failed succeeded cancelled", "failed"),
        ("timed_out succeeded", "failed"),
        ("cancelled succeeded", "cancelled"),
        ("succeeded succeeded", "succeeded"),
    ],
)
def test_many_states_as_one(parts: str, whole: str) -> None:
    assert together(Status(name) for name in parts.split()) is Status(whole)


def test_nothing_follows_what_is_final() -> None:
    for status in Status:
        assert status.final == (not status.may_follow)


# -- the list ---------------------------------------------------------------------------------------


def ids_of(filters: Filters, page: int = 1, limit: int = 10) -> tuple[list[int], int]:
    found = history.page(filters, page, limit)
    return [int(part.id) for part in found.items], found.total


def through_the_stream() -> None:
    """What fan-out would be told of every part there is, as DynamoDB puts it."""
    client = table._connection().client
    items = client.scan(TableName="quarterdeck")["Items"]
    records = [
        {
            "eventID": item["pk"]["S"],
            "eventName": "INSERT",
            "dynamodb": {"Keys": {"pk": item["pk"]}, "NewImage": item},
        }
        for item in items
        if item.get("kind", {}).get("S") == "part"
    ]
    fanout.fan_out(records)


def test_filters_combine_and_the_newest_comes_first() -> None:
    first, second = execution(hosts=3, script_id=7), execution(hosts=2)
    ledger.start_part(first.part_ids[0], 1, "relay")
    ledger.finish_part(first.part_ids[0], 1, "relay", DONE)
    ledger.start_part(second.part_ids[0], 1, "relay")
    through_the_stream()
    one, two, three = first.part_ids
    four, five = second.part_ids
    assert ids_of(Filters()) == ([five, four, three, two, one], 5)
    assert ids_of(Filters(), page=2, limit=2) == ([three, two], 5)
    assert ids_of(Filters(script_id=7)) == ([three, two, one], 3)
    assert ids_of(Filters(server_id=1)) == ([four, one], 2)
    assert ids_of(Filters(status=Status.QUEUED)) == ([five, three, two], 3)
    assert ids_of(Filters(server_id=1, script_id=7)) == ([one], 1)
    assert ids_of(Filters(server_id=1, status=Status.RUNNING)) == ([four], 1)
    assert ids_of(Filters(script_id=7, status=Status.SUCCEEDED)) == ([one], 1)
    assert ids_of(Filters(script_id=7, status=Status.FAILED)) == ([], 0)


def test_dates_bound_when_a_part_started() -> None:
    made = execution(hosts=3)
    now = clock.now()
    ledger.start_part(made.part_ids[1], 1, "relay")
    started = made.part_ids[1]
    hour = timedelta(hours=1)
    assert ids_of(Filters(since=now - hour, until=now + hour)) == ([started], 1)
    assert ids_of(Filters(since=now + hour)) == ([], 0)
    assert ids_of(Filters(until=now - hour)) == ([], 0)
    assert ids_of(Filters(since=now + hour, until=now - hour)) == ([], 0)
    assert ids_of(Filters(since=now - hour, status=Status.RUNNING)) == ([started], 1)


def test_what_waited_for_weeks_is_listed_by_when_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    waited, started = execution().part_ids.start, clock.now() + timedelta(days=29)
    monkeypatch.setattr(clock, "now", lambda: started)
    execution()
    ledger.start_part(waited, 1, "relay")
    assert ids_of(Filters(since=started - timedelta(hours=1))) == ([waited], 1)


def test_what_runs_long_is_called_so_in_the_list_of_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    script = scripts.create_script(ACTOR, ScriptCreate(name="s", content="echo"))
    number = execution(script_id=int(script.id)).part_ids.start
    ledger.start_part(number, 1, "relay")
    through_the_stream()
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    path, query = ScriptPath(script_id=int(script.id)), PageQuery()
    listed = routes.list_script_executions(Call("203.0.113.7", path, query))
    assert [(one["id"], one["long_running"]) for one in listed["executions"]] == [(number, True)]


def test_running_out_of_time_is_listed_as_failed() -> None:
    number = execution().part_ids.start
    ledger.start_part(number, 1, "relay")
    ledger.finish_part(number, 1, "relay", Result(Status.TIMED_OUT, reason="late"))
    through_the_stream()
    assert ids_of(Filters(status=Status.FAILED)) == ([number], 1)
