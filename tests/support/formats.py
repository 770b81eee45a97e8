"""The ``format`` words of JSON Schema that the contracts use, each really checked."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime
from urllib.parse import urlsplit

from jsonschema import FormatChecker

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_HOSTNAME = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?)+")


def is_date_time(text: str) -> bool:
    """RFC 3339: with seconds and a zone, and a moment that exists."""
    if not _DATE_TIME.fullmatch(text):
        return False
    datetime.fromisoformat(text.upper())
    return True


def is_date(text: str) -> bool:
    return bool(date.fromisoformat(text)) and len(text) == len("2024-01-01")


def is_uuid(text: str) -> bool:
    return str(uuid.UUID(text)) == text.lower()


def is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and " " not in text


def is_uri_reference(text: str) -> bool:
    urlsplit(text)
    return " " not in text


def is_email(text: str) -> bool:
    return bool(_EMAIL.fullmatch(text))


def is_hostname(text: str) -> bool:
    return bool(_HOSTNAME.fullmatch(text))


def is_ipv4(text: str) -> bool:
    return bool(ipaddress.IPv4Address(text))


def is_ipv6(text: str) -> bool:
    return bool(ipaddress.IPv6Address(text))


def is_ip(text: str) -> bool:
    return bool(ipaddress.ip_address(text))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date-time": is_date_time,
    "date": is_date,
    "uuid": is_uuid,
    "uri": is_uri,
    "uri-reference": is_uri_reference,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "ip": is_ip,
}

# Words that say how a value is shown or stored and constrain no text.
UNCHECKED = frozenset({"password", "binary", "byte", "int32", "int64", "float", "double"})


def _applied(check: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: check(value) if isinstance(value, str) else True


def checker() -> FormatChecker:
    made = FormatChecker(formats=())
    for name, check in _CHECKS.items():
        made.checks(name, raises=ValueError)(_applied(check))
    return made


def known(word: str) -> bool:
    return word in _CHECKS or word in UNCHECKED
