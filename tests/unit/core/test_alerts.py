"""Alerts: one open a subject and kind, however many see the trouble; cleared once, with the history kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.core import audit
from chalicelib.core.alerts import raising, records
from chalicelib.core.alerts.model import Alert, Severity, Standing
from chalicelib.core.alerts.raising import Trouble
from chalicelib.core.alerts.records import Filters
from chalicelib.core.events import tallies
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import health, servers
from chalicelib.core.inventory.health import Finding
from chalicelib.core.relays import registry, watching
from chalicelib.kernel import clock
from chalicelib.kernel.errors import NotFound
from tests.unit.core.builders import ACTOR, server

pytestmark = pytest.mark.usefixtures("cloud")

FIGURES = {"uptime_seconds": 5, "load_1min": None, "disk_usage": None, "memory_usage": None, "host_key": "k"}


def drift(owner: str | None = None) -> Trouble:
    return Trouble("engine", "DEPLOYMENT#1", "shop", "drift", Severity.WARNING, "Gone.", owner_id=owner)


def listed(standing: Standing | None = None, **filters: str) -> list[Alert]:
    return records.listed(Filters("engine", standing, **filters), 10)  # type: ignore[arg-type]


def test_trouble_seen_by_many_at_once_is_one_alert() -> None:
    with ThreadPoolExecutor(4) as pool:
        raised = list(pool.map(lambda _: raising.raise_alert(drift()), range(4)))
    assert sorted(raised) == [False, False, False, True]
    assert [alert.message for alert in listed(Standing.OPEN)] == ["Gone."]


def test_what_was_cleared_is_history_and_may_come_again() -> None:
    raising.raise_alert(drift("u-1"))
    assert raising.clear("DEPLOYMENT#1", "drift", "Repaired.") is True
    assert raising.clear("DEPLOYMENT#1", "drift", "Repaired.") is False
    assert raising.raise_alert(drift("u-2")) is True
    assert [alert.cleared_because for alert in listed(Standing.CLEARED)] == ["Repaired."]
    assert len(listed()) == 2
    assert [alert.standing for alert in listed(owner_id="u-1")] == ["cleared"]
    assert listed(kind="certificate") == []
    assert [one.action for one in audit.history("DEPLOYMENT#1")] == [
        "alert.raise",
        "alert.clear",
        "alert.raise",
    ]


def test_a_server_that_turns_unhealthy_raises_and_one_that_recovers_clears() -> None:
    one = server()
    number = int(one.id)
    subject = servers.subject(number)
    assert health.record("birun", number, health.now(one, problem="No answer.")).health_status == "unhealthy"
    health.record("birun", number, health.now(one, problem="No answer."))
    found = raising.find_open(subject, health.UNHEALTHY)
    assert found is not None
    assert found.message == "No answer."
    after = health.record("birun", number, health.now(one, figures=FIGURES))
    assert (after.health_status, after.host_key) == ("healthy", "k")
    assert raising.find_open(subject, health.UNHEALTHY) is None
    assert len(records.listed(Filters("birun"), 10)) == 1


def test_a_finding_that_comes_late_changes_nothing() -> None:
    one = server()
    number = int(one.id)
    early = clock.iso(clock.now() - timedelta(seconds=30))
    health.record("birun", number, health.now(one, figures=FIGURES))
    after = health.record("birun", number, Finding(early, one.address, problem="No answer."))
    assert after.health_status == "healthy"
    assert raising.find_open(servers.subject(number), health.UNHEALTHY) is None


def test_a_finding_of_where_a_server_was_before_it_moved_changes_nothing() -> None:
    one = server()
    moved = servers.change(ACTOR, servers.get(int(one.id)), {"port": 2222}, servers.Credentials())
    after = health.record("birun", int(one.id), health.now(one, figures=FIGURES))
    assert after.health_status == "unknown"
    assert after.host_key is None
    after = health.record("birun", int(one.id), health.now(moved, figures=FIGURES))
    assert (after.health_status, after.host_key) == ("healthy", "k")


def test_a_server_that_is_gone_raises_nothing() -> None:
    one = server()
    servers.delete(ACTOR, one)
    with pytest.raises(NotFound):
        health.record("birun", int(one.id), health.now(one, problem="No answer."))
    assert records.listed(Filters("birun"), 10) == []


def test_what_ended_is_counted_by_the_minute_for_an_hour() -> None:
    now = clock.now().replace(minute=30)
    for minutes, status in ((0, "succeeded"), (31, "timed_out"), (59, "failed"), (60, "failed")):
        at = clock.iso(now - timedelta(minutes=minutes))
        tallies.keep([ended(minutes, at, status)])
    assert tallies.ended_within_an_hour(now) == {Status.SUCCEEDED: 1, Status.FAILED: 2}


def ended(number: int, at: str, status: str) -> dict[str, object]:
    part = {"kind": {"S": "part"}, "id": {"N": str(number)}, "server_id": {"N": "1"}}
    return {"dynamodb": {"NewImage": part | {"completed_at": {"S": at}, "status": {"S": status}}}}


def silent_relay(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """A beat that was so long ago."""
    with monkeypatch.context() as then:
        then.setattr(clock, "iso_now", lambda: clock.iso(clock.now() - timedelta(seconds=seconds)))
        registry.beat("default", "boot", "2026-01-01T00:00:00.000000Z", 0, 0)


def about_relays() -> list[tuple[str, str]]:
    found = records.listed(Filters("birun", None, kind=watching.ABSENT), 10)
    return [(alert.subject_name, alert.standing) for alert in found]


def test_a_relay_that_is_silent_at_two_looks_raises_one_alert_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching.look_at("default", "birun")
    assert about_relays() == [], "one that never was is not missed"
    silent_relay(monkeypatch, 60)
    watching.look_at("default", "birun")
    assert about_relays() == [], "it may be being replaced"
    for _ in range(2):
        watching.look_at("default", "birun")
        assert about_relays() == [("default", "open")]
    silent_relay(monkeypatch, 0)
    watching.look_at("default", "birun")
    assert about_relays() == [("default", "cleared")]
    silent_relay(monkeypatch, 60)
    watching.look_at("default", "birun")
    assert about_relays() == [("default", "cleared")], "a beat makes it begin anew"
