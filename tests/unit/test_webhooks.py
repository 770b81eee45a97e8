"""One POST to real servers on loopback: well behaved ones, and ones that are not."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.core.outgoing import Destination
from chalicelib.kernel.errors import TransientTargetError
from chalicelib.targets import webhooks
from tests.support.receiver import ADDRESS, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def to(receiver: Receiver, host: str = "hooks.example.com", *, secure: bool = False) -> Destination:
    return Destination(secure, host, receiver.port, "/a?b=c", (receiver.address,))


def test_it_speaks_to_the_host_and_connects_to_the_address_that_was_judged(receiver: Receiver) -> None:
    answer = webhooks.post(to(receiver), b'{"x": 1}', {"Content-Type": "application/json"})
    assert answer.accepted
    (got,) = receiver.received
    assert (got.path, got.body) == ("/a?b=c", b'{"x": 1}')
    assert got.headers["Host"] == f"hooks.example.com:{receiver.port}"


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.end_headers()

    receiver.answers = deque([elsewhere])
    answer = webhooks.post(to(receiver), b"{}", {})
    assert (answer.status, answer.accepted, len(receiver.received)) == (307, False, 1)


def test_of_a_long_answer_the_beginning_is_read(receiver: Receiver) -> None:
    def long(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(503)
        handler.send_header("Retry-After", "90")
        handler.end_headers()
        handler.wfile.write(b"be\x00ep " * 100_000)

    receiver.answers = deque([long])
    answer = webhooks.post(to(receiver), b"{}", {})
    assert (answer.status, answer.retry_after, len(answer.excerpt)) == (
        503,
        90,
        webhooks.MOST_READ * 5 // 6 + 1,
    )


def test_a_receiver_that_drips_is_left_after_the_time_limit(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WHOLE_SECONDS", 0.3)
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not over.wait(0.05):
            try:
                handler.wfile.write(b"X-Drip: x\r\n")
            except OSError:
                return

    receiver.answers = deque([drip])
    with pytest.raises(TransientTargetError, match="no answer within"):
        webhooks.post(to(receiver), b"{}", {})
    over.set()


def test_nobody_there_and_a_broken_connection_are_said_in_words(receiver: Receiver) -> None:
    closed = Destination(False, "hooks.example.com", 9, "/", (ADDRESS,))
    with pytest.raises(TransientTargetError, match="cannot be reached on port 9: Connection refused"):
        webhooks.post(closed, b"{}", {})
    receiver.answers = deque([lambda handler: handler.connection.close()])
    with pytest.raises(TransientTargetError, match=r"hooks\.example\.com broke off"):
        webhooks.post(to(receiver), b"{}", {})


def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    both = Destination(False, "hooks.example.com", receiver.port, "/", ("127.78.0.1", receiver.address))
    assert webhooks.post(both, b"{}", {}).accepted


def certificate(directory: Path, host: str) -> tuple[Path, Path]:
    """Of its own authority, for ``host``: paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.9.9.9"))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture
def secure(receiver: Receiver, tmp_path: Path) -> tuple[Receiver, ssl.SSLContext]:
    """A receiver with a certificate for hooks.example.com, and a context that trusts it."""
    cert, key = certificate(tmp_path, "hooks.example.com")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    server = receiver._server
    server.socket = serving.wrap_socket(server.socket, server_side=True)
    return receiver, ssl.create_default_context(cafile=str(cert))


def test_the_certificate_is_checked_for_the_host_and_not_for_the_address(
    secure: tuple[Receiver, ssl.SSLContext],
) -> None:
    receiver, trusting = secure
    assert webhooks.post(to(receiver, secure=True), b"{}", {}, trusting).accepted
    with pytest.raises(TransientTargetError, match=r"certificate of other\.example is not good"):
        webhooks.post(to(receiver, "other.example", secure=True), b"{}", {}, trusting)


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: tuple[Receiver, ssl.SSLContext]) -> None:
    receiver, _ = secure
    with pytest.raises(TransientTargetError, match=r"certificate of hooks\.example\.com is not good"):
        webhooks.post(to(receiver, secure=True), b"{}", {})
    assert receiver.received == []
