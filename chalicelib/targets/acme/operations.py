"""The operations on a certificate authority, by name: ``OPERATIONS[name](request) -> reply``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.targets.acme.accounts import register
from chalicelib.targets.acme.certificates import renewal_time, revoke
from chalicelib.targets.acme.orders import answer, download, finalize, look, order
from chalicelib.targets.acme.requests import (
    AnswerRequest,
    FinalizeRequest,
    Frozen,
    OrderRef,
    OrderRequest,
    RegisterRequest,
    RenewalRequest,
    RevokeRequest,
)

OPERATIONS: dict[str, Callable[[Any], Frozen]] = {
    "acme.register": register,
    "acme.order": order,
    "acme.look": look,
    "acme.answer": answer,
    "acme.finalize": finalize,
    "acme.download": download,
    "acme.renewal_time": renewal_time,
    "acme.revoke": revoke,
}

REQUESTS: dict[str, type[Frozen]] = {
    "acme.register": RegisterRequest,
    "acme.order": OrderRequest,
    "acme.look": OrderRef,
    "acme.answer": AnswerRequest,
    "acme.finalize": FinalizeRequest,
    "acme.download": OrderRef,
    "acme.renewal_time": RenewalRequest,
    "acme.revoke": RevokeRequest,
}
"""What each is asked with, to read a request that came as JSON."""
