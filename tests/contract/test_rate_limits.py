"""The documented limits: 5 log-ins a minute from an address, 100 other calls a minute of a user.

The stack of the session runs without limits; here the deployed function gets them for a while.
Calls come from other addresses of the loopback network, so that no test spends another's window.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from requests import Response

from tests.support.client import ContractClient
from tests.support.contract import RATE_HEADERS, load
from tests.support.stack import PASSWORD, Stack
from tests.support.world import unique

WINDOW = 60
ROOM = 20  # seconds of a window that a test needs
_BUCKETS = load("birun").document["x-rate-limits"]["buckets"]
LOG_INS = _BUCKETS["authentication"]["requests"]
CALLS = _BUCKETS["general"]["requests"]

_hosts = itertools.count(1)
WRONG = {"username": "nobody", "password": "wrong"}


def address() -> str:
    """An address that no other test calls from."""
    return f"127.77.{next(_hosts)}.{int(time.time()) % 250 + 1}"


@dataclass(frozen=True)
class Limited:
    stack: Stack

    def anonymous(self, source: str) -> ContractClient:
        return self.stack.anonymous(limits=True, address=source)

    def user(self, source: str) -> ContractClient:
        """A new user who calls from ``source``, and whose log-in came from elsewhere."""
        name = unique("limited")
        self.stack.ensure_user(name, "user")
        token = self.stack.log_in(name, PASSWORD, limits=True, address=address()).token
        return self.anonymous(source).as_user(token)


@pytest.fixture(scope="module")
def limited(stack: Stack) -> Iterator[Limited]:
    with stack.configured(QUARTERDECK_RATE_LIMITS="on"):
        yield Limited(stack)


@pytest.fixture(autouse=True)
def _room_in_the_window() -> None:
    """Windows are minutes of the clock: begin where one has room for the test."""
    left = WINDOW - time.time() % WINDOW
    if left < ROOM:
        time.sleep(left + 0.2)


def numbers(response: Response) -> tuple[int, int, int]:
    headers = response.headers
    limit, remaining, reset = (int(headers[name]) for name in RATE_HEADERS)
    return limit, remaining, reset


def test_the_sixth_log_in_of_a_minute_from_an_address_is_429(limited: Limited) -> None:
    client = limited.anonymous(address())
    answers = [client.post("/auth/login", WRONG) for _ in range(LOG_INS + 1)]
    assert [answer.status_code for answer in answers] == [401] * LOG_INS + [429]
    assert [numbers(answer)[1] for answer in answers] == [4, 3, 2, 1, 0, 0]
    refused = answers[-1]
    assert refused.json()["status"] == "error"
    limit, remaining, reset = numbers(refused)
    assert (limit, remaining) == (LOG_INS, 0)
    assert abs(time.time() + int(refused.headers["Retry-After"]) - reset) <= 2


def test_registrations_and_log_ins_share_one_window(limited: Limited) -> None:
    client = limited.anonymous(address())
    for _ in range(LOG_INS):
        client.post("/auth/login", WRONG)
    name = unique("late")
    body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
    assert client.post("/auth/register", body).status_code == 429
    assert limited.anonymous(address()).post("/auth/register", body).status_code == 200


def test_another_address_has_a_window_of_its_own(limited: Limited) -> None:
    spent = limited.anonymous(address())
    for _ in range(LOG_INS + 1):
        last = spent.post("/auth/login", WRONG)
    assert last.status_code == 429
    assert limited.anonymous(address()).post("/auth/login", WRONG).status_code == 401


def test_an_address_written_into_a_header_does_not_make_another_caller(limited: Limited) -> None:
    client = limited.anonymous(address())
    statuses = [
        client.post("/auth/login", WRONG, headers={"X-Forwarded-For": f"203.0.113.{host}"}).status_code
        for host in range(LOG_INS + 1)
    ]
    assert statuses == [401] * LOG_INS + [429]


def test_a_malformed_log_in_counts_too(limited: Limited) -> None:
    client = limited.anonymous(address())
    statuses = [client.post("/auth/login", {"username": "x"}).status_code for _ in range(LOG_INS + 1)]
    assert statuses == [422] * LOG_INS + [429]


def test_the_hundred_and_first_call_of_a_minute_is_429(limited: Limited) -> None:
    client = limited.user(address())
    answers = [client.get("/settings/") for _ in range(CALLS + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert [numbers(answer)[1] for answer in answers] == [*range(CALLS - 1, -1, -1), 0]
    assert answers[-1].status_code == 429
    assert {numbers(answer)[0] for answer in answers} == {CALLS}


def test_a_users_calls_count_wherever_they_come_from_and_whatever_they_are(limited: Limited) -> None:
    client = limited.user(address())
    elsewhere = limited.anonymous(address()).as_user(client.token)
    for _ in range(CALLS // 2):
        client.get("/servers/")
        elsewhere.get("/scripts/987654321")
    assert client.get("/server-groups/").status_code == 429
    assert elsewhere.delete("/servers/987654321").status_code == 429


def test_one_users_limit_is_not_anothers(limited: Limited) -> None:
    source = address()
    first = limited.user(source)
    for _ in range(CALLS + 1):
        last = first.get("/settings/")
    assert last.status_code == 429
    assert limited.user(source).get("/settings/").status_code == 200


def test_an_address_that_keeps_failing_to_authenticate_is_429(limited: Limited) -> None:
    client = limited.anonymous(address()).as_user("not.a.token")
    statuses = [client.get("/servers/").status_code for _ in range(60)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}
    assert limited.anonymous(address()).as_user("not.a.token").get("/servers/").status_code == 401


@pytest.mark.slow
def test_a_window_resets_when_its_headers_said(limited: Limited) -> None:
    source = address()
    client = limited.anonymous(source)
    for _ in range(LOG_INS + 1):
        refused = client.post("/auth/login", WRONG)
    assert refused.status_code == 429
    user = limited.user(source)
    for _ in range(CALLS + 1):
        spent = user.get("/settings/")
    assert spent.status_code == 429
    reset = max(numbers(refused)[2], numbers(spent)[2])
    time.sleep(max(0.0, reset - time.time()) + 0.5)
    assert numbers(client.post("/auth/login", WRONG))[1] == LOG_INS - 1
    assert numbers(user.get("/settings/"))[1] == CALLS - 1


def test_without_limits_nothing_is_counted_out(stack: Stack, limited: Limited) -> None:
    with stack.configured(QUARTERDECK_RATE_LIMITS="off"):
        client = stack.anonymous(address=address())
        answers = [client.post("/auth/login", WRONG) for _ in range(LOG_INS * 2)]
    assert {answer.status_code for answer in answers} == {401}
