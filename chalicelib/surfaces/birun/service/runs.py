"""Running scripts: ask, wait, look, stop."""

from __future__ import annotations

import time
from typing import Any

from chalicelib.aws import queues
from chalicelib.aws import workflows as machines
from chalicelib.core.audit import Actor
from chalicelib.core.events.connections import Subscription
from chalicelib.core.executions import history, ledger
from chalicelib.core.executions.history import Filters
from chalicelib.core.executions.ledger import Request, Result
from chalicelib.core.executions.model import Execution, Part
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import groups, servers
from chalicelib.core.listing import Page
from chalicelib.core.workflows import runs as store
from chalicelib.kernel import ids
from chalicelib.kernel.errors import BadRequest, NotFound
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas.common import MOST_SERVERS, WORDS
from chalicelib.surfaces.birun.schemas.executions import ExecutionsQuery
from chalicelib.surfaces.birun.schemas.scripts import ScriptExecuteRequest
from chalicelib.surfaces.birun.schemas.servers import ServerExecuteRequest
from chalicelib.surfaces.birun.service import workflows

WORK = "script"

WAIT_SECONDS = 25.0
"""The gateway ends a request at 29 s."""
_FIRST_LOOK = 0.03
_SLOWEST_LOOK = 0.5

STOPPED = "Stopped by {}."
MARKED_WITHIN = 5
"""Seconds, with room to spare, in which all that was stopped is marked."""
_AGAIN = ("script_id", "script_name", "content", "timeout")


def start(execution: Execution) -> Execution:
    """Under its own id, so a repeat starts nothing. When this is not reached the sweep does it."""
    name = f"{execution.id}-{int(execution.attempt)}"
    payload = {"execution_id": execution.id, "attempt": int(execution.attempt)}
    machines.start(settings().script_execution_arn, name, payload)
    return execution


def targets(request: ScriptExecuteRequest, *, forgiving: bool = False) -> list[tuple[int, str]]:
    """The listed servers and those of the group, each once. Raises BadRequest when that is none.

    Raises NotFound for a listed server or a group that there is not; ``forgiving`` goes on without, for what
    was written down earlier and runs with what is left.
    """
    wanted = list(request.server_ids)
    listed = set() if forgiving else set(wanted)
    if request.group_id is not None:
        number = request.group_id
        group = groups.find_many([number]).get(number) if forgiving else groups.get(number)
        wanted += groups.members(group) if group else []
    wanted = list(dict.fromkeys(wanted))
    if len(wanted) > MOST_SERVERS:
        raise BadRequest(f"These are {len(wanted)} servers; at most {MOST_SERVERS} are taken in one call.")
    found = servers.find_many(wanted) if wanted else {}
    missing = [one for one in wanted if one not in found and one in listed]
    if missing:
        raise NotFound(f"There is no server with id {', '.join(map(str, missing[:20]))}.", missing)
    if not found:
        raise BadRequest("No servers to run on: name some in 'server_ids', or a 'group_id' with servers.")
    return [(one, found[one].name) for one in wanted if one in found]


def execute_script(actor: Actor, script_id: int, request: ScriptExecuteRequest) -> Execution:
    script = model.get_script(script_id)
    subject = {"script_id": script_id, "script_name": script.name, "timeout": request.timeout}
    return start(ledger.create(Request(actor, WORK, subject, targets(request))))


def execute_on_server(actor: Actor, server_id: int, request: ServerExecuteRequest) -> Part:
    """The part as it is once it ended, or as it stands after WAIT_SECONDS."""
    server = servers.get(server_id)
    subject: dict[str, Any] = {
        "script_id": None,
        "script_name": model.AD_HOC,
        "content": request.script_content,
        "timeout": request.timeout,
    }
    execution = start(ledger.create(Request(actor, WORK, subject, [(server_id, server.name)])))
    return _wait(execution.part_ids.start)


def _wait(part_id: int) -> Part:
    until, pause = time.monotonic() + WAIT_SECONDS, _FIRST_LOOK
    while True:
        part = get_part(part_id)
        if part.state.final or time.monotonic() + pause > until:
            return part
        time.sleep(pause)
        pause = min(_SLOWEST_LOOK, pause * 1.3)


def get_part(part_id: int) -> Part:
    part = ledger.find_part(part_id)
    if part is None:
        raise NotFound(f"There is no execution {part_id}.")
    return part


def get_execution(execution_id: str) -> Execution:
    execution = ledger.find(execution_id.lower()) if ids.is_uuid(execution_id) else None
    if execution is None or execution.work not in (WORK, workflows.WORK):
        raise NotFound(f"There is no execution {execution_id}.")
    return execution


def long_after(parts: list[Part]) -> int | None:
    """Seconds after which one of these that runs is called long-running; None when none of them runs."""
    if not any(part.state is Status.RUNNING for part in parts):
        return None
    return int(model.app_settings().long_running_delay_seconds)


def look_up(execution_id: str) -> tuple[Execution | None, list[Part]]:
    """A number: (None, that part). A UUID: the execution with its parts, a workflow's run with all that it
    started."""
    if execution_id.isdecimal():
        return None, [get_part(int(execution_id))]
    execution = get_execution(execution_id)
    if execution.work != workflows.WORK:
        return execution, ledger.parts_of(execution)
    run = store.load(execution.id)
    started = store.executed(run) if run else []
    return execution, [part for one in started for part in ledger.parts_of(one)]


def list_executions(query: ExecutionsQuery) -> Page[Part]:
    filters = Filters(query.state, query.script_id, query.server_id, query.start_date, query.end_date)
    return history.page(filters, query.page, query.limit)


def list_of_script(script_id: int, page: int, limit: int) -> Page[Part]:
    model.get_script(script_id)
    return history.page(Filters(script_id=script_id), page, limit)


def retry_failed(actor: Actor, execution_id: str) -> Execution:
    """Runs it again on the hosts where it failed, as a new execution; the script as it is now.

    Raises BadRequest while it is not over, or when it failed nowhere.
    """
    execution, parts = look_up(execution_id)
    execution = execution or get_execution(parts[0].execution_id)
    if execution.work != WORK:
        raise BadRequest("This is the run of a workflow: resume that instead.")
    if not all(part.state.final for part in parts):
        raise BadRequest("This execution is not over. Wait for its end, or stop it first.")
    failed = [part for part in parts if part.state.retryable]
    if not failed:
        raise BadRequest("This execution failed nowhere, so there is nothing to run again.")
    if execution.subject["script_id"] is not None:
        model.get_script(execution.subject["script_id"])
    again = {name: execution.subject[name] for name in _AGAIN if name in execution.subject}
    targets = [(int(part.server_id), part.server_name) for part in failed]
    subject = again | {"retry_of": execution.id}
    return start(ledger.create(Request(actor, WORK, subject, targets)))


def stop(actor: Actor, execution_id: str) -> Status:
    """Marks what has not ended as stopped, then has the relay kill it. BadRequest when all has ended."""
    execution, parts = look_up(execution_id)
    if not end(actor, execution or get_execution(parts[0].execution_id), parts):
        raise BadRequest("This execution has already finished.")
    return Status.CANCELLED


def end(actor: Actor, execution: Execution, parts: list[Part]) -> bool:
    """Stops those of ``parts`` that have not ended. False: all had.

    What is marked as stopped has ended for whoever asks again. So the word to kill it is on its way before
    the mark, kept back until the mark is there: a relay that heard it earlier might begin a part after it.
    Said once more, without delay, it ends them at once.
    """
    unended = [int(part.id) for part in parts if not part.state.final]
    if not unended:
        return False
    _kill(execution, unended, delay_seconds=MARKED_WITHIN)
    stopped = Result(Status.CANCELLED, reason=STOPPED.format(actor.username))
    ended = ledger.end_parts(execution, parts, stopped)
    if not ended:
        return False
    ledger.record_stop(actor, execution, ended)
    _kill(execution, ended)
    ledger.conclude(execution)
    return True


def _kill(execution: Execution, part_ids: list[int], delay_seconds: int = 0) -> None:
    order = {"operation": "ssh.stop", "execution_id": execution.id, "part_ids": part_ids}
    queues.send(settings().relay_control_queue_url, order, delay_seconds)


def subscribe(execution_id: str) -> Subscription:
    """What a viewer of that execution, or of that one part, is to be told. Raises NotFound."""
    words = {str(status): word for status, word in WORDS.items()}
    if execution_id.isdecimal():
        part = get_part(int(execution_id))
        return Subscription(part.execution_id, int(part.id), words)
    return Subscription(get_execution(execution_id).id, None, words)


def only_part(execution_id: str) -> Part:
    """The one part that this names. Raises BadRequest for a batch of several, and for a workflow's run that
    has started no script."""
    _, parts = look_up(execution_id)
    if not parts:
        raise BadRequest("This workflow's run has started no script, so there is no output yet.")
    if len(parts) > 1:
        raise BadRequest("This execution ran on several servers; ask for one of them by its number.")
    return parts[0]
