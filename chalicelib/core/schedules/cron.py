"""Five-field cron expressions in an IANA time zone, read as Debian's cron reads them.

A restricted day of month and a restricted day of week are alternatives. A time of day that the clocks skip
runs right after the gap, one that they show twice runs the first time only; an expression whose minute or
hour begins with ``*`` follows the clock through both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LONGEST = 200
"""Characters of an expression."""

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT, 0 and 7 being Sunday",
}
_ZONE = re.compile(r"[A-Za-z0-9+_-]{1,40}(/[A-Za-z0-9+_-]{1,40}){0,2}", re.ASCII)
# Files that stand among the zones and mean something else on every machine, or count leap seconds.
_NO_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")
_START = datetime(2000, 1, 1, tzinfo=UTC)


class BadCron(ValueError):
    """An expression or a time zone that cannot be used; the text says why. ``field`` is one of
    ``cron_expression`` and ``timezone``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def validate(expression: str, timezone: str = "UTC") -> None:
    """Raises BadCron, a ValueError with words for the person."""
    zone(timezone)
    five = _five_fields(expression)
    for (name, allowed), part in zip(_FIELDS.items(), five.split(), strict=True):
        _check_field(name, allowed, part, five)
    try:
        found = next(CronSim(five, _START), None)
    except CronSimError:
        found = None
    if found is None:
        raise BadCron("cron_expression", f"'{expression}' never comes: no such month has such a day")


def zone(name: str) -> tzinfo:
    """Raises BadCron for a name that is not one of the IANA time zone database."""
    if name == "UTC":
        return UTC
    try:
        return _load(name)
    except (OSError, ValueError, KeyError):  # the library's several words for "no such zone"
        message = f"'{name[:60]}' is not an IANA time zone such as 'Europe/Berlin'"
        raise BadCron("timezone", message) from None


@lru_cache(maxsize=64)
def _load(name: str) -> tzinfo:
    if not _ZONE.fullmatch(name) or name.startswith(_NO_ZONES):
        raise ValueError(name)
    return ZoneInfo(name)


def _five_fields(expression: str) -> str:
    text = expression.strip()
    if len(text) > LONGEST:
        raise BadCron("cron_expression", f"may have at most {LONGEST} characters")
    if text.startswith("@"):
        if text.lower() not in MACROS:
            known = ", ".join(MACROS)
            raise BadCron("cron_expression", f"'{text}' is not known; there are {known}")
        return MACROS[text.lower()]
    many = len(text.split())
    if many != len(_FIELDS):
        wanted = "minute, hour, day of month, month, day of week"
        raise BadCron("cron_expression", f"has {many} fields instead of five: {wanted}")
    return " ".join(text.split())


def _check_field(name: str, allowed: str, part: str, five: str) -> None:
    """Each field alone, so that the person is told which one is wrong."""
    position = list(_FIELDS).index(name)
    alone = ["*"] * len(_FIELDS)
    alone[position] = part
    if _readable(part):
        try:
            CronSim(" ".join(alone), _START)
            return
        except (CronSimError, AssertionError):
            pass
    raise BadCron(
        "cron_expression",
        f"the {name} field '{part}' in '{five}' is not right: it takes {allowed}, '*', "
        "lists (1,2), rising ranges (1-5) and steps (*/2)",
    )


def _readable(part: str) -> bool:
    """Letters for "last" and "nth" are the library's own; cron has none of these."""
    plain = re.fullmatch(r"[0-9A-Za-z*,/-]+", part, re.ASCII)
    return plain is not None and not re.search(r"(?i)\bL|\dL|W\b", part)


def next_after(expression: str, timezone: str, moment: datetime) -> datetime | None:
    """The first time after ``moment``, in UTC. None when there is none for fifty years.

    The expression and the zone must have passed :func:`validate`.
    """
    return next(upcoming(expression, timezone, moment), None)


def upcoming(expression: str, timezone: str, moment: datetime) -> Iterator[datetime]:
    """All times after ``moment`` in order, in UTC."""
    last = moment
    for found in CronSim(_five_fields(expression), moment.astimezone(zone(timezone))):
        time = found.astimezone(UTC)
        # From within a repeated hour the library first finds that hour's earlier showing.
        if time > last:
            last = time
            yield time
