"""Paths: unknown ids, ids that are none, trailing slashes, paths and methods that do not exist."""

from __future__ import annotations

import pytest

from tests.support import cases, manners
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.things import Things


def body_of(operation: Operation, world: Things) -> dict[str, object]:
    return {} if operation.body is None else {"json": world.body(operation)}


@pytest.mark.parametrize("operation", cases.addressed())
def test_an_unknown_id_is_404(operation: Operation, admin: ContractClient, world: Things) -> None:
    path = cases.with_ids(operation)
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("operation", cases.addressed_by_uuid())
def test_an_unknown_uuid_is_404(operation: Operation, admin: ContractClient, world: Things) -> None:
    path = cases.with_ids(operation, cases.UNKNOWN_UUID)
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("odd", cases.ODD_IDS)
@pytest.mark.parametrize("operation", cases.addressed())
def test_an_id_that_is_none_is_refused_as_an_address(
    operation: Operation, odd: str, admin: ContractClient, world: Things
) -> None:
    path = cases.with_ids(operation, cases.ODD_IDS[odd])
    answer = admin.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code in admin.manners.bad_address, answer.text


@pytest.mark.parametrize("operation", cases.owned())
def test_what_belongs_to_somebody_else_is_404(
    operation: Operation, user: ContractClient, world: Things
) -> None:
    path = world.path(operation, fresh=False)
    answer = user.request(operation.method, path, **body_of(operation, world))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("operation", cases.reading())
def test_a_trailing_slash_makes_no_difference(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path = world.path(operation, fresh=False)
    other = path[:-1] if path.endswith("/") else f"{path}/"
    assert admin.get(path).status_code == admin.get(other).status_code == operation.success


@pytest.mark.parametrize("operation", cases.creating())
def test_a_trailing_slash_makes_no_difference_to_a_post(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    """A redirect would lose the body."""
    made_at = world.path(operation, fresh=False)
    other = made_at[:-1] if made_at.endswith("/") else f"{made_at}/"
    for path in (made_at, other):
        assert admin.post(path, world.body(operation)).status_code == operation.success


@pytest.mark.parametrize("path", ["/nothing", "/servers/1/nothing", "/scripts/1/2/3"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("surface", manners.SURFACES)
def test_an_unknown_path_is_404_in_the_gateways_shape(
    method: str, path: str, surface: str, admin: ContractClient, anonymous: ContractClient
) -> None:
    for client in (admin, anonymous):
        client.request(method, path)  # the client holds the answer to the shape


@pytest.mark.parametrize("operation", cases.every())
def test_a_method_that_a_path_has_not_is_refused_in_the_gateways_shape(
    operation: Operation, admin: ContractClient
) -> None:
    path = cases.with_ids(operation)
    missing = next(one for one in cases.METHODS if operation.contract.find(one, path) is None)
    admin.request(missing, path)  # the client holds the answer to the shape
