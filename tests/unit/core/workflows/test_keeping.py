"""Workflows as people make, change and delete them; scripts, servers and triggers follow."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import table
from chalicelib.core import audit, usage
from chalicelib.core.inventory import groups
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.core.schedules import records
from chalicelib.kernel.errors import BadRequest, Invalid, NotFound, QuarterdeckError
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Workflow
from chalicelib.surfaces.birun.schemas import workflows as schemas
from chalicelib.surfaces.birun.schemas.scripts import ScriptCreate
from chalicelib.surfaces.birun.schemas.workflows import WorkflowCreate, WorkflowUpdate
from chalicelib.surfaces.birun.service import graphs, scripts, servers, workflow_runs, workflows
from tests.unit.core import builders
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


class Given:
    """A server, and as many scripts and groups as a test wants."""

    def __init__(self) -> None:
        self.server = int(builders.server().id)

    def script(self) -> int:
        return int(scripts.create_script(ACTOR, ScriptCreate(name="s", content="echo")).id)

    def group(self) -> ServerGroup:
        return groups.create(ACTOR, "g", None, [self.server])


@pytest.fixture
def given(cloud: None) -> Given:
    return Given()


def node(name: str, kind: str = "trigger", **config: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "config": config}


def body(nodes: list[Any], links: str, **more: Any) -> dict[str, Any]:
    edges = [dict(zip(("from", "to"), one.split(">"), strict=True)) for one in links.split()]
    return {"name": "Release", "nodes": nodes, "edges": edges} | more


def made(nodes: list[Any], links: str, **more: Any) -> Workflow:
    return workflows.create_workflow(ACTOR, WorkflowCreate.model_validate(body(nodes, links, **more)))


def changed(workflow: Workflow, **fields: Any) -> Workflow:
    return workflows.update_workflow(ACTOR, int(workflow.id), WorkflowUpdate.model_validate(fields))


def users(script_id: int) -> list[str]:
    return [use.name for use in usage.of(usage.script(script_id))]


Wrong = tuple[str, dict[str, Any], type[QuarterdeckError], list[str | int]]
MALFORMED: list[Wrong] = [
    ("dance", {}, Invalid, ["type"]),
    ("trigger", {"cron_expression": "61 * * * *"}, Invalid, ["config", "cron_expression"]),
    ("trigger", {"cron_expression": "@daily", "timezone": "Mars"}, Invalid, ["config", "timezone"]),
    ("delay", {"seconds": 0}, Invalid, ["config", "seconds"]),
    ("delay", {}, Invalid, ["config", "seconds"]),
    ("script", {"script_id": "1"}, Invalid, ["config", "script_id"]),
    ("script", {"server_ids": [1, "x"]}, Invalid, ["config", "server_ids", 1]),
    ("script", {"success_codes": [256]}, Invalid, ["config", "success_codes"]),
    ("script", {"retry": {"count": 11}}, Invalid, ["config", "retry", "count"]),
    ("script", {"script_id": 99}, BadRequest, ["config", "script_id"]),
    ("script", {"server_ids": [1, 99]}, BadRequest, ["config", "server_ids", 1]),
    ("script", {"server_ids": []}, BadRequest, ["config", "server_ids"]),
    ("script", {"group_id": 9}, BadRequest, ["config", "group_id"]),
    ("condition", {"node": "t", "operator": "eq", "value": 0}, BadRequest, ["config", "node"]),
    ("condition", {"node": "t", "operator": "eq", "value": True}, Invalid, ["config", "value"]),
    ("condition", {"node": "t", "operator": "lt", "value": "x"}, Invalid, ["config"]),
    ("notify", {"message": "x"}, Invalid, ["config"]),
    ("notify", {"message": "x", "webhook": {"url": "http://[::1]/"}}, Invalid, ["config", "webhook", "url"]),
]


@pytest.mark.parametrize(("kind", "config", "error", "place"), MALFORMED)
def test_what_is_wrong_with_a_node_is_said_with_its_place(
    given: Given, kind: str, config: dict[str, Any], error: type[QuarterdeckError], place: list[str | int]
) -> None:
    """Beside a good script with the id 1 on a server with the id 1."""
    good = {"script_id": given.script(), "server_ids": [given.server]} if kind == "script" else {}
    links = "" if kind == "trigger" else "t>a"
    with pytest.raises(error) as caught:
        made([node("t"), node("a", kind, **good | config)], links)
    assert caught.value.details[0]["loc"][:3] == ["body", "nodes", 1]
    assert caught.value.details[0]["loc"][3:][: len(place)] == place
    assert workflows.every() == []


def test_all_that_is_malformed_is_said_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        made([node("t"), node("a", "dance"), node("b", "delay", seconds="5")], "t>a a>b")
    assert [one["loc"][1:] for one in caught.value.details] == [
        ["nodes", 1, "type"],
        ["nodes", 2, "config", "seconds"],
    ]


def test_a_condition_looks_at_a_script_before_it(given: Given) -> None:
    run = {"script_id": given.script(), "server_ids": [given.server]}
    nodes = [node("t"), node("c", "condition", node="a", operator="eq", value=0), node("a", "script", **run)]
    with pytest.raises(BadRequest, match="'a' does not come before 'c'"):
        made(nodes, "t>c c>a")
    assert made(nodes, "t>a a>c").id


def test_a_script_in_a_workflow_is_not_deleted_unnoticed(given: Given) -> None:
    first, second = given.script(), given.script()
    uses = {"server_ids": [given.server]}
    workflow = made([node("t"), node("a", "script", script_id=first, **uses)], "t>a")
    with pytest.raises(BadRequest, match="workflow 1 'Release'"):
        scripts.delete_script(ACTOR, first)
    changed(workflow, nodes=[node("t"), node("a", "script", script_id=second, **uses)])
    assert (users(first), users(second)) == ([], ["workflow 1 'Release'"])
    scripts.delete_script(ACTOR, first)
    workflows.delete_workflow(ACTOR, int(workflow.id))
    scripts.delete_script(ACTOR, second)


def test_a_group_in_a_workflow_is_not_deleted_unnoticed(given: Given) -> None:
    group = given.group()
    run = {"script_id": given.script(), "server_ids": [], "group_id": int(group.id)}
    workflow = made([node("t"), node("a", "script", **run)], "t>a")
    with pytest.raises(BadRequest, match="Server group 1 is in use by workflow 1 'Release'"):
        groups.delete(ACTOR, group)
    workflows.delete_workflow(ACTOR, int(workflow.id))
    groups.delete(ACTOR, group)


def test_a_workflow_that_held_scripts_by_number_changes_and_goes(given: Given) -> None:
    script = given.script()
    workflow = made([node("t"), node("a", "script", script_id=script, server_ids=[given.server])], "t>a")
    table.update(workflow, [Workflow.held.set([script])])
    assert changed(workflow, name="Again").held == [usage.script(script)]
    assert users(script) == ["workflow 1 'Again'"]
    table.update(workflow, [Workflow.held.set([script])])
    workflows.delete_workflow(ACTOR, 1)
    scripts.delete_script(ACTOR, script)


def test_all_that_a_large_graph_names_changes_at_once(given: Given) -> None:
    """More than one transaction holds."""
    names = [f"n{number}" for number in range(schemas.MOST_NAMED // 2)]
    links = " ".join(f"t>{name}" for name in names)

    def nodes() -> list[Any]:
        runs = (
            {"script_id": given.script(), "server_ids": [], "group_id": int(given.group().id)} for _ in names
        )
        triggers = [node(f"u{number}", cron_expression="@daily") for number in range(schemas.MOST_TRIGGERS)]
        return [node("t"), *triggers, *(node(name, "script", **next(runs)) for name in names)]

    old, new = nodes(), nodes()
    for number, trigger in enumerate(new[1 : 1 + schemas.MOST_TRIGGERS]):
        trigger["id"] = f"v{number}"
    changed(made(old, links), nodes=new)
    assert used(old) == set()
    assert used(new) == {"workflow 1 'Release'"}
    one_more = node("more", "script", script_id=given.script(), server_ids=[given.server])
    with pytest.raises(BadRequest, match="at most 28 different scripts and server groups"):
        made([*nodes(), one_more], f"{links} t>more")


def used(nodes: list[Any]) -> set[str]:
    """The users of all that these nodes name."""
    things = {usage.script(one) for one in graphs.scripts(nodes)}
    things |= {usage.group(one) for one in graphs.server_groups(nodes)}
    return {use.name for thing in things for use in usage.of(thing)}


def test_a_deleted_server_leaves_the_graphs(given: Given) -> None:
    stays = int(builders.server("db").id)
    run = {"script_id": given.script(), "server_ids": [given.server, stays]}
    workflow = made([node("t"), node("a", "script", **run)], "t>a")
    servers.delete_server(ACTOR, given.server)
    left = model.get_workflow(int(workflow.id)).nodes[1]["config"]["server_ids"]
    assert left == [stays]


def test_triggers_are_schedules_that_come_change_and_go_with_the_workflow() -> None:
    workflow = made([node("t", cron_expression="@daily"), node("u", cron_expression="0 3 * * *")], "")
    number = int(workflow.id)
    keys = [workflows.trigger_key(number, name) for name in "tu"]
    first = records.find(keys[0])
    assert first
    assert workflows.next_runs([workflow])[number] == first.due_at
    changed(workflow, name="Renamed", nodes=[node("t", cron_expression="@hourly", overlap_policy="skip")])
    found = records.find_many(keys)
    assert list(found) == keys[:1]
    assert (found[keys[0]].name, found[keys[0]].overlap_policy) == ("Renamed", "skip")
    off = changed(workflow, enabled=False)
    assert workflows.next_runs([off])[number] is None
    workflows.delete_workflow(ACTOR, number)
    assert records.find_many(keys) == {}
    with pytest.raises(NotFound):
        workflows.delete_workflow(ACTOR, number)


def test_what_a_trigger_no_longer_says_is_no_longer_in_force() -> None:
    said = {"timezone": "Europe/Berlin", "misfire_policy": "run_once", "overlap_policy": "skip"}
    workflow = made([node("t", cron_expression="@daily", **said)], "")
    key = workflows.trigger_key(int(workflow.id), "t")
    changed(workflow, nodes=[node("t", cron_expression="@daily")])
    found = records.find(key)
    assert found
    assert (found.timezone, found.misfire_policy, found.overlap_policy) == ("UTC", "skip", "allow")
    assert found.due_at
    assert found.due_at[11:16] == "00:00"


def test_changes_that_meet_do_not_undo_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = made([node("t")], "")
    real, asked = graphs.read, []

    def read(*arguments: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:  # somebody else is quicker
            changed(workflow, description="theirs")
        return real(*arguments)

    monkeypatch.setattr(graphs, "read", read)
    after = changed(
        workflow, nodes=[node("t"), node("w", "delay", seconds=5)], edges=[{"from": "t", "to": "w"}]
    )
    assert (after.description, len(after.nodes)) == ("theirs", 2)


def test_a_run_keeps_the_graph_that_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_runs, "start", lambda execution: execution)
    workflow = made([node("t"), node("w", "delay", seconds=5)], "t>w")
    execution = workflow_runs.run_workflow(ACTOR, int(workflow.id))
    changed(workflow, nodes=[node("t")], edges=[])
    workflows.delete_workflow(ACTOR, int(workflow.id))
    run = workflow_runs.get(int(workflow.id), execution.id)
    assert [source["id"] for source in run.sources] == ["t", "w"]


def test_secrets_of_channels_are_sealed_kept_and_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = {"url": "https://93.184.216.34/hook", "secret": "open sesame"}
    told = {"webhook": hook, "on": ["failure"]}
    nodes = [node("t"), node("tell", "notify", message="Hello", webhook=hook)]
    workflow = made(nodes, "t>tell", notifications=told)
    stored = model.get_workflow(int(workflow.id))
    assert "sesame" not in str(stored.attribute_values)
    shown = graphs.shown(stored.nodes)
    assert shown[1]["config"] == {"message": "Hello", "webhook": hook | {"secret": "***"}}
    after = changed(workflow, nodes=shown, name="Again")
    before = stored.nodes[1]["config"]["channels"]["webhook"]
    assert after.nodes[1]["config"]["channels"]["webhook"] == before
    for entry in audit.history(workflow.pk):
        assert "sesame" not in str(entry.attribute_values)
        assert before["secret"] not in str(entry.attribute_values)
