"""The states of a node in one run, with what each entails."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from chalicelib.core.executions.status import Status


class NodeStatus(StrEnum):
    """``running``: at work. ``waiting``: for a moment or a person. ``skipped``: no branch led here."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in _FINAL

    @property
    def open(self) -> bool:
        """Begun and not ended."""
        return self in {NodeStatus.RUNNING, NodeStatus.WAITING}

    @property
    def spoils(self) -> bool:
        """Whether what depends on it cannot run any more."""
        return self in {NodeStatus.FAILED, NodeStatus.CANCELLED}


_FINAL = frozenset({NodeStatus.SUCCEEDED, NodeStatus.FAILED, NodeStatus.SKIPPED, NodeStatus.CANCELLED})


def together(nodes: Iterable[NodeStatus]) -> Status | None:
    """How the run ended. None while a node has not."""
    seen = set(nodes)
    if not seen <= _FINAL:
        return None
    if NodeStatus.FAILED in seen:
        return Status.FAILED
    return Status.CANCELLED if NodeStatus.CANCELLED in seen else Status.SUCCEEDED
