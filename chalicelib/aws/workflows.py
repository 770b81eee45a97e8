"""Step Functions: start under our own name, ask, and answer task tokens."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client


class TokenClosed(Exception):
    """The task is over (timed out, stopped or answered): the answer is of no use any more."""


def start(machine_arn: str, name: str, payload: dict[str, Any]) -> bool:
    """False when ``name`` was started before: a repeat never runs twice."""
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=machine_arn, name=name, input=json.dumps(payload)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            return False
        raise
    return True


def status(machine_arn: str, name: str) -> str | None:
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, or None when it is not known (any more)."""
    arn = machine_arn.replace(":stateMachine:", ":execution:") + ":" + name
    try:
        answer = client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    return str(answer["status"])


def _answer(call: str, **arguments: Any) -> None:
    try:
        getattr(client("stepfunctions"), call)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}:
            raise TokenClosed(error.response["Error"]["Code"]) from error
        raise


def succeed(token: str, output: dict[str, Any]) -> None:
    _answer("send_task_success", taskToken=token, output=json.dumps(output))


def fail(token: str, error: str, cause: str) -> None:
    _answer("send_task_failure", taskToken=token, error=error[:256], cause=cause[:32_000])


def beat(token: str) -> None:
    _answer("send_task_heartbeat", taskToken=token)
