"""Executions as the documented JSON."""

from __future__ import annotations

from chalicelib.core.executions import outputs
from chalicelib.core.executions.model import OUTPUT_HEAD, Execution, Part
from chalicelib.core.executions.outputs import Place
from chalicelib.core.executions.status import Status, together
from chalicelib.kernel import clock
from chalicelib.kernel.settings import MIB
from chalicelib.rest import sizes
from chalicelib.surfaces.birun.presenters.common import Json, moment, whole
from chalicelib.surfaces.birun.schemas.common import WORDS

OUTPUT_SHOWN = MIB
"""Bytes of output that one answer carries, fewer of those that JSON makes much of; the whole is read by
cursor."""


def execution(part: Part, room: int | None = None, long_after: int | None = None) -> Json:
    """A list entry: the head of the output, marked where there is more.

    ``room``: bytes of the answer that the output may take, where the head may be too much.
    ``long_after``: seconds after which one that runs is called long-running.
    """
    size = int(part.output_bytes or 0)
    head = None if part.output is None else part.output.decode("utf-8", "replace")
    text = head if head is None or room is None else sizes.fitting(head, room)
    return {
        "id": int(part.id),
        "execution_id": part.execution_id,
        "script_id": whole(part.script_id),
        "server_id": int(part.server_id),
        "status": WORDS[part.state],
        "started_at": moment(part.started_at),
        "completed_at": moment(part.completed_at),
        "output": "" if text is None and part.state.final else text,
        "output_bytes": size,
        "output_truncated": size > OUTPUT_HEAD or text != head,
        "exit_code": whole(part.exit_code),
        "signal": part.signal,
        "reason": part.reason,
        "long_running": _runs_long(part, long_after),
        "script": {"id": whole(part.script_id), "name": part.script_name},
        "server": {"id": int(part.server_id), "name": part.server_name},
    }


def _runs_long(part: Part, long_after: int | None) -> bool:
    if long_after is None or part.state is not Status.RUNNING or part.started_at is None:
        return False
    return (clock.now() - clock.parse(part.started_at)).total_seconds() > long_after


def execution_in_full(part: Part, long_after: int | None = None) -> Json:
    """With output up to OUTPUT_SHOWN bytes, or what of it fits; while it runs, what there is so far."""
    shown = execution(part, long_after=long_after)
    if part.state.final and not shown["output_truncated"]:
        return shown
    text, size, complete = _read_output(part)
    if part.state.final and size < OUTPUT_HEAD:
        return shown  # the index is not there yet, or the rest not any more: the head is the most there is
    shown |= {"output": text or None, "output_truncated": not complete}
    shown["output_bytes"] = max(size, shown["output_bytes"])
    return shown


def _read_output(part: Part) -> tuple[str, int, bool]:
    """(text, bytes read, whether that is all)"""
    found: list[bytes] = []
    size, complete, place = 0, True, Place()
    for piece in outputs.pieces(part, place):
        if found and size + len(piece.data) > OUTPUT_SHOWN:
            complete = False
            break
        found.append(piece.data)
        size, place = size + len(piece.data), piece.behind
    text = b"".join(found).decode("utf-8", "replace")
    shown = sizes.fitting(text, sizes.ROOM)
    return shown, place.read or 0, complete and shown == text and not place.lacks(part)


def batch(found: Execution, parts: list[Part], long_after: int | None = None) -> Json:
    """Each part with its share of the room that all else leaves in an answer."""
    states = [part.state for part in parts]
    state = together(states) if found.total else found.state
    shown = {
        "execution_id": found.id,
        "status": WORDS[state],
        "script_id": found.subject.get("script_id"),
        "created_at": moment(found.created_at),
        "counts": {
            word: sum(WORDS[state] == word for state in states) for word in dict.fromkeys(WORDS.values())
        },
        "executions": [execution(part, 0, long_after) for part in parts],
    }
    room = (sizes.ROOM - sizes.weight(shown)) // max(1, len(parts))
    return shown | {"executions": [execution(part, room, long_after) for part in parts]}


def queued(found: Execution) -> Json:
    return {
        "execution_id": found.id,
        "status": WORDS[Status.QUEUED],
        "message": "Script execution queued successfully",
    }


def output(part: Part, cursor: str) -> Json:
    """The next stretch of output behind ``cursor``; ``complete`` when there will be no more, and then
    ``output_truncated`` when that was less than was said."""
    found, place, more = _stretch(part, Place.of(cursor))
    complete = not more and outputs.complete(part, place)
    return {
        "execution_id": int(part.id),
        "status": WORDS[part.state],
        "output": found,
        "cursor": place.cursor,
        "complete": complete,
        "output_truncated": complete and place.lacks(part),
    }


def _stretch(part: Part, place: Place) -> tuple[list[Json], Place, bool]:
    """(what fits into one answer, the place behind it, whether there is more at hand)"""
    found: list[Json] = []
    size, room = 0, sizes.ROOM
    for piece in outputs.pieces(part, place):
        shown = {"stream": piece.stream, "data": piece.data.decode("utf-8", "replace")}
        size, room = size + len(piece.data), room - sizes.weight(shown)
        if found and (size > OUTPUT_SHOWN or room < 0):  # any one fits: a relay joins half a MiB at most
            return found, place, True
        found.append(shown)
        place = piece.behind
    return found, place, False
