"""What every test may ask for: one running stack a session and clients of each role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import kubernetes
from tests.support.client import ContractClient
from tests.support.kubernetes import Cluster
from tests.support.stack import Stack, running
from tests.support.things import Things


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the stack or a cluster is marked so; those who need nothing run first."""
    for item in items:
        for fixture, mark in (("stack", pytest.mark.stack), ("cluster", pytest.mark.kubernetes)):
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
    heavy = ("stack", "kubernetes")
    items.sort(key=lambda item: [item.get_closest_marker(mark) is not None for mark in reversed(heavy)])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The packaged app on the embedded AWS, with its relay, rate limits off."""
    with running(tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real Kubernetes: API server, controllers and one node."""
    with kubernetes.running() as started:
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
