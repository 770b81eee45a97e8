"""Workflows: keep. Running them is :mod:`.workflow_runs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import Check, ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit, counting, usage
from chalicelib.core.audit import Actor
from chalicelib.core.inventory import groups
from chalicelib.core.notices import channels
from chalicelib.core.notices.channels import Stored
from chalicelib.core.schedules import records
from chalicelib.core.schedules.model import Schedule
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Script, Workflow
from chalicelib.surfaces.birun.schemas.workflows import WorkflowCreate, WorkflowUpdate
from chalicelib.surfaces.birun.service import graphs, notifications

Json = dict[str, Any]

WORK = "workflow"
_FIELDS = ("name", "description", "nodes", "edges", "enabled", "notifications")
_POLICIES = ("timezone", "misfire_policy", "overlap_policy")
_TRIES = 5
BUSY = "This workflow, or what it runs, is being changed by others. Look at it and try again."


def every() -> list[Workflow]:
    return list(Workflow.gsi1.query("WORKFLOWS"))


def next_runs(found: Iterable[Workflow]) -> dict[int, str | None]:
    """When each runs by itself next, by id."""
    keys = [key for workflow in found for key in _triggers(int(workflow.id), _stored(workflow))]
    soonest: dict[int, str | None] = {}
    for schedule in records.find_many(keys).values():
        number, known = int(schedule.subject["workflow_id"]), schedule.due_at
        soonest[number] = min(filter(None, (known, soonest.get(number))), default=None)
    return soonest


def _stored(workflow: Workflow) -> Json:
    return {name: getattr(workflow, name) for name in _FIELDS}


def _audited(fields: Json) -> Json:
    """Without what is sealed."""
    told = channels.shown(fields["notifications"])
    return fields | {"nodes": graphs.shown(fields["nodes"]), "notifications": told}


def trigger_key(workflow_id: int, node_id: str) -> str:
    """What the schedule of a trigger node is called."""
    return f"{WORK}:{workflow_id}:{node_id}"


def _triggers(workflow_id: int, fields: Json) -> dict[str, Json]:
    """The schedules that a workflow with ``fields`` needs, by key."""
    return {
        trigger_key(workflow_id, node["id"]): {
            "name": fields["name"],
            "subject": {"workflow_id": workflow_id, "node_id": node["id"]},
            "cron_expression": node["config"]["cron_expression"],
            "enabled": fields["enabled"],
            **{name: node["config"][name] for name in _POLICIES if name in node["config"]},
        }
        for node in fields["nodes"]
        if "cron_expression" in node["config"]
    }


def _needs(nodes: Sequence[Json]) -> dict[str, Check]:
    """What the nodes cannot run without, in the words of core.usage, each with the check that keeps it there
    until the workflow that uses it is written."""
    scripts = {usage.script(one): Check(Script(*model.script_key(one))) for one in graphs.scripts(nodes)}
    return scripts | {usage.group(one): groups.there(one) for one in graphs.server_groups(nodes)}


def _held(workflow: Workflow) -> set[str]:
    # A number is a script's: at first only those were held.
    return {one if isinstance(one, str) else usage.script(one) for one in workflow.held}


def _called(workflow_id: int, name: str) -> str:
    return f"workflow {workflow_id} '{name}'"


# ---------------------------------------------------------------- create


def create_workflow(actor: Actor, request: WorkflowCreate) -> Workflow:
    """Raises Invalid and BadRequest as :func:`graphs.read` does, Conflict when something
    they name goes meanwhile."""
    nodes, edges = graphs.read(request.nodes, request.edges)
    number, now = counting.next_ids("workflows").start, clock.iso_now()
    needs, key = _needs(nodes), model.workflow_key(number)
    workflow = Workflow(
        key,
        "WORKFLOW",
        gsi1pk="WORKFLOWS",
        gsi1sk=ids.padded(number),
        id=number,
        name=request.name,
        description=request.description,
        nodes=graphs.sealed(nodes, (), key),
        edges=edges,
        held=sorted(needs),
        enabled=request.enabled,
        notifications=_notifications(request, key, None),
        created_at=now,
        updated_at=now,
    )
    fields = _stored(workflow)
    writes: list[Write] = [
        Put(workflow, table.absent()),
        audit.entry(actor, "workflow.create", workflow.pk, after=_audited(fields)),
        *usage.moves(workflow.pk, _called(number, request.name), (), needs),
        *records.moves(WORK, {}, _triggers(number, fields)),
        *needs.values(),
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise Conflict(BUSY) from error
    return workflow


# ---------------------------------------------------------------- change

Wanted = Callable[[Workflow], Json]


def update_workflow(actor: Actor, workflow_id: int, request: WorkflowUpdate) -> Workflow:
    """Runs under way keep the graph that they began with."""
    return _change(actor, workflow_id, lambda workflow: _wanted(workflow, request))


def _wanted(workflow: Workflow, request: WorkflowUpdate) -> Json:
    sent = request.model_fields_set
    fields = request.model_dump(exclude_unset=True, exclude={"nodes", "edges", "notifications"})
    if "notifications" in sent:
        fields["notifications"] = _notifications(request, workflow.pk, workflow.notifications)
    if sent & {"nodes", "edges"}:
        known = WorkflowUpdate.model_validate(
            {"nodes": graphs.shown(workflow.nodes), "edges": workflow.edges}
        )
        nodes, edges = graphs.read(
            request.nodes if "nodes" in sent else known.nodes,
            request.edges if "edges" in sent else known.edges,
        )
        fields |= {"nodes": graphs.sealed(nodes, workflow.nodes, workflow.pk), "edges": edges}
    return fields


def _notifications(
    request: WorkflowCreate | WorkflowUpdate, record: str, before: Stored | None
) -> Stored | None:
    given = request.notifications
    sent = None if given is None else given.model_dump(exclude_unset=True)
    return notifications.keep(sent, before, record, "notifications")


def _change(actor: Actor, workflow_id: int, wanted: Wanted) -> Workflow:
    """``wanted`` is asked again when another change came in between, so that neither undoes the other."""
    for _ in range(_TRIES):
        workflow = model.get_workflow(workflow_id)
        before = _stored(workflow)
        after = before | wanted(workflow)
        try:
            _hold(workflow, after)
            table.write(_changing(actor, workflow, before, after))
        except ConditionFailed:
            continue
        return model.get_workflow(workflow_id)
    raise Conflict(BUSY)


def _hold(workflow: Workflow, after: Json) -> None:
    """First counts the workflow as a user of all that both its graphs name: that may be more than fits into
    the transaction that changes it, and being counted a little too long does no harm."""
    needs, before = _needs(after["nodes"]), _held(workflow)
    new = needs.keys() - before
    if not new:
        return
    held = sorted(before | new)
    called = _called(int(workflow.id), after["name"])
    actions = [Workflow.held.set(held), Workflow.revision.add(1)]
    claim = Update(workflow, actions, Workflow.revision == workflow.revision)
    there = [needs[thing] for thing in sorted(new)]
    table.write([claim, *usage.moves(workflow.pk, called, (), new), *there])
    workflow.held, workflow.revision = held, workflow.revision + 1


def _changing(actor: Actor, workflow: Workflow, before: Json, after: Json) -> list[Write]:
    number, needs = int(workflow.id), _needs(after["nodes"])
    changed = {name: value for name, value in after.items() if value != before[name]}
    actions = table.setting(Workflow, changed)
    actions += [Workflow.held.set(sorted(needs)), Workflow.updated_at.set(clock.iso_now())]
    actions.append(Workflow.revision.add(1))
    called = _called(number, after["name"])
    return [
        Update(workflow, actions, Workflow.revision == workflow.revision),
        audit.entry(actor, "workflow.update", workflow.pk, before=_audited(before), after=_audited(after)),
        *usage.moves(workflow.pk, called, _held(workflow), needs),
        *records.moves(WORK, _schedules(number, before), _triggers(number, after)),
    ]


def _schedules(workflow_id: int, fields: Json) -> Mapping[str, Schedule]:
    return records.find_many(_triggers(workflow_id, fields))


# ---------------------------------------------------------------- delete


def delete_workflow(actor: Actor, workflow_id: int) -> None:
    """Runs under way go on; its history goes with it."""
    for _ in range(_TRIES):
        workflow = model.get_workflow(workflow_id)
        before = _stored(workflow)
        writes: list[Write] = [
            Delete(workflow, Workflow.revision == workflow.revision),
            audit.entry(actor, "workflow.delete", workflow.pk, before=_audited(before)),
            *usage.moves(workflow.pk, "", _held(workflow), ()),
            *records.moves(WORK, _schedules(workflow_id, before), {}),
        ]
        with suppress(ConditionFailed):
            table.write(writes)
            return
    raise Conflict(BUSY)


def forget_server(server_id: int) -> None:
    """Takes a deleted server out of every workflow that lists it."""
    for workflow in every():
        if _lists(workflow.nodes, server_id):
            with suppress(NotFound):  # the workflow went in this very moment
                _change(audit.SYSTEM, int(workflow.id), lambda found: {"nodes": _without(found, server_id)})


def _lists(nodes: Sequence[Json], server_id: int) -> bool:
    return any(server_id in node["config"].get("server_ids", ()) for node in nodes)


def _without(workflow: Workflow, server_id: int) -> list[Json]:
    nodes = [node | {"config": dict(node["config"])} for node in workflow.nodes]
    for node in nodes:
        if node["type"] == "script":
            node["config"]["server_ids"] = [one for one in node["config"]["server_ids"] if one != server_id]
    return nodes
