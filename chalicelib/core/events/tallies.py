"""Kept totals of parts by state and by server, moved by what the stream says."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from chalicelib.aws import table
from chalicelib.core import counting
from chalicelib.core.executions import model
from chalicelib.core.executions.status import Status

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


def keep(records: list[dict[str, Any]]) -> None:
    """The same records again (a repeated batch) count once: the transaction's token is theirs."""
    changed = sorted(moves(records).items())
    digest = hashlib.sha256("".join(record["eventID"] for record in records).encode()).hexdigest()
    for start in range(0, len(changed), _ROOM):
        writes = [counting.adding(name, amount) for name, amount in changed[start : start + _ROOM]]
        table.write(writes, token=f"{digest[:28]}{start:08d}")
