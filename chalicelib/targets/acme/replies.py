"""What a certificate authority answers. Times are RFC 3339 texts in UTC."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from chalicelib.targets.acme.requests import Frozen


class Registered(Frozen):
    """``created`` False: the key had an account, which was found."""

    uri: str
    created: bool


class OrderStatus(StrEnum):
    """``pending``: control is to be proved. ``ready``: may be finalized. ``processing``: being signed."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"

    @property
    def waits_for_authority(self) -> bool:
        """Asking again, later, is all that can be done. A pending order waits for it once answered."""
        return self is OrderStatus.PROCESSING

    @property
    def final(self) -> bool:
        return self in {OrderStatus.VALID, OrderStatus.INVALID}


class Challenge(Frozen):
    """One way to prove control of ``name``.

    http-01: ``content`` at ``http://<name><path>``. dns-01: ``content`` as a TXT record of ``record``, beside
    others that may be there.
    """

    kind: Literal["http-01", "dns-01"]
    uri: str
    name: str
    token: str
    content: str
    path: str = ""
    record: str = ""


class Problem(Frozen):
    """Why control of ``name`` was not proved. ``code`` is ACME's; ``message`` says what to do."""

    name: str
    code: str
    message: str


class Order(Frozen):
    """``challenges``: of the names whose control is not proved yet, for each all ways that we know.

    ``ask_again_seconds``: how long the authority wants to be left alone. ``problems``: of an invalid one.
    """

    uri: str
    status: OrderStatus
    names: tuple[str, ...]
    challenges: tuple[Challenge, ...] = ()
    problems: tuple[Problem, ...] = ()
    expires_at: str | None = None
    ask_again_seconds: int | None = None

    def by(self, kind: str) -> tuple[Challenge, ...]:
        return tuple(one for one in self.challenges if one.kind == kind)


class Answered(Frozen):
    """How many challenges the authority was told to look at."""

    challenges: int


class Chain(Frozen):
    """PEM: the certificate, then those between it and the authority's root."""

    pem: str


class RenewalTime(Frozen):
    """``at``: when to renew, by the authority's own word (RFC 9773); None where it says nothing about it.

    ``ask_again_at``: when to ask for it again.
    """

    at: str | None
    ask_again_at: str


class Revoked(Frozen):
    """``already``: it had been before."""

    already: bool
