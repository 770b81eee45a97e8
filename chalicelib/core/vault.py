"""Secrets at rest: AES-256-GCM under a data key of their own, the key wrapped by KMS.

The encryption context names the record that a secret belongs to; sealed text moved to another record, or
changed in one bit, does not open.
"""

from __future__ import annotations

import base64
import json
import os

from chalicelib.aws import keys
from chalicelib.kernel.secrets import Secret

_NONCE = 12


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def seal(secret: Secret, context: dict[str, str]) -> str:
    """Sealed text, safe to store. ``context`` is needed again to open it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # heavy, and most requests need none

    key, wrapped = keys.new_data_key(context)
    nonce = os.urandom(_NONCE)
    body = nonce + AESGCM(key).encrypt(nonce, secret.reveal().encode(), _bound(context))
    return ".".join(["v1", base64.b64encode(wrapped).decode(), base64.b64encode(body).decode()])


def unseal(sealed: str, context: dict[str, str]) -> Secret:
    """Raises ValueError for text that is not sealed text, botocore's or cryptography's error otherwise."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    version, wrapped, body = sealed.split(".")
    if version != "v1":
        raise ValueError(f"sealed in an unknown way: {version}")
    key = keys.open_data_key(base64.b64decode(wrapped), context)
    raw = base64.b64decode(body)
    return Secret(AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], _bound(context)).decode())
