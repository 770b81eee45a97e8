"""From the wish for a certificate to its place, and every way in which that does not go well."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core import audit
from chalicelib.core.audit import SYSTEM
from chalicelib.core.certificates import records, renewing, tries
from chalicelib.core.certificates.model import State
from chalicelib.core.executions import ledger
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError, Unavailable
from chalicelib.targets.acme import failures
from chalicelib.targets.acme.replies import Problem
from chalicelib.targets.kubernetes.solver_replies import SolverState
from tests.unit.certificates.bench import LIFE, NAME, START, Bench

UNPROVED = Problem(name=NAME, code="unauthorized", message="Point www.shop.test at the ingress.")


def outcome(bench: Bench, execution_id: str) -> tuple[Status, str | None]:
    execution = ledger.find(execution_id)
    assert execution is not None
    return execution.state, execution.reason


# ---------------------------------------------------------------- when all goes well


def test_a_certificate_is_ordered_proved_signed_installed_and_cleaned_up_after(bench: Bench) -> None:
    asked = bench.ask()
    assert asked.status is State.PENDING
    done = bench.carried_out(asked)
    assert bench.seen == [
        *("order", "present", "check", "answer", "await_validation"),
        *("finalize", "install", "clean_up", "settle"),
    ]
    assert done.status is State.ACTIVE
    assert done.turn is None
    assert done.reason is None
    assert int(done.failures) == 0
    assert done.not_after is not None
    assert clock.parse(done.not_after) - START == pytest.approx(LIFE, abs=timedelta(minutes=1))
    assert set(bench.world.installed) == {"tls-shop"}
    assert bench.world.presented == {}
    assert bench.told == [done.id]
    assert outcome(bench, str(done.issued_by)) == (Status.SUCCEEDED, None)


def test_asking_twice_makes_one(bench: Bench) -> None:
    first, second = bench.ask(), bench.ask()
    assert (first.id, first.turn) == (second.id, second.turn)
    done = bench.carried_out(first)
    assert bench.ask().turn is None
    assert bench.world.times("acme.order") == 1
    assert done.serial


def test_one_account_serves_all(bench: Bench) -> None:
    bench.issued()
    bench.carried_out(bench.ask(subject="DEPLOYMENT#d-2"))
    assert bench.world.times("acme.register") == 1


def test_the_key_is_sealed_and_in_no_audit_and_no_event(bench: Bench) -> None:
    done = bench.issued()
    entries = audit.history(done.pk)
    assert {one.action for one in entries} >= {"certificate.create", "certificate.issued"}
    assert "PRIVATE KEY" not in repr([one.attribute_values for one in entries])
    from chalicelib.aws import table
    from chalicelib.core.certificates.model import CertificateKey, CertificateOrder

    kept = table.find(CertificateKey, done.pk, "KEY")
    assert kept is not None
    assert "PRIVATE KEY" not in kept.sealed
    assert table.find(CertificateOrder, done.pk, "ORDER") is None


def test_every_step_may_be_repeated(bench: Bench) -> None:
    asked = bench.ask()
    event = bench.event(asked)
    while event["step"] != "done":
        bench.step(dict(event))
        event = bench.step(event)
    done = bench.stored(asked)
    assert done.status is State.ACTIVE
    assert bench.world.presented == {}


def test_an_attempt_that_was_lost_after_installing_is_only_finished(bench: Bench) -> None:
    asked = bench.ask()
    bench.run(bench.event(asked), until="clean_up")
    execution = ledger.find(str(asked.turn))
    assert execution is not None
    assert ledger.new_attempt(execution)
    assert bench.carried_out(asked).status is State.ACTIVE
    assert bench.world.times("acme.order") == 1


# ---------------------------------------------------------------- when it does not


def test_a_name_that_is_not_proved_is_told_why_and_tried_again_at_its_time(bench: Bench) -> None:
    bench.world.unproved = [UNPROVED]
    failed = bench.carried_out(bench.ask())
    assert failed.status is State.FAILED
    assert failed.reason == UNPROVED.message
    assert failed.next_retry_at == failed.due_at
    assert clock.parse(str(failed.next_retry_at)) - bench.clock.now == timedelta(minutes=1)
    assert bench.world.presented == {}
    assert bench.told == []
    renewing.look_around(None)
    assert bench.stored(failed).turn is None, "not due yet"
    bench.clock.pass_by(minutes=1)
    renewing.look_around(None)
    assert bench.carried_out(failed).status is State.ACTIVE


def test_tries_come_after_a_minute_ten_a_hundred_and_then_daily(bench: Bench) -> None:
    bench.world.unproved = [UNPROVED] * 6
    found = bench.carried_out(bench.ask())
    waits = []
    for _ in range(5):
        retry = clock.parse(str(found.next_retry_at))
        waits.append(round((retry - bench.clock.now) / timedelta(minutes=1)))
        bench.clock.now = retry
        renewing.look_around(None)
        found = bench.carried_out(found)
    assert waits == [1, 10, 100, 1440, 1440]
    assert int(found.failures) == 6


def test_the_authority_is_never_asked_to_fail_a_name_more_than_five_times_an_hour(bench: Bench) -> None:
    """Whoever asks: the claim of one owner after the other counts together."""
    bench.world.unproved = [UNPROVED] * 9
    for number in range(5):
        bench.carried_out(bench.ask(subject=f"DEPLOYMENT#d-{number}"))
    found = bench.carried_out(bench.ask(subject="DEPLOYMENT#d-6"))
    assert bench.world.times("acme.answer") == 5
    assert "5 times within an hour" in str(found.reason)
    allowed = tries.allowed_at([NAME])
    assert allowed is not None
    assert clock.parse(str(found.next_retry_at)) >= allowed
    bench.clock.now = clock.parse(str(found.next_retry_at))
    assert tries.allowed_at([NAME]) is None


def test_an_authority_that_is_away_for_a_while_is_waited_for(bench: Bench) -> None:
    away = TransientTargetError("It cannot be reached.")
    bench.world.problems = {"acme.order": [away] * 4, "acme.finalize": [away] * 3}
    assert bench.carried_out(bench.ask()).status is State.ACTIVE


def test_a_cluster_that_is_away_for_a_while_is_waited_for(bench: Bench) -> None:
    away = Unavailable("No relay answers.")
    bench.world.problems = {
        f"kubernetes.{verb}": [away] * 2
        for verb in ("present_solver", "solver_state", "store_certificate", "remove_solver")
    }
    assert bench.carried_out(bench.ask()).status is State.ACTIVE
    assert bench.world.presented == {}


def test_what_stays_away_is_given_up_and_tried_again(bench: Bench) -> None:
    bench.world.problems = {"acme.order": [TransientTargetError("It cannot be reached.")] * 500}
    failed = bench.carried_out(bench.ask())
    assert failed.status is State.FAILED
    assert failed.reason == "Given up after 15 minutes: It cannot be reached."
    assert failed.next_retry_at is not None


def test_a_limit_of_the_authoritys_is_waited_out_by_its_own_word(bench: Bench) -> None:
    limit = failures.transient("The limit is reached.", "rateLimited", 7200)
    bench.world.problems = {"acme.order": [limit]}
    failed = bench.carried_out(bench.ask())
    assert failed.reason == "The limit is reached."
    assert clock.parse(str(failed.next_retry_at)) - bench.clock.now == timedelta(hours=2)


def test_a_short_word_of_the_authoritys_is_waited_for(bench: Bench) -> None:
    bench.world.problems = {"acme.finalize": [failures.transient("Later.", None, 90)]}
    before = bench.clock.now
    assert bench.carried_out(bench.ask()).status is State.ACTIVE
    assert bench.clock.now - before >= timedelta(seconds=90)


def test_a_refusal_is_told_in_its_own_words(bench: Bench) -> None:
    bench.world.problems = {"acme.order": [PermanentTargetError("Use another name.")]}
    failed = bench.carried_out(bench.ask())
    assert (failed.status, failed.reason) == (State.FAILED, "Use another name.")


def test_an_account_that_was_lost_is_registered_anew(bench: Bench) -> None:
    bench.world.problems = {"acme.order": [failures.permanent("Unknown.", "accountDoesNotExist")]}
    assert bench.carried_out(bench.ask()).status is State.ACTIVE
    assert bench.world.times("acme.register") == 2


def test_a_proof_that_cannot_be_served_ends_the_try_before_the_authority_looks(bench: Bench) -> None:
    bench.world.serving = [SolverState(serving=False, hopeless=True, message="The image cannot be pulled.")]
    failed = bench.carried_out(bench.ask())
    assert "The image cannot be pulled." in str(failed.reason)
    assert bench.world.times("acme.answer") == 0
    assert bench.world.presented == {}


def test_a_proof_that_does_not_come_is_given_up(bench: Bench) -> None:
    bench.world.serving = [SolverState(serving=False, message="Not yet.")] * 300
    failed = bench.carried_out(bench.ask())
    assert "Not yet. Given up after 3 minutes." in str(failed.reason)


def test_what_is_not_seen_from_outside_is_left_to_the_authority_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.core.certificates import outside

    monkeypatch.setattr(outside, "unseen", lambda _: "The name has no address.")
    before = bench.clock.now
    assert bench.carried_out(bench.ask()).status is State.ACTIVE
    assert timedelta(minutes=2) < bench.clock.now - before < timedelta(minutes=4)


def test_a_fault_on_our_side_cleans_up_and_is_tried_again(bench: Bench) -> None:
    asked = bench.ask()
    event = bench.run(bench.event(asked), until="check")
    assert bench.world.presented
    fault = {**event, "step": "clean_up", "failure": {"Error": "Lambda.Unknown"}}
    bench.run(bench.step(fault))
    failed = bench.stored(asked)
    assert failed.status is State.FAILED
    assert failed.turn is None
    assert "Lambda.Unknown" in str(failed.reason)
    assert bench.world.presented == {}


def test_a_proof_that_cannot_be_taken_away_does_not_keep_the_certificate(bench: Bench) -> None:
    bench.world.problems = {"kubernetes.remove_solver": [TransientTargetError("Away.")] * 500}
    assert bench.carried_out(bench.ask()).status is State.ACTIVE


# ---------------------------------------------------------------- given back


def test_a_certificate_that_is_not_wanted_goes_from_its_place_and_is_forgotten(bench: Bench) -> None:
    done = bench.issued()
    records.remove(SYSTEM, done)
    assert bench.stored(done).status is State.REMOVING
    records.remove(SYSTEM, done)
    bench.run(bench.event(done))
    assert bench.world.installed == {}
    assert records.find(done.id) is None
    assert records.of_subject("DEPLOYMENT#d-1") == []


def test_what_is_removed_while_it_is_issued_leaves_nothing_behind(bench: Bench) -> None:
    asked = bench.ask()
    under_way = bench.run(bench.event(asked), until="install")
    records.remove(SYSTEM, asked)
    removal = bench.event(asked)
    bench.run(under_way)
    bench.run(removal)
    assert (bench.world.installed, bench.world.presented) == ({}, {})
    assert records.find(asked.id) is None
    assert outcome(bench, under_way["execution_id"])[0] is Status.CANCELLED


def test_what_is_wanted_again_while_it_goes_is_issued_again(bench: Bench) -> None:
    done = bench.issued()
    records.remove(SYSTEM, done)
    removal = bench.event(done)
    again = bench.ask()
    bench.run(removal)
    assert bench.carried_out(again).status is State.ACTIVE
    assert set(bench.world.installed) == {"tls-shop"}


def test_a_removal_whose_cluster_is_away_is_gone_on_with_later(bench: Bench) -> None:
    done = bench.issued()
    records.remove(SYSTEM, done)
    bench.world.problems = {"kubernetes.remove_certificate": [TransientTargetError("Away.")] * 30}
    bench.run(bench.event(done))
    waiting = bench.stored(done)
    assert waiting.status is State.REMOVING
    assert waiting.turn is None
    bench.clock.now = clock.parse(str(waiting.due_at))
    bench.world.problems = {}
    renewing.look_around(None)
    bench.run(bench.event(done))
    assert records.find(done.id) is None


def test_a_removal_from_a_cluster_that_is_registered_no_more_just_forgets(bench: Bench) -> None:
    from chalicelib.core.clusters import registry
    from tests.unit.core.builders import ACTOR

    done = bench.issued()
    registry.remove(ACTOR, "default")
    records.remove(SYSTEM, done)
    bench.run(bench.event(done))
    assert records.find(done.id) is None
