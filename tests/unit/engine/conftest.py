"""Container Engine's service on moto, with a cluster that answers as the test says."""

from __future__ import annotations

import pytest

from chalicelib.core import reach
from tests.unit.core.conftest import cloud, kept_clients
from tests.unit.engine.bench import Bench, Kubernetes

__all__ = ["cloud", "kept_clients"]


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    made = Kubernetes()
    monkeypatch.setattr(reach, "run", made.run)
    return made


@pytest.fixture
def bench(cloud: None, kubernetes: Kubernetes) -> Bench:
    """One user, one registered cluster."""
    made = Bench(kubernetes, 7, "7d9f1c52-3b0e-4a67-9c1d-2f5e8a4b6c70")
    made.register_cluster()
    return made
