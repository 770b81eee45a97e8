"""Query strings: pages, limits, filters; good and bad."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import cases
from tests.support.cases import QueryCase
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.stack import Stack, wait_until
from tests.support.things import Things
from tests.support.world import World

MOST = 100  # items a page; more is cut down to it


@pytest.mark.parametrize("case", cases.queries())
def test_a_query_value_is_taken_or_refused_as_documented(
    case: QueryCase, admin: ContractClient, world: Things
) -> None:
    path = world.path(case.operation, fresh=False)
    answer = admin.get(f"{path}?{case.parameter}={case.value}")
    expected = admin.manners.bad_query if case.refused else case.operation.success
    assert answer.status_code == expected, answer.text[:400]
    if case.refused:
        assert admin.manners.names(answer.json(), case.parameter), answer.text


@pytest.mark.parametrize("operation", cases.reading())
def test_a_parameter_that_nobody_knows_is_ignored(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path = world.path(operation, fresh=False)
    assert admin.get(f"{path}?surprise=1&surprise=2&=&%FF").status_code == operation.success


@pytest.mark.parametrize("operation", cases.paged())
def test_a_parameter_given_twice_does_no_harm(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path = world.path(operation, fresh=False)
    assert admin.get(f"{path}?page=1&page=2").status_code in (operation.success, admin.manners.bad_query)


@pytest.fixture(scope="module")
def many_scripts(stack: Stack) -> int:
    """More scripts than a page may hold; their number."""
    world = World(stack.client("admin"))
    for _ in range(MOST + 5):
        world.script()
    return int(world.client.ok("GET", "/scripts/")["total"])


def test_a_limit_above_100_is_cut_to_100(many_scripts: int, admin: ContractClient) -> None:
    body = admin.ok("GET", "/scripts/?limit=1000")
    assert len(body["scripts"]) == MOST
    assert body["total"] == many_scripts
    assert body["pages"] == -(-many_scripts // MOST)


def test_ten_a_page_unless_asked_otherwise(many_scripts: int, admin: ContractClient) -> None:
    body = admin.ok("GET", "/scripts/")
    assert (len(body["scripts"]), body["page"], body["pages"]) == (10, 1, -(-many_scripts // 10))


def test_pages_hold_everything_once_and_in_order_of_id(many_scripts: int, admin: ContractClient) -> None:
    seen = []
    for page in range(1, -(-many_scripts // 7) + 1):
        body = admin.ok("GET", f"/scripts/?limit=7&page={page}")
        assert body["page"] == page
        seen += [script["id"] for script in body["scripts"]]
    assert seen == sorted(set(seen))
    assert len(seen) == many_scripts


@pytest.mark.parametrize("operation", cases.paged())
def test_a_page_beyond_the_end_is_empty(operation: Operation, admin: ContractClient, world: Things) -> None:
    path, place = world.path(operation, fresh=False), admin.manners.place
    body = admin.ok("GET", f"{path}?page=100000")
    assert cases.items(body) == []
    assert place(body) == place(admin.ok("GET", path)) | {"page": 100000}


@pytest.mark.parametrize(
    "path",
    [
        "/servers/?search=e",
        "/scripts/?search=e",
        "/scripts/executions/?status=failed",
        "/scripts/executions/?status=completed",
        "/scripts/executions/?start_date=2024-01-01",
    ],
)
def test_a_filtered_total_is_the_same_on_every_page(path: str, admin: ContractClient, world: World) -> None:
    """Runs of other tests may end between two requests: two first pages alike are the moment to compare."""
    world.batch()

    def pages() -> tuple[Any, Any] | None:
        first = admin.ok("GET", f"{path}&limit=3")
        beyond = admin.ok("GET", f"{path}&limit=3&page=5000")
        quiet = admin.ok("GET", f"{path}&limit=3")["total"] == first["total"]
        return (first, beyond) if quiet else None

    first, beyond = wait_until(pages, what="a moment in which no run ends")
    assert cases.items(beyond) == []
    assert (beyond["total"], beyond["pages"]) == (first["total"], first["pages"])


def test_search_is_a_piece_of_name_or_host_whatever_its_case(admin: ContractClient, world: World) -> None:
    by_name = world.server(name="Needle in the Haystack")
    by_host = world.server(hostname="needle.example.com")
    other = world.server(name="hay")
    found = {one["id"] for one in admin.ok("GET", "/servers/?search=NEEDLE&limit=100")["servers"]}
    assert {by_name, by_host} <= found
    assert other not in found


def test_search_counts_what_matches(admin: ContractClient, world: World) -> None:
    for _ in range(3):
        world.script(name="zebra crossing")
    body = admin.ok("GET", "/scripts/?search=zebra&limit=2")
    assert (len(body["scripts"]), body["total"], body["pages"]) == (2, 3, 2)


def test_a_search_without_a_match_has_no_pages(admin: ContractClient) -> None:
    body = admin.ok("GET", "/scripts/?search=no-such-thing-anywhere")
    assert (body["scripts"], body["total"], body["page"], body["pages"]) == ([], 0, 1, 0)


def test_executions_filters_combine(admin: ContractClient, world: World) -> None:
    batch = world.batch()
    execution = admin.ok("GET", f"/scripts/executions/{batch}")
    same = f"server_id={execution['server_id']}&script_id={execution['script_id']}"
    found = admin.ok("GET", f"/scripts/executions/?{same}")
    assert [one["id"] for one in found["executions"]] == [execution["id"]]
    elsewhere = f"server_id={execution['server_id']}&script_id={cases.UNKNOWN_INTEGER}"
    assert admin.ok("GET", f"/scripts/executions/?{elsewhere}")["total"] == 0
    assert admin.ok("GET", f"/scripts/executions/?{same}&end_date=2000-01-01")["total"] == 0
