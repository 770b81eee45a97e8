"""Runs one chunk: a script on up to a hundred servers, each result recorded as it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from chalicelib.aws.trouble import passes
from chalicelib.core.executions import ledger
from chalicelib.core.executions.feed import StatusChange
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Part
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import servers
from chalicelib.core.relays.orders import HostOrder, ScriptOrder
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.relay.capture import Capture
from chalicelib.relay.crew import Crew
from chalicelib.relay.patience import until_answered
from chalicelib.relay.tape import Tape
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import ScriptResult, ScriptRun
from chalicelib.targets.ssh.run import run_script

INTERRUPTED = (
    "The relay stopped while this script was running. It may have run in part; it was not run again."
)
SHUT_DOWN = "The relay was shut down while this script was running, and ended it."
BROKEN = "The relay failed while running this script: {}. It may have run in part."


class ChunkRun:
    """``done`` is called once, when every server of the chunk has its result."""

    def __init__(self, order: ScriptOrder, boot: str, pool: ConnectionPool, done: Callable[[], None]) -> None:
        self.order = order
        self._boot = boot
        self._pool = pool
        self._done = done
        self._stops = {host.part_id: threading.Event() for host in order.hosts}
        self._closing_down = False
        self._left = len(order.hosts)
        self._lock = threading.Lock()
        self._tape = Tape(order.execution_id, order.chunk)

    def start(self, crew: Crew) -> None:
        """Settles what an earlier relay left behind, then hands the rest to ``crew``."""
        parts = self._parts()
        for part in parts.values():
            if part.state is Status.RUNNING and part.runner != self._boot:
                self._finish(
                    int(part.id), int(part.server_id), None, Result(Status.FAILED, reason=INTERRUPTED)
                )
        open_hosts = [host for host in self.order.hosts if parts[host.part_id].state is Status.QUEUED]
        with self._lock:
            self._left = len(open_hosts)
        if not open_hosts:
            self._end()
        for host in open_hosts:
            crew.add(lambda host=host: self._work_on(host))  # type: ignore[misc]

    def _parts(self) -> dict[int, Part]:
        execution = ledger.find(self.order.execution_id)
        if execution is None:
            raise LookupError(f"execution {self.order.execution_id} is not in the table")
        return {int(part.id): part for part in ledger.parts_of(execution, self._stops)}

    def stop(self, part_ids: list[int]) -> None:
        """Ends those that run; those that wait find out that they are not wanted any more."""
        for number in part_ids:
            if number in self._stops:
                self._stops[number].set()

    def report(self) -> dict[str, Any]:
        """What the state machine is told; the results are in the ledger by then."""
        return {"chunk": self.order.chunk}

    def shut_down(self) -> None:
        self._closing_down = True
        self.stop(list(self._stops))

    def _work_on(self, host: HostOrder) -> None:
        try:
            if not self._closing_down:
                self._run(host)
        except Exception as error:  # noqa: BLE001 - becomes this part's reason
            log().exception("part failed", part=host.part_id)
            reason = BROKEN.format(type(error).__name__)
            self._finish(host.part_id, host.server_id, self._boot, Result(Status.FAILED, reason=reason))
        finally:
            self._count_down()

    def _count_down(self) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._end()

    def _end(self) -> None:
        try:
            self._tape.close()
        except Exception:  # noqa: BLE001 - the results stand; who waits for the chunk is to hear so
            log().exception("feed not written to its end", execution=self.order.execution_id)
        if not self._closing_down:
            self._done()

    def _run(self, host: HostOrder) -> None:
        if not until_answered(lambda: ledger.start_part(host.part_id, self.order.attempt, self._boot)):
            return
        self._tape.add(StatusChange(host.part_id, host.server_id, Status.RUNNING))
        capture = Capture(self._tape, host.part_id, host.server_id)
        result = self._outcome(host, capture)
        capture.finish()
        if not self._finish(host.part_id, host.server_id, self._boot, result):
            self._keep(host, result)

    def _keep(self, host: HostOrder, result: Result) -> None:
        """What is left to say of a part that was stopped meanwhile."""
        if result.reason and result.status is Status.FAILED:
            log().warning("part had ended before", part=host.part_id, reason=result.reason)
        until_answered(lambda: ledger.keep_output(host.part_id, self._boot, result))

    def _outcome(self, host: HostOrder, capture: Capture) -> Result:
        limit = settings().output_limit_bytes
        try:
            ran = run_script(
                self._pool,
                ScriptRun(
                    login=host.login(),
                    script=self.order.script,
                    timeout_seconds=self.order.timeout_seconds,
                ),
                on_output=capture.take,
                stop=self._stops[host.part_id],
                on_started=lambda host_key: _pin(host, host_key),
                output_limit_bytes=limit,
            )
        except TargetError as error:
            return _with_output(capture, Result(Status.FAILED, reason=error.message))
        if ran.output_dropped:
            capture.note(f"\n[more than {limit} bytes of output: the rest was dropped]\n")
        return _with_output(capture, self._judge(ran), dropped=ran.output_dropped)

    def _judge(self, ran: ScriptResult) -> Result:
        if ran.outcome == "exited":
            return Result(Status.FAILED if ran.exit_code else Status.SUCCEEDED, exit_code=ran.exit_code)
        if ran.outcome == "signalled":
            return Result(Status.FAILED, signal=ran.signal, reason=f"Ended by signal {ran.signal}.")
        if ran.outcome == "timed_out":
            seconds = self.order.timeout_seconds
            return Result(Status.TIMED_OUT, reason=f"Still running after {seconds} seconds; it was ended.")
        if self._closing_down:
            return Result(Status.FAILED, reason=SHUT_DOWN)
        return Result(Status.CANCELLED, reason="Stopped on request.")

    def _finish(self, part_id: int, server_id: int, runner: str | None, result: Result) -> bool:
        attempt = self.order.attempt
        if not until_answered(lambda: ledger.finish_part(part_id, attempt, runner, result)):
            return False
        change = StatusChange(part_id, server_id, result.status, result.exit_code, result.reason)
        self._tape.add(change)
        return True


def _pin(host: HostOrder, host_key: str) -> None:
    """On first use. The script runs by now, so a table that is away is no reason to end it: the key is
    pinned the next time then."""
    if host.host_key is not None:
        return
    try:
        servers.pin_host_key(host.server_id, host.address, host_key)
    except Exception as error:
        if not passes(error):
            raise
        log().warning("host key not pinned", server=host.server_id, error=str(error))


def _with_output(capture: Capture, result: Result, *, dropped: bool = False) -> Result:
    return Result(
        result.status,
        exit_code=result.exit_code,
        signal=result.signal,
        reason=result.reason,
        output=capture.head,
        output_bytes=capture.size,
        output_dropped=dropped,
    )
