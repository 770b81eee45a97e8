"""Kubernetes quantities: ``250m`` of a processor, ``128Mi`` of memory. Reading them is exact."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
    },
}
_QUANTITY = re.compile(
    r"(?P<number>[0-9]{1,18}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?",
    re.ASCII,
)


def parse(text: str) -> Decimal:
    """In whole units: processors, or bytes. Raises ValueError for what Kubernetes would not take."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError("should be a quantity such as 250m, 0.5, 128Mi or 1G")
    suffix = found["suffix"] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return Decimal(found["number"]).scaleb(int(suffix[1:]))
    return Decimal(found["number"]) * _SUFFIXES[suffix]


def millicores(text: str) -> int:
    """Rounded up, as Kubernetes does."""
    return int((parse(text) * 1000).to_integral_value(ROUND_CEILING))


def in_bytes(text: str) -> int:
    """Rounded up, as Kubernetes does."""
    return int(parse(text).to_integral_value(ROUND_CEILING))


def text(value: Decimal) -> str:
    """Written so that Kubernetes reads it exactly, to a thousandth."""
    whole = value.to_integral_value()
    return str(int(whole)) if value == whole else f"{int((value * 1000).to_integral_value(ROUND_CEILING))}m"
