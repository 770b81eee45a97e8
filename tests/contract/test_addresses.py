"""Paths: unknown ids, ids that are none, trailing slashes, paths and methods that do not exist."""

from __future__ import annotations

import pytest

from tests.support import cases
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.world import World


def body_of(operation: Operation, world: World) -> dict[str, object]:
    return {} if operation.body is None else {"json": world.body(operation)}


@pytest.mark.parametrize("operation", cases.addressed())
def test_an_unknown_id_is_404(operation: Operation, admin: ContractClient, world: World) -> None:
    path = cases.with_ids(operation, cases.UNKNOWN_INTEGER)
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("operation", cases.addressed_by_uuid())
def test_an_unknown_uuid_is_404(operation: Operation, admin: ContractClient, world: World) -> None:
    path = cases.with_ids(operation, cases.UNKNOWN_UUID)
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("odd", cases.ODD_IDS)
@pytest.mark.parametrize("operation", cases.addressed())
def test_an_id_that_is_none_is_404_or_422(
    operation: Operation, odd: str, admin: ContractClient, world: World
) -> None:
    path = cases.with_ids(operation, cases.ODD_IDS[odd])
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code in (404, 422), answer.text


@pytest.mark.parametrize("operation", cases.reading())
def test_a_trailing_slash_makes_no_difference(
    operation: Operation, admin: ContractClient, world: World
) -> None:
    path = world.path(operation, fresh=False)
    other = path[:-1] if path.endswith("/") else f"{path}/"
    assert admin.get(path).status_code == admin.get(other).status_code == operation.success


@pytest.mark.parametrize("operation", cases.creating())
def test_a_trailing_slash_makes_no_difference_to_a_post(
    operation: Operation, admin: ContractClient, world: World
) -> None:
    """A redirect would lose the body."""
    other = operation.path[:-1] if operation.path.endswith("/") else f"{operation.path}/"
    for path in (operation.path, other):
        assert admin.post(path, world.body(operation)).status_code == operation.success


@pytest.mark.parametrize("path", ["/nothing", "/servers/1/nothing", "/scripts/1/2/3"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_404_in_the_documented_shape(
    method: str, path: str, admin: ContractClient, anonymous: ContractClient
) -> None:
    for client in (admin, anonymous):
        client.request(method, path)  # the client holds the answer to the shape


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/servers/"), ("DELETE", "/servers/"), ("PUT", "/scripts/"), ("POST", "/servers/1")],
)
def test_an_unknown_method_is_refused_in_the_documented_shape(
    method: str, path: str, admin: ContractClient
) -> None:
    admin.request(method, path)  # the client holds the answer to the shape
