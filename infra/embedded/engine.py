"""The process that is an instance: emulator, front door, checkpoints, and the relay's supervisor.

``python -m infra.embedded.engine --state DIR --port N``, with its settings as JSON on stdin. It says how
far it is in ``run.json``, holds the state directory's lock for as long as it lives, and ends in good
order on SIGTERM, SIGINT or SIGHUP.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.embedded import checkpoint, deployment, emulator, streams
from infra.embedded.deployment import Deployed
from infra.embedded.emulator import Receive, Scope, Send
from infra.embedded.front_door import FrontDoor, Routes
from infra.embedded.health import Doctor
from infra.embedded.logs import open_logs
from infra.embedded.state import Admin, Run, StateDirectory
from infra.embedded.supervisor import Relay
from infra.embedded.tether import die_with_parent
from infra.environment import ROOT

log = logging.getLogger("quarterdeck.engine")

IN_USE = 3  # exit code: the state directory or the port is somebody else's
READY_WITHIN = 60.0  # seconds from the deployed stack to every part answering
WORKFLOWS_KEPT = timedelta(days=1)  # after their end
READS = ("Get", "Query", "BatchGet", "Describe", "List", "Receive", "TransactGet", "Scan")


class Engine:
    def __init__(self, state: StateDirectory, run: Run, settings: Settings) -> None:
        self.state = state
        self.run = run
        self.settings = settings
        self.snapshots = checkpoint.Snapshots(state.snapshots)
        self._loaded = self.snapshots.latest()
        emulator.configure(state, run.internal_port, self._loaded, settings.mail_relay)
        self.emulator = emulator.load(logging.getLogger("quarterdeck.functions"))
        self.checkpointer = checkpoint.Checkpointer(self.snapshots, checkpoint.write_emulator_state)
        self.relay: Relay | None = None
        self.doctor = Doctor(self.emulator, lambda: self.relay is not None and self.relay.is_running())
        self.front_door = FrontDoor(self.emulator, hops=settings.hops, health=self.doctor.report)
        self.stop = asyncio.Event()
        self.serve_no_more = asyncio.Event()
        self._background: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------ life

    async def live(self, sockets: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop.set)
        server = asyncio.create_task(self._serve(sockets))
        start = asyncio.create_task(self._start())
        try:
            await self._until_stopped(server, start)
            self._background.append(asyncio.create_task(self.checkpointer.run()))
            self._background.append(asyncio.create_task(_keep_tidy()))
            await self._until_stopped(server)
        finally:
            self._phase("stopping")
            self.stop.set()
            # The relay first: it has last words to those at its terminals, and results to store.
            await _ended(start, *self._background)
            self.serve_no_more.set()
            await asyncio.wait({server}, timeout=10)
            if self.run.surfaces:  # a start that failed leaves what was kept as it was
                self.checkpointer.take_last()

    async def _until_stopped(self, *tasks: asyncio.Task[Any]) -> None:
        """Until asked to stop or one of the tasks is done; raises what it raised."""
        asked = asyncio.create_task(self.stop.wait())
        done, _ = await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for task in done - {asked}:
            task.result()

    async def _start(self) -> None:
        """From a bare emulator to a system of which every part answers."""
        await self._emulator_is_up()
        emulator.stop_saving()
        streams.restore(self._loaded)
        deployed = await asyncio.to_thread(self._deploy)
        self.doctor.deployed = deployed
        self.front_door.routes = Routes(
            deployed.rest_api,
            deployed.rest_stage,
            deployed.socket_api,
            deployed.socket_stage,
            deployed.surfaces,
        )
        self.run.surfaces = list(deployed.surfaces)
        self._step("starting the relay")
        output = logging.getLogger("quarterdeck.relay")
        self.relay = Relay(self._relay_environment(deployed), output, self._relay_started)
        self._background.append(asyncio.create_task(self.relay.run()))
        # Together: each waits for the first start of a function of its own.
        await asyncio.gather(self._ensure_admin(deployed), self._all_answer())
        self._phase("ready")

    async def _emulator_is_up(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.run.internal_port)
                writer.close()
                return
            await asyncio.sleep(0.05)

    async def _all_answer(self) -> None:
        self._step("waiting for every part to answer")
        deadline = time.monotonic() + READY_WITHIN
        while True:
            report = await self.doctor.report()
            if report["status"] == "healthy":
                return
            if time.monotonic() > deadline:
                ailing = {
                    name: part["detail"]
                    for name, part in report["parts"].items()
                    if part["status"] != "healthy"
                }
                raise TimeoutError(f"not every part answers: {ailing}; see the logs")
            await asyncio.sleep(0.1)

    # ------------------------------------------------------------------ serving

    async def _serve(self, sockets: list[socket.socket]) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{each.detach()}" for each in sockets]
        config.keep_alive_timeout = 75
        config.graceful_timeout = 2
        config.websocket_ping_interval = 30
        config.errorlog = logging.getLogger("hypercorn.error")
        await serve(self._application, config, shutdown_trigger=self.serve_no_more.wait)  # type: ignore[arg-type]

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The emulator on its own port and the front door on the public one."""
        internal = scope["type"] == "lifespan" or scope["server"][1] == self.run.internal_port
        if not internal:
            await self.front_door(scope, receive, send)
            return
        if scope["type"] == "http" and _may_change(scope):
            self.checkpointer.mark()
        await self.emulator(scope, receive, send)

    # ------------------------------------------------------------------ deploying

    def _deploy(self) -> Deployed:
        port = self.run.internal_port
        parameters = {
            "PublicUrl": f"http://localhost:{self.run.port}",
            **self.settings.parameters,
            "SocketEndpoint": f"http://127.0.0.1:{port}/_aws/execute-api",
        }
        kept = deployment.kept(self.state)
        if kept and kept.digest == deployment.wanted_digest(parameters) and deployment.stands(kept, port):
            self._step("the deployed stack is up to date")
            return kept
        self._step("packaging and deploying by CloudFormation")
        return deployment.deploy(self.state, port, parameters)

    def _relay_environment(self, deployed: Deployed) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        return {
            **inherited,
            **emulator.aws_environment(self.run.internal_port),
            **deployed.environment,
            "QUARTERDECK_RELAY_ID": "default",
            "QUARTERDECK_LOG_LEVEL": self.settings.parameters.get("LogLevel", "INFO"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }

    async def _ensure_admin(self, deployed: Deployed) -> None:
        """The administrator exists as the environment, or what was kept, has it.

        That it was made is noted only once it is in a snapshot: a note without its user would lock
        everybody out.
        """
        kept = self.state.admin()
        wanted = self.settings.admin(kept)
        if wanted == kept and self.state.admin_made.exists():
            return
        self._step("making the administrator")
        self.state.admin_made.unlink(missing_ok=True)
        self.state.write_admin(wanted)
        command = {"command": "ensure_user", "role": "admin", **asdict(wanted)}
        await asyncio.to_thread(operate, self.run.internal_port, deployed, command)
        if await self.checkpointer.take():
            self.state.admin_made.touch()

    # ------------------------------------------------------------------ telling

    def _relay_started(self, pid: int) -> None:
        self.run.relay_pid = pid
        self.state.write_run(self.run)

    def _step(self, text: str) -> None:
        log.info(text)
        self.run.steps.append(text)
        self.state.write_run(self.run)

    def _phase(self, phase: str, problem: str = "") -> None:
        log.info("%s %s", phase, problem)
        self.run.phase, self.run.problem = phase, problem
        self.state.write_run(self.run)


class Settings:
    """What the one who starts the instance may choose."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.parameters: dict[str, str] = content.get("parameters", {})
        self.hops = int(self.parameters.get("TrustedHops", "1"))
        self.mail_relay: str = content.get("mail_relay", "")
        self._admin: dict[str, str] = content.get("admin", {})

    def admin(self, kept: Admin | None) -> Admin:
        """What was asked for, else what was kept, else made up."""
        username = self._admin.get("username") or (kept.username if kept else "admin")
        return Admin(
            username=username,
            email=self._admin.get("email") or (kept.email if kept else f"{username}@quarterdeck.example"),
            password=self._admin.get("password") or (kept.password if kept else secrets.token_urlsafe(18)),
        )


class OperationRefused(Exception):
    """The ``operate`` function said no; the message is its own."""


def operate(internal_port: int, deployed: Deployed, command: dict[str, Any]) -> dict[str, Any]:
    """Invoke the operator's function; raises OperationRefused with its reason."""
    answer = deployment.client("lambda", internal_port).invoke(
        FunctionName=deployed.functions["Operate"], Payload=json.dumps(command).encode()
    )
    content = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise OperationRefused(str(content.get("errorMessage", content)))
    result: dict[str, Any] = content
    return result


def _may_change(scope: Scope) -> bool:
    """Whether a call to the emulator may change its state, as far as its name tells."""
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"").decode(
        "latin-1"
    )
    return not target.rsplit(".", 1)[-1].startswith(READS)


async def _keep_tidy() -> None:
    while True:
        emulator.forget_ended_workflows(datetime.now(UTC) - WORKFLOWS_KEPT)
        streams.forget_read()
        await asyncio.sleep(60)


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _listen(port: int) -> list[socket.socket]:
    """The public port on loopback, on both versions of IP where there are two."""
    sockets = [_bound(socket.AF_INET, "127.0.0.1", port)]
    with contextlib.suppress(OSError):
        sockets.append(_bound(socket.AF_INET6, "::1", port))
    return sockets


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.embedded.engine")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tethered", action="store_true", help="end when the starting process does")
    options = parser.parse_args(arguments)
    if options.tethered:
        die_with_parent(signal.SIGTERM, os.getppid())
    settings = Settings(json.loads(sys.stdin.read() or "{}"))
    state = StateDirectory(options.state)
    state.prepare()
    if not state.acquire():
        print(f"{state.path} is in use by another instance", file=sys.stderr)
        return IN_USE
    run = Run(os.getpid(), options.port, state.internal_port())
    state.write_run(run)
    open_logs(state.logs)
    try:
        sockets = [*_listen(options.port), _bound(socket.AF_INET, "127.0.0.1", run.internal_port)]
        run.steps.append("starting the embedded AWS")
        state.write_run(run)
        asyncio.run(_live(state, run, settings, sockets))
    except Exception as problem:
        log.exception("the instance ended")
        run.phase, run.problem = "failed", f"{type(problem).__name__}: {problem}"
        state.write_run(run)
        return 1
    run.phase = "stopped"
    state.write_run(run)
    return 0


async def _live(state: StateDirectory, run: Run, settings: Settings, sockets: list[socket.socket]) -> None:
    await Engine(state, run, settings).live(sockets)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # the emulator's threads are not waited for: everything is written
