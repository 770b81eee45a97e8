"""A domain of an owner's own: claimed once over all users, proved before traffic, given back."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.aws import table
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, Conflict, NotFound, TransientTargetError
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine import steps
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model import domains as model
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain, DomainState
from chalicelib.surfaces.engine.service import changing, domains, reconciling
from chalicelib.surfaces.engine.service import deployments as service
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


def given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> tuple[Deployment, Domain]:
    """A claim whose time has passed without proof."""
    made, found = claimed(bench)
    later = clock.now() + model.PROVED_WITHIN + timedelta(seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        domains.look_for_proofs()
    assert stored(found).status is DomainState.FAILED
    return made, found


def test_what_is_not_proved_in_time_is_given_up_and_its_name_is_free(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = given_up(bench, monkeypatch)
    other = bench.running("other")
    domains.add(bench.caller, other.id, NAME)
    domains.remove(bench.caller, made.id, found.id)
    with pytest.raises(Conflict):
        domains.add(bench.caller, made.id, NAME)


def test_a_claim_that_was_given_up_is_not_proved_any_more(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = given_up(bench, monkeypatch)
    zone.prove(found)
    with pytest.raises(BadRequest, match="add it again"):
        domains.verify(bench.caller, made.id, found.id)
    assert (stored(found).status, bench.stored(made).domains) == (DomainState.FAILED, [])


def test_a_claim_given_up_goes_without_the_newer_one_beside_it(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, old = given_up(bench, monkeypatch)
    _, new = domains.add(bench.caller, made.id, NAME)
    zone.prove(new)
    domains.verify(bench.caller, made.id, new.id)
    bench.run_turn(made)
    domains.remove(bench.caller, made.id, old.id)
    assert (stored(new).status, bench.stored(made).domains) == (DomainState.ACTIVE, [NAME])
    assert model.find(made.id, old.id) is None
    with pytest.raises(Conflict):
        domains.add(bench.caller, bench.running("other").id, NAME)


def test_only_who_holds_the_name_gets_its_traffic_and_gives_it_back(bench: Bench, zone: Zone) -> None:
    made, found = claimed(bench)
    other = bench.running("other")
    table.put(model.guard(NAME, other.id))
    zone.prove(found)
    with pytest.raises(Conflict):
        domains.verify(bench.caller, made.id, found.id)
    assert bench.stored(made).domains == []
    domains.remove(bench.caller, made.id, found.id)
    with pytest.raises(Conflict):
        domains.add(bench.caller, made.id, NAME)


def test_a_proof_that_comes_while_its_domain_is_removed_leaves_no_traffic(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = claimed(bench)
    zone.prove(found)
    read = changing.own

    def overtaken(caller: Caller, deployment_id: str) -> Deployment:
        deployment = read(caller, deployment_id)
        if not deployment.domains:
            domains.look_for_proofs()
        return deployment

    monkeypatch.setattr(domains, "own", overtaken)
    domains.remove(bench.caller, made.id, found.id)
    assert bench.stored(made).domains == []
    assert domains.listed(bench.caller, made.id)[1] == []


def test_name_servers_that_do_not_answer_are_told_and_asked_again(bench: Bench, zone: Zone) -> None:
    _, found = claimed(bench)
    zone.records = None
    domains.look_for_proofs()
    assert (stored(found).status, stored(found).reason) == (DomainState.PENDING, "No name server told.")
    assert stored(found).due_at is not None


def test_the_clusters_are_looked_at_before_any_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(reconciling, "look_around", lambda: looked.append("clusters"))
    monkeypatch.setattr(domains, "look_for_proofs", lambda: looked.append("domains"))
    steps.look_around(None)
    assert looked == ["clusters", "domains"]


def test_slow_name_servers_take_no_more_than_their_time_and_each_claim_gets_its_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench.running()
    names = [domains.add(bench.caller, made.id, f"{number}.example.org")[1].challenge for number in range(20)]
    asked: list[str] = []

    def slow(request: TextRequest) -> TextReply:
        asked.append(request.name)
        raise TransientTargetError("No name server told.")

    def minute(number: int) -> None:
        now = clock.now() + timedelta(minutes=number)
        hand = SimpleNamespace(monotonic=lambda: len(asked) * dns.SECONDS)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: now)
            patch.setattr(domains, "time", hand)
            domains.look_for_proofs()

    monkeypatch.setattr(dns, "lookup_text", slow)
    monkeypatch.setattr(domains, "_AT_ONCE", 1)
    minute(0)
    assert asked == names[:3]
    for number in range(1, 7):
        minute(number)
    assert asked[:20] == names


def test_a_claim_that_cannot_be_looked_at_goes_behind_the_others(
    bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, found = claimed(bench)
    _, other = domains.add(bench.caller, made.id, "other.example.org")
    zone.prove(other)

    def failing(request: TextRequest) -> TextReply:
        if request.name == found.challenge:
            raise RuntimeError("broken")
        return zone.lookup(request)

    monkeypatch.setattr(dns, "lookup_text", failing)
    domains.look_for_proofs()
    assert stored(other).status is DomainState.VERIFIED
    assert str(stored(found).due_at) > str(found.due_at)
    assert "RuntimeError" in str(stored(found).reason)


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
