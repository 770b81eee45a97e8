"""The function behind the table's stream: totals, notices on their way, and messages to viewers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.core.events import connections, listeners, pump, tallies
from chalicelib.core.events.connections import Connection
from chalicelib.core.identity import attendance
from chalicelib.core.notices import outbox
from chalicelib.core.schedules import running
from chalicelib.core.workflows import waking


def _image(record: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] = record["dynamodb"].get("NewImage") or {}
    return image


def _kind(record: dict[str, Any]) -> str:
    return str(_image(record).get("kind", {}).get("S", ""))


def _wants_turn(record: dict[str, Any]) -> bool:
    """A connection that was just opened, or that asked to go on. Its other changes are the pump's own."""
    old = record["dynamodb"].get("OldImage")
    return old is None or old.get("requested") != _image(record).get("requested")


def fan_out(records: list[dict[str, Any]]) -> dict[str, Any]:
    """One batch of stream records, taken as a whole: a failure brings all of it again, and a repeat does
    no harm."""
    tallies.keep(records)
    running.listen(records)
    waking.listen(records)
    outbox.listen(records)
    listeners.listen(records)
    attendance.listen(records)
    _serve(_viewers(records))
    return {"batchItemFailures": []}


def _serve(viewers: Iterable[Connection]) -> None:
    """One that cannot be told keeps no other waiting. Raises ExceptionGroup when all have had their turn."""
    failures: list[Exception] = []
    for viewer in viewers:
        try:
            pump.serve(viewer)
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} viewers could not be told", failures)


def _viewers(records: list[dict[str, Any]]) -> Iterator[Connection]:
    """Those for whom there is something, once each."""
    told: set[str] = set()
    for source in dict.fromkeys(_fed(records)):
        for connection in connections.watching(source):
            told.add(connection.connection_id)
            yield connection
    for source, connection_id in _waiting(records):
        opened = None if connection_id in told else connections.find(source, connection_id)
        if opened is not None:
            yield opened


def _fed(records: list[dict[str, Any]]) -> list[str]:
    return [
        record["dynamodb"]["Keys"]["pk"]["S"].split("#")[1] for record in records if _kind(record) == "feed"
    ]


def _waiting(records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (_image(record)["source"]["S"], _image(record)["connection_id"]["S"])
        for record in records
        if _kind(record) == "connection" and _wants_turn(record)
    ]
