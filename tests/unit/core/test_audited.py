"""Who logged in, who looked at a host and who ran what is in the audit."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from chalicelib.aws import table
from chalicelib.core import audit
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Request
from chalicelib.core.identity import users
from chalicelib.core.identity.gate import Gate
from chalicelib.core.inventory.servers import subject
from chalicelib.core.relays import calls
from chalicelib.kernel.errors import NotFound, TransientTargetError, Unauthenticated
from chalicelib.surfaces.birun.service import accounts, servers
from tests.unit.core import builders
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


def entries(key: str, action: str) -> list[tuple[str, str | None]]:
    return [(one.actor, one.address) for one in audit.history(key) if one.action == action]


def test_a_log_in_is_audited_with_its_address_and_noted_as_the_last() -> None:
    ada = users.register(ACTOR, "ada", "ada@example.com", "engine-number-1")
    accounts.log_in("ada", SecretStr("engine-number-1"), "203.0.113.9")
    assert entries(ada.pk, "session.open") == [("ada", "203.0.113.9")]
    gate = table.find(Gate, ada.pk, "GATE")
    assert gate
    assert gate.last_login is not None


def test_a_log_in_that_is_refused_opens_nothing() -> None:
    ada = users.register(ACTOR, "ada", "ada@example.com", "engine-number-1")
    with pytest.raises(Unauthenticated):
        accounts.log_in("ada", SecretStr("wrong"), "203.0.113.9")
    assert entries(ada.pk, "session.open") == []


def test_who_has_a_host_looked_at_is_audited_whatever_the_host_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*_: object) -> None:
        raise TransientTargetError("No answer.")

    monkeypatch.setattr(calls, "ask", silent)
    number = int(builders.server().id)
    assert servers.check_server(ACTOR, number).last_health_check
    assert entries(subject(number), "server.check") == [("ada", "203.0.113.7")]


def test_nothing_is_audited_of_a_server_that_there_is_not() -> None:
    with pytest.raises(NotFound):
        servers.check_server(ACTOR, 99)
    assert audit.history(subject(99)) == []


def test_the_text_of_an_ad_hoc_run_is_audited_as_far_as_stored_scripts_are() -> None:
    asked = {"script_id": None, "script_name": "Ad-hoc script", "content": "x" * 5000, "timeout": 5}
    execution = ledger.create(Request(ACTOR, "script", asked, [(1, "web")]))
    entry = audit.history(execution.pk)[0]
    assert entry.after["content"] == "x" * 2000
    assert entry.after["servers"] == [1]
    assert len(execution.subject["content"]) == 5000
