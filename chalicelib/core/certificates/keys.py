"""Keys, signing requests, and what a certificate says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.kernel.secrets import Secret


@dataclass(frozen=True)
class Facts:
    """``serial`` in hexadecimal digits."""

    names: tuple[str, ...]
    serial: str
    not_before: datetime
    not_after: datetime


def new_key() -> Secret:
    """An EC key on P-256, as PEM: what every client of today takes, and quick to sign with."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = ec.generate_private_key(ec.SECP256R1())
    return Secret(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def signing_request(key: Secret, names: Sequence[str]) -> str:
    """PEM. The names stand among the alternative ones alone, as authorities want them."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    loaded = load_pem_private_key(key.reveal().encode(), password=None)
    assert isinstance(loaded, EllipticCurvePrivateKey)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.add_extension(alternatives, critical=False).sign(loaded, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def facts(chain: str) -> Facts:
    """Of the first certificate of the chain. Raises ValueError for what is none."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(chain.encode())
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Facts(
        names=tuple(alternatives.get_values_for_type(x509.DNSName)),
        serial=f"{found.serial_number:x}",
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )
