"""A real sshd with hosts of one's own, and a viewer of the live stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.fleet import Fleet
from tests.support.client import ContractClient
from tests.support.sshd import Sshd
from tests.support.world import World


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as running:
        yield running


@pytest.fixture(scope="module")
def fleet(sshd: Sshd, admin: ContractClient, world: World) -> Fleet:
    return Fleet(sshd, admin, world)
