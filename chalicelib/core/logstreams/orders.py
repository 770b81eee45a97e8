"""What a relay is told of log streams, on the queue of terminals; and how far somebody has heard.

- ``follow``: ``sealed`` (a :class:`FollowOrder`), ``expires`` (Unix time)
- ``gone``: the connection is closed
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.core.relays import orders
from chalicelib.core.terminals.orders import OPEN_WITHIN, send
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest
from chalicelib.targets.kubernetes.requests import FollowRequest, Mark

LARGEST_CURSOR = 64 * 1024
NOT_A_CURSOR = "The cursor should be one that a message of this stream had."


class FollowOrder(BaseModel):
    """Secrets are in clear here: this exists in memory and sealed, nowhere else."""

    model_config = ConfigDict(frozen=True)

    request: FollowRequest


def follow(connection_id: str, request: FollowRequest) -> None:
    sealed = orders.seal(_name(connection_id), FollowOrder(request=request))
    send(connection_id, {"do": "follow", "sealed": sealed, "expires": clock.epoch() + OPEN_WITHIN})


def gone(connection_id: str) -> None:
    send(connection_id, {"do": "gone"})


def unseal(connection_id: str, sealed: str) -> FollowOrder:
    return FollowOrder.model_validate_json(orders.unseal(_name(connection_id), sealed))


def _name(connection_id: str) -> str:
    return f"logs/{connection_id}"


# ---------------------------------------------------------------- places


def cursor(marks: Mapping[str, Mark]) -> str:
    """Fits into an address, also for many pods: their names are much alike."""
    told = {pod: [mark.timestamp, mark.lines] for pod, mark in marks.items()}
    packed = zlib.compress(json.dumps(told, separators=(",", ":")).encode())
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(text: str) -> dict[str, Mark]:
    """Empty for the beginning. Raises BadRequest."""
    if not text:
        return {}
    try:
        unpacking = zlib.decompressobj()
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        told = json.loads(unpacking.decompress(packed, LARGEST_CURSOR))
        return {pod: Mark(timestamp=when, lines=lines) for pod, (when, lines) in told.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error, zlib.error, ValidationError) as error:
        raise BadRequest(NOT_A_CURSOR) from error
