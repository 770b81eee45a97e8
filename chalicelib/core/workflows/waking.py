"""How a waiting run learns that it can go on.

The state machine leaves its token with the run's signal and sleeps. Whatever happens to the run counts the
signal up and then answers the token; a machine that was about to sleep sees the count and does not. So no
wake is lost and nothing polls.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from chalicelib.aws import table, workflows
from chalicelib.aws.table import ConditionFailed
from chalicelib.aws.workflows import TokenClosed
from chalicelib.core.executions.model import execution_key
from chalicelib.core.executions.status import Status
from chalicelib.core.workflows import model
from chalicelib.core.workflows.model import Signal
from chalicelib.kernel import clock
from chalicelib.kernel.settings import settings


def _signal(run_id: str) -> Signal:
    return Signal(execution_key(run_id), model.SIGNAL)


def wake(run_id: str) -> bool:
    """False: no machine was waiting, or it does not know its token any more."""
    signal = _signal(run_id)
    try:
        table.update(signal, [Signal.wakes.add(1)], table.present())
    except ConditionFailed:
        return False
    return bool(signal.token) and _answer(signal.token)


def _answer(token: str) -> bool:
    try:
        workflows.succeed(token, {})
    except TokenClosed:
        return False
    return True


def park(run_id: str, attempt: int, seen: int, token: str) -> None:
    """Leaves ``token``; answered at once when more than ``seen`` has happened, or the run is in a later
    attempt."""
    mine = (Signal.wakes == seen) & (Signal.attempt.does_not_exist() | (Signal.attempt <= attempt))
    try:
        table.update(_signal(run_id), [Signal.token.set(token), Signal.attempt.set(attempt)], mine)
    except ConditionFailed:
        _answer(token)


def wake_at(run_id: str, moment: datetime) -> None:
    """Has the run woken at ``moment``, by a state machine of its own that only waits. Once a second at most:
    the same again starts nothing."""
    second = -int(-moment.timestamp() // 1)
    wait = max(1, second - clock.epoch())
    name = f"{run_id}-{second}"
    workflows.start(settings().workflow_timer_arn, name, {"execution_id": run_id, "seconds": wait})


def listen(batch: list[dict[str, Any]]) -> None:
    """Stream records: executions that a run's node started and that have just ended."""
    ended = {link for record in batch if (link := _run_behind(record))}
    for run_id in sorted(ended):
        wake(run_id)


def _run_behind(record: dict[str, Any]) -> str | None:
    image = record["dynamodb"].get("NewImage") or {}
    if image.get("kind", {}).get("S") != "execution" or not Status(image["status"]["S"]).final:
        return None
    link = json.loads(image["subject"]["S"]).get("workflow")
    return str(link["run_id"]) if link else None
