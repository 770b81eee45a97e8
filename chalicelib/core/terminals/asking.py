"""What a surface asks for: a terminal to be opened, gone on with, or ended."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.aws import table
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.terminals import orders, sessions
from chalicelib.core.terminals.model import Place, Terminal, subject
from chalicelib.core.terminals.orders import InContainer, OnServer, TerminalOrder
from chalicelib.kernel import clock
from chalicelib.kernel.secrets import Secret


@dataclass(frozen=True)
class Screen:
    """The person's, in characters."""

    columns: int = 80
    rows: int = 24


def open_at(
    actor: Actor, place: Place, where: OnServer | InContainer, connection_id: str, screen: Screen
) -> Terminal:
    """Has the relay open a shell for the connection; what becomes of it is told there.

    Raises Unavailable without a relay and Conflict when too many are open. Should the order not get out, the
    sweep ends the record.
    """
    sessions.must_be_heard()
    terminal, resume = sessions.open_terminal(actor, place, connection_id)
    order = _order(terminal, where, screen, resume)
    body = {
        "do": "open",
        "terminal": order.terminal_id,
        "sealed": orders.seal(order),
        "expires": clock.epoch() + orders.OPEN_WITHIN,
    }
    orders.send(connection_id, body)
    return terminal


def _order(
    terminal: Terminal, where: OnServer | InContainer, screen: Screen, resume: Secret
) -> TerminalOrder:
    return TerminalOrder(
        terminal_id=int(terminal.id),
        where=where,
        resume=resume,
        columns=screen.columns,
        rows=screen.rows,
    )


def go_on(actor: Actor, place: str, token: str, connection_id: str, seen: int | None) -> Terminal:
    """The same terminal on another connection; ``seen`` tells how far the person saw its output (the ``at``
    of the last message). Raises NotFound when there is none to go on with."""
    terminal = sessions.resume(actor, place, token, connection_id)
    orders.send(connection_id, {"do": "resume", "terminal": int(terminal.id), "seen": seen})
    return terminal


def stop(actor: Actor, terminal: Terminal) -> None:
    """Asks the relay to end it; stopping what has ended succeeds."""
    if terminal.ended:
        return
    terminal_id = int(terminal.id)
    table.write([audit.entry(actor, "terminal.stop", subject(terminal_id))])
    body = {"do": "stop", "terminal": terminal_id, "by": actor.username}
    orders.send(terminal.connection_id, body)
