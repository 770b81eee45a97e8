"""The core on moto: the table as the package defines it, a key, a bucket, queues and a state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

import pytest
import yaml
from moto import mock_aws
from moto.core.models import botocore_stubber

from chalicelib.aws import clients, table
from chalicelib.core.audit import Actor
from chalicelib.core.identity import tokens
from chalicelib.kernel import settings

TABLE = Path(__file__).parents[3] / "infra" / "template" / "table.yaml"
TAKEN = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


@cache
def _table() -> dict[str, Any]:
    properties = yaml.safe_load(TABLE.read_text())["Resources"]["Table"]["Properties"]
    return {name: properties[name] for name in TAKEN}


def _forget() -> None:
    for forget in (settings.forget, tokens.forget):
        forget()


@pytest.fixture(scope="session")
def kept_clients() -> Iterator[None]:
    """One set of clients for all tests: making them takes longer than most tests do.

    moto answers in the thread that asks and its backends are not made for several at once; DynamoDB is,
    and carries out each request as a whole. So here one is answered after the other.
    """
    turn = RLock()
    answer = botocore_stubber.process_request

    def one_at_a_time(request: Any) -> Any:
        with turn:
            return answer(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore_stubber, "process_request", one_at_a_time)
        yield
    clients.forget()
    table.forget()


@pytest.fixture
def cloud(kept_clients: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS with what the package makes, and this process set up as one of its functions."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        for name, value in _package().items():
            monkeypatch.setenv(f"QUARTERDECK_{name}", value)
        _forget()
        yield
    _forget()


def _package() -> dict[str, str]:
    """Makes what the package makes; returns what its functions are told of it."""
    clients.client("dynamodb").create_table(TableName="quarterdeck", **_table())
    clients.client("s3").create_bucket(Bucket="quarterdeck-runs")
    told = {
        "TABLE": "quarterdeck",
        "BUCKET": "quarterdeck-runs",
        "KEY": clients.client("kms").create_key()["KeyMetadata"]["KeyId"],
    }
    for name, queue in (("RELAY_QUEUE_URL", "orders"), ("RELAY_CONTROL_QUEUE_URL", "control")):
        told[name] = clients.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    for machine in ("script-execution", "container-rollout", "certificate-issuance"):
        made = clients.client("stepfunctions").create_state_machine(
            name=machine,
            definition=json.dumps({"StartAt": "Rest", "States": {"Rest": {"Type": "Pass", "End": True}}}),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )
        told[f"{machine.upper().replace('-', '_')}_ARN"] = made["stateMachineArn"]
    return told


@pytest.fixture
def actor() -> Actor:
    return Actor(1, "ada", "203.0.113.7")
