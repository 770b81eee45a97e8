"""Certificates on moto, with an authority and a cluster that answer as the test says."""

from __future__ import annotations

import pytest

from chalicelib.core import reach
from chalicelib.core.certificates import outside
from chalicelib.core.clusters import registry
from chalicelib.kernel import clock as kernel_clock
from chalicelib.kernel.secrets import Secret
from tests.unit.certificates.bench import Bench, Clock, World
from tests.unit.core.builders import ACTOR
from tests.unit.core.conftest import cloud, kept_clients
from tests.unit.engine.bench import CLUSTER

__all__ = ["cloud", "kept_clients"]


@pytest.fixture
def bench(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One registered cluster; every proof is seen from outside."""
    clock = Clock()
    world = World(clock)
    monkeypatch.setattr(kernel_clock, "now", lambda: clock.now)
    monkeypatch.setattr(reach, "run", world.run)
    monkeypatch.setattr(outside, "unseen", lambda _: None)
    registry.ensure(ACTOR, "default", CLUSTER, Secret("kind: Config"))
    return Bench(world, clock)
