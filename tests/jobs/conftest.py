"""A real sshd with hosts of one's own, and Container Engine on a real cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.fleet import Fleet
from tests.jobs.harbour import Harbour
from tests.support.client import ContractClient
from tests.support.kubernetes import Cluster
from tests.support.sshd import Sshd
from tests.support.stack import Stack
from tests.support.world import World


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as running:
        yield running


@pytest.fixture(scope="module")
def fleet(sshd: Sshd, admin: ContractClient, world: World) -> Fleet:
    return Fleet(sshd, admin, world)


@pytest.fixture(scope="module")
def harbour(stack: Stack, cluster: Cluster) -> Iterator[Harbour]:
    made = Harbour.open(stack, cluster)
    yield made
    made.clear()
