"""Nodes that need nothing but the clock and people: triggers, delays, approvals."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.core.workflows import runs
from chalicelib.core.workflows.graph import Graph, Node
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.core.workflows.runs import Change
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import clock

APPROVAL_SECONDS = 30 * 24 * 3600
EXPIRED = "Nobody decided within {} s."


def _later(seconds: int) -> str:
    return clock.iso(clock.now() + timedelta(seconds=seconds))


class Trigger:
    """Has fired when it begins."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        return Change(NodeStatus.SUCCEEDED)

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        return None

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        return


class Delay:
    """Waits ``config["seconds"]``."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        return Change(NodeStatus.WAITING, fields={"wakes_at": _later(node.config["seconds"])})

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        return Change(NodeStatus.SUCCEEDED) if at.overdue(clock.now()) else None

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        return


class Approval:
    """Waits for somebody to decide; past its time limit ``config["on_expiry"]`` does."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        return Change(NodeStatus.WAITING, fields={"wakes_at": _later(_limit(node))})

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        if not at.overdue(clock.now()):
            return None
        expired = EXPIRED.format(_limit(node))
        verdict = node.config.get("on_expiry", "fail")
        if verdict == "fail":
            return runs.failed(expired)
        return decided(run.graph, node, verdict == "approve", expired)

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        return


def _limit(node: Node) -> int:
    return int(node.config.get("time_limit", APPROVAL_SECONDS))


def decided(graph: Graph, node: Node, approved: bool, words: str, **fields: str | None) -> Change:
    """A denial fails the node, unless an edge leads on from it."""
    if approved or graph.branches_on_false(node.id):
        return Change(NodeStatus.SUCCEEDED, approved, words, dict(fields))
    return runs.failed(words, **fields)
