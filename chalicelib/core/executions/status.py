"""The states of an execution and of its parts, with what each entails."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def final(self) -> bool:
        return self in _FINAL

    @property
    def may_follow(self) -> frozenset[Status]:
        """The states that may come after this one."""
        return _NEXT[self]

    @property
    def retryable(self) -> bool:
        """Whether a new attempt makes sense."""
        return self in {Status.FAILED, Status.TIMED_OUT}

    @property
    def listed_as(self) -> Status:
        """Running out of time is a way to fail: one list, one filter, for both."""
        return Status.FAILED if self is Status.TIMED_OUT else self


_FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})
_NEXT = {
    Status.QUEUED: frozenset({Status.RUNNING}) | _FINAL,
    Status.RUNNING: frozenset({Status.RETRYING}) | _FINAL,
    Status.RETRYING: frozenset({Status.RUNNING}) | _FINAL,
    Status.SUCCEEDED: frozenset[Status](),
    Status.FAILED: frozenset[Status](),
    Status.CANCELLED: frozenset[Status](),
    Status.TIMED_OUT: frozenset[Status](),
}


def together(parts: Iterable[Status]) -> Status:
    """What many parts are as one: unfinished while any is, else failed, else cancelled, else succeeded."""
    seen = set(parts)
    if Status.RUNNING in seen or Status.RETRYING in seen:
        return Status.RUNNING
    if Status.QUEUED in seen:
        return Status.RUNNING if seen & _FINAL else Status.QUEUED
    if seen & {Status.FAILED, Status.TIMED_OUT}:
        return Status.FAILED
    return Status.CANCELLED if Status.CANCELLED in seen else Status.SUCCEEDED
