"""Takes a run as far as it can go now: settles what is settled, begins what can begin, looks at what is open.

May be called at any time and by several at once: every change is fenced, and what a node starts has an id
that follows from run, node and try. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.aws.table import ConditionFailed, Write
from chalicelib.core.executions import tasks
from chalicelib.core.executions.status import Status
from chalicelib.core.workflows import plan, runs
from chalicelib.core.workflows.graph import Node
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.core.workflows.plan import Move
from chalicelib.core.workflows.runs import Change
from chalicelib.core.workflows.status import NodeStatus, together
from chalicelib.kernel import clock

LONGEST_BACKOFF = 3600
_ROUNDS = 1000

NOT_REACHED = "'{}' did not succeed, so this did not run."
NO_BRANCH = "No branch led here."
NOT_FIRED = "This trigger did not fire."
TOO_LONG = "Not done within its time limit of {} s."
STOPPED = "Stopped by {}."


class Kind(Protocol):
    """What a type of node does. Each method may be called again for the same try and must do no harm then."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        """Settles how a try begins, without an effect outside. ``run`` shows earlier tries."""

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        """Has done what is to be done, and tells what has become of it. None: nothing new."""

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        """Ends what the node started, if there is anything."""


Ending = Callable[[Run, Status, str | None], Sequence[Write]]


@dataclass(frozen=True)
class Rules:
    """What a surface's workflows are made of: ``kinds`` by type of node; ``ending``: what is written together
    with a run's end. ConditionFailed of those writes has the end tried again."""

    kinds: Mapping[str, Kind]
    ending: Ending = lambda run, status, reason: ()


@dataclass(frozen=True)
class Turn:
    """``over``: the run has ended, or is in another attempt. ``seen``: how much had happened when this turn
    began. ``alarm``: when something is due by the clock."""

    over: bool
    seen: int = 0
    alarm: datetime | None = None


class _Moved(Exception):
    """Somebody else is at the run: read it again."""


def advance(run_id: str, rules: Rules, attempt: int | None = None) -> Turn:
    """``attempt`` None: whichever the run is in."""
    return _until_unmoved(run_id, rules, attempt, lambda engine, seen: engine.turn(seen))


def abandon(run_id: str, rules: Rules, attempt: int, reason: str) -> None:
    """Ends a run that cannot be carried on as failed, and stops what it started."""
    _until_unmoved(run_id, rules, attempt, lambda engine, _: engine.abandon(reason))


def _until_unmoved(
    run_id: str, rules: Rules, attempt: int | None, work: Callable[[_Engine, int], Turn]
) -> Turn:
    seen: int | None = None
    for _ in range(_ROUNDS):
        run = runs.load(run_id)
        if run is None or run.execution.state.final or attempt not in (None, run.attempt):
            return Turn(over=True)
        seen = int(run.signal.wakes) if seen is None else seen
        try:
            return work(_Engine(run, rules), seen)
        except _Moved:
            continue
    raise RuntimeError(f"run {run_id} is changed by others without end")


class _Engine:
    """One turn. Raises _Moved when a write came too late."""

    def __init__(self, run: Run, rules: Rules) -> None:
        self._run = run
        self._kinds = rules.kinds
        self._ending = rules.ending

    def turn(self, seen: int) -> Turn:
        run = self._run
        if run.signal.stop:
            self._stop(run.signal.stop)
            return Turn(over=True, seen=seen)
        while self._settle() or self._look():
            pass
        status = together(self._run.nodes[name].state for name in run.nodes)
        if status is not None and len(run.nodes) == len(run.graph.nodes):
            self._end(status)
            return Turn(over=True, seen=seen)
        alarms = [moment for _, at in run.open() for moment in at.alarms]
        return Turn(over=False, seen=seen, alarm=min(alarms, default=None))

    # ------------------------------------------------------------ forward

    def _settle(self) -> bool:
        """Begins, skips and fails what the plan says. Whether there was anything."""
        run = self._run
        found = plan.moves(run.graph, run.standings(), run.trigger)
        for move in found:
            node = run.graph.nodes[move.node_id]
            if move.to is NodeStatus.RUNNING:
                self._begin(node, 1)
            else:
                self._move(node, Change(move.to, reason=self._why(move)))
        return bool(found)

    def _why(self, move: Move) -> str:
        if move.cause is not None:
            return NOT_REACHED.format(move.cause)
        return NO_BRANCH if self._run.graph.inputs[move.node_id] else NOT_FIRED

    def _begin(self, node: Node, attempt: int) -> None:
        change = self._kinds[node.type].begin(self._run, node, attempt)
        fields: dict[str, Any] = {"attempt": attempt, "retrying": False} | change.fields
        limit = node.config.get("time_limit")
        if limit and change.status is NodeStatus.RUNNING and attempt == 1:
            fields["deadline_at"] = clock.iso(clock.now() + timedelta(seconds=limit))
        self._move(node, replace(change, fields=fields))

    def _look(self) -> bool:
        changed = [self._look_at(node, at) for node, at in self._run.open()]
        return any(changed)

    def _look_at(self, node: Node, at: NodeRun) -> bool:
        now = clock.now()
        if at.retrying and not (at.deadline_at and clock.parse(at.deadline_at) <= now):
            if not at.overdue(now):
                return False
            self._begin(node, int(at.attempt) + 1)
            return True
        change = None if at.retrying else self._kinds[node.type].look(self._run, node, at)
        if change is None and at.deadline_at and clock.parse(at.deadline_at) <= now:
            self._kinds[node.type].stop(self._run, node, at)
            self._move(node, runs.failed(TOO_LONG.format(node.config["time_limit"])))
            return True
        if change is not None:
            self._move(node, self._again(node, at, change))
        return change is not None

    def _again(self, node: Node, at: NodeRun, change: Change) -> Change:
        """A failure that is to be tried again waits for that instead."""
        retry = node.config.get("retry", {"count": 0})
        if change.status is not NodeStatus.FAILED or change.lasting or int(at.attempt) > retry["count"]:
            return change
        pause = min(LONGEST_BACKOFF, retry.get("backoff_seconds", 10) * 2 ** (int(at.attempt) - 1))
        moment = clock.iso(clock.now() + timedelta(seconds=pause))
        fields = change.fields | {"wakes_at": moment, "retrying": True}
        return Change(NodeStatus.WAITING, reason=change.reason, fields=fields)

    # ------------------------------------------------------------ end

    def _stop(self, name: str) -> None:
        """Who comes again after a crash finds cancelled nodes, and stops what they started all the same."""
        run = self._run
        reason = STOPPED.format(name)
        for node in run.graph.nodes.values():
            at = run.nodes.get(node.id)
            if at is None or not at.state.final:
                self._move(node, Change(NodeStatus.CANCELLED, reason=reason))
            if at is not None and run.nodes[node.id].state is NodeStatus.CANCELLED:
                self._kinds[node.type].stop(run, node, at)
        self._end(Status.CANCELLED, reason)

    def abandon(self, reason: str) -> Turn:
        run = self._run
        for node, at in run.open():
            self._kinds[node.type].stop(run, node, at)
            self._move(node, runs.failed(reason))
        self._end(Status.FAILED, reason)
        return Turn(over=True)

    def _end(self, status: Status, reason: str | None = None) -> None:
        run = self._run
        if status is Status.FAILED and reason is None:
            reason = self._first_failure()
        try:
            tasks.end(run.id, run.attempt, status, reason, self._ending(run, status, reason))
        except ConditionFailed:
            raise _Moved from None

    def _first_failure(self) -> str:
        run = self._run
        failed = [name for name in run.graph.order if run.nodes[name].state is NodeStatus.FAILED]
        own = [name for name in failed if not self._spoilt(name)]
        first = (own or failed)[0]
        return f"'{first}' failed: {run.nodes[first].reason}"

    def _spoilt(self, name: str) -> bool:
        return any(self._run.nodes[edge.source].state.spoils for edge in self._run.graph.inputs[name])

    def _move(self, node: Node, change: Change) -> None:
        if not runs.move(self._run, node, change):
            raise _Moved
