"""One question to a relay with a waiting caller: the answer comes back through a reply item."""

from __future__ import annotations

import json
import time
from typing import Any

from pydantic import BaseModel
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import blobs, queues, table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.core.relays import orders, registry
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError, Unavailable
from chalicelib.kernel.settings import settings

KEPT_SECONDS = 3600
LARGEST_VALUE = 256 * 1024
"""Bytes of JSON that an item has room for."""

_FIRST_LOOK = 0.02
_SLOWEST_LOOK = 0.25


class Reply(Record, discriminator="reply"):
    """``error``: transient or permanent, with the words in ``message``; absent when all went well.

    A ``value`` that is too large for an item lies in the bucket, under the name ``blob``.
    """

    value: JSONAttribute = JSONAttribute(null=True)
    blob = UnicodeAttribute(null=True)
    error = UnicodeAttribute(null=True)
    message = UnicodeAttribute(null=True)


def ask(
    operation: str, request: BaseModel, wait_seconds: float, relay_id: str | None = None
) -> dict[str, Any]:
    """The reply as the operation's JSON. Raises TargetError as the relay did, Unavailable without a relay."""
    must_be_heard(relay_id or settings().relay_id)
    call_id = ids.new_uuid()
    name = f"call/{call_id}"
    expires = clock.epoch() + int(wait_seconds)
    body = {"operation": operation, "call": call_id, "expires": expires, "sealed": orders.seal(name, request)}
    queues.send(settings().relay_queue_url, body)
    reply = _wait(call_id, wait_seconds)
    if reply is None:
        raise Unavailable(f"The relay gave no answer within {wait_seconds:.0f} seconds. Try again.")
    if reply.error:
        raise _raised(reply)
    value: dict[str, Any] = json.loads(blobs.get(reply.blob)) if reply.blob else reply.value
    return value


def must_be_heard(relay_id: str) -> None:
    """Raises Unavailable when that relay is not there to do anything."""
    silent = registry.silent_for(registry.find(relay_id))
    if silent is None or silent > registry.LATE_SECONDS:
        told = "has never reported in" if silent is None else f"was last heard of {silent:.0f} seconds ago"
        raise Unavailable(f"The relay '{relay_id}' {told}. Start it and try again.")


def _wait(call_id: str, seconds: float) -> Reply | None:
    until, pause = time.monotonic() + seconds, _FIRST_LOOK
    while time.monotonic() < until:
        reply = table.find(Reply, f"REPLY#{call_id}", "REPLY")
        if reply is not None:
            return reply
        time.sleep(pause)
        pause = min(_SLOWEST_LOOK, pause * 1.5)
    return None


def _raised(reply: Reply) -> TargetError:
    kind = TransientTargetError if reply.error == "transient" else PermanentTargetError
    return kind(reply.message or "The target refused.")


def answer(call_id: str, value: dict[str, Any]) -> None:
    text = json.dumps(value).encode()
    if len(text) <= LARGEST_VALUE:
        table.put(_reply(call_id, value=value))
        return
    name = f"runs/replies/{call_id}"
    blobs.put(name, text)
    table.put(_reply(call_id, blob=name))


def refuse(call_id: str, error: TargetError) -> None:
    kind = "transient" if error.transient else "permanent"
    table.put(_reply(call_id, error=kind, message=error.message))


def _reply(call_id: str, **fields: Any) -> Reply:
    return Reply(f"REPLY#{call_id}", "REPLY", ttl=clock.epoch() + KEPT_SECONDS, **fields)
