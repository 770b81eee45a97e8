"""How many users watch what a surface tells them: a kept number, moved by what the stream says.

A user counts once, however many connections he has. His connections share a partition, whose changes come in
order: when the last one has gone, none is left to be found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Record
from chalicelib.core import counting
from chalicelib.core.events import connections, topics


class Listener(Record, discriminator="listener"):
    """There for as long as the user has a connection."""


def connected(surface: str) -> int:
    return counting.total(_collection(surface))


def _collection(surface: str) -> str:
    return f"listeners#{surface}"


def listen(records: Iterable[dict[str, Any]]) -> None:
    """Stream records. Those of a repeated batch change nothing more."""
    for record in records:
        image = record["dynamodb"].get("NewImage") or record["dynamodb"].get("OldImage") or {}
        if image.get("kind", {}).get("S") != "connection":
            continue
        source = image["source"]["S"]
        if (surface := topics.surface_of(source)) is None:
            continue
        if record["eventName"] == "INSERT":
            _came(source, surface)
        elif record["eventName"] == "REMOVE" and not connections.watching(source):
            _went(source, surface)


def _listener(source: str) -> Listener:
    return Listener(f"LISTENER#{source}", "LISTENER")


def _came(source: str, surface: str) -> None:
    try:
        table.write([Put(_listener(source), table.absent()), counting.adding(_collection(surface), 1)])
    except ConditionFailed:
        return


def _went(source: str, surface: str) -> None:
    try:
        table.write([Delete(_listener(source), table.present()), counting.adding(_collection(surface), -1)])
    except ConditionFailed:
        return
