"""Deliveries as JSON: where to, what became of each attempt, and nothing that opens a door."""

from __future__ import annotations

from chalicelib.core import outgoing
from chalicelib.core.notices.model import Notice
from chalicelib.surfaces.birun.presenters.common import Json, moment


def delivery(found: Notice) -> Json:
    """Of a webhook's address the path is left out: with some receivers it is the secret."""
    return {
        "id": found.id,
        "channel": found.channel,
        "event": found.event,
        "about": found.about,
        "to": [outgoing.shown(found.url)] if found.url else list(found.to or ()),
        "status": found.state,
        "reason": found.reason,
        "attempts": [{**entry, "at": moment(entry["at"])} for entry in found.history],
        "next_attempt_at": moment(found.next_attempt_at),
        "created_at": moment(found.created_at),
        "completed_at": moment(found.completed_at),
    }
