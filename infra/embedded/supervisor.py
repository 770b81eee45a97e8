"""The relay as a child process: started again when it ends, its output in a bounded file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable

log = logging.getLogger("quarterdeck.supervisor")

FIRST_PAUSE = 0.5  # seconds before it is started again, doubled while it keeps ending at once
LONGEST_PAUSE = 30.0
SETTLED = 10.0  # seconds of life after which the next end counts as the first
GRACE = 10.0  # seconds from SIGTERM to SIGKILL
LONGEST_LINE = 256 * 1024


class Relay:
    """``python -m chalicelib.relay`` in an environment of its own, for as long as :meth:`run` runs."""

    def __init__(
        self, environment: dict[str, str], output: logging.Logger, started: Callable[[int], None]
    ) -> None:
        self.environment = environment
        self.output = output
        self.started = started
        self.process: asyncio.subprocess.Process | None = None

    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def run(self) -> None:
        """Until cancelled; the child is stopped then."""
        pause = FIRST_PAUSE
        try:
            while True:
                started = time.monotonic()
                code = await self._once()
                pause = FIRST_PAUSE if time.monotonic() - started > SETTLED else min(pause * 2, LONGEST_PAUSE)
                self.output.warning("relay ended with %s; starting it again in %.1f s", code, pause)
                log.warning("relay ended with %s", code)
                await asyncio.sleep(pause)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End the child: politely, then for certain."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _once(self) -> int:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.embedded.tether", "-m", "chalicelib.relay"),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self.started(self.process.pid)
        await self._copy(self.process.stdout)
        return await self.process.wait()

    async def _copy(self, stream: asyncio.StreamReader) -> None:
        """Line by line to the log, however long a line is."""
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.output.info(line.decode(errors="replace"))
        if rest:
            self.output.info(rest.decode(errors="replace"))
