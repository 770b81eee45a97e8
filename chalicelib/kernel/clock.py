"""Time in one place, in UTC, so that tests can hold it still."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    return at(time.time())


def at(seconds: float) -> datetime:
    """The moment that many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def epoch() -> int:
    """Whole seconds since 1970, as DynamoDB's TTL and JWT want them."""
    return int(time.time())


def iso(moment: datetime) -> str:
    """``2024-01-01T12:00:00.123456Z``: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_now() -> str:
    return iso(now())


def parse(text: str) -> datetime:
    """The reverse of :func:`iso`; a time without zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
