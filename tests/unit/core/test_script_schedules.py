"""Scripts by schedule as people keep them, whatever becomes of what a schedule names."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import table
from chalicelib.core import usage
from chalicelib.core.executions.model import Execution
from chalicelib.core.inventory import groups, servers
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.core.schedules.model import RunState, Schedule, new_run
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest
from chalicelib.surfaces.birun.schemas.schedules import ScheduleCreate, ScheduleUpdate
from chalicelib.surfaces.birun.schemas.scripts import ScriptCreate
from chalicelib.surfaces.birun.service import runs, schedules, scripts
from chalicelib.surfaces.birun.service import servers as fleet
from tests.unit.core import builders
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


def made(**fields: Any) -> Schedule:
    script = int(scripts.create_script(ACTOR, ScriptCreate(name="s", content="echo")).id)
    body = {"name": "Nightly", "cron_expression": "@daily", "script_id": script, "server_ids": []}
    return schedules.create_schedule(ACTOR, ScheduleCreate.model_validate(body | fields))


def changed(**fields: Any) -> Schedule:
    return schedules.update_schedule(ACTOR, 1, ScheduleUpdate.model_validate(fields))


def group() -> ServerGroup:
    return groups.create(ACTOR, "web", None, [])


def test_without_servers_it_can_be_renamed_and_switched_off_but_not_on() -> None:
    server = int(builders.server().id)
    made(server_ids=[server])
    fleet.delete_server(ACTOR, server)
    assert changed(name="Old", server_ids=[]).name == "Old"
    assert schedules.toggle_schedule(ACTOR, 1).enabled is False
    with pytest.raises(BadRequest, match="No servers to run on"):
        schedules.toggle_schedule(ACTOR, 1)
    another = int(builders.server().id)
    assert changed(enabled=True, server_ids=[another]).subject["server_ids"] == [another]


def test_targets_are_checked_when_they_change() -> None:
    made(server_ids=[int(builders.server().id)])
    wrong: list[dict[str, Any]] = [
        {"server_ids": []},
        {"server_ids": [99]},
        {"group_id": 9},
        {"script_id": 9},
    ]
    for fields in wrong:
        with pytest.raises(BadRequest):
            changed(**fields)


def test_a_group_that_is_gone_matters_when_it_is_switched_on() -> None:
    used = group()
    made(group_id=int(used.id), enabled=False)
    groups.delete(ACTOR, used)
    assert changed(name="Old", group_id=int(used.id)).name == "Old"
    with pytest.raises(BadRequest, match="no server group 1"):
        changed(enabled=True)


def test_a_group_in_an_enabled_schedule_is_not_deleted_unnoticed() -> None:
    used = group()
    made(group_id=int(used.id))
    with pytest.raises(BadRequest, match="Server group 1 is in use by schedule 1 'Nightly'"):
        groups.delete(ACTOR, used)
    changed(enabled=False)
    groups.delete(ACTOR, used)


def test_a_group_does_not_go_while_somebody_begins_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    used = group()
    real = usage.unused

    def unused(thing: str) -> table.Check:
        made(group_id=int(used.id))
        return real(thing)

    monkeypatch.setattr(usage, "unused", unused)
    with pytest.raises(BadRequest, match="schedule 1 'Nightly'"):
        groups.delete(ACTOR, used)


def test_a_window_runs_on_what_is_left_of_the_listed_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, stays = int(builders.server().id), int(builders.server("db").id)
    schedule = made(server_ids=[gone, stays])
    servers.delete(ACTOR, servers.get(gone))  # listed again in the moment between forgetting it and this
    started: list[Execution] = []
    monkeypatch.setattr(runs, "start", started.append)
    schedules.start(schedule, new_run(schedule, clock.now(), RunState.STARTING, clock.now()))
    assert [execution.targets for execution in started] == [[[stays, "db"]]]


def test_a_deletion_of_a_server_that_stops_half_way_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, stays = int(builders.server().id), int(builders.server().id)
    made(server_ids=[gone, stays])
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "forget_server", broken)
        with pytest.raises(ConnectionError):
            fleet.delete_server(ACTOR, gone)
    fleet.delete_server(ACTOR, gone)
    assert schedules.get(1).subject["server_ids"] == [stays]
    assert servers.find_many([gone]) == {}


def broken(_: int) -> None:
    raise ConnectionError("AWS is away")
