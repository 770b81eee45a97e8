"""What may be asked for, checked before anything is stored: the rules of Kubernetes, in words for a person.

Each function gives its argument back or raises ValueError, so that pydantic can use it as it stands.
"""

from __future__ import annotations

import re
from decimal import Decimal

from chalicelib.targets.kubernetes import images, quantities

LONGEST_LABEL = 63
LEAST_CPU, MOST_CPU = Decimal("0.001"), Decimal(256)
"""Processors. Kubernetes counts no less than a thousandth."""
LEAST_MEMORY, MOST_MEMORY = Decimal(8 * 1024**2), Decimal(4 * 1024**4)
"""Bytes. Container engines refuse to start anything with less than 6 MB."""
MOST_ENVIRONMENT_BYTES = 512 * 1024
"""Kubernetes keeps at most 1 MiB in one Secret, and this is stored in base64."""
LONGEST_PROBE_PATH = 2048

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)


def app_name(text: str) -> str:
    """A DNS label: it becomes a part of a host name and of names of objects."""
    if len(text) > LONGEST_LABEL:
        raise ValueError(f"should have at most {LONGEST_LABEL} characters")
    if not _LABEL.fullmatch(text):
        raise ValueError(
            "should be a DNS label: small letters, digits and '-', with a letter or digit at both ends"
        )
    return text


def host_name(text: str) -> str:
    """A DNS name of at least two labels, none of them a wildcard."""
    labels = text.split(".")
    if (
        len(text) > 253
        or len(labels) < 2
        or any(not _LABEL.fullmatch(one) or len(one) > 63 for one in labels)
    ):
        raise ValueError("should be a host name such as app.example.com, in small letters")
    if labels[-1].isdigit():
        raise ValueError("should be a host name, not an address")
    return text


def image(text: str) -> str:
    images.parse(text)
    return text


def cpu(text: str) -> str:
    """Processors, as in ``250m`` or ``0.5``."""
    return _between(text, LEAST_CPU, MOST_CPU, "1m", "256")


def memory(text: str) -> str:
    """Bytes, as in ``128Mi``."""
    return _between(text, LEAST_MEMORY, MOST_MEMORY, "8Mi", "4Ti")


def _between(text: str, least: Decimal, most: Decimal, least_text: str, most_text: str) -> str:
    if not least <= quantities.parse(text) <= most:
        raise ValueError(f"should be between {least_text} and {most_text}")
    return text


def port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise ValueError("should be a port between 1 and 65535")
    return number


def env_name(text: str) -> str:
    if len(text) > 253 or not _ENV_NAME.fullmatch(text) or text in (".", "..") or text.startswith(".."):
        raise ValueError(
            "should be the name of an environment variable: letters, digits, '_', '-' and '.', not beginning "
            "with a digit or '..', at most 253 characters"
        )
    return text


def env_value(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character, which no process can be given")
    return text


def environment(values: dict[str, str]) -> dict[str, str]:
    """All variables of an app: each one's name and value, and how much they are together."""
    for name, value in values.items():
        env_name(name)
        env_value(value)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    if size > MOST_ENVIRONMENT_BYTES:
        raise ValueError(f"should have at most {MOST_ENVIRONMENT_BYTES // 1024} KiB together")
    return values


def probe_path(text: str) -> str:
    """The path, and perhaps the query, that a probe asks for by HTTP."""
    if not text.startswith("/"):
        raise ValueError("should be a path that begins with '/'")
    if len(text) > LONGEST_PROBE_PATH:
        raise ValueError(f"should have at most {LONGEST_PROBE_PATH} characters")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must not contain white space, control characters or what is not ASCII: escape it")
    return text
