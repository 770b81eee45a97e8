"""The agent's own rules: what it hears while it is full, which limit counts, what it lets go of."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.aws import queues, table, workflows
from chalicelib.core.executions import ledger
from chalicelib.core.relays import registry
from chalicelib.core.relays.registry import Limit
from chalicelib.kernel import settings
from chalicelib.relay import agent as agents
from chalicelib.relay.agent import Agent, Held
from tests.support.waiting import wait_until

ORDERS, CONTROL = "https://queue/orders", "https://queue/control"


class Queues:
    """What was put onto each queue, received once; and the receipts of what was deleted."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[dict[str, Any]]] = {ORDERS: [], CONTROL: []}
        self.deleted: list[str] = []

    def put(self, url: str, receipt: str, **body: Any) -> None:
        message = {"Body": json.dumps(body), "ReceiptHandle": receipt, "MessageId": receipt}
        self.waiting[url].append(message)

    def receive(self, url: str) -> list[dict[str, Any]]:
        found, self.waiting[url] = self.waiting[url], []
        return found

    def delete(self, url: str, receipt: str) -> None:
        self.deleted.append(receipt)


class Run:
    """Stands for a chunk under way."""

    def __init__(self) -> None:
        self.order = SimpleNamespace(execution_id="e", attempt=1, chunk=0, hosts=[])
        self.stopped: list[int] = []
        self.is_shut_down = False

    def stop(self, part_ids: list[int]) -> None:
        self.stopped += part_ids

    def shut_down(self) -> None:
        self.is_shut_down = True


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queues:
    made = Queues()
    monkeypatch.setattr(queues, "receive", made.receive)
    monkeypatch.setattr(queues, "delete", made.delete)
    monkeypatch.setattr(queues, "hold", lambda *_: None)
    monkeypatch.setenv("QUARTERDECK_RELAY_QUEUE_URL", ORDERS)
    monkeypatch.setenv("QUARTERDECK_RELAY_CONTROL_QUEUE_URL", CONTROL)
    settings.forget()
    return made


@pytest.fixture
def agent(queue: Queues) -> Any:
    made = Agent()
    yield made
    made.stop()
    settings.forget()


def holding(agent: Any, name: str = "orders/e/1/0") -> Run:
    run = Run()
    agent._held[name] = Held(name, run, "token", "m", "receipt")  # type: ignore[arg-type]
    return run


def test_a_word_of_stopping_is_heard_by_an_agent_that_can_hold_no_more(
    agent: Any, queue: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "MOST_CHUNKS", 1)
    run = holding(agent)
    queue.put(ORDERS, "order", operation="ssh.run_script", order="orders/f/1/0", token="t")
    queue.put(CONTROL, "stop", operation="ssh.stop", execution_id="e", part_ids=[7])
    receiving = [
        threading.Thread(target=agent._receive_orders, daemon=True),
        threading.Thread(target=lambda: agent._receive(CONTROL, agent._take_control), daemon=True),
    ]
    for one in receiving:
        one.start()
    wait_until(lambda: queue.deleted, what="the word to be taken")
    assert (run.stopped, queue.deleted) == ([7], ["stop"])
    assert len(queue.waiting[ORDERS]) == 1, "the order stays where another relay may find it"


def test_the_newest_limit_counts_whatever_comes_in_which_order(
    agent: Any, queue: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[Any] = []
    monkeypatch.setattr(table, "put", beats.append)
    for most, said_at in ((8, "2026-01-01"), (2, "2026-01-03"), (5, "2026-01-02")):
        queue.put(CONTROL, "r", operation="relay.limit", max_concurrent=most, said_at=said_at)
    agent._receive_some(CONTROL, agent._take_control)
    assert agent._scripts._limit == 2
    agent._beat()
    assert (beats[-1].limit, beats[-1].limit_said_at) == (2, "2026-01-03")
    again = Agent()
    again._go_on_with(registry.limit_of(beats[-1]))
    again._go_on_with(Limit(8, "2026-01-01"))
    assert again._scripts._limit == 2, "an order that is seen again after a restart"


def test_what_nobody_waits_for_any_more_is_let_go_with_its_message(
    agent: Any, queue: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: str) -> None:
        raise workflows.TokenClosed

    monkeypatch.setattr(workflows, "beat", closed)
    monkeypatch.setattr(ledger, "find", lambda _: None)
    run = holding(agent)
    agent._hold_all()
    assert run.is_shut_down
    assert agent._held == {}
    assert queue.deleted == ["receipt"]
