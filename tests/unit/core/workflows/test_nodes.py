"""Script nodes among servers that come and go, and what conditions see of their output."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.executions import feed, ledger, tasks
from chalicelib.core.executions.feed import FeedEntry, Output
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import groups, servers
from chalicelib.core.workflows import engine
from chalicelib.core.workflows import runs as store
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.kernel.errors import BadRequest, NotFound
from chalicelib.surfaces.birun.schemas.scripts import ScriptCreate, ScriptExecuteRequest
from chalicelib.surfaces.birun.schemas.workflows import ResumeRequest, WorkflowCreate
from chalicelib.surfaces.birun.service import nodes, runs, scripts, workflow_runs, workflows
from chalicelib.surfaces.birun.service.workflow_runs import RULES
from tests.unit.core import builders
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


class World:
    """A workflow whose node ``a`` runs a script; the test plays the relay."""

    def __init__(self) -> None:
        self.script = int(scripts.create_script(ACTOR, ScriptCreate(name="s", content="echo")).id)
        self.run_id = ""
        self.told: list[Output] = []

    def start(self, *nodes: dict[str, Any], edges: str = "t>a", **config: Any) -> None:
        listed = [
            {"id": "t", "type": "trigger", "config": {}},
            {"id": "a", "type": "script", "config": {"script_id": self.script} | config},
            *nodes,
        ]
        links = [dict(zip(("from", "to"), one.split(">"), strict=True)) for one in edges.split()]
        body = {"name": "Release", "nodes": listed, "edges": links}
        workflow = workflows.create_workflow(ACTOR, WorkflowCreate.model_validate(body))
        self.begin(workflow_runs.run_workflow(ACTOR, int(workflow.id)))

    def begin(self, execution: Execution) -> None:
        self.run_id = execution.id
        assert tasks.begin(execution.id, 1)

    def resume(self, *, only_failed_hosts: bool = True) -> None:
        request = ResumeRequest(only_failed_hosts=only_failed_hosts)
        self.begin(workflow_runs.resume(ACTOR, self.run(), request))

    def advance(self) -> None:
        engine.advance(self.run_id, RULES)

    def run(self) -> Run:
        found = store.load(self.run_id)
        assert found
        return found

    def node(self, name: str = "a") -> NodeRun:
        return self.run().nodes[name]

    def execution(self) -> Execution:
        found = ledger.find(self.node().execution_id or "")
        assert found
        return found

    def hosts(self) -> list[int]:
        return [target[0] for target in self.execution().targets]

    def say(self, position: int, data: bytes, stream: str = "stdout") -> None:
        """The host at that position in the list says ``data``, in order after what others have said."""
        execution = self.execution()
        told = Output(execution.part_ids[position], execution.targets[position][0], stream, data)
        self.told.append(told)
        feed.write([feed.entry(execution.id, "0", len(self.told), told)])

    def end(self, **codes: int) -> None:
        """Everything that runs, with 0 or with the exit code that ``codes`` has for the server."""
        execution = self.execution()
        for part in ledger.parts_of(execution):
            code = codes.get(part.server_name, 0)
            size = sum(len(one.data) for one in self.told if one.part_id == part.id)
            status = Status.FAILED if code else Status.SUCCEEDED
            result = Result(status, exit_code=code, output=b"x"[:size], output_bytes=size)
            ledger.finish_part(int(part.id), 1, None, result)
        ledger.conclude(execution)
        self.advance()


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(workflow_runs, "start", lambda execution: execution)
    return World()


def fleet(*names: str) -> list[int]:
    return [int(builders.server(name).id) for name in names]


def delete(server_id: int) -> None:
    servers.delete(ACTOR, servers.get(server_id))


# ---------------------------------------------------------------- servers that go


def test_a_server_deleted_during_a_run_is_left_out_and_the_others_run(world: World) -> None:
    web, db = fleet("web", "db")
    world.start(server_ids=[web, db])
    delete(web)
    world.advance()
    assert world.hosts() == [db]


def test_a_group_deleted_during_a_run_leaves_the_listed_servers(world: World) -> None:
    web, db = fleet("web", "db")
    group = groups.create(ACTOR, "all", None, [db])
    world.start(server_ids=[web], group_id=int(group.id))
    workflows.delete_workflow(ACTOR, 1)  # which would keep the group; its run goes on
    groups.delete(ACTOR, group)
    world.advance()
    assert world.hosts() == [web]


def test_a_node_fails_when_none_of_its_servers_is_left(world: World) -> None:
    web, *_ = fleet("web")
    world.start(server_ids=[web])
    delete(web)
    world.advance()
    assert world.node().status == "failed"
    assert str(world.node().reason).startswith("No servers to run on")


@pytest.mark.parametrize("only_failed_hosts", [True, False])
def test_a_run_is_resumed_without_the_servers_that_are_gone(world: World, only_failed_hosts: bool) -> None:
    web, db = fleet("web", "db")
    world.start(server_ids=[web, db])
    world.advance()
    world.end(web=3, db=3)
    delete(web)
    world.resume(only_failed_hosts=only_failed_hosts)
    world.advance()
    assert world.hosts() == [db]
    world.end()
    assert world.node().status == "succeeded"
    assert world.node().result["hosts"] == {"total": 1, "succeeded": 1, "failed": 0}


def test_what_had_succeeded_stands_when_the_server_that_failed_is_gone(world: World) -> None:
    web, db = fleet("web", "db")
    compared = {"node": "a", "operator": "eq", "value": 0}
    world.start({"id": "c", "type": "condition", "config": compared}, edges="t>a a>c", server_ids=[web, db])
    world.advance()
    world.end(web=3)
    delete(web)
    world.resume()
    world.advance()
    assert world.node().status == "succeeded"
    assert world.node().execution_id is None
    assert (world.node("c").status, world.node("c").outcome) == ("succeeded", True)


def test_tries_are_listed_of_a_node_whose_last_one_had_nothing_to_run_on(world: World) -> None:
    web, db = fleet("web", "db")
    world.start(server_ids=[web, db], retry={"count": 1, "backoff_seconds": 0})
    world.advance()
    first = world.execution()
    delete(web)
    world.end(web=3)
    world.advance()
    assert world.node().status == "succeeded"
    assert [one.id for one in store.executed(world.run())] == [first.id]


def test_who_asks_now_for_a_server_that_is_gone_is_told_so(world: World) -> None:
    web, db = fleet("web", "db")
    delete(web)
    with pytest.raises(NotFound, match=f"no server with id {web}"):
        runs.execute_script(ACTOR, world.script, ScriptExecuteRequest(server_ids=[web, db]))
    with pytest.raises(NotFound, match="no server group 7"):
        runs.execute_script(ACTOR, world.script, ScriptExecuteRequest(server_ids=[db], group_id=7))
    with pytest.raises(BadRequest, match="No servers to run on"):
        runs.targets(ScriptExecuteRequest(server_ids=[web], group_id=7), forgiving=True)


# ---------------------------------------------------------------- scripts that are stopped


def test_a_script_that_somebody_stopped_is_not_tried_again(world: World) -> None:
    world.start(server_ids=fleet("web", "db"), retry={"count": 2, "backoff_seconds": 0})
    world.advance()
    runs.stop(ACTOR, world.execution().id)
    world.advance()
    assert (world.node().status, int(world.node().attempt)) == ("failed", 1)
    assert world.run().execution.state is Status.FAILED


# ---------------------------------------------------------------- what conditions see


def compare(world: World, **config: Any) -> None:
    compared = {"node": "a", "of": "output", "operator": "contains"} | config
    condition = {"id": "c", "type": "condition", "config": compared}
    world.start(condition, edges="t>a a>c", server_ids=fleet("web", "db"))
    world.advance()


def test_a_condition_sees_what_was_said_last_whatever_an_index_knows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(world, value="ready")
    monkeypatch.setattr(FeedEntry.gsi1, "query", lambda *_, **__: iter(()))
    for position in (0, 1, 0, 1):
        world.say(position, b"not yet\n")
    world.say(1, b"ready\n")
    world.say(0, b"a warning\n", "stderr")
    world.say(0, b"ready\n")
    world.end()
    assert world.node("c").outcome is True


def test_a_condition_looks_at_the_beginning_of_a_long_output_and_at_no_errors(world: World) -> None:
    compare(world, value="late", hosts="any")
    world.say(0, b"late\n", "stderr")
    world.say(1, b"." * nodes.LOOKED_AT)
    world.say(1, b"late\n")
    world.end()
    assert world.node("c").outcome is False


def test_a_condition_decides_nothing_on_output_that_is_not_kept_any_more(world: World) -> None:
    compare(world, value="ready")
    world.say(0, b"ready\n")
    world.told.append(Output(world.execution().part_ids[1], 2, "stdout", b"ready\n"))
    world.end()
    assert world.node("c").reason == "Cannot compare: the output of db is not kept any more."
