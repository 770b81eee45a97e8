"""MiniStack as a library: its settings, and what in it we do otherwise.

It reads its settings when it is imported, so :func:`configure` comes before :func:`load`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.embedded.state import StateDirectory

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ACCOUNT = "000000000000"
SECRET = "embedded"  # noqa: S105  the emulator asks for one and looks at none
REGION = "us-east-1"
# Names that must not reach the functions from whoever starts the instance: a real account's keys above all.
PRIVATE_PREFIXES = ("AWS_", "QUARTERDECK_", "MINISTACK_", "LAMBDA_", "PYTHONPATH")


def aws_environment(internal_port: int) -> dict[str, str]:
    """What boto3 needs in the environment to talk to the emulator."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{internal_port}",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def configure(state: StateDirectory, internal_port: int, snapshot: Path, mail_relay: str = "") -> None:
    """Set the emulator's settings in this process's environment, which its function workers inherit.

    ``mail_relay`` is ``host[:port]`` of an SMTP server that takes mail without a log-in; without one the
    emulator keeps what is sent and delivers none of it.
    """
    for name in [name for name in os.environ if name.startswith(PRIVATE_PREFIXES)]:
        del os.environ[name]
    os.environ.update(
        {
            "GATEWAY_PORT": str(internal_port),
            "BIND_HOST": "127.0.0.1",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(snapshot),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state.objects),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "SMTP_HOST": mail_relay,
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # At start and stop the emulator removes its containers, and it cannot tell ours from those of
            # another emulator on this machine. We use none: it is not to find the Docker engine at all.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }
    )


def load(function_log: logging.Logger) -> Application:
    """Import the emulator, which takes about a second, and return it as an ASGI application."""
    from ministack import app as ministack
    from ministack.services import lambda_svc, stepfunctions

    # It would write its state only when it is stopped; infra.embedded.checkpoint writes it, always.
    # What it loads at start is read by the same flag, so that is turned off by `stop_saving` afterwards.
    lambda_svc._emit_lambda_logs = _function_log_writer(function_log)
    stepfunctions.time = _ImpatientClock()
    application: Application = ministack.app
    return application


def stop_saving() -> None:
    """From now on the emulator writes no state itself. To be called once it has loaded what was kept."""
    from ministack import app as ministack

    ministack.PERSIST_STATE = False


def forget_ended_workflows(before: datetime) -> int:
    """Drop executions of state machines that ended before then, with their histories; how many there were.

    AWS drops them after ninety days; the emulator would keep them, in every snapshot too, for ever.
    """
    from ministack.services import stepfunctions

    forgotten = 0
    for store in (stepfunctions._executions, stepfunctions._map_runs):
        for key, each in list(store._data.items()):
            if each.get("stopDate") and datetime.fromisoformat(each["stopDate"]) < before:
                store._data.pop(key, None)
                forgotten += 1
    return forgotten


class _ImpatientClock:
    """The module ``time`` without the emulator's pause before a workflow's first state.

    The pause is a constant that stands for nothing: the execution is stored when it begins. AWS has none.
    """

    PAUSE = 0.15

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        if seconds != self.PAUSE:
            time.sleep(seconds)


def _function_log_writer(log: logging.Logger) -> Callable[..., None]:
    """Functions' output goes to a bounded file. The emulator would keep every line in memory for ever."""

    def write(
        func: dict[str, Any],
        request_id: str,
        log_text: str,
        error: bool,
        duration_ms: int,
        **_: Any,
    ) -> None:
        name = (func.get("config") or func).get("FunctionName", "unknown")
        for line in log_text.splitlines():
            log.info("%s %s", name, line)
        if error:
            log.error("%s failed after %d ms, request %s", name, duration_ms, request_id)

    return write
