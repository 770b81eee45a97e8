"""Private keys as people paste them: what kind they are, and what is wrong with them, in words.

``cryptography`` and ``paramiko`` are imported inside the functions: the API checks keys without ever needing
an SSH client.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import paramiko

_PUBLIC_STARTS = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")

# Looked for in this order in text that is not a private key we can use; the first hit names the reason.
_WRONG_KINDS = (
    (
        "PuTTY-User-Key-File",
        "This is a PuTTY key; export it in OpenSSH format first (puttygen -O private-openssh).",
    ),
    ("PUBLIC KEY", "This is a public key; the private key that belongs to it is needed."),
    ("BEGIN CERTIFICATE", "This is a certificate, not a private key."),
    (
        "BEGIN DSA PRIVATE KEY",
        "DSA keys are no longer accepted by SSH servers; use an ed25519, ECDSA or RSA key.",
    ),
)
_DSA = _WRONG_KINDS[3][1]
_NOT_A_KEY = (
    "This is not a private key: the text must be the whole file, "
    "from its BEGIN … PRIVATE KEY line to its END … PRIVATE KEY line."
)


def check_private_key(text: str, passphrase: str | None) -> str:
    """The key's type: ``ed25519``, ``ecdsa`` or ``rsa``, in OpenSSH or PEM form.

    Line ends and a missing last newline do not matter; nor does a passphrase that the key does not need.
    Raises ValueError with a reason for the person: not a private key, a public one, DSA, a passphrase that is
    missing or wrong.
    """
    return _type_of(_parse(text, passphrase))


def load_private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """The key as paramiko wants it. Raises ValueError as :func:`check_private_key` does."""
    import paramiko
    from cryptography.hazmat.primitives import serialization

    key = _parse(text, passphrase)
    kind = _type_of(key)
    if kind == "rsa":
        return paramiko.RSAKey(key=key)
    if kind == "ecdsa":
        return paramiko.ECDSAKey(vals=(key, key.public_key()))
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key(file_obj=StringIO(plain.decode()))


def _tidy(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")]
    return "\n".join(lines) + "\n"


def _parse(text: str, passphrase: str | None) -> Any:
    tidy = _tidy(text)
    _refuse_other_things(tidy)
    try:
        return _load(tidy, None)
    except TypeError:  # cryptography's way to say that it is encrypted
        pass
    if not passphrase:
        raise ValueError("This key is protected by a passphrase, and none was given.")
    try:
        return _load(tidy, passphrase)
    except ValueError as error:
        raise ValueError("The passphrase does not open this key.") from error


def _refuse_other_things(tidy: str) -> None:
    if tidy.startswith(_PUBLIC_STARTS):
        raise ValueError(_WRONG_KINDS[1][1])
    for mark, reason in _WRONG_KINDS:
        if mark in tidy:
            raise ValueError(reason)
    if "PRIVATE KEY-----" not in tidy:
        raise ValueError(_NOT_A_KEY)


def _load(tidy: str, passphrase: str | None) -> Any:
    """Raises TypeError for a passphrase that is missing, ValueError for text that cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    openssh = "BEGIN OPENSSH PRIVATE KEY" in tidy
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return load(tidy.encode(), passphrase.encode() if passphrase else None)
    except UnsupportedAlgorithm as error:
        reason = _DSA if "dss" in str(error).lower() else f"This kind of key cannot be used: {error}."
        raise ValueError(reason) from error
    except ValueError as error:
        if passphrase:
            raise
        raise ValueError(
            "This private key is damaged: its text cannot be read. Paste the whole file."
        ) from error


def _type_of(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in {"secp256r1", "secp384r1", "secp521r1"}:
            raise ValueError(
                f"SSH has no keys on the curve {key.curve.name}; use nistp256, nistp384 or nistp521."
            )
        return "ecdsa"
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa"
    if isinstance(key, dsa.DSAPrivateKey):
        raise ValueError(_DSA)  # noqa: TRY004  (the text is wrong, not the caller's type)
    raise ValueError("SSH cannot log in with this kind of key; use an ed25519, ECDSA or RSA key.")
