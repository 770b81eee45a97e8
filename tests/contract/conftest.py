"""A generated test works on its operation's surface; every other one on biRun."""

from __future__ import annotations

import pytest

from tests.support.cases import BodyCase, QueryCase
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.stack import Stack
from tests.support.things import Things


@pytest.fixture
def surface(request: pytest.FixtureRequest) -> str:
    """Tests may also name it: parametrised by ``surface`` itself."""
    given = getattr(request.node, "callspec", None)
    for value in given.params.values() if given else ():
        if isinstance(value, BodyCase | QueryCase):
            return value.operation.contract.surface
        if isinstance(value, Operation):
            return value.contract.surface
    return "birun"


@pytest.fixture
def admin(stack: Stack, surface: str) -> ContractClient:
    return stack.client("admin", surface)


@pytest.fixture
def user(stack: Stack, surface: str) -> ContractClient:
    return stack.client("user", surface)


@pytest.fixture
def viewer(stack: Stack, surface: str) -> ContractClient:
    return stack.client("viewer", surface)


@pytest.fixture
def anonymous(stack: Stack, surface: str) -> ContractClient:
    return stack.client("nobody", surface)


@pytest.fixture
def world(stack: Stack, surface: str) -> Things:
    return stack.world(surface)
