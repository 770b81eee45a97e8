"""Whether a proof can be seen from outside: by HTTP on port 80 of an address that only tests use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.core.certificates import outside
from chalicelib.kernel import settings
from chalicelib.targets.acme.replies import Challenge
from tests.support.parts import require_root

pytestmark = pytest.mark.targets

ADDRESS = "127.77.80.1"
PROOF = Challenge(
    kind="http-01",
    uri="https://ca.test/1",
    name="www.shop.test",
    token="token",
    content="token.thumb",
    path="/.well-known/acme-challenge/token",
)
Pages = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    """Status and body by path, of every host."""
    require_root()
    found: Pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.get(self.path, (404, "nothing here"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((ADDRESS, 80), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch, pages: Pages) -> Iterator[None]:
    """Every name leads to that address, which the operator allowed."""
    pages.clear()
    monkeypatch.setenv("QUARTERDECK_ALLOWED_HOSTS", "127.77.80.0/24")
    monkeypatch.setattr(outside, "_resolver", lambda: lambda *_: [ADDRESS])
    settings.forget()
    yield
    settings.forget()


def test_a_proof_that_is_served_is_seen(pages: Pages) -> None:
    pages[PROOF.path] = (200, "token.thumb\n")
    assert outside.unseen([PROOF]) is None


def test_another_page_in_its_place_is_told(pages: Pages) -> None:
    assert outside.unseen([PROOF]) == "http://www.shop.test/ answers 404, and not with the proof."
    pages[PROOF.path] = (200, "another.thumb")
    assert outside.unseen([PROOF]) == "http://www.shop.test/ answers 200, and not with the proof."


def test_a_redirect_is_left_to_the_authority_and_not_followed(pages: Pages) -> None:
    pages[PROOF.path] = (301, "http://169.254.169.254/")
    assert outside.unseen([PROOF]) is None


def test_a_name_at_which_nobody_listens_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_resolver", lambda: lambda *_: ["127.77.80.9"])
    assert "cannot be reached on port 80" in str(outside.unseen([PROOF]))


def test_a_name_that_leads_into_a_private_network_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, pages: Pages
) -> None:
    pages[PROOF.path] = (200, "token.thumb")
    monkeypatch.setenv("QUARTERDECK_ALLOWED_HOSTS", "")
    settings.forget()
    assert "not on the public internet" in str(outside.unseen([PROOF]))


def test_a_proof_by_dns_is_none_of_its_business() -> None:
    assert outside.unseen([PROOF.model_copy(update={"kind": "dns-01"})]) is None
