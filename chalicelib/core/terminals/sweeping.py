"""Terminals that nobody holds any more: their relay is away, was started again, or never took them."""

from __future__ import annotations

from chalicelib.aws import sockets
from chalicelib.core.relays import registry
from chalicelib.core.relays.registry import Relay
from chalicelib.core.terminals import sessions, slots
from chalicelib.core.terminals.model import State, Terminal
from chalicelib.core.terminals.orders import OPEN_WITHIN
from chalicelib.core.terminals.sessions import Ending
from chalicelib.kernel import clock
from chalicelib.kernel.settings import settings

RESTARTED = "The relay was started again, and with its end this session ended."
AWAY = "The relay does not answer any more; this session is lost."
NOT_TAKEN = "No relay opened this session in time."


def sweep(_: None = None) -> None:
    """Ends what is lost with its reason and tells the person."""
    relay = registry.find(settings().relay_id)
    for slot in slots.taken(slots.of_relay(settings().relay_id)):
        terminal = sessions.find(int(slot.terminal_id))
        reason = _lost(terminal, relay) if terminal is not None else None
        if terminal is not None and reason and sessions.end(int(terminal.id), Ending(reason)):
            sockets.dismiss(terminal.connection_id, reason)


def _lost(terminal: Terminal, relay: Relay | None) -> str | None:
    silent = registry.silent_for(relay)
    if relay is None or silent is None or silent > registry.LATE_SECONDS:
        return AWAY
    if terminal.state == State.OPENING:
        waited = (clock.now() - clock.parse(terminal.opened_at)).total_seconds()
        return NOT_TAKEN if waited > 2 * OPEN_WITHIN else None
    return RESTARTED if terminal.boot != relay.boot else None
