"""Data keys from KMS, bound to an encryption context."""

from __future__ import annotations

from chalicelib.aws.clients import client
from chalicelib.kernel.settings import settings


def new_data_key(context: dict[str, str]) -> tuple[bytes, bytes]:
    """A fresh 256-bit key: in clear for now, wrapped for keeping."""
    answer = client("kms").generate_data_key(
        KeyId=settings().key, KeySpec="AES_256", EncryptionContext=context
    )
    return answer["Plaintext"], answer["CiphertextBlob"]


def open_data_key(wrapped: bytes, context: dict[str, str]) -> bytes:
    """Raises botocore's ClientError when ``context`` is not that of the sealing."""
    answer = client("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=context, KeyId=settings().key)
    plaintext: bytes = answer["Plaintext"]
    return plaintext
