"""What may be asked about a running deployment."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from chalicelib.core.alerts.model import Standing
from chalicelib.kernel import clock
from chalicelib.rest.fields import Limit, Parameters, Whole, moment

MOST_LINES = 10_000
_LONGEST_AGO = 10**9
"""Seconds. The nodes count in nanoseconds, and in 64 bits."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(
            value.lower(), "neither true nor false"
        )
    return value


def duration(text: str) -> int | None:
    """Seconds of ``90``, ``90s``, ``10m``, ``2h`` or ``1d``; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text, re.ASCII)
    return int(found[1]) * _UNITS[found[2] or "s"] if found else None


def _since(text: str) -> int | None:
    """Seconds back from now."""
    if not text:
        return None
    seconds = duration(text)
    if seconds is None:
        seconds = int((clock.now() - _moment(text)).total_seconds())
    return min(max(1, seconds), _LONGEST_AGO)


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except ValueError as error:
        raise ValueError("should be a time such as 2025-01-01T12:00:00Z, or a length such as 10m") from error


def _at(text: str) -> datetime | None:
    """A moment, or so long before now."""
    if not text:
        return None
    seconds = duration(text)
    if seconds is None:
        return _moment(text)
    try:
        return clock.now() - timedelta(seconds=seconds)
    except OverflowError as error:  # no ValueError, which alone is told as the sender's mistake
        raise ValueError("should not be before the year 1") from error


def _resolution(text: str) -> int:
    seconds = duration(text) if text else 0
    if seconds is None or seconds > 86400:
        raise ValueError("should be a length such as 60, 5m or 1h, a day at most")
    return seconds


class LogsQuery(Parameters):
    """``since``: beyond the document, a time or a length (10m)."""

    tail: Annotated[Whole, Field(ge=0), AfterValidator(lambda lines: min(lines, MOST_LINES))] = 100
    follow: Annotated[bool, BeforeValidator(_truth)] = False
    since: Annotated[int | None, BeforeValidator(_since)] = None


class AlertsQuery(Parameters):
    """``cursor``: that of the answer before."""

    status: Standing | None = None
    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$")] = ""


class MetricsQuery(Parameters):
    """Beyond the document: the stretch of time, and how long each point's average is taken over."""

    start: Annotated[datetime | None, BeforeValidator(_at), Field(alias="from")] = None
    end: Annotated[datetime | None, BeforeValidator(_at), Field(alias="to")] = None
    resolution: Annotated[int, BeforeValidator(_resolution)] = 0
