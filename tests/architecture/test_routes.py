"""The route table and the contracts tell the same story."""

from __future__ import annotations

import re

import pytest

from tests.support import beyond, routes
from tests.support.contract import SURFACES, Operation, load
from tests.support.routes import Route


def label(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", routes.table(), ids=label)
def test_a_route_is_documented_or_listed_as_beyond_the_documents(route: Route) -> None:
    assert route.operation is not None


@pytest.mark.parametrize("surface", routes.REQUIRED)
def test_every_required_operation_has_a_route(surface: str) -> None:
    assert routes.missing(surface) == set()


def test_every_route_beyond_the_documents_is_there() -> None:
    served = {one.id for one in routes.operations()}
    listed = [
        item for paths in beyond.OPERATIONS.values() for path in paths.values() for item in path.values()
    ]
    assert {item["operationId"] for item in listed} <= served


def test_no_two_routes_are_the_same_operation() -> None:
    seen: dict[Operation, list[str]] = {}
    for route in routes.table():
        if route.operation is not None:
            seen.setdefault(route.operation, []).append(label(route))
    twice = {repr(operation): names for operation, names in seen.items() if len(names) > 1}
    assert not twice


def test_path_parameters_have_one_name_at_each_place() -> None:
    """API Gateway takes one name a level: two would make a template that cannot be deployed."""
    names: dict[str, set[str]] = {}
    for route in routes.table():
        for match in re.finditer(r"\{([^}]+)\}", route.path):
            level = re.sub(r"\{[^}]+\}", "{}", route.path[: match.start()])
            names.setdefault(level, set()).add(match[1])
    assert not {level: found for level, found in names.items() if len(found) > 1}


@pytest.mark.parametrize("surface", SURFACES)
def test_routes_of_a_surface_stand_below_its_base(surface: str) -> None:
    base = load(surface).base
    ours = [route for route in routes.table() if route.surface == surface]
    assert not [label(route) for route in ours if not route.path.startswith(base)]
