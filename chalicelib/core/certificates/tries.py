"""How often the authority found a name not proved: it allows five times an hour, and so do we, over all who
ask for that name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import ConditionFailed, Record
from chalicelib.kernel import clock

MOST, WINDOW = 5, timedelta(hours=1)

AFTER = (timedelta(minutes=1), timedelta(minutes=10), timedelta(minutes=100), timedelta(days=1))
"""From a failure to the next try; the last of them from then on."""

_TRIES = 10


class NameTries(Record, discriminator="certificate-tries"):
    """``moments`` of the last failures, oldest first."""

    moments: JSONAttribute = JSONAttribute()
    version = NumberAttribute(default=0)


def next_after(failures: int, now: datetime) -> datetime:
    """``failures`` in a row, at least one."""
    return now + AFTER[min(failures, len(AFTER)) - 1]


def allowed_at(names: Iterable[str]) -> datetime | None:
    """When all of them may be tried again; None: now."""
    keys = [(_pk(name), "TRIES") for name in sorted(set(names))]
    moments = [_allowed(record) for record in table.find_many(NameTries, keys)]
    return max((one for one in moments if one is not None), default=None)


def _allowed(record: NameTries) -> datetime | None:
    recent = _recent(record)
    return clock.parse(recent[-MOST]) + WINDOW if len(recent) >= MOST else None


def count(name: str) -> None:
    """One failure more."""
    for _ in range(_TRIES):
        record = table.find(NameTries, _pk(name), "TRIES")
        before = int(record.version) if record else None
        moments = [*(_recent(record) if record else []), clock.iso_now()]
        made = NameTries(_pk(name), "TRIES", moments=moments[-MOST:], version=(before or 0) + 1)
        made.ttl = clock.epoch() + int(WINDOW.total_seconds())
        try:
            table.put(made, table.absent() if before is None else NameTries.version == before)
        except ConditionFailed:
            continue
        return


def _recent(record: NameTries) -> list[str]:
    since = clock.iso(clock.now() - WINDOW)
    return [one for one in record.moments if one > since]


def _pk(name: str) -> str:
    return f"CERTIFICATE-TRIES#{name}"
