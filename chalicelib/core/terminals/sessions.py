"""A terminal's life: opened by a person, begun and ended by the relay, each change audited with it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Update
from chalicelib.core import audit, counting
from chalicelib.core.audit import SYSTEM, Actor
from chalicelib.core.events.connections import LONGEST_SECONDS
from chalicelib.core.inventory.servers import Server
from chalicelib.core.relays import registry
from chalicelib.core.terminals import slots
from chalicelib.core.terminals.model import COLLECTION, Entrance, State, Terminal, subject
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import Conflict, NotFound, Unavailable
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings

_TRIES = 5
OVER = "This session cannot be resumed: it has ended, or the token is not of it."


@dataclass(frozen=True)
class Ending:
    """``reason`` is for people; None when the shell ended by itself."""

    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None


def find(terminal_id: int) -> Terminal | None:
    return table.find(Terminal, *counting.key(COLLECTION, terminal_id))


def get(terminal_id: int) -> Terminal:
    found = find(terminal_id)
    if found is None:
        raise NotFound(f"There is no terminal session {terminal_id}.")
    return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def must_be_heard() -> None:
    """Raises Unavailable when no relay would take a terminal."""
    silent = registry.silent_for(registry.find(settings().relay_id))
    if silent is None or silent > registry.LATE_SECONDS:
        raise Unavailable(f"The relay '{settings().relay_id}' does not answer. Start it and try again.")


def open_terminal(actor: Actor, server: Server, connection_id: str) -> tuple[Terminal, Secret]:
    """The record, and the token that brings a person back to it. Raises Conflict when too many are open."""
    terminal_id = counting.next_ids(COLLECTION).start
    token = f"{terminal_id}.{ids.new_token()}"
    terminal = Terminal(
        *counting.key(COLLECTION, terminal_id),
        id=terminal_id,
        server_id=server.id,
        server_name=server.name,
        user_id=actor.user_id,
        username=actor.username,
        address=actor.address or None,
        relay_id=settings().relay_id,
        connection_id=connection_id,
        resume_hash=_digest(token),
        opened_at=clock.iso_now(),
    )
    after = {"server_id": int(server.id), "server_name": server.name}
    for _ in range(_TRIES):
        slots.choose(terminal)
        try:
            table.write(
                [
                    Put(terminal, table.absent()),
                    *slots.taking(terminal),
                    Put(_entrance(connection_id, terminal_id)),
                    audit.entry(actor, "terminal.open", subject(terminal_id), after=after),
                    *counting.counting(COLLECTION, [terminal_id]),
                ]
            )
            return terminal, Secret(token)
        except ConditionFailed:
            continue  # somebody took the place in this moment
    raise Conflict("Too many terminals are being opened at once. Try again.")


def _entrance(connection_id: str, terminal_id: int) -> Entrance:
    ttl = clock.epoch() + LONGEST_SECONDS
    return Entrance(f"CONN#{connection_id}", "TERMINAL", terminal_id=terminal_id, ttl=ttl)


def entrance(connection_id: str) -> Entrance | None:
    return table.find(Entrance, f"CONN#{connection_id}", "TERMINAL")


def close_entrance(found: Entrance) -> None:
    table.delete_many([found])


def resume(actor: Actor, server_id: int, token: str, connection_id: str) -> Terminal:
    """Gives the terminal to another connection of the same person. Raises NotFound when there is none."""
    number = token.partition(".")[0]
    terminal = find(int(number)) if number.isascii() and number.isdigit() and len(number) <= 12 else None
    if (
        terminal is None
        or not secrets.compare_digest(terminal.resume_hash, _digest(token))
        or (int(terminal.user_id), int(terminal.server_id)) != (actor.user_id, server_id)
    ):
        raise NotFound(OVER)
    try:
        table.write(
            [
                Update(terminal, [Terminal.connection_id.set(connection_id)], Terminal.state == State.OPEN),
                Put(_entrance(connection_id, int(terminal.id))),
                audit.entry(actor, "terminal.resume", subject(int(terminal.id))),
            ]
        )
    except ConditionFailed as error:
        raise NotFound(OVER) from error
    return terminal


def begin(terminal_id: int, boot: str) -> bool:
    """The relay has a shell. False: nobody wants it any more."""
    actions = [
        Terminal.state.set(State.OPEN.value),
        Terminal.boot.set(boot),
        Terminal.started_at.set(clock.iso_now()),
    ]
    record = Terminal(*counting.key(COLLECTION, terminal_id))
    try:
        table.update(record, actions, Terminal.state == State.OPENING)
        return True
    except ConditionFailed:
        return False


def note_recording(terminal_id: int, pieces: int, size: int, *, cut: bool) -> None:
    actions = [Terminal.pieces.set(pieces), Terminal.recorded_bytes.set(size), Terminal.cut.set(cut)]
    try:
        table.update(Terminal(*counting.key(COLLECTION, terminal_id)), actions, table.present())
    except ConditionFailed:
        return


def end(terminal_id: int, ending: Ending, actor: Actor = SYSTEM) -> bool:
    """False when it had ended before, or never was."""
    terminal = find(terminal_id)
    if terminal is None or terminal.ended:
        return False
    lasted = (clock.now() - clock.parse(terminal.opened_at)).total_seconds()
    after = {
        "username": terminal.username,
        "server_id": int(terminal.server_id),
        "seconds": round(lasted, 1),
        "reason": ending.reason,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
    }
    actions = [Terminal.state.set(State.ENDED.value), Terminal.ended_at.set(clock.iso_now())]
    told = {"reason": ending.reason, "exit_code": ending.exit_code, "signal": ending.signal}
    actions += [getattr(Terminal, name).set(value) for name, value in told.items() if value is not None]
    try:
        table.write(
            [
                Update(terminal, actions, Terminal.state != State.ENDED),
                *slots.freeing(terminal),
                audit.entry(actor, "terminal.close", subject(terminal_id), after=after),
            ]
        )
    except ConditionFailed:
        return False
    return True
