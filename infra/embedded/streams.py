"""The table's stream across restarts, and its size.

The emulator keeps how far each consumer has read, but not the records: after a restart its consumers would
wait at a place that the new, empty stream reaches only when as many changes have been made again. So what
has not been read yet is kept in the snapshot too, and what everybody has read is dropped, where the
emulator would hold it in memory for a day.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = "unread-streams.json"
Scope = tuple[str, str, str]
"""Account, region and table, as the emulator keys its stores."""


def save(target: Path) -> None:
    """Write the records that some consumer has not read yet. For the snapshot's child."""
    unread = [
        {"scope": list(scope), "position": first, "records": records}
        for scope in _stores()[0]._data
        for first, records in [_unread(scope)]
    ]
    (target / FILE).write_text(json.dumps(unread), encoding="utf-8")


def restore(snapshot: Path) -> None:
    """Put them back at their places, once the emulator has loaded its own state."""
    file = snapshot / FILE
    if not file.exists():
        return
    records, trimmed = _stores()
    for kept in json.loads(file.read_text(encoding="utf-8")):
        scope = tuple(kept["scope"])
        # Something may have been written since the start: it comes behind what was there before.
        records._data[scope] = kept["records"] + records._data.get(scope, [])
        trimmed._data[scope] = kept["position"]


def forget_read() -> None:
    """Drop what every consumer has read. In the thread of the emulator's loop, as its own trimming is."""
    records, trimmed = _stores()
    for scope, held in list(records._data.items()):
        first, _ = _unread(scope)
        gone = first - trimmed._data.get(scope, 0)
        if gone > 0:
            trimmed._data[scope] = first
            del held[:gone]


def _stores() -> tuple[Any, Any]:
    from ministack.services import dynamodb

    return dynamodb._stream_records, dynamodb._stream_trimmed


def _unread(scope: Scope) -> tuple[int, list[Any]]:
    """(position of the first record that not all have read, the records from there on)"""
    records, trimmed = _stores()
    start, held = trimmed._data.get(scope, 0), records._data[scope]
    end = start + len(held)
    first = min([max(start, min(end, place)) for place in _places(scope)], default=end)
    return first, held[first - start :]


def _places(scope: Scope) -> list[int]:
    """How far each consumer of that table's stream has read; 0 for one that has not begun."""
    from ministack.services import lambda_svc

    places = lambda_svc._dynamodb_stream_positions._data
    return [
        places.get((*scope[:2], key[-1]), 0)
        for key, mapping in list(lambda_svc._esms._data.items())
        if f":table/{scope[2]}/stream/" in mapping.get("EventSourceArn", "")
    ]
