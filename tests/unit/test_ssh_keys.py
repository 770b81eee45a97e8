"""What a pasted private key may look like, and what is said of one that will not do."""

from __future__ import annotations

import sys
from subprocess import run as run_process

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519

from chalicelib.targets.ssh.keys import check_private_key, load_private_key

ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = {
    "ed25519": ED25519,
    "ecdsa": ec.generate_private_key(ec.SECP384R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
}
FORMS = {
    "OpenSSH": s.PrivateFormat.OpenSSH,
    "PKCS8": s.PrivateFormat.PKCS8,
    "traditional": s.PrivateFormat.TraditionalOpenSSL,
}


def text_of(key: object, form: str = "OpenSSH", passphrase: str | None = None) -> str:
    closed = s.BestAvailableEncryption(passphrase.encode()) if passphrase else s.NoEncryption()
    pem: bytes = key.private_bytes(s.Encoding.PEM, FORMS[form], closed)  # type: ignore[attr-defined]
    return pem.decode()


KINDS_AND_FORMS = [
    (kind, form) for kind in KEYS for form in FORMS if (kind, form) != ("ed25519", "traditional")
]


@pytest.mark.parametrize(("kind", "form"), KINDS_AND_FORMS)
@pytest.mark.parametrize("passphrase", [None, "öpen"])
def test_every_kind_and_form_is_read(kind: str, form: str, passphrase: str | None) -> None:
    text = text_of(KEYS[kind], form, passphrase)
    assert check_private_key(text, passphrase) == kind
    assert load_private_key(text, passphrase).can_sign()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.rstrip("\n"),
        lambda text: f"\n  {text}\n\n",
        lambda text: text.replace("\n", "  \n"),
    ],
)
def test_line_ends_and_space_around_do_not_matter(spoil: object) -> None:
    assert check_private_key(spoil(text_of(ED25519)), None) == "ed25519"  # type: ignore[operator]


def test_a_passphrase_that_is_not_needed_does_not_matter() -> None:
    assert check_private_key(text_of(ED25519), "needless") == "ed25519"


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8"])
def test_a_missing_and_a_wrong_passphrase_are_told_apart(form: str) -> None:
    text = text_of(ED25519, form, "right")
    for missing in (None, ""):
        with pytest.raises(ValueError, match="protected by a passphrase, and none was given"):
            check_private_key(text, missing)
    with pytest.raises(ValueError, match="The passphrase does not open this key"):
        check_private_key(text, "wrong")


def openssh_public() -> str:
    return ED25519.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a private key"),
        ("hunter2", "not a private key"),
        (openssh_public(), "a public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "a public key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "a certificate"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "damaged"),
        (text_of(ED25519)[:200], "damaged"),
        ("-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----", "damaged"),
        ("\x00\ud800 -----BEGIN PRIVATE KEY-----", "damaged"),
        (text_of(dsa.generate_private_key(1024), "PKCS8"), "DSA"),
        (text_of(dsa.generate_private_key(1024), "traditional"), "DSA"),
        (text_of(ec.generate_private_key(ec.SECP256K1()), "PKCS8"), "curve secp256k1"),
        (text_of(x25519.X25519PrivateKey.generate(), "PKCS8"), "kind of key"),
    ],
)
def test_what_is_no_usable_private_key_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_private_key(text, None)


def test_the_modules_that_the_api_imports_do_not_bring_paramiko() -> None:
    code = (
        "import sys, chalicelib.targets.ssh.requests, chalicelib.targets.ssh.keys;"
        "sys.exit(any(name in sys.modules for name in ('paramiko', 'cryptography')))"
    )
    assert run_process([sys.executable, "-c", code], check=False).returncode == 0
