"""Domains on their way to the cluster: what becomes of them as changes fail and meet."""

from __future__ import annotations

import pytest

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.surfaces.engine.model.domains import DomainState
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.service import domains, scaling
from tests.unit.engine.bench import Bench, failing
from tests.unit.engine.test_domains import Zone, claimed, stored, zone

__all__ = ["zone"]


@pytest.mark.parametrize(
    ("available", "left"), [(1, State.RUNNING), (0, State.FAILED)], ids=["serves", "serves not"]
)
def test_a_domain_that_cannot_be_routed_leaves_a_settled_state(
    bench: Bench, zone: Zone, available: int, left: State
) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    bench.update(made, image="registry.example.com/shop:broken")
    bench.kubernetes.rollouts = [failing(), failing(available=available)]
    bench.run_turn(made)
    assert bench.stored(made).status is State.FAILED, "rolling back failed as well"
    domains.verify(bench.caller, made.id, found.id)
    assert bench.stored(made).status is State.UPDATING
    bench.kubernetes.problems = {"apply": [PermanentTargetError("no Ingress of that name")]}
    bench.run_turn(made)
    assert (bench.stored(made).status, bench.stored(made).error_message) == (left, "no Ingress of that name")
    assert (stored(found).status, stored(found).reason) == (DomainState.FAILED, "no Ingress of that name")


def test_a_domain_that_could_not_be_routed_is_active_after_the_next_success(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    domains.verify(bench.caller, made.id, found.id)
    bench.kubernetes.problems = {"apply": [PermanentTargetError("no Ingress of that name")]}
    bench.run_turn(made)
    assert stored(found).status is DomainState.FAILED
    scaling.scale(bench.caller, made.id, 2)
    bench.run_turn(made)
    assert stored(found).status is DomainState.ACTIVE
    assert stored(found).reason is None
