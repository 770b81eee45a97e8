"""A domain of an owner's own: claimed once over all users, proved before traffic, given back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, Conflict, NotFound, TransientTargetError
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model import domains as model
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain, DomainState
from chalicelib.surfaces.engine.service import deployments as service
from chalicelib.surfaces.engine.service import domains
from chalicelib.targets import dns
from chalicelib.targets.dns import TextReply, TextRequest
from tests.unit.engine.bench import Bench

NAME = "shop.example.org"


class Zone:
    """TXT records; None: no name server answers."""

    def __init__(self) -> None:
        self.records: dict[str, str] | None = {}

    def lookup(self, request: TextRequest) -> TextReply:
        if self.records is None:
            raise TransientTargetError("No name server told.")
        held = self.records.get(request.name)
        return TextReply(values=(held,) if held else ())

    def prove(self, found: Domain) -> None:
        assert self.records is not None
        self.records[found.challenge] = found.token


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    made = Zone()
    monkeypatch.setattr(dns, "lookup_text", made.lookup)
    return made


def stored(found: Domain) -> Domain:
    known = model.find(found.deployment_id, found.id)
    assert known is not None
    return known


def claimed(bench: Bench, name: str = NAME) -> tuple[Deployment, Domain]:
    return domains.add(bench.caller, bench.running().id, name)


def test_a_domain_gets_traffic_only_after_its_proof(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    domains.look_for_proofs()
    assert stored(found).status is DomainState.PENDING
    assert f"_quarterdeck-challenge.{NAME}" in str(stored(found).reason)
    assert bench.stored(made).turn is None
    zone.prove(found)
    _, proved = domains.verify(bench.caller, made.id, found.id)
    assert proved.status is DomainState.VERIFIED
    bench.run_turn(made)
    assert [host.host for host in bench.kubernetes.applied[-1].hosts] == ["shop.apps.example.com", NAME]
    assert stored(found).status is DomainState.ACTIVE
    assert stored(found).verified_at is not None


def test_the_minute_finds_the_proof_by_itself_and_looks_no_more(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    domains.look_for_proofs()
    bench.run_turn(made)
    domains.look_for_proofs()
    assert bench.stored(made).turn is None
    assert stored(found).due_at is None


def test_a_name_is_had_once_over_all_users(bench: Bench, zone: Zone) -> None:
    made, _ = claimed(bench)
    other = bench.running("other")
    with pytest.raises(Conflict):
        domains.add(bench.caller, other.id, NAME)
    with pytest.raises(Conflict):
        domains.add(bench.caller, made.id, NAME)


@pytest.mark.parametrize("name", ["apps.example.com", "other.apps.example.com", "a.b.apps.example.com"])
def test_names_below_the_platforms_own_are_refused(bench: Bench, name: str) -> None:
    with pytest.raises(BadRequest):
        claimed(bench, name)


def test_what_is_not_proved_in_time_is_given_up_and_its_name_is_free(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = claimed(bench)
    later = clock.now() + model.PROVED_WITHIN + timedelta(seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        domains.look_for_proofs()
    assert stored(found).status is DomainState.FAILED
    other = bench.running("other")
    domains.add(bench.caller, other.id, NAME)
    domains.remove(bench.caller, made.id, found.id)
    with pytest.raises(Conflict):
        domains.add(bench.caller, made.id, NAME)


def test_name_servers_that_do_not_answer_are_told_and_asked_again(bench: Bench, zone: Zone) -> None:
    _, found = claimed(bench)
    zone.records = None
    domains.look_for_proofs()
    assert (stored(found).status, stored(found).reason) == (DomainState.PENDING, "No name server told.")
    assert stored(found).due_at is not None


def test_a_removed_domain_leaves_the_cluster_and_is_free(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    domains.verify(bench.caller, made.id, found.id)
    bench.run_turn(made)
    domains.remove(bench.caller, made.id, found.id)
    bench.run_turn(made)
    assert [host.host for host in bench.kubernetes.applied[-1].hosts] == ["shop.apps.example.com"]
    with pytest.raises(NotFound):
        domains.remove(bench.caller, made.id, found.id)
    domains.add(bench.caller, made.id, NAME)


def test_the_domains_of_a_deleted_deployment_go_with_it(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    service.delete(bench.caller, made.id)
    bench.run_turn(made)
    assert deployments.everything(made.id) == []
    assert domains.add(bench.caller, bench.running("other").id, NAME)[1].id != found.id
