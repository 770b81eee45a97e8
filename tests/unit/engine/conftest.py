"""Container Engine's service on moto, with a cluster that answers as the test says."""

from __future__ import annotations

import pytest

from chalicelib.core import reach
from chalicelib.core.identity import users
from tests.unit.core.builders import ACTOR
from tests.unit.core.conftest import cloud
from tests.unit.engine.bench import Bench, Kubernetes

__all__ = ["cloud"]


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    made = Kubernetes()
    monkeypatch.setattr(reach, "run", made.run)
    return made


@pytest.fixture
def bench(cloud: None, kubernetes: Kubernetes) -> Bench:
    """One user, one registered cluster."""
    user = users.register(ACTOR, "ada", "ada@example.com", "a long password")
    made = Bench(kubernetes, int(user.id), user.uuid)
    made.register_cluster()
    return made
