"""Two changes that meet: which one goes back, gives way, or comes along with the other."""

from __future__ import annotations

from chalicelib.core.executions.status import Status
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.domains import DomainState
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.service import domains, scaling
from chalicelib.targets.kubernetes.replies import Reason
from tests.unit.engine.bench import Bench, coming, complete, failing, kept_execution
from tests.unit.engine.test_domains import NAME, Zone, claimed, stored, zone

__all__ = ["zone"]

BROKEN = "registry.example.com/shop:broken"


def test_an_update_is_rolled_back_before_the_domain_that_waits_comes(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    bench.update(made, image=BROKEN)
    first = bench.event(made)
    domains.look_for_proofs()
    assert bench.stored(made).waiting_action == "domains"
    bench.kubernetes.rollouts = [failing(), complete()]
    bench.run(first)
    bench.run_turn(made)
    now = bench.stored(made)
    assert (now.status, now.revision) == (State.RUNNING, 1)
    assert [one.revision for one in bench.kubernetes.applied[1:]] == ["2", "1", "1"]
    assert bench.kubernetes.applied[-1].hosts[-1].host == NAME
    assert stored(found).status is DomainState.ACTIVE


def test_a_passing_trouble_of_an_update_does_not_give_way_to_a_domain(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    bench.update(made, image="registry.example.com/shop:2")
    first = bench.event(made)
    domains.look_for_proofs()
    bench.kubernetes.rollouts = [coming("Not ready yet.", reason=Reason.probe_failing), complete()]
    bench.run(first)
    assert kept_execution(first["execution_id"]).state is Status.SUCCEEDED


def test_a_scaling_in_trouble_gives_way_to_another(bench: Bench) -> None:
    made = bench.running()
    scaling.scale(bench.caller, made.id, 50)
    first = bench.event(made)
    scaling.scale(bench.caller, made.id, 2)
    bench.kubernetes.rollouts = [coming("No node has room.", reason=Reason.no_room)]
    bench.run(first)
    assert kept_execution(first["execution_id"]).reason == "No node has room. A newer change takes its place."
    bench.run_turn(made)
    assert bench.kubernetes.applied[-1].replicas == 2


def test_a_size_that_waits_is_reached_with_the_version_that_was_restored(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image=BROKEN)
    first = bench.event(made)
    scaling.scale(bench.caller, made.id, 4)
    bench.kubernetes.rollouts = [failing(), complete()]
    bench.run(first)
    bench.run_turn(made)
    assert [(one.revision, one.replicas) for one in bench.kubernetes.applied[1:]] == [
        ("2", 1),
        ("1", 1),
        ("1", 4),
    ]
    now = bench.stored(made)
    assert (now.status, now.revision, now.replicas) == (State.RUNNING, 1, 4)


def test_a_version_that_waits_is_rolled_back_by_the_change_that_took_its_place(bench: Bench) -> None:
    made = bench.running()
    scaling.scale(bench.caller, made.id, 2)
    first = bench.event(made)
    bench.update(made, image=BROKEN)
    scaling.scale(bench.caller, made.id, 3)
    bench.run(first)
    bench.kubernetes.rollouts = [failing(), complete()]
    bench.run_turn(made)
    assert (bench.stored(made).status, bench.stored(made).revision) == (State.RUNNING, 1)
    assert [one.outcome for one in deployments.revisions(made.id)] == ["failed", "working"]


def test_domains_join_the_change_that_waits(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    scaling.scale(bench.caller, made.id, 2)
    first = bench.event(made)
    bench.update(made, image=BROKEN)
    waiting = bench.stored(made).waiting
    domains.verify(bench.caller, made.id, found.id)
    now = bench.stored(made)
    assert (now.waiting, now.waiting_action, now.domains) == (waiting, "update", [NAME])
    bench.run(first)
    bench.kubernetes.rollouts = [failing(), complete()]
    bench.run_turn(made)
    assert bench.kubernetes.applied[-1].hosts[-1].host == NAME
    assert (bench.stored(made).status, bench.stored(made).revision) == (State.RUNNING, 1)
    assert stored(found).status is DomainState.ACTIVE


def test_a_stop_that_domains_join_interrupts_all_the_same(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    bench.update(made, image=BROKEN)
    following = bench.step(bench.event(made), "apply")
    scaling.stop(bench.caller, made.id)
    domains.look_for_proofs()
    bench.run(following, first="watch")
    assert kept_execution(following["execution_id"]).state is Status.CANCELLED
    bench.run_turn(made)
    assert bench.stored(made).status is State.STOPPED
    assert bench.kubernetes.applied[-1].replicas == 0
    assert stored(found).status is DomainState.ACTIVE


def test_a_version_whose_turn_never_came_is_superseded(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:2")
    first = bench.event(made)
    bench.update(made, image="registry.example.com/shop:3")
    scaling.scale(bench.caller, made.id, 2)
    bench.update(made, image="registry.example.com/shop:4")
    bench.run(first)
    bench.run_turn(made)
    assert [one.outcome for one in deployments.revisions(made.id)] == [
        "working",
        "superseded",
        "working",
        "working",
    ]


def test_the_version_under_way_is_not_superseded_by_what_waits(bench: Bench) -> None:
    made = bench.create()
    first = bench.event(made)
    scaling.scale(bench.caller, made.id, 2)
    bench.update(made, image="registry.example.com/shop:2")
    assert [one.outcome for one in deployments.revisions(made.id)] == ["pending", "pending"]
    bench.run(first)
    bench.run_turn(made)
    assert [one.outcome for one in deployments.revisions(made.id)] == ["working", "working"]
