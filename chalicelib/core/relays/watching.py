"""An alert for a relay that has fallen silent: without it nothing reaches a host."""

from __future__ import annotations

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core.alerts import raising
from chalicelib.core.alerts.model import Severity
from chalicelib.core.alerts.raising import Trouble
from chalicelib.core.relays import registry
from chalicelib.core.relays.registry import LATE_SECONDS, Relay
from chalicelib.kernel import clock

ABSENT = "relay.absent"
BACK = "The relay is heard of again."
WORDS = (
    "The relay has not been heard of since {}. What is to reach a host waits, or fails when its time is up. "
    "See whether its machine and its service run."
)


def look_at(relay_id: str, scope: str) -> None:
    """Once a minute. It has to be silent at two looks: one that is being started or replaced is no trouble,
    nor is one that never was."""
    relay = registry.find(relay_id)
    silent = registry.silent_for(relay)
    if relay is None or silent is None:
        return
    if silent <= LATE_SECONDS:
        raising.clear(relay.pk, ABSENT, BACK)
    elif relay.missed_at is None:
        _mark(relay)
    else:
        raising.raise_alert(_trouble(relay, scope))


def _mark(relay: Relay) -> None:
    """On the record that its next beat replaces."""
    try:
        table.change(relay, [Relay.missed_at.set(clock.iso_now())], Relay.seen_at == relay.seen_at)
    except ConditionFailed:
        return


def _trouble(relay: Relay, scope: str) -> Trouble:
    return Trouble(
        scope,
        relay.pk,
        relay.id,
        ABSENT,
        Severity.CRITICAL,
        WORDS.format(relay.seen_at),
        {"relay_id": relay.id, "last_seen": relay.seen_at},
    )
