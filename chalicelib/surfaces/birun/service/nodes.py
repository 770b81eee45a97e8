"""What the nodes of biRun's workflows do: those that run scripts or look at what scripts gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from chalicelib.aws.table import Check, ConditionFailed
from chalicelib.core.audit import Actor
from chalicelib.core.executions import feed, ledger
from chalicelib.core.executions.feed import FeedEntry
from chalicelib.core.executions.ledger import Request
from chalicelib.core.executions.model import Part
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import servers
from chalicelib.core.notices import channels
from chalicelib.core.notices.outbox import Event
from chalicelib.core.workflows import conditions, kinds
from chalicelib.core.workflows import model as workflows
from chalicelib.core.workflows.engine import Kind
from chalicelib.core.workflows.graph import Node
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.core.workflows.runs import Change, failed
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel.errors import QuarterdeckError
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas.scripts import ScriptExecuteRequest
from chalicelib.surfaces.birun.service import runs

HEAD = 1024
"""Bytes of output that a node's record shows."""
LOOKED_AT = 64 * 1024
"""Bytes of a host's standard output that a condition looks at."""
NOTHING = "'{}' did not run (it is {}), so there is nothing to compare."
TOLD = "workflow.notify"
_NAMED = 5


class ScriptNode:
    """Runs a script as anybody would: one execution a try, under an id that follows from the try. A try after
    the first runs on the hosts that failed, the good results of earlier ones being kept."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        known = run.nodes.get(node.id)
        earlier = _executions(known) if known else []
        execution_id = workflows.node_execution_id(run.id, node.id, attempt)
        return Change(NodeStatus.RUNNING, fields={"execution_id": execution_id, "earlier": earlier})

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        execution = ledger.find(at.execution_id or "")
        try:
            if execution is None:
                return self._start(run, node, at)
        except QuarterdeckError as error:
            return failed(error.message)
        return self._judge(node, at) if execution.state.final else None

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        execution = ledger.find(at.execution_id or "")
        if execution is not None and not execution.state.final:
            runs.end(_actor(run), execution, ledger.parts_of(execution))

    def _start(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        """What is written and not started is started by the sweep of executions.

        Gives a result when there is nothing to start: the servers where it had not succeeded are gone.
        """
        config = node.config
        script = model.get_script(config["script_id"])
        targets = self._targets(node, at)
        if not targets:
            kept = self._judge(node, at)
            return replace(kept, fields=kept.fields | {"execution_id": None})
        timeout = config.get("timeout", 60)
        subject = {
            "script_id": config["script_id"],
            "script_name": script.name,
            "timeout": timeout,
            "workflow": {"run_id": run.id, "node_id": node.id},
        }
        request = Request(_actor(run), runs.WORK, subject, targets, at.execution_id)
        here = Check(at, NodeRun.version == at.version)
        try:
            made = ledger.create(request, [here])
        except ConditionFailed:
            return None  # made before, or the node has ended meanwhile
        runs.start(made)
        return None

    def _targets(self, node: Node, at: NodeRun) -> list[tuple[int, str]]:
        """Where it failed before, otherwise all; of these the servers that are still there.

        Empty: it succeeded on some, and those where it failed are gone. Raises BadRequest without any at all.
        """
        before = results(at.earlier)
        bad = [part for part in before if not _good(node, part)]
        wanted = [int(part.server_id) for part in bad]
        known = servers.find_many(wanted) if wanted else {}
        if known or 0 < len(bad) < len(before):
            return [(one, known[one].name) for one in wanted if one in known]
        config = node.config
        request = ScriptExecuteRequest(server_ids=config["server_ids"], group_id=config.get("group_id"))
        return runs.targets(request, forgiving=True)

    def _judge(self, node: Node, at: NodeRun) -> Change:
        parts = _counted(node, at)
        bad = [part for part in parts if not _good(node, part)]
        shown = (bad or parts)[0]
        result = {
            "exit_code": None if shown.exit_code is None else int(shown.exit_code),
            "output": (shown.output or b"")[:HEAD].decode("utf-8", "replace"),
            "hosts": {"total": len(parts), "succeeded": len(parts) - len(bad), "failed": len(bad)},
        }
        if bad:
            stopped = any(part.state is Status.CANCELLED for part in bad)
            return replace(failed(_words(bad, len(parts)), result=result), lasting=stopped)
        return Change(NodeStatus.SUCCEEDED, fields={"result": result})


def _actor(run: Run) -> Actor:
    return Actor(int(run.execution.asked_by), run.execution.asked_by_name)


def _executions(at: NodeRun) -> list[str]:
    return [*at.earlier, *([at.execution_id] if at.execution_id else [])]


def results(execution_ids: Iterable[str]) -> list[Part]:
    """The last result of each host over these executions, which are in order of time."""
    latest: dict[int, Part] = {}
    for execution_id in execution_ids:
        execution = ledger.find(execution_id)
        for part in ledger.parts_of(execution) if execution else []:
            latest[int(part.server_id)] = part
    return list(latest.values())


def hosts(at: NodeRun) -> list[Part]:
    """What became of each host of a script node."""
    return results(_executions(at))


def _counted(node: Node, at: NodeRun) -> list[Part]:
    """Of these the ones that the node answers for: what failed earlier, and was not tried again with the
    others, was on a server that is gone."""
    return [part for part in hosts(at) if part.execution_id == at.execution_id or _good(node, part)]


def _good(node: Node, part: Part) -> bool:
    wanted = node.config.get("success_codes", [0])
    if part.state not in (Status.SUCCEEDED, Status.FAILED) or part.exit_code is None:
        return False
    return wanted == "any" or int(part.exit_code) in wanted


def _words(bad: list[Part], total: int) -> str:
    """``2 of 3 hosts failed: web-1 (exit code 3), web-2 (Connection refused.)``"""
    named = ", ".join(f"{part.server_name} ({_why(part)})" for part in bad[:_NAMED])
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return f"{len(bad)} of {total} hosts failed: {named}{more}."


def _why(part: Part) -> str:
    if part.reason:
        return str(part.reason).rstrip(".")
    if part.exit_code is not None:
        return f"exit code {int(part.exit_code)}"
    return f"ended by signal {part.signal}" if part.signal else "no result"


class Condition:
    """Compares what an earlier script gave, host by host; its outcome is whether that holds."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        config = node.config
        looked_at = run.nodes[config["node"]]
        parts = _counted(run.graph.nodes[config["node"]], looked_at)
        if not parts:
            return failed(NOTHING.format(config["node"], looked_at.status))
        given = _said(parts) if config.get("of", "exit_code") == "output" else _exit_codes(parts)
        try:
            found = [conditions.holds(config["operator"], value, config["value"]) for value in given]
        except ValueError as error:
            return failed(f"Cannot compare: {error}.")
        return Change(NodeStatus.SUCCEEDED, conditions.together(config.get("hosts", "all"), found))

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        return None

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        return


def _exit_codes(parts: list[Part]) -> Iterator[int]:
    for part in parts:
        if part.exit_code is None:
            raise ValueError(f"{part.server_name} gave no exit code")
        yield int(part.exit_code)


def _said(parts: list[Part]) -> Iterator[str]:
    """The beginning of each one's standard output. Raises ValueError for output that is not kept any more.

    Read from the feeds themselves: the list by part is an index, which may not know yet what was said last.
    """
    chunks: dict[tuple[str, int], list[Part]] = {}
    for part in parts:
        chunks.setdefault((part.execution_id, int(part.chunk)), []).append(part)
    for (execution_id, chunk), together in chunks.items():
        heard = _listen(feed.after(execution_id, str(chunk), 0), together)
        yield from (one[:LOOKED_AT].decode("utf-8", "replace") for one in heard)


def _listen(entries: Iterable[FeedEntry], parts: list[Part]) -> Iterable[bytes]:
    """Reads on until nothing more is to come that would be looked at."""
    names = {int(part.id): part.server_name for part in parts}
    said = dict.fromkeys(names, b"")
    unread = {int(part.id): size for part in parts if (size := int(part.output_bytes))}
    heard = iter(entries)
    while unread:
        entry = next(heard, None)
        if entry is None:
            raise ValueError(f"the output of {names[min(unread)]} is not kept any more")
        number = int(entry.part_id or 0)
        if entry.what != "output" or number not in unread:
            continue
        unread[number] -= int(entry.size or 0)
        if entry.stream == "stdout":
            said[number] += entry.bytes()
        if unread[number] <= 0 or len(said[number]) >= LOOKED_AT:
            del unread[number]
    return said.values()


class Notify:
    """Writes down, with its own end, what is to be told; whether it arrives is in the deliveries."""

    def begin(self, run: Run, node: Node, attempt: int) -> Change:
        subject = run.execution.subject
        key = model.workflow_key(subject["workflow_id"])
        told = {
            "event": TOLD,
            "workflow": {"id": subject["workflow_id"], "name": subject["workflow_name"]},
            "run": {"execution_id": run.id, "asked_by": run.execution.asked_by_name},
            "node": node.id,
            "message": node.config["message"],
            "nodes": {name: at.status for name, at in run.nodes.items()},
        }
        title = f"Workflow '{subject['workflow_name']}': {node.id}"
        text = f"{node.config['message']}\n\nRun: {run.id}"
        event = Event("birun", TOLD, key, told, title, text)
        return Change(NodeStatus.SUCCEEDED, writes=tuple(channels.to_all(node.config["channels"], event)))

    def look(self, run: Run, node: Node, at: NodeRun) -> Change | None:
        return None

    def stop(self, run: Run, node: Node, at: NodeRun) -> None:
        return


KINDS: dict[str, Kind] = {
    "trigger": kinds.Trigger(),
    "script": ScriptNode(),
    "condition": Condition(),
    "approval": kinds.Approval(),
    "delay": kinds.Delay(),
    "notify": Notify(),
}
