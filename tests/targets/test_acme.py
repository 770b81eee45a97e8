"""The ACME driver against a real authority: pebble, which Let's Encrypt makes for tests of clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from acme.crypto_util import make_csr
from cryptography import x509

from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.acme import api, failures
from chalicelib.targets.acme.operations import OPERATIONS
from chalicelib.targets.acme.replies import Order, OrderStatus
from chalicelib.targets.acme.requests import (
    Account,
    AnswerRequest,
    Authority,
    FinalizeRequest,
    OrderRef,
    OrderRequest,
    RegisterRequest,
    RenewalRequest,
    RevokeRequest,
)
from tests.support import pebble as support
from tests.support.kubernetes import unique
from tests.support.pebble import Pebble
from tests.support.ports import free_port
from tests.support.stack import wait_until

pytestmark = pytest.mark.targets


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with support.running() as started:
        yield started


@pytest.fixture(scope="module")
def pages(pebble: Pebble) -> Iterator[dict[str, str]]:
    """What every host answers on the port that the authority looks at, by path."""
    with serving(pebble.http_port) as found:
        yield found


@pytest.fixture(scope="module")
def account(pebble: Pebble) -> Account:
    return registered(pebble.authority, support.new_key())


@pytest.fixture
def name() -> str:
    return f"{unique('shop')}.example.com"


@contextmanager
def serving(port: int) -> Iterator[dict[str, str]]:
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write((found or "no such page").encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()


def ask(verb: str, request: Any) -> Any:
    return OPERATIONS[f"acme.{verb}"](request)


def registered(authority: Authority, key: Secret) -> Account:
    found = ask("register", RegisterRequest(authority=authority, key=key, email="ops@example.org"))
    return Account(authority=authority, key=key, uri=found.uri)


def ordered(account: Account, *names: str) -> Order:
    order: Order = ask("order", OrderRequest(account=account, names=names))
    return order


def answer(account: Account, order: Order, kind: str = "http-01") -> None:
    challenges = tuple(one.uri for one in order.by(kind))
    assert ask("answer", AnswerRequest(account=account, challenges=challenges)).challenges == len(challenges)


def looked(account: Account, order: Order, *wanted: OrderStatus) -> Order:
    """The order when it is in one of these states."""
    found: Order = wait_until(
        lambda: (now := ask("look", OrderRef(account=account, order=order.uri))).status in wanted and now,
        what=f"order {wanted}",
    )
    return found


def issued(account: Account, order: Order) -> str:
    """The chain of an order whose names are proved."""
    looked(account, order, OrderStatus.READY)
    request = make_csr(support.new_key().reveal().encode(), list(order.names)).decode()
    ask("finalize", FinalizeRequest(account=account, order=order.uri, signing_request=request))
    looked(account, order, OrderStatus.VALID)
    # Finalizing what is finalized changes nothing.
    again = ask("finalize", FinalizeRequest(account=account, order=order.uri, signing_request=request))
    assert again.status is OrderStatus.VALID
    pem: str = ask("download", OrderRef(account=account, order=order.uri)).pem
    return pem


def by_http(account: Account, pages: dict[str, str], name: str) -> str:
    order = ordered(account, name)
    pages.update({one.path: one.content for one in order.by("http-01")})
    answer(account, order)
    return issued(account, order)


# ---------------------------------------------------------------- accounts


def test_a_key_is_an_account_which_is_found_again(pebble: Pebble) -> None:
    key = support.new_key()
    request = RegisterRequest(authority=pebble.authority, key=key, email="one@example.org")
    first = ask("register", request)
    second = ask("register", request.model_copy(update={"email": "two@example.org"}))
    assert (first.created, second.created) == (True, False)
    assert first.uri == second.uri
    session = api.of_account(Account(authority=pebble.authority, key=key, uri=first.uri))
    assert session.post(first.uri).json()["contact"] == ["mailto:two@example.org"]


def test_an_account_that_the_authority_does_not_know_is_said_to_be_so(pebble: Pebble, name: str) -> None:
    stranger = Account(
        authority=pebble.authority, key=support.new_key(), uri=f"{pebble.directory[:-4]}/my-account/77"
    )
    with pytest.raises(PermanentTargetError) as refused:
        ordered(stranger, name)
    assert failures.code_of(refused.value) == "accountDoesNotExist"


# ---------------------------------------------------------------- from the order to the certificate


def test_a_certificate_is_issued_by_http(
    pebble: Pebble, account: Account, pages: dict[str, str], name: str
) -> None:
    certificate, *others = x509.load_pem_x509_certificates(by_http(account, pages, name).encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]
    assert others
    certificate.verify_directly_issued_by(others[0])
    others[-1].verify_directly_issued_by(pebble.issuer())


def test_a_wildcard_is_proved_by_dns(pebble: Pebble, account: Account, name: str) -> None:
    order = ordered(account, name, f"*.{name}")
    assert [one.record for one in order.by("dns-01")] == [f"_acme-challenge.{name}"] * 2
    assert [one.name for one in order.by("http-01")] == [name]
    for one in order.by("dns-01"):
        pebble.set_text(one.record, one.content)
    answer(account, order, "dns-01")
    certificate = x509.load_pem_x509_certificate(issued(account, order).encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {name, f"*.{name}"}


def test_what_is_not_ready_yet_is_said_at_once(account: Account, name: str) -> None:
    order = ordered(account, name)
    assert order.status is OrderStatus.PENDING
    assert ask("look", OrderRef(account=account, order=order.uri)).status is OrderStatus.PENDING
    with pytest.raises(TransientTargetError, match="not signed yet") as early:
        ask("download", OrderRef(account=account, order=order.uri))
    assert failures.code_of(early.value) == "orderNotReady"
    request = make_csr(support.new_key().reveal().encode(), [name]).decode()
    wanted = FinalizeRequest(account=account, order=order.uri, signing_request=request)
    assert ask("finalize", wanted).status is OrderStatus.PENDING


# ---------------------------------------------------------------- refusals


def refusal(account: Account, order: Order) -> tuple[str, str]:
    answer(account, order)
    (problem,) = looked(account, order, OrderStatus.INVALID).problems
    assert problem.name == order.names[0]
    return problem.code, problem.message


def test_a_name_that_leads_elsewhere_is_not_proved(
    account: Account, pages: dict[str, str], name: str
) -> None:
    """Another server answers there, and knows nothing of the proof."""
    code, message = refusal(account, ordered(account, name))
    assert code == "unauthorized"
    assert f"http://{name}/ answered, but not with the proof" in message
    assert "Point" in message


def test_a_name_at_which_nobody_listens_is_not_proved(pebble: Pebble, account: Account, name: str) -> None:
    pebble.point(name, "127.99.0.1")
    code, message = refusal(account, ordered(account, name))
    assert code == "connection"
    assert "could not connect" in message
    assert "port 80" in message


def test_a_name_that_the_authority_does_not_take_is_refused_at_once(account: Account) -> None:
    with pytest.raises(PermanentTargetError) as refused:
        ordered(account, "not_a_name.example.com")
    assert failures.code_of(refused.value) in {"rejectedIdentifier", "malformed"}


def test_a_directory_that_nobody_serves_is_told_and_may_be_there_later(account: Account, name: str) -> None:
    away = Authority(directory=f"https://localhost:{free_port()}/dir", roots=account.authority.roots)
    with pytest.raises(TransientTargetError, match="localhost cannot be reached: it refuses connections"):
        ordered(Account(authority=away, key=account.key, uri=account.uri), name)


def test_an_authority_whose_certificate_is_not_trusted_is_not_spoken_to(pebble: Pebble) -> None:
    untrusted = Authority(directory=pebble.directory)
    with pytest.raises(PermanentTargetError, match="QUARTERDECK_ACME_CA_BUNDLE"):
        registered(untrusted, support.new_key())


def test_something_that_is_no_authority_is_told(pages: dict[str, str], pebble: Pebble) -> None:
    pages["/dir"] = "<html>hello</html>"
    for path in ("dir", "missing"):
        other = Authority(directory=f"http://127.0.0.1:{pebble.http_port}/{path}")
        with pytest.raises(PermanentTargetError, match="does not answer as a certificate authority does"):
            registered(other, support.new_key())


def test_an_authority_that_takes_no_nonce_is_asked_again_later() -> None:
    with support.running(nonces_refused=100) as stubborn, pytest.raises(TransientTargetError) as refused:
        registered(stubborn.authority, support.new_key())
    assert failures.code_of(refused.value) == "badNonce"


# ---------------------------------------------------------------- afterwards


def test_the_authority_says_when_to_renew_or_nothing(
    pebble: Pebble, account: Account, pages: dict[str, str], name: str
) -> None:
    pem = by_http(account, pages, name)
    found = ask("renewal_time", RenewalRequest(authority=pebble.authority, certificate=pem))
    asked_again = clock.parse(found.ask_again_at) - clock.now()
    assert timedelta(0) < asked_again <= timedelta(days=1)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    if found.at is not None:
        assert clock.parse(found.at) < certificate.not_valid_after_utc


def test_a_certificate_is_revoked_once(
    pebble: Pebble, account: Account, pages: dict[str, str], name: str
) -> None:
    pem = by_http(account, pages, name)
    request = RevokeRequest(account=account, certificate=pem)
    assert not ask("revoke", request).already
    assert ask("revoke", request).already
    assert pebble.status_of(x509.load_pem_x509_certificate(pem.encode())) == "Revoked"
