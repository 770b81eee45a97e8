"""Which environment values are shown: none that looks like a secret, by its name or by itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chalicelib.kernel.secrets import MASK, Secret

_SECRET_NAMES = re.compile(
    r"(KEY|TOKEN|SECRET|PASSW|PASSPHRASE|PWD|CREDENTIAL|DSN|AUTH|SALT|SIGNATURE|CERT|PRIVATE|COOKIE|SESSION)",
    re.IGNORECASE,
)
_SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z ]+-----|^eyJ[\w-]+\.[\w-]+\.|^(gh[pousr]|github_pat|glpat|xox[abpr]|sk|AKIA)[-_A-Z0-9]"
)


def environment(values: dict[str, Secret]) -> dict[str, str]:
    """By name, in order."""
    return {name: shown(name, values[name].reveal()) for name in sorted(values)}


def shown(name: str, value: str) -> str:
    if not value:
        return value
    secret = _SECRET_NAMES.search(name) or _SECRET_VALUES.search(value) or _holds_password(value)
    return MASK if secret else value


def _holds_password(value: str) -> bool:
    """An address with a password in it, as in postgres://user:password@host/db."""
    if "://" not in value:
        return False
    try:
        return bool(urlsplit(value).password)
    except ValueError:
        return True
