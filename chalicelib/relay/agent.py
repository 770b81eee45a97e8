"""The agent: takes orders and stop words from its queues, keeps what it holds alive, and can be killed.

An order stays on its queue until it is done: a relay that dies leaves it to be seen again. What ran when it
died is not run again, and says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import queues, workflows
from chalicelib.core.executions import ledger
from chalicelib.core.relays import orders, registry
from chalicelib.core.relays.orders import HealthOrder, ScriptOrder
from chalicelib.core.relays.registry import Limit
from chalicelib.kernel import clock, ids
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.relay import operations
from chalicelib.relay.checks import HealthRun
from chalicelib.relay.chunks import ChunkRun
from chalicelib.relay.crew import Crew
from chalicelib.relay.terminals import LISTENERS, Terminals
from chalicelib.targets.ssh.pool import ConnectionPool

HOLD_SECONDS = 30
"""How long an order stays hidden without a sign of life: as long a dead relay's orders wait."""
HOLD_BEATS = 2
MOST_CHUNKS = 1000
"""Orders held at once, most of them waiting for their turn. What is beyond stays on the queue, where nobody
keeps it alive: after two minutes without a sign its servers are told that no relay took it up."""
HOLD_THREADS = 8
CALL_THREADS = 16
CHECK_THREADS = 16
START_LIMIT = 8
SHUT_DOWN_SECONDS = 8.0


@dataclass
class Held:
    """An order under way, with what keeps it ours."""

    name: str
    run: ChunkRun | HealthRun
    token: str
    message_id: str
    receipt: str


class Agent:
    def __init__(self) -> None:
        self._boot = ids.new_uuid()
        self._started_at = clock.iso_now()
        self._pool = ConnectionPool()
        self._scripts = Crew("script", START_LIMIT)
        self._calls = Crew("call", CALL_THREADS)
        self._checks = Crew("check", CHECK_THREADS)
        self._terminals = Terminals(self._pool, self._boot)
        self._held: dict[str, Held] = {}
        self._limit: Limit | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until :meth:`stop`."""
        config = settings()

        def listen() -> None:
            self._receive(config.terminal_queue_url, self._terminals.take)

        loops: list[tuple[str, Callable[[], None]]] = [
            ("control", lambda: self._receive(config.relay_control_queue_url, self._take_control)),
            ("beat", self._beat_for_ever),
            *[(f"terminals-{number}", listen) for number in range(LISTENERS)],
        ]
        self._go_on_with(registry.limit_of(registry.find(config.relay_id)))
        self._beat()
        self._try(self._terminals.end_those_of_before)
        for name, loop in loops:
            threading.Thread(target=loop, name=name, daemon=True).start()
        log().info("relay started", relay=config.relay_id, boot=self._boot)
        threading.Thread(target=self._receive_orders, name="orders", daemon=True).start()
        self._stopping.wait()
        self._shut_down()

    def stop(self) -> None:
        self._stopping.set()

    def _shut_down(self) -> None:
        """Ends what runs, saying so, and gives back what waits."""
        with self._changed:
            held = list(self._held.values())
        for one in held:
            one.run.shut_down()
        self._terminals.shut_down(SHUT_DOWN_SECONDS / 2)
        until = time.monotonic() + SHUT_DOWN_SECONDS
        while self._scripts.running and time.monotonic() < until:
            time.sleep(0.05)
        for one in held:
            self._try(lambda one=one: queues.hold(settings().relay_queue_url, one.receipt, 0))  # type: ignore[misc]
        self._pool.close()

    # -- receiving ----------------------------------------------------------------------------------

    def _receive(self, url: str, take: Callable[[dict[str, Any]], None]) -> None:
        """Words of stopping, new limits and terminals wait for nothing else."""
        while not self._stopping.is_set():
            self._receive_some(url, take)

    def _receive_orders(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                while len(self._held) >= MOST_CHUNKS:
                    self._changed.wait(1)
            self._receive_some(settings().relay_queue_url, self._take_order)

    def _receive_some(self, url: str, take: Callable[[dict[str, Any]], None]) -> None:
        for message in self._try(lambda: queues.receive(url)) or []:
            self._try(lambda message=message: take(message))  # type: ignore[misc]

    def _try(self, call: Callable[[], Any]) -> Any:
        """The network or AWS may fail for a while: the relay goes on. Anything else is logged as well, and
        its message comes again until it reaches the dead letters."""
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            log().warning("AWS did not answer", error=str(error))
            self._stopping.wait(1)
        except Exception:  # noqa: BLE001 - the loop must go on
            log().exception("message not understood")
        return None

    def _take_control(self, message: dict[str, Any]) -> None:
        body = json.loads(message["Body"])
        if body["operation"] == "ssh.stop":
            self._stop_parts(body["execution_id"], body["part_ids"])
        elif body["operation"] == "relay.limit":
            self._go_on_with(Limit(body["max_concurrent"], body["said_at"]))
        else:
            raise ValueError(f"unknown control operation {body['operation']!r}")
        queues.delete(settings().relay_control_queue_url, message["ReceiptHandle"])

    def _stop_parts(self, execution_id: str, part_ids: list[int]) -> None:
        with self._changed:
            runs = [one.run for one in self._held.values()]
        for run in runs:
            if run.order.execution_id == execution_id:
                run.stop(part_ids)

    def _take_order(self, message: dict[str, Any]) -> None:
        body = json.loads(message["Body"])
        if "call" in body:
            self._calls.add(lambda: self._answer(body, message["ReceiptHandle"]))
        elif body["operation"] in ("ssh.run_script", "ssh.check_all"):
            self._take_chunk(body, message)
        else:
            raise ValueError(f"unknown operation {body['operation']!r}")

    # -- calls --------------------------------------------------------------------------------------

    def _answer(self, body: dict[str, Any], receipt: str) -> None:
        if body["expires"] > clock.epoch():  # nobody waits for the answer of an older one
            operations.answer(self._pool, body)
        queues.delete(settings().relay_queue_url, receipt)

    # -- chunks -------------------------------------------------------------------------------------

    def _take_chunk(self, body: dict[str, Any], message: dict[str, Any]) -> None:
        name, message_id, receipt = body["order"], message["MessageId"], message["ReceiptHandle"]
        with self._changed:
            known = self._held.get(name)
            if known is not None:
                self._seen_again(known, message_id, receipt)
                return
        run, crew = self._run_of(body["operation"], name)
        with self._changed:
            self._held[name] = Held(name, run, body["token"], message_id, receipt)
        order = run.order
        log().info("chunk taken", execution=order.execution_id, chunk=order.chunk, hosts=len(order.hosts))
        try:
            run.start(crew)
        except BaseException:
            self._forget(name)
            raise

    def _run_of(self, operation: str, name: str) -> tuple[ChunkRun | HealthRun, Crew]:
        """What the order says, and the crew that does it: checks wait for no script."""
        text = orders.load(name)
        if operation == "ssh.check_all":
            checks = HealthOrder.model_validate_json(text)
            return HealthRun(checks, self._pool, lambda: self._done(name)), self._checks
        order = ScriptOrder.model_validate_json(text)
        self._go_on_with(Limit(order.max_concurrent, order.said_at))
        return ChunkRun(order, self._boot, self._pool, lambda: self._done(name)), self._scripts

    def _go_on_with(self, limit: Limit | None) -> None:
        """The newest word counts: an order that is seen again brings the limit of when it was written."""
        with self._changed:
            if limit is None or (self._limit is not None and limit.said_at < self._limit.said_at):
                return
            self._limit = limit
        self._scripts.set_limit(limit.most)

    def _seen_again(self, known: Held, message_id: str, receipt: str) -> None:
        """The same message under a new receipt is still ours; a copy of it has no effect."""
        if known.message_id == message_id:
            known.receipt = receipt
        else:
            queues.delete(settings().relay_queue_url, receipt)

    def _done(self, name: str) -> None:
        held = self._forget(name)
        if held is None:
            return
        order = held.run.order
        try:
            workflows.succeed(held.token, held.run.report())
        except workflows.TokenClosed:
            log().info("nobody waits for the chunk any more", execution=order.execution_id, chunk=order.chunk)
        queues.delete(settings().relay_queue_url, held.receipt)

    def _forget(self, name: str) -> Held | None:
        with self._changed:
            held = self._held.pop(name, None)
            self._changed.notify_all()
        return held

    # -- signs of life ------------------------------------------------------------------------------

    def _beat_for_ever(self) -> None:
        beats = 0
        while not self._stopping.wait(registry.BEAT_SECONDS):
            beats += 1
            self._try(self._beat)
            if beats % HOLD_BEATS == 0:
                self._hold_all()

    def _beat(self) -> None:
        running, waiting = self._scripts.running, self._scripts.waiting
        relay_id, limit = settings().relay_id, self._limit
        registry.beat(relay_id, self._boot, self._started_at, running, waiting, limit)

    def _hold_all(self) -> None:
        with self._changed:
            held = list(self._held.values())
        with ThreadPoolExecutor(HOLD_THREADS) as pool:
            list(pool.map(lambda one: self._try(lambda: self._hold(one)), held))

    def _hold(self, held: Held) -> None:
        queues.hold(settings().relay_queue_url, held.receipt, HOLD_SECONDS)
        try:
            workflows.beat(held.token)
        except workflows.TokenClosed:
            self._drop_if_fenced(held)

    def _drop_if_fenced(self, held: Held) -> None:
        """The workflow is gone. While the execution still is in our attempt, the results count."""
        execution = ledger.find(held.run.order.execution_id)
        if execution is None or execution.state.final or int(execution.attempt) != held.run.order.attempt:
            held.run.shut_down()
            if self._forget(held.name) is not None:
                queues.delete(settings().relay_queue_url, held.receipt)
