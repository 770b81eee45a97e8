"""The operations that answer a waiting caller, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from chalicelib.core.relays import calls, orders
from chalicelib.kernel.errors import TargetError
from chalicelib.targets import operations as targets
from chalicelib.targets.ssh.health import check_health
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login

Operation = Callable[[ConnectionPool, str], BaseModel]


def _check_health(pool: ConnectionPool, request: str) -> BaseModel:
    return check_health(pool, Login.model_validate_json(request))


OPERATIONS: dict[str, Operation] = {"ssh.check_health": _check_health}


def _run(pool: ConnectionPool, name: str, request: str) -> BaseModel:
    """Those on kept SSH connections are the relay's own; all others are loaded when first asked for."""
    own = OPERATIONS.get(name)
    return own(pool, request) if own else targets.perform_json(name, request)


def answer(pool: ConnectionPool, body: dict[str, Any]) -> None:
    """Runs ``body["operation"]`` and stores its reply, or what the target refused with."""
    call_id = body["call"]
    request = orders.unseal(f"call/{call_id}", body["sealed"])
    try:
        reply = _run(pool, body["operation"], request)
    except TargetError as error:
        calls.refuse(call_id, error)
        return
    calls.answer(call_id, reply.model_dump(mode="json"))
