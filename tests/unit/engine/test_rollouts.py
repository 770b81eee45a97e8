"""A change of a deployment: one at a time, in order, fenced, and settled whatever happens on the way."""

from __future__ import annotations

import json

import pytest

from chalicelib.core.executions.status import Status
from chalicelib.core.notices import deliveries, hooks
from chalicelib.core.notices.deliveries import Filters
from chalicelib.core.quotas import keeping
from chalicelib.kernel.errors import Conflict, NotFound, PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.states import State
from chalicelib.surfaces.engine.service import changing, scaling, versions
from chalicelib.surfaces.engine.service import deployments as service
from chalicelib.targets.kubernetes.replies import NamespaceState, Reason
from tests.unit.core.builders import ACTOR
from tests.unit.engine.bench import Bench, coming, complete, failing, kept_execution


def test_a_new_deployment_is_pending_then_running_and_tells_its_address(bench: Bench) -> None:
    made = bench.create(env_vars={"COLOUR": "blue"}, replicas=2)
    assert made.status is State.PENDING
    assert made.url is None
    assert bench.totals() == {"pending": 1}
    ran = bench.run_turn(made)
    now = bench.stored(made)
    assert now.status is State.RUNNING
    assert now.url == "https://shop.apps.example.com"
    assert now.turn is None
    assert now.deployed_at is not None
    assert kept_execution(ran).state is Status.SUCCEEDED
    assert bench.totals() == {"running": 1}
    (spec,) = bench.kubernetes.applied
    assert (spec.namespace, spec.replicas, spec.revision) == ("app-shop", 2, "1")
    assert spec.env["COLOUR"].reveal() == "blue"
    assert [host.host for host in spec.hosts] == ["shop.apps.example.com"]


def test_a_new_deployment_that_fails_stays_failed_with_the_reason_and_the_last_words(bench: Bench) -> None:
    bench.kubernetes.rollouts = [
        coming(reason=Reason.crash_loop),
        failing("The app ends as soon as it starts.", log=("no DATABASE_URL",)),
    ]
    made = bench.create()
    ran = bench.run_turn(made)
    now = bench.stored(made)
    assert now.status is State.FAILED
    assert now.error_message == "The app ends as soon as it starts. Its last lines:\nno DATABASE_URL"
    assert kept_execution(ran).reason == now.error_message
    assert deployments.revisions(made.id)[0].outcome == "failed"


def test_an_update_that_fails_goes_back_to_what_worked_and_says_so(bench: Bench) -> None:
    made = bench.running(env_vars={"A": "1"})
    bench.update(made, image="registry.example.com/shop:broken", env_vars={"A": "2"}, replicas=3)
    assert bench.stored(made).status is State.UPDATING
    bench.kubernetes.rollouts = [failing(), complete()]
    ran = bench.run_turn(made)
    now = bench.stored(made)
    assert now.status is State.RUNNING
    assert now.error_message == "The image cannot be pulled. Rolled back to revision 1."
    assert (now.revision, now.replicas, now.spec["image"]) == (1, 1, "registry.example.com/shop:1")
    assert kept_execution(ran).state is Status.FAILED
    tried, restored = bench.kubernetes.applied[1:]
    assert (tried.image, tried.env["A"].reveal(), tried.replicas) == (
        "registry.example.com/shop:broken",
        "2",
        3,
    )
    assert (restored.image, restored.env["A"].reveal(), restored.replicas) == (
        "registry.example.com/shop:1",
        "1",
        1,
    )
    assert [one.outcome for one in deployments.revisions(made.id)] == ["failed", "working"]
    assert keeping.standing(bench.user_id).held.replicas == 1


def test_a_roll_back_that_fails_as_well_leaves_it_failed_with_both_reasons(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:broken")
    bench.kubernetes.rollouts = [failing(), failing("No node has room.")]
    bench.run_turn(made)
    now = bench.stored(made)
    assert now.status is State.FAILED
    assert now.error_message == ("The image cannot be pulled. Rolling back failed as well: No node has room.")


def test_autoscaling_that_fails_goes_back_to_the_bounds_that_worked(bench: Bench) -> None:
    made = bench.running()
    working = {"minimum": 1, "maximum": 3, "cpu_percent": 80}
    scaling.autoscale(bench.caller, made.id, working)
    bench.run_turn(made)
    scaling.autoscale(bench.caller, made.id, working | {"minimum": 20, "maximum": 40})
    bench.kubernetes.rollouts = [failing("No node has room."), complete()]
    bench.run_turn(made)
    now = bench.stored(made)
    assert (now.status, now.autoscaling) == (State.RUNNING, working)
    assert [one.autoscaling and one.autoscaling.maximum for one in bench.kubernetes.applied] == [
        None,
        3,
        40,
        3,
    ]
    assert keeping.standing(bench.user_id).held.replicas == 3


def test_a_second_change_waits_its_turn_and_the_first_is_carried_out_as_it_was_asked(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:2")
    first = bench.event(made)
    bench.update(made, env_vars={"A": "1"})
    waiting = bench.stored(made).waiting
    assert waiting is not None
    assert bench.step(first | {"execution_id": waiting}, "apply")["step"] == "done", "not its turn"
    bench.run(first)
    assert kept_execution(first["execution_id"]).state is Status.SUCCEEDED
    assert bench.stored(made).turn == waiting
    assert bench.stored(made).status is State.UPDATING
    bench.run_turn(made)
    assert [(spec.revision, sorted(spec.env)) for spec in bench.kubernetes.applied[1:]] == [
        ("2", []),
        ("3", ["A"]),
    ]
    assert bench.kubernetes.applied[-1].image == "registry.example.com/shop:2"
    assert bench.stored(made).status is State.RUNNING


def test_of_several_that_wait_the_newest_takes_the_place_and_holds_what_they_wanted(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:2")
    first = bench.event(made)
    bench.update(made, env_vars={"A": "1"})
    replaced = bench.stored(made).waiting
    scaling.scale(bench.caller, made.id, 4)
    assert replaced is not None
    assert (kept_execution(replaced).state, kept_execution(replaced).reason) == (
        Status.CANCELLED,
        changing.SUPERSEDED,
    )
    bench.run(first)
    bench.run_turn(made)
    last = bench.kubernetes.applied[-1]
    assert (last.revision, last.replicas, sorted(last.env)) == ("3", 4, ["A"])
    assert len(bench.kubernetes.applied) == 3


def test_a_change_that_is_in_trouble_gives_way_to_the_one_that_waits(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:broken")
    first = bench.event(made)
    bench.update(made, image="registry.example.com/shop:2")
    bench.kubernetes.rollouts = [coming("The image cannot be pulled.", reason=Reason.image_pull)]
    bench.run(first)
    ended = kept_execution(first["execution_id"])
    assert (ended.state, ended.reason) == (
        Status.FAILED,
        "The image cannot be pulled. A newer change takes its place.",
    )
    assert bench.stored(made).status is State.UPDATING
    bench.run_turn(made)
    assert bench.kubernetes.applied[-1].image == "registry.example.com/shop:2"
    assert bench.stored(made).status is State.RUNNING


def test_a_stop_does_not_wait_for_a_rollout_that_hangs(bench: Bench) -> None:
    made = bench.create()
    first = bench.event(made)
    following = bench.step(first, "apply")
    assert following["step"] == "watch"
    stopped = scaling.stop(bench.caller, made.id)
    assert stopped.status is State.STOPPED
    bench.run(following, first="watch")
    assert kept_execution(first["execution_id"]).state is Status.CANCELLED
    bench.run_turn(made)
    assert bench.kubernetes.applied[-1].replicas == 0
    assert bench.stored(made).status is State.STOPPED
    assert bench.totals() == {"stopped": 1}


def test_a_stop_during_a_roll_back_ends_stopped(bench: Bench) -> None:
    made = bench.running()
    bench.update(made, image="registry.example.com/shop:broken")
    first = bench.event(made)
    bench.kubernetes.rollouts = [failing()]
    following = bench.step(bench.step(first, "apply"), "watch")
    assert bench.stored(made).failure is not None
    scaling.stop(bench.caller, made.id)
    bench.run(following)
    stopped = bench.run_turn(made)
    assert kept_execution(stopped).state is Status.SUCCEEDED
    now = bench.stored(made)
    assert now.status is State.STOPPED
    assert now.error_message is None
    assert bench.kubernetes.applied[-1].replicas == 0
    assert [one.outcome for one in deployments.revisions(made.id)] == ["failed", "working"]


def test_stopping_keeps_the_replicas_for_the_start(bench: Bench) -> None:
    made = bench.running(replicas=3)
    scaling.stop(bench.caller, made.id)
    bench.run_turn(made)
    assert bench.stored(made).replicas == 3
    started = scaling.start(bench.caller, made.id)
    assert started.status is State.PENDING
    bench.run_turn(made)
    assert [spec.replicas for spec in bench.kubernetes.applied] == [3, 0, 3]
    assert bench.stored(made).status is State.RUNNING


def test_starting_what_runs_and_stopping_what_is_stopped_change_nothing(bench: Bench) -> None:
    made = bench.create()
    scaling.start(bench.caller, made.id)
    bench.run_turn(made)
    scaling.start(bench.caller, made.id)
    assert bench.stored(made).turn is None
    scaling.stop(bench.caller, made.id)
    bench.run_turn(made)
    scaling.stop(bench.caller, made.id)
    assert bench.stored(made).turn is None


def test_a_deleted_deployment_is_gone_for_its_owner_and_its_name_is_free_once_the_namespace_is(
    bench: Bench,
) -> None:
    made = bench.running()
    _, deletion = service.delete(bench.caller, made.id)
    with pytest.raises(NotFound):
        changing.own(bench.caller, made.id)
    assert bench.totals() == {}
    assert keeping.standing(bench.user_id).held.apps == 0
    with pytest.raises(Conflict):
        bench.create()
    bench.kubernetes.namespace = "terminating"
    event = bench.event(made)
    for step in ("apply", "watch", "watch"):
        event = bench.step(event, step)
    assert event["step"] == "watch"
    bench.kubernetes.namespace = "gone"
    bench.run(event, first="watch")
    assert kept_execution(deletion).state is Status.SUCCEEDED
    assert deployments.find(made.id) is None
    assert deployments.everything(made.id) == []
    assert bench.create().status is State.PENDING


def test_a_deletion_leaves_the_namespace_of_somebody_else_and_frees_the_name(bench: Bench) -> None:
    bench.kubernetes.problems = {"apply": [PermanentTargetError("The namespace app-shop is not this app's.")]}
    made = bench.running()
    foreign = "The namespace app-shop is there, but it is not this app's."
    bench.kubernetes.deletion = NamespaceState(state="foreign", message=foreign)
    _, deletion = service.delete(bench.caller, made.id)
    bench.run_turn(made)
    assert deployments.find(made.id) is None
    assert kept_execution(deletion).reason == foreign
    assert not service.gone_within(deletion, 1), "the namespace was not deleted"
    assert bench.create().status is State.PENDING


def test_a_deletion_interrupts_a_rollout(bench: Bench) -> None:
    made = bench.create()
    following = bench.step(bench.event(made), "apply")
    service.delete(bench.caller, made.id)
    bench.run(following, first="watch")
    bench.run_turn(made)
    assert deployments.find(made.id) is None


def test_going_back_is_a_new_revision_with_the_old_spec_and_the_old_variables(bench: Bench) -> None:
    made = bench.running(env_vars={"A": "1"})
    bench.update(made, image="registry.example.com/shop:2", env_vars={"A": "2"})
    bench.run_turn(made)
    found, _ = versions.undo(bench.caller, made.id, None)
    assert found.revision == 3
    bench.run_turn(made)
    last = bench.kubernetes.applied[-1]
    assert (last.image, last.env["A"].reveal(), last.revision) == ("registry.example.com/shop:1", "1", "3")
    assert [one.outcome for one in deployments.revisions(made.id)] == ["working"] * 3


def test_a_restart_changes_nothing_but_the_moment(bench: Bench) -> None:
    made = bench.running()
    versions.restart(bench.caller, made.id)
    bench.run_turn(made)
    before, after = bench.kubernetes.applied
    assert before.restarted_at is None
    assert after.restarted_at is not None
    assert after.image == before.image


def test_webhooks_are_told_of_the_start_and_the_end_once_each_in_the_documented_payload(bench: Bench) -> None:
    hooks.ensure(ACTOR, "engine", "https://hooks.example.com/x", Secret("a secret"))
    made = bench.create()
    event = bench.event(made)
    bench.step(event, "apply")
    bench.run(event)
    bench.step(event | {"loop": {"outcome": "succeeded"}}, "finish")
    told = [
        (json.loads(one.body), one.signature_header)
        for one in reversed(deliveries.listed(Filters("engine"), 10))
    ]
    assert [(body["type"], body["status"], body["url"]) for body, _ in told] == [
        ("deployment_started", "started", None),
        ("deployment_completed", "completed", "https://shop.apps.example.com"),
    ]
    body, header = told[0]
    assert set(body) == {"deployment_id", "status", "type", "timestamp", "app_name", "user_id", "url"}
    assert (body["deployment_id"], body["app_name"], body["user_id"]) == (made.id, "shop", made.owner_uuid)
    assert header == "X-Container-Engine-Signature"
