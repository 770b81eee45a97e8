"""What every test may ask for: one running stack a session and clients of each role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import ContractClient
from tests.support.stack import Stack, running
from tests.support.things import Things


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the stack is marked so; it runs after what needs nothing."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
    items.sort(key=lambda item: item.get_closest_marker("stack") is not None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The packaged app on the embedded AWS, with its relay, rate limits off."""
    with running(tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture(scope="session")
def admin(stack: Stack) -> ContractClient:
    return stack.client("admin")


@pytest.fixture(scope="session")
def user(stack: Stack) -> ContractClient:
    return stack.client("user")


@pytest.fixture(scope="session")
def viewer(stack: Stack) -> ContractClient:
    return stack.client("viewer")


@pytest.fixture(scope="session")
def anonymous(stack: Stack) -> ContractClient:
    return stack.anonymous()


@pytest.fixture(scope="session")
def world(stack: Stack) -> Things:
    return stack.world("birun")
