"""Certificates are renewed in time, by the authority's own word where it has one, and it is told when not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.aws import workflows
from chalicelib.core.alerts import raising
from chalicelib.core.audit import SYSTEM
from chalicelib.core.certificates import records, renewing, steps, troubles
from chalicelib.core.certificates.model import Certificate, State
from chalicelib.core.executions import ledger
from chalicelib.kernel import clock
from chalicelib.kernel.errors import TransientTargetError
from tests.unit.certificates.bench import LIFE, START, Bench
from tests.unit.certificates.test_issuing import UNPROVED


def renewed_with(found: Certificate) -> float:
    """Days before its end."""
    return (clock.parse(str(found.not_after)) - clock.parse(str(found.renew_at))) / timedelta(days=1)


def when_due(bench: Bench, found: Certificate) -> None:
    bench.clock.now = clock.parse(str(found.due_at))
    renewing.look_around(None)


def test_it_is_renewed_with_a_third_of_its_life_left_where_the_authority_says_nothing(bench: Bench) -> None:
    done = bench.issued()
    assert renewed_with(done) == pytest.approx(LIFE.days / 3, abs=0.1)


def test_it_is_renewed_when_the_authority_says_so(bench: Bench) -> None:
    bench.world.renew_at = START + timedelta(days=50)
    done = bench.issued()
    assert done.renew_at == clock.iso(START + timedelta(days=50))


def test_an_authority_that_says_too_late_is_not_waited_for(bench: Bench) -> None:
    bench.world.renew_at = START + LIFE
    assert renewed_with(bench.issued()) == pytest.approx(LIFE.days / 6, abs=0.1)


def test_an_authority_that_does_not_answer_about_renewal_keeps_no_certificate_from_its_place(
    bench: Bench,
) -> None:
    bench.world.problems = {"acme.renewal_time": [TransientTargetError("Away.")]}
    done = bench.issued()
    assert done.status is State.ACTIVE
    assert renewed_with(done) == pytest.approx(LIFE.days / 3, abs=0.1)


def test_the_authority_is_asked_again_twice_a_day_and_may_bring_it_forward(bench: Bench) -> None:
    done = bench.issued()
    bench.world.renew_at = bench.clock.now + timedelta(hours=13)
    when_due(bench, done)
    asked = bench.stored(done)
    assert asked.turn is None
    assert asked.renew_at == clock.iso(bench.world.renew_at)
    assert bench.world.times("acme.renewal_time") == 2
    # What was said before is not put off.
    bench.world.renew_at = bench.clock.now + timedelta(days=20)
    when_due(bench, asked)
    assert bench.stored(done).renew_at == asked.renew_at


def test_a_renewal_has_another_key_and_serves_on_meanwhile(bench: Bench) -> None:
    first = bench.issued()
    before = bench.world.installed["tls-shop"]
    bench.clock.now = clock.parse(str(first.renew_at))
    renewing.look_around(None)
    under_way = bench.stored(first)
    assert (under_way.status, under_way.installed) == (State.RENEWAL_DUE, True)
    again = bench.carried_out(first)
    assert again.status is State.ACTIVE
    assert again.serial != first.serial
    assert bench.world.installed["tls-shop"] != before
    assert bench.told == [first.id], "the Ingress names the Secret already"


def test_two_ticks_at_once_begin_one_renewal(bench: Bench) -> None:
    done = bench.issued()
    bench.clock.now = clock.parse(str(done.renew_at))
    stale = bench.stored(done)
    assert records.begin(bench.stored(done))
    assert not records.begin(stale)
    assert not records.begin(bench.stored(done))


def test_a_renewal_that_keeps_failing_is_told_when_the_end_comes_near_and_cleared_when_it_works(
    bench: Bench,
) -> None:
    found = bench.issued()
    end = clock.parse(str(found.not_after))
    bench.world.unproved = [UNPROVED] * 200
    bench.clock.now = clock.parse(str(found.renew_at))
    renewing.look_around(None)
    found = bench.carried_out(found)
    assert found.status is State.RENEWAL_DUE
    assert raising.find_open(found.pk, troubles.EXPIRING) is None, "there is time"
    bench.clock.now = end - timedelta(days=20)
    renewing.look_around(None)
    found = bench.carried_out(found)
    alert = raising.find_open(found.pk, troubles.EXPIRING)
    assert alert is not None
    assert (alert.severity, alert.owner_id, alert.scope) == ("warning", "1", "engine")
    assert UNPROVED.message in alert.message
    bench.clock.now = end + timedelta(minutes=1)
    renewing.look_around(None)
    found = bench.carried_out(found)
    assert found.status is State.FAILED
    assert raising.find_open(found.pk, troubles.EXPIRED) is not None
    bench.world.unproved = []
    when_due(bench, found)
    found = bench.carried_out(found)
    assert found.status is State.ACTIVE
    assert raising.find_open(found.pk, troubles.EXPIRED) is None
    assert raising.find_open(found.pk, troubles.EXPIRING) is None


# ---------------------------------------------------------------- the sweep


def test_an_issuance_whose_machine_is_gone_is_taken_over_by_a_new_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bench.ask()
    bench.run(bench.event(asked), until="answer")
    execution = ledger.find(str(asked.turn))
    assert execution is not None
    monkeypatch.setattr(workflows, "status", lambda *_: None)
    steps.sweep(execution)
    event = bench.event(asked)
    assert event["attempt"] == 2
    assert bench.carried_out(asked).status is State.ACTIVE


def test_an_issuance_that_was_never_started_is_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    asked = bench.ask()
    execution = ledger.find(str(asked.turn))
    assert execution is not None
    monkeypatch.setattr(workflows, "status", lambda *_: None)
    monkeypatch.setattr(records, "start", lambda one: started.append(one.id))
    steps.sweep(execution)
    assert started == [execution.id]


def test_an_execution_without_its_certificate_does_not_stay_open(bench: Bench) -> None:
    asked = bench.ask()
    execution = ledger.find(str(asked.turn))
    assert execution is not None
    records.remove(SYSTEM, asked)
    bench.run(bench.event(asked))
    steps.sweep(execution)
    left = ledger.find(execution.id)
    assert left is not None
    assert left.state.final
