"""Rate limits in windows of one minute, counted by one conditional update each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from chalicelib.aws import table
from chalicelib.kernel import clock
from chalicelib.kernel.errors import RateLimited
from chalicelib.kernel.settings import settings

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Bucket:
    """Calls a minute for one subject (a user, an address) under ``name``: ``default`` of them, unless the
    operator has set another number for the name (``QUARTERDECK_LIMITS=name=number,name=number``)."""

    name: str
    default: int

    @property
    def requests(self) -> int:
        return _chosen(settings().limits).get(self.name, self.default)


@lru_cache(maxsize=4)
def _chosen(text: str) -> dict[str, int]:
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): int(number) for name, _, number in pairs}


@dataclass(frozen=True)
class Standing:
    """What the rate-limit headers say. ``reset`` is Unix time in seconds."""

    limit: int
    remaining: int
    reset: int


def window() -> tuple[int, int]:
    """(number of the current window, when it ends as Unix time)."""
    number = clock.epoch() // WINDOW_SECONDS
    return number, (number + 1) * WINDOW_SECONDS


def standing(bucket: Bucket, used: int) -> Standing:
    return Standing(bucket.requests, max(0, bucket.requests - used), window()[1])


def exceeded(reset: int) -> RateLimited:
    wait = max(1, reset - clock.epoch())
    return RateLimited(f"Rate limit exceeded. Try again in {wait} seconds.", wait)


def _count(bucket: Bucket, address: str, amount: int) -> tuple[bool, int]:
    number, reset = window()
    condition = {}
    values: dict[str, dict[str, str]] = {":some": {"N": str(amount)}, ":ttl": {"N": str(reset + 60)}}
    if settings().rate_limits:
        condition = {"ConditionExpression": "attribute_not_exists(used) OR used < :most"}
        values[":most"] = {"N": str(bucket.requests)}
    passed, item = table.raw_update(
        {
            "Key": {"pk": {"S": f"LIMIT#{bucket.name}#{address}"}, "sk": {"S": str(number)}},
            "UpdateExpression": "ADD used :some SET #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": values,
            **condition,
        }
    )
    return passed, int(item.get("used", {"N": "0"})["N"])


def count_address(bucket: Bucket, address: str) -> Standing:
    """Counts one call from ``address``, or of whatever else names who is counted. Raises RateLimited when
    the window is used up."""
    passed, used = _count(bucket, address, 1)
    if not passed:
        raise exceeded(window()[1])
    return standing(bucket, used)
