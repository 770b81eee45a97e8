"""A page of 50 servers out of 10,000, against one out of 100: two instances side by side, taking turns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.bench.report import Finding, median, ratio, spread
from tests.bench.timing import Getter, interleaved
from tests.support.stack import Stack, running

if TYPE_CHECKING:
    from chalicelib.core.inventory.servers import Server

FEW, MANY = 100, 10_000
PAGE = 50
BULK = 5_000  # servers whose counts fit in one transaction
ROUNDS = 100
MOST = 1.3


def measure() -> list[Finding]:
    with ExitStack() as both:
        few, many = (both.enter_context(running()) for _ in range(2))
        fill(few, FEW)
        fill(many, MANY)
        sides = [
            getter(few, 1),
            getter(many, 1),
            getter(few, FEW // PAGE),
            getter(many, MANY // PAGE // 2),
            getter(many, MANY // PAGE),
        ]
        first, first_of_many, second, middle, last = interleaved(sides, ROUNDS, warm_up=10)
    detail = {"spread_of_few": spread(first), "spread_of_many": spread(first_of_many)}
    return [
        _ratio("first page", first_of_many, first, MOST, **detail),
        _ratio("middle page", middle, second, MOST),
        _ratio("last page", last, second, MOST),
        Finding("page", f"first page of {FEW}", median(first), "ms"),
        Finding("page", f"first page of {MANY}", median(first_of_many), "ms"),
    ]


def _ratio(what: str, many: list[float], few: list[float], limit: float, **detail: object) -> Finding:
    return ratio("page", f"{what} of {MANY} / of {FEW}", median(many), median(few), limit, **detail)


def getter(stack: Stack, page: int) -> Getter:
    admin = stack.client("admin")
    return Getter(admin.url(f"/servers/?limit={PAGE}&page={page}"), admin.token)


def fill(stack: Stack, number: int) -> None:
    """Servers as the inventory stores them, many a request instead of a transaction each."""
    from chalicelib.aws import table
    from chalicelib.core import counting
    from chalicelib.core.inventory import servers

    with stack.inside():
        for start in range(0, number, BULK):
            numbers = counting.next_ids(servers.COLLECTION, min(BULK, number - start))
            table.put_many(_server(one) for one in numbers)
            table.write(counting.counting(servers.COLLECTION, numbers))
    total = stack.client("admin").ok("GET", "/servers/?limit=1")["total"]
    if total != number:
        raise RuntimeError(f"{total} servers are counted, {number} were made")


def _server(number: int) -> Server:
    from chalicelib.core import counting
    from chalicelib.core.inventory import servers
    from chalicelib.core.inventory.servers import Server
    from chalicelib.kernel import clock, ids

    name, hostname, now = f"server {number}", f"host-{number}.example.com", clock.iso_now()
    return Server(
        *counting.key(servers.COLLECTION, number),
        gsi1pk="SERVERS",
        gsi1sk=ids.padded(number),
        id=number,
        uuid=ids.new_uuid(),
        name=name,
        hostname=hostname,
        username="root",
        auth_type="password",
        description="one of many",
        search=f"{name}\n{hostname}",
        created_at=now,
        updated_at=now,
    )
