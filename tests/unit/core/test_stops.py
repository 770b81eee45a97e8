"""What is stopped is killed, wherever the stop itself is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import queues
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel.errors import BadRequest
from chalicelib.surfaces.birun.service import runs
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")


class CutOffError(Exception):
    """As if the function had ended here."""


class Sent:
    """The words to the relay, each with its delay and the states of the parts when it went out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.words: list[tuple[list[int], int, list[Status]]] = []
        self.fails_at: int | None = None
        monkeypatch.setattr(queues, "send", self._send)

    def _send(self, url: str, body: dict[str, Any], delay_seconds: int = 0) -> None:
        if len(self.words) == self.fails_at:
            raise CutOffError
        found = ledger.find(body["execution_id"])
        assert found is not None
        self.words.append((body["part_ids"], delay_seconds, states(found)))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    return Sent(monkeypatch)


def states(made: Execution) -> list[Status]:
    return [part.state for part in ledger.parts_of(made)]


def under_way() -> Execution:
    """One part has ended, one runs, one waits."""
    made = execution(hosts=3)
    ended, running, _ = made.part_ids
    for number in (ended, running):
        ledger.start_part(number, 1, "relay")
    ledger.finish_part(ended, 1, "relay", Result(Status.SUCCEEDED, exit_code=0))
    return made


BEFORE = [Status.SUCCEEDED, Status.RUNNING, Status.QUEUED]
AFTER = [Status.SUCCEEDED, Status.CANCELLED, Status.CANCELLED]


def test_the_word_to_kill_is_on_its_way_before_the_mark_and_again_at_once_after_it(sent: Sent) -> None:
    made = under_way()
    open_parts = list(made.part_ids)[1:]
    assert runs.stop(ACTOR, made.id) is Status.CANCELLED
    assert sent.words == [(open_parts, runs.MARKED_WITHIN, BEFORE), (open_parts, 0, AFTER)]


@pytest.mark.parametrize("step", ["end_parts", "record_stop"])
def test_a_stop_that_is_cut_off_kills_all_the_same(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def cut_off(*_: Any) -> None:
        raise CutOffError

    made = under_way()
    monkeypatch.setattr(ledger, step, cut_off)
    with pytest.raises(CutOffError):
        runs.stop(ACTOR, made.id)
    assert [(parts, delay) for parts, delay, _ in sent.words] == [
        (list(made.part_ids)[1:], runs.MARKED_WITHIN)
    ]


def test_a_stop_that_the_relay_cannot_be_told_of_marks_nothing_and_may_be_repeated(sent: Sent) -> None:
    made = under_way()
    sent.fails_at = 0
    with pytest.raises(CutOffError):
        runs.stop(ACTOR, made.id)
    assert states(made) == BEFORE
    sent.fails_at = None
    assert runs.stop(ACTOR, made.id) is Status.CANCELLED
    assert states(made) == AFTER


def test_what_has_ended_is_not_stopped_and_the_relay_not_told(sent: Sent) -> None:
    made = execution()
    ledger.start_part(made.part_ids.start, 1, "relay")
    ledger.finish_part(made.part_ids.start, 1, "relay", Result(Status.SUCCEEDED, exit_code=0))
    with pytest.raises(BadRequest):
        runs.stop(ACTOR, made.id)
    assert sent.words == []
