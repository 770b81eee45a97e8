"""Places for terminals: so many a user, so many a relay, held by items that can be there once only."""

from __future__ import annotations

from chalicelib.aws import table
from chalicelib.aws.table import Delete, Put, Write
from chalicelib.core.terminals.model import Slot, Terminal
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.settings import settings


def _of_user(user_id: int) -> str:
    return f"TERMINAL-SLOTS#user#{user_id}"


def of_relay(relay_id: str) -> str:
    return f"TERMINAL-SLOTS#relay#{relay_id}"


def taken(key: str) -> list[Slot]:
    return list(Slot.query(key, consistent_read=True))


def _free(key: str, most: int, refusal: str) -> str:
    held = {slot.sk for slot in taken(key)}
    for number in range(most):
        if (name := f"{number:04d}") not in held:
            return name
    raise Conflict(refusal)


def choose(terminal: Terminal) -> None:
    """Notes the first free places in ``terminal``. Raises Conflict when there are none."""
    most = settings()
    user_id, relay_id = int(terminal.user_id), terminal.relay_id
    mine = f"You have {most.terminals_per_user} terminals open, which is as many as one user may have."
    terminal.user_slot = _free(_of_user(user_id), most.terminals_per_user, mine)
    full = f"The relay '{relay_id}' has {most.terminals_per_relay} terminals open, which is all it takes."
    terminal.relay_slot = _free(of_relay(relay_id), most.terminals_per_relay, full)


def _places(terminal: Terminal) -> list[tuple[str, str]]:
    return [
        (_of_user(int(terminal.user_id)), terminal.user_slot),
        (of_relay(terminal.relay_id), terminal.relay_slot),
    ]


def taking(terminal: Terminal) -> list[Write]:
    """The writes that take what was chosen; they fail when somebody else was faster."""
    return [Put(Slot(*key, terminal_id=terminal.id), table.absent()) for key in _places(terminal)]


def freeing(terminal: Terminal) -> list[Write]:
    """To be made together with the terminal's end: after it the places may be somebody else's."""
    return [Delete(Slot(*key)) for key in _places(terminal)]
