"""A real certificate authority for tests: Let's Encrypt's pebble, with a name server of its own, on loopback.

It validates as Let's Encrypt does, by HTTP on ``http_port`` of whatever address its name server gives; here
every name leads to ``address`` until a test says otherwise.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.acme.requests import Authority
from tests.support import certificates
from tests.support.parts import require
from tests.support.ports import free_port
from tests.support.stack import wait_until

HOST = "localhost"


def new_key() -> Secret:
    """An account's, as PEM."""
    return Secret(certificates.new_key())


@dataclass(frozen=True)
class Pebble:
    """``roots``: PEM of what its own server's certificate is signed by."""

    directory: str
    roots: str
    http_port: int
    dns_port: int
    _management: str
    _dns_management: str

    @property
    def authority(self) -> Authority:
        return Authority(directory=self.directory, roots=self.roots)

    def issuer(self) -> x509.Certificate:
        """The root of the certificates that it makes."""
        return x509.load_pem_x509_certificate(self._ask(f"{self._management}/roots/0"))

    def intermediate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self._ask(f"{self._management}/intermediates/0"))

    def status_of(self, certificate: x509.Certificate) -> str:
        """``Valid`` or ``Revoked``."""
        found: str = json.loads(
            self._ask(f"{self._management}/cert-status-by-serial/{certificate.serial_number:x}")
        )["Status"]
        return found

    # ---------------------------------------------------------------- names

    def point(self, name: str, *addresses: str) -> None:
        """``name`` leads there alone."""
        self._tell("clear-a", {"host": f"{name}."})  # what is added comes beside what is there
        self._tell("add-a", {"host": f"{name}.", "addresses": list(addresses)})

    def set_text(self, name: str, value: str) -> None:
        self._tell("set-txt", {"host": f"{name}.", "value": value})

    def forbid(self, name: str) -> None:
        """A CAA record of ``name`` that names somebody else."""
        policy = {"tag": "issue", "value": "another.example"}
        self._tell("add-caa", {"host": f"{name}.", "policies": [policy]})

    def _tell(self, verb: str, content: dict[str, Any]) -> None:
        self._ask(f"{self._dns_management}/{verb}", json.dumps(content).encode())

    def _ask(self, url: str, body: bytes | None = None) -> bytes:
        context = ssl.create_default_context(cadata=self.roots) if url.startswith("https") else None
        with urllib.request.urlopen(url, body, timeout=10, context=context) as answer:
            found: bytes = answer.read()
            return found


@contextmanager
def running(
    address: str = "127.0.0.1", *, http_port: int | None = None, nonces_refused: int = 0
) -> Iterator[Pebble]:
    """``nonces_refused``: in a hundred."""
    program, names_program = require("pebble"), require("pebble-challtestsrv")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-pebble-") as text:
        made = Path(text)
        roots = _certificate_for_localhost(made)
        port, management, dns, dns_management = (free_port() for _ in range(4))
        http_port = http_port or free_port()
        config = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(made / "cert.pem"),
            "privateKey": str(made / "key.pem"),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (made / "config.json").write_text(json.dumps({"pebble": config}))
        names = [names_program, "-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{dns_management}"]
        names += ["-http01", "", "-https01", "", "-tlsalpn01", ""]
        names += ["-defaultIPv4", address, "-defaultIPv6", ""]
        authority = [program, "-config", str(made / "config.json"), "-dnsserver", f"127.0.0.1:{dns}"]
        environment = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_AUTHZREUSE": "0",
            "PEBBLE_WFE_NONCEREJECT": str(nonces_refused),
        }
        pebble = Pebble(
            f"https://{HOST}:{port}/dir",
            roots,
            http_port,
            dns,
            f"https://{HOST}:{management}",
            f"http://127.0.0.1:{dns_management}",
        )
        with _process(names, made / "names.log"), _process(authority, made / "log", environment):
            wait_until(lambda: _answers(pebble), what="pebble")
            yield pebble


@contextmanager
def _process(command: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _answers(pebble: Pebble) -> bool:
    try:
        pebble._ask(pebble.directory)
        pebble._tell("clear-txt", {"host": "nobody."})
    except OSError:
        return False
    return True


def _certificate_for_localhost(directory: Path) -> str:
    """Writes ``cert.pem`` and ``key.pem``; the certificate signs itself."""
    certificate, key = certificates.self_signed(HOST)
    (directory / "cert.pem").write_text(certificate)
    (directory / "key.pem").write_text(key)
    return certificate
