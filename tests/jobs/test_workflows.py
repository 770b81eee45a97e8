"""Workflows on real hosts: branches, conditions, decisions, failures, and going on after them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.jobs.fleet import Fleet
from tests.jobs.test_restart import tell_the_sweep
from tests.jobs.test_schedules import make_due
from tests.jobs.workflows import Workflows, node, states, trigger
from tests.support.receiver import Receiver
from tests.support.stack import Stack, wait_until


@pytest.fixture(scope="module")
def flows(stack: Stack, fleet: Fleet) -> Workflows:
    return Workflows(stack, fleet)


def test_a_diamond_runs_its_branches_side_by_side_and_joins_them(flows: Workflows, tmp_path: Path) -> None:
    host = flows.fleet.host()
    # Each says that it is there and waits for the other: one after the other they would never end well.
    meet = "cd {}; touch {}; for i in $(seq 200); do [ -e {} ] && exit 0; sleep 0.1; done; exit 9"
    left = meet.format(tmp_path, "left", "right")
    right = meet.format(tmp_path, "right", "left")
    workflow = flows.make(
        [
            trigger(),
            flows.script("first", "echo first", [host]),
            flows.script("left", left, [host]),
            flows.script("right", right, [host]),
            flows.script("last", f"ls {tmp_path}", [host]),
        ],
        "t>first first>left first>right left>last right>last",
    )
    run = flows.run(workflow)
    told = flows.watch(workflow, run)
    ended = flows.finished(workflow, run)
    assert (ended["status"], ended["progress"]) == ("completed", 100)
    assert set(states(ended).values()) == {"completed"}
    assert flows.node(workflow, run, "last")["output"] == "left\nright\n"
    assert told[-1]["type"] == "end"
    assert told[-1]["status"] == "completed"
    changes = [(one["node"], one["status"]) for one in told if one["type"] == "node"]
    assert changes.index(("last", "running")) > max(
        changes.index((branch, "completed")) for branch in ("left", "right")
    )
    assert flows.watch(workflow, run) == told, "who comes later is told the same"
    middle = told[len(told) // 2]
    assert flows.watch(workflow, run, middle["cursor"]) == told[len(told) // 2 + 1 :]


ADDRESS = "$(echo $SSH_CONNECTION | cut -d' ' -f3)"
"""In a script: the host's own address, all hosts of the tests being one machine."""


def address(flows: Workflows, server: int) -> str:
    return str(flows.client.ok("GET", f"/servers/{server}")["hostname"])


def test_after_a_failure_only_the_failed_hosts_and_what_depends_on_them_run_again(
    flows: Workflows, tmp_path: Path
) -> None:
    good, bad = flows.fleet.host(), flows.fleet.host()
    ran, fixed = tmp_path / "ran", tmp_path / "fixed"
    deploy = f"echo {ADDRESS} >> {ran}; [ {ADDRESS} != {address(flows, bad)} ] || [ -e {fixed} ] || exit 3"
    workflow = flows.make(
        [
            trigger(),
            flows.script("deploy", deploy, [good, bad]),
            flows.script("after", f"echo after >> {ran}", [good]),
            flows.script("aside", f"echo aside >> {ran}", [good]),
        ],
        "t>deploy deploy>after t>aside",
    )
    run = flows.run(workflow)
    failed = flows.finished(workflow, run)
    assert states(failed) == {"t": "completed", "deploy": "failed", "after": "failed", "aside": "completed"}
    deployed = next(one for one in failed["nodes"] if one["id"] == "deploy")
    assert (deployed["exit_code"], deployed["hosts"]) == (3, {"total": 2, "succeeded": 1, "failed": 1})
    assert "1 of 2 hosts failed" in failed["reason"]
    assert "after" not in ran.read_text()

    fixed.touch()
    again = flows.client.ok("POST", f"/workflows/{workflow}/runs/{run}/resume", {})["execution_id"]
    ended = flows.finished(workflow, again)
    assert (ended["status"], ended["resumed_from"]) == ("completed", run)
    assert flows.look(workflow, run)["resumed_as"] == again
    lines = ran.read_text().split()
    assert lines.count(address(flows, good)) == 1, "what succeeded did not run again"
    assert lines.count(address(flows, bad)) == 2
    assert (lines.count("aside"), lines.count("after")) == (1, 1)
    kept = {one["id"]: one["kept_from"] for one in ended["nodes"]}
    assert (kept["aside"], kept["after"]) == (run, None)
    shown = flows.client.ok("GET", f"/workflows/{workflow}/runs/{again}/nodes/deploy")
    assert {one["server_id"]: one["status"] for one in shown["results"]} == {
        good: "completed",
        bad: "completed",
    }
    assert shown["hosts"] == {"total": 2, "succeeded": 2, "failed": 0}
    twice = flows.client.post(f"/workflows/{workflow}/runs/{run}/resume", {})
    assert twice.status_code == 400
    listed = flows.client.ok("GET", f"/workflows/{workflow}/runs")["runs"]
    assert [one["execution_id"] for one in listed] == [again, run]


def test_conditions_lead_by_exit_code_and_by_output_and_a_skipped_branch_fails_nothing(
    flows: Workflows,
) -> None:
    host = flows.fleet.host()
    branches = ("seven", "other", "full", "fine", "last")
    by_code = node("code", "condition", node="probe", operator="eq", value=7)
    by_output = node("disk", "condition", node="probe", of="output", operator="gt", value=90)
    workflow = flows.make(
        [
            trigger(),
            flows.script("probe", "echo 42; exit 7", [host], success_codes=[0, 7]),
            by_code,
            by_output,
            *(
                flows.script(name, f"echo {name}", [host])
                for name in ("seven", "other", "full", "fine", "last")
            ),
        ],
        "t>probe probe>code probe>disk code>seven:true code>other:false disk>full:true disk>fine:false "
        "seven>last other>last full>last fine>last",
    )
    run = flows.run(workflow)
    ended = flows.finished(workflow, run)
    assert ended["status"] == "completed"
    outcomes = {one["id"]: one["outcome"] for one in ended["nodes"]}
    assert (outcomes["code"], outcomes["disk"]) == (True, False)
    found = states(ended)
    assert {name: found[name] for name in branches} == {
        "seven": "completed",
        "other": "skipped",
        "full": "skipped",
        "fine": "completed",
        "last": "completed",
    }


def test_a_decision_is_made_by_who_may_once_and_the_run_goes_on(
    flows: Workflows, stack: Stack, tmp_path: Path
) -> None:
    host, went = flows.fleet.host(), tmp_path / "went"
    workflow = flows.make(
        [
            trigger(),
            node("ask", "approval", message="Ship it?", approver="operator"),
            flows.script("ship", f"touch {went}", [host]),
            node("then", "approval"),
            flows.script("never", "echo never", [host]),
        ],
        "t>ask ask>ship ship>then then>never",
    )
    run = flows.run(workflow)
    flows.until(workflow, run, "ask", "waiting")
    here = f"/workflows/{workflow}/runs/{run}/approvals"
    for role in ("viewer", "user"):
        assert stack.client(role).post(f"{here}/ask", {"approved": True}).status_code == 403
    assert flows.client.post(f"{here}/then", {"approved": True}).status_code == 400, "not its turn"
    assert not went.exists()
    body = {"approved": True, "comment": "Looks good."}
    decided = stack.client("operator").ok("POST", f"{here}/ask", body)
    assert (decided["status"], decided["outcome"], decided["comment"]) == ("completed", True, "Looks good.")
    assert flows.client.post(f"{here}/ask", {"approved": False}).status_code == 400, "decided already"
    flows.until(workflow, run, "then", "waiting")
    assert went.exists()
    flows.client.ok("POST", f"{here}/then", {"approved": False})
    ended = flows.finished(workflow, run)
    assert (ended["status"], states(ended)["never"]) == ("failed", "failed")
    assert ended["reason"] == "'then' failed: Denied by admin."


def test_a_delay_and_an_expired_decision_go_on_by_themselves(flows: Workflows) -> None:
    nodes = [
        trigger(),
        node("pause", "delay", seconds=2),
        node("ask", "approval", time_limit=2, on_expiry="approve"),
        node("sure", "approval", time_limit=2),
    ]
    workflow = flows.make(nodes, "t>pause pause>ask ask>sure")
    ended = flows.finished(workflow, flows.run(workflow))
    assert states(ended) == {"t": "completed", "pause": "completed", "ask": "completed", "sure": "failed"}
    assert ended["reason"] == "'sure' failed: Nobody decided within 2 s."


def test_a_trigger_fires_by_its_cron_expression_once_and_it_alone(
    flows: Workflows, stack: Stack, tmp_path: Path
) -> None:
    ran, host = tmp_path / "ran", flows.fleet.host()
    workflow = flows.make(
        [
            trigger("nightly", cron_expression="0 2 * * *", timezone="Europe/Berlin"),
            trigger("by-hand"),
            flows.script("a", f"echo a >> {ran}", [host]),
            flows.script("b", f"echo b >> {ran}", [host]),
        ],
        "nightly>a by-hand>b",
    )
    planned = flows.client.ok("GET", f"/workflows/{workflow}")["next_run_at"]
    assert planned is not None
    make_due(stack, f"workflow:{workflow}:nightly")
    stack.tick()
    stack.tick()
    (listed,) = flows.client.ok("GET", f"/workflows/{workflow}/runs")["runs"]
    assert listed["trigger"] == "nightly"
    ended = flows.finished(workflow, listed["execution_id"])
    assert states(ended) == {"nightly": "completed", "by-hand": "skipped", "a": "completed", "b": "skipped"}
    assert ran.read_text() == "a\n"
    assert flows.client.ok("GET", f"/workflows/{workflow}")["next_run_at"] == planned
    off = flows.client.ok("PUT", f"/workflows/{workflow}", {"enabled": False})
    assert (off["enabled"], off["next_run_at"], off["last_outcome"]) == (False, None, "completed")


def test_a_triggers_missed_window_is_told_to_who_asked_for_failures(flows: Workflows, stack: Stack) -> None:
    with Receiver() as receiver:
        nodes = [
            trigger("nightly", cron_expression="0 2 * * *"),
            flows.script("a", "true", [flows.fleet.host()]),
        ]
        told = {"webhook": {"url": receiver.url("/hook"), "secret": "shared"}}
        workflow = flows.make(nodes, "nightly>a", name="Nightly", notifications=told)
        make_due(stack, f"workflow:{workflow}:nightly", seconds=7200)
        stack.tick()
        wait_until(lambda: receiver.received, what="the webhook")
        stack.tick()
        (got,) = receiver.received
        assert got.is_signed_with("shared")
        body = json.loads(got.body)
        assert (body["event"], body["workflow"]) == ("workflow.failed", {"id": workflow, "name": "Nightly"})
        run = body["run"]
        assert (run["status"], run["trigger"], run["missed_windows"]) == ("missed", "nightly", 1)
        assert flows.client.ok("GET", f"/workflows/{workflow}/runs")["runs"] == []


def test_a_stopped_run_kills_what_runs_and_starts_nothing_more(flows: Workflows, tmp_path: Path) -> None:
    host, begun, went = flows.fleet.host(), tmp_path / "begun", tmp_path / "went"
    long = f"touch {begun}; sleep 30; touch {went}"
    nodes = [trigger(), flows.script("long", long, [host]), flows.script("next", f"touch {went}", [host])]
    workflow = flows.make(nodes, "t>long long>next")
    run = flows.run(workflow)
    wait_until(begun.exists, what="the script to run")
    stopped = flows.client.ok("POST", f"/workflows/{workflow}/runs/{run}/stop")
    assert stopped["status"] == "stopped"
    ended = flows.look(workflow, run)
    assert (ended["status"], states(ended)["long"], states(ended)["next"]) == ("stopped",) * 3
    assert ended["reason"] == "Stopped by admin."
    script = next(one for one in ended["nodes"] if one["id"] == "long")["execution_id"]
    assert flows.fleet.finished(script)["status"] == "stopped"
    assert flows.client.post(f"/workflows/{workflow}/runs/{run}/stop").status_code == 400
    assert flows.watch(workflow, run)[-1]["status"] == "stopped"
    assert not went.exists()


def test_a_run_whose_machine_is_lost_is_taken_over_and_nothing_runs_twice(
    flows: Workflows, stack: Stack, tmp_path: Path
) -> None:
    ran, go, host = tmp_path / "ran", tmp_path / "go", flows.fleet.host()
    wait = f"echo one >> {ran}; for i in $(seq 600); do [ -e {go} ] && exit 0; sleep 0.1; done; exit 9"
    nodes = [
        trigger(),
        flows.script("one", wait, [host]),
        flows.script("two", f"echo two >> {ran}", [host]),
    ]
    workflow = flows.make(nodes, "t>one one>two")
    run = flows.run(workflow)
    wait_until(ran.exists, what="the script to run")
    machine = stack.variables()["QUARTERDECK_WORKFLOW_RUN_ARN"]
    arn = machine.replace(":stateMachine:", ":execution:") + f":{run}-1"
    stack.aws("stepfunctions").stop_execution(executionArn=arn)
    go.touch()
    execution = flows.node(workflow, run, "one")["execution_id"]
    assert flows.fleet.finished(execution)["status"] == "completed"
    assert flows.look(workflow, run)["status"] == "running", "nobody is there to go on with it"
    tell_the_sweep(stack, run)
    assert flows.finished(workflow, run)["status"] == "completed"
    assert ran.read_text() == "one\ntwo\n"


def test_what_a_workflow_says_reaches_who_is_to_know(flows: Workflows, tmp_path: Path) -> None:
    host, fixed = flows.fleet.host(), tmp_path / "fixed"
    with Receiver() as receiver:
        channel = {"webhook": {"url": receiver.url("/hook"), "secret": "shared"}}
        nodes = [
            trigger(),
            node("tell", "notify", message="About to begin.", **channel),
            flows.script("work", f"[ -e {fixed} ]", [host]),
        ]
        workflow = flows.make(nodes, "t>tell tell>work", name="Release", notifications=channel)
        shown = flows.client.ok("GET", f"/workflows/{workflow}")
        assert shown["nodes"][1]["config"]["webhook"] == {"url": receiver.url("/hook"), "secret": "***"}
        flows.client.ok("PUT", f"/workflows/{workflow}", {"nodes": shown["nodes"]})
        run = flows.run(workflow)
        assert flows.finished(workflow, run)["status"] == "failed"
        wait_until(lambda: len(receiver.received) >= 2, what="both webhooks")
        told = {body["event"]: body for got in receiver.received if (body := json.loads(got.body))}
        assert told["workflow.notify"]["message"] == "About to begin."
        assert told["workflow.failed"]["run"]["execution_id"] == run
        assert told["workflow.failed"]["run"]["failed_nodes"] == ["work"]
        fixed.touch()
        again = flows.client.ok("POST", f"/workflows/{workflow}/runs/{run}/resume", {})["execution_id"]
        assert flows.finished(workflow, again)["status"] == "completed"
        wait_until(lambda: len(receiver.received) >= 3, what="the word of recovery")
        assert json.loads(receiver.received[2].body)["event"] == "workflow.recovered"
        assert all(got.is_signed_with("shared") for got in receiver.received)


def test_a_script_runs_again_on_the_hosts_where_it_failed(flows: Workflows, tmp_path: Path) -> None:
    good, bad = flows.fleet.host(), flows.fleet.host()
    ran, fixed = tmp_path / "ran", tmp_path / "fixed"
    content = f"echo {ADDRESS} >> {ran}; [ {ADDRESS} != {address(flows, bad)} ] || [ -e {fixed} ]"
    first = flows.fleet.start(content, [good, bad])
    assert flows.fleet.finished(first)["status"] == "failed"
    fixed.touch()
    again = flows.client.ok("POST", f"/scripts/executions/{first}/retry-failed")["execution_id"]
    ended = flows.fleet.finished(again)
    assert (ended["status"], ended["server_id"]) == ("completed", bad)
    assert ran.read_text().split().count(address(flows, good)) == 1
    refused = flows.client.post(f"/scripts/executions/{again}/retry-failed")
    assert (refused.status_code, "failed nowhere" in refused.json()["error"]) == (400, True)


def test_a_run_goes_by_the_documents_operations_on_executions_too(flows: Workflows) -> None:
    workflow = flows.make([trigger(), flows.script("a", "echo hi", [flows.fleet.host()])], "t>a")
    run = flows.run(workflow)
    ended = flows.fleet.finished(run)
    assert (ended["status"], ended["execution_id"]) == ("completed", run)
    assert [one["output"] for one in ended["executions"]] == ["hi\n"]
