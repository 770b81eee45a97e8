"""The terminals of a relay, and the log streams beside them: takes what their queue says and passes it to the
run that it is meant for.

The queue keeps the order within a connection. A message is handed on before it is deleted, so the next of its
connection comes after it; one that is seen again has a number that was passed already, and is dropped.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from chalicelib.aws import queues, sockets
from chalicelib.core.logstreams import sweeping as logs
from chalicelib.core.terminals import orders, sessions, sweeping
from chalicelib.core.terminals.sessions import Ending
from chalicelib.kernel import clock
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.relay.follows import Follows
from chalicelib.relay.terminal import TerminalRun
from chalicelib.targets.ssh.pool import ConnectionPool

Json = dict[str, Any]

LISTENERS = 4
"""Threads that wait at the queue: the time until one looks is what a key waits longest for."""
MOST_REMEMBERED = 1000

SHUT_DOWN = "The relay was shut down and ended this session."
STOPPED = "Ended by {}."
UNKNOWN = "This session is not open any more."


class Terminals:
    def __init__(self, pool: ConnectionPool, boot: str) -> None:
        self._pool = pool
        self._boot = boot
        self._lock = threading.Lock()
        self._runs: dict[int, TerminalRun] = {}
        self._seats: dict[str, TerminalRun] = {}
        self._numbers: dict[str, int] = {}
        self._follows = Follows(boot)

    def __len__(self) -> int:
        with self._lock:
            return len(self._runs)

    def end_those_of_before(self) -> None:
        """Sessions and log streams that an earlier run of this relay held are over."""
        sweeping.sweep()
        logs.sweep()

    def shut_down(self, seconds: float) -> None:
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop(SHUT_DOWN)
        until = time.monotonic() + seconds
        self._follows.shut_down(seconds / 2)
        for run in runs:
            run.join(until - time.monotonic())

    def take(self, message: Json) -> None:
        """One message of the queue."""
        body = json.loads(message["Body"])
        number = int(message.get("Attributes", {}).get("SequenceNumber", "0"))
        if self._is_new(body["connection"], number):
            self._act(body)
        queues.delete(settings().terminal_queue_url, message["ReceiptHandle"])

    def _is_new(self, connection_id: str, number: int) -> bool:
        with self._lock:
            last = self._numbers.pop(connection_id, -1)
            self._numbers[connection_id] = max(last, number)
            while len(self._numbers) > MOST_REMEMBERED:
                del self._numbers[next(iter(self._numbers))]
        return number > last

    def _act(self, body: Json) -> None:
        what, connection_id = body["do"], body["connection"]
        if what == "open":
            self._open(connection_id, body)
        elif what == "resume":
            self._resume(connection_id, body)
        elif what == "stop":
            self._stop(body)
        elif what == "follow":
            self._follows.open(connection_id, body)
        else:
            self._pass_on(what, connection_id, body)

    def _pass_on(self, what: str, connection_id: str, body: Json) -> None:
        with self._lock:
            run = self._seats.get(connection_id)
        if what == "gone":
            self._follows.leave(connection_id)
            if run is not None:
                run.leave(connection_id)
                with self._lock:
                    self._seats.pop(connection_id, None)
        elif run is None:
            sockets.dismiss(connection_id, UNKNOWN)
        elif what == "say":
            run.say(body["message"])
        elif what == "refuse":
            run.refuse(body["data"])
        else:
            raise ValueError(f"unknown order {what!r}")

    def _open(self, connection_id: str, body: Json) -> None:
        if body["expires"] < clock.epoch():
            self._not_wanted(connection_id, body["terminal"], sweeping.NOT_TAKEN)
            return
        order = orders.unseal(body["terminal"], body["sealed"])
        run = TerminalRun(order, connection_id, self._boot, self._pool, self._done)
        with self._lock:
            self._runs[order.terminal_id] = run
            self._seats[connection_id] = run
        log().info("terminal taken", terminal=order.terminal_id)
        run.start()

    def _resume(self, connection_id: str, body: Json) -> None:
        with self._lock:
            run = self._runs.get(body["terminal"])
            if run is not None:
                self._seats[connection_id] = run
        if run is None:
            self._not_wanted(connection_id, body["terminal"], sweeping.RESTARTED)
        else:
            run.resume(connection_id, body["seen"])

    def _stop(self, body: Json) -> None:
        reason = STOPPED.format(body["by"])
        with self._lock:
            run = self._runs.get(body["terminal"])
        if run is not None:
            run.stop(reason)
        else:
            sessions.end(body["terminal"], Ending(reason))

    def _not_wanted(self, connection_id: str, terminal_id: int, reason: str) -> None:
        sessions.end(terminal_id, Ending(reason))
        sockets.dismiss(connection_id, reason)

    def _done(self, run: TerminalRun) -> None:
        with self._lock:
            self._runs.pop(run.order.terminal_id, None)
            for connection_id in [key for key, one in self._seats.items() if one is run]:
                del self._seats[connection_id]
