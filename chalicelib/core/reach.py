"""Where an operation on a target runs: here, or in the relay beside the target. Its code is the same.

``where`` is data: ``direct`` or ``relay:<id>``. An operation raises TransientTargetError or
PermanentTargetError, the same in both places.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from chalicelib.core.relays import calls
from chalicelib.kernel.errors import BadRequest

R = TypeVar("R", bound=BaseModel)

DIRECT = "direct"
RELAY = "relay:"


def run(where: str, operation: str, request: BaseModel, reply: type[R], wait_seconds: float = 20) -> R:
    """The operation's reply. Raises TargetError, and Unavailable when the relay is not there or too slow."""
    if where == DIRECT:
        from chalicelib.targets import operations  # what it loads is heavy, and most requests need none

        return operations.perform(operation, request, reply)
    if where.startswith(RELAY):
        relay_id = where.removeprefix(RELAY)
        return reply.model_validate(calls.ask(operation, request, wait_seconds, relay_id=relay_id))
    raise BadRequest(f"'{where}' is no way to a target: 'direct' or 'relay:<id>' is.")
