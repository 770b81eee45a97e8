"""Log streams that no relay follows any more: whoever listens is told to come again."""

from __future__ import annotations

from chalicelib.aws import sockets
from chalicelib.core.logstreams import streams
from chalicelib.core.logstreams.streams import LogStream
from chalicelib.core.relays import registry
from chalicelib.core.relays.registry import Relay
from chalicelib.core.terminals.orders import OPEN_WITHIN
from chalicelib.kernel import clock
from chalicelib.kernel.settings import settings

COME_AGAIN = " Connect again with the cursor of the last message to go on without a gap."
RESTARTED = "The relay that followed this log was started again." + COME_AGAIN
AWAY = "The relay that followed this log does not answer any more." + COME_AGAIN
NOT_TAKEN = "No relay began to follow this log in time." + COME_AGAIN


def sweep(_: None = None) -> None:
    relay = registry.find(settings().relay_id)
    for stream in streams.of_relay():
        reason = _lost(stream, relay)
        if reason:
            streams.end(stream.sk)
            sockets.dismiss(stream.sk, reason)


def _lost(stream: LogStream, relay: Relay | None) -> str | None:
    silent = registry.silent_for(relay)
    if relay is None or silent is None or silent > registry.LATE_SECONDS:
        return AWAY
    if stream.boot is None:
        return NOT_TAKEN if clock.epoch() - int(stream.opened_at) > 2 * OPEN_WITHIN else None
    return RESTARTED if stream.boot != relay.boot else None
