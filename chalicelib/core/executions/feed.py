"""What a viewer of an execution is told, as append-only entries numbered 1, 2, 3… without gaps.

Each chunk of parts has a feed of its own, written by the one relay that runs it; a further one, ``c``
("control"), is written by whoever changes the execution from elsewhere (stop, lost relay, the end). A
viewer's place is a number a feed, so nothing is missed or told twice. Long output lies in the bucket, and
the entry points there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import blobs, table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock, ids

CONTROL = "c"
INLINE = 32 * 1024
"""Bytes of output that an entry carries itself; more goes to the bucket."""
KEPT_SECONDS = 30 * 24 * 3600
GONE = b"[This output is no longer kept.]\n"

Bytes = bytes  # an entry has a method of that name


class FeedEntry(Record, discriminator="feed"):
    """``what``: output, status, note or end. Output entries are listed by part as well (index gsi1)."""

    what = UnicodeAttribute()
    part_id = NumberAttribute(null=True)
    server_id = NumberAttribute(null=True)
    stream = UnicodeAttribute(null=True)
    data = BinaryAttribute(null=True, legacy_encoding=False)
    blob = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    status = UnicodeAttribute(null=True)
    exit_code = NumberAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    payload: JSONAttribute = JSONAttribute(null=True)

    @property
    def number(self) -> int:
        return int(self.sk)

    def kept(self) -> Bytes | None:
        """None: the bucket has let go of it."""
        if not self.blob:
            return self.data or b""
        try:
            return blobs.get(self.blob)
        except blobs.Missing:
            return None

    def bytes(self) -> Bytes:
        """What was said, or words for who looks for it too late."""
        kept = self.kept()
        return GONE if kept is None else kept


@dataclass(frozen=True)
class Output:
    part_id: int
    server_id: int
    stream: str
    data: bytes


@dataclass(frozen=True)
class StatusChange:
    part_id: int
    server_id: int
    status: Status
    exit_code: int | None = None
    reason: str | None = None


def _key(execution_id: str, feed: str) -> str:
    return f"FEED#{execution_id}#{feed}"


def _entry(execution_id: str, feed: str, number: int, what: str) -> FeedEntry:
    expires = clock.epoch() + KEPT_SECONDS
    return FeedEntry(_key(execution_id, feed), ids.padded(number), what=what, ttl=expires)


def entry(execution_id: str, feed: str, number: int, told: Output | StatusChange) -> FeedEntry:
    """The record of ``told``; output past INLINE is put into the bucket on the way."""
    if isinstance(told, StatusChange):
        record = _entry(execution_id, feed, number, "status")
        record.status, record.exit_code, record.reason = told.status.value, told.exit_code, told.reason
    else:
        record = _entry(execution_id, feed, number, "output")
        record.stream, record.size = told.stream, len(told.data)
        record.gsi1pk, record.gsi1sk = f"LOG#{told.part_id}", f"{feed}#{ids.padded(number)}"
        if len(told.data) > INLINE:
            record.blob = f"runs/{execution_id}/{told.part_id}/{feed}-{number}"
            blobs.put(record.blob, told.data)
        else:
            record.data = told.data
    record.part_id, record.server_id = told.part_id, told.server_id
    return record


def note(source: str, number: int, payload: dict[str, Any]) -> FeedEntry:
    """An entry of the control feed that says what its writer wants said: ``payload`` with at least a type."""
    record = _entry(source, CONTROL, number, "note")
    record.payload = payload
    return record


def end(execution_id: str, number: int, status: Status) -> FeedEntry:
    """The last entry of the control feed."""
    record = _entry(execution_id, CONTROL, number, "end")
    record.status = status.value
    return record


def after(execution_id: str, feed: str, number: int, most: int | None = None) -> Iterator[FeedEntry]:
    """Entries behind ``number`` in order, up to the first one that is not there yet."""
    expected = number + 1
    found = FeedEntry.query(
        _key(execution_id, feed), FeedEntry.sk > ids.padded(number), consistent_read=True, limit=most
    )
    for record in found:
        if record.number != expected:
            return
        expected += 1
        yield record


def last_number(execution_id: str, feed: str) -> int:
    """0 where there is none; so :func:`first_number`."""
    return _outermost(execution_id, feed, newest=True)


def first_number(execution_id: str, feed: str) -> int:
    return _outermost(execution_id, feed, newest=False)


def _outermost(execution_id: str, feed: str, *, newest: bool) -> int:
    found = FeedEntry.query(
        _key(execution_id, feed), consistent_read=True, scan_index_forward=not newest, limit=1
    )
    return next((record.number for record in found), 0)


def output_of(part_id: int, cursor: str = "", most: int | None = None) -> Iterator[FeedEntry]:
    """Output entries of one part in order, behind ``cursor`` (the ``gsi1sk`` of the last one read)."""
    behind = FeedEntry.gsi1sk > cursor if cursor else None
    entries: Iterator[FeedEntry] = FeedEntry.gsi1.query(f"LOG#{part_id}", behind, limit=most)
    return entries


def write(entries: list[FeedEntry]) -> None:
    table.put_many(entries)
