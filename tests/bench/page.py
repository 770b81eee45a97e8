"""A page of 50 servers out of 10,000, against one out of 100: two instances side by side, taking turns."""

from __future__ import annotations

from contextlib import ExitStack

from tests.bench.report import Finding, median, ratio, spread
from tests.bench.timing import Getter, interleaved
from tests.support.stack import Stack, running

FEW, MANY = 100, 10_000
PAGE = 50
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
    detail = {"few": spread(first), "many": spread(first_of_many)}
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
    """Servers made by the inventory's own code on the instance's table."""
    from chalicelib.core import audit
    from chalicelib.core.inventory import servers
    from chalicelib.core.inventory.servers import Credentials
    from chalicelib.kernel.secrets import Secret

    with stack.inside():
        given = Credentials(password=Secret("secret"))
        for position in range(number):
            fields = {
                "name": f"server {position}",
                "hostname": f"host-{position}.example.com",
                "username": "root",
                "port": 22,
                "auth_type": "password",
                "description": "one of many",
            }
            servers.create(audit.SYSTEM, fields, given)
    total = stack.client("admin").ok("GET", "/servers/?limit=1")["total"]
    if total != number:
        raise RuntimeError(f"{total} servers are counted, {number} were made")
