"""Kept totals of parts by state and by server, and of those that ended by minute, moved by what the stream
says.

The stream tells everything at least once: what failed comes again cut in halves, or with newer changes behind
it, so no batch can be told by its name, and the lanes in which a shard is read leave no place to go on from
that would hold for all of it. Only the changes of one item come in order. So each part is marked with the
state that it is counted in, in the transaction that counts, and a change moves it from there, if it leads
on: whatever comes again, in whatever company, leads nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.core import counting
from chalicelib.core.events import marks
from chalicelib.core.executions import model
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock

Image = dict[str, Any]

_MINUTES_KEPT = 2 * 3600
_TOGETHER = 30
"""Parts in a transaction: each may move a server, a minute and a mark of its own, all of them six states."""


def _part(record: dict[str, Any]) -> Image | None:
    image: Image = record["dynamodb"].get("NewImage") or {}
    return image if image.get("kind", {}).get("S") == "part" else None


def _id(part: Image) -> int:
    return int(part["id"]["N"])


def _status(part: Image) -> Status:
    return Status(part["status"]["S"])


def _in_state(status: Status) -> str:
    return f"{model.PARTS}#status#{status.listed_as}"


def _news(parts: Iterable[Image], counted: Mapping[int, Status]) -> dict[int, Image]:
    """Of each part that is further on than it is counted, how it is last."""
    found: dict[int, Image] = {}
    for part in parts:
        number = _id(part)
        last = _status(found[number]) if number in found else counted.get(number)
        if last is None or _status(part) in last.may_follow:
            found[number] = part
    return found


def _moves(news: Mapping[int, Image], counted: Mapping[int, Status]) -> Counter[str]:
    """By how much each total changes."""
    found: Counter[str] = Counter()
    for number, part in news.items():
        found[_in_state(_status(part))] += 1
        if number in counted:
            found[_in_state(counted[number])] -= 1
        else:
            found[f"{model.PARTS}#server#{part['server_id']['N']}"] += 1
    return Counter({name: amount for name, amount in found.items() if amount})


def _ended(news: Mapping[int, Image]) -> Counter[tuple[str, str, int]]:
    """How many have just ended, by the hour's collection, the minute and state within it, when they go."""
    found: Counter[tuple[str, str, int]] = Counter()
    for part in news.values():
        if (status := _status(part)).final:
            at = clock.parse(part["completed_at"]["S"])
            found[_hour(at), f"{at:%M}#{status.listed_as}", int(at.timestamp()) + _MINUTES_KEPT] += 1
    return found


def _hour(moment: datetime) -> str:
    return f"{model.PARTS}#ended#{moment:%Y-%m-%dT%H}"


def ended_within_an_hour(now: datetime) -> Counter[Status]:
    """How many parts came to each state in the sixty minutes up to this one."""
    since = now - timedelta(minutes=59)
    found: Counter[Status] = Counter()
    for hour in dict.fromkeys((_hour(since), _hour(now))):
        first = f"{since:%M}" if hour == _hour(since) else None
        for name, many in counting.totals(hour, first).items():
            found[Status(name.partition("#")[2])] += many
    return found


def keep(records: list[dict[str, Any]]) -> None:
    """Counts each change once, however often and with whatever others it comes.

    Raises ConditionFailed when somebody else counts the same at this moment; a repeat finds it counted.
    """
    parts = [part for record in records if (part := _part(record)) is not None]
    for start in range(0, len(parts), _TOGETHER):
        _count(parts[start : start + _TOGETHER])


def _count(parts: list[Image]) -> None:
    counted = marks.read(map(_id, parts))
    news = _news(parts, counted)
    if not news:
        return
    changed = [counting.adding(name, amount) for name, amount in sorted(_moves(news, counted).items())]
    changed += [
        counting.adding(hour, many, what, ttl) for (hour, what, ttl), many in sorted(_ended(news).items())
    ]
    marked = marks.moving(counted, {number: _status(part) for number, part in news.items()})
    table.write([*marked, *changed])
