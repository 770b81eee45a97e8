"""Certificates of domains on the packaged app: a real authority, a real cluster, an ingress between them."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from kubernetes import client as official

from tests.jobs.harbour import PATIENCE, Harbour, Json
from tests.support import ingress
from tests.support import pebble as authority
from tests.support.kubernetes import Cluster, unique
from tests.support.pebble import Pebble
from tests.support.stack import Stack, wait_until

pytestmark = pytest.mark.timeout(400)

ADDRESS = "127.77.0.1"
"""Where the ingress listens, and every name leads."""
NOWHERE = "127.99.0.1"


@dataclass
class Domain:
    """One of a deployment that is verified and on its way to a certificate."""

    harbour: Harbour
    deployment: Json
    id: str
    name: str

    def shown(self) -> Json:
        listed = self.harbour.ask(self.deployment, "GET", "/domains")["domains"]
        return next(one for one in listed if one["id"] == self.id)

    def certificate(self) -> Json:
        return self.shown()["certificate"] or {"status": None}

    def reached(self, *states: str) -> Json:
        def now() -> Json | None:
            found = self.certificate()
            return found if found["status"] in states else None

        found: Json = wait_until(now, seconds=PATIENCE, every=0.5, what=f"{states} of {self.name}")
        return found

    @property
    def namespace(self) -> str:
        return str(self.deployment["namespace"])

    def secret(self) -> str | None:
        """The Secret that the Ingress names for it."""
        network: Any = official.NetworkingV1Api(self.harbour.cluster.client)
        for one in network.list_namespaced_ingress(self.namespace).items:
            for tls in one.spec.tls or ():
                if self.name in tls.hosts and tls.secret_name:
                    return str(tls.secret_name)
        return None

    def stored(self, secret: str) -> tuple[list[x509.Certificate], Any] | None:
        """(chain, private key) in that Secret."""
        core: Any = official.CoreV1Api(self.harbour.cluster.client)
        found = {one.metadata.name: one.data for one in core.list_namespaced_secret(self.namespace).items}
        if secret not in found:
            return None
        data = found[secret]
        chain, key = (base64.b64decode(data[name]) for name in ("tls.crt", "tls.key"))
        return x509.load_pem_x509_certificates(chain), load_pem_private_key(key, None)


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with authority.running(ADDRESS, http_port=80) as started:
        yield started


@contextmanager
def configured(stack: Stack, function: str, **changes: str) -> Iterator[None]:
    """One function with other environment variables for a while."""
    functions, name = stack.aws("lambda"), stack.instance.deployed.functions[function]

    def configure(variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    configure(before | changes)
    try:
        yield
    finally:
        configure(before)


@pytest.fixture(scope="module")
def harbour(stack: Stack, cluster: Cluster, pebble: Pebble) -> Iterator[Harbour]:
    """Its authority is pebble, which looks where the ingress listens."""
    variables = {
        "QUARTERDECK_ACME_DIRECTORY": pebble.directory,
        "QUARTERDECK_ACME_CA_BUNDLE": pebble.roots,
        "QUARTERDECK_DNS_RESOLVER": f"127.0.0.1:{pebble.dns_port}",
        "QUARTERDECK_SOLVER_IMAGE": "local/bb:1",
        "QUARTERDECK_PROOF_SEEN_SECONDS": "5",
    }
    with ExitStack() as undo:
        for function in ("APIHandler", "EngineSteps", "EngineTick", "CertificateSteps", "CertificateTick"):
            undo.enter_context(configured(stack, function, **variables))
        undo.enter_context(ingress.running(cluster, ADDRESS))
        made = Harbour.open(stack, cluster)
        undo.callback(made.clear)
        yield made


def verified(harbour: Harbour, pebble: Pebble, deployment: Json, name: str) -> Domain:
    added = harbour.ask(deployment, "POST", "/domains", {"domain": name})
    record = next(one for one in added["dns_records"] if one["record_type"] == "TXT")
    pebble.set_text(record["name"], record["value"])
    assert harbour.ask(deployment, "POST", f"/domains/{added['id']}/verify")["status"] == "verified"
    return Domain(harbour, deployment, added["id"], name)


@pytest.fixture(scope="module")
def domains(harbour: Harbour, pebble: Pebble) -> dict[str, Domain]:
    """All that these tests need, asked for at once. ``lost`` leads nowhere until a test points it."""
    made = harbour.running(harbour.create())
    names = {key: f"{unique(key)}.example.org" for key in ("good", "lost")}
    pebble.point(names["lost"], NOWHERE)
    return {key: verified(harbour, pebble, made, name) for key, name in names.items()}


def test_a_verified_domain_gets_a_certificate_which_its_ingress_names(
    domains: dict[str, Domain], harbour: Harbour, pebble: Pebble
) -> None:
    good = domains["good"]
    found = good.reached("active")
    assert found["issuer"] == pebble.directory
    assert found["reason"] is None
    secret = wait_until(good.secret, seconds=PATIENCE, every=0.5, what="TLS on the Ingress")
    stored = good.stored(secret)
    assert stored is not None
    (certificate, *others), key = stored
    assert f"{certificate.serial_number:x}" == found["serial"]
    assert key.public_key() == certificate.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [good.name]
    certificate.verify_directly_issued_by(others[0])
    others[-1].verify_directly_issued_by(pebble.issuer())
    request = urllib.request.Request(f"http://{ADDRESS}/", headers={"Host": good.name})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.read().strip() == b"version 1"


def test_a_domain_that_leads_elsewhere_is_told_so_and_served_once_it_is_pointed_right(
    domains: dict[str, Domain], harbour: Harbour, pebble: Pebble
) -> None:
    lost = domains["lost"]
    failed = lost.reached("failed")
    assert f"could not connect to http://{lost.name}/ (port 80)" in failed["reason"]
    assert failed["next_retry_at"]
    assert lost.secret() is None, "its visitors are not sent to a certificate that is none"
    pebble.point(lost.name, ADDRESS)

    def issued() -> bool:
        harbour.stack.tick("CertificateTick")
        return bool(lost.certificate()["status"] == "active")

    wait_until(issued, seconds=PATIENCE, every=2, what="the next try")


def test_a_certificate_that_is_due_is_renewed_in_its_place(
    domains: dict[str, Domain], harbour: Harbour, stack: Stack
) -> None:
    good = domains["good"]
    before = good.reached("active")
    with stack.inside():
        make_due(good)

    def renewed() -> bool:
        harbour.stack.tick("CertificateTick")
        now = good.certificate()
        return bool(now["status"] == "active" and now["serial"] != before["serial"])

    wait_until(renewed, seconds=PATIENCE, every=1, what="the renewal")
    secret = good.secret()
    assert secret
    stored = good.stored(secret)
    assert stored is not None
    assert f"{stored[0][0].serial_number:x}" == good.certificate()["serial"]


def make_due(domain: Domain) -> None:
    """Its time to be renewed has come."""
    from chalicelib.aws import table
    from chalicelib.core.certificates import records
    from chalicelib.core.certificates.model import Certificate
    from chalicelib.kernel import clock

    subject = f"DEPLOYMENT#{domain.deployment['id']}"
    (found,) = (one for one in records.of_subject(subject) if one.names == [domain.name])
    now = clock.iso_now()
    table.update(found, [Certificate.renew_at.set(now), Certificate.due_at.set(now)])


def test_nothing_of_a_proof_is_left_and_a_removed_domains_certificate_goes(
    domains: dict[str, Domain], harbour: Harbour
) -> None:
    good, lost = domains["good"], domains["lost"]
    apps: Any = official.AppsV1Api(harbour.cluster.client)

    def deployments() -> list[str]:
        return [one.metadata.name for one in apps.list_namespaced_deployment(good.namespace).items]

    wait_until(
        lambda: deployments() == [good.deployment["app_name"]], seconds=PATIENCE, what="the solvers' end"
    )
    secret = good.secret()
    assert secret
    harbour.ask(good.deployment, "DELETE", f"/domains/{good.id}")
    wait_until(lambda: good.stored(secret) is None, seconds=PATIENCE, every=0.5, what="the Secret's end")
    assert good.secret() is None
    assert lost.stored(str(lost.secret())) is not None
