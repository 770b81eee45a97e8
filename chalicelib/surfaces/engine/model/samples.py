"""Figures of a deployment for charts: one compact item an hour, gone by itself after a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import ConditionFailed, Record
from chalicelib.kernel import clock

KEPT = timedelta(days=7)
FIELDS = ("cpu", "memory", "replicas", "restarts", "network_in", "network_out")
"""Of a point, in this order behind its time: cores, bytes, pods, starts, and bytes since the pods began."""

_TRIES = 3


class Samples(Record, discriminator="deployment-samples"):
    """``points``: [seconds since 1970, then FIELDS, null where it was not measured]."""

    points: JSONAttribute = JSONAttribute()


def _key(deployment_id: str) -> str:
    return f"SAMPLES#{deployment_id}"


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


def keep(deployment_id: str, figures: dict[str, Any]) -> None:
    """Adds a point at this moment. Two writers at once: one of the two points may be lost."""
    now = clock.now()
    point = [int(now.timestamp()), *(figures.get(name) for name in FIELDS)]
    for _ in range(_TRIES):
        known = table.find(Samples, _key(deployment_id), _hour(now))
        expires = int((now + KEPT).timestamp())
        record = Samples(_key(deployment_id), _hour(now), points=[*(known.points if known else []), point])
        record.ttl = expires
        unmoved = Samples.points == known.points if known else table.absent()
        try:
            table.put(record, unmoved)
            return
        except ConditionFailed:
            continue


def between(deployment_id: str, start: datetime, end: datetime) -> list[list[Any]]:
    """Points in order."""
    found = Samples.query(_key(deployment_id), Samples.sk.between(_hour(start), _hour(end)))
    first, last = start.timestamp(), end.timestamp()
    return [point for hour in found for point in hour.points if first <= point[0] <= last]


def forget(deployment_id: str) -> None:
    table.delete_many(Samples.query(_key(deployment_id), attributes_to_get=["pk", "sk", "kind"]))
