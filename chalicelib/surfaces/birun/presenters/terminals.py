"""Terminal sessions and their recordings as JSON."""

from __future__ import annotations

from chalicelib.core.terminals.model import Terminal
from chalicelib.core.terminals.recordings import Stretch
from chalicelib.surfaces.birun.presenters.common import Json, moment, whole


def terminal(found: Terminal) -> Json:
    """``address``: where the person came from. ``recording_complete``: nothing was left out of it so far."""
    return {
        "id": int(found.id),
        "server_id": int(found.place.partition("#")[2]),
        "server_name": found.place_name,
        "user_id": int(found.user_id),
        "username": found.username,
        "address": found.address,
        "status": found.state,
        "opened_at": moment(found.opened_at),
        "started_at": moment(found.started_at),
        "ended_at": moment(found.ended_at),
        "reason": found.reason,
        "exit_code": whole(found.exit_code),
        "signal": found.signal,
        "recorded_bytes": int(found.recorded_bytes),
        "recording_complete": not found.cut,
    }


def recording(found: Terminal, stretch: Stretch) -> Json:
    return {
        "terminal_id": int(found.id),
        "format": "asciicast-v2",
        "data": stretch.text,
        "cursor": str(stretch.next_piece),
        "complete": stretch.complete,
    }
