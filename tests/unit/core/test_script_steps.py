"""The sweep over script executions whose workflow is gone."""

from __future__ import annotations

import pytest

from chalicelib.aws import workflows
from chalicelib.core.executions import ledger
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.relays import registry
from chalicelib.kernel import clock, settings
from chalicelib.surfaces.birun.steps import scripts
from tests.unit.core.builders import execution

pytestmark = pytest.mark.usefixtures("cloud")


def running(monkeypatch: pytest.MonkeyPatch, workflow: str) -> Execution:
    """On one host, by a relay that lives; its state machine's execution is in state ``workflow``."""
    monkeypatch.setattr(workflows, "status", lambda *_: workflow)
    registry.beat(settings.settings().relay_id, "boot", clock.iso_now(), 0, 0)
    made = execution()
    assert ledger.begin(made)
    assert ledger.start_part(made.part_ids.start, 1, "boot")
    return made


def state(made: Execution) -> Status:
    found = ledger.find(made.id)
    assert found is not None
    return found.state


def test_what_a_living_relay_runs_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = running(monkeypatch, "TIMED_OUT")
    scripts.sweep(made)
    assert state(made) is Status.RUNNING


def test_what_still_runs_after_its_relay_has_reported_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    made = running(monkeypatch, "SUCCEEDED")
    scripts.sweep(made)
    assert state(made) is Status.FAILED
    (part,) = ledger.parts_of(made)
    assert part.reason == scripts.LOST


def test_a_part_that_a_take_over_left_behind_comes_along_with_the_next() -> None:
    made = execution(hosts=2)
    assert ledger.begin(made)
    assert ledger.new_attempt(made)
    left, _ = made.part_ids
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(ledger, "_change_part", lambda *_: False)
        assert ledger.new_attempt(made)
    assert not ledger.start_part(left, 3, "boot")
    assert ledger.new_attempt(made)
    assert ledger.start_part(left, 4, "boot")
