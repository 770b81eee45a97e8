"""The rules of the record: persist, then start; fence every write; what is final stays.

Parts are changed only from a state that allows it and only by the attempt that owns them. A change that
comes too late is dropped, and the caller is told so by False.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Write
from chalicelib.core import audit, counting
from chalicelib.core.audit import Actor
from chalicelib.core.executions import control, feed, model
from chalicelib.core.executions.feed import FeedEntry, StatusChange
from chalicelib.core.executions.model import (
    Execution,
    Part,
    blank_execution,
    blank_part,
    execution_key,
    part_key,
)
from chalicelib.core.executions.status import Status, together
from chalicelib.kernel import clock

LOOK_AGAIN = timedelta(minutes=2)
"""When the sweep looks at an execution that has not ended by then."""

TEXT_AUDITED = 2000
"""Characters of a script's text that the audit shows where the text is stored nowhere else."""

_AT_ONCE = 16
_TOLD_TOGETHER = 50


@dataclass(frozen=True)
class Result:
    """How a part ended, with the head of its output."""

    status: Status
    exit_code: int | None = None
    signal: str | None = None
    reason: str | None = None
    output: bytes = b""
    output_bytes: int = 0
    output_dropped: bool = False


@dataclass(frozen=True)
class Request:
    """``targets``: pairs of server id and server name. ``subject`` holds at least script_id, script_name.

    ``execution_id``: an id settled beforehand, so that a repeat makes nothing twice.
    """

    actor: Actor
    work: str
    subject: dict[str, Any]
    targets: list[tuple[int, str]] = field(default_factory=list)
    execution_id: str | None = None


def create(request: Request, guard: Sequence[Write] = ()) -> Execution:
    """Writes the execution and its parts as queued. Starting it is the caller's next step.

    Raises ConditionFailed when its id is taken or ``guard``, what else must hold, does not.
    """
    execution = blank_execution(request.actor, request.work, request.subject, request.execution_id)
    numbers = counting.next_ids(model.PARTS, len(request.targets))
    execution.targets = [list(target) for target in request.targets]
    execution.first_part, execution.total = numbers.start, len(numbers)
    after = request.subject | {"servers": [target[0] for target in request.targets]}
    if "content" in after:
        after["content"] = after["content"][:TEXT_AUDITED]
    writes: list[Write] = [
        Put(execution, table.absent()),
        audit.entry(request.actor, f"{request.work}.execute", execution.pk, after=after),
        *counting.counting(model.PARTS, numbers),
        *guard,
    ]
    if request.subject.get("script_id"):
        collection = f"{model.PARTS}#script#{request.subject['script_id']}"
        writes.append(counting.adding(collection, len(numbers)))
    table.write(writes)
    table.put_many(_blank_parts(execution, execution.part_ids))
    return execution


def _blank_parts(execution: Execution, numbers: Iterable[int]) -> list[Part]:
    first = int(execution.first_part)
    return [
        blank_part(execution, number, int(target[0]), str(target[1]))
        for number in numbers
        for target in [execution.targets[number - first]]
    ]


def find(execution_id: str) -> Execution | None:
    return table.find(Execution, execution_key(execution_id), "EXEC")


def find_many(execution_ids: Sequence[str]) -> list[Execution]:
    """Those that there are, in the order asked for."""
    keys = [(execution_key(one), "EXEC") for one in execution_ids]
    found = {execution.id: execution for execution in table.find_many(Execution, keys)}
    return [found[one] for one in execution_ids if one in found]


def find_part(part_id: int) -> Part | None:
    return table.find(Part, *part_key(part_id))


def parts_of(execution: Execution, numbers: Iterable[int] | None = None) -> list[Part]:
    """In order. Parts whose first write was lost with its writer are written now."""
    wanted = list(execution.part_ids if numbers is None else numbers)
    found = {int(part.id): part for part in table.find_many(Part, [part_key(n) for n in wanted])}
    missing = [number for number in wanted if number not in found]
    if missing:
        for part in _blank_parts(execution, missing):
            try:
                table.put(part, table.absent())
            except ConditionFailed:
                part.refresh(consistent_read=True)
            found[int(part.id)] = part
    return [found[number] for number in wanted]


def to_running() -> list[Action]:
    """When it began is when it first did."""
    return [
        Execution.status.set(Status.RUNNING.value),
        Execution.started_at.set(Execution.started_at | clock.iso_now()),
    ]


def begin(execution: Execution) -> bool:
    """Queued (or retrying) to running. False when it has ended already, or is in another attempt by now."""
    waiting = Execution.status.is_in(Status.QUEUED.value, Status.RETRYING.value, Status.RUNNING.value)
    waiting &= Execution.attempt == int(execution.attempt)
    actions = [*to_running(), Execution.due_at.set(clock.iso(clock.now() + LOOK_AGAIN))]
    try:
        table.update(execution, actions, waiting)
    except ConditionFailed:
        return False
    return True


def look_again(execution: Execution) -> None:
    """The sweep has seen that all is well."""
    later = clock.iso(clock.now() + LOOK_AGAIN)
    try:
        table.update(execution, [Execution.due_at.set(later)], Execution.due_at.exists())
    except ConditionFailed:
        return


def start_part(part_id: int, attempt: int, runner: str) -> bool:
    """The one right to run a part: given to one runner, once an attempt. False: do not run it."""
    actions = [
        Part.status.set(Status.RUNNING.value),
        Part.gsi4pk.set(model.listed_under(Status.RUNNING)),
        Part.runner.set(runner),
        Part.started_at.set(clock.iso_now()),
    ]
    waiting = (Part.status == Status.QUEUED.value) & (Part.attempt == attempt)
    return _change_part(part_id, actions, waiting)


def finish_part(part_id: int, attempt: int, runner: str | None, result: Result) -> bool:
    """To a final state. ``runner`` None: whoever runs it (used when nobody does any more)."""
    open_ = Part.status.is_in(Status.QUEUED.value, Status.RUNNING.value) & (Part.attempt == attempt)
    if runner is not None:
        open_ &= Part.runner == runner
    return _change_part(part_id, _finishing(result), open_)


def keep_output(part_id: int, runner: str, result: Result) -> bool:
    """The output of a part that was stopped meanwhile; its state stays as it is. That it could not be stopped
    is said beside it."""
    failed = result.reason if result.status is Status.FAILED else None
    said = [Part.reason.set(failed)] if failed else []
    return _change_part(part_id, [*_output(result), *said], Part.runner == runner)


def _finishing(result: Result) -> list[Action]:
    optional = {"exit_code": result.exit_code, "signal": result.signal, "reason": result.reason}
    actions = [getattr(Part, name).set(value) for name, value in optional.items() if value is not None]
    return [
        *actions,
        *_output(result),
        Part.status.set(result.status.value),
        Part.gsi4pk.set(model.listed_under(result.status)),
        Part.completed_at.set(clock.iso_now()),
    ]


def _output(result: Result) -> list[Action]:
    if not result.output_bytes:
        return [Part.output_bytes.set(Part.output_bytes | 0)]
    return [
        Part.output.set(result.output),
        Part.output_bytes.set(result.output_bytes),
        Part.output_dropped.set(result.output_dropped),
    ]


def _change_part(part_id: int, actions: Sequence[Action], condition: Condition) -> bool:
    try:
        table.change(Part(*part_key(part_id)), actions, condition)
    except ConditionFailed:
        return False
    return True


def end_parts(execution: Execution, parts: Iterable[Part], result: Result) -> list[int]:
    """Ends those of ``parts`` that are open and tells the viewers. Returns the ids of those that it ended."""
    open_parts = [part for part in parts if not part.state.final]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(
            pool.map(lambda part: finish_part(int(part.id), int(part.attempt), None, result), open_parts)
        )
    ended = [part for part, changed in zip(open_parts, done, strict=True) if changed]
    changes = [
        StatusChange(int(part.id), int(part.server_id), result.status, result.exit_code, result.reason)
        for part in ended
    ]
    for start in range(0, len(changes), _TOLD_TOGETHER):
        _tell(execution.id, changes[start : start + _TOLD_TOGETHER])
    return [change.part_id for change in changes]


def _tell(execution_id: str, changes: list[StatusChange]) -> None:
    """Appends to the control feed, which has many writers: the numbers come from the execution."""

    def make(number: int) -> list[FeedEntry]:
        return [
            feed.entry(execution_id, feed.CONTROL, number + position, change)
            for position, change in enumerate(changes)
        ]

    control.append(execution_id, make)


def conclude(execution: Execution) -> Status | None:
    """Ends the execution when all its parts have ended. None while one has not; a repeat changes nothing."""
    states = [part.state for part in parts_of(execution)]
    if not all(state.final for state in states):
        return None
    status = together(states)
    actions = [
        Execution.status.set(status.value),
        Execution.completed_at.set(clock.iso_now()),
        Execution.due_pk.remove(),
        Execution.due_at.remove(),
    ]
    control.append(execution.id, lambda number: [feed.end(execution.id, number, status)], actions)
    return status


def record_stop(actor: Actor, execution: Execution, part_ids: list[int]) -> None:
    """Who stopped what."""
    stopped = audit.entry(actor, f"{execution.work}.stop", execution.pk, after={"parts": part_ids})
    table.put(stopped.record, stopped.condition)


def due(most: int = 100) -> list[Execution]:
    """What the sweep has to look at now."""
    found = Execution.due.query(model.DUE, Execution.due_at <= clock.iso_now(), limit=most)
    return [record for record in found if isinstance(record, Execution)]


def new_attempt(execution: Execution) -> bool:
    """Fences off whatever still works on the old attempt. Parts that were running are not run again."""
    attempt = int(execution.attempt)
    later = clock.iso(clock.now() + LOOK_AGAIN)
    actions = [
        Execution.attempt.set(attempt + 1),
        Execution.status.set(Status.RETRYING.value),
        Execution.due_at.set(later),
    ]
    try:
        table.update(execution, actions, (Execution.attempt == attempt) & Execution.due_at.exists())
    except ConditionFailed:
        return False
    for part in parts_of(execution):
        if part.state is Status.QUEUED:
            # Also those that an earlier one, which died on the way, left behind.
            waiting = (Part.status == Status.QUEUED.value) & (Part.attempt <= attempt)
            _change_part(int(part.id), [Part.attempt.set(attempt + 1)], waiting)
    return True
