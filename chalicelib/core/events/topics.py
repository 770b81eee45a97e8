"""Topics: what is told to whoever watches a subject (a user's notifications, a service's health), for as long
as they watch. A topic is a feed without an end; a viewer begins with what comes next, or at a cursor.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pynamodb.attributes import NumberAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Record, Update
from chalicelib.core.executions import feed
from chalicelib.kernel import clock

_PREFIX = "topic:"
_ONCE_SECONDS = 24 * 3600
_GUARD = 1


class Topic(Record, discriminator="topic"):
    """How many entries the topic's feed has had."""

    entries = NumberAttribute(default=0)


class Told(Record, discriminator="topic-told"):
    """Guard: what was published under this name is not published again."""


def name(subject: str) -> str:
    """The source to subscribe to, for a subject such as ``user:7``."""
    return _PREFIX + subject


def of_user(surface: str, user_id: int) -> str:
    """The topic of what ``surface`` tells one user; who watches such topics is counted
    (:mod:`.listeners`)."""
    return name(f"user:{surface}:{user_id}")


def surface_of(source: str) -> str | None:
    """Whose topic of a user it is; None for anything else."""
    prefix, _, rest = source.removeprefix(_PREFIX).partition(":")
    return rest.partition(":")[0] if is_topic(source) and prefix == "user" else None


def is_topic(source: str) -> bool:
    return source.startswith(_PREFIX)


def publish(topic: str, once: str, *payloads: dict[str, Any]) -> bool:
    """All of them, in their order, or none; each has at least a ``type``. False when ``once`` was published
    here within the last day."""
    digest = hashlib.sha256(once.encode()).hexdigest()
    guard = Told(f"TOPIC#{topic}", f"told#{digest}", ttl=clock.epoch() + _ONCE_SECONDS)
    while True:
        counter = table.find(Topic, f"TOPIC#{topic}", "TOPIC") or Topic(f"TOPIC#{topic}", "TOPIC", entries=0)
        before = int(counter.entries)
        unmoved = Topic.entries == counter.entries if counter.entries else table.absent()
        counted = Update(counter, [Topic.kind.set(Topic), Topic.entries.set(before + len(payloads))], unmoved)
        entries = [
            Put(feed.note(topic, number, payload), table.absent())
            for number, payload in enumerate(payloads, before + 1)
        ]
        try:
            table.write([counted, Put(guard, table.absent()), *entries])
        except ConditionFailed as error:
            if _GUARD in error.failed:
                return False
            continue
        return True


def place(topic: str, position: dict[str, int]) -> dict[str, int]:
    """Where a viewer begins: at ``position``, or behind everything told so far where there is none.

    Entries go after 30 days; a place among those that are gone moves to the oldest that is left.
    """
    if feed.CONTROL not in position:
        return {feed.CONTROL: feed.last_number(topic, feed.CONTROL)}
    oldest = feed.first_number(topic, feed.CONTROL)
    return {feed.CONTROL: max(position[feed.CONTROL], oldest - 1)}
