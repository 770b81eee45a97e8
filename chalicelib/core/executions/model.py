"""An execution and its parts: one part a server (or whatever the work is divided by)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.core import counting
from chalicelib.core.audit import Actor
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock, ids

CHUNK = 100
"""Parts that are handed to a relay together."""

OUTPUT_HEAD = 4 * 1024
"""Bytes of output kept on the part itself; the whole is in the feed."""

PARTS = "parts"
DUE = "EXECUTIONS"

STARTED_WITHIN = timedelta(minutes=1)
"""When the sweep looks for what was written and not started."""


class Execution(Record, discriminator="execution"):
    """The whole. ``subject`` is what the surface that made it needs to go on with it; ``step`` and
    ``progress`` (0 to 100) tell how far work in one piece is."""

    id = UnicodeAttribute()
    work = UnicodeAttribute()
    status = UnicodeAttribute()
    attempt = NumberAttribute(default=1)
    asked_by = NumberAttribute()
    asked_by_name = UnicodeAttribute()
    subject: JSONAttribute = JSONAttribute()
    targets: JSONAttribute = JSONAttribute()
    first_part = NumberAttribute()
    total = NumberAttribute()
    control_entries = NumberAttribute(default=0)
    step = UnicodeAttribute(null=True)
    progress = NumberAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    started_at = UnicodeAttribute(null=True)
    completed_at = UnicodeAttribute(null=True)

    @property
    def state(self) -> Status:
        return Status(self.status)

    @property
    def chunks(self) -> int:
        return -(-int(self.total) // CHUNK)

    @property
    def part_ids(self) -> range:
        return range(int(self.first_part), int(self.first_part) + int(self.total))

    def chunk_part_ids(self, chunk: int) -> range:
        return self.part_ids[chunk * CHUNK : (chunk + 1) * CHUNK]


class Part(Record, discriminator="part"):
    """One script on one server. Names are those of the moment it was asked for."""

    id = NumberAttribute()
    execution_id = UnicodeAttribute()
    chunk = NumberAttribute()
    status = UnicodeAttribute()
    attempt = NumberAttribute(default=1)
    script_id = NumberAttribute(null=True)
    script_name = UnicodeAttribute()
    server_id = NumberAttribute()
    server_name = UnicodeAttribute()
    runner = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    started_at = UnicodeAttribute(null=True)
    completed_at = UnicodeAttribute(null=True)
    exit_code = NumberAttribute(null=True)
    signal = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    output = BinaryAttribute(null=True, legacy_encoding=False)
    output_bytes = NumberAttribute(default=0)
    output_dropped = BooleanAttribute(default=False)

    @property
    def state(self) -> Status:
        return Status(self.status)


def execution_key(execution_id: str) -> str:
    return f"EXEC#{execution_id}"


def part_key(part_id: int) -> tuple[str, str]:
    return counting.key(PARTS, part_id)


def listed_under(status: Status) -> str:
    """Key of the list (index gsi4) of parts in that state."""
    return f"PARTS#status#{status.listed_as}"


def blank_execution(actor: Actor, work: str, subject: dict[str, Any], execution_id: str | None) -> Execution:
    """A queued execution, without parts, as it is first written; None gives it a new id."""
    now = clock.now()
    execution_id = execution_id or ids.new_uuid()
    return Execution(
        execution_key(execution_id),
        "EXEC",
        id=execution_id,
        work=work,
        status=Status.QUEUED.value,
        asked_by=actor.user_id,
        asked_by_name=actor.username,
        subject=subject,
        targets=[],
        first_part=0,
        total=0,
        created_at=clock.iso(now),
        due_pk=DUE,
        due_at=clock.iso(now + STARTED_WITHIN),
    )


def blank_part(execution: Execution, part_id: int, server_id: int, server_name: str) -> Part:
    """A queued part as it is first written."""
    script_id = execution.subject.get("script_id")
    order = ids.padded(part_id)
    return Part(
        *part_key(part_id),
        gsi1pk="PARTS",
        gsi1sk=order,
        gsi2pk=f"PARTS#script#{script_id}" if script_id else None,
        gsi2sk=order if script_id else None,
        gsi3pk=f"PARTS#server#{server_id}",
        gsi3sk=order,
        gsi4pk=listed_under(Status.QUEUED),
        gsi4sk=order,
        id=part_id,
        execution_id=execution.id,
        chunk=(part_id - int(execution.first_part)) // CHUNK,
        status=Status.QUEUED.value,
        attempt=int(execution.attempt),
        script_id=script_id,
        script_name=execution.subject["script_name"],
        server_id=server_id,
        server_name=server_name,
        created_at=execution.created_at,
    )
