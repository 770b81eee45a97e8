"""How a webhook shows that it is ours: an HMAC of the raw body under a secret that the receiver knows too."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from chalicelib.kernel.secrets import Secret

Form = Literal["timed", "plain"]


@dataclass(frozen=True)
class Signature:
    """``timed``: ``t=<epoch seconds>,v1=<hex>`` over ``t + "." + body``, so that an old message cannot be
    played again. ``plain``: ``sha256=<hex>`` over the body alone, where a document wants it so."""

    header: str
    form: Form = "timed"


QUARTERDECK = Signature("X-Quarterdeck-Signature")


def value(form: str, secret: Secret, body: bytes, at: int) -> str:
    """The header's value. ``at`` is in epoch seconds."""
    key = secret.reveal().encode()
    if form == "plain":
        return f"sha256={_digest(key, body)}"
    return f"t={at},v1={_digest(key, f'{at}.'.encode() + body)}"


def _digest(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()
