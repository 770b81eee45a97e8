"""From nodes and edges as they were sent to a graph that can be run, or to what is wrong and where."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from chalicelib.core.inventory import groups, servers
from chalicelib.core.notices import channels
from chalicelib.core.schedules import cron
from chalicelib.core.schedules.cron import BadCron
from chalicelib.core.workflows import graph
from chalicelib.core.workflows.graph import Edge, Graph, Node, Problem
from chalicelib.kernel.errors import BadRequest, Invalid
from chalicelib.rest.dialect import invalid
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas import workflows as schemas
from chalicelib.surfaces.birun.schemas.workflows import EdgeRequest, NodeRequest
from chalicelib.surfaces.birun.service import notifications

Json = dict[str, Any]


def read(nodes: Sequence[NodeRequest], edges: Sequence[EdgeRequest]) -> tuple[list[Json], list[Json]]:
    """Nodes and edges as they are stored, but for what :func:`sealed` does.

    Raises Invalid for what is malformed, BadRequest for a graph that cannot be run or names what there is
    not; the details say where.
    """
    stored = _checked(nodes)
    linked = [_edge(edge) for edge in edges]
    _refuse(graph.problems(_nodes_of(stored), _edges_of(linked)), "This graph cannot be run")
    _refuse([*_size(stored, linked), *_links(stored, made(stored, linked))], "This graph cannot be run")
    _refuse(list(_unknown(stored)), "This graph names what there is not")
    return stored, linked


def sealed(nodes: Sequence[Json], before: Sequence[Json], record: str) -> list[Json]:
    """With the channels of nodes that notify as core.notices keeps them on ``record``: addresses checked,
    secrets sealed. ``before``: the nodes as they are stored, whose secrets stay where none is sent."""
    known = {node["id"]: node["config"].get("channels") for node in before if node["type"] == "notify"}
    kept = []
    for position, node in enumerate(nodes):
        if node["type"] == "notify":
            config, place = node["config"], ("nodes", position, "config")
            given = {"on": [], "webhook": config.get("webhook"), "email": config.get("email", [])}
            told = notifications.keep(given, known.get(node["id"]), record, *place)
            kept.append(node | {"config": {"message": config["message"], "channels": told}})
        else:
            kept.append(node)
    return kept


def shown(nodes: Sequence[Json]) -> list[Json]:
    """As they were sent, with a mask for what is sealed: for answers, the audit, and to be sent again."""
    return [_shown(node) if node["type"] == "notify" else node for node in nodes]


def _shown(node: Json) -> Json:
    config = dict(node["config"])
    told = channels.shown(config.pop("channels")) or {}
    named = {name: told[name] for name in ("webhook", "email") if told[name]}
    return node | {"config": config | named}


def made(nodes: Sequence[Json], edges: Sequence[Json]) -> Graph:
    """The graph of what was stored."""
    return Graph(_nodes_of(nodes), _edges_of(edges))


def _edges_of(edges: Sequence[Json]) -> list[Edge]:
    return [Edge(edge["from"], edge["to"], edge.get("when")) for edge in edges]


def _nodes_of(nodes: Sequence[Json]) -> list[Node]:
    return [Node(node["id"], node["type"], node["config"]) for node in nodes]


def scripts(nodes: Sequence[Json]) -> set[int]:
    return {node["config"]["script_id"] for node in nodes if node["type"] == "script"}


def server_groups(nodes: Sequence[Json]) -> set[int]:
    return {node["config"]["group_id"] for node in nodes if "group_id" in node["config"]}


def _edge(edge: EdgeRequest) -> Json:
    asked = {} if edge.when is None else {"when": edge.when}
    return {"from": edge.source, "to": edge.target} | asked


# ---------------------------------------------------------------- shape


def _checked(nodes: Sequence[NodeRequest]) -> list[Json]:
    stored, details = [], []
    for position, node in enumerate(nodes):
        try:
            config = _config(node)
        except Invalid as error:
            details += [
                found | {"loc": ["body", "nodes", position, *found["loc"]]} for found in error.details
            ]
            continue
        stored.append(node.model_dump(exclude_unset=True) | {"config": config})
    if details:
        raise Invalid("Validation error", details)
    return stored


def _config(node: NodeRequest) -> Json:
    """What was sent for this node, checked; places begin at the node."""
    shape = schemas.CONFIGS.get(node.type)
    if shape is None:
        known = ", ".join(schemas.CONFIGS)
        raise _wrong(["type"], f"there is no type '{node.type}'; there are {known}")
    try:
        checked: Json = shape.model_validate(node.config).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise _placed(invalid("config", error), node.config) from error
    if "cron_expression" in checked:
        _check_cron(checked)
    return checked


def _placed(error: Invalid, config: Json) -> Invalid:
    """Without what pydantic puts into a place to name one of several shapes, and each place once."""
    first: dict[tuple[str | int, ...], Json] = {}
    for found in error.details:
        place = _within(config, found["loc"])
        first.setdefault(tuple(place), found | {"loc": place})
    return Invalid(error.message, list(first.values()))


def _within(config: Json, loc: list[str | int]) -> list[str | int]:
    """``loc``, whose first part names the config itself, as far as it leads into what was sent."""
    place = loc[:1]
    value: Any = config
    for part in loc[1:]:
        leads = isinstance(value, dict) if isinstance(part, str) else isinstance(value, list)
        if not leads:
            break
        place.append(part)
        value = value.get(part) if isinstance(value, dict) else value[part]
    return place


def _check_cron(config: Json) -> None:
    try:
        cron.validate(config["cron_expression"], config.get("timezone", "UTC"))
    except BadCron as error:
        raise _wrong(["config", error.field], str(error)) from error


def _wrong(place: list[str | int], message: str) -> Invalid:
    return Invalid("Validation error", [{"loc": place, "msg": message, "type": "value_error"}])


# ---------------------------------------------------------------- sense


def _refuse(problems: Sequence[Problem], words: str) -> None:
    if not problems:
        return
    details = [
        {"loc": ["body", *problem.place], "msg": problem.message, "type": "value_error"}
        for problem in problems[:100]
    ]
    first = problems[0]
    raise BadRequest(f"{words}: {_path(first.place)}: {first.message}.", details)


def _path(place: Sequence[str | int]) -> str:
    """``nodes[3].config.script_id``"""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def _size(nodes: Sequence[Json], edges: Sequence[Json]) -> Iterator[Problem]:
    size = len(json.dumps([nodes, edges], default=str))
    if size > schemas.LARGEST_GRAPH:
        yield Problem(("nodes",), f"the graph has {size} bytes; at most {schemas.LARGEST_GRAPH} are taken")
    if len(scripts(nodes)) + len(server_groups(nodes)) > schemas.MOST_NAMED:
        words = "different scripts and server groups together are taken"
        yield Problem(("nodes",), f"at most {schemas.MOST_NAMED} {words}")
    if sum("cron_expression" in node["config"] for node in nodes) > schemas.MOST_TRIGGERS:
        yield Problem(("nodes",), f"at most {schemas.MOST_TRIGGERS} triggers may have a cron_expression")


def _links(nodes: Sequence[Json], found: Graph) -> Iterator[Problem]:
    for position, node in enumerate(nodes):
        config = node["config"]
        if node["type"] == "condition":
            place, looked_at = ("nodes", position, "config", "node"), config["node"]
            if looked_at not in found.nodes:
                yield Problem(place, f"there is no node '{looked_at}'")
            elif found.nodes[looked_at].type != "script":
                yield Problem(place, f"'{looked_at}' runs no script, so there is nothing to compare")
            elif looked_at not in found.before(node["id"]):
                yield Problem(place, f"'{looked_at}' does not come before '{node['id']}'")
        elif node["type"] == "script" and not config["server_ids"] and "group_id" not in config:
            place = ("nodes", position, "config", "server_ids")
            yield Problem(place, "names no servers, and there is no group_id")


# ---------------------------------------------------------------- what it names


def _unknown(nodes: Sequence[Json]) -> Iterator[Problem]:
    configs = [(position, node["config"]) for position, node in enumerate(nodes) if node["type"] == "script"]
    known_scripts = model.find_scripts({config["script_id"] for _, config in configs})
    known_servers = servers.find_many(sorted({one for _, config in configs for one in config["server_ids"]}))
    known_groups = groups.find_many(server_groups(nodes))
    for position, config in configs:
        place = ("nodes", position, "config")
        if config["script_id"] not in known_scripts:
            yield Problem((*place, "script_id"), f"there is no script {config['script_id']}")
        for index, server_id in enumerate(config["server_ids"]):
            if server_id not in known_servers:
                yield Problem((*place, "server_ids", index), f"there is no server {server_id}")
        if "group_id" in config and config["group_id"] not in known_groups:
            yield Problem((*place, "group_id"), f"there is no server group {config['group_id']}")
