"""Workflows on real hosts: branches, conditions, decisions, failures, and going on after them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.fleet import Fleet
from tests.jobs.workflows import Workflows, states, trigger
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def flows(stack: Stack, fleet: Fleet) -> Workflows:
    return Workflows(stack, fleet)


def test_a_diamond_runs_its_branches_side_by_side_and_joins_them(flows: Workflows, tmp_path: Path) -> None:
    host = flows.fleet.host()
    # Each says that it is there and waits for the other: one after the other they would never end well.
    meet = "cd {}; touch {}; for i in $(seq 200); do [ -e {} ] && exit 0; sleep 0.1; done; exit 9"
    left = meet.format(tmp_path, "left", "right")
    right = meet.format(tmp_path, "right", "left")
    workflow = flows.make(
        [
            trigger(),
            flows.script("first", "echo first", [host]),
            flows.script("left", left, [host]),
            flows.script("right", right, [host]),
            flows.script("last", f"ls {tmp_path}", [host]),
        ],
        "t>first first>left first>right left>last right>last",
    )
    run = flows.run(workflow)
    told = flows.watch(workflow, run)
    ended = flows.finished(workflow, run)
    assert (ended["status"], ended["progress"]) == ("completed", 100)
    assert set(states(ended).values()) == {"completed"}
    assert flows.node(workflow, run, "last")["output"] == "left\nright\n"
    assert told[-1]["type"] == "end"
    assert told[-1]["status"] == "completed"
    changes = [(one["node"], one["status"]) for one in told if one["type"] == "node"]
    assert changes.index(("last", "running")) > max(
        changes.index((branch, "completed")) for branch in ("left", "right")
    )
    assert flows.watch(workflow, run) == told, "who comes later is told the same"
    middle = told[len(told) // 2]
    assert flows.watch(workflow, run, middle["cursor"]) == told[len(told) // 2 + 1 :]
