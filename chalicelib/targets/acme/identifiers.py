"""What RFC 9773 calls a certificate when it is asked when to renew it."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.x509 import AuthorityKeyIdentifier

from chalicelib.targets.acme import failures


def of(pem: str) -> str:
    """``<key id of the issuer>.<serial number>``. Raises PermanentTargetError where there is no such id."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        key = certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        key = None
    if key is None:
        raise failures.permanent("The certificate does not tell the key that signed it.")
    serial = certificate.serial_number
    # As in the certificate itself, where the first bit is the sign.
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{_encoded(key)}.{_encoded(number)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
