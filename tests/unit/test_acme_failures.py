"""What an authority refuses, in words for who reads them; what comes later and what does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.kernel import clock
from chalicelib.kernel.errors import TargetError
from chalicelib.targets.acme import failures
from chalicelib.targets.acme.api import seconds_of
from chalicelib.targets.acme.operations import OPERATIONS
from chalicelib.targets.acme.requests import Account, Authority, OrderRequest
from tests.support.pebble import new_key

Refusal = tuple[int, dict[str, str], dict[str, Any] | None]


class _Authority(ThreadingHTTPServer):
    """Has a directory and nonces, and refuses every order as it is told."""

    refusal: Refusal = (500, {}, None)

    @property
    def account(self) -> Account:
        directory = Authority(directory=f"http://127.0.0.1:{self.server_port}/dir")
        return Account(authority=directory, key=new_key(), uri="http://127.0.0.1/account/1")


class _Handler(BaseHTTPRequestHandler):
    server: _Authority

    def do_HEAD(self) -> None:
        self._answer(200, {}, {})

    def do_GET(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_port}"
        self._answer(200, {}, {"newNonce": f"{base}/nonce", "newOrder": f"{base}/order"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(*self.server.refusal)

    def _answer(self, status: int, headers: dict[str, str], body: dict[str, Any] | None) -> None:
        self.send_response(status)
        for name, value in {"Replay-Nonce": "bm9uY2U", "Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"gateway trouble" if body is None else json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def authority() -> Iterator[_Authority]:
    server = _Authority(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def problem(code: str, detail: str = "so it is") -> dict[str, Any]:
    return {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}


def refused(authority: _Authority, *refusal: Any) -> TargetError:
    authority.refusal = refusal
    with pytest.raises(TargetError) as raised:
        OPERATIONS["acme.order"](OrderRequest(account=authority.account, names=("shop.example.com",)))
    return raised.value


def test_a_limit_that_is_reached_passes_and_says_when(authority: _Authority) -> None:
    error = refused(authority, 429, {"Retry-After": "3600"}, problem("rateLimited", "too many certificates"))
    assert error.transient
    assert (failures.code_of(error), failures.retry_after_of(error)) == ("rateLimited", 3600)
    assert "too many certificates" in error.message


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("rejectedIdentifier", "Use another name"),
        ("caa", "CAA record"),
        ("externalAccountRequired", "QUARTERDECK_ACME_DIRECTORY"),
        ("invalidContact", "QUARTERDECK_ACME_EMAIL"),
        ("somethingNew", "refused to order a certificate"),
    ],
)
def test_what_time_does_not_mend_is_permanent_and_says_what_to_do(
    authority: _Authority, code: str, told: str
) -> None:
    error = refused(authority, 403, {}, problem(code))
    assert not error.transient
    assert failures.code_of(error) == code
    assert told in error.message


def test_the_words_about_single_names_are_passed_on(authority: _Authority) -> None:
    name = {"type": "dns", "value": "shop.example.com"}
    parts = [problem("rejectedIdentifier", "on a list of ours") | {"identifier": name}]
    error = refused(authority, 403, {}, problem("rejectedIdentifier", "no") | {"subproblems": parts})
    assert error.message.endswith("It said: no shop.example.com: on a list of ours")


def test_a_fault_of_theirs_is_transient(authority: _Authority) -> None:
    assert refused(authority, 500, {}, problem("serverInternal")).transient
    assert refused(authority, 503, {}, problem("somethingNew")).transient
    gateway = refused(authority, 502, {"Retry-After": "7"}, None)
    assert gateway.transient
    assert failures.retry_after_of(gateway) == 7
    assert gateway.message == "127.0.0.1 does not answer as a certificate authority does (502)."


def test_times_to_ask_again_are_seconds_or_dates() -> None:
    assert seconds_of("120") == 120
    later = seconds_of(format_datetime(clock.now() + timedelta(minutes=5), usegmt=True))
    assert later is not None
    assert 290 <= later <= 300
    assert seconds_of(format_datetime(clock.now() - timedelta(minutes=5), usegmt=True)) == 0
    assert seconds_of("99999999") == 8 * 24 * 3600
    assert [seconds_of(text) for text in ("", "soon", "-1")] == [None, None, None]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("connection", "port 80"),
        ("dns", "A, AAAA or CNAME"),
        ("unknownHost", "A, AAAA or CNAME"),
        ("incorrectResponse", "leads to another server"),
        ("caa", "CAA record of shop.example.com"),
        ("somethingNew", "Control of shop.example.com could not be proved."),
    ],
)
def test_why_control_was_not_proved_says_what_to_do(code: str, told: str) -> None:
    message = failures.unproved("shop.example.com", code, "theirs {braces}")
    assert told in message
    assert message.endswith(" It said: theirs {braces}")
