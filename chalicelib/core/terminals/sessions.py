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
from chalicelib.core.relays import registry
from chalicelib.core.terminals import model, slots
from chalicelib.core.terminals.model import COLLECTION, Entrance, Place, State, Terminal, subject
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


def open_terminal(actor: Actor, place: Place, connection_id: str) -> tuple[Terminal, Secret]:
    """The record, and the token that brings a person back to it. Raises Conflict when too many are open."""
    terminal_id = counting.next_ids(COLLECTION).start
    token = f"{terminal_id}.{ids.new_token()}"
    terminal = _new(actor, place, terminal_id)
    terminal.connection_id, terminal.resume_hash = connection_id, _digest(token)
    after = {"place": place.key, "name": place.name}
    for _ in range(_TRIES):
        slots.choose(terminal)
        try:
            table.write(
                [
                    Put(terminal, table.absent()),
                    *slots.taking(terminal),
                    Put(_entrance(connection_id, terminal_id)),
                    audit.entry(actor, "terminal.open", subject(terminal_id), after=after),
                    *_counted(terminal),
                ]
            )
            return terminal, Secret(token)
        except ConditionFailed:
            continue  # somebody took the place in this moment
    raise Conflict("Too many terminals are being opened at once. Try again.")


def _new(actor: Actor, place: Place, terminal_id: int) -> Terminal:
    listed = ids.padded(terminal_id)
    return Terminal(
        *counting.key(COLLECTION, terminal_id),
        gsi1pk=model.of_kind(place.kind),
        gsi1sk=listed,
        gsi2pk=model.of_user(place.kind, actor.user_id),
        gsi2sk=listed,
        gsi3pk=model.of_place(place.key),
        gsi3sk=listed,
        gsi4pk=model.living(place.kind),
        gsi4sk=listed,
        id=terminal_id,
        place=place.key,
        place_name=place.name,
        user_id=actor.user_id,
        username=actor.username,
        address=actor.address or None,
        relay_id=settings().relay_id,
        opened_at=clock.iso_now(),
    )


def _counted(terminal: Terminal) -> list[Update]:
    """Into the totals of the lists that it is in for good."""
    return [counting.adding(key, 1) for key in (terminal.gsi1pk, terminal.gsi2pk, terminal.gsi3pk)]


def _entrance(connection_id: str, terminal_id: int) -> Entrance:
    ttl = clock.epoch() + LONGEST_SECONDS
    return Entrance(f"CONN#{connection_id}", "TERMINAL", terminal_id=terminal_id, ttl=ttl)


def entrance(connection_id: str) -> Entrance | None:
    return table.find(Entrance, f"CONN#{connection_id}", "TERMINAL")


def close_entrance(found: Entrance) -> None:
    table.delete_many([found])


def resume(actor: Actor, place: str, token: str, connection_id: str) -> Terminal:
    """Gives the terminal at ``place`` (its key) to another connection of the same person. Raises NotFound
    when there is none."""
    number = token.partition(".")[0]
    terminal = find(int(number)) if number.isascii() and number.isdigit() and len(number) <= 12 else None
    if (
        terminal is None
        or not secrets.compare_digest(terminal.resume_hash, _digest(token))
        or (int(terminal.user_id), terminal.place) != (actor.user_id, place)
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
        "place": terminal.place,
        "seconds": round(lasted, 1),
        "reason": ending.reason,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
    }
    actions = [
        Terminal.state.set(State.ENDED.value),
        Terminal.ended_at.set(clock.iso_now()),
        Terminal.gsi4pk.remove(),
        Terminal.gsi4sk.remove(),
    ]
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
