"""Kept totals of parts by state and by server, and of those that ended by minute, moved by what the stream
says."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.core import counting
from chalicelib.core.executions import model
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock

_MINUTES_KEPT = 2 * 3600
_ROOM = table.MAX_TRANSACTION - 10


def _part(image: dict[str, Any] | None) -> dict[str, Any] | None:
    return image if image and image.get("kind", {}).get("S") == "part" else None


def _collections(part: dict[str, Any] | None) -> list[str]:
    if part is None:
        return []
    listed = Status(part["status"]["S"]).listed_as
    return [f"{model.PARTS}#status#{listed}", f"{model.PARTS}#server#{part['server_id']['N']}"]


def moves(records: list[dict[str, Any]]) -> Counter[str]:
    """By how much each total changes."""
    found: Counter[str] = Counter()
    for record in records:
        images = record["dynamodb"]
        found.update(_collections(_part(images.get("NewImage"))))
        found.subtract(_collections(_part(images.get("OldImage"))))
    return Counter({name: amount for name, amount in found.items() if amount})


def _ended(record: dict[str, Any]) -> tuple[str, str, int] | None:
    """Of a part that has just ended: the hour's collection, the minute and state within it, when they go."""
    images = record["dynamodb"]
    part, before = _part(images.get("NewImage")), _part(images.get("OldImage"))
    if part is None or before is None or Status(before["status"]["S"]).final:
        return None
    status = Status(part["status"]["S"])
    if not status.final:
        return None
    at = clock.parse(part["completed_at"]["S"])
    return _hour(at), f"{at:%M}#{status.listed_as}", int(at.timestamp()) + _MINUTES_KEPT


def _hour(moment: datetime) -> str:
    return f"{model.PARTS}#ended#{moment:%Y-%m-%dT%H}"


def ended_within_an_hour(now: datetime) -> Counter[Status]:
    """How many parts came to each state in the sixty minutes up to this one."""
    since = now - timedelta(minutes=59)
    found: Counter[Status] = Counter()
    for hour in dict.fromkeys((_hour(since), _hour(now))):
        first = f"{since:%M}" if hour == _hour(since) else None
        for name, many in counting.totals(hour, first).items():
            found[Status(name.partition("#")[2])] += many
    return found


def keep(records: list[dict[str, Any]]) -> None:
    """The same records again (a repeated batch) count once: the transaction's token is theirs."""
    ended = Counter(found for record in records if (found := _ended(record)) is not None)
    changed = [counting.adding(name, amount) for name, amount in sorted(moves(records).items())]
    changed += [counting.adding(hour, many, what, ttl) for (hour, what, ttl), many in sorted(ended.items())]
    digest = hashlib.sha256("".join(record["eventID"] for record in records).encode()).hexdigest()
    for start in range(0, len(changed), _ROOM):
        table.write(changed[start : start + _ROOM], token=f"{digest[:28]}{start:08d}")
