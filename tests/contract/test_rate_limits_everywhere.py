"""Every operation counts: where a window holds one call, the next one is 429 and says when to come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count

import jwt
import pytest

from tests.support import cases, manners, tokens
from tests.support.client import ContractClient
from tests.support.contract import RATE_HEADERS, Operation
from tests.support.people import PASSWORD
from tests.support.stack import Stack
from tests.support.things import unique

_hosts = count(1)


def address() -> str:
    """An address that no other test calls from."""
    return f"127.78.{next(_hosts)}.{int(time.time()) % 250 + 1}"


def buckets() -> set[str]:
    """Names of all that operations count in."""
    from chalicelib.surfaces.birun.routes.base import surface as birun
    from chalicelib.surfaces.engine.routes.base import surface as engine

    served = {"birun": birun, "engine": engine}
    assert served.keys() == manners.SURFACES.keys()
    return {
        (operation.bucket or surface.general).name
        for surface in served.values()
        for operation in surface.operations
    }


@pytest.fixture(scope="module")
def hasty(stack: Stack) -> Iterator[ContractClient]:
    """Somebody whose windows hold one call each. He comes by an API key: nothing here logs him out."""
    name = unique("hasty")
    stack.ensure_user(name, "user")
    claims = jwt.decode(stack.log_in(name, PASSWORD).token or "", options={"verify_signature": False})
    with stack.inside():
        key = tokens.api_key(int(claims["sub"]))[1]
    narrow = ",".join(f"{bucket}=1" for bucket in sorted(buckets()))
    with stack.configured(QUARTERDECK_RATE_LIMITS="on", QUARTERDECK_LIMITS=narrow):
        yield stack.anonymous(address=address()).as_user(key)


@pytest.mark.parametrize("operation", cases.every())
def test_what_is_past_the_window_is_429(operation: Operation, hasty: ContractClient) -> None:
    """Three calls, because between any two of them the minute may turn. They have no bodies and name nothing
    that is there: none does anything."""
    client = hasty.on(operation.contract.surface)
    for _ in range(3):
        answer = client.request(operation.method, cases.with_ids(operation))
        if answer.status_code == 429:
            break
    assert answer.status_code == 429, answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    limit, remaining, reset = (int(answer.headers[name]) for name in RATE_HEADERS)
    assert (limit, remaining) == (1, 0)
    assert time.time() - 5 <= reset <= time.time() + 65
