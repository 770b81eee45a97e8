"""A machine that is switched off and on again: what was kept, what goes on, what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.instance import Instance
from tests.jobs.fleet import Fleet, Viewer, said
from tests.jobs.workflows import Workflows, node, states, trigger
from tests.support.client import ContractClient
from tests.support.ports import free_port
from tests.support.sshd import Sshd
from tests.support.stack import Stack, wait_until
from tests.support.waiting import until_there
from tests.support.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def own(tmp_path: Path, sshd: Sshd) -> Iterator[tuple[Stack, Fleet]]:
    """An instance of its own, since it is going to be killed."""
    instance = Instance(tmp_path / "state", free_port(), parameters={"RateLimits": "off"})
    instance.up()
    stack = Stack(instance)
    admin = stack.client("admin")
    yield stack, Fleet(sshd, admin, World(admin))
    instance.down()


def tell_the_sweep(stack: Stack, execution_id: str) -> None:
    """As if two minutes had gone by: the execution is due, and the minute's tick comes."""
    stack.aws("dynamodb").update_item(
        TableName=stack.variables()["QUARTERDECK_TABLE"],
        Key={"pk": {"S": f"EXEC#{execution_id}"}, "sk": {"S": "EXEC"}},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": {"S": "2000-01-01T00:00:00.000000Z"}},
    )
    stack.tick()


def test_after_a_restart_jobs_run_and_are_told_live_as_before(own: tuple[Stack, Fleet]) -> None:
    stack, fleet = own
    server = fleet.host()
    before = fleet.finished(fleet.start("echo before", [server]))
    stack.instance.down()
    stack.instance.up()
    execution_id = fleet.start("echo after", [server])
    messages = Viewer(stack, fleet.client, execution_id).until_the_end()
    ended = fleet.finished(execution_id)
    assert said(messages, ended["id"]) == "after\n"
    assert fleet.look(before["id"])["output"] == "before\n"
    completed = {"server_id": server, "status": "completed"}
    wait_until(
        lambda: fleet.client.ok("GET", "/scripts/executions/", params=completed)["total"] == 2,
        what="both in the list",
    )


def test_what_ran_when_the_machine_went_down_says_so_and_what_waited_goes_on(
    own: tuple[Stack, Fleet], tmp_path: Path
) -> None:
    stack, fleet = own
    fleet.client.ok("PUT", "/settings/", {"max_concurrent_executions": 1})
    ran, go_on = tmp_path / "ran", tmp_path / "go-on"
    execution_id = fleet.start(f"echo x >> {ran}; {until_there(go_on)}", [fleet.host(), fleet.host()])
    wait_until(lambda: ran.exists() and ran.read_text(), what="the first to run")
    stack.instance.down()
    go_on.touch()
    stack.instance.up()
    wait_until(lambda: ran.read_text().count("x") == 2, what="the second to run")
    wait_until(
        lambda: all(part["status"] in {"completed", "failed"} for part in fleet.parts(execution_id)),
        what="both to end",
    )
    tell_the_sweep(stack, execution_id)
    ended = fleet.finished(execution_id)
    reasons = [part["reason"] for part in ended["executions"] if part["status"] == "failed"]
    assert [part["status"] for part in ended["executions"]].count("completed") == 1
    assert len(reasons) == 1
    assert "shut down" in reasons[0]
    assert ran.read_text() == "x\nx\n", "none ran twice"
    assert Viewer(stack, fleet.client, execution_id).until_the_end()[-1]["status"] == "failed"


@pytest.mark.timeout(400)
def test_a_workflow_goes_on_after_a_restart_and_runs_nothing_twice(
    own: tuple[Stack, Fleet], tmp_path: Path
) -> None:
    stack, fleet = own
    flows, ran = Workflows(stack, fleet), tmp_path / "ran"
    host, long = fleet.host(), f"echo long >> {ran}; {until_there(tmp_path / 'never')}"
    nodes = [
        trigger(),
        flows.script("before", f"echo before >> {ran}", [host]),
        flows.script("long", long, [host], timeout=300, success_codes="any"),
        node("ask", "approval"),
        flows.script("after", f"echo after >> {ran}", [host]),
    ]
    workflow = flows.make(nodes, "t>before before>long before>ask ask>after")
    run = flows.run(workflow)
    wait_until(lambda: ran.exists() and "long" in ran.read_text(), seconds=150, what="the long one to run")
    flows.until(workflow, run, "ask", "waiting", seconds=100)
    stack.instance.down()
    stack.instance.up()
    script = flows.node(workflow, run, "long")["execution_id"]
    tell_the_sweep(stack, script)
    fleet.finished(script, seconds=100)
    tell_the_sweep(stack, run)
    failed = flows.until(workflow, run, "long", "failed", seconds=100)
    assert "shut down" in failed["reason"], "whether it ran to its end is not known, so it is not run again"
    assert flows.node(workflow, run, "ask")["status"] == "waiting"
    fleet.client.ok("POST", f"/workflows/{workflow}/runs/{run}/approvals/ask", {"approved": True})
    ended = flows.finished(workflow, run, seconds=150)
    assert (ended["status"], states(ended)["after"]) == ("failed", "completed")
    assert ran.read_text() == "before\nlong\nafter\n"
    told = flows.watch(workflow, run)
    begun = [one["node"] for one in told if one["type"] == "node" and one["status"] == "running"]
    assert sorted(begun) == ["after", "before", "long"]


def test_what_was_written_and_never_started_is_started_by_the_sweep(
    stack: Stack, fleet: Fleet, admin: ContractClient
) -> None:
    """As when the API function dies between the two."""
    from chalicelib.core import audit
    from chalicelib.core.executions import ledger

    server = fleet.host()
    subject = {"script_id": None, "script_name": "Ad-hoc script", "content": "echo at last", "timeout": 20}
    with stack.inside():
        made = ledger.create(ledger.Request(audit.SYSTEM, "script", subject, [(server, "host")]))
    assert fleet.look(made.id)["status"] == "queued"
    tell_the_sweep(stack, made.id)
    assert fleet.finished(made.id)["output"] == "at last\n"
