"""Certificates follow a deployment's domains: asked for, named by the Ingress when there, given back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.aws import table
from chalicelib.core.certificates import records
from chalicelib.core.certificates.model import Certificate, State
from chalicelib.kernel import clock, settings
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.presenters import domains as present
from chalicelib.surfaces.engine.service import certificates, domains, scaling
from chalicelib.surfaces.engine.service import deployments as service
from tests.unit.engine.bench import Bench
from tests.unit.engine.test_domains import NAME, Zone, claimed, zone

__all__ = ["zone"]

Secrets = dict[str, str | None]


def proved(bench: Bench, zone: Zone) -> Deployment:
    """A running one whose domain has come to the cluster."""
    made, domain = claimed(bench)
    zone.prove(domain)
    domains.verify(bench.caller, made.id, domain.id)
    bench.run_turn(made)
    return bench.stored(made)


def certificate(found: Deployment) -> Certificate | None:
    asked = records.of_subject(deployments.key(found.id))
    assert len(asked) <= 1
    return asked[0] if asked else None


def installed(found: Deployment) -> Certificate:
    """As the issuance leaves it."""
    asked = certificate(found)
    assert asked is not None
    end = clock.iso(clock.now() + timedelta(days=90))
    table.update(asked, [Certificate.not_after.set(end), Certificate.state.set(State.ACTIVE.value)])
    return asked


def secrets(bench: Bench) -> Secrets:
    """Host to Secret, as last applied."""
    return {one.host: one.tls_secret for one in bench.kubernetes.applied[-1].hosts}


def test_a_domain_that_was_proved_gets_a_certificate_and_tls_when_it_is_there(
    bench: Bench, zone: Zone
) -> None:
    found = proved(bench, zone)
    asked = certificate(found)
    assert asked is not None
    assert (asked.names, asked.status, asked.scope) == ([NAME], State.PENDING, "engine")
    assert secrets(bench)[NAME] is None
    certificates.installed(installed(found))
    bench.run_turn(found)
    assert secrets(bench) == {found.host: None, NAME: certificates.tls_secret(NAME)}
    assert bench.stored(found).turn is None


def test_there_is_room_for_the_proof_beside_the_app(bench: Bench, zone: Zone) -> None:
    proved(bench, zone)
    assert bench.kubernetes.applied[-1].solvers == 1


def test_the_list_shows_the_certificate(bench: Bench, zone: Zone) -> None:
    found = proved(bench, zone)
    (domain,) = domains.listed(bench.caller, found.id)[1]
    shown = present.domain(domain, found, certificates.of(bench.stored(found))[NAME])["certificate"]
    assert (shown["status"], shown["not_after"], shown["reason"]) == ("pending", None, None)


def test_a_domain_that_is_removed_gives_its_certificate_back(bench: Bench, zone: Zone) -> None:
    found = proved(bench, zone)
    installed(found)
    (domain,) = domains.listed(bench.caller, found.id)[1]
    domains.remove(bench.caller, found.id, domain.id)
    asked = certificate(found)
    assert asked is not None
    assert asked.status is State.ACTIVE, "the Ingress still names it"
    bench.run_turn(found)
    asked = certificate(found)
    assert asked is not None
    assert asked.status is State.REMOVING


def test_a_domain_removed_while_another_change_waits_gives_its_certificate_back_with_that(
    bench: Bench, zone: Zone
) -> None:
    found = proved(bench, zone)
    installed(found)
    bench.update(found, image="registry.example.com/shop:2")
    first = bench.event(found)
    (domain,) = domains.listed(bench.caller, found.id)[1]
    domains.remove(bench.caller, found.id, domain.id)
    scaling.scale(bench.caller, found.id, 2)
    bench.run(first)
    asked = certificate(found)
    assert asked is not None
    assert asked.status is State.ACTIVE, "another change is to come"
    bench.run_turn(found)
    asked = certificate(found)
    assert asked is not None
    assert asked.status is State.REMOVING


def test_a_deployment_that_is_deleted_gives_its_certificates_back(bench: Bench, zone: Zone) -> None:
    found = proved(bench, zone)
    service.delete(bench.caller, found.id)
    bench.run_turn(found)
    asked = certificate(found)
    assert asked is not None
    assert asked.status is State.REMOVING


def test_an_installation_for_a_deployment_that_is_gone_changes_nothing(bench: Bench, zone: Zone) -> None:
    found = proved(bench, zone)
    asked = installed(found)
    table.delete_many([bench.stored(found)])
    certificates.installed(asked)


def test_a_cluster_with_an_issuer_makes_its_own(bench: Bench, zone: Zone) -> None:
    bench.register_cluster(issuer="letsencrypt")
    found = proved(bench, zone)
    assert certificate(found) is None
    assert secrets(bench)[NAME] == certificates.tls_secret(NAME)
    assert bench.kubernetes.applied[-1].solvers == 0


def test_an_operator_may_want_none(bench: Bench, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_ACME_DIRECTORY", "off")
    settings.forget()
    found = proved(bench, zone)
    assert certificate(found) is None
    assert secrets(bench)[NAME] is None
