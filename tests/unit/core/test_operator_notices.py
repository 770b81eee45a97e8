"""What the operator does about webhooks: sets one, and sees what became of all that was told."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.aws import table
from chalicelib.core import administration
from chalicelib.core.notices import hooks, outbox
from chalicelib.core.notices.model import State
from chalicelib.core.notices.outbox import Event, Webhook
from chalicelib.kernel import settings
from chalicelib.kernel.errors import BadRequest
from infra import cli, clusters

pytestmark = pytest.mark.usefixtures("cloud")

URL = "https://93.184.216.34/hook/s3cret"


def set_webhook(url: str | None) -> dict[str, Any]:
    return administration.run({"command": "set_webhook", "surface": "engine", "url": url, "secret": None})


def told(surface: str, name: str, url: str | None = URL, **became: Any) -> None:
    event = Event(surface, name, "X#1", {"event": name}, "A title", "A text")
    put = outbox.webhook(Webhook(url), event) if url else outbox.mail(["ada@example.com"], event)
    for field, value in became.items():
        setattr(put.record, field, value)
    table.write([put])


@pytest.fixture
def told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What ``./quarterdeck`` prints, with an instance that is this process."""

    def operate(command: dict[str, Any]) -> Any:
        return json.loads(json.dumps(administration.run(json.loads(json.dumps(command)))))

    instance = SimpleNamespace(live_run=lambda: None, operate=operate)
    monkeypatch.setattr(clusters, "Instance", lambda _: instance)

    def run(*arguments: str) -> list[str]:
        assert cli.main(list(arguments)) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_an_address_that_nothing_would_be_sent_to_is_refused_when_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_webhook(URL)
    with pytest.raises(BadRequest, match=r"10\.1\.2\.3.*QUARTERDECK_ALLOWED_HOSTS"):
        set_webhook("http://10.1.2.3/hook")
    assert hooks.find("engine") == Webhook(URL)
    monkeypatch.setenv("QUARTERDECK_ALLOWED_HOSTS", "10.1.0.0/16")
    settings.forget()
    set_webhook("http://10.1.2.3/hook")
    assert hooks.find("engine") == Webhook("http://10.1.2.3/hook")


def test_no_webhook_is_set_without_an_address() -> None:
    set_webhook(URL)
    set_webhook(None)
    assert hooks.find("engine") is None


def test_deliveries_of_all_surfaces_are_listed_the_newest_first(told_of: Any) -> None:
    told("engine", "deployment.started", created_at="2026-01-01T10:00:00.000000Z")
    told("birun", "schedule.failed", url=None)
    error = "example.com answered 500: \x1b[2Jno\nroom"
    told(
        "engine",
        "deployment.failed",
        state=State.FAILED.value,
        attempts=6,
        log=[{"error": "x"}, {"error": error}],
    )
    newest, mailed, oldest = told_of("deliveries")
    assert "deployment.failed" in newest
    assert newest.endswith("failed, 6 attempts: example.com answered 500:  [2Jno room")
    assert mailed.split()[1:] == [
        "birun",
        "schedule.failed",
        "mail",
        "a…@example.com",
        "queued,",
        "0",
        "attempts",
    ]
    assert oldest.startswith("2026-01-01T10:00:00Z engine   deployment.started")
    assert "https://93.184.216.34/… " in oldest
    assert told_of("deliveries", "-n", "1") == [newest]


def test_nothing_sent_is_said(told_of: Any) -> None:
    assert told_of("deliveries") == ["Nothing was sent in the last 30 days."]


def test_a_notice_tells_how_its_only_attempt_went(told_of: Any) -> None:
    told("engine", "deployment.started", attempts=1, state=State.DELIVERED.value, log=[{"error": None}])
    (line,) = told_of("deliveries")
    assert line.endswith(" delivered, 1 attempt")
